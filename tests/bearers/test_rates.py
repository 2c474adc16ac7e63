"""What people are told of a way's rate is what the kernel last saw acknowledged."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from detente.bearers import rates
from detente.bearers.rates import Measured, Meter, measured


class Told:
    """A connection whose kernel says this much of it, or that it is gone."""

    def __init__(self, info: bytes | None) -> None:
        self.info = info

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        if self.info is None:
            raise OSError
        assert (level, name) == (socket.IPPROTO_TCP, 11)
        return self.info[:size]


def info_of(trip_us: int, again: int, sent: int, rate: int) -> bytes:
    """A struct tcp_info with these counts."""
    info = bytearray(168)
    for at, size, value in ((68, 4, trip_us), (100, 4, again), (156, 4, sent), (160, 8, rate)):
        info[at : at + size] = value.to_bytes(size, "little")
    return bytes(info)


@pytest.mark.parametrize(
    ("info", "found"),
    [
        (info_of(25_000, 3, 60, 300), Measured(2400, 0.025, 0.05)),
        (info_of(0, 9, 3, 0), Measured(None, None, 1.0)),
        (bytes(168), Measured()),  # nothing was sent yet
        (bytes(104), Measured()),  # a kernel that does not count it
        (None, Measured()),  # closed meanwhile
    ],
)
def test_what_the_kernel_counts_has_our_units(
    info: bytes | None, found: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes a second become bits, microseconds seconds, segments a share; what is not told is
    None."""
    monkeypatch.setattr(rates, "_INFO", 11)
    monkeypatch.setattr(rates, "_COUNT", rates.struct.Struct("<I"))
    monkeypatch.setattr(rates, "_RATE", rates.struct.Struct("<Q"))
    assert measured(Told(info)) == found


def test_no_socket_and_no_such_system_have_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that has ended has none, nor has one of a system that keeps no such count."""
    told: Any = Told(bytes(256))
    assert measured(None) == Measured()
    monkeypatch.setattr(rates, "_INFO", None)
    assert measured(told) == Measured()


def test_a_link_counts_while_something_is_under_way() -> None:
    """Rest is no time of work, what is sent again counts, and old work counts for less."""
    meter = Meter()
    assert meter.measured(None) == Measured()
    meter.sent(0.0, again=False)
    meter.confirmed(500, 4.0, more=False)
    meter.sent(1000.0, again=False)
    meter.sent(1000.5, again=True)
    meter.confirmed(500, 1001.0, more=True)
    assert meter.measured(0.5) == Measured(1600, 0.5, 1 / 3)
    meter.rest()
    meter.confirmed(0, 5000.0, more=False)
    assert meter.measured(0.5).bits_per_s == 1600
    meter.sent(6000.0, again=False)
    meter.confirmed(60_000, 6120.0, more=False)
    meter.sent(7000.0, again=False)
    meter.confirmed(1, 7001.0, more=False)
    assert meter.measured(0.5).bits_per_s == int(8 * 30_501 / 63.5)
