"""Promise 1, nothing lost: what was submitted stands once in every reader's store in the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from detente.sim.checkers.ends import entries, has_reader, honest, queued

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation


def check(simulation: Simulation) -> None:
    """Of an author whose disk was rolled back, what a peer held counts, and only that."""
    record = simulation.record
    held = {machine.number: _commitments(machine) for machine in honest(simulation)}
    waiting = {
        machine.name: queued(machine)
        for machine in honest(simulation)
        if not has_reader(simulation, machine)
    }
    wicked = {m.name for m in simulation.world.machines if not m.honest}
    for submitted in record.submitted:
        if submitted.name in wicked:
            continue
        member = simulation.plan.names.index(submitted.name)
        key = (member, submitted.commitment)  # others may copy it into logs of their own
        counts = {number: found[key] for number, found in held.items()}
        somewhere = any(counts.values())
        word = submitted.commitment.hex()[:12]
        if not somewhere and submitted.name in record.lost_disks:
            continue
        if submitted.commitment in waiting.get(submitted.name, ()):
            continue  # durable here, and nobody need take it
        for number, times in counts.items():
            name = simulation.world.machines[number].name
            # Who was adopted before it met anybody may enter again what comes back later: that is
            # one dispatch (spec/log.md §7), and is shown once (come_back.py).
            if times > 1 and submitted.name not in record.lost_disks:
                record.fault("nothing lost", f"{submitted.name}'s {word} stands twice at {name}")
            elif not times:
                record.fault("nothing lost", f"{submitted.name}'s {word} is not at {name}")


def _commitments(machine: Machine) -> Counter[tuple[int, bytes]]:
    return Counter(
        (log.member, entry.leaf.commitment)
        for log, found in entries(machine).items()
        for entry in found[1:]
        if entry.leaf is not None and entry.leaf.commitment
    )
