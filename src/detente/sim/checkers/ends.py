"""What all checkers ask of a simulation that has come to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.body import commit
from detente.core.leaf import LogId
from detente.core.speaking import loaded
from detente.core.station import Line

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation


def honest(simulation: Simulation) -> list[Machine]:
    """The machines of parties that kept the rules, as far as they run."""
    return [m for m in simulation.world.machines if m.honest and m.process is not None]


def line_of(machine: Machine) -> Line | None:
    """The line as this machine knows it."""
    return machine.station.lines.get(machine.world.line_id)


def guilty(simulation: Simulation) -> set[int]:
    """The member numbers of parties that attack."""
    names = simulation.plan.names
    return {names.index(m.name) for m in simulation.world.machines if not m.honest}


def heads(machine: Machine) -> dict[LogId, tuple[int, bytes]]:
    """What a machine holds of every log."""
    line = line_of(machine)
    if line is None:
        return {}
    return {log.id: (log.size, log.root) for log in line.logs.values() if log.size}


def has_reader(simulation: Simulation, machine: Machine) -> bool:
    """Whether anybody else keeps the rules and reads."""
    roles = dict(zip(simulation.plan.names, simulation.plan.roles, strict=True))
    others = {other.name for other in honest(simulation)} - {machine.name}
    return any(roles[name] != "observer" for name in others)


def queued(machine: Machine) -> set[bytes]:
    """The commitments of what waits in a machine's outbox: durable there, and not sent yet."""
    line = line_of(machine)
    if line is None:
        return set()
    drafts = [loaded(line, row).draft for row in line.queue.rows.values()]
    return {commit(draft.salt, draft.body) for draft in drafts if draft.body is not None}
