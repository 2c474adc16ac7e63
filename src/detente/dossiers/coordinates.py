"""Areas found by their coordinates in the free text of others' notices (docs/places-in-out.md).

Airmen run degrees, minutes and seconds together, mariners put dashes between them. What stands
between two coordinates of one area is punctuation and a few small words; anything else parts two.
"""

from __future__ import annotations

import re

from detente.core.errors import LocalError
from detente.dossiers.position import Position, parse_position
from detente.dossiers.shapes import (
    Circle,
    Length,
    Place,
    Polygon,
    Route,
    Shape,
    Unit,
    parse_length,
)

_COORDINATES = re.compile(
    r"(?<![0-9A-Z])(?:"
    r"(?P<lat>\d{4}(?:\d\d(?:\.\d+)?)?[NS])[\s,/]*(?P<lon>\d{5}(?:\d\d(?:\.\d+)?)?[EW])"
    r"|(?P<ns>[NS])(?P<north>\d{4}(?:\d\d)?)[\s,/]*(?P<ew>[EW])(?P<east>\d{5}(?:\d\d)?)"
    r"|(?P<latsea>\d\d-\d\d(?:-\d\d|\.\d+)?[NS])[\s,/]*"
    r"(?P<lonsea>\d{3}-\d\d(?:-\d\d|\.\d+)?[EW])"
    r")(?![0-9A-Z])",
    re.ASCII,
)
_JOINT = re.compile(r"[\s,;.–-]*(?:(?:TO|AND|THEN|THENCE)\b[\s,;.–-]*)*", re.ASCII)
_LIKE = re.compile(r"\b\d[\d.°'’-]{3,}[\"”″]?\s?[NSEW]\b|\b[NSEW]\d{4,}\b", re.ASCII)
_OUTLINES = re.compile(r"\b(?:ARC|(?:COUNTER)?CLOCKWISE|BORDER|BOUNDARY|COAST(?:(?:AL )?LINE)?)\b")
_RADIUS = re.compile(
    r"(\d+(?:\.\d+)?)\s*(NM|KM|M|MILES?|METERS?)\s+(?:RADIUS|OF|EACH SIDE)\b"
    r"|RADIUS\s+(?:OF\s+)?(\d+(?:\.\d+)?)\s*(NM|KM|M|MILES?|METERS?)\b",
    re.ASCII,
)
_UNITS = {"MILE": "NM", "MILES": "NM", "METER": "M", "METERS": "M"}
_LINE = re.compile(r"(?:TRACK\s?)?LINES?\s+(?:JOINING|BETWEEN)", re.ASCII)


def areas(text: str) -> tuple[Shape, ...]:
    """The areas, lines, circles and points of a text, in its order.

    A radius beside a single point makes a circle of it; miles are nautical. LocalError USAGE for
    coordinates that are off the earth.
    """
    runs: list[list[re.Match[str]]] = []
    for match in _COORDINATES.finditer(text):
        if runs and _JOINT.fullmatch(text, runs[-1][-1].end(), match.start()):
            runs[-1].append(match)
        else:
            runs.append([match])
    edges = [0, *(run[-1].end() for run in runs)]
    starts = [*(run[0].start() for run in runs[1:]), len(text)]
    found: list[Shape] = []
    for run, before, after in zip(runs, edges, starts, strict=False):
        points = tuple(map(_position, run))
        if len(points) == 1:
            found.append(_round(points[0], text[before:after]))
        else:
            found += _drawn(points, text[before : run[0].start()])
    return tuple(found)


def unread(text: str) -> tuple[str, ...]:
    """What looks like a coordinate and stands in no form that ``areas`` knows, and each word that
    says that an outline follows something else than straight lines between corners."""
    rest = _COORDINATES.sub(" ", text)
    return (*_LIKE.findall(rest), *_OUTLINES.findall(rest))


def _position(match: re.Match[str]) -> Position:
    if match["ns"]:
        return parse_position(f"{match['north']}{match['ns']} {match['east']}{match['ew']}")
    return parse_position(f"{match['lat'] or match['latsea']} {match['lon'] or match['lonsea']}")


def _round(point: Position, around: str) -> Shape:
    radius = _length(around)
    return Place(point) if radius is None else Circle(point, radius)


def _drawn(points: tuple[Position, ...], before: str) -> list[Shape]:
    """A polygon, which may close itself, or a line; the bare points of what can be neither."""
    try:
        if _LINE.search(before):
            return [Route(points, _length(before) or Length(0, Unit.M))]
        return [Polygon(points[:-1] if points[0] == points[-1] else points)]
    except LocalError:
        return [Place(point) for point in points]


def _length(words: str) -> Length | None:
    match = _RADIUS.search(words)
    if match is None:
        return None
    unit = match[2] or match[4]
    return parse_length(f"{match[1] or match[3]} {_UNITS.get(unit, unit)}")
