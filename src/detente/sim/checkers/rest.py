"""Liveness: once the faults stop, every honest node runs, signs, and has nothing left to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.sim.checkers.ends import line_of
from detente.sim.parties import PAIRS

if TYPE_CHECKING:
    from detente.sim.run import Simulation


def check(simulation: Simulation) -> None:
    """No honest machine is down, mute or waiting."""
    record = simulation.record
    for machine in simulation.world.machines:
        if not machine.honest:
            continue
        if machine.process is None:
            record.fault("liveness", f"{machine.name} does not run: {machine.why_down}")
            continue
        line = line_of(machine)
        if line is None:
            record.fault("liveness", f"{machine.name} has no line")
        elif line.mute and machine.register_k < PAIRS - 1:
            record.fault("liveness", f"{machine.name} is still mute: {line.mute}")
        elif not line.mute and line.queue.rows:
            record.fault("liveness", f"{machine.name} still queues {len(line.queue.rows)} rows")
