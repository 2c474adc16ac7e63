"""What a way lately carried, as the kernel counts it: for people, never for the protocol."""

from __future__ import annotations

import socket
import struct
from typing import Protocol

_INFO = getattr(socket, "TCP_INFO", None)  # Linux
_INFO_BYTES = 256
_RATE = struct.Struct("=Q")
_RATE_AT = 160  # tcpi_delivery_rate, bytes a second: struct tcp_info of linux/tcp.h, since 4.9


class Socket(Protocol):
    """As far as it is needed of one."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        """The bytes of an option."""


def delivered_bits_per_s(sock: Socket | None) -> int | None:
    """Bits a second that the peer of a TCP connection lately acknowledged. Of little traffic it is
    rather too low than too high. None where the system does not say, or nothing was sent yet."""
    if sock is None or _INFO is None:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _INFO, _INFO_BYTES)
    except OSError:  # closed meanwhile
        return None
    if len(info) < _RATE_AT + _RATE.size:
        return None
    (found,) = _RATE.unpack_from(info, _RATE_AT)
    return int(found) * 8 or None
