"""Who tests the line when, and what became of each turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detente.core.errors import LocalError
from detente.core.leaf import Kind
from detente.core.transcript import Place
from detente.dossiers import linktest
from detente.dossiers.linktest import Outcome, Slot
from detente.dossiers.neutral import SENTENCES

HOUR_S = 3_600
BEGIN_S = 1_770_307_200  # four hours after the line began, and the turn of member 0 of two
FIRST = BEGIN_S // HOUR_S


def test_parties_take_turns_from_the_epoch(four):
    """Turn by turn each party tests once, in order of member numbers; an observer never does."""
    members = [linktest.slot_at(four.charter, number * HOUR_S).member for number in range(6)]
    assert members == [0, 1, 2, 0, 1, 2]
    assert linktest.slot_at(four.charter, HOUR_S + 7) == Slot(1, 1, HOUR_S, 2 * HOUR_S)


def test_a_mediator_sends_no_tests(three):
    """Two parties and a mediator take turns by two."""
    assert linktest.slot_at(three.charter, 2 * HOUR_S).member == 0
    assert linktest.next_slot(three.charter, 2, BEGIN_S) is None


def test_the_next_turn_begins_after_now(two):
    """A turn that is on already is not the next one."""
    following = linktest.next_slot(two.charter, 0, BEGIN_S)
    assert following == Slot(FIRST + 2, 0, BEGIN_S + 2 * HOUR_S, BEGIN_S + 3 * HOUR_S)
    assert linktest.next_slot(two.charter, 1, BEGIN_S).number == FIRST + 1


def test_each_turn_has_its_sentence():
    """The sentences are sent one after another, and then anew."""
    slots = [Slot(number, 0, 0, 1) for number in range(len(SENTENCES) + 1)]
    assert [slot.sentence for slot in slots] == [*range(len(SENTENCES)), 0]


def test_a_test_is_due_once_in_each_own_turn(two):
    """It is due from the beginning of the turn until it is sent, and never in another's turn."""
    a = two.logs[0]
    slot = linktest.due(two.transcript, two.charter, 0, BEGIN_S)
    assert slot.number == FIRST
    assert linktest.due(two.transcript, two.charter, 1, BEGIN_S) is None
    two.add(a, Kind.TEST, time_s=BEGIN_S + 5)
    assert linktest.due(two.transcript, two.charter, 0, BEGIN_S + 6) is None
    assert linktest.due(two.transcript, two.charter, 0, BEGIN_S + 2 * HOUR_S) is not None


def test_the_last_test_of_a_member_is_found(two):
    """The last one that counts, or none."""
    a, b = two.logs
    assert linktest.last_test(two.transcript, 0) is None
    two.add(a, Kind.TEST)
    last = two.add(a, Kind.TEST)
    two.add(a, Kind.TEST, serial=0)
    two.add(b, Kind.TEST)
    assert linktest.last_test(two.transcript, 0) == last


def test_turns_are_missed_answered_late_or_ahead(two):
    """Each turn since the line began shows what became of it by now."""
    a, b = two.logs
    answered = two.add(a, Kind.TEST, time_s=BEGIN_S + 5)
    two.sees(b, answered, held_at_s=BEGIN_S + 605)
    late = two.add(a, Kind.TEST, time_s=BEGIN_S + 2 * HOUR_S)
    two.sees(b, late, held_at_s=BEGIN_S + 2 * HOUR_S + 601)
    now_s = BEGIN_S + 3 * HOUR_S
    found = linktest.results(two.transcript, two.charter, BEGIN_S, now_s)
    assert [one.outcome for one in found] == [
        Outcome.ANSWERED,
        Outcome.MISSED,
        Outcome.UNANSWERED,
        Outcome.AHEAD,
    ]
    assert [one.slot.member for one in found] == [0, 1, 0, 1]
    assert [one.test for one in found] == [answered, None, late, None]
    assert found[0].receipts[1].at_s == BEGIN_S + 605
    assert [one.late for one in found] == [(), (), (1,), ()]


def test_a_test_waits_until_its_time_is_over(four):
    """It waits while somebody may still receipt it in time; whoever did not is named."""
    a, b, c, _ = four.logs
    begin_s = -(-BEGIN_S // (3 * HOUR_S)) * 3 * HOUR_S
    test = four.add(a, Kind.TEST, time_s=begin_s)
    four.sees(b, test, held_at_s=begin_s + 3)

    def outcome(now_s):
        (result,) = linktest.results(four.transcript, four.charter, begin_s, now_s)
        return result.outcome, result.late

    assert outcome(begin_s + 600) == (Outcome.WAITING, ())
    assert outcome(begin_s + 601) == (Outcome.UNANSWERED, (2,))
    four.sees(c, test, held_at_s=begin_s + 9)
    assert outcome(begin_s + 601) == (Outcome.ANSWERED, ())


def test_the_first_test_of_a_turn_is_its_test(two):
    """Tests beyond the first, in another's turn, or void ones change nothing."""
    a, b = two.logs
    first = two.add(a, Kind.TEST, time_s=BEGIN_S + 5)
    two.add(a, Kind.TEST, time_s=BEGIN_S + 6)
    two.add(a, Kind.TEST, serial=0, time_s=BEGIN_S + 7)
    two.add(b, Kind.TEST, time_s=BEGIN_S + 8)
    (result,) = linktest.results(two.transcript, two.charter, BEGIN_S, BEGIN_S + 9)
    assert result.test == first


def test_a_clock_set_back_hides_no_test(two):
    """Tests are found behind one that is dated before the window, within a day, and not beyond."""
    a = two.logs[0]
    kept = two.add(a, Kind.TEST, time_s=BEGIN_S + 5)
    two.add(a, Kind.TEST, time_s=BEGIN_S - 86_400)
    (result,) = linktest.results(two.transcript, two.charter, BEGIN_S, BEGIN_S + 9)
    assert result.test == kept
    two.add(a, Kind.TEST, time_s=5)
    (result,) = linktest.results(two.transcript, two.charter, BEGIN_S, BEGIN_S + 9)
    assert result.test is None


def test_a_log_read_to_its_window_does_not_end_another(two):
    """Each log is read back to the window by itself."""
    a, b = two.logs
    for log in (a, b):
        two.add(log, Kind.TEST, time_s=4)
        two.add(log, Kind.TEST, time_s=5)
        two.add(log, Kind.TEST, time_s=BEGIN_S + HOUR_S * log.member + 5)
    found = linktest.results(two.transcript, two.charter, BEGIN_S, BEGIN_S + HOUR_S + 9)
    assert [one.test.log for one in found] == [a, b]


def test_turns_before_a_members_log_began_are_not_missed(two):
    """Nobody misses a test on a line that it had not opened yet."""
    began_s = BEGIN_S - 4 * HOUR_S
    found = linktest.results(two.transcript, two.charter, began_s - 9 * HOUR_S, began_s + 11)
    assert found == ()
    two.amend(members=(*two.charter.members, two.charter.members[1]._replace(number=5)))
    newcomer = linktest.results(two.transcript, two.charter, BEGIN_S, BEGIN_S + 2 * HOUR_S)
    assert {one.slot.member for one in newcomer} <= {0, 1}


def test_who_joins_makes_no_earlier_turn_missed(four):
    """Turns from before the youngest party's log went round among fewer: none of them is shown,
    and while a party of the charter has no log none is shown at all."""
    member = four.charter.members[2]
    found = linktest.results(four.transcript, four.charter, BEGIN_S, BEGIN_S + 2 * HOUR_S)
    assert [one.outcome for one in found][:1] == [Outcome.MISSED]
    more = four.charter.members[0]._replace(number=9, name="later", party=bytes(32))
    grown = replace(four.charter, members=(*four.charter.members, more))
    assert linktest.results(four.transcript, grown, BEGIN_S, BEGIN_S + 2 * HOUR_S) == ()
    assert member.role == "party"


def test_a_log_with_a_void_beginning_has_no_turns(two):
    """A member whose leaf 0 is no leaf has no time from which turns could count."""
    fresh = type(two.transcript)()
    two.transcript = fresh
    two.void(two.logs[0])
    assert linktest.results(fresh, two.charter, BEGIN_S, BEGIN_S + HOUR_S) == ()
    assert fresh.entry(*Place(two.logs[0], 0)).leaf is None


def test_a_report_has_an_end(two):
    """A window of too many turns is refused before anything is read."""
    end_s = BEGIN_S + linktest.SLOTS_MAX * HOUR_S
    with pytest.raises(LocalError, match="usage"):
        linktest.results(two.transcript, two.charter, BEGIN_S, end_s)
    whole = linktest.results(two.transcript, two.charter, BEGIN_S, end_s - 1)
    assert len(whole) == linktest.SLOTS_MAX
