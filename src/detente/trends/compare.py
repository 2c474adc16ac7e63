"""A change beside the change of others: difference in differences, on counts.

Of the counts of both in a week, the share of the first has the odds of one rate over the other.
Whatever moves both alike (a season, a growing source, a week of news) is not in those odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from detente.core.errors import LocalError, Refusal
from detente.trends.estimate import (
    SKIPPED_WEEKS,
    Estimate,
    Interval,
    TooShortError,
    Window,
    estimated,
    prepared,
)

BLOCK_WEEKS = 4
_BLOCKS_BEFORE_MIN = 4  # of four weeks: three to know the spread by, at least

Rows = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True, slots=True)
class Block:
    """Some weeks of the first beside the others, against all the weeks before the date."""

    first: int  # index of its first week
    weeks: int  # kept
    ratio: float  # of rates, over the same ratio before the date
    ninety: Interval  # by how much blocks before the date differ from one another


def beside(
    first: Rows,
    others: Rows,
    starts: int,
    *,
    keep: ArrayLike | None = None,
    skip: int = SKIPPED_WEEKS,
    model: str = "level",
) -> Estimate:
    """The change of the first over the change of the others: both are counts and exposures.

    ``before_count`` and ``after_count`` are the first's. A week in which neither was counted says
    nothing. LocalError USAGE and TooShortError as in ``estimate.change``.
    """
    (y, exposure), (y2, exposure2) = _checked(first, others, keep, starts, skip)
    window = Window(starts)
    series = prepared([y], [y + y2], [window], keep=[keep], skip=skip, family="odds")
    offset = np.log(np.maximum(exposure, 1e-300) / np.maximum(exposure2, 1e-300))
    return estimated(replace(series, offset=offset[None, :]), model)[0]


def together(rows: Sequence[Rows]) -> Rows:
    """Several dyads as one: their counts and exposures added. LocalError USAGE for none."""
    if not rows:
        raise LocalError(Refusal.USAGE, "no dyads to compare with")
    counts = [np.asarray(y, dtype=float) for y, _ in rows]
    exposures = [np.asarray(exposure, dtype=float) for _, exposure in rows]
    return np.sum(counts, axis=0), np.sum(exposures, axis=0)


def event_study(
    first: Rows,
    others: Rows,
    starts: int,
    *,
    keep: ArrayLike | None = None,
    skip: int = SKIPPED_WEEKS,
) -> tuple[Block, ...]:
    """Blocks of four weeks, before the date and after it, each against the weeks before.

    What blocks before the date differ by is all that their intervals know (Student's t), so a block
    before the date that stands out says that the two did not move alike. TooShortError with fewer
    than four blocks before.
    """
    (y, exposure), (y2, exposure2) = _checked(first, others, keep, starts, skip)
    kept = np.ones(len(y), bool) if keep is None else np.asarray(keep, dtype=bool).copy()
    kept &= (exposure > 0) & (exposure2 > 0)
    cuts = _cuts(len(y), starts, skip)
    blocks = [(cut, kept[cut : cut + BLOCK_WEEKS]) for cut in cuts]
    blocks = [(cut, mask) for cut, mask in blocks if mask.any()]
    logs = np.array(
        [
            _log_ratio(
                *(each[cut : cut + BLOCK_WEEKS][mask] for each in (y, exposure, y2, exposure2))
            )
            for cut, mask in blocks
        ]
    )
    before = np.array([cut < starts for cut, _ in blocks])
    if before.sum() < _BLOCKS_BEFORE_MIN:
        raise TooShortError(int(before.sum()) * BLOCK_WEEKS, int((~before).sum()) * BLOCK_WEEKS)
    return tuple(
        _block(
            cut,
            int(mask.sum()),
            logs[number],
            np.delete(logs[before], number) if before[number] else logs[before],
        )
        for number, (cut, mask) in enumerate(blocks)
    )


def _cuts(weeks: int, starts: int, skip: int) -> list[int]:
    earlier = range((starts - skip) % BLOCK_WEEKS, starts - skip - BLOCK_WEEKS + 1, BLOCK_WEEKS)
    return [*earlier, *range(starts + skip, weeks - BLOCK_WEEKS + 1, BLOCK_WEEKS)]


def _log_ratio(y: np.ndarray, exposure: np.ndarray, y2: np.ndarray, exposure2: np.ndarray) -> float:
    one = (y.sum() + 0.5) / exposure.sum()
    return float(np.log(one) - np.log((y2.sum() + 0.5) / exposure2.sum()))


def _block(first: int, weeks: int, log: float, usual: np.ndarray) -> Block:
    spread = float(usual.std(ddof=1)) * np.sqrt(1 + 1 / len(usual))
    reach = float(student.ppf(0.95, len(usual) - 1)) * spread
    away = log - float(usual.mean())
    ends = Interval(float(np.exp(away - reach)), float(np.exp(away + reach)))
    return Block(first, weeks, float(np.exp(away)), ends)


def _checked(
    first: Rows, others: Rows, keep: ArrayLike | None, starts: int, skip: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    found = []
    for y, exposure in (first, others):
        series = prepared([y], [exposure], [Window(starts)], keep=[keep], skip=skip)
        found.append((series.y[0], series.exposure[0]))
    if found[0][0].shape != found[1][0].shape:
        raise LocalError(Refusal.USAGE, "two series of different lengths")
    return found[0], found[1]
