"""A change beside the change of others."""

from __future__ import annotations

import numpy as np
import pytest

from detente.core.errors import LocalError
from detente.trends.compare import beside, event_study, together
from detente.trends.estimate import TooShortError, change

WEEKS, STARTS = 130, 104
ONES = np.ones(WEEKS)
AFTER = np.arange(WEEKS) >= STARTS


def pair(seed: int, own: float, common: float, other: float = 40.0):
    """Two series: a factor of both after the date, and one of the first alone."""
    rng = np.random.default_rng(seed)
    news = np.exp(0.4 * rng.normal(size=WEEKS)) * np.where(AFTER, common, 1.0)
    first = rng.poisson(20 * news * np.where(AFTER, own, 1.0))
    return (first, ONES), (rng.poisson(other * news), ONES)


def test_what_moves_both_is_no_difference():
    """A factor of 4 in both is a change of the first and none beside the others."""
    first, others = pair(1, 1.0, 4.0)
    assert change(*first, STARTS).ninety.low > 1
    found = beside(first, others, STARTS)
    assert found.ninety.low < 1 < found.ninety.high
    assert abs(np.log(found.ratio)) < 0.25


@pytest.mark.parametrize("model", ["level", "ar1"])
def test_what_moves_the_first_alone_is_found_through_common_news(model):
    """A factor of 2 in the first is found, though weeks differ by 40 % for both."""
    found = beside(*pair(2, 2.0, 3.0), STARTS, model=model)
    assert found.ninety.low < 2.0 < found.ninety.high
    assert found.ninety.low > 1.3


def test_the_counts_shown_are_the_first_s():
    """Before and after are what was counted of the first."""
    first, others = pair(3, 1.0, 1.0)
    found = beside(first, others, STARTS)
    assert found.before_count == first[0][:102].sum()
    assert found.after_count == first[0][106:].sum()


def test_exposures_count():
    """A first that is counted out of twice as much after the date has half the change."""
    (y, _), others = pair(4, 2.0, 1.0)
    found = beside((y, np.where(AFTER, 2.0, 1.0)), others, STARTS)
    assert found.ninety.low < 1.0 < found.ninety.high


def test_weeks_without_data_say_nothing_in_either():
    """nan in counts and exposures of weeks that are not kept changes nothing."""
    first, others = pair(9, 1.5, 1.0)
    keep = np.ones(WEEKS, bool)
    keep[[20, 60, 115]] = False
    holes = [tuple(np.where(keep, each, np.nan) for each in one) for one in (first, others)]
    assert beside(*holes, STARTS, keep=keep) == beside(first, others, STARTS, keep=keep)
    assert event_study(*holes, STARTS, keep=keep) == event_study(first, others, STARTS, keep=keep)


def test_several_others_are_added_up():
    """Their counts and exposures stand for one."""
    y, exposure = together([(np.array([1, 2]), np.array([3, 4])), (np.array([5, 6]), np.ones(2))])
    assert (y.tolist(), exposure.tolist()) == ([6, 8], [4, 5])
    with pytest.raises(LocalError):
        together([])


def test_blocks_after_the_date_stand_out_and_those_before_do_not():
    """Four-week blocks: a factor of 3 lifts every block after, and few before leave 1."""
    found = event_study(*pair(5, 3.0, 2.0), STARTS)
    before = [each for each in found if each.first < STARTS]
    after = [each for each in found if each.first >= STARTS]
    assert (len(before), len(after)) == (25, 6)
    assert all(each.ninety.low > 1.5 for each in after)
    assert sum(each.ninety.low > 1 or each.ninety.high < 1 for each in before) <= 6
    assert np.median([each.ratio for each in after]) == pytest.approx(3.0, rel=0.2)


def test_blocks_lie_outside_the_transition_and_know_their_weeks():
    """No block reaches into two weeks on both sides of the date; a missing week is not counted."""
    keep = np.ones(WEEKS, bool)
    keep[[8, 110, 111, 112, 113]] = False
    found = event_study(*pair(6, 1.0, 1.0), STARTS, keep=keep)
    firsts = [each.first for each in found]
    assert max(first for first in firsts if first < STARTS) + 4 == 102
    assert min(first for first in firsts if first >= STARTS) == 106
    assert 110 not in firsts
    assert next(each for each in found if each.first == 6).weeks == 3


def test_a_block_of_zeros_is_finite():
    """Nothing counted in a block has a ratio above 0 and finite ends."""
    first, others = pair(7, 1.0, 1.0)
    empty = np.where(AFTER, 0, first[0])
    last = event_study((empty, ONES), others, STARTS)[-1]
    assert 0 < last.ninety.low < last.ratio < last.ninety.high < 1


def test_too_few_weeks_and_unlike_lengths_are_refused():
    """Four blocks before the date at least; both series of one length."""
    first, others = pair(8, 1.0, 1.0)
    with pytest.raises(TooShortError):
        event_study((first[0][85:], ONES[85:]), (others[0][85:], ONES[85:]), STARTS - 90)
    with pytest.raises(LocalError):
        beside(first, (others[0][:120], ONES[:120]), STARTS)
