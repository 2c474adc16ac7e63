"""Links between two ends on the loopback: back-off, what cuts it short, and whose link stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from cable import FAST, Cable

from detente.bearers import websocket
from detente.bearers.serial import SerialPort, Tty, open_port
from detente.bearers.tls import Pin, TlsIdentity, connect
from detente.bearers.websocket import Shared, WebSocketLink
from detente.core.errors import LocalError, Refusal
from detente.core.events import FrameIn, Input, LinkDown, LinkUp, Listen
from detente.node import doors
from detente.node import links as module
from detente.node import live as waiting
from detente.node.links import Links

LOW, HIGH = b"\x01" * 32, b"\x02" * 32
PATIENCE_S = 10.0


class Desk:
    """One end: its key, whom it trusts, and what its links told it."""

    def __init__(self, party: bytes, seed: int) -> None:
        self.party = party
        self.identity = TlsIdentity(bytes([seed]) * 32)
        self.trusted: dict[bytes, bytes] = {}  # key -> party
        self.inputs: list[Input] = []
        self.told: list[tuple[str, dict[str, object]]] = []
        self.urgent = False
        self.address: str | None = None
        self.links = Links(self, [self.identity], party)

    async def take(self, inputs: list[Input]) -> None:
        self.inputs += inputs

    def tell(self, word: str, *, line: bytes = b"", **facts: object) -> None:
        self.told.append((word, facts))

    def card_of(self, party: bytes) -> Any:
        keys = [key for key, trusted in self.trusted.items() if trusted == party]
        return SimpleNamespace(tls_ed25519=keys[-1]) if keys else None

    def urgent_for(self, party: bytes) -> bool:
        return self.urgent

    def words(self, word: str) -> list[dict[str, object]]:
        return [facts for told, facts in self.told if told == word]

    async def listen(self) -> str:
        return await self.links.listen("127.0.0.1:0", self.trusted.get)

    def call(self, other: Desk) -> None:
        self.links.keep_calling(other.party, lambda: self.address)

    def frames(self) -> list[bytes]:
        return [one.data for one in self.inputs if isinstance(one, FrameIn)]


def know(*desks: Desk) -> None:
    for one in desks:
        for other in desks:
            if one is not other:
                one.trusted[other.identity.public] = other.party


async def until(holds: Callable[[], object], what: str = "it") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


def run(scene: Callable[[Desk, Desk], Coroutine[Any, Any, None]]) -> None:
    """Runs a scene between two ends, the one with the lower id first, and closes both."""

    async def both() -> None:
        low, high = Desk(LOW, 1), Desk(HIGH, 2)
        know(low, high)
        try:
            await scene(low, high)
        finally:
            await low.links.close()
            await high.links.close()

    asyncio.run(asyncio.wait_for(both(), 60))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a tenth of their length."""
    for name in ("RETRY_S_MIN", "PATIENCE_S", "LINKED_S", "STEADY_S"):
        monkeypatch.setattr(module, name, getattr(module, name) / 10)
    monkeypatch.setattr(doors, "AGAIN_S", doors.AGAIN_S / 10)


def test_frames_arrive_in_order_and_links_end() -> None:
    """A call makes a link at both ends; frames come whole, in order; its end is told."""

    async def scene(low: Desk, high: Desk) -> None:
        low.address = await high.listen()
        low.call(high)
        await until(lambda: low.links.live and high.links.live)
        (number,) = low.links.live
        for n in range(300):
            low.links.send(number, b"frame %d" % n)
        await until(lambda: len(high.frames()) == 300)
        assert high.frames() == [b"frame %d" % n for n in range(300)]
        assert [type(one) for one in high.inputs[:1]] == [LinkUp]
        low.links.close_link(number, "test")
        low.links.send(number, b"to nobody")
        await until(lambda: any(isinstance(one, LinkDown) for one in high.inputs))
        assert high.inputs[0] == LinkUp(1, LOW, True)
        await until(lambda: len(low.words("link-up")) == 2, "the call back")
        assert low.words("link-down")[0]["reason"] == "test"

    run(scene)


def test_back_off_doubles_and_ends_with_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed calls wait longer each time, up to a bound; then a listener is found."""
    waits: list[float] = []
    pause = Links._pause

    async def watched(self: Links, party: bytes, wait_s: float) -> None:
        waits.append(wait_s)
        await pause(self, party, min(wait_s, 0.01))

    monkeypatch.setattr(Links, "_pause", watched)

    async def scene(low: Desk, high: Desk) -> None:
        low.address = "127.0.0.1:1"
        low.call(high)
        await until(lambda: len(waits) > 14)
        base = module.RETRY_S_MIN
        assert waits[:5] == [base, base * 2, base * 4, base * 8, base * 16]
        assert max(waits) == module.RETRY_S_MAX
        assert len(low.words("call-failed")) >= 13
        low.urgent = True
        seen = len(waits)
        await until(lambda: len(waits) > seen + 2)
        assert waits[-1] == module.RETRY_URGENT_S
        low.address = await high.listen()
        await until(lambda: low.links.live)

    run(scene)


def test_a_nudge_cuts_the_wait_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something urgent, or a sign of life, is not made to wait for the next try."""
    monkeypatch.setattr(module, "RETRY_S_MIN", 30.0)

    async def scene(low: Desk, high: Desk) -> None:
        low.address = await high.listen()
        low.call(high)
        await asyncio.sleep(0.2)
        assert not low.links.live
        low.links.nudge(high.party)
        await until(lambda: low.links.live)
        low.links.nudge(b"nobody")

    run(scene)


def test_a_call_taken_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is called by a peer calls back no more: one link is enough."""

    async def scene(low: Desk, high: Desk) -> None:
        high.address, low.address = await low.listen(), "127.0.0.1:1"
        low.call(high)
        high.call(low)
        await until(lambda: low.links.live and high.links.live)
        await asyncio.sleep(0.3)
        assert len(low.links.live) == len(high.links.live) == 1

    run(scene)


def test_crossing_calls_leave_one_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls that cross leave the one of the lower id, at both ends."""
    monkeypatch.setattr(module, "PATIENCE_S", module.RETRY_S_MIN)  # both call at once

    async def scene(low: Desk, high: Desk) -> None:
        low.address, high.address = await high.listen(), await low.listen()
        low.call(high)
        high.call(low)
        await until(lambda: low.words("link-up") and high.words("link-up"))
        await asyncio.sleep(0.5)
        (mine,), (theirs,) = low.links.live.values(), high.links.live.values()
        if len(low.words("link-up")) > 1:
            assert (mine.called, theirs.called) == (True, False)
        low.links.send(mine.number, b"over the one that stayed")
        await until(high.frames)

    run(scene)


def test_a_newer_link_takes_the_place_of_a_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that calls again has lost its old link, whatever we think of it."""
    monkeypatch.setattr(module, "CROSSING_S", 0.0)

    async def scene(low: Desk, high: Desk) -> None:
        address = await high.listen()
        pin = Pin(high.identity.public, HIGH)
        first = await connect(address, low.identity, pin)
        await until(lambda: high.links.live)
        second = await connect(address, low.identity, pin)
        await until(lambda: high.words("link-down"))
        assert high.words("link-down")[0]["reason"] == "a newer link"
        assert len(high.links.live) == 1
        second.send(b"alive")
        await until(lambda: high.frames() == [b"alive"])
        first.close("done")
        second.close("done")

    run(scene)


def test_who_is_held_closed_gets_no_link() -> None:
    """A party cut off by hand is neither called nor let in, until it is let go."""

    async def scene(low: Desk, high: Desk) -> None:
        low.address = await high.listen()
        low.call(high)
        await until(lambda: high.links.live)
        high.links.held_closed.add(LOW)
        for number in list(high.links.live):
            high.links.close_link(number, "cut by hand")
        await until(lambda: not low.links.live)
        await asyncio.sleep(0.4)
        assert not high.links.live
        high.links.held_closed.clear()
        await until(lambda: high.links.live)

    run(scene)


def test_who_sent_garbage_is_shut_out_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link closed for what came over it is not taken again at once, and each time it is longer;
    then it is."""
    monkeypatch.setattr(module, "SHUT_S_MIN", 0.4)

    async def scene(low: Desk, high: Desk) -> None:
        low.address = await high.listen()
        low.call(high)
        for turn in (1, 2):
            await until(lambda: high.links.live, "a link")
            (number,) = high.links.live
            began = time.monotonic()
            high.links.shut_out(number, "malformed")
            high.links.shut_out(number, "malformed")
            await until(lambda turn=turn: len(high.words("link-down")) == turn)
            assert high.words("link-down")[-1]["reason"] == "malformed"
            low.links.nudge(HIGH)
            await until(lambda: high.words("stranger-refused"))
            await until(lambda: high.links.live, "the end of it")
            assert time.monotonic() - began >= 0.4 * turn
            high.told.remove(("stranger-refused", high.words("stranger-refused")[0]))

    run(scene)


def test_strangers_and_keys_no_longer_trusted() -> None:
    """An unknown key is refused by name; one that is dropped loses its link at once."""

    async def scene(low: Desk, high: Desk) -> None:
        address = await high.listen()
        stranger = Desk(b"\x03" * 32, 3)
        stranger.trusted[high.identity.public] = HIGH
        stranger.address = address
        stranger.call(high)
        await until(lambda: high.words("stranger-refused"))
        assert high.words("stranger-refused")[0] == {"refusal": "unknown-party"}
        assert not high.links.live
        await stranger.links.close()
        low.address = address
        low.call(high)
        await until(lambda: high.links.live)
        high.links.drop_untrusted(high.trusted.get)
        assert high.links.live
        high.trusted.clear()
        high.links.drop_untrusted(high.trusted.get)
        await until(lambda: high.words("link-down"))
        assert high.words("link-down")[0]["reason"] == "key no longer trusted"

    run(scene)


def test_a_silent_link_is_dropped() -> None:
    """A link on which nothing came for three heartbeats is ended; one that speaks stays."""

    async def scene(low: Desk, high: Desk) -> None:
        low.address = await high.listen()
        low.call(high)
        await until(lambda: low.links.live and high.links.live)
        now_s = asyncio.get_running_loop().time()
        high.links.drop_silent(now_s + module.SILENT_S - 5)
        assert high.links.live
        high.links.drop_silent(now_s + module.SILENT_S + 5)
        await until(lambda: high.words("link-down"))
        assert high.words("link-down")[0]["reason"] == "no sign of life"

    run(scene)


def test_the_old_key_is_shown_where_the_new_one_is_refused() -> None:
    """After a rotation a peer that knows only the key before it is reached with that one."""

    async def scene(low: Desk, high: Desk) -> None:
        low.links.identities.insert(0, TlsIdentity(b"\x09" * 32))
        low.address = await high.listen()
        low.call(high)
        await until(lambda: high.words("stranger-refused"))
        await until(lambda: high.links.live)
        (live,) = high.links.live.values()
        assert live.key == low.identity.public

    run(scene)


def test_a_peer_that_does_not_read_loses_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for all links together is bounded; the longest queue goes, urgent frames first."""
    monkeypatch.setattr(waiting, "PACE_BYTES", 10_000)
    monkeypatch.setattr(module, "WAITING_BYTES_MAX", 3_000_000)

    async def scene(low: Desk, high: Desk) -> None:
        address = await high.listen()
        pin = Pin(high.identity.public, HIGH)
        deaf = await connect(address, low.identity, pin)
        await until(lambda: high.links.live)
        deaf._transport.pause_reading()
        (number,) = high.links.live
        live = high.links.live[number]
        for _ in range(2000):  # the kernel takes some megabytes
            if live.waiting_bytes > 500_000:
                break
            high.links.send(number, bytes(20_000))
            await asyncio.sleep(0)
        assert 0 < live.waiting_bytes <= 3_000_000
        high.links.send(number, b"urgent", urgent=True)
        high.links.send(number, b"more urgent", urgent=True)
        assert list(live.waiting)[:2] == [b"urgent", b"more urgent"]  # in the order they were given
        assert high.links.pace()
        for _ in range(200):
            high.links.send(number, bytes(20_000))
        assert number not in high.links.live
        await until(lambda: high.words("link-down"))
        assert high.words("link-down")[0]["reason"] == "does not read"
        assert not high.links.pace()
        deaf._transport.abort()

    run(scene)


def test_bad_framing_is_named() -> None:
    """A frame length that is none ends the link with a refusal in the log."""

    async def scene(low: Desk, high: Desk) -> None:
        address = await high.listen()
        link = await connect(address, low.identity, Pin(high.identity.public, HIGH))
        await until(lambda: high.links.live)
        link._engine.write(b"\x00\x00\x00")
        link._emit()
        await until(lambda: high.words("refused"))
        assert high.words("refused")[0]["refusal"] == "malformed"
        link.close("done")

    run(scene)


def test_large_frames_are_handed_over_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small frames go together, in order, up to a number; a large batch ends its group."""
    monkeypatch.setattr(module, "FRAMES_MAX", 3)
    large = bytes(module.FRAMES_BYTES_ENOUGH)
    frames = [b"1", b"2", b"3", b"4", large, large, b"5"]
    assert list(module.grouped(frames)) == [
        [b"1", b"2", b"3"],
        [b"4", large],
        [large],
        [b"5"],
    ]
    assert list(module.grouped([])) == []


def wired(low: Desk, high: Desk, cable: Cable) -> None:
    """Both ends keep the port at their end of a cable open."""
    for number, (one, other) in enumerate(((low, high), (high, low))):
        given = Tty(cable.names[number], 9600, FAST)

        def open_it(given: Tty = given, one: Desk = one, other: Desk = other) -> SerialPort:
            return open_port(given, bytes(32), one.party, other.party)

        one.links.keep_open(other.party, given.device, open_it)


def by(desk: Desk, bearer: str) -> list[int]:
    """The numbers of the links that are up by a bearer."""
    return [live.number for live in desk.links.live.values() if live.link.bearer == bearer]


def test_a_call_and_a_cable_carry_at_once() -> None:
    """A party is reached by TLS and by a serial port at the same time; each link is called what it
    is, and a cable that is up keeps nobody from calling."""

    async def scene(low: Desk, high: Desk) -> None:
        cable = Cable()
        wired(low, high, cable)
        await until(lambda: by(low, "serial") and by(high, "serial"), "the cable")
        assert not low.links.is_called(HIGH)
        low.address = await high.listen()
        low.call(high)
        await until(lambda: by(low, "tls") and by(high, "tls"), "the call")
        assert low.links.is_called(HIGH)
        for bearer in ("serial", "tls"):
            low.links.send(by(low, bearer)[0], bearer.encode(), urgent=True)
        await until(lambda: sorted(high.frames()) == [b"serial", b"tls"])
        assert sorted(one.wide for one in high.inputs if isinstance(one, LinkUp)) == [False, True]
        low.links.close_link(by(low, "tls")[0], "test")
        await until(lambda: by(low, "tls") and by(high, "tls"), "the call back")
        assert len(low.words("link-up")) == 3
        await low.links.close()
        await high.links.close()
        cable.close()

    run(scene)


def test_two_cables_to_one_party_are_up_side_by_side() -> None:
    """Each port is a way of its own: neither takes the other's place, and one that ends leaves the
    other, and when it was last heard."""

    async def scene(low: Desk, high: Desk) -> None:
        cables = [Cable(), Cable()]
        for cable in cables:
            wired(low, high, cable)
        await until(lambda: len(by(low, "serial")) == len(by(high, "serial")) == 2, "both cables")
        first, second = by(low, "serial")
        assert low.links.last_sign_s == {}
        for number in (first, second):
            low.links.send(number, b"%d" % number)
        await until(lambda: len(high.frames()) == 2)
        high.links.send(by(high, "serial")[0], b"back")
        await until(low.frames)
        ended = next(live for live in low.links.live.values() if live.heard)
        low.links.close_link(ended.number, "test")
        await until(lambda: low.words("link-down"))
        assert [key[2] for key in low.links.last_sign_s] == [ended.way]
        await until(lambda: len(by(low, "serial")) == len(by(high, "serial")) == 2, "it again")
        assert {first, second} - {ended.number} <= set(by(low, "serial"))
        assert len(low.words("link-up")) == 3
        await low.links.close()
        await high.links.close()
        for cable in cables:
            cable.close()

    run(scene)


def test_a_cable_ends_with_trust_and_comes_back_with_a_new_secret() -> None:
    """A party that is trusted no more loses its cable as well; another secret makes a new link; a
    port that cannot be opened is named once."""

    async def scene(low: Desk, high: Desk) -> None:
        cable = Cable()
        wired(low, high, cable)
        low.links.keep_open(b"\x03" * 32, "/dev/no-such-port", no_port)
        low.trusted[b"key"] = b"\x03" * 32
        await until(lambda: by(low, "serial") and by(high, "serial"), "the cable")
        low.links.reopen(HIGH)
        await until(lambda: len(low.words("link-up")) == 2, "the new link")
        assert low.words("link-down")[0]["reason"] == "another secret"
        await until(lambda: len(low.words("serial-lost")) >= 2, "the port that is not there")
        known, low.trusted = low.trusted, {}
        low.links.drop_untrusted(low.trusted.get)
        await until(lambda: not low.links.live, "the end of trust")
        ups = len(low.words("link-up"))
        await asyncio.sleep(0.5)
        assert len(low.words("link-up")) == ups
        low.trusted = known
        await until(lambda: by(low, "serial"), "trust again")
        lost = [facts for facts in low.words("serial-lost") if facts["party"] == b"\x03" * 32]
        assert len(lost) == 1
        await low.links.close()
        await high.links.close()
        cable.close()

    run(scene)


async def webbed(low: Desk, high: Desk, secrets: dict[bytes, bytes]) -> None:
    """The far end takes calls over WebSockets, the near one calls, while both trust each other."""

    def shared(one: Desk, other: Desk) -> Shared:
        return Shared(one.party, other.party, secrets[one.party])

    def callers() -> list[Shared]:
        return [shared(high, low)] if high.card_of(LOW) else []

    address = await high.links.listen_websocket("127.0.0.1:0", callers)

    def call() -> Coroutine[Any, Any, WebSocketLink]:
        return websocket.connect(f"ws://{address}/", shared(low, high))

    low.links.keep_dialling(HIGH, "websocket", call)


def test_a_call_and_a_websocket_carry_at_once() -> None:
    """A party is reached by TLS and by a WebSocket side by side; the end of one is no end of the
    other."""

    async def scene(low: Desk, high: Desk) -> None:
        await webbed(low, high, {LOW: bytes(32), HIGH: bytes(32)})
        await until(lambda: by(low, "websocket") and by(high, "websocket"), "the WebSocket")
        assert not low.links.is_called(HIGH)
        low.address = await high.listen()
        low.call(high)
        await until(lambda: by(low, "tls") and by(high, "tls"), "the call")
        for bearer in ("websocket", "tls"):
            low.links.send(by(low, bearer)[0], bearer.encode(), urgent=True)
        await until(lambda: sorted(high.frames()) == [b"tls", b"websocket"])
        for bearer, other in (("tls", "websocket"), ("websocket", "tls")):
            stays = by(low, other)
            low.links.close_link(by(low, bearer)[0], "test")
            await until(lambda bearer=bearer: by(low, bearer) and by(high, bearer), "it again")
            assert by(low, other) == stays

    run(scene)


def test_a_websocket_ends_with_trust_and_with_a_new_secret() -> None:
    """A party that is trusted no more loses its WebSocket and is neither called nor let in; another
    secret makes another link; calls that fail are named with their bearer."""

    async def scene(low: Desk, high: Desk) -> None:
        secrets = {LOW: bytes(32), HIGH: bytes(32)}
        await webbed(low, high, secrets)
        await until(lambda: by(low, "websocket") and by(high, "websocket"), "the WebSocket")
        secrets[LOW] = b"s" * 32
        low.links.reopen(HIGH)
        await until(lambda: low.words("call-failed"), "a call with another secret")
        assert low.words("call-failed")[0]["bearer"] == "websocket"
        assert high.words("stranger-refused")[0]["refusal"] == "unknown-party"
        secrets[HIGH] = b"s" * 32
        low.links.nudge(HIGH)
        await until(lambda: by(low, "websocket") and by(high, "websocket"), "the new link")
        known, high.trusted = high.trusted, {}
        high.links.drop_untrusted(high.trusted.get)
        await until(lambda: not high.links.live and not low.links.live, "the end of trust")
        low.links.nudge(HIGH)
        await until(lambda: len(high.words("stranger-refused")) > 1, "a call in vain")
        assert not high.links.live
        high.trusted = known
        low.links.nudge(HIGH)
        await until(lambda: by(high, "websocket"), "trust again")

    run(scene)


def test_a_cable_with_a_long_frame_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """While fragments come the link lives, though no frame is whole; when none come it is ended."""
    monkeypatch.setattr(module, "SILENT_S", 3.0)

    async def scene(low: Desk, high: Desk) -> None:
        cable = Cable()
        wired(low, high, cable)
        await until(lambda: by(low, "serial") and by(high, "serial"), "the cable")
        (live,) = high.links.live.values()
        live.heard_s -= 3600.0
        low.links.send(by(low, "serial")[0], bytes(100))
        await until(lambda: live.heard)
        live.heard_s -= 3600.0
        high.links.drop_silent(asyncio.get_running_loop().time())
        assert live.number in high.links.live
        high.links.drop_silent(asyncio.get_running_loop().time() + 10)
        assert live.number not in high.links.live
        await low.links.close()
        await high.links.close()
        cable.close()

    run(scene)


def test_receive_only_cuts_calls_and_listens_to_cables() -> None:
    """Nothing is called, answered or said over a silent bearer; a cable is heard; at the end all
    of it begins anew, at the same address."""

    async def scene(low: Desk, high: Desk) -> None:
        cable = Cable()
        wired(low, high, cable)
        low.address = await high.listen()
        low.call(high)
        await until(lambda: len(low.links.live) == len(high.links.live) == 2, "both links")
        low.links.send(by(low, "serial")[0], b"both are up")
        await until(high.frames)
        low.links.not_heard({HIGH})
        (heard,) = by(high, "serial")
        high.links.be_silent(frozenset({"tls", "serial"}))
        assert by(high, "tls") == []
        await until(lambda: Listen(heard) in high.inputs)
        await until(lambda: low.words("call-failed"), "a call that nobody takes")
        high.links.send(heard, b"not said")
        low.links.send(by(low, "serial")[0], b"heard all the same", urgent=True)
        await until(lambda: b"heard all the same" in high.frames())
        for one in (low, high):
            one.links.drop_silent(asyncio.get_running_loop().time() + 1_000)
        assert by(low, "serial")
        assert by(high, "serial") == [heard]
        assert not low.frames()
        assert await high.links.listen("127.0.0.1:0", high.trusted.get) == "127.0.0.1:0"
        high.links.be_silent(frozenset())
        low.links.not_heard(set())
        await until(lambda: by(low, "tls") and by(high, "tls"), "the call")
        await until(lambda: by(high, "serial") not in ([], [heard]), "the cable's next life")
        await until(lambda: by(low, "serial"), "its other end")
        await low.links.close()
        await high.links.close()
        cable.close()

    run(scene)


def test_a_door_that_is_taken_meanwhile_is_tried_again() -> None:
    """Somebody else has the port when the silence ends: that is named, and tried until it is free,
    or until there is silence once more."""

    async def scene(low: Desk, high: Desk) -> None:
        address = await high.listen()
        high.links.be_silent(frozenset({"tls"}))
        host, port = address.split(":")
        other = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, int(port))
        high.links.be_silent(frozenset())
        await until(lambda: high.words("refused"), "the port in use")
        assert high.words("refused")[0]["refusal"] == "in-use"
        other.close()
        low.address = address
        low.call(high)
        await until(lambda: by(low, "tls"), "the call")

    run(scene)


def no_port() -> SerialPort:
    """A port that is not there."""
    raise LocalError(Refusal.NOT_FOUND, "no such port")
