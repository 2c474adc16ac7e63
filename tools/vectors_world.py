"""Plays a session vector: one real core, a store in memory, and nothing else.

``Node`` does one step after another; ``run_session`` does those of a vector. What a step and an
effect look like in JSON is said in vectors/README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from detente.core import crypto, events, identity, protocol
from detente.core.attachment import Progress
from detente.core.body import commit
from detente.core.encoding import Reader
from detente.core.errors import PeerError, Refusal
from detente.core.frames import Refuse, read_frame
from detente.core.leaf import Kind, LogId
from detente.core.station import Station
from detente.core.transcript import Entry, MemoryTranscript, Place
from detente.core.wire import read_tag
from vectors_form import Vector, plain
from vectors_ground import seed

Step = dict[str, Any]
Effect = dict[str, Any]
CLOCK_ERROR_S = 1


class Shelf(MemoryTranscript):
    """What the core asks of a store for one line."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: dict[tuple[LogId, int, int], bytes] = {}
        self.heads: dict[LogId, dict[int, events.SignedHead]] = {}
        self.states: dict[LogId, bytes] = {}
        self.outbox: dict[int, events.OutboxRow] = {}
        self.held_ahead: dict[Place, events.StoreAhead] = {}
        self.mute = ""
        self.charter = b""
        self.member = -1

    def apply(self, effect: events.Effect) -> None:
        """Keeps what an effect says."""
        match effect:
            case events.StoreEntries():
                self._keep(effect)
            case events.StoreState():
                self.states[effect.log] = effect.state
            case events.StoreBody():
                self._swap(effect.log, effect.index, effect.salt, effect.body)
            case events.DropBody():
                self._swap(effect.log, effect.index, None, None, purged=True)
            case events.QueueOutbox():
                self.outbox[effect.row.number] = effect.row
            case events.TakeOutbox():
                for number in effect.numbers:
                    del self.outbox[number]
            case events.StoreAhead():
                self.held_ahead[effect.entry.place] = effect
            case events.StoreFlags():
                self.mute = effect.mute
            case events.StoreLine():
                self.charter, self.member = effect.charter, effect.member
            case _:
                pass

    def kept(self, member: int, leaf_hash: bytes) -> list[Place]:
        """A member's entries of one leaf that are not purged."""
        return [
            entry.place
            for log in self.logs()
            for entry in self._logs[log]
            if log.member == member and entry.hash == leaf_hash and not entry.purged
        ]

    def purges(self, member: int, leaf_hash: bytes) -> bool:
        """Whether an entry of this member declares a body purged."""
        named = [self.entry(*place) for place in self.referring(leaf_hash)]
        kinds = [one.leaf.kind for one in named if one.leaf and one.place.log.member == member]
        return Kind.PURGED in kinds

    def _keep(self, effect: events.StoreEntries) -> None:
        for new in effect.entries:
            self.add(new.entry)
            at = new.entry.place.index
            self.nodes[effect.log, 0, at] = new.entry.hash
            for level in range(1, len(new.subtrees) // 32 + 1):
                node = new.subtrees[32 * (level - 1) : 32 * level]
                self.nodes[effect.log, level, at >> level] = node
            self.held_ahead.pop(new.entry.place, None)
        self.heads.setdefault(effect.log, {})[effect.head.size] = effect.head
        self.states[effect.log] = effect.state

    def _swap(
        self,
        log: LogId,
        index: int,
        salt: bytes | None,
        body: bytes | None,
        *,
        purged: bool = False,
    ) -> None:
        old = self._logs[log][index]
        self._logs[log][index] = Entry(old.place, old.hash, old.raw, old.leaf, salt, body, purged)

    def open_attachments(self) -> Sequence[Place]:
        return ()

    def attachments(self, *_where: object) -> Sequence[Progress]:
        return ()

    def chunks(self, *_where: object) -> Sequence[bytes]:
        return ()

    def attached_bytes(self, *_what: object) -> int:
        return 0

    def entries(self, log: LogId, start: int, stop: int) -> Sequence[Entry]:
        return self._logs[log][start:stop]

    def subtree(self, log: LogId, level: int, index: int) -> bytes:
        return self.nodes[log, level, index]

    def signed_head(self, log: LogId, at_least: int, at_most: int) -> events.SignedHead | None:
        sizes = [size for size in self.heads.get(log, {}) if at_least <= size <= at_most]
        return self.heads[log][max(sizes)] if sizes else None

    def outbox_draft(self, number: int) -> events.Draft:
        return self.outbox[number].draft

    def ahead(self, log: LogId, index: int) -> Entry | None:
        found = self.held_ahead.get(Place(log, index))
        return None if found is None else found.entry

    def ahead_proof(self, log: LogId, index: int) -> events.StoreAhead | None:
        return self.held_ahead.get(Place(log, index))


@dataclass
class NarrowKeys:
    """The Ed25519 keys of a party. Vectors use narrow links, so ML-DSA-44 is never asked for."""

    name: str
    k: int = 0

    def sign_log(self, message: bytes) -> bytes:
        return crypto.ed25519_sign(seed(self.name, "log", self.k), message)

    def sign_holds(self, message: bytes) -> bytes:
        return crypto.ed25519_sign(seed(self.name, "holds", self.k), message)

    def sign_heads(self, message: bytes) -> bytes:
        return crypto.ed25519_sign(seed(self.name, "heads"), message)

    def sign_author(self, message: bytes) -> bytes:
        raise NotImplementedError

    def sign_holds_pq(self, message: bytes) -> bytes:
        raise NotImplementedError


@dataclass
class Node:
    """One party's core over a store in memory. ``drawn`` is the entropy used so far."""

    name: str
    cards: dict[str, identity.Card]
    entropy: bytes
    keys: NarrowKeys = field(init=False)
    station: Station = field(init=False)
    shelf: Shelf = field(default_factory=Shelf)
    past: list[Shelf] = field(default_factory=list)
    drawn: int = 0
    refused: str = "ok"

    def __post_init__(self) -> None:
        self.keys = NarrowKeys(self.name)
        self._begin()

    def _begin(self) -> None:
        card = self.cards[self.name]
        trusted = {card.party: card for card in self.cards.values()}
        self.station = Station(card.party, card, self.keys, lambda _line: self.shelf, trusted)

    def _draw(self, count: int) -> bytes:
        drawn = self.entropy[self.drawn : self.drawn + count]
        self.drawn += count
        return drawn

    def do(self, step: Step) -> list[Effect]:
        """Does one step and gives what is to be seen of its effects."""
        out: list[events.Effect] = []
        if step["do"] == "restart":
            self._restart(step["as_after"])
        else:
            now = events.Now(step["at"][0], step["at"][1], CLOCK_ERROR_S)
            out = protocol.handle(self.station, self._input(step), now, self._draw)
            for effect in out:
                self.shelf.apply(effect)
        self.past.append(deepcopy(self.shelf))
        return [shown for effect in out for shown in self._shown(effect)]

    def _input(self, step: Step) -> events.Input:
        match step["do"]:
            case "accept":
                return events.Accept(step["charter"].encode())
            case "link-up":
                party = self.cards[step["party"]].party
                return events.LinkUp(step["link"], party, wide=False)
            case "link-down":
                return events.LinkDown(step["link"])
            case "frame":
                return events.FrameIn(step["link"], bytes.fromhex(step["frame"]))
            case "submit":
                return events.Submit(next(iter(self.station.lines)), draft_of(step))
            case "adopt":
                self.keys.k = step["k"]
                return events.Adopt(step["k"])
            case "duty":
                return events.SetDuty(step["on"])
            case _:
                return events.Tick()

    def _restart(self, as_after: int) -> None:
        """A new process over the store as it was after a step: an older copy of it, or the last."""
        self.shelf = deepcopy(self.past[as_after])
        self._begin()
        line = next(iter(self.lines()))
        protocol.load_line(
            self.station,
            line,
            self.shelf.charter,
            self.shelf.member,
            list(self.shelf.states.items()),
            list(self.shelf.outbox.values()),
            self.shelf.mute,
        )

    def lines(self) -> list[bytes]:
        """The id of the one line, from its stored charter."""
        return [commit(bytes(16), self.shelf.charter)]

    def _shown(self, effect: events.Effect) -> list[Effect]:
        match effect:
            case events.Send():
                self._note_refusal(effect.data)
                return [{"send": effect.link, "frame": effect.data.hex()}]
            case events.CloseLink():
                return [{"close": effect.link, "refusal": effect.refusal.word}]
            case events.StoreEntries():
                return [
                    {
                        "store": plain(effect.log),
                        "size": effect.head.size,
                        "root": effect.head.root.hex(),
                        "signature": effect.head.signature.hex(),
                        "held_at_s": effect.held_at_s,
                        "leaves": [new.entry.raw.hex() for new in effect.entries],
                        "bodies": [new.entry.body is not None for new in effect.entries],
                    }
                ]
            case events.StoreBody():
                return [{"body": plain(effect.log), "index": effect.index}]
            case events.DropBody():
                return [{"drop": plain(effect.log), "index": effect.index}]
            case events.StoreAhead():
                place = effect.entry.place
                return [{"ahead": plain(place.log), "index": place.index}]
            case events.StoreCosignature():
                shown = plain(effect)
                del shown["line"]
                return [{"cosignature": shown.pop("log"), **shown}]
            case events.StoreFlags():
                return [{"mute": bool(effect.mute)}]
            case events.Offered():
                return [{"offered": effect.party.hex(), "data": effect.data.hex()}]
            case _:
                return []

    def _note_refusal(self, data: bytes) -> None:
        reader = Reader(data)
        kind, _ = read_tag(reader)
        if kind == Refuse.TYPE and self.refused == "ok":
            frame = read_frame(kind, reader)
            self.refused = frame.refusal.word if isinstance(frame, Refuse) else "ok"


def draft_of(step: Step) -> events.Draft:
    """The draft of a ``submit`` step."""
    body = step.get("body")
    return events.Draft(
        kind=step["kind"],
        audience=step["audience"],
        precedence=step.get("precedence", 1),
        refs=tuple(bytes.fromhex(ref) for ref in step.get("refs", ())),
        extra=bytes.fromhex(step.get("extra", "")),
        body=None if body is None else bytes.fromhex(body),
        salt=bytes.fromhex(step.get("salt", "")),
    )


def run_session(vector: Vector, cards: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The first refusal it sends, and the effects of every step."""
    given = vector.inputs
    known = {name: identity.parse_card(cards[name].encode()).card for name in given["cards"]}
    node = Node(given["party"], known, bytes.fromhex(vector.entropy or ""))
    effects = [node.do(step) for step in given["steps"]]
    if node.drawn != len(node.entropy):
        raise PeerError(Refusal.USAGE, f"{node.drawn} bytes of entropy drawn")
    return node.refused, {"effects": effects}
