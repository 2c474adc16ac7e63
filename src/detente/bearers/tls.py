"""TCP with TLS 1.3, both keys pinned: the wide bearer between two nodes (spec/bearer-tls.md).

``listen`` and ``connect`` give links; calling again after one died is the node's work.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import cast

from OpenSSL import SSL

from detente.bearers.contract import LINK_QUEUE_BYTES_MAX, Inbox, framed
from detente.bearers.rates import Measured, measured
from detente.bearers.tls_adapter import (
    GROUP,
    SUITE,
    VERSION,
    Engine,
    Pins,
    TlsIdentity,
    make_context,
)
from detente.core.encoding import decimal, malformed
from detente.core.errors import LocalError, MachineError, PeerError, Refusal

__all__ = ["Pin", "Pins", "TlsIdentity", "connect", "listen", "parse_address", "self_test"]

HANDSHAKE_S = 10  # two round trips of a satellite and a slow machine, several times over
STRANGERS_MAX = 32  # connections not yet authenticated: what they cost together stays small
UNACKNOWLEDGED_S = 20  # a way that swallows packets says nothing: TCP alone would try for minutes
CLOSE_S = 5  # then a peer that does not take the last bytes is left without them
READ_BUFFER_BYTES = 131_072  # eight records; touched only as far as bytes come
FLUSH_BYTES = 262_144  # handed on before the turn ends, so that plain and sealed do not pile up
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pin:
    """Whom a call must reach: the key the far end has to show, and the party it speaks for."""

    key: bytes
    party: bytes


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``, an IPv6 address in brackets. PeerError MALFORMED otherwise.

    Port 0 parses: it asks a listener to take a free one.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        raise malformed("an address is host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            if IPv6Address(host).scope_id is not None:
                raise malformed("an address with a scope means nothing elsewhere")
        except AddressValueError as exc:
            raise malformed("not an IPv6 address in brackets") from exc
    elif not HOST.fullmatch(host):
        raise malformed("not a host name or address")
    return host, decimal(port, 65_535)


class TlsLink(asyncio.BufferedProtocol):
    """An authenticated connection. Promises what ``contract.Link`` says.

    The loop calls the methods of ``asyncio.BufferedProtocol``; nobody else does. (A plain
    protocol has the loop allocate 256 KiB for every read, which costs more than the read.)
    """

    bearer = "tls"
    wide = True

    def __init__(
        self, engine: Engine, transport: asyncio.Transport, key: bytes, party: bytes
    ) -> None:
        self.peer = party
        self.key = key  # so that the node can end links whose key it no longer trusts
        self.fresh = engine.binding()
        self._engine = engine
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox()
        self._sealed = memoryview(bytearray(READ_BUFFER_BYTES))
        self._plain: list[bytes] = []
        self._plain_bytes = 0
        self._paused = False
        self._reason: str | None = None
        self._gone = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None

    def send(self, frame: bytes, *, urgent: bool = False) -> None:  # noqa: ARG002 - all keep order
        """As ``Link.send``. Frames of one turn of the loop leave in one write."""
        data = framed(frame)
        if self._reason is None:
            if not self._plain:
                self._loop.call_soon(self._flush)
            self._plain.append(data)
            self._plain_bytes += len(data)
            if self._plain_bytes >= FLUSH_BYTES:
                self._flush()
        if self._reason is not None:
            raise PeerError(Refusal.UNREACHABLE, self._reason)

    def queued_bytes(self) -> int:
        """As ``Link.queued_bytes``: plain bytes of this turn, sealed ones of earlier turns."""
        return self._plain_bytes + self._transport.get_write_buffer_size()

    def measured(self) -> Measured:
        """As ``Link.measured``."""
        return measured(self._transport.get_extra_info("socket"))

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
        if self._paused and not self._inbox.full:
            self._paused = False
            self._transport.resume_reading()
        return frames

    def close(self, reason: str) -> None:
        """As ``Link.close``: the peer gets CLOSE_S seconds to take what is queued."""
        if self._reason is None:
            self._flush()
        self._end(reason)
        self._inbox.drop(reason)

    async def closed(self) -> str:
        """As ``Link.closed``."""
        await self._gone.wait()
        return self._reason or ""

    def begin(self) -> None:
        """Reads what came in one packet with the end of the handshake."""
        self._read()

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where the loop puts what came."""
        return self._sealed

    def buffer_updated(self, nbytes: int) -> None:
        """Opens records as they come, and stops the kernel while the inbox is full."""
        self._engine.feed(self._sealed[:nbytes])
        self._read()

    def eof_received(self) -> None:
        """The stream ended without TLS saying so."""
        self._end("cut by the network or the peer")

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        if self._reason is None:
            self._reason = f"connection lost: {exc}" if exc else "connection lost"
        self._plain.clear()
        self._plain_bytes = 0
        self._inbox.end(self._reason)
        if self._deadline is not None:
            self._deadline.cancel()
        self._gone.set()

    def _read(self) -> None:
        try:
            for data in self._engine.read():
                if not data:
                    self._end("closed by the peer")
                    return
                self._inbox.feed(data)
        except PeerError as exc:
            self._end(str(exc))
        else:
            self._emit()  # TLS may owe an answer of its own, such as a key update
        if self._inbox.full and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _flush(self) -> None:
        if not self._plain or self._reason is not None:
            return
        data = b"".join(self._plain)
        self._plain.clear()
        self._plain_bytes = 0
        try:
            self._engine.write(data)
        except PeerError as exc:
            self._end(str(exc))
        else:
            self._emit()

    def _emit(self) -> None:
        """Hands sealed bytes to the kernel; ends the link when too many are left over."""
        data = self._engine.drain()
        if not data:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > LINK_QUEUE_BYTES_MAX:
            self._reason = "peer does not read"
            self._inbox.drop(self._reason)
            self._transport.abort()

    def _end(self, reason: str) -> None:
        """Closes in good order; whole frames that are here stay readable."""
        if self._reason is not None:
            return
        self._reason = reason
        self._plain.clear()
        self._plain_bytes = 0
        self._inbox.end(reason)
        self._engine.end()
        self._transport.write(self._engine.drain())
        self._transport.close()
        self._deadline = self._loop.call_later(CLOSE_S, self._transport.abort)


class Stranger(asyncio.Protocol):
    """A connection that has not shown a pinned key yet: it may do the handshake and nothing else.

    Ends by calling ``done`` with a link or ``failed`` with why not, once.
    """

    def __init__(
        self,
        engine: Engine,
        pins: Pins,
        done: Callable[[TlsLink], None],
        failed: Callable[[PeerError], None],
    ) -> None:
        self._engine = engine
        self._pins = pins
        self._done = done
        self._failed = failed
        self._over = False
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the handshake and its clock."""
        self._transport = stream = cast(asyncio.Transport, transport)
        if self._over:  # the call was given up while TCP was being set up
            stream.abort()
            return
        late = PeerError(Refusal.UNREACHABLE, f"no TLS handshake within {HANDSHAKE_S} s")
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HANDSHAKE_S, self.refuse, late)
        self._step(stream)

    def data_received(self, data: bytes) -> None:
        """Goes on with the handshake."""
        if self._transport is not None and not self._over:
            self._engine.feed(data)
            self._step(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone before it was known."""
        why = f": {exc}" if exc else ""
        self.refuse(PeerError(Refusal.UNREACHABLE, f"gone during the TLS handshake{why}"))

    def refuse(self, why: PeerError) -> None:
        """Ends it, with nothing more said than TLS already did."""
        if self._over:
            return
        self._settle()
        if self._transport is not None:
            self._transport.close()
        self._failed(why)

    def _settle(self) -> None:
        self._over = True
        if self._deadline is not None:
            self._deadline.cancel()

    def _step(self, transport: asyncio.Transport) -> None:
        refusal: PeerError | None = None
        finished = False
        try:
            finished = self._engine.handshake()
        except PeerError as exc:
            refusal = exc
        answer = self._engine.drain()
        if answer:
            transport.write(answer)
        if refusal is not None:
            self.refuse(refusal)
        elif finished:
            self._authenticate(transport)

    def _authenticate(self, transport: asyncio.Transport) -> None:
        # Asked of the finished handshake once more: this answer, and no earlier one, is believed.
        key = self._engine.peer_key()
        party = None if key is None else self._pins(key)
        if key is None or party is None:
            self.refuse(PeerError(Refusal.UNKNOWN_PARTY, "TLS key not pinned"))
            return
        self._settle()
        give_up_in_time(transport)
        link = TlsLink(self._engine, transport, key, party)
        transport.set_protocol(link)
        self._done(link)
        link.begin()


def give_up_in_time(transport: asyncio.Transport) -> None:
    """The connection ends once nothing of what was sent is acknowledged for UNACKNOWLEDGED_S.

    By then TCP waits as long again as the way has been dead before it tries once more, and a new
    call finds a mended way within seconds (RFC 5482). An idle connection is not ended by this.
    """
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_S * 1000)


def log_refused(why: PeerError) -> None:
    """Where refused strangers are named when the caller of ``listen`` has no better place."""
    _log.info("connection refused: %s", why)


class TlsListener:
    """Promises what ``contract.Listener`` says."""

    def __init__(
        self,
        context: SSL.Context,
        pins: Pins,
        on_link: Callable[[TlsLink], None],
        on_refused: Callable[[PeerError], None],
    ) -> None:
        self.address = ""
        self._context = context
        self._pins = pins
        self._on_link = on_link
        self._on_refused = on_refused
        self._strangers: set[Stranger] = set()
        self._server: asyncio.Server

    async def open(self, host: str, port: int) -> None:
        """Takes the port. LocalError IN_USE if that cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._stranger, host, port)
        except OSError as exc:
            raise LocalError(Refusal.IN_USE, f"cannot listen on {host} port {port}") from exc
        name = self._server.sockets[0].getsockname()
        self.address = f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    def close(self) -> None:
        """As ``Listener.close``."""
        self._server.close()
        for stranger in list(self._strangers):
            stranger.refuse(PeerError(Refusal.UNREACHABLE, "no longer listening"))

    def _stranger(self) -> asyncio.Protocol:
        if len(self._strangers) >= STRANGERS_MAX:
            return TurnedAway(self._on_refused)

        def done(link: TlsLink) -> None:
            self._strangers.discard(stranger)
            self._on_link(link)

        def failed(why: PeerError) -> None:
            self._strangers.discard(stranger)
            self._on_refused(why)

        stranger = Stranger(Engine(self._context, server=True), self._pins, done, failed)
        self._strangers.add(stranger)
        return stranger


class TurnedAway(asyncio.Protocol):
    """A connection beyond STRANGERS_MAX: closed before it costs a key exchange."""

    def __init__(self, on_refused: Callable[[PeerError], None]) -> None:
        self._on_refused = on_refused

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Closes it at once."""
        cast(asyncio.Transport, transport).abort()
        self._on_refused(PeerError(Refusal.NOT_ALLOWED, "too many connections not authenticated"))


async def listen(
    address: str,
    identity: TlsIdentity,
    pins: Pins,
    on_link: Callable[[TlsLink], None],
    on_refused: Callable[[PeerError], None] = log_refused,
) -> TlsListener:
    """Takes connections on ``host:port``; each that shows a pinned key becomes a link.

    ``pins`` is asked at every handshake, so trust can change while listening. ``on_link`` must
    only start a task. PeerError MALFORMED for the address, LocalError IN_USE if it cannot be had.
    """
    host, port = parse_address(address)
    listener = TlsListener(make_context(identity, pins), pins, on_link, on_refused)
    await listener.open(host, port)
    return listener


async def connect(address: str, identity: TlsIdentity, pin: Pin) -> TlsLink:
    """Calls ``host:port`` and gives the link once the far end has shown the pinned key.

    The far end may still refuse *us*: that shows as a link whose first ``receive`` fails.
    PeerError MALFORMED for the address, UNREACHABLE if nobody answers within HANDSHAKE_S,
    UNKNOWN_PARTY for another key, UNKNOWN_VERSION or MALFORMED for another protocol.
    """
    host, port = parse_address(address)
    if port == 0:
        raise malformed("port 0 cannot be called")

    def pins(key: bytes) -> bytes | None:
        return pin.party if key == pin.key else None

    loop = asyncio.get_running_loop()
    result: asyncio.Future[TlsLink] = loop.create_future()

    def failed(why: PeerError) -> None:
        if not result.done():
            result.set_exception(why)

    engine = Engine(make_context(identity, pins), server=False)
    stranger = Stranger(engine, pins, result.set_result, failed)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            await loop.create_connection(lambda: stranger, host, port)
        return await result
    except (OSError, TimeoutError) as exc:
        raise PeerError(Refusal.UNREACHABLE, f"{address} does not answer") from exc
    except asyncio.CancelledError:
        if result.done() and not result.cancelled() and result.exception() is None:
            result.result().close("given up")  # made in the same turn, and nobody will hold it
        raise
    finally:
        result.cancel()
        stranger.refuse(PeerError(Refusal.UNREACHABLE, "given up"))


def _shake(client: SSL.Context, server: SSL.Context) -> tuple[Engine, Engine]:
    """A whole handshake in memory. PeerError from the end that refuses."""
    near, far = Engine(client, server=False), Engine(server, server=True)
    for end, other in ((near, far), (far, near), (near, far), (far, near)):
        end.handshake()
        other.feed(end.drain())
    return near, far


def _nobody(_key: bytes) -> bytes | None:
    return None


def self_test() -> None:
    """Shakes hands in memory and looks at what came out. MachineError if it is not what is meant.

    Called once at start, some 10 ms: it guards the private names that ``tls_adapter`` leans on,
    and shows that a key that is not pinned is refused by either end.
    """
    one, two = TlsIdentity(b"\x01" * 32), TlsIdentity(b"\x02" * 32)
    client = make_context(one, {two.public: b"two"}.get)
    server = make_context(two, {one.public: b"one"}.get)
    try:
        near, far = _shake(client, server)
    except PeerError as exc:
        raise _unfit(exc.detail) from exc
    for end in (near, far):
        if end.facts() != (VERSION, GROUP, SUITE):
            raise _unfit(f"got {end.facts()}")
    if (near.peer_key(), far.peer_key()) != (two.public, one.public):
        raise _unfit("wrong keys")
    if near.binding() != far.binding():
        raise _unfit("unequal channel bindings")
    for ends in ((client, make_context(two, _nobody)), (make_context(one, _nobody), server)):
        try:
            _shake(*ends)
        except PeerError:
            continue
        raise _unfit("a key that is not pinned was let in")


def _unfit(what: str) -> MachineError:
    return MachineError(Refusal.UNKNOWN_VERSION, f"TLS self-test: {what}")
