"""EMCON: what was announced excuses, for so long and no longer; what was not is silence."""

from __future__ import annotations

import pytest

from detente.core.extras import Duty, ReceiveOnly, Rung
from detente.core.leaf import Kind, Precedence
from detente.core.limits import PRESENCE_LEASE_S, RECEIVE_ONLY_S_MAX
from detente.dossiers.deadlines import Missing, Overdue, overdue, overdue_of
from detente.dossiers.emcon import Span, announced, begins_s, span_at, whole
from detente.dossiers.fold import Standing, standing
from detente.dossiers.ladder import ladder
from detente.dossiers.presence import Observation, Presence, Source, State, presence

FLASH_S = 600
HOUR_S = 3600
TLS = 1


def say(line, log, from_s, until_s, *, bearers=0, **more):
    """A member announces it."""
    extra = ReceiveOnly(from_s, until_s, bearers).encode()
    return line.add(log, Kind.DUTY, extra=extra, **more)


def shown(line, now_s, saw=None, *ours):
    """How member 1 is with us."""
    rungs = [ladder(line.transcript, line.charter, place) for place in ours]
    silent = announced(line.transcript)
    return presence(line.charter, 1, saw or Observation(), rungs, now_s, silent)


def test_an_announcement_is_a_state_of_its_own(two):
    """Signed, with its beginning and its latest end, before and behind which it says nothing."""
    begin_s = two.time_s + 100
    place = say(two, two.logs[1], begin_s, begin_s + HOUR_S)
    expected = Presence(State.RECEIVE_ONLY, Source.SIGNED, begin_s, place, until_s=begin_s + HOUR_S)
    assert shown(two, begin_s - 1).state is State.NO_SIGN_OF_LIFE
    assert shown(two, begin_s) == shown(two, begin_s + HOUR_S) == expected
    late_s = begin_s + HOUR_S + PRESENCE_LEASE_S
    assert shown(two, late_s - 1).state is State.RECEIVE_ONLY
    assert shown(two, late_s, Observation(last_sign_s=begin_s)) == Presence(
        State.NO_SIGN_OF_LIFE, Source.OBSERVED, begin_s
    )
    back = Observation(last_sign_s=begin_s + HOUR_S + 1)
    assert shown(two, begin_s + HOUR_S + 2, back).state is State.ALIVE


def test_silence_that_nobody_announced_is_silence(two):
    """What another announces excuses nobody else, and a duty of another kind says nothing of it."""
    say(two, two.logs[0], two.time_s, two.time_s + HOUR_S)
    two.add(two.logs[1], Kind.DUTY, extra=bytes((Duty.OFF,)))
    assert announced(two.transcript).keys() == {0}
    assert shown(two, two.time_s).state is State.NO_SIGN_OF_LIFE


def test_one_that_is_cut_short_is_void(two):
    """Bytes that are no announcement count for nothing."""
    extra = ReceiveOnly(two.time_s, two.time_s + HOUR_S).encode()
    for wrong in (extra[:-1], extra + b"\0"):
        place = two.add(two.logs[1], Kind.DUTY, extra=wrong)
        assert standing(two.transcript, place) is Standing.VOID
    two.void(two.logs[1])
    assert announced(two.transcript) == {}


def test_nothing_is_overdue_while_it_lasts_and_everything_after(two):
    """A receipt that falls due meanwhile has its time from the end on."""
    a, b = two.logs
    end_s = two.time_s + 10 * HOUR_S
    say(two, b, two.time_s + 60, end_s)
    said = two.dispatch(a, precedence=Precedence.FLASH)
    rungs, silent = ladder(two.transcript, two.charter, said), announced(two.transcript)
    assert overdue_of(two.charter, rungs, end_s + FLASH_S, silent) == ()
    late = (Overdue(said, 1, Missing.RECEIPT, end_s + FLASH_S),)
    assert overdue_of(two.charter, rungs, end_s + FLASH_S + 1, silent) == late
    assert overdue(two.transcript, two.charter, end_s + FLASH_S + 1) == late
    assert overdue(two.transcript, two.charter, end_s) == ()


def test_an_answer_waits_for_the_end_too(two):
    """What was received in silence, by its true time, is answered afterwards."""
    a, b = two.logs
    end_s = two.time_s + 10 * HOUR_S
    say(two, b, two.time_s, end_s)
    said = two.dispatch(a, precedence=Precedence.FLASH)
    two.sees(b, said, held_at_s=two.time_s + 5)
    assert overdue(two.transcript, two.charter, end_s + FLASH_S) == ()
    (late,) = overdue(two.transcript, two.charter, end_s + FLASH_S + 1)
    assert (late.missing, late.due_s) == (Missing.ANSWER, end_s + FLASH_S)


def test_who_is_silent_on_some_bearers_is_excused_nothing(two):
    """On the others it could receipt."""
    a, b = two.logs
    begin_s = two.time_s
    say(two, b, begin_s, begin_s + 10 * HOUR_S, bearers=TLS)
    said = two.dispatch(a, precedence=Precedence.FLASH)
    (late,) = overdue(two.transcript, two.charter, begin_s + HOUR_S)
    assert late.place == said
    assert shown(two, begin_s + HOUR_S).state is State.NO_SIGN_OF_LIFE
    (span,) = announced(two.transcript)[1]
    assert span.bearers == TLS
    assert whole((span,)) == ()


def test_a_back_peer_has_its_time_to_receipt_from_the_end(two):
    """Alive again behind the span, it is not called unwilling before its time is over."""
    a, b = two.logs
    end_s = two.time_s + HOUR_S
    say(two, b, two.time_s, end_s)
    said = two.dispatch(a)
    within_s = two.charter.seen_within_s + PRESENCE_LEASE_S
    saw = Observation(last_sign_s=end_s + within_s, alive_since_s=1)
    assert shown(two, end_s + within_s, saw, said).state is State.ALIVE
    assert shown(two, end_s + within_s + 1, saw, said).state is State.NOT_RECEIPTING


def test_an_overdue_answer_of_a_watch_on_duty_waits_for_the_end(two):
    """The watch that is back is not shown as not answering before the charter's time is over."""
    a, b = two.logs
    end_s = two.time_s + HOUR_S
    say(two, b, two.time_s, end_s)
    said = two.dispatch(a, precedence=Precedence.FLASH)
    two.sees(b, said)
    now_s = end_s + FLASH_S
    saw = Observation(
        last_sign_s=now_s,
        alive_since_s=1,
        on_duty=True,
        lease_until_s=now_s + 9,
        attended_since_s=1,
    )
    assert shown(two, now_s, saw, said).state is State.ON_DUTY
    assert shown(two, now_s + 1, saw, said).state is State.ON_DUTY_UNANSWERED


def test_the_last_announcement_stands_from_when_it_was_made(two):
    """It ends, shortens or prolongs the one before, and begins no earlier than it was made."""
    b = two.logs[1]
    first_s = two.time_s + 10
    say(two, b, first_s, first_s + 9 * HOUR_S)
    ends = say(two, b, 0, 0, time_s=first_s + HOUR_S)
    (span,) = announced(two.transcript)[1]
    assert (span.from_s, span.until_s, span.place) == (first_s, first_s + HOUR_S, ends)
    later_s = first_s + 5 * HOUR_S
    again = say(two, b, first_s, later_s + HOUR_S, time_s=later_s)
    assert announced(two.transcript)[1][1] == Span(later_s, later_s + HOUR_S, 0, again)
    longer = say(two, b, later_s, later_s + 2 * HOUR_S, time_s=later_s + 60)
    (_, span) = announced(two.transcript)[1]
    assert (span.from_s, span.until_s, span.place) == (later_s, later_s + 2 * HOUR_S, longer)
    say(two, b, 5, 4, time_s=later_s + 9 * HOUR_S)
    assert len(announced(two.transcript)[1]) == 2


def test_who_announces_it_for_ever_is_excused_for_a_week(two):
    """One announcement without end, and one on the heels of the other, excuse no longer."""
    b = two.logs[1]
    begin_s = two.time_s + 10
    say(two, b, begin_s, begin_s + 10 * RECEIVE_ONLY_S_MAX)
    (span,) = announced(two.transcript)[1]
    assert span.until_s == begin_s + RECEIVE_ONLY_S_MAX
    for number in range(1, 5):
        at_s = begin_s + number * RECEIVE_ONLY_S_MAX
        say(two, b, at_s, at_s + 10 * RECEIVE_ONLY_S_MAX, time_s=at_s)
    (span,) = announced(two.transcript)[1]
    assert (span.from_s, span.until_s) == (begin_s, begin_s + RECEIVE_ONLY_S_MAX)
    assert shown(two, begin_s + 2 * RECEIVE_ONLY_S_MAX).state is State.NO_SIGN_OF_LIFE


@pytest.mark.parametrize(
    ("spans", "begin_s"),
    [
        ([], 100),
        ([(0, 90)], 100),
        ([(0, 100)], 100),
        ([(0, 101)], 101),
        ([(150, 400)], 400),
        ([(151, 400)], 100),
        ([(120, 200), (250, 300)], 300),
        ([(120, 200), (251, 300)], 200),
        ([(100, 10 * RECEIVE_ONLY_S_MAX)], 100 + RECEIVE_ONLY_S_MAX),
    ],
)
def test_a_time_that_meets_a_span_runs_from_its_end(spans, begin_s):
    """Fifty seconds from 100 on, beside spans that end, begin or lie in them; bounded in all."""
    place = None
    found = [Span(one, other, 0, place) for one, other in spans]
    assert begins_s(found, 100, 50) == begin_s


def test_a_span_holds_with_its_ends_and_a_grace_behind_it():
    """From its first second to its last, and as much longer as is asked for."""
    span = Span(10, 20, 0, None)
    assert [span_at([span], at) for at in (9, 10, 19, 20)] == [None, span, span, None]
    assert [span_at([span], at, 5) for at in (24, 25)] == [span, None]


def test_one_that_begins_soon_after_another_is_shown_from_its_beginning(two):
    """A sign of life between the two ends the first one, and not the second."""
    begin_s = two.time_s + 100
    say(two, two.logs[1], begin_s, begin_s + HOUR_S)
    again_s = begin_s + HOUR_S + PRESENCE_LEASE_S // 2
    place = say(two, two.logs[1], again_s, again_s + HOUR_S, time_s=begin_s + HOUR_S + 1)
    between = Observation(last_sign_s=begin_s + HOUR_S + 2)
    assert shown(two, again_s - 1, between).state is State.ALIVE
    assert shown(two, again_s, between) == Presence(
        State.RECEIVE_ONLY, Source.SIGNED, again_s, place, until_s=again_s + HOUR_S
    )


def test_it_is_never_a_mark(two):
    """Receive-only puts nobody on the ladder: it reads nothing and states nothing of an entry."""
    a, b = two.logs
    said = two.dispatch(a, precedence=Precedence.FLASH)
    say(two, b, two.time_s, two.time_s + HOUR_S)
    (reader,) = ladder(two.transcript, two.charter, said).readers
    assert reader.received is None
    assert reader.first(*Rung) is None
