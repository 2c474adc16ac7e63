"""What all checkers ask of a simulation that has come to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakKeyDictionary

from detente.core.body import commit
from detente.core.contested import FrozenLogs
from detente.core.freezing import frozen_logs
from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.shelf import Shelf
from detente.core.speaking import loaded
from detente.core.station import Station
from detente.core.transcript import Entry
from detente.sim.dice import Dice

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.record import Record
    from detente.sim.run import Simulation

_still: WeakKeyDictionary[Record, dict[tuple[int, bool], tuple[object, Still]]] = (
    WeakKeyDictionary()
)
_read: WeakKeyDictionary[Record, dict[int, dict[LogId, list[Entry]]]] = WeakKeyDictionary()


def dice_of(simulation: Simulation, word: str) -> Dice:
    """The throws of one checker: they change nothing elsewhere."""
    return Dice(simulation.plan.seed, "checker", word)


def entries(machine: Machine) -> dict[LogId, list[Entry]]:
    """Everything that a machine's store holds of the line; read once, at the end."""
    read = _read.setdefault(machine.world.record, {})
    if machine.number not in read:
        line = line_of(machine)
        read[machine.number] = (
            {}
            if line is None
            else {
                log: list(line.shelf.entries(log, 0, line.shelf.size(log)))
                for log in line.shelf.logs()
            }
        )
        if line is not None:
            still(machine, line).entered(read[machine.number])
    return read[machine.number]


class Still(Shelf, Protocol):
    """A shelf that is told what was read otherwise."""

    def entered(self, found: Mapping[LogId, Sequence[Entry]]) -> None:
        """All entries of these logs."""
        ...

    def frozen(self, station: Station, line: Line) -> FrozenLogs:
        """Every log that is frozen there, and what stands of it."""
        ...


class _Still:
    """A shelf while nothing changes: what one checker has read of it no other reads again."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known: dict[tuple[object, ...], Any] = {}

    def entered(self, found: Mapping[LogId, Sequence[Entry]]) -> None:
        for entry in (entry for entries in found.values() for entry in entries):
            self._known["entry", entry.place.log, entry.place.index] = entry

    def frozen(self, station: Station, line: Line) -> FrozenLogs:
        if ("frozen",) not in self._known:
            self._known["frozen",] = frozen_logs(station, line)
        return cast("FrozenLogs", self._known["frozen",])

    def __getattr__(self, name: str) -> Callable[..., Any]:
        asked, known = getattr(self._shelf, name), self._known

        def read(*args: Any) -> Any:
            key = name, *(tuple(arg) if isinstance(arg, list) else arg for arg in args)
            if key not in known:
                known[key] = asked(*args)
            return known[key]

        setattr(self, name, read)
        return read


def still(machine: Machine, line: Line) -> Still:
    """What a machine's store holds of the line, read once in each look of the checkers, and anew
    whenever more is held."""
    return _remembered(machine, line, machine.world.record.looks)


def unchanged(machine: Machine, line: Line) -> Still:
    """The same for who asks of entries alone, now and then: read anew only when more is held."""
    return _remembered(machine, line, -1)


def held_by(machine: Machine, line: Line) -> tuple[object, ...]:
    """What a process holds of a line: while this stays the same, so does all that is read of it."""
    logs = [(log.id, log.size, log.frozen, len(log.missing)) for log in line.logs.values()]
    return machine.process, logs, line.mute, frozenset(machine.station.revoked)


def _remembered(machine: Machine, line: Line, look: int) -> Still:
    moment = look, held_by(machine, line)
    shelves = _still.setdefault(machine.world.record, {})
    known = shelves.get((machine.number, look < 0))
    if known is None or known[0] != moment:
        known = moment, cast("Still", _Still(line.shelf))
        shelves[machine.number, look < 0] = known
    return known[1]


def author_of(machine: Machine, member: int) -> str:
    """The name of the party behind a member number, or nothing."""
    line = line_of(machine)
    party = None if line is None else line.party_of(member)
    found = [m.name for m in machine.world.machines if m.party == party]
    return found[0] if found else ""


def wicked(simulation: Simulation) -> set[str]:
    """The names of parties that attack."""
    return {m.name for m in simulation.world.machines if not m.honest}


def honest(simulation: Simulation) -> list[Machine]:
    """The machines of parties that kept the rules, as far as they run."""
    return [m for m in simulation.world.machines if m.honest and m.process is not None]


def members(simulation: Simulation) -> list[Machine]:
    """The machines of honest parties that are members by the latest charter in force at any of
    them: what is promised to all is promised to these. Whether they know it is not asked; but what
    is in force only at who is no member at another has been lost with disks, and binds nobody."""
    found = honest(simulation)
    held = {m.party: line.charter for m in found if (line := line_of(m)) and not line.joining}
    known = [held[p] for p in held if all(one.number_of(p) is not None for one in held.values())]
    charter = max(known, key=lambda one: one.number, default=simulation.world.charter)
    return [machine for machine in found if charter.number_of(machine.party) is not None]


def line_of(machine: Machine) -> Line | None:
    """The line as this machine knows it."""
    process = machine.process
    assert process is not None  # noqa: S101  # asked only while it runs
    return process.station.lines.get(machine.world.line_id)


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
    others = {other.name for other in members(simulation)} - {machine.name}
    return any(roles[name] != "observer" for name in others)


def queued(machine: Machine) -> set[bytes]:
    """The commitments of what waits in a machine's outbox: durable there, and not sent yet."""
    line = line_of(machine)
    if line is None:
        return set()
    drafts = [loaded(line, row).draft for row in line.queue.rows.values()]
    return {commit(draft.salt, draft.body) for draft in drafts if draft.body is not None}
