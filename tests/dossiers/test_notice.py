"""A notice against its profile: every fault with field, rule and source; every instant right."""

from __future__ import annotations

import pytest
from regimes import DAY_S, Flat, plain, profile, shipped

from detente.dossiers.faults import Rule
from detente.dossiers.notice import check
from detente.dossiers.notice_forms import Notice
from detente.dossiers.profile_reading import from_plain
from detente.dossiers.timing import calendar_days
from detente.dossiers.values import read_day, read_instant

GOOD = {
    "window": "2026-06-10T06:00Z/2026-06-10T18:00Z",
    "kind": "test",
    "range": "80 km",
    "site": "at 12 km",
}
OPENS_S = read_instant("2026-06-10T06:00Z")
LAUNCH = {
    "date": "2026-06-10",
    "missile": "ICBM",
    "launch-area": "northern test range",
    "impact-circle": "at 1 km",
}


def found(changes=(), *, of=None, now_s=OPENS_S - 2 * DAY_S, **more):
    """What is wrong with a changed notice, as (field, rule, source)."""
    values = {name: it for name, it in {**GOOD, **dict(changes)}.items() if it is not None}
    checked = check(of or profile(), values, Flat(), now_s=now_s, **more)
    return [(one.field, one.rule, one.source) for one in checked.faults]


def test_a_sound_notice_has_no_fault_and_reads_as_its_form():
    """Its values are in their one form, its lateness is what was confirmed."""
    checked = check(profile(), GOOD, Flat(), now_s=OPENS_S - 2 * DAY_S)
    assert checked.faults == ()
    assert checked.notice("w/1/x", 5) == Notice(
        "w/1/x", {**GOOD, "window": "2026-06-10T06:00:00Z/2026-06-10T18:00:00Z"}, (), 5
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"colour": "red"}, ("colour", Rule.UNKNOWN_FIELD, "Treaty")),
        ({"range": "80 nm"}, ("range", Rule.WRONG_UNIT, "Art. 5")),
        ({"range": None}, ("range", Rule.MISSING_FIELD, "Art. 5")),
        ({"kind": None}, ("kind", Rule.MISSING_FIELD, "Art. 5")),
        ({"site": None}, ("site", Rule.MISSING_FIELD, "Art. 6")),
        ({"site": "bow tie"}, ("site", Rule.BAD_PLACE, "Art. 3")),
        ({"border": "at 51 km"}, ("site", Rule.TOO_NEAR, "Art. 3")),
    ],
)
def test_each_fault_names_field_rule_and_source(changes, fault):
    """And it is the only one."""
    assert found(changes) == [fault]


def test_far_enough_is_no_fault():
    """40 km are 40 km; what nobody can measure is not too near."""
    assert found({"border": "at 52 km"}) == []
    assert found({"border": "at nowhere"}) == []


def test_only_what_may_be_unknown_is():
    """Said to be unknown and given, unknown where it has to be known, unknown to the profile."""
    assert found({"range": None}, unknown=("range",)) == []
    assert found(unknown=("range",)) == [("range", Rule.NEVER_UNKNOWN, "Art. 5")]
    assert found({"kind": None}, unknown=("kind",)) == [("kind", Rule.NEVER_UNKNOWN, "Art. 5")]
    assert found(unknown=("colour",)) == [("colour", Rule.UNKNOWN_FIELD, "Treaty")]


def test_a_notice_of_23_hours_and_59_minutes_is_late_by_one():
    """24 hours are in time to the second; the fault says by how much it is late."""
    assert found(now_s=OPENS_S - DAY_S) == []
    late = check(profile(), GOOD, Flat(), now_s=OPENS_S - DAY_S + 60).faults
    assert [(f.field, f.rule, f.source, f.late_s) for f in late] == [
        ("window", Rule.TOO_LATE, "Art. 1", 60)
    ]
    assert str(late[0]) == (
        "window: too-late: due 2026-06-09T06:00:00Z, and it is 2026-06-09T06:01:00Z (Art. 1)"
    )


def test_a_notice_can_come_too_early():
    """Before the window of its own deadline."""
    assert found(now_s=OPENS_S - 30 * DAY_S) == []
    early = found(now_s=OPENS_S - 30 * DAY_S - 1)
    assert early == [("window", Rule.TOO_EARLY, "Art. 2")]


def test_a_launch_is_noticed_24_hours_before_its_day_begins():
    """The day is one of UTC, whatever clocks do on it; it stands for four times 86,400 seconds."""
    launch = shipped()["launch-1988"]
    for day in ("2026-10-25", "2026-03-29", "2028-02-29", "2027-01-01"):
        times = check(launch, LAUNCH | {"date": day}, Flat()).times
        day_s = read_day(day)
        assert times == (day_s, day_s - DAY_S, None, day_s, day_s + 4 * DAY_S)
        assert (times.late_s(day_s - DAY_S), times.late_s(day_s - DAY_S + 60)) == (0, 60)
        assert not times.expired(day_s + 4 * DAY_S - 1)
        assert times.expired(day_s + 4 * DAY_S)


def test_deadlines_within_and_from_a_receipt_run_forward():
    """From the event, or from when the other notice was received; unknown events have no due."""
    within = {"rule": "within", "of": "window", "by": "lead", "source": "s"}
    times = check(profile(deadline=within), GOOD, Flat()).times
    assert (times.due_s, times.earliest_s) == (OPENS_S + DAY_S, None)
    reply = profile(deadline={"rule": "on-receipt", "of": "unusual", "by": "lead", "source": "s"})
    assert check(reply, GOOD, Flat(), trigger_s=OPENS_S).times.due_s == OPENS_S + DAY_S
    assert check(reply, GOOD, Flat()).times.due_s is None
    before = profile(deadline=within | {"rule": "before"})
    assert check(before, GOOD, Flat()).times[1:3] == (OPENS_S - DAY_S, None)
    nothing = check(before, {}, Flat()).times
    assert nothing == (None,) * 5
    assert (nothing.late_s(1 << 40), nothing.early_s(0), nothing.expired(1 << 40)) == (0, 0, False)


def test_what_is_due_at_once_is_never_late():
    """The 1971 text says immediately and gives no number; both clocks are shown instead."""
    accident = shipped()["accident-1971"]
    values = {"time": "2026-02-05T09:00Z", "kind": "accident", "what": "fire"}
    checked = check(accident, values, Flat(), unknown=("area", "measures"), now_s=1 << 33)
    assert checked.faults == ()
    assert checked.times[:2] == (read_instant("2026-02-05T09:00Z"), None)


def test_the_yearly_lists_and_answers_that_are_shipped_are_due_when_their_texts_say():
    """On 1 July; by 31 March, from 1 January on; 48 hours from the receipt of the question."""
    lists, code, reply = (
        shipped()[name] for name in ("prisoners-2008", "hcoc-yearly", "unusual-reply-2011")
    )
    july_s, march_s = read_day("2027-07-01"), read_day("2027-03-31")
    values = {"day": "2027-07-01", "civilians": "3", "fishermen": "4"}
    short = check(lists, values, Flat(), now_s=july_s)
    assert [(one.field, one.rule) for one in short.faults] == [("rows", Rule.MISSING_FIELD)]
    assert check(lists, values | {"rows": "none"}, Flat(), now_s=july_s).faults == ()
    assert short.times[1:3] == (july_s + DAY_S - 1, july_s)
    due = check(code, {"due": "2027-03-31"}, Flat()).times
    assert due[1:3] == (march_s + DAY_S - 1, read_day("2027-01-01"))
    assert check(reply, {}, Flat(), trigger_s=july_s).times.due_s == july_s + 2 * DAY_S


YEARLY = {
    "field.window": None,
    "field.day": {"type": "day", "need": "required", "source": "s", "label": {"en": "day"}},
    "deadline": {"rule": "calendar-day", "of": "day", "source": "s", "days": ["01-01", "07-01"]},
    "validity": {"of": "day", "source": "s"},
    "rendering.en.subject": "List",
}


def test_a_list_is_due_on_its_day():
    """From the first to the last second of a day that the profile names; another day is a fault."""
    yearly = from_plain(plain(YEARLY))
    values = {"day": "2026-07-01", "kind": "test", "range": "1 km", "site": "at 1 km"}
    day_s = read_day("2026-07-01")
    times = check(yearly, values, Flat()).times
    assert times[1:3] == (day_s + DAY_S - 1, day_s)
    late = check(yearly, values, Flat(), now_s=day_s + DAY_S).faults
    assert [(f.rule, f.source, f.late_s) for f in late] == [(Rule.TOO_LATE, "s", 1)]
    assert [f.rule for f in check(yearly, values, Flat(), now_s=day_s - 1).faults] == [
        Rule.TOO_EARLY
    ]
    other = check(yearly, values | {"day": "2026-07-02"}, Flat()).faults
    assert [(f.field, f.rule) for f in other] == [("day", Rule.NOT_THE_DAY)]
    days = calendar_days(yearly, read_day("2026-01-02"), read_day("2027-07-01"))
    assert days == [read_day("2026-07-01"), read_day("2027-01-01")]
