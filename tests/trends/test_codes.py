"""Codes: three lists of countries that look alike, and the sets of CAMEO the trends are made of."""

import pytest

from detente.trends import cameo, codes
from detente.trends.licences import LICENCES, attribution


@pytest.mark.parametrize(
    ("code", "actor", "place"),
    [
        ("RS", None, "RUS"),
        ("UP", None, "UKR"),
        ("AS", None, "AUS"),
        ("CH", None, "CHN"),
        ("RI", None, "SRB"),
        ("SRB", "SRB", None),
        ("ROM", "ROU", None),
        ("GZ", None, "PSE"),
    ],
)
def test_actor_and_place_codes_are_told_apart(code, actor, place):
    """RS is Russia as a place of GDELT; as an actor it is nothing, and Serbia is SRB."""
    assert codes.ACTORS.get(code) == actor
    assert codes.PLACES.get(code) == place


def test_names_as_sources_write_them():
    """Old and new names, official and short ones, whatever their case."""
    names = ("russian federation", "south korea", "türkiye", "turkey", "cote d'ivoire", "dr congo")
    assert [codes.NAMES[name] for name in names] == ["RUS", "KOR", "TUR", "TUR", "CIV", "COD"]
    assert codes.name_of("GBR") == "United Kingdom"
    assert codes.name_of("AAA") == "AAA"


def test_every_country_is_there_once():
    """No code of any list means two countries."""
    assert len({iso3 for iso3, _, _ in codes.COUNTRIES}) == len(codes.COUNTRIES) == 250
    fips = [code for _, listed, _ in codes.COUNTRIES for code in listed]
    names = [name.lower() for _, _, listed in codes.COUNTRIES for name in listed]
    assert len(set(fips)) == len(fips)
    assert len(set(names)) == len(names)


def test_regions_are_no_countries():
    """They are known, so that their rows are read, and belong to nobody."""
    assert codes.ACTORS["AFR"] == codes.ACTORS["EUR"] == ""


def test_the_outcomes_are_made_of_codes_that_there_are():
    """Each prefix is the beginning of at least one code of the book."""
    for name, prefixes in cameo.OUTCOMES.items():
        for prefix in prefixes:
            assert any(code.startswith(prefix) for code in cameo.CODES), (name, prefix)


def test_plover_comes_to_codes_that_there_are():
    """Every type has a code, but for crime, which CAMEO does not know."""
    assert {key for key, code in cameo.PLOVER.items() if code not in cameo.CODES} == {"CRIME"}


@pytest.mark.parametrize(
    ("code", "quad"),
    [
        ("", 0),
        ("010", 1),
        ("057", 1),
        ("0841", 2),
        ("090", 2),
        ("111", 3),
        ("145", 3),
        ("163", 4),
        ("2042", 4),
    ],
)
def test_quads_are_those_of_gdelt(code, quad):
    """Its own rows file 09 with cooperation and 14 with words."""
    assert cameo.quad_of(code) == quad


def test_every_licence_has_a_line_for_the_footer():
    """Attribution goes with the figures, and ACLED's rows are passed on to nobody."""
    assert all(attribution(key) for key in LICENCES)
    assert not LICENCES["acled"].may_pass_on
