"""A browser in a few lines: the desk's application is called as a server calls it."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from detente.desk.app import application
from detente.desk.desk import Desk


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    text: str

    @property
    def token(self) -> str:
        """The token that the page's forms carry."""
        found = re.search(r'name="form_token" value="([^"]*)"', self.text)
        return found.group(1) if found else ""


@dataclass
class Visitor:
    """Somebody at a browser without scripts. ``said`` are the node's answers by command."""

    desk: Desk
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"
    asked: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=lambda: {"lines": [], "journal_note": {}})

    def __post_init__(self) -> None:
        async def ask(do: str, **arguments: Any) -> Any:
            self.asked.append({"do": do, **arguments})
            found = self.said[do]
            if isinstance(found, Exception):
                raise found
            return found

        self.desk.node.ask = ask
        self.app = application(self.desk)

    def get(self, path: str, **headers: str) -> Answer:
        """One page."""
        return self._call("GET", path, b"", headers)

    def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> Answer:
        """One form, from our own page unless ``origin`` says otherwise."""
        given = {"origin": self.desk.origin} | headers
        given["content-type"] = "application/x-www-form-urlencoded"
        return self._call("POST", path, urlencode(form or {}, doseq=True).encode(), given)

    def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {"host": self.desk.origin.partition("://")[2], "cookie": cookie}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            given.setdefault("content-length", str(len(body)))
        way, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "path": way,
            "raw_path": way.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": self.desk.origin.partition(":")[0],
            "server": (self.desk.host, 80),
            "client": (self.address, 50_000),
            "headers": [(k.encode(), v.encode()) for k, v in given.items() if v],
            "state": {},
        }
        with ThreadPoolExecutor(1) as apart:  # a browser's story may have a loop in this thread
            return apart.submit(lambda: asyncio.run(self._run(scope, body))).result()

    async def _run(self, scope: dict[str, Any], body: bytes) -> Answer:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *rest = sent
        pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
        cookies = [value for name, value in pairs if name == "set-cookie"]
        for one in cookies:
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        text = b"".join(part.get("body", b"") for part in rest).decode("utf-8", "replace")
        return Answer(start["status"], dict(pairs), cookies, text)
