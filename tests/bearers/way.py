"""A way of bytes between two sealed ends, in virtual time: slow, far, lossy, and watched."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count

from detente.bearers.sealed_link import SealedEnd

LOW, HIGH = b"\x11" * 32, b"\x22" * 32
SECRET = bytes(range(32))


def entropy_of(seed: int) -> Callable[[int], bytes]:
    """Bytes that are the same for the same seed."""
    return random.Random(seed).randbytes


class Way:
    """Two ends and what lies between. ``lose`` says of a packet whether it is lost."""

    def __init__(
        self,
        bits_per_s: int = 1200,
        delay_s: float = 0.05,
        lose: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self.bits_per_s, self.delay_s, self.lose = bits_per_s, delay_s, lose
        self.now_s = 0.0
        self.ends = [
            SealedEnd(SECRET, LOW, HIGH, bits_per_s, entropy_of(1)),
            SealedEnd(SECRET, HIGH, LOW, bits_per_s, entropy_of(2)),
        ]
        self.frames: list[list[tuple[float, bytes]]] = [[], []]  # heard by each end, and when
        self.packets: list[tuple[float, int, bytes]] = []  # sent: begun when, by whom
        self._free_s = [0.0, 0.0]
        self._number = count()
        self._coming: list[tuple[float, int, int, bytes]] = []

    def restart(self, end: int, seed: int) -> None:
        """A new process at one end."""
        own, peer = (LOW, HIGH) if end == 0 else (HIGH, LOW)
        self.ends[end] = SealedEnd(SECRET, own, peer, self.bits_per_s, entropy_of(seed), self.now_s)

    def hear(self, end: int, data: bytes) -> None:
        """A packet reaches one end."""
        said = self.ends[end].read(data)
        if said is not None:
            found = self.ends[end].take(said, self.now_s)
            self.frames[end] += [(self.now_s, frame) for frame in found]

    def run(self, until: Callable[[], bool], most_s: float = 1000.0) -> float:
        """Lets time pass until something holds; how long it took. Fails after ``most_s``."""
        begun_s = self.now_s
        while not until():
            self._send()
            next_s = self._next_s()
            assert next_s < begun_s + most_s, "it never came"
            self.now_s = max(self.now_s, next_s)
            while self._coming and self._coming[0][0] <= self.now_s:
                _, _, end, data = heapq.heappop(self._coming)
                self.hear(end, data)
        return self.now_s - begun_s

    def up(self) -> bool:
        """Whether both ends are in one life of the link."""
        keys = [end.keys for end in self.ends]
        return None not in keys and keys[0].fresh == keys[1].fresh

    def pass_s(self, seconds: float) -> None:
        """Lets time pass."""
        until_s = self.now_s + seconds
        heapq.heappush(self._coming, (until_s, next(self._number), 0, b""))
        self.run(lambda: self.now_s >= until_s, seconds + 1)

    def _send(self) -> None:
        for end, sealed in enumerate(self.ends):
            while self._free_s[end] <= self.now_s:
                outgoing = sealed.packet(self.now_s)
                if outgoing is None:
                    break
                data = outgoing.data
                self.packets.append((self.now_s, end, data))
                self._free_s[end] = self.now_s + 8 * len(data) / self.bits_per_s
                if not self.lose(data):
                    at_s = self._free_s[end] + self.delay_s
                    heapq.heappush(self._coming, (at_s, next(self._number), 1 - end, data))

    def _next_s(self) -> float:
        due = [self._coming[0][0]] if self._coming else []
        for end, sealed in enumerate(self.ends):
            wake_s = sealed.wake_s()
            if wake_s is not None:
                due.append(max(wake_s, self._free_s[end]))
        return max(min(due, default=float("inf")), self.now_s)
