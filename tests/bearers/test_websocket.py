"""The WebSocket bearer: through proxies and fronts, before strangers, against hostile peers."""

from __future__ import annotations

import asyncio
import base64
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bearers.conftest import FAR, FAR_SHARED, NEAR, NEAR_SHARED
from bearers.test_contract import collect, until
from fronts import Front, worthless_tls
from websockets.asyncio import server as ws_server
from websockets.frames import Frame, Opcode

from detente.bearers import websocket, websocket_listener
from detente.bearers.contract import LINK_QUEUE_BYTES_MAX, RECEIVE_BYTES_MAX
from detente.bearers.websocket import (
    MESSAGE_BYTES,
    Shared,
    WebSocketLink,
    check_proxy,
    check_url,
    connect,
)
from detente.bearers.websocket_listener import STRANGERS_MAX, WebSocketListener, listen
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.link_keys import FRESH_BYTES, Announcement


class House:
    """The far end: its listener, the links that came and what it refused."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[WebSocketLink] = asyncio.Queue()
        self.links: list[WebSocketLink] = []
        self.refused: list[PeerError] = []
        self.shared = [FAR_SHARED]
        self.listener: WebSocketListener

    def took(self, link: WebSocketLink) -> None:
        self.links.append(link)
        self.came.put_nowait(link)

    @property
    def url(self) -> str:
        return f"ws://{self.listener.address}/"


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """A far end that listens."""
    made = House()
    made.listener = await listen("127.0.0.1:0", lambda: made.shared, made.took, made.refused.append)
    try:
        yield made
    finally:
        made.listener.close()
        for link in made.links:
            link.close("the test is over")
            link._ws.transport.abort()
            await link.closed()


def drop(link: WebSocketLink) -> None:
    """Our end is over, without a word."""
    link.close("the test is over")
    link._ws.transport.abort()


def token_of(shared: Shared, said: Announcement) -> str:
    return base64.urlsafe_b64encode(shared.announce(said)).decode().rstrip("=")


def request(*headers: str, line: str = "GET /line HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: line.example", *headers, "", ""]).encode()


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


async def said_to(address: str, data: bytes) -> bytes:
    """All that a stranger who says this hears until the connection ends."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    return await rest_of(reader, writer)


async def rest_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What still comes until the connection ends, in order or not."""
    found = b""
    try:
        while data := await reader.read(65_536):
            found += data
    except ConnectionError:
        pass
    finally:
        writer.close()
    return found


# --- through whatever lies between -------------------------------------------------------------


async def test_through_a_proxy_and_a_front_that_ends_tls(tmp_path):
    """A call goes through a proxy that is asked to CONNECT and a web server that ends its TLS, of a
    certificate worth nothing; that web server reads no frame and no party's id."""
    async with house() as far:
        front = await Front().open(far.listener.address, worthless_tls(tmp_path))
        proxy = await Front().open()
        near = await connect(
            f"wss://{front.address}/line", NEAR_SHARED, f"http://watch:word@{proxy.address}"
        )
        other = await far.came.get()
        frames = [bytes([n]) * (n * 900 + 40) for n in range(100)]
        for frame in frames:
            near.send(frame)
        other.send(b"and back of forty letters, all in the clear")
        assert await collect(other, 100) == frames
        assert await near.receive() == [b"and back of forty letters, all in the clear"]
        assert near.fresh == other.fresh
        assert proxy.heads[0].startswith(f"CONNECT {front.address} HTTP/1.1\r\n".encode())
        assert b"Proxy-Authorization: Basic " in proxy.heads[0]
        assert b"GET /line HTTP/1.1\r\n" in front.seen
        for secret in (NEAR, FAR, NEAR.hex().encode(), b"all in the clear", bytes([7]) * 40):
            assert secret not in front.seen
        drop(near)
        front.close()
        proxy.close()


async def test_a_proxy_that_will_not(tmp_path):
    """A proxy that refuses, one that is not there, and a front without a node behind it are named
    as a way that does not lead there."""
    proxy = await Front().open()
    proxy.status = b"403 Forbidden"
    front = await Front().open("127.0.0.1:1", worthless_tls(tmp_path))
    for url, through in (
        ("wss://line.example/", f"http://{proxy.address}"),
        ("wss://line.example/", "http://127.0.0.1:1"),
        (f"wss://{front.address}/", ""),
        ("ws://127.0.0.1:1/", ""),
    ):
        with pytest.raises(PeerError) as caught:
            await connect(url, NEAR_SHARED, through)
        assert caught.value.refusal is Refusal.UNREACHABLE
    proxy.close()
    front.close()


async def test_what_a_front_changes_ends_the_link(tmp_path):
    """One flipped bit of a message, and nothing of it is handed on; the link ends, for a reason."""
    async with house() as far:
        front = await Front().open(far.listener.address, worthless_tls(tmp_path))
        near = await connect(f"wss://{front.address}/", NEAR_SHARED)
        other = await far.came.get()
        other.send(b"as it was sent")
        assert await near.receive() == [b"as it was sent"]
        front.back = lambda data: data[:-1] + bytes((data[-1] ^ 1,))
        other.send(b"another one")
        with pytest.raises(PeerError) as caught:
            await near.receive()
        assert "unreadable" in str(caught.value)
        assert "unreadable" in await near.closed()
        front.close()


async def test_what_a_front_says_again_ends_the_link(tmp_path):
    """A message that comes twice opens once: each has a place of its own."""
    async with house() as far:
        front = await Front().open(far.listener.address, worthless_tls(tmp_path))
        near = await connect(f"wss://{front.address}/", NEAR_SHARED)
        other = await far.came.get()
        front.back = lambda data: data + data
        other.send(b"once")
        assert await near.receive() == [b"once"]
        with pytest.raises(PeerError, match="unreadable"):
            await near.receive()
        front.close()


# --- strangers ---------------------------------------------------------------------------------


async def test_a_stranger_reads_a_page_that_is_not_there():
    """Whatever a stranger asks for, the answer is one and the same, and names nothing of ours; what
    is no request is closed. Each is named once."""
    said = Announcement(bytes(FRESH_BYTES), asks=True)
    wrong = Shared(NEAR, FAR, b"w" * 32)
    token = f"Authorization: Bearer {token_of(NEAR_SHARED, said)}"
    backwards = f"Authorization: Bearer {token_of(FAR_SHARED, said)}"
    asked = [
        request(),
        request(line="POST / HTTP/1.1"),
        request(line="GET / HTTP/1.0"),
        request(*UPGRADE),
        request(*UPGRADE, "Sec-WebSocket-Extensions: permessage-deflate"),
        request(*UPGRADE, f"Authorization: Bearer {token_of(wrong, said)}"),
        request(*UPGRADE, backwards),
        request(*UPGRADE, token, token),
        request(*UPGRADE, "Authorization: Bearer abc"),
        request(*UPGRADE, "Authorization: Bearer \xe9"),
        request(*UPGRADE, "Authorization: Basic d2F0Y2g6d29yZA=="),
        request(line="GET /" + "a" * 9000 + " HTTP/1.1"),
        request(*(f"X-{n}: y" for n in range(200))),
    ]
    async with house() as far:
        answers = [await said_to(far.listener.address, data) for data in asked]
        plain = {re.sub(rb"Date: [^\r]*\r\n", b"", answer) for answer in answers}
        assert len(plain) == 1
        (page,) = plain
        assert page.startswith(b"HTTP/1.1 404 Not Found\r\n")
        assert not re.search(rb"websocket|python|detente|upgrade", page, re.IGNORECASE)
        assert await said_to(far.listener.address, b"\x16\x03\x01 no HTTP\r\n\r\n") == b""
        await until(lambda: len(far.refused) == len(asked) + 1)
        assert far.came.empty()


async def test_a_request_is_answered_once():
    """Who has seen a request of ours pass, and sends it again, reads that no page is there."""
    seen = bytearray()
    async with house() as far:
        front = await Front().open(far.listener.address)
        near = await connect(f"ws://{front.address}/", NEAR_SHARED)
        await far.came.get()
        seen += front.seen
        drop(near)
        front.close()
        head = bytes(seen[: seen.index(b"\r\n\r\n") + 4])
        assert (await said_to(far.listener.address, head)).startswith(b"HTTP/1.1 404 ")


async def test_nothing_is_compressed():
    """A caller with our secret that offers compression is taken without it."""
    async with house() as far:
        token = token_of(NEAR_SHARED, Announcement(b"c" * 16, asks=True))
        async with websocket.client.connect(
            far.url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None
        ) as ws:
            assert "permessage-deflate" in ws.request.headers["Sec-WebSocket-Extensions"]
            assert "Sec-WebSocket-Extensions" not in ws.response.headers


async def test_calls_that_are_remembered_are_bounded(monkeypatch):
    """Of the requests that are answered no second time the oldest are forgotten."""
    monkeypatch.setattr(websocket_listener, "CALLS_KNOWN_MAX", 3)
    async with house() as far:
        for _ in range(5):
            drop(await connect(far.url, NEAR_SHARED))
        assert len(far.listener._calls) == 3


async def test_trust_may_end_while_it_listens():
    """Who shares nothing any more is a stranger from the next request on."""
    async with house() as far:
        drop(await connect(far.url, NEAR_SHARED))
        far.shared.clear()
        with pytest.raises(PeerError) as caught:
            await connect(far.url, NEAR_SHARED)
        assert caught.value.refusal is Refusal.UNREACHABLE


async def test_a_false_first_message_makes_no_link():
    """Who has a request of ours and not the secret gets no further than our announcement."""
    async with house() as far:
        for first in (b"\x00" * 16, "text"):
            token = token_of(NEAR_SHARED, Announcement(bytes((len(first),)) * 16, asks=True))
            async with websocket.client.connect(
                far.url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None
            ) as ws:
                assert NEAR_SHARED.read(await ws.recv()) is not None
                await ws.send(first)
                await ws.wait_closed()
        await until(lambda: len(far.refused) == 2)
        assert [one.refusal for one in far.refused] == [Refusal.UNREADABLE, Refusal.MALFORMED]
        assert far.came.empty()


async def test_strangers_are_few(monkeypatch):
    """Beyond so many connections that are not known one more is closed at once, and named; when
    they are gone a peer comes in."""
    monkeypatch.setattr(websocket_listener, "ANSWER_S", 3600)
    async with house() as far:
        host, _, port = far.listener.address.rpartition(":")
        strangers = [await asyncio.open_connection(host, int(port)) for _ in range(STRANGERS_MAX)]
        await until(lambda: len(far.listener._strangers) == STRANGERS_MAX)
        assert await said_to(far.listener.address, request()) == b""
        assert [one.refusal for one in far.refused] == [Refusal.NOT_ALLOWED]
        for _, writer in strangers:
            writer.close()
        await until(lambda: len(far.refused) == STRANGERS_MAX + 1)
        drop(await connect(far.url, NEAR_SHARED))


async def test_slow_strangers_are_left(monkeypatch):
    """Silent connections, requests that drip, and callers that never prove themselves are ended in
    time, and named."""
    monkeypatch.setattr(websocket_listener, "ANSWER_S", 1)
    async with house() as far:
        host, _, port = far.listener.address.rpartition(":")
        silent, slow = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        while len(far.refused) < 2:
            slow[1].write(b"G")
            await asyncio.sleep(0.05)
        assert await rest_of(*silent) == b""
        slow[1].close()
    monkeypatch.setattr(websocket_listener, "ANSWER_S", 3600)
    async with house() as far:
        monkeypatch.setattr(websocket_listener, "ANSWER_S", 1)
        token = token_of(NEAR_SHARED, Announcement(b"s" * 16, asks=True))
        data = request(*UPGRADE, f"Authorization: Bearer {token}")
        assert (await said_to(far.listener.address, data)).startswith(b"HTTP/1.1 101 ")
        await until(lambda: far.refused)
        assert {one.refusal for one in far.refused} == {Refusal.UNREACHABLE}
        assert far.came.empty()


async def test_a_request_without_end_is_left():
    """Of a request no more than its bound is read, whatever the library would take."""
    async with house() as far:
        lines = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 500) for n in range(120))
        await said_to(far.listener.address, b"GET / HTTP/1.1\r\n" + lines)
        await until(lambda: far.refused)
        assert far.refused[0].refusal is Refusal.OVERSIZE


async def test_a_closed_listener_lets_strangers_go():
    """Links live on when the door is shut; who had not come in is sent away."""
    async with house() as far:
        near = await connect(far.url, NEAR_SHARED)
        other = await far.came.get()
        host, _, port = far.listener.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await until(lambda: far.listener._strangers)
        far.listener.close()
        assert await rest_of(reader, writer) == b""
        near.send(b"still here")
        assert await other.receive() == [b"still here"]
        with pytest.raises(PeerError):
            await connect(far.url, NEAR_SHARED)
        drop(near)


# --- hostile peers ------------------------------------------------------------------------------


def frames_of(*frames: Frame) -> bytes:
    return b"".join(frame.serialize(mask=True, extensions=()) for frame in frames)


async def held_after(far: House, data: bytes) -> tuple[WebSocketLink, str]:
    """What becomes of a link over which a peer that has the secret sends these raw bytes."""
    near = await connect(far.url, NEAR_SHARED)
    other = await far.came.get()
    near._ws.transport.write(data)
    why = await other.closed()
    drop(near)
    return other, why


async def test_hostile_messages_end_the_link(monkeypatch):
    """A message too long by its own word, one of fragments that never ends, fragments of nothing
    without end, a text, one that opens as nothing: the link ends, and nothing was hoarded."""
    monkeypatch.setitem(websocket.LIBRARY, "close_timeout", 1)
    piece = Frame(Opcode.CONT, bytes(16_000), fin=False)
    nothing = Frame(Opcode.CONT, b"", fin=False)
    async with house() as far:
        for data, said in (
            (b"\x82\xff" + (1 << 40).to_bytes(8, "big") + bytes(4), "1009"),
            (frames_of(Frame(Opcode.BINARY, b"x", fin=False), *[piece] * 8), "1009"),
            (frames_of(Frame(Opcode.BINARY, b"x", fin=False), *[nothing] * 20_000), "1009"),
            (frames_of(Frame(Opcode.BINARY, bytes(MESSAGE_BYTES + 17))), "1009"),
            (frames_of(Frame(Opcode.TEXT, b"hello")), "malformed"),
            (frames_of(Frame(Opcode.BINARY, bytes(100))), "unreadable"),
            (frames_of(Frame(Opcode.BINARY, b"")), "unreadable"),
            (b"\xf2\x80" + bytes(4), "1002"),
        ):
            other, why = await held_after(far, data)
            assert said in why
            assert not other._inbox._buffer
            assert other.queued_bytes() == 0


async def test_a_flood_of_pings_that_nobody_reads_ends_the_link():
    """What the library owes by itself does not pile up."""
    ping = frames_of(*[Frame(Opcode.PING, bytes(125))] * 1500)
    async with house() as far:
        near = await connect(far.url, NEAR_SHARED)
        other = await far.came.get()
        near._ws.transport.pause_reading()
        highest = 0
        while other._reason is None:
            near._ws.transport.write(ping)
            await asyncio.sleep(0)
            highest = max(highest, other.queued_bytes())
        assert highest < websocket.ANSWERS_BYTES_MAX + 300_000
        drop(near)


async def test_a_flood_of_empty_fragments_is_not_unpacked():
    """Whoever ends the HTTPS sends our call one read full of them: the link ends before they take
    a hundred times the memory of their bytes."""
    async with house() as far:
        near = await connect(far.url, NEAR_SHARED)
        other = await far.came.get()
        flood = b"\x02\x00" + b"\x00\x00" * 131_071
        tracemalloc.start()
        near._ws.data_received(flood)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert highest < 6_000_000
        assert await near.closed()
        drop(other)


async def test_a_flood_of_small_messages_is_bounded():
    """Sealed messages that nobody asks for: the inbox fills, and then the socket is left unread."""
    async with house() as far:
        near = await connect(far.url, NEAR_SHARED)
        other = await far.came.get()
        frame = b"\x01x" * 20_000
        for _ in range(120):
            sealed = near._keys.sends.seal(0, near._sent, frame)
            near._sent += 1
            near._ws.transport.write(frames_of(Frame(Opcode.BINARY, sealed)))
        await until(lambda: other._inbox.full and not other._ws.transport.is_reading())
        assert len(other._inbox._buffer) <= RECEIVE_BYTES_MAX + MESSAGE_BYTES
        waiting = other._ws.recv_messages.frames.queue
        assert sum(len(one.data) for one in waiting) < 600_000
        drop(near)


async def test_a_peer_that_does_not_take_the_end(monkeypatch):
    """Who reads nothing is left after a while, however much is queued for it."""
    monkeypatch.setattr(websocket, "CLOSE_S", 1)
    async with house() as far:
        near = await connect(far.url, NEAR_SHARED)
        other = await far.came.get()
        near._ws.transport.pause_reading()
        for _ in range(LINK_QUEUE_BYTES_MAX // 600_000):
            other.send(bytes(600_000))
        other.close("enough")
        assert await other.closed() == "enough"
        drop(near)


# --- calls that fail ----------------------------------------------------------------------------


async def test_whoever_answers_without_the_secret_is_no_peer():
    """A server that says yes to everything, in bytes or text, or to somebody else's call, is
    refused; and no answer of its leads us elsewhere."""
    stale = FAR_SHARED.announce(Announcement(b"b" * 16, heard=b"a" * 16))
    for answer in (bytes(61), "text", stale):

        async def answering(ws, answer=answer):
            await ws.send(answer)
            await ws.wait_closed()

        server = await ws_server.serve(answering, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PeerError) as caught:
            await connect(f"ws://127.0.0.1:{port}/", NEAR_SHARED)
        assert caught.value.refusal is Refusal.UNKNOWN_PARTY
        server.close()
        await server.wait_closed()


async def test_no_answer_leads_elsewhere():
    """A redirect is not followed, not even to where the peer really is."""
    async with house() as far:

        def elsewhere(connection, _request):
            response = connection.respond(302, "")
            response.headers["Location"] = far.url
            return response

        server = await ws_server.serve(
            lambda ws: ws.wait_closed(), "127.0.0.1", 0, process_request=elsewhere
        )
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PeerError) as caught:
            await connect(f"ws://127.0.0.1:{port}/", NEAR_SHARED)
        assert caught.value.refusal is Refusal.UNREACHABLE
        assert not far.refused
        server.close()
        await server.wait_closed()


async def test_a_call_that_nobody_answers_is_given_up(monkeypatch):
    """Who takes the connection and says nothing is left after a while."""
    monkeypatch.setattr(websocket, "HANDSHAKE_S", 1)
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(PeerError, match="does not answer"):
        await connect(f"ws://127.0.0.1:{port}/", NEAR_SHARED)
    server.close()


async def test_a_port_in_use_is_named():
    """A second listener on one port is our own mistake."""
    async with house() as far:
        with pytest.raises(LocalError) as caught:
            await listen(far.listener.address, list, far.took, far.refused.append)
        assert caught.value.refusal is Refusal.IN_USE


@pytest.mark.parametrize("text", ["wss://a.example", "wss://a.example:8443/x?y", "ws://[::1]:80/"])
def test_addresses(text):
    """A WebSocket address is a URL with a host, perhaps a port and a path."""
    check_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/",
        "wss:///x",
        "wss://a.example/#x",
        "wss://a.example:99999/",
        "wss://watch:word@a.example/",
        "wss://a.example/ x",
        "wss://ä.example/",
        "a.example:80",
        "",
    ],
)
def test_bad_addresses(text):
    """Nothing else is called."""
    with pytest.raises(PeerError) as caught:
        check_url(text)
    assert caught.value.refusal is Refusal.MALFORMED


def test_proxies():
    """A proxy is one of HTTP, with or without a word of its own; nothing else is one."""
    check_proxy("http://proxy.example:3128")
    check_proxy("http://watch:word@proxy.example:3128")
    for text in ("proxy.example:3128", "socks5h://proxy.example:1080", "http://", "http://a:b"):
        with pytest.raises(PeerError) as caught:
            check_proxy(text)
        assert caught.value.refusal is Refusal.MALFORMED
