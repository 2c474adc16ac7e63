"""Alarms at a rate that was seen, not promised."""

from __future__ import annotations

import numpy as np
import pytest

from detente.core.errors import LocalError
from detente.trends.alarms import Threshold, calibrated, tails


def test_the_threshold_fires_at_the_stated_rate_on_the_placebos():
    """Of 1000 tails between 0 and 1 the threshold for 3 % takes 30."""
    known = (np.arange(1000) + 1) / 1000
    found = calibrated(known, 0.03)
    assert found == Threshold(0.03, 0.03, 1000)
    assert sum(found.fires(each) for each in known) == 30


def test_ties_make_the_rate_what_it_is():
    """Where many weeks share a tail, the rate that is printed is that of all of them."""
    found = calibrated([0.01] * 30 + [0.5] * 970, 0.02)
    assert (found.tail, found.rate) == (0.01, 0.03)


def test_alarms_on_other_series_come_at_about_the_rate():
    """Thresholds of overdispersed series, where theory promises too much, hold on others."""
    y = np.random.default_rng(1).negative_binomial(3, 3 / 13, (60, 156))
    known = [tail for row in y[:30] for _, tail in tails(row)]
    threshold = calibrated(known, 0.02)
    seen = [threshold.fires(tail) for row in y[30:] for _, tail in tails(row)]
    assert 0.01 <= np.mean(seen) <= 0.03


def test_tails_begin_after_a_year_and_skip_weeks_without_data():
    """Week 52 is the first, a missing one has none, and a spike has a tail of 0."""
    y = np.ones(60)
    y[57] = 100
    keep = np.ones(60, bool)
    keep[55] = False
    found = dict(tails(y, keep=keep))
    assert sorted(found) == [52, 53, 54, 56, 57, 58, 59]
    assert found[57] == 0.0
    assert found[56] == 0.5


def test_a_series_without_a_past_has_no_tails():
    """Half a year of data before a week is the least."""
    keep = np.zeros(60, bool)
    keep[40:] = True
    assert tails(np.ones(60), keep=keep) == ()


@pytest.mark.parametrize(("n", "rate"), [(100, 0.01), (0, 0.05), (1000, 0.0), (1000, 1.0)])
def test_a_rate_that_the_placebos_cannot_show_is_refused(n, rate):
    """Fewer than five that fire make no threshold."""
    with pytest.raises(LocalError):
        calibrated([0.5] * n, rate)
