"""Promise 2: whoever was shown two histories of one log holds the proof of it.

A fork that only one honest party has met changes nobody's transcript; it must be proven all the
same, else a forker is found out only by chance. What arrives is read here as the node reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from detente.core.encoding import Reader
from detente.core.errors import PeerError
from detente.core.events import FrameIn, Input
from detente.core.frames import Ahead, Heads, Hello, StatedHead, read_frame
from detente.core.holding import known_root
from detente.core.leaf import OVERTAKING, LogId
from detente.core.line import Line
from detente.core.merkle import frontier_at, leaf_hash, push_cover
from detente.core.overtaking import read_ahead
from detente.core.wire import ENTRIES, NOTHING, read_batch, read_item, read_tag
from detente.sim.checkers.ends import guilty, line_of

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

PATIENCE_MS = 300_000  # a search for where two heads part takes some questions and some silence
AT_ONCE_MS = 5_000  # two leaves at one place are proven in the step that shows the second


class _Shown(NamedTuple):
    """When two histories were shown, and below which size they part."""

    at_ms: int
    below: int


class Shown:
    """Every contradiction that reached a machine of an honest party whose process lived on."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._shown: dict[tuple[Machine, LogId], list[_Shown]] = {}
        self._ahead: dict[tuple[Machine, LogId, int], tuple[int, bytes]] = {}  # when, what came
        self._last: dict[Machine, tuple[object, list[tuple[Machine, LogId, int]]]] = {}
        simulation.record.hearing.append(self.hears)

    def hears(self, machine: Machine, inputs: list[Input]) -> None:
        """Before a step of a machine: what it is about to take in."""
        if not machine.honest:
            return
        self._forget_unkept(machine)
        wicked, line = guilty(self._simulation), line_of(machine)
        if not wicked or line is None:
            return
        self._filled(machine, line)
        for given in inputs:
            if isinstance(given, FrameIn) and given.link in line.sessions:
                for log, below, within_ms in _contradicted(line, given):
                    if log.member in wicked:
                        one = _Shown(self._simulation.world.now_ms, below)
                        proven = partial(self._proven, machine, machine.process, log, one)
                        self._simulation.world.later(within_ms, proven)
                self._overtook(machine, line, given)

    def _overtook(self, machine: Machine, line: Line, given: FrameIn) -> None:
        """An entry of its author's own log that comes ahead of a gap, rightly signed, and of a kind
        that may: whatever else does is refused, and nothing of it is kept."""
        reader = Reader(given.data)
        try:
            kind, _ = read_tag(reader)
            frame = read_frame(kind, reader) if kind == Ahead.TYPE else None
        except PeerError:
            return
        session = line.sessions[given.link]
        log = line.logs.get(frame.log) if isinstance(frame, Ahead) else None
        if not isinstance(frame, Ahead) or log is None or frame.log.member != session.member:
            return
        if frame.base > log.size or 0 <= log.frozen <= frame.index or not session.greeted:
            return
        try:
            item = read_ahead(line, log, frame)
            frontier = frontier_at(
                lambda level, at: line.shelf.subtree(log.id, level, at), frame.base
            )
            push_cover(frontier, frame.cover, frame.index)
        except PeerError:
            return
        if item is None or item.leaf is None or item.leaf.kind not in OVERTAKING:
            return
        digest = leaf_hash(item.raw)
        frontier.append(digest)
        if log.verifies(frame.index + 1, frontier.root(), frame.signature):
            place = machine, log.id, frame.index
            if place not in self._ahead:
                self._ahead[place] = self._simulation.world.now_ms, digest
                self._last.setdefault(machine, (machine.process, []))[1].append(place)

    def _forget_unkept(self, machine: Machine) -> None:
        """What came in a step that its process died of may be on no disk: a step is one transaction
        (design §6), and nothing of it was confirmed unless it was kept. A fork is two signed heads
        (§5, F3): who holds one of them alone can prove nothing."""
        process, places = self._last.pop(machine, (machine.process, []))
        if process is not machine.process:
            for place in places:
                del self._ahead[place]

    def _proven(self, machine: Machine, process: object, log_id: LogId, one: _Shown) -> None:
        """When the time for a proof is over, in the process that was shown the two. With one that
        died before, however long its machine then stood still, the search died too: two heads prove
        a fork with what leads to them (design §5), and nothing of that was stated or kept yet."""
        if machine.process is not process:
            return
        self._shown.setdefault((machine, log_id), []).append(one)
        line = line_of(machine)
        log = None if line is None else line.logs.get(log_id)
        if log is not None and not 0 <= log.frozen < one.below:
            self._simulation.record.fault(
                "proven forks",
                f"{machine.name} has not proven the fork of {log_id.member}/{log_id.word} "
                f"below {one.below} in time: frozen at {log.frozen}",
            )

    def _filled(self, machine: Machine, line: Line) -> None:
        """What overtook is what then stands there, or its author is proven to have forked in the
        very step that filled the gap (F7)."""
        for (other, log_id, index), (at_ms, digest) in list(self._ahead.items()):
            log = line.logs.get(log_id)
            if other is not machine or log is None or index >= log.size:
                continue
            del self._ahead[other, log_id, index]
            lost_ms = self._simulation.record.lost_ms.get(machine.name, -1)
            differs = line.shelf.entry(log_id, index).hash != digest
            if differs and at_ms > lost_ms and not 0 <= log.frozen <= index:
                where = f"{log_id.member}/{log_id.word}:{index}"
                self._simulation.record.fault(
                    "proven forks",
                    f"{machine.name} holds no proof, and another {where} than overtook",
                )

    def check(self) -> None:
        """In the end: each log of which a process was shown two histories, and then lived on for a
        while, is proven forked here, and contested from where they part."""
        for machine in dict.fromkeys(machine for machine, _, _ in self._ahead):
            self._forget_unkept(machine)
            line = line_of(machine) if machine.process is not None else None
            if line is not None:
                self._filled(machine, line)
        for (machine, log_id), times in self._shown.items():
            line = line_of(machine) if machine.process is not None else None
            log = None if line is None else line.logs.get(log_id)
            if line is None or log is None:
                continue
            lost_ms = self._simulation.record.lost_ms.get(machine.name, -1)  # and proofs with it
            below = min((one.below for one in times if one.at_ms > lost_ms), default=0)
            if below and not 0 <= log.frozen < below:
                what = "holds no proof" if log_id not in line.accused else "froze it too late"
                self._simulation.record.fault(
                    "proven forks",
                    f"{machine.name} was shown two histories of {log_id.member}/{log_id.word} "
                    f"below {below} and {what}: frozen at {log.frozen}",
                )


def _contradicted(line: Line, given: FrameIn) -> Iterator[tuple[LogId, int, int]]:
    """The logs of which a frame shows a signed head that is not of the tree held here, each with a
    size below which the two part, and how long it may take to prove that."""
    reader = Reader(given.data)
    try:
        kind, _ = read_tag(reader)
        if kind == ENTRIES:
            yield from _entries(line, given, reader)
        elif kind in (Heads.TYPE, Hello.TYPE):
            frame = read_frame(kind, reader)
            heads: tuple[StatedHead, ...] = getattr(frame, "heads", ())
            for stated in heads:
                yield from _head(line, stated)
    except PeerError:
        return


def _head(line: Line, stated: StatedHead) -> Iterator[tuple[LogId, int, int]]:
    log_id, size, root = stated.head
    log = line.logs.get(log_id)
    ours = known_root(line, log_id, size)
    differs = log is not None and ours is not None and ours != root
    if differs and log is not None and log.verifies(size, root, stated.signature):
        yield log_id, size, PATIENCE_MS


def _entries(line: Line, given: FrameIn, reader: Reader) -> Iterator[tuple[LogId, int, int]]:
    """A batch in full that begins within what is held, and differs there."""
    batch = read_batch(reader)
    session = line.sessions[given.link]
    log = None if batch.log is None else line.logs.get(batch.log)
    if log is None or batch.start is None or not 0 < batch.start < log.size or not session.greeted:
        return
    if log.id in session.asked_full or log.closed():
        return
    reader.end -= 64
    read = line.shelf.subtree
    frontier = frontier_at(lambda level, at: read(log.id, level, at), batch.start)
    apart = -1
    for index in range(batch.start, batch.start + batch.count):
        item = read_item(reader, NOTHING, lambda *_: None, lambda *_: None)
        if not item.full:
            return
        digest = leaf_hash(item.raw)
        frontier.append(digest)
        if apart < 0 and index < log.size and line.shelf.entry(log.id, index).hash != digest:
            apart = index
    signature = reader.data[reader.end :]
    if apart >= 0 and log.verifies(frontier.size, frontier.root(), signature):
        yield log.id, apart + 1, AT_ONCE_MS
