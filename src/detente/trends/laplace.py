"""Weekly counts over a Gaussian chain of levels, and one step in it: Laplace, over a grid.

Every week has a rate exp(eta): eta = X·beta + m + e, where m is a Gaussian chain (level.py, ar.py),
e is noise of single weeks, and the columns of X carry the step after the date, with or without a
mean. For every point of a grid of the chain's and the noise's parameters, Newton's steps find the
mode; Tierney and Kadane's (1986) Laplace approximation gives the weight of that point, and the
Gaussian at the mode the step's own distribution. The posterior of the step is their mixture.

Each Newton step is a linear Gaussian model of the working response (Durbin and Koopman 2012,
§10.6), whose precision is tridiagonal. All rows and all points of the grid stand in one tridiagonal
matrix with zeros between them, so that one banded factorisation serves all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpttrf, dpttrs
from scipy.special import expit, ndtr

from detente.core.errors import MachineError, Refusal

Floats = NDArray[np.float64]

STEP_SD = 5.0  # of the step's log: a factor of e^5 is nothing unheard of, one of e^15 is
LEVEL_SD = 10.0  # of the level's log around the raw rate: only an empty series feels it
_ROUNDS_MAX = 200
_MOVED_MAX = 2.0  # of any log rate in one Newton step; more overshoots where counts are zero
_SETTLED = 1e-3  # of any log rate: Newton's next step is of its square
_RATE_MIN = 1e-12
CELLS_MAX = 200_000  # rows times points times weeks at once: what a processor keeps at hand


@dataclass(frozen=True, slots=True)
class Chain:
    """Priors at the points of a grid: the chain's precision, a week's noise, the point's weight."""

    diagonal: Floats  # (points, weeks) of the precision
    beside: Floats  # (points, weeks); the last is not used and 0
    log_det: Floats  # (points,) of the precision
    noise: Floats  # (points,) variance of one week's noise
    log_prior: Floats  # (points,) with the width of the point's cell in it
    mean: bool  # whether the chain is around a mean that is a column of X


@dataclass(frozen=True, slots=True)
class Series:
    """Rows of weekly counts, alike in length: what is modelled, without what is left out."""

    y: Floats  # (rows, weeks) counts
    exposure: Floats  # (rows, weeks) what they are counted out of: rates, or trials for odds
    kept: NDArray[np.bool_]  # (rows, weeks); the others say nothing
    after: NDArray[np.bool_]  # (rows, weeks) after the date
    odds: bool  # y out of exposure trials, and the step on the log odds
    offset: Floats  # (rows, weeks) added to the log odds; 0 unless two exposures differ


@dataclass(frozen=True, slots=True)
class Steps:
    """The posterior of every row's step: a mixture of Gaussians on the log scale."""

    mean: Floats  # (rows, points)
    sd: Floats  # (rows, points)
    weight: Floats  # (rows, points), sums of 1

    def below(self, value: Floats) -> Floats:
        """(rows, values): the posterior probability that the log of the step is below each."""
        reach = (value[:, :, None] - self.mean[:, None, :]) / self.sd[:, None, :]
        return np.asarray(np.einsum("rvp,rp->rv", ndtr(reach), self.weight))

    def quantiles(self, *shares: float) -> Floats:
        """(rows, shares): quantiles of the log of the step, by bisection to 1e-9."""
        return mixture_quantiles(self.mean, self.sd, self.weight, shares)


def mixture_quantiles(
    mean: Floats, sd: Floats, weight: Floats, shares: tuple[float, ...]
) -> Floats:
    """(rows, shares): quantiles of mixtures of Gaussians, each row its own (rows, points)."""
    low = np.repeat((mean - 9 * sd).min(axis=1)[:, None], len(shares), axis=1)
    high = np.repeat((mean + 9 * sd).max(axis=1)[:, None], len(shares), axis=1)
    aim = np.array(shares)[None, :]
    for _ in range(max(1, int(np.ceil(np.log2((high - low).max() / 1e-9))))):
        middle = (low + high) / 2
        reach = (middle[:, :, None] - mean[:, None, :]) / sd[:, None, :]
        under = np.einsum("rvp,rp->rv", ndtr(reach), weight) < aim
        low = np.where(under, middle, low)
        high = np.where(under, high, middle)
    return np.asarray((low + high) / 2)


@dataclass(frozen=True, slots=True)
class Mode:
    """Where Newton's steps ended, for every row and point: what bands and power are made of."""

    level: Floats  # (rows, points, weeks) the chain, with its offset and mean
    pivots: Floats  # (rows, points, weeks) D of the chain's precision L D L', given the columns
    lower: Floats  # (rows, points, weeks) L beside its diagonal; the last is 0
    beta: Floats  # (rows, points, columns) the step first
    covariance: Floats  # (rows, points, columns, columns) of beta
    shadow: Floats  # (rows, points, weeks, columns) how the chain answers to beta
    log_evidence: Floats  # (rows, points)


def steps(series: Series, chain: Chain) -> Steps:
    """The posterior of the step of every row. MachineError if Newton's steps do not settle."""
    parts = [_steps(mode(each, chain), chain) for each in parts_of(series, chain)]
    return Steps(
        np.concatenate([each.mean for each in parts]),
        np.concatenate([each.sd for each in parts]),
        np.concatenate([each.weight for each in parts]),
    )


def parts_of(series: Series, chain: Chain) -> list[Series]:
    """The rows, in parts that are worked on at once."""
    size = max(1, CELLS_MAX // chain.diagonal.size)
    return [
        Series(
            series.y[start : start + size],
            series.exposure[start : start + size],
            series.kept[start : start + size],
            series.after[start : start + size],
            series.odds,
            series.offset[start : start + size],
        )
        for start in range(0, len(series.y), size)
    ]


def weights(found: Mode, chain: Chain) -> Floats:
    """(rows, points): the posterior weight of every point of the grid, sums of 1."""
    log_weight = found.log_evidence + chain.log_prior
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _steps(found: Mode, chain: Chain) -> Steps:
    return Steps(found.beta[:, :, 0], np.sqrt(found.covariance[:, :, 0, 0]), weights(found, chain))


class _Fit:
    """Newton's steps for all rows and points at once."""

    def __init__(self, series: Series, chain: Chain) -> None:
        kept = series.kept & (series.exposure > 0)
        self.chain = chain
        self.odds = series.odds
        self.kept = kept[:, None, :]
        self.y = np.where(kept, series.y, 0.0)[:, None, :]
        self.trials = np.where(kept, series.exposure, 1.0)[:, None, :]
        after = series.after.astype(float)
        columns = [after, np.ones_like(after)] if chain.mean else [after]
        self.columns = np.stack(columns, axis=-1)[:, None, :, :]
        self.prior = np.diag([STEP_SD**-2, LEVEL_SD**-2][: len(columns)])
        self.base = np.where(kept, series.offset, 0.0)[:, None, :]
        if not self.odds:
            self.base = self.base + np.log(self.trials)
        against = np.maximum(self.trials - self.y, 0.0) + 0.5 if self.odds else 1.0
        raw = np.where(self.kept, np.log((self.y + 0.5) / against) - self.base, 0.0)
        self.centre = (
            raw.sum(axis=2, keepdims=True) / np.maximum(kept.sum(axis=1), 1)[:, None, None]
        )
        self.base = self.base + self.centre
        start = np.where(self.kept, raw - self.centre, 0.0)
        self.eta = np.repeat(start, len(chain.noise), axis=1)
        self.shape = self.eta.shape

    def bend(self, eta: Floats) -> Floats:
        """The curvature of the likelihood: of rates the expected count, of odds its variance."""
        if self.odds:
            small = np.exp(-np.abs(eta + self.base))
            return np.asarray(np.maximum(self.trials * small / (1 + small) ** 2, _RATE_MIN))
        return np.asarray(np.maximum(np.exp(eta + self.base), _RATE_MIN))

    def slope(self, bend: Floats) -> Floats:
        """The slope of the likelihood at eta, over its curvature."""
        if self.odds:
            return np.asarray((self.y - self.trials * expit(self.eta + self.base)) / bend)
        return np.asarray(self.y / bend - 1)

    def log_likelihood(self) -> Floats:
        """(rows, points) at eta, but for what does not depend on it."""
        log_rate = self.eta + self.base
        cost = self.trials * np.logaddexp(0.0, log_rate) if self.odds else np.exp(log_rate)
        return np.asarray(np.where(self.kept, self.y * log_rate - cost, 0.0).sum(axis=2))

    def weight(self, bend: Floats) -> Floats:
        """What a week says about the chain, when its own noise is allowed for."""
        noise = self.chain.noise[None, :, None]
        return np.where(self.kept, bend / (1 + bend * noise), 0.0)

    def solved(self, weight: Floats, pulled: Floats) -> tuple[Floats, Floats, Floats]:
        """The chain's answer to what pulls at it, with D and L of its precision."""
        diagonal = (self.chain.diagonal[None, :, :] + weight).ravel()
        beside = np.broadcast_to(self.chain.beside[None, :, :], self.shape).ravel()[:-1]
        pivots, lower, wrong = dpttrf(diagonal, beside)
        if wrong:
            raise MachineError(Refusal.MALFORMED, "a precision that is not positive")
        flat, _ = dpttrs(pivots, lower, pulled.reshape(-1, pulled.shape[-1]))
        lower = np.append(lower, 0.0).reshape(self.shape)
        return np.asarray(flat).reshape(pulled.shape), pivots.reshape(self.shape), lower

    def newton(self) -> tuple[Mode, Floats]:
        """Where one step leads, with the evidence at its start; and the response it was led by."""
        bend = self.bend(self.eta)
        slope = self.slope(bend)
        weight = self.weight(bend)
        response = self.eta + slope
        pulled = np.concatenate(
            [(weight * response)[..., None], weight[..., None] * self.columns], axis=-1
        )
        solved, pivots, lower = self.solved(weight, pulled)
        rest, shadow = response - solved[..., 0], solved[..., 1:]
        precision = np.einsum("rgti,rgtj->rgij", pulled[..., 1:], self.columns - shadow)
        precision += self.prior
        aim = np.einsum("rgti,rgt->rgi", pulled[..., 1:], rest)
        covariance = np.linalg.inv(precision)
        beta = np.einsum("rgij,rgj->rgi", covariance, aim)
        noise = self.chain.noise[None, :, None]
        each_week = np.where(self.kept, np.log1p(bend * noise) - bend * slope**2, 0.0)
        evidence = self.log_likelihood() - 0.5 * (
            np.einsum("rgt,rgt->rg", pulled[..., 0], rest)
            - np.einsum("rgi,rgi->rg", aim, beta)
            + each_week.sum(axis=2)
            + np.log(pivots).sum(axis=2)
            - self.chain.log_det
            + np.linalg.slogdet(precision)[1]
        )
        level = solved[..., 0] - np.einsum("rgti,rgi->rgt", shadow, beta)
        return Mode(level, pivots, lower, beta, covariance, shadow, evidence), response

    def settle(self) -> Mode:
        """Steps until none moves any week that is kept. MachineError if they do not settle."""
        for _ in range(_ROUNDS_MAX):
            found, response = self.newton()
            signal = found.level + np.einsum("rkti,rgi->rgt", self.columns, found.beta)
            gain = self.weight(self.bend(self.eta)) * self.chain.noise[None, :, None]
            move = signal + gain * (response - signal) - self.eta
            furthest = np.abs(np.where(self.kept, move, 0.0)).max(axis=2, keepdims=True)
            self.eta = self.eta + move * np.minimum(1.0, _MOVED_MAX / (furthest + _SETTLED))
            if furthest.max() < _SETTLED:
                return found
        raise MachineError(Refusal.MALFORMED, "a series on which Newton's steps do not settle")


def mode(series: Series, chain: Chain) -> Mode:
    """The mode of every row and point. MachineError if Newton's steps do not settle."""
    fit = _Fit(series, chain)
    found = fit.settle()
    level = found.level + fit.centre
    if chain.mean:
        level = level + found.beta[..., 1:2]
    return replace(found, level=level)


class Sharpness:
    """How sharply a series would show a step other than the one it has."""

    def __init__(self, series: Series, chain: Chain) -> None:
        self._fit = _Fit(series, chain)
        found = self._fit.settle()
        self._weight = weights(found, chain)
        middle = (self._weight * found.beta[..., 0]).sum(axis=1, keepdims=True)
        self._apart = (self._weight * (found.beta[..., 0] - middle) ** 2).sum(axis=1)
        step = found.beta[..., :1] * self._fit.columns[..., 0]
        self._without = self._fit.eta - step  # what the series would be had nothing changed

    def sd(self, planted: Floats) -> Floats:
        """(rows,): of the log of the step, had it been ``planted`` in each of the rows.

        What the points of the grid differ by is taken as it is: an interval has to hold that too.
        """
        fit = self._fit
        bend = fit.bend(self._without + planted[:, None, None] * fit.columns[..., 0])
        weight = fit.weight(bend)
        pulled = weight[..., None] * fit.columns
        shadow, _, _ = fit.solved(weight, pulled)
        precision = np.einsum("rgti,rgtj->rgij", pulled, fit.columns - shadow) + fit.prior
        variance = np.linalg.inv(precision)[..., 0, 0]
        return np.asarray(np.sqrt((self._weight * variance).sum(axis=1) + self._apart))


def variances(found: Mode) -> Floats:
    """(rows, points, weeks): the chain's variance given the columns, from the last week backwards.

    It is the diagonal of the inverse of L D L'.
    """
    variance = 1 / found.pivots
    for week in range(variance.shape[2] - 2, -1, -1):
        variance[:, :, week] += found.lower[:, :, week] ** 2 * variance[:, :, week + 1]
    return variance
