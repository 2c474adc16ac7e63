"""The twin of the local level: a chain that returns to a mean, AR(1), with noise of single weeks.

Its step is the change against the window's own mean, not against the last level. It under-covers
where the series is nearly a random walk, as the local level is wide where it is not; so a change is
called one when both say so (verdict.py). The prior of its memory leans towards a chain that does
not change at all (Sørbye and Rue 2017): an even one was tried, and raised more false alarms.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from detente.trends.laplace import Chain
from detente.trends.level import NOISE_SCALE, log_density

SPREAD_SCALE = 1.0  # mean of the prior of the chain's own standard deviation
FORGETTING_RATE = 3.0  # of the prior of the memory, exponential in sqrt(1 - memory)
_MEMORIES = np.array([0.2, 0.5, 0.75, 0.88, 0.94, 0.97, 0.985])
_SPREAD_SDS = np.geomspace(0.06, 1.8, 5)
_NOISE_SDS = np.geomspace(0.05, 1.8, 5)


@lru_cache(maxsize=16)
def ar1(weeks: int) -> Chain:
    """The grid of stationary AR(1) chains over so many weeks."""
    memory, spread, noise = (
        each.ravel() for each in np.meshgrid(_MEMORIES, _SPREAD_SDS, _NOISE_SDS, indexing="ij")
    )
    root = np.sqrt(1 - _MEMORIES)
    log_memory = np.log(-np.gradient(root)) - FORGETTING_RATE * root
    shock = spread**2 * (1 - memory**2)
    diagonal = np.repeat(((1 + memory**2) / shock)[:, None], weeks, axis=1)
    diagonal[:, [0, -1]] = (1 / shock)[:, None]
    if weeks == 1:
        diagonal[:, 0] = spread**-2
    beside = np.repeat((-memory / shock)[:, None], weeks, axis=1)
    beside[:, -1] = 0.0
    return Chain(
        diagonal=diagonal,
        beside=beside,
        log_det=-2 * np.log(spread) - (weeks - 1) * np.log(shock),
        noise=noise**2,
        log_prior=log_memory[np.searchsorted(_MEMORIES, memory)]
        + log_density(spread, SPREAD_SCALE)
        + log_density(noise, NOISE_SCALE),
        mean=True,
    )
