"""What changed after a date, and how sure: the step of a model, with its intervals and bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detente.core.errors import LocalError, Refusal
from detente.trends.ar import ar1
from detente.trends.laplace import (
    Chain,
    Floats,
    Mode,
    Series,
    mixture_quantiles,
    mode,
    steps,
    variances,
    weights,
)
from detente.trends.level import level

BEFORE_WEEKS_MIN = 12  # kept; fewer do not show what is usual
AFTER_WEEKS_MIN = 4  # kept
SKIPPED_WEEKS = 2  # on each side of the date: transition, counted to neither window
_CHAINS = {"level": level, "ar1": ar1}
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


class TooShortError(LocalError):
    """A window with too few weeks of data in it. Facts: before_weeks, after_weeks."""

    def __init__(self, before_weeks: int, after_weeks: int) -> None:
        super().__init__(
            Refusal.USAGE,
            f"{before_weeks} weeks of data before and {after_weeks} after:"
            f" {BEFORE_WEEKS_MIN} and {AFTER_WEEKS_MIN} at least",
            before_weeks=before_weeks,
            after_weeks=after_weeks,
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """Two ends."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many times as much after as before: the median, its intervals, and the raw counts."""

    ratio: float  # after / before; of odds where asked for
    half: Interval  # 50 %
    ninety: Interval  # 90 %
    p_up: float  # posterior probability that the ratio is above 1
    before_count: int  # counted in the weeks kept
    after_count: int
    before_weeks: int  # weeks kept
    after_weeks: int


@dataclass(frozen=True, slots=True)
class Band:
    """One value per week, in units of y per exposure."""

    middle: tuple[float, ...]
    half_low: tuple[float, ...]
    half_high: tuple[float, ...]
    ninety_low: tuple[float, ...]
    ninety_high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The level that the model sees in every week, and the level with the step taken out of it."""

    level: Band
    counterfactual: Band  # equal to the level before the date


@dataclass(frozen=True, slots=True)
class Window:
    """One comparison on weeks of a series: where it starts, which weeks it uses."""

    starts: int  # index of the first week after the date
    first: int = 0  # index of the first week used
    end: int | None = None  # index after the last week used; None: all


def change(
    y: ArrayLike,
    exposure: ArrayLike,
    starts: int,
    *,
    keep: ArrayLike | None = None,
    skip: int = SKIPPED_WEEKS,
    model: str = "level",
    family: str = "ratio",
) -> Estimate:
    """The change of ``y`` per ``exposure`` from week ``starts`` on.

    ``keep`` is False in weeks without data; ``skip`` weeks on both sides of the date are left out.
    ``model`` is "level" (the jump at the date) or "ar1" (against the window's mean); ``family`` is
    "ratio", or "odds" where y is part of exposure. LocalError USAGE for arrays that cannot be
    weekly counts; TooShortError for a window with too few weeks.
    """
    window = Window(starts)
    return changes([y], [exposure], [window], keep=[keep], skip=skip, model=model, family=family)[0]


def changes(
    y: Sequence[ArrayLike],
    exposure: Sequence[ArrayLike],
    windows: Sequence[Window],
    *,
    keep: Sequence[ArrayLike | None] | None = None,
    skip: int = SKIPPED_WEEKS,
    model: str = "level",
    family: str = "ratio",
) -> list[Estimate]:
    """``change`` for many rows of one length, each with a window of its own."""
    return estimated(prepared(y, exposure, windows, keep=keep, skip=skip, family=family), model)


def estimated(series: Series, model: str) -> list[Estimate]:
    """The change in every row of a series that is prepared."""
    found = steps(series, chain_of(model, series.y.shape[1]))
    logs = found.quantiles(*_SHARES)
    up = 1 - found.below(np.zeros((len(logs), 1)))[:, 0]
    return [_estimate(np.exp(logs[row]), float(up[row]), series, row) for row in range(len(logs))]


def fitted(
    y: ArrayLike,
    exposure: ArrayLike,
    starts: int,
    *,
    keep: ArrayLike | None = None,
    skip: int = SKIPPED_WEEKS,
    model: str = "level",
    family: str = "ratio",
) -> Fitted:
    """The levels behind ``change``, week by week, with bands; errors as there."""
    series = prepared([y], [exposure], [Window(starts)], keep=[keep], skip=skip, family=family)
    chain = chain_of(model, series.y.shape[1])
    found = mode(series, chain)
    with_step = _band(found, chain, series.after[0], odds=series.odds)
    return Fitted(with_step, _band(found, chain, np.zeros_like(series.after[0]), odds=series.odds))


def two_sided(estimate: Estimate) -> float:
    """Twice the smaller tail of the posterior beside 1: the p that many.py is given."""
    return min(1.0, 2 * min(estimate.p_up, 1 - estimate.p_up))


def chain_of(model: str, weeks: int) -> Chain:
    """The grid of a model by its name. LocalError USAGE for another name."""
    if model not in _CHAINS:
        raise LocalError(Refusal.USAGE, f"a model {model!r}; there are {', '.join(_CHAINS)}")
    return _CHAINS[model](weeks)


def prepared(
    y: Sequence[ArrayLike],
    exposure: Sequence[ArrayLike],
    windows: Sequence[Window],
    *,
    keep: Sequence[ArrayLike | None] | None = None,
    skip: int = SKIPPED_WEEKS,
    family: str = "ratio",
) -> Series:
    """Rows for a model, checked. LocalError USAGE for what are no weekly counts; TooShortError."""
    if family not in {"ratio", "odds"}:
        raise LocalError(Refusal.USAGE, f"a family {family!r}; there are ratio and odds")
    counts, bases = _rows(y), _rows(exposure)
    if counts.shape != bases.shape or len(counts) != len(windows):
        raise LocalError(Refusal.USAGE, f"counts {counts.shape} beside exposures {bases.shape}")
    kept = np.ones(counts.shape, bool)
    for row, mask in enumerate(keep or []):
        if mask is not None:
            kept[row] = mask
    weeks = np.arange(counts.shape[1])
    after = np.zeros(counts.shape, bool)
    for row, window in enumerate(windows):
        end = len(weeks) if window.end is None else window.end
        kept[row] &= (weeks >= window.first) & (weeks < end)
        kept[row] &= (weeks < window.starts - skip) | (weeks >= window.starts + skip)
        after[row] = weeks >= window.starts
    _check(counts, bases, kept, odds=family == "odds")
    kept &= bases > 0
    series = Series(counts, bases, kept, after, family == "odds", np.zeros(counts.shape))
    for row in range(len(windows)):
        _check_windows(series, row)
    return series


def _rows(values: Sequence[ArrayLike]) -> Floats:
    rows = [np.asarray(each, dtype=float) for each in values]
    if not rows or any(each.ndim != 1 or each.shape != rows[0].shape for each in rows):
        raise LocalError(Refusal.USAGE, "rows of weekly counts that are not alike in length")
    return np.stack(rows)


def _check(counts: Floats, bases: Floats, kept: NDArray[np.bool_], *, odds: bool) -> None:
    shown, out_of = counts[kept], bases[kept]
    if not (np.isfinite(shown).all() and np.isfinite(out_of).all()):
        raise LocalError(Refusal.USAGE, "a week that is kept and has no number")
    if (shown < 0).any() or (out_of < 0).any():
        raise LocalError(Refusal.USAGE, "a negative count or exposure")
    if ((shown > 0) & (out_of == 0)).any() or (odds and (shown > out_of).any()):
        raise LocalError(Refusal.USAGE, "a count without an exposure to be counted out of")


def _check_windows(series: Series, row: int) -> None:
    kept, after = series.kept[row], series.after[row]
    before_weeks, after_weeks = int((kept & ~after).sum()), int((kept & after).sum())
    if before_weeks < BEFORE_WEEKS_MIN or after_weeks < AFTER_WEEKS_MIN:
        raise TooShortError(before_weeks, after_weeks)


def _estimate(ratios: Floats, up: float, series: Series, row: int) -> Estimate:
    kept, after, y = series.kept[row], series.after[row], series.y[row]
    low, half_low, middle, half_high, high = (float(each) for each in ratios)
    return Estimate(
        ratio=middle,
        half=Interval(half_low, half_high),
        ninety=Interval(low, high),
        p_up=min(max(up, 0.0), 1.0),
        before_count=int(y[kept & ~after].sum()),
        after_count=int(y[kept & after].sum()),
        before_weeks=int((kept & ~after).sum()),
        after_weeks=int((kept & after).sum()),
    )


def _band(found: Mode, chain: Chain, step: NDArray[np.bool_], *, odds: bool) -> Band:
    columns = np.zeros(found.shadow.shape[2:])
    columns[:, 0] = step
    columns[:, 1:] = 1.0
    reach = columns[None, :, :] - found.shadow[0]
    variance = variances(found)[0] + np.einsum("gti,gij,gtj->gt", reach, found.covariance[0], reach)
    mean = found.level[0] + found.beta[0, :, :1] * step
    weight = np.repeat(weights(found, chain), len(step), axis=0)
    logs = mixture_quantiles(mean.T, np.sqrt(variance).T, weight, _SHARES)
    rates = 1 / (1 + np.exp(-logs)) if odds else np.exp(logs)
    low, half_low, middle, half_high, high = (tuple(map(float, each)) for each in rates.T)
    return Band(middle, half_low, half_high, low, high)
