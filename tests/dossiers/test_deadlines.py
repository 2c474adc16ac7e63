"""What is overdue, with whom, and since when."""

from __future__ import annotations

from detente.core.extras import Relation, Rung
from detente.core.leaf import Kind, Precedence
from detente.dossiers.deadlines import Missing, Overdue, asked_of, overdue, overdue_of
from detente.dossiers.ladder import ladder
from detente.dossiers.presence import Observation, State, presence

FLASH_S = 600  # the default charter's time for an answer to a FLASH


def late(line, place, now_s):
    """What is overdue about one entry."""
    return overdue_of(line.charter, ladder(line.transcript, line.charter, place), now_s)


def test_a_receipt_is_overdue_from_the_sending(two):
    """Without a receipt the charter's time runs from the time of the leaf, and ends after it."""
    said = two.dispatch(two.logs[0], precedence=Precedence.FLASH)
    due_s = two.time_s + FLASH_S
    assert late(two, said, due_s) == ()
    assert late(two, said, due_s + 1) == (Overdue(said, 1, Missing.RECEIPT, due_s),)


def test_an_answer_is_overdue_from_the_receipt(two):
    """Once received, the time for an answer runs from the receipt."""
    a, b = two.logs
    said = two.dispatch(a, precedence=Precedence.FLASH)
    received_s = two.time_s + 500
    two.sees(b, said, held_at_s=received_s)
    assert late(two, said, received_s + FLASH_S) == ()
    expected = Overdue(said, 1, Missing.ANSWER, received_s + FLASH_S)
    assert late(two, said, received_s + FLASH_S + 1) == (expected,)


def test_nothing_is_awaited_of_who_joined_later(four):
    """What was said before a party joined is not addressed to it: no receipt of it is awaited, no
    answer is overdue, and its silence about it is none. What is said from then on is."""
    a, b, later = four.logs[:3]
    before = four.dispatch(a, audience=0b0011, precedence=Precedence.FLASH)
    since = four.dispatch(a, audience=0b0111, precedence=Precedence.FLASH)
    now_s = four.time_s + 10 * FLASH_S
    assert [one.member for one in late(four, before, now_s)] == [b.member]
    assert [one.member for one in late(four, since, now_s)] == [b.member, later.member]
    saw = Observation(last_sign_s=now_s, alive_since_s=1)
    for place, state in ((before, State.ALIVE), (since, State.NOT_RECEIPTING)):
        rungs = ladder(four.transcript, four.charter, place)
        assert presence(four.charter, later.member, saw, [rungs], now_s).state is state


def test_each_precedence_has_its_own_time(two):
    """A ROUTINE dispatch waits for hours where a FLASH is overdue after minutes."""
    said = two.dispatch(two.logs[0], precedence=Precedence.ROUTINE)
    routine_s = two.charter.answer_within_s[Precedence.ROUTINE]
    assert late(two, said, two.time_s + FLASH_S + 1) == ()
    assert late(two, said, two.time_s + routine_s + 1) != ()


def test_an_answer_or_a_refusal_ends_the_wait(two):
    """What is answered or declined is overdue no more."""
    a, b = two.logs
    said, other = two.dispatch(a), two.dispatch(a)
    two.dispatch(b, about={said: Relation.ANSWERS})
    two.mark(b, other, Rung.DECLINED)
    assert late(two, said, 1 << 39) == ()
    assert late(two, other, 1 << 39) == ()


def test_an_answer_calls_for_a_receipt_and_no_answer(two):
    """Otherwise two desks would have to answer one another for ever."""
    a, b = two.logs
    said = two.dispatch(a)
    answer = two.dispatch(b, about={said: Relation.ANSWERS})
    assert [one.missing for one in late(two, answer, 1 << 39)] == [Missing.RECEIPT]
    two.sees(a, answer)
    assert late(two, answer, 1 << 39) == ()


def test_what_its_author_took_back_is_never_overdue(two):
    """A cancelled dispatch, or one asked back, is owed nothing; a corrected one still is."""
    a, _ = two.logs
    cancelled, corrected, misdirected = (two.dispatch(a) for _ in range(3))
    two.dispatch(a, about={cancelled: Relation.CANCELS, corrected: Relation.CORRECTS})
    two.mark(a, misdirected, Rung.MISDIRECTED)
    assert late(two, cancelled, 1 << 39) == ()
    assert late(two, corrected, 1 << 39) != ()
    assert late(two, misdirected, 1 << 39) == ()


def test_parties_are_asked_and_a_mediator_only_where_it_is_the_reader(three):
    """A mediator that reads along owes no answer; one that is written to does."""
    a = three.logs[0]
    to_all = three.dispatch(a)
    to_mediator = three.dispatch(a, audience=0b101)
    to_observers = three.dispatch(a, audience=0b001)
    asked = [
        [one.member for one in asked_of(three.charter, ladder(three.transcript, three.charter, p))]
        for p in (to_all, to_mediator, to_observers)
    ]
    assert asked == [[1], [2], []]


def test_all_that_is_overdue_is_listed_longest_first(four):
    """The whole list goes by due time, place and member, and holds dispatches and reports alone."""
    a, b, _, _ = four.logs
    slow = four.dispatch(a, precedence=Precedence.ROUTINE)
    fast = four.dispatch(b, kind=Kind.ACCIDENT, precedence=Precedence.FLASH)
    four.add(a, Kind.TEST)
    now_s = four.time_s + 1_000_000
    found = [(one.place, one.member) for one in overdue(four.transcript, four.charter, now_s)]
    assert found == [(fast, 0), (fast, 2), (slow, 1), (slow, 2)]
    assert overdue(four.transcript, four.charter, four.time_s) == ()
