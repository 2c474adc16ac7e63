"""Promise 3, one transcript: in the end all honest members hold the same logs, whole; who joined
late too, from their beginning. Who has left holds a part (come_back.py)."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from detente.sim.checkers.ends import guilty, heads, line_of, members

if TYPE_CHECKING:
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
