"""Distances, areas and sectors, against published figures and a search of every pair."""

from __future__ import annotations

import subprocess
import sys

import pytest

from detente.core.errors import LocalError, Refusal
from detente.dossiers import geodesy
from detente.dossiers.position import parse_position
from detente.dossiers.shapes import parse

READERS = {"WGS84": parse_position}
AROUND_THE_POLE = "POLYGON WGS84 80N 0E; 80N 90E; 80N 180E; 80N 90W"


def shape(text):
    """A geometry as people write it."""
    return parse(text, READERS)


def rule(text):
    """The rule by which ``check`` refuses a geometry."""
    with pytest.raises(LocalError) as caught:
        geodesy.check(shape(text))
    assert caught.value.refusal is Refusal.USAGE
    return caught.value.facts["rule"]


def test_distances_are_the_published_ones():
    """Wellington to Salamanca, 19,959,679.267 m in GeographicLib's own example."""
    wellington, salamanca = parse_position("41.32S 174.81E"), parse_position("40.96N 5.50W")
    assert geodesy.distance_m(wellington, salamanca) == pytest.approx(19_959_679.267, abs=0.01)
    assert geodesy.azimuth_deg(wellington, salamanca) == pytest.approx(161.067670, abs=1e-5)
    assert geodesy.azimuth_deg(parse_position("0N 1E"), parse_position("0N 0E")) == 270


def test_the_gap_is_what_searching_every_pair_finds():
    """The nearest points of two polygons, searched for one by one along their sides."""
    one = shape("POLYGON WGS84 50N 30E; 52N 33E; 49N 34E")
    other = shape("POLYGON WGS84 53N 36E; 51N 40E; 54N 41E")
    least = min(
        geodesy.distance_m(here, there)
        for here in geodesy.outline(one)
        for there in geodesy.outline(other)
    )
    found = geodesy.gap_m(one, other)
    assert found is not None
    assert least - 3_000 < found <= least + 1
    assert geodesy.gap_m(other, one) == pytest.approx(found, abs=0.2)


def test_the_gap_to_a_line_is_the_geodesic_across():
    """From a point beside the equator, across it: the meridian's own length."""
    line = shape("ROUTE WGS84 0N 29E; 0N 31E EACH SIDE 0 M")
    across = geodesy.distance_m(parse_position("1N 30E"), parse_position("0N 30E"))
    assert geodesy.gap_m(shape("PLACE WGS84 1N 30E"), line) == pytest.approx(across, abs=0.2)


def test_circles_and_corridors_reach_as_far_as_they_say():
    """A radius and a side shorten a gap, to nothing where the shapes meet."""
    place = shape("PLACE WGS84 1N 30E")
    bare = geodesy.gap_m(place, shape("PLACE WGS84 0N 30E"))
    circle = geodesy.gap_m(place, shape("CIRCLE WGS84 0N 30E RADIUS 40 KM"))
    both = geodesy.gap_m(
        shape("CIRCLE WGS84 1N 30E RADIUS 10 NM"),
        shape("ROUTE WGS84 0N 29E; 0N 31E EACH SIDE 40 KM"),
    )
    assert circle == pytest.approx(bare - 40_000, abs=0.2)
    assert both == pytest.approx(bare - 40_000 - 18_520, abs=0.2)
    assert geodesy.gap_m(place, shape("CIRCLE WGS84 0N 30E RADIUS 111 KM")) == 0


@pytest.mark.parametrize(("limit_km", "lon"), [(40, "30.5592"), (70, "30.9774")])
def test_rules_of_forty_and_seventy_kilometres(limit_km, lon):
    """A site beside a line of control lies on one side of the limit or the other by metres."""
    line = shape("ROUTE WGS84 49N 30E; 51N 30E EACH SIDE 0 M")
    far = geodesy.gap_m(shape(f"PLACE WGS84 50N {lon}E"), line)
    near = geodesy.gap_m(shape(f"PLACE WGS84 50N {float(lon) - 0.002:.4f}E"), line)
    assert near < limit_km * 1000 < far
    assert far - near == pytest.approx(143, abs=2)


def test_date_line_and_poles_are_places_like_others():
    """A gap over the date line is short, and the pole lies in a polygon around it."""
    west, east = shape("PLACE WGS84 0N 179.9W"), shape("CIRCLE WGS84 0N 179.9E RADIUS 10 KM")
    assert geodesy.gap_m(east, west) == pytest.approx(12_263.9, abs=0.2)
    around = shape(AROUND_THE_POLE)
    geodesy.check(around)
    assert geodesy.gap_m(around, shape("PLACE WGS84 90N 0E")) == 0
    assert geodesy.gap_m(around, shape("PLACE WGS84 79N 0E")) > 100_000
    over = shape("POLYGON WGS84 50N 179E; 51N 179W; 49N 179W")
    geodesy.check(over)
    assert geodesy.gap_m(over, shape("PLACE WGS84 50N 180E")) == 0
    assert geodesy.gap_m(over, shape("PLACE WGS84 50N 0E")) > 8_000_000


def test_a_small_polygon_is_measured_like_a_large_one():
    """Sides of a kilometre need no point between their ends."""
    small = shape("POLYGON WGS84 50N 30E; 50.01N 30E; 50N 30.01E")
    geodesy.check(small)
    assert geodesy.gap_m(small, shape("PLACE WGS84 50.002N 30.002E")) == 0
    assert geodesy.gap_m(small, shape("PLACE WGS84 49.99N 30E")) == pytest.approx(1_112, abs=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CIRCLE WGS84 0N 0E RADIUS 100 KM", "CIRCLE WGS84 0N 10E RADIUS 200 KM"),
        ("POLYGON WGS84 50N 30E; 52N 33E; 49N 34E", "POLYGON WGS84 53N 36E; 51N 40E; 54N 41E"),
        ("ROUTE WGS84 62N 40E; 57N 162E EACH SIDE 10 KM", "PLACE WGS84 20N 100E"),
        ("ROUTE WGS84 0N 0E; 0N 80E; 0N 160E; 0N 120W EACH SIDE 0 M", "PLACE WGS84 80N 0E"),
        (AROUND_THE_POLE, "PLACE WGS84 75N 180E"),
        (AROUND_THE_POLE, "PLACE WGS84 85N 180E"),
    ],
)
def test_the_quick_bound_is_never_above_the_gap(one, other):
    """What the bound calls apart is apart; what reaches around the earth is never called so."""
    least, gap = (
        geodesy.gap_min_m(shape(one), shape(other)),
        geodesy.gap_m(shape(one), shape(other)),
    )
    assert 0 <= least <= gap + 1
    assert geodesy.gap_min_m(shape(one), shape("AREA Barents Sea")) == 0


def test_opposite_points_have_a_gap():
    """Where two points have no middle, half the way around is still found."""
    gap = geodesy.gap_m(shape("PLACE WGS84 0N 0E"), shape("PLACE WGS84 0N 180E"))
    assert gap == pytest.approx(20_003_931, abs=1)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("POLYGON WGS84 50N 30E; 51N 31E; 50N 31E; 51N 30E", "crossing"),
        ("POLYGON WGS84 50N 179E; 51N 179W; 50N 179W; 51N 179E", "crossing"),
        ("POLYGON WGS84 85N 0E; 85N 180E; 86N 90E; 86N 90W", "crossing"),
        ("POLYGON WGS84 50N 30E; 51N 30E; 50N 30E; 50N 31E", "crossing"),
        ("POLYGON WGS84 0N 0E; 60N 45E; 0N 85E; 60S 45E", "spread"),
        ("POLYGON WGS84 0N 0E; 0N 120E; 50N 60E", "leg"),
        ("ROUTE WGS84 50N 30E; 20S 150W EACH SIDE 10 KM", "leg"),
    ],
)
def test_what_only_geodesy_sees_is_refused(text, broken):
    """Sides that cross, also over the date line and the pole, and what is too wide to be clear."""
    assert rule(text) == broken


@pytest.mark.parametrize(
    "text",
    [
        "PLACE WGS84 90N 0E",
        "BAND SFC TO UNL",
        "ROUTE WGS84 62N 40E; 57N 162E EACH SIDE 10 KM",
        "POLYGON WGS84 50N 30E; 50N 31E; 51N 31E; 51N 30E",
    ],
)
def test_what_is_sound_is_taken(text):
    """Sound geometry of every sort passes without a word."""
    geodesy.check(shape(text))


def test_a_quadrant_is_ninety_degrees_from_its_apex():
    """The first azimuth belongs to the sector, the last to the next one."""
    quadrant = shape("QUADRANT NE PACIFIC FROM WGS84 0N 160W")
    inside = {"10N 150W": True, "0N 150W": False, "10N 160W": True, "10N 170W": False}
    for text, expected in inside.items():
        assert geodesy.in_quadrant(quadrant, parse_position(text)) is expected
    south_west = shape("QUADRANT SW PACIFIC FROM WGS84 0N 160W")
    assert geodesy.in_quadrant(south_west, parse_position("10S 170E")) is True


def test_what_has_no_coordinates_has_no_distance():
    """Of a name, and of a quadrant nobody gave an apex, nothing is computed."""
    place, name = shape("PLACE WGS84 1N 2E"), shape("AREA Barents Sea")
    quadrant = shape("QUADRANT NE PACIFIC")
    assert geodesy.gap_m(place, name) is None
    assert geodesy.gap_m(quadrant, place) is None
    assert geodesy.in_quadrant(quadrant, place.at) is None


def test_outlines_are_closed_and_lie_where_the_shape_ends():
    """The edge of a circle is a radius away all around, of a corridor its side."""
    circle = shape("CIRCLE WGS84 89.9N 10E RADIUS 100 KM")
    edge = geodesy.outline(circle)
    assert edge[0] == edge[-1]
    for point in edge:
        assert geodesy.distance_m(circle.centre, point) == pytest.approx(100_000, abs=1)
    line = shape("ROUTE WGS84 49N 30E; 51N 30E EACH SIDE 0 M")
    assert len(geodesy.outline(line)) > 5
    corridor = geodesy.outline(shape("ROUTE WGS84 49N 30E; 51N 30E EACH SIDE 40 KM"))
    for point in corridor:
        gap = geodesy.gap_m(parse(f"PLACE WGS84 {point}", READERS), line)
        assert gap == pytest.approx(40_000, rel=0.01)
    assert geodesy.outline(shape("PLACE WGS84 1N 2E")) == [parse_position("1N 2E")]
    ring = geodesy.outline(shape(AROUND_THE_POLE))
    assert ring[0] == ring[-1] == parse_position("80N 0E")


def test_many_positions_are_projected_as_each_is():
    """All at once, east and north of the centre."""
    points = [parse_position(text) for text in ("50N 30E", "51N 31E", "0N 179W")]
    centre = {"lat_0": 50.0, "lon_0": 30.0}
    together = geodesy.all_to_plane(
        "aeqd", [p.lon for p in points], [p.lat for p in points], **centre
    )
    assert together == [geodesy.to_plane("aeqd", point, **centre) for point in points]
    assert together[0] == pytest.approx((0, 0))


def test_a_node_without_the_libraries_says_so(monkeypatch):
    """What is not installed is named together with the extra that brings it."""
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(LocalError, match=r"detente\[places\]") as caught:
        geodesy.gap_m(shape("PLACE WGS84 1N 2E"), shape("PLACE WGS84 1N 3E"))
    assert caught.value.refusal is Refusal.NOT_FOUND


def test_the_libraries_are_loaded_only_when_they_measure():
    """Reading a geometry, and importing all of this, starts without them."""
    script = (
        "import sys; from detente.dossiers import geodesy, shapes;"
        "shapes.read('PLACE WGS84 01.000000N 002.000000E');"
        "print(sorted({'pyproj', 'shapely', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.strip() == "[]"
