"""The WebSocket bearer: sealed messages through whatever web servers and proxies lie between
(spec/bearer-websocket.md). Calls are taken by ``websocket_listener``.

Whoever ends the HTTPS on the way reads and changes what passes. What is believed has opened under
keys that both ends made of a secret delivered before, and of fresh bytes of each.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.asyncio import client
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, WebSocketException
from websockets.proxy import parse_proxy
from websockets.uri import parse_uri

from detente.bearers.contract import LINK_QUEUE_BYTES_MAX, Inbox, framed
from detente.bearers.rates import Measured, measured
from detente.bearers.tls import give_up_in_time
from detente.core.crypto import AEAD_NONCE_BYTES
from detente.core.encoding import malformed
from detente.core.errors import PeerError, Refusal
from detente.core.link_keys import (
    FRESH_BYTES,
    Announcement,
    LinkKeys,
    announce,
    link_keys,
    read_announcement,
    websocket_secret,
)

MESSAGE_BYTES = 65_536  # of the stream, in one message: what one that does not open may cost
SEALED_BYTES_MAX = MESSAGE_BYTES + 16
MESSAGES_MAX = 4  # whole ones that wait in the library; then the socket is left unread
WRITE_BYTES = 65_536  # that may lie before the kernel; then the next message waits
ANSWERS_BYTES_MAX = 262_144  # with them, pongs: who asks for more and reads none is left
SLICE_BYTES = 4096
FRAMES_MAX = 16_384  # of WebSocket, out of one read: of ours 14,563 go into 256 KiB
HANDSHAKE_S = 20  # a call has five round trips before it: TCP, proxy, TLS, request, announcement
CLOSE_S = 5  # then a peer that does not take the last bytes is left without them
SCHEME = "Bearer "
LIBRARY = {
    "compression": None,  # what is sealed does not shrink, and nothing is unpacked unbounded
    "ping_interval": None,  # presence does it, end to end
    "close_timeout": CLOSE_S,
    "max_size": SEALED_BYTES_MAX,
    "max_queue": MESSAGES_MAX,
    "write_limit": WRITE_BYTES,
}

log = logging.getLogger(__name__)
log.setLevel(logging.ERROR)  # the library tells of every stranger; so do we, once


@dataclass(frozen=True, slots=True)
class Shared:
    """What two parties share, as one of them holds it."""

    own: bytes
    peer: bytes
    secret: bytes = field(repr=False)
    """The 32 bytes of spec/bearer-sealed.md §2."""

    def announce(self, said: Announcement) -> bytes:
        """Our announcement."""
        secret = websocket_secret(self.secret)
        return announce(secret, self.own, self.peer, said, os.urandom(AEAD_NONCE_BYTES))

    def read(self, data: bytes | str) -> Announcement | None:
        """The peer's; None for anything else."""
        if isinstance(data, str):
            return None
        return read_announcement(websocket_secret(self.secret), self.peer, self.own, data)

    def keys(self, own_fresh: bytes, peer_fresh: bytes) -> LinkKeys:
        """What the fresh bytes of both ends make."""
        secret = websocket_secret(self.secret)
        return link_keys(secret, self.own, self.peer, own_fresh, peer_fresh)


def check_url(text: str) -> None:
    """Whether a text is an address to call: ``wss://host[:port][/path]``, or ``ws`` where nothing
    on the way ends a TLS. PeerError MALFORMED otherwise."""
    try:
        found = parse_uri(text)
        plain = text.isascii() and text.isprintable() and " " not in text
    except (WebSocketException, ValueError) as exc:
        raise malformed("an address is wss://host[:port][/path]") from exc
    if found.username is not None or not plain:
        raise malformed("an address is wss://host[:port][/path]")


def check_proxy(text: str) -> None:
    """Whether a text is a proxy to call through: ``http://[user:password@]host:port``. PeerError
    MALFORMED otherwise."""
    try:
        scheme = parse_proxy(text).scheme
    except (WebSocketException, ValueError) as exc:
        raise malformed("a proxy is http://host:port") from exc
    if scheme != "http":
        raise malformed("a proxy is http://host:port")


class Bounded(Connection):
    """What the library answers by itself, such as a ping, is bounded as the rest is."""

    def data_received(self, data: bytes) -> None:
        """Takes what came, slice by slice: one read may hold a hundred thousand empty fragments."""
        for at in range(0, len(data), SLICE_BYTES):
            super().data_received(data[at : at + SLICE_BYTES])
            answers = self.transport.get_write_buffer_size() > ANSWERS_BYTES_MAX
            if answers or len(self.recv_messages.frames) > FRAMES_MAX:
                self.transport.abort()
                return


class _Calling(Bounded, client.ClientConnection):
    """Our end of a call of ours."""


class _Call(client.connect):
    """A call that no answer sends elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Never followed: an address is what a card or the operator says."""
        return exc


class WebSocketLink:
    """One authenticated connection. Promises what ``contract.Link`` says."""

    bearer = "websocket"
    wide = True
    key = b""  # it has none: whoever has the secret is the peer

    def __init__(
        self, ws: Connection, keys: LinkKeys, peer: bytes, *, sent: int = 0, taken: int = 0
    ) -> None:
        self.peer = peer
        self.fresh = keys.fresh
        self._ws = ws
        self._keys = keys
        self._sent, self._taken = sent, taken  # messages sealed and opened so far
        self._inbox = Inbox()
        self._out = bytearray()
        self._more = asyncio.Event()
        self._drained = asyncio.Event()
        self._reason: str | None = None
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._deadline: asyncio.TimerHandle | None = None
        give_up_in_time(ws.transport)
        self._reading = self._loop.create_task(self._read())
        self._writing = self._loop.create_task(self._write())

    def send(self, frame: bytes, *, urgent: bool = False) -> None:  # noqa: ARG002 - all keep order
        """As ``Link.send``. Frames of one turn of the loop leave in one message."""
        data = framed(frame)
        if self._reason is None and self.queued_bytes() + len(data) > LINK_QUEUE_BYTES_MAX:
            self._end("peer does not read")
            self._out.clear()
            self._ws.transport.abort()
        if self._reason is not None:
            raise PeerError(Refusal.UNREACHABLE, self._reason)
        self._out += data
        self._more.set()

    def queued_bytes(self) -> int:
        """As ``Link.queued_bytes``."""
        return len(self._out) + self._ws.transport.get_write_buffer_size()

    def measured(self) -> Measured:
        """As ``Link.measured``: of the way to the nearest proxy or web server."""
        return measured(self._ws.transport.get_extra_info("socket"))

    def heard_s(self) -> float | None:
        """As ``Link.heard_s``: frames alone tell."""
        return None

    async def receive(self) -> list[bytes]:
        """As ``Link.receive``."""
        try:
            frames = await self._inbox.take()
        except PeerError as exc:
            self.close(str(exc))
            raise
        if not self._inbox.full:
            self._drained.set()
        return frames

    def close(self, reason: str) -> None:
        """As ``Link.close``: the peer gets CLOSE_S seconds to take what is queued."""
        self._end(reason)
        self._inbox.drop(reason)

    async def closed(self) -> str:
        """As ``Link.closed``."""
        await self._gone.wait()
        return self._reason or ""

    def _end(self, reason: str) -> None:
        """Whole frames that are here stay readable; ``_write`` says the end to the peer."""
        if self._reason is None:
            self._reason = reason
            self._inbox.end(reason)
            self._deadline = self._loop.call_later(CLOSE_S, self._ws.transport.abort)
        self._more.set()
        self._drained.set()

    async def _read(self) -> None:
        """Opens messages as they come; none is asked for while the inbox is full."""
        try:
            while True:
                message = await self._ws.recv()
                if self._reason is None:
                    self._take(message)
                while self._inbox.full and self._reason is None:
                    self._drained.clear()
                    await self._drained.wait()
        except ConnectionClosed as exc:
            self._end(_why(exc))
        finally:
            self._writing.cancel()
            self._out.clear()
            if self._deadline is not None:
                self._deadline.cancel()
            self._gone.set()

    def _take(self, message: bytes | str) -> None:
        if isinstance(message, str):
            self._end(str(malformed("a text message")))
            return
        try:
            self._inbox.feed(self._keys.takes.open(0, self._taken, message))
        except PeerError as exc:
            self._out.clear()
            self._end(str(exc))
        self._taken += 1

    async def _write(self) -> None:
        """Seals what is queued, a message at a time, as fast as the kernel takes it."""
        with suppress(ConnectionClosed):
            while self._out or self._reason is None:
                if not self._out:
                    self._more.clear()
                    await self._more.wait()
                    continue
                sealed = self._keys.sends.seal(0, self._sent, bytes(self._out[:MESSAGE_BYTES]))
                self._sent += 1
                del self._out[:MESSAGE_BYTES]
                await self._ws.send(sealed)
            await self._ws.close()


def _why(exc: ConnectionClosed) -> str:
    """How a connection ended; it is whoever ends the HTTPS that says so."""
    if isinstance(exc, ConnectionClosedOK):
        return "closed by the peer"
    said = exc.sent if exc.rcvd is None else exc.rcvd
    return f"cut by the network or the peer{f': {said.code}' if said is not None else ''}"


# --- calling -----------------------------------------------------------------------------------


def _outer_tls() -> ssl.SSLContext:
    """TLS as far as whoever ends it. Its certificate says nothing of the peer, and dates or
    authorities of others cut no line: it is not judged."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


async def connect(url: str, shared: Shared, proxy: str = "") -> WebSocketLink:
    """Calls a URL, through an HTTP proxy if one is given; a link once the peer has answered.

    PeerError MALFORMED for the URL, UNREACHABLE if nobody answers within HANDSHAKE_S or what
    answers is no WebSocket, UNKNOWN_PARTY if it does not have the secret.
    """
    check_url(url)
    fresh = os.urandom(FRESH_BYTES)
    token = urlsafe_b64encode(shared.announce(Announcement(fresh, asks=True))).rstrip(b"=")
    ws: Connection | None = None
    link: WebSocketLink | None = None
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            ws = await _Call(
                url,
                additional_headers={"Authorization": SCHEME + token.decode()},
                user_agent_header=None,
                proxy=proxy or None,
                open_timeout=None,
                ssl=_outer_tls() if url.startswith("wss:") else None,
                create_connection=_Calling,
                logger=log,
                **LIBRARY,  # type: ignore[arg-type]
            )
            said = shared.read(await ws.recv())
            if said is None or said.heard != fresh:
                raise PeerError(Refusal.UNKNOWN_PARTY, "what answers does not have our secret")
            keys = shared.keys(fresh, said.own)
            await ws.send(keys.sends.seal(0, 0, b""))
            link = WebSocketLink(ws, keys, shared.peer, sent=1)
    except (OSError, TimeoutError, WebSocketException) as exc:
        raise PeerError(Refusal.UNREACHABLE, f"{url} does not answer") from exc
    finally:
        if ws is not None and link is None:
            ws.transport.abort()
    return link
