"""Attachments: «attached» is stated by nobody before every byte is stored, what is stored opens to
the very files that were submitted, and nobody's take up more of a day than the charter grants."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

from detente.core.attachment import unseal
from detente.core.errors import PeerError
from detente.core.events import Input
from detente.core.extras import Rung, decode_mark
from detente.core.fetching import attachments_of
from detente.core.leaf import Kind
from detente.core.quotas import DAY_S
from detente.core.transcript import Entry
from detente.sim.checkers.ends import honest, line_of
from detente.sim.parties import START_S

if TYPE_CHECKING:
    from detente.core.line import Line
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "attachments"
DAYS_OFF = 7  # no clock here is set further off


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

    def look(self) -> None:
        """At some moment: what every author's attachments of a UTC day take up, which a purge of
        theirs may free later."""
        if not self._simulation.plan.attached:
            return
        for machine in honest(self._simulation):
            line = line_of(machine)
            if line is None:
                continue
            granted = max(line.charter.quota_bytes_per_day, line.founding.quota_bytes_per_day)
            today = machine.clock.now(self._simulation.world.now_ms).wall_s // DAY_S
            days = range(START_S // DAY_S - DAYS_OFF, today + DAYS_OFF)
            for member, day in product(sorted({log.member for log in line.logs}), days):
                used = 0 if member == line.me else line.shelf.attached_bytes(member, day)
                if used > granted:
                    what = f"{used} attached bytes of member {member} in one day"
                    self._simulation.record.fault(FAULT, f"{machine.name} has taken {what}")

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
