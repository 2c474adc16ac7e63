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
from scipy.special import gammaln, ndtr

from detente.core.errors import MachineError, Refusal

Floats = NDArray[np.float64]

STEP_SD = 5.0  # of the step's log: a factor of e^5 is nothing unheard of, one of e^15 is
LEVEL_SD = 10.0  # of the level's log around the raw rate: only an empty series feels it
_ROUNDS_MAX = 200
_MOVED_MAX = 2.0  # of any log rate in one Newton step; more overshoots where counts are zero
_SETTLED = 1e-5
_RATE_MIN = 1e-12
_CELLS_MAX = 2_000_000  # rows times points times weeks in memory at once: 16 MB an array


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
    exposure: Floats  # (rows, weeks) what they are counted out of
    kept: NDArray[np.bool_]  # (rows, weeks); the others say nothing
    after: NDArray[np.bool_]  # (rows, weeks) after the date
    odds: bool  # y out of exposure trials, and the step on the log odds


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
    rate: Floats  # (rows, points, weeks) curvature of the likelihood: the expected count
    log_evidence: Floats  # (rows, points)


def steps(series: Series, chain: Chain) -> Steps:
    """The posterior of the step of every row. MachineError if Newton's steps do not settle."""
    rows_at_once = max(1, _CELLS_MAX // (chain.diagonal.size or 1))
    parts = [
        _steps(mode(part(series, start, start + rows_at_once), chain), chain)
        for start in range(0, len(series.y), rows_at_once)
    ]
    return Steps(
        np.concatenate([each.mean for each in parts]),
        np.concatenate([each.sd for each in parts]),
        np.concatenate([each.weight for each in parts]),
    )


def part(series: Series, start: int, end: int) -> Series:
    """Some of the rows."""
    rows = slice(start, end)
    return Series(
        series.y[rows], series.exposure[rows], series.kept[rows], series.after[rows], series.odds
    )


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
        trials = np.where(kept, series.exposure, 1.0)[:, None, :]
        self.trials = trials
        after = series.after.astype(float)
        columns = [after, np.ones_like(after)] if chain.mean else [after]
        self.columns = np.stack(columns, axis=-1)[:, None, :, :]
        self.prior = np.diag([STEP_SD**-2, LEVEL_SD**-2][: len(columns)])
        total = self.y.sum(axis=2, keepdims=True) + 0.5
        whole = np.where(self.kept, trials, 0.0).sum(axis=2, keepdims=True) + 1.0
        self.centre = np.log(total / (np.maximum(whole - total, 0.5) if self.odds else whole))
        self.scale = 0.0 if self.odds else np.log(trials)
        rest = np.maximum(trials - self.y, 0.0) + 0.5 if self.odds else trials
        start = np.where(self.kept, np.log((self.y + 0.5) / rest) - self.centre, 0.0)
        points = len(chain.noise)
        self.eta = np.repeat(start, points, axis=1)
        self.shape = self.eta.shape

    def curvature(self) -> tuple[Floats, Floats]:
        """What the likelihood says at eta: its curvature, and its slope over that."""
        if self.odds:
            chance = 1 / (1 + np.exp(-(self.eta + self.centre)))
            bend = np.maximum(self.trials * chance * (1 - chance), _RATE_MIN)
            return bend, (self.y - self.trials * chance) / bend
        rate = np.maximum(np.exp(self.eta + self.centre + self.scale), _RATE_MIN)
        return rate, self.y / rate - 1

    def log_likelihood(self) -> Floats:
        """(rows, points) at eta, with every constant."""
        eta = self.eta + self.centre
        if self.odds:
            each = self.y * eta - self.trials * np.logaddexp(0.0, eta)
            each += gammaln(self.trials + 1) - gammaln(self.y + 1)
            each -= gammaln(np.maximum(self.trials - self.y, 0.0) + 1)
        else:
            each = self.y * (eta + self.scale) - np.exp(eta + self.scale) - gammaln(self.y + 1)
        return np.asarray(np.where(self.kept, each, 0.0).sum(axis=2))

    def factor(self, weight: Floats) -> tuple[Floats, Floats]:
        """The tridiagonal precision with the data's weight, as L D L'."""
        diagonal = (self.chain.diagonal[None, :, :] + weight).ravel()
        beside = np.broadcast_to(self.chain.beside[None, :, :], self.shape).ravel()[:-1]
        pivots, lower, wrong = dpttrf(diagonal, beside)
        if wrong:
            raise MachineError(Refusal.MALFORMED, "a precision that is not positive")
        return pivots, lower

    def solve(self) -> tuple[Mode, Floats]:
        """One Newton step: where it leads, and the working response at its start."""
        bend, slope = self.curvature()
        noise = self.chain.noise[None, :, None]
        weight = np.where(self.kept, bend / (1 + bend * noise), 0.0)
        response = self.eta + slope
        pulled = np.concatenate(
            [(weight * response)[..., None], weight[..., None] * self.columns], axis=-1
        )
        pivots, lower = self.factor(weight)
        flat, wrong = dpttrs(pivots, lower, pulled.reshape(-1, pulled.shape[-1]))
        if wrong:
            raise MachineError(Refusal.MALFORMED, "a precision that cannot be solved")
        solved = np.asarray(flat).reshape(pulled.shape)
        shadow = solved[..., 1:]
        whole = np.einsum("rgti,rgtj->rgij", pulled[..., 1:], self.columns - shadow) + self.prior
        aim = np.einsum("rgti,rgt->rgi", pulled[..., 1:], response - solved[..., 0])
        covariance = np.linalg.inv(whole)
        beta = np.einsum("rgij,rgj->rgi", covariance, aim)
        chain = solved[..., 0] - np.einsum("rgti,rgi->rgt", shadow, beta)
        misfit = np.einsum("rgt,rgt->rg", weight * response, response - solved[..., 0])
        misfit -= np.einsum("rgi,rgi->rg", aim, beta)
        pivots = pivots.reshape(self.shape)
        log_weight = np.where(self.kept, np.log1p(bend * noise) - bend * slope**2, 0.0)
        evidence = self.log_likelihood() - 0.5 * (
            misfit
            + log_weight.sum(axis=2)
            + np.log(pivots).sum(axis=2)
            - self.chain.log_det
            + np.linalg.slogdet(whole)[1]
            - np.linalg.slogdet(self.prior)[1]
        )
        lower = np.append(lower, 0.0).reshape(self.shape)
        return Mode(chain, pivots, lower, beta, covariance, shadow, bend, evidence), response


def mode(series: Series, chain: Chain) -> Mode:
    """The mode of every row and point. MachineError if Newton's steps do not settle."""
    fit = _Fit(series, chain)
    noise = chain.noise[None, :, None]
    for _ in range(_ROUNDS_MAX):
        found, response = fit.solve()
        signal = found.level + np.einsum("rkti,rgi->rgt", fit.columns, found.beta)
        gain = found.rate * noise / (1 + found.rate * noise)
        aim = np.where(fit.kept, signal + gain * (response - signal), signal)
        move = aim - fit.eta
        furthest = np.abs(np.where(fit.kept, move, 0.0)).max(axis=2, keepdims=True)
        if furthest.max() < _SETTLED:
            break
        fit.eta = fit.eta + move * np.minimum(1.0, _MOVED_MAX / np.maximum(furthest, _SETTLED))
    else:
        raise MachineError(Refusal.MALFORMED, "a series on which Newton's steps do not settle")
    level = found.level + fit.centre
    if chain.mean:
        level = level + found.beta[..., 1:2]
    return replace(found, level=level, rate=np.where(fit.kept, found.rate, 0.0))


def variances(found: Mode) -> Floats:
    """(rows, points, weeks): the chain's variance given the columns, from the last week backwards.

    It is the diagonal of the inverse of L D L'.
    """
    variance = 1 / found.pivots
    for week in range(variance.shape[2] - 2, -1, -1):
        variance[:, :, week] += found.lower[:, :, week] ** 2 * variance[:, :, week + 1]
    return variance
