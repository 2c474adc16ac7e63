"""What is read off a stop-watch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * round(share * 100) // 100) - 1)]


def each_s(work: Callable[[], object], repeats: int) -> float:
    """The median seconds of one call."""
    taken = []
    for _ in range(repeats):
        began_s = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began_s)
    return median(taken)
