"""What may be said of a change, from its numbers alone."""

from __future__ import annotations

import pytest

from detente.trends.estimate import Estimate, Interval
from detente.trends.placebo import PlaceboRank
from detente.trends.verdict import Verdict, largest_left, moved, verdict


def estimate(low: float, high: float) -> Estimate:
    """An estimate by its 90 % interval; nothing else is looked at."""
    middle = (low * high) ** 0.5
    return Estimate(middle, Interval(middle, middle), Interval(low, high), 0.5, 1, 1, 52, 26)


def rank(p: float, n: int) -> PlaceboRank:
    """A rank by its p."""
    return PlaceboRank(p, n, 1 / (n + 1), ())


UP, DOWN, WIDE, NARROW = estimate(1.2, 3), estimate(0.2, 0.8), estimate(0.2, 5), estimate(0.7, 1.5)
FAR = rank(0.02, 49)


@pytest.mark.parametrize(
    ("level", "ar1", "placebo", "detectable", "said"),
    [
        (UP, UP, FAR, 1.5, Verdict.MOVED),
        (DOWN, DOWN, FAR, 1.5, Verdict.MOVED),
        (UP, UP, None, 1.5, Verdict.MOVED),
        (UP, DOWN, FAR, 1.5, Verdict.CANNOT_TELL),
        (UP, WIDE, FAR, 1.5, Verdict.CANNOT_TELL),
        (WIDE, UP, FAR, 1.5, Verdict.CANNOT_TELL),
        (UP, UP, rank(0.3, 49), 1.5, Verdict.MOVED_AS_PLACEBO),
        (UP, UP, rank(0.1, 49), 1.5, Verdict.MOVED),
        (UP, UP, rank(0.25, 3), 1.5, Verdict.MOVED),
        (UP, UP, rank(0.5, 3), 1.5, Verdict.MOVED_AS_PLACEBO),
        (NARROW, NARROW, FAR, 1.9, Verdict.NO_CHANGE_LARGER),
        (NARROW, NARROW, FAR, 2.1, Verdict.CANNOT_TELL),
        (NARROW, WIDE, FAR, 1.5, Verdict.CANNOT_TELL),
        (WIDE, WIDE, FAR, 7.7, Verdict.CANNOT_TELL),
    ],
)
def test_the_verdict_follows_from_both_models_the_placebos_and_the_power(
    level, ar1, placebo, detectable, said
):
    """Both intervals on one side move it, placebos doubt it, and only power allows a 'no'."""
    assert verdict(level, ar1, placebo, detectable) is said


def test_an_interval_that_touches_one_has_not_moved():
    """An end at exactly 1 is no change."""
    assert not moved(estimate(1.0, 3), UP)
    assert not moved(estimate(0.3, 1.0), DOWN)


def test_the_largest_change_left_is_the_farthest_end_of_either():
    """A lower end of a fifth leaves a factor of five."""
    assert largest_left(estimate(0.2, 3), estimate(0.5, 2)) == pytest.approx(5)
    assert largest_left(estimate(0.9, 3), estimate(0.5, 4)) == pytest.approx(4)


def test_the_words_of_a_verdict_name_no_cause():
    """They are four, and the first is a bare fact."""
    assert [each.value for each in Verdict] == [
        "moved",
        "moved, but placebo dates moved as much",
        "no change larger than ×m",
        "cannot tell",
    ]
