"""Parties that attack: each a small mutation of the honest one, under a word of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from detente.sim.dice import Dice

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

Enlist = Callable[["Simulation", "Machine", Dice], None]
ATTACKERS: dict[str, Enlist] = {}


def attacker(word: str) -> Callable[[Enlist], Enlist]:
    """Gives a way of attacking its word."""

    def register(enlist_one: Enlist) -> Enlist:
        ATTACKERS[word] = enlist_one
        return enlist_one

    return register


def enlist(simulation: Simulation) -> None:
    """Turns the machines that the plan names into attackers; a plan may leave the way to chance."""
    for attack in simulation.plan.attacks:
        if not ATTACKERS:
            return
        machine = simulation.world.machines[attack.who]
        dice = Dice(simulation.plan.seed, "attack", attack.who)
        word = attack.word or dice.one_of(sorted(ATTACKERS))
        machine.honest = False
        simulation.record.attacks[word] += 1
        ATTACKERS[word](simulation, machine, dice)
