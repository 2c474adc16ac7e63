"""What may be said about a change, computed from its numbers and from nothing else.

Both models have to say that something moved: each is too sure of itself where the other is not. How
often the rule fires where nothing happened is a row of ``make trends-check`` (placebo-verdict).
"""

from __future__ import annotations

from enum import StrEnum

from detente.trends.estimate import Estimate, Interval
from detente.trends.placebo import PlaceboRank

PLACEBO_P_MAX = 0.1  # a rank p above it: placebo dates moved as much
LARGE = 2.0  # a factor; who cannot exclude it can tell nothing


class Verdict(StrEnum):
    """The four things that a cell may say."""

    MOVED = "moved"
    MOVED_AS_PLACEBO = "moved, but placebo dates moved as much"
    NO_CHANGE_LARGER = "no change larger than ×m"
    CANNOT_TELL = "cannot tell"


def moved(level: Estimate, ar1: Estimate) -> bool:
    """Whether both models' 90 % intervals lie on the same side of 1."""
    up = level.ninety.low > 1 and ar1.ninety.low > 1
    return up or (level.ninety.high < 1 and ar1.ninety.high < 1)


def largest_left(level: Estimate, ar1: Estimate) -> float:
    """The m of "no change larger than ×m": no 90 % interval reaches beyond ×m or ×1/m."""
    return max(_reach(level.ninety), _reach(ar1.ninety))


def verdict(
    level: Estimate, ar1: Estimate, placebo: PlaceboRank | None, detectable: float
) -> Verdict:
    """The verdict of one cell.

    ``placebo`` is None where no placebo could be made; ``detectable`` is the smallest factor found
    with 80 % power. "No change larger" needs both that a change of ×2 would have been found and
    that neither 90 % interval reaches it.
    """
    if moved(level, ar1):
        if placebo is not None and placebo.p > max(PLACEBO_P_MAX, placebo.smallest_p):
            return Verdict.MOVED_AS_PLACEBO
        return Verdict.MOVED
    if detectable <= LARGE and largest_left(level, ar1) <= LARGE:
        return Verdict.NO_CHANGE_LARGER
    return Verdict.CANNOT_TELL


def _reach(interval: Interval) -> float:
    return max(interval.high, 1 / interval.low)
