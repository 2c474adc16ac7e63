"""Liveness: once the faults stop, every honest node runs, signs, has nothing left to send, has
stated what it holds, and then is quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.station import Line
from detente.sim.checkers.ends import guilty, has_reader, line_of
from detente.sim.parties import PAIRS

if TYPE_CHECKING:
    from detente.sim.machine import Machine
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
        elif not line.mute:
            _check_line(simulation, machine, line)


def _check_line(simulation: Simulation, machine: Machine, line: Line) -> None:
    record, wicked = simulation.record, guilty(simulation)
    if not has_reader(simulation, machine):
        return  # nobody need ever take what it says
    if wicked and not line.is_open():
        return  # a line is open when every founding member has signed its charter
    if line.queue.rows:
        record.fault("liveness", f"{machine.name} still queues {len(line.queue.rows)} rows")
    if line.control:
        record.fault("liveness", f"{machine.name} has {len(line.control)} statements to enter")
    for log in line.logs.values():
        innocent = log.id.member not in wicked and log.id.member != line.me
        if innocent and log.covered < min(log.called, log.size):
            record.fault("liveness", f"{machine.name} owes a receipt for log {log.id.word}")
    before = simulation.sizes_before.get(machine.number)
    if before is not None and line.own is not None and line.own.size > before and not wicked:
        grown = line.own.size - before
        record.fault("liveness", f"{machine.name} entered {grown} more when all was at rest")
