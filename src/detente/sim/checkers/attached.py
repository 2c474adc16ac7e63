"""Attachments: «attached» is stated by nobody before every byte is stored, and what is stored opens
to the very files that were submitted."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from detente.core.attachment import unseal
from detente.core.errors import PeerError
from detente.core.events import Input
from detente.core.extras import Rung, decode_mark
from detente.core.fetching import attachments_of
from detente.core.leaf import Kind
from detente.core.transcript import Entry
from detente.sim.checkers.ends import honest, line_of

if TYPE_CHECKING:
    from detente.core.station import Line
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "attachments"


class Attached:
    """How far each machine's own log was looked at, in the step after the one that made it grow."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._seen: dict[int, tuple[object, int]] = {}  # by machine: its process, its log's size
        if simulation.plan.attached:
            simulation.record.hearing.append(self.hears)

    def hears(self, machine: Machine, _: list[Input]) -> None:
        """Before a step: what the last one has entered rests on what is stored by now."""
        line = line_of(machine)
        own = None if line is None else line.own
        if line is None or own is None or not machine.honest:
            return
        process, size = self._seen.get(machine.number, (None, 0))
        first = size if process is machine.process else own.size
        self._seen[machine.number] = (machine.process, own.size)
        if line.mute or own.size <= first:
            return  # entries that come back to a restored disk were stated over another one
        for entry in islice(own.recent.values(), max(0, len(own.recent) - own.size + first), None):
            if _states(entry):
                self._check(machine, line, entry)

    def _check(self, machine: Machine, line: Line, mark: Entry) -> None:
        for ref in () if mark.leaf is None else mark.leaf.refs:
            place = line.shelf.find(ref)
            target = None if place is None else line.shelf.entry(*place)
            if target is None or target.purged:
                continue
            parts = line.shelf.attachments(*target.place)
            if not parts or not all(part.is_whole for part in parts):
                what = f"{machine.name} stated {target.place} as attached, and has not all of it"
                self._simulation.record.fault(FAULT, what)

    def check(self) -> None:
        """At the end: whatever is whole is a file that somebody submitted, byte for byte."""
        for machine in honest(self._simulation):
            line = line_of(machine)
            if line is None or not self._simulation.plan.attached:
                continue
            for place in line.shelf.of_kind([Kind.DISPATCH]):
                entry = line.shelf.entry(*place)
                if entry.leaf is not None and entry.leaf.attached and not entry.purged:
                    self._opens(machine, line, entry)

    def _opens(self, machine: Machine, line: Line, entry: Entry) -> None:
        told, parts = attachments_of(entry), line.shelf.attachments(*entry.place)
        for number, (one, part) in enumerate(zip(told, parts, strict=False)):
            if not part.is_whole:
                continue
            try:
                unseal(one, line.shelf.chunks(*entry.place, number, 0, one.chunks))
            except PeerError as error:
                what = f"{machine.name} holds {entry.place} whole, and it does not open: {error}"
                self._simulation.record.fault(FAULT, what)


def _states(entry: Entry) -> bool:
    if entry.leaf is None or entry.leaf.kind != Kind.MARK:
        return False
    try:
        return decode_mark(entry.leaf.extra).rung is Rung.ATTACHED
    except PeerError:
        return False
