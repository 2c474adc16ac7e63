"""Places in notices: one text in a fold; measured, in whatever form, where they are written."""

from __future__ import annotations

import pytest

from detente.dossiers import shapes
from detente.dossiers.faults import Rule, WrongError
from detente.dossiers.geometry import AsSent, AsWritten
from detente.dossiers.position import parse_position

WRITTEN = AsWritten(lambda text: shapes.parse(text, {"WGS84": parse_position}))
PLACE = "PLACE WGS84 56.250000N 162.500000E"


def test_a_fold_reads_one_text_and_measures_nothing():
    """Another form is a fault, as is a place where a circle belongs."""
    assert AsSent().canonical("place", PLACE) == PLACE
    assert AsSent().apart_m(PLACE, PLACE) is None
    for kind, text in (("circle", PLACE), ("place", PLACE.lower()), ("place", PLACE[6:])):
        with pytest.raises(WrongError) as caught:
            AsSent().canonical(kind, text)
        assert caught.value.rule is Rule.BAD_PLACE


@pytest.mark.parametrize(
    ("kind", "text", "sent"),
    [
        ("place", "wgs84 56 15 00N 162 30 00E", PLACE),
        ("place", PLACE, PLACE),
        ("circle", "WGS84 56.25N 180W radius 20 nm", "CIRCLE WGS84 56.250000N 180.000000E RADIUS 20 NM"),  # noqa: E501
        ("corridor", "WGS84 0N 0E; 1N 0E EACH SIDE 5 KM", "ROUTE WGS84 00.000000N 000.000000E; 01.000000N 000.000000E EACH SIDE 5 KM"),  # noqa: E501
        ("band", "SFC TO FL 250", "BAND SFC TO FL250"),
        ("quadrant", "NE PACIFIC", "QUADRANT NE PACIFIC"),
        ("polygon", "WGS84 0N 179E; 0N 179W; 1N 180E", "POLYGON WGS84 00.000000N 179.000000E; 00.000000N 179.000000W; 01.000000N 180.000000E"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_is_written_becomes_the_one_text(kind, text, sent):
    """The kind's word may be left out; the date line is a place like others."""
    assert WRITTEN.canonical(kind, text) == sent
    assert AsSent().canonical(kind, sent) == sent


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("polygon", "WGS84 0N 0E; 1N 1E; 1N 0E; 0N 1E", "cross"),
        ("place", "SK42 50N 30E", "datum"),
        ("place", "WGS84 91N 0E", "latitude"),
        ("band", "1000 FT TO FL250", "datum"),
        ("quadrant", "NORTH PACIFIC", "quadrant"),
    ],
)
def test_what_is_wrong_is_named_by_the_rule_of_places(kind, text, rule):
    """A polygon that crosses itself, an unknown datum, a latitude beyond the pole."""
    with pytest.raises(WrongError) as caught:
        WRITTEN.canonical(kind, text)
    assert caught.value.detail.startswith(rule)


def test_places_are_measured_where_they_are_written():
    """A degree of latitude is about 111 km; a band is no place to measure from."""
    other = PLACE.replace("56.", "57.")
    assert 111_000 < WRITTEN.apart_m(PLACE, other) < 112_000
    assert WRITTEN.apart_m(PLACE, "BAND SFC TO UNL") is None


def test_an_error_without_a_rule_keeps_its_words(monkeypatch):
    """Where the libraries are not installed, that is what is said."""
    monkeypatch.setitem(__import__("sys").modules, "shapely", None)
    with pytest.raises(WrongError) as caught:
        WRITTEN.canonical("polygon", "WGS84 0N 0E; 1N 1E; 1N 0E")
    assert "detente[places]" in caught.value.detail
