"""What people are told of a way's rate is what the kernel last saw acknowledged."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from detente.bearers import rates


class Told:
    """A connection whose kernel says this much of it, or that it is gone."""

    def __init__(self, info: bytes | None) -> None:
        self.info = info

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        if self.info is None:
            raise OSError
        assert (level, name) == (socket.IPPROTO_TCP, 11)
        return self.info[:size]


@pytest.mark.parametrize(
    ("info", "rate"),
    [
        (bytes(160) + (300).to_bytes(8, "little"), 2400),
        (bytes(168), None),  # nothing was sent yet
        (bytes(104), None),  # a kernel that does not count it
        (None, None),  # closed meanwhile
    ],
)
def test_a_rate_is_in_bits_and_unknown_where_nobody_counts(
    info: bytes | None, rate: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes a second in struct tcp_info become bits a second; whatever is not told is None."""
    monkeypatch.setattr(rates, "_INFO", 11)
    monkeypatch.setattr(rates, "_RATE", rates.struct.Struct("<Q"))
    assert rates.delivered_bits_per_s(Told(info)) == rate


def test_no_socket_and_no_such_system_have_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that has ended has none, nor has one of a system that keeps no such count."""
    told: Any = Told(bytes(256))
    assert rates.delivered_bits_per_s(None) is None
    monkeypatch.setattr(rates, "_INFO", None)
    assert rates.delivered_bits_per_s(told) is None
