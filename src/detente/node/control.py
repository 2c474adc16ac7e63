"""The local control socket: one JSON object a line, for the people of this machine alone.

The socket lies in the home, 0600 in a 0700 folder: whoever can open it could read the home.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from detente.core.errors import DetenteError, LocalError, Refusal

SOCKET_FILE = "control.sock"
REQUEST_BYTES_MAX = 4 * 1024 * 1024  # a body of 256 KiB in JSON escapes, with room

Answer = dict[str, Any]
Serve = Callable[[Answer], Awaitable[Answer]]
Follow = Callable[[Answer, Callable[[Answer], None]], Callable[[], None]]


def socket_path(home: Path) -> Path:
    """Where the socket of a home lies. Unix sockets allow 107 bytes: a long path is reached
    through the process's own view of its folder."""
    return home / SOCKET_FILE


def call(home: Path, request: Answer, timeout_s: float = 30) -> Any:
    """Asks the running node. LocalError UNREACHABLE if none runs here; else what it answered."""
    with _connect(home, timeout_s) as (sock, file):
        sock.sendall(json.dumps(request).encode() + b"\n")
        line = file.readline(64 * 1024 * 1024)
    if not line:
        raise LocalError(Refusal.UNREACHABLE, "the node ended before it answered")
    return result_of(json.loads(line))


def follow(home: Path, request: Answer) -> Iterator[Answer]:
    """Events of the running node, one by one, until it ends."""
    with _connect(home, None) as (sock, file):
        sock.sendall(json.dumps(request).encode() + b"\n")
        for line in file:
            yield result_of(json.loads(line))


def result_of(answer: Answer) -> Any:
    """The result in an answer; a refusal is raised as LocalError."""
    if answer.get("ok"):
        return answer.get("result")
    error = answer.get("error", {})
    word = str(error.get("refusal", "usage")).upper().replace("-", "_")
    raise LocalError(Refusal[word], str(error.get("detail", "")))


def answer_of(error: DetenteError) -> Answer:
    """A refusal as an answer."""
    return {
        "ok": False,
        "error": {
            "refusal": error.refusal.word,
            "detail": error.detail,
            "fault": error.fault,
        },
    }


class _connect:  # noqa: N801  # reads as a function
    """A connected socket and its reader, closed at the end."""

    def __init__(self, home: Path, timeout_s: float | None) -> None:
        self._home = home
        self._timeout_s = timeout_s

    def __enter__(self) -> tuple[socket.socket, Any]:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(self._timeout_s)
        folder = os.open(self._home, os.O_PATH | os.O_DIRECTORY) if self._home.is_dir() else -1
        try:
            self._sock.connect(f"/proc/self/fd/{folder}/{SOCKET_FILE}")
        except OSError as exc:
            self._sock.close()
            raise LocalError(Refusal.UNREACHABLE, "no node runs in this home") from exc
        finally:
            if folder >= 0:
                os.close(folder)
        self._file = self._sock.makefile("rb")
        return self._sock, self._file

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._sock.close()


async def serve(home: Path, answer: Serve, follow_events: Follow) -> asyncio.Server:
    """Opens the socket of a home. ``answer`` never raises; requests on one connection are in
    order."""
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY)
    (home / SOCKET_FILE).unlink(missing_ok=True)

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stop: Callable[[], None] | None = None
        try:
            while line := await reader.readline():
                request = _parsed(line)
                if request is not None and request.get("do") == "follow":
                    stop = follow_events(
                        request,
                        lambda event: writer.write(json.dumps(event, default=str).encode() + b"\n"),
                    )
                    continue
                if request is None:
                    reply = answer_of(LocalError(Refusal.USAGE, "not a JSON object"))
                else:
                    reply = await answer(request)
                writer.write(json.dumps(reply, default=str).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the caller went away, or sent an endless line: nothing is owed to it
        finally:
            if stop is not None:
                stop()
            writer.close()

    umask = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(
            session, f"/proc/self/fd/{folder}/{SOCKET_FILE}", limit=REQUEST_BYTES_MAX
        )
    finally:
        os.umask(umask)
        os.close(folder)
    return server


def _parsed(line: bytes) -> Answer | None:
    try:
        request = json.loads(line)
    except json.JSONDecodeError:
        return None
    return request if isinstance(request, dict) else None
