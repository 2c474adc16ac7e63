"""A party that says what it likes: its true keys, logs made by hand, and frames of its choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.lineage import Line, LogBuilder, covering, party
from pair import End, World

from detente.core import events, frames
from detente.core.body import ZERO_SALT
from detente.core.charter import charter_id
from detente.core.encoding import Reader
from detente.core.extras import Head
from detente.core.frames import StatedHead, encode_frame, read_frame
from detente.core.leaf import Kind, Leaf, LogId, Seen
from detente.core.merkle import cover
from detente.core.wire import (
    ENTRIES,
    NOTHING,
    Batch,
    encode_entries,
    encode_item,
    read_batch,
    read_tag,
    whole_item,
)


def stated(log: LogBuilder, size: int | None = None) -> StatedHead:
    """A head of a log with its author's signature."""
    size = log.size if size is None else size
    return StatedHead(Head(log.id, size, log.root(size)), log.signed.get(size) or log.sign(size))


@dataclass
class Liar:
    """One member of a world's line, played by the test."""

    world: World
    name: str
    line: Line = field(init=False)
    log: LogBuilder = field(init=False)
    links: dict[int, End] = field(default_factory=dict)

    def __post_init__(self) -> None:
        charter = self.world.charter()
        text = charter.encode()
        parties = tuple(party(name) for name in self.world.names)
        self.line = Line(parties, charter, text, charter_id(text))
        self.log = self.new_log(LogId(self.number, 0, b""))

    @property
    def number(self) -> int:
        return self.world.names.index(self.name)

    def new_log(self, log_id: LogId) -> LogBuilder:
        """A log of this member that holds the charter."""
        log = LogBuilder(self.line, log_id, party(self.name))
        everyone = self.line.charter.everyone()
        leaf = Leaf(Kind.CHARTER, self.world.wall_s, everyone, commitment=self.line.id)
        log.add_raw(leaf.encode(), (ZERO_SALT, self.line.charter_text))
        return log

    def say(self, text: str, log: LogBuilder | None = None, **fields: Any) -> bytes:
        """Appends a dispatch, without sending it. Gives its leaf hash."""
        fields.setdefault("time_s", self.world.wall_s)
        fields.setdefault("plain", text.encode())
        return (log or self.log).say(**fields)

    def seen(self, *ends_logs: tuple[End, LogId], **fields: Any) -> bytes:
        """Appends a ``seen`` of what an end holds of these logs."""
        items = []
        for end, log_id in ends_logs:
            log = end.line.logs[log_id]
            items.append(covering_item(log_id, log.size, log.root, self.world.wall_s))
        return self.log.say(
            Kind.SEEN, seen=tuple(sorted(items)), time_s=self.world.wall_s, **fields
        )

    # --- the wire ---

    def link(self, name: str, *, wide: bool = True) -> int:
        """A new link to a real end."""
        end, link = self.world.ends[name], next(self.world.numbers)
        self.links[link] = end
        self.world.taps[link] = []
        end.do(events.LinkUp(link, party(self.name).id, wide))
        return link

    def greet(
        self, name: str, *heads: StatedHead, log: LogBuilder | None = None, **more: Any
    ) -> int:
        """A link and a hello on it."""
        link = self.link(name)
        self.hello(link, *heads, log=log, **more)
        self.world.run()
        return link

    def hello(
        self, link: int, *heads: StatedHead, log: LogBuilder | None = None, **more: Any
    ) -> None:
        fields: dict[str, Any] = {
            "line": self.line.id,
            "member": self.number,
            "mute": False,
            "answer": False,
            "nonce": bytes(16),
            "current": (log or self.log).id,
            "heads": heads,
        }
        channel = more.pop("channel", 1)
        self.send(link, frames.Hello(**(fields | more)), channel)

    def send(self, link: int, frame: frames.Frame, channel: int = 1) -> None:
        """One frame, and nothing else, to the end of a link."""
        self.raw(link, encode_frame(channel, frame))

    def raw(self, link: int, data: bytes) -> list[events.Effect]:
        return self.links[link].do(events.FrameIn(link, data))

    def entries(
        self,
        link: int,
        log: LogBuilder | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        full: bool = True,
        bodies: bool = True,
        signature: bytes | None = None,
        confirm: bool = False,
    ) -> None:
        """Entries start..stop-1 of a log, signed at ``stop``."""
        self.raw(
            link,
            self.batch(
                log,
                start,
                stop,
                full=full,
                bodies=bodies,
                signature=signature,
                confirm=confirm,
            ),
        )

    def batch(
        self,
        log: LogBuilder | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        full: bool = True,
        bodies: bool = True,
        signature: bytes | None = None,
        confirm: bool = False,
        told_start: bool = True,
    ) -> bytes:
        log = log or self.log
        stop = log.size if stop is None else stop
        prev = None if full else (log.entry(start - 1).leaf if start else NOTHING)
        items = []
        for index in range(start, stop):
            entry = log.entry(index)
            items.append(
                encode_item(
                    entry,
                    None if full else prev,
                    with_body=bodies,
                    confirmed=lambda other, size: True,
                    locate=lambda ref: None,
                )
            )
            prev = entry.leaf
        head = Batch(log.id, start if told_start else None, stop - start, confirm)
        return encode_entries(1, head, items, signature or log.sign(stop))

    def ahead(
        self,
        link: int,
        index: int,
        base: int,
        log: LogBuilder | None = None,
        changes: dict[str, Any] | None = None,
        *,
        body: bytes | None = None,
        bare: bool = False,
    ) -> None:
        """An entry ahead of a gap, in full; with another body, or without one."""
        log = log or self.log
        salt, own = (None, None) if bare else log.bodies[index] or (None, None)
        fields: dict[str, Any] = {
            "log": log.id,
            "base": base,
            "index": index,
            "cover": tuple(digest for _, digest in cover(log.subtree, base, index)),
            "signature": log.sign(index + 1),
            "item": whole_item(log.raws[index], salt, body or own),
        }
        self.send(link, frames.Ahead(**(fields | (changes or {}))))

    def got(self, link: int) -> list[frames.Frame | Batch]:
        """What the end has sent on a link since this was last asked."""
        out: list[frames.Frame | Batch] = []
        for data in self.world.taps[link]:
            reader = Reader(data)
            kind, _ = read_tag(reader)
            out.append(read_batch(reader) if kind == ENTRIES else read_frame(kind, reader))
        self.world.taps[link].clear()
        return out

    def answers(self, link: int, kind: type) -> list[Any]:
        """The frames of one type among those."""
        return [frame for frame in self.got(link) if isinstance(frame, kind)]

    def serve(self, link: int, log: LogBuilder) -> None:
        """Answers every proof that the end asks for, until it asks no more."""
        for _ in range(200):
            asked = self.answers(link, frames.AskProof)
            if not asked:
                return
            for ask in asked:
                self.send(link, self.proof(log, ask))

    @staticmethod
    def proof(log: LogBuilder, ask: frames.AskProof) -> frames.ShowProof:
        if ask.inclusion:
            path = log.path(ask.at, ask.size)
            return frames.ShowProof(ask.log, True, ask.at, ask.size, path, log.raws[ask.at])
        path = log.consistency(ask.at, ask.size)
        return frames.ShowProof(ask.log, False, ask.at, ask.size, path, b"", log.root(ask.at))


def covering_item(log_id: LogId, size: int, root: bytes, held_at_s: int) -> Any:
    """A `seen` item."""
    return Seen(log_id, size, root, held_at_s)


__all__ = ["Liar", "covering", "stated"]
