"""When a member received an entry: its own signed word, as early as it gave it (spec/ladder.md §3).

Received means stored durably by the receiver's node. It never means understood, agreed or cleared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.decisions import members_of
from detente.core.extras import (
    HeldAhead,
    Lacks,
    Quote,
    Rung,
    decode_held_ahead,
    decode_lacks,
    decode_mark,
    decode_quote,
)
from detente.core.leaf import Kind, LogId
from detente.core.transcript import Agreement, Cover, Entry, Place, Transcript, agreement
from detente.dossiers.fold import counts, states


class Evidence(Enum):
    """What a receipt rests on."""

    SEEN = "seen"  # an entry of the receiver whose `seen` covers it
    HELD_AHEAD = "held-ahead"  # an entry of the receiver that names it
    QUOTE = "quote"  # the receiver's cosignature, copied by the author, covered undisputed


@dataclass(frozen=True, slots=True)
class Receipt:
    """That ``member`` held an entry at ``at_s``, by its own clock; ``place`` states it.

    For a quote, ``place`` is the quote and ``covered_by`` the receiver's entry that let it stand.
    """

    member: int
    at_s: int
    place: Place
    evidence: Evidence
    covered_by: Place | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """All that one member has signed about holding an entry.

    ``lacks`` is its last statement that the body is missing there. ``lost`` is the `resume` of an
    incarnation that does not show the entry and has not stated it since: received, then lost in
    a restore, to be sent again.
    """

    receipt: Receipt | None = None
    lacks: Place | None = None
    lost: Place | None = None


def receipt(
    transcript: Transcript, place: Place, member: int, frozen: FrozenLogs = NOTHING_FROZEN
) -> Receipt | None:
    """The earliest receipt of an entry by one member, or None. NOT_HELD if it is not here."""
    return receipts(transcript, place, 1 << member, frozen).get(member)


def receipts(
    transcript: Transcript,
    place: Place,
    members: int,
    frozen: FrozenLogs = NOTHING_FROZEN,
    statements: Statements | None = None,
) -> dict[int, Receipt]:
    """The earliest receipt of an entry by each of a mask of members that gave one."""
    held = holdings(transcript, place, members, frozen, statements)
    return {member: one.receipt for member, one in held.items() if one.receipt is not None}


def holdings(
    transcript: Transcript,
    place: Place,
    members: int,
    frozen: FrozenLogs = NOTHING_FROZEN,
    statements: Statements | None = None,
) -> dict[int, Holding]:
    """What each of a mask of members signed about holding an entry; its author is left out.

    Of receipts with equal times the first in order of place is taken. Who asks of many entries
    reads the ``statements`` once.
    """
    given = statements or statements_in(transcript, frozen)
    case = _Case.of(transcript, transcript.entry(*place), frozen, given)
    return {
        member: case.holding(member) for member in members_of(members & ~(1 << place.log.member))
    }


@dataclass(frozen=True, slots=True)
class Statements:
    """Every counted held-ahead, quote and `lacks` of a transcript, by the log it speaks of: these
    kinds have no index by entry. ``undisputed`` keeps what was found of quotes."""

    ahead: dict[LogId, list[tuple[Place, HeldAhead]]] = field(default_factory=dict)
    quotes: dict[LogId, list[tuple[Place, Quote]]] = field(default_factory=dict)
    lacks: dict[LogId, list[tuple[Place, Lacks]]] = field(default_factory=dict)
    undisputed: dict[tuple[Place, int], Place | None] = field(default_factory=dict)


def statements_in(transcript: Transcript, frozen: FrozenLogs = NOTHING_FROZEN) -> Statements:
    """Reads them all: the one cost of a receipt that grows with the transcript, by its quotes."""
    found = Statements()
    for place in transcript.of_kind((Kind.HELD_AHEAD, Kind.LACKS, Kind.QUOTE)):
        leaf = transcript.entry(*place).leaf
        if leaf is None or not counts(transcript, place, frozen):
            continue
        if leaf.kind == Kind.HELD_AHEAD:
            held = decode_held_ahead(leaf.extra)
            found.ahead.setdefault(held.log, []).append((place, held))
        elif leaf.kind == Kind.QUOTE:
            quote = decode_quote(leaf.extra)
            found.quotes.setdefault(quote.log, []).append((place, quote))
        else:
            lacking = decode_lacks(leaf.extra)
            found.lacks.setdefault(lacking.log, []).append((place, lacking))
    return found


@dataclass(frozen=True, slots=True)
class _Case:
    """One entry, and all that anybody states about holding it."""

    transcript: Transcript
    frozen: FrozenLogs
    undisputed: dict[tuple[Place, int], Place | None]
    covers: tuple[Cover, ...]
    ahead: tuple[tuple[Place, HeldAhead], ...]
    quotes: tuple[tuple[Place, Quote], ...]
    lacks: tuple[Place, ...]

    @classmethod
    def of(
        cls, transcript: Transcript, entry: Entry, frozen: FrozenLogs, given: Statements
    ) -> _Case:
        covers = transcript.covers(*entry.place)
        log, index = entry.place
        return cls(
            transcript,
            frozen,
            given.undisputed,
            tuple(
                cover
                for cover in covers
                if states(transcript, cover, frozen)
                # An author that signed two histories is receipted for the one that was held.
                and (
                    entry.place.log not in frozen
                    or agreement(transcript, cover) is not Agreement.OTHER
                )
            ),
            tuple(
                (place, held)
                for place, held in given.ahead.get(log, ())
                if (held.index, held.leaf_hash) == (index, entry.hash)
            ),
            tuple(
                (place, quote) for place, quote in given.quotes.get(log, ()) if quote.size > index
            ),
            tuple(place for place, lacks in given.lacks.get(log, ()) if index in lacks.indices),
        )

    def holding(self, member: int) -> Holding:
        given = sorted(self.given_by(member), key=lambda one: (one.at_s, one.place))
        lacks = [place for place in self.lacks if place.log.member == member]
        return Holding(
            given[0] if given else None,
            lacks[-1] if lacks else None,
            self._lost(member, given) if given else None,
        )

    def _lost(self, member: int, given: list[Receipt]) -> Place | None:
        """The `resume` of a member's last incarnation, if that has not stated the entry."""
        last = max(log for log in self.transcript.logs() if log.member == member)
        stated = {one.covered_by or one.place for one in given}
        if not last.life or any(place.log.k == last.k for place in stated):
            return None
        return Place(last, 0)

    def given_by(self, member: int) -> Iterator[Receipt]:
        """Every receipt that a member gave."""
        for cover in self.covers:
            at = Place(cover.by, cover.by_index)
            if cover.by.member == member and not self._excepted(at):
                yield Receipt(member, cover.held_at_s, at, Evidence.SEEN)
        for place, held in self.ahead:
            if place.log.member == member:
                yield Receipt(member, held.held_at_s, place, Evidence.HELD_AHEAD)
        for place, quote in self.quotes:
            undisputed = self._covered_undisputed(place, member)
            if quote.member == member and undisputed is not None:
                yield Receipt(member, quote.time_s, place, Evidence.QUOTE, undisputed)

    def _excepted(self, at: Place) -> bool:
        """Whether the author of the entry ``at`` had said by then that it lacks the body."""
        return any(_by_then(lacks, at) for lacks in self.lacks)

    def _covered_undisputed(self, quote: Place, member: int) -> Place | None:
        """Where a member's log covered a quote without having disputed it, if it did."""
        key = quote, member
        if self.lacks:  # some cover may be excepted, which is a matter of this entry
            return self._look_undisputed(quote, member)
        if key not in self.undisputed:
            self.undisputed[key] = self._look_undisputed(quote, member)
        return self.undisputed[key]

    def _look_undisputed(self, quote: Place, member: int) -> Place | None:
        disputes = list(self._disputes(quote))
        for cover in self.transcript.covers(*quote):
            at = Place(cover.by, cover.by_index)
            if cover.by.member != member or not states(self.transcript, cover, self.frozen):
                continue
            if not self._excepted(at) and not any(_by_then(one, at) for one in disputes):
                return at
        return None

    def _disputes(self, quote: Place) -> Iterator[Place]:
        hash_ = self.transcript.entry(*quote).hash
        for place in self.transcript.referring(hash_):
            leaf = self.transcript.entry(*place).leaf
            if (
                leaf is not None
                and leaf.kind == Kind.MARK
                and counts(self.transcript, place, self.frozen)
                and decode_mark(leaf.extra).rung is Rung.DISPUTED
            ):
                yield place


def _by_then(first: Place, then: Place) -> bool:
    """Whether one party had said ``first`` when it said ``then``; lower incarnations come first."""
    if first.log == then.log:
        return first.index <= then.index
    return first.log.member == then.log.member and first.log.k < then.log.k
