"""NAVAREA, HYDRO and coastal warnings as mariners read them (docs/places-in-out.md).

A heading with a number, then text. Times, areas and what it cancels are found in the text, which
stays beside them as it came: line breaks kept, spaces made one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from detente.core.errors import LocalError
from detente.dossiers.conventions import MONTHS, dtg, parse_dtg
from detente.dossiers.coordinates import areas
from detente.dossiers.position import Position, wrong
from detente.dossiers.shapes import Circle, Place, Polygon, Route, Shape

TEXT_CHARS_MAX = 8_000
_DAYS_MAX = 366  # of one daily window
_NM_M = 1852
_DAY_S = 86_400
_SERIES = r"(?:NAVAREA [IVX]+|HYDRO(?:LANT|PAC|ARC)|[A-Z][A-Z ]{1,60})"
_HEADING = re.compile(rf"({_SERIES}) (\d{{1,4}})/(\d\d)(?:\(([\d,]+)\))?\.?", re.ASCII)
_CANCELS = re.compile(rf"CANCEL ((?!THIS){_SERIES} \d{{1,4}}/\d\d)", re.ASCII)
_Z = r"(?:Z| UTC)"
_MON = rf"({'|'.join(MONTHS)})"
_ENDS = re.compile(rf"CANCEL THIS MSG (\d{{6}}){_Z} {_MON} (\d\d)\b", re.ASCII)
_ONCE = re.compile(
    rf"\b(\d{{6}}){_Z}(?: {_MON})?(?: (\d\d))? TO (\d{{6}}){_Z} {_MON}(?: (\d\d)\b)?",
    re.ASCII,
)
_STAMP = re.compile(r"\b\d{4}(?:\d\d)?(?:Z| UTC)\b", re.ASCII)
_DAILY = re.compile(
    rf"\b(\d{{4}}){_Z}? TO (\d{{4}}){_Z} DAILY (\d\d)(?: {_MON})?(?: (\d\d))? (?:THRU|TO) "
    rf"(\d\d) {_MON}(?: (\d\d)\b)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SeaWarning:
    """One warning. ``dated_s`` is the time of its own date-time group, if one stands before it."""

    series: str
    number: int
    year: int
    regions: str
    dated_s: int | None
    text: str

    def __str__(self) -> str:
        """The warning in the one form written here; reading it gives this value again."""
        regions = f"({self.regions})" if self.regions else ""
        heading = f"{self.series} {self.number}/{self.year % 100:02}{regions}."
        before = [] if self.dated_s is None else [dtg(self.dated_s)]
        return "\n".join([*before, heading, self.text])

    def shapes(self) -> tuple[Shape, ...]:
        """The areas that stand in the text. LocalError USAGE for coordinates off the earth."""
        return areas(self.text)

    def cancels(self) -> tuple[str, ...]:
        """The headings of warnings that this one ends: ``NAVAREA IV 1165/22``."""
        return tuple(_CANCELS.findall(" ".join(self.text.split())))

    def ends_s(self) -> int | None:
        """When it ends by itself, UTC seconds; None where it does not say."""
        match = _ENDS.search(" ".join(self.text.split()))
        return None if match is None else parse_dtg(f"{match[1]}Z {match[2]} {match[3]}")

    def windows(self) -> tuple[tuple[int, int], ...]:
        """The hours it names, each from a second until before another, in UTC.

        Only two ways of writing them are known: ``121606Z TO 121854Z NOV`` and ``0300Z TO 2100Z
        DAILY 26 THRU 29 DEC``. What is written in another way is not among them. LocalError USAGE
        for days that are on no calendar.
        """
        plain = " ".join(self.text.split())
        return tuple(sorted([*_once(plain, self.year), *_daily(plain, self.year)]))

    def unread_times(self) -> tuple[str, ...]:
        """The times in it that stand in none of the ways known to ``windows`` and ``ends_s``."""
        text = " ".join(self.text.split())
        for known in (_ENDS, _ONCE, _DAILY):
            text = known.sub("", text)
        return tuple(_STAMP.findall(text))


def read_warning(text: str) -> SeaWarning:
    """The warning of a text. LocalError USAGE (navarea): it has no heading, no text, or is long."""
    lines = list(filter(None, (" ".join(line.split()) for line in text.upper().splitlines())))
    dated_s = None
    if lines:
        try:
            dated_s = parse_dtg(lines[0])
        except LocalError:
            dated_s = None
    if dated_s is not None:
        lines = lines[1:]
    heading = _HEADING.fullmatch(lines[0]) if lines else None
    if heading is None or len(lines) < 2 or len(text) > TEXT_CHARS_MAX:
        raise wrong("navarea", "it does not begin like NAVAREA IV 1177/22, or is empty or too long")
    return SeaWarning(
        series=heading[1],
        number=int(heading[2]),
        year=2000 + int(heading[3]),
        regions=heading[4] or "",
        dated_s=dated_s,
        text="\n".join(lines[1:]),
    )


def write_warning(
    heading: str,
    region: str,
    what: str,
    shape: Place | Circle | Polygon | Route,
    window_s: tuple[int, int],
) -> SeaWarning:
    """A warning of one shape and one window, which ends an hour after it.

    Corners are to a hundredth of a minute, up to 13 m off. LocalError USAGE (navarea).
    """
    start_s, end_s = window_s
    return read_warning(
        f"{heading}\n{region}.\n1. {what} {dtg(start_s)} TO {dtg(end_s)}\n{_described(shape)}.\n"
        f"2. CANCEL THIS MSG {dtg(end_s + 3600)}."
    )


def _once(text: str, year: int) -> Iterator[tuple[int, int]]:
    for start, month, start_year, end, last_month, end_year in _ONCE.findall(text):
        last = _at(end, last_month, end_year, year)
        first = _at(start, month or last_month, start_year or end_year, year)
        yield first, last


def _daily(text: str, year: int) -> Iterator[tuple[int, int]]:
    for start, end, day, month, start_year, last, last_month, end_year in _DAILY.findall(text):
        first_s = _at(day + start, month or last_month, start_year or end_year, year)
        last_s = _at(last + start, last_month, end_year, year)
        long_s = _at(day + end, month or last_month, start_year or end_year, year) - first_s
        for number in range(min((last_s - first_s) // _DAY_S + 1, _DAYS_MAX)):
            begin_s = first_s + number * _DAY_S
            yield begin_s, begin_s + (long_s if long_s > 0 else long_s + _DAY_S)


def _at(stamp: str, month: str, year: str, default_year: int) -> int:
    return parse_dtg(f"{stamp}Z {month} {year or f'{default_year % 100:02}'}")


def _described(shape: Place | Circle | Polygon | Route) -> str:
    if isinstance(shape, Place):
        return f"IN {_dashed(shape.at)}"
    if isinstance(shape, Circle):
        return f"IN AREA WITHIN {shape.radius.metres / _NM_M:.2f} MILES OF {_dashed(shape.centre)}"
    if isinstance(shape, Polygon):
        return f"IN AREA BOUND BY\n{_list(shape.vertices)}"
    side = f"WITHIN {shape.side.metres / _NM_M:.2f} MILES EACH SIDE OF "
    return f"IN AREA {side if shape.side.milli else ''}LINE JOINING\n{_list(shape.points)}"


def _list(points: tuple[Position, ...]) -> str:
    return ",\n".join(map(_dashed, points))


def _dashed(at: Position) -> str:
    """73-44.50N 023-04.50E, rounded."""
    parts = []
    for udeg, digits, sides in ((at.lat_udeg, 2, "NS"), (at.lon_udeg, 3, "EW")):
        hundredths = round(abs(udeg) * 6_000 / 1_000_000)
        degrees, rest = divmod(hundredths, 6_000)
        parts.append(f"{degrees:0{digits}}-{rest // 100:02}.{rest % 100:02}{sides[udeg < 0]}")
    return " ".join(parts)
