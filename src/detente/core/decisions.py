"""Offers, assents, withdrawals and seals (spec/decisions.md).

Everything here is a pure function of the transcript and, for expiry alone, of the time given.
What is final can never become anything else, and after an expiry nobody can be bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from detente.core.contested import NOTHING_FROZEN, FrozenLogs, ends_of, stands
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.extras import Offer, decode_offer
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.transcript import (
    Agreement,
    Entry,
    Place,
    Transcript,
    agreement,
    causal_past,
    incomplete,
)


class State(Enum):
    """What has become of an offer."""

    OPEN = "open"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SEALED = "sealed, not yet held by all"
    FINAL = "final"
    VOID = "void"
    INCOMPLETE = "context incomplete"


UNDECIDED = frozenset({State.OPEN, State.SEALED, State.INCOMPLETE})  # may become final


@dataclass(frozen=True, slots=True)
class Standing:
    """An offer's state, why, and what it rests on.

    ``waiting_for`` are the signatories still to assent (OPEN) or to hold the seal (SEALED);
    ``missing`` the logs of a seal's causal past that are not all here (INCOMPLETE).
    """

    state: State
    reason: str
    offer: Place
    terms: Offer | None = None
    assents: tuple[Place, ...] = ()
    seal: Place | None = None
    waiting_for: tuple[int, ...] = ()
    missing: tuple[LogId, ...] = ()


def members_of(mask: int) -> tuple[int, ...]:
    """The member numbers of a mask, rising."""
    return tuple(number for number in range(mask.bit_length()) if mask >> number & 1)


def state_of_offer(
    transcript: Transcript,
    place: Place,
    now_s: int,
    *,
    release_required: bool = False,
    frozen: FrozenLogs = NOTHING_FROZEN,
    ends: Mapping[LogId, int] | None = None,
) -> Standing:
    """What has become of the offer at ``place`` by ``now_s`` (seconds since the Unix epoch).

    ``release_required`` is the charter's ``release_decisions``: assents and seals then name the
    record of their release by people. ``ends`` are ``ends_of(transcript, frozen)``, from whoever
    asks of many offers at once. spec/decisions.md §3. LocalError NOT_FOUND when there is no offer
    at that place.
    """
    entry = transcript.entry(*place)
    leaf = entry.leaf
    if leaf is None or leaf.kind != Kind.OFFER:
        raise LocalError(Refusal.NOT_FOUND, "no offer stands there")
    try:
        terms = decode_offer(leaf.extra)
    except PeerError:
        return Standing(State.VOID, "its terms cannot be read", place)
    fault = _fault_of_offer(leaf, terms, place.log.member)
    if fault is None and not stands(transcript, place, frozen):
        fault = "contested: its author's log is frozen before it"
    if fault is not None:
        return Standing(State.VOID, fault, place, terms)
    case = _Case(transcript, entry, terms, now_s, release_required, frozen, ends)
    seal = case.first_seal()
    return case.unsealed() if seal is None else case.sealed(*seal)


def engages(
    transcript: Transcript,
    place: Place,
    member: int,
    now_s: int,
    *,
    release_required: bool = False,
    frozen: FrozenLogs = NOTHING_FROZEN,
) -> bool:
    """Whether a member has signed the offer at ``place`` and may yet be bound by it, by what is
    here: it offered or sealed it, or its assent may still be sealed. spec/decisions.md §6;
    arguments and errors as of ``state_of_offer``."""
    standing = state_of_offer(
        transcript, place, now_s, release_required=release_required, frozen=frozen
    )
    terms, seal = standing.terms, standing.seal
    if terms is None or standing.state not in UNDECIDED:
        return False
    if member == place.log.member or (seal is not None and member == terms.sealer):
        return True
    entry = transcript.entry(*place)
    case = _Case(transcript, entry, terms, now_s, release_required, frozen, None)
    return case.may_name_assent_of(member, sealed=seal is not None)


def _fault_of_offer(leaf: Leaf, terms: Offer, offerer: int) -> str | None:
    signatories = members_of(terms.signatories)
    if (terms.signatories | 1 << terms.sealer) & ~leaf.audience:
        return "not addressed to all who are to sign or seal"
    if len(signatories) == 2 and terms.sealer == offerer and offerer in signatories:
        return "between two, the other one seals"
    if leaf.refs:
        return "an offer names no entry"
    return None


@dataclass(frozen=True, slots=True)
class _Case:
    """One readable offer and where it is looked at from."""

    transcript: Transcript
    offer: Entry
    terms: Offer
    now_s: int
    release_required: bool
    frozen: FrozenLogs
    ends: Mapping[LogId, int] | None

    def _naming(self, kind: Kind, hash_: bytes) -> list[tuple[Place, Leaf]]:
        """Entries of a kind whose first reference is this hash, in order of place."""
        found = []
        for place in self.transcript.referring(hash_):
            leaf = self.transcript.entry(*place).leaf
            if leaf is not None and leaf.kind == kind and leaf.refs[0] == hash_:
                found.append((place, leaf))
        return found

    def _required(self) -> tuple[int, ...]:
        """Whose assents a seal names: offer and seal are their own authors' assents."""
        own = (self.offer.place.log.member, self.terms.sealer)
        return tuple(m for m in members_of(self.terms.signatories) if m not in own)

    def _standing(
        self,
        state: State,
        reason: str,
        *,
        assents: tuple[Place, ...] = (),
        seal: Place | None = None,
        waiting_for: tuple[int, ...] = (),
        missing: tuple[LogId, ...] = (),
    ) -> Standing:
        return Standing(
            state, reason, self.offer.place, self.terms, assents, seal, waiting_for, missing
        )

    def first_seal(self) -> tuple[Place, Leaf] | None:
        """The first seal of this offer in its sealer's logs that stands: there is no other. What
        is contested is not relayed, so who holds it must judge as those who do not."""
        seals = (seal for seal in self._seals() if stands(self.transcript, seal[0], self.frozen))
        return next(seals, None)

    def _seals(self) -> list[tuple[Place, Leaf]]:
        """All seals of this offer in its sealer's logs, contested ones too."""
        found = self._naming(Kind.SEAL, self.offer.hash)
        return [(place, leaf) for place, leaf in found if place.log.member == self.terms.sealer]

    # --- Without a seal ------------------------------------------------------------------

    def unsealed(self) -> Standing:
        """Expired, withdrawn, or open and waiting for somebody."""
        assents, waiting = self._assents_now()
        withdrawals = self._withdrawals_of(self.offer)
        if any(self._sealer_knows(place) for place in withdrawals):
            return self._standing(State.WITHDRAWN, "withdrawn by its author", assents=assents)
        if self.now_s >= self.terms.expires_s:
            return self._standing(State.EXPIRED, "not sealed before its expiry", assents=assents)
        if withdrawals:
            reason = "withdrawn, which its sealer has not covered yet: it may still be sealed"
        elif waiting:
            reason = "waiting for assents"
        elif self._seals():
            reason = "contested: the sealer's log is frozen before its seal, which is none"
        else:
            reason = "waiting for its seal"
        return self._standing(State.OPEN, reason, assents=assents, waiting_for=waiting)

    def _assents_now(self) -> tuple[tuple[Place, ...], tuple[int, ...]]:
        found: dict[int, Place] = {}
        for place, _leaf in self._naming(Kind.ASSENT, self.offer.hash):
            entry = self.transcript.entry(*place)
            if self._fault_of_assent(entry) is None and not self._withdrawals_of(entry):
                found.setdefault(place.log.member, place)
        required = self._required()
        assents = tuple(found[member] for member in required if member in found)
        return assents, tuple(member for member in required if member not in found)

    def _withdrawals_of(self, entry: Entry) -> list[Place]:
        """Withdrawals of an entry by its own author."""
        return [
            place
            for place, _leaf in self._naming(Kind.WITHDRAWAL, entry.hash)
            if place.log.member == entry.place.log.member
            and stands(self.transcript, place, self.frozen)
        ]

    def _sealer_knows(self, place: Place) -> bool:
        """Whether the sealer's newest log covers this entry, so that no later seal can miss it. A
        contested cover is none: the log's other history may lack it."""
        if place.log.member == self.terms.sealer:
            return True
        newest = [log for log in self.transcript.logs() if log.member == self.terms.sealer][-1:]
        return any(
            cover.by in newest
            and stands(self.transcript, Place(cover.by, cover.by_index), self.frozen)
            for cover in self.transcript.covers(*place)
        )

    def may_name_assent_of(self, member: int, *, sealed: bool) -> bool:
        """Whether a seal may name an assent of this member: none was withdrawn where the sealer
        knows of it. Behind the seal a withdrawal comes too late."""
        assents = [
            self.transcript.entry(*place)
            for place, _leaf in self._naming(Kind.ASSENT, self.offer.hash)
            if place.log.member == member
        ]
        return any(
            sealed or not any(map(self._sealer_knows, self._withdrawals_of(assent)))
            for assent in assents
        )

    # --- With a seal ---------------------------------------------------------------------

    def sealed(self, seal: Place, leaf: Leaf) -> Standing:
        """What the first seal of the sealer made of the offer."""
        ends = ends_of(self.transcript, self.frozen) if self.ends is None else self.ends
        counts = causal_past(self.transcript, seal, ends)
        missing = incomplete(self.transcript, counts)
        if missing:
            reason = "not all that the seal rests on is here"
            return self._standing(State.INCOMPLETE, reason, seal=seal, missing=tuple(missing))
        if any(self._within(counts, place) for place in self._withdrawals_of(self.offer)):
            reason = "withdrawn by its author before it was sealed"
            return self._standing(State.WITHDRAWN, reason, seal=seal)
        past = causal_past(self.transcript, seal)
        fault, assents = self._fault_of_seal(leaf, past)
        if fault is not None:
            return self._standing(State.VOID, fault, seal=seal)
        waiting = self._not_holding(seal)
        if not waiting:
            reason = "held by every signatory before its expiry"
            return self._standing(State.FINAL, reason, seal=seal, assents=assents)
        if self.now_s >= self.terms.expires_s:
            state, reason = State.EXPIRED, "sealed, but not held by all before its expiry"
        else:
            state, reason = State.SEALED, "waiting until every signatory holds the seal"
        return self._standing(state, reason, seal=seal, assents=assents, waiting_for=waiting)

    def _fault_of_seal(
        self, leaf: Leaf, past: dict[LogId, int]
    ) -> tuple[str | None, tuple[Place, ...]]:
        if self.terms.signatories & ~leaf.audience:
            return "a seal not addressed to all signatories", ()
        if self.release_required and leaf.release is None:
            return "a seal that no person is recorded to have released", ()
        if not self._within(past, self.offer.place):
            return "a seal of an offer that its author had not covered", ()
        assents: dict[int, Place] = {}
        for hash_ in leaf.refs[1:]:
            named = self._named(hash_, past)
            if not named:
                return "a seal naming an entry that its author had not covered", ()
            place = next((one for one in named if one.log.member not in assents), named[0])
            entry = self.transcript.entry(*place)
            fault = self._fault_of_assent(entry)
            if fault is not None or place.log.member in assents:
                return fault or "a seal naming two assents of one signatory", ()
            if any(self._within(past, other) for other in self._withdrawals_of(entry)):
                return "a seal naming an assent withdrawn before it", ()
            assents[place.log.member] = place
        required = self._required()
        if len(assents) != len(required):
            return "a seal without every assent", ()
        return None, tuple(assents[member] for member in required)

    def _named(self, hash_: bytes, past: dict[LogId, int]) -> list[Place]:
        """What a hash in a seal may name: two members may enter equal assents in one second, and
        then it stands there twice. The first of each member, as far as the sealer covered it."""
        equal = [
            place
            for place, _leaf in self._naming(Kind.ASSENT, self.offer.hash)
            if self.transcript.entry(*place).hash == hash_
        ]
        found = self.transcript.find(hash_)
        places = equal or ([] if found is None else [found])
        first: dict[int, Place] = {}
        for place in places:
            if self._within(past, place):
                first.setdefault(place.log.member, place)
        return list(first.values())

    def _fault_of_assent(self, entry: Entry) -> str | None:
        leaf = entry.leaf
        if leaf is None or leaf.kind != Kind.ASSENT or leaf.refs != (self.offer.hash,):
            return "a seal naming what is no assent to this offer"
        if entry.place.log.member not in self._required():
            return "a seal naming the assent of one who is not asked"
        if self.terms.signatories & ~leaf.audience:
            return "an assent not addressed to all signatories"
        if self.release_required and leaf.release is None:
            return "an assent that no person is recorded to have released"
        if not stands(self.transcript, entry.place, self.frozen):
            return "contested: the log of an assent is frozen before it"
        return None

    @staticmethod
    def _within(past: dict[LogId, int], place: Place) -> bool:
        return place.index < past.get(place.log, 0)

    def _not_holding(self, seal: Place) -> tuple[int, ...]:
        holding = {
            cover.by.member
            for cover in self.transcript.covers(seal.log, seal.index)
            if cover.held_at_s < self.terms.expires_s
            and agreement(self.transcript, cover) is Agreement.SAME
            and stands(self.transcript, Place(cover.by, cover.by_index), self.frozen)
        }
        holding.add(seal.log.member)
        return tuple(m for m in members_of(self.terms.signatories) if m not in holding)
