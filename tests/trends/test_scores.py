"""Scores of forecasts, against exact values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from detente.core.errors import LocalError
from detente.trends.scores import brier, crps, inside, reliability

COUNTS = st.lists(st.integers(0, 500), min_size=1, max_size=40)


def exact_nb(size: float, mean: float, came: int) -> float:
    """CRPS of a negative binomial: the sum of squared distances of distribution functions."""
    counts = np.arange(5000)
    steps = nbinom.cdf(counts, size, size / (size + mean)) - (counts >= came)
    return float((steps**2).sum())


@pytest.mark.parametrize("came", [0, 7, 20, 75])
def test_crps_of_fine_quantiles_is_that_of_the_negative_binomial(came):
    """4999 quantiles of a negative binomial score as its distribution function does."""
    shares = (np.arange(4999) + 0.5) / 4999
    samples = nbinom.ppf(shares, 8, 8 / 28)
    assert crps(samples, came) == pytest.approx(exact_nb(8, 20, came), rel=2e-3)


@given(COUNTS, st.integers(0, 600))
def test_crps_is_the_area_between_step_functions(samples, came):
    """It is the integral of (F(x) - [x >= came])^2, whatever the samples."""
    counts = np.arange(601)
    steps = np.array([np.mean(np.array(samples) <= each) for each in counts]) - (counts >= came)
    assert crps(samples, came) == pytest.approx(float((steps**2).sum()), abs=1e-6)


def test_crps_of_one_sample_is_its_distance():
    """A forecast that is sure pays by how far off it is."""
    assert crps([3.0], 10.0) == 7.0
    assert crps([3.0], 3.0) == 0.0


def test_crps_does_not_ask_for_order():
    """Samples in any order score the same."""
    assert crps([5, 1, 9], 4) == crps([1, 5, 9], 4)


def test_brier_is_the_mean_square():
    """Sure and right is 0, sure and wrong 1, a half always a quarter."""
    assert brier([1.0, 0.0], [1, 0]) == 0.0
    assert brier([1.0, 0.0], [0, 1]) == 1.0
    assert brier([0.5, 0.5], [0, 1]) == 0.25


def test_reliability_says_what_was_said_and_what_came():
    """Forecasts of a tenth are together; a chance of 1 is in the last."""
    found = reliability([0.12, 0.18, 0.95, 1.0, 1.0], [0, 1, 1, 1, 0])
    assert [(each.low, each.high, each.n) for each in found] == [(0.1, 0.2, 2), (0.9, 1.0, 3)]
    assert found[0].said == pytest.approx(0.15)
    assert found[0].came == 0.5
    assert found[1].came == pytest.approx(2 / 3)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_every_forecast_is_in_one_bin_of_reliability(pairs):
    """Nothing is left out of the table, and what was said lies in its bin."""
    found = reliability([said for said, _ in pairs], [float(came) for _, came in pairs])
    assert sum(each.n for each in found) == len(pairs)
    assert all(each.low - 1e-9 <= each.said <= each.high + 1e-9 for each in found)


def test_a_count_inside_or_outside_is_whole_and_one_at_the_end_in_part():
    """Of 1 to 10 the middle 80 % holds 2 to 9; of the middle 70 % half of 2 and of 9."""
    samples = np.arange(1, 11)
    assert [inside(samples, each, 0.8) for each in (0, 1, 2, 9, 10, 11)] == pytest.approx(
        [0, 0, 1, 1, 0, 0]
    )
    assert [inside(samples, each, 0.7) for each in (2, 5, 9)] == pytest.approx([0.5, 1, 0.5])
    assert inside(samples, 5.5, 0.7) == 1.0


@given(COUNTS, st.floats(0.05, 0.99))
def test_the_samples_themselves_are_inside_as_often_as_is_said(samples, share):
    """However few the counts, the forecast's own samples lie inside by exactly the share."""
    assert np.mean([inside(samples, each, share) for each in samples]) == pytest.approx(share)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: crps([], 1),
        lambda: brier([], []),
        lambda: brier([0.5], [1, 0]),
        lambda: brier([1.5], [1]),
        lambda: reliability([0.5], [0.5]),
        lambda: inside([], 1, 0.9),
    ],
)
def test_scores_of_nothing_and_of_what_is_no_chance_are_refused(wrong):
    """Emptiness is an error and no nan."""
    with pytest.raises(LocalError):
        wrong()
