"""What officers agree with one another and change: amendments, renewed cards, revocations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from detente.core.charter import Charter, charter_id, checked
from detente.core.decisions import State, state_of_offer
from detente.core.errors import LocalError
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.revocation import Revocation, Stand, make_revocation
from detente.core.succession import required_signatories
from detente.core.transcript import Entry
from detente.sim.checkers.ends import unchanged
from detente.sim.deeds import deed, line_of, running, submit, throw
from detente.sim.dice import Dice
from detente.sim.parties import START_S, card_of, root_signers
from detente.sim.plan import DAY_MS, Deed

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

CARDS = 3  # of one party, at the most
WILLING = 0.85  # that officers assent, and that a sealer seals


# --- amendments ---------------------------------------------------------------------------------


@deed("offer")
def offer(simulation: Simulation, given: Deed) -> None:
    """An amendment is offered, for a minute or for days."""
    machine, dice = running(simulation, given), throw(simulation, given)
    line = line_of(machine)
    if machine is None or line is None or not line.is_open() or not line.reads(line.me):
        return
    text = _amended(line.charter, dice)
    propose(simulation, machine, line, text, dice.spread(60, 2 * DAY_MS // 1000))


def propose(
    simulation: Simulation, machine: Machine, line: Line, text: Charter, stands_s: int
) -> bool:
    """An amended charter is offered to all members, and to all whom it would make members; whether
    that returned."""
    signatories = required_signatories(line.charter, text) | 1 << line.me
    now_s = machine.clock.now(simulation.world.now_ms).wall_s
    terms = Offer(AMENDMENT, _sealer(line, signatories), signatories, now_s + stands_s)
    audience = line.charter.everyone() | text.everyone()
    return submit(machine, Kind.OFFER, text.encode(), audience, extra=terms.encode())


def successor(charter: Charter) -> Charter:
    """The next charter of a line, before anything is changed."""
    return replace(charter, number=charter.number + 1, predecessor=charter_id(charter.encode()))


def _amended(charter: Charter, dice: Dice) -> Charter:
    """The same line under a changed rule."""
    base = successor(charter)
    what = dice.between(0, 3)
    number = dice.spread(10, 600)
    if what == 0:
        return checked(replace(base, seen_within_s=number))
    if what == 1:
        return checked(replace(base, quota_entries_per_day=20_000 + number))
    if what == 2:
        return checked(replace(base, test_every_s=3_600 + number))
    return checked(replace(base, lacks_after_s=number))


def _sealer(line: Line, signatories: int) -> int:
    """As ``node.amendments``: between two the other, else a mediator, else whoever offers."""
    others = [
        m for m in line.charter.members if signatories >> m.number & 1 and m.number != line.me
    ]
    if len(others) == 1:
        return others[0].number
    mediator = next((m.number for m in others if m.role == "mediator"), None)
    return line.me if mediator is None else mediator


def decide(simulation: Simulation, machine: Machine) -> None:
    """The officers of one party look at what is offered: they assent, seal, withdraw or wait."""
    line = line_of(machine) if machine.process is not None else None
    if line is None or not line.is_open() or line.left:
        return
    for place in unchanged(machine, line).of_kind((Kind.OFFER,)):
        if machine.process is None:
            return  # it died of the last one
        shelf = unchanged(machine, line)
        entry = shelf.entry(*place)
        if (machine.name, entry.hash) in simulation.officers.decided:
            continue
        frozen = shelf.frozen(machine.station, line)
        now_s = machine.clock.now(simulation.world.now_ms).wall_s
        standing = state_of_offer(shelf, place, now_s, frozen=frozen)
        if standing.state is State.OPEN and standing.terms is not None:
            waiting = [member for member in standing.waiting_for if member != line.me]
            assents = tuple(line.shelf.entry(*one).hash for one in standing.assents)
            _decide(simulation, machine, line, entry, standing.terms, waiting, assents)


def _decide(
    simulation: Simulation,
    machine: Machine,
    line: Line,
    entry: Entry,
    terms: Offer,
    waiting: list[int],
    assents: tuple[bytes, ...],
) -> None:
    dice = Dice(simulation.plan.seed, "decides", machine.name, entry.hash.hex())
    willing, regrets = dice.happens(WILLING), dice.happens(0.15)
    everyone, offered = line.charter.everyone(), entry.place.log.member == line.me
    refs: tuple[bytes, ...] = (entry.hash,)
    kind = Kind.ASSENT
    if offered and regrets:
        kind = Kind.WITHDRAWAL
    elif not willing:
        return
    elif terms.sealer == line.me:
        if waiting:
            return
        kind, refs = Kind.SEAL, (entry.hash, *assents)
    elif offered or not terms.signatories >> line.me & 1:
        return
    simulation.officers.decided.add((machine.name, entry.hash))
    if submit(machine, kind, None, everyone, refs=refs) or machine.process is None:
        return
    # Refused: another one is signed, and not decided. Of two that cross the later number yields.
    simulation.officers.decided.discard((machine.name, entry.hash))
    if line.me > entry.place.log.member:
        _yield(simulation, machine, line)


def _yield(simulation: Simulation, machine: Machine, line: Line) -> None:
    """The officers take back what they offered and is still open."""
    now_s, shelf = machine.clock.now(simulation.world.now_ms).wall_s, unchanged(machine, line)
    frozen = shelf.frozen(machine.station, line)
    for place in shelf.of_kind((Kind.OFFER,)):
        own = shelf.entry(*place).hash
        key = machine.name, own
        if machine.process is None or place.log.member != line.me:
            continue
        is_open = state_of_offer(shelf, place, now_s, frozen=frozen).state is State.OPEN
        if is_open and key not in simulation.officers.decided:
            simulation.officers.decided.add(key)
            submit(machine, Kind.WITHDRAWAL, None, line.charter.everyone(), refs=(own,))


# --- keys ---------------------------------------------------------------------------------------


@deed("rotate")
def rotate(simulation: Simulation, given: Deed) -> None:
    """A later card of the same party: taken up at a restart, and told on the line."""
    machine = running(simulation, given)
    if machine is None or machine.serial == CARDS:
        return
    machine.serial += 1
    simulation.record.note(machine, "rotate", serial=machine.serial)
    machine.die("restarts with a new card")


@deed("revoke")
def revoke(simulation: Simulation, given: Deed) -> None:
    """A party declares a key void: the TLS key before this one, or a log key, with the heads it
    stands by. After that of its present log key officers adopt the next."""
    machine, dice = running(simulation, given), throw(simulation, given)
    line = line_of(machine)
    if machine is None or line is None or line.mute or line.mine is None:
        return
    k = dice.between(0, line.mine.k)
    if machine.serial > 1 and dice.happens(0.5):
        key, issued_s, stands = "tls", card_of(machine.name).card.issued_s, []
    else:
        logs = [log for log in line.logs.values() if log.id.member == line.me and log.id.k == k]
        key, issued_s = f"log {k}", START_S
        stands = sorted(Stand(log.origin, log.size, log.root) for log in logs if log.size)
    serial = simulation.officers.revocations.get(machine.name, 0) + 1
    simulation.officers.revocations[machine.name] = serial
    card = card_of(machine.name, real=machine.real).card
    revocation = Revocation(card.party, serial, key, "retired", issued_s, tuple(stands))
    try:
        note = make_revocation(revocation, card, *root_signers(machine.name))
    except LocalError as error:
        simulation.record.note(machine, "revoke", refusal=error.refusal.word)
        return
    simulation.record.note(machine, "revoke", key=key)
    machine.clerk.revoke(note)
