"""A plan and its counts, turned into cells: what is estimated, beside what, and its verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detente.trends import compare, many
from detente.trends.board import Board, Counted, Series
from detente.trends.calibration import PLACEBOS_MIN, Calibration, calibration
from detente.trends.detectable import detectable
from detente.trends.estimate import (
    Estimate,
    Fitted,
    TooShortError,
    change,
    fitted,
    two_sided,
)
from detente.trends.placebo import PlaceboRank, at_earlier_dates, rank
from detente.trends.plan import ALL, Dyad, Plan
from detente.trends.verdict import Verdict, verdict

SHARE, RATE, ALONE = "share", "rate", "alone"
PLACEBO_EVERY = 4  # weeks between two placebo dates: neighbours say nearly the same
YEAR_WEEKS = 52
CORRECTED_P_MAX = 0.1  # as the 90 % intervals of the verdict rule

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Cell:
    """One estimate with all that is printed beside it."""

    who: str  # «CUB-USA», or a country
    dyads: tuple[Dyad, ...]
    outcome: str
    measure: str
    before: Counted
    after: Counted
    level: Estimate
    twin: Estimate  # the AR(1) reading
    whole: Estimate | None  # with the transition weeks left in
    placebo: PlaceboRank
    calibration: Calibration | None  # what placebos say of the method; None with too few
    detectable: float
    verdict: Verdict
    beside: Estimate | None  # against the comparison dyads
    p: float
    p_adjusted: float
    exploratory: bool

    @property
    def key(self) -> str:
        """Its name in the report and its provenance."""
        return f"{self.who}/{self.outcome}/{self.measure}"


@dataclass(frozen=True, slots=True)
class Unfit:
    """A cell that could not be estimated, and why: nothing is made up for it."""

    who: str
    outcome: str
    measure: str
    why: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """All cells of a report."""

    stakeholders: tuple[Cell, ...]
    ripple: tuple[Cell, ...]
    unfit: tuple[Unfit, ...]
    bands: dict[str, Fitted]  # by key of a cell
    a_year_before: dict[str, Estimate]  # the same, 52 weeks earlier
    attention: dict[str, Estimate]  # by dyad: all its stories, beside the world's


@dataclass(frozen=True, slots=True)
class _Asked:
    """One cell before it is estimated."""

    who: str
    dyads: tuple[Dyad, ...]
    outcome: str
    measure: str
    exploratory: bool


def cells_asked(plan: Plan, also: Sequence[Dyad]) -> list[_Asked]:
    """The cells of the first two tables, in their order."""
    found = [
        _Asked("-".join(dyad), (dyad,), outcome, measure, dyad not in plan.dyads or not plan.frozen)
        for dyad in dict.fromkeys([*plan.dyads, *also])
        for outcome in plan.outcomes
        for measure in (SHARE, RATE)
    ]
    return found + [
        _Asked(country, dyads, outcome, ALONE, not plan.frozen)
        for country, dyads in plan.ripples.items()
        for outcome in plan.outcomes
    ]


def analyse(
    plan: Plan, board: Board, also: Sequence[Dyad] = (), progress: Progress | None = None
) -> Analysis:
    """Every cell that the plan and ``also`` ask for. ``progress`` is told how many are done."""
    cells: list[Cell] = []
    unfit: list[Unfit] = []
    bands: dict[str, Fitted] = {}
    earlier: dict[str, Estimate] = {}
    for done, asked in enumerate(cells_asked(plan, also), start=1):
        try:
            cell = _cell(plan, board, asked)
        except TooShortError as exc:
            unfit.append(Unfit(asked.who, asked.outcome, asked.measure, exc.detail))
        else:
            cells.append(cell)
            if cell.measure == SHARE:
                bands[cell.key], past = _drawn(plan, board, cell)
                if past is not None:
                    earlier[cell.key] = past
        if progress is not None:
            progress(done)
    cells = _corrected(cells, plan.multiplicity)
    first = tuple(cell for cell in cells if cell.measure != ALONE)
    return Analysis(
        stakeholders=first,
        ripple=tuple(cell for cell in cells if cell.measure == ALONE),
        unfit=tuple(unfit),
        bands=bands,
        a_year_before=earlier,
        attention=_attention(plan, board, dict.fromkeys(cell.dyads[0] for cell in first)),
    )


def series_of(board: Board, cell: Cell | _Asked) -> Series:
    """The series that a cell is estimated from."""
    if cell.measure == ALONE:
        return board.alone(cell.dyads, cell.outcome)
    if cell.measure == RATE:
        return board.rate(cell.dyads[0], cell.outcome)
    return board.share(cell.dyads[0], cell.outcome)


def span(plan: Plan, board: Board) -> tuple[int, int]:
    """The weeks that are estimated: the window before, and the window after."""
    first = max(board.starts - plan.before_weeks, 0)
    return first, min(board.starts + plan.after_weeks, len(board.weeks))


def _cell(plan: Plan, board: Board, asked: _Asked) -> Cell:
    first, last = span(plan, board)
    whole, skip = series_of(board, asked), plan.transition_weeks
    series, starts = whole.cut(first, last), board.starts - first
    level = _change(series, starts, skip, "level")
    twin = _change(series, starts, skip, "ar1")
    earlier, others = _placebos(plan, board, asked)
    placebo = rank(level.ratio, [one.ratio for one in (*earlier, *others)])
    least = detectable(series.y, series.exposure, starts, keep=series.keep, skip=skip)
    return Cell(
        who=asked.who,
        dyads=asked.dyads,
        outcome=asked.outcome,
        measure=asked.measure,
        before=series.counted(0, starts - skip),
        after=series.counted(starts + skip, last - first),
        level=level,
        twin=twin,
        whole=_change(series, starts, 0, "level") if skip else None,
        placebo=placebo,
        calibration=_calibration([*earlier, *others]),
        detectable=least,
        verdict=verdict(level, twin, placebo if placebo.n else None, least),
        beside=_beside(plan, board, asked, series) if asked.measure == ALONE else None,
        p=two_sided(level),
        p_adjusted=two_sided(level),
        exploratory=asked.exploratory,
    )


def _change(series: Series, starts: int, skip: int, model: str) -> Estimate:
    return change(series.y, series.exposure, starts, keep=series.keep, skip=skip, model=model)


def _placebos(plan: Plan, board: Board, asked: _Asked) -> tuple[list[Estimate], list[Estimate]]:
    """The same estimate at earlier dates of the series, and of other dyads at the same date."""
    first, last = span(plan, board)
    skip = plan.transition_weeks
    past = series_of(board, asked).cut(0, last)
    earlier = at_earlier_dates(
        past.y, past.exposure, board.starts, keep=past.keep, skip=skip, every=PLACEBO_EVERY
    )
    others = []
    for dyad in plan.comparison:
        other = series_of(board, replace(asked, dyads=(dyad,))).cut(first, last)
        try:
            others.append(_change(other, board.starts - first, skip, "level"))
        except TooShortError:  # no placebo: it has no data
            continue
    return earlier, others


def _calibration(placebos: Sequence[Estimate]) -> Calibration | None:
    return calibration(placebos) if len(placebos) >= PLACEBOS_MIN else None


def _drawn(plan: Plan, board: Board, cell: Cell) -> tuple[Fitted, Estimate | None]:
    """The bands of a cell's chart, and the same estimate a year earlier where there is one."""
    first, last = span(plan, board)
    series, starts = series_of(board, cell).cut(first, last), board.starts - first
    skip = plan.transition_weeks
    bands = fitted(series.y, series.exposure, starts, keep=series.keep, skip=skip)
    if board.starts - YEAR_WEEKS < 0:
        return bands, None
    past = series_of(board, cell).cut(first - YEAR_WEEKS, last - YEAR_WEEKS)
    at = board.starts - YEAR_WEEKS - max(first - YEAR_WEEKS, 0)
    try:
        return bands, _change(past, at, skip, "level")
    except TooShortError:
        return bands, None


def _beside(plan: Plan, board: Board, asked: _Asked, series: Series) -> Estimate | None:
    """The change of a country against that of the comparison dyads together."""
    if not plan.comparison:
        return None
    first, last = span(plan, board)
    other = board.alone(plan.comparison, asked.outcome).cut(first, last)
    return compare.beside(
        (series.y, series.exposure),
        (other.y, other.exposure),
        board.starts - first,
        keep=series.keep,
        skip=plan.transition_weeks,
    )


def _corrected(cells: Sequence[Cell], rule: str) -> list[Cell]:
    """Each cell with its p corrected over the family of its measure. What does not stand up to that
    has not moved: with many cells some always do."""
    found = {}
    for measure in (SHARE, RATE, ALONE):
        family = [cell for cell in cells if cell.measure == measure]
        if not family:
            continue
        ps = (many.holm if rule == "holm" else many.bh)([cell.p for cell in family])
        for cell, p in zip(family, ps, strict=True):
            kept = cell.verdict is not Verdict.MOVED or p <= CORRECTED_P_MAX
            judged = cell.verdict if kept else Verdict.CANNOT_TELL
            found[cell.key] = replace(cell, p_adjusted=float(p), verdict=judged)
    return [found[cell.key] for cell in cells]


def _attention(plan: Plan, board: Board, dyads: dict[Dyad, None]) -> dict[str, Estimate]:
    """By how much a dyad was reported on more or less: no outcome, its rival."""
    first, last = span(plan, board)
    found = {}
    for dyad in dyads:
        series = board.rate(dyad, ALL).cut(first, last)
        try:
            found["-".join(dyad)] = _change(
                series, board.starts - first, plan.transition_weeks, "level"
            )
        except TooShortError:
            continue
    return found


def outage_ratio(series: Series, out: np.ndarray) -> tuple[float | None, float | None, int]:
    """How an outcome's share in weeks with an outage is to that in the others, and its rank.

    Outages are moved round the record week by week; the rank p is (1 + shifts with a ratio as far
    from 1) / (shifts + 1). None where either side has no story, or fewer than four weeks.
    """
    found = _ratio(series, out)
    if found is None:
        return None, None, 0
    shifted = [_ratio(series, np.roll(out, by)) for by in range(1, len(out))]
    others = [ratio for ratio in shifted if ratio is not None]
    far = abs(np.log(found)) - 1e-9
    as_far = sum(abs(np.log(ratio)) >= far for ratio in others)
    return found, (1 + as_far) / (1 + len(others)), len(others)


def _ratio(series: Series, out: np.ndarray) -> float | None:
    sides = []
    for mask in (out & series.keep, ~out & series.keep):
        y, exposure = series.y[mask].sum(), series.exposure[mask].sum()
        if mask.sum() < 4 or y == 0 or exposure == 0:
            return None
        sides.append(y / exposure)
    return float(sides[0] / sides[1])
