"""Places as each side's maps have them: WGS 84, MGRS, SK-42, UCS-2000 (spec/places.md §5).

Every text begins with its grid. The steps between datums are the published ones that hold for both
sides' ground; they need no file and no network, and say how far they can be trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from detente.dossiers import shapes
from detente.dossiers.geodesy import shifted
from detente.dossiers.mgrs import read_mgrs, write_mgrs
from detente.dossiers.position import Position, parse_degrees, parse_position, position, wrong
from detente.dossiers.shapes import Circle, Geometry, Place, Polygon, Quadrant, Route

_ZONE_DEG = 6
_ZONE_M = 1_000_000  # the number of the zone stands before its eastings
_FALSE_EAST_M = 500_000
_NORTH_MAX_M = 10_002_200  # where the pole is
_FLAT = re.compile(r"X ?(\d{6,8}) ?[;,]? ?Y ?(\d{7,8})", re.ASCII)
_DEGREES = "+step +proj=unitconvert +xy_in=deg +xy_out=rad "
_BACK = " +step +proj=unitconvert +xy_in=rad +xy_out=deg"


@dataclass(frozen=True, slots=True)
class _Datum:
    """A datum of Krassowsky's ellipsoid, and where the published step from it to WGS 84 holds."""

    helmert: str
    accuracy_m: float
    lat: tuple[int, int]
    lon: tuple[int, int]  # east of Greenwich, so that Chukotka is beyond 180

    def steps(self, inverse: bool) -> str:
        """PROJ's pipeline to WGS 84, or from it. Heights take no part."""
        ends = ("WGS84", "krass") if inverse else ("krass", "WGS84")
        turn = "+inv " if inverse else ""
        return (
            f"+proj=pipeline {_DEGREES}+step +proj=push +v_3 +step +proj=cart +ellps={ends[0]} "
            f"+step {turn}+proj=helmert {self.helmert} +step +inv +proj=cart +ellps={ends[1]} "
            f"+step +proj=pop +v_3{_BACK}"
        )


_SK42 = _Datum(  # EPSG:15865, Pulkovo 1942 to WGS 84 (16)
    "+x=25 +y=-141 +z=-78.5 +rx=0 +ry=-0.35 +rz=-0.736 +s=0 +convention=coordinate_frame",
    accuracy_m=4.5,
    lat=(35, 82),
    lon=(19, 192),
)
_UCS2000 = _Datum(  # EPSG:5840, UCS-2000 to WGS 84 (2)
    "+x=24 +y=-121 +z=-76", accuracy_m=1.0, lat=(43, 53), lon=(22, 41)
)


class Grid(Enum):
    """How a place can be written; ``value`` is the word its text begins with."""

    WGS84 = "WGS84"
    MGRS = "MGRS"
    SK42 = "SK42"
    UCS2000 = "UCS2000"

    @property
    def accuracy_m(self) -> float:
        """How far, as published, a place may be off after the step from WGS 84; 0 without one."""
        datum = _DATUMS.get(self)
        return 0.0 if datum is None else datum.accuracy_m


_DATUMS = {Grid.SK42: _SK42, Grid.UCS2000: _UCS2000}


def write(at: Position, grid: Grid, *, flat: bool = False) -> str:
    """A place in a grid, without its word; ``flat`` asks SK-42 and UCS-2000 for X and Y.

    LocalError USAGE (area) where the datum does not reach.
    """
    datum = _DATUMS.get(grid)
    if datum is None:
        return write_mgrs(at) if grid is Grid.MGRS else str(at)
    _check_area(datum, at, grid)
    lat, lon = shifted(at.lat, at.lon, datum.steps(inverse=True))
    if not flat:
        return str(position(lat, lon))
    zone = int(lon % 360 // _ZONE_DEG) + 1
    north, east = shifted(lat, lon, _gauss(zone))
    return f"X {round(north)} Y {round(east)}"


def told(at: Position, grid: Grid, *, flat: bool = False) -> str:
    """A place as it is shown and said aloud: word, text, and how exact the step to it is."""
    exact = f" (to {grid.accuracy_m:g} m)" if grid.accuracy_m else ""
    return f"{grid.value} {write(at, grid, flat=flat)}{exact}"


def geometry_in(geometry: Geometry, grid: Grid) -> str:
    """A geometry with its positions in a grid. Heights, names and plain quadrants stay."""
    text = str(geometry)
    points = positions(geometry)
    if points:
        text = text.replace(" WGS84 ", f" {grid.value} ", 1)
    for at in set(points):
        text = text.replace(str(at), write(at, grid))
    return text


def read(text: str) -> Geometry:
    """A geometry as people write it, in any of the grids. LocalError USAGE with ``rule``."""
    return shapes.parse(text, READERS)


def place(text: str) -> Position:
    """A position with the word of its grid before it: ``MGRS 36U UA 24182 91607``."""
    word, _, rest = text.strip().upper().partition(" ")
    if word not in READERS:
        raise wrong("datum", f"«{text}» does not begin with one of {', '.join(READERS)}")
    return READERS[word](rest)


def positions(geometry: Geometry) -> tuple[Position, ...]:
    """The points of a geometry, in their order; none of a name, a band or a plain quadrant."""
    match geometry:
        case Place(at):
            return (at,)
        case Circle(centre):
            return (centre,)
        case Polygon(points) | Route(points):
            return points
        case Quadrant(apex=Position() as apex):
            return (apex,)
        case _:
            return ()


def misread(at: Position, written: Grid, taken: Grid) -> Position:
    """Where somebody looks who takes degrees of one datum for those of another."""
    return READERS[taken.value](write(at, written))


def _check_area(datum: _Datum, at: Position, grid: Grid) -> None:
    (south, north), (west, east) = datum.lat, datum.lon
    if not (south <= at.lat <= north and west <= at.lon % 360 <= east):
        raise wrong(
            "area",
            f"{grid.value} is known from {south} to {north} N, {west} to {east} E, not at {at}",
        )


def _from_sk42(text: str) -> Position:
    return _from_datum(text, Grid.SK42)


def _from_ucs2000(text: str) -> Position:
    return _from_datum(text, Grid.UCS2000)


def _from_datum(text: str, grid: Grid) -> Position:
    datum = _DATUMS[grid]
    match = _FLAT.fullmatch(" ".join(text.upper().split()))
    if match is None:
        lat, lon = (float(part) for part in parse_degrees(text))
    else:
        north, (zone, east) = int(match[1]), divmod(int(match[2]), _ZONE_M)
        if not 1 <= zone <= 60 or abs(east - _FALSE_EAST_M) > 400_000 or north > _NORTH_MAX_M:
            raise wrong("flat", f"«{text}» is not X north of the equator and Y with its zone")
        lat, lon = shifted(float(north), float(east + zone * _ZONE_M), _gauss(zone, inverse=True))
    found = position(*shifted(lat, lon, datum.steps(inverse=False)))
    _check_area(datum, found, grid)
    return found


def _gauss(zone: int, *, inverse: bool = False) -> str:
    """Gauss and Krüger's plane of a zone of 6 degrees; PROJ is given and gives x east, y north."""
    plane = (
        f"+proj=tmerc +lat_0=0 +lon_0={zone * _ZONE_DEG - 3} +k=1 +ellps=krass "
        f"+x_0={zone * _ZONE_M + _FALSE_EAST_M} +y_0=0"
    )
    if inverse:
        return f"+proj=pipeline +step +inv {plane}{_BACK}"
    return f"+proj=pipeline {_DEGREES}+step {plane}"


READERS = MappingProxyType(
    {
        Grid.WGS84.value: parse_position,
        Grid.MGRS.value: read_mgrs,
        Grid.SK42.value: _from_sk42,
        Grid.UCS2000.value: _from_ucs2000,
    }
)
