"""Files by courier: a whole one brings what its sender had to give, or names what is missing; one
that came before is told as such; and of a damaged one no more is lost than the damage touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from detente.bearers.courier import CHUNK_BYTES, HEAD_BYTES
from detente.core.leaf import LogId
from detente.node.courier import KEPT_MAX
from detente.node.places import log_word
from detente.sim.checkers.ends import line_of

if TYPE_CHECKING:
    from detente.sim.couriers import Copy, File
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "couriers"
DAMAGE = frozenset({"malformed", "oversize"})  # no frame of a node that keeps the rules is either


@dataclass
class Taken:
    """When a machine took a file, and how many of the same sender since."""

    at_ms: int
    later: set[int] = field(default_factory=set)


class Couriers:
    """What every file had to give, and who has taken it."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._held: dict[int, dict[LogId, int]] = {}
        self._taken: dict[tuple[int, int], Taken] = {}  # machine, file
        self._tried: set[tuple[int, int]] = set()
        simulation.couriers.watchers.append(self)

    def wrote(self, machine: Machine, file: File) -> None:
        """What its sender holds now is in it, or is known to be held by its receiver."""
        line = line_of(machine)
        whole = line is not None and not (line.mute or line.left or file.row["more"])
        logs = line.logs.values() if line is not None and whole else ()
        self._held[file.number] = {
            log.id: log.size for log in logs if log.size and log.frozen < 0 and not log.closed()
        }

    def tried(self, machine: Machine, copies: Sequence[Copy]) -> None:
        """A node that dies while it keeps a file may know it all the same when it is back."""
        self._tried.update((machine.number, copy.file.number) for copy in copies)

    def took(self, machine: Machine, copy: Copy, result: dict[str, Any]) -> None:
        """A node has said what it found in a copy."""
        if "error" in result:
            return
        self._check_again(machine, copy, result)
        bad = sorted(DAMAGE.intersection(result["refused"]))
        if bad:
            self._fault(machine, copy, f"frames were refused as {', '.join(bad)}")
        wrong = [number for number in result["lost_chunks"] if _is_whole(copy, number)]
        if wrong:
            self._fault(machine, copy, f"chunks {wrong} are not read, and nothing touched them")
        if copy.whole and not (result["unread"] or result["refused"] or result["mute"]):
            self._check_held(machine, copy, result)

    def _check_again(self, machine: Machine, copy: Copy, result: dict[str, Any]) -> None:
        """Who took a file, and kept its disk, knows that."""
        key, now_ms = (machine.number, copy.file.number), self._simulation.world.now_ms
        before = self._taken.get(key)
        lost = machine.name in self._simulation.record.lost_disks
        if not lost and before is not None and len(before.later) < KEPT_MAX - 1:
            if not result["again"]:
                self._fault(machine, copy, "it came before, and is taken for new")
        elif not lost and before is None and result["again"] and key not in self._tried:
            self._fault(machine, copy, "it never came before, and is taken for known")
        self._taken[key] = before or Taken(now_ms)
        for (number, other), taken in self._taken.items():
            if number == machine.number and other != copy.file.number and before is None:
                taken.later.add(copy.file.number)

    def _check_held(self, machine: Machine, copy: Copy, result: dict[str, Any]) -> None:
        line = line_of(machine)
        named = {one["log"] for one in result["missing"]}
        for log_id, size in self._held[copy.file.number].items():
            log = None if line is None else line.logs.get(log_id)
            held, stopped = (0, False) if log is None else (log.size, log.closed())
            if held < size and not stopped and log_word(log_id) not in named:
                what = f"{held} of {size} entries of {log_word(log_id)} are there, unsaid"
                self._fault(machine, copy, what)

    def _fault(self, machine: Machine, copy: Copy, what: str) -> None:
        sender = self._simulation.world.machines[copy.file.sender].name
        told = f"{machine.name} about file {copy.file.number} of {sender}: {what}"
        self._simulation.record.fault(FAULT, told)


def _is_whole(copy: Copy, number: int) -> bool:
    """Whether a chunk stands whole in a copy, counted from its beginning or from its end."""
    begin = HEAD_BYTES + number * CHUNK_BYTES
    chunk, end = copy.file.data[begin : begin + CHUNK_BYTES], len(copy.file.data) - begin
    from_end = len(copy.data) - end
    return copy.data[begin : begin + CHUNK_BYTES] == chunk or (
        from_end >= 0 and copy.data[from_end : from_end + CHUNK_BYTES] == chunk
    )
