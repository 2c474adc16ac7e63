"""Promise 1, nothing lost: what was submitted stands once in every reader's store in the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from detente.core.leaf import CONTENT
from detente.core.transcript import Place
from detente.sim.checkers.ends import entries, has_reader, honest, line_of, members, queued
from detente.sim.parties import PAIRS

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation


def check(simulation: Simulation) -> None:
    """Of an author whose disk was rolled back, what a peer held counts, and only that. Every member
    in force has what any of them has; what one that has left had not brought to them is its own."""
    record = simulation.record
    bodies(simulation)
    held = {machine.number: _commitments(machine) for machine in honest(simulation)}
    inside = {machine.number: machine.name for machine in members(simulation)}
    waiting = {
        machine.name: queued(machine)
        for machine in honest(simulation)
        if machine.number not in inside
        or not (has_reader(simulation, machine) and is_open(machine))
        or mute_for_good(machine)
    }
    wicked = {m.name for m in simulation.world.machines if not m.honest}
    for submitted in record.submitted:
        if submitted.name in wicked:
            continue
        member = simulation.plan.names.index(submitted.name)
        key = (member, submitted.commitment)  # others may copy it into logs of their own
        counts = {number: found[key] for number, found in held.items()}
        somewhere = counts.get(submitted.machine) or any(counts[number] for number in inside)
        word = submitted.commitment.hex()[:12]
        if not somewhere and submitted.at_ms <= record.lost_ms.get(submitted.name, -1):
            continue
        if submitted.commitment in waiting.get(submitted.name, ()):
            continue  # durable here, and nobody need take it
        brought = submitted.name in inside.values() or any(counts[number] for number in inside)
        if counts.get(submitted.machine) and not brought:
            continue  # entered, and nobody takes it from who has left
        for number, name in inside.items():
            times = counts[number]
            # Who was adopted before it met anybody may enter again what comes back later: that is
            # one dispatch (spec/log.md §7), and is shown once (come_back.py).
            if times > 1 and submitted.name not in record.lost_disks:
                record.fault("nothing lost", f"{submitted.name}'s {word} stands twice at {name}")
            elif not times:
                record.fault("nothing lost", f"{submitted.name}'s {word} is not at {name}")


def bodies(simulation: Simulation) -> None:
    """In the end whoever is addressed has the body of each entry that any member has of it."""
    there: dict[tuple[Place, bytes], str] = {}
    for machine in members(simulation):
        for found in entries(machine).values():
            for entry in found:
                if entry.body is not None:
                    there.setdefault((entry.place, entry.hash), machine.name)
    for machine in members(simulation):
        line = line_of(machine)
        for log, found in entries(machine).items():
            frozen = -1 if line is None or log not in line.logs else line.logs[log].frozen
            for entry in found:
                place, leaf = entry.place, entry.leaf
                lacking = leaf is not None and leaf.commitment is not None and entry.body is None
                if line is None or leaf is None or not lacking or entry.purged:
                    continue
                wanted = leaf.kind in CONTENT and line.entitled(leaf, log.member, line.me)
                holder = there.get((place, entry.hash))
                if wanted and holder is not None and not 0 <= frozen <= place.index:
                    simulation.record.fault(
                        "nothing lost",
                        f"the body of {log.member}/{log.word}:{place.index}, which {holder} has, "
                        f"is not at {machine.name}",
                    )


def mute_for_good(machine: Machine) -> bool:
    """Whether it was restored once more than its card has pairs of keys: it signs nothing again."""
    line = line_of(machine)
    return line is not None and bool(line.mute) and machine.register_k >= PAIRS - 1


def is_open(machine: Machine) -> bool:
    """Whether every founding member has signed the charter: a party that attacks may never do."""
    line = line_of(machine)
    return line is not None and line.is_open()


def _commitments(machine: Machine) -> Counter[tuple[int, bytes]]:
    return Counter(
        (log.member, entry.leaf.commitment)
        for log, found in entries(machine).items()
        for entry in found[1:]
        if entry.leaf is not None and entry.leaf.commitment
    )
