"""Liveness: once the faults stop, every honest node runs, and that of a member signs, has nothing
left to send, has stated what it holds, and then is quiet. Who is no member yet owes nothing; who
has left gets nothing, and may not know of its leaving for ever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from detente.core.extras import decode_lacks
from detente.core.holding import head_between
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.link import Session
from detente.core.log import Log
from detente.core.merkle import EMPTY_ROOT
from detente.core.transcript import Place
from detente.sim.checkers.ends import entries, guilty, has_reader, honest, line_of, members
from detente.sim.parties import PAIRS

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation


LACKS_WITHIN_S = 60  # behind the charter's time
Sizes = dict[tuple[int, LogId], tuple[int, int]]  # of each log at each machine, and its freeze


def check(simulation: Simulation) -> None:
    """No honest machine is down, mute or waiting, and nothing was entered at rest."""
    for what in _unrest(simulation):
        simulation.record.fault("liveness", what)
    wicked = guilty(simulation)
    for machine in members(simulation):
        line, before = line_of(machine), simulation.sizes_before.get(machine.number)
        if line is not None:
            _check_lacks(simulation, machine, line)
        own = None if line is None or line.mute else line.own
        if own is None or before is None or wicked or not has_reader(simulation, machine):
            continue
        if own.size > before:
            what = f"{machine.name} entered {own.size - before} more when all was at rest"
            simulation.record.fault("liveness", what)


def _unrest(simulation: Simulation) -> Iterator[str]:
    """What promises that must have been kept by now, and is not."""
    for machine in simulation.world.machines:
        if machine.honest and machine.process is None:
            yield f"{machine.name} does not run: {machine.why_down}"
    for machine in members(simulation):
        line = line_of(machine)
        if line is None:
            yield f"{machine.name} has no line"
        elif line.joining:
            yield f"{machine.name} is a member, and has not joined"
        elif line.left:
            yield f"{machine.name} is a member, and holds that it has left"
        elif line.mute and machine.register_k < PAIRS - 1:
            yield f"{machine.name} is still mute: {line.mute}"
        elif not line.mute:
            yield from _owed(simulation, machine, line)


def _owed(simulation: Simulation, machine: Machine, line: Line) -> Iterator[str]:
    wicked = guilty(simulation)
    if not has_reader(simulation, machine):
        return  # nobody need ever take what it says
    if wicked and not line.is_open():
        return  # a line is open when every founding member has signed its charter
    if line.queue.rows:
        yield f"{machine.name} still queues {len(line.queue.rows)} rows"
    if line.control:
        yield f"{machine.name} has {len(line.control)} statements to enter"
    for log in line.logs.values():
        innocent = log.id.member not in wicked and log.id.member != line.me
        if innocent and log.covered < _due(line, log):
            yield f"{machine.name} owes a receipt for log {log.id.word}"

        filled = sorted(index for index in line.ahead.get(log.id, ()) if index < log.size)
        if filled:
            what = f"waits for the gap before {filled} of log {log.id.member}/{log.id.word}"
            yield f"{machine.name} {what}, and holds them"


def _due(line: Line, log: Log) -> int:
    """How far our own log must state another's: as far as that calls for a receipt. Beyond a freeze
    nothing is held undisputed; and since `seen` names heads of the author's alone (design §5, F1),
    what one batch brought under a head beyond it is due only up to the last head before it."""
    due = min(log.called, log.size)
    if log.closed():
        head = head_between(line, log, 1, log.frozen)
        due = min(due, 0 if head is None else head.size)
    return due


def _check_lacks(simulation: Simulation, machine: Machine, line: Line) -> None:
    """A body that is addressed here and never came is named in a `lacks` after the charter's
    time."""
    if not line.may_sign():
        return
    named: set[Place] = set()
    for place in line.shelf.of_kind((Kind.LACKS,)):
        leaf = line.shelf.entry(*place).leaf
        if leaf is not None and place.log.member == line.me:
            lacks = decode_lacks(leaf.extra)
            named.update(Place(lacks.log, index) for index in lacks.indices)
    now_s = machine.clock.now(simulation.world.now_ms).wall_s
    late_s = now_s - line.charter.lacks_after_s - LACKS_WITHIN_S
    for log, found in entries(machine).items():
        if log.member == line.me or line.logs[log].frozen >= 0:
            continue
        for entry in found:
            leaf, index = entry.leaf, entry.place.index
            bare = leaf is not None and leaf.commitment is not None and entry.body is None
            if leaf is None or not bare or entry.purged or entry.place in named:
                continue
            known = line.entitled(leaf, log.member, line.me)
            if known and line.logs[log].missing.get(index, 0) < late_s:
                what = f"has not said that it lacks {log.member}/{log.word}:{index}"
                simulation.record.fault("liveness", f"{machine.name} {what}")
                return


# --- when to look -------------------------------------------------------------------------------


def sizes(simulation: Simulation) -> Sizes:
    """What every honest machine holds: as long as that grows there is no rest."""
    return {
        (machine.number, log.id): (log.size, log.frozen)
        for machine in honest(simulation)
        if (line := line_of(machine)) is not None
        for log in line.logs.values()
    }


def is_quiet(simulation: Simulation) -> bool:
    """Whether more time would change nothing: there is nothing left to send, to ask or to answer
    between honest parties, and they hold the same. Judged by what is there, not by what the nodes
    think of it. Of who attacks much may stay open for ever."""
    if any(_unrest(simulation)):
        return False
    wicked = guilty(simulation)
    inside = members(simulation)
    lines = [line for machine in inside if (line := line_of(machine)) is not None]
    for line in lines:
        if line.left or line.mute:
            continue
        others = [s for s in line.greeted() if s.member not in wicked]
        if _is_busy(line, others) or any(map(_is_waiting, others)):
            return False
        if any(_is_to_come(line, other) for other in lines if other is not line):
            return False
    pairs = combinations(lines, 2)
    return all(_are_equal(*pair, wicked) for pair in pairs) and _is_sent(simulation)


def _is_busy(line: Line, others: list[Session]) -> bool:
    """Whether a member will yet say something unasked. What it holds ahead of a gap says nothing:
    where all hold the same, the gap was lost with a disk, for ever."""
    due = line.seen_due_ms or line.cosign_due_ms
    quantum = line.quantum_due_ms and any(session.wide for session in others)
    said = line.touched or line.greet_due or line.seen_now or line.disputes
    return bool(others and (due or quantum or said))


def _is_to_come(line: Line, other: Line) -> bool:
    """Whether a body that one lacks is held by the other, also of who attacks: `nothing_lost` asks
    for it below a freeze. Some were lost with a disk, for ever."""
    for log in line.logs.values():
        theirs = other.logs.get(log.id)
        if not log.missing or theirs is None:
            continue
        size = theirs.size if log.frozen < 0 else min(theirs.size, log.frozen)
        held = [one for one in log.missing if one < size and one not in theirs.missing]
        if any(other.shelf.entry(log.id, index).body is not None for index in held):
            return True
    return False


def _is_waiting(session: Session) -> bool:
    """Whether an honest peer is yet to send or sign something; or the next of its chunks, which are
    between the two ends for a moment only, and in no queue."""
    open_to = session.heads or session.unsigned or session.asked_full or session.uncosigned_ms
    return bool(open_to) or session.chunks_asked is not None


def _are_equal(ours: Line, theirs: Line, wicked: set[int]) -> bool:
    """Whether two lines hold the same logs; one of who attacks may be frozen in both instead."""
    for log in ours.logs.keys() | theirs.logs.keys():
        here, there = _held(ours.logs.get(log)), _held(theirs.logs.get(log))
        stopped = log.member in wicked and here[2] == there[2] >= 0
        if here[:2] != there[:2] and not stopped:
            return False
    return True


def _held(log: Log | None) -> tuple[int, bytes, int]:
    return (0, EMPTY_ROOT, -1) if log is None else (log.size, log.root, log.frozen)


def _is_sent(simulation: Simulation) -> bool:
    """Whether every two honest machines are connected, with nothing under way between them."""
    world = simulation.world
    for pair in world.routes:
        if not all(world.machines[number].honest for number in pair):
            continue
        if world.is_unwired(pair):
            if not world.cables[pair].is_quiet:
                return False
            continue
        there = [one for one in world.connections_of(pair) if one.alive]
        if not there or not all(pipe.empty for one in there for pipe in one.pipes):
            return False
    return True
