"""Shares, counts and waits, against scipy and against what is known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, binomtest, ecdf

from detente.core.errors import LocalError
from detente.trends.rates import (
    bootstrap_quantile,
    clopper_pearson,
    kaplan_meier,
    poisson_exact,
    seeded,
    wilson,
)

SHARES = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(SHARES)
def test_shares_have_the_intervals_that_scipy_finds(share):
    """Clopper-Pearson and Wilson at 90 %, at the edges too."""
    hits, n = share
    for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        theirs = binomtest(hits, n).proportion_ci(0.9, method=method)
        found = ours(hits, n)
        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(SHARES)
def test_the_exact_interval_of_a_share_holds_it(share):
    """Never outside 0 to 1, and always around hits / n."""
    found = clopper_pearson(*share)
    assert 0 <= found.low <= share[0] / share[1] <= found.high <= 1


def test_no_event_in_a_year_is_not_a_rate_of_zero():
    """The upper end of no events is -log(.05) per exposure, three a year at most."""
    found = poisson_exact(0, 1.0)
    assert (found.low, found.high) == (0.0, pytest.approx(-math.log(0.05)))


def test_a_rate_has_garwood_s_interval():
    """Ten events: 5.4254 and 16.9622 at 90 %, in proportion to the exposure."""
    found = poisson_exact(10, 2.0)
    assert (found.low, found.high) == pytest.approx((5.4254 / 2, 16.9622 / 2), abs=1e-4)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=2, max_size=40).filter(
        lambda calls: any(answered for _, answered in calls)
    )
)
def test_waits_have_the_survival_that_scipy_finds(calls):
    """Kaplan-Meier with censored calls, wherever anyone is still waiting."""
    waited = [float(time) for time, _ in calls]
    answered = [flag for _, flag in calls]
    found = kaplan_meier(waited, answered)
    data = CensoredData(
        uncensored=[time for time, flag in calls if flag],
        right=[time for time, flag in calls if not flag],
    )
    theirs = ecdf(data).sf.evaluate(np.array(found.times))
    assert found.waiting == pytest.approx(tuple(theirs), abs=1e-9)
    assert found.unanswered == answered.count(False)
    for low, share, high in zip(found.low, found.waiting, found.high, strict=True):
        assert 0 <= low <= share + 1e-12 <= high + 2e-12 <= 1 + 3e-12


def test_the_band_of_waits_is_scipy_s_log_log():
    """The interval at 90 % of a small known set."""
    waited, answered = [1.0, 2, 3, 4, 5, 6], [True, True, False, True, True, False]
    found = kaplan_meier(waited, answered)
    data = CensoredData(uncensored=[1, 2, 4, 5], right=[3, 6])
    theirs = ecdf(data).sf.confidence_interval(0.9, method="log-log")
    assert found.low == pytest.approx(tuple(theirs.low.evaluate(np.array(found.times))), abs=1e-9)
    assert found.high == pytest.approx(tuple(theirs.high.evaluate(np.array(found.times))), abs=1e-9)


def test_unanswered_calls_are_not_dropped():
    """Half of ten calls never answered: the median is not that of the five that were."""
    found = kaplan_meier([1, 2, 3, 4, 5, 60, 60, 60, 60, 60], [True] * 5 + [False] * 5)
    assert found.quantile(0.5) == 5
    assert found.quantile(0.6) is None
    early, late = found.quantile_interval(0.5)
    assert early is not None
    assert early < 5
    assert late is None


def test_when_all_were_answered_the_last_share_is_not_known_to_be_zero():
    """The band at the end keeps the upper end before it; a single call says nothing."""
    assert kaplan_meier([3.0], [True]).high == (1.0,)
    found = kaplan_meier([1.0, 2.0], [True, True])
    assert found.waiting == pytest.approx((0.5, 0.0))
    assert found.high[1] == found.high[0] > 0.5


def test_the_bootstrap_of_a_plan_is_always_the_same():
    """The same plan and values give the same interval; it holds the median of the sample."""
    values = np.random.default_rng(1).exponential(10, 80)
    found = bootstrap_quantile(values, 0.5, plan="a")
    assert found == bootstrap_quantile(values, 0.5, plan="a")
    assert found.low <= float(np.median(values)) <= found.high
    assert bootstrap_quantile([7.0], 0.9, plan="a").low == 7.0


def test_chance_follows_from_the_plan_and_its_use():
    """Another plan or another use draws other numbers."""
    first = seeded("a", "x").random()
    assert seeded("a", "x").random() == first
    assert first not in {seeded("b", "x").random(), seeded("a", "y").random()}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: clopper_pearson(0, 0),
        lambda: wilson(3, 2),
        lambda: clopper_pearson(-1, 2),
        lambda: poisson_exact(-1, 1.0),
        lambda: poisson_exact(1, 0.0),
        lambda: poisson_exact(1, math.inf),
        lambda: kaplan_meier([], []),
        lambda: kaplan_meier([1.0], []),
        lambda: kaplan_meier([-1.0], [True]),
        lambda: kaplan_meier([math.nan], [True]),
        lambda: bootstrap_quantile([], 0.5, plan="a"),
        lambda: bootstrap_quantile([math.nan], 0.5, plan="a"),
    ],
)
def test_rates_of_nothing_are_refused(wrong):
    """No calls, no exposure and no number are errors, and no nan."""
    with pytest.raises(LocalError):
        wrong()
