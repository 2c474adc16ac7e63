"""The coast beneath the map: lines that the operator brings as GeoJSON (RFC 7946), kept in the
desk's folder (ADR 0016).

They are no chart. A coast that is too coarse for a map is not drawn on it: beside exact corners it
would look as exact.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

from detente.core.errors import LocalError, Refusal
from detente.dossiers.geodesy import all_to_plane
from detente.dossiers.position import Position
from detente.store.private import write_private

FILE: Final = "coast.json"  # in the desk's folder
BYTES_MAX: Final = 64 * 1024 * 1024
POINTS_MAX: Final = 500_000
DRAWN_MAX: Final = 8_000  # points on one map, about 100 kB
COARSE_PX: Final = 40.0  # a coast whose points lie farther apart on the map is not drawn
_PIECE: Final = 64  # points; what is far from a map is passed over by the piece
_EARTH_M: Final = 6_371_000
_UNITS: Final = 100_000  # of a degree: 1.1 m
_NEAR_PX: Final = 1.5

Degrees = tuple[float, float]  # longitude, latitude
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring points; none is farther from the first than ``reach_m``."""

    points: tuple[Degrees, ...]
    reach_m: float


@dataclass(frozen=True, slots=True)
class Coast:
    """A coastline. ``spacing_m`` is how far apart its points lie: half of them less."""

    name: str
    spacing_m: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where a map lies: its centre, what a metre is on it, and its size, all but that in pixels."""

    centre: Position
    px_per_m: float
    width: int
    height: int


def read_coast(data: bytes, name: str) -> Coast:
    """The coastline in a GeoJSON file. LocalError OVERSIZE; MALFORMED where it is none, or where
    areas share edges: those are borders, and no border is drawn."""
    if len(data) > BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{name} has over {BYTES_MAX} bytes")
    try:
        lines = [_checked(line) for line in _lines(json.loads(data))]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise _none(f"{name} is no GeoJSON of lines or areas in degrees") from exc
    if sum(map(len, lines)) > POINTS_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{name} has over {POINTS_MAX} points")
    edges = Counter(frozenset(edge) for line in lines for edge in pairwise(line) if _real(*edge))
    if not edges:
        raise _none(f"{name} has no line in it")
    if max(edges.values()) > 1:
        raise _none(f"{name} has edges that two areas share: they are borders, bring a coastline")
    spacing_m = median(_apart_m(*pair) for line in lines for pair in pairwise(line) if _real(*pair))
    return Coast(name, spacing_m, tuple(piece for line in lines for piece in _pieces(line)))


def keep(folder: Path, coast: Coast) -> None:
    """Keeps it in the desk's folder, in the place of another."""
    pieces = [
        [round(one.reach_m), [round(part * _UNITS) for point in one.points for part in point]]
        for one in coast.pieces
    ]
    kept = {"name": coast.name, "spacing_m": round(coast.spacing_m), "pieces": pieces}
    write_private(folder / FILE, json.dumps(kept, separators=(",", ":")).encode())


def kept_coast(folder: Path) -> Coast | None:
    """The one that is kept, or None."""
    try:
        data = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return None
    kept = json.loads(data)  # whole: it was put there by one rename
    pieces = tuple(Piece(_degrees(flat), float(reach)) for reach, flat in kept["pieces"])
    return Coast(str(kept["name"]), float(kept["spacing_m"]), pieces)


def coarse(coast: Coast, sheet: Sheet) -> bool:
    """Whether its points lie too far apart for a map."""
    return coast.spacing_m * sheet.px_per_m > COARSE_PX


def strokes(coast: Coast, sheet: Sheet) -> list[list[Point]]:
    """What of it is on a map, in pixels: points that lie on one another there are one, and there
    are at most ``DRAWN_MAX`` of them."""
    centre = (sheet.centre.lon, sheet.centre.lat)
    corner_m = math.hypot(sheet.width, sheet.height) / 2 / sheet.px_per_m
    near = [
        piece.points
        for piece in coast.pieces
        if _apart_m(centre, piece.points[0]) < piece.reach_m + corner_m
    ]
    lines = [_on_plane(points, sheet) for points in _joined(near)]
    near_px = _NEAR_PX
    while True:
        found = [run for line in lines for run in _on_sheet(_thinned(line, near_px), sheet)]
        if sum(map(len, found)) <= DRAWN_MAX:
            return found
        near_px *= 2


def _joined(pieces: Sequence[Sequence[Degrees]]) -> Iterator[list[Degrees]]:
    """Pieces that follow one another as one line."""
    line: list[Degrees] = []
    for points in pieces:
        if line and line[-1] == points[0]:
            line += points[1:]
            continue
        if line:
            yield line
        line = [*points]
    if line:
        yield line


def _on_plane(points: Sequence[Degrees], sheet: Sheet) -> list[Point]:
    lons, lats = zip(*points, strict=True)
    flat = all_to_plane("aeqd", lons, lats, lat_0=sheet.centre.lat, lon_0=sheet.centre.lon)
    return [
        (sheet.width / 2 + east * sheet.px_per_m, sheet.height / 2 - north * sheet.px_per_m)
        for east, north in flat
    ]


def _thinned(points: Sequence[Point], near_px: float) -> list[Point]:
    """What is smaller than ``near_px`` is nothing."""
    kept = [points[0]]
    for point in points[1:-1]:
        if math.dist(kept[-1], point) >= near_px:
            kept.append(point)
    small = len(kept) == 1 and math.dist(kept[0], points[-1]) < near_px
    return [] if small else [*kept, points[-1]]


def _on_sheet(points: Sequence[Point], sheet: Sheet) -> Iterator[list[Point]]:
    """The runs of points whose edges may cross the sheet."""
    run: list[Point] = []
    for (x1, y1), (x2, y2) in pairwise(points):
        beside = max(x1, x2) < 0 or min(x1, x2) > sheet.width
        if beside or max(y1, y2) < 0 or min(y1, y2) > sheet.height:
            if run:
                yield run
            run = []
        else:
            run = [*run, (x2, y2)] if run else [(x1, y1), (x2, y2)]
    if run:
        yield run


# --- reading GeoJSON ---


def _lines(found: Any) -> Iterator[Sequence[Any]]:
    """Every line and every ring of a GeoJSON object; points are passed over."""
    kind = found["type"]
    if kind == "FeatureCollection":
        for one in found["features"]:
            yield from _lines(one)
    elif kind == "Feature":
        if found["geometry"] is not None:
            yield from _lines(found["geometry"])
    elif kind == "GeometryCollection":
        for one in found["geometries"]:
            yield from _lines(one)
    elif kind == "LineString":
        yield found["coordinates"]
    elif kind in {"MultiLineString", "Polygon"}:
        yield from found["coordinates"]
    elif kind == "MultiPolygon":
        for polygon in found["coordinates"]:
            yield from polygon


def _checked(line: Sequence[Any]) -> list[Degrees]:
    """ValueError or TypeError for what are no degrees."""
    points = [(float(point[0]), float(point[1])) for point in line]
    if not all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in points):
        raise ValueError("no degrees")
    return points


def _real(one: Degrees, other: Degrees) -> bool:
    """Whether an edge is shore: areas are cut along the date line and closed at the pole."""
    cut = abs(one[0]) == abs(other[0]) == 180
    pole = abs(one[1]) == abs(other[1]) == 90
    return one != other and not cut and not pole


def _pieces(line: Sequence[Degrees]) -> Iterator[Piece]:
    run: list[Degrees] = []
    for one, other in pairwise(line):
        if not _real(one, other) or len(run) >= _PIECE:
            yield from _piece(run)
            run = []
        if _real(one, other):
            run = [*run, other] if run else [one, other]
    yield from _piece(run)


def _piece(run: Sequence[Degrees]) -> Iterator[Piece]:
    if run:
        yield Piece(tuple(run), max(_apart_m(run[0], point) for point in run))


def _degrees(flat: Sequence[int]) -> tuple[Degrees, ...]:
    return tuple(
        (lon / _UNITS, lat / _UNITS) for lon, lat in zip(flat[::2], flat[1::2], strict=True)
    )


def _apart_m(one: Degrees, other: Degrees) -> float:
    """Metres on a sphere: enough to pass over what is far away."""
    lat1, lat2 = math.radians(one[1]), math.radians(other[1])
    half_lon = math.radians(other[0] - one[0]) / 2
    square = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(half_lon) ** 2
    )
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(square)))


def _none(detail: str) -> LocalError:
    return LocalError(Refusal.MALFORMED, detail)
