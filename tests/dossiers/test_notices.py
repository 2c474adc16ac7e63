"""The dossier of notices: deliveries, lateness, answers, what stands, what is owed and used."""

from __future__ import annotations

import pytest
from regimes import DAY_S, Flat, plain, profile, say

from detente.core.errors import LocalError, Refusal
from detente.core.extras import Relation, Rung
from detente.core.leaf import Kind
from detente.dossiers.drafting import Draft, check_draft
from detente.dossiers.faults import Rule
from detente.dossiers.notice_forms import Answer, Cancellation, Notice, ProfileText, Reply
from detente.dossiers.notices import AHEAD_S, Answered, Count, Delivery, State, dossier, may_close
from detente.dossiers.profile_reading import from_plain
from detente.dossiers.values import read_instant

OPENS_S = read_instant("2026-03-10T06:00Z")
DUE_S = OPENS_S - DAY_S
VALUES = {
    "window": "2026-03-10T06:00:00Z/2026-03-10T18:00:00Z",
    "kind": "test",
    "range": "80 km",
    "site": "at 12 km",
}
ANSWERING = {"rule": "on-receipt", "of": "test-flight", "by": "lead", "source": "Art. 7"}


def other(name, **changes):
    """A second profile, without the rules of the first that are in its way."""
    paths = {"name": name, "ceiling": [], "apart": [], "one-of": []}
    return from_plain(plain(paths | {k.replace("__", "."): v for k, v in changes.items()}))


class Desk:
    """A line of two on which profiles are adopted from the beginning."""

    def __init__(self, line, *profiles):
        self.line, self.profiles = line, profiles or (profile(),)
        self.a, self.b = line.logs[:2]
        line.amend(profiles=tuple(one.word(1) for one in self.profiles))
        for one in self.profiles:
            say(line, self.a, ProfileText(one))
        line.sees(self.b, line.dispatch(self.a))

    def notice(self, log=None, values=(), *, of=None, late_s=0, **more):
        """A notice of one profile, with changed values."""
        word = (of or self.profiles[0]).word(1)
        return say(
            self.line, log or self.a, Notice(word, VALUES | dict(values), (), late_s), **more
        )

    def at(self, now_s=OPENS_S - 2 * DAY_S):
        """The dossier."""
        line = self.line
        return dossier(line.transcript, line.charter, line.charter, Flat(), now_s)

    def only(self, now_s=OPENS_S - 2 * DAY_S):
        """The one notice there is."""
        (one,) = self.at(now_s).given
        return one

    def check(self, *, name="test-flight", values=(), now_s=OPENS_S - 2 * DAY_S, member=0, **more):
        """The rules that a draft breaks."""
        values = {k: v for k, v in (VALUES | dict(values)).items() if v is not None}
        draft = Draft(values, **more)
        checked = check_draft(self.at(now_s), name, draft, member, Flat(), now_s)
        return [one.rule for one in checked.faults]


def test_a_notice_is_released_then_received_then_expired(two):
    """Receipt is the event; until it comes, lateness runs."""
    desk = Desk(two)
    place = desk.notice()
    one = desk.only()
    assert (one.place, one.state, one.bound) == (place, State.RELEASED, True)
    assert (one.sent_s, one.checked.faults, one.late_s) == (two.leaf(place).time_s, (), 0)
    assert desk.only(DUE_S + 60).deliveries == (Delivery(1, None, 60),)
    two.sees(desk.b, place, held_at_s=DUE_S)
    one = desk.only(DUE_S + 60)
    assert (one.state, one.deliveries) == (State.RECEIVED, (Delivery(1, DUE_S, 0),))
    assert desk.only(read_instant("2026-03-10T18:00Z")).state is State.EXPIRED


def test_a_receipt_a_second_after_the_due_is_late_by_one(two):
    """Whatever its author had confirmed stands beside it."""
    desk = Desk(two)
    place = desk.notice(late_s=60)
    two.sees(desk.b, place, held_at_s=DUE_S + 1)
    one = desk.only()
    assert (one.late_s, one.confirmed_late_s) == (1, 60)


def test_where_a_profile_says_seen_storage_is_no_receipt(two):
    """The mark of the watch is."""
    desk = Desk(two, profile(receipt="seen"))
    place = desk.notice()
    two.sees(desk.b, place)
    assert desk.only().state is State.RELEASED
    two.mark(desk.b, place, Rung.SEEN)
    assert desk.only().deliveries == (Delivery(1, two.time_s, 0),)


def test_answers_are_five_words_and_silence_is_none(two):
    """A read-back that differs says in which field; a dispatch in reply is no such answer."""
    desk = Desk(two)
    place = desk.notice()
    two.dispatch(desk.b, about={place: Relation.ANSWERS})
    two.mark(desk.b, place, Rung.DECLINED)
    assert desk.only().answers == ()
    for reply in Reply:
        say(two, desk.b, Answer(reply, {}), about={place: Relation.ANSWERS})
    assert [one.reply for one in desk.only().answers] == list(Reply)
    said = {"site": "at 13 km", "range": "80.0 km", "kind": "war", "colour": "red"}
    last = say(two, desk.b, Answer(Reply.READ_BACK, said), about={place: Relation.ANSWERS})
    assert desk.only().answers[-1] == Answered(
        1,
        two.time_s,
        Reply.READ_BACK,
        last,
        {"colour": "red", "kind": "war", "site": "at 13 km"},
    )


def test_a_notice_is_superseded_by_a_better_one_and_cancelled_by_its_author(two):
    """A correction in plain words changes no field; another's cancellation nothing at all."""
    desk = Desk(two)
    place = desk.notice()
    two.dispatch(desk.a, about={place: Relation.CORRECTS})
    two.dispatch(desk.b, about={place: Relation.CANCELS})
    assert desk.only().state is State.RELEASED
    better = desk.notice(values={"kind": "show"}, about={place: Relation.CORRECTS})
    first, second = desk.at().given
    assert (first.state, first.replaced_by, first.stands) == (State.SUPERSEDED, better, False)
    assert second.stands
    gone = say(
        two,
        desk.a,
        Cancellation(profile().word(1), "weather"),
        about={better: Relation.CANCELS},
    )
    _, second = desk.at().given
    assert (second.state, second.replaced_by, second.stands) == (State.CANCELLED, gone, False)


def test_a_closed_notice_is_not_listed_and_still_takes_another_s_place(two):
    """It is looked up where it replaces an open one, and counted as not listed."""
    desk = Desk(two, other("bridge"))
    place = desk.notice()
    better = desk.notice(about={place: Relation.CORRECTS})
    word = other("bridge").word(1)
    found = dossier(
        two.transcript,
        two.charter,
        two.charter,
        Flat(),
        OPENS_S,
        closed={better: Notice(word, VALUES, (), 0)},
    )
    (one,) = found.given
    assert (one.place, one.state, one.replaced_by) == (place, State.SUPERSEDED, better)
    assert found.closed == 1


def test_a_notice_closes_where_nothing_rests_on_it():
    """No ceiling, no debt by a day or a receipt, and no other profile that asks for one."""
    free, counted = other("bridge"), profile()
    assert may_close(free, [free, counted])
    assert not may_close(counted, [])
    answer = other("answer", deadline=ANSWERING | {"of": "bridge"})
    assert not may_close(free, [free, answer])
    assert not may_close(answer, [])
    needing = other("needing", precondition=[{"profile": "bridge", "source": "Art. 9"}])
    assert not may_close(free, [needing])


def test_a_profile_may_know_no_corrections(two):
    """Then a notice stands whatever is said of it afterwards."""
    desk = Desk(two, profile(corrections=False, cancellation=False))
    place = desk.notice()
    for relation in (Relation.CANCELS, Relation.SUPERSEDES):
        desk.notice(about={place: relation})
    assert desk.at().given[0].state is State.RELEASED
    assert Rule.NOT_REVISED in desk.check(relations={place: Relation.CORRECTS})


def test_a_received_notice_with_faults_is_shown_with_them(two):
    """It is never refused; under a word that nobody adopted it is a dispatch and no notice."""
    desk = Desk(two)
    desk.notice(values={"range": "80 nm"})
    assert [one.rule for one in desk.only().checked.faults] == [Rule.WRONG_UNIT]
    say(two, desk.a, Notice(profile().word(7), VALUES))
    say(two, desk.a, Notice("no word", VALUES))
    assert len(desk.at().given) == 1


def test_a_precondition_is_a_standing_notice_that_is_referred_to(two):
    """Missing, cancelled, of another profile, or by another relation: a fault of its own."""
    needs = [{"profile": "test-flight", "source": "Format 37"}]
    report = other("report", precondition=needs)
    desk = Desk(two, profile(), report)

    def wrong(about):
        place = desk.notice(of=report, about=about)
        given = {one.place: one for one in desk.at().given}[place]
        drafted = desk.check(name="report", relations=about)
        assert [one.rule for one in given.checked.faults] == drafted
        assert {one.source for one in given.checked.faults} <= {"Format 37"}
        return drafted

    first = desk.notice()
    plainly = two.dispatch(desk.a)
    assert wrong({first: Relation.REFERS}) == []
    assert wrong({}) == [Rule.PRECONDITION]
    assert wrong({plainly: Relation.REFERS}) == [Rule.PRECONDITION]
    two.dispatch(desk.a, about={first: Relation.CANCELS})
    assert wrong({first: Relation.REFERS}) == [Rule.PRECONDITION]


def test_an_answer_is_owed_from_a_receipt_on(two):
    """Who received the first owes the second within its time, and is late by its own receipt."""
    reply = other("reply", deadline=ANSWERING)
    desk = Desk(two, profile(), reply)
    first = desk.notice()
    assert desk.at().owed == ()
    held_s = two.time_s + 10
    two.sees(desk.b, first, held_at_s=held_s)
    (owed,) = desk.at().owed
    assert (owed.member, owed.due_s, owed.trigger, owed.given) == (1, held_s + DAY_S, first, None)
    assert desk.check(name="reply", member=1, now_s=held_s + DAY_S + 7) == []
    late = desk.check(
        name="reply", member=1, now_s=held_s + DAY_S + 7, relations={first: Relation.ANSWERS}
    )
    assert late == [Rule.TOO_LATE]
    early = desk.check(name="reply", member=0, relations={first: Relation.ANSWERS})
    assert early == []
    second = desk.notice(desk.b, of=reply, about={first: Relation.ANSWERS})
    two.sees(desk.a, second, held_at_s=held_s + DAY_S + 1)
    (owed,) = desk.at().owed
    assert owed.given == second
    assert desk.at().given[1].deliveries == (Delivery(0, held_s + DAY_S + 1, 1),)
    alone = desk.notice(desk.b, of=reply, about={two.dispatch(desk.a): Relation.REFERS})
    own = desk.notice(desk.a, of=reply, about={first: Relation.REFERS})
    times = {one.place: one.checked.times for one in desk.at().given}
    assert (times[alone].due_s, times[own].due_s) == (None, None)
    two.dispatch(desk.a, about={first: Relation.CANCELS})
    assert desk.at().owed == ()


def test_a_yearly_list_is_owed_by_every_party_on_its_day(two):
    """From adoption on and a year ahead; what is given for the day answers it."""
    yearly = other(
        "yearly-list",
        field__day={"type": "day", "need": "required", "source": "s", "label": {"en": "day"}},
        deadline={"rule": "calendar-day", "of": "day", "source": "s", "days": ["07-01"]},
    )
    desk = Desk(two, yearly)
    day_s = read_instant("2026-07-01T00:00Z")
    assert [(one.member, one.day_s, one.due_s, one.given) for one in desk.at(day_s).owed] == [
        (0, day_s, day_s + DAY_S - 1, None),
        (1, day_s, day_s + DAY_S - 1, None),
        (0, day_s + 365 * DAY_S, day_s + 366 * DAY_S - 1, None),
        (1, day_s + 365 * DAY_S, day_s + 366 * DAY_S - 1, None),
    ]
    place = desk.notice(values={"day": "2026-07-01"})
    desk.notice(values={"day": "first of July"})
    assert [one.given for one in desk.at(day_s - AHEAD_S + 1).owed] == [place, None]


def test_notices_are_counted_against_a_ceiling_by_author_and_year(two):
    """The third in a year is above two; a corrected one is not counted twice; next year is new."""
    desk = Desk(two)
    first, _ = desk.notice(), desk.notice(desk.b)
    assert desk.check() == []
    desk.notice()
    word = profile().word(1)
    assert desk.at().counts == (
        Count(word, 0, "notices", 2026, 2, 2),
        Count(word, 1, "notices", 2026, 1, 2),
    )
    assert desk.check() == [Rule.CEILING]
    assert desk.check(relations={first: Relation.CORRECTS}) == []
    assert desk.check(relations={first: Relation.CORRECTS}, member=1) == [Rule.NOT_REVISED]
    assert desk.check(member=1) == []
    later = {"window": "2027-03-10T06:00Z/2027-03-10T18:00Z"}
    assert desk.check(values=later, now_s=OPENS_S + 340 * DAY_S) == []


def test_a_ceiling_may_count_a_field_for_ever(two):
    """What a notice leaves out, or gives in no number, uses nothing up."""
    ceiling = [{"counts": "craft", "number": "a-year", "per": "always"}]
    desk = Desk(two, profile(ceiling=ceiling))
    desk.notice(values={"craft": "2"})
    desk.notice()
    word = desk.profiles[0].word(1)
    assert desk.at().counts == (Count(word, 0, "craft", None, 2, 2),)
    assert desk.check(values={"craft": "1"}) == [Rule.CEILING]
    assert desk.check() == []


def test_a_notice_without_a_date_is_counted_when_it_was_sent(two):
    """An event that is not known yet falls into no other year."""
    desk = Desk(two)
    desk.notice(values={"window": "some day"})
    assert [one.year for one in desk.at().counts] == [2026]


def test_a_profile_that_is_not_in_force_takes_no_notice(two):
    """The detail says what became of it, or that no charter names it."""
    desk = Desk(two)
    with pytest.raises(LocalError) as caught:
        desk.check(name="reply")
    assert (caught.value.refusal, "no charter" in caught.value.detail) == (Refusal.NOT_FOUND, True)
    two.amend(profiles=(other("reply").word(1),))
    with pytest.raises(LocalError) as caught:
        desk.check(name="reply")
    assert "textless" in caught.value.detail
    assert desk.at().given == ()


def test_both_sides_compute_the_same(build):
    """Equal transcripts and equal times give equal dossiers, whatever was kept between readings."""
    sides = []
    for _ in range(2):
        desk = Desk(build("party", "party"))
        place = desk.notice()
        desk.line.sees(desk.b, place, held_at_s=DUE_S + 5)
        desk.notice(desk.b)
        sides.append(desk)
    line = sides[0].line
    known = dict.fromkeys(line.transcript.of_kind((Kind.DISPATCH,)))
    kept = [
        dossier(line.transcript, line.charter, line.charter, Flat(), OPENS_S, known=known)
        for _ in range(2)
    ]
    assert kept[0] == kept[1] == sides[1].at(OPENS_S)
