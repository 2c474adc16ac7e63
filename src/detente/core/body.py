"""Bodies: commitment, compression, padding (spec/commitment.md). The one user of brotli.

The leaf commits to the exact bytes made here, so signatures and commitment are checked before
anything is decompressed, and no reader has to compress anything to the same bytes again.
"""

from __future__ import annotations

import brotli

from detente.core import limits
from detente.core.crypto import sha256
from detente.core.encoding import Reader, counted
from detente.core.errors import LocalError, PeerError, Refusal

SALT_BYTES = 16
ZERO_SALT = bytes(SALT_BYTES)  # a charter's: its own 16 random bytes are in its text

_LABEL = b"detente body v1\n"
_RAW = 0
_BROTLI = 1
_PADDED = 0x80

_STEP_BYTES = 32
_STEPS_UP_TO_BYTES = 512
# A window of 24 bits would make 51 hostile bytes cost the reader 16 MiB; 18 hold PLAIN_BYTES_MAX.
_WINDOW_BITS_MAX = 18
_WINDOW_BITS = 16  # measured: quality 10 takes 0.7 ms for 500 bytes, against 1.0 ms at 18
_CHUNK_BYTES = 32_768

_SHALLOW_ENTRIES = 4
_QUALITY_SHALLOW = 10
_QUALITY_DEEP = 5


def commit(salt: bytes, body: bytes) -> bytes:
    """The 32 bytes a leaf carries for a body under 16 bytes of salt (spec/commitment.md §2)."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt is 16 bytes long")  # else salt and body could trade bytes
    return sha256(_LABEL, salt, body)


def quality_for(queued: int) -> int:
    """The brotli quality for a text before which ``queued`` others go (spec/commitment.md §4).

    Measured on 500 bytes of English: 11 gives 236 bytes in 1.6 ms, 10 the same in 0.7 ms, 9 no
    fewer than 5, and 5 gives 284 bytes in 0.04 ms. So 10 while nobody waits for it, then 5.
    """
    return _QUALITY_SHALLOW if queued <= _SHALLOW_ENTRIES else _QUALITY_DEEP


def padded_size(size: int) -> int:
    """The class of a body of ``size`` bytes: steps of 32 up to 512, then Padmé.

    Padmé (Nikitin et al., PoPETs 2019, section 4) leaks O(log log n) bits of a length and adds
    at most 12 %, here at most 6 %.
    """
    if size <= _STEPS_UP_TO_BYTES:
        return -(-size // _STEP_BYTES) * _STEP_BYTES
    exponent = size.bit_length() - 1
    kept_bits = exponent.bit_length()
    mask = (1 << (exponent - kept_bits)) - 1
    return (size + mask) & ~mask


def pack(plain: bytes, quality: int | None, padding: bool) -> bytes:
    """The body of a plain text: method byte, data, and padding where the charter asks for it.

    ``quality`` is brotli's, 0 to 11; None packs nothing, for what hashes and signatures make up:
    it would hardly shrink, and its bytes would depend on the brotli at hand. LocalError OVERSIZE
    for a text above PLAIN_BYTES_MAX or a body above BODY_BYTES_MAX.
    """
    if len(plain) > limits.PLAIN_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"a text of {len(plain)} bytes")
    method, data = _RAW, plain
    if quality is not None:
        lgwin = _WINDOW_BITS if len(plain) < 1 << _WINDOW_BITS else _WINDOW_BITS_MAX
        packed = brotli.compress(plain, mode=brotli.MODE_TEXT, quality=quality, lgwin=lgwin)
        if len(packed) < len(plain):
            method, data = _BROTLI, packed
    if padding:
        body = bytes((method | _PADDED,)) + counted(data)
        body = body.ljust(padded_size(len(body)), b"\0")
    else:
        body = bytes((method,)) + data
    if len(body) > limits.BODY_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"a body of {len(body)} bytes")
    return body


def unpack(body: bytes) -> bytes:
    """The plain text of a body whose commitment has already been checked (spec/commitment.md §5).

    PeerError UNREADABLE for whatever is wrong with it: the entry is held all the same, and shown
    as unreadable. It takes at most about 1 MiB of memory, whatever the body holds.
    """
    if not 0 < len(body) <= limits.BODY_BYTES_MAX:
        raise _unreadable(f"a body of {len(body)} bytes")
    method = body[0] & ~_PADDED
    data = _unpad(body) if body[0] & _PADDED else body[1:]
    if method == _RAW:
        return data
    if method == _BROTLI:
        return _decompress(data)
    raise _unreadable(f"unknown method {method}")


def _unreadable(detail: str) -> PeerError:
    return PeerError(Refusal.UNREADABLE, detail)


def _unpad(body: bytes) -> bytes:
    reader = Reader(body, 1)
    try:
        data = reader.counted(limits.BODY_BYTES_MAX)
    except PeerError as exc:
        raise _unreadable(exc.detail) from exc
    if len(body) != padded_size(reader.pos):
        raise _unreadable("not padded to its class")
    if body.count(0, reader.pos) != reader.left():
        raise _unreadable("padding that is not zero")
    return data


def _window_bits(first: int) -> int:
    """The window a brotli stream asks for, from its first byte (RFC 7932 §9.1)."""
    if not first & 1:
        return 16
    if first & 0x0E:
        return 17 + (first >> 1 & 7)
    return 8 + (first >> 4 & 7) if first & 0x70 else 17


def _decompress(data: bytes) -> bytes:
    if not data or _window_bits(data[0]) > _WINDOW_BITS_MAX:
        raise _unreadable("a brotli window too large")
    stream = brotli.Decompressor()
    out = bytearray()
    given = data
    try:
        while not stream.is_finished():
            piece = stream.process(given, output_buffer_limit=_CHUNK_BYTES)
            given = b""
            out += piece
            if len(out) > limits.PLAIN_BYTES_MAX:
                raise _unreadable(f"opens to more than {limits.PLAIN_BYTES_MAX} bytes")
            if not piece and not stream.is_finished():
                raise _unreadable("a brotli stream cut short")
    except brotli.error as exc:  # also for bytes behind the stream's end
        raise _unreadable("not a brotli stream") from exc
    return bytes(out)
