"""Reed-Solomon over GF(256), one block to a packet, and how much of it a way needs.

spec/bearer-sealed.md §6. Written here because the packages for it take three times as long for a
block, and have no types; the parameters are the usual ones, and so are the bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

PARITY_BYTES = (0, 16, 32)  # by level of error correction: half as many damaged bytes are mended
BLOCK_BYTES_MAX = 255

_PRIMITIVE = 0x11D  # x^8 + x^4 + x^3 + x^2 + 1
_ORDER = 255

_EXP = [0] * (2 * _ORDER)
_LOG = [0] * 256
_value = 1
for _power in range(_ORDER):
    _EXP[_power] = _EXP[_power + _ORDER] = _value
    _LOG[_value] = _power
    _value = _value << 1 ^ (_PRIMITIVE if _value & 0x80 else 0)


def _times(a: int, b: int) -> int:
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def _over(a: int, b: int) -> int:
    return _EXP[_LOG[a] - _LOG[b] + _ORDER] if a else 0


@lru_cache(maxsize=len(PARITY_BYTES))
def _feedback(parity: int) -> list[int]:
    """For each byte, that many times the generator (x - a^0)…(x - a^(parity - 1)) without its head,
    as one integer: a step of the division is a shift and one exclusive or."""
    generator = [1]
    for power in range(parity):
        root = _EXP[power]
        shifted = [*generator, 0]
        for at, factor in enumerate(generator):
            shifted[at + 1] ^= _times(factor, root)
        generator = shifted
    tail = generator[1:]
    return [
        int.from_bytes(bytes(_times(byte, factor) for factor in tail), "big") for byte in range(256)
    ]


def _remainder(data: bytes, parity: int) -> int:
    feedback, register = _feedback(parity), 0
    top, mask = 8 * (parity - 1), (1 << 8 * parity) - 1
    for byte in data:
        register = (register << 8 & mask) ^ feedback[register >> top ^ byte]
    return register


def protect(data: bytes, level: int) -> bytes:
    """The data, its parity bytes behind it; BLOCK_BYTES_MAX together at most."""
    parity = PARITY_BYTES[level]
    return data + _remainder(data, parity).to_bytes(parity, "big") if parity else data


class Mended(NamedTuple):
    """What a block said, under which level, and how many of its bytes were mended."""

    data: bytes
    level: int
    mended: int


def mend(block: bytes, level: int) -> Mended | None:
    """What ``protect`` was given, as long as no more than half of PARITY_BYTES are damaged; None
    where that cannot be. With more damage it may be something else: the check of a packet says."""
    parity = PARITY_BYTES[level]
    if not parity:
        return Mended(block, level, 0)
    if not parity < len(block) <= BLOCK_BYTES_MAX:
        return None
    rest = _remainder(block[:-parity], parity) ^ int.from_bytes(block[-parity:], "big")
    if not rest:
        return Mended(block[:-parity], level, 0)
    syndromes = _syndromes(rest.to_bytes(parity, "big"))
    locator = _locator(syndromes)
    places = _places(locator, len(block))
    if len(places) != len(locator) - 1:
        return None
    mended = bytearray(block)
    for place in places:
        mended[len(block) - 1 - place] ^= _error(syndromes, locator, place)
    data = bytes(mended[:-parity])
    if _remainder(data, parity) != int.from_bytes(mended[-parity:], "big"):
        return None
    return Mended(data, level, len(places))


def _syndromes(rest: bytes) -> list[int]:
    found = []
    for power in range(len(rest)):
        value = 0
        for byte in rest:
            value = (_EXP[_LOG[value] + power] if value else 0) ^ byte
        found.append(value)
    return found


def _locator(syndromes: list[int]) -> list[int]:
    """The polynomial whose roots tell where errors are, lowest power first (Berlekamp-Massey)."""
    locator, before = [1], [1]
    errors, since, last = 0, 1, 1
    for step in range(len(syndromes)):
        off = syndromes[step]
        for at in range(1, min(errors, len(locator) - 1) + 1):
            off ^= _times(locator[at], syndromes[step - at])
        if not off:
            since += 1
            continue
        scale = _over(off, last)
        changed = locator + [0] * (len(before) + since - len(locator))
        for at, factor in enumerate(before):
            changed[at + since] ^= _times(scale, factor)
        if 2 * errors <= step:
            errors, before, last, since = step + 1 - errors, locator, off, 1
        else:
            since += 1
        locator = changed
    while len(locator) > 1 and not locator[-1]:
        locator.pop()
    return locator


def _at(polynomial: list[int], power: int) -> int:
    """A polynomial, lowest power first, at a^-power."""
    step, value, shift = (-power) % _ORDER, 0, 0
    for factor in polynomial:
        if factor:
            value ^= _EXP[(_LOG[factor] + shift) % _ORDER]
        shift += step
    return value


def _places(locator: list[int], length: int) -> list[int]:
    """Where the errors are, counted from the last byte (Chien)."""
    if len(locator) - 1 > BLOCK_BYTES_MAX:
        return []
    return [place for place in range(length) if not _at(locator, place)]


def _error(syndromes: list[int], locator: list[int], place: int) -> int:
    """What is wrong with the byte at a place (Forney)."""
    value = [0] * (len(locator) - 1)
    for at in range(len(value)):
        for low in range(at + 1):
            value[at] ^= _times(syndromes[at - low], locator[low])
    slope = [factor if at % 2 == 0 else 0 for at, factor in enumerate(locator[1:])]
    return _times(_EXP[place], _over(_at(value, place), _at(slope, place)))


# --- how much a way needs ----------------------------------------------------------------------

WORSE_OF, WORSE = 8, (2, 3)  # so many of the last blocks in vain, by level: the next level
CALM_OF, CALM = 32, 2  # no more of these, and each block far from its bound: less


class Meter:
    """What the blocks that came tell of the way. ``level`` is what the peer is asked for."""

    def __init__(self) -> None:
        self.level = 0
        self._last = 0  # of the block that was read last: tried first
        self._recent: deque[int | None] = deque(maxlen=CALM_OF)  # mended bytes; None: in vain

    def readings(self, block: bytes) -> Iterator[Mended]:
        """What a block may say, by each level; the likeliest first. At last, that a damaged FEND
        stands before or behind it."""
        for level in sorted(range(len(PARITY_BYTES)), key=lambda each: each != self._last):
            found = mend(block, level)
            if found is not None:
                yield found
        for level in range(1, len(PARITY_BYTES)):
            for part in (block[1:], block[:-1]):
                found = mend(part, level)
                if found is not None:
                    yield found

    def came(self, found: Mended | None) -> None:
        """A block was read, or nothing made it a packet."""
        self._recent.append(None if found is None else found.mended)
        if found is not None:
            self._last = found.level
        recent = list(self._recent)
        in_vain = recent[-WORSE_OF:].count(None)
        if self.level < len(WORSE) and in_vain >= WORSE[self.level]:
            self._change(self.level + 1)
        elif self.level and len(recent) == CALM_OF and recent.count(None) <= CALM:
            bound = PARITY_BYTES[self.level - 1] // 4  # of the next lower one, with room to spare
            if max(count for count in recent if count is not None) <= bound:
                self._change(self.level - 1)

    def _change(self, level: int) -> None:
        self.level = level
        self._recent.clear()
