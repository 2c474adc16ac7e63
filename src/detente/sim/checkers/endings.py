"""Promise 7: where an old log ends for people, worked out once more from the entries alone: what
its author's next life names as held, and what the others had stated of it by then (F5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.extras import decode_resume
from detente.core.leaf import Kind, LogId
from detente.core.transcript import Entry, Place
from detente.dossiers.fold import Standing, position
from detente.sim.checkers.ends import entries, honest, line_of

if TYPE_CHECKING:
    from detente.sim.run import Simulation

FAULT = "come back"


def check(simulation: Simulation) -> None:
    """The last entry of each old log that counts, and the first that was brought too late."""
    for machine in honest(simulation):
        line, held = line_of(machine), entries(machine)
        for log, found in held.items() if line is not None else ():
            end = _end(held, log)
            if line is None or end is None or line.logs[log].frozen >= 0:
                continue
            for index in (end - 1, end):
                if not 0 <= index < len(found):
                    continue
                shown = position(line.shelf, Place(log, index))
                if (shown is Standing.WITHHELD) != (index >= end):
                    where = f"{log.member}/{log.word}:{index}, where that log ends with {end}"
                    simulation.record.fault(FAULT, f"{machine.name} shows as {shown.value} {where}")


def _end(held: dict[LogId, list[Entry]], log: LogId) -> int | None:
    """How many entries of an old log count, or None for one without a later life."""
    later = [other for other in held if other.member == log.member and other.k > log.k]
    if not later:
        return None
    end = 0
    for other in later:
        leaf = held[other][0].leaf
        if leaf is not None and leaf.kind == Kind.RESUME:
            named = decode_resume(leaf.extra).predecessors
            end = max([end, *(head.size for head in named if head.log == log)])
    closed: set[int] = set()
    for by in sorted(held):
        if by.member == log.member or by.member in closed:
            continue
        stated = _stated_at_closing(held[by], log, later)
        if stated is not None:
            closed.add(by.member)
            end = max(end, stated)
    return end


def _stated_at_closing(found: list[Entry], log: LogId, later: list[LogId]) -> int | None:
    """What one log had stated of ``log`` by its first entry that names a later life of it."""
    stated = 0
    for entry in found:
        seen = () if entry.leaf is None else entry.leaf.seen
        stated = max([stated, *(one.size for one in seen if one.log == log)])
        if any(one.log in later for one in seen):
            return stated
    return None
