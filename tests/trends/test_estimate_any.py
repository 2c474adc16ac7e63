"""Any weekly counts whatever have an estimate of finite numbers, or a named error."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.trends.detectable import detectable
from detente.trends.estimate import change, fitted

WEEKS, STARTS = 20, 14
COUNTS = st.lists(
    st.one_of(st.integers(0, 3), st.integers(0, 10**9)), min_size=WEEKS, max_size=WEEKS
)
EXPOSURES = st.lists(st.floats(1e-6, 1e12), min_size=WEEKS, max_size=WEEKS)
MODELS = st.sampled_from(["level", "ar1"])


@settings(max_examples=30)
@given(COUNTS, EXPOSURES, MODELS)
def test_any_counts_out_of_anything_have_finite_numbers_in_order(y, exposure, model):
    """Noughts beside billions, exposures of a millionth beside a trillion: no nan among them."""
    found = change(y, exposure, STARTS, model=model)
    ends = (found.ninety.low, found.half.low, found.ratio, found.half.high, found.ninety.high)
    assert all(math.isfinite(each) and each > 0 for each in ends)
    assert list(ends) == sorted(ends)
    assert 0 <= found.p_up <= 1


@settings(max_examples=30)
@given(COUNTS, MODELS)
def test_any_counts_have_bands(y, model):
    """Every week's level and counterfactual is finite, and so is what would have been found."""
    found = fitted(y, np.ones(WEEKS), STARTS, model=model)
    for band in (found.level, found.counterfactual):
        assert np.isfinite([band.ninety_low, band.middle, band.ninety_high]).all()
    assert math.isfinite(detectable(y, np.ones(WEEKS), STARTS))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=20, max_size=20))
def test_any_parts_of_anything_have_odds(pairs):
    """Parts that are none or all of their whole have finite odds ratios."""
    part = [one for one, _ in pairs]
    whole = [one + other + 1 for one, other in pairs]
    found = change(part, whole, STARTS, family="odds")
    assert math.isfinite(found.ninety.high)
    assert 0 < found.ninety.low <= found.ratio <= found.ninety.high


@settings(max_examples=30)
@given(st.permutations(range(12)))
def test_the_order_of_weeks_matters_only_to_the_level(order):
    """Raw counts of both windows do not depend on the order within them."""
    y = np.array([*[3 * week for week in order], 0, 0, 0, 0, 5, 6, 7, 8])
    found = change(y, np.ones(WEEKS), STARTS)
    assert (found.before_count, found.after_count) == (198, 26)
