"""Whose keys count: every card in force at an honest node is one that any tool would accept, is
its party's own, and is never followed by an older one (F17, F19)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.errors import PeerError
from detente.core.events import Tell
from detente.core.identity import parse_card
from detente.sim.checkers.ends import honest, wicked
from detente.sim.parties import card_of

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "cards"


class Cards:
    """The highest serial of each party that was in force at each machine."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._most: dict[tuple[int, bytes], int] = {}
        simulation.record.told_to.append(self.told)

    def told(self, machine: Machine, tell: Tell) -> None:
        """Another card is in force."""
        if tell.word == "card-renewed" and machine.honest and machine.process is not None:
            self._risen(machine)

    def look(self) -> None:
        """At some moment, at every honest node."""
        for machine in honest(self._simulation):
            self._risen(machine)

    def _risen(self, machine: Machine) -> None:
        """No card in force is older than one before it, but for a lost disk."""
        if machine.name in self._simulation.record.lost_disks:
            return
        for party, card in sorted(machine.station.cards.items()):
            most = self._most.setdefault((machine.number, party), card.serial)
            self._most[machine.number, party] = max(most, card.serial)
            if card.serial < most:
                what = f"{card.name}'s card {card.serial} behind {most}"
                self._fault(f"{machine.name} has put in force {what}")

    def check(self) -> None:
        """In the end: what is in force, read once more from the file that is kept of it."""
        self.look()
        plan, liars = self._simulation.plan, wicked(self._simulation)
        cards = {
            card_of(name, real=plan.real).card.party: name
            for name in plan.names
            if name not in liars
        }
        for machine in honest(self._simulation):
            kept = {(one.party, one.serial): one.data for one in machine.clerk.store.cards()}
            for party, card in sorted(machine.station.cards.items()):
                if card.party == machine.party:
                    continue
                self._read(machine, kept.get((party, card.serial), b""))
                name = cards.get(party)
                if name and card != card_of(name, card.serial, real=plan.real).card:
                    self._fault(f"{machine.name} has in force a card that {name} never made")

    def _read(self, machine: Machine, data: bytes) -> None:
        try:
            parse_card(data)
        except PeerError as error:
            self._fault(f"{machine.name} has in force a card that is none: {error.detail}")

    def _fault(self, what: str) -> None:
        self._simulation.record.fault(FAULT, what)
