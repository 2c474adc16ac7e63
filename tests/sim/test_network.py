"""What a route of the simulator promises: frames in order, whatever happens to it on the way."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from detente.sim.dice import Dice
from detente.sim.network import Pipe, Route


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Does something after so long."""
        self._count += 1
        heapq.heappush(self._due, (self.now_ms + delay_ms, self._count, act))

    def run(self, until_ms: int) -> None:
        """Does what is due by then."""
        while self._due and self._due[0][0] <= until_ms:
            self.now_ms, _, act = heapq.heappop(self._due)
            act()
        self.now_ms = until_ms


def _narrow() -> tuple[Clock, Route, Pipe, list[bytes]]:
    clock, route, came = Clock(), Route(wide=False, delay_ms=1_000, jitter_ms=0, bits_per_s=160), []
    return clock, route, Pipe(route, 0, Dice(1, "network"), clock, came.append), came


def test_what_is_repeated_comes_before_what_left_behind_it() -> None:
    """A frame finds its route shut; the next one is in the air when it opens, and waits for it."""
    clock, route, pipe, came = _narrow()
    pipe.send(b"first" * 10, urgent=False)  # 2.5 s in the air, and a second on its way
    pipe.send(b"second" * 20, urgent=False)  # behind it, 6 s
    clock.run(3_000)
    route.shut[0] = True
    clock.run(8_000)
    route.shut[0] = False
    pipe.push()
    clock.run(60_000)
    assert came == [b"first" * 10, b"second" * 20]
    assert pipe.empty


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=12),
    st.lists(st.integers(50, 9_000), max_size=12),
)
def test_a_smooth_route_brings_every_frame_once_and_in_order(
    sizes: list[int], turns_ms: list[int]
) -> None:
    """However often and whenever it is shut."""
    clock, route, pipe, came = _narrow()
    sent = [bytes([n]) * size for n, size in enumerate(sizes)]
    for frame in sent:
        pipe.send(frame, urgent=False)
    for turn_ms in turns_ms:
        clock.run(clock.now_ms + turn_ms)
        route.shut[0] = not route.shut[0]
        pipe.push()
    route.shut[0] = False
    pipe.push()
    clock.run(clock.now_ms + 1_000_000)
    assert came == sent
