"""Distances and areas on the ellipsoid of WGS 84 (spec/places.md §4).

PROJ's geodesics measure, GEOS cuts and compares after a projection that is true where it matters.
Only this file knows those libraries, and imports them when they are used: they take a fifth of a
second to load and are an extra of the package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING

from detente.core.errors import LocalError, Refusal
from detente.dossiers.position import Position, position, wrong
from detente.dossiers.shapes import (
    Circle,
    Geometry,
    NamedArea,
    Place,
    Polygon,
    Quadrant,
    Route,
    Shape,
)

if TYPE_CHECKING:
    import pyproj
    from shapely.geometry.base import BaseGeometry

LEG_MAX_M = 10_000_000  # a quarter of the way around: beyond, the shortest line surprises people
SPREAD_MAX_M = 6_600_000  # of a polygon's vertices from its middle, about 60 degrees of arc
_STEP_M = 25_000  # between the points that stand for a side where it would not be straight
_CAP_MAX_M = 9_900_000  # below a quarter of the way around, on any meridian
_ROUNDS = 3  # each moves the projection's centre to where two shapes are nearest


def distance_m(one: Position, other: Position) -> float:
    """Metres along the shortest line on the ellipsoid."""
    return _inverse(one, other)[1]


def azimuth_deg(one: Position, other: Position) -> float:
    """In which direction ``other`` lies from ``one``: 0 to 360, clockwise from true north."""
    return _inverse(one, other)[0]


def check(geometry: Geometry) -> None:
    """Refuses what only geodesy can see. LocalError USAGE: crossing, spread, leg."""
    points: tuple[Position, ...] = ()
    if isinstance(geometry, Route):
        points = geometry.points
    elif isinstance(geometry, Polygon):
        points = (*geometry.vertices, geometry.vertices[0])
    for start, end in pairwise(points):
        if distance_m(start, end) > LEG_MAX_M:
            raise wrong("leg", f"from {start} to {end} it is more than {LEG_MAX_M // 1000} KM")
    if isinstance(geometry, Polygon):
        _check_polygon(geometry)


def gap_m(one: Shape, other: Shape) -> float | None:
    """Metres between the nearest points of two shapes, 0 where they meet; None if not known.

    A named area has no coordinates, and of a quadrant only ``in_quadrant`` can tell.
    """
    if isinstance(one, Quadrant | NamedArea) or isinstance(other, Quadrant | NamedArea):
        return None
    centre = middle((*_points(one), *_points(other)))
    nearest = 0.0
    for _ in range(_ROUNDS):
        plane = _centred("aeqd", centre)
        bridge = library("shapely").shortest_line(_drawn(one, plane), _drawn(other, plane))
        start, end = (_back(plane, flat) for flat in bridge.coords)
        nearest = distance_m(start, end)
        centre = middle((start, end))
    return max(0.0, nearest - _margin_m(one) - _margin_m(other))


def gap_min_m(one: Shape, other: Shape) -> float:
    """Metres that two shapes are apart at least: quick, so that only what may meet is measured."""
    if isinstance(one, Quadrant | NamedArea) or isinstance(other, Quadrant | NamedArea):
        return 0.0
    (centre, reach_m), (far, far_reach_m) = _cap(one), _cap(other)
    return max(0.0, distance_m(centre, far) - reach_m - far_reach_m)


def in_quadrant(quadrant: Quadrant, point: Position) -> bool | None:
    """Whether a point lies in the sector; None where the quadrant states no apex.

    The sector begins at its azimuth and ends before the next one's; coasts are not known here.
    """
    if quadrant.apex is None:
        return None
    return 0 <= azimuth_deg(quadrant.apex, point) - quadrant.side.value < 90


def outline(shape: Place | Circle | Polygon | Route) -> list[Position]:
    """The edge of a shape, to be drawn: its first point again at the end, but for a bare line.

    Of a corridor that meets itself only the outer edge. Good for pictures, not for rules.
    """
    points = _points(shape)
    margin_m = _margin_m(shape)
    if not margin_m:
        return _densified((*points, points[0]) if isinstance(shape, Polygon) else points)
    plane = _centred("aeqd", middle(points))
    edge = _drawn(shape, plane).buffer(margin_m).exterior
    return [_back(plane, flat) for flat in edge.coords]


def library(name: str) -> ModuleType:
    """pyproj or shapely, imported now. LocalError NOT_FOUND where the extra is not installed."""
    try:
        return import_module(name)
    except ImportError as exc:
        detail = f"{name} is not installed: it comes with detente[places]"
        raise LocalError(Refusal.NOT_FOUND, detail) from exc


def to_plane(name: str, at: Position, **parameters: float) -> tuple[float, float]:
    """Where PROJ's projection ``name`` puts a position, in metres east and north."""
    east, north = _plane(name, **parameters)(at.lon, at.lat)
    return east, north


def all_to_plane(
    name: str, lons: Sequence[float], lats: Sequence[float], **parameters: float
) -> list[tuple[float, float]]:
    """The same of many positions at once, in degrees."""
    return list(zip(*_plane(name, **parameters)([*lons], [*lats]), strict=True))


def from_plane(name: str, flat: tuple[float, float], **parameters: float) -> Position:
    """The position that ``to_plane`` puts there. LocalError USAGE (position): there is none."""
    lon, lat = _plane(name, **parameters)(*flat, inverse=True)
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise wrong("position", f"no place is at {flat[0]:.0f} east, {flat[1]:.0f} north")
    return position(lat, lon)


def shifted(lat: float, lon: float, steps: str) -> tuple[float, float]:
    """Degrees of one datum as those of another, by a PROJ pipeline that needs no file."""
    lon, lat = _pipeline(steps).transform(lon, lat)
    return lat, lon


@cache
def _pipeline(steps: str) -> pyproj.Transformer:
    found: pyproj.Transformer = library("pyproj").Transformer.from_pipeline(steps)
    return found


@lru_cache(maxsize=64)
def _plane(name: str, **parameters: float) -> pyproj.Proj:
    plane: pyproj.Proj = library("pyproj").Proj(
        {"proj": name, "ellps": "WGS84", "no_defs": True, **parameters}
    )
    return plane


@cache
def _geod() -> pyproj.Geod:
    geod: pyproj.Geod = library("pyproj").Geod(ellps="WGS84")
    return geod


def _inverse(one: Position, other: Position) -> tuple[float, float]:
    azimuth, _, metres = _geod().inv(one.lon, one.lat, other.lon, other.lat)
    return azimuth % 360, metres


def _centred(name: str, centre: Position) -> pyproj.Proj:
    return _plane(name, lat_0=centre.lat, lon_0=centre.lon)


def middle(points: tuple[Position, ...]) -> Position:
    """Where the sum of the directions points: no date line, no pole stands in its way."""
    x = y = z = 0.0
    for point in points:
        lat, lon = math.radians(point.lat), math.radians(point.lon)
        x += math.cos(lat) * math.cos(lon)
        y += math.cos(lat) * math.sin(lon)
        z += math.sin(lat)
    if math.hypot(x, y, z) < 1e-9:  # opposite points have no middle; either will do
        return points[0]
    return position(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))


def _points(shape: Place | Circle | Polygon | Route) -> tuple[Position, ...]:
    if isinstance(shape, Place):
        return (shape.at,)
    if isinstance(shape, Circle):
        return (shape.centre,)
    return shape.vertices if isinstance(shape, Polygon) else shape.points


@lru_cache(maxsize=1024)
def _cap(shape: Place | Circle | Polygon | Route) -> tuple[Position, float]:
    """A circle that a shape lies in. The shortest lines within a quarter of the way around stay in
    it; a shape that reaches farther has the whole earth.
    """
    points = _points(shape)
    centre = middle(points)
    reach_m = max(distance_m(centre, point) for point in points)
    return centre, (reach_m if reach_m < _CAP_MAX_M else math.inf) + _margin_m(shape)


def _margin_m(shape: Place | Circle | Polygon | Route) -> float:
    """A circle is a point with a margin, a corridor a line with one."""
    if isinstance(shape, Circle):
        return shape.radius.metres
    return shape.side.metres if isinstance(shape, Route) else 0.0


def _densified(points: tuple[Position, ...]) -> list[Position]:
    """The same line with more points, so that it is drawn where it runs."""
    line = [points[0]]
    for start, end in pairwise(points):
        pieces = math.ceil(distance_m(start, end) / _STEP_M)
        if pieces > 1:
            inner = _geod().npts(start.lon, start.lat, end.lon, end.lat, pieces - 1)
            line += [position(lat, lon) for lon, lat in inner]
        line.append(end)
    return line


def _drawn(shape: Place | Circle | Polygon | Route, plane: pyproj.Proj) -> BaseGeometry:
    shapely = library("shapely")
    points = _points(shape)
    if isinstance(shape, Place | Circle):
        return shapely.Point(plane(points[0].lon, points[0].lat))
    closed = isinstance(shape, Polygon)
    line = _densified((*points, points[0]) if closed else points)
    flat = [plane(point.lon, point.lat) for point in line]
    return shapely.Polygon(flat) if closed else shapely.LineString(flat)


def _back(plane: pyproj.Proj, flat: tuple[float, float]) -> Position:
    lon, lat = plane(*flat, inverse=True)
    return position(lat, lon)


def _check_polygon(polygon: Polygon) -> None:
    centre = middle(polygon.vertices)
    if any(distance_m(centre, vertex) > SPREAD_MAX_M for vertex in polygon.vertices):
        raise wrong("spread", f"the vertices lie more than {SPREAD_MAX_M // 1000} KM from {centre}")
    plane = _centred("gnom", centre)  # shortest lines are straight in it
    flat = [plane(vertex.lon, vertex.lat) for vertex in polygon.vertices]
    if not library("shapely").Polygon(flat).is_valid:
        raise wrong("crossing", "the sides of the polygon cross or touch one another")
