"""Dates and dyads at which nothing happened."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.trends.estimate import Window, change
from detente.trends.placebo import in_space, in_time, rank, windows_before

WEEKS, STARTS = 130, 104
ONES = np.ones(WEEKS)
RATIOS = st.floats(0.01, 100)


@given(RATIOS, st.lists(RATIOS, max_size=40))
def test_the_rank_p_is_one_more_over_one_more_and_never_zero(ratio, placebos):
    """p = (1 + those as far) / (N + 1), within 1/(N + 1) and 1."""
    found = rank(ratio, placebos)
    far = sum(abs(np.log(each)) >= abs(np.log(ratio)) - 1e-9 for each in placebos)
    assert found.p == (1 + far) / (len(placebos) + 1)
    assert 0 < found.smallest_p <= found.p <= 1
    assert found.n == len(found.estimates) == len(placebos)


def test_falls_are_as_far_as_rises():
    """A placebo that halved is as far from 1 as a change that doubled."""
    assert rank(2.0, [0.5, 1.5, 1.0]).p == 0.5
    assert rank(0.5, [2.0, 1.5, 1.0]).p == 0.5


def test_windows_end_before_the_transition_and_are_as_long_as_the_real_one():
    """No placebo's window reaches into the real date's weeks."""
    found = windows_before(WEEKS, STARTS)
    assert found[0] == Window(28, 0, 54)
    assert found[-1] == Window(76, 0, 102)
    assert {each.end - each.starts for each in found} == {26}
    assert windows_before(WEEKS, STARTS, every=10)[-1] == found[-1]
    assert len(windows_before(WEEKS, STARTS, every=10)) == 5


def test_a_real_jump_is_the_farthest_of_all():
    """A factor of 3 planted at the date has the smallest p that there is."""
    rates = np.where(np.arange(WEEKS) < STARTS, 20, 60)
    y = np.random.default_rng(1).poisson(rates)
    found = in_time(y, ONES, STARTS, change(y, ONES, STARTS).ratio, every=4)
    assert found.n == 13
    assert found.p == found.smallest_p == 1 / 14


def test_what_comes_after_the_date_is_in_no_placebo():
    """The weeks of the real change do not reach its placebos."""
    y = np.random.default_rng(2).poisson(20, WEEKS)
    wild = y.copy()
    wild[102:] = 5000
    first = in_time(y, ONES, STARTS, 1.5, every=8).estimates
    assert in_time(wild, ONES, STARTS, 1.5, every=8).estimates == pytest.approx(first, rel=1e-3)


def test_without_a_history_there_is_no_placebo_and_p_is_one():
    """A date too early has none, and says so by N."""
    found = in_time(np.ones(60), np.ones(60), 34, 2.0)
    assert (found.n, found.p, found.smallest_p, found.estimates) == (0, 1.0, 1.0, ())


def test_dates_in_a_hole_of_the_data_are_no_placebos():
    """A window with too few weeks of data is left out, not filled."""
    y = np.random.default_rng(3).poisson(20, WEEKS)
    keep = np.ones(WEEKS, bool)
    keep[30:60] = False
    assert in_time(y, ONES, STARTS, 2.0, keep=keep).n < in_time(y, ONES, STARTS, 2.0).n


def test_other_dyads_at_the_same_date_are_placebos():
    """Eight still dyads beside a change of 4: the smallest p; one with no data is left out."""
    rng = np.random.default_rng(4)
    others = [(rng.poisson(20, WEEKS), ONES, None) for _ in range(8)]
    empty = (np.zeros(WEEKS), ONES, np.zeros(WEEKS, bool))
    found = in_space([*others, empty], STARTS, 4.0)
    assert (found.n, found.p) == (8, 1 / 9)
    assert in_space([empty], STARTS, 4.0).n == 0
