"""Real nodes for scenarios: homes in a temporary folder, one process each, loopback alone."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from processes import CHEAP, NODE, PASSPHRASE, PATIENCE_S, SOURCE, free_port, until

from detente.node import control
from detente.node.home import create_home, own_card
from detente.node.runner import open_node


@dataclass
class House:
    """One party: its home, and its node while one runs."""

    folder: Path
    name: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / self.name

    @property
    def marks(self) -> Path:
        return self.folder / "marks" / self.name

    @property
    def root(self) -> Path:
        return self.folder / f"{self.name}.root"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def make(self) -> None:
        address = f"127.0.0.1:{self.port}"
        create_home(
            self.home,
            self.name,
            [PASSPHRASE],
            listen=[address],
            bearers=[address],
            mark=self.marks,
            root_path=self.root,
            now_s=int(time.time()),
            cost=CHEAP,
        )

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", NODE, str(self.home)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(SOURCE)},
            )
        until(self.answers, f"{self.name} to answer")

    def answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, self.log.read_text()[-2000:]
        return bool(self.call("status"))

    def kill(self) -> None:
        """A power cut: SIGKILL."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """A clean stop; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        self.process = None
        return status

    def call(self, do: str, **arguments: Any) -> Any:
        """One command, at the running node or, where none runs, with the home opened here."""
        if self.process is not None:
            return control.call(self.home, {"do": do, **arguments}, PATIENCE_S)
        node = open_node(self.home, [PASSPHRASE])
        try:
            return node.execute({"do": do, **arguments})
        finally:
            node.close()

    def line(self) -> dict[str, Any]:
        (line,) = self.call("lines")
        return line

    def say(self, text: str, **arguments: Any) -> dict[str, Any]:
        return self.call("say", text=text, **arguments)

    def texts(self, only: str = "all") -> list[str]:
        shown = self.call("inbox", limit=1000, only=only)["entries"]
        return [view.get("text", "") for view in shown if view["kind"] == "dispatch"]

    def words(self) -> list[str]:
        """What the node has logged, word by word."""
        return self.log.read_text().split('"event": "')

    def move_away(self, name: str) -> Path:
        """The home folder, copied as it lies there now."""
        copy = self.folder / name
        shutil.copytree(self.home, copy, ignore=shutil.ignore_patterns("control.sock"))
        return copy

    def put_back(self, copy: Path) -> None:
        """The copy in place of the home."""
        shutil.rmtree(self.home)
        shutil.copytree(copy, self.home)


def trust(a: House, b: House) -> None:
    """Both trust the other's card, their digits compared."""
    for one, other in ((a, b), (b, a)):
        card = own_card(other.home)
        one.call(
            "trust",
            card_b64=base64.b64encode(card.data).decode(),
            method="by-hand",
            digits=card.card.digits,
        )


@dataclass
class Town:
    """All parties of one scenario."""

    folder: Path
    houses: dict[str, House] = field(default_factory=dict)

    def house(self, name: str) -> House:
        """A new party, its node not running."""
        self.houses[name] = house = House(self.folder, name, free_port())
        house.make()
        return house

    def trust(self, a: House, b: House) -> None:
        """Both trust the other's card."""
        trust(a, b)

    def line(self, *names: str, **settings: Any) -> list[House]:
        """Parties that trust one another and have accepted one charter; no node runs yet."""
        houses = [self.house(name) for name in names]
        for at, one in enumerate(houses):
            for other in houses[at + 1 :]:
                trust(one, other)
        proposed = houses[0].call(
            "propose",
            title="Test line",
            members=[{"party": name} for name in names[1:]],
            languages=["en", "ru"],
            set=settings,
        )
        for house in houses[1:]:
            house.call("accept", charter_b64=proposed["charter_b64"])
        return houses

    def open_line(self, *names: str, **settings: Any) -> list[House]:
        """The same, with every node running and the line open."""
        houses = self.line(*names, **settings)
        for house in houses:
            house.start()
        for house in houses:
            until(lambda house=house: house.line()["open"], f"{house.name}'s line to open")
        return houses

    def close(self) -> None:
        for house in self.houses.values():
            if house.process is not None:
                house.kill()


@pytest.fixture(name="until")
def waiting() -> Callable[..., Any]:
    """``until``, for tests."""
    return until


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Parties on this machine; what was started here ends here."""
    town = Town(tmp_path)
    yield town
    town.close()
