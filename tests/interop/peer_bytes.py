"""Bytes of the second node: refusals, integers, fields, leaves, bodies.

Written from spec/encoding.md, log.md §2 and commitment.md alone, without a look at our code.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
from dataclasses import dataclass

import brotli

_WORDS = """- malformed oversize unknown-line unknown-log unknown-party bad-signature want-full
bad-proof bad-commitment forked frozen over-quota not-in-audience not-held purged mute
charter-mismatch bad-card stale-card revoked out-of-turn bad-leaf not-allowed expired unreadable
context-incomplete withheld clock bad-passphrase not-found in-use disk newer-schema unreachable
usage unknown-version wrong-digits"""
WORDS = _WORDS.split()
CHARTER, RESUME, SEEN, QUOTE, HELD_AHEAD, LACKS, DISPATCH, ACCIDENT, MARK = range(9)
TRANSLATION, TEST, SEAL, CARD, ACCUSATION, PURGED, CLOCK = 9, 10, 14, 15, 16, 17, 20
WITH_SERIAL = {DISPATCH, ACCIDENT, TRANSLATION, TEST}
NO_RECEIPT = {SEEN, QUOTE, HELD_AHEAD, LACKS}

LogId = tuple[int, int, bytes]  # member, incarnation, life (empty: it began with the charter)


class RefusedError(Exception):
    """A refusal by a word of registry.md §8, with a log and an index where it names one."""

    def __init__(self, word: str, log: LogId | None = None, index: int = 0) -> None:
        super().__init__(word)
        self.word, self.log, self.index = word, log, index


def check(holds: bool, word: str = "malformed") -> None:
    """Refuse with this word unless it holds (registry.md §8)."""
    if not holds:
        raise RefusedError(word)


# Integers and fields


def varint(number: int) -> bytes:
    """Write an unsigned number as LEB128 (encoding.md §2)."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def signed(number: int) -> bytes:
    """Write a signed number, folded (encoding.md §2)."""
    return varint(2 * number if number >= 0 else -2 * number - 1)


def counted(data: bytes) -> bytes:
    """Write bytes behind their length (encoding.md §3)."""
    return varint(len(data)) + data


def u40(number: int) -> bytes:
    """Write a time (encoding.md §3)."""
    return number.to_bytes(5, "big")


class Reader:
    """Reads fields off the front of bytes and refuses every other form (encoding.md §2, §3)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        """Read so many bytes (encoding.md §3.2)."""
        check(self.at + count <= len(self.data))
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count: int) -> int:
        """Read u8, u16 or u40 (encoding.md §3)."""
        return int.from_bytes(self.take(count), "big")

    def varint(self) -> int:
        """Read a varint in its shortest form (encoding.md §2.1)."""
        value = 0
        for place in range(9):
            byte = self.number(1)
            value |= (byte & 127) << 7 * place
            if byte < 128:
                check(byte > 0 or place == 0)
                return value
        raise RefusedError("malformed")

    def signed(self) -> int:
        """Read a folded number (encoding.md §2.2)."""
        folded = self.varint()
        return folded // 2 if folded % 2 == 0 else -(folded + 1) // 2

    def count(self, most: int) -> int:
        """Read a length or count and judge it before anything behind it (encoding.md §3.1)."""
        value = self.varint()
        check(value <= most, "oversize")
        return value

    def counted(self, most: int) -> bytes:
        """Read counted bytes (encoding.md §3)."""
        return self.take(self.count(most))

    def rest(self) -> bytes:
        """Everything up to the end."""
        return self.take(len(self.data) - self.at)

    def end(self) -> None:
        """Refuse bytes behind the last field (encoding.md §2.3)."""
        check(self.at == len(self.data))


def read_decimal(text: str) -> int:
    """Read a decimal in its one form (encoding.md §4.3)."""
    check(text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and len(text) < 20)
    check(int(text) < 2**63)
    return int(text)


def read_hex(text: str, length: int) -> bytes:
    """Read lower-case hex of so many bytes (encoding.md §4.2)."""
    check(len(text) == 2 * length and set(text) <= set("0123456789abcdef"))
    return bytes.fromhex(text)


def read_base64(text: str) -> bytes:
    """Read strict base64 (encoding.md §4.1)."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("malformed") from None
    check(b64(data) == text)
    return data


def b64(data: bytes) -> str:
    """Write base64 (encoding.md §4)."""
    return base64.b64encode(data).decode()


# Logs and leaves


def log_id(log: LogId) -> bytes:
    """Write a log id (log.md §2)."""
    member, k, life = log
    return varint(member) + varint(2 * k + bool(life)) + life


def read_log_id(reader: Reader) -> LogId:
    """Read a log id (log.md §2)."""
    member, folded = reader.varint(), reader.varint()
    check(member < 32 and folded < 32)
    return member, folded // 2, reader.take(8) if folded % 2 else b""


Seen = tuple[LogId, int, bytes, int]  # log, size, root, held_at


@dataclass(frozen=True)
class Leaf:
    """The fields of a leaf; its default is what stands before the first one (log.md §2)."""

    kind: int = 0
    flags: int = 0
    audience: int = 0
    serial: int = 0
    time: int = 0
    error: int = 0
    seen: tuple[Seen, ...] = ()
    refs: tuple[bytes, ...] = ()
    extra: bytes = b""
    commitment: bytes = b""
    release: bytes = b""

    @property
    def precedence(self) -> int:
        """Bits 0 to 2 of the flags (log.md §2)."""
        return self.flags & 7

    def encode(self) -> bytes:
        """Write the exact leaf bytes (log.md §2)."""
        seen = b"".join(
            log_id(log) + varint(size) + root + u40(at) for log, size, root, at in self.seen
        )
        head = bytes([1, self.kind, self.flags]) + varint(self.audience) + varint(self.serial)
        head += u40(self.time) + self.error.to_bytes(2, "big") + varint(len(self.seen)) + seen
        refs = varint(len(self.refs)) + b"".join(self.refs)
        return head + refs + counted(self.extra) + self.commitment + self.release


def read_leaf(raw: bytes) -> Leaf:
    """Decode a leaf or refuse it (log.md §2.1-§2.4)."""
    check(len(raw) <= 4096, "oversize")
    reader = Reader(raw)
    check(reader.number(1) == 1, "unknown-version")
    kind, flags, audience, serial = (
        reader.number(1),
        reader.number(1),
        reader.varint(),
        reader.varint(),
    )
    check(flags & 7 < 6 and flags < 128 and audience < 2**32)
    check(not flags & 64 or (kind == 6 and bool(flags & 16)))
    time, error = reader.number(5), reader.number(2)
    seen = tuple(
        (read_log_id(reader), reader.varint(), reader.take(32), reader.number(5))
        for _ in range(reader.count(64))
    )
    check(all(one[0] < two[0] for one, two in itertools.pairwise(seen)))
    refs = tuple(reader.take(32) for _ in range(reader.count(32)))
    extra = reader.counted(1536)
    commitment = reader.take(32) if flags & 16 else b""
    release = reader.take(32) if flags & 32 else b""
    reader.end()
    return Leaf(kind, flags, audience, serial, time, error, seen, refs, extra, commitment, release)


def leaf_or_none(raw: bytes) -> Leaf | None:
    """The leaf, or none where it is void (log.md §5.3)."""
    try:
        return read_leaf(raw)
    except RefusedError:
        return None


def sha(*parts: bytes) -> bytes:
    """SHA-256 of the parts end to end (encoding.md §2)."""
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(raw: bytes) -> bytes:
    """The tree hash of a leaf (encoding.md §2)."""
    return sha(b"\0", raw)


# Bodies


def commitment(salt: bytes, body: bytes) -> bytes:
    """The hash by which a leaf commits to a body (commitment.md §2)."""
    return sha(b"detente body v1\n", salt, body)


def _class(size: int) -> int:
    if size <= 512:
        return -(-size // 32) * 32
    exponent = size.bit_length() - 1
    step = 1 << exponent - exponent.bit_length()
    return -(-size // step) * step


def pack_body(text: bytes, padded: bool) -> bytes:
    """Pack a text and pad it where the charter says so (commitment.md §3)."""
    check(len(text) <= 262144, "oversize")
    packed = brotli.compress(
        text, mode=brotli.MODE_TEXT, quality=10, lgwin=16 if len(text) < 65536 else 18
    )
    method, data = (1, packed) if len(packed) < len(text) else (0, text)
    body = bytes([method]) + data
    if padded:
        body = bytes([method | 128]) + counted(data)
        body = body.ljust(_class(len(body)), b"\0")
    check(len(body) <= 65536, "oversize")
    return body


def open_body(body: bytes) -> bytes:
    """Open a body whose commitment holds, or refuse it as unreadable (commitment.md §5)."""
    check(0 < len(body) <= 65536 and body[0] & 127 < 2, "unreadable")
    data = body[1:]
    if body[0] & 128:
        reader = Reader(body[1:])
        try:
            data = reader.counted(65536)
        except RefusedError:
            raise RefusedError("unreadable") from None
        check(len(body) == _class(reader.at + 1) and not any(body[1 + reader.at :]), "unreadable")
    if body[0] & 127 == 1:
        data = _inflate(data)
    check(len(data) <= 262144, "unreadable")
    return data


def _inflate(data: bytes) -> bytes:
    check(len(data) > 0, "unreadable")
    head = data[
        0
    ]  # RFC 7932 §9.1: 0 is 16 bits, x1 odd 3-bit values 18 and above, the rest 17 and below
    window = 16 if not head & 1 else 17 + (head >> 1 & 7) if head >> 1 & 7 else 17
    check(window <= 18 and head & 0x7F != 0x11, "unreadable")
    decoder = brotli.Decompressor()
    try:
        out: bytes = decoder.process(data, output_buffer_limit=262145)
        check(len(out) <= 262144 and decoder.is_finished(), "unreadable")
        # brotli tells of bytes behind the end only when nothing but the stream decodes
        brotli.decompress(data)
    except brotli.error:
        raise RefusedError("unreadable") from None
    return out
