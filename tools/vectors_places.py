"""Vectors of places: canonical texts, texts that are none, and the same place in several grids."""

from __future__ import annotations

from collections.abc import Iterator

from vectors_form import Made, case

_CANONICAL = {
    "place": "PLACE WGS84 50.450100N 030.523400E",
    "place_south_west": "PLACE WGS84 33.500000S 070.250000W",
    "place_pole": "PLACE WGS84 90.000000S 000.000000E",
    "place_date_line": "PLACE WGS84 05.000000N 180.000000E",
    "circle": "CIRCLE WGS84 56.250000N 162.500000E RADIUS 20 NM",
    "circle_thousandths": "CIRCLE WGS84 56.250000N 162.500000E RADIUS 0.125 KM",
    "polygon": "POLYGON WGS84 50.000000N 179.000000E; 51.000000N 179.000000W; "
    "49.000000N 179.000000W",
    "route": "ROUTE WGS84 62.900000N 040.500000E; 57.000000N 162.000000E EACH SIDE 20 KM",
    "line": "ROUTE WGS84 49.000000N 030.000000E; 51.000000N 030.000000E EACH SIDE 0 M",
    "quadrant": "QUADRANT NE PACIFIC",
    "quadrant_apex": "QUADRANT SW ATLANTIC FROM WGS84 00.000000N 030.000000W",
    "area": "AREA Полігон 235",
    "band": "BAND SFC TO FL250",
    "band_datums": "BAND 300 M AGL TO 12000 FT AMSL",
    "band_open": "BAND FL050 TO UNL",
}
_NONE = {
    "short_digits": ("PLACE WGS84 50.45N 30.52E", "position"),
    "minus_zero": ("PLACE WGS84 00.000000S 000.000000E", "position"),
    "pole_with_longitude": ("PLACE WGS84 90.000000N 010.000000E", "position"),
    "date_line_west": ("PLACE WGS84 05.000000N 180.000000W", "position"),
    "off_the_earth": ("PLACE WGS84 90.000001N 000.000000E", "latitude"),
    "other_grid": ("PLACE SK42 50.450100N 030.523400E", "datum"),
    "no_grid": ("PLACE 50.450100N 030.523400E", "datum"),
    "needless_zero": ("CIRCLE WGS84 56.250000N 162.500000E RADIUS 20.0 NM", "canonical"),
    "small_letters": ("place WGS84 50.450100N 030.523400E", "canonical"),
    "no_radius": ("CIRCLE WGS84 56.250000N 162.500000E RADIUS 0 KM", "length"),
    "too_wide": ("CIRCLE WGS84 56.250000N 162.500000E RADIUS 5000.001 KM", "length"),
    "two_corners": ("POLYGON WGS84 50.000000N 179.000000E; 51.000000N 179.000000W", "vertices"),
    "closed": (
        (
            "POLYGON WGS84 50.000000N 030.000000E; 51.000000N 030.000000E; 50.000000N 031.000000E; "
            "50.000000N 030.000000E"
        ),
        "vertices",
    ),
    "unknown_ocean": ("QUADRANT NE BALTIC", "quadrant"),
    "two_spaces": ("AREA two  spaces", "canonical"),
    "upside_down": ("BAND FL250 TO FL100", "band"),
    "no_height_datum": ("BAND SFC TO 3000 FT", "datum"),
    "unknown_kind": ("SQUARE WGS84 50.450100N 030.523400E", "shape"),
}
_WRITTEN = {
    "kyiv": "WGS84 50.4501N 30.5234E",
    "kyiv_seconds": "WGS84 50 27 00.36 N 030 31 24.24 E",
    "kyiv_together": "WGS84 502700.36N0303124.24E",
    "kyiv_mgrs": "MGRS 36U UA 24182 91607",
    "kyiv_sk42": "SK42 50.4501N 30.5234E",
    "kyiv_sk42_flat": "SK42 X 5593957 Y 6324233",
    "kyiv_ucs2000": "UCS2000 50.4501N 30.5234E",
    "chukotka_sk42_flat": "SK42 X 7324417 Y 31590646",
    "norway_mgrs": "MGRS 32V KN 97230 00510",
    "north_mgrs": "MGRS Z BA 06113 98202",
}
_UNWRITTEN = {
    "no_word": ("50.4501N 30.5234E", "datum"),
    "no_hemisphere": ("WGS84 50.4501 30.5234", "position"),
    "sixty_minutes": ("WGS84 5060N 03031E", "minutes"),
    "longitude": ("WGS84 50N 180.5E", "longitude"),
    "coarse_mgrs": ("MGRS 36U UA 241 916", "mgrs"),
    "mgrs_elsewhere": ("MGRS 36U AA 24182 91607", "mgrs"),
    "sk42_in_the_ocean": ("SK42 10N 30W", "area"),
    "flat_without_zone": ("SK42 X 5593957 Y 0324233", "flat"),
}


def places() -> Iterator[Made]:
    """What is canonical, what breaks which rule, and what people write in their own grids."""
    for name, text in _CANONICAL.items():
        yield case(f"places/{name}", "places.md §2, §3", "geometry", "the one text", text=text)
    for name, (text, rule) in _NONE.items():
        yield case(
            f"places/bad_{name}", "places.md §7", "geometry", f"breaks the rule {rule}",
            text=text, expect="usage",
        )  # fmt: skip
    for name, text in _WRITTEN.items():
        yield case(
            f"places/written_{name}", "places.md §2, §5", "position",
            "as people write it: the nearest millionth of a degree; within 1 in an other grid",
            text=text,
        )  # fmt: skip
    for name, (text, rule) in _UNWRITTEN.items():
        yield case(
            f"places/unwritten_{name}", "places.md §7", "position", f"breaks the rule {rule}",
            text=text, expect="usage",
        )  # fmt: skip
