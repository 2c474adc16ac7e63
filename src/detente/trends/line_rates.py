"""The line's own record in figures: existence, tested reachability and use, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf

import numpy as np
from numpy.typing import NDArray

from detente.core.leaf import Precedence
from detente.trends import rates
from detente.trends.estimate import Interval
from detente.trends.line_record import ANSWERED, Call, Record

DAY_S = 86_400
WEEK_S = 7 * DAY_S
EPOCH = date(1970, 1, 1)
EXISTS, REACHED, USED, RECEIVED, REPLIED = "exists", "reached", "used", "received", "replied"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the line. ``kind`` says which sentence it is printed with."""

    kind: str
    precedence: str  # "" for all
    count: int  # of what
    of: int  # out of so many, or weeks; 0 where it is no share
    value: float | None  # a share, a rate a week, or seconds; None where too little was seen
    interval: Interval | None  # 90 %; an end that was never reached is infinite


def figures(record: Record) -> Iterator[Figure]:
    """Every figure of a record, in the order of the three exposures."""
    weeks = max((record.ended_s - record.began_s) / WEEK_S, 1 / 7)
    yield Figure(EXISTS, "", record.entries, record.members, weeks, None)
    answered = sum(turn.outcome == ANSWERED for turn in record.turns)
    yield _share(REACHED, "", answered, len(record.turns))
    yield _rate("", _dispatches(record.calls), weeks)
    for precedence in Precedence:
        calls = [call for call in record.calls if call.precedence == precedence]
        if calls:
            yield _rate(precedence.name, _dispatches(calls), weeks)
            yield _received(record, precedence.name, calls)
            yield _replied(record, precedence.name, calls)


def _dispatches(calls: Sequence[Call]) -> int:
    """Dispatches, however many readers each has."""
    return len({call.entry for call in calls})


def _rate(precedence: str, count: int, weeks: float) -> Figure:
    return Figure(
        USED, precedence, count, round(weeks), count / weeks, rates.poisson_exact(count, weeks)
    )


def _share(kind: str, precedence: str, count: int, of: int) -> Figure:
    if not of:
        return Figure(kind, precedence, 0, 0, None, None)
    return Figure(kind, precedence, count, of, count / of, rates.clopper_pearson(count, of))


def _received(record: Record, precedence: str, calls: Sequence[Call]) -> Figure:
    """How many were received within the charter's seconds; later and never count alike."""
    good = sum(
        call.received_s is not None and call.received_s - call.sent_s <= record.receipt_within_s
        for call in calls
    )
    return _share(RECEIVED, precedence, good, len(calls))


def _replied(record: Record, precedence: str, calls: Sequence[Call]) -> Figure:
    """The median time to an answer. A call without one waited at least until the record ends."""
    asking = [call for call in calls if call.asks]
    waited = [
        max((record.ended_s if call.answered_s is None else call.answered_s) - call.sent_s, 0)
        for call in asking
    ]
    flags = [call.answered_s is not None for call in asking]
    if not asking:
        return Figure(REPLIED, precedence, 0, 0, None, None)
    found = rates.kaplan_meier(waited, flags)
    low, high = (inf if end is None else end for end in found.quantile_interval(0.5))
    return Figure(
        REPLIED, precedence, sum(flags), len(asking), found.quantile(0.5), Interval(low, high)
    )


def outage_weeks(record: Record, weeks: Sequence[date]) -> tuple[NDArray[np.bool_], slice]:
    """Which weeks had an outage, among those that the record covers whole, and which these are."""
    first = EPOCH + timedelta(seconds=record.began_s)
    last = EPOCH + timedelta(seconds=record.ended_s)
    covered = [week for week in weeks if week >= first and week + timedelta(days=7) <= last]
    if not covered:
        return np.zeros(0, dtype=bool), slice(0, 0)
    at = weeks.index(covered[0])
    out = np.zeros(len(covered), dtype=bool)
    for outage in record.outages():
        for number, week in enumerate(covered):
            start_s = (week - EPOCH).days * DAY_S
            out[number] |= outage.start_s < start_s + WEEK_S and outage.end_s > start_s
    return out, slice(at, at + len(covered))
