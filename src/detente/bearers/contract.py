"""What every bearer promises: whole frames, in order, at most once, from a known peer.

A bearer moves opaque frames between two nodes and promises nothing more. It may die at any time
and lose what it was given; what must not be lost is in the store (design §5, spec/bearer-tls.md).
A stream bearer puts each frame behind its length; ``framed`` and ``Inbox`` are that format.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from detente.bearers.rates import Measured
from detente.core.encoding import malformed, varint
from detente.core.errors import DetenteError, LocalError, PeerError, Refusal
from detente.core.limits import FRAME_BYTES_MAX

FRESH_BYTES = 32  # the channel binding: as long as a TLS 1.3 exporter secret is worth
HEADER_BYTES_MAX = 3  # a length of at most FRAME_BYTES_MAX, which is below 2**21
RECEIVE_FRAMES_MAX = 512  # one receive: as many as one batch of entries (BATCH_ENTRIES_MAX)
RECEIVE_BYTES_MAX = 2_097_152  # three of the largest frames: above it the kernel is left unread
LINK_QUEUE_BYTES_MAX = 8_388_608  # 12 of the largest frames: a peer behind by more does not read


class Link(Protocol):
    """One living way to one peer. Not thread safe: used from the loop that made it.

    ``receive`` has one caller at a time.
    """

    @property
    def peer(self) -> bytes:
        """The 32-byte id of the party whose pinned key was shown."""

    @property
    def bearer(self) -> str:
        """The kind of bearer: ``tls``, ``websocket``, ``serial`` or ``memory``."""

    @property
    def wide(self) -> bool:
        """Whether bytes are cheap here: fixed per kind of bearer, never measured."""

    @property
    def fresh(self) -> bytes:
        """32 bytes that both ends know and that no other link has had (channel binding)."""

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """Queues one frame of 1 to FRAME_BYTES_MAX bytes. Never blocks, never promises arrival.

        A narrow link sends urgent frames before others; on a wide one all keep their order.
        PeerError UNREACHABLE once the link is closed, and when this frame closes it because more
        than LINK_QUEUE_BYTES_MAX wait; LocalError OVERSIZE or MALFORMED for a frame that is too
        long or empty. Callers pace themselves by ``queued_bytes``.
        """

    def queued_bytes(self) -> int:
        """Bytes handed over by ``send`` that the kernel has not taken yet."""

    def measured(self) -> Measured:
        """What this way lately carried, for people to see. What the protocol does depends on
        ``wide`` alone."""

    def heard_s(self) -> float | None:
        """When something of the peer last came, by the clock of the loop, on a link where a frame
        may take hours; None where frames alone tell."""

    async def receive(self) -> list[bytes]:
        """All whole frames that are here, at least one, in order; waits for the first.

        At most RECEIVE_FRAMES_MAX frames and about RECEIVE_BYTES_MAX bytes, the rest next time.
        PeerError MALFORMED or OVERSIZE for bad framing, which closes the link; PeerError
        UNREACHABLE at the end, after the last whole frame. Safe to cancel: nothing is lost.
        """

    def close(self, reason: str) -> None:
        """Ends the link: what is queued is still tried, what is unread is dropped. Idempotent."""

    async def closed(self) -> str:
        """Waits until the link is gone and gives the first reason this end knew."""


class Listener(Protocol):
    """An open door. Links that came through it live on when it is closed."""

    @property
    def address(self) -> str:
        """Where it listens, with the port that was really taken."""

    def close(self) -> None:
        """Takes no more connections and drops those not yet authenticated. Idempotent."""


def framed(frame: bytes) -> bytes:
    """A frame behind its length (spec/bearer-tls.md §4).

    LocalError MALFORMED for an empty frame, OVERSIZE above FRAME_BYTES_MAX: our own fault.
    """
    if not frame:
        raise LocalError(Refusal.MALFORMED, "an empty frame")
    if len(frame) > FRAME_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"a frame of {len(frame)} bytes")
    return varint(len(frame)) + frame


def frame_bounds(buffer: bytearray, pos: int) -> tuple[int, int] | None:
    """Where the frame whose length stands at ``pos`` begins and ends; None if that is not all here.

    PeerError MALFORMED for a zero or non-canonical length, OVERSIZE above FRAME_BYTES_MAX; both
    before a byte of the frame is needed.
    """
    length = 0
    for index, byte in enumerate(buffer[pos : pos + HEADER_BYTES_MAX]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if byte == 0:
                raise malformed("frame length zero or not in shortest form")
            if length > FRAME_BYTES_MAX:
                raise PeerError(Refusal.OVERSIZE, f"a frame of {length} bytes")
            start = pos + index + 1
            return start, start + length
        if index == HEADER_BYTES_MAX - 1:
            raise PeerError(Refusal.OVERSIZE, "a frame length of more than three bytes")
    return None


class Inbox:
    """The receiving half of a stream link: bytes in, whole frames out, bounded memory.

    It keeps raw bytes and cuts frames only when asked, so that a million tiny frames cost no more
    than their bytes. Its owner stops reading while ``full``.
    """

    __slots__ = ("_buffer", "_end", "_news")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._end: str | None = None
        self._news = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether the owner must stop reading. A whole frame is here then, or bad framing."""
        return len(self._buffer) > RECEIVE_BYTES_MAX

    def feed(self, data: bytes) -> None:
        """Takes bytes as they came; ignored after the end."""
        if self._end is None:
            self._buffer += data
            self._news.set()

    def end(self, reason: str) -> None:
        """No more bytes come. Whole frames already here stay readable. The first reason stays."""
        if self._end is None:
            self._end = reason
        self._news.set()

    def drop(self, reason: str) -> None:
        """Ends at once, and frees what was not read."""
        self._buffer.clear()
        self.end(reason)

    async def take(self) -> list[bytes]:
        """As ``Link.receive``; the link is not closed by it."""
        while True:
            frames = self._cut()
            if frames:
                return frames
            if self._end is not None:
                raise PeerError(Refusal.UNREACHABLE, self._end)
            self._news.clear()
            await self._news.wait()

    def _cut(self) -> list[bytes]:
        """The whole frames at the front, cut off the buffer. PeerError only if there are none."""
        buffer = self._buffer
        frames: list[bytes] = []
        pos = 0
        with memoryview(buffer) as view:
            while len(frames) < RECEIVE_FRAMES_MAX and pos < RECEIVE_BYTES_MAX:
                try:
                    bounds = frame_bounds(buffer, pos)
                except DetenteError:
                    if frames:
                        break  # the good frames first; the bad length is met again next time
                    raise
                if bounds is None or bounds[1] > len(buffer):
                    break
                frames.append(bytes(view[bounds[0] : bounds[1]]))
                pos = bounds[1]
        del buffer[:pos]
        return frames
