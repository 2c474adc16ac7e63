"""Plans: what is looked at is written down, checked and hashed before anything is counted."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from trends import world

from detente.core.errors import LocalError, Refusal
from detente.trends.plan import EXAMPLE, freeze, load_plan, read_plan


def test_a_plan_reads_as_it_is_written():
    """Dyads stand in alphabetical order, and what is left out has the defaults that are shown."""
    found = world.plan(world.PLAN.replace("AAA-BBB", "BBB-AAA"))
    assert found.dyads[0] == ("AAA", "BBB")
    assert found.parties == ("AAA", "BBB", "DDD")
    assert found.ripples["CAN"] == (("AAA", "CAN"), ("BBB", "CAN"), ("CAN", "DDD"))
    assert set(found.outcomes) == {"conflict", "cooperation"}
    assert found.trends["prisoners"] == ("0353", "0841")
    assert not found.frozen


def test_weeks_are_whole_and_begin_on_mondays():
    """A week that the data cover in part is no week of the plan."""
    found = world.plan(
        world.PLAN.replace("2012-01-02", "2012-01-03").replace("2015-01-04", "2015-01-03")
    )
    weeks = found.weeks()
    assert weeks[0] == date(2012, 1, 9)
    assert weeks[-1] == date(2014, 12, 22)
    assert {week.weekday() for week in weeks} == {0}
    assert world.plan().weeks()[-1] + timedelta(days=6) == date(2015, 1, 4)


def test_a_frozen_plan_is_the_same_plan():
    """Freezing keeps everything, and its hash does not depend on how the file was laid out."""
    written = world.plan()
    frozen = read_plan(freeze(written), "plan.frozen")
    assert frozen.frozen
    assert frozen.sha256 == written.sha256
    spaced = world.plan(world.PLAN.replace(" = ", "   =   ") + "\n# nothing\n")
    assert spaced.sha256 == written.sha256
    assert world.plan(world.PLAN.replace("GBR", "AUS")).sha256 != written.sha256


def test_a_frozen_plan_that_was_touched_is_refused():
    """A window widened after the freeze shows by its hash."""
    document = json.loads(freeze(world.plan()))
    document["plan"]["after_weeks"] = 20
    with pytest.raises(LocalError, match="changed after it was frozen") as caught:
        read_plan(json.dumps(document).encode(), "plan.frozen")
    assert caught.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"AAA-BBB"', '"AAA-AAA"', "no dyad like"),
        ('"AAA-BBB"', '"AA-BBB"', "no dyad like"),
        ('"GBR"', '"GB"', "ripple: 'GB'"),
        ('"GBR"', '"AAA"', "is a party"),
        ('"MMM-NNN"', '"AAA-NNN"', "involves a party"),
        ("2014-07-07", "2011-07-07", "must follow one another"),
        ("after_weeks = 26", "after_weeks = 1", "after_weeks 4 or more"),
        ("after_weeks = 26", "after_weeks = 26\ntransition_weeks = 9", "0 to 8"),
        ("2012-01-02", "1912-01-02", "from 17 to 1040 weeks"),
        ("2012-01-02", "2014-09-10", "must follow one another"),
        ("after_weeks = 26", "afters = 26", "afters"),
        ("first = 2014-09-01", "first = 2014-09-01\nlast = 2014-08-01", "ends before it begins"),
        ('["AAA-BBB", "AAA-DDD"]', "[]", "from 1 to 200"),
        ("[[rival]]", '[outcomes]\nConflict = ["10"]\n[[rival]]', "small letters"),
        ("[[rival]]", '[outcomes]\nall = ["10"]\n[[rival]]', "is no name"),
        ("[[rival]]", '[outcomes]\nwar = ["1"]\n[[rival]]', "no CAMEO code"),
        ("title = ", "title ", "plan.toml: "),
    ],
)
def test_what_cannot_be_looked_at_is_refused_by_name(old, new, says):
    """Each mistake names the file and what is wrong in it."""
    assert old in world.PLAN
    with pytest.raises(LocalError, match=says) as caught:
        world.plan(world.PLAN.replace(old, new, 1))
    assert str(caught.value.detail).startswith("plan.toml: ")


@pytest.mark.parametrize("data", [b"{}", b"{", b'{"plan": [], "sha256": ""}'])
def test_what_is_no_frozen_plan_is_refused(data):
    """A JSON document without a plan in it is malformed, not empty."""
    with pytest.raises(LocalError) as caught:
        read_plan(data, "plan.frozen")
    assert caught.value.refusal is Refusal.MALFORMED


def test_the_example_is_a_plan(tmp_path):
    """What `detente trends plan --example` prints can be frozen as it stands."""
    path = tmp_path / "plan.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert load_plan(path).dyads == (("CUB", "USA"),)
    with pytest.raises(LocalError) as caught:
        load_plan(tmp_path / "none.toml")
    assert caught.value.refusal is Refusal.NOT_FOUND


def test_a_rival_meets_the_days_it_falls_on():
    """An event of one day or of many is in a window when they share a day."""
    (one,) = world.plan().rivals
    assert one.meets(date(2014, 9, 1), date(2014, 9, 1))
    assert not one.meets(date(2014, 9, 2), date(2014, 12, 1))


def test_a_plan_of_too_few_weeks_is_refused():
    """Less than could ever be estimated is no plan: no report of nothing comes of it."""
    text = world.PLAN.replace("2012-01-02", "2014-07-01").replace("2015-01-04", "2014-07-20")
    with pytest.raises(LocalError, match="from 17 to 1040 weeks"):
        world.plan(text)
