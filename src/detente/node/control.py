"""The local control socket: one JSON object a line, for the people of this machine alone.

The socket lies in the home, 0600 in a 0700 folder: whoever can open it could read the home.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from detente.core.errors import DetenteError, LocalError, Refusal

if TYPE_CHECKING:
    import asyncio

SOCKET_FILE = "control.sock"
REQUEST_BYTES_MAX = 4 * 1024 * 1024  # a body of 256 KiB in JSON escapes, with room
ANSWER_BYTES_MAX = 64 * 1024 * 1024  # a thousand entries of the longest text
FOLLOW_BYTES_MAX = 1024 * 1024  # events that a follower may leave unread: about 5,000

Answer = dict[str, Any]
Serve = Callable[[Answer], Awaitable[Answer]]
Tell = Callable[[Answer], None]
Follow = Callable[[Answer, Tell], Callable[[], None]]


def call(home: Path, request: Answer, timeout_s: float = 30) -> Any:
    """Asks the running node and gives its result.

    LocalError UNREACHABLE if none runs here or it does not answer in time, OVERSIZE for a request
    that it would not read; else what it refused.
    """
    data = _encoded(request)
    with _connected(home, timeout_s) as file:
        try:
            file.write(data)
            file.flush()
            line = file.readline(ANSWER_BYTES_MAX)
        except TimeoutError as exc:
            raise LocalError(Refusal.UNREACHABLE, f"no answer within {timeout_s:g} s") from exc
        except OSError as exc:
            raise LocalError(Refusal.UNREACHABLE, "the node went away") from exc
    return result_of(line)


def follow(home: Path, request: Answer) -> Iterator[Answer]:
    """Events of the running node, one by one. LocalError UNREACHABLE when it ends."""
    data = _encoded(request)
    with _connected(home, None) as file:
        try:
            file.write(data)
            file.flush()
            for line in file:
                yield result_of(line)
        except OSError as exc:
            raise LocalError(Refusal.UNREACHABLE, "the node went away") from exc
    raise LocalError(Refusal.UNREACHABLE, "the node has ended")


def _encoded(request: Answer) -> bytes:
    """A request as a line. The node would hang up in the midst of one that is too long."""
    line = json.dumps(request).encode()
    if len(line) > REQUEST_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"a request has at most {REQUEST_BYTES_MAX} bytes")
    return line + b"\n"


def result_of(line: bytes) -> Any:
    """The result in a line of the socket; a refusal is raised as LocalError."""
    if not line.endswith(b"\n"):
        raise LocalError(Refusal.UNREACHABLE, "the node ended before it had answered")
    answer = json.loads(line)
    if answer.get("ok"):
        return answer.get("result")
    error = answer.get("error") or {}
    word = str(error.get("refusal", "")).upper().replace("-", "_")
    known = Refusal[word] if word in Refusal.__members__ else Refusal.USAGE
    raise LocalError(known, str(error.get("detail", "")), **_told(error))


def answer_of(error: DetenteError) -> Answer:
    """A refusal as an answer; ``faults`` are the mistakes in a profile or a notice, ``by_hand`` is
    which file of those that people write is to be mended."""
    refused = {"refusal": error.refusal.word, "detail": error.detail, "fault": error.fault}
    return {"ok": False, "error": refused | _told(error.facts)}


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("faults", "by_hand") if facts.get(name)}


@contextmanager
def _connected(home: Path, timeout_s: float | None) -> Iterator[BinaryIO]:
    """A connection to the node of a home. LocalError UNREACHABLE if none runs there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            with _folder(home) as folder:
                sock.connect(f"{folder}/{SOCKET_FILE}")
        except OSError as exc:
            raise LocalError(Refusal.UNREACHABLE, "no node runs in this home") from exc
        with sock.makefile("rwb") as file:
            yield cast(BinaryIO, file)


@contextmanager
def _folder(home: Path) -> Iterator[str]:
    """A short name for the home: a socket's path may have 107 bytes, and a home's may have more."""
    fd = os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


# --- the node's end ---------------------------------------------------------------------------


async def serve(home: Path, answer: Serve, follow_events: Follow) -> asyncio.Server:
    """Opens the socket of a home; requests on one connection are answered in order.

    The caller holds the home's lock, so that a socket left behind by a killed node may go.
    """
    # A third of the start of every command that asks a node, and which needs none of it.
    import asyncio  # noqa: PLC0415

    (home / SOCKET_FILE).unlink(missing_ok=True)

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(reader, writer, answer, follow_events).run()

    umask = os.umask(0o177)  # the socket is ours alone from its birth
    try:
        with _folder(home) as folder:
            return await asyncio.start_unix_server(
                session, f"{folder}/{SOCKET_FILE}", limit=REQUEST_BYTES_MAX
            )
    finally:
        os.umask(umask)


class Session:
    """One connection to the socket."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Serve,
        follow_events: Follow,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._follow = follow_events
        self._stop: Callable[[], None] | None = None

    async def run(self) -> None:
        """Answers until the caller goes away or sends what no line can be."""
        try:
            while line := await self._line():
                await self._take(line)
        except ConnectionError:
            pass  # the caller went away: nothing is owed to it
        finally:
            if self._stop is not None:
                self._stop()
            self._writer.close()

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ValueError:  # asyncio's word for a line above the limit; the rest of it is unread
            detail = f"a request has at most {REQUEST_BYTES_MAX} bytes"
            await self._say(answer_of(LocalError(Refusal.OVERSIZE, detail)))
            return b""

    async def _take(self, line: bytes) -> None:
        request = _parsed(line)
        if request is None:
            await self._say(answer_of(LocalError(Refusal.USAGE, "not a JSON object")))
        elif request.get("do") != "follow":
            await self._say(await self._answer(request))
        elif self._stop is not None:
            await self._say(answer_of(LocalError(Refusal.USAGE, "this connection follows already")))
        else:
            try:
                self._stop = self._follow(request, self._tell)
            except DetenteError as error:
                await self._say(answer_of(error))

    async def _say(self, answer: Answer) -> None:
        self._write(answer)
        await self._writer.drain()

    def _tell(self, event: Answer) -> None:
        """An event for a follower. One that does not read is let go rather than waited for."""
        transport = self._writer.transport
        if transport.get_write_buffer_size() > FOLLOW_BYTES_MAX:
            transport.abort()
        elif not transport.is_closing():
            self._write(event)

    def _write(self, answer: Answer) -> None:
        self._writer.write(json.dumps(answer, default=str).encode() + b"\n")


def _parsed(line: bytes) -> Answer | None:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested beyond sense
        return None
    return request if isinstance(request, dict) else None
