"""What a way lately carried: for people, never for the protocol."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Protocol

_INFO = getattr(socket, "TCP_INFO", None)  # Linux
_INFO_BYTES = 256
# struct tcp_info of linux/tcp.h, since 4.9: tcpi_rtt in microseconds, tcpi_total_retrans,
# tcpi_data_segs_out, tcpi_delivery_rate in bytes a second.
_COUNT, _RATE = struct.Struct("=I"), struct.Struct("=Q")
_TRIP_AT, _AGAIN_AT, _SENT_AT, _RATE_AT = 68, 100, 156, 160


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a way; None is not known. ``lost`` is the share of what was sent that was
    sent again, 0 to 1."""

    bits_per_s: int | None = None
    round_trip_s: float | None = None
    lost: float | None = None


class Socket(Protocol):
    """As far as it is needed of one."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        """The bytes of an option."""


def measured(sock: Socket | None) -> Measured:
    """What the kernel counts of a TCP connection. The rate is what the peer lately acknowledged: of
    little traffic rather too low than too high. Nothing where the system does not say."""
    if sock is None or _INFO is None:
        return Measured()
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _INFO, _INFO_BYTES)
    except OSError:  # closed meanwhile
        return Measured()
    if len(info) < _RATE_AT + _RATE.size:
        return Measured()
    trip_us, again, sent = (
        int(_COUNT.unpack_from(info, at)[0]) for at in (_TRIP_AT, _AGAIN_AT, _SENT_AT)
    )
    (rate,) = _RATE.unpack_from(info, _RATE_AT)
    return Measured(
        int(rate) * 8 or None,
        trip_us / 1e6 or None,
        min(again / sent, 1.0) if sent else None,
    )


class Meter:
    """What a link carried that confirms its own fragments, of about the last minute of work."""

    BUSY_S_MAX = 60.0

    def __init__(self) -> None:
        self._carried_bytes = self._busy_s = 0.0
        self._sent = self._again = 0.0
        self._at_s: float | None = None  # since when something has been under way

    def sent(self, now_s: float, *, again: bool) -> None:
        """A fragment leaves, for the first time or once more."""
        self._sent += 1
        self._again += again
        if self._at_s is None:
            self._at_s = now_s

    def confirmed(self, count: int, now_s: float, *, more: bool) -> None:
        """So many bytes came over; whether something is still under way."""
        if self._at_s is not None:
            self._busy_s += now_s - self._at_s
        self._carried_bytes += count
        self._at_s = now_s if more else None
        if self._busy_s > self.BUSY_S_MAX:
            self._carried_bytes, self._busy_s = self._carried_bytes / 2, self._busy_s / 2
            self._sent, self._again = self._sent / 2, self._again / 2

    def rest(self) -> None:
        """What was under way is given up."""
        self._at_s = None

    def measured(self, round_trip_s: float | None) -> Measured:
        """What it comes to."""
        rate = int(8 * self._carried_bytes / self._busy_s) if self._busy_s else None
        return Measured(rate, round_trip_s, self._again / self._sent if self._sent else None)
