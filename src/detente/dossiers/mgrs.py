"""Positions in the Military Grid Reference System, of WGS 84 (spec/places.md §5.2).

Squares of UTM between 80° south and 84° north, of UPS at the poles. A reference names a square,
not a point: written, it is the square of 1 m that holds the point; read, it is the square's middle.
"""

from __future__ import annotations

import re

from detente.dossiers.geodesy import from_plane, to_plane
from detente.dossiers.position import Position, wrong

_BANDS = "CDEFGHJKLMNPQRSTUVWX"  # of 8 degrees from 80 south; X has 12
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")  # by zone, three in turn
_ROWS = "ABCDEFGHJKLMNPQRSTUV"  # repeated every 2,000 km; even zones begin at F
_SQUARE_M = 100_000
_CYCLE_M = _SQUARE_M * len(_ROWS)
_FALSE_NORTH_M = 10_000_000
# Of UPS: letters of columns and rows, and where they begin, by the letter of the polar half.
_POLAR = {
    "A": ("JKLPQRSTUXYZ", 800_000, "ABCDEFGHJKLMNPQRSTUVWXYZ", 800_000),
    "B": ("ABCFGHJKLPQR", 2_000_000, "ABCDEFGHJKLMNPQRSTUVWXYZ", 800_000),
    "Y": ("RSTUXYZ", 1_300_000, "ABCDEFGHJKLMNP", 1_300_000),
    "Z": ("ABCFGHJ", 2_000_000, "ABCDEFGHJKLMNP", 1_300_000),
}
_REFERENCE = re.compile(r"(\d{1,2})?([A-Z])([A-Z])([A-Z])(\d{8}|\d{10})", re.ASCII)


def write_mgrs(at: Position) -> str:
    """The reference of the square of 1 m: ``36U UA 24182 91607``."""
    if not -80 <= at.lat <= 84:
        half = ("Z" if at.lon_udeg >= 0 else "Y") if at.lat > 0 else "B" if at.lon >= 0 else "A"
        east, north = to_plane("ups", at, **_hemisphere(at.lat < 0))
        columns, column_m, rows, row_m = _POLAR[half]
        square = f"{half} {_letter(columns, east - column_m)}{_letter(rows, north - row_m)}"
        return f"{square} {_digits(east)} {_digits(north)}"
    zone = _zone(at.lat, at.lon)
    east, north = to_plane("utm", at, zone=zone, **_hemisphere(at.lat < 0))
    column = _letter(_COLUMNS[(zone - 1) % 3], east - _SQUARE_M)
    row = _letter(_ROWS, (north + _row_start_m(zone)) % _CYCLE_M)
    return f"{zone:02}{_band(at.lat)} {column}{row} {_digits(east)} {_digits(north)}"


def read_mgrs(text: str) -> Position:
    """The middle of the square of a reference with 8 or 10 digits. LocalError USAGE: mgrs."""
    match = _REFERENCE.fullmatch("".join(text.upper().split()))
    if match is None:
        raise wrong("mgrs", f"«{text}» is not like 36U UA 24182 91607, to 10 m or 1 m")
    zone, band, column, row, digits = match.groups()
    half = len(digits) // 2
    side_m = 10 ** (5 - half)
    inside = tuple((int(part) + 0.5) * side_m for part in (digits[:half], digits[half:]))
    if zone is None and band in _POLAR:
        columns, column_m, rows, row_m = _POLAR[band]
        flat = (_start(columns, column, text) + column_m, _start(rows, row, text) + row_m)
        where = (flat[0] + inside[0], flat[1] + inside[1])
        return from_plane("ups", where, **_hemisphere(band in "AB"))
    if zone is None or not 1 <= int(zone) <= 60 or band not in _BANDS:
        raise wrong("mgrs", f"«{text}» names no zone from 1 to 60 or no band from C to X")
    east = _start(_COLUMNS[(int(zone) - 1) % 3], column, text) + _SQUARE_M + inside[0]
    north = _start(_ROWS, row, text) - _row_start_m(int(zone)) + inside[1]
    for cycle in range(6):
        found = from_plane(
            "utm",
            (east, north + cycle * _CYCLE_M),
            zone=int(zone),
            **_hemisphere(band < "N"),
        )
        if _fits(found, band, int(zone), side_m):
            return found
    raise wrong("mgrs", f"«{text}» names a square that is not in its zone and band")


def _hemisphere(south: bool) -> dict[str, bool]:
    return {"south": True} if south else {}


def _band(lat: float) -> str:
    return _BANDS[min(int((lat + 80) // 8), len(_BANDS) - 1)] if lat >= -80 else ""


def _zone(lat: float, lon: float) -> int:
    lon = (lon + 180) % 360 - 180
    if _band(lat) == "V" and 3 <= lon < 12:  # the south of Norway
        return 32
    if _band(lat) == "X" and 0 <= lon < 42:  # Svalbard has no zones 32, 34 and 36
        return 31 if lon < 9 else 33 if lon < 21 else 35 if lon < 33 else 37
    return int((lon + 180) // 6) + 1


def _fits(found: Position, band: str, zone: int, side_m: int) -> bool:
    """Whether any corner of a square lies in its zone and band: its middle may be just outside."""
    lat, lon = side_m * 1e-5, side_m * 1e-4  # a metre at 84 degrees; enough everywhere else
    corners = [
        (found.lat + north, found.lon + east) for north in (-lat, 0, lat) for east in (-lon, 0, lon)
    ]
    return any(_band(lat) == band and _zone(lat, lon) == zone for lat, lon in corners)


def _row_start_m(zone: int) -> int:
    return 0 if zone % 2 else 5 * _SQUARE_M


def _letter(letters: str, metres: float) -> str:
    return letters[int(metres // _SQUARE_M)]


def _start(letters: str, letter: str, text: str) -> int:
    if letter not in letters:
        raise wrong("mgrs", f"«{text}» names no square of its zone")
    return letters.index(letter) * _SQUARE_M


def _digits(metres: float) -> str:
    return f"{int(metres % _SQUARE_M):05}"
