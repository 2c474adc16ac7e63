"""The serial bearer over pseudo-terminals joined back to back."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
from bearers.way import HIGH, LOW, SECRET
from cable import FAST, Cable

from detente.bearers import contract
from detente.bearers.contract import LINK_QUEUE_BYTES_MAX
from detente.bearers.rates import Measured
from detente.bearers.serial import READ_BYTES, SerialPort, Tty, open_port, open_tty
from detente.core.errors import LocalError, PeerError, Refusal


def open_end(cable: Cable, number: int) -> SerialPort:
    """The sealed link at one end of a cable."""
    own, peer = (LOW, HIGH) if number == 0 else (HIGH, LOW)
    return open_port(Tty(cable.names[number], 9600, FAST), SECRET, own, peer)


@asynccontextmanager
async def cabled():
    """A cable with an open port at each end."""
    cable = Cable()
    ports = [open_end(cable, 0), open_end(cable, 1)]
    try:
        yield cable, ports
    finally:
        for port in ports:
            port.close()
        cable.close()


async def collect(link, count):
    """Receives until ``count`` frames are here."""
    frames = []
    while len(frames) < count:
        frames += await link.receive()
    return frames


async def test_frames_pass_between_two_devices():
    """Two ports find each other; frames come whole and in order; the link says what it is."""
    async with cabled() as (_, ports):
        low, high = await ports[0].link(), await ports[1].link()
        assert (low.peer, high.peer) == (HIGH, LOW)
        assert low.fresh == high.fresh
        assert (low.bearer, low.wide, low.measured()) == ("serial", False, Measured(FAST))
        frames = [bytes([n]) * (100 * n + 1) for n in range(30)]
        for frame in frames:
            low.send(frame)
        high.send(b"and back", urgent=True)
        assert await collect(high, 30) == frames
        assert await low.receive() == [b"and back"]
        assert low.heard_s() is not None
        assert high.queued_bytes() == 0
        found = low.measured()
        assert 0 < found.bits_per_s <= 2 * FAST
        assert found.round_trip_s is not None
        assert found.lost is not None


async def test_a_closed_life_is_followed_by_another():
    """Who closes the link loses what was queued; both ends get a new link by themselves."""
    async with cabled() as (_, ports):
        low, high = await ports[0].link(), await ports[1].link()
        low.close("enough")
        low.close("again")
        assert await low.closed() == "enough"
        with pytest.raises(PeerError) as caught:
            low.send(b"late")
        assert caught.value.refusal is Refusal.UNREACHABLE
        with pytest.raises(PeerError):
            await low.receive()
        again, other = await ports[0].link(), await ports[1].link()
        assert await high.closed() == "the peer has begun anew"
        assert again.fresh == other.fresh != low.fresh
        again.send(b"once more")
        assert await other.receive() == [b"once more"]


async def test_our_own_bad_frames_are_refused():
    """An empty frame is our caller's fault and leaves the link alive; more than a link may hoard
    ends it."""
    async with cabled() as (_, ports):
        low, _ = await ports[0].link(), await ports[1].link()
        with pytest.raises(LocalError):
            low.send(b"")
        for _ in range(LINK_QUEUE_BYTES_MAX // 600_000):
            low.send(bytes(600_000))
        with pytest.raises(PeerError) as caught:
            low.send(bytes(600_000))
        assert "does not read" in str(caught.value)


async def test_a_device_that_goes_away_ends_the_port():
    """When the device hangs up the link ends and no other comes."""
    async with cabled() as (cable, ports):
        low = await ports[0].link()
        asyncio.get_running_loop().remove_reader(cable.masters[0])
        master, cable.masters[0] = cable.masters[0], os.dup(cable.masters[1])
        os.close(master)
        assert "the port is lost" in await low.closed()
        with pytest.raises(PeerError) as caught:
            await ports[0].link()
        assert caught.value.refusal is Refusal.UNREACHABLE


async def test_what_is_no_port_is_named():
    """No device, a file, a speed no port has, a device that is in use."""
    async with cabled() as (cable, _):
        for device, speed, refusal in (
            ("/dev/no-such-port", 9600, Refusal.NOT_FOUND),
            (__file__, 9600, Refusal.NOT_FOUND),
            (cable.names[0], 9601, Refusal.USAGE),
            (cable.names[0], 9600, Refusal.IN_USE),
        ):
            with pytest.raises(LocalError) as caught:
                open_tty(Tty(device, speed, 1200))
            assert caught.value.refusal is refusal


async def test_a_silent_port_is_listened_to_and_begins_anew():
    """Not a byte leaves it, frames come all the same, and behind the silence begins a new life."""
    async with cabled() as (_, ports):
        low, high = await ports[0].link(), await ports[1].link()
        low.send(b"both are up")
        assert await high.receive() == [b"both are up"]
        ports[0].listens(unheard=True)
        ports[1].be_silent()
        taken = []
        ports[1]._pipe.take = lambda *given: taken.append(given) or b""
        high.send(b"never said")
        low.send(b"heard")
        assert await high.receive() == [b"heard"]
        await asyncio.sleep(0.2)
        assert taken == []
        del ports[1]._pipe.take
        ports[1].speak()
        assert await high.closed() == "the silence is over"
        ports[0].listens(unheard=False)
        again, other = await ports[0].link(), await ports[1].link()
        assert again.fresh == other.fresh != low.fresh
        other.send(b"said again")
        assert await again.receive() == [b"said again"]


async def test_what_was_not_repeated_for_a_listener_needs_a_new_life():
    """A port that gave fragments up begins anew once its peer is to be heard again."""
    async with cabled() as (_, ports):
        low, _high = await ports[0].link(), await ports[1].link()
        ports[0].listens(unheard=True)
        ports[0].end.gave_up = True
        ports[0].listens(unheard=False)
        assert await low.closed() == "the silence is over"
        again = await ports[0].link()
        assert again.fresh != low.fresh


async def test_frames_that_nobody_asks_for_are_bounded(monkeypatch):
    """Once the inbox is full the device is left unread, and what was sent comes later, whole."""
    monkeypatch.setattr(contract, "RECEIVE_BYTES_MAX", 1500)
    async with cabled() as (_, ports):
        low, high = await ports[0].link(), await ports[1].link()
        for n in range(8):
            low.send(bytes([n]) * 1000)
        while not ports[1]._unread:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert len(high.inbox._buffer) <= 1500 + READ_BYTES
        assert await collect(high, 8) == [bytes([n]) * 1000 for n in range(8)]
        low.send(bytes(3000))
        while not ports[1]._unread:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        high.close("enough")
        assert not ports[1]._unread
