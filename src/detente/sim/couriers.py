"""Files that are carried by hand from one machine to another: late, twice, in any order, cut,
damaged, lost, or into the wrong hands. What writes and takes them is ``node.courier``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, cast

from detente.bearers.courier import CHUNK_BYTES
from detente.core.errors import LocalError, MachineError, PeerError, Refusal
from detente.node import courier
from detente.sim.deeds import deed, running, throw
from detente.sim.dice import Dice
from detente.sim.network import Connection, Route

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.sim.machine import Machine
    from detente.sim.plan import Deed
    from detente.sim.run import Simulation

FILES_MAX = 64  # of one world: what nobody carries any more
AWAY_MS = (60_000, 60 * 24 * 3_600_000)  # from a walk across the street to two months
FIRST_LETTER = -10  # below it files that are written have numbers of links, for who watches
TOGETHER = 3  # files taken at once, at most


@dataclass(eq=False)
class File:
    """A file, as it was written by one machine for another."""

    number: int
    sender: int
    receiver: int
    data: bytes
    row: dict[str, Any]  # what its sender was told


@dataclass(frozen=True, slots=True)
class Copy:
    """What is brought of a file."""

    file: File
    data: bytes

    @property
    def whole(self) -> bool:
        """Whether nothing has happened to it."""
        return self.data == self.file.data


class Watcher(Protocol):
    """Who checks what couriers bring."""

    def wrote(self, machine: Machine, file: File) -> None:
        """A file has been written."""
        ...

    def tried(self, machine: Machine, copies: Sequence[Copy]) -> None:
        """A node died of what it was given, or refused it, and may have kept some of it."""
        ...

    def took(self, machine: Machine, copy: Copy, result: dict[str, Any]) -> None:
        """A copy was taken, and this is what people were told of it."""
        ...


class _Page:
    """A file that is being written, as a way of frames: each stands in it at once."""

    empty = True
    waiting: tuple[bytes, ...] = ()

    def send(self, data: bytes, *, urgent: bool) -> None:
        """As ``network.Way``."""

    def push(self) -> None:
        """As ``network.Way``."""

    def hush(self) -> None:
        """As ``network.Way``."""

    def kill(self) -> None:
        """As ``network.Way``."""


@dataclass(eq=False)
class Couriers:
    """All files of one world."""

    files: list[File] = field(default_factory=list)
    watchers: list[Watcher] = field(default_factory=list)
    _letters: int = 0

    def write(self, machine: Machine, other: Machine) -> File | None:
        """A file of one machine for another, or None where its node refuses or dies."""
        self._letters += 1
        ends = (machine.number, other.number)
        link = FIRST_LETTER - self._letters
        letter = Connection(Route(), ends, (link, link), (_Page(), _Page()))
        clerk = machine.clerk
        clerk.letter = letter
        try:
            with TemporaryDirectory() as folder:
                path = Path(folder) / "out"
                request = {"peer": other.party.hex(), "path": str(path)}
                request["line"] = machine.world.line_id.hex()
                row = _asked(machine, lambda: courier.write(cast("Node", clerk), request))
                if row is None:
                    return None
                file = File(len(self.files), *ends, path.read_bytes(), row)
        finally:
            clerk.letter = None
        machine.world.record.note(
            machine, "courier-out", file=file.number, bytes=len(file.data), size=row["size"]
        )
        self.files.append(file)
        for watcher in self.watchers:
            watcher.wrote(machine, file)
        return file

    def take(self, machine: Machine, copies: Sequence[Copy]) -> None:
        """Some copies are given to a node at once."""
        with TemporaryDirectory() as folder:
            paths = {str(Path(folder) / f"{n}"): copy for n, copy in enumerate(copies)}
            for path, copy in paths.items():
                Path(path).write_bytes(copy.data)
            clerk = cast("Node", machine.clerk)
            results = _asked(machine, lambda: courier.take(clerk, {"paths": list(paths)}))
        if results is None:
            for watcher in self.watchers:
                watcher.tried(machine, copies)
        for result in results or ():
            copy = paths[result["path"]]
            told = {
                word: result[word]
                for word in ("error", "entries", "lost_chunks", "missing", "refused", "again")
                if word in result
            }
            machine.world.record.note(machine, "courier-in", file=copy.file.number, **told)
            for watcher in self.watchers:
                if machine.process is not None:
                    watcher.took(machine, copy, result)


def _asked(machine: Machine, act: Callable[[], Any]) -> Any:
    """What a node answers its officers; None where it refuses, or dies of it."""
    try:
        return act()
    except MachineError as error:
        machine.die(str(error))
    except (LocalError, PeerError) as error:
        machine.world.record.note(machine, "courier-refused", refusal=error.refusal.word)
        if error.refusal in (Refusal.MALFORMED, Refusal.OVERSIZE):
            machine.world.record.faults["courier-unreadable"] += 1
    return None


# --- what happens on the way ----------------------------------------------------------------------


@deed("courier")
def send(simulation: Simulation, given: Deed) -> None:
    """A party writes a file for another, and somebody sets out with it."""
    machine, dice = running(simulation, given), throw(simulation, given)
    couriers, names = simulation.couriers, simulation.plan.names
    others = [number for number in range(len(names)) if number != given.who]
    other = simulation.world.machines[dice.one_of(others)]
    if machine is None or not machine.honest or len(couriers.files) >= FILES_MAX:
        return
    file = couriers.write(machine, other)
    if file is None:
        return
    simulation.record.faults["courier"] += 1
    left_ms = simulation.plan.until_ms - simulation.world.now_ms
    for number in range(dice.one_of((0, 1, 1, 1, 1, 2, 2, 3))):
        way = dice.stream("way", number)
        away_ms = way.spread(AWAY_MS[0], min(AWAY_MS[1], max(left_ms, AWAY_MS[0] + 1)))
        at = way.between(0, len(names) - 1) if way.happens(0.1) else file.receiver
        copies = [Copy(file, _worn(file.data, way))]

        def arrive(at: int = at, copies: list[Copy] = copies) -> None:
            bring(simulation, at, copies)

        simulation.world.later(away_ms, arrive)


@deed("courier-again")
def again(simulation: Simulation, given: Deed) -> None:
    """Files of whatever age are brought to one machine, in any order, some of them once more."""
    dice, files = throw(simulation, given), simulation.couriers.files
    mine = [file for file in files if file.receiver == given.who]
    if mine:
        found = dice.some_of(mine, dice.between(1, TOGETHER))
        bring(simulation, given.who, [Copy(file, _worn(file.data, dice)) for file in found])


def bring(simulation: Simulation, number: int, copies: Sequence[Copy]) -> None:
    """Copies reach a machine. If it does not run they lie there, and nobody comes back to them."""
    machine = simulation.world.machines[number]
    if machine.process is None or not machine.honest or simulation.world.settled:
        return
    simulation.record.faults["courier-in"] += len(copies)
    simulation.couriers.take(machine, copies)


def _worn(data: bytes, dice: Dice) -> bytes:
    """What a journey leaves of a file: most often all of it."""
    kind = dice.between(0, 9)
    at = dice.between(0, len(data) - 1)
    count = dice.spread(1, 3 * CHUNK_BYTES)
    if kind == 6:
        return data[:at]
    if kind == 7:  # of ten, one each
        return data[:at] + data[at + count :]
    if kind == 8:
        return data[:at] + dice.bytes(count) + data[at + count :]
    if kind == 9:
        spots = bytearray(data)
        for _ in range(dice.between(1, 4)):
            spots[dice.between(0, len(spots) - 1)] ^= 1 << dice.between(0, 7)
        return bytes(spots)
    return data
