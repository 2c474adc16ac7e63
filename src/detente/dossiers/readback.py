"""A place said back in the receiver's own grid: the same, or what is different (spec/places.md §6).

Silence and «understood» say nothing of a place; saying it back from one's own map does. What people
get wrong most is the datum, so that is looked for by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from detente.core.errors import LocalError
from detente.dossiers.geodesy import distance_m
from detente.dossiers.grids import Grid, misread, positions
from detente.dossiers.position import Position
from detente.dossiers.shapes import Band, Circle, Geometry, NamedArea, Quadrant, Route

# Twice the worst accuracy of a step between datums, and the metre that a grid rounds to.
TOLERANCE_M = 10.0
LENGTH_TOLERANCE_M = 1.0
_DATUMS = (Grid.WGS84, Grid.SK42, Grid.UCS2000)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How what was said back differs. ``what`` is a word of spec/places.md §6.

    ``point`` counts from 1 and is 0 where no single point is meant; ``metres`` is the distance of
    the farthest point, or the difference of two lengths. ``taken`` names the two datums where
    points written in the first and taken for the second would explain it.
    """

    what: str
    point: int = 0
    metres: float = 0.0
    taken: tuple[Grid, Grid] | None = None


def compare(sent: Geometry, said: Geometry, tolerance_m: float = TOLERANCE_M) -> Mismatch | None:
    """None where both mean the same within ``tolerance_m``; otherwise the first difference."""
    if type(sent) is not type(said):
        return Mismatch("kind")
    ours, theirs = positions(sent), positions(said)
    if len(ours) != len(theirs):
        return Mismatch("points")
    if ours:
        apart = [distance_m(one, other) for one, other in zip(ours, theirs, strict=True)]
        if max(apart) > tolerance_m:
            taken = _taken(ours, theirs, tolerance_m)
            what = "place" if taken is None else "datum"
            return Mismatch(what, apart.index(max(apart)) + 1, max(apart), taken)
    if _words(sent) != _words(said):
        return Mismatch("words")
    difference_m = abs(_extent_m(sent) - _extent_m(said))
    return Mismatch("length", metres=difference_m) if difference_m > LENGTH_TOLERANCE_M else None


def _taken(
    ours: tuple[Position, ...], theirs: tuple[Position, ...], tolerance_m: float
) -> tuple[Grid, Grid] | None:
    """Which datum written and which taken for it explain all points best, if any do."""
    found: dict[tuple[Grid, Grid], float] = {}
    for written, taken in permutations(_DATUMS, 2):
        try:
            wrong = [misread(at, written, taken) for at in ours]
        except LocalError:  # one of them does not reach here
            continue
        found[written, taken] = max(map(distance_m, wrong, theirs))
    best = min(found, key=found.__getitem__, default=None)
    return best if best is not None and found[best] <= tolerance_m else None


def _words(geometry: Geometry) -> tuple[object, ...]:
    """What has no tolerance: names, heights, the quadrant of which ocean."""
    if isinstance(geometry, Quadrant):
        return geometry.side, geometry.ocean
    return (str(geometry),) if isinstance(geometry, NamedArea | Band) else ()


def _extent_m(geometry: Geometry) -> float:
    if isinstance(geometry, Circle):
        return geometry.radius.metres
    return geometry.side.metres if isinstance(geometry, Route) else 0.0
