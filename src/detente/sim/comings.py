"""Who joins by an amendment, who leaves by one, and who comes back under its number.

As ``node.amendments`` and ``node.lines`` have it: a member offers the amended charter, all who must
sign do, and whoever joins is given both texts, on paper or as a notice, for its officers to accept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from detente.core.charter import (
    Charter,
    Left,
    Member,
    checked,
    join_texts,
    parse_charter,
    split_texts,
)
from detente.core.crypto import sha256
from detente.core.errors import LocalError
from detente.core.events import Accept
from detente.core.line import Line
from detente.node.lines import _rejoin
from detente.sim.dealings import propose, successor
from detente.sim.deeds import deed, line_of, throw
from detente.sim.dice import Dice
from detente.sim.plan import DAY_MS, HOUR_MS, Deed

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

WORDS = ("join", "leave")


@deed("join")
def join(simulation: Simulation, given: Deed) -> None:
    """A member offers an amendment by which a party joins, or comes back, and gives it both."""
    dice, newcomer = throw(simulation, given), simulation.world.machines[given.who]
    machine = _member(simulation, dice, lambda charter: not _names(charter, newcomer))
    line = line_of(machine)
    if machine is None or line is None:
        return
    amended = _with(simulation, machine, line.charter, given.who)
    if propose(simulation, machine, line, amended, _stands_s(dice)):
        texts = join_texts(line.charter_text, amended.encode())
        simulation.officers.given[newcomer.number] = texts


@deed("leave")
def leave(simulation: Simulation, given: Deed) -> None:
    """A member offers an amendment by which one of them leaves: itself, or another."""
    dice, leaver = throw(simulation, given), simulation.world.machines[given.who]
    machine = _member(simulation, dice, lambda charter: _names(charter, leaver))
    line = line_of(machine)
    if machine is None or line is None:
        return
    try:
        amended = _without(line.charter, leaver)
    except LocalError:
        return  # two parties stay
    propose(simulation, machine, line, amended, _stands_s(dice))


def _stands_s(dice: Dice) -> int:
    return dice.spread(HOUR_MS // 1000, 2 * DAY_MS // 1000)


def _names(charter: Charter, machine: Machine) -> bool:
    return charter.number_of(machine.party) is not None


def _member(simulation: Simulation, dice: Dice, fits: Callable[[Charter], bool]) -> Machine | None:
    """Some member that may offer, and whose charter in force fits."""
    able = [
        machine
        for machine in simulation.world.machines
        if machine.process is not None
        and (line := line_of(machine)) is not None
        and line.is_open()
        and line.reads(line.me)
        and fits(line.charter)
    ]
    return dice.one_of(able) if able else None


def _with(simulation: Simulation, machine: Machine, charter: Charter, who: int) -> Charter:
    """One more member, under the number it had or the next; it names the cards in force here."""
    plan, cards = simulation.plan, machine.station.cards
    party = simulation.world.machines[who].party
    old = next((one for one in charter.left if one.party == party), None)
    number = len(charter.entries()) if old is None else old.number
    members = (*charter.members, Member(number, plan.roles[who], party, b"", cards[party].name))
    named = [one._replace(card=sha256(cards[one.party].encode())) for one in sorted(members)]
    left = tuple(one for one in charter.left if one != old)
    return checked(replace(successor(charter), members=tuple(named), left=left))


def _without(charter: Charter, leaver: Machine) -> Charter:
    """One member fewer. LocalError where fewer than two parties would stay."""
    gone = [one for one in charter.members if one.party == leaver.party]
    members = tuple(one for one in charter.members if one not in gone)
    left = sorted((*charter.left, *(Left(one.number, one.party) for one in gone)))
    return checked(replace(successor(charter), members=members, left=tuple(left)))


# --- the officers of whoever joins --------------------------------------------------------------


def welcome(simulation: Simulation, machine: Machine) -> None:
    """The officers of a party that is no member accept what they were given: the text in force, if
    a member can show one that names them, else the last that was offered."""
    line = line_of(machine) if machine.process is not None else None
    outside = line is None or line.joining or line.left
    if machine.process is None or not outside:
        return
    texts = _shown(simulation, machine) or simulation.officers.given.get(machine.number)
    if texts is None:
        return
    text, amended = split_texts(texts)
    if line is None:
        _take_up(simulation, machine, text, amended)
    elif line.joining != amended and parse_charter(amended).number > _number(line):
        machine.run([Accept(text, amended)])


def _number(line: Line) -> int:
    """Below which no text makes us a member: what we left by stands before it."""
    return line.charter.number if line.left else 0


def _shown(simulation: Simulation, machine: Machine) -> bytes | None:
    """Both texts as a member shows them: the charter in force latest, if it names this party.
    Whoever offered it may have died before it could give them."""
    lines = [
        line
        for other in simulation.world.machines
        if other.honest and other.process is not None and (line := line_of(other)) is not None
        if other is not machine and not (line.joining or line.left)
    ]
    line = max(lines, key=lambda one: one.charter.number, default=None)
    if line is None or not line.charter.number or not _names(line.charter, machine):
        return None
    return join_texts(line.charter_text, line.charter.encode())


def _take_up(simulation: Simulation, machine: Machine, text: bytes, amended: bytes) -> None:
    """For the first time, or after the disk that knew of the line was lost: then the mark says so,
    or, where that is lost too, the register, by which no pair of keys is used again."""
    mark, officers = machine.marks.read(machine.world.line_id), simulation.officers
    if mark is not None and mark.size:
        _rejoin(cast("Node", machine.clerk), parse_charter(amended), text, amended)
    elif machine.number not in officers.accepted or officers.next_pair(machine) is not None:
        machine.run([Accept(text, amended)])
    officers.accepted.add(machine.number)
