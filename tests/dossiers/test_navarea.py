"""Warnings to mariners: published ones parse and come back, ours hold what they say."""

from __future__ import annotations

import pytest
from dossiers.places import rule

from detente.core.errors import LocalError
from detente.dossiers.conventions import parse_dtg
from detente.dossiers.geodesy import distance_m
from detente.dossiers.grids import positions, read
from detente.dossiers.navarea import read_warning, write_warning
from detente.dossiers.shapes import Circle, Place, Polygon, Route

# Broadcast by the coordinator of NAVAREA IV and XII, whose works are in the public domain.
LAUNCH = """NAVAREA IV 1177/22(11,26).
WESTERN NORTH ATLANTIC.
FLORIDA.
1. HAZARDOUS OPERATIONS, ROCKET LAUNCHING
   121606Z TO 121854Z NOV, ALTERNATE
   131606Z TO 131854Z AND 1607Z TO 1854Z DAILY
   14 THRU 18 NOV IN AREAS BOUND BY:
   A. 28-39.92N 080-38.33W, 28-40.00N 079-44.00W,
      28-28.00N 079-40.00W, 28-29.97N 080-32.29W
   B. 27-51.00N 073-56.00W, 28-37.00N 073-55.00W,
      28-40.00N 071-21.00W, 28-13.00N 069-58.00W,
      27-31.00N 069-58.00W, 27-21.00N 071-43.00W.
2. CANCEL NAVAREA IV 1165/22.
3. CANCEL THIS MSG 181954Z NOV 22."""
GUNNERY = """HYDROARC 421/17(42).
BARENTS SEA.
RUSSIA.
DNC 22.
1. GUNNERY AND MISSILE OPERATIONS 0300Z TO 2100Z
   DAILY 26 THRU 29 DEC IN AREA BOUND BY
   72-20.0N 035-40.0E, 72-10.0N 038-00.0E,
   71-00.0N 041-35.0E, 70-15.0N 042-00.0E,
   69-15.0N 035-09.4E, 69-20.2N 034-24.2E,
   69-20.5N 033-58.0E, 69-35.0N 033-38.0E,
   69-58.0N 033-38.0E.
2. CANCEL THIS MSG 292200Z DEC 17."""
CIRCLE = """090315Z APR 23
NAVAREA IV 400/23.
NORTH ATLANTIC.
1. HAZARDOUS OPERATIONS, ROCKET LAUNCHING
   0030Z TO 1000Z DAILY 14 APR THRU 07 MAY
   IN AREA WITHIN 150 MILES OF 37-35.15N 045-40.37W.
2. CANCEL THIS MSG 071100Z MAY 23."""
SHOAL = """HYDROARC 12/23.
QUEEN MAUD GULF.
CANADA.
DNC 28.
13.7 METER SHOAL IN 69-01.48N 100-58.36W."""
WINDOW = (parse_dtg("051200Z FEB 26"), parse_dtg("051800Z FEB 26"))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (LAUNCH, [Polygon, Polygon]),
        (GUNNERY, [Polygon]),
        (CIRCLE, [Circle]),
        (SHOAL, [Place]),
    ],
)
def test_published_warnings_parse_and_round_trip(text, kinds):
    """What is read is written in one form that reads the same, with the areas that it states."""
    warning = read_warning(text)
    assert read_warning(str(warning)) == warning
    assert [type(shape) for shape in warning.shapes()] == kinds
    assert str(warning).split() == text.split()


def test_a_heading_is_series_number_year_and_regions():
    """And the time before it, if there is one."""
    launch, circle = read_warning(LAUNCH), read_warning(CIRCLE)
    assert (launch.series, launch.number, launch.year) == ("NAVAREA IV", 1177, 2022)
    assert (launch.regions, launch.dated_s) == ("11,26", None)
    assert circle.dated_s == parse_dtg("090315Z APR 23")


def test_what_ends_a_warning_is_found():
    """Another warning by its heading, itself by its time."""
    launch = read_warning(LAUNCH)
    assert launch.cancels() == ("NAVAREA IV 1165/22",)
    assert launch.ends_s() == parse_dtg("181954Z NOV 22")
    assert (read_warning(SHOAL).cancels(), read_warning(SHOAL).ends_s()) == ((), None)


def test_windows_are_found_where_they_are_written_as_known():
    """A window, a daily one with its days, over the end of a month and over midnight."""
    launch = read_warning(LAUNCH).windows()
    assert launch[0] == (parse_dtg("121606Z NOV 22"), parse_dtg("121854Z NOV 22"))
    assert launch[-1] == (parse_dtg("181607Z NOV 22"), parse_dtg("181854Z NOV 22"))
    assert len(launch) == 6  # the alternate of 13 November names no month: it stays text
    assert len(read_warning(GUNNERY).windows()) == 4
    circle = read_warning(CIRCLE).windows()
    assert len(circle) == 24
    assert circle[-1] == (parse_dtg("070030Z MAY 23"), parse_dtg("071000Z MAY 23"))
    night = SHOAL + "\n2200Z TO 0200Z DAILY 30 DEC 23 THRU 01 JAN 24"
    assert read_warning(night).windows()[-1] == (
        parse_dtg("012200Z JAN 24"),
        parse_dtg("020200Z JAN 24"),
    )
    over = SHOAL + "\n312300Z DEC 23 TO 010100Z JAN 24"
    assert read_warning(over).windows() == (
        (parse_dtg("312300Z DEC 23"), parse_dtg("010100Z JAN 24")),
    )


@pytest.mark.parametrize(
    "text",
    [
        "CIRCLE WGS84 72.5N 35.25W RADIUS 20 NM",
        "POLYGON WGS84 72.3333333N 35.5E; 72N 38E; 71.001N 179.99W",
        "ROUTE WGS84 10.5S 35E; 11S 36E EACH SIDE 5 NM",
        "ROUTE WGS84 10.5S 35E; 11S 36E EACH SIDE 0 NM",
        "PLACE WGS84 0N 180E",
    ],
)
def test_what_is_written_reads_back(text):
    """The shape to 13 metres, the window, and the end an hour after it."""
    shape = read(text)
    warning = write_warning("NAVAREA XX 7/26", "BARENTS SEA", "MISSILE FIRING", shape, WINDOW)
    again = read_warning(str(warning))
    assert again == warning
    assert again.windows() == (WINDOW,)
    assert again.ends_s() == WINDOW[1] + 3600
    (found,) = again.shapes()
    assert type(found) is type(shape)
    for before, after in zip(positions(shape), positions(found), strict=True):
        assert distance_m(before, after) < 14
    if isinstance(found, Circle):
        assert found.radius.metres == shape.radius.metres
    if isinstance(found, Route):
        assert found.side.metres == shape.side.metres


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NAVAREA IV 1177/22.",
        "WESTERN NORTH ATLANTIC.\nFLORIDA.",
        "051200Z FEB 26",
        "NAVAREA IV 1/22.\n" + "A" * 8_000,
    ],
)
def test_what_is_no_warning_is_refused(text):
    """No heading, nothing under it, or more than a broadcast holds."""
    assert rule(read_warning, text) == "navarea"


def test_sixty_minutes_are_a_slip_and_refused():
    """Published in 2023 as 09-60.0N 060-31.9W; nobody is told that 10 degrees were meant."""
    rig = "NAVAREA IV 399/23.\nJOE DOUGLAS 09-60.0N 060-31.9W."
    assert rule(read_warning(rig).shapes) == "minutes"


def test_a_day_on_no_calendar_is_refused():
    """31 November is a slip, and no window."""
    with pytest.raises(LocalError):
        read_warning(SHOAL + "\n311200Z TO 311800Z NOV 23").windows()
