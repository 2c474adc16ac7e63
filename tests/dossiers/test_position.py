"""Positions: one text each, many ways to write them, nothing wrapped around."""

from __future__ import annotations

from fractions import Fraction

import pytest
from dossiers.places import POSITIONS, rule
from hypothesis import given, settings

from detente.dossiers.position import (
    LAT_MAX_UDEG,
    LON_MAX_UDEG,
    Position,
    parse_canonical,
    parse_degrees,
    parse_position,
    position,
)


@settings(deadline=None)
@given(POSITIONS)
def test_a_position_has_one_text(at):
    """Text and position stand for one another, in both readers."""
    assert parse_canonical(str(at)) == at
    assert parse_position(str(at)) == at
    assert len(str(at)) == 22


def test_poles_and_the_date_line_have_one_form():
    """180 west is 180 east, a pole has no longitude, and zero is north and east."""
    assert str(Position(5_000_000, -LON_MAX_UDEG)) == "05.000000N 180.000000E"
    assert str(Position(-LAT_MAX_UDEG, 77_000_000)) == "90.000000S 000.000000E"
    assert str(position(-0.0000001, -0.0000001)) == "00.000000N 000.000000E"
    for other in ("05.000000N 180.000000W", "90.000000N 010.000000E", "00.000000S 000.000000E"):
        assert rule(parse_canonical, other) == "position"


def test_what_is_off_the_earth_is_refused():
    """Nothing is wrapped around: 91 degrees north is a mistake, not 89."""
    assert rule(Position, LAT_MAX_UDEG + 1, 0) == "latitude"
    assert rule(Position, 0, -LON_MAX_UDEG - 1) == "longitude"
    assert rule(parse_position, "90.000001S 0E") == "latitude"
    assert rule(parse_position, "9100N00000E") == "latitude"
    assert rule(parse_position, "10N 180 00 01W") == "longitude"


@pytest.mark.parametrize(
    "text",
    [
        "50.45N 30.52E",
        "50.45°n, 30.52°e",
        "50 27N 30 31.2E",
        "50°27'N 030°31'12\"E",
        "50°27′00.0″N 030°31′12″E",
        "5027N03031.2E",
        "502700N0303112E",
        "502700.0N 0303112.0E",
        "50-27.0N 030-31.2E",
    ],
)
def test_people_write_positions_in_many_ways(text):
    """Decimal, minutes, seconds, apart or run together: the same point, exactly."""
    assert parse_degrees(text) == (Fraction("50.45"), Fraction("30.52"))
    assert str(parse_position(text)) == "50.450000N 030.520000E"


def test_south_and_west_are_negative():
    """Hemispheres are letters; the numbers behind them carry the sign."""
    assert parse_degrees("0130S 00015W") == (Fraction("-1.5"), Fraction("-0.25"))
    assert (position(-1.5, -0.25).lat, position(-1.5, -0.25).lon) == (-1.5, -0.25)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("50.45 30.52", "position"),
        ("-50.45N 30.52E", "position"),
        ("N50.45 E30.52", "position"),
        ("50.45N", "position"),
        ("", "position"),
        ("50 27 00 00N 30E", "position"),
        ("50.5 27N 30E", "position"),
        ("502N 30E", "latitude"),
        ("5O27N 03031E", "position"),
        ("N N 30E", "position"),
        ("50..4N 30E", "position"),
        ("5060N03031E", "minutes"),
        ("50 27 60N 30E", "minutes"),
        ("٥٠N 30E", "position"),
    ],
)
def test_what_is_ambiguous_is_refused(text, broken):
    """Signs, missing hemispheres, wrong fractions: the refusal names what is wrong."""
    assert rule(parse_position, text) == broken
