"""The silences by name, and who states each (spec/ladder.md §6).

A cut line cannot sign and a dead node cannot either, so some of these are our observation alone.
Presence is the one dossier that also takes what this node saw: it is never shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto

from detente.core.charter import Charter
from detente.core.extras import Rung
from detente.core.limits import PRESENCE_LEASE_S
from detente.core.transcript import Place
from detente.dossiers.deadlines import Missing, overdue_of
from detente.dossiers.emcon import NOBODY, Spans, begins_s, span_at, whole
from detente.dossiers.ladder import Ladder


class State(Enum):
    """How a member is with us, the silences first (spec/registry.md, Silences)."""

    RECEIVE_ONLY = "receive-only"  # as it announced: no silence, and no sign of reading
    NO_SIGN_OF_LIFE = "no-sign-of-life"
    NOT_RECEIPTING = "not-receipting"
    NOBODY_ON_DUTY = "unattended"
    ON_DUTY_UNANSWERED = "unanswered"
    DECLINED = "declined"
    ON_DUTY = "attended"
    ALIVE = "alive"  # nothing valid said about its watch


class Source(Flag):
    """Who states a silence."""

    OBSERVED = auto()  # by this node alone: proof of nothing
    SIGNED = auto()  # by the member itself
    DERIVED = auto()  # from the transcript and the charter


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What this node saw of a member. Times in seconds since the epoch, by this node's clock.

    ``on_duty`` is what its last heartbeat said, good until ``lease_until_s``; None if none came.
    """

    last_sign_s: int | None = None
    alive_since_s: int | None = None  # signs of life have come since then without a break
    on_duty: bool | None = None
    lease_until_s: int = 0
    attended_since_s: int | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """One state, who states it, since when, and the entry it is about. None: not known. ``until_s``
    is when at the latest one that was announced ends."""

    state: State
    source: Source
    since_s: int | None = None
    entry: Place | None = None
    until_s: int | None = None


def presence(
    charter: Charter,
    member: int,
    saw: Observation,
    ours: Iterable[Ladder],
    now_s: int,
    silent: Mapping[int, Spans] = NOBODY,
) -> Presence:
    """How ``member`` is with us at ``now_s``: the most pressing state that holds.

    ``ours`` are the ladders of our own entries to it that it has not answered, or has declined;
    ``silent`` says when members announced that they send nothing. A lease behind such an end its
    first sign of life may still be on its way.
    """
    spans = whole(silent.get(member, ()))
    span = span_at(spans, now_s, PRESENCE_LEASE_S)
    if span is not None and (now_s < span.until_s or (saw.last_sign_s or 0) <= span.until_s):
        until_s = span.until_s
        return Presence(State.RECEIVE_ONLY, Source.SIGNED, span.from_s, span.place, until_s)
    if saw.last_sign_s is None or now_s - saw.last_sign_s > PRESENCE_LEASE_S:
        return Presence(State.NO_SIGN_OF_LIFE, Source.OBSERVED, saw.last_sign_s)
    waiting = sorted(ours, key=lambda one: (one.sent_s, one.place))
    withheld = _not_receipting(charter, member, saw, waiting, now_s, spans)
    if withheld is not None:
        return withheld
    if saw.on_duty is None or now_s > saw.lease_until_s:
        return Presence(State.ALIVE, Source.OBSERVED, saw.alive_since_s)
    if not saw.on_duty:
        return Presence(State.NOBODY_ON_DUTY, Source.SIGNED)
    late = _unanswered(charter, member, waiting, now_s, silent)
    if late is not None:
        return late
    declined = _declined(member, saw, waiting)
    if declined is not None:
        at_s, place = declined
        return Presence(State.DECLINED, Source.SIGNED, at_s, place)
    return Presence(State.ON_DUTY, Source.SIGNED, saw.attended_since_s)


def _not_receipting(
    charter: Charter,
    member: int,
    saw: Observation,
    waiting: list[Ladder],
    now_s: int,
    spans: Spans,
) -> Presence | None:
    """Alive for long enough to have received an entry, and without a word about it: who has said
    that it lacks the body receipts, and cannot receipt this."""
    within_s = charter.seen_within_s + PRESENCE_LEASE_S
    for rungs in waiting:
        reader = rungs.reader(member)
        if reader is None or reader.received is not None or not rungs.stands:
            continue
        if reader.holding.lacks is not None:
            continue
        # An outage is not held against a node that has just come back.
        start_s = max(rungs.sent_s, saw.alive_since_s or 0)
        due_s = begins_s(spans, start_s, within_s) + within_s
        if now_s > due_s:
            return Presence(State.NOT_RECEIPTING, Source.DERIVED, due_s, rungs.place)
    return None


def _unanswered(
    charter: Charter, member: int, waiting: list[Ladder], now_s: int, silent: Mapping[int, Spans]
) -> Presence | None:
    """The entry whose answer has been overdue for longest."""
    late = [
        one
        for rungs in waiting
        for one in overdue_of(charter, rungs, now_s, silent)
        if one.member == member and one.missing is Missing.ANSWER
    ]
    if not late:
        return None
    first = min(late, key=lambda one: (one.due_s, one.place))
    source = Source.SIGNED | Source.DERIVED
    return Presence(State.ON_DUTY_UNANSWERED, source, first.due_s, first.place)


def _declined(member: int, saw: Observation, waiting: list[Ladder]) -> tuple[int, Place] | None:
    """When the watch now on duty last declined an entry of ours, and which."""
    if saw.attended_since_s is None:
        return None
    declined = [
        (step.at_s, rungs.place)
        for rungs in waiting
        if (reader := rungs.reader(member)) is not None
        and (step := reader.first(Rung.DECLINED)) is not None
        and step.at_s >= saw.attended_since_s
    ]
    return max(declined, default=None)
