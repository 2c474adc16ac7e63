"""Promise 4, nobody outside reads: no body leaves for who is not addressed, none lies in clear.

What travels is seen before any bearer seals it: so a body found there was sent to whoever is at the
far end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.sim.checkers.ends import dice_of, honest, wicked

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.network import Connection
    from detente.sim.record import Submitted
    from detente.sim.run import Simulation

FAULT = "nobody outside"
TEXT_CHARS = 40  # shorter words may stand anywhere by chance
BODIES = 3  # looked for on each disk


class Outside:
    """Bodies that are not for everybody, and what leaves."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._taken = 0  # of ``record.attempted``
        self._kept_from: dict[int, list[Submitted]] = {}  # by member number
        simulation.record.leaving_to.append(self.leaving)

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
        if self._taken < len(self._simulation.record.attempted):
            self._learn()
        if not self._kept_from:
            return
        far = connection.ends[1 - connection.side(machine.number)]
        name = self._simulation.world.machines[far].name
        for one in self._kept_from.get(self._simulation.plan.names.index(name), ()):
            if len(one.packed) > len(data):
                continue
            if one.packed in data and one.name != name:
                self._simulation.record.fault(
                    FAULT, f"{machine.name} sends {name} a body of {one.name} that is not for it"
                )

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
