"""Mutations that are the same every time: what the tests try on each run."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from fuzz.contract import Target

_BYTES = (0x00, 0x01, 0x0A, 0x20, 0x7F, 0x80, 0xFE, 0xFF)


def mutations(target: Target, begin: Sequence[bytes]) -> Iterator[bytes]:
    """``target.tries`` inputs grown from ``begin``, drawn from the target's name alone."""
    rng = random.Random(target.name)
    for _ in range(target.tries):
        data = bytearray(rng.choice(begin))
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            rng.choice(_WAYS)(rng, data, begin, target.words)
        yield bytes(data[: target.bytes_max])


def _at(rng: random.Random, data: bytearray) -> int:
    return rng.randrange(len(data)) if data else 0


def _flip(rng: random.Random, data: bytearray, *_: object) -> None:
    if data:
        data[_at(rng, data)] ^= 1 << rng.randrange(8)


def _put(rng: random.Random, data: bytearray, *_: object) -> None:
    if data:
        data[_at(rng, data)] = rng.choice(_BYTES)


def _insert(rng: random.Random, data: bytearray, *_: object) -> None:
    at = _at(rng, data)
    data[at:at] = bytes([rng.choice(_BYTES)]) * rng.choice((1, 1, 2, 9))


def _cut(rng: random.Random, data: bytearray, *_: object) -> None:
    at = _at(rng, data)
    del data[at : at + rng.choice((1, 1, 2, 32, len(data)))]


def _double(rng: random.Random, data: bytearray, *_: object) -> None:
    at = _at(rng, data)
    data[at:at] = data[at : at + rng.choice((1, 8, 33, 64))]


def _word(
    rng: random.Random, data: bytearray, _begin: Sequence[bytes], words: Sequence[bytes]
) -> None:
    if words:
        at = _at(rng, data)
        data[at:at] = rng.choice(words)


def _splice(rng: random.Random, data: bytearray, begin: Sequence[bytes], *_: object) -> None:
    other = rng.choice(begin)
    cut = rng.randrange(len(other) + 1)
    data[_at(rng, data) :] = other[cut:]


_WAYS = (_flip, _flip, _put, _insert, _cut, _double, _word, _splice)
