"""The rehearsal on the user's own series."""

from __future__ import annotations

import numpy as np
import pytest

from detente.trends.estimate import TooShortError
from detente.trends.selftest import planted, selftest


def some(rows: int, weeks: int = 128) -> dict:
    """Overdispersed series in which nothing happens."""
    y = np.random.default_rng(1).negative_binomial(8, 8 / 28, (rows, weeks))
    return {f"dyad {row}": (y[row], np.ones(weeks), None) for row in range(rows)}


def test_known_changes_are_covered_and_nothing_is_rarely_called_one():
    """Nothing, ×1.5 and ×0.5 in 24 rehearsals: coverage, few false alarms, little bias."""
    told = []
    found = selftest(some(6), plan="a", progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert (found.series, found.dates, found.too_short) == (6, 24, ())
    assert [row.factor for row in found.rows] == [1.0, 1.5, 0.5]
    nothing, rise, fall = found.rows
    assert nothing.moved <= 0.25
    assert nothing.moved_low <= nothing.moved <= nothing.moved_high
    assert min(nothing.covered, rise.covered, fall.covered) >= 0.75
    assert max(abs(row.bias) for row in found.rows) < 0.2
    assert fall.moved > nothing.moved
    assert nothing.width > 1


def test_the_same_plan_plants_the_same():
    """Chance follows from the plan's hash alone."""

    def rise(plan: str):
        return selftest(some(1, 112), plan=plan, factors=(1.5,))

    assert rise("a") == rise("a")
    assert rise("a") != rise("b")


def test_series_too_short_are_named_and_none_at_all_is_an_error():
    """A series with no room for a rehearsal is listed; if all are, TooShortError."""
    short = {"short": (np.ones(50), np.ones(50), None)}
    found = selftest(some(1) | short, plan="a", factors=(1.0,))
    assert (found.too_short, found.series) == (("short",), 1)
    for none in (short, {}):
        with pytest.raises(TooShortError):
            selftest(none, plan="a")


def test_rehearsals_in_a_hole_of_the_data_are_left_out():
    """Dates whose windows have too few weeks of data are none."""
    series = some(1)
    y, exposure, _ = series["dyad 0"]
    keep = np.ones(128, bool)
    keep[105:] = False
    found = selftest({"a": (y, exposure, keep)}, plan="a", factors=(1.0,))
    assert 0 < found.dates < 4


@pytest.mark.parametrize("factor", [1.0, 1.5, 0.5, 3.0])
def test_what_is_planted_has_the_factor_and_leaves_what_was_before(factor):
    """Sums after the date grow by the factor, weeks before and weeks unknown stay."""
    y = np.random.default_rng(2).poisson(200, 60).astype(float)
    y[50] = np.nan
    found = planted(y, 30, factor, np.random.default_rng(3))
    assert (found[:30] == y[:30]).all()
    assert np.isnan(found[50])
    assert np.nansum(found[30:]) / np.nansum(y[30:]) == pytest.approx(factor, rel=0.06)
