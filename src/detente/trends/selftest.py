"""What the method is worth on these very series: nothing planted, a rise and a fall planted.

Dates at which nothing is known to have happened are taken from the user's own series, and effects
of known size are put in: counts added for a rise, thinned for a fall. Printed are false alarms,
coverage and bias for that data, so that nobody has to believe figures measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from detente.trends.laplace import Floats
from detente.trends.rates import clopper_pearson, seeded
from detente.trends.verdict import moved

BEFORE_WEEKS = 78  # of every rehearsal
AFTER_WEEKS = 26
FACTORS = (1.0, 1.5, 0.5)
_APART_WEEKS = 8  # between placebo dates of one series
_DATES_MAX = 10  # of one series

Row = tuple[ArrayLike, ArrayLike, ArrayLike | None]  # counts, exposure, weeks kept or None


@dataclass(frozen=True, slots=True)
class Planted:
    """One factor planted at every placebo date, and what the method said."""

    factor: float  # 1: nothing planted
    n: int  # rehearsals
    moved: float  # share that both models call a change; of factor 1, the false alarms
    moved_low: float  # exact 90 % interval of that share
    moved_high: float
    covered: float  # share of the level model's 90 % intervals that hold the factor
    covered_ar1: float  # the same of its twin
    bias: float  # mean of log(ratio / factor)
    width: float  # median width of the level model's 90 % interval, a factor


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The rehearsal of a set of series."""

    rows: tuple[Planted, ...]
    series: int  # that had a placebo date
    dates: int  # placebo dates in all
    too_short: tuple[str, ...]  # series without one


def selftest(
    series: Mapping[str, Row],
    *,
    plan: str,
    after_weeks: int = AFTER_WEEKS,
    factors: Sequence[float] = FACTORS,
    progress: Callable[[int, int], None] | None = None,
) -> SelfTest:
    """Plants known changes at placebo dates of series in which nothing is known to have happened.

    Give the weeks before the real date alone. The chance in planting comes from the hash of
    ``plan``. ``progress`` is told how many of how many parts are done. TooShortError when no series
    has 78 + ``after_weeks`` weeks, most of them with data.
    """
    rehearsals, short = _rehearsals(series, after_weeks)
    if not rehearsals:
        longest = max((len(np.asarray(row[0])) for row in series.values()), default=0)
        raise TooShortError(max(longest - after_weeks, 0), min(after_weeks, longest))
    chance = seeded(plan, "selftest")
    found = []
    for number, factor in enumerate(factors):
        rows = [planted(y, BEFORE_WEEKS, factor, chance) for y, _, _ in rehearsals]
        found.append(_judged(factor, rows, rehearsals))
        if progress is not None:
            progress(number + 1, len(factors))
    return SelfTest(tuple(found), len(series) - len(short), len(rehearsals), tuple(short))


def planted(y: Floats, starts: int, factor: float, chance: np.random.Generator) -> Floats:
    """Counts with a factor put in after a date: Poisson counts added, or counts thinned."""
    changed = y.copy()
    known = np.flatnonzero(np.isfinite(y))
    after = known[known >= starts]
    if factor > 1:
        changed[after] += chance.poisson(y[after] * (factor - 1))
    elif factor < 1:
        changed[after] = chance.binomial(y[after].astype(np.int64), factor)
    return changed


def _rehearsals(
    series: Mapping[str, Row], after_weeks: int
) -> tuple[list[tuple[Floats, Floats, np.ndarray]], list[str]]:
    found, short = [], []
    for key, (y, exposure, keep) in series.items():
        counts, bases = np.asarray(y, dtype=float), np.asarray(exposure, dtype=float)
        kept = np.ones(len(counts), bool) if keep is None else np.asarray(keep, dtype=bool)
        latest = len(counts) - after_weeks
        dates = list(range(latest, BEFORE_WEEKS - 1, -_APART_WEEKS))[:_DATES_MAX]
        cuts = [slice(date - BEFORE_WEEKS, date + after_weeks) for date in reversed(dates)]
        fit = [(counts[cut], bases[cut], kept[cut]) for cut in cuts]
        fit = [row for row in fit if _long_enough(*row)]
        found += fit
        if not fit:
            short.append(key)
    return found, short


def _long_enough(y: Floats, exposure: Floats, keep: np.ndarray) -> bool:
    try:
        prepared([y], [exposure], [Window(BEFORE_WEEKS)], keep=[keep], skip=SKIPPED_WEEKS)
    except TooShortError:
        return False
    return True


def _judged(
    factor: float, rows: list[Floats], rehearsals: list[tuple[Floats, Floats, np.ndarray]]
) -> Planted:
    windows = [Window(BEFORE_WEEKS)] * len(rows)
    exposures = [exposure for _, exposure, _ in rehearsals]
    keeps: list[ArrayLike | None] = [keep for _, _, keep in rehearsals]
    level = changes(rows, exposures, windows, keep=keeps)
    twin = changes(rows, exposures, windows, keep=keeps, model="ar1")
    hits = sum(moved(*pair) for pair in zip(level, twin, strict=True))
    share = clopper_pearson(hits, len(rows))
    return Planted(
        factor=factor,
        n=len(rows),
        moved=hits / len(rows),
        moved_low=share.low,
        moved_high=share.high,
        covered=_covered(level, factor),
        covered_ar1=_covered(twin, factor),
        bias=float(np.mean([np.log(each.ratio / factor) for each in level])),
        width=float(np.median([each.ninety.high / each.ninety.low for each in level])),
    )


def _covered(found: list[Estimate], factor: float) -> float:
    return float(np.mean([each.ninety.low <= factor <= each.ninety.high for each in found]))
