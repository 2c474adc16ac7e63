"""Real cores, a fake store and links that can be cut: the ground of every protocol test."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count

from core.lineage import START_S, party, seed

from detente.core import events, protocol
from detente.core.attachment import Progress, begin
from detente.core.charter import Charter, Member, propose
from detente.core.cosigning import recall
from detente.core.crypto import mldsa44_sign
from detente.core.errors import LocalError, Refusal
from detente.core.extras import Rung
from detente.core.leaf import Kind, LogId
from detente.core.limits import CHUNK_BYTES
from detente.core.line import Line
from detente.core.log import Log, decode_log
from detente.core.station import Station
from detente.core.transcript import Entry, MemoryTranscript, Place


class MemoryShelf(MemoryTranscript):
    """A store for one line in memory, with all the core asks of it."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: dict[tuple[LogId, int, int], bytes] = {}
        self.heads: dict[LogId, dict[int, events.SignedHead]] = {}
        self.states: dict[LogId, bytes] = {}
        self.outbox: dict[int, events.OutboxRow] = {}
        self.cosignatures: list[events.StoreCosignature] = []
        self.held_ahead: dict[Place, events.StoreAhead] = {}
        self.closed: set[Place] = set()
        self.staged: dict[bytes, tuple[bytes, ...]] = {}
        self.parts: dict[Place, list[Progress]] = {}
        self.boxes: dict[tuple[Place, int], list[bytes]] = {}
        self.days: dict[Place, int] = {}
        self.mute = ""
        self.charter = b""
        self.member = -1
        self.joining = b""

    def kept(self, member: int, leaf_hash: bytes) -> list[Place]:
        return [
            entry.place
            for log in self.logs()
            for entry in self._logs[log]
            if log.member == member and entry.hash == leaf_hash and not entry.purged
        ]

    def purges(self, member: int, leaf_hash: bytes) -> bool:
        named = [self.entry(*place) for place in self.referring(leaf_hash)]
        kinds = [one.leaf.kind for one in named if one.leaf and one.place.log.member == member]
        return Kind.PURGED in kinds

    def apply(self, effect: events.Effect) -> None:
        if isinstance(effect, events.StoreEntries):
            for new in effect.entries:
                self.add(new.entry)
                at = new.entry.place.index
                self.nodes[effect.log, 0, at] = new.entry.hash
                for level in range(1, len(new.subtrees) // 32 + 1):
                    node = new.subtrees[32 * (level - 1) : 32 * level]
                    self.nodes[effect.log, level, at >> level] = node
                ahead = self.held_ahead.get(new.entry.place)
                if ahead is not None and ahead.entry.hash == new.entry.hash:
                    del self.held_ahead[new.entry.place]
            self.heads.setdefault(effect.log, {})[effect.head.size] = effect.head
            self.states[effect.log] = effect.state
        elif isinstance(effect, events.StoreState):
            self.states[effect.log] = effect.state
        elif isinstance(effect, events.StoreBody):
            self._swap(effect.log, effect.index, effect.salt, effect.body, purged=False)
        elif isinstance(effect, events.DropBody):
            self._swap(effect.log, effect.index, None, None, purged=True)
            self.parts.pop(Place(effect.log, effect.index), None)
            self.days.pop(Place(effect.log, effect.index), None)
        elif isinstance(effect, events.StageChunks):
            self.staged[effect.root] = effect.boxes
        elif isinstance(effect, events.DropStaged):
            self.staged.pop(effect.root, None)
        elif isinstance(effect, events.OpenAttachments):
            self._open_attachments(effect)
        elif isinstance(effect, events.StoreChunks):
            place = Place(effect.log, effect.index)
            self.parts[place][effect.number] = effect.progress
            self.boxes[place, effect.number] += effect.boxes
        elif isinstance(effect, events.CloseAttachments):
            self.closed.add(Place(effect.log, effect.index))
        elif isinstance(effect, events.QueueOutbox):
            self.outbox[effect.row.number] = effect.row
        elif isinstance(effect, events.TakeOutbox):
            for number in effect.numbers:
                del self.outbox[number]
        elif isinstance(effect, events.StoreCosignature):
            self.cosignatures.append(effect)
        elif isinstance(effect, events.StoreAhead):
            self.held_ahead[effect.entry.place] = effect
        elif isinstance(effect, events.StoreFlags):
            self.mute = effect.mute
        elif isinstance(effect, events.StoreLine):
            self.charter, self.member = effect.charter, effect.member
            self.joining = effect.joining

    def _open_attachments(self, effect: events.OpenAttachments) -> None:
        place = Place(effect.log, effect.index)
        self.parts[place], self.days[place] = [], effect.day
        for number, one in enumerate(effect.attachments):
            boxes = self.staged.pop(one.root, ())
            self.boxes[place, number] = list(boxes)
            progress = Progress(one.size_bytes, len(boxes), ()) if boxes else begin(one)
            self.parts[place].append(progress)
        if all(part.is_whole for part in self.parts[place]):
            self.closed.add(place)

    def attachments(self, log: LogId, index: int) -> list[Progress]:
        return self.parts.get(Place(log, index), [])

    def open_attachments(self) -> list[Place]:
        return sorted(self.parts.keys() - self.closed)

    def chunks(self, log: LogId, index: int, number: int, start: int, stop: int) -> list[bytes]:
        return self.boxes[Place(log, index), number][start:stop]

    def attached_bytes(self, member: int, day: int) -> int:
        return sum(
            -(-part.size_bytes // CHUNK_BYTES) * CHUNK_BYTES
            for place, parts in self.parts.items()
            if place.log.member == member and self.days[place] == day
            for part in parts
        )

    def _swap(
        self, log: LogId, index: int, salt: bytes | None, body: bytes | None, *, purged: bool
    ) -> None:
        old = self._logs[log][index]
        self._logs[log][index] = Entry(old.place, old.hash, old.raw, old.leaf, salt, body, purged)

    def entries(self, log: LogId, start: int, stop: int) -> list[Entry]:
        found = self._logs[log][start:stop]
        if len(found) != stop - start:
            raise LocalError(Refusal.NOT_HELD, "entries that are not stored yet")
        return found

    def subtree(self, log: LogId, level: int, index: int) -> bytes:
        return self.nodes[log, level, index]

    def signed_head(self, log: LogId, at_least: int, at_most: int) -> events.SignedHead | None:
        sizes = [n for n in self.heads.get(log, {}) if at_least <= n <= at_most]
        return self.heads[log][max(sizes)] if sizes else None

    def outbox_draft(self, number: int) -> events.Draft:
        return self.outbox[number].draft

    def kept_of(self, log: LogId, at_least: int) -> list[events.StoreCosignature]:
        found = [c for c in self.cosignatures if c.log == log and c.size >= at_least]
        return sorted(found, key=lambda c: c.size)

    def ahead(self, log: LogId, index: int) -> Entry | None:
        found = self.held_ahead.get(Place(log, index))
        return None if found is None or index < self.size(log) else found.entry

    def ahead_proof(self, log: LogId, index: int) -> events.StoreAhead | None:
        return self.held_ahead.get(Place(log, index))


@dataclass
class SeedKeys:
    """Keys of a lineage party at one incarnation."""

    name: str
    k: int = 0

    def sign_log(self, message: bytes) -> bytes:
        return party(self.name).log(self.k).sign(message)

    def sign_holds(self, message: bytes) -> bytes:
        return party(self.name).holds(self.k).sign(message)

    def sign_heads(self, message: bytes) -> bytes:
        return party(self.name).heads().sign(message)

    def sign_author(self, message: bytes) -> bytes:
        return mldsa44_sign(seed(self.name, "log-pq"), message)

    def sign_holds_pq(self, message: bytes) -> bytes:
        return mldsa44_sign(seed(self.name, "holds-pq"), message)


@dataclass
class End:
    """One party's core with its shelves; it never sees a clock."""

    name: str
    world: World
    station: Station = field(init=False)
    shelves: dict[bytes, MemoryShelf] = field(default_factory=dict)
    told: list[events.Tell] = field(default_factory=list)
    offered: list[events.Offered] = field(default_factory=list)
    closed: list[Refusal] = field(default_factory=list)
    draws: int = 0

    def __post_init__(self) -> None:
        card = party(self.name).card.card
        self.station = Station(card.party, card, SeedKeys(self.name), self.shelf)

    def shelf(self, line: bytes) -> MemoryShelf:
        return self.shelves.setdefault(line, MemoryShelf())

    def entropy(self, size: int) -> bytes:
        self.draws += 1
        return seed(self.name, "entropy", self.draws)[:size]

    def do(self, given: events.Input) -> list[events.Effect]:
        """Applies one input, stores its effects, and hands its frames to the world."""
        out = protocol.handle(self.station, given, self.world.now(), self.entropy)
        self.world.deliver(self, out)
        return out

    @property
    def id(self) -> bytes:
        return self.station.party

    @property
    def line(self) -> Line:
        return next(iter(self.station.lines.values()))

    def own(self) -> Log:
        own = self.line.own
        assert own is not None
        return own

    def words(self) -> list[str]:
        return [tell.word for tell in self.told]

    def submit(self, text: str, kind: int = Kind.DISPATCH, **more: object) -> None:
        more.setdefault("audience", self.line.charter.readers())
        body = b"\0" + text.encode()
        draft = events.Draft(kind=kind, body=body, salt=self.entropy(16), **more)  # type: ignore[arg-type]
        self.do(events.Submit(self.line.id, draft))

    def log_of(self, member: int) -> Log:
        """The newest log of a member as held here."""
        return self.line.logs[max(log for log in self.line.logs if log.member == member)]

    def texts(self, member: int, kind: int = Kind.DISPATCH) -> list[bytes | None]:
        """The bodies of one kind in all logs of a member, in order of place."""
        shelf = self.shelf(self.line.id)
        places = [place for place in shelf.of_kind([kind]) if place.log.member == member]
        return [shelf.entry(*place).body for place in places]

    def kinds(self, member: int | None = None) -> list[int | None]:
        """The kinds of a member's current log, our own by default."""
        log = self.own() if member is None else self.log_of(member)
        leaves = [e.leaf for e in self.shelf(self.line.id).entries(log.id, 0, log.size)]
        return [None if leaf is None else leaf.kind for leaf in leaves]

    def facts(self, word: str) -> list[dict[str, object]]:
        """The facts of every Tell of this word."""
        return [tell.facts for tell in self.told if tell.word == word]

    def restart(self, shelves: dict[bytes, MemoryShelf] | None = None, mute: str = "") -> None:
        """A new process over the same store, or over an older copy of it."""
        self.world.drop(self)
        old = self.station
        self.shelves = self.shelves if shelves is None else shelves
        self.station = Station(old.party, old.card, old.keys, self.shelf, cards=old.cards)
        for line_id, shelf in self.shelves.items():
            protocol.load_line(
                self.station,
                line_id,
                shelf.charter,
                shelf.member,
                list(shelf.states.items()),
                list(shelf.outbox.values()),
                mute or shelf.mute,
                shelf.joining,
            )
            recall(self.station.lines[line_id], shelf.kept_of)
            for place in shelf.held_ahead:
                line = self.station.lines[line_id]
                line.ahead.setdefault(place.log, set()).add(place.index)
        self.do(events.Tick())


@dataclass
class World:
    """The clock and the wires between ends."""

    names: tuple[str, ...] = ("alpha", "bravo")
    roles: tuple[str, ...] = ()
    changes: dict[str, object] = field(default_factory=dict)
    wall_s: int = START_S
    steady_ms: int = 1000
    ends: dict[str, End] = field(default_factory=dict)
    wires: dict[int, tuple[End, End, int]] = field(default_factory=dict)  # link -> end, peer, link
    queue: deque[tuple[int, bytes]] = field(default_factory=deque)
    numbers: count[int] = field(default_factory=lambda: count(1))
    frames: list[tuple[str, str, bytes]] = field(default_factory=list)
    dropping: set[tuple[str, str]] = field(default_factory=set)
    holes: set[int] = field(default_factory=set)  # links that carry nothing and do not say so
    taps: dict[int, list[bytes]] = field(default_factory=dict)  # links that end in a test

    def __post_init__(self) -> None:
        for name in self.names:
            self.ends[name] = End(name, self)
        for end in self.ends.values():
            for name in self.names:
                card = party(name).card.card
                end.station.cards[card.party] = card

    def now(self) -> events.Now:
        return events.Now(self.wall_s, self.steady_ms, 1)

    def charter(self) -> Charter:
        roles = self.roles or ("party",) * len(self.names)
        members = [
            Member(n, roles[n], party(name).id, party(name).card.hash, name)
            for n, name in enumerate(self.names)
        ]
        import dataclasses

        base = propose(random=bytes(range(16)), title="Test", members=members, padding=False)
        return dataclasses.replace(base, **self.changes)  # type: ignore[arg-type]

    def open(self, *who: str) -> None:
        """Everyone (or these) accepts the charter; every pair of ends is linked."""
        text = self.charter().encode()
        for name in who or self.names:
            self.ends[name].do(events.Accept(text))
        names = list(who or self.names)
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                self.link(one, other)
        self.run()

    def link(self, one: str, other: str, *, wide: bool = True, bits_per_s: int = 0) -> None:
        a, b = self.ends[one], self.ends[other]
        la, lb = next(self.numbers), next(self.numbers)
        self.wires[la], self.wires[lb] = (a, b, lb), (b, a, la)
        a.do(events.LinkUp(la, b.id, wide, bits_per_s))
        b.do(events.LinkUp(lb, a.id, wide, bits_per_s))

    def cut(self, one: str, other: str) -> None:
        """Both links between two ends die, with everything on them."""
        ends = {one, other}
        for link, (end, peer, _) in list(self.wires.items()):
            if {end.name, peer.name} == ends:
                self._down(link)

    def drop(self, end: End) -> None:
        for link, (owner, peer, _) in list(self.wires.items()):
            if end in (owner, peer):
                self._down(link)

    def lose(self, link: int) -> None:
        """One connection dies at both of its ends."""
        _, _, other = self.wires[link]
        self._down(link)
        self._down(other)

    def _down(self, link: int) -> None:
        end, _, _ = self.wires.pop(link)
        self.queue = deque(item for item in self.queue if item[0] != link)
        end.do(events.LinkDown(link))

    def deliver(self, end: End, effects: list[events.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, events.Send):
                if effect.link in self.taps:
                    self.taps[effect.link].append(effect.data)
                wire = self.wires.get(effect.link)
                if wire is None:
                    continue
                self.frames.append((end.name, wire[1].name, effect.data))
                cut = effect.link in self.holes or (end.name, wire[1].name) in self.dropping
                if not cut:
                    self.queue.append((wire[2], effect.data))
            elif isinstance(effect, events.Tell):
                end.told.append(effect)
            elif isinstance(effect, events.Offered):
                end.offered.append(effect)
            elif isinstance(effect, events.CloseLink):
                end.closed.append(effect.refusal)
                wire = self.wires.get(effect.link)
                if wire is not None:
                    self.lose(effect.link)
            else:
                end.shelf(effect.line).apply(effect)

    def run(self, seconds: int = 0) -> None:
        """Delivers everything; then lets time pass second by second."""
        for second in range(seconds + 1):
            if second:
                self.wall_s += 1
                self.steady_ms += 1000
            self._settle()

    def _settle(self) -> None:
        for _ in range(10_000):
            for end in self.ends.values():
                end.do(events.Tick())
            if not self.queue:
                return
            while self.queue:
                link, data = self.queue.popleft()
                wire = self.wires.get(link)
                if wire is not None:
                    wire[0].do(events.FrameIn(link, data))
        raise LocalError(Refusal.USAGE, "the ends never come to rest")


def heads(end: End) -> dict[LogId, tuple[int, bytes]]:
    """What an end holds of every log."""
    return {log.id: (log.size, log.root) for log in end.line.logs.values() if log.size}


__all__ = ["End", "MemoryShelf", "Rung", "SeedKeys", "World", "decode_log", "heads"]
