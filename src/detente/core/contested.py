"""What of a forked log, or one of a revoked key, may enter a decision (spec/decisions.md §5).

Entries behind a freeze are contested. They stand if another member's log had covered them before it
knew, and none had covered the other history: so nobody unsays by forking himself what others hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from detente.core.leaf import LogId
from detente.core.transcript import Agreement, Cover, Place, Transcript, agreement


class Proof(NamedTuple):
    """An entry, in anybody's log, that holds a *proven* accusation, and from where it freezes."""

    place: Place
    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody calls


@dataclass(frozen=True, slots=True)
class Frozen:
    """A log caught in equivocation: entries from ``index`` on are contested unless they stand.
    Of a log of a revoked key nothing at or beyond ``end`` does (spec/identity.md §9).

    Whoever fills in ``proofs`` has checked each with ``accusation.check``.
    """

    index: int
    proofs: tuple[Proof, ...]
    end: int | None = None


FrozenLogs = Mapping[LogId, Frozen]


def ended(frozen: FrozenLogs, ends: Mapping[LogId, int]) -> FrozenLogs:
    """Frozen logs, with where those of revoked keys end."""
    with_ends = {
        log: replace(frozen.get(log, Frozen(end, ())), end=end) for log, end in ends.items()
    }
    return MappingProxyType({**frozen, **with_ends}) if ends else frozen


NOTHING_FROZEN: FrozenLogs = MappingProxyType({})


def stands(transcript: Transcript, place: Place, frozen: FrozenLogs) -> bool:
    """Whether an entry may enter a decision: not contested by an equivocation of its author.

    At or beyond the frozen index it stands only if another party's log covered it before that
    log covered, or entered, any proof that freezes it, and none by then covered the other history
    (spec/decisions.md §5). A proof of a fork further up freezes nothing here, so whoever covered
    behind it did so rightly.
    """
    caught = frozen.get(place.log)
    if caught is None:
        return True
    if caught.end is not None and place.index >= caught.end:
        return False
    if place.index < caught.index:
        return True
    proofs = [proof.place for proof in caught.proofs if proof.index <= place.index]
    before = {
        agreement(transcript, cover)
        for cover in _unknowing(transcript, place.log, place.index, proofs)
    }
    if Agreement.OTHER in before or _parted(transcript, place.log, caught, proofs):
        return False
    return Agreement.SAME in before


def heads_that_stand(
    transcript: Transcript, log: LogId, size: int, caught: Frozen
) -> set[tuple[int, bytes]]:
    """The heads of a frozen log, size and root, beyond ``size`` that another member's log covered
    as ``stands`` asks: of each such log the next. They are all that is still taken of it."""
    found: set[tuple[int, bytes]] = set()
    if _parted(
        transcript, log, caught, [p.place for p in caught.proofs if p.index <= caught.index]
    ):
        return found
    for cover in transcript.covers(log, size):
        if cover.by.member == log.member:
            continue
        proofs = [proof.place for proof in caught.proofs if proof.index < cover.size]
        at = Place(cover.by, cover.by_index)
        leaf = transcript.entry(*at).leaf
        if leaf is not None and not _knows_any(transcript, at, proofs):
            named = (seen for seen in leaf.seen if (seen.log, seen.size) == (log, cover.size))
            found |= {(seen.size, seen.root) for seen in named}
    return found


def ends_of(transcript: Transcript, frozen: FrozenLogs) -> dict[LogId, int]:
    """From where on nothing of each frozen log may enter a decision: nobody need hold that."""
    ends = {}
    for log, caught in frozen.items():
        size = caught.index
        while heads := heads_that_stand(transcript, log, size, caught):
            size = max(at for at, _ in heads)
        ends[log] = size if caught.end is None else min(size, caught.end)
    return ends


def _parted(transcript: Transcript, log: LogId, caught: Frozen, proofs: Sequence[Place]) -> bool:
    """Whether a log that knew none of the proofs covered the history that is not held here: two
    histories are one nowhere behind the freeze."""
    covers = _unknowing(transcript, log, caught.index, proofs)
    return any(agreement(transcript, cover) is Agreement.OTHER for cover in covers)


def _unknowing(
    transcript: Transcript, log: LogId, index: int, proofs: Sequence[Place]
) -> list[Cover]:
    """The covers of an entry by other members' logs that knew none of the proofs by then."""
    return [
        cover
        for cover in transcript.covers(log, index)
        if cover.by.member != log.member
        and not _knows_any(transcript, Place(cover.by, cover.by_index), proofs)
    ]


def _knows_any(transcript: Transcript, at: Place, proofs: Sequence[Place]) -> bool:
    """Whether the log of ``at`` had entered or covered one of the proofs by that entry."""
    covered = transcript.vector(at.log, at.index)
    return any(
        proof.index <= at.index if proof.log == at.log else covered.get(proof.log, 0) > proof.index
        for proof in proofs
    )
