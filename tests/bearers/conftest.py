"""Two joined ends on each bearer that has a contract to keep, and async tests."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from detente.bearers import memory, tls, websocket, websocket_listener
from detente.bearers.contract import Link

NEAR = b"n" * 32
FAR = b"f" * 32
NEAR_TLS = tls.TlsIdentity(b"\x11" * 32)
FAR_TLS = tls.TlsIdentity(b"\x22" * 32)

NEAR_SHARED = websocket.Shared(NEAR, FAR, bytes(range(32)))
FAR_SHARED = websocket.Shared(FAR, NEAR, bytes(range(32)))


@dataclass
class Ends:
    """The end of party NEAR, the end of party FAR, and what no honest peer would do."""

    near: Link
    far: Link
    inject: Callable[[bytes], None]
    """Puts raw bytes on the stream from the near end."""
    cut: Callable[[], None]
    """Breaks the wire."""
    unread: Callable[[], int]
    """Bytes in the far end's inbox."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs an async test in a loop of its own, for 30 seconds at most."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def scenario():
        async with asyncio.timeout(30):
            await pyfuncitem.obj(**arguments)

    asyncio.run(scenario())
    return True


@asynccontextmanager
async def in_memory() -> AsyncIterator[Ends]:
    near, far = memory.pair(NEAR, FAR)
    yield Ends(near, far, near.inject, near.cut, lambda: len(far.inbox._buffer))
    near.cut()


@asynccontextmanager
async def over_tls() -> AsyncIterator[Ends]:
    came: asyncio.Queue[tls.TlsLink] = asyncio.Queue()
    pins = {NEAR_TLS.public: NEAR}
    listener = await tls.listen("127.0.0.1:0", FAR_TLS, pins.get, came.put_nowait)
    near = await tls.connect(listener.address, NEAR_TLS, tls.Pin(FAR_TLS.public, FAR))
    far = await came.get()

    def inject(data: bytes) -> None:
        near._engine.write(data)
        near._emit()

    yield Ends(near, far, inject, near._transport.abort, lambda: len(far._inbox._buffer))
    listener.close()
    for link in (near, far):
        link._transport.abort()
        await link.closed()


@asynccontextmanager
async def over_websocket() -> AsyncIterator[Ends]:
    came: asyncio.Queue[websocket.WebSocketLink] = asyncio.Queue()
    listener = await websocket_listener.listen(
        "127.0.0.1:0", lambda: [FAR_SHARED], came.put_nowait, lambda _: None
    )
    near = await websocket.connect(f"ws://{listener.address}/", NEAR_SHARED)
    far = await came.get()

    def inject(data: bytes) -> None:
        near._out += data
        near._more.set()

    yield Ends(near, far, inject, near._ws.transport.abort, lambda: len(far._inbox._buffer))
    listener.close()
    for link in (near, far):
        link._ws.transport.abort()
        link.close("the test is over")
        await link.closed()


@pytest.fixture(params=[in_memory, over_tls, over_websocket])
def joined(request) -> Callable[[], AbstractAsyncContextManager[Ends]]:
    """Makes two joined ends, in memory, over TLS and over a WebSocket on this machine."""
    return request.param


@pytest.fixture
def tls_ends() -> Callable[[], AbstractAsyncContextManager[Ends]]:
    """Makes two joined ends over TLS."""
    return over_tls
