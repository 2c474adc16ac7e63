"""The third table: what is watched from here on, what the coming weeks would hold, and alarms.

Forecasts are written into a ledger when they are made and scored when their weeks have come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from detente.core.errors import LocalError
from detente.trends import alarms, ledger
from detente.trends.alarms import Threshold
from detente.trends.board import Board
from detente.trends.forecast import LAST_WEEKS, Predictive, last_year
from detente.trends.ledger import Entry, Scored
from detente.trends.plan import Dyad, Plan
from detente.trends.tables import Sources, outcome_word, six
from detente.trends.words import percent
from detente.words import translate

ALARM_WEEKS = 52  # a false alarm is accepted once in so many weeks, as placebo dyads show it


@dataclass(frozen=True, slots=True)
class Trend:
    """One trend of one dyad."""

    dyad: Dyad
    outcome: str
    count: int  # stories in the last 52 weeks with data
    weeks: int  # of these
    forecast: Predictive | None  # of any coming week; None with too few weeks
    alarm: int | None  # a week with so many stories is one; None where placebos are too few
    last: int | None  # stories in the last week; None without data
    last_state: str
    alarmed: bool
    scored: Scored

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return f"{'-'.join(self.dyad)}/{self.outcome}"


@dataclass(frozen=True, slots=True)
class Monitored:
    """The third table."""

    trends: tuple[Trend, ...]
    scored: Scored  # all forecasts of the ledger
    looks: int  # dates at which somebody looked at these data, this one with them

    def rows(self, sources: Sources) -> dict[str, Any]:
        """What the document says of it, with provenance."""
        return {
            "trends": [_row(one, sources) for one in self.trends],
            "reliability": [
                {
                    "said": f"{percent(one.low)} – {percent(one.high)}",
                    "n": one.n,
                    "came": f"{round(one.came * one.n)} / {one.n}",
                }
                for one in self.scored.reliability
            ],
            "looks": self.looks,
            "alarm_weeks": ALARM_WEEKS,
        }


def monitor(plan: Plan, board: Board, held: Sequence[Entry] = ()) -> Monitored:
    """Every trend of the plan for every dyad of it, with the scores of the forecasts held."""
    came = _came(plan, board)
    made = {one.made for one in held}
    return Monitored(
        tuple(
            _trend(plan, board, dyad, outcome, held, came)
            for dyad in plan.dyads
            for outcome in plan.trends
        ),
        ledger.scored(held, came),
        len(made | set(board.weeks[-1:])),
    )


def forecasts(plan: Plan, board: Board, until: int, held: Sequence[Entry] = ()) -> list[Entry]:
    """What is forecast when the weeks before index ``until`` are known, unless it is held."""
    found = []
    made = board.weeks[until - 1]
    known = {(one.plan, one.key, one.made, one.week) for one in held}
    for dyad in plan.dyads:
        for outcome in plan.trends:
            y = board.count([dyad], outcome)[:until]
            try:
                predictive = last_year(y, keep=board.keep[:until])
            except LocalError:  # too few weeks: nothing is forecast from them
                continue
            middle = predictive.bands()[2]
            key = f"{'-'.join(dyad)}/{outcome}"
            found += [
                ledger.entry(
                    plan.sha256, key, made, made + timedelta(weeks=ahead), middle, predictive
                )
                for ahead in range(1, plan.horizon_weeks + 1)
            ]
    return [one for one in found if (one.plan, one.key, one.made, one.week) not in known]


def _came(plan: Plan, board: Board) -> dict[tuple[str, date], float]:
    return {
        (f"{'-'.join(dyad)}/{outcome}", week): float(count)
        for dyad in plan.dyads
        for outcome in plan.trends
        for week, count, kept in zip(
            board.weeks, board.count([dyad], outcome), board.keep, strict=True
        )
        if kept
    }


def _trend(
    plan: Plan,
    board: Board,
    dyad: Dyad,
    outcome: str,
    held: Sequence[Entry],
    came: dict[tuple[str, date], float],
) -> Trend:
    y = board.count([dyad], outcome)
    kept = y[board.keep][-LAST_WEEKS:]
    try:
        forecast = last_year(y, keep=board.keep)
    except LocalError:  # too few weeks: the row says so
        forecast = None
    threshold = _threshold(plan, board, outcome)
    last = int(y[-1]) if len(y) and board.keep[-1] else None
    key = f"{'-'.join(dyad)}/{outcome}"
    return Trend(
        dyad=dyad,
        outcome=outcome,
        count=int(kept.sum()),
        weeks=len(kept),
        forecast=forecast,
        alarm=None if forecast is None or threshold is None else _count(forecast, threshold),
        last=last,
        last_state=board.states[-1] if board.states else "no data",
        alarmed=last is not None and threshold is not None and _fires(y, board, threshold),
        scored=ledger.scored([one for one in held if one.key == key], came),
    )


def _threshold(plan: Plan, board: Board, outcome: str) -> Threshold | None:
    """Set from the comparison dyads, where nothing is looked for; None where they are too few."""
    placebo = [
        tail
        for dyad in plan.comparison
        for _week, tail in alarms.tails(board.count([dyad], outcome), keep=board.keep)
    ]
    try:
        return alarms.calibrated(placebo, 1 / ALARM_WEEKS)
    except LocalError:  # too few placebo weeks for such a rate: the row has no threshold
        return None


def _count(forecast: Predictive, threshold: Threshold) -> int:
    """The smallest count that would be an alarm."""
    beyond = int(forecast.samples.max()) + 1
    return next((count for count in range(beyond) if threshold.fires(forecast.tail(count))), beyond)


def _fires(y: np.ndarray, board: Board, threshold: Threshold) -> bool:
    found = alarms.tails(y, keep=board.keep)
    return bool(found) and found[-1][0] == len(y) - 1 and threshold.fires(found[-1][1])


def _row(one: Trend, sources: Sources) -> dict[str, Any]:
    who = "-".join(one.dyad)
    values: dict[str, Any] = {
        "count": one.count,
        "weeks": one.weeks,
        "mean": six(one.count / one.weeks) if one.weeks else None,
        "alarm": one.alarm,
        "last": one.last,
    }
    bands = None
    if one.forecast is not None:
        low, half_low, _middle, half_high, high = one.forecast.bands()
        bands = {"half": [half_low, half_high], "ninety": [low, high]}
        values |= {"low": low, "half_low": half_low, "half_high": half_high, "high": high}
    scores = None
    if one.scored.n:
        scores = {
            "n": one.scored.n,
            "crps": six(one.scored.crps or 0),
            "brier": six(one.scored.brier or 0),
            "held": round((one.scored.covered_ninety or 0) * one.scored.n),
        }
        values |= scores
    return {
        "who": who,
        "outcome": one.outcome,
        "outcome_word": outcome_word(one.outcome),
        **values,
        "bands": bands,
        "last_state": translate(one.last_state),
        "alarmed": one.alarmed,
        "scores": scores,
        "prov": sources.provenance.figure(
            f"{one.key}/trend", values, sources.of([one.dyad], [one.outcome])
        ),
    }
