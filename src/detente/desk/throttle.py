"""So many tries in so much time, and no more."""

from __future__ import annotations

from collections import deque

from detente.core.errors import LocalError, Refusal


class Throttle:
    """Counts tries at one door."""

    def __init__(self, tries: int, per_s: int) -> None:
        self._tries = tries
        self._per_s = per_s
        self._last: deque[int] = deque()

    def count(self, now_s: int) -> None:
        """One more try. LocalError OVER_QUOTA if there were too many within the time."""
        while self._last and now_s - self._last[0] >= self._per_s:
            self._last.popleft()
        if len(self._last) >= self._tries:
            raise LocalError(Refusal.OVER_QUOTA, f"{self._tries} tries in {self._per_s} s")
        self._last.append(now_s)
