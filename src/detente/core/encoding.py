"""Canonical bytes: integers, varints, strict base64, hex and decimal (spec/encoding.md).

Every reader refuses what its writer would not have written, so that equal values and equal
bytes are the same thing.
"""

from __future__ import annotations

import base64
import binascii

from detente.core.errors import PeerError, Refusal

U40_MAX = (1 << 40) - 1
VARINT_MAX = (1 << 63) - 1
VARINT_BYTES_MAX = 9


def malformed(detail: str) -> PeerError:
    """The refusal for bytes that are not the canonical form of anything."""
    return PeerError(Refusal.MALFORMED, detail)


def varint(value: int) -> bytes:
    """LEB128 of 0 <= value < 2**63, least significant group first (spec/encoding.md §2)."""
    if value < 0x80:
        if value < 0:
            raise ValueError("a varint is never negative")
        return bytes((value,))
    if value < 0x4000:  # a length or a serial, nearly always: several stand in every entry
        return bytes((value & 0x7F | 0x80, value >> 7))
    if value < 0x20_0000:
        return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14))
    if value > VARINT_MAX:
        raise ValueError("a varint is below 2**63")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """A signed number folded onto the unsigned ones: 0, -1, 1, -2 … become 0, 1, 2, 3 …"""
    return value << 1 if value >= 0 else (-value << 1) - 1


def unzigzag(value: int) -> int:
    """The signed number that ``zigzag`` folded."""
    return -((value + 1) >> 1) if value & 1 else value >> 1


def counted(data: bytes) -> bytes:
    """A byte string behind its length as a varint."""
    return varint(len(data)) + data


def u40(value: int) -> bytes:
    """Five bytes, big endian: every time in Détente is whole seconds since the Unix epoch."""
    return value.to_bytes(5, "big")


class Reader:
    """Reads canonical bytes from front to back. Every failure is PeerError MALFORMED."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        start = self.pos
        stop = start + count
        if stop > self.end:
            raise malformed("cut short")
        self.pos = stop
        return self.data[start:stop]

    def u8(self) -> int:
        """One byte."""
        pos = self.pos
        if pos >= self.end:
            raise malformed("cut short")
        self.pos = pos + 1
        return self.data[pos]

    def u16(self) -> int:
        """Two bytes, big endian."""
        return int.from_bytes(self.take(2), "big")

    def u40(self) -> int:
        """Five bytes, big endian."""
        return int.from_bytes(self.take(5), "big")

    def varint(self) -> int:
        """A varint in its one shortest form."""
        pos = self.pos
        if pos >= self.end:
            raise malformed("cut short")
        first = self.data[pos]
        self.pos = pos + 1
        if first < 0x80:  # nearly always: this is on the path of every entry
            return first
        value = first & 0x7F
        for shift in range(7, 7 * VARINT_BYTES_MAX, 7):
            pos += 1
            if pos >= self.end:
                raise malformed("cut short")
            byte = self.data[pos]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0:
                    raise malformed("varint not in shortest form")
                self.pos = pos + 1
                return value
        raise malformed("varint too long")

    def counted(self, most: int) -> bytes:
        """A byte string behind its length, of at most ``most`` bytes."""
        count = self.varint()
        if count > most:
            raise PeerError(Refusal.OVERSIZE, f"{count} bytes where {most} are allowed")
        return self.take(count)

    def left(self) -> int:
        """How many bytes are still unread."""
        return self.end - self.pos

    def done(self) -> None:
        """Refuses bytes behind the last field."""
        if self.pos != self.end:
            raise malformed("bytes behind the end")


def b64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 §4)."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: str, length: int | None = None) -> bytes:
    """Strict base64: canonical padding and no other character. MALFORMED otherwise."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise malformed("not base64") from exc
    if b64(data) != text:
        raise malformed("base64 not canonical")
    if length is not None and len(data) != length:
        raise malformed(f"{len(data)} bytes where {length} belong")
    return data


def unhex(text: str, length: int) -> bytes:
    """Lower-case hex of exactly ``length`` bytes. MALFORMED otherwise."""
    if len(text) != 2 * length or text.strip("0123456789abcdef"):
        raise malformed(f"not {length} bytes of lower-case hex")
    return bytes.fromhex(text)


def decimal(text: str, most: int = VARINT_MAX) -> int:
    """An ASCII decimal without sign or leading zero, at most ``most``. MALFORMED otherwise."""
    if not text or text.strip("0123456789") or len(text) > 19 or (text[0] == "0" and text != "0"):
        raise malformed("not a canonical decimal")
    value = int(text)
    if value > most:
        raise malformed(f"above {most}")
    return value


def utf8(data: bytes) -> str:
    """Text from UTF-8 bytes. MALFORMED otherwise."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise malformed("not UTF-8") from exc
