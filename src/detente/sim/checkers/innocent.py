"""Promise 2, never an innocent: nobody who kept the rules is ever accused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.sim.checkers.ends import guilty, honest, line_of

if TYPE_CHECKING:
    from detente.sim.run import Simulation


def check(simulation: Simulation) -> None:
    """No honest node has frozen a log of an honest party."""
    wicked = guilty(simulation)
    for machine in honest(simulation):
        line = line_of(machine)
        for log in () if line is None else line.logs.values():
            if log.frozen >= 0 and log.id.member not in wicked:
                simulation.record.fault(
                    "never an innocent",
                    f"{machine.name} froze {simulation.plan.names[log.id.member]}'s log "
                    f"{log.id.word} at {log.frozen}",
                )
