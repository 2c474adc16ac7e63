"""A purge stays a purge: the body, its salt and its key are nowhere, the leaf stays; whatever
older backups were restored in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.leaf import CONTENT, Kind, Leaf
from detente.core.transcript import Entry, Place
from detente.sim.checkers.ends import entries, guilty, honest, line_of, wicked

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "purged"


def check(simulation: Simulation) -> None:
    """At every honest node that holds the entry which says so."""
    record, liars = simulation.record, wicked(simulation)
    for name, digest, salt in record.purged:
        if name in liars:
            continue
        for machine in honest(simulation):
            fault = _left(machine, digest, salt, guilty(simulation))
            if fault:
                record.fault(FAULT, f"{name}'s {digest.hex()[:12]} at {machine.name}: {fault}")
    for machine in honest(simulation):
        _declared(simulation, machine)


def _declared(simulation: Simulation, machine: Machine) -> None:
    """Whoever holds an author's `purged` has none of the bodies that it names, in whatever order
    the two came, and whoever the author is."""
    purged = {
        (log.member, ref)
        for log, found in entries(machine).items()
        for entry in found
        if entry.leaf is not None and entry.leaf.kind == Kind.PURGED
        for ref in entry.leaf.refs
    }
    for log, found in entries(machine).items() if purged else ():
        for entry in found:
            leaf = entry.leaf
            named = leaf is not None and leaf.kind in CONTENT and (log.member, entry.hash) in purged
            if named and (entry.body is not None or entry.salt is not None):
                where = f"{log.member}/{log.word}:{entry.place.index}"
                simulation.record.fault(
                    FAULT, f"{machine.name} still has the body of {where}, which its author purged"
                )


def _left(machine: Machine, digest: bytes, salt: bytes, liars: set[int]) -> str:
    """What is left of a body that its author purged, or nothing."""
    line = line_of(machine)
    place = None if line is None else line.shelf.find(digest)
    if line is None or place is None:
        return ""
    by = [
        line.shelf.entry(*other).leaf
        for other in line.shelf.referring(digest)
        if other.log.member == place.log.member
    ]
    if not any(leaf is not None and leaf.kind == Kind.PURGED for leaf in by):
        return ""  # the purge itself was lost with its disk, or never came to be
    entry = line.shelf.entry(*place)
    if entry.leaf is None or entry.leaf.commitment is None:
        return "the leaf is gone too"
    if entry.body is not None or entry.salt is not None:
        return "its body still opens"
    if not entry.purged:
        return "it is not shown as purged"
    authors = {place.log.member, *liars}
    if any(_said_again(found, place, entry.leaf, authors) for found in entries(machine).values()):
        # Released once more after a restore, in another life, which was not purged; or a liar that
        # had the body entered it as words of its own, which are not its author's to purge.
        return ""
    if salt and any(salt in file.data for file in machine.disk.files.values()):
        return "its salt is still on the disk"
    return ""


def _said_again(found: list[Entry], place: Place, leaf: Leaf, authors: set[int]) -> bool:
    """Whether another entry of one of these has the same body, and still has it here."""
    return any(
        one.leaf is not None
        and one.leaf.commitment == leaf.commitment
        and one.salt is not None
        and one.place != place
        and one.place.log.member in authors
        for one in found
    )
