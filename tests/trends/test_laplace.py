"""The engine below the estimates, against brute force, conjugate cases and dense matrices."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm

from detente.core.errors import MachineError
from detente.trends import laplace
from detente.trends.ar import ar1
from detente.trends.laplace import (
    LEVEL_SD,
    STEP_SD,
    Chain,
    Series,
    Sharpness,
    Steps,
    mixture_quantiles,
    mode,
    steps,
    variances,
    weights,
)
from detente.trends.level import level


def series(y, exposure=None, starts=1, *, odds=False) -> Series:
    """One row with every week kept."""
    counts = np.asarray([y], dtype=float)
    bases = np.ones_like(counts) if exposure is None else np.asarray([exposure], dtype=float)
    after = np.zeros(counts.shape, bool)
    after[:, starts:] = True
    return Series(counts, bases, np.ones(counts.shape, bool), after, odds, np.zeros(counts.shape))


def points(chain: Chain, *chosen: int) -> Chain:
    """A grid of some points alone, all with the same prior weight."""
    rows = list(chosen)
    return Chain(
        chain.diagonal[rows],
        chain.beside[rows],
        chain.log_det[rows],
        chain.noise[rows],
        np.zeros(len(rows)),
        chain.mean,
    )


def walk(sd: float, noise_sd: float, weeks: int) -> Chain:
    """A random walk at one point of any grid."""
    made = level(weeks)
    precision = sd**-2
    diagonal = np.full((1, weeks), 2 * precision)
    diagonal[0, -1] = precision
    diagonal[0, 0] = precision + LEVEL_SD**-2
    beside = np.full((1, weeks), -precision)
    beside[0, -1] = 0
    log_det = np.array([(weeks - 1) * np.log(precision) - 2 * np.log(LEVEL_SD)])
    return dataclasses.replace(
        points(made, 0),
        diagonal=diagonal,
        beside=beside,
        log_det=log_det,
        noise=np.array([noise_sd**2]),
    )


def brute_force(y: tuple[int, int], sd: float) -> tuple[float, float, float]:
    """Evidence, mean and sd of the step of two weeks, by sums over level, move and step."""
    centre = float(np.log(np.array(y) + 0.5).mean())
    first = np.linspace(centre - 3, centre + 3, 161)[:, None, None]
    second = first + np.linspace(-5 * sd, 5 * sd, 41)[None, :, None]
    step = np.linspace(-4, 4, 201)[None, None, :]
    log = norm.logpdf(first, centre, LEVEL_SD) + norm.logpdf(second - first, 0, sd)
    log = log + norm.logpdf(step, 0, STEP_SD)
    log = log + y[0] * first - np.exp(first) + y[1] * (second + step) - np.exp(second + step)
    density = np.exp(log)
    cell = (6 / 160) * (10 * sd / 40) * (8 / 200)
    of_step = density.sum(axis=(0, 1))
    mean = float((of_step * step[0, 0]).sum() / of_step.sum())
    spread = float(np.sqrt((of_step * (step[0, 0] - mean) ** 2).sum() / of_step.sum()))
    return float(np.log(density.sum() * cell)), mean, spread


@pytest.mark.parametrize("y", [(30, 60), (40, 40), (25, 10)])
def test_step_and_evidence_agree_with_sums_over_everything(y):
    """Two weeks of counts: mode and width of the step within a few hundredths of brute force."""
    chain = walk(0.3, 1e-6, 2)
    found = steps(series(y), chain)
    _, mean, sd = brute_force(y, 0.3)
    assert found.mean[0, 0] == pytest.approx(mean, abs=0.04)
    assert found.sd[0, 0] == pytest.approx(sd, rel=0.05)


def test_the_weight_of_two_walks_agrees_with_sums_over_everything():
    """How much likelier one point of the grid is than another is what brute force says."""
    y = (30, 60)
    logs = [float(mode(series(y), walk(sd, 1e-6, 2)).log_evidence[0, 0]) for sd in (0.1, 0.6)]
    exact = [brute_force(y, sd)[0] for sd in (0.1, 0.6)]
    assert logs[1] - logs[0] == pytest.approx(exact[1] - exact[0], abs=0.03)


def test_a_still_level_gives_the_error_of_two_poisson_sums():
    """Without walk and noise the variance of the log ratio is 1/before + 1/after."""
    y = np.full(60, 25)
    found = steps(series(y, starts=40), walk(1e-4, 1e-4, 60))
    assert found.sd[0, 0] ** 2 == pytest.approx(1 / (40 * 25) + 1 / (20 * 25), rel=0.01)
    assert found.mean[0, 0] == pytest.approx(0.0, abs=1e-3)


def test_a_still_level_gives_the_error_of_two_binomials():
    """For odds it is the sum of the inverses of all four cells."""
    y, whole = np.full(60, 20), np.full(60, 50)
    found = steps(series(y, whole, 40, odds=True), walk(1e-4, 1e-4, 60))
    cells = (40 * 20, 40 * 30, 20 * 20, 20 * 30)
    assert found.sd[0, 0] ** 2 == pytest.approx(sum(1 / cell for cell in cells), rel=0.01)


def test_a_week_of_noise_counts_for_less():
    """With noise of single weeks the precision of a week is 1 / (1/count + variance)."""
    y = np.full(60, 100)
    found = steps(series(y, starts=40), walk(1e-4, 0.5, 60))
    each = 1 / (1 / 100 + 0.25)
    assert found.sd[0, 0] ** 2 == pytest.approx(1 / (40 * each) + 1 / (20 * each), rel=0.01)


@pytest.mark.parametrize("made", [level, ar1])
def test_the_grids_determinants_are_those_of_their_matrices(made):
    """log |Q| of every point, in closed form, is that of the dense matrix."""
    chain = made(9)
    for point in range(0, len(chain.noise), 13):
        dense = np.diag(chain.diagonal[point])
        dense += np.diag(chain.beside[point, :-1], 1) + np.diag(chain.beside[point, :-1], -1)
        assert np.linalg.slogdet(dense)[1] == pytest.approx(chain.log_det[point], abs=1e-6)


def test_the_twins_precision_is_the_inverse_of_its_covariance():
    """AR(1): the covariance of two weeks is variance times memory to their distance."""
    chain = ar1(6)
    point = 2 * 25 + 3 * 5
    dense = np.diag(chain.diagonal[point])
    dense += np.diag(chain.beside[point, :-1], 1) + np.diag(chain.beside[point, :-1], -1)
    covariance = np.linalg.inv(dense)
    ratios = covariance[0, 1:] / covariance[0, :-1]
    assert ratios == pytest.approx(np.full(5, 0.75))
    assert np.diag(covariance) == pytest.approx(np.full(6, covariance[0, 0]))


def test_variances_are_the_diagonal_of_the_dense_inverse():
    """The recursion over weeks is what inverting the whole matrix gives."""
    y = np.random.default_rng(1).poisson(10, 20)
    chain = points(level(20), 40)
    found = mode(series(y, starts=12), chain)
    dense = np.diag(found.pivots[0, 0])
    lower = np.eye(20) + np.diag(found.lower[0, 0, :-1], -1)
    inverse = np.linalg.inv(lower @ dense @ lower.T)
    assert variances(found)[0, 0] == pytest.approx(np.diag(inverse))


def test_weights_are_a_distribution():
    """The grid's weights add up to 1, however large the counts."""
    chain = level(40)
    found = mode(series(np.full(40, 10_000_000), starts=20), chain)
    assert weights(found, chain).sum() == pytest.approx(1.0)
    assert (weights(found, chain) >= 0).all()


def test_quantiles_of_one_gaussian_are_its_own():
    """A mixture of one, and one of two that are the same, have the normal quantiles."""
    mean, sd, weight = np.array([[1.0, 1.0]]), np.array([[2.0, 2.0]]), np.array([[0.3, 0.7]])
    shares = (0.05, 0.5, 0.95)
    found = mixture_quantiles(mean, sd, weight, shares)[0]
    assert found == pytest.approx(norm.ppf(shares, 1.0, 2.0), abs=1e-7)


def test_below_and_quantiles_are_each_other_s_inverse():
    """The probability below a quantile is that quantile's share."""
    found = Steps(np.array([[0.0, 3.0]]), np.array([[1.0, 0.5]]), np.array([[0.6, 0.4]]))
    quantiles = found.quantiles(0.05, 0.25, 0.9)
    assert found.below(quantiles)[0] == pytest.approx([0.05, 0.25, 0.9], abs=1e-7)


def test_rows_worked_on_in_parts_are_the_same(monkeypatch):
    """How many rows share a matrix changes nothing in any of them."""
    rng = np.random.default_rng(2)
    y = rng.poisson(5, (7, 30)).astype(float)
    after = np.tile(np.arange(30) >= 20, (7, 1))
    rows = Series(y, np.ones_like(y), np.ones(y.shape, bool), after, False, np.zeros(y.shape))
    whole = steps(rows, level(30)).mean
    monkeypatch.setattr(laplace, "CELLS_MAX", 1)
    assert steps(rows, level(30)).mean == pytest.approx(whole, abs=1e-4)


def test_newton_that_does_not_settle_says_so(monkeypatch):
    """An end without a mode is the machine's error and no number."""
    monkeypatch.setattr(laplace, "_ROUNDS_MAX", 1)
    with pytest.raises(MachineError):
        mode(series([3, 50, 2, 80, 1, 4], starts=3), points(level(6), 5))


def test_a_planted_rise_sharpens_and_a_fall_blurs():
    """More counts after the date mean a smaller standard deviation of the step, fewer a larger."""
    y = np.full(60, 4)
    shown = Sharpness(series(y, starts=40), walk(1e-4, 1e-4, 60))
    up, none, down = (float(shown.sd(np.array([each]))[0]) for each in (1.0, 0.0, -1.0))
    assert up < none < down
    assert none**2 == pytest.approx(1 / 160 + 1 / 80, rel=0.01)
    assert up**2 == pytest.approx(1 / 160 + 1 / (80 * np.e), rel=0.01)


def test_what_changed_already_is_taken_out_before_a_step_is_planted():
    """A series that has doubled is as sharp, with nothing planted, as one that has not."""
    still, doubled = np.full(60, 50), np.where(np.arange(60) < 40, 50, 100)
    chain = walk(1e-4, 1e-4, 60)
    sds = [Sharpness(series(y, starts=40), chain).sd(np.zeros(1))[0] for y in (still, doubled)]
    assert sds[0] == pytest.approx(sds[1], rel=1e-3)
