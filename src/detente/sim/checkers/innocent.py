"""Promise 2, never an innocent: nobody who kept the rules is ever accused, or called a liar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.events import Tell
from detente.sim.checkers.ends import guilty, honest, line_of

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

# What an honest node tells of another that broke the rules, or nearly.
WORDS = frozenset({"false-quote", "seen-contradicts", "fork-proven", "void"})
FAULT = "never an innocent"


def told(machine: Machine, tell: Tell) -> None:
    """Where all parties are honest, none says such a thing of another."""
    world, member = machine.world, tell.facts.get("member")
    if tell.word not in WORDS or not isinstance(member, int):
        return
    if any(not m.honest for m in world.machines):
        return  # else whoever it speaks of may have been misled
    world.record.fault(FAULT, f"{machine.name} says {tell.word} of member {member}")


def check(simulation: Simulation) -> None:
    """No honest node has frozen a log of an honest party."""
    wicked = guilty(simulation)
    for machine in honest(simulation):
        line = line_of(machine)
        for log in () if line is None else line.logs.values():
            ended = log.key in machine.station.revoked  # by its own party's word
            if log.frozen >= 0 and not ended and log.id.member not in wicked:
                simulation.record.fault(
                    FAULT,
                    f"{machine.name} froze {simulation.plan.names[log.id.member]}'s log "
                    f"{log.id.word} at {log.frozen}",
                )
