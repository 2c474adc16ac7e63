"""Real nodes in one process: homes in a temporary folder, a wire for the network, a set clock."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from core.lineage import START_S

from detente.core.events import FrameIn, LinkUp
from detente.core.station import Line
from detente.core.transcript import Entry
from detente.node import opening
from detente.node.home import create_home
from detente.node.node import Node
from detente.node.places import find_entry
from detente.node.runner import open_node
from detente.store.keyring import Cost

PASSPHRASE = "correct horse battery staple"
CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)


class Clock:
    """Stands in for the module ``time``: moved by hand, the wall and the steady one together."""

    def __init__(self) -> None:
        self.wall_s = START_S
        self.steady_ms = 1000

    def time(self) -> float:
        return float(self.wall_s)

    def monotonic_ns(self) -> int:
        return self.steady_ms * 1_000_000

    def advance(self, seconds: int) -> None:
        self.wall_s += seconds
        self.steady_ms += seconds * 1000


class Wire:
    """The network as one node sees it: a single link, number 1, to the node at the other end."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.live: dict[int, Any] = {}
        self.held_closed: set[bytes] = set()
        self.nudged: list[bytes] = []

    def send(self, link: int, data: bytes, *, urgent: bool = False) -> None:
        self.frames.append(data)

    def linked(self, party: bytes) -> list[Any]:
        return []

    def nudge(self, party: bytes) -> None:
        self.nudged.append(party)

    def drop_untrusted(self, trusted: Callable[[bytes], bytes | None]) -> None:
        """A wire has no key."""

    def keep_calling(self, party: bytes, address: Callable[[], str | None]) -> None:
        """A wire is always there."""


class Duo:
    """Alpha and Bravo, who trust one another and have one line, and time that is theirs."""

    def __init__(self, folder: Path, clock: Clock, **changes: Any) -> None:
        self.clock = clock
        self.folder = folder
        self.alpha, self.bravo = self.node("Alpha"), self.node("Bravo")
        for one, other in ((self.alpha, self.bravo), (self.bravo, self.alpha)):
            card = other.home.card
            one.execute(
                {
                    "do": "trust",
                    "card_b64": base64.b64encode(card.data).decode(),
                    "method": "by-hand",
                    "digits": card.card.digits,
                }
            )
        proposed = self.alpha.execute(
            {"do": "propose", "title": "North", "members": [{"party": "Bravo"}], "set": changes}
        )
        self.charter_b64 = proposed["charter_b64"]

    def node(self, name: str) -> Node:
        """A new party's node, without a network."""
        home = self.folder / name
        create_home(
            home,
            name,
            [PASSPHRASE],
            listen=[],
            bearers=["192.0.2.7:7411"],
            mark=self.folder / "marks" / name,
            root_path=self.folder / f"{name}.root",
            now_s=self.clock.wall_s,
            cost=CHEAP,
        )
        return open_node(home, [PASSPHRASE])

    def join(self) -> Duo:
        """Bravo accepts, and the two are linked; gives this pair."""
        self.bravo.execute({"do": "accept", "charter_b64": self.charter_b64})
        for node, other in ((self.alpha, self.bravo), (self.bravo, self.alpha)):
            node.links = Wire()
            node.give([LinkUp(1, other.station.party)])
        self.settle()
        return self

    def settle(self) -> None:
        """Delivers every frame, until nobody has more to say."""
        while self.alpha.links.frames or self.bravo.links.frames:
            for node, other in ((self.alpha, self.bravo), (self.bravo, self.alpha)):
                while node.links.frames:
                    other.give([FrameIn(1, node.links.frames.popleft())])

    def wait(self, seconds: int = 70) -> None:
        """Lets time pass: long enough for receipts and both kinds of cosignatures."""
        for _ in range(seconds // 5):
            self.clock.advance(5)
            for node in (self.alpha, self.bravo):
                node.give([])
            self.settle()

    def say(self, text: str, *, by: str = "alpha", **more: Any) -> str:
        """A dispatch that reaches the other side; gives its serial."""
        done = getattr(self, by).execute({"do": "say", "text": text, "wait": "sent", **more})
        self.settle()
        return str(done["entry"])

    def line(self, node: Node | None = None) -> Line:
        """The line as one of them has it: Alpha unless told otherwise."""
        return next(iter((node or self.alpha).station.lines.values()))

    def entry(self, name: str, node: Node | None = None) -> Entry:
        """An entry by its name."""
        return find_entry(self.line(node), name)

    def close(self) -> None:
        for node in (self.alpha, self.bravo):
            node.close()


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    """The clock of every node in a module."""
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(opening, "time", clock)
        yield clock


@pytest.fixture
def fresh(tmp_path: Path, clock: Clock) -> Iterator[Duo]:
    """A pair for one test: Alpha has proposed, nobody is linked."""
    duo = Duo(tmp_path, clock)
    yield duo
    duo.close()


@pytest.fixture(scope="module")
def duo(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Duo]:
    """A pair on an open line that the tests of one module share."""
    duo = Duo(tmp_path_factory.mktemp("duo"), clock).join()
    yield duo
    duo.close()
