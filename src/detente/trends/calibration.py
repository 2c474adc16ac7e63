"""What the placebos say of the method itself: its own error, and estimates widened by it.

Schuemie et al. (2014, 2018): at placebos the truth is 1, so how far their estimates lie from it,
beyond their own intervals, is the method's error on this very data. Where that behaves worse than
what the method was tried on, it is seen and allowed for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm

from detente.core.errors import LocalError, Refusal
from detente.trends.estimate import Estimate, Interval

PLACEBOS_MIN = 10
_NINETY = 1.6449 * 2  # standard deviations between the ends of a Gaussian's 90 %


@dataclass(frozen=True, slots=True)
class Calibration:
    """The distribution of the method's error on the log scale, beside what intervals allow for."""

    bias: float  # its mean
    spread: float  # its standard deviation; 0: the intervals say enough
    covered: float  # share of placebos whose 90 % interval holds 1, before any repair
    n: int


def calibration(placebos: Sequence[Estimate]) -> Calibration:
    """Bias and spread by greatest likelihood. LocalError USAGE with fewer than ten placebos."""
    if len(placebos) < PLACEBOS_MIN:
        raise LocalError(
            Refusal.USAGE, f"{len(placebos)} placebos to calibrate by: {PLACEBOS_MIN} at least"
        )
    logs = np.log([each.ratio for each in placebos])
    own = np.array([_sd(each) for each in placebos]) ** 2

    def cost(at: np.ndarray) -> float:
        variance = own + at[1] ** 2
        return float((np.log(variance) + (logs - at[0]) ** 2 / variance).sum())

    starts = [np.array([logs.mean(), spread]) for spread in (0.0, float(logs.std()))]
    found = min(
        (minimize(cost, at, method="Nelder-Mead") for at in starts), key=lambda one: one.fun
    )
    hits = sum(each.ninety.low <= 1 <= each.ninety.high for each in placebos)
    bias, spread = (float(each) for each in found.x)
    return Calibration(bias, abs(spread), hits / len(placebos), len(placebos))


def calibrated(estimate: Estimate, by: Calibration) -> tuple[float, Interval]:
    """The two-sided p and the 90 % interval of an estimate, with the method's error allowed for."""
    log = math.log(estimate.ratio) - by.bias
    sd = math.hypot(_sd(estimate), by.spread)
    p = 2 * float(norm.sf(abs(log) / sd))
    reach = _NINETY / 2 * sd
    return p, Interval(math.exp(log - reach), math.exp(log + reach))


def _sd(estimate: Estimate) -> float:
    return math.log(estimate.ninety.high / estimate.ninety.low) / _NINETY
