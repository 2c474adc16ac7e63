"""The rows of an estimate: false alarms, coverage, bias, placebos, power, cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product
from multiprocessing import get_context

import numpy as np
from bench.trends_check import (
    NORMAL_RARE,
    Check,
    Checks,
    at_least,
    at_most,
    binomial_least,
    binomial_most,
    within,
)
from bench.trends_worlds import World, chance, dyads, memory, world
from scipy.special import expit

from detente.trends import placebo
from detente.trends.detectable import detectables
from detente.trends.estimate import Window, changes, prepared, two_sided
from detente.trends.selftest import SelfTest, selftest
from detente.trends.verdict import moved

WEEKS, STARTS = 130, 104
RHOS = (0.0, 0.5, 0.8, 0.95)
BASES = (20.0, 2.0)
FACTORS = (1.0, 1.4, 0.5)
ROWS, ROWS_SHORT = 400, 30


@dataclass(frozen=True, slots=True)
class Cell:
    """One simulated cell, under the local level."""

    factor: float
    n: int
    rejected: int  # two-sided p below .05
    covered: int  # 90 % intervals that hold the factor
    bias: float  # mean of log(ratio / factor)
    bias_sd: float  # of that mean


def each(
    function: Callable[..., object], cells: Iterable[tuple[object, ...]], *, short: bool
) -> list:
    """The function on every cell: in two processes, or here in the short form."""
    if short:
        return [function(*cell) for cell in cells]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = []
        for number, future in enumerate([pool.submit(function, *cell) for cell in cells], 1):
            found.append(future.result())
            print(f"    {number} cells", file=sys.stderr)
        return found


def simulated(base: float, rho: float, factor: float, rows: int) -> Cell:
    """A cell of the study: a factor planted after 104 of 130 weeks."""
    rng = chance("cell", base, rho, factor)
    made = world(rng, rows, WEEKS, rho, base, starts=STARTS, factor=factor)
    found = changes(list(made.y), list(made.exposure), [Window(STARTS)] * rows)
    errors = np.log([one.ratio / factor for one in found])
    return Cell(
        factor,
        rows,
        sum(two_sided(one) < 0.05 for one in found),
        sum(one.ninety.low <= factor <= one.ninety.high for one in found),
        float(errors.mean()),
        float(errors.std() / np.sqrt(rows)),
    )


@cache
def cells(short: bool) -> list[Cell]:
    """Every cell: both bases, four memories, nothing planted, +40 % and -50 %."""
    rows = ROWS_SHORT if short else ROWS
    plan = [(*cell, rows) for cell in product(BASES, RHOS, FACTORS)]
    return each(simulated, plan, short=short)


def null_worst(short: bool) -> Check:
    """False alarms of the worst cell in which nothing was planted."""
    null = [cell for cell in cells(short) if cell.factor == 1]
    limit = binomial_most(0.09, null[0].n, short=short)
    return at_most(max(cell.rejected / cell.n for cell in null), limit)


def null_overall(short: bool) -> Check:
    """False alarms of all cells in which nothing was planted."""
    null = [cell for cell in cells(short) if cell.factor == 1]
    n = sum(cell.n for cell in null)
    return at_most(sum(cell.rejected for cell in null) / n, binomial_most(0.055, n, short=short))


def coverage_worst(short: bool) -> Check:
    """The worst cell's share of 90 % intervals that hold what was planted."""
    full = [cell for cell in cells(short) if cell.factor != 1]
    limit = binomial_least(0.84, full[0].n, short=short)
    return at_least(min(cell.covered / cell.n for cell in full), limit)


def coverage_overall(short: bool) -> Check:
    """The share of all 90 % intervals that hold what was planted."""
    full = [cell for cell in cells(short) if cell.factor != 1]
    n = sum(cell.n for cell in full)
    return at_least(sum(cell.covered for cell in full) / n, binomial_least(0.89, n, short=short))


def bias(short: bool) -> Check:
    """The mean error of the log ratio in the worst cell."""
    worst = max(cells(short), key=lambda cell: abs(cell.bias))
    return at_most(abs(worst.bias), 0.10 + NORMAL_RARE * worst.bias_sd * short)


@cache
def rehearsed() -> SelfTest:
    """260 placebo dates of 26 generated dyads, nothing planted."""
    made = dyads(chance("placebo"), 26, 178)
    series = {str(row): (made.y[row], made.exposure[row], None) for row in range(26)}
    return selftest(series, plan="bench", factors=(1.0,))


def placebo_verdict(_short: bool) -> Check:
    """How often the two-model rule fires on placebo dates."""
    assert rehearsed().dates >= 250
    return at_most(rehearsed().rows[0].moved, 0.07)


def placebo_coverage(_short: bool) -> Check:
    """How many 90 % intervals of the local level hold 1 on placebo dates."""
    return within(rehearsed().rows[0].covered, 0.87, 0.96)


def fired(made: World) -> float:
    """The share of rows that the two-model rule calls moved."""
    rows, windows = len(made.y), [Window(STARTS)] * len(made.y)
    both = [
        changes(list(made.y), list(made.exposure), windows, model=model)
        for model in ("level", "ar1")
    ]
    return sum(moved(*pair) for pair in zip(*both, strict=True)) / rows


def volume_growth(short: bool) -> Check:
    """Series that are counted out of 60 % more after the date, and change in nothing."""
    rows = 60 if short else ROWS
    made = world(chance("volume"), rows, WEEKS, 0.5, 10.0, starts=STARTS, factor=1.6)
    exposure = made.exposure * np.where(np.arange(WEEKS) >= STARTS, 1.6, 1.0)
    limit = binomial_most(0.075, rows, short=short)
    return at_most(fired(World(made.y, exposure, made.level)), limit)


def attention_burst(short: bool) -> Check:
    """The share outcome where conflict and cooperation both grow threefold after the date."""
    rows = 60 if short else ROWS
    rng = chance("burst")
    made = world(rng, rows, WEEKS, 0.5, 20.0, starts=STARTS, factor=3.0)
    share = expit(np.log(0.4 / 0.6) + 0.3 * memory(rng, rows, WEEKS, 0.5))
    part = rng.binomial(made.y.astype(int), share).astype(float)
    limit = binomial_most(0.075, rows, short=short)
    return at_most(fired(World(part, made.y, made.level)), limit)


def placebo_p(short: bool) -> Check:
    """Every rank p is (1 + those as far) / (N + 1), so that none is 0; shown is the smallest."""
    made = world(chance("rank"), 4 if short else 20, WEEKS, 0.5, 10.0)
    smallest, exact = 1.0, True
    for y, exposure in zip(made.y, made.exposure, strict=True):
        for ratio in (1.1, 50.0):
            found = placebo.in_time(y, exposure, STARTS, ratio, every=4)
            far = sum(abs(np.log(one)) >= np.log(ratio) for one in found.estimates)
            exact &= found.n > 0 and found.p == (1 + far) / (found.n + 1) >= found.smallest_p
            smallest = min(smallest, found.p)
    return Check(bool(exact and smallest > 0), round(smallest, 4), "(1+#)/(N+1), > 0")


def powered(base: float, rho: float, rows: int) -> int:
    """How many of so many rows are found when each has its own smallest detectable rise planted."""
    rng = chance("power", base, rho)
    made = world(rng, rows, WEEKS, rho, base)
    windows = [Window(STARTS)] * rows
    factors = detectables(prepared(list(made.y), list(made.exposure), windows))
    added = rng.poisson(made.level[:, STARTS:] * (factors[:, None] - 1))
    y = made.y.copy()
    y[:, STARTS:] += added
    both = [
        changes(list(y), list(made.exposure), windows, model=model) for model in ("level", "ar1")
    ]
    return sum(one.ninety.low > 1 and twin.ninety.low > 1 for one, twin in zip(*both, strict=True))


def detectable_found(short: bool) -> Check:
    """The smallest detectable change, planted: the share of series in which it is found."""
    rows = 15 if short else 100
    plan = [(base, rho, rows) for base, rho in product(BASES, (0.5, 0.8))]
    n = rows * len(plan)
    share = sum(each(powered, plan, short=short)) / n
    return within(share, binomial_least(0.75, n, short=short), binomial_most(0.85, n, short=short))


# The peak of a process is read where a new program resets it: getrusage keeps its parent's.
_CHILD = """
import sys, time
import numpy as np
from detente.trends.estimate import change
weeks = int(sys.argv[1])
y = np.random.default_rng(1).negative_binomial(8, 8 / 28, weeks)
seconds = 0.0
for model in ("level", "ar1"):
    change(y, np.ones(weeks), weeks - 26, model=model)
    begun = time.process_time()
    change(y, np.ones(weeks), weeks - 26, model=model)
    seconds = max(seconds, time.process_time() - begun)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1024)
"""


@cache
def cost(weeks: int) -> tuple[float, float]:
    """Seconds of processor for one estimate of the slower model; megabytes of its process."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(weeks)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


CHECKS: Checks = {
    "null-rejections-worst": null_worst,
    "null-rejections-overall": null_overall,
    "coverage-worst": coverage_worst,
    "coverage-overall": coverage_overall,
    "bias-worst": bias,
    "placebo-verdict": placebo_verdict,
    "placebo-coverage": placebo_coverage,
    "volume-growth": volume_growth,
    "attention-burst": attention_burst,
    "placebo-p": placebo_p,
    "detectable-found": detectable_found,
    "estimate-130-weeks": lambda _short: at_most(cost(130)[0], 0.1, " s"),
    "estimate-520-weeks": lambda _short: at_most(cost(520)[0], 2.0, " s"),
    "estimate-memory": lambda _short: at_most(cost(520)[1], 150.0, " MB"),
}
