"""The rows of what is watched: forecasts against their benchmark, alarms against their rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from bench.trends_check import (
    NORMAL_RARE,
    Check,
    Checks,
    at_most,
    binomial_least,
    binomial_most,
    within,
)
from bench.trends_worlds import Floats, chance, dyads

from detente.trends import alarms, forecast
from detente.trends.scores import crps, inside


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Weeks forecast one to eight ahead; the eight of one origin stand and fall together."""

    moving: Floats  # (origins,) mean CRPS of the moving mean
    last_year: Floats  # (origins,) of the last 52 weeks
    inside: float  # share of weeks in the middle 90 % of the moving mean
    weeks: int


@cache
def forecasts(short: bool) -> Forecasts:
    """Generated dyads, forecast from several origins each."""
    rows = 10 if short else 26
    y = dyads(chance("forecast"), rows, 182).y
    scores: dict[str, list[float]] = {"moving": [], "last_year": []}
    held: list[float] = []
    for row, origin in product(range(rows), range(104, 174, 12 if short else 6)):
        past, coming = y[row, :origin], y[row, origin : origin + 8]
        year = forecast.last_year(past)
        made = [forecast.moving(past, ahead=ahead) for ahead in range(1, 9)]
        pairs = list(zip(made, coming, strict=True))
        scores["moving"].append(float(np.mean([crps(one.samples, week) for one, week in pairs])))
        scores["last_year"].append(float(np.mean([crps(year.samples, week) for week in coming])))
        held += [inside(one.samples, week, 0.9) for one, week in pairs]
    return Forecasts(
        np.array(scores["moving"]),
        np.array(scores["last_year"]),
        float(np.mean(held)),
        len(held),
    )


def forecast_crps(short: bool) -> Check:
    """CRPS of the moving mean over that of resampling the last 52 weeks, one to eight ahead."""
    found = forecasts(short)
    usual = found.last_year.mean()
    error = (found.moving - found.last_year).std() / np.sqrt(len(found.moving)) / usual
    limit = 1.02 + NORMAL_RARE * float(error) * short
    return at_most(float(found.moving.mean() / usual), limit)


def forecast_coverage(short: bool) -> Check:
    """How many weeks lie in the middle 90 % of the moving mean, counts at its ends in part."""
    found = forecasts(short)
    low = binomial_least(0.87, found.weeks, short=short)
    return within(found.inside, low, binomial_most(0.93, found.weeks, short=short))


def alarm_rate(_short: bool) -> Check:
    """Alarms per stated alarm, on dyads that the threshold was not made from."""
    known, other = (dyads(chance("alarm", name), 52, 182).y for name in ("known", "other"))
    pooled = [tail for y in known for _, tail in alarms.tails(y)]
    threshold = alarms.calibrated(pooled, 0.02)
    seen = [threshold.fires(tail) for y in other for _, tail in alarms.tails(y)]
    return within(sum(seen) / len(seen) / 0.02, 0.5, 1.5)


CHECKS: Checks = {
    "forecast-crps": forecast_crps,
    "forecast-coverage": forecast_coverage,
    "alarm-rate": alarm_rate,
}
