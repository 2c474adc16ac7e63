"""The cable of the demo: it carries bytes, breaks for real, and can be mended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from detente.cli.demo_world import HOST, Cable, Patience
from detente.core.errors import LocalError, MachineError, Refusal

WITHIN_S = 10


@pytest.fixture
def echo() -> Iterator[int]:
    """A port that sends back what it is sent."""
    door = socket.create_server((HOST, 0))

    def serve() -> None:
        while True:
            try:
                end, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(end,), daemon=True).start()

    def answer(end: socket.socket) -> None:
        try:
            while data := end.recv(4096):
                end.sendall(data)
        except OSError:
            return  # cut

    threading.Thread(target=serve, daemon=True).start()
    yield door.getsockname()[1]
    door.shutdown(socket.SHUT_RDWR)
    door.close()


@pytest.fixture
def cable() -> Iterator[Cable]:
    """A cable that is taken away afterwards."""
    cable = Cable()
    yield cable
    cable.close()


def ended(end: socket.socket) -> bool:
    """Whether the other end is gone."""
    try:
        return end.recv(1) == b""
    except ConnectionError:
        return True


def test_a_whole_cable_carries_both_ways(cable: Cable, echo: int):
    """What goes in at the near end comes out at the far end, and back."""
    with socket.create_connection((HOST, cable.lay(echo)), WITHIN_S) as end:
        end.sendall(b"x" * 100_000)
        got = b""
        while len(got) < 100_000:
            got += end.recv(65_536)
    assert got == b"x" * 100_000


def test_a_cut_breaks_what_is_there_and_lets_nothing_through(cable: Cable, echo: int):
    """Connections end at once, new ones end before a byte, until the cable is mended."""
    near = cable.lay(echo)
    with socket.create_connection((HOST, near), WITHIN_S) as end:
        end.sendall(b"a")
        assert end.recv(1) == b"a"
        assert cable.cut() == 1
        assert ended(end)
    with socket.create_connection((HOST, near), WITHIN_S) as end:
        assert ended(end)
    assert cable.cut() == 0
    cable.mend()
    with socket.create_connection((HOST, near), WITHIN_S) as end:
        end.sendall(b"b")
        assert end.recv(1) == b"b"


def test_nobody_at_the_far_end(cable: Cable, echo: int):
    """A far end that does not answer is a connection that ends, as when a node is dead."""
    with socket.create_server((HOST, 0)) as door:
        port = door.getsockname()[1]
    with socket.create_connection((HOST, cable.lay(port)), WITHIN_S) as end:
        assert ended(end)


def test_patience_waits_for_what_is_not_there_yet():
    """Not found and unreachable mean not yet; any other refusal is an error."""
    answers = iter([LocalError(Refusal.NOT_FOUND), LocalError(Refusal.UNREACHABLE), False, True])

    def holds() -> object:
        answer = next(answers)
        if isinstance(answer, LocalError):
            raise answer
        return answer

    Patience(WITHIN_S).until("it", holds)

    def refused() -> object:
        raise LocalError(Refusal.NOT_ALLOWED)

    with pytest.raises(LocalError) as caught:
        Patience(WITHIN_S).until("it", refused)
    assert caught.value.refusal is Refusal.NOT_ALLOWED


def test_patience_ends():
    """What never becomes true ends the demo with its name."""
    with pytest.raises(MachineError, match="the moon") as caught:
        Patience(0).until("the moon", lambda: False)
    assert caught.value.refusal is Refusal.UNREACHABLE
