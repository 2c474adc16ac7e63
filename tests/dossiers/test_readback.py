"""A place said back: equal within ten metres, or a difference with a name."""

from __future__ import annotations

import pytest

from detente.dossiers import grids
from detente.dossiers.grids import Grid
from detente.dossiers.readback import compare

POLYGON = "POLYGON WGS84 50.45N 30.52E; 50.46N 30.52E; 50.46N 30.53E"


def difference(sent, said):
    """What comparing two texts finds."""
    return compare(grids.read(sent), grids.read(said))


@pytest.mark.parametrize("grid", Grid)
@pytest.mark.parametrize(
    "text",
    [
        "PLACE WGS84 50.4501N 30.5234E",
        "CIRCLE WGS84 50.4501N 30.5234E RADIUS 20 NM",
        POLYGON,
        "ROUTE WGS84 50.45N 30.52E; 50.46N 30.52E EACH SIDE 10 KM",
        "BAND SFC TO FL100",
        "AREA Barents Sea",
        "QUADRANT NE PACIFIC",
    ],
)
def test_said_back_in_any_grid_it_is_the_same(grid, text):
    """Rounding of a grid and of the step to it is no mismatch."""
    sent = grids.read(text)
    assert compare(sent, grids.read(grids.geometry_in(sent, grid))) is None


@pytest.mark.parametrize("grid", [Grid.SK42, Grid.UCS2000])
def test_a_datum_taken_for_another_is_named(grid):
    """Who reads SK-42 as WGS 84, or the other way round, is told which and by how much."""
    sent = grids.read(POLYGON)
    said = grids.geometry_in(sent, grid).replace(grid.value, "WGS84")
    found = compare(sent, grids.read(said))
    assert found.what == "datum"
    assert found.taken == (grid, Grid.WGS84)
    assert 110 < found.metres < 130
    said = str(sent).replace("WGS84", grid.value)
    assert compare(sent, grids.read(said)).taken == (Grid.WGS84, grid)


def test_another_place_is_named_with_its_number_and_distance():
    """One corner wrong by a kilometre is that corner."""
    found = difference(POLYGON, POLYGON.replace("50.46N 30.53E", "50.469N 30.53E"))
    assert (found.what, found.point, found.taken) == ("place", 3, None)
    assert found.metres == pytest.approx(1_001, abs=1)
    found = difference("PLACE WGS84 10S 30W", "PLACE WGS84 11S 30W")
    assert (found.what, found.point, found.taken) == ("place", 1, None)


@pytest.mark.parametrize(
    ("sent", "said", "what"),
    [
        ("PLACE WGS84 1N 2E", "CIRCLE WGS84 1N 2E RADIUS 1 KM", "kind"),
        (POLYGON, POLYGON.replace("; 50.46N 30.53E", "; 50.46N 30.53E; 50.45N 30.53E"), "points"),
        ("CIRCLE WGS84 1N 2E RADIUS 20 KM", "CIRCLE WGS84 1N 2E RADIUS 20 NM", "length"),
        (
            "ROUTE WGS84 1N 2E; 1N 3E EACH SIDE 1 KM",
            "ROUTE WGS84 1N 2E; 1N 3E EACH SIDE 2 KM",
            "length",
        ),
        ("BAND SFC TO FL100", "BAND SFC TO FL110", "words"),
        ("AREA Barents Sea", "AREA Kara Sea", "words"),
        ("QUADRANT NE PACIFIC", "QUADRANT NW PACIFIC", "words"),
        ("QUADRANT NE PACIFIC", "QUADRANT NE PACIFIC FROM WGS84 1N 2E", "points"),
    ],
)
def test_every_other_difference_has_its_word(sent, said, what):
    """Kind, number of points, length, or words that are not the same."""
    assert difference(sent, said).what == what


def test_one_length_in_two_units_is_one_length():
    """37.04 km said for 20 NM is no mismatch."""
    sent, said = "CIRCLE WGS84 1N 2E RADIUS 20 NM", "CIRCLE WGS84 1N 2E RADIUS 37.04 KM"
    assert difference(sent, said) is None
