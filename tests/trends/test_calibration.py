"""The method's own error, from placebos."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detente.core.errors import LocalError
from detente.trends.calibration import Calibration, calibrated, calibration
from detente.trends.estimate import Estimate, Interval

SD = 0.2


def estimate(log: float, sd: float = SD) -> Estimate:
    """An estimate that is Gaussian on the log scale."""
    half = Interval(math.exp(log - 0.6745 * sd), math.exp(log + 0.6745 * sd))
    ninety = Interval(math.exp(log - 1.6449 * sd), math.exp(log + 1.6449 * sd))
    return Estimate(math.exp(log), half, ninety, 0.5, 100, 100, 78, 26)


def placebos(bias: float, spread: float, n: int = 400) -> list[Estimate]:
    """Estimates of nothing by a method that errs."""
    rng = np.random.default_rng(2)
    return [estimate(bias + math.hypot(spread, SD) * error) for error in rng.normal(size=n)]


def test_a_method_without_error_has_none():
    """Placebos as far off as their intervals allow: no spread, nine in ten cover."""
    found = calibration(placebos(0.0, 0.0))
    assert abs(found.bias) < 0.03
    assert found.spread < 0.06
    assert 0.86 < found.covered < 0.94
    assert found.n == 400


def test_bias_and_spread_are_found():
    """An error of mean .3 and spread .4 beyond the intervals is found within a few hundredths."""
    found = calibration(placebos(0.3, 0.4))
    assert found.bias == pytest.approx(0.3, abs=0.05)
    assert found.spread == pytest.approx(0.4, abs=0.05)
    assert found.covered < 0.7


def test_intervals_widened_by_the_error_cover_again():
    """Half of the placebos calibrate; nine in ten widened intervals of the other half hold 1."""
    made = placebos(0.3, 0.4, 800)
    by = calibration(made[:400])
    widened = [calibrated(each, by) for each in made[400:]]
    assert 0.85 < np.mean([low.low <= 1 <= low.high for _, low in widened]) < 0.95
    assert 0.02 < np.mean([p < 0.05 for p, _ in widened]) < 0.09


def test_without_error_an_estimate_stays_as_it_is():
    """Nothing to repair changes nothing: p of 1.6449 standard deviations is .1."""
    p, interval = calibrated(estimate(1.6449 * SD), Calibration(0.0, 0.0, 0.9, 50))
    assert p == pytest.approx(0.1, abs=1e-4)
    assert interval.low == pytest.approx(1.0, abs=1e-4)


def test_too_few_placebos_calibrate_nothing():
    """Nine are refused by name."""
    with pytest.raises(LocalError):
        calibration(placebos(0.0, 0.0, 9))
