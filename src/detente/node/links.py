"""Links to peers: calling, answering, backing off, and noticing that nobody is there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from detente.bearers.contract import Link
from detente.bearers.tls import Pin, TlsIdentity, TlsLink, TlsListener, connect, listen
from detente.core.errors import PeerError, Refusal
from detente.core.events import FrameIn, Input, LinkDown, LinkUp
from detente.core.identity import Card
from detente.core.leaf import Precedence
from detente.core.limits import LINKS_PER_PEER_MAX
from detente.node.logs import NodeLog

RETRY_S_MIN = 0.25  # the first wait after a failed call
RETRY_S_MAX = 60.0  # the longest, unless something urgent waits
RETRY_URGENT_S = 1.0  # the longest while FLASH is queued
PATIENCE_S = 3.0  # the party with the higher id lets the other call first
SILENT_S = 95.0  # a link on which nothing came for this long is dead (three heartbeats)
PACE_BYTES = 1_048_576  # frames wait here, not in the link, above this many bytes


class Desk(Protocol):
    """What links ask of the node."""

    async def take(self, inputs: list[Input]) -> None:
        """Hands over inputs and returns when they are committed."""
        ...

    def card_of(self, party: bytes) -> Card | None:
        """The card in force of a trusted party."""
        ...

    def urgent_for(self, party: bytes) -> bool:
        """Whether something at FLASH or above waits for this party."""
        ...


@dataclass(slots=True)
class Live:
    """One link that is up."""

    number: int
    link: Link
    since_s: float
    heard_s: float
    waiting: deque[bytes] = field(default_factory=deque)
    key: bytes = b""


class Links:
    """All links of one node."""

    def __init__(self, desk: Desk, identity: TlsIdentity, party: bytes, log: NodeLog) -> None:
        self._desk = desk
        self._identity = identity
        self._party = party
        self._log = log
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._callers: dict[bytes, asyncio.Task[None]] = {}
        self._listeners: list[TlsListener] = []
        self._nudge: dict[bytes, asyncio.Event] = {}
        self.live: dict[int, Live] = {}
        self.held_closed: set[bytes] = set()  # parties cut off by a drill or a test

    async def listen(self, address: str, pins: Callable[[bytes], bytes | None]) -> str:
        """Takes calls; gives the address with the port that was taken."""
        listener = await listen(address, self._identity, pins, self._answered, self._refused)
        self._listeners.append(listener)
        return listener.address

    def keep_calling(self, party: bytes, address: Callable[[], str | None]) -> None:
        """Calls a party whenever it has no link, at ``address()``."""
        if party not in self._callers:
            self._nudge[party] = asyncio.Event()
            self._callers[party] = self._spawn(self._call(party, address))

    def nudge(self, party: bytes) -> None:
        """Something urgent, or a sign of life: no waiting out the back-off."""
        if party in self._nudge:
            self._nudge[party].set()

    def linked(self, party: bytes) -> list[Live]:
        """The links to a party."""
        return [live for live in self.live.values() if live.link.peer == party]

    def send(self, number: int, frame: bytes) -> None:
        """Queues a frame; lost if the link is gone, and then sent again after the next hello."""
        live = self.live.get(number)
        if live is None:
            return
        if live.waiting or live.link.queued_bytes() > PACE_BYTES:
            live.waiting.append(frame)
            return
        try:
            live.link.send(frame)
        except PeerError:
            live.link.close("unreachable")

    def pace(self) -> bool:
        """Moves waiting frames on; True while some are left."""
        left = False
        for live in self.live.values():
            while live.waiting and live.link.queued_bytes() <= PACE_BYTES:
                try:
                    live.link.send(live.waiting.popleft())
                except PeerError:
                    live.waiting.clear()
            left = left or bool(live.waiting)
        return left

    def close_link(self, number: int, reason: str) -> None:
        """Ends one link."""
        live = self.live.get(number)
        if live is not None:
            live.link.close(reason)

    def drop_silent(self, now_s: float) -> None:
        """Ends links on which nothing has come for too long: a cut cable says nothing."""
        for live in list(self.live.values()):
            if now_s - live.heard_s > SILENT_S:
                live.link.close("no sign of life")

    def drop_untrusted(self, trusted: Callable[[bytes], bytes | None]) -> None:
        """Ends links whose key is pinned no more."""
        for live in list(self.live.values()):
            if live.key and trusted(live.key) != live.link.peer:
                live.link.close("key no longer trusted")

    async def close(self) -> None:
        """Ends everything, and waits for it."""
        for listener in self._listeners:
            listener.close()
        for live in list(self.live.values()):
            live.link.close("the node stops")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _answered(self, link: TlsLink) -> None:
        self.nudge(link.peer)
        self._spawn(self._carry(link))

    def _refused(self, why: PeerError) -> None:
        self._log.write("stranger-refused", refusal=why.refusal.word)

    async def _call(self, party: bytes, address: Callable[[], str | None]) -> None:
        wait_s = RETRY_S_MIN if self._party < party else PATIENCE_S
        while True:
            await self._pause(party, wait_s)
            if self.linked(party) or party in self.held_closed:
                wait_s = 0.5
                continue
            card, where = self._desk.card_of(party), address()
            if card is None or where is None:
                wait_s = PATIENCE_S
                continue
            try:
                link = await connect(where, self._identity, Pin(card.tls_ed25519, party))
            except PeerError as error:
                self._log.write("call-failed", party=party, refusal=error.refusal.word)
                wait_s = min(max(wait_s, RETRY_S_MIN) * 2, RETRY_S_MAX)
                if self._desk.urgent_for(party):
                    wait_s = min(wait_s, RETRY_URGENT_S)
                continue
            up_s = asyncio.get_running_loop().time()
            await self._carry(link)
            lasted = asyncio.get_running_loop().time() - up_s > 2
            wait_s = RETRY_S_MIN if lasted else min(max(wait_s, RETRY_S_MIN) * 2, RETRY_S_MAX)

    async def _pause(self, party: bytes, wait_s: float) -> None:
        event = self._nudge[party]
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), wait_s)
        event.clear()

    async def _carry(self, link: TlsLink) -> None:
        """A link's whole life: up, frames, down."""
        if len(self.linked(link.peer)) >= LINKS_PER_PEER_MAX or link.peer in self.held_closed:
            link.close("too many links")
            return
        number = next(self._numbers)
        now_s = asyncio.get_running_loop().time()
        live = Live(number, link, now_s, now_s, key=link.key)
        self.live[number] = live
        self._log.write("link-up", link=number, party=link.peer, bearer=link.bearer)
        reason = "ended"
        try:
            await self._desk.take([LinkUp(number, link.peer, link.wide)])
            while True:
                frames = await link.receive()
                live.heard_s = asyncio.get_running_loop().time()
                await self._desk.take([FrameIn(number, frame) for frame in frames])
        except PeerError as error:
            reason = error.detail or error.refusal.word
            if error.refusal != Refusal.UNREACHABLE:
                self._log.write("refused", link=number, refusal=error.refusal.word)
        finally:
            link.close(reason)
            self.live.pop(number, None)
            self._log.write("link-down", link=number, party=link.peer, reason=reason)
        await self._desk.take([LinkDown(number)])


def urgent(precedences: list[int]) -> bool:
    """Whether one of these rows is FLASH or above."""
    return any(precedence >= Precedence.FLASH for precedence in precedences)
