"""Asking the desk's application for a page, with no browser and no socket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from detente.desk.app import application
from detente.desk.desk import Desk, wall_s
from detente.desk.sessions import COOKIE


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Visitor:
    """Somebody signed in at a desk."""

    desk: Desk
    cookie: str
    token: str

    @classmethod
    def come(cls, desk: Desk, name: str, *roles: str) -> Visitor:
        person = desk.people.named(name)
        person = person or desk.people.add(name, frozenset(roles), "en", wall_s())
        cookie = desk.sessions.begin(person.number, wall_s(), by_passkey=False)
        session = desk.sessions.find(cookie, wall_s())
        assert session is not None
        return cls(desk, cookie, session.form_token)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, b"", {})

    def post(self, path: str, script: bool = False, **fields: Any) -> Answer:
        """As a form of ours; as the script of a page with ``script``."""
        headers = {"x-form-token": self.token} if script else {}
        pairs = {"form_token": self.token, **fields}
        return self._ask("POST", path, urlencode(pairs, doseq=True).encode(), headers)

    def _ask(self, method: str, path: str, body: bytes, more: dict[str, str]) -> Answer:
        name, _, query = path.partition("?")
        headers = {
            "host": self.desk.host,
            "origin": self.desk.origin,
            "cookie": f"{COOKIE}={self.cookie}",
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
            **more,
        }
        scope = {
            "type": "http",
            "method": method,
            "path": name,
            "raw_path": name.encode(),
            "query_string": query.encode(),
            "headers": [(one.encode(), value.encode()) for one, value in headers.items()],
            "scheme": "http",
            "server": (self.desk.host, 1),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            "http_version": "1.1",
        }
        given = [{"type": "http.request", "body": body, "more_body": False}]
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return given.pop() if given else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        asyncio.run(application(self.desk)(scope, receive, send))
        answered = {one.decode(): value.decode() for one, value in said[0]["headers"]}
        text = b"".join(one.get("body", b"") for one in said[1:]).decode()
        return Answer(said[0]["status"], answered, text)
