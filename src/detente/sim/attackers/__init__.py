"""Parties that attack: each a small mutation of the honest one, under a word of its own.

A party keeps its production node, and its mouth changes what that node says and hears; whatever
else it does is done by hand, under its own keys. docs/simulator.md lists the words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.sim.attackers import (
    answering,
    commitments,
    decisions,
    forks,
    frames,
    framing,
    hoarding,
    keys,
    receipts,
    restore,
    time,
)
from detente.sim.attackers.hand import Way
from detente.sim.dice import Dice

if TYPE_CHECKING:
    from detente.sim.run import Simulation

ATTACKERS: dict[str, type[Way]] = {
    word: way
    for family in (
        frames,
        forks,
        receipts,
        commitments,
        framing,
        restore,
        decisions,
        time,
        keys,
        hoarding,
        answering,
    )
    for word, way in family.WAYS.items()
}


def able(members: int) -> list[str]:
    """The words that chance may give to a party that attacks, among so many."""
    return sorted(
        word for word, way in ATTACKERS.items() if way.DRAWN and way.MEMBERS <= members <= way.MOST
    )


def enlist(simulation: Simulation) -> None:
    """Turns the machines that the plan names into attackers; a plan may leave the way to chance."""
    for attack in simulation.plan.attacks:
        machine = simulation.world.machines[attack.who]
        dice = Dice(simulation.plan.seed, "attack", attack.who)
        word = attack.word or dice.one_of(able(len(simulation.plan.names)))
        machine.honest = False
        machine.mouth = way = ATTACKERS[word](simulation, machine, dice, word)
        way.begin()
