"""A slow wire between two pipes, in virtual time, that damages single bytes."""

from __future__ import annotations

import random
from collections.abc import Callable

from bearers.way import HIGH, LOW, SECRET, entropy_of

from detente.bearers.pipe import Pipe
from detente.bearers.sealed_link import SealedEnd


class Wire:
    """Two pipes and the bytes between them. ``damaged`` is the share of bytes that come wrong."""

    def __init__(self, bits_per_s: int, damaged: float = 0.0, seed: int = 1) -> None:
        self.bits_per_s, self.damaged = bits_per_s, damaged
        self.dice = random.Random(seed)
        self.now_s = 0.0
        self.tick_s = max(0.02, 8 / bits_per_s)
        self.pipes = [
            Pipe(SealedEnd(SECRET, LOW, HIGH, bits_per_s, entropy_of(seed))),
            Pipe(SealedEnd(SECRET, HIGH, LOW, bits_per_s, entropy_of(seed + 1))),
        ]
        self.frames: list[list[bytes]] = [[], []]
        self.sent = [bytearray(), bytearray()]
        self._credit = [0.0, 0.0]

    def run(self, until: Callable[[], bool], most_s: float = 4000.0) -> float:
        """Lets time pass until something holds; how long it took. Fails after ``most_s``."""
        begun_s = self.now_s
        while not until():
            assert self.now_s < begun_s + most_s, "it never came"
            self.now_s += self.tick_s
            for number in (0, 1):
                self._tick(number)
        return self.now_s - begun_s

    def up(self) -> bool:
        """Whether both ends are in one life of the link."""
        keys = [pipe.end.keys for pipe in self.pipes]
        return None not in keys and keys[0].fresh == keys[1].fresh

    def pass_s(self, seconds: float) -> None:
        """Lets time pass."""
        until_s = self.now_s + seconds
        self.run(lambda: self.now_s >= until_s)

    def _tick(self, number: int) -> None:
        pipe = self.pipes[number]
        self._credit[number] += self.tick_s * self.bits_per_s / 8
        data = pipe.take(self.now_s, int(self._credit[number]))
        self.sent[number] += data
        self._credit[number] = self._credit[number] - len(data) if data else 1.0
        came = bytes(self._spoil(byte) for byte in data)
        self.frames[1 - number] += self.pipes[1 - number].feed(came, self.now_s)

    def _spoil(self, byte: int) -> int:
        if self.dice.random() >= self.damaged:
            return byte
        return byte ^ self.dice.randint(1, 255)
