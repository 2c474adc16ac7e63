"""Taking calls over WebSockets: who may come in, and what strangers may cost
(spec/bearer-websocket.md).

Whoever is no peer reads that there is no such page.
"""

from __future__ import annotations

import asyncio
import os
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from websockets.asyncio import server
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from detente.bearers.tls import parse_address
from detente.bearers.websocket import (
    LIBRARY,
    SCHEME,
    SEALED_BYTES_MAX,
    Bounded,
    Shared,
    WebSocketLink,
    log,
)
from detente.core.encoding import malformed
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.link_keys import ANNOUNCEMENT_BYTES, FRESH_BYTES, Announcement

HEAD_BYTES_MAX = 16_384  # of a request: more is no caller of ours
STRANGERS_MAX = 32  # connections not yet authenticated: what they cost together stays small
ANSWER_S = 10  # for a request, and again for the first sealed message
CALLS_KNOWN_MAX = 1024  # requests that would be answered no second time


class _Plain(ServerProtocol):
    """Whatever is wrong with a request, its sender reads the same."""

    def reject(self, _status: StatusLike, _text: str) -> Response:
        """An ordinary page that is not there."""
        return super().reject(HTTPStatus.NOT_FOUND, "Not Found\n")


class _Door(Bounded, server.ServerConnection):
    """A connection to us. ``caller`` is whose request it brought, ``why`` what was wrong."""

    def __init__(self, listener: WebSocketListener, given: server.Server, **settings: Any) -> None:
        super().__init__(_Plain(max_size=SEALED_BYTES_MAX, logger=log), given, **settings)
        self.caller: tuple[Shared, Announcement] | None = None
        self.why = PeerError(Refusal.UNREACHABLE, "gone before it was known")
        self._listener = listener
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One more stranger, if there is room."""
        if not self._listener.lets_in(self):
            self.why = PeerError(Refusal.NOT_ALLOWED, "too many connections not authenticated")
            transport.abort()  # type: ignore[attr-defined]  # a socket's always can
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Takes what came; of a request without end no more than HEAD_BYTES_MAX is read."""
        if self.request is None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.why = PeerError(Refusal.OVERSIZE, "a request without end")
                self.transport.abort()
                return
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        super().connection_lost(exc)
        self._listener.lost(self)


class WebSocketListener:
    """Promises what ``contract.Listener`` says. It speaks HTTP without TLS: a web server of the
    operator's stands before it."""

    def __init__(
        self,
        shared: Callable[[], Iterable[Shared]],
        on_link: Callable[[WebSocketLink], None],
        on_refused: Callable[[PeerError], None],
    ) -> None:
        self.address = ""
        self._shared = shared
        self._on_link = on_link
        self._on_refused = on_refused
        self._strangers: set[_Door] = set()
        self._calls: dict[bytes, None] = {}  # fresh bytes of callers, the oldest first
        self._server: server.Server

    async def open(self, host: str, port: int) -> None:
        """Takes the port. LocalError IN_USE if that cannot be had."""

        def door(_: ServerProtocol, given: server.Server, **settings: Any) -> _Door:
            return _Door(self, given, **settings)

        try:
            self._server = await server.serve(
                self._welcome,
                host,
                port,
                process_request=self._judge,
                server_header=None,
                open_timeout=ANSWER_S,
                logger=log,
                create_connection=door,  # type: ignore[arg-type]  # it is only called
                **LIBRARY,  # type: ignore[arg-type]
            )
        except OSError as exc:
            raise LocalError(Refusal.IN_USE, f"cannot listen on {host} port {port}") from exc
        name = self._server.sockets[0].getsockname()
        self.address = f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    def close(self) -> None:
        """As ``Listener.close``."""
        self._server.close(close_connections=False)
        for door in list(self._strangers):
            door.transport.abort()

    def lets_in(self, door: _Door) -> bool:
        """Whether one more connection may try."""
        if len(self._strangers) >= STRANGERS_MAX:
            self._on_refused(PeerError(Refusal.NOT_ALLOWED, "too many connections at once"))
            return False
        self._strangers.add(door)
        return True

    def lost(self, door: _Door) -> None:
        """A connection has ended; one that was not known is named."""
        if door in self._strangers:
            self._strangers.discard(door)
            self._on_refused(door.why)

    def _judge(self, door: server.ServerConnection, request: Request) -> Response | None:
        """A page that is not there for everyone but a peer with a request never seen before."""
        assert isinstance(door, _Door)  # noqa: S101  # made by ``open``
        door.caller = self._caller(request)
        if door.caller is None:
            door.why = PeerError(Refusal.UNKNOWN_PARTY, "a request of no peer")
            return door.respond(HTTPStatus.NOT_FOUND, "")
        return None

    def _caller(self, request: Request) -> tuple[Shared, Announcement] | None:
        found = request.headers.get_all("Authorization")
        data = announced(found[0]) if len(found) == 1 else None
        for shared in self._shared() if data is not None else ():
            said = shared.read(data or b"")
            if said is None:
                continue
            if said.own in self._calls:
                return None
            self._calls[said.own] = None
            if len(self._calls) > CALLS_KNOWN_MAX:
                del self._calls[next(iter(self._calls))]
            return shared, said
        return None

    async def _welcome(self, door: server.ServerConnection) -> None:
        """From a request to a link, and until its end."""
        assert isinstance(door, _Door)  # noqa: S101  # made by ``open``
        assert door.caller is not None  # noqa: S101  # ``_judge`` has let it in
        shared, said = door.caller
        fresh = os.urandom(FRESH_BYTES)
        keys = shared.keys(fresh, said.own)
        try:
            async with asyncio.timeout(ANSWER_S):
                await door.send(shared.announce(Announcement(fresh, said.own)))
                first = await door.recv()
            if isinstance(first, str) or keys.takes.open(0, 0, first):
                raise malformed("not the first message of a peer")
        except (ConnectionClosed, TimeoutError, PeerError) as exc:
            if isinstance(exc, PeerError):
                door.why = exc
            door.transport.abort()  # and is named then
            return
        self._strangers.discard(door)
        link = WebSocketLink(door, keys, shared.peer, taken=1)
        self._on_link(link)
        await link.closed()


def announced(authorization: str) -> bytes | None:
    """What an ``Authorization`` header carries, if it is as long as an announcement."""
    text = authorization.removeprefix(SCHEME)
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if len(data) == ANNOUNCEMENT_BYTES else None


async def listen(
    address: str,
    shared: Callable[[], Iterable[Shared]],
    on_link: Callable[[WebSocketLink], None],
    on_refused: Callable[[PeerError], None],
) -> WebSocketListener:
    """Takes calls on ``host:port``; each whose request a peer sealed becomes a link.

    ``shared`` is asked at every request, so trust can change while listening. ``on_link`` must
    only start a task. PeerError MALFORMED for the address, LocalError IN_USE if it cannot be had.
    """
    host, port = parse_address(address)
    listener = WebSocketListener(shared, on_link, on_refused)
    await listener.open(host, port)
    return listener
