"""So many tries in so much time, and no more."""

from __future__ import annotations

from collections import deque

from detente.core.errors import Refusal
from detente.desk.refusing import refusal
from detente.words import marked

DOORS_MAX = 1000  # counted at once; the longest untried is forgotten first


class Throttle:
    """Counts tries, each door on its own: an address, a person, the desk as a whole."""

    def __init__(self, tries: int, per_s: int) -> None:
        self._tries = tries
        self._per_s = per_s
        self._doors: dict[str, deque[int]] = {}

    def count(self, now_s: int, door: str = "") -> None:
        """One more try. LocalError OVER_QUOTA if there were too many within the time."""
        last = self._doors.pop(door, None) or deque()
        self._doors[door] = last  # newest last
        if len(self._doors) > DOORS_MAX:
            del self._doors[next(iter(self._doors))]
        while last and now_s - last[0] >= self._per_s:
            last.popleft()
        if len(last) >= self._tries:
            raise refusal(
                Refusal.OVER_QUOTA,
                marked("Too many tries in a short time"),
                marked("Wait a minute, then try once more."),
            )
        last.append(now_s)
