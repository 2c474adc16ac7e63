"""The seven geometries: one text each, units and datums as stated."""

from __future__ import annotations

import pytest
from dossiers.places import POSITIONS, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.dossiers.position import Position, parse_position
from detente.dossiers.shapes import (
    Band,
    Circle,
    Datum,
    Height,
    Length,
    NamedArea,
    Ocean,
    Place,
    Polygon,
    Quadrant,
    Route,
    Side,
    Unit,
    parse,
    parse_length,
    read,
)

READERS = {"WGS84": parse_position}
AT = Position(56_250_000, 162_500_000)
LENGTHS = st.builds(Length, st.integers(1, 2_000_000), st.sampled_from(Unit))
LISTS = st.lists(POSITIONS, min_size=3, max_size=9, unique=True).map(tuple)
HEIGHTS = st.builds(Height, LENGTHS, st.sampled_from([Datum.AMSL, Datum.AGL, Datum.HAE]))
GEOMETRY = st.one_of(
    st.builds(Place, POSITIONS),
    st.builds(Circle, POSITIONS, LENGTHS),
    st.builds(Polygon, LISTS),
    st.builds(Route, LISTS, st.one_of(LENGTHS, st.just(Length(0, Unit.M)))),
    st.builds(Quadrant, st.sampled_from(Side), st.sampled_from(Ocean), st.none() | POSITIONS),
    st.builds(NamedArea, st.sampled_from(["Barents Sea, east", "Полігон 235", "A"])),
    st.builds(lambda upper: Band(None, upper), HEIGHTS),
    st.builds(lambda lower: Band(lower, None), HEIGHTS),
)


@settings(deadline=None)
@given(GEOMETRY)
def test_a_geometry_has_one_text(geometry):
    """Writing and reading are inverse for every kind."""
    assert read(str(geometry)) == geometry
    assert parse(str(geometry), READERS) == geometry


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("place wgs84 5615N16230E", "PLACE WGS84 56.250000N 162.500000E"),
        (
            "Circle  WGS84 56.25N 162.5E radius 20.50nm",
            "CIRCLE WGS84 56.250000N 162.500000E RADIUS 20.5 NM",
        ),
        (
            "ROUTE WGS84 1N 2E;1N 3E EACH SIDE 0 KM",
            "ROUTE WGS84 01.000000N 002.000000E; 01.000000N 003.000000E EACH SIDE 0 KM",
        ),
        ("quadrant ne pacific from wgs84 0N 160W", None),
        ("QUADRANT SW ATLANTIC", "QUADRANT SW ATLANTIC"),
        ("area  Barents   Sea", "AREA Barents Sea"),
        ("BAND SFC TO fl 250", "BAND SFC TO FL250"),
        ("BAND 300 M AGL TO FL50", "BAND 300 M AGL TO FL050"),
        ("BAND SFC TO UNL", "BAND SFC TO UNL"),
    ],
)
def test_people_write_geometry_freely(text, canonical):
    """Small letters, spaces and short forms become the one text."""
    canonical = canonical or "QUADRANT NE PACIFIC FROM WGS84 00.000000N 160.000000W"
    assert str(parse(text, READERS)) == canonical
    assert read(canonical) == parse(text, READERS)


def test_only_the_canonical_text_is_read():
    """Equal geometry and equal bytes are the same thing: what is read is what would be written."""
    assert rule(read, "CIRCLE WGS84 56.250000N 162.500000E RADIUS 20.0 NM") == "canonical"
    assert rule(read, "place WGS84 56.250000N 162.500000E") == "canonical"
    assert rule(read, "PLACE WGS84 56.25N 162.5E") == "position"
    assert rule(read, "PLACE WGS84 56.250000N 162.500000E; 57.250000N 162.500000E") == "shape"
    circle = "CIRCLE WGS84 56.250000N 162.500000E; 57.250000N 162.500000E RADIUS 1 M"
    assert rule(read, circle) == "shape"
    assert rule(read, "somewhere") == "shape"


def test_a_length_keeps_its_unit():
    """20 NM stay 20 NM; the metres beside them are exact."""
    assert str(parse_length("20nm")) == "20 NM"
    assert str(parse_length("0.125 KM")) == "0.125 KM"
    assert parse_length("20 NM").metres == 37_040
    assert parse_length("10 FT").metres == 3.048
    assert Length(1_500, Unit.KM).metres == Length(1_500_000, Unit.M).metres == 1_500
    for text in ("20", "NM", "1,5 KM", "-1 KM", "1.0001 KM", "20 MI"):
        assert rule(parse_length, text) == "length"


def test_points_are_counted_and_differ():
    """Too few, too many, the same twice in a row: none of it is an area or a way."""
    other, third = Position(1, 1), Position(2, 2)
    assert rule(Polygon, (AT, other, AT)) == "vertices"
    assert rule(Polygon, (AT, other, third, AT)) == "vertices"
    assert rule(Route, (AT,), Length(1, Unit.M)) == "vertices"
    assert rule(Route, (AT, AT), Length(1, Unit.M)) == "vertices"
    many = tuple(Position(number, 0) for number in range(257))
    assert Polygon(many[:256]).vertices == many[:256]
    assert rule(Polygon, (*many, AT)) == "vertices"
    assert rule(parse, f"ROUTE WGS84 {'1N 2E; 1N 3E; ' * 129}1N 2E EACH SIDE 1 M", READERS) == (
        "vertices"
    )


def test_an_extent_has_bounds():
    """A circle of nothing and a circle of half the world are refused."""
    assert rule(Circle, AT, Length(0, Unit.M)) == "length"
    assert rule(Circle, AT, Length(5_000_001, Unit.KM)) == "length"
    assert rule(Route, (AT, Position(1, 1)), Length(2_700_000, Unit.NM)) == "length"
    assert Circle(AT, Length(5_000_000, Unit.KM)).radius.metres == 5_000_000


def test_a_datum_is_always_said():
    """A position without its grid and a height without its datum are refused, not guessed."""
    assert rule(parse, "PLACE 56.25N 162.5E", READERS) == "datum"
    assert rule(parse, "PLACE NAD27 56.25N 162.5E", READERS) == "datum"
    assert rule(parse, "BAND SFC TO 3000 FT", READERS) == "datum"
    assert rule(parse, "BAND SFC TO 3000 FT MSL", READERS) == "datum"
    assert rule(Height, Length(1_000, Unit.FT), Datum.STD) == "datum"
    assert rule(Height, Length(100_000, Unit.M), Datum.STD) == "datum"


def test_a_band_is_not_upside_down():
    """Within one datum the lower end is below the upper; between two nothing can be said."""
    assert rule(parse, "BAND FL250 TO FL100", READERS) == "band"
    assert rule(parse, "BAND 1000 M AMSL TO 3000 FT AMSL", READERS) == "band"
    assert parse("BAND 5000 M AMSL TO FL100", READERS)


def test_quadrants_are_of_known_oceans():
    """Four sides, five oceans, one apex at most."""
    assert rule(parse, "QUADRANT N PACIFIC", READERS) == "quadrant"
    assert rule(parse, "QUADRANT NE BALTIC", READERS) == "quadrant"
    assert rule(parse, "QUADRANT NE PACIFIC FROM WGS84 1N 2E; 1N 3E", READERS) == "quadrant"


def test_a_name_hides_nothing():
    """A name is a short line of characters that can be seen."""
    assert rule(NamedArea, "") == "name"
    assert rule(NamedArea, "a" * 81) == "name"
    assert rule(NamedArea, "two  spaces") == "name"
    assert rule(NamedArea, "e\u0301t\u00e9") == "name"
    assert rule(NamedArea, "left\u202eright") == "name"
