"""Forecasts of the coming weeks."""

from __future__ import annotations

import numpy as np
import pytest

from detente.core.errors import LocalError
from detente.trends.forecast import Predictive, last_year, moving


def test_the_last_year_is_the_last_52_weeks_that_have_data():
    """Weeks without data are passed over, older ones forgotten."""
    y = np.arange(100.0)
    keep = np.ones(100, bool)
    keep[99] = False
    assert last_year(y).samples.tolist() == list(range(48, 100))
    assert last_year(y, keep=keep).samples.tolist() == list(range(47, 99))


def test_bands_are_counts_in_order():
    """Five quantiles of the samples, each a count that occurs."""
    bands = last_year(np.arange(52.0)).bands()
    assert bands == (2.0, 12.0, 25.0, 38.0, 49.0)


def test_the_tail_gives_half_to_the_count_itself():
    """Of four samples 1, 2, 2, 3: at least 2 has mid-p 1/4 + 1/4."""
    predictive = Predictive(np.array([1.0, 2, 2, 3]))
    assert predictive.tail(2) == 0.5
    assert predictive.tail(0) == 1.0
    assert predictive.tail(9) == 0.0


def test_the_moving_mean_follows_what_is_new():
    """After a year at 50 that came after years at 5, the middle is near 50."""
    rng = np.random.default_rng(1)
    y = np.concatenate([rng.poisson(5, 104), rng.poisson(50, 52)])
    assert 42 < moving(y).bands()[2] < 58


@pytest.mark.parametrize("ahead", [1, 8])
def test_the_band_of_poisson_weeks_covers_about_nine_in_ten(ahead):
    """Over 200 series the 90 % band holds 86 to 97 % of the weeks."""
    y = np.random.default_rng(2).poisson(20, (200, 112))
    bands = [moving(row[:104], ahead=ahead).bands() for row in y]
    hits = [low <= row[103 + ahead] <= high for (low, *_, high), row in zip(bands, y, strict=True)]
    assert 0.86 <= np.mean(hits) <= 0.97


def test_overdispersed_weeks_have_wider_bands():
    """The same mean with negative binomial weeks is forecast less sharply."""
    rng = np.random.default_rng(3)
    calm, wild = moving(rng.poisson(20, 156)), moving(rng.negative_binomial(3, 3 / 23, 156))
    assert wild.bands()[4] - wild.bands()[0] > 1.5 * (calm.bands()[4] - calm.bands()[0])


def test_a_series_of_zeros_is_forecast_as_zeros():
    """Nothing for two years: nothing next week, without a nan."""
    assert moving(np.zeros(104)).bands() == (0, 0, 0, 0, 0)
    assert last_year(np.zeros(104)).bands() == (0, 0, 0, 0, 0)


def test_huge_counts_are_forecast():
    """A billion a week stays finite and close."""
    low, _, _, _, high = moving(np.random.default_rng(4).poisson(1e9, 104)).bands()
    assert 0.9e9 < low < high < 1.1e9


@pytest.mark.parametrize("make", [last_year, moving])
@pytest.mark.parametrize(
    "y", [np.ones(25), np.full(60, np.nan), np.full(60, -1.0), np.full(60, np.inf)]
)
def test_too_short_a_past_and_what_are_no_counts_are_refused(make, y):
    """Less than half a year, or a week without a number, is an error and no forecast."""
    with pytest.raises(LocalError):
        make(y)
