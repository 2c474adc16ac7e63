"""Weekly series as events have them: overdispersed, with a memory, growing; seeded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Floats = np.ndarray

SIZE = 8.0  # of the negative binomial: a week's own noise is about 35 %
SPREAD = 0.35  # standard deviation of the latent log level
GROWTH = 0.6  # of everything counted, over the whole series


@dataclass(frozen=True, slots=True)
class World:
    """Rows of counts with what they are counted out of."""

    y: Floats  # (rows, weeks)
    exposure: Floats  # (rows, weeks)
    level: Floats  # (rows, weeks) expected counts, the week's noise among them


def chance(*names: object) -> np.random.Generator:
    """Chance for one cell of one check."""
    text = " ".join(map(str, names)).encode()
    return np.random.Generator(np.random.PCG64(int.from_bytes(text, "big")))


def memory(rng: np.random.Generator, rows: int, weeks: int, rho: float) -> Floats:
    """(rows, weeks) of a stationary AR(1) with standard deviation 1; noise without memory at 0."""
    shocks = rng.normal(size=(rows, weeks))
    found = shocks.copy()
    for week in range(1, weeks):
        found[:, week] = rho * found[:, week - 1] + np.sqrt(1 - rho**2) * shocks[:, week]
    return found


def world(
    rng: np.random.Generator,
    rows: int,
    weeks: int,
    rho: float,
    base: float | Floats,
    *,
    starts: int = 0,
    factor: float = 1.0,
) -> World:
    """Counts as in the study: volume grows by 60 %, the level remembers, noise is gamma."""
    volume = np.tile(1 + GROWTH * np.arange(weeks) / weeks, (rows, 1))
    log_level = SPREAD * memory(rng, rows, weeks, rho) if rho else np.zeros((rows, weeks))
    level = np.asarray(base) * volume * np.exp(log_level) * rng.gamma(SIZE, 1 / SIZE, (rows, weeks))
    level[:, starts:] *= factor
    return World(rng.poisson(level).astype(float), volume, level)


def dyads(rng: np.random.Generator, rows: int, weeks: int) -> World:
    """Rows as unlike as real dyads: 1 to 30 a week, memories of .3 to .95."""
    bases = np.exp(rng.uniform(np.log(1.0), np.log(30.0), rows))
    rhos = rng.uniform(0.3, 0.95, rows)
    parts = [
        world(rng, 1, weeks, float(rho), float(base)) for rho, base in zip(rhos, bases, strict=True)
    ]
    return World(
        np.concatenate([each.y for each in parts]),
        np.concatenate([each.exposure for each in parts]),
        np.concatenate([each.level for each in parts]),
    )
