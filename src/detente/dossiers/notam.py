"""NOTAM as airmen write them: read, written, and the geometry in them (docs/places-in-out.md).

Items Q and A to G of ICAO's Annex 15 and PANS-AIM. Item E is free text, and most of what matters
stands in it: areas are found there by their coordinates, and the whole text stays beside them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from detente.dossiers.coordinates import areas
from detente.dossiers.geodesy import distance_m, middle, outline
from detente.dossiers.position import Position, parse_position, wrong
from detente.dossiers.shapes import (
    Band,
    Circle,
    Datum,
    Height,
    Length,
    Place,
    Polygon,
    Route,
    Shape,
    Unit,
)

_NM_M = 1852
RADIUS_MAX_NM = 999
TEXT_CHARS_MAX = 4_000
_HEAD = re.compile(
    r"\(?\s*([A-Z]\d{4}/\d\d)\s+NOTAM([NRC])(?:\s+([A-Z]\d{4}/\d\d))?\s+(.+)", re.DOTALL | re.ASCII
)
_ITEMS = re.compile(
    r"Q\)\s*(?P<q>\S+)\s+A\)\s*(?P<a>[A-Z]{4}(?:\s+[A-Z]{4})*)\s+B\)\s*(?P<b>\d{10})\s+"
    r"(?:C\)\s*(?P<c>\d{10}\s*(?:EST)?|PERM)\s+)?(?:D\)\s*(?P<d>.+?)\s+)?E\)\s*(?P<e>.+?)"
    r"(?:\s+F\)\s*(?P<f>.+?)\s+G\)\s*(?P<g>.+?))?",
    re.DOTALL | re.ASCII,
)
_QUALIFIERS = re.compile(
    r"([A-Z]{4})/Q([A-Z]{4})/([IVK]{1,2})/([NBOMK]{1,3})/([AEWK]{1,3})/(\d{3})/(\d{3})"
    r"/(\d{4}[NS]\d{5}[EW])(\d{3})?",
    re.ASCII,
)
_HEIGHT = re.compile(r"FL\s*(\d{2,3})|(\d{1,6})\s*(FT|M)\s*(AMSL|AGL)", re.ASCII)
_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Qualifiers:
    """Item Q: what a briefing sorts by. Levels are flight levels; the circle takes in all areas."""

    fir: str
    code: str  # four letters after the Q
    traffic: str
    purpose: str
    scope: str
    lower_fl: int
    upper_fl: int
    centre: Position
    radius_nm: int | None

    def __str__(self) -> str:
        radius = "" if self.radius_nm is None else f"{self.radius_nm:03}"
        return (
            f"{self.fir}/Q{self.code}/{self.traffic}/{self.purpose}/{self.scope}/"
            f"{self.lower_fl:03}/{self.upper_fl:03}/{_packed(self.centre, seconds=False)}{radius}"
        )


@dataclass(frozen=True, slots=True)
class Notam:
    """One NOTAM. Times are UTC seconds since the Unix epoch, whole minutes; no end means PERM.

    ``number`` is like A4705/26; ``kind`` is N, R or C, the last two of ``refers``. Kind C states no
    end. ``estimated`` marks an end that may come later.
    """

    number: str
    kind: str
    refers: str
    qualifiers: Qualifiers
    locations: tuple[str, ...]
    start_s: int
    end_s: int | None
    estimated: bool
    schedule: str
    text: str
    lower: str
    upper: str

    def __str__(self) -> str:
        """The NOTAM in the one form written here; reading it gives this value again."""
        items = [
            f"({self.number} NOTAM{self.kind}{f' {self.refers}' if self.refers else ''}",
            f"Q) {self.qualifiers}",
            f"A) {' '.join(self.locations)} B) {_stamp(self.start_s)}",
        ]
        if self.kind != "C":
            end = "PERM" if self.end_s is None else _stamp(self.end_s)
            items[-1] += f" C) {end}{' EST' if self.estimated else ''}"
        if self.schedule:
            items.append(f"D) {self.schedule}")
        items.append(f"E) {self.text}")
        if self.lower:
            items.append(f"F) {self.lower} G) {self.upper}")
        return "\n".join(items) + ")"

    def shapes(self) -> tuple[Shape, ...]:
        """The areas whose coordinates stand in item E; without any, the circle of item Q.

        LocalError USAGE for coordinates that are off the earth.
        """
        found = areas(self.text)
        if found:
            return found
        nm = self.qualifiers.radius_nm
        if not nm:
            return (Place(self.qualifiers.centre),)
        return (Circle(self.qualifiers.centre, Length(nm * 1000, Unit.NM)),)

    def band(self) -> Band | None:
        """The heights of items F and G; None where there are none, or in words not known here."""
        if not self.lower:
            return None
        ends = [_height(text) for text in (self.lower, self.upper)]
        if None in ends:
            return None
        low, high = (end if isinstance(end, Height) else None for end in ends)
        return Band(low, high)


def read_notam(text: str) -> Notam:
    """The NOTAM of a text, as it comes or in brackets. LocalError USAGE (notam, …)."""
    plain = text.strip()
    head = _HEAD.fullmatch(plain.removesuffix(")") if plain.startswith("(") else plain)
    if head is None or len(text) > TEXT_CHARS_MAX:
        raise wrong("notam", "it does not begin like A4705/26 NOTAMN, or is too long")
    number, kind, refers, rest = head.groups()
    items = _ITEMS.fullmatch(rest.strip())
    if items is None:
        raise wrong("notam", f"{number} does not have the items Q, A, B, C, E in this order")
    if (kind == "N") != (refers is None) or (kind == "C") != (items["c"] is None):
        raise wrong("notam", f"{number} refers to another, or ends, where its kind has no room")
    end = items["c"] or "PERM"
    estimated = end.endswith("EST")
    return Notam(
        number=number,
        kind=kind,
        refers=refers or "",
        qualifiers=_qualifiers(items["q"]),
        locations=tuple(items["a"].split()),
        start_s=_time(items["b"]),
        end_s=None if end == "PERM" else _time(end.removesuffix("EST").strip()),
        estimated=estimated,
        schedule=_one_line(items["d"] or ""),
        text=_lines(items["e"]),
        lower=_one_line(items["f"] or ""),
        upper=_one_line(items["g"] or ""),
    )


def write_notam(frame: Notam, shape: Place | Circle | Polygon | Route, band: Band) -> Notam:
    """``frame`` with a shape and a band in it: its circle in item Q, its corners in E, F and G.

    Corners are to the second, up to 22 m off; the circle of item Q takes in all of the shape.
    LocalError USAGE (notam) where a circle of 999 NM does not, or item F and G know no such height.
    """
    centre = middle(tuple(outline(shape)))
    reach_m = max(distance_m(centre, point) for point in outline(shape))
    # Item Q is to the minute: its centre is up to 1.4 km from ours.
    radius_nm = max(1, math.ceil((reach_m + 1_400) / _NM_M))
    if radius_nm > RADIUS_MAX_NM:
        raise wrong("notam", f"{shape} reaches farther than {RADIUS_MAX_NM} NM")
    lower, upper = _said(band.lower, "SFC"), _said(band.upper, "UNL")
    qualifiers = replace(
        frame.qualifiers,
        lower_fl=0 if band.lower is None else _level(band.lower, up=False),
        upper_fl=999 if band.upper is None else _level(band.upper, up=True),
        centre=parse_position(_packed(centre, seconds=False)),
        radius_nm=radius_nm,
    )
    text = f"{frame.text} {_described(shape)}".strip()
    return replace(frame, qualifiers=qualifiers, text=text, lower=lower, upper=upper)


def _qualifiers(text: str) -> Qualifiers:
    match = _QUALIFIERS.fullmatch(text)
    if match is None:
        raise wrong(
            "notam", f"item Q is not like UKBV/QRTCA/IV/BO/W/000/999/5020N03030E030: {text}"
        )
    return Qualifiers(
        fir=match[1],
        code=match[2],
        traffic=match[3],
        purpose=match[4],
        scope=match[5],
        lower_fl=int(match[6]),
        upper_fl=int(match[7]),
        centre=parse_position(match[8]),
        radius_nm=None if match[9] is None else int(match[9]),
    )


def _time(stamp: str) -> int:
    try:
        moment = datetime.strptime(f"20{stamp}", "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError as exc:
        raise wrong("notam", f"{stamp} is no time like 2602051200") from exc
    return (moment - _ORIGIN) // timedelta(seconds=1)


def _stamp(time_s: int) -> str:
    return f"{_ORIGIN + timedelta(seconds=time_s):%y%m%d%H%M}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _lines(text: str) -> str:
    return "\n".join(filter(None, map(_one_line, text.splitlines())))


def _height(text: str) -> Height | str | None:
    """A height; the word itself for the surface and for no limit; None for what is not known."""
    if text in {"SFC", "GND", "UNL"}:
        return text
    match = _HEIGHT.fullmatch(text)
    if match is None:
        return None
    if match[1]:
        return Height(Length(int(match[1]) * 100_000, Unit.FT), Datum.STD)
    return Height(Length(int(match[2]) * 1000, Unit(match[3])), Datum(match[4]))


def _said(height: Height | None, open_end: str) -> str:
    if height is None:
        return open_end
    text = str(height).replace(" ", "", 1)
    if _HEIGHT.fullmatch(text) is None:
        raise wrong("notam", f"{height} has no place in items F and G")
    return text


def _level(height: Height, *, up: bool) -> int:
    """The flight level at or beyond a height. Above ground counts as above the sea, as is usual."""
    hundreds = height.amount.metres / 30.48
    return min(999, math.ceil(hundreds - 1e-6) if up else math.floor(hundreds + 1e-6))


def _described(shape: Place | Circle | Polygon | Route) -> str:
    if isinstance(shape, Circle):
        return f"WI {shape.radius} RADIUS OF {_packed(shape.centre)}"
    if isinstance(shape, Place):
        return f"AT {_packed(shape.at)}"
    corners = shape.vertices if isinstance(shape, Polygon) else outline(shape)[:-1]
    ring = (*corners, corners[0])
    return f"WI AN AREA BOUNDED BY {' - '.join(map(_packed, ring))}"


def _packed(at: Position, *, seconds: bool = True) -> str:
    """5027N03031E or 502700N0303124E, rounded."""
    per_degree = 3600 if seconds else 60
    parts = []
    for udeg, digits, sides in ((at.lat_udeg, 2, "NS"), (at.lon_udeg, 3, "EW")):
        whole = round(abs(udeg) * per_degree / 1_000_000)
        minutes, rest = divmod(whole, 60) if seconds else (whole, 0)
        text = f"{minutes // 60:0{digits}}{minutes % 60:02}{f'{rest:02}' if seconds else ''}"
        parts.append(text + sides[udeg < 0])
    return "".join(parts)
