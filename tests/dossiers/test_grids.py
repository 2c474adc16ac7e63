"""WGS 84, MGRS, SK-42 and UCS-2000: written, read, and never taken for one another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dossiers.places import rule
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.dossiers import grids
from detente.dossiers.geodesy import check, distance_m, from_plane
from detente.dossiers.grids import Grid
from detente.dossiers.mgrs import read_mgrs, write_mgrs
from detente.dossiers.position import LAT_MAX_UDEG, LON_MAX_UDEG, Position, parse_position, position

KYIV = position(50.4501, 30.5234)
# Written by an independent program (GeoTrans), beside the exceptions of Norway and Svalbard, at the
# equator and the date line, and in all four polar halves.
REFERENCES = {
    "50.4501N 30.5234E": "36U UA 24182 91607",
    "60.39N 5.32E": "32V KN 97230 00510",
    "64N 2.9E": "31W DL 95108 97017",
    "75N 33.1E": "37X CD 29807 32079",
    "78.2N 15.6E": "33X WG 13696 80760",
    "83.99N 179.999E": "60X WU 35041 27889",
    "33.86S 151.2E": "56H LH 33491 51909",
    "40N 180W": "01T BE 43900 32069",
    "84.5N 10E": "Z BA 06113 98202",
    "89.99N 120W": "Y ZH 99038 00555",
    "85S 120E": "B GK 81040 22271",
    "85S 120W": "A TK 18959 22271",
}


@pytest.mark.parametrize(("text", "reference"), REFERENCES.items())
def test_mgrs_is_what_another_program_writes(text, reference):
    """A reference is the square of 1 m that holds the point, and reads back to its middle."""
    at = parse_position(text)
    assert write_mgrs(at) == reference
    assert distance_m(read_mgrs(reference), at) < 0.8
    assert read_mgrs(reference.lower().replace(" ", "")) == read_mgrs(reference)


@settings(deadline=None)
@given(
    st.builds(
        Position,
        st.integers(-LAT_MAX_UDEG, LAT_MAX_UDEG),
        st.integers(-LON_MAX_UDEG, LON_MAX_UDEG),
    )
)
def test_mgrs_reads_back_everywhere(at):
    """Poles, date line and the edges of zones and bands included."""
    assert distance_m(read_mgrs(write_mgrs(at)), at) < 0.8


@pytest.mark.parametrize(
    "at",
    [(0, 0), (-80, 10), (84, 9), (56, 3), (64, 3), (8, 6), (72, 42), (90, 0), (-90, 0), (-5, 180)],
)
def test_mgrs_reads_back_on_every_edge(at):
    """A square on an edge belongs to the zone that its reference names."""
    point = position(*at)
    assert distance_m(read_mgrs(write_mgrs(point)), point) < 0.8


@pytest.mark.parametrize(
    "text",
    [
        "36U UA 241 916",  # to 100 m: no place for a notice
        "36U UA 24182 9160",
        "61U UA 24182 91607",
        "00U UA 24182 91607",
        "36I UA 24182 91607",
        "36A UA 24182 91607",
        "A UA 2418 9160 7",
        "U UA 24182 91607",
        "36U AA 24182 91607",
        "36U UW 24182 91607",
        "36U UJ 24182 91607",
        "Z OA 06113 98202",
        "Kyiv",
    ],
)
def test_what_names_no_square_is_refused(text):
    """Too coarse, uneven, no such zone, band or square, or a square that lies elsewhere."""
    assert rule(read_mgrs, text) == "mgrs"


def test_eight_digits_are_ten_metres():
    """The shorter reference means the middle of a larger square."""
    assert distance_m(read_mgrs("36U UA 2418 9160"), KYIV) < 7.1


def test_the_steps_between_datums_are_the_published_ones():
    """Kyiv in SK-42 and UCS-2000, as PROJ's own copies of EPSG:15865 and EPSG:5840 have it."""
    assert grids.told(KYIV, Grid.SK42) == "SK42 50.450262N 030.525144E (to 4.5 m)"
    assert grids.told(KYIV, Grid.UCS2000) == "UCS2000 50.450228N 030.525039E (to 1 m)"
    assert grids.told(KYIV, Grid.WGS84) == "WGS84 50.450100N 030.523400E"
    assert grids.told(KYIV, Grid.MGRS) == "MGRS 36U UA 24182 91607"
    assert grids.told(KYIV, Grid.SK42, flat=True) == "SK42 X 5593957 Y 6324233 (to 4.5 m)"


@pytest.mark.parametrize("grid", [Grid.SK42, Grid.UCS2000])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(("lat", "lon"), [(50.4501, 30.5234), (44.0, 22.5), (52.3, 40.9)])
def test_what_is_written_in_a_datum_reads_back(grid, flat, lat, lon):
    """Degrees to a decimetre, X and Y to a metre."""
    at = position(lat, lon)
    text = grids.write(at, grid, flat=flat)
    assert distance_m(grids.place(f"{grid.value} {text}"), at) < (0.8 if flat else 0.2)


def test_sk42_reaches_over_the_date_line():
    """Chukotka lies west of 180 and in zone 31."""
    chukotka = parse_position("66N 175W")
    flat = grids.write(chukotka, Grid.SK42, flat=True)
    assert flat == "X 7324417 Y 31590646"
    assert distance_m(grids.place(f"SK42 {flat}"), chukotka) < 0.8


def test_sk42_read_as_wgs84_is_wrong_by_more_than_a_hundred_metres():
    """At Kyiv: far enough to strike the wrong house, near enough to look right on a map."""
    wrong = grids.misread(KYIV, Grid.SK42, Grid.WGS84)
    assert distance_m(KYIV, wrong) == pytest.approx(125, abs=1)
    wrong = grids.misread(KYIV, Grid.UCS2000, Grid.WGS84)
    assert distance_m(KYIV, wrong) == pytest.approx(117, abs=1)
    assert distance_m(KYIV, grids.misread(KYIV, Grid.WGS84, Grid.SK42)) == pytest.approx(125, abs=1)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("50.45N 30.52E", "datum"),
        ("SK95 50.45N 30.52E", "datum"),
        ("SK42 10N 30E", "area"),
        ("UCS2000 55N 30E", "area"),
        ("SK42 X 5593957 Y 0324233", "flat"),
        ("SK42 X 5593957 Y 61324233", "flat"),
        ("SK42 X 5593957 Y 6024233", "flat"),
        ("SK42 X 15593957 Y 6324233", "flat"),
        ("SK42 5593957 6324233", "position"),
        ("SK42 50 27 61N 30 31 24E", "minutes"),
    ],
)
def test_what_a_datum_does_not_say_is_refused(text, broken):
    """No word, a datum nobody here knows, ground it was never measured on, numbers of no zone."""
    assert rule(grids.place, text) == broken


def test_nothing_is_written_where_a_datum_does_not_reach():
    """SK-42 of a place in the ocean would be an invention."""
    assert rule(grids.write, parse_position("10S 30W"), Grid.SK42) == "area"


def test_what_is_in_no_projection_is_no_place():
    """Numbers that no point of the earth has are refused, not handed on as infinity."""
    assert rule(from_plane, "gnom", (float("inf"), 0.0)) == "position"


@pytest.mark.parametrize(
    "text",
    [
        "PLACE MGRS 36U UA 24182 91607",
        "CIRCLE SK42 50.45N 30.52E RADIUS 20 NM",
        "POLYGON UCS2000 50.45N 30.52E; 50.46N 30.52E; X 5593954 Y 6325226",
        "ROUTE WGS84 50.45N 30.52E; 50.46N 30.52E EACH SIDE 10 KM",
        "QUADRANT NE PACIFIC FROM MGRS 04Q FJ 20000 30000",
        "QUADRANT NE PACIFIC",
        "AREA WGS84 range",
        "BAND SFC TO FL100",
    ],
)
def test_geometry_is_read_and_printed_in_any_grid(text):
    """What is printed in a grid names it once, and is read back from it to the metre."""
    geometry = grids.read(text)
    for grid in (Grid.WGS84, Grid.MGRS):
        printed = grids.geometry_in(geometry, grid)
        assert (f" {grid.value} " in printed) or not grids.positions(geometry) or "AREA" in printed
        again = grids.read(printed)
        assert type(again) is type(geometry)
        for before, after in zip(grids.positions(geometry), grids.positions(again), strict=True):
            assert distance_m(before, after) < 0.8
    assert grids.geometry_in(geometry, Grid.WGS84) == str(geometry)


def test_the_examples_of_the_manual_are_places():
    """Each line of the operator's page is taken, and measured where it can be."""
    page = (Path(__file__).resolve().parents[2] / "docs/operating/places.md").read_text("utf-8")
    lines = page.split("```places\n")[1].split("```")[0].strip().splitlines()
    assert len(lines) == 9
    for line in lines:
        check(grids.read(line))


def test_no_network_is_asked():
    """Where PROJ may fetch grids and can reach none, the steps are the same: they need none."""
    script = "from detente.dossiers.grids import place; print(place('SK42 50.4501N 30.5234E'))"
    asking = {"PROJ_NETWORK": "ON", "PROJ_NETWORK_ENDPOINT": "http://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | asking,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert done.stdout.strip() == str(grids.place("SK42 50.4501N 30.5234E"))
    for datum in (grids._SK42, grids._UCS2000):
        assert "grid" not in datum.steps(inverse=False) + datum.steps(inverse=True)
