"""Two desks on this machine: two homes, a line, a node and a desk as processes on each side."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from processes import CHEAP, NODE, PASSPHRASE, PATIENCE_S, SOURCE, free_port, until

from detente.cli.main import main
from detente.desk.cabinet import Cabinet
from detente.desk.people import People, Person
from detente.desk.serve import origin_of
from detente.desk.sessions import Sessions
from detente.node import control
from detente.node.home import create_home, own_card
from detente.node.runner import open_node


@dataclass
class Side:
    """One party: its home, its node and its desk, at NAME.localhost."""

    folder: Path
    name: str
    port: int = field(default_factory=free_port)
    desk_port: int = field(default_factory=free_port)
    named: str = ""  # a host name other than NAME.localhost
    node: subprocess.Popen[bytes] | None = None
    desk: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / self.name

    @property
    def origin(self) -> str:
        return origin_of(self.host, self.desk_port)

    @property
    def host(self) -> str:
        return self.named or f"{self.name}.localhost"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def make(self) -> None:
        """Makes the home, and the desk in it."""
        self.make_home()
        self.run("desk", "init", self.host, "--port", str(self.desk_port))

    def make_home(self) -> None:
        """Makes the home alone."""
        address = f"127.0.0.1:{self.port}"
        create_home(
            self.home,
            self.name.capitalize(),
            [PASSPHRASE],
            listen=[address],
            bearers=[address],
            mark=self.folder / "marks" / self.name,
            root_path=self.folder / f"{self.name}.root",
            now_s=int(time.time()),
            cost=CHEAP,
        )

    def run(self, *words: str) -> str:
        """One command line, in a thread where no browser has a loop; gives what it printed."""
        given = ["--json", "--home", str(self.home), *words]
        spoken = {"DETENTE_LANG": "en"}
        with ThreadPoolExecutor(1) as apart:
            done = apart.submit(lambda: CliRunner().invoke(main, given, env=spoken)).result()
        assert done.exit_code == 0, done.output
        return done.stdout

    def _launch(self, *words: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(SOURCE), "DETENTE_LANG": "en"},
            )

    def start_node(self) -> None:
        self.node = self._launch("-c", NODE, str(self.home))
        until(lambda: self.call("status"), f"{self.name}'s node to answer")

    def start_desk(self) -> None:
        self.desk = self._launch("-m", "detente", "--json", "--home", str(self.home), "desk", "run")
        until(self._served, f"{self.name}'s desk to answer")

    def _served(self) -> bool:
        assert self.desk is not None
        assert self.desk.poll() is None, self.log.read_text()[-2000:]
        with socket.create_connection(("127.0.0.1", self.desk_port), timeout=1):
            return True

    def stop_node(self) -> None:
        self.node = _ended(self.node)

    def stop_desk(self) -> None:
        self.desk = _ended(self.desk)

    def call(self, do: str, **arguments: Any) -> Any:
        """One command, at the running node or, where none runs, with the home opened here."""
        if self.node is not None:
            return control.call(self.home, {"do": do, **arguments}, PATIENCE_S)
        node = open_node(self.home, [PASSPHRASE])
        try:
            return node.execute({"do": do, **arguments})
        finally:
            node.close()

    @property
    def line(self) -> dict[str, Any]:
        """The one line, as the node shows it."""
        (line,) = self.call("lines")
        return line

    @property
    def line_url(self) -> str:
        """The page of the one line."""
        return f"{self.origin}/line/{self.line['line']}"

    def journal(self, word: str) -> list[dict[str, Any]]:
        """What the journal holds under a word, oldest first."""
        return [one["data"] for one in self.call("journal", limit=1000) if one["word"] == word]

    # --- people, as an administrator at the machine makes them ---

    def add(self, name: str, *roles: str, language: str = "en") -> Person:
        """Somebody with roles; who is there already stays as they are."""
        cabinet = Cabinet.open(self.home)
        try:
            people = People(cabinet)
            known = people.named(name)
            return known or people.add(name, frozenset(roles), language, int(time.time()))
        finally:
            cabinet.close()

    def code(self, name: str) -> str:
        """A one-time code for somebody."""
        cabinet = Cabinet.open(self.home)
        try:
            person = People(cabinet).named(name)
            assert person is not None
            return Sessions(cabinet).invite(person, int(time.time()))
        finally:
            cabinet.close()

    def change(self, sql: str, *args: object) -> None:
        """Something the desk's file is made to say, such as that a session began long ago."""
        cabinet = Cabinet.open(self.home)
        try:
            cabinet.run(sql, *args)
        finally:
            cabinet.close()

    def close(self) -> None:
        """Ends what was started here."""
        self.stop_desk()
        self.stop_node()


def _ended(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class World:
    """Alpha and Bravo with one open line between them, and both desks open."""

    alpha: Side
    bravo: Side

    @classmethod
    def make(cls, folder: Path, **settings: Any) -> World:
        """``settings`` go into the charter (`propose`'s ``set``); ``drill`` makes it a drill."""
        world = cls(Side(folder, "alpha"), Side(folder, "bravo"))
        try:
            world._open(settings)
        except BaseException:
            world.close()
            raise
        return world

    def _open(self, settings: dict[str, Any]) -> None:
        sides = (self.alpha, self.bravo)
        for side in sides:
            side.make()
        for one, other in (sides, sides[::-1]):
            card = own_card(other.home)
            one.call(
                "trust",
                card_b64=base64.b64encode(card.data).decode(),
                method="by-hand",
                digits=card.card.digits,
            )
        proposed = self.alpha.call(
            "propose",
            title="Alpha and Bravo",
            members=[{"party": "Bravo"}],
            languages=["en", "ru", "uk"],
            drill=bool(settings.pop("drill", False)),
            set=settings,
        )
        self.bravo.call("accept", charter_b64=proposed["charter_b64"])
        for side in sides:
            side.start_node()
            side.start_desk()
        for side in sides:
            until(lambda side=side: side.line["open"], f"{side.name}'s line to open")

    def close(self) -> None:
        """Ends every process of both sides."""
        for side in (self.alpha, self.bravo):
            side.close()
