"""What a party that attacks does by hand: entries, heads, forks and frames under its true keys.

Its own node stays a production node; here is what such a node never does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from detente.core.body import ZERO_SALT, commit, pack
from detente.core.encoding import Reader
from detente.core.errors import PeerError
from detente.core.events import FrameIn, Input, NewEntry, Send, SignedHead, StoreEntries
from detente.core.extras import Head
from detente.core.frames import (
    AskProof,
    Frame,
    ShowProof,
    StatedHead,
    encode_frame,
    read_frame,
)
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.line import Line
from detente.core.link import Session
from detente.core.log import Log
from detente.core.merkle import (
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
)
from detente.core.station import Step
from detente.core.transcript import Entry, Place
from detente.core.wire import (
    ENTRIES,
    Batch,
    encode_entries,
    encode_item,
    lenient,
    read_batch,
    read_tag,
)
from detente.dossiers.dispatch import Dispatch
from detente.sim.dice import Dice
from detente.sim.parties import SimKeys

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

AGAIN_MS = 20_000  # how soon an act that could not be done is tried once more
TRIES_MAX = 60
EASY_BYTES = b"\x00" * 64  # no signature at all

Body = tuple[bytes, bytes]  # salt, packed


# --- when ---------------------------------------------------------------------------------------


@dataclass(eq=False)
class Way:
    """A party's way of attacking: the honest mouth, until a subclass says otherwise."""

    MEMBERS: ClassVar[int] = 2  # as many a line needs for this
    MOST: ClassVar[int] = 32  # as many as it makes sense among
    DRAWN: ClassVar[bool] = True  # for any seed; else a plan names it, and seeds stay as they were

    simulation: Simulation
    machine: Machine
    dice: Dice
    word: str

    def begin(self) -> None:
        """The line is open, and the attack begins."""

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """What leaves instead of one frame: the frame."""
        del machine
        return [send]

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """What the core is given instead of one input: the input."""
        del machine
        return [given]

    def unmet(self) -> Iterator[str]:
        """What must have come of it all the same, and has not."""
        return iter(())

    def done(self) -> None:
        """Counts a bad act that has really happened."""
        record = self.simulation.record
        record.attacks[self.word] += 1
        record.note(self.machine, "attacks", way=self.word)

    def often(self, act: Callable[[], bool], times: int = 4, *, counted: bool = True) -> None:
        """Has an act done now and then while the faults last. It says whether it could be."""
        world = self.simulation.world
        span_ms = max(1, self.simulation.plan.until_ms - world.now_ms)

        def attempt(left: int) -> None:
            if world.settled:
                return
            if line_of(self.machine) is not None and act():
                if counted:
                    self.done()
            elif left:
                world.later(AGAIN_MS, lambda: attempt(left - 1))

        for _ in range(times):
            world.later(self.dice.between(0, span_ms * 3 // 4), lambda: attempt(TRIES_MAX))

    def hang_up(self) -> bool:
        """Lets go of every link, to be greeted again."""
        for connection in list(self.machine.connections.values()):
            self.simulation.world.hang_up(connection, self.machine.number)
        return True

    @property
    def line(self) -> Line:
        """The attacker's line, while its node runs."""
        found = line_of(self.machine)
        assert found is not None  # noqa: S101  # asked by acts alone
        return found

    def peers(self) -> list[Session]:
        """The best session with every peer that is linked, in order of member number."""
        line = self.line
        found = {session.member: line.session_of(session.member) for session in line.greeted()}
        return [one for _, one in sorted(found.items()) if one is not None]

    def peer(self) -> Session | None:
        """One of them."""
        peers = self.peers()
        return self.dice.one_of(peers) if peers else None


def line_of(machine: Machine) -> Line | None:
    """The line of a machine that runs."""
    if machine.process is None:
        return None
    return machine.station.lines.get(machine.world.line_id)


# --- frames -------------------------------------------------------------------------------------


def tell(machine: Machine, session: Session, frame: Frame) -> None:
    """One frame, and nothing else, to the peer of a session."""
    tell_raw(machine, session, encode_frame(session.channel, frame))


def tell_raw(machine: Machine, session: Session, data: bytes) -> None:
    """Any bytes as a frame."""
    machine.send(Send(session.link, data))


def kind_of(data: bytes) -> int:
    """The type of a frame, or -1."""
    try:
        return read_tag(Reader(data))[0]
    except PeerError:
        return -1


def frame_of(data: bytes) -> Frame | Batch | None:
    """The value of a frame, the head of a batch, or None."""
    reader = Reader(data)
    try:
        kind, _ = read_tag(reader)
        return read_batch(reader) if kind == ENTRIES else read_frame(kind, reader)
    except PeerError:
        return None


def channel_of(data: bytes) -> int:
    """The channel of a frame that an honest core made."""
    return read_tag(Reader(data))[1]


# --- entries ------------------------------------------------------------------------------------


def dispatch(machine: Machine, text: str, **fields: object) -> tuple[Leaf, Body]:
    """A dispatch to all readers, with its body; ``fields`` are those of the leaf to be changed."""
    line = line_of(machine)
    assert line is not None  # noqa: S101  # asked by acts alone
    now = machine.clock.now(machine.world.now_ms)
    plain = Dispatch(language="en", dtg_s=now.wall_s, subject="R", text=text).encode()
    body = (machine.dice.bytes(16), pack(plain, 5, line.charter.padding))
    own = line.own
    made: dict[str, object] = {
        "kind": Kind.DISPATCH,
        "time_s": now.wall_s,
        "clock_error_s": now.error_s,
        "audience": line.charter.readers(),
        "serial": 1 if own is None else own.serial + 1,
        "commitment": commit(*body),
    }
    return Leaf(**(made | fields)), body  # type: ignore[arg-type]


def statement(machine: Machine, kind: Kind, **fields: object) -> Leaf:
    """A leaf without a body, for everyone; ``fields`` are those to be changed."""
    line = line_of(machine)
    assert line is not None  # noqa: S101  # asked by acts alone
    made: dict[str, object] = {
        "kind": kind,
        "time_s": machine.clock.now(machine.world.now_ms).wall_s,
        "audience": line.everyone(),
    }
    return Leaf(**(made | fields))  # type: ignore[arg-type]


def may_enter(machine: Machine) -> bool:
    """Whether one's own log may grow: asked before much is made for it."""
    line = line_of(machine)
    return line is not None and line.own is not None and line.may_sign()


def enter(machine: Machine, *made: tuple[Leaf | bytes, Body | None]) -> bool:
    """Signs entries of one's choice into one's own log, past every rule of the core, which then
    sends them as any other. False while the node may not sign."""
    if not may_enter(machine):
        return False
    force(machine, *made)
    return machine.process is not None


def force(machine: Machine, *made: tuple[Leaf | bytes, Body | None]) -> None:
    """The same, whether the node may sign or not."""
    line = line_of(machine)
    own = None if line is None else line.own
    assert line is not None and own is not None  # noqa: S101, PT018  # asked by acts alone

    def act(step: Step) -> None:
        for leaf, body in made:
            raw = leaf if isinstance(leaf, bytes) else leaf.encode()
            _append(step, line, own, raw, body)

    machine.change(act)


def _append(step: Step, line: Line, own: Log, raw: bytes, body: Body | None) -> None:
    frontier, digest, leaf = own.frontier.copy(), leaf_hash(raw), lenient(raw)
    done = b"".join(frontier.append(digest))
    message = own.checkpoint(frontier.size, frontier.root()).text().encode()
    head = SignedHead(frontier.size, frontier.root(), step.station.keys.sign_log(message))
    salt, packed = body or (None, None)
    entry = Entry(Place(own.id, own.size), digest, raw, leaf, salt, packed)
    own.extend([entry], frontier, head, line.logs)
    for seen in () if leaf is None else leaf.seen:
        if seen.log in line.logs:
            line.logs[seen.log].covered = max(line.logs[seen.log].covered, seen.size)
    kept = (NewEntry(entry, done),)
    state = own.encode()
    step.out.append(
        StoreEntries(line.id, own.id, kept, head, state, own=True, held_at_s=step.now.wall_s)
    )
    line.touched = True


@contextmanager
def changed(machine: Machine) -> Iterator[Line]:
    """The line of a machine, to be changed in memory; its node runs on."""
    line = line_of(machine)
    assert line is not None  # noqa: S101  # asked by acts alone
    yield line
    line.touched = True


# --- logs made by hand --------------------------------------------------------------------------


@dataclass(slots=True)
class Hand:
    """One log of the attacker, to be forked, signed and proven at will."""

    origin: str
    keys: SimKeys
    id: LogId
    raws: list[bytes] = field(default_factory=list)
    bodies: list[Body | None] = field(default_factory=list)

    @classmethod
    def copy(cls, machine: Machine, log: Log, size: int | None = None) -> Hand:
        """The first entries of a log, as the attacker holds them."""
        line = line_of(machine)
        assert line is not None  # noqa: S101  # asked by acts alone
        entries = line.shelf.entries(log.id, 0, log.size if size is None else size)
        return cls(
            log.origin,
            SimKeys(machine.name, k=log.id.k),
            log.id,
            [entry.raw for entry in entries],
            [
                None if entry.body is None or entry.salt is None else (entry.salt, entry.body)
                for entry in entries
            ],
        )

    @property
    def size(self) -> int:
        """How many entries."""
        return len(self.raws)

    def add(self, leaf: Leaf | bytes, body: Body | None = None) -> None:
        """One more entry."""
        self.raws.append(leaf if isinstance(leaf, bytes) else leaf.encode())
        self.bodies.append(body)

    def root(self, size: int) -> bytes:
        """The root at a size."""
        frontier = Frontier()
        for raw in self.raws[:size]:
            frontier.append(leaf_hash(raw))
        return frontier.root()

    def subtree(self, level: int, index: int) -> bytes:
        """The root of a perfect subtree."""
        if not level:
            return leaf_hash(self.raws[index])
        return node_hash(self.subtree(level - 1, 2 * index), self.subtree(level - 1, 2 * index + 1))

    def sign(self, size: int) -> bytes:
        """The author's signature on the head at a size."""
        text = Log(self.id, self.origin, b"").checkpoint(size, self.root(size)).text()
        return self.keys.sign_log(text.encode())

    def stated(self, size: int | None = None) -> StatedHead:
        """That head, with its signature."""
        size = self.size if size is None else size
        return StatedHead(Head(self.id, size, self.root(size)), self.sign(size))

    def batch(self, channel: int, start: int, stop: int | None = None) -> bytes:
        """A frame of entries in their full form, with bodies."""
        stop = self.size if stop is None else stop
        items = []
        for index in range(start, stop):
            raw, (salt, body) = self.raws[index], self.bodies[index] or (None, None)
            entry = Entry(Place(self.id, index), leaf_hash(raw), raw, None, salt, body)
            items.append(
                encode_item(
                    entry,
                    None,
                    with_body=body is not None,
                    confirmed=lambda _log, _size: False,
                    locate=lambda _ref: None,
                )
            )
        return encode_entries(
            channel, Batch(self.id, start, stop - start, confirm=False), items, self.sign(stop)
        )

    def answer(self, ask: AskProof) -> ShowProof:
        """The true answer to a question about this tree."""
        if ask.inclusion:
            path = tuple(inclusion_path(self.subtree, ask.at, ask.size))
            return ShowProof(ask.log, True, ask.at, ask.size, path, self.raws[ask.at])
        path = tuple(consistency_path(self.subtree, ask.at, ask.size))
        return ShowProof(ask.log, False, ask.at, ask.size, path, b"", self.root(ask.at))


def asked(given: Input) -> AskProof | None:
    """The question in an input, if it is one."""
    frame = frame_of(given.data) if isinstance(given, FrameIn) else None
    return frame if isinstance(frame, AskProof) else None


def charter_leaf(machine: Machine) -> tuple[Leaf, Body]:
    """What leaf 0 of an honest log is."""
    line = line_of(machine)
    assert line is not None  # noqa: S101  # asked by acts alone
    return statement(machine, Kind.CHARTER, commitment=line.id), (ZERO_SALT, line.charter_text)
