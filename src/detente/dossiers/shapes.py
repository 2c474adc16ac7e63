"""Where a notice applies: seven kinds of geometry and their one text each (spec/places.md §3).

A text names its grid once, so that nobody reads one datum as another. What needs a library, a
polygon that crosses itself, is checked in ``dossiers/geodesy.py``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import pairwise

from detente.dossiers.position import Position, parse_canonical, wrong

VERTICES_MAX = 256  # of a polygon or a route: a notice is a page, not a survey
NAME_CHARS_MAX = 80
# A circle or a corridor wider than this is no place any more; a quadrant or a name is.
LENGTH_MAX_M = 5_000_000

_LEVEL_MILLI = 100_000  # a flight level is a hundred feet

Reader = Callable[[str], Position]  # reads one position of one grid


class Unit(Enum):
    """Units of length, by the word that stands in texts; ``metres`` is exact."""

    M = "M"
    KM = "KM"
    NM = "NM"
    FT = "FT"

    @property
    def metres(self) -> Fraction:
        """How many metres one of them is."""
        return {
            Unit.M: Fraction(1),
            Unit.KM: Fraction(1000),
            Unit.NM: Fraction(1852),
            Unit.FT: Fraction(3048, 10_000),
        }[self]


@dataclass(frozen=True, slots=True)
class Length:
    """A length in the unit it was stated in, in whole thousandths: never converted on the way."""

    milli: int
    unit: Unit

    @property
    def metres(self) -> float:
        """The same in metres."""
        return float(self.unit.metres * self.milli / 1000)

    def __str__(self) -> str:
        """``20 NM``, ``1.5 KM``: no sign, no needless zero."""
        whole, rest = divmod(self.milli, 1000)
        return f"{whole}{f'.{rest:03}'.rstrip('0') if rest else ''} {self.unit.value}"


@dataclass(frozen=True, slots=True)
class Place:
    """One point."""

    at: Position

    def __str__(self) -> str:
        return f"PLACE WGS84 {self.at}"


@dataclass(frozen=True, slots=True)
class Circle:
    """All that lies within ``radius`` of ``centre``, along the ground."""

    centre: Position
    radius: Length

    def __post_init__(self) -> None:
        _check_extent(self.radius)

    def __str__(self) -> str:
        return f"CIRCLE WGS84 {self.centre} RADIUS {self.radius}"


@dataclass(frozen=True, slots=True)
class Polygon:
    """What the shortest lines from vertex to vertex, and back to the first, enclose."""

    vertices: tuple[Position, ...]

    def __post_init__(self) -> None:
        if len(set(self.vertices)) < 3:
            raise wrong("vertices", "a polygon has at least 3 different vertices")
        _check_points((*self.vertices, self.vertices[0]))

    def __str__(self) -> str:
        return f"POLYGON WGS84 {_list(self.vertices)}"


@dataclass(frozen=True, slots=True)
class Route:
    """A corridor: all within ``side`` of the shortest lines from point to point; 0 is a line."""

    points: tuple[Position, ...]
    side: Length

    def __post_init__(self) -> None:
        if len(self.points) < 2:
            raise wrong("vertices", "a route has at least 2 points")
        _check_points(self.points)
        if self.side.milli:
            _check_extent(self.side)

    def __str__(self) -> str:
        return f"ROUTE WGS84 {_list(self.points)} EACH SIDE {self.side}"


class Ocean(Enum):
    """The oceans that launch notices name quadrants of."""

    ARCTIC = "ARCTIC"
    ATLANTIC = "ATLANTIC"
    INDIAN = "INDIAN"
    PACIFIC = "PACIFIC"
    SOUTHERN = "SOUTHERN"


class Side(Enum):
    """Which 90 degrees; ``value`` is the azimuth where the sector begins, clockwise from north."""

    NE = 0
    SE = 90
    SW = 180
    NW = 270


@dataclass(frozen=True, slots=True)
class Quadrant:
    """A sector of 90 degrees of an ocean, about a quarter of it (agreement of 1988, Article III).

    The agreement names no point from which the sectors are counted; parties that state one as
    ``apex`` can also compute what lies within.
    """

    side: Side
    ocean: Ocean
    apex: Position | None = None

    def __str__(self) -> str:
        apex = "" if self.apex is None else f" FROM WGS84 {self.apex}"
        return f"QUADRANT {self.side.name} {self.ocean.value}{apex}"


@dataclass(frozen=True, slots=True)
class NamedArea:
    """An area both parties know by this name: a sea, a range, a sector. It has no coordinates."""

    name: str

    def __post_init__(self) -> None:
        name = self.name
        if not 1 <= len(name) <= NAME_CHARS_MAX:
            raise wrong("name", f"a name has 1 to {NAME_CHARS_MAX} characters")
        if name != unicodedata.normalize("NFC", " ".join(name.split())) or any(
            unicodedata.category(char)[0] == "C" for char in name
        ):
            raise wrong("name", f"«{name}» holds characters or spaces that cannot be seen")

    def __str__(self) -> str:
        return f"AREA {self.name}"


class Datum(Enum):
    """What a height is counted from."""

    AMSL = "AMSL"  # above mean sea level
    AGL = "AGL"  # above the ground or the water below
    HAE = "HAE"  # above the ellipsoid of WGS 84
    STD = "STD"  # of the pressure 1013.25 hPa: flight levels


@dataclass(frozen=True, slots=True)
class Height:
    """One end of an altitude band. A flight level is hundreds of feet of STD."""

    amount: Length
    datum: Datum

    def __post_init__(self) -> None:
        level = self.amount.unit is Unit.FT and not self.amount.milli % _LEVEL_MILLI
        if self.datum is Datum.STD and not level:
            raise wrong("datum", f"{self.amount} is no flight level")

    def __str__(self) -> str:
        if self.datum is Datum.STD:
            return f"FL{self.amount.milli // _LEVEL_MILLI:03}"
        return f"{self.amount} {self.datum.value}"


@dataclass(frozen=True, slots=True)
class Band:
    """From ``lower`` (None: the surface) up to ``upper`` (None: without limit)."""

    lower: Height | None
    upper: Height | None

    def __post_init__(self) -> None:
        low, high = self.lower, self.upper
        if low and high and low.datum is high.datum and low.amount.metres >= high.amount.metres:
            raise wrong("band", f"{low} is not below {high}")

    def __str__(self) -> str:
        return f"BAND {self.lower or 'SFC'} TO {self.upper or 'UNL'}"


Shape = Place | Circle | Polygon | Route | Quadrant | NamedArea
Geometry = Shape | Band

_LENGTH = re.compile(r"(\d{1,7})(?:\.(\d{1,3}))? ?(M|KM|NM|FT)", re.ASCII)
_LEVEL = re.compile(r"FL ?(\d{2,3})", re.ASCII)
_SPOT = re.compile(r"(PLACE|POLYGON) (\S+) (.+)")
_SIZED = re.compile(r"(?:(CIRCLE) (\S+) (.+) RADIUS|(ROUTE) (\S+) (.+) EACH SIDE) (.+)")
_QUADRANT = re.compile(r"QUADRANT (\w+) (\w+)(?: FROM (\S+) (.+))?")
_BAND = re.compile(r"BAND (.+) TO (.+)")
_CANONICAL_READERS: Mapping[str, Reader] = {"WGS84": parse_canonical}


def read(text: str) -> Geometry:
    """The geometry whose canonical text this is. LocalError USAGE with the fact ``rule``."""
    found = parse(text, _CANONICAL_READERS)
    if str(found) != text:
        raise wrong("canonical", f"«{text}» is written «{found}»")
    return found


def parse(text: str, readers: Mapping[str, Reader]) -> Geometry:
    """A geometry as people write it; ``readers`` has one reader of positions for each grid.

    LocalError USAGE, with the name of the broken rule as the fact ``rule``.
    """
    plain = " ".join(text.split())
    if plain[:5].upper() == "AREA ":
        return NamedArea(unicodedata.normalize("NFC", plain[5:]))
    plain = plain.upper()
    if match := _SPOT.fullmatch(plain):
        points = _points(match[3], match[2], readers)
        if match[1] == "POLYGON":
            return Polygon(points)
        if len(points) == 1:
            return Place(points[0])
    elif match := _SIZED.fullmatch(plain):
        points = _points(match[3] or match[6], match[2] or match[5], readers)
        if match[4]:
            return Route(points, parse_length(match[7]))
        if len(points) == 1:
            return Circle(points[0], parse_length(match[7]))
    elif match := _QUADRANT.fullmatch(plain):
        return _quadrant(match, readers)
    elif match := _BAND.fullmatch(plain):
        return Band(_end(match[1], "SFC"), _end(match[2], "UNL"))
    raise wrong("shape", f"«{text}» is none of PLACE, CIRCLE, POLYGON, ROUTE, QUADRANT, AREA, BAND")


def parse_length(text: str) -> Length:
    """A length with its unit: ``20 NM``. LocalError USAGE (length)."""
    match = _LENGTH.fullmatch(text.upper())
    if match is None:
        raise wrong("length", f"«{text}» is not a number with M, KM, NM or FT")
    return Length(int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")), Unit(match[3]))


def parse_height(text: str) -> Height:
    """A height with unit and datum, or a flight level. LocalError USAGE (length, datum)."""
    plain = text.upper()
    if match := _LEVEL.fullmatch(plain):
        return Height(Length(int(match[1]) * _LEVEL_MILLI, Unit.FT), Datum.STD)
    amount, _, datum = plain.rpartition(" ")
    if datum not in {"AMSL", "AGL", "HAE"}:
        raise wrong("datum", f"«{text}» does not say AMSL, AGL or HAE, nor is it a flight level")
    return Height(parse_length(amount), Datum(datum))


def _end(text: str, open_end: str) -> Height | None:
    return None if text == open_end else parse_height(text)


def _points(text: str, grid: str, readers: Mapping[str, Reader]) -> tuple[Position, ...]:
    if grid not in readers:
        raise wrong("datum", f"«{grid}» is not one of {', '.join(readers)}")
    parts = text.split(";")
    if len(parts) > VERTICES_MAX:
        raise wrong("vertices", f"{len(parts)} points where {VERTICES_MAX} are allowed")
    return tuple(readers[grid](part.strip()) for part in parts)


def _quadrant(match: re.Match[str], readers: Mapping[str, Reader]) -> Quadrant:
    if match[1] not in Side.__members__ or match[2] not in Ocean.__members__:
        raise wrong("quadrant", f"«{match[0]}» is not like QUADRANT NE PACIFIC")
    apex = None if match[3] is None else _points(match[4], match[3], readers)
    if apex is not None and len(apex) != 1:
        raise wrong("quadrant", "a quadrant is counted from one point")
    return Quadrant(Side[match[1]], Ocean[match[2]], None if apex is None else apex[0])


def _list(points: tuple[Position, ...]) -> str:
    return "; ".join(map(str, points))


def _check_points(points: tuple[Position, ...]) -> None:
    if len(points) > VERTICES_MAX + 1:
        raise wrong("vertices", f"more than {VERTICES_MAX} points")
    for before, after in pairwise(points):
        if before == after:
            raise wrong("vertices", f"{after} stands twice in a row")


def _check_extent(length: Length) -> None:
    if not 0 < length.metres <= LENGTH_MAX_M:
        raise wrong("length", f"{length} is not above 0 and at most {LENGTH_MAX_M // 1000} KM")
