"""Promise 3, one transcript: in the end all honest members hold the same logs, whole; who joined
late too, from their beginning. Who has left holds a part (come_back.py)."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from detente.core.ending import ends_of_revoked
from detente.core.holding import known_root
from detente.sim.checkers.ends import guilty, heads, line_of, members

if TYPE_CHECKING:
    from detente.core.leaf import LogId
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation


def check(simulation: Simulation) -> None:
    """Equal heads of the logs of honest parties, and of the others up to where they are frozen."""
    record, wicked = simulation.record, guilty(simulation)
    for one, other in combinations(members(simulation), 2):
        ours, theirs = heads(one), heads(other)
        for log in sorted(ours.keys() | theirs.keys()):
            if ours.get(log) == theirs.get(log):
                continue
            if log.member not in wicked:
                if _same_to_the_end(one, other, log):
                    continue
                record.fault(
                    "one transcript",
                    f"{one.name} and {other.name} differ in log {log.member}/{log.word}: "
                    f"{ours.get(log, (0,))[0]} and {theirs.get(log, (0,))[0]} entries",
                )
                continue
            frozen = []
            for machine in (one, other):
                line = line_of(machine)
                found = None if line is None else line.logs.get(log)
                frozen.append(-1 if found is None else found.frozen)
            if frozen[0] != frozen[1]:
                record.fault(
                    "one transcript",
                    f"{one.name} and {other.name} froze log {log.member}/{log.word} at {frozen}",
                )


def _same_to_the_end(one: Machine, other: Machine, log: LogId) -> bool:
    """Whether both hold a log of a revoked key to one and the same end, with one root there. What
    stands beyond is contested, and nobody is owed it (spec/identity.md §9)."""
    found = []
    for machine in (one, other):
        line = line_of(machine)
        end = None if line is None else ends_of_revoked(machine.station, line).get(log)
        if line is None or end is None:
            return False
        found.append((end, known_root(line, log, end)))
    return found[0] == found[1] and found[0][1] is not None
