"""Reed-Solomon over GF(256), one block to a packet, and how much of it a way needs.

The code is the library's, the parameters are in spec/bearer-sealed.md §6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from reedsolo import ReedSolomonError, RSCodec

PARITY_BYTES = (0, 16, 32)  # by level of error correction: half as many damaged bytes are mended
BLOCK_BYTES_MAX = 255


@cache
def _codec(parity: int) -> RSCodec:
    return RSCodec(parity, nsize=BLOCK_BYTES_MAX, fcr=0, prim=0x11D, generator=2)


def protect(data: bytes, level: int) -> bytes:
    """The data, its parity bytes behind it; BLOCK_BYTES_MAX together at most."""
    parity = PARITY_BYTES[level]
    return bytes(_codec(parity).encode(data)) if parity else data


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
    try:
        data, _, damaged = _codec(parity).decode(block)
    except ReedSolomonError:
        return None
    return Mended(bytes(data), level, len(damaged))


# --- how much a way needs ----------------------------------------------------------------------

WORSE_OF, WORSE = 8, (2, 3)  # so many of the last blocks in vain, by level: the next level
CALM_OF, CALM = 32, 2  # no more of these, and each block far from its bound: less


class Meter:
    """What the blocks that came tell of the way. ``level`` is what the peer is asked for."""

    def __init__(self) -> None:
        self.level = 0
        self._last = 0  # of the block that was read last: tried first
        self._recent: deque[int | None] = deque(maxlen=CALM_OF)  # mended bytes; None: in vain

    def readings(self, block: bytes, *, mending: bool = True) -> Iterator[Mended]:
        """What a block may say, by each level; the likeliest first. At last, that a damaged FEND
        stands before or behind it. Without ``mending`` what it says as it is, and no more."""
        if not mending:
            yield Mended(block, 0, 0)
            return
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
