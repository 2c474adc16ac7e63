"""Two notices that meet in time, area and height (spec/places.md §8).

What cannot be computed, a name or heights of two datums, is shown as not known and never as safe.
"""

from __future__ import annotations

from dataclasses import dataclass

from detente.dossiers.geodesy import gap_m, gap_min_m
from detente.dossiers.shapes import Band, Height, NamedArea, Quadrant, Shape


@dataclass(frozen=True, slots=True)
class Activity:
    """Where and when a notice applies: any of its shapes, from ``start_s`` until before ``end_s``.

    Times are UTC seconds; no end means until further notice, no band all heights.
    """

    shapes: tuple[Shape, ...]
    start_s: int
    end_s: int | None = None
    band: Band | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """When two activities meet. ``gap_m`` is None where their distance is not known.

    ``heights_known`` is False where the bands may be apart and nobody can tell.
    """

    start_s: int
    end_s: int | None
    gap_m: float | None
    heights_known: bool


def conflict(one: Activity, other: Activity, apart_m: float = 0.0) -> Conflict | None:
    """How two activities come within ``apart_m`` of one another, or None where they do not."""
    start_s = max(one.start_s, other.start_s)
    ends = [end_s for end_s in (one.end_s, other.end_s) if end_s is not None]
    end_s = min(ends, default=None)
    if end_s is not None and end_s <= start_s:
        return None
    heights = _heights_meet(one.band, other.band)
    if heights is False:
        return None
    gaps = [_gap_m(here, there, apart_m) for here in one.shapes for there in other.shapes]
    known = [gap for gap in gaps if gap is not None]
    nearest = min(known, default=None)
    if nearest is not None and nearest <= apart_m:
        return Conflict(start_s, end_s, nearest, heights is True)
    if len(known) < len(gaps):
        return Conflict(start_s, end_s, None, heights is True)
    return None


def _gap_m(one: Shape, other: Shape, apart_m: float) -> float | None:
    """The gap, or, where that is above ``apart_m`` already, less than it."""
    if isinstance(one, NamedArea | Quadrant) and str(one) == str(other):
        return 0.0
    least_m = gap_min_m(one, other)
    return least_m if least_m > apart_m else gap_m(one, other)


def _heights_meet(one: Band | None, other: Band | None) -> bool | None:
    """Whether two bands meet; None where their datums do not let it be known."""
    if one is None or other is None:
        return True
    below = _below(one.upper, other.lower), _below(other.upper, one.lower)
    if True in below:
        return False
    return None if None in below else True


def _below(upper: Height | None, lower: Height | None) -> bool | None:
    """Whether a band that ends at ``upper`` ends below one that begins at ``lower``."""
    if upper is None or lower is None:  # without limit, or from the surface
        return False
    if upper.datum is not lower.datum:
        return None
    return upper.amount.metres < lower.amount.metres
