"""People at desks, without a browser: a session, its open page, and a passkey that answers."""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.ground import free_port

from detente.core import crypto
from detente.desk.cabinet import Cabinet
from detente.desk.desk import HOST_SETTING, PORT_SETTING, wall_s
from detente.desk.passkeys import text_of
from detente.desk.people import ROLES, People
from detente.desk.sessions import COOKIE, Sessions

LOOPBACK = "127.0.0.1"
READ_BYTES_MAX = 1 << 20
PRESENT_AND_VERIFIED = b"\x05"  # the flags of an authenticator (WebAuthn §6.1)
COSE = bytes.fromhex("a4010103272006215820")  # {kty: OKP, alg: EdDSA, crv: Ed25519, x: 32 bytes}


@dataclass
class Seat:
    """Somebody signed in at a desk; ``seed`` is of their passkey."""

    port: int
    host: str
    cookie: str
    token: str
    seed: bytes
    uses: int = 0

    @property
    def origin(self) -> str:
        """What a browser would say."""
        return f"http://{self.host}:{self.port}"

    async def get(self, path: str) -> str:
        """A page, on a connection of its own."""
        async with self.connection() as link:
            return (await link.ask("GET", path)).decode()

    async def send(self, path: str, **fields: object) -> str:
        """A form of ours; gives the path that it leads to."""
        async with self.connection() as link:
            await link.ask("POST", path, urlencode({"form_token": self.token} | fields).encode())
            return link.headers["location"]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for one question, or for the events of a page."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port, limit=READ_BYTES_MAX)
        try:
            yield Connection(self, reader, writer)
        finally:
            writer.close()

    def sign(self, options: Mapping[str, Any]) -> str:
        """What a browser answers when its passkey has signed (WebAuthn §7.2)."""
        self.uses += 1
        said = {"type": "webauthn.get", "challenge": options["challenge"], "origin": self.origin}
        client = json.dumps(said).encode()
        data = hashlib.sha256(self.host.encode()).digest()
        data += PRESENT_AND_VERIFIED + self.uses.to_bytes(4, "big")
        signature = crypto.ed25519_sign(self.seed, data + hashlib.sha256(client).digest())
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        credential = text_of(crypto.ed25519_public(self.seed))
        return json.dumps(
            {
                "id": credential,
                "rawId": credential,
                "type": "public-key",
                "response": {name: text_of(part) for name, part in parts.items()},
            }
        )


@dataclass
class Connection:
    """HTTP/1.1 as far as a desk speaks it."""

    seat: Seat
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    headers: dict[str, str] = field(default_factory=dict)

    async def begin(self, method: str, path: str, body: bytes = b"") -> None:
        """Asks, and reads as far as the answer's headers. RuntimeError for a refusal."""
        seat = self.seat
        head = [
            f"{method} {path} HTTP/1.1",
            f"host: {seat.host}:{seat.port}",
            f"origin: {seat.origin}",
            f"cookie: {COOKIE}={seat.cookie}",
            "content-type: application/x-www-form-urlencoded",
            f"content-length: {len(body)}",
        ]
        self.writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await self.writer.drain()
        status, *rows = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (row.partition(": ") for row in rows if row)
        self.headers = {name.lower(): value for name, _, value in pairs}
        if int(status.split()[1]) >= 400:
            raise RuntimeError(f"{method} {path}: {status}")

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Asks and reads the whole answer."""
        await self.begin(method, path, body)
        return await self.reader.readexactly(int(self.headers["content-length"]))


@dataclass
class Screen:
    """One open page that fetches itself anew when the desk tells it to, as static/desk.js does."""

    seat: Seat
    path: str
    wanted: str = "a text that no page has"
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    at_s: float = 0.0
    fetched_s: float = 0.0

    def want(self, text: str) -> None:
        """From here on the page is watched for a text."""
        self.wanted = text
        self.shown.clear()

    async def run(self, ready: asyncio.Event) -> None:
        """Until it is cancelled."""
        bell = asyncio.Event()
        async with self.seat.connection() as events, asyncio.TaskGroup() as group:
            await events.begin("GET", "/live")
            group.create_task(self._renew(bell))
            while True:
                told = await events.reader.readuntil(b"\n\n")
                if b"event: hello" in told:
                    ready.set()
                if b"event: change" in told:
                    bell.set()

    async def _renew(self, bell: asyncio.Event) -> None:
        while True:
            await bell.wait()
            bell.clear()
            page = await self.seat.get(self.path)  # an idle connection is closed after seconds
            self.fetched_s = time.perf_counter()
            if not self.shown.is_set() and self.wanted in page:
                self.at_s = self.fetched_s
                self.shown.set()


@asynccontextmanager
async def open_screens(screens: Sequence[Screen]) -> AsyncIterator[None]:
    """Every page open and told of what comes, all of them closed at the end."""
    ready = [asyncio.Event() for _ in screens]
    tasks = [asyncio.create_task(one.run(event)) for one, event in zip(screens, ready, strict=True)]
    try:
        await asyncio.gather(*(event.wait() for event in ready))
        yield
    finally:
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, ExceptionGroup):  # a page that failed, not one that was closed
                raise found


def sit_down(home: Path, count: int) -> list[Seat]:
    """So many people with every role at a new desk of a home, each signed in and with a passkey."""
    host, port = f"{home.name}.localhost", free_port()
    cabinet = Cabinet.open(home, create=True)
    try:
        cabinet.settle(PORT_SETTING, str(port))
        cabinet.settle(HOST_SETTING, host)
        people, sessions, seats = People(cabinet), Sessions(cabinet), []
        for number in range(count):
            now_s = wall_s()
            person = people.add(f"Officer {number}", frozenset(ROLES), "en", now_s)
            cookie = sessions.begin(person.number, now_s, by_passkey=True)
            session = sessions.find(cookie, now_s)
            assert session is not None
            seed = hashlib.sha256(f"passkey {number}".encode()).digest()
            public = crypto.ed25519_public(seed)
            key = {"id": public, "public_key": COSE + public, "label": "bench", "uses": 0}
            cabinet.insert("passkey", person=person.number, added_s=now_s, **key)
            seats.append(Seat(port, host, cookie, session.form_token, seed))
        return seats
    finally:
        cabinet.close()


def options_in(page: str) -> dict[str, Any]:
    """What the page that authorises asks a passkey to sign."""
    found = re.search(r'data-options="([^"]*)"', page)
    assert found is not None
    options: dict[str, Any] = json.loads(html.unescape(found.group(1)))
    return options


def hash_in(page: str) -> str:
    """The hash of the form on that page."""
    found = re.search(r'name="sha256" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found.group(1)
