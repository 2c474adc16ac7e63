"""NOTAM: published ones parse and come back, ours hold what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dossiers.places import rule

from detente.dossiers.coordinates import areas
from detente.dossiers.geodesy import distance_m, gap_m, outline
from detente.dossiers.grids import read
from detente.dossiers.notam import Notam, read_notam, write_notam
from detente.dossiers.shapes import Circle, Place, Polygon, Route

# Published: rocket debris areas off China (2026), a danger area (2025), air space closed (2026).
PUBLISHED = {
    "A4703/26": (
        (
            "A4703/26 NOTAMN Q)ZXXX/QRTCA/IV/BO/W/000/999/2536N11651E039 A)ZGZU ZSHA B)2609172330 "
            "C)2609180330\nE) A TEMPORARY RESTRICTED AREA ESTABLISHED BOUNDED BY: "
            "N230636E1162812-N234042E1174425-N233012E1174957-N225820E1163232- N230636E1162812. "
            "HEIGHT: 35,000M AND BELOW. F)GND G)UNL"
        ),
        (Polygon, 4),
    ),
    "A4705/26": (
        (
            "(A4705/26 NOTAMN Q)ZSHA/QRTCA/IV/BO/W/000/999/2343N11742E017 A)ZSHA B)2609172330 "
            "C)2609180330\nE) A TEMPORARY RESTRICTED AREA ESTABLISHED BOUNDED BY: "
            "N240013E1174036-N235732E1175242-N232609E1174457-N232853E1173231- N240013E1174036 . "
            "HEIGHT: 50,000M AND BELOW. F)GND G)UNL)"
        ),
        (Polygon, 4),
    ),
    "E9876/25": (
        (
            "E9876/25 NOTAMN\nQ) EGTT/QRDCA/IV/BO/W/000/060/5055N00020E015\n"
            "A) EGTT B) 2501270600 C) 2501271800\n"
            "E) TEMPO DANGER AREA (TDA) EGD098D ACTIVATED. BEYOND VISUAL LINE OF SIGHT UAS OPS.\n"
            "AIC Y 148/2025 REFERS."
        ),
        (Circle, 1),
    ),
    "A1234/26": (
        (
            "A1234/26 NOTAMN\nQ) UKBV/QRTCA/IV/BO/W/000/999/5020N03030E030\nA) UKBV B) 2601150000 "
            "C) PERM\nE) AIRSPACE CLOSED TO ALL CIVIL TRAFFIC. RWY 09/27 CLSD.\nF) SFC\nG) FL660"
        ),
        (Circle, 1),
    ),
}
FRAME = read_notam(PUBLISHED["E9876/25"][0])
SHAPES = (
    "CIRCLE WGS84 54.7N 20.5E RADIUS 12 KM",
    "POLYGON WGS84 54N 19E; 55N 19E; 55N 21E; 54.5N 20.75E",
    "POLYGON WGS84 70N 179E; 71N 179W; 70N 178W",
    "ROUTE WGS84 54N 19E; 55N 21E EACH SIDE 10 NM",
    "PLACE WGS84 33.5S 70.25W",
)


@pytest.mark.parametrize("number", PUBLISHED)
def test_published_notam_parse_and_round_trip(number):
    """What is read is written in one form that reads the same, with the area that it states."""
    text, (kind, count) = PUBLISHED[number]
    notam = read_notam(text)
    assert notam.number == number
    assert read_notam(str(notam)) == notam
    assert str(read_notam(str(notam))) == str(notam)
    (shape,) = notam.shapes()
    assert isinstance(shape, kind)
    assert len(getattr(shape, "vertices", "1")) == count


def test_times_and_heights_are_what_the_items_say():
    """UTC minutes; no end for PERM, which item C alone may say; flight levels and the surface."""
    notam = read_notam(PUBLISHED["A1234/26"][0])
    assert (notam.start_s, notam.end_s, notam.estimated) == (1_768_435_200, None, False)
    assert str(notam.band()) == "BAND SFC TO FL660"
    assert str(read_notam(PUBLISHED["A4705/26"][0]).band()) == "BAND SFC TO UNL"
    assert FRAME.band() is None
    low = replace(FRAME, lower="2500 FT AGL", upper="3000M AMSL")
    assert str(low.band()) == "BAND 2500 FT AGL TO 3000 M AMSL"
    assert replace(low, upper="AS MENTIONED").band() is None


def test_replacing_and_cancelling_name_what_they_are_about():
    """R and C refer to another number; C has no end, and EST marks one that may come later."""
    text = (
        "(B5678/25 NOTAMR B1111/25\nQ) VVHM/QFAXX/IV/NBO/A/000/999/2101N10550E\n"
        "A) VVNB B) 2506091000 C) 2506091600 EST D) DAILY 0100-0300\nE) AD CLSD)"
    )
    notam = read_notam(text)
    assert (notam.kind, notam.refers, notam.estimated) == ("R", "B1111/25", True)
    assert str(notam) == text.replace("EST D)", "EST\nD)")
    assert notam.shapes() == (Place(notam.qualifiers.centre),)
    cancel = text.replace("NOTAMR", "NOTAMC").replace("C) 2506091600 EST D) DAILY 0100-0300", "")
    assert read_notam(cancel).end_s is None
    assert read_notam(str(read_notam(cancel))) == read_notam(cancel)


@pytest.mark.parametrize("text", SHAPES)
def test_what_is_written_holds_the_shape_and_reads_back(text):
    """The circle of item Q takes in all of it, and item E has it to the second."""
    shape, band = read(text), read("BAND 500 FT AGL TO FL195")
    notam = write_notam(FRAME, shape, band)
    again = read_notam(str(notam))
    assert again == notam
    assert again.band() == band
    assert (again.qualifiers.lower_fl, again.qualifiers.upper_fl) == (5, 195)
    (found,) = again.shapes()
    if not isinstance(shape, Route):
        assert type(found) is type(shape)
    for point in outline(shape):
        off = gap_m(found, Place(point))
        assert off is not None
        assert off < 200  # a long side drawn again from corners of whole seconds
        assert distance_m(again.qualifiers.centre, point) <= again.qualifiers.radius_nm * 1852


def test_open_bands_and_high_ones_have_their_words():
    """SFC and UNL, 000 and 999; a height above the ellipsoid has no place in items F and G."""
    shape = read(SHAPES[0])
    notam = write_notam(FRAME, shape, read("BAND SFC TO UNL"))
    assert (notam.lower, notam.upper) == ("SFC", "UNL")
    assert (notam.qualifiers.lower_fl, notam.qualifiers.upper_fl) == (0, 999)
    notam = write_notam(FRAME, shape, read("BAND 1000 M AMSL TO 35000 M AMSL"))
    assert (notam.lower, notam.upper) == ("1000M AMSL", "35000M AMSL")
    assert (notam.qualifiers.lower_fl, notam.qualifiers.upper_fl) == (32, 999)
    assert rule(write_notam, FRAME, shape, read("BAND SFC TO 1 KM HAE")) == "notam"
    wide = read("CIRCLE WGS84 0N 0E RADIUS 1000 NM")
    assert rule(write_notam, FRAME, wide, read("BAND SFC TO UNL")) == "notam"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NOTAM A4705/26",
        "x" * 5_000,
        str(FRAME).replace("E)", "X)"),
        str(FRAME).replace("NOTAMN", "NOTAMR"),
        str(FRAME).replace("NOTAMN", "NOTAMN A0001/25"),
        str(FRAME).replace("NOTAMN", "NOTAMC A0001/25"),
        str(FRAME).replace(" C) 2501271800", ""),
        str(FRAME).replace("2501270600", "2513270600"),
        str(FRAME).replace("/060/", "/60/"),
    ],
)
def test_what_is_no_notam_is_refused(text):
    """A missing item, a month 13, a kind that does not fit: nothing is guessed."""
    assert rule(read_notam, text) == "notam"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("WI 3NM RADIUS OF 373011N0772841W (RIC080013.5)", [Circle]),
        ("CENTERED ON 5027N03031E RADIUS 5KM. BEWARE", [Circle]),
        ("1NM RADIUS OF 5027N03031E AND 2NM RADIUS OF 5127N03031E", [Circle, Circle]),
        (
            (
                "(1)SPACE: 264419N1275729E - 255619N1275729E - 255619N1272129E (2) 2518N12537E - "
                "2430N12537E AND 2430N12501E"
            ),
            [Polygon, Polygon],
        ),
        ("ON LINE JOINING 5027N03031E TO 5127N03031E", [Route]),
        ("BETWEEN 5027N03031E AND 5127N03031E", [Place, Place]),
        ("LINE BETWEEN 5027N03031E AND 5027N03031E", [Place, Place]),
        ("TEL 5027N03031E5 AND NOTHING", []),
    ],
)
def test_areas_are_found_in_free_text(text, kinds):
    """Circles, polygons one after another, lines; what is too little for an area is its points."""
    assert [type(shape) for shape in areas(text)] == kinds


def test_coordinates_off_the_earth_are_refused_by_name():
    """A slip in a coordinate is not turned into a place."""
    assert rule(replace(FRAME, text="AT 9127N03031E").shapes) == "latitude"


def test_a_notam_is_a_value():
    """Equal texts make equal values."""
    assert isinstance(FRAME, Notam)
    assert read_notam(PUBLISHED["E9876/25"][0]) == FRAME
