"""KISS: blocks on a way of bytes, one between two FEND (Chepponis and Karn, 1987).

spec/bearer-sealed.md §6.
"""

from __future__ import annotations

FEND, FESC, TFEND, TFESC = 0xC0, 0xDB, 0xDC, 0xDD
DATA = 0  # the command «send this», port 0
BLOCK_BYTES_MAX = 255
BROKEN_OFF = bytes((FESC, FEND))  # behind the part of a block that was sent; FESC is never last

_ESCAPES = {FEND: bytes((FESC, TFEND)), FESC: bytes((FESC, TFESC))}
_PLAIN = {TFEND: FEND, TFESC: FESC}


def kiss(block: bytes) -> bytes:
    """A block between two FEND."""
    inner = b"".join(_ESCAPES.get(byte) or bytes((byte,)) for byte in bytes((DATA,)) + block)
    return bytes((FEND,)) + inner + bytes((FEND,))


class Unkiss:
    """The receiving half: bytes as they come in, blocks out. Memory is bounded by one block."""

    def __init__(self) -> None:
        self._block = bytearray()
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """The blocks that end in these bytes. What was broken off, is longer than a block may be or
        has no byte is none. The command is not looked at: it may be damaged as any other byte."""
        found = []
        for byte in data:
            if byte == FEND:
                if not self._escaped and 1 < len(self._block) <= BLOCK_BYTES_MAX + 1:
                    found.append(bytes(self._block[1:]))
                self._block.clear()
                self._escaped = False
            elif len(self._block) > BLOCK_BYTES_MAX + 1:
                continue  # no block is so long
            elif self._escaped:
                self._escaped = False
                plain = _PLAIN.get(byte)
                self._block += bytes((FESC, byte)) if plain is None else bytes((plain,))
            elif byte == FESC:
                self._escaped = True
            else:
                self._block.append(byte)
        return found
