"""The control socket: many callers, one line a request, and garbage answered with a name."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.node import control


class Server(threading.Thread):
    """The node's end on a loop of its own: it echoes, refuses, and tells followers."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.followers: list[Callable[[dict[str, Any]], None]] = []
        self.stopped = 0
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.start()
        assert self.ready.wait(10)

    def run(self) -> None:
        self.loop.run_until_complete(self._serve())
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks))
        self.loop.close()

    async def _serve(self) -> None:
        self.server = await control.serve(self.home, self._answer, self._follow)
        self.ready.set()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "refuse":
            return control.answer_of(LocalError(Refusal.NOT_FOUND, "no such thing"))
        if request["do"] == "sleep":
            await asyncio.sleep(30)
        if request["do"] == "die":
            raise RuntimeError("a mistake")
        return {"ok": True, "result": request}

    def _follow(
        self, request: dict[str, Any], tell: Callable[[dict[str, Any]], None]
    ) -> Callable[[], None]:
        if request.get("line") == "none":
            raise LocalError(Refusal.NOT_FOUND, "no such line")
        self.followers.append(tell)

        def stop() -> None:
            self.stopped += 1
            self.followers.remove(tell)

        return stop

    def tell(self, event: dict[str, Any]) -> None:
        def now() -> None:
            for follower in list(self.followers):
                follower({"ok": True, "result": event})

        self.loop.call_soon_threadsafe(now)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(10)


@pytest.fixture
def server(tmp_path: Path) -> Any:
    home = tmp_path / ("long" * 40)  # a path that no Unix socket could have
    home.mkdir()
    server = Server(home)
    yield server
    server.close()


def raw(server: Server) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    with control._folder(server.home) as folder:
        sock.connect(f"{folder}/{control.SOCKET_FILE}")
    return sock


def test_an_answer_and_a_refusal(server: Server) -> None:
    """A call gives the result, or raises what the node refused, by its name."""
    assert control.call(server.home, {"do": "echo", "text": "привіт"})["text"] == "привіт"
    with pytest.raises(LocalError) as refused:
        control.call(server.home, {"do": "refuse"})
    assert (refused.value.refusal, refused.value.detail) == (Refusal.NOT_FOUND, "no such thing")


def test_the_socket_is_its_owners_alone(server: Server) -> None:
    """The socket is 0600 from its birth, and a stale one is replaced."""
    path = server.home / control.SOCKET_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    other = Server(server.home)
    assert control.call(server.home, {"do": "echo"}) == {"do": "echo"}
    other.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"not json\n",
        b"\xff\xfe\x00\n",
        b"[1, 2]\n",
        b'"text"\n',
        b"[" * 100_000 + b"\n",
        b'{"do": \n',
        b"NaN\n",
    ],
)
def test_garbage_is_refused_by_name(server: Server, garbage: bytes) -> None:
    """A line that is no JSON object is answered with a refusal, and the next request served."""
    with raw(server) as sock, sock.makefile("rb") as file:
        sock.sendall(garbage + b'{"do": "echo"}\n')
        assert json.loads(file.readline())["error"]["refusal"] == "usage"
        assert json.loads(file.readline())["ok"]


def test_an_endless_line_is_refused(server: Server) -> None:
    """A request above the limit is refused by name, and the connection ends."""
    with raw(server) as sock, sock.makefile("rb") as file:
        with suppress(OSError):  # it hangs up before it has heard all
            for _ in range(100):
                sock.sendall(b"x" * 1_048_576)
        assert json.loads(file.readline())["error"]["refusal"] == "oversize"
    assert control.call(server.home, {"do": "echo"}) == {"do": "echo"}


def test_a_long_request_is_refused_before_it_is_sent(server: Server) -> None:
    """The longest that the node reads is answered; one byte more is oversize."""
    room = control.REQUEST_BYTES_MAX - len(json.dumps({"do": "echo", "text": ""}))
    longest = {"do": "echo", "text": "x" * room}
    assert control.call(server.home, longest) == longest
    for long in (
        {"do": "echo", "text": "x" * (room + 1)},
        {"do": "follow", "text": "x" * 2 * room},
    ):
        with pytest.raises(LocalError) as refused:
            control.call(server.home, long)
        assert refused.value.refusal == Refusal.OVERSIZE
        with pytest.raises(LocalError) as refused:
            next(control.follow(server.home, long))
        assert refused.value.refusal == Refusal.OVERSIZE


def test_half_a_line_and_silence_cost_nobody_else(server: Server) -> None:
    """Callers that stall, or leave in the middle, are nobody's business."""
    stalled = [raw(server) for _ in range(50)]
    for sock in stalled:
        sock.sendall(b'{"do": "ec')
    assert control.call(server.home, {"do": "echo"}) == {"do": "echo"}
    for sock in stalled:
        sock.close()
    assert control.call(server.home, {"do": "echo"}) == {"do": "echo"}


def test_many_callers_at_once(server: Server) -> None:
    """Each of many callers gets its own answers, in the order it asked."""
    found: dict[int, list[int]] = {}

    def ask(me: int) -> None:
        with raw(server) as sock, sock.makefile("rb") as file:
            for number in range(20):
                sock.sendall(json.dumps({"do": "echo", "n": me * 100 + number}).encode() + b"\n")
            found[me] = [json.loads(file.readline())["result"]["n"] for _ in range(20)]

    threads = [threading.Thread(target=ask, args=(me,)) for me in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {me: [me * 100 + number for number in range(20)] for me in range(20)}


def test_no_node_no_answer(server: Server, tmp_path: Path) -> None:
    """Without a node, without a folder, without an answer in time: unreachable, by name."""
    for home in (tmp_path, tmp_path / "absent"):
        with pytest.raises(LocalError) as refused:
            control.call(home, {"do": "echo"})
        assert refused.value.refusal == Refusal.UNREACHABLE
    for request, timeout_s in (({"do": "sleep"}, 0.2), ({"do": "die"}, 10)):
        with pytest.raises(LocalError) as refused:
            control.call(server.home, request, timeout_s)
        assert refused.value.refusal == Refusal.UNREACHABLE
    assert control.call(server.home, {"do": "echo"}) == {"do": "echo"}


def test_following(server: Server) -> None:
    """A follower gets every event, and its end is noticed."""
    events = control.follow(server.home, {"do": "follow"})
    threading.Timer(0.3, lambda: [server.tell({"n": n}) for n in range(3)]).start()
    assert [next(events)["n"] for _ in range(3)] == [0, 1, 2]
    events.close()
    for _ in range(100):
        if server.stopped:
            break
        threading.Event().wait(0.05)
    assert (server.stopped, server.followers) == (1, [])
    with pytest.raises(LocalError) as refused:
        next(control.follow(server.home, {"do": "follow", "line": "none"}))
    assert refused.value.refusal == Refusal.NOT_FOUND


def test_a_second_follow_is_answered(server: Server) -> None:
    """One connection follows once; whoever asks again is told, and goes on following."""
    with raw(server) as sock, sock.makefile("rb") as file:
        sock.sendall(b'{"do": "follow"}\n{"do": "follow"}\n')
        assert json.loads(file.readline())["error"]["refusal"] == "usage"
        server.tell({"n": 1})
        assert json.loads(file.readline())["result"] == {"n": 1}
        assert len(server.followers) == 1


def test_a_follower_that_does_not_read_is_let_go(server: Server) -> None:
    """Events for a follower that sleeps are bounded: it loses its connection, the node nothing."""
    with raw(server) as sock:
        sock.sendall(b'{"do": "follow"}\n')
        for _ in range(100):
            if server.followers:
                break
            threading.Event().wait(0.05)
        for _ in range(50):
            server.tell({"text": "x" * 100_000})
        for _ in range(200):
            if server.stopped:
                break
            threading.Event().wait(0.05)
        assert server.stopped == 1
    assert control.call(server.home, {"do": "echo"}) == {"do": "echo"}


def test_an_unknown_refusal_is_a_usage_error() -> None:
    """An answer of a newer node is still understood as a refusal."""
    line = b'{"ok": false, "error": {"refusal": "no-such-word", "detail": "d"}}\n'
    with pytest.raises(LocalError) as refused:
        control.result_of(line)
    assert (refused.value.refusal, refused.value.detail) == (Refusal.USAGE, "d")
