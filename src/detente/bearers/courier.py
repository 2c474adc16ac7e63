"""Files that a courier carries: frames of one line, sealed to one party (spec/bearer-courier.md).

A file is a head, chunks of one size and the head again, so that whatever is cut out of it or
damaged costs the chunks that it touches. Nothing outside names a party, a line or a length below
4,096 bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from detente.bearers.contract import frame_bounds, framed
from detente.core.crypto import (
    AeadKey,
    ed25519_verify,
    hkdf,
    hpke_open,
    hpke_seal,
)
from detente.core.encoding import Reader, malformed, u40
from detente.core.errors import LocalError, PeerError, Refusal

FIRST_LINE = b"detente courier v1\n"
CHUNK_BYTES = 4096  # sealed: what one damaged place costs, and the step of a file's length
CHUNKS_MAX = 16_384  # 64 MiB: the most one file may have a node read
SECRET_BYTES = 32
HEAD_BYTES = len(FIRST_LINE) + 1136 + 109
FILE_BYTES_MAX = 2 * HEAD_BYTES + CHUNKS_MAX * CHUNK_BYTES
_PAYLOAD_BYTES = CHUNK_BYTES - 16 - 2  # without the tag and the place of the first frame
_NOWHERE = 0xFFFF  # no frame begins in this chunk


@dataclass(frozen=True, slots=True)
class Parties:
    """Whom a file is between, and on which line: bound to its head, and nowhere in it."""

    line: bytes
    sender: bytes
    receiver: bytes

    @property
    def info(self) -> bytes:
        """The context of the seal and of the signature."""
        return FIRST_LINE + self.line + self.sender + self.receiver


@dataclass(frozen=True, slots=True)
class Head:
    """What only its receiver reads of a file: the secret its chunks are sealed under, when it was
    written, which of the sender's files to this receiver it is, and how many chunks it has."""

    secret: bytes = field(repr=False)
    written_s: int
    number: int
    chunks: int

    def encode(self) -> bytes:
        """45 bytes: secret, u40 time, u32 number, u32 chunks."""
        numbers = self.number.to_bytes(4, "big") + self.chunks.to_bytes(4, "big")
        return self.secret + u40(self.written_s) + numbers


def seal_head(head: Head, parties: Parties, kem: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The head of a file: HEAD_BYTES, others each time. ``sign`` is by the sender's TLS key.

    PeerError BAD_CARD for a KEM key that nothing can be sealed to.
    """
    said = head.encode()
    return FIRST_LINE + hpke_seal(kem, parties.info, said + sign(parties.info + said))


def open_head(data: bytes, parties: Parties, seed: bytes, keys: Sequence[bytes]) -> Head:
    """The head of a file between these parties. ``keys`` are the sender's TLS keys.

    PeerError UNREADABLE for one sealed to somebody else, or between others; BAD_SIGNATURE where
    none of the keys signed it: anybody may seal to a key that stands on a card. MALFORMED or
    OVERSIZE for what a sender may not say.
    """
    opened = hpke_open(seed, parties.info, data[len(FIRST_LINE) :])
    said, signature = opened[:-64], opened[-64:]
    if not any(ed25519_verify(key, parties.info + said, signature) for key in keys):
        raise PeerError(Refusal.BAD_SIGNATURE, "a file that its sender did not seal")
    reader = Reader(said)
    secret, written_s = reader.take(SECRET_BYTES), reader.u40()
    number, chunks = (int.from_bytes(reader.take(4), "big") for _ in range(2))
    reader.done()
    if not 1 <= chunks <= CHUNKS_MAX:
        raise PeerError(Refusal.OVERSIZE, f"a file of {chunks} chunks")
    return Head(secret, written_s, number, chunks)


def heads_of(file: BinaryIO) -> Iterator[bytes]:
    """What may be the head of a file: its beginning, then its end. LocalError MALFORMED where
    neither begins as one, OVERSIZE for a file that is too long."""
    size = _size(file)
    if size > FILE_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"a file has at most {FILE_BYTES_MAX} bytes")
    found = []
    for at in dict.fromkeys((0, max(0, size - HEAD_BYTES))):
        file.seek(at)
        data = file.read(HEAD_BYTES)
        if len(data) == HEAD_BYTES:
            found.append(data)
    # A damaged first line says nothing of the rest: the seal alone decides.
    if not any(data.startswith(FIRST_LINE) for data in found):
        raise LocalError(Refusal.MALFORMED, "not a file for a courier, or both its heads are gone")
    yield from found


def _size(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)


def _key(secret: bytes) -> AeadKey:
    return AeadKey(hkdf(secret, b"", FIRST_LINE + b"chunks", 32))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


class Writer:
    """Writes one file, chunk by chunk; a place for the head is left until it is known."""

    def __init__(self, file: BinaryIO, secret: bytes) -> None:
        self._file = file
        self._key = _key(secret)
        self._payload = bytearray()
        self._first = _NOWHERE
        self.chunks = 0
        file.write(bytes(HEAD_BYTES))

    def write(self, frame: bytes) -> None:
        """One frame. LocalError as ``framed``, and OVERSIZE for one chunk too many."""
        if self._first == _NOWHERE:
            self._first = len(self._payload)
        data = framed(frame)
        at = 0
        while at < len(data):
            room = _PAYLOAD_BYTES - len(self._payload)
            self._payload += data[at : at + room]
            at += room
            if len(self._payload) == _PAYLOAD_BYTES:
                self._flush()

    def _flush(self) -> None:
        if self.chunks == CHUNKS_MAX:
            raise LocalError(Refusal.OVERSIZE, f"a file has at most {CHUNKS_MAX} chunks")
        payload = self._first.to_bytes(2, "big") + self._payload.ljust(_PAYLOAD_BYTES, b"\0")
        self._file.write(self._key.seal(_nonce(self.chunks), payload, b""))
        self.chunks += 1
        self._payload.clear()
        self._first = _NOWHERE

    def close(self, head: Callable[[int], bytes]) -> None:
        """Fills the last chunk and writes ``head(chunks)`` at both ends."""
        if self._payload or not self.chunks:
            self._flush()
        sealed = head(self.chunks)
        self._file.write(sealed)
        self._file.seek(0)
        self._file.write(sealed)


class Chunks:
    """The frames of a file in order, as far as its chunks open. ``lost`` are the others' numbers.

    A frame is given once it is whole; one that a lost chunk touches is not.
    """

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._file = file
        self._head = head
        self._key = _key(head.secret)
        # Where something was cut out, what lies behind it stands where the end says.
        last = _size(file) - HEAD_BYTES - head.chunks * CHUNK_BYTES
        self._begins = tuple(dict.fromkeys((HEAD_BYTES, last)))
        self.lost: list[int] = []

    def frames(self) -> Iterator[bytes]:
        """PeerError MALFORMED or OVERSIZE for frames that their sender framed badly."""
        buffer: bytearray | None = bytearray()
        for number in range(self._head.chunks):
            payload = self._chunk(number)
            if payload is None:
                self.lost.append(number)
                buffer = None
                continue
            first = int.from_bytes(payload[:2], "big")
            if buffer is None:
                if first == _NOWHERE:
                    continue
                payload = payload[:2] + payload[2 + first :]
                buffer = bytearray()
            buffer += payload[2:]
            yield from _cut(buffer, last=number == self._head.chunks - 1)

    def _chunk(self, number: int) -> bytes | None:
        for begin in self._begins:
            at = begin + number * CHUNK_BYTES
            if at < 0:
                continue
            self._file.seek(at)
            sealed = self._file.read(CHUNK_BYTES)
            if len(sealed) < CHUNK_BYTES:
                continue
            try:
                return self._key.open(_nonce(number), sealed, b"")
            except PeerError:
                continue  # damaged, or it stands elsewhere
        return None


def _cut(buffer: bytearray, *, last: bool) -> Iterator[bytes]:
    """The whole frames at the front, cut off the buffer. Behind the last one noughts may stand."""
    pos = 0
    while pos < len(buffer) and not (last and not any(buffer[pos:])):
        bounds = frame_bounds(buffer, pos)
        if bounds is None or bounds[1] > len(buffer):
            if last:
                raise malformed("a frame that goes on behind the last chunk")
            break
        yield bytes(buffer[bounds[0] : bounds[1]])
        pos = bounds[1]
    del buffer[:pos]
