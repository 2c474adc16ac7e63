"""Promise 4, nobody outside reads: no body leaves for who is not addressed, none lies in clear.

What travels is seen before any bearer seals it: so a body found there was sent to whoever is at the
far end. Nothing of the line but hellos and refusals leaves for who is no member by the charter in
force at the sender; who joined gets no body from before, but for the texts of final amendments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.charter import Charter
from detente.core.decisions import State, state_of_offer
from detente.core.events import Input
from detente.core.frames import Notice, Refuse
from detente.core.freezing import frozen_logs
from detente.core.leaf import RECORD, Kind
from detente.sim.checkers.ends import dice_of, honest, line_of, wicked

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.network import Connection
    from detente.sim.record import Submitted
    from detente.sim.run import Simulation

FAULT = "nobody outside"
TEXT_CHARS = 40  # shorter words may stand anywhere by chance
BODIES = 3  # looked for on each disk
TO_ANYBODY = frozenset({Refuse.TYPE, Notice.TYPE})


class Outside:
    """Bodies that are not for everybody, and what leaves."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._taken = 0  # of ``record.attempted``
        self._kept_from: dict[int, list[Submitted]] = {}  # by member number
        self._before: dict[int, Charter] = {}  # in force at a machine when its last step began
        simulation.record.hearing.append(self.hears)
        simulation.record.leaving_to.append(self.leaving)

    def hears(self, machine: Machine, _: list[Input]) -> None:
        """Before a step of a machine: what was said until then was said under this charter."""
        line = line_of(machine)
        if line is not None and machine.honest:
            self._before[machine.number] = line.charter

    def _learn(self) -> None:
        names, attempted = self._simulation.plan.names, self._simulation.record.attempted
        for one in attempted[self._taken :]:
            for member in range(len(names)):
                if not one.audience >> member & 1 and len(one.packed) > 16:
                    self._kept_from.setdefault(member, []).append(one)
        self._taken = len(attempted)

    def leaving(self, machine: Machine, connection: Connection, data: bytes, _: bool) -> None:
        """A frame of an honest node is about to leave."""
        if not machine.honest:
            return
        other = self._simulation.world.machines[
            connection.ends[1 - connection.side(machine.number)]
        ]
        kind = data[0] >> 4 if data else Refuse.TYPE
        if kind not in TO_ANYBODY and self._is_stranger(machine, other.party):
            what = f"a frame of type {kind}, and it is no member there"
            self._simulation.record.fault(FAULT, f"{machine.name} sends {other.name} {what}")
        if self._taken < len(self._simulation.record.attempted):
            self._learn()
        if not self._kept_from:
            return
        name = other.name
        member = self._simulation.plan.names.index(name)
        for one in self._kept_from.get(member, ()):
            if len(one.packed) > len(data) or one.name == name or one.packed not in data:
                continue
            if not (self._was_told(one, member) or _is_record(machine, one)):
                self._simulation.record.fault(
                    FAULT, f"{machine.name} sends {name} a body of {one.name} that is not for it"
                )

    def _was_told(self, one: Submitted, member: int) -> bool:
        """Whether the very same body was addressed to a member as well: the sentence of a link test
        comes again in its turn, also once somebody has joined."""
        attempted = self._simulation.record.attempted
        return any(two.packed == one.packed and two.audience >> member & 1 for two in attempted)

    def _is_stranger(self, machine: Machine, party: bytes) -> bool:
        """Whether a party was no member here when the last step began, nor is one after it."""
        line, before = line_of(machine), self._before.get(machine.number)
        if line is None or before is None or machine.process is None:
            return False
        return before.number_of(party) is None and line.charter.number_of(party) is None

    def check(self) -> None:
        """In the end: a few bodies, and the words in them, on every disk."""
        record = self._simulation.record
        liars = wicked(self._simulation)
        long = [s for s in record.submitted if len(s.text) > TEXT_CHARS and s.name not in liars]
        if not long:
            return
        dice = dice_of(self._simulation, "outside")
        for one in (dice.one_of(long) for _ in range(BODIES)):
            words = one.text[:TEXT_CHARS].encode()
            for machine in honest(self._simulation):
                if any(
                    words in f.data or one.packed in f.data for f in machine.disk.files.values()
                ):
                    record.fault(
                        FAULT, f"words of {one.name} lie in clear on {machine.name}'s disk"
                    )


def _is_record(machine: Machine, one: Submitted) -> bool:
    """Whether a body is what the record itself is made of, for every member, also for one that
    joined later (spec/charter.md §5.1): the text of an amendment that is final here, keys, proofs.
    """
    line = line_of(machine)
    if line is None:
        return False
    frozen = frozen_logs(machine.station, line)
    for place in line.shelf.of_kind((Kind.OFFER, *sorted(RECORD))):
        leaf = line.shelf.entry(*place).leaf
        if leaf is not None and line.shelf.entry(*place).body == one.packed:
            # One text may be offered more than once: an expired offer of it hides no final one.
            if leaf.kind in RECORD:
                return True
            if state_of_offer(line.shelf, place, 0, frozen=frozen).state is State.FINAL:
                return True
    return False
