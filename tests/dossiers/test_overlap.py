"""Two notices at once: they meet, they do not, or nobody can tell."""

from __future__ import annotations

import pytest

from detente.dossiers.grids import read
from detente.dossiers.overlap import Activity, Conflict, conflict

NEAR = "CIRCLE WGS84 60N 20E RADIUS 20 NM"
BESIDE = "CIRCLE WGS84 60N 21E RADIUS 20 NM"  # 55.8 km east: they meet
FAR = "CIRCLE WGS84 60N 22E RADIUS 20 NM"  # 111.6 km east: 37.6 km between them


def activity(*texts, start_s=1_000, end_s=2_000, band=None):
    """An activity from texts."""
    return Activity(tuple(map(read, texts)), start_s, end_s, read(band) if band else None)


def test_two_that_meet_in_area_and_time_are_a_conflict():
    """The hours both are in force, and no distance between them."""
    found = conflict(activity(NEAR), activity(BESIDE, start_s=1_500, end_s=2_500))
    assert found == Conflict(1_500, 2_000, 0.0, True)


@pytest.mark.parametrize(("start_s", "end_s"), [(2_000, 3_000), (0, 1_000)])
def test_one_that_ends_when_the_other_begins_is_none(start_s, end_s):
    """The last second of a window belongs to nobody."""
    assert conflict(activity(NEAR), activity(NEAR, start_s=start_s, end_s=end_s)) is None


def test_no_end_is_no_end():
    """Until further notice lasts as long as the other one does."""
    open_end = activity(NEAR, end_s=None)
    assert conflict(open_end, activity(NEAR, start_s=9_000, end_s=9_500)).end_s == 9_500
    assert conflict(open_end, open_end).end_s is None


def test_areas_apart_are_none_unless_a_distance_is_asked_for():
    """37.6 km are enough for 20 and too little for 40."""
    assert conflict(activity(NEAR), activity(FAR)) is None
    assert conflict(activity(NEAR), activity(FAR), apart_m=20_000) is None
    found = conflict(activity(NEAR), activity(FAR), apart_m=40_000)
    assert found.gap_m == pytest.approx(37_600, abs=100)


def test_any_of_several_areas_counts():
    """The nearest pair decides."""
    assert conflict(activity(FAR, NEAR), activity(BESIDE)).gap_m == 0
    assert conflict(activity(), activity(NEAR)) is None


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        ("BAND SFC TO FL100", "BAND FL100 TO FL200", True),
        ("BAND SFC TO FL100", "BAND FL110 TO FL200", None),
        ("BAND FL110 TO UNL", "BAND SFC TO FL100", None),
        ("BAND SFC TO FL100", "BAND SFC TO 1000 FT AGL", True),
        ("BAND SFC TO FL100", "BAND 12000 FT AMSL TO UNL", False),
        ("BAND SFC TO 3000 M AMSL", "BAND 9000 FT AMSL TO UNL", True),
        (None, "BAND FL110 TO UNL", True),
    ],
)
def test_heights_of_one_datum_are_compared(one, other, known):
    """Bands apart are no conflict; of two datums nobody knows, which is said."""
    found = conflict(activity(NEAR, band=one), activity(NEAR, band=other))
    assert (found and found.heights_known) is known


def test_what_has_no_coordinates_is_not_called_safe():
    """A name may meet anything; the same name meets itself."""
    name = activity("AREA Barents Sea")
    assert conflict(name, activity(NEAR)).gap_m is None
    assert conflict(name, name).gap_m == 0
    quadrant = activity("QUADRANT NE PACIFIC")
    assert conflict(quadrant, quadrant).gap_m == 0
    assert conflict(quadrant, activity("QUADRANT NW PACIFIC")).gap_m is None
