"""What is final stays final, is one thing for all, and nobody is bound by anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from detente.core.decisions import State, state_of_offer
from detente.core.errors import LocalError
from detente.core.events import Tell
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.shelf import Shelf
from detente.core.succession import charter_chain
from detente.core.transcript import Place, causal_past
from detente.sim.checkers.ends import heads, honest, line_of, members, still
from detente.sim.checkers.finality import fault_of

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "decisions"


class _Final(NamedTuple):
    """What was seen as final: its seal, and how much of every log it was final by."""

    seal: bytes
    rests_on: dict[LogId, int]


class Decisions:
    """Every charter that was in force anywhere, and every offer that was final."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        # By number, the text of each charter that was in force, and what it was final by.
        self._charters: dict[int, dict[bytes, dict[LogId, int]]] = {}
        self._final: dict[tuple[int, bytes], _Final] = {}  # by machine and offer
        self._ended = False  # this is the last look
        simulation.record.told_to.append(self.told)

    def told(self, machine: Machine, tell: Tell) -> None:
        """A charter is put in force: the offer of it must be final by then."""
        if tell.word == "charter" and machine.honest and machine.process is not None:
            self._simulation.record.looks += 1  # what is held has changed since the last one
            self._offers(machine)

    def look(self) -> None:
        """At some moment, at every honest node."""
        for machine in honest(self._simulation):
            line = line_of(machine)
            if line is None or line.joining:
                continue
            self._charter(machine, line)
            self._offers(machine)

    def _charter(self, machine: Machine, line: Line) -> None:
        """One number, one charter, unless the one that was in force before has been lost."""
        number, text = line.charter.number, line.charter.encode()
        known = self._charters.setdefault(number, {})
        if text not in known:
            known[text] = _grounds(machine, line)
        for earlier, rests_on in known.items():
            if earlier == text:
                return
            if not self._forgotten(machine, rests_on):
                self._fault(f"{machine.name} is under another charter {number} than another was")

    def _forgotten(self, machine: Machine, rests_on: Mapping[LogId, int]) -> bool:
        """Whether a charter binds this node no more, as disks were lost: it lacks what that one
        was final by, and in the end nobody has it. A charter binds where its finality is known
        (spec/decisions.md §6); where every signatory has lost it, they may agree on another."""
        if not self._simulation.record.lost_disks:
            return False
        return _lacks(machine, rests_on) and (
            not self._simulation.world.settled or self._gone(rests_on)
        )

    def _offers(self, machine: Machine) -> None:
        line = line_of(machine)
        if line is None:
            return
        now_s = machine.clock.now(self._simulation.world.now_ms).wall_s
        shelf = still(machine, line)
        offers = shelf.of_kind((Kind.OFFER,))
        frozen = frozen_logs(machine.station, line) if offers else {}
        for place in offers:
            found = state_of_offer(shelf, place, now_s, frozen=frozen)
            offer = shelf.entry(*place).hash
            fault = fault_of(line, place, found)
            if fault:
                what = f"{machine.name} shows offer {offer.hex()[:12]} as {found.state.value}"
                self._fault(f"{what}: {fault}")
            if found.seal is None:
                continue
            before = self._final.get((machine.number, offer))
            if found.state is not State.FINAL:
                if before is not None and not self._uncovered(machine, before.rests_on):
                    self._fault(f"{machine.name} took back a final seal: {found.state.value}")
                continue
            seal = shelf.entry(*found.seal).hash
            if before is None:
                rests_on = _rests_on(shelf, found.seal)
                self._final[machine.number, offer] = _Final(seal, rests_on)
            elif before.seal != seal and not self._uncovered(machine, before.rests_on):
                self._fault(f"{machine.name} holds another seal of one offer for final")

    def _uncovered(self, machine: Machine, rests_on: Mapping[LogId, int]) -> bool:
        """Whether this node has lost with its disk what a seal was final by, and may not have it
        back yet; or never will, where it was on no honest disk that is left. A node gets back what
        its peers show (design §4, promise 7), and a decision whose past is not all here waits (§5,
        *Elision*), if nobody has it for ever. It is still getting it back after the faults have
        stopped; in the end it has it."""
        if machine.name not in self._simulation.record.lost_disks:
            return False
        if not self._simulation.world.settled or self._gone(rests_on):
            return True
        # Who has left, and has lost that it has, is a stranger to all others.
        comes = not self._ended or machine not in members(self._simulation)
        return comes and _lacks(machine, rests_on)

    def is_lost(self, offer: bytes) -> bool:
        """Whether an offer that was final is so by nothing that any honest disk still has: whoever
        saw it final has lost it with its disk, and no peer brought it back (design §4, promise 7:
        a node gets back what its peers show, and a liar need show nothing)."""
        rested = [one.rests_on for (_, hash_), one in self._final.items() if hash_ == offer]
        lost = bool(self._simulation.record.lost_disks)
        return lost and bool(rested) and all(map(self._gone, rested))

    def _gone(self, rests_on: Mapping[LogId, int]) -> bool:
        """Whether there is on no honest member's disk any more what something was final by. Who is
        one by nothing that the others still hold is a stranger, and brings nobody anything."""
        held = [heads(other) for other in members(self._simulation)]
        return any(
            all(found.get(log, (0, b""))[0] < size for found in held)
            for log, size in rests_on.items()
        )

    def check(self) -> None:
        """In the end all have decided the same, and the charter is that of the last final seal."""
        self._ended = True
        self.look()
        final: dict[bytes, set[str]] = {}
        looked = []
        for machine in members(self._simulation):
            line = line_of(machine)
            if line is None or line.joining or line.left:
                continue
            looked.append(machine.name)
            frozen = frozen_logs(machine.station, line)
            numbers = 0
            shelf = still(machine, line)
            for place in shelf.of_kind((Kind.OFFER,)):
                state = state_of_offer(shelf, place, 1 << 39, frozen=frozen).state
                if state is State.FINAL:
                    final.setdefault(shelf.entry(*place).hash, set()).add(machine.name)
                    numbers += 1
            if line.charter.number > numbers:
                self._fault(f"{machine.name} is bound by what was never final")
        if any(not m.honest for m in self._simulation.world.machines):
            return  # what only a liar's log would show may be missing for one of them
        for offer, names in final.items():
            if len(names) != len(looked):
                self._fault(f"offer {offer.hex()[:12]} is final for {sorted(names)} alone")

    def _fault(self, what: str) -> None:
        self._simulation.record.fault(FAULT, what)


def _lacks(machine: Machine, rests_on: Mapping[LogId, int]) -> bool:
    """Whether a node does not hold all of what something was final by."""
    held = heads(machine)
    return any(held.get(log, (0, b""))[0] < size for log, size in rests_on.items())


def _grounds(machine: Machine, line: Line) -> dict[LogId, int]:
    """What the charter in force at a node is final by: nothing for the founding one."""
    shelf, frozen = still(machine, line), frozen_logs(machine.station, line)
    try:
        for amended in charter_chain(shelf, line.founding, frozen=frozen):
            if amended.seal is not None and amended.charter == line.charter:
                return _rests_on(shelf, amended.seal)
    except LocalError:
        return {}  # the text of one that may come before it is not there
    return {}


def _rests_on(shelf: Shelf, seal: Place) -> dict[LogId, int]:
    """How much of every log makes a seal final: its past, and what covers it."""
    sizes = causal_past(shelf, seal)
    for cover in shelf.covers(*seal):
        sizes[cover.log] = max(cover.size, sizes[cover.log])
        sizes[cover.by] = max(cover.by_index + 1, sizes.get(cover.by, 0))
    return sizes
