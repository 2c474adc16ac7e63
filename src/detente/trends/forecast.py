"""What the coming weeks would hold if they are like the last ones: distributions, not points.

The last 52 weeks as they were are the benchmark, and hard to beat; an exponentially weighted mean
with a negative binomial follows a level that moves. Both are plain enough to be explained, and the
second is held against the first by ``make trends-check`` (forecast-crps).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import nbinom, poisson

from detente.core.errors import LocalError, Refusal
from detente.trends.laplace import Floats

LAST_WEEKS = 52
HISTORY_WEEKS_MIN = 26  # of data
SMOOTHING = 0.1  # weight of the newest week in the moving mean
_SAMPLES = 199


@dataclass(frozen=True, slots=True)
class Predictive:
    """The distribution of one coming week's count, as samples of equal weight, in order."""

    samples: Floats

    def bands(self) -> tuple[float, float, float, float, float]:
        """Quantiles 5, 25, 50, 75 and 95 %: counts that occur among the samples."""
        shares = np.quantile(self.samples, (0.05, 0.25, 0.5, 0.75, 0.95), method="inverted_cdf")
        low, half_low, middle, half_high, high = (float(each) for each in shares)
        return low, half_low, middle, half_high, high

    def tail(self, count: float) -> float:
        """The mid-p chance of so many or more: half of the weight at the count itself."""
        above = float((self.samples > count).mean())
        return above + float((self.samples == count).mean()) / 2


def last_year(y: ArrayLike, *, keep: ArrayLike | None = None) -> Predictive:
    """The last 52 weeks that have data, each as likely as the other, whichever week is asked for.

    LocalError USAGE with fewer than 26 weeks of data.
    """
    return Predictive(np.sort(history(y, keep)[-LAST_WEEKS:]))


def moving(y: ArrayLike, *, keep: ArrayLike | None = None, ahead: int = 1) -> Predictive:
    """An exponentially weighted mean, and the spread that such means had ``ahead`` weeks before.

    Negative binomial by the method of moments, Poisson where the past is no wider; errors as in
    ``last_year``.
    """
    past = history(y, keep)
    means = np.empty(len(past) + 1)
    means[0] = past[:LAST_WEEKS].mean()
    for week, count in enumerate(past):
        means[week + 1] = means[week] + SMOOTHING * (count - means[week])
    errors = past[ahead:] - means[1 : len(past) - ahead + 1]
    expected = means[1 : len(past) - ahead + 1][-2 * LAST_WEEKS :]
    spare = float((errors[-2 * LAST_WEEKS :] ** 2 - expected).mean())
    mean = max(float(means[-1]), 1e-3)
    shares = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    if spare <= 0:
        return Predictive(np.asarray(poisson.ppf(shares, mean), dtype=float))
    size = float((expected**2).mean()) / spare
    return Predictive(np.asarray(nbinom.ppf(shares, size, size / (size + mean)), dtype=float))


def history(y: ArrayLike, keep: ArrayLike | None) -> Floats:
    """The weeks that have data. LocalError USAGE with fewer than 26, or with what is no count."""
    counts = np.asarray(y, dtype=float)
    past = counts if keep is None else counts[np.asarray(keep, dtype=bool)]
    if len(past) < HISTORY_WEEKS_MIN:
        raise LocalError(
            Refusal.USAGE,
            f"{len(past)} weeks of data to forecast from: {HISTORY_WEEKS_MIN} at least",
        )
    if not np.isfinite(past).all() or (past < 0).any():
        raise LocalError(Refusal.USAGE, "a week that is kept and has no count")
    return past
