"""The TLS bearer refuses everyone it was not told of, and wastes nothing (spec/bearer-tls.md)."""

import asyncio
import contextlib
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from detente.bearers import tls, tls_adapter
from detente.bearers.contract import framed
from detente.bearers.tls_adapter import Engine, certificate_key, make_context
from detente.core.errors import LocalError, MachineError, PeerError, Refusal

FRIEND = tls.TlsIdentity(b"\x31" * 32)
SERVER = tls.TlsIdentity(b"\x32" * 32)
ATTACKER = tls.TlsIdentity(b"\x33" * 32)
FRIEND_ID = b"p" * 32
SERVER_ID = b"s" * 32
ASKED = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
PIN = tls.Pin(SERVER.public, SERVER_ID)


async def until(true):
    """Lets the loop turn until a condition holds; the test's own time limit ends it."""
    while not true():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.001)


class Door:
    """A listener that keeps what came and who was refused."""

    def __init__(self, identity=SERVER):
        self.identity = identity
        self.pins = {FRIEND.public: FRIEND_ID}
        self.links = []
        self.refused = []
        self.context = None

    async def __aenter__(self):
        context = self.context or make_context(self.identity, self.pins.get)
        self.listener = tls.TlsListener(
            context, self.pins.get, self.links.append, self.refused.append
        )
        await self.listener.open("127.0.0.1", 0)
        self.address = self.listener.address
        return self

    async def __aexit__(self, *exc):
        self.listener.close()
        for link in self.links:
            link.close("test over")
            await link.closed()

    async def first(self):
        """The first link, once there is one."""
        await until(lambda: self.links)
        return self.links[0]

    async def refusal(self):
        """The first refusal, once there is one."""
        await until(lambda: self.refused)
        return self.refused[0].refusal


def anyone(_key):
    """Pins of an attacker who trusts whom it meets."""
    return b"?" * 32


async def plain(address):
    """A bare TCP connection."""
    return await asyncio.open_connection(*tls.parse_address(address))


def shake(near, far):
    """A whole handshake in memory; how many bytes it took."""
    total = 0
    for end, other in ((near, far), (far, near), (near, far), (far, near)):
        end.handshake()
        flight = end.drain()
        total += len(flight)
        other.feed(flight)
    return total


def address_of(server):
    """Where a bare server listens."""
    return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def drive(address, context, first=b""):
    """Plays a client by hand, sends ``first`` with its last flight; what the server said to it.

    Gives (finished, plain bytes): in TLS 1.3 a refused client finishes, and then reads nothing.
    """
    reader, writer = await plain(address)
    engine = Engine(context, server=False)
    finished, got = False, b""
    try:
        while True:
            if not finished and engine.handshake():
                finished = True
                if first:
                    engine.write(first)
            writer.write(engine.drain())
            if finished:
                got += b"".join(engine.read())
            data = await reader.read(65_536)
            if not data:
                break
            engine.feed(data)
    except (PeerError, ConnectionError):
        pass
    writer.close()
    return finished, got


async def refused_as(context):
    """Plays a client with this context against a door; how the door refused it."""
    async with Door() as door:
        _, got = await drive(door.address, context, framed(b"let me in"))
        refusal = await door.refusal()
        assert got == b""
        assert door.links == []
    return refusal


def certificate(subject, issuer, public, signer, until_year=2099):
    """A certificate with names, so that one can claim to be issued by another."""
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(until_year, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signer, SHA256() if isinstance(signer, ec.EllipticCurvePrivateKey) else None)
    )


def chained(pinned, *, issued):
    """An attacker's context: its own key in the leaf, the pinned key's certificate behind it."""
    public = ATTACKER.key.public_key()
    top = certificate("top", "top", pinned.key.public_key(), pinned.key)
    if issued:
        leaf = certificate("leaf", "top", public, pinned.key)
    else:
        leaf = certificate("leaf", "leaf", public, ATTACKER.key)
    context = make_context(ATTACKER, anyone)
    context.use_certificate(leaf)
    context.add_extra_chain_cert(top)
    return context


# ---------------------------------------------------------------- who is let in


async def test_pinned_peers_meet():
    """Two pinned ends get a link on the agreed suite, and each knows the other's party and key."""
    async with Door() as door:
        link = await tls.connect(door.address, FRIEND, PIN)
        link.send(b"hello")
        far = await door.first()
        assert await far.receive() == [b"hello"]
        assert (link.peer, link.key) == (SERVER_ID, SERVER.public)
        assert (far.peer, far.key) == (FRIEND_ID, FRIEND.public)
        assert link._engine.facts() == ("TLSv1.3", "X25519MLKEM768", "TLS_AES_256_GCM_SHA384")
        assert far._engine.facts() == link._engine.facts()


async def test_only_the_key_of_a_certificate_matters():
    """A pinned key is let in whatever its certificate says of names, issuers, dates and uses."""
    context = make_context(FRIEND, anyone)
    odd = certificate("x", "y", FRIEND.key.public_key(), ATTACKER.key, until_year=2021)
    context.use_certificate(odd)
    async with Door() as door:
        talking = asyncio.create_task(drive(door.address, context, framed(b"hello")))
        assert await (await door.first()).receive() == [b"hello"]
        door.links[0].close("said")
        assert await talking == (True, b"")


async def test_unpinned_client():
    """A client whose key nobody pinned sees its handshake succeed and then nothing but the end."""
    escaped = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
    async with Door() as door:
        link = await tls.connect(door.address, ATTACKER, PIN)
        link.send(b"words before the alert has come")
        with pytest.raises(PeerError) as caught:
            await link.receive()
        assert caught.value.refusal is Refusal.UNREACHABLE
        assert await door.refusal() is Refusal.UNKNOWN_PARTY
        assert door.links == []
    assert escaped == []


async def test_unpinned_server():
    """A server with another key than the pinned one never sees our certificate."""
    door = Door(ATTACKER)
    asked = []
    door.context = make_context(ATTACKER, lambda key: asked.append(key) or b"?" * 32)
    async with door:
        with pytest.raises(PeerError) as caught:
            await tls.connect(door.address, FRIEND, PIN)
        assert caught.value.refusal is Refusal.UNKNOWN_PARTY
        await door.refusal()
        assert asked == []
        assert door.links == []


async def test_no_client_certificate():
    """A client that shows no certificate is refused."""
    context = SSL.Context(SSL.TLS_METHOD)
    tls_adapter._restrict(context)
    context.set_verify(SSL.VERIFY_NONE)
    assert await refused_as(context) is Refusal.UNKNOWN_PARTY


@pytest.mark.parametrize("issued", [False, True])
async def test_client_with_the_pinned_certificate_behind_its_own(issued):
    """Neither appending the pinned certificate nor a leaf issued by the pinned key lets one in."""
    assert await refused_as(chained(FRIEND, issued=issued)) is Refusal.UNKNOWN_PARTY


@pytest.mark.parametrize("issued", [False, True])
async def test_server_with_the_pinned_certificate_behind_its_own(issued):
    """A server cannot borrow the pinned key by chaining to it either."""
    door = Door()
    door.context = chained(SERVER, issued=issued)
    async with door:
        with pytest.raises(PeerError) as caught:
            await tls.connect(door.address, FRIEND, PIN)
        assert caught.value.refusal is Refusal.UNKNOWN_PARTY
        await door.refusal()
        assert door.links == []


async def test_certificate_of_another_kind():
    """A client whose key is not Ed25519 is refused, and such a key pins nothing."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate("leaf", "leaf", key.public_key(), key)
    assert certificate_key(crypto.X509.from_cryptography(leaf)) is None
    assert certificate_key(crypto.X509()) is None
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(leaf)
    context.use_privatekey(key)
    context.set_verify(SSL.VERIFY_NONE)
    assert await refused_as(context) is Refusal.UNKNOWN_PARTY


async def test_trust_can_end_while_listening():
    """A key that is dropped from the pins is refused at the next handshake."""
    async with Door() as door:
        link = await tls.connect(door.address, FRIEND, PIN)
        link.send(b"hello")
        assert await (await door.first()).receive() == [b"hello"]
        door.pins.clear()
        again = await tls.connect(door.address, FRIEND, PIN)
        with pytest.raises(PeerError):
            await again.receive()
        assert await door.refusal() is Refusal.UNKNOWN_PARTY
        assert len(door.links) == 1


async def test_trust_that_ends_during_the_handshake():
    """The answer of the pins after the handshake decides, not the one during it."""
    door = Door()
    door.context = make_context(SERVER, anyone)
    async with door:
        link = await tls.connect(door.address, ATTACKER, PIN)
        with pytest.raises(PeerError):
            await link.receive()
        assert await door.refusal() is Refusal.UNKNOWN_PARTY
        assert door.links == []


# ---------------------------------------------------------------- which protocol


async def test_tls_1_2():
    """A client that speaks no TLS 1.3 is refused."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate(FRIEND.certificate)
    context.use_privatekey(FRIEND.key)
    context.set_verify(SSL.VERIFY_NONE)
    assert await refused_as(context) is Refusal.UNKNOWN_VERSION


async def test_classical_only_client(monkeypatch):
    """A client with a pinned key and X25519 alone is refused."""
    monkeypatch.setattr(tls_adapter, "GROUP", "X25519")
    context = make_context(FRIEND, anyone)
    monkeypatch.undo()
    assert await refused_as(context) is Refusal.UNKNOWN_VERSION


async def test_classical_only_server(monkeypatch):
    """A server with the pinned key and X25519 alone is refused."""
    door = Door()
    monkeypatch.setattr(tls_adapter, "GROUP", "X25519")
    door.context = make_context(SERVER, anyone)
    monkeypatch.undo()
    async with door:
        with pytest.raises(PeerError):
            await tls.connect(door.address, FRIEND, PIN)
        await door.refusal()
        assert door.links == []


@pytest.mark.parametrize(
    "data",
    [b"\x00" * 100, b"\xff" * 5000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", framed(b"x" * 300)],
)
async def test_what_is_not_tls(data):
    """Garbage, HTTP and our own frames without TLS are refused and closed."""
    async with Door() as door:
        reader, writer = await plain(door.address)
        writer.write(data)
        assert await door.refusal() is Refusal.MALFORMED
        with contextlib.suppress(ConnectionResetError):  # if the door left bytes unread
            assert len(await reader.read()) < 20  # at most an alert
        writer.close()
        assert door.links == []


async def test_a_server_that_is_not_tls():
    """A client that reaches something else says so."""

    def talk(_reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    with pytest.raises(PeerError) as caught:
        await tls.connect(address_of(server), FRIEND, PIN)
    assert caught.value.refusal is Refusal.MALFORMED
    server.close()


def resume(client, server, session):
    """A handshake in memory that offers a session; whether the server took it."""
    near, far = Engine(client, server=False), Engine(server, server=True)
    near._conn.set_session(session)
    shake(near, far)
    return bool(SSL._lib.SSL_session_reused(far._conn._ssl))


def test_nothing_is_resumed():
    """A session kept from an earlier handshake spares nobody the pins."""
    client, server = make_context(FRIEND, anyone), make_context(SERVER, anyone)
    near, _ = tls._shake(client, server)
    assert list(near.read()) == []  # takes in the tickets, if any came
    assert resume(client, server, near._conn.get_session()) is False


# ---------------------------------------------------------------- strangers


async def test_a_stranger_that_says_nothing(monkeypatch):
    """A silent connection is dropped after a while, and keeps nobody else out meanwhile."""
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.3)
    async with Door() as door:
        reader, writer = await plain(door.address)
        link = await tls.connect(door.address, FRIEND, PIN)
        link.send(b"unhindered")
        assert await (await door.first()).receive() == [b"unhindered"]
        assert door.refused == []
        assert await reader.read() == b""
        assert await door.refusal() is Refusal.UNREACHABLE
        writer.close()


async def test_a_stranger_that_leaves():
    """A connection that goes away during the handshake is named once and forgotten."""
    async with Door() as door:
        _, writer = await plain(door.address)
        await until(lambda: door.listener._strangers)
        writer.transport.abort()
        assert await door.refusal() is Refusal.UNREACHABLE
        assert len(door.refused) == 1
        assert not door.listener._strangers


async def test_strangers_are_few():
    """Beyond STRANGERS_MAX a connection is closed at once; a freed place is given again."""
    async with Door() as door:
        held = [await plain(door.address) for _ in range(tls.STRANGERS_MAX)]
        await until(lambda: len(door.listener._strangers) == tls.STRANGERS_MAX)
        with pytest.raises(PeerError) as caught:
            await tls.connect(door.address, FRIEND, PIN)
        assert caught.value.refusal is Refusal.UNREACHABLE
        assert await door.refusal() is Refusal.NOT_ALLOWED
        held[0][1].close()
        await until(lambda: len(door.listener._strangers) < tls.STRANGERS_MAX)
        link = await tls.connect(door.address, FRIEND, PIN)
        link.send(b"in")
        assert await (await door.first()).receive() == [b"in"]
        for _, writer in held:
            writer.close()


async def test_a_closed_door_keeps_its_links():
    """Closing a listener drops strangers and newcomers, never a link."""
    async with Door() as door:
        link = await tls.connect(door.address, FRIEND, PIN)
        reader, writer = await plain(door.address)
        await until(lambda: door.links and door.listener._strangers)
        door.listener.close()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(PeerError) as caught:
            await tls.connect(door.address, FRIEND, PIN)
        assert caught.value.refusal is Refusal.UNREACHABLE
        link.send(b"still")
        assert await door.links[0].receive() == [b"still"]


async def test_a_refusal_without_a_listener_of_its_own_is_logged(caplog):
    """Nobody is refused in silence."""
    caplog.set_level("INFO")
    listener = await tls.listen("127.0.0.1:0", SERVER, {}.get, lambda link: None)
    link = await tls.connect(listener.address, FRIEND, PIN)
    with pytest.raises(PeerError):
        await link.receive()
    assert "unknown-party" in caplog.text
    listener.close()


# ---------------------------------------------------------------- the wire


async def test_a_frame_costs_one_record_and_one_write(tls_ends, monkeypatch):
    """300 bytes cost 2 of length and 22 of TLS; frames of one turn share one record and write."""
    async with tls_ends() as ends:
        writes = []
        send = ends.near._transport.write

        def spy(data):
            writes.append(len(data))
            send(data)

        monkeypatch.setattr(ends.near._transport, "write", spy)
        ends.near.send(bytes(300))
        await ends.far.receive()
        assert writes == [300 + 2 + 22]
        for _ in range(10):
            ends.near.send(bytes(300))
        await ends.far.receive()
        assert writes[1:] == [10 * 302 + 22]
        assert ends.near.queued_bytes() == 0


async def test_nothing_waits_for_a_full_packet(tls_ends):
    """TCP_NODELAY is set at both ends, and nothing is kept alive for its own sake."""
    async with tls_ends() as ends:
        for link in (ends.near, ends.far):
            sock = link._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_the_handshake_is_small():
    """A whole mutual handshake stays below 4,000 bytes."""
    client, server = make_context(FRIEND, anyone), make_context(SERVER, anyone)
    near, far = Engine(client, server=False), Engine(server, server=True)
    assert 3_000 < shake(near, far) < 4_000


async def test_frames_in_the_last_flight_are_not_lost():
    """A client may speak in the packet that ends its handshake."""
    async with Door() as door:
        context = make_context(FRIEND, anyone)
        talking = asyncio.create_task(drive(door.address, context, framed(b"eager")))
        assert await (await door.first()).receive() == [b"eager"]
        door.links[0].send(b"welcome")
        door.links[0].close("said")
        assert await talking == (True, framed(b"welcome"))


async def test_a_damaged_record_ends_the_link(tls_ends):
    """A record that does not open yields nothing and closes the link."""
    async with tls_ends() as ends:
        ends.near._engine.write(framed(b"damaged"))
        sealed = bytearray(ends.near._engine.drain())
        sealed[-1] ^= 1
        ends.near._transport.write(bytes(sealed))
        with pytest.raises(PeerError) as caught:
            await ends.far.receive()
        assert caught.value.refusal is Refusal.UNREACHABLE
        assert (await ends.far.closed()).startswith("malformed: TLS")


async def test_a_cut_differs_from_a_close(tls_ends):
    """An end of stream that TLS did not announce is named as a cut."""
    async with tls_ends() as ends:
        ends.near._transport.write_eof()
        assert await ends.far.closed() == "cut by the network or the peer"


async def test_a_link_whose_tls_broke_ends(tls_ends):
    """When nothing can be sealed any more, the link ends instead of losing frames in silence."""
    async with tls_ends() as ends:
        ends.near._engine.end()
        ends.near.send(b"lost")
        assert (await ends.near.closed()).startswith("malformed: TLS")


async def test_a_peer_that_does_not_take_the_end(tls_ends, monkeypatch):
    """A close is not held up for ever by a peer that reads nothing."""
    monkeypatch.setattr(tls, "CLOSE_S", 0.1)
    async with tls_ends() as ends:
        ends.far._transport.pause_reading()
        while ends.near.queued_bytes() < 1_000_000:
            ends.near.send(bytes(200_000))
            await asyncio.sleep(0)
        ends.near.close("enough")
        assert await ends.near.closed() == "enough"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:7000", ("127.0.0.1", 7000)),
        ("node.example.org:1", ("node.example.org", 1)),
        ("[::1]:65535", ("::1", 65_535)),
        ("x:0", ("x", 0)),
    ],
)
def test_addresses(text, expected):
    """A host and a port, an IPv6 address in brackets."""
    assert tls.parse_address(text) == expected


@pytest.mark.parametrize(
    "texts",
    [
        ("", "host", ":1", "a b:1", "-x:1", "https://x:1", "\u0445:1", "host:1\n"),
        ("host:65536", "host:01", "host: 1", "host:-1", "host:"),
        ("::1:80", "[::1]", "[::1%eth0]:80", "[1.2.3.4]:5"),
    ],
)
def test_bad_addresses(texts):
    """Whatever is not exactly host:port is malformed."""
    for text in texts:
        with pytest.raises(PeerError) as caught:
            tls.parse_address(text)
        assert caught.value.refusal is Refusal.MALFORMED


async def test_ipv6():
    """A listener on IPv6 names its address in brackets, as a caller needs it."""
    try:
        listener = await tls.listen("[::1]:0", SERVER, {FRIEND.public: FRIEND_ID}.get, print)
    except LocalError:
        pytest.skip("no IPv6 on this machine")
    assert listener.address.startswith("[::1]:")
    link = await tls.connect(listener.address, FRIEND, PIN)
    link.close("enough")
    await link.closed()
    listener.close()


async def test_an_address_in_use():
    """A port that is taken is our own operator's matter."""
    async with Door() as door:
        with pytest.raises(LocalError) as caught:
            await tls.listen(door.address, SERVER, {}.get, print)
        assert caught.value.refusal is Refusal.IN_USE


async def test_nobody_answers(monkeypatch):
    """Calling a closed port, a silent host or port 0 ends with a word in good time."""
    async with Door() as door:
        address = door.address
    with pytest.raises(PeerError) as caught:
        await tls.connect(address, FRIEND, PIN)
    assert caught.value.refusal is Refusal.UNREACHABLE
    with pytest.raises(PeerError) as caught:
        await tls.connect("127.0.0.1:0", FRIEND, PIN)
    assert caught.value.refusal is Refusal.MALFORMED
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.1)
    held = []
    silent = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    with pytest.raises(PeerError) as caught:
        await tls.connect(address_of(silent), FRIEND, PIN)
    assert caught.value.refusal is Refusal.UNREACHABLE
    silent.close()
    for writer in held:
        writer.close()


@pytest.mark.parametrize("turn", ["early", "late"])
async def test_a_call_that_is_given_up_leaves_nothing_open(monkeypatch, turn):
    """Cancelling a call ends the connection, even in the turn in which it was made."""
    async with Door() as door:
        call = asyncio.create_task(tls.connect(door.address, FRIEND, PIN))
        if turn == "late":
            monkeypatch.setattr(tls.TlsLink, "begin", lambda link: call.cancel())
        else:
            await until(lambda: door.listener._strangers)
            call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        monkeypatch.undo()
        await until(lambda: door.links or door.refused)
        for link in door.links:
            assert await link.closed()


def test_a_call_given_up_before_tcp_was_there():
    """A connection that comes up after its call was given up is dropped without a word."""

    class Transport:
        aborted = False

        def abort(self):
            self.aborted = True

    failures = []
    engine = Engine(make_context(FRIEND, anyone), server=False)
    stranger = tls.Stranger(engine, anyone, print, failures.append)
    stranger.refuse(PeerError(Refusal.UNREACHABLE, "given up"))
    transport = Transport()
    stranger.connection_made(transport)
    stranger.data_received(b"too late")
    assert transport.aborted
    assert [str(why) for why in failures] == ["unreachable: given up"]


def test_an_identity_is_its_seed():
    """The same seed gives the same key and certificate (the spec's example); it is not shown."""
    spec = (Path(__file__).parents[2] / "spec" / "bearer-tls.md").read_text(encoding="utf-8")
    example = tls.TlsIdentity(b"\x11" * 32)
    assert example.certificate.public_bytes(Encoding.DER).hex() in "".join(spec.split())
    again = tls.TlsIdentity(FRIEND.seed)
    assert again.certificate == FRIEND.certificate
    assert again.public == FRIEND.public != ATTACKER.public
    assert certificate_key(crypto.X509.from_cryptography(again.certificate)) == FRIEND.public
    assert FRIEND.seed.hex() not in repr(FRIEND)
    assert repr(FRIEND.seed) not in repr(FRIEND)


def test_the_self_test_passes():
    """This machine's OpenSSL does what is meant."""
    tls.self_test()


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("GROUP", "X25519", "got"),
        ("GROUP", "nonsense", "cannot be held to nonsense"),
        ("SIGNATURES", "ed448", "self-test"),
        ("_openssl", None, "cannot be held to X25519MLKEM768"),
    ],
)
def test_the_self_test_fails(monkeypatch, name, value, word):
    """An OpenSSL that agrees on something else, or lost the private names, is not used."""

    class Other:
        ERR_clear_error = SSL._lib.ERR_clear_error

    monkeypatch.setattr(tls_adapter, name, Other if name == "_openssl" else value)
    with pytest.raises(MachineError, match=word) as caught:
        tls.self_test()
    assert caught.value.refusal is Refusal.UNKNOWN_VERSION


@pytest.mark.parametrize(("mode", "word"), [(ASKED, "let in"), (SSL.VERIFY_NONE, "wrong keys")])
def test_the_self_test_sees_dead_pins(monkeypatch, mode, word):
    """An adapter that lets anyone in, or asks for no certificate, is not used."""

    def weak(identity, pins):
        context = make_context(identity, pins)
        context.set_verify(mode, lambda *facts: True)
        return context

    monkeypatch.setattr(tls, "make_context", weak)
    with pytest.raises(MachineError, match=word):
        tls.self_test()


def test_the_self_test_sees_unequal_bindings(monkeypatch):
    """Ends that export different secrets are not used."""
    count = iter(range(9))
    monkeypatch.setattr(Engine, "binding", lambda engine: bytes([next(count)]))
    with pytest.raises(MachineError, match="binding"):
        tls.self_test()
