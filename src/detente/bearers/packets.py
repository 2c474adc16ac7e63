"""Packets of a sealed link: a check, a head, what is held, a piece of a frame.

Their bytes: spec/bearer-sealed.md §4. Numbers travel cut short; the check covers them whole, so
that a packet of another time, direction or life is nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from detente.core.link_keys import CHECK_BYTES, DirectionKeys

LANES = 2  # 0 for what may wait, 1 for what is urgent
URGENT = 1
HEAD_BYTES = 2
NUMBER_BITS = 12
NUMBERS = 1 << NUMBER_BITS
BITMAP_BYTES_MAX = 15
WINDOW = 8 * BITMAP_BYTES_MAX  # fragments of a lane under way: what one bitmap can speak of

_DATA, _LANE, _LAST, _HELD = 0x8000, 0x4000, 0x2000, 0x1000
_LEVEL_SHIFT = 4


class Fragment(NamedTuple):
    """A piece of a sealed frame, by its place in a lane."""

    lane: int
    number: int
    last: bool
    piece: bytes


class Held(NamedTuple):
    """What one end holds of a lane: all below ``below``, and some beyond it."""

    below: int
    beyond: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Packet:
    """What travels at once. ``held`` has an item for each lane spoken of; ``level`` is the error
    correction that its sender wishes to hear."""

    fragment: Fragment | None = None
    held: tuple[Held | None, Held | None] = (None, None)
    level: int = 0

    def encode(self, keys: DirectionKeys) -> bytes:
        """The bytes of the packet."""
        fragment, speaks = self.fragment, self.held != (None, None) or self.level > 0
        head = _HELD * speaks
        if fragment is not None:
            head |= _DATA | _LANE * fragment.lane | _LAST * fragment.last
            head |= fragment.number % NUMBERS
        rest = head.to_bytes(HEAD_BYTES, "big")
        if speaks:
            lanes = sum(1 << lane for lane in range(LANES) if self.held[lane] is not None)
            rest += bytes((self.level << _LEVEL_SHIFT | lanes,))
            rest += b"".join(_write_held(held) for held in self.held if held is not None)
        if fragment is not None:
            rest += fragment.piece
        below = (_below(self.held[0]), _below(self.held[1]))
        return keys.check(0 if fragment is None else fragment.number, below, rest) + rest


def read_packet(
    data: bytes, keys: DirectionKeys, wanted: Collection[int], sent: Collection[int]
) -> Packet | None:
    """A packet of this life of the link; None for any other bytes.

    ``wanted`` are the numbers that lane by lane come next, ``sent`` those at which what we sent is
    held so far: numbers on the wire are read as the nearest ones not far below them.
    """
    if len(data) < CHECK_BYTES + HEAD_BYTES:
        return None
    check, rest = data[:CHECK_BYTES], data[CHECK_BYTES:]
    head = int.from_bytes(rest[:HEAD_BYTES], "big")
    at, level = HEAD_BYTES, 0
    held: list[Held | None] = [None, None]
    if head & _HELD:
        if len(rest) <= at:
            return None
        level, lanes = rest[at] >> _LEVEL_SHIFT, rest[at] & 0x0F
        if lanes >= 1 << LANES:
            return None
        at += 1
        for lane, base in enumerate(sent):
            if lanes >> lane & 1:
                found = _read_held(rest, at, base)
                if found is None:
                    return None
                held[lane], at = found
    fragment = None
    if head & _DATA:
        lane = int(bool(head & _LANE))
        number = _whole(head % NUMBERS, tuple(wanted)[lane])
        fragment = Fragment(lane, number, bool(head & _LAST), rest[at:])
    elif len(rest) != at or head & ~_HELD:
        return None
    packet = Packet(fragment, (held[0], held[1]), level)
    below = (_below(held[0]), _below(held[1]))
    if check != keys.check(0 if fragment is None else fragment.number, below, rest):
        return None
    return packet


def _below(held: Held | None) -> int:
    return 0 if held is None else held.below


def _whole(cut: int, base: int) -> int:
    """The number that ends in these bits and lies at most half the numbers below or above."""
    lowest = max(0, base - NUMBERS // 2)
    return lowest + (cut - lowest) % NUMBERS


def _bitmap(held: Held) -> bytes:
    """One bit for each fragment behind the first that is missing, the lowest first."""
    bits = 0
    for number in held.beyond:
        bits |= 1 << (number - held.below - 1)
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _write_held(held: Held) -> bytes:
    bitmap = _bitmap(held)
    return ((held.below % NUMBERS) << 4 | len(bitmap)).to_bytes(2, "big") + bitmap


def _read_held(data: bytes, at: int, base: int) -> tuple[Held, int] | None:
    if len(data) < at + 2:
        return None
    word = int.from_bytes(data[at : at + 2], "big")
    end = at + 2 + (word & 0x0F)
    if len(data) < end:
        return None
    below = _whole(word >> 4, base)
    bits = int.from_bytes(data[at + 2 : end], "little")
    beyond = frozenset(below + 1 + n for n in range(bits.bit_length()) if bits >> n & 1)
    return Held(below, beyond), end
