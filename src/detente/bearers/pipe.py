"""A sealed link over a way of bytes: bytes and the time in, bytes and frames out.

spec/bearer-sealed.md §6. Pure, as ``sealed_link`` is. Whoever drives it takes bytes no faster than
the way carries them: what lies in a buffer of the system nothing urgent can overtake.
"""

from __future__ import annotations

from detente.bearers.fec import PARITY_BYTES, Meter, protect
from detente.bearers.kiss import BROKEN_OFF, Unkiss, kiss
from detente.bearers.packets import HEAD_BYTES
from detente.bearers.sealed_link import Outgoing, SealedEnd
from detente.core.link_keys import CHECK_BYTES

BREAK_S = 0.5  # a fragment with more than this to go is broken off for an urgent one
NOISE_BYTES_MAX = CHECK_BYTES + HEAD_BYTES  # shorter blocks say nothing of the way
VAIN_PER_S, VAIN_MAX = 8.0, 32.0  # blocks that nothing mends may cost their time so often, at most


class Pipe:
    """One end of the link, with what stands between its packets and the bytes of the way."""

    def __init__(self, end: SealedEnd) -> None:
        self.end = end
        self._meter = Meter()
        self._unkiss = Unkiss()
        self._going = b""
        self._outgoing: Outgoing | None = None
        self._announced = 0
        self._vain, self._vain_s = VAIN_MAX, 0.0  # how many more may be tried, as of when

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        """Bytes that came; the frames that are whole by them."""
        frames: list[bytes] = []
        for block in self._unkiss.feed(data):
            frames += self._block(block, now_s)
        return frames

    def _block(self, block: bytes, now_s: float) -> list[bytes]:
        mending = self._may_mend(now_s)
        for found in self._meter.readings(block, mending=mending):
            said = self.end.read(found.data)
            if said is not None:
                self._meter.came(found)
                if self._meter.level != self.end.level_wished:
                    self.end.wish(self._meter.level, now_s)
                return self.end.take(said, now_s)
        self._vain -= mending
        if len(block) > NOISE_BYTES_MAX:
            self._meter.came(None)
            self.end.wish(self._meter.level, now_s)
        return []

    def _may_mend(self, now_s: float) -> bool:
        """Whether a block may be mended: who sends noise, and any stranger on the way can, must not
        have all of a machine's time for it."""
        self._vain = min(VAIN_MAX, self._vain + (now_s - self._vain_s) * VAIN_PER_S)
        self._vain_s = now_s
        return self._vain >= 1

    def take(self, now_s: float, most: int) -> bytes:
        """At most so many bytes that are to be sent now; none if there is nothing."""
        if self._outgoing is not None and self._is_overtaken(self._outgoing):
            self.end.broken_off(self._outgoing)
            self._going, self._outgoing = BROKEN_OFF, None
        if not self._going:
            self._outgoing = self.end.packet(now_s)
            if self._outgoing is None:
                return b""
            self._going = kiss(protect(self._outgoing.data, self._level()))
        data, self._going = self._going[:most], self._going[most:]
        return data

    def _is_overtaken(self, outgoing: Outgoing) -> bool:
        """Whether the rest of what is going would keep something urgent waiting."""
        fragment = outgoing.fragment
        return (
            fragment is not None
            and fragment.lane == 0
            and self.end.airtime_s(len(self._going)) > BREAK_S
            and self.end.urgent_waits()
        )

    def _level(self) -> int:
        """What both ends wish for. Before the peer is known to be up the strongest: in every second
        packet, and where any is wished for in each, for one that is lost costs a long wait."""
        level = max(self.end.level, self.end.level_wished)
        if not self.end.met:
            self._announced += 1
            return len(PARITY_BYTES) - 1 if level or self._announced % 2 == 0 else 0
        return level

    def wake_s(self) -> float | None:
        """As ``SealedEnd.wake_s``; 0 while something is going."""
        return 0.0 if self._going else self.end.wake_s()
