"""Two parties in this process: real homes, stores and marks, and a wire instead of a network."""

from __future__ import annotations

import base64
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from processes import CHEAP, PASSPHRASE

from detente.bearers.rates import Measured
from detente.core.amending import EVERY_MS
from detente.core.events import FrameIn, LinkDown, LinkUp
from detente.core.line import Line
from detente.node.config import load_config, write_config
from detente.node.folder import own_card
from detente.node.home import create_home
from detente.node.node import Node
from detente.node.runner import open_node

NOW_S = 1_770_292_800
NAMES = ("alpha", "bravo")


class Wire:
    """What a node takes for its links: frames wait here until the pair is pumped."""

    def __init__(self, party: bytes) -> None:
        self.identities: list[Any] = [None]
        self.peer = party
        self.live: dict[int, Any] = {}
        self.out: deque[bytes] = deque()
        self.closed: list[str] = []
        self.nudged: list[bytes] = []
        self.called: set[bytes] = set()
        self.dialling: dict[tuple[bytes, str], Callable[[], Any]] = {}
        self.reopened: list[bytes] = []
        self.held_closed: set[bytes] = set()
        self.last_sign_s: dict[tuple[bytes, str, str], float] = {}
        self.silent: frozenset[str] = frozenset()
        self.unheard: set[bytes] = set()

    def be_silent(self, bearers: frozenset[str]) -> None:
        self.silent = bearers

    def not_heard(self, parties: set[bytes]) -> None:
        self.unheard = parties

    def up(self, number: int, key: bytes = b"") -> None:
        link = SimpleNamespace(
            peer=self.peer,
            bearer="wire",
            wide=False,
            queued_bytes=lambda: 0,
            measured=lambda: Measured(2400, 0.25, 0.015),
        )
        self.live[number] = SimpleNamespace(
            number=number,
            link=link,
            way="",
            waiting_bytes=0,
            since_s=0.0,
            key=key,
            last_sign_s=lambda: 0.0,
        )

    def is_called(self, party: bytes) -> bool:
        return bool(self.linked(party))

    def reopen(self, party: bytes) -> None:
        self.reopened.append(party)

    def linked(self, party: bytes) -> list[Any]:
        return [live for live in self.live.values() if live.link.peer == party]

    def send(self, number: int, frame: bytes, *, urgent: bool = False) -> None:
        if number in self.live:
            (self.out.appendleft if urgent else self.out.append)(frame)

    def close_link(self, number: int, reason: str) -> None:
        if self.live.pop(number, None) is not None:
            self.closed.append(reason)

    shut_out = close_link

    def nudge(self, party: bytes) -> None:
        self.nudged.append(party)

    def keep_calling(self, party: bytes, _address: Callable[[], str | None]) -> None:
        self.called.add(party)

    def keep_dialling(self, party: bytes, bearer: str, call: Callable[[], Any]) -> None:
        self.dialling[party, bearer] = call

    def drop_untrusted(self, trusted: Callable[[bytes], bytes | None]) -> None:
        for live in list(self.live.values()):
            if live.key and trusted(live.key) != live.link.peer:
                self.close_link(live.number, "key no longer trusted")


@dataclass
class Pair:
    """Two nodes and the wire between them."""

    folder: Path
    nodes: dict[str, Node] = field(default_factory=dict)
    number: int = 0

    @property
    def alpha(self) -> Node:
        return self.nodes["alpha"]

    @property
    def bravo(self) -> Node:
        return self.nodes["bravo"]

    def open(self, *names: str) -> Pair:
        for name in names or NAMES:
            self.nodes[name] = open_node(self.folder / name, [PASSPHRASE])
        return self

    def connect(self) -> Pair:
        """Both nodes get a link; pumped until nothing is on the wire."""
        self.number += 1
        for node, other in ((self.alpha, self.bravo), (self.bravo, self.alpha)):
            if node.links is None:
                node.go_online(Wire(other.station.party))
            node.links.up(self.number)
        for node, other in ((self.alpha, self.bravo), (self.bravo, self.alpha)):
            node.give([LinkUp(self.number, other.station.party)])
        return self.pump()

    def cut(self) -> None:
        for node in self.nodes.values():
            node.links.out.clear()
            node.links.live.clear()
            node.give([LinkDown(self.number)])

    def pump(self, rounds: int = 200) -> Pair:
        """Carries frames until the wire is empty, and every charter is looked at that has to be."""
        for _ in range(rounds):
            moved = False
            for node, other in ((self.alpha, self.bravo), (self.bravo, self.alpha)):
                frames = list(node.links.out)
                node.links.out.clear()
                if frames and self.number in other.links.live:
                    other.give([FrameIn(self.number, frame) for frame in frames])
                    moved = True
            if not moved and not self._looks_at_charters():
                return self
        raise AssertionError("the two never fall silent")

    def _looks_at_charters(self) -> bool:
        """What came within EVERY_MS of the last look waits for the next; a node that runs wakes."""
        nodes = self.nodes.values()
        lines = [(node, line) for node in nodes for line in node.station.lines.values()]
        due = [node for node, line in lines if line.charter_due and not line.joining]
        if due:
            time.sleep(EVERY_MS / 1000)
        for node in due:
            node.give([])
        return bool(due)

    def say(self, text: str, node: Node | None = None, **more: Any) -> dict[str, Any]:
        """A dispatch, carried; gives what became of it."""
        look = command(node or self.alpha, "say", text=text, **more)
        self.pump()
        return look()

    def close(self, *names: str) -> None:
        for name in names or list(self.nodes):
            self.nodes.pop(name).close()


def command(node: Node, do: str, **arguments: Any) -> Any:
    """One command as the control socket runs it: the answer, or what is asked again for it."""
    from detente.node.asked import Apart
    from detente.node.commands import run_command

    found = run_command(node, {"do": do, **arguments})
    return found.run() if isinstance(found, Apart) else found


def line_of(node: Node) -> Line:
    """The one line of a node."""
    (line,) = node.station.lines.values()
    return line


def make_home(folder: Path, name: str) -> None:
    create_home(
        folder / name,
        name,
        [PASSPHRASE],
        listen=["127.0.0.1:0"],
        bearers=["127.0.0.1:1"],
        mark=folder / "marks" / name,
        root_path=folder / f"{name}.root",
        now_s=NOW_S,
        cost=CHEAP,
    )


def trusting(folder: Path, name: str, *others: str) -> dict[str, str]:
    """What `trust` is asked with for a card in this folder."""
    signed = own_card(folder / name)
    return {
        "card_b64": base64.b64encode(signed.data).decode(),
        "method": "by-hand",
        "digits": signed.card.digits,
        "words": "in person",
    }


def found(folder: Path, **settings: Any) -> None:
    """Two homes whose parties trust one another and have accepted one charter."""
    for name in NAMES:
        make_home(folder, name)
    pair = Pair(folder).open()
    command(pair.alpha, "trust", **trusting(folder, "bravo"))
    command(pair.bravo, "trust", **trusting(folder, "alpha"))
    proposed = command(
        pair.alpha,
        "propose",
        title="Test line",
        members=[{"party": "bravo"}],
        languages=["en", "ru"],
        **settings,
    )
    command(pair.bravo, "accept", charter_b64=proposed["charter_b64"])
    pair.close()


def settle(homes: Path, place: Path) -> Path:
    """A copy of the two homes, with marks of its own."""
    shutil.copytree(homes, place)
    for name in NAMES:
        config = load_config(place / name)
        mark = str(place / "marks" / name)
        write_config(place / name, msgspec.structs.replace(config, mark=mark))
    return place


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two homes, made once."""
    folder = tmp_path_factory.mktemp("template")
    found(folder)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return settle(template, tmp_path / "parties")


@pytest.fixture
def closed_pair(folder: Path) -> Iterator[Pair]:
    """The two parties, their nodes not open yet."""
    pair = Pair(folder)
    yield pair
    pair.close()


@pytest.fixture
def pair(closed_pair: Pair) -> Pair:
    """Two open nodes that are linked, their line open."""
    closed_pair.open().connect()
    assert line_of(closed_pair.alpha).is_open()
    return closed_pair


@pytest.fixture(name="command")
def the_command() -> Callable[..., Any]:
    return command


@pytest.fixture(name="line_of")
def the_line_of() -> Callable[[Node], Line]:
    return line_of
