"""Dates and dyads at which nothing is known to have happened, estimated in the same way.

The rank p is (1 + those that moved as far) / (N + 1), the date itself among them: it is never 0,
and with few placebos it cannot be small. The smallest possible p and N are printed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detente.trends.estimate import (
    SKIPPED_WEEKS,
    Estimate,
    TooShortError,
    Window,
    changes,
    prepared,
)

BEFORE_WEEKS_PLACEBO = 26  # a placebo date has at least so many weeks before it
_AS_FAR = 1e-9  # of a log: equal but for rounding


@dataclass(frozen=True, slots=True)
class PlaceboRank:
    """Where a change stands among the changes at placebos."""

    p: float  # (1 + placebos that moved as far, either way) / (n + 1)
    n: int  # placebos
    smallest_p: float  # 1 / (n + 1)
    estimates: tuple[float, ...]  # their ratios, in the order of time or of the rows given


def rank(ratio: float, placebos: Sequence[float]) -> PlaceboRank:
    """The place of a ratio among others, by distance from 1 on the log scale."""
    far = abs(np.log(ratio)) - _AS_FAR
    as_far = int((np.abs(np.log(np.asarray(placebos, dtype=float))) >= far).sum())
    n = len(placebos)
    return PlaceboRank((1 + as_far) / (n + 1), n, 1 / (n + 1), tuple(map(float, placebos)))


def windows_before(
    weeks: int, starts: int, *, skip: int = SKIPPED_WEEKS, every: int = 1
) -> list[Window]:
    """Every admissible placebo date: a window as long as the real one that ends before its date.

    ``weeks`` is the length of the series, ``starts`` its date; all end ``skip`` weeks before it,
    where the transition begins. In the order of time.
    """
    after = weeks - starts
    latest = starts - skip - after
    dates = range(latest, BEFORE_WEEKS_PLACEBO + skip - 1, -every)
    return [Window(date, 0, date + after) for date in reversed(dates)]


def at_earlier_dates(
    y: ArrayLike,
    exposure: ArrayLike,
    starts: int,
    *,
    keep: ArrayLike | None = None,
    skip: int = SKIPPED_WEEKS,
    model: str = "level",
    every: int = 1,
) -> list[Estimate]:
    """The change at every earlier admissible date of the series, in the order of time.

    A date whose windows hold too few weeks of data is none.
    """
    weeks = len(np.asarray(y))
    windows = [
        window
        for window in windows_before(weeks, starts, skip=skip, every=every)
        if _admissible(y, exposure, window, keep, skip)
    ]
    if not windows:
        return []
    rows = len(windows)
    return changes(
        [y] * rows, [exposure] * rows, windows, keep=[keep] * rows, skip=skip, model=model
    )


def in_time(
    y: ArrayLike,
    exposure: ArrayLike,
    starts: int,
    ratio: float,
    *,
    keep: ArrayLike | None = None,
    skip: int = SKIPPED_WEEKS,
    model: str = "level",
    every: int = 1,
) -> PlaceboRank:
    """The rank of ``ratio`` among the changes ``at_earlier_dates``; without any, n is 0 and p 1."""
    found = at_earlier_dates(y, exposure, starts, keep=keep, skip=skip, model=model, every=every)
    return rank(ratio, [each.ratio for each in found])


def in_space(
    others: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike | None]],
    starts: int,
    ratio: float,
    *,
    skip: int = SKIPPED_WEEKS,
    model: str = "level",
) -> PlaceboRank:
    """The rank of ``ratio`` among the changes of other dyads at the same date.

    ``others`` holds counts, exposure and weeks kept (or None) of each; one with too few weeks of
    data is left out.
    """
    window = Window(starts)
    fit = [each for each in others if _admissible(each[0], each[1], window, each[2], skip)]
    if not fit:
        return rank(ratio, ())
    found = changes(
        [each[0] for each in fit],
        [each[1] for each in fit],
        [window] * len(fit),
        keep=[each[2] for each in fit],
        skip=skip,
        model=model,
    )
    return rank(ratio, [each.ratio for each in found])


def _admissible(
    y: ArrayLike, exposure: ArrayLike, window: Window, keep: ArrayLike | None, skip: int
) -> bool:
    try:
        prepared([y], [exposure], [window], keep=[keep], skip=skip)
    except TooShortError:
        return False
    return True
