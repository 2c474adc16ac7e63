"""The silences: which is shown, who states it, since when."""

from __future__ import annotations

from detente.core.extras import Rung
from detente.core.leaf import Precedence
from detente.core.limits import PRESENCE_LEASE_S
from detente.dossiers.ladder import ladder
from detente.dossiers.presence import Observation, Presence, Source, State, presence

NOW_S = 1_780_000_000
ON_DUTY = Observation(
    last_sign_s=NOW_S - 5,
    alive_since_s=NOW_S - 9_000,
    on_duty=True,
    lease_until_s=NOW_S + 60,
    attended_since_s=NOW_S - 8_000,
)


def of_member_one(line, saw, *ours, now_s=NOW_S):
    """How member 1 is with member 0, who has said ``ours``."""
    rungs = [ladder(line.transcript, line.charter, place) for place in ours]
    return presence(line.charter, 1, saw, rungs, now_s)


def test_no_sign_of_life_is_our_observation(two):
    """A peer never heard, or silent for longer than a lease, shows no sign of life since then."""
    never = Presence(State.NO_SIGN_OF_LIFE, Source.OBSERVED)
    assert of_member_one(two, Observation()) == never
    last_s = NOW_S - PRESENCE_LEASE_S - 1
    gone = of_member_one(two, Observation(last_sign_s=last_s))
    assert gone == Presence(State.NO_SIGN_OF_LIFE, Source.OBSERVED, last_s)
    still = of_member_one(two, Observation(last_sign_s=last_s + 1))
    assert still.state is State.ALIVE


def test_nobody_on_duty_is_their_signature(two):
    """A live node that says nobody is signed in is unattended, by its own word."""
    saw = Observation(last_sign_s=NOW_S, on_duty=False, lease_until_s=NOW_S)
    assert of_member_one(two, saw) == Presence(State.NOBODY_ON_DUTY, Source.SIGNED)


def test_a_lease_that_ran_out_says_nothing(two):
    """An old «on duty» does not replay: alive is then all that is known."""
    saw = Observation(last_sign_s=NOW_S, alive_since_s=7, on_duty=True, lease_until_s=NOW_S - 1)
    assert of_member_one(two, saw) == Presence(State.ALIVE, Source.OBSERVED, 7)


def test_a_watch_on_duty_with_nothing_open_is_on_duty(two):
    """The state without a silence names since when the desk has been attended."""
    expected = Presence(State.ON_DUTY, Source.SIGNED, NOW_S - 8_000)
    assert of_member_one(two, ON_DUTY) == expected


def test_an_overdue_answer_is_the_watchs_silence(two):
    """On duty by their word, unanswered by the transcript: the entry longest overdue is named."""
    a, b = two.logs
    slow = two.dispatch(a, precedence=Precedence.ROUTINE, time_s=NOW_S - 50_000)
    fast = two.dispatch(a, precedence=Precedence.FLASH, time_s=NOW_S - 4_000)
    open_one = two.dispatch(a, precedence=Precedence.ROUTINE, time_s=NOW_S - 100)
    two.sees(b, open_one, held_at_s=NOW_S - 3_000)
    found = of_member_one(two, ON_DUTY, open_one, fast, slow)
    both = Source.SIGNED | Source.DERIVED
    assert found == Presence(State.ON_DUTY_UNANSWERED, both, NOW_S - 2_400, fast)
    assert of_member_one(two, ON_DUTY, open_one).state is State.ON_DUTY


def test_alive_but_not_receipting_is_derived(two):
    """An entry without a receipt for longer than the charter and a lease allow is a silence."""
    within_s = two.charter.seen_within_s + PRESENCE_LEASE_S
    said = two.dispatch(two.logs[0], time_s=NOW_S - within_s - 1)
    found = of_member_one(two, ON_DUTY, said)
    assert found == Presence(State.NOT_RECEIPTING, Source.DERIVED, NOW_S - 1, said)
    assert of_member_one(two, ON_DUTY, said, now_s=NOW_S - 1).state is State.ON_DUTY


def test_an_outage_is_not_held_against_who_comes_back(two):
    """The time to receipt runs from the first sign of life after a silence."""
    said = two.dispatch(two.logs[0], time_s=NOW_S - 50_000)
    back = Observation(last_sign_s=NOW_S, alive_since_s=NOW_S - 20)
    assert of_member_one(two, back, said).state is State.ALIVE
    unknown = Observation(last_sign_s=NOW_S)
    assert of_member_one(two, unknown, said).state is State.NOT_RECEIPTING


def test_what_needs_no_receipt_of_theirs_is_no_silence(two):
    """Entries not addressed to them, received, or taken back by us are not held against them."""
    a, b = two.logs
    received = two.dispatch(a, time_s=NOW_S - 500)
    two.sees(b, received, held_at_s=NOW_S - 500)
    private = two.dispatch(a, audience=0b01, time_s=NOW_S - 50_000)
    asked_back = two.dispatch(a, time_s=NOW_S - 50_000)
    two.mark(a, asked_back, Rung.MISDIRECTED)
    found = of_member_one(two, ON_DUTY, received, private, asked_back)
    assert found.state is State.ON_DUTY


def test_who_says_that_it_lacks_a_body_is_not_shown_as_not_receipting(two):
    """It has said of the entry what it can say; what it says of the next one is another matter."""
    a, b = two.logs
    first = two.dispatch(a, time_s=NOW_S - 50_000)
    two.lacks(b, first, time_s=NOW_S - 40_000)
    assert of_member_one(two, ON_DUTY, first).state is State.ON_DUTY
    second = two.dispatch(a, time_s=NOW_S - 30_000)
    assert of_member_one(two, ON_DUTY, first, second).entry == second


def test_declined_is_their_mark_by_the_watch_on_duty(two):
    """The last thing this watch declined is named; what an earlier watch declined is not."""
    a, b = two.logs
    first, second, third = (two.dispatch(a, time_s=NOW_S - 10) for _ in range(3))
    two.sees(b, third, held_at_s=NOW_S - 10)
    two.mark(b, first, Rung.DECLINED, time_s=NOW_S - 8_001)
    expected = Presence(State.ON_DUTY, Source.SIGNED, NOW_S - 8_000)
    assert of_member_one(two, ON_DUTY, first, third) == expected
    two.mark(b, second, Rung.DECLINED, time_s=NOW_S - 5)
    found = of_member_one(two, ON_DUTY, first, second, third)
    assert found == Presence(State.DECLINED, Source.SIGNED, NOW_S - 5, second)
    unknown = Observation(last_sign_s=NOW_S, on_duty=True, lease_until_s=NOW_S)
    assert of_member_one(two, unknown, second).state is State.ON_DUTY
    private = two.dispatch(a, audience=0b01, time_s=NOW_S - 10)
    assert of_member_one(two, ON_DUTY, private, second) == found


def test_another_members_silence_is_not_theirs(four):
    """What a third party owes is no state of this one."""
    a, b, _, _ = four.logs
    said = four.dispatch(a, precedence=Precedence.FLASH, time_s=NOW_S - 5_000)
    four.sees(b, said, held_at_s=NOW_S - 100)
    assert of_member_one(four, ON_DUTY, said).state is State.ON_DUTY
