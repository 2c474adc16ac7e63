"""The table of a search: real cores, a queue for each direction of each link, and every fault.

A step is what a node does with one input: the core, the commit, the mark, and only then the frames.
A crash takes a step whole or not at all, and in both cases nothing of what it would have said.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from core.lineage import START_S, seed
from models.copying import clone_end, clone_shelves, digest
from pair import End, MemoryShelf, SeedKeys, World

from detente.core import crypto, events
from detente.core.charter import parse_charter
from detente.core.leaf import LogId

Pair = frozenset[str]
Shelves = dict[bytes, MemoryShelf]
Signed = dict[tuple[LogId, int], bytes]
# What the marks say, beside the store and outside its copies: the log that grows, and its size.
Mark = tuple[LogId, int]
BEGIN_S = START_S + 10_000  # behind all that made a beginning
STALE = "the store is behind its mark"


class BrokenError(AssertionError):
    """A rule that does not hold in a state that was reached."""


@dataclass(frozen=True)
class State:
    """Everything between two moves. Shared, never changed: a step copies the ends it touches."""

    names: tuple[str, ...]
    ends: dict[str, End]
    wires: dict[tuple[str, str], tuple[bytes, ...]]  # from, to -> frames under way
    up: frozenset[Pair]
    marks: dict[str, Mark]
    signed: dict[str, Signed]  # what each party has ever signed, over all restores
    final: dict[str, frozenset[bytes]]  # offers each end has shown to be final
    digests: dict[str, bytes]
    done: frozenset[str] = frozenset()  # of the script
    left: tuple[tuple[str, int], ...] = ()  # faults that may still come
    later_s: int = 0  # how much time has passed since the start
    copies: dict[str, Shelves] = field(default_factory=dict)

    def key(self) -> bytes:
        """Equal for states from which the same can follow."""
        wires = sorted((way, frames) for way, frames in self.wires.items() if frames)
        up = sorted(sorted(pair) for pair in self.up)
        marks = sorted(self.marks.items())
        signed = [sorted(self.signed[name].items()) for name in sorted(self.signed)]
        final = [sorted(self.final[name]) for name in sorted(self.final)]
        ends = sorted(self.digests.items())
        rest = (sorted(self.done), self.left, self.later_s)
        return digest([wires, up, marks, signed, final, ends, rest])

    def can(self, fault: str) -> bool:
        """Whether this fault may still come."""
        return dict(self.left).get(fault, 0) > 0

    def spent(self, fault: str) -> State:
        """The same with one fault of a kind less to come."""
        left = tuple((name, count - (name == fault)) for name, count in self.left)
        return replace(self, left=left)


def start(world: World, copies: dict[str, Shelves] | None = None) -> State:
    """A world whose links are all down as the first state of a search: its ends meet again, and
    say what there is to say."""
    state = State(
        names=tuple(world.names),
        ends={},
        wires={},
        up=frozenset(),
        marks={},
        signed={},
        final={name: frozenset() for name in world.ends},
        digests={},
        copies=copies or {},
    )
    for name, end in world.ends.items():
        copy = state.ends[name] = clone_end(end)
        copy.station.keys = QuickKeys(name, end.station.keys.k)
        state.signed[name] = signed_by(end)
        if end.station.lines:
            state.marks[name] = (end.own().id, end.own().size)
    return state


def signed_by(end: End) -> Signed:
    """The leaves of every log of its own that an end holds."""
    found: Signed = {}
    for shelf in end.shelves.values():
        for log in shelf.logs():
            if log.member == shelf.member:
                for entry in shelf.entries(log, 0, shelf.size(log)):
                    found[log, entry.place.index] = entry.hash
    return found


class QuickKeys(SeedKeys):
    """The same keys; what was signed once is remembered, ML-DSA-44 too, which is hedged."""

    def sign_log(self, message: bytes) -> bytes:
        return _sign_log(self.name, self.k, message)

    def sign_holds(self, message: bytes) -> bytes:
        return _sign_holds(self.name, self.k, message)

    def sign_author(self, message: bytes) -> bytes:
        return _sign_author(self.name, message)

    def sign_holds_pq(self, message: bytes) -> bytes:
        return _sign_holds_pq(self.name, message)


@cache
def _sign_log(name: str, k: int, message: bytes) -> bytes:
    return SeedKeys(name, k).sign_log(message)


@cache
def _sign_holds(name: str, k: int, message: bytes) -> bytes:
    return SeedKeys(name, k).sign_holds(message)


@cache
def _sign_author(name: str, message: bytes) -> bytes:
    return SeedKeys(name).sign_author(message)


@cache
def _sign_holds_pq(name: str, message: bytes) -> bytes:
    return SeedKeys(name).sign_holds_pq(message)


# Pure functions, remembered: a search asks the same of them again and again.
quick_parse_charter = cache(parse_charter)
quick_ed25519_verify = cache(crypto.ed25519_verify)
quick_mldsa44_verify = cache(crypto.mldsa44_verify)


class Table:
    """One step over a state: it stands where ``World`` stands for an ``End``."""

    def __init__(self, state: State, *, commit_first: bool = True) -> None:
        self.state = replace(
            state,
            ends=dict(state.ends),
            wires=dict(state.wires),
            marks=dict(state.marks),
            signed=dict(state.signed),
            digests=dict(state.digests),
            final=dict(state.final),
        )
        self.touched: dict[str, End] = {}
        self.said: list[tuple[End, events.Effect]] = []  # everything but frames, in order
        self.sends: list[tuple[End, events.Send]] = []
        self.spoken: list[tuple[End, bytes]] = []
        self.commit_first = commit_first

    def now(self) -> events.Now:
        later = self.state.later_s
        return events.Now(BEGIN_S + later, 10_000_000 + later * 1000, 1)

    def end(self, name: str) -> End:
        """An end that this step may change."""
        if name not in self.touched:
            end = clone_end(self.state.ends[name])
            end.world = self  # type: ignore[assignment]  # the part of it that an end calls
            end.entropy = _entropy(end)  # type: ignore[method-assign]
            self.touched[name] = self.state.ends[name] = end
        return self.touched[name]

    def deliver(self, end: End, effects: list[events.Effect]) -> None:
        """Stores what is to be stored; frames wait for the commit."""
        for effect in effects:
            if isinstance(effect, events.Send):
                self.sends.append((end, effect))
                continue
            self.said.append((end, effect))
            if isinstance(effect, events.StoreEntries) and effect.own:
                self._sign(end, effect)
            if not isinstance(effect, events.Tell | events.CloseLink | events.Offered):
                end.shelf(effect.line).apply(effect)

    def _sign(self, end: End, effect: events.StoreEntries) -> None:
        signed = dict(self.state.signed[end.name])
        for new in effect.entries:
            place = (effect.log, new.entry.place.index)
            if signed.setdefault(place, new.entry.hash) != new.entry.hash:
                raise BrokenError(f"{end.name} signed two leaves at {effect.log.word} {place[1]}")
        self.state.signed[end.name] = signed
        self.state.marks[end.name] = (effect.log, effect.head.size)

    def step(self, name: str, *inputs: events.Input, crash: bool = False) -> None:
        """One input and the tick that settles it: commit, mark, and then the frames, unless the
        process dies between."""
        before, mark = self.state.ends[name], self.state.marks.get(name)
        end = self.end(name)
        for given in (*inputs, events.Tick()):
            end.do(given)
        if crash and self.commit_first:
            self.sends.clear()
        self.speak()
        if crash and self.commit_first:
            self.restart(name)
        elif crash and mark is not None:
            self.state.marks[name] = mark
            self.restart(name, before.shelves)

    def speak(self) -> None:
        """The frames of a step leave, in order."""
        sends, self.sends = self.sends, []
        for end, send in sends:
            self.spoken.append((end, send.data))
            other = peer_of(end.name, send.link, self.state)
            if frozenset({end.name, other}) in self.state.up:
                way = (end.name, other)
                self.state.wires[way] = (*self.state.wires.get(way, ()), send.data)

    # --- faults ---

    def cut(self, one: str, other: str) -> None:
        """The connection dies at both of its ends, with all that is under way."""
        self.state = replace(self.state, up=self.state.up - {frozenset({one, other})})
        for name, peer in ((one, other), (other, one)):
            self.state.wires.pop((name, peer), None)
            self.step(name, events.LinkDown(link_of(name, peer, self.state)))

    def join(self, one: str, other: str) -> None:
        """A new connection between two ends."""
        self.state = replace(self.state, up=self.state.up | {frozenset({one, other})})
        for name, peer in ((one, other), (other, one)):
            link = link_of(name, peer, self.state)
            self.step(name, events.LinkUp(link, self.state.ends[peer].id))

    def drop(self, end: End) -> None:
        """What a dying process does to the others: each of its links goes down there."""
        for pair in sorted(self.state.up, key=sorted):
            if end.name in pair:
                (peer,) = pair - {end.name}
                self.state = replace(self.state, up=self.state.up - {pair})
                self.state.wires.pop((end.name, peer), None)
                self.state.wires.pop((peer, end.name), None)
                self.step(peer, events.LinkDown(link_of(peer, end.name, self.state)))

    def restart(self, name: str, shelves: Shelves | None = None, mute: str = "") -> None:
        """A new process over the store as it is, or over an older copy of it."""
        end = self.end(name)
        end.restart(None if shelves is None else clone_shelves(shelves), mute)
        self.speak()

    def done(self) -> State:
        """The state that this step has led to."""
        for name, end in self.touched.items():
            self.state.digests[name] = digest(end)
        return self.state

    def settle(self, seconds: int) -> None:
        """Delivers everything in turn, as time passes."""
        for second in range(seconds + 1):
            if second:
                self.state = replace(self.state, later_s=self.state.later_s + 1)
            for name in self.state.ends:
                self.step(name)
            for _ in range(1000):
                ways = [way for way, frames in self.state.wires.items() if frames]
                if not ways:
                    break
                for way in ways:
                    self.receive(way)
            else:
                raise BrokenError("the ends never come to rest")

    def receive(self, way: tuple[str, str], count: int = 1, *, crash: bool = False) -> None:
        """The oldest frames of one direction arrive together."""
        frames = self.state.wires[way]
        self.state.wires[way] = frames[count:]
        link = link_of(way[1], way[0], self.state)
        self.step(way[1], *(events.FrameIn(link, data) for data in frames[:count]), crash=crash)


def _entropy(end: End) -> Any:
    """What need not be fresh is the same every time, so that equal states are found equal."""

    def draw(size: int) -> bytes:
        end.draws += size == 8  # a life must be
        return seed(end.name, size, end.draws if size == 8 else 0)[:size]

    return draw


def link_of(name: str, peer: str, state: State) -> int:
    """The number that an end has for its connection to another, the same each time it is made."""
    return 1000 + 32 * state.names.index(name) + state.names.index(peer)


def peer_of(name: str, link: int, state: State) -> str:
    """Who is at the other side of a link."""
    return state.names[(link - 1000) % 32]
