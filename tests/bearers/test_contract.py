"""What every bearer promises (src/detente/bearers/contract.py), the same tests on each."""

import asyncio

import pytest

from detente.bearers.contract import (
    LINK_QUEUE_BYTES_MAX,
    RECEIVE_BYTES_MAX,
    RECEIVE_FRAMES_MAX,
    Inbox,
    frame_bounds,
    framed,
)
from detente.core.encoding import varint
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.limits import FRAME_BYTES_MAX

ONE_READ = 262_144  # what a bearer may take in beyond the bound, before it stops reading


async def until(true):
    """Lets the loop turn until a condition holds; the test's own time limit ends it."""
    while not true():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.001)


async def collect(link, count):
    """Receives until ``count`` frames are here."""
    frames = []
    while len(frames) < count:
        frames += await link.receive()
    return frames


async def test_frames_arrive_whole_in_order_and_once(joined):
    """Frames of many sizes come out as they went in, in order, none twice."""
    frames = [bytes([n % 251]) * (n * n % 70_000 + 1) for n in range(300)]
    async with joined() as ends:
        for frame in frames:
            ends.near.send(frame)
            if ends.near.queued_bytes() > 1_000_000:
                await asyncio.sleep(0)
        assert await collect(ends.far, len(frames)) == frames
        ends.far.send(b"and back")
        assert await ends.near.receive() == [b"and back"]


async def test_frames_of_one_turn_come_as_one_batch(joined):
    """What was sent in one turn of the loop is received in one call."""
    async with joined() as ends:
        for n in range(50):
            ends.near.send(bytes([n]) * 20)
        assert [frame[0] for frame in await ends.far.receive()] == list(range(50))


async def test_a_receive_is_bounded(joined):
    """A call gives at most RECEIVE_FRAMES_MAX frames; the next call gives the rest."""
    async with joined() as ends:
        for _ in range(2 * RECEIVE_FRAMES_MAX + 1):
            ends.near.send(b"x")
        sizes = []
        while sum(sizes) < 2 * RECEIVE_FRAMES_MAX + 1:
            sizes.append(len(await ends.far.receive()))
        assert max(sizes) == RECEIVE_FRAMES_MAX


async def test_the_largest_frame_passes(joined):
    """A frame of FRAME_BYTES_MAX arrives whole."""
    frame = bytes(range(256)) * (FRAME_BYTES_MAX // 256)
    async with joined() as ends:
        ends.near.send(frame)
        assert await ends.far.receive() == [frame]


async def test_our_own_bad_frames_are_refused(joined):
    """An empty or too long frame is our caller's fault and leaves the link alive."""
    async with joined() as ends:
        for frame, refusal in ((b"", "MALFORMED"), (bytes(FRAME_BYTES_MAX + 1), "OVERSIZE")):
            with pytest.raises(LocalError) as caught:
                ends.near.send(frame)
            assert caught.value.refusal is Refusal[refusal]
        ends.near.send(b"still here")
        assert await ends.far.receive() == [b"still here"]


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        (varint(FRAME_BYTES_MAX + 1), Refusal.OVERSIZE),
        (b"\x80\x80\x80\x01", Refusal.OVERSIZE),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", Refusal.OVERSIZE),
        (b"\x00", Refusal.MALFORMED),
        (b"\x81\x00", Refusal.MALFORMED),
        (b"\x80\x80\x00", Refusal.MALFORMED),
    ],
)
async def test_a_bad_length_is_refused(joined, header, refusal):
    """The good frames come first; then the bad length is named and closes the link."""
    async with joined() as ends:
        ends.inject(framed(b"good") + header)
        assert await ends.far.receive() == [b"good"]
        with pytest.raises(PeerError) as caught:
            await ends.far.receive()
        assert caught.value.refusal is refusal
        assert await ends.far.closed() == str(caught.value)
        assert await ends.near.closed()
        with pytest.raises(PeerError) as caught:
            await ends.far.receive()
        assert caught.value.refusal is Refusal.UNREACHABLE


async def test_half_a_frame_then_close(joined):
    """A frame that was cut short is never shown; the end is."""
    async with joined() as ends:
        ends.inject(framed(b"whole") + framed(b"half a frame")[:-3])
        assert await ends.far.receive() == [b"whole"]
        ends.near.close("enough")
        with pytest.raises(PeerError) as caught:
            await ends.far.receive()
        assert caught.value.refusal is Refusal.UNREACHABLE


async def test_a_close_is_seen_at_both_ends(joined):
    """What was sent before a close arrives; then both ends know why it ended."""
    async with joined() as ends:
        ends.near.send(b"last words")
        ends.near.close("watch ends")
        ends.near.close("a later reason changes nothing")
        assert await ends.near.closed() == "watch ends"
        assert await ends.far.receive() == [b"last words"]
        assert await ends.far.closed() == "closed by the peer"
        for link in (ends.near, ends.far):
            with pytest.raises(PeerError) as caught:
                await link.receive()
            assert caught.value.refusal is Refusal.UNREACHABLE


async def test_sending_after_the_end_is_refused(joined):
    """A closed link takes nothing, at either end, and says why it closed."""
    async with joined() as ends:
        ends.near.close("done")
        await ends.far.closed()
        for link, reason in ((ends.near, "done"), (ends.far, "closed by the peer")):
            with pytest.raises(PeerError, match=reason) as caught:
                link.send(b"too late")
            assert caught.value.refusal is Refusal.UNREACHABLE
            assert link.queued_bytes() == 0


async def test_a_broken_wire_is_seen_at_both_ends(joined):
    """When the wire breaks, both ends stop waiting."""
    async with joined() as ends:
        waiting = asyncio.create_task(ends.far.receive())
        await asyncio.sleep(0)
        ends.cut()
        with pytest.raises(PeerError) as caught:
            await waiting
        assert caught.value.refusal is Refusal.UNREACHABLE
        assert await ends.near.closed()
        assert await ends.far.closed()


async def test_a_peer_that_never_reads_costs_little(joined):
    """The link is closed when too much waits; until then both ends hold a bounded amount."""
    frame = bytes(60_000)
    highest = 0
    async with joined() as ends:
        with pytest.raises(PeerError) as caught:  # noqa: PT012 - which send it is, nobody knows
            while True:
                ends.near.send(frame)
                highest = max(highest, ends.near.queued_bytes())
                await asyncio.sleep(0)
        assert caught.value.refusal is Refusal.UNREACHABLE
        assert await ends.near.closed() == "peer does not read"
        assert LINK_QUEUE_BYTES_MAX - 300_000 < highest < LINK_QUEUE_BYTES_MAX + 300_000
        assert RECEIVE_BYTES_MAX < ends.unread() <= RECEIVE_BYTES_MAX + ONE_READ
        assert ends.near.queued_bytes() == 0


async def test_a_burst_in_one_turn_is_bounded_too(joined):
    """A caller who never lets the loop turn cannot queue without end either."""
    async with joined() as ends:
        with pytest.raises(PeerError, match="peer does not read"):  # noqa: PT012 - as above
            for _ in range(10_000):
                ends.near.send(bytes(60_000))


async def test_a_slow_reader_gets_everything(joined):
    """Reading stops while the inbox is full and goes on afterwards; nothing is lost."""
    frames = [bytes([n]) * 100_000 for n in range(100)]
    async with joined() as ends:

        async def feed():
            for frame in frames:
                await until(lambda: ends.near.queued_bytes() < 500_000)
                ends.near.send(frame)

        feeding = asyncio.create_task(feed())
        await until(lambda: ends.unread() > RECEIVE_BYTES_MAX)
        await asyncio.sleep(0.02)
        assert ends.unread() <= RECEIVE_BYTES_MAX + ONE_READ
        assert await collect(ends.far, len(frames)) == frames
        await feeding


async def test_a_cancelled_receive_loses_nothing(joined):
    """A caller may give up waiting and come back."""
    async with joined() as ends:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ends.far.receive(), 0.01)
        ends.near.send(b"kept")
        assert await ends.far.receive() == [b"kept"]


async def test_each_end_knows_the_other(joined):
    """Each end names the other's party, and both hold a binding no other link has."""
    async with joined() as ends, joined() as others:
        assert (ends.near.peer, ends.far.peer) == (b"f" * 32, b"n" * 32)
        assert ends.near.wide
        assert ends.near.bearer in {"memory", "tls", "websocket"}
        assert (ends.near.measured().bits_per_s or 1) > 0
        assert len(ends.near.fresh) == 32
        assert ends.near.fresh == ends.far.fresh != others.near.fresh


async def test_tiny_frames_cost_no_more_than_their_bytes():
    """An inbox keeps raw bytes, so that a flood of one-byte frames is bounded as any other."""
    inbox = Inbox()
    while not inbox.full:
        inbox.feed(b"\x01x" * 50_000)
    assert len(inbox._buffer) <= RECEIVE_BYTES_MAX + 100_000
    assert await inbox.take() == [b"x"] * RECEIVE_FRAMES_MAX


async def test_an_inbox_takes_nothing_after_its_end():
    """Bytes that come after the end are not kept, and the first reason stays."""
    inbox = Inbox()
    inbox.end("first")
    inbox.feed(framed(b"late"))
    inbox.drop("second")
    with pytest.raises(PeerError, match="first"):
        await inbox.take()


@pytest.mark.parametrize("size", [1, 127, 128, 16_383, 16_384, FRAME_BYTES_MAX])
def test_lengths_are_read_as_they_are_written(size):
    """A header is understood once it is whole, at every length of a header, and not before."""
    data = bytearray(framed(bytes(size)))
    header = len(data) - size
    assert frame_bounds(data, 0) == (header, header + size)
    for cut in range(header):
        assert frame_bounds(data[:cut], 0) is None
