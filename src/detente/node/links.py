"""Links to peers: calling, answering, backing off, and noticing that nobody is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Protocol

from detente.bearers import websocket_listener
from detente.bearers.contract import Listener
from detente.bearers.serial import SerialLink, SerialPort
from detente.bearers.tls import Pin, TlsIdentity, TlsLink, connect, listen
from detente.bearers.websocket import Shared, WebSocketLink
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import FrameIn, Input, LinkDown, LinkUp, Listen
from detente.core.identity import Card
from detente.core.limits import LINKS_PER_PEER_MAX
from detente.node.doors import Door, Doors
from detente.node.live import Live

RETRY_S_MIN = 0.25  # the first wait after a failed call
RETRY_S_MAX = 60.0  # the longest, unless something urgent waits
RETRY_URGENT_S = 1.0  # the longest while FLASH is queued
PATIENCE_S = 3.0  # the party with the higher id lets the other call first
LINKED_S = 0.5  # how often a caller looks whether its link is still there
STEADY_S = 2.0  # a link that lasted this long was no failed call
REFUSED_S = 30.0  # a link that ended sooner without a frame: the peer does not know our key
CROSSING_S = 5.0  # two calls that met on their way: both ends drop the same one
SILENT_S = 95.0  # a link on which nothing came for this long is dead (three heartbeats)
SHUT_S_MIN = 1.0  # for how long a party is shut out whose link was closed for what it sent
SHUT_S_MAX = 60.0  # and at the most, when it goes on like that
WAITING_BYTES_MAX = 25_165_824  # frames waiting for all links; above it the longest queue goes
FRAMES_MAX = 64  # handed over at once: a step's memory is bounded by what these may ask for
FRAMES_BYTES_ENOUGH = 49_152  # and so many bytes: one large batch is confirmed before the next one


LISTENED_TO = frozenset({SerialLink.bearer})  # what comes there is heard without an answer
AnyLink = TlsLink | SerialLink | WebSocketLink
Call = Coroutine[Any, Any, TlsLink | WebSocketLink]


class Desk(Protocol):
    """What links ask of the node."""

    async def take(self, inputs: list[Input]) -> None:
        """Hands over inputs and returns when they are committed."""
        ...

    def tell(self, word: str, *, line: bytes = b"", **facts: object) -> None:
        """Something for the log and for people."""
        ...

    def card_of(self, party: bytes) -> Card | None:
        """The card in force of a trusted party that may be called."""
        ...

    def urgent_for(self, party: bytes) -> bool:
        """Whether something at FLASH or above waits for this party."""
        ...


class Links:
    """All links of one node. ``identities`` are its TLS key and, after a rotation, the old one."""

    def __init__(self, desk: Desk, identities: Sequence[TlsIdentity], party: bytes) -> None:
        self._desk = desk
        self.identities = list(identities)
        self._party = party
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._callers: set[tuple[bytes, str]] = set()  # party, kind of bearer
        self._doors = Doors(self._not_opened)
        self.silent: frozenset[str] = frozenset()  # kinds of bearer over which nothing is sent
        self.unheard: set[bytes] = set()  # parties that announced that they send nothing
        self._ports: dict[tuple[bytes, str], SerialPort | None] = {}  # party, device
        self._nudge: dict[tuple[bytes, str], asyncio.Event] = {}
        self.live: dict[int, Live] = {}
        self.last_sign_s: dict[tuple[bytes, str, str], float] = {}  # party, bearer, way: once ended
        self.held_closed: set[bytes] = set()  # parties cut off by a drill or a test
        self._shut: dict[bytes, tuple[float, float]] = {}  # party -> until when, for how long

    async def listen(self, address: str, pins: Callable[[bytes], bytes | None]) -> str:
        """Takes calls; gives the address with the port that was taken."""

        def allowed(key: bytes) -> bytes | None:
            party = pins(key)
            return None if party is None or self._is_shut(party) else party

        def take_calls(at: str) -> Coroutine[Any, Any, Listener]:
            return listen(at, self.identities[0], allowed, self._answered, self._refused)

        return await self._doors.open(Door(TlsLink.bearer, address, take_calls))

    async def listen_websocket(self, address: str, shared: Callable[[], Iterable[Shared]]) -> str:
        """Takes calls over WebSockets, of whoever we share a secret with."""

        def allowed() -> Iterator[Shared]:
            return (one for one in shared() if not self._is_shut(one.peer))

        def take_calls(at: str) -> Coroutine[Any, Any, Listener]:
            return websocket_listener.listen(at, allowed, self._answered, self._refused)

        return await self._doors.open(Door(WebSocketLink.bearer, address, take_calls))

    def keep_calling(self, party: bytes, address: Callable[[], str | None]) -> None:
        """Calls a party by TLS whenever no such link leads to it, at ``address()``. A call that is
        refused shows the other of our identities next time."""

        def call(turn: int) -> Call | None:
            card, where = self._desk.card_of(party), address()
            if card is None or where is None:
                return None
            identity = self.identities[turn % len(self.identities)]
            return connect(where, identity, Pin(card.tls_ed25519, party))

        self._keep_calling(party, TlsLink.bearer, call)

    def keep_dialling(self, party: bytes, bearer: str, call: Callable[[], Call | None]) -> None:
        """Calls a party by another bearer whenever no such link leads to it."""
        self._keep_calling(party, bearer, lambda _: call() if self._trusts(party) else None)

    def _keep_calling(self, party: bytes, bearer: str, call: Callable[[int], Call | None]) -> None:
        if (party, bearer) not in self._callers:
            self._callers.add((party, bearer))
            self._nudge[party, bearer] = asyncio.Event()
            self._spawn(self._call(party, bearer, call))

    def keep_open(
        self, party: bytes, device: str, open_port: Callable[[], SerialPort | None]
    ) -> None:
        """Keeps a serial port open to a party, whenever ``open_port`` gives one."""
        if (party, device) not in self._ports:
            self._ports[party, device] = None
            self._spawn(self._serve(party, device, open_port))

    def reopen(self, party: bytes) -> None:
        """The secret shared with a party has changed: its ports and WebSockets begin anew."""
        for (peer, _), port in self._ports.items():
            if peer == party and port is not None:
                port.close("another secret")
        for live in self.linked(party):
            if live.link.bearer == WebSocketLink.bearer:
                self._end(live, "another secret")

    def is_called(self, party: bytes, bearer: str = TlsLink.bearer) -> bool:
        """Whether a party has a link of a kind that a call makes."""
        return any(live.link.bearer == bearer for live in self.linked(party))

    def nudge(self, party: bytes) -> None:
        """Something urgent, or a sign of life: no waiting out the back-off."""
        for (peer, _), event in self._nudge.items():
            if peer == party:
                event.set()

    def linked(self, party: bytes) -> list[Live]:
        """The links to a party."""
        return [live for live in self.live.values() if live.link.peer == party]

    # --- receive-only ---

    def be_silent(self, bearers: frozenset[str]) -> None:
        """From now on nothing is sent over these kinds of bearer. A serial port is listened to; the
        others are cut, for whoever receives over them answers. On what is no longer among them all
        begins anew."""
        self.silent = bearers
        for work in self._doors.be_silent(bearers):
            self._spawn(work)
        for port in self._open_ports():
            self._hush(port)
        for live in [one for one in self.live.values() if one.link.bearer in bearers]:
            if live.link.bearer in LISTENED_TO:
                live.forget()
                self._spawn(self._listen_to(live.number))
            else:
                self._end(live, "receive-only")

    async def _listen_to(self, number: int) -> None:
        await self._desk.take([Listen(number)])

    def _open_ports(self) -> list[SerialPort]:
        return [port for port in self._ports.values() if port is not None]

    def _hush(self, port: SerialPort) -> None:
        silent = SerialLink.bearer in self.silent
        if silent and not port.silent:
            port.be_silent()
        elif port.silent and not silent:
            port.speak()
        port.listens(unheard=port.peer in self.unheard)

    def not_heard(self, parties: set[bytes]) -> None:
        """These announced that they receive and send nothing: no link to them ends for it."""
        self.unheard = parties
        for port in self._open_ports():
            port.listens(unheard=port.peer in parties)

    # --- sending ---

    def send(self, number: int, frame: bytes, *, urgent: bool = False) -> None:
        """Queues a frame; lost if the link is gone, and then sent again after the next hello.

        An urgent one goes ahead of all that waits here but urgent ones; a narrow link takes it at
        once, and sends it before all it has.
        """
        live = self.live.get(number)
        if live is None or live.link.bearer in self.silent:
            return
        if urgent and not live.link.wide:
            self._hand_over(live, frame, urgent=True)
            return
        if live.must_wait(urgent=urgent):
            live.wait(frame, urgent=urgent)
            self._bound()
            return
        self._hand_over(live, frame)

    def pace(self) -> bool:
        """Moves waiting frames on; True while some are left."""
        left = False
        for live in list(self.live.values()):
            while (frame := live.take_next()) is not None:
                self._hand_over(live, frame)
            left = left or bool(live.waiting)
        return left

    def _hand_over(self, live: Live, frame: bytes, *, urgent: bool = False) -> None:
        try:
            live.link.send(frame, urgent=urgent)
        except PeerError:
            self._end(live, "unreachable")

    def _bound(self) -> None:
        """A peer that asks and does not read loses its link; what it was owed is in the store."""
        while sum(live.waiting_bytes for live in self.live.values()) > WAITING_BYTES_MAX:
            self._end(max(self.live.values(), key=lambda live: live.waiting_bytes), "does not read")

    # --- ending ---

    def close_link(self, number: int, reason: str) -> None:
        """Ends one link."""
        live = self.live.get(number)
        if live is not None:
            self._end(live, reason)

    def shut_out(self, number: int, reason: str) -> None:
        """Ends a link for what its peer sent, and lets it wait before it may come again."""
        live = self.live.get(number)
        if live is None:
            return
        now_s, peer = asyncio.get_running_loop().time(), live.link.peer
        until_s, last_s = self._shut.get(peer, (0.0, 0.0))
        again = now_s - until_s < SHUT_S_MAX
        wait_s = min(last_s * 2, SHUT_S_MAX) if again and last_s else SHUT_S_MIN
        self._shut[peer] = (now_s + wait_s, wait_s)
        self._end(live, reason)

    def _is_shut(self, party: bytes) -> bool:
        until_s, _ = self._shut.get(party, (0.0, 0.0))
        return asyncio.get_running_loop().time() < until_s

    def drop_silent(self, now_s: float) -> None:
        """Ends links on which nothing has come for too long: a cut cable says nothing."""
        for live in list(self.live.values()):
            if live.link.bearer in self.silent or (
                live.link.peer in self.unheard and not live.link.wide
            ):
                continue  # whoever sends nothing cannot make another life of it
            if now_s - live.last_sign_s() > SILENT_S:
                self._end(live, "no sign of life")

    def drop_untrusted(self, trusted: Callable[[bytes], bytes | None]) -> None:
        """Ends links whose key is pinned no more."""
        for live in list(self.live.values()):
            known = (
                trusted(live.key) == live.link.peer if live.key else self._trusts(live.link.peer)
            )
            if not known:
                self._end(live, "key no longer trusted")

    def _trusts(self, party: bytes) -> bool:
        return self._desk.card_of(party) is not None

    async def close(self) -> None:
        """Ends everything, and waits for it."""
        self._doors.close()
        for live in list(self.live.values()):
            self._end(live, "the node stops")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self, live: Live, reason: str) -> None:
        """``_carry`` does the rest once the link has said so; nothing more is sent meanwhile."""
        live.forget()
        self.live.pop(live.number, None)
        live.link.close(reason)

    # --- a link's life ---

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _answered(self, link: TlsLink | WebSocketLink) -> None:
        self.nudge(link.peer)
        self._spawn(self._answer(link))

    async def _answer(self, link: TlsLink | WebSocketLink) -> None:
        await self._carry(link, called=False)

    def _not_opened(self, why: LocalError) -> None:
        self._desk.tell("refused", refusal=why.refusal.word)

    def _refused(self, why: PeerError) -> None:
        self._desk.tell("stranger-refused", refusal=why.refusal.word)

    async def _call(self, party: bytes, bearer: str, call: Callable[[int], Call | None]) -> None:
        wait_s = RETRY_S_MIN if self._party < party else PATIENCE_S
        turn = 0  # counts the links that seem to have been refused
        while True:
            await self._pause(self._nudge[party, bearer], wait_s)
            if not self._may_call(party, bearer):
                wait_s = LINKED_S
                continue
            calling = call(turn)
            if calling is None:
                wait_s = PATIENCE_S
                continue
            try:
                link = await calling
            except PeerError as error:
                refusal = error.refusal.word
                self._desk.tell("call-failed", party=party, bearer=bearer, refusal=refusal)
                wait_s = self._longer(party, wait_s)
                continue
            lasted_s = await self._carry(link, called=True)
            turn += lasted_s is None
            wait_s = RETRY_S_MIN if (lasted_s or 0) > STEADY_S else self._longer(party, wait_s)

    async def _serve(
        self, party: bytes, device: str, open_port: Callable[[], SerialPort | None]
    ) -> None:
        said = ""
        while True:
            port = None
            try:
                port = open_port() if self._welcomes(party) else None
                while port is not None and self._welcomes(party):
                    self._ports[party, device] = port
                    self._hush(port)
                    said = ""
                    await self._carry(await port.link(), called=True, way=device)
            except (LocalError, PeerError) as error:
                if said != str(error):
                    said = str(error)  # a modem that is switched off is named once
                    self._desk.tell("serial-lost", party=party, refusal=error.refusal.word)
            finally:
                self._ports[party, device] = None
                if port is not None:
                    port.close()
            await asyncio.sleep(PATIENCE_S)

    def _may_call(self, party: bytes, bearer: str) -> bool:
        closed = party in self.held_closed or self._is_shut(party) or bearer in self.silent
        return not closed and not self.is_called(party, bearer)

    def _welcomes(self, party: bytes) -> bool:
        closed = party in self.held_closed or self._is_shut(party)
        return not closed and self._trusts(party)

    def _longer(self, party: bytes, wait_s: float) -> float:
        most = RETRY_URGENT_S if self._desk.urgent_for(party) else RETRY_S_MAX
        return min(max(wait_s, RETRY_S_MIN) * 2, most)

    async def _pause(self, event: asyncio.Event, wait_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), wait_s)
        event.clear()

    async def _carry(self, link: AnyLink, *, called: bool, way: str = "") -> float | None:
        """A link's whole life. Gives its seconds; None where we seem to have been refused."""
        now_s = asyncio.get_running_loop().time()
        live = Live(next(self._numbers), link, called, now_s, now_s, way, key=link.key)
        why_not = self._why_not(live)
        if why_not:
            link.close(why_not)
            return 0.0
        self.live[live.number] = live
        self._desk.tell("link-up", link=live.number, party=link.peer, bearer=link.bearer)
        reason = "ended"
        try:
            bits_per_s = 0 if link.wide else link.measured().bits_per_s or 0
            heard_only = link.bearer in self.silent
            up = LinkUp(live.number, link.peer, link.wide, bits_per_s, heard_only)
            await self._desk.take([up])
            await self._receive(live)
        except PeerError as error:
            reason = error.detail or error.refusal.word
            if error.refusal != Refusal.UNREACHABLE:
                self._desk.tell("refused", link=live.number, refusal=error.refusal.word)
        finally:
            self._end(live, reason)
            if live.heard:
                self.last_sign_s[link.peer, link.bearer, way] = live.last_sign_s()
            self._desk.tell("link-down", link=live.number, party=link.peer, reason=reason)
        await self._desk.take([LinkDown(live.number)])
        lasted_s = asyncio.get_running_loop().time() - now_s
        return lasted_s if live.heard or lasted_s > REFUSED_S else None

    async def _receive(self, live: Live) -> None:
        while True:
            frames = await live.link.receive()
            live.heard, live.heard_s = True, asyncio.get_running_loop().time()
            for some in grouped(frames):
                await self._desk.take([FrameIn(live.number, frame) for frame in some])

    def _why_not(self, live: Live) -> str:
        """Why a new link must not be; an older one that goes the same way may have to go instead.

        Two calls that crossed leave the one of the party with the lower id. Otherwise the newer
        link stays: the older may be one that its other end has long lost.
        """
        peer = live.link.peer
        if peer in self.held_closed:
            return "held closed"
        if live.link.bearer in self.silent - LISTENED_TO:
            return "receive-only"
        for other in self.linked(peer):
            if (other.link.bearer, other.way) != (live.link.bearer, live.way):
                continue
            crossed = other.called != live.called and live.since_s - other.since_s < CROSSING_S
            if crossed and other.called == (self._party < peer):
                return "the other call stands"
            self._end(other, "a newer link")
        return "too many links" if len(self.linked(peer)) >= LINKS_PER_PEER_MAX else ""


def grouped(frames: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Frames as they are handed over, one group to a step: the sender makes its next batch while
    this one is checked, as long as every large batch is answered by itself."""
    some: list[bytes] = []
    size = 0
    for frame in frames:
        some.append(frame)
        size += len(frame)
        if len(some) == FRAMES_MAX or size >= FRAMES_BYTES_ENOUGH:
            yield some
            some, size = [], 0
    if some:
        yield some
