"""The change after a date: its median, its intervals and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detente.core.errors import LocalError, Refusal
from detente.trends.estimate import TooShortError, Window, change, changes, fitted, two_sided

WEEKS, STARTS = 130, 104
ONES = np.ones(WEEKS)
MODELS = pytest.mark.parametrize("model", ["level", "ar1"])


def poisson(seed: int, *, rate: float = 20.0, factor: float = 1.0) -> np.ndarray:
    """Counts with one rate, times ``factor`` after the date."""
    rates = np.where(np.arange(WEEKS) < STARTS, rate, rate * factor)
    return np.random.default_rng(seed).poisson(rates)


@MODELS
def test_a_planted_doubling_lies_in_the_interval_and_none_does_not(model):
    """A factor of 2 in Poisson counts is found close to 2, and 1 lies outside its 90 %."""
    found = change(poisson(1, factor=2.0), ONES, STARTS, model=model)
    assert found.ninety.low < 2.0 < found.ninety.high
    assert found.ninety.low > 1.2
    assert abs(math.log(found.ratio / 2.0)) < 0.2
    assert found.p_up > 0.99


@MODELS
def test_intervals_are_nested_and_hold_the_median(model):
    """5, 25, 50, 75 and 95 % stand in order."""
    found = change(poisson(2), ONES, STARTS, model=model)
    quantiles = [found.ninety.low, found.half.low, found.ratio, found.half.high, found.ninety.high]
    assert quantiles == sorted(quantiles)


def test_the_weeks_of_transition_are_in_neither_window():
    """Two weeks on both sides of the date are left out of counts and estimate."""
    y = poisson(3)
    wild = y.copy()
    wild[STARTS - 2 : STARTS + 2] = 10_000
    found = change(wild, ONES, STARTS)
    assert found == change(y, ONES, STARTS)
    assert (found.before_weeks, found.after_weeks) == (102, 24)
    assert found.before_count == y[:102].sum()
    assert found.after_count == y[106:].sum()


def test_weeks_without_data_say_nothing_whatever_stands_in_them():
    """A missing week is neither zero nor imputed: nan in it changes nothing."""
    y = poisson(4).astype(float)
    keep = np.ones(WEEKS, bool)
    keep[[10, 50, 120]] = False
    empty = y.copy()
    empty[~keep] = np.nan
    wild = y.copy()
    wild[~keep] = 9_999
    assert change(empty, ONES, STARTS, keep=keep) == change(wild, ONES, STARTS, keep=keep)
    assert change(y, ONES, STARTS, keep=keep).before_weeks == 100


def test_a_week_without_exposure_is_a_week_without_data():
    """Nothing counted out of nothing is no zero."""
    y, exposure = poisson(5), ONES.copy()
    y[7] = 0
    exposure[7] = 0.0
    keep = np.arange(WEEKS) != 7
    assert change(y, exposure, STARTS) == change(y, ONES, STARTS, keep=keep)


def test_the_ratio_does_not_depend_on_the_unit_of_exposure():
    """A thousand times the exposure in every week leaves the ratio where it was."""
    y = poisson(6, factor=1.5)
    one, other = change(y, ONES, STARTS), change(y, ONES * 1000, STARTS)
    assert one.ratio == pytest.approx(other.ratio, rel=1e-5)
    assert one.ninety.low == pytest.approx(other.ninety.low, rel=1e-4)


def test_growth_of_the_exposure_is_no_change():
    """Counts that double because twice as much is counted have a ratio near 1."""
    exposure = np.where(np.arange(WEEKS) < STARTS, 1.0, 2.0)
    found = change(poisson(7, factor=2.0), exposure, STARTS)
    assert found.ninety.low < 1 < found.ninety.high


@MODELS
@pytest.mark.parametrize("count", [0, 1, 5_000_000_000])
def test_zero_one_and_huge_counts_give_finite_numbers(model, count):
    """A series of zeros, of ones and of billions has finite intervals, and cannot have moved."""
    found = change(np.full(WEEKS, count), ONES, STARTS, model=model)
    numbers = (found.ratio, found.ninety.low, found.ninety.high, found.half.low, found.p_up)
    assert all(math.isfinite(each) and each > 0 for each in numbers)
    assert found.ninety.low < 1 < found.ninety.high


def test_a_series_of_zeros_is_very_wide():
    """Where nothing was ever counted the interval spans factors of a thousand and more."""
    found = change(np.zeros(WEEKS), ONES, STARTS)
    assert found.ninety.high / found.ninety.low > 1e3


def test_one_spike_in_one_week_is_no_change():
    """A single week of a hundred times the usual is noise of one week, not a level."""
    y = poisson(8)
    y[115] = 2000
    found = change(y, ONES, STARTS)
    assert found.ninety.low < 1 < found.ninety.high


@pytest.mark.parametrize(("starts", "weeks"), [(5, 130), (128, 130), (104, 105), (13, 130)])
def test_a_window_too_short_is_named(starts, weeks):
    """Too few weeks on a side, down to windows of one week, are TooShortError with both counts."""
    with pytest.raises(TooShortError) as caught:
        change(np.ones(weeks), np.ones(weeks), starts)
    assert caught.value.refusal is Refusal.USAGE
    assert set(caught.value.facts) == {"before_weeks", "after_weeks"}


def test_a_series_with_no_week_of_data_is_too_short():
    """All weeks missing is an error with its name, and no nan."""
    with pytest.raises(TooShortError):
        change(np.full(WEEKS, np.nan), ONES, STARTS, keep=np.zeros(WEEKS, bool))


@pytest.mark.parametrize(
    ("y", "exposure", "more"),
    [
        (np.ones(10), np.ones(11), {}),
        (np.full(WEEKS, np.nan), ONES, {}),
        (np.full(WEEKS, -1.0), ONES, {}),
        (np.ones(WEEKS), np.zeros(WEEKS), {}),
        (np.ones(WEEKS), ONES, {"model": "arima"}),
        (np.ones(WEEKS), ONES, {"family": "share"}),
        (np.full(WEEKS, 2.0), ONES, {"family": "odds"}),
        (np.ones((2, WEEKS)), ONES, {}),
    ],
)
def test_what_are_no_weekly_counts_are_refused(y, exposure, more):
    """Unlike lengths, numbers that are none, negatives and unknown names are LocalError USAGE."""
    with pytest.raises(LocalError) as caught:
        change(y, exposure, STARTS, **more)
    assert caught.value.refusal is Refusal.USAGE


def test_many_rows_at_once_are_each_what_they_are_alone():
    """Rows share a factorisation and nothing else, whatever their windows."""
    rows = [poisson(9), poisson(10, factor=3.0)]
    together = changes(rows, [ONES, ONES], [Window(104), Window(60, 0, 90)])
    assert together[0].ratio == pytest.approx(change(rows[0], ONES, 104).ratio, rel=1e-4)
    alone = change(rows[1][:90], ONES[:90], 60)
    assert together[1].ratio == pytest.approx(alone.ratio, rel=0.02)
    assert together[1].after_weeks == 28


def test_odds_are_of_the_part_in_the_whole():
    """A share that goes from a fifth to a half has odds four times as large."""
    rng = np.random.default_rng(11)
    whole = np.full(WEEKS, 200)
    part = rng.binomial(whole, np.where(np.arange(WEEKS) < STARTS, 0.2, 0.5))
    found = change(part, whole, STARTS, family="odds")
    assert found.ninety.low < 4.0 < found.ninety.high
    assert found.ratio == pytest.approx(4.0, rel=0.2)


@MODELS
def test_bands_follow_the_level_and_the_counterfactual_stays(model):
    """After a doubling the level is near 40 and the level without the step near 20."""
    found = fitted(poisson(12, factor=2.0), ONES, STARTS, model=model)
    assert len(found.level.middle) == WEEKS
    assert np.mean(found.level.middle[106:]) == pytest.approx(40, rel=0.15)
    assert np.mean(found.counterfactual.middle[106:]) == pytest.approx(20, rel=0.2)
    assert found.level.middle[:STARTS] == found.counterfactual.middle[:STARTS]
    for band in (found.level, found.counterfactual):
        assert (np.diff([band.ninety_low, band.half_low, band.middle], axis=0) > 0).all()
        assert (np.diff([band.middle, band.half_high, band.ninety_high], axis=0) > 0).all()


def test_a_counterfactual_grows_uncertain_with_time():
    """The band of the level that would have been is wider at the end than at the date."""
    band = fitted(poisson(13), ONES, STARTS).counterfactual
    widths = np.log(band.ninety_high) - np.log(band.ninety_low)
    assert widths[-1] > widths[50]


def test_bands_of_odds_are_shares():
    """Levels of a part of a whole stay between 0 and 1."""
    whole = np.full(WEEKS, 50)
    part = np.random.default_rng(14).binomial(whole, 0.9)
    band = fitted(part, whole, STARTS, family="odds").level
    assert 0.8 < min(band.middle) < max(band.ninety_high) < 1


@pytest.mark.parametrize(("up", "p"), [(0.5, 1.0), (0.975, 0.05), (0.025, 0.05)])
def test_two_sided_p_is_twice_the_smaller_tail(up, p):
    """P(up) of .975 and .025 are both .05."""
    found = change(poisson(15), ONES, STARTS)
    assert two_sided(type(found)(*_with(found, up))) == pytest.approx(p)


def _with(found, up):
    fields = [getattr(found, name) for name in found.__dataclass_fields__]
    fields[3] = up
    return fields


def test_the_same_input_gives_the_same_numbers():
    """No chance and no clock: two runs are equal to the last bit."""
    y = poisson(16)
    assert change(y, ONES, STARTS) == change(y, ONES, STARTS)
    assert fitted(y, ONES, STARTS) == fitted(y, ONES, STARTS)
