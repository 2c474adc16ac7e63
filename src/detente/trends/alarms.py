"""When a week stands out: thresholds from weeks in which nothing was planted, never from theory.

Weeks of events have fatter tails than forecasts of them, so the tail of a forecast alone promises
too much. What is stated is the rate at which placebo weeks fire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detente.core.errors import LocalError, Refusal
from detente.trends.forecast import HISTORY_WEEKS_MIN, LAST_WEEKS, Predictive

_FIRED_MIN = 5  # placebo weeks beyond a threshold; with fewer its rate is a guess


@dataclass(frozen=True, slots=True)
class Threshold:
    """The tail below which a week is an alarm, and what that was seen to mean."""

    tail: float  # mid-p of the week's count, see forecast.Predictive.tail
    rate: float  # share of placebo weeks that fire
    weeks: int  # placebo weeks looked at

    def fires(self, tail: float) -> bool:
        """Whether a week with this tail is an alarm."""
        return tail <= self.tail


def tails(y: ArrayLike, *, keep: ArrayLike | None = None) -> tuple[tuple[int, float], ...]:
    """Every week after the first year, with the tail of its count in the 52 weeks before it.

    Indexes into ``y`` and mid-p of so many or more; weeks without data are passed over. Empty for a
    series with less than half a year of data before any week.
    """
    counts = np.asarray(y, dtype=float)
    kept = np.ones(len(counts), bool) if keep is None else np.asarray(keep, dtype=bool)
    found = []
    for week in np.flatnonzero(kept):
        past = counts[:week][kept[:week]][-LAST_WEEKS:]
        if len(past) >= HISTORY_WEEKS_MIN and week >= LAST_WEEKS:
            found.append((int(week), Predictive(past).tail(float(counts[week]))))
    return tuple(found)


def calibrated(placebo_tails: Sequence[float], rate: float) -> Threshold:
    """The threshold at which the share of placebo weeks that fire is nearest to ``rate``.

    LocalError USAGE for a rate so small that fewer than five of them would fire.
    """
    known = np.sort(np.asarray(placebo_tails, dtype=float))
    if not 0 < rate < 1 or len(known) * rate < _FIRED_MIN:
        raise LocalError(
            Refusal.USAGE,
            f"{len(known)} placebo weeks cannot show a rate of {rate}: {_FIRED_MIN} have to fire",
        )
    levels = np.unique(known)
    shares = np.searchsorted(known, levels, side="right") / len(known)
    best = int(np.abs(shares - rate).argmin())
    return Threshold(float(levels[best]), float(shares[best]), len(known))
