"""Whatever bytes come in: a named refusal or nothing, never another error, never another's harm."""

from __future__ import annotations

import random

import pytest
from core.lineage import party
from hypothesis import given, settings
from hypothesis import strategies as st
from liar import Liar, stated
from pair import World, heads

from detente.core import events, frames, limits
from detente.core.errors import Refusal
from detente.core.extras import Head
from detente.core.frames import StatedHead, encode_frame
from detente.core.leaf import LogId, Precedence
from detente.core.wire import tag


def busy() -> World:
    """Three ends that have said a little, and all frames that were sent."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open()
    for name in world.names:
        world.ends[name].submit(f"from {name}")
        world.ends[name].submit("now", precedence=Precedence.FLASH)
    world.run(70)
    return world


WORLD = busy()
REAL = sorted({data for _, _, data in WORLD.frames}, key=len)


def throw(world: World, data: bytes) -> None:
    """Gives alpha a frame from bravo; every refusal has a name, and goes to both sides."""
    alpha = world.ends["alpha"]
    link = next(
        n
        for n, (end, peer, _) in world.wires.items()
        if (end.name, peer.name) == ("alpha", "bravo")
    )
    told = len(alpha.facts("refused"))
    effects = alpha.do(events.FrameIn(link, data))
    for fact in alpha.facts("refused")[told:]:
        assert fact["refusal"] in {refusal.word for refusal in Refusal}
    if len(alpha.facts("refused")) > told and not any(
        isinstance(effect, events.CloseLink) for effect in effects
    ):
        assert any(isinstance(effect, events.Send) for effect in effects)
    alpha.station.links[link].bad_frames = 0
    alpha.do(events.Tick())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    """Bytes nobody would send."""
    throw(WORLD, data)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 15), st.integers(0, 3), st.binary(max_size=300))
def test_any_payload_of_any_type_is_refused_by_name(kind: int, channel: int, data: bytes) -> None:
    """Behind every type and a channel that is in use."""
    throw(WORLD, tag(kind, channel) + data)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(REAL), st.integers(0, 1 << 20), st.binary(max_size=3), st.integers(0, 3))
def test_mutations_of_real_frames_are_refused_by_name(
    data: bytes, at: int, put: bytes, how: int
) -> None:
    """Cut, doubled, changed and lengthened."""
    at %= len(data)
    mutated = (
        data[:at],
        data[:at] + put + data[at:],
        data[:at] + put + data[at + len(put) :],
        data[:at] + bytes((data[at] ^ 0x40,)) + data[at + 1 :],
    )[how]
    throw(WORLD, mutated)


def test_garbage_harms_nobody_else() -> None:
    """After a storm of it the three ends go on, and their records are equal."""
    world = busy()
    rng = random.Random(5)
    for _ in range(400):
        data = bytearray(rng.choice(REAL))
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        throw(world, bytes(data))
    for name in world.names:
        world.ends[name].submit(f"after, from {name}")
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo")
    world.run(130)
    alpha = world.ends["alpha"]
    assert not alpha.line.mute
    assert not alpha.facts("fork-proven")
    for name in world.names[1:]:
        assert heads(world.ends[name]) == heads(alpha)
    assert b"\0after, from bravo" in alpha.texts(1)


def with_liar() -> tuple[World, Liar, int]:
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    return world, liar, liar.link("alpha")


def test_a_link_that_goes_on_like_that_is_closed() -> None:
    """So many bad frames, counted, and the reason is named; other lines keep their links."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    for _n in range(limits.BAD_FRAMES_MAX):
        assert not alpha.closed
        liar.raw(link, b"\xff")
    assert alpha.closed == [Refusal.MALFORMED]


def test_questions_that_cannot_be_answered_close_nothing() -> None:
    """What an honest peer may run into is refused by name and never counted."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    liar.hello(link, line=bytes(32))
    liar.hello(link)
    for frame in (
        frames.Got(alpha.own().id, 99),
        frames.Want(frames.WANT_ENTRIES, alpha.own().id, 99),
        frames.Want(frames.WANT_BODY, alpha.own().id, 1),
        frames.Want(frames.WANT_BODY, LogId(1, 4, b""), 1),
        frames.AskProof(alpha.own().id, inclusion=True, at=0, size=99),
        frames.Body(LogId(1, 4, b""), 0, bytes(16), b""),
    ):
        for _ in range(3):
            liar.send(link, frame)
    assert not alpha.closed
    assert alpha.station.links[link].bad_frames == 0
    assert {fact["refusal"] for fact in alpha.facts("refused")} == {"unknown-line", "not-held"}


def test_frames_before_a_hello_are_out_of_turn() -> None:
    """A channel is opened by a hello on this link, and by nothing else."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    liar.send(link, frames.Got(alpha.own().id, 1))
    liar.hello(link, channel=4)
    liar.send(link, frames.Got(alpha.own().id, 1), channel=3)
    liar.send(link, frames.Got(alpha.own().id, 1), channel=4)
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["out-of-turn"] * 2
    assert alpha.line.sessions[link].holds == {alpha.own().id: 1}


def test_what_is_said_behind_a_hello_on_an_unknown_line_is_of_that_line() -> None:
    """It was under way when that was refused: nobody is blamed, until the channel is another's; but
    for the first 64 such channels alone."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    got = frames.Got(alpha.own().id, 1)
    for channel in range(2, 3 + limits.CHANNELS_REFUSED_MAX):
        liar.hello(link, channel=channel, line=bytes(32))
    last = limits.CHANNELS_REFUSED_MAX + 1
    for channel in (2, last, last + 1):
        liar.send(link, got, channel=channel)
    words = [fact["refusal"] for fact in alpha.facts("refused")]
    assert words[-3:] == ["unknown-line", "unknown-line", "out-of-turn"]
    assert alpha.station.links[link].bad_frames == 1
    liar.hello(link, channel=2)
    liar.hello(link, channel=3)
    liar.send(link, got, channel=2)
    assert alpha.facts("refused")[-1]["refusal"] == "out-of-turn"


@pytest.mark.parametrize(
    ("fields", "channel", "refusal"),
    [
        ({"member": 0}, 1, "not-allowed"),
        ({"member": 2}, 1, "not-allowed"),
        ({}, 0, "not-allowed"),
        ({"current": LogId(0, 0, b"")}, 1, "not-allowed"),
        ({"line": bytes(32)}, 1, "unknown-line"),
    ],
)
def test_a_hello_speaks_for_its_own_party(
    fields: dict[str, object], channel: int, refusal: str
) -> None:
    """Another member's name or log, channel 0 and a line that is not ours are refused."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    liar.hello(link, channel=channel, **fields)
    assert alpha.facts("refused")[0]["refusal"] == refusal
    assert not alpha.line.greeted()


def test_a_stranger_to_the_line_is_told_it_is_unknown() -> None:
    """A trusted party that is no member learns nothing of the line."""
    world = World()
    world.open("alpha")
    alpha = world.ends["alpha"]
    alpha.station.cards[party("charlie").id] = party("charlie").card.card
    outside = World(names=("alpha", "charlie"))
    liar = Liar(outside, "charlie")
    world.taps[77] = []
    liar.links[77] = alpha
    alpha.do(events.LinkUp(77, party("charlie").id))
    liar.hello(77, line=alpha.line.id)
    assert alpha.facts("refused")[0]["refusal"] == "unknown-line"


def test_a_channel_belongs_to_one_line() -> None:
    """A channel in use cannot be turned to another line; a line's new one replaces the old."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    other = World(changes={"title": "Another"})
    alpha.do(events.Accept(other.charter().encode()))
    second = next(line for line in alpha.station.lines if line != liar.line.id)
    liar.hello(link, channel=1)
    liar.hello(link, channel=1, line=second)
    assert alpha.facts("refused")[0]["refusal"] == "not-allowed"
    for channel in range(2, 200):
        liar.hello(link, channel=channel, line=second)
    assert alpha.station.links[link].lines == {1: liar.line.id, 199: second}


def test_notices_are_offered_and_refusals_told() -> None:
    """On the link itself: a charter or card to look at, and what the other side did not take."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    liar.send(link, frames.Notice(b"a charter"), channel=0)
    liar.send(link, frames.Refuse(Refusal.UNKNOWN_LINE), channel=0)
    assert [(one.party, one.data) for one in alpha.offered] == [(party("bravo").id, b"a charter")]
    assert alpha.facts("refused-by-peer") == [{"refusal": "unknown-line"}]
    liar.hello(link)
    liar.send(link, frames.Notice(b"on a line"))
    assert alpha.facts("refused")[0]["refusal"] == "out-of-turn"


def test_an_oversized_frame_is_refused_unread() -> None:
    """Its length is enough; and a frame for a link that is gone is nothing."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    liar.raw(link, bytes(limits.FRAME_BYTES_MAX + 1))
    assert alpha.facts("refused")[0]["refusal"] == "oversize"
    assert alpha.do(events.FrameIn(12345, b"x")) == []


def test_heads_are_hoarded_no_more_than_bounded() -> None:
    """Signed heads of ever new lives fill one bounded table; unsigned ones none."""
    from core.lineage import LogBuilder

    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    liar.hello(link)
    session = alpha.line.sessions[link]
    for n in range(3 * limits.HEADS_MAX):
        log = LogBuilder(liar.line, LogId(1, 1, n.to_bytes(8, "big")), party("bravo"))
        log.add_raw(b"x")
        liar.send(link, frames.Heads((stated(log),)))
        log.signed[1] = bytes(64)
        liar.send(link, frames.Heads((stated(log),)))
        alpha.station.links[link].bad_frames = 0
    session = alpha.line.sessions[link]
    assert len(session.heads) == limits.HEADS_MAX
    assert len(session.shown_ms) <= limits.HEADS_MAX
    assert len(alpha.line.logs) == 1


def test_an_unsigned_head_of_a_third_blames_nobody() -> None:
    """We may know another card of the third than the peer does; its own head it must have right."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    bad_third = StatedHead(Head(LogId(2, 0, b""), 5, bytes(32)), bytes(64))
    bad_own = StatedHead(Head(LogId(1, 0, b""), 5, bytes(32)), bytes(64))
    liar.got(link)
    for _ in range(20):
        liar.send(link, frames.Heads((bad_third,)))
    assert alpha.station.links[link].bad_frames == 0
    refused = liar.answers(link, frames.Refuse)
    assert refused == [frames.Refuse(Refusal.BAD_SIGNATURE, LogId(2, 0, b""), 5)]
    world.run(6)
    liar.send(link, frames.Heads((bad_third,)))
    assert len(liar.answers(link, frames.Refuse)) == 1
    many = [
        StatedHead(Head(LogId(2, 1, n.to_bytes(8, "big")), 5, bytes(32)), bytes(64))
        for n in range(64)
    ]
    liar.send(link, frames.Heads(tuple(many)))
    assert alpha.station.links[link].bad_frames == 0
    liar.send(link, frames.Heads((many[0], bad_third)))
    assert alpha.station.links[link].bad_frames == 1
    alpha.station.links[link].bad_frames = 0
    liar.hello(link, bad_own, bad_third)
    assert alpha.station.links[link].bad_frames == 1
    assert alpha.line.sessions[link].greeted
    liar.entries(link)
    assert alpha.line.logs[liar.log.id].size == 1


def test_a_serial_at_its_end_is_no_error() -> None:
    """The largest serial is followed by none; the next leaf simply states its own."""
    world, liar, link = with_liar()
    alpha = world.ends["alpha"]
    liar.hello(link)
    liar.entries(link)
    liar.say("last", serial=(1 << 63) - 1)
    liar.say("after", serial=1)
    liar.entries(link, start=1, full=False)
    assert alpha.line.logs[liar.log.id].size == 3
    assert not alpha.facts("refused")


def test_a_presence_is_kept_for_the_session() -> None:
    """The last heartbeat of a peer is what presence is shown from."""
    world, liar, link = with_liar()
    liar.hello(link)
    told = frames.Presence(True, 95, 1, 3, 9, world.wall_s)
    liar.raw(link, encode_frame(1, told))
    assert world.ends["alpha"].line.sessions[link].presence == told
