"""Shares, counts and waiting times of the line itself, each with its interval.

A new line has no "before": these are the numbers it can show. A call that nobody answered is a
waiting time of at least so much, and is counted as that.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta, chi2, norm

from detente.core.errors import LocalError, Refusal
from detente.trends.estimate import Interval

LEVEL = 0.9  # of every interval, unless asked otherwise
_REDRAWN = 2000


@dataclass(frozen=True, slots=True)
class Survival:
    """The share still waiting after each time at which something was answered."""

    times: tuple[float, ...]  # when answers came, in order, each once
    waiting: tuple[float, ...]  # share that waits longer
    low: tuple[float, ...]  # its interval, log-log
    high: tuple[float, ...]
    n: int  # calls
    unanswered: int  # of them, censored

    def quantile(self, share: float) -> float | None:
        """The time by which this share was answered; None where it never was."""
        return _reached(self.times, self.waiting, share)

    def quantile_interval(self, share: float) -> tuple[float | None, float | None]:
        """The times at which the band says so, earliest and latest (Brookmeyer, Crowley 1982)."""
        return _reached(self.times, self.low, share), _reached(self.times, self.high, share)


def clopper_pearson(hits: int, n: int, *, level: float = LEVEL) -> Interval:
    """The exact interval of a share: covers at least ``level`` of the time."""
    _check_share(hits, n)
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return Interval(low, high)


def wilson(hits: int, n: int, *, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share (1927): covers about ``level`` of the time, and is narrower."""
    _check_share(hits, n)
    z = float(norm.ppf((1 + level) / 2))
    middle = (hits + z * z / 2) / (n + z * z)
    reach = z * math.sqrt(hits * (n - hits) / n + z * z / 4) / (n + z * z)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def poisson_exact(count: int, exposure: float, *, level: float = LEVEL) -> Interval:
    """The exact interval of a rate of events in so much exposure (Garwood 1936)."""
    if count < 0 or not 0 < exposure < math.inf:
        raise LocalError(Refusal.USAGE, f"{count} events in an exposure of {exposure}")
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(chi2.ppf(tail, 2 * count)) / 2
    return Interval(low / exposure, float(chi2.ppf(1 - tail, 2 * count + 2)) / 2 / exposure)


def kaplan_meier(
    waited: Sequence[float], answered: Sequence[bool], *, level: float = LEVEL
) -> Survival:
    """Kaplan and Meier's (1958) share still waiting, with Greenwood's variance of its log-log.

    ``waited`` is how long each waited, until the answer or until nobody looked any more, in the
    caller's own unit. LocalError USAGE without calls, or with a time below 0.
    """
    times, came = np.asarray(waited, dtype=float), np.asarray(answered, dtype=bool)
    if not len(times) or len(times) != len(came):
        raise LocalError(Refusal.USAGE, f"{len(times)} waits beside {len(came)} answers")
    if not np.isfinite(times).all() or (times < 0).any():
        raise LocalError(Refusal.USAGE, "a wait below zero, or without end")
    z = float(norm.ppf((1 + level) / 2))
    moments = np.unique(times[came])
    share, hazard = 1.0, 0.0
    waiting: list[float] = []
    low: list[float] = []
    high: list[float] = []
    for moment in moments:
        at_risk = int((times >= moment).sum())
        answers = int(((times == moment) & came).sum())
        share *= 1 - answers / at_risk
        hazard += answers / (at_risk * (at_risk - answers)) if at_risk > answers else 0.0
        lower, upper = _log_log(share, hazard, z) if share else (0.0, high[-1] if high else 1.0)
        waiting.append(share)
        low.append(lower)
        high.append(upper)
    return Survival(
        tuple(map(float, moments)),
        tuple(waiting),
        tuple(low),
        tuple(high),
        len(times),
        int((~came).sum()),
    )


def bootstrap_quantile(
    values: ArrayLike, share: float, *, plan: str, level: float = LEVEL
) -> Interval:
    """The percentile interval of a quantile over 2000 redrawn samples.

    The draws come from the hash of ``plan``: the same plan and values give the same interval.
    LocalError USAGE without values.
    """
    known = np.asarray(values, dtype=float)
    if not len(known) or not np.isfinite(known).all():
        raise LocalError(Refusal.USAGE, "no values to draw from, or one that is none")
    drawn = seeded(plan, "bootstrap").choice(known, size=(_REDRAWN, len(known)))
    found = np.quantile(drawn, share, axis=1, method="inverted_cdf")
    tail = (1 - level) / 2
    low, high = np.quantile(found, (tail, 1 - tail), method="inverted_cdf")
    return Interval(float(low), float(high))


def seeded(plan: str, use: str) -> np.random.Generator:
    """Chance that follows from a plan and from what it is used for, and from nothing else."""
    digest = hashlib.sha256(f"{plan}\0{use}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def _check_share(hits: int, n: int) -> None:
    if not 0 <= hits <= n or n == 0:
        raise LocalError(Refusal.USAGE, f"{hits} of {n} is no share")


def _log_log(share: float, hazard: float, z: float) -> tuple[float, float]:
    reach = math.exp(z * math.sqrt(hazard) / abs(math.log(share)))
    return share**reach, share ** (1 / reach)


def _reached(times: Sequence[float], waiting: Sequence[float], share: float) -> float | None:
    left = 1 - share + 1e-12
    return next(
        (time for time, each in zip(times, waiting, strict=True) if each <= left),
        None,
    )
