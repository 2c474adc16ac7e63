"""One checker per promise (design, promises 1 to 8), each in a file of its own.

A checker reads only what the nodes stored and showed, and what was submitted to them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from detente.sim.checkers import (
    altered,
    attacks,
    bounded,
    covers,
    endings,
    innocent,
    nothing_lost,
    one_transcript,
    proofs,
    purged,
    rest,
)
from detente.sim.checkers.attached import Attached
from detente.sim.checkers.cables import Cables
from detente.sim.checkers.cards import Cards
from detente.sim.checkers.come_back import ComeBack
from detente.sim.checkers.couriers import Couriers
from detente.sim.checkers.decisions import Decisions
from detente.sim.checkers.ends import dice_of, entries, honest
from detente.sim.checkers.flash_first import FlashFirst
from detente.sim.checkers.held import Held
from detente.sim.checkers.outside import Outside
from detente.sim.checkers.receipts import Receipts
from detente.sim.checkers.shown import Shown
from detente.sim.checkers.silences import Silences
from detente.sim.plan import SETUP_MS

if TYPE_CHECKING:
    from detente.sim.run import Simulation

LOOKS = 4  # at moments drawn from the seed, before the faults stop


class Checkers:
    """All of them over one simulation: some watch what happens, all look when it is over."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.receipts = Receipts(simulation)
        self.outside = Outside(simulation)
        self.come_back = ComeBack(simulation)
        self.shown = Shown(simulation)
        self.flash_first = FlashFirst(simulation)
        self.silences = Silences(simulation)
        self.decisions = Decisions(simulation)
        self.held = Held(simulation)
        self.cards = Cards(simulation)
        self.attached = Attached(simulation)
        self.couriers = Couriers(simulation)
        self.cables = Cables(simulation)
        simulation.record.told_to.append(innocent.told)

    def begin(self) -> None:
        """Draws the moments at which they look in between."""
        world, dice = self._simulation.world, dice_of(self._simulation, "looks")
        for _ in range(LOOKS):
            at_ms = dice.between(SETUP_MS, self._simulation.plan.until_ms)
            world.later(max(0, at_ms - world.now_ms), partial(self.look))

    def look(self) -> None:
        """Somewhere in between, in whole stores."""
        for machine in honest(self._simulation):
            self._simulation.officers.examine(machine)
        self._simulation.record.looks += 1
        self._look()

    def listen(self) -> None:
        """In the midst of a silence: how it is shown."""
        if any(map(self._simulation.officers.is_damaged, honest(self._simulation))):
            return  # nothing can be read there, and this is no hour to replace a disk
        self._simulation.record.looks += 1
        self.silences.look()

    def _look(self) -> None:
        self.receipts.look()
        self.silences.look()
        self.decisions.look()
        self.held.look()
        self.cards.look()
        self.attached.look()
        bounded.look(self._simulation)

    def check(self) -> None:
        """When all has come to rest."""
        simulation = self._simulation
        simulation.record.looks += 1
        for machine in honest(simulation):
            entries(machine)
        self._look()
        rest.check(simulation)
        one_transcript.check(simulation)
        nothing_lost.check(simulation)
        altered.check(simulation)
        innocent.check(simulation)
        attacks.check(simulation)
        covers.check(simulation)
        endings.check(simulation)
        self.held.check()
        self.cards.check()
        self.attached.check()
        self.flash_first.check()
        self.silences.check()
        self.shown.check()
        self.outside.check()
        self.come_back.check()
        purged.check(simulation)
        self.decisions.check()
        bounded.check(simulation)
        proofs.check(simulation)
