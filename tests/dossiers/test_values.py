"""Values of fields: one form for each, and a rule's name for each that is none."""

from __future__ import annotations

import pytest
from regimes import Flat, profile

from detente.dossiers.faults import Rule, WrongError
from detente.dossiers.profile import Field
from detente.dossiers.values import read_day, read_instant, read_value, year_of

FIELDS = profile().fields
NINE = "2026-02-05T09:00:00Z"
OTHER = {
    "at": Field("at", "instant", "required", "s", {}),
    "on": Field("on", "day", "required", "s", {}),
    "ref": Field("ref", "reference", "required", "s", {}),
    "unit": Field("unit", "unit", "required", "s", {}),
    "ratio": Field("ratio", "number", "required", "s", {}),
}


def read(name, text, geometry=None):
    """A value of one field of the profile, or of another type."""
    return read_value(FIELDS.get(name) or OTHER[name], text, geometry or Flat())


@pytest.mark.parametrize(
    ("name", "text", "written"),
    [
        ("at", "2026-02-05T09:00Z", "2026-02-05T09:00:00Z"),
        ("at", " 2026-02-05 11:00:30+02:00", "2026-02-05T09:00:30Z"),
        ("at", "2026-02-05T04:30-04:30", "2026-02-05T09:00:00Z"),
        ("at", "050900Z FEB 26", "2026-02-05T09:00:00Z"),
        ("at", "2028-02-29T00:00Z", "2028-02-29T00:00:00Z"),
        ("on", "2028-02-29", "2028-02-29"),
        ("window", f"{NINE[:16]}Z / 2026-02-05T12:00+02:00", f"{NINE}/2026-02-05T10:00:00Z"),
        ("range", "12.50 km", "12.5 km"),
        ("range", "0.0km", "0 km"),
        ("range", "100 km", "100 km"),
        ("ratio", "-3", "-3"),
        ("craft", "12", "12"),
        ("kind", "show", "show"),
        ("unit", "4th brigade", "4th brigade"),
        ("ref", "ab" * 32, "ab" * 32),
        ("site", "at  12 km".replace("  ", " "), "at 12 km"),
    ],
)  # fmt: skip
def test_a_value_has_one_form(name, text, written):
    """However it is written, it is sent in one way, and that reads as itself."""
    assert read(name, text).text == written
    assert read(name, written) == read(name, text)


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("at", "tomorrow", Rule.WRONG_TYPE),
        ("at", "2026-10-25T03:30", Rule.NOT_UTC),  # twice on this day in Kyiv
        ("at", "2026-03-29T03:30", Rule.NOT_UTC),  # never on this one
        ("at", "2026-02-05T09:00+15:00", Rule.NOT_UTC),
        ("at", "2026-02-05T09:00+02:60", Rule.NOT_UTC),
        ("at", "2026-02-29T09:00Z", Rule.NO_SUCH_DAY),
        ("at", "2026-12-31T23:59:60Z", Rule.NO_SUCH_DAY),
        ("at", "1999-12-31T23:59Z", Rule.OUT_OF_RANGE),
        ("at", "0001-01-01T00:00+14:00", Rule.OUT_OF_RANGE),
        ("on", "2026-02-29", Rule.NO_SUCH_DAY),
        ("on", "29.02.2028", Rule.WRONG_TYPE),
        ("on", "2100-01-01", Rule.OUT_OF_RANGE),
        ("window", "2026-02-05T09:00Z", Rule.WRONG_TYPE),
        ("window", "2026-02-05T09:00Z/2026-02-05T09:00Z", Rule.OUT_OF_RANGE),
        ("window", "2026-02-05T09:00Z/2026-02-05T09:59Z", Rule.OUT_OF_RANGE),
        ("window", "2026-02-05T09:00Z/2026-02-10T09:01Z", Rule.OUT_OF_RANGE),
        ("range", "12.5 nm", Rule.WRONG_UNIT),
        ("range", "12.5 leagues", Rule.WRONG_UNIT),
        ("range", "12.5", Rule.WRONG_UNIT),
        ("ratio", "12.5 km", Rule.WRONG_UNIT),
        ("range", "far", Rule.WRONG_TYPE),
        ("range", "100.1 km", Rule.OUT_OF_RANGE),
        ("craft", "0", Rule.OUT_OF_RANGE),
        ("craft", "two", Rule.WRONG_TYPE),
        ("craft", "1.5", Rule.WRONG_TYPE),
        ("kind", "war", Rule.NO_CHOICE),
        ("unit", "", Rule.WRONG_TYPE),
        ("unit", "turned \u202e round", Rule.WRONG_TYPE),
        ("unit", "u" * 2001, Rule.WRONG_TYPE),
        ("ref", "A-0042", Rule.WRONG_TYPE),
        ("site", "somewhere", Rule.BAD_PLACE),
        ("site", "at\n12", Rule.WRONG_TYPE),
    ],
)  # fmt: skip
def test_a_value_that_breaks_a_rule_names_it(name, text, rule):
    """Local times on days that clocks change, days that are on no calendar, other units."""
    with pytest.raises(WrongError) as caught:
        read(name, text)
    assert caught.value.rule is rule


def test_a_day_of_clock_changes_is_two_instants_by_offset():
    """Half past three comes twice on 25 October 2026 in Kyiv, and never on 29 March."""
    first = read_instant("2026-10-25T03:30+03:00")
    assert read_instant("2026-10-25T03:30+02:00") - first == 3600
    before, after = "2026-03-29T02:59:59+02:00", "2026-03-29T04:00:00+03:00"
    assert read_instant(after) - read_instant(before) == 1


def test_a_year_is_of_utc_and_never_outside_the_century():
    """A leaf of a broken clock breaks no count."""
    assert year_of(read_day("2027-01-01")) == 2027
    assert year_of(read_day("2027-01-01") - 1) == 2026
    assert (year_of(0), year_of(1 << 40)) == (2000, 2099)
