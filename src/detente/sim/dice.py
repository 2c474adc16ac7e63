"""Chance from one seed: a stream of its own for each purpose, so that one more throw somewhere
changes nothing elsewhere."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Throws that depend on the seed and the words alone, on every machine."""

    def __init__(self, seed: int, *words: object) -> None:
        self._name = (seed, *words)

    @cached_property
    def _random(self) -> random.Random:  # made when it is first thrown: many only name others
        digest = hashlib.sha256(repr(self._name).encode()).digest()
        return random.Random(int.from_bytes(digest, "big"))

    def stream(self, *words: object) -> Dice:
        """Another stream, named by further words."""
        return Dice(*self._name, *words)  # type: ignore[arg-type]

    def happens(self, chance: float) -> bool:
        """True with this chance, 0 to 1. One throw is used whatever the chance."""
        return self._random.random() < chance

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._random.random() * (high - low + 1))

    def spread(self, low: int, high: int) -> int:
        """A whole number from low (at least 1) to high whose order of magnitude is even."""
        return int(low * (high / low) ** self._random.random())

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[int(self._random.random() * len(choices))]

    def some_of(self, choices: Sequence[T], count: int) -> list[T]:
        """``count`` of them, each as by ``one_of``."""
        throw, many = self._random.random, len(choices)
        return [choices[int(throw() * many)] for _ in range(count)]

    def bytes(self, count: int) -> bytes:
        """``count`` bytes: what a node in the simulator draws as its entropy."""
        return self._random.randbytes(count)
