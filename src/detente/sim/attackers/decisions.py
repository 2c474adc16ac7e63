"""Decisions against their rules: sealed on a stale `seen`, twice, after a withdrawal, ahead of a
gap, and un-sealed by a fork (F9). Meanwhile the officers of the others offer, assent and seal."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from detente.core.body import SALT_BYTES, pack
from detente.core.charter import charter_id
from detente.core.decisions import Standing, State, state_of_offer
from detente.core.events import Draft
from detente.core.extras import AMENDMENT, Offer
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind, Precedence, Seen
from detente.core.line import Line
from detente.core.transcript import Place
from detente.sim.attackers.forks import ahead, sign_fork
from detente.sim.attackers.hand import (
    Hand,
    Way,
    dispatch,
    enter,
    line_of,
    statement,
    tell,
    tell_raw,
)
from detente.sim.checkers.ends import unchanged
from detente.sim.deeds import submit_draft
from detente.sim.machine import Machine

ROUND_MS = 20_000
PAUSE_MS_MAX = 600_000  # between two rounds while nothing comes: weeks of silence are looked past
STATED_MS = 35_000  # by then a withdrawal has come, and is stated as held
OPEN_S = 1_800
OFFERS = 3


class Decisions(Way):
    """What all of these share: somebody honest offers, and everybody honest decides."""

    BY_OFFERER = False  # whether the offerer seals, where it may

    def begin(self) -> None:
        """Offers now and then, and rounds of the officers."""
        self._did: set[tuple[int, bytes, int]] = set()
        self._known: dict[int, tuple[object, int, list[tuple[bytes, Standing]]]] = {}
        self._pause_ms = ROUND_MS
        self.often(self._offer, OFFERS, counted=False)
        self._round()

    def offerer(self) -> Machine | None:
        """The first honest party, if its node runs and may sign."""
        for machine in self.simulation.world.machines:
            line = line_of(machine)
            if machine.honest and line is not None and line.may_sign():
                return machine
        return None

    def _offer(self) -> bool:
        machine = self.offerer()
        line = None if machine is None else line_of(machine)
        if machine is None or line is None:
            return False
        charter = line.charter
        amended = replace(
            charter,
            number=charter.number + 1,
            predecessor=charter_id(charter.encode()),
            title=f"Simulated line, amended {self.dice.between(0, 999)}",
        )
        signatories = charter.readers()
        sealer = self.sealer(line, two=signatories.bit_count() == 2)
        until_s = self._now_s(machine) + OPEN_S
        draft = Draft(
            kind=Kind.OFFER,
            audience=charter.everyone(),
            precedence=Precedence.PRIORITY,
            extra=Offer(AMENDMENT, sealer, signatories, until_s).encode(),
            body=pack(amended.encode(), 5, charter.padding),
            salt=machine.dice.bytes(SALT_BYTES),
        )
        return submit_draft(machine, draft)

    def sealer(self, line: Line, *, two: bool) -> int:
        """Who is to seal what is offered on this line of the offerer's."""
        return line.me if self.BY_OFFERER and not two else self.line.me

    def _now_s(self, machine: Machine) -> int:
        return machine.clock.now(self.simulation.world.now_ms).wall_s

    def _round(self) -> None:
        world = self.simulation.world
        self._came = False
        for machine in world.machines:
            for hash_, standing in self.standings(machine):
                if machine.process is None:
                    break  # it died of the last one
                if machine is self.machine:
                    self.abuse(hash_, standing)
                elif machine.honest:
                    self.decide(machine, hash_, standing)
        self._pause_ms = ROUND_MS if self._came else min(2 * self._pause_ms, PAUSE_MS_MAX)
        if not world.settled:
            world.later(self._pause_ms, self._round)

    def standings(self, machine: Machine) -> list[tuple[bytes, Standing]]:
        """Every offer that a machine knows, by its leaf hash."""
        line = line_of(machine)
        if line is None:
            return []
        now_s = self._now_s(machine)
        held = tuple((log.size, log.frozen) for log in line.logs.values())
        known = self._known.get(machine.number)
        if known is not None and known[0] == held:
            at_s, offers = known[1:]
            if at_s <= now_s < _until_s(at_s, offers):
                return offers
        frozen, shelf = frozen_logs(machine.station, line), unchanged(machine, line)
        found = [
            (
                shelf.entry(*place).hash,
                state_of_offer(shelf, place, now_s, frozen=frozen),
            )
            for place in shelf.of_kind((Kind.OFFER,))
        ]
        self._known[machine.number] = (held, now_s, found)
        self._came = True
        return found

    def decide(self, machine: Machine, hash_: bytes, standing: Standing) -> None:
        """What honest officers do about an offer that is open."""
        line = line_of(machine)
        if line is None:
            return
        if standing.state is State.FINAL:
            self.simulation.record.finals.add(hash_)
        if standing.state is not State.OPEN or standing.terms is None or not line.may_sign():
            return
        if line.me in standing.waiting_for:
            self.state(machine, Kind.ASSENT, hash_)
        elif standing.terms.sealer == line.me and not standing.waiting_for:
            self.state(machine, Kind.SEAL, hash_, *self.assents(machine, standing))

    def assents(self, machine: Machine, standing: Standing) -> list[bytes]:
        """The leaf hashes of the assents that an offer has."""
        line = line_of(machine)
        assert line is not None  # noqa: S101  # asked in a round alone
        return [line.shelf.entry(*place).hash for place in standing.assents]

    def state(self, machine: Machine, kind: Kind, *refs: bytes) -> None:
        """One statement about an offer, once."""
        key = (machine.number, refs[0], kind)
        line = line_of(machine)
        if key in self._did or line is None:
            return  # said already, or its node has just died
        self._did.add(key)
        draft = Draft(kind=kind, audience=line.everyone(), precedence=2, refs=refs)
        if not submit_draft(machine, draft) and machine.process is not None:
            self._did.discard(key)  # refused: it signs another one that is not decided yet

    def abuse(self, hash_: bytes, standing: Standing) -> None:
        """What this party makes of an offer: by default what the honest do."""
        self.decide(self.machine, hash_, standing)

    def once(self, hash_: bytes) -> bool:
        """True the first time that it is asked about an offer."""
        key = (-1, hash_, 0)
        known = key in self._did
        self._did.add(key)
        return not known

    def seals(self, standing: Standing) -> bool:
        """Whether the attacker may seal this offer now."""
        terms = standing.terms
        mine = terms is not None and terms.sealer == self.line.me
        return mine and standing.state is State.OPEN and not standing.waiting_for


class StaleSeal(Decisions):
    """The offer is withdrawn, and sealed all the same by one who has cosigned the withdrawal and
    has not stated it as seen (F9, T)."""

    def abuse(self, hash_: bytes, standing: Standing) -> None:
        """Seals four seconds behind the withdrawal; or half a minute behind it, when its own log
        has stated that it holds it, with a `seen` of before."""
        offerer, own = self.offerer(), self.line.own
        if offerer is None or own is None or not self.seals(standing) or not self.once(hash_):
            return
        refs = (hash_, *self.assents(self.machine, standing))
        log = self.line.logs.get(standing.offer.log)
        seen: tuple[Seen, ...] = ()
        stale = log is not None and self.dice.happens(0.5)
        if log is not None and stale:
            seen = (Seen(log.id, log.size, log.root, log.held_at_s),)
        leaf = statement(self.machine, Kind.SEAL, refs=refs, seen=seen)
        self.state(offerer, Kind.WITHDRAWAL, hash_)

        def seal() -> None:
            if self.machine.process is None:
                return
            made = [(leaf, None)]
            held = self.line.logs.get(standing.offer.log)
            if stale and held is not None:
                now = Seen(held.id, held.size, held.root, held.held_at_s)
                made.insert(0, (statement(self.machine, Kind.SEEN, seen=(now,)), None))
            if enter(self.machine, *made):
                self.done()

        self.simulation.world.later(STATED_MS if stale else 4_000, seal)


class TwoSeals(Decisions):
    """Two seals of one offer; the second names other assents (F9, T)."""

    def abuse(self, hash_: bytes, standing: Standing) -> None:
        """Both at once."""
        if not self.seals(standing) or not self.once(hash_):
            return
        assents = self.assents(self.machine, standing)
        first = statement(self.machine, Kind.SEAL, refs=(hash_, *assents))
        second = statement(self.machine, Kind.SEAL, refs=(hash_, *assents, hash_))
        pair = (first, second) if self.dice.happens(0.5) else (second, first)
        if enter(self.machine, *[(leaf, None) for leaf in pair]):
            self.done()


class LateAssent(Decisions):
    """An assent to what it knows to be withdrawn (F9, T)."""

    MEMBERS = 3
    BY_OFFERER = True

    def abuse(self, hash_: bytes, standing: Standing) -> None:
        """First has it withdrawn, then assents."""
        offerer = self.offerer()
        if offerer is not None and standing.state is State.OPEN and self.once(hash_):
            self.state(offerer, Kind.WITHDRAWAL, hash_)
        elif standing.state is State.WITHDRAWN and self.once(b"assent" + hash_):
            leaf = statement(self.machine, Kind.ASSENT, refs=(hash_,))
            if enter(self.machine, (leaf, None)):
                self.done()


class AssentAhead(Decisions):
    """A FLASH assent or seal that overtakes (F7, T)."""

    def abuse(self, hash_: bytes, standing: Standing) -> None:
        """Sent ahead of a gap, and to no avail."""
        peer, own = self.peer(), self.line.own
        if standing.state is not State.OPEN or peer is None or own is None:
            return
        if peer.sent.get(own.id, 0) < own.size or not self.once(hash_):
            return
        kind = self.dice.one_of((Kind.ASSENT, Kind.SEAL))
        leaf = statement(self.machine, kind, refs=(hash_,), precedence=Precedence.FLASH)
        hand = Hand.copy(self.machine, own)
        made = (dispatch(self.machine, "first"), (leaf, None))
        for one in made:
            hand.add(*one)
        tell(self.machine, peer, ahead(hand, own.size, own.size + 1))
        self.done()
        enter(self.machine, *made)


class Unseal(Decisions):
    """Once a seal is final, its author or a signatory forks below it (F9, F10, T)."""

    def abuse(self, hash_: bytes, standing: Standing) -> None:
        """Does as the honest do, until it is final."""
        self.decide(self.machine, hash_, standing)
        seal = standing.seal
        if standing.state is not State.FINAL or seal is None:
            return  # its node may have died of deciding
        own = self.line.own
        if own is None:
            return
        places = [place for place in (seal, *standing.assents) if place.log == own.id]
        if places and self.once(hash_):
            self._fork(places[0])

    def _fork(self, place: Place) -> None:
        own = self.line.own
        if own is None or not place.index:
            return
        hand = Hand.copy(self.machine, own, place.index)
        hand.add(*dispatch(self.machine, "we never agreed"))
        for peer in self.peers():
            tell_raw(self.machine, peer, hand.batch(peer.channel, place.index))
        sign_fork(self, hand, place.index)
        self.done()


class LateWithdrawal(Decisions):
    """It offers, and withdraws what another has sealed by then (F9)."""

    def offerer(self) -> Machine | None:
        """Itself."""
        return self.machine if self.machine.process is not None else None

    def sealer(self, line: Line, *, two: bool) -> int:
        """The first of the honest."""
        del two
        names = self.simulation.plan.names
        machines = self.simulation.world.machines
        first = next(one.name for one in machines if one.honest and one.name != self.machine.name)
        found = names.index(first)
        return found if line.charter.readers() >> found & 1 else line.me

    def abuse(self, hash_: bytes, standing: Standing) -> None:
        """Takes it back once it is sealed."""
        if standing.state in (State.SEALED, State.FINAL) and self.once(hash_):
            leaf = statement(self.machine, Kind.WITHDRAWAL, refs=(hash_,))
            if enter(self.machine, (leaf, None)):
                self.done()


def _until_s(at_s: int, offers: list[tuple[bytes, Standing]]) -> float:
    """Until when offers are what they were at a time, if nothing comes: time alone ends them."""
    terms = [one.terms.expires_s for _, one in offers if one.terms is not None]
    return min((expires_s for expires_s in terms if expires_s > at_s), default=inf)


WAYS: dict[str, type[Way]] = {
    "stale-seal": StaleSeal,
    "two-seals": TwoSeals,
    "late-assent": LateAssent,
    "assent-ahead": AssentAhead,
    "unseal": Unseal,
    "late-withdrawal": LateWithdrawal,
}
