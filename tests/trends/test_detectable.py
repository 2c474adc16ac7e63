"""The smallest change that would have been found."""

from __future__ import annotations

import numpy as np
import pytest

from detente.trends.detectable import detectable, detectables
from detente.trends.estimate import TooShortError, Window, changes, prepared

WEEKS, STARTS = 130, 104
ONES = np.ones(WEEKS)


def test_more_counts_find_smaller_changes():
    """A hundred a week show less than two a week do not."""
    rng = np.random.default_rng(1)
    many, few = (detectable(rng.poisson(rate, WEEKS), ONES, STARTS) for rate in (100, 2))
    assert 1 < many < 1.6 < few


def test_a_wilder_series_finds_only_larger_changes():
    """A level that wanders hides what a still one shows."""
    rng = np.random.default_rng(2)
    walk = np.exp(np.cumsum(0.25 * rng.normal(size=WEEKS)))
    still, wandering = (
        detectable(rng.poisson(30 * level), ONES, STARTS) for level in (ONES, walk / walk.mean())
    )
    assert wandering > 1.3 * still


def test_a_change_already_there_does_not_count_as_power():
    """A series that rose tenfold detects what it would have detected without the rise."""
    rng = np.random.default_rng(3)
    base, more = rng.poisson(20, WEEKS), rng.poisson(180, WEEKS)
    risen = base + np.where(np.arange(WEEKS) >= STARTS, more, 0)
    assert detectable(risen, ONES, STARTS) == pytest.approx(
        detectable(base, ONES, STARTS), rel=0.15
    )


def test_a_fall_is_harder_to_see_than_a_rise_where_counts_are_few():
    """Fewer counts after the date say less."""
    y = np.random.default_rng(4).poisson(2, WEEKS)
    assert detectable(y, ONES, STARTS, rises=False) > detectable(y, ONES, STARTS)


def test_nothing_counted_detects_nothing_in_reason():
    """A series of zeros has a finite answer, beyond a factor of a hundred."""
    assert 100 < detectable(np.zeros(WEEKS), ONES, STARTS) <= np.exp(12.0)


def test_rows_are_each_what_they_are_alone():
    """Many at once agree with one by one."""
    y = np.random.default_rng(5).poisson(10, (3, WEEKS))
    rows = prepared(list(y), [ONES] * 3, [Window(STARTS)] * 3)
    alone = [detectable(row, ONES, STARTS) for row in y]
    assert detectables(rows) == pytest.approx(alone, rel=1e-3)


def test_what_is_called_detectable_is_mostly_found():
    """Planted in 40 Poisson series, it is found by both models in 24 to 39."""
    rng = np.random.default_rng(6)
    y = rng.poisson(10, (40, WEEKS))
    windows = [Window(STARTS)] * 40
    factors = detectables(prepared(list(y), [ONES] * 40, windows))
    y[:, STARTS:] += rng.poisson(10 * (factors[:, None] - 1), (40, WEEKS - STARTS))
    both = [changes(list(y), [ONES] * 40, windows, model=model) for model in ("level", "ar1")]
    found = sum(one.ninety.low > 1 and twin.ninety.low > 1 for one, twin in zip(*both, strict=True))
    assert 24 <= found <= 39


def test_windows_too_short_have_none():
    """The same named error as the estimate's."""
    with pytest.raises(TooShortError):
        detectable(np.ones(20), np.ones(20), 18)
