"""The line's own record in figures: unanswered calls are censored, and what is lacking says so."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

from trends.test_line_record import exported, talk

from detente.trends.line_rates import EXISTS, REACHED, REPLIED, figures, outage_weeks
from detente.trends.line_record import ANSWERED, MISSED, Turn, read_record


def test_unanswered_calls_are_censored_not_dropped():
    """The median over three answered of four is later than over the three alone."""
    record = read_record([exported(talk())])
    answered = [call for call in record.calls if call.answered_s is not None]
    waits = [figure for figure in figures(record) if figure.kind == REPLIED]
    assert sum(figure.of for figure in waits) == 3  # that ask for one
    assert sum(figure.count for figure in waits) == 2
    alone = dataclasses.replace(record, calls=tuple(answered))
    routine = next(one for one in waits if one.precedence == "ROUTINE")
    routine_alone = next(
        one for one in figures(alone) if one.kind == REPLIED and one.precedence == "ROUTINE"
    )
    assert routine.of == routine_alone.of + 1


def test_a_line_without_tests_says_so():
    """Reachability that was never tested has no figure: not nought, and not perfect."""
    record = read_record([exported(talk())])
    reached = next(one for one in figures(record) if one.kind == REACHED)
    assert (reached.of, reached.value, reached.interval) == (0, None, None)
    exists = next(one for one in figures(record) if one.kind == EXISTS)
    assert exists.count == record.entries


def test_weeks_with_an_outage():
    """A week is one of outage if a failed turn falls into it; weeks in part covered are none."""
    record = read_record([exported(talk())])
    day, monday = 86_400, date(2014, 1, 6)
    monday_s = (monday - date(1970, 1, 1)).days * day
    turns = tuple(
        Turn(0, monday_s + at * day, monday_s + (at + 1) * day, MISSED if at == 8 else ANSWERED)
        for at in range(28)
    )
    whole = dataclasses.replace(
        record, turns=turns, began_s=monday_s - day, ended_s=monday_s + 29 * day
    )
    weeks = [monday + timedelta(weeks=at) for at in range(-2, 8)]
    out, span = outage_weeks(whole, weeks)
    assert (span.start, span.stop) == (2, 6)
    assert list(out) == [False, True, False, False]
    empty, _span = outage_weeks(whole, weeks[:1])
    assert len(empty) == 0
