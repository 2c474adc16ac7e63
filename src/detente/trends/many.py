"""Many cells looked at once: what is left of their p-values.

Holm (1979) bounds the chance of any false one; Benjamini and Hochberg (1995) bound the expected
share of false ones among those named. Both return adjusted p-values in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.errors import LocalError, Refusal

HOLM_CELLS_MAX = 20  # a family up to here is held by Holm, a larger one by Benjamini-Hochberg


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Adjusted so that the chance of any false rejection is bounded. LocalError USAGE: no p."""
    order = _order(ps)
    found = [0.0] * len(ps)
    highest = 0.0
    for place, cell in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[cell]))
        found[cell] = highest
    return tuple(found)


def bh(ps: Sequence[float]) -> tuple[float, ...]:
    """Benjamini and Hochberg's: the share of false rejections is bounded. Errors as in ``holm``."""
    order = _order(ps)
    found = [0.0] * len(ps)
    lowest = 1.0
    for place in range(len(ps) - 1, -1, -1):
        lowest = min(lowest, ps[order[place]] * len(ps) / (place + 1))
        found[order[place]] = lowest
    return tuple(found)


def adjusted(ps: Sequence[float]) -> tuple[str, tuple[float, ...]]:
    """The name of the method that a family of this size gets, and its adjusted p-values."""
    if len(ps) <= HOLM_CELLS_MAX:
        return "Holm", holm(ps)
    return "Benjamini-Hochberg", bh(ps)


def by_chance(cells: int, rate: float) -> float:
    """How many of so many cells would be named with nothing there, at this rate of false alarms."""
    return cells * rate


def _order(ps: Sequence[float]) -> list[int]:
    for p in ps:
        if not 0 <= p <= 1:
            raise LocalError(Refusal.USAGE, f"{p} is no p-value")
    return sorted(range(len(ps)), key=lambda cell: ps[cell])
