"""The smallest change that these weeks would have shown: printed beside every cell.

A change is called one when both models' 90 % intervals exclude 1, so the planted change must lie
beyond 1 by the reach of that interval and by what four series in five stay within.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from detente.trends.estimate import SKIPPED_WEEKS, Window, chain_of, prepared
from detente.trends.laplace import Floats, Series, Sharpness, parts_of

_REACH = 1.6449 + 0.8416  # standard deviations: of 95 % to one side, and of 80 % power
_ROUNDS = 6  # each the sharpness at the change that the last one found
_LOG_MAX = 12.0  # a factor of e^12; beyond, nothing that could happen would be found


def detectable(
    y: ArrayLike,
    exposure: ArrayLike,
    starts: int,
    *,
    keep: ArrayLike | None = None,
    skip: int = SKIPPED_WEEKS,
    rises: bool = True,
) -> float:
    """The smallest factor that the verdict rule finds in four such series out of five.

    At least 1; of a fall (``rises`` False) its inverse, so that 2 is a halving. Errors as in
    ``estimate.change``.
    """
    series = prepared([y], [exposure], [Window(starts)], keep=[keep], skip=skip)
    return float(detectables(series, rises=rises)[0])


def detectables(series: Series, *, rises: bool = True) -> Floats:
    """(rows,): ``detectable`` of every row of a series that is prepared."""
    sign = 1.0 if rises else -1.0
    return np.exp(np.maximum(_logs(series, "level", sign), _logs(series, "ar1", sign)))


def _logs(series: Series, model: str, sign: float) -> Floats:
    chain = chain_of(model, series.y.shape[1])
    found = []
    for rows in parts_of(series, chain):
        shown = Sharpness(rows, chain)
        planted = np.ones(len(rows.y))
        for _ in range(_ROUNDS):
            planted = np.minimum(_REACH * shown.sd(sign * planted), _LOG_MAX)
        found.append(planted)
    return np.concatenate(found)
