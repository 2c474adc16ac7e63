"""The local level: a random walk of the log rate, with noise of single weeks.

What is usual is what was usual last week. The step is therefore the jump at the date against the
level just before it, and a long drift before the date widens the interval and moves it nowhere.
The priors of both standard deviations are exponential, as penalised complexity has them (Simpson
et al. 2017): a level that stands still and counts that are Poisson, unless the data object.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from detente.trends.laplace import LEVEL_SD, Chain, Floats

WALK_SCALE = 0.1  # mean of the prior of a week's move of the log level
NOISE_SCALE = 0.5  # mean of the prior of a single week's noise
_WALK_SDS = np.geomspace(0.005, 1.2, 10)
_NOISE_SDS = np.geomspace(0.03, 2.0, 8)


def log_density(sds: Floats, scale: float) -> Floats:
    """Log of an exponential prior on evenly spaced logs of standard deviations."""
    return np.asarray(np.log(sds / scale) - sds / scale)


@lru_cache(maxsize=16)
def level(weeks: int) -> Chain:
    """The grid of random walks over so many weeks."""
    walk, noise = (each.ravel() for each in np.meshgrid(_WALK_SDS, _NOISE_SDS, indexing="ij"))
    precision = walk**-2
    diagonal = np.repeat(2 * precision[:, None], weeks, axis=1)
    diagonal[:, -1] = precision
    diagonal[:, 0] = precision * (weeks > 1) + LEVEL_SD**-2
    beside = np.repeat(-precision[:, None], weeks, axis=1)
    beside[:, -1] = 0.0
    return Chain(
        diagonal=diagonal,
        beside=beside,
        log_det=(weeks - 1) * np.log(precision) - 2 * np.log(LEVEL_SD),
        noise=noise**2,
        log_prior=log_density(walk, WALK_SCALE) + log_density(noise, NOISE_SCALE),
        mean=False,
    )
