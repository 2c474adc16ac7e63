"""A map of what the parties have said: their own geometry over a graticule, and nothing else.

No request leaves the desk for it, and no border or name is on it. A coast is drawn beneath where
the operator brought one that is fine enough for the map (ADR 0016). Whoever cannot see it reads
the same in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from markupsafe import Markup

from detente.core.errors import LocalError
from detente.desk.coast import Coast, Sheet, coarse, strokes
from detente.dossiers.geodesy import distance_m, middle, outline, to_plane
from detente.dossiers.grids import Grid, geometry_in
from detente.dossiers.position import LAT_MAX_UDEG, Position, position
from detente.dossiers.shapes import NamedArea, Place, Quadrant, Route, Shape
from detente.plain import plain
from detente.words import _

WIDTH, HEIGHT = 800, 600
_REACH_MIN_M = 2_000  # around a single point
_ROOM = 1.15  # between the outermost corner and the edge
_LINES = 6  # of the graticule across the map, about
_SAMPLES = 48  # points of one line of it
_DEGREE_M = 111_195
# Steps people count in: degrees, minutes, seconds.
_STEPS_DEG = (30, 15, 10, 5, 2, 1, 1 / 2, 1 / 6, 1 / 12, 1 / 30, 1 / 60, 1 / 180, 1 / 360, 1 / 720)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on the map. ``whose`` is a class of the style sheet: ours, theirs or both."""

    label: str
    shape: Shape
    whose: str = "both"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A map and the same in words: one line for each item, in its order. ``coast`` says whose
    coast is beneath them."""

    svg: Markup
    words: tuple[str, ...]
    coast: str = ""


def draw(
    items: Sequence[Item],
    grid: Grid = Grid.WGS84,
    ident: str = "map",
    coast: Coast | None = None,
) -> Drawing:
    """The map of items, north up at its middle; empty where none of them has coordinates.

    ``grid`` is the one the words are in; ``ident`` tells two maps of one page apart. LocalError
    NOT_FOUND where the libraries of ``detente[places]`` are not installed.
    """
    words = tuple(_words(number, item, grid) for number, item in enumerate(items, 1))
    shown = [
        (number, item, outline(item.shape))
        for number, item in enumerate(items, 1)
        if not isinstance(item.shape, NamedArea | Quadrant)
    ]
    if not shown:
        return Drawing(Markup(), words)
    view = _view([point for _number, _item, line in shown for point in line])
    title = _("Map of {count} places, north up at its middle").format(count=len(shown))
    parts = [
        Markup(
            '<svg class="map" role="img" viewBox="0 0 {w} {h}" aria-labelledby="{i}-t {i}-d">'
            '<title id="{i}-t">{title}</title><desc id="{i}-d">{desc}</desc>'
        ).format(w=WIDTH, h=HEIGHT, i=ident, title=title, desc="; ".join(words)),
        *_coast(view, coast),
        *_graticule(view),
        *(_item(view, number, item, line) for number, item, line in shown),
        _bar(view),
        Markup("</svg>"),
    ]
    return Drawing(Markup("\n").join(parts), words, _of_coast(view, coast))


@dataclass(frozen=True, slots=True)
class _View:
    """From a position to the sheet: azimuthal, true to scale from the centre outwards."""

    centre: Position
    reach_m: float

    @property
    def scale(self) -> float:
        return HEIGHT / 2 / self.reach_m

    @property
    def sheet(self) -> Sheet:
        return Sheet(self.centre, self.scale, WIDTH, HEIGHT)

    def at(self, point: Position) -> Point:
        east, north = to_plane("aeqd", point, lat_0=self.centre.lat, lon_0=self.centre.lon)
        return WIDTH / 2 + east * self.scale, HEIGHT / 2 - north * self.scale


def _coast(view: _View, coast: Coast | None) -> Iterator[Markup]:
    if coast is not None and not coarse(coast, view.sheet):
        drawn = "".join(_path(line) for line in strokes(coast, view.sheet))
        yield Markup('<g class="coast"><path d="{}"/></g>').format(drawn)


def _of_coast(view: _View, coast: Coast | None) -> str:
    if coast is None:
        return ""
    said = _("Coast: {name}, a point every {spacing} km. It is no chart.")
    if coarse(coast, view.sheet):
        said = _("No coast: {name} has a point every {spacing} km, too few for this map.")
    return said.format(name=plain(coast.name), spacing=f"{coast.spacing_m / 1000:.1f}")


def _view(points: list[Position]) -> _View:
    centre = middle(tuple(points))
    reach_m = max(distance_m(centre, point) for point in points) * _ROOM
    return _View(centre, max(reach_m, _REACH_MIN_M))


def _words(number: int, item: Item, grid: Grid) -> str:
    try:
        text = geometry_in(item.shape, grid)
    except LocalError:  # that grid is not known there
        text = geometry_in(item.shape, Grid.WGS84)
    if isinstance(item.shape, NamedArea | Quadrant):
        text = _("{place}, not drawn: it has no coordinates").format(place=text)
    return f"{number}. {plain(item.label)}: {plain(text)}"


def _item(view: _View, number: int, item: Item, line: list[Position]) -> Markup:
    x, y = view.at(_anchor(item.shape, line))
    if isinstance(item.shape, Place):
        drawn = f"M{_px(x - 8)} {_px(y)}h16M{_px(x)} {_px(y - 8)}v16"
    else:
        drawn = _path([view.at(point) for point in line]) + ("Z" if line[0] == line[-1] else "")
    return Markup(
        '<g class="place {whose}"><path d="{drawn}"/><text x="{x}" y="{y}">{number}</text></g>'
    ).format(whose=item.whose, drawn=drawn, x=_px(x + 10), y=_px(y - 10), number=number)


def _anchor(shape: Shape, line: list[Position]) -> Position:
    """Where the number stands: in the middle, and of a corridor on its line."""
    if isinstance(shape, Route):
        return shape.points[len(shape.points) // 2]
    return middle(tuple(line))


def _graticule(view: _View) -> Iterator[Markup]:
    """Parallels and meridians, each with its value where it leaves the sheet."""
    reach_deg = view.reach_m / _DEGREE_M * WIDTH / HEIGHT
    south, north = max(-90.0, view.centre.lat - reach_deg), min(90.0, view.centre.lat + reach_deg)
    widest = max(abs(south), abs(north))
    # Where the sheet takes in a pole it takes in all meridians.
    spread = 180.0
    if widest < 89:
        spread = min(180.0, reach_deg / math.cos(math.radians(widest)))
    step_lat = _step(2 * reach_deg)
    step_lon = max(step_lat, _step(2 * spread))
    west, east = view.centre.lon - spread, view.centre.lon + spread
    for lat in _multiples(max(south, -89.9), min(north, 89.9), step_lat):  # a pole is no circle
        line = [_at(lat, lon) for lon in _between(west, east)]
        yield _line(view, line, _angle(lat, step_lat, "NS"), lower=False)
    for lon in _multiples(west, min(east, west + 360 - step_lon), step_lon):
        line = [_at(lat, lon) for lat in _between(south, north)]
        turned = (lon + 180) % 360 - 180
        yield _line(view, line, _angle(turned, step_lon, "EW"), lower=True)


def _line(view: _View, line: list[Position], value: str, *, lower: bool) -> Markup:
    points = [view.at(point) for point in line]
    x, y = _label(points, lower=lower)
    return Markup(
        '<g class="graticule"><path d="{d}"/><text x="{x}" y="{y}">{value}</text></g>'
    ).format(d=_path(points), x=_px(x + 4), y=_px(y - 4), value=value)


def _label(points: list[Point], *, lower: bool) -> Point:
    """Where a line crosses the lower or the left edge; else its outermost point on the sheet."""
    for (x1, y1), (x2, y2) in pairwise(points):
        here, there, edge = (y1, y2, HEIGHT) if lower else (x1, x2, 0)
        if here != there and min(here, there) <= edge <= max(here, there):
            part = (edge - here) / (there - here)
            x, y = x1 + part * (x2 - x1), y1 + part * (y2 - y1)
            if _on_sheet(x, y):
                return x, y
    inside = [point for point in points if _on_sheet(*point)]
    return max(inside, key=_from_middle, default=(-WIDTH, -HEIGHT))


def _on_sheet(x: float, y: float) -> bool:
    bar = x > WIDTH - 220 and y < 50
    return 0 <= x <= WIDTH - 60 and 20 <= y <= HEIGHT and not bar


def _from_middle(point: Point) -> float:
    return math.hypot(point[0] - WIDTH / 2, point[1] - HEIGHT / 2)


def _bar(view: _View) -> Markup:
    """A bar of a round length, about a quarter of the sheet."""
    about_m = view.reach_m / 2
    power = 10.0 ** math.floor(math.log10(about_m))
    length_m = next(part * power for part in (5, 2, 1) if part * power <= about_m)
    text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    long = length_m * view.scale
    return Markup(
        '<g class="scale"><path d="M{x} 24v10h{long}v-10"/><text x="{x}" y="20">{text}</text></g>'
    ).format(x=_px(WIDTH - 20 - long), long=_px(long), text=text)


def _step(span_deg: float) -> float:
    return next((step for step in reversed(_STEPS_DEG) if span_deg / step <= _LINES * 1.5), 30)


def _multiples(first: float, last: float, step: float) -> list[float]:
    numbers = range(math.ceil(first / step), math.floor(last / step) + 1)
    return [number * step for number in numbers]


def _between(first: float, last: float) -> list[float]:
    return [first + (last - first) * part / _SAMPLES for part in range(_SAMPLES + 1)]


def _at(lat: float, lon: float) -> Position:
    turned = (lon + 180) % 360 - 180
    if abs(lat) < LAT_MAX_UDEG / 1_000_000:
        return position(lat, turned)
    return Position(round(math.copysign(LAT_MAX_UDEG, lat)), 0)


def _angle(value: float, step: float, sides: str) -> str:
    """50°N, 50°30′N, 50°30′20″N, as fine as the step."""
    seconds = round(abs(value) * 3600)
    degrees, rest = divmod(seconds, 3600)
    text = f"{degrees}°"
    if step < 1:
        text += f"{rest // 60:02}′"
    if step < 1 / 60:
        text += f"{rest % 60:02}″"
    side = "" if seconds in {0, 180 * 3600} and sides == "EW" else sides[value < 0]
    return text + side


def _path(points: list[Point]) -> str:
    return "M" + "L".join(f"{_px(x)} {_px(y)}" for x, y in points)


_px = partial(round, ndigits=1)
