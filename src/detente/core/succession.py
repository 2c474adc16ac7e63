"""Which charter is in force: the founding one with every final amendment (spec/decisions.md §6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from detente.core.body import unpack
from detente.core.charter import Charter, check_amendment, parse_charter
from detente.core.contested import NOTHING_FROZEN, FrozenLogs, ends_of
from detente.core.decisions import State, members_of, state_of_offer
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.extras import Offer
from detente.core.leaf import Kind, LogId
from detente.core.transcript import Cover, Entry, Place, Transcript


class Within:
    """A transcript cut to the sizes of a causal past; a log not named there is not there."""

    def __init__(self, whole: Transcript, past: Mapping[LogId, int]) -> None:
        self._whole = whole
        self._past = past

    def logs(self) -> Sequence[LogId]:
        """Every log that has an entry within the cut, in order of id."""
        return [log for log in self._whole.logs() if self.size(log)]

    def size(self, log: LogId) -> int:
        """How many entries lie within the cut and are held."""
        return min(self._whole.size(log), self._past.get(log, 0))

    def _has(self, place: Place) -> bool:
        return place.index < self.size(place.log)

    def entry(self, log: LogId, index: int) -> Entry:
        """One entry, as the whole transcript gives it. LocalError NOT_HELD beyond that."""
        return self._whole.entry(log, index)

    def find(self, leaf_hash: bytes) -> Place | None:
        """Where the entry with this leaf hash stands, if within the cut."""
        place = self._whole.find(leaf_hash)
        return place if place is not None and self._has(place) else None

    def referring(self, leaf_hash: bytes) -> Sequence[Place]:
        """Entries within the cut that name this leaf hash, in order of place."""
        return [place for place in self._whole.referring(leaf_hash) if self._has(place)]

    def covers(self, log: LogId, index: int) -> Sequence[Cover]:
        """The covers of one entry that were entered within the cut."""
        covers = self._whole.covers(log, index)
        return [cover for cover in covers if self._has(Place(cover.by, cover.by_index))]

    def vector(self, log: LogId, index: int) -> dict[LogId, int]:
        """What entries 0..index of a log have stated as held."""
        return self._whole.vector(log, index)

    def root_at(self, log: LogId, size: int) -> bytes | None:
        """The root of a log at a size, if within the cut."""
        return self._whole.root_at(log, size) if size <= self.size(log) else None

    def of_kind(self, kinds: Sequence[int]) -> Sequence[Place]:
        """Every entry of these kinds within the cut, in order of place."""
        return [place for place in self._whole.of_kind(kinds) if self._has(place)]


class Amended(NamedTuple):
    """A charter that was put in force, and the seal that did it; None for the founding one."""

    charter: Charter
    seal: Place | None


def charter_chain(
    transcript: Transcript,
    charter: Charter,
    past: Mapping[LogId, int] | None = None,
    *,
    frozen: FrozenLogs = NOTHING_FROZEN,
) -> Iterator[Amended]:
    """Every charter that was in force in turn, the founding ``charter`` first; as
    ``charter_in_force``, whose error it raises behind the last that is known."""
    view = transcript if past is None else Within(transcript, past)
    offers, ends = view.of_kind((Kind.OFFER,)), ends_of(view, frozen)
    yield Amended(charter, None)
    while found := list(_successors(view, offers, charter, frozen, ends)):
        (_, seal), charter = min(found, key=lambda pair: pair[0])
        yield Amended(charter, seal)


def missing_texts(
    transcript: Transcript, *, frozen: FrozenLogs = NOTHING_FROZEN
) -> tuple[Place, ...]:
    """The final offers whose text is not here: what a member that joined later has to ask for."""
    ends = ends_of(transcript, frozen)
    return tuple(
        place
        for place in transcript.of_kind((Kind.OFFER,))
        if transcript.entry(*place).body is None
        and state_of_offer(transcript, place, 0, frozen=frozen, ends=ends).state is State.FINAL
    )


def charter_in_force(
    transcript: Transcript,
    charter: Charter,
    past: Mapping[LogId, int] | None = None,
    *,
    frozen: FrozenLogs = NOTHING_FROZEN,
) -> Charter:
    """The charter that binds an entry with this causal past (None: all that is held here).

    The founding ``charter`` with every amendment folded in that is final within that past, in
    order of number (spec/decisions.md §6). LocalError CONTEXT_INCOMPLETE when the text of an
    amendment that may be in force is not here.
    """
    for amended in charter_chain(transcript, charter, past, frozen=frozen):
        charter = amended.charter
    return charter


def _successors(
    view: Transcript,
    offers: Sequence[Place],
    charter: Charter,
    frozen: FrozenLogs,
    ends: Mapping[LogId, int],
) -> Iterator[tuple[tuple[Place, Place], Charter]]:
    """Every charter that a final offer puts in the place of this one, and its rank."""
    for place in offers:
        # Whether an offer is final does not depend on the time, so any will do.
        standing = state_of_offer(
            view, place, 0, release_required=charter.release_decisions, frozen=frozen, ends=ends
        )
        terms, seal = standing.terms, standing.seal
        if standing.state is not State.FINAL or terms is None or seal is None:
            continue
        amended = _amended(view.entry(*place), charter, terms)
        if amended is not None:
            yield _rank(view, seal, terms), amended


def _amended(entry: Entry, charter: Charter, terms: Offer) -> Charter | None:
    """The charter that a final offer puts in the place of ``charter``, if it may."""
    if entry.body is None:
        raise LocalError(Refusal.CONTEXT_INCOMPLETE, "the text of a final amendment is not here")
    try:
        amended = parse_charter(unpack(entry.body))
        check_amendment(charter, amended)
    except PeerError:
        return None
    missing = required_signatories(charter, amended) & ~terms.signatories
    return None if missing else amended


def required_signatories(old: Charter, new: Charter) -> int:
    """The mask of members who must sign ``new`` in the place of ``old`` (spec/decisions.md §6).

    All but observers; under the rule *all-but-affected* without those who would lose their
    membership or their role, unless fewer than two are left: no one removes the others alone.
    """
    everyone = old.readers()
    if old.amend == "all":
        return everyone
    kept = {(member.number, member.role) for member in new.members}
    unaffected = sum(
        1 << member.number
        for member in old.members
        if member.role != "observer" and (member.number, member.role) in kept
    )
    return unaffected if unaffected.bit_count() > 1 else everyone


def _rank(view: Transcript, seal: Place, terms: Offer) -> tuple[Place, Place]:
    """Which of two final amendments of one charter came first: the lower rank is in force.

    Where the log of the lowest signatory first covered the seal, or holds it: what is appended
    to that log later does not change the order.
    """
    lowest = members_of(terms.signatories)[0]
    covered = [
        Place(cover.by, cover.by_index)
        for cover in view.covers(seal.log, seal.index)
        if cover.by.member == lowest
    ]
    own = [seal] if seal.log.member == lowest else []
    return min(covered + own), seal
