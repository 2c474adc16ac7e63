"""How good forecasts were, once the weeks have come: CRPS, Brier, reliability.

Lower is better for both scores. CRPS is in the unit of the count; of one sample it is the distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detente.core.errors import LocalError, Refusal

_BINS = 10


@dataclass(frozen=True, slots=True)
class Reliability:
    """Forecasts that said about the same, and how often it came."""

    low: float  # the bin: low <= said < high; the last includes 1
    high: float
    n: int
    said: float  # mean chance given
    came: float  # share of them that came


def crps(samples: ArrayLike, came: float) -> float:
    """E|X - came| - E|X - X'|/2 of the samples' own distribution (Gneiting and Raftery 2007)."""
    x = np.sort(np.asarray(samples, dtype=float))
    if not len(x):
        raise LocalError(Refusal.USAGE, "a forecast without samples")
    spread = (2 * np.arange(1, len(x) + 1) - len(x) - 1) @ x / len(x) ** 2
    return float(np.abs(x - came).mean() - spread)


def brier(chances: ArrayLike, came: ArrayLike) -> float:
    """The mean squared distance of chances from what came, 0 or 1."""
    said, outcome = _pairs(chances, came)
    return float(((said - outcome) ** 2).mean())


def reliability(chances: ArrayLike, came: ArrayLike) -> tuple[Reliability, ...]:
    """The bins of a tenth that hold any forecast, in order."""
    said, outcome = _pairs(chances, came)
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    return tuple(
        Reliability(
            low=number / _BINS,
            high=(number + 1) / _BINS,
            n=int((bins == number).sum()),
            said=float(said[bins == number].mean()),
            came=float(outcome[bins == number].mean()),
        )
        for number in sorted(set(bins.tolist()))
    )


def inside(samples: ArrayLike, came: float, share: float) -> float:
    """How much of a count lies in the middle ``share`` of its forecast: 1, 0, or a part.

    Where counts are few a band that ends on whole counts holds more than it says, so the count at
    its end is in it only by the part that the share still needs (Czado, Gneiting, Held 2009).
    """
    x = np.asarray(samples, dtype=float)
    if not len(x):
        raise LocalError(Refusal.USAGE, "a forecast without samples")
    below, up_to = float((x < came).mean()), float((x <= came).mean())
    low, high = (1 - share) / 2, (1 + share) / 2
    if up_to == below:
        return float(low <= below <= high)
    return max(0.0, min(up_to, high) - max(below, low)) / (up_to - below)


def _pairs(chances: ArrayLike, came: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    said, outcome = np.asarray(chances, dtype=float), np.asarray(came, dtype=float)
    if not said.size or said.shape != outcome.shape:
        raise LocalError(Refusal.USAGE, f"{said.size} chances beside {outcome.size} outcomes")
    if (said < 0).any() or (said > 1).any() or not np.isin(outcome, (0.0, 1.0)).all():
        raise LocalError(Refusal.USAGE, "a chance outside 0 to 1, or an outcome neither 0 nor 1")
    return said, outcome
