"""Two links joined in memory, for tests and the simulator: the same contract, no sockets.

Bytes go through the same framing and the same bounds as on a real stream, so that what holds
here is worth something there.
"""

from __future__ import annotations

import asyncio
import secrets

from detente.bearers.contract import FRESH_BYTES, LINK_QUEUE_BYTES_MAX, Inbox, framed
from detente.bearers.rates import Measured
from detente.core.errors import PeerError, Refusal

SEGMENT_BYTES = 262_144  # moved at a time, as an event loop reads a socket


class MemoryLink:
    """One end of a ``pair``. Promises what ``contract.Link`` says.

    ``other``, ``inbox``, ``hand_over`` and ``lost`` are for the other end alone.
    """

    bearer = "memory"

    def __init__(self, peer: bytes, fresh: bytes, wide: bool) -> None:
        self.peer = peer
        self.fresh = fresh
        self.wide = wide
        self.inbox = Inbox()
        self._outgoing = bytearray()
        self._reason: str | None = None
        self._gone = asyncio.Event()
        self.other: MemoryLink = self

    def send(self, frame: bytes, *, urgent: bool = False) -> None:  # noqa: ARG002 - all keep order
        """As ``Link.send``."""
        self.inject(framed(frame))

    def inject(self, data: bytes) -> None:
        """Puts raw bytes on the stream, as a peer that keeps no rules would."""
        if self._reason is not None:
            raise PeerError(Refusal.UNREACHABLE, self._reason)
        self._outgoing += data
        self.hand_over()
        if len(self._outgoing) > LINK_QUEUE_BYTES_MAX:
            self._outgoing.clear()
            self.close("peer does not read")
            raise PeerError(Refusal.UNREACHABLE, "peer does not read")

    def queued_bytes(self) -> int:
        """As ``Link.queued_bytes``; the other end's full inbox is the full kernel."""
        return len(self._outgoing)

    def measured(self) -> Measured:
        """As ``Link.measured``: memory has nothing worth a number."""
        return Measured()

    def heard_s(self) -> float | None:
        """As ``Link.heard_s``: frames alone tell."""
        return None

    async def receive(self) -> list[bytes]:
        """As ``Link.receive``."""
        try:
            frames = await self.inbox.take()
        except PeerError as exc:
            self.close(str(exc))
            raise
        self.other.hand_over()
        return frames

    def close(self, reason: str) -> None:
        """As ``Link.close``. The other end still reads the whole frames that reached it."""
        if self._reason is not None:
            return
        self._outgoing.clear()
        self._reason = reason
        self.inbox.drop(reason)
        self._gone.set()
        self.other.lost("closed by the peer")

    def cut(self) -> None:
        """The wire breaks: both ends are gone, what was queued is lost."""
        self.lost("cut")
        self.other.lost("cut")

    async def closed(self) -> str:
        """As ``Link.closed``."""
        await self._gone.wait()
        return self._reason or ""

    def hand_over(self) -> None:
        """Moves what is queued into the other end's inbox, as far as there is room."""
        while self._outgoing and not self.other.inbox.full:
            self.other.inbox.feed(bytes(self._outgoing[:SEGMENT_BYTES]))
            del self._outgoing[:SEGMENT_BYTES]

    def lost(self, reason: str) -> None:
        """Learns that the other end or the wire is gone; what arrived stays readable."""
        if self._reason is None:
            self._reason = reason
            self._outgoing.clear()
            self.inbox.end(reason)
            self._gone.set()


def pair(
    a_party: bytes, b_party: bytes, fresh: bytes | None = None, *, wide: bool = True
) -> tuple[MemoryLink, MemoryLink]:
    """The end that party a holds and the end that party b holds; each one's peer is the other.

    ``fresh`` is 32 bytes, drawn here when not given. Needs no running loop to be made.
    """
    binding = secrets.token_bytes(FRESH_BYTES) if fresh is None else fresh
    at_a = MemoryLink(b_party, binding, wide)
    at_b = MemoryLink(a_party, binding, wide)
    at_a.other, at_b.other = at_b, at_a
    return at_a, at_b
