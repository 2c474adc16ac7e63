"""Two real nodes, each in a network namespace of its own, on a wire that can be made bad."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import CHEAP, PASSPHRASE, PATIENCE_S, SOURCE, until
from realnet.wire import ADDRESSES
from scenarios.conftest import House, trust

from detente.cli.demo_figures import Submitted, recount, text_hash
from detente.core.errors import LocalError
from detente.dossiers.verify import verify_file
from detente.node import control
from detente.node.home import create_home, own_card
from detente.store.private import write_private

WIRE = Path(__file__).with_name("wire.py")
PORT = 7000
WHOLE: dict[str, Any] = {"0": {}, "1": {}}
DARK: dict[str, Any] = {"0": {"dark": True}, "1": {"dark": True}}


class Cable:
    """The wire as a process. ``lacks`` says what this machine does not allow, or nothing."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WIRE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self._heard()
        self.namespaces: list[str] = told.get("namespaces", [])
        self.lacks: str = told.get("lacks", "")
        if shutil.which("nsenter") is None:
            self.lacks = "nsenter (util-linux)"

    def be(self, ways: Mapping[str, Any]) -> list[dict[str, int]]:
        """How each way is from now on; gives what each has carried and lost so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(ways) + "\n")
        self._process.stdin.flush()
        found: list[dict[str, int]] = self._heard()
        return found

    def take_away(self) -> None:
        """Ends it, and with it the namespaces nobody is in."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the wire has ended"
        return json.loads(line)


@dataclass
class Station(House):
    """One party: its home, and its node, `detente node run` in a namespace, while one runs."""

    address: str = ""
    namespace: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def passphrases(self) -> Path:
        return self.folder / f"{self.name}.passphrase"

    def make(self) -> None:
        create_home(
            self.home,
            self.name.capitalize(),
            [PASSPHRASE],
            listen=[f"{self.address}:{PORT}"],
            bearers=[f"tls {self.address}:{PORT}"],
            mark=self.marks,
            root_path=self.root,
            now_s=int(time.time()),
            cost=CHEAP,
        )
        write_private(self.passphrases, PASSPHRASE.encode() + b"\n")

    def launch(self) -> None:
        """Starts the node, and does not wait for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *("nsenter", f"--net={self.namespace}", "--"),
                    *(sys.executable, "-m", "detente", "--home", str(self.home)),
                    *("--passphrase-file", str(self.passphrases), "node", "run"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(SOURCE)} | self.environment,
            )

    def start(self) -> None:
        self.launch()
        until(self.answers, f"{self.name} to answer")

    def freeze(self) -> None:
        """Stops the process where it is: SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def events(self, *words: str) -> list[dict[str, Any]]:
        """What its log says under these words, in order."""
        rows = [row for row in self.log.read_text().splitlines() if row.startswith('{"at_s"')]
        return [event for event in map(json.loads, rows) if event["event"] in words]

    def linked(self) -> bool:
        return bool(self.call("status")["links"])

    def alive(self) -> bool:
        """Whether it shows signs of life of the other member."""
        return bool(self.peer()["silence"]["state"] in {"alive", "unattended"})

    def peer(self) -> dict[str, Any]:
        """How its line shows the other member."""
        (found,) = [member for member in self.line()["members"] if not member["me"]]
        return found


@dataclass
class Pair:
    """Alpha and Bravo, their wire, and all that was handed to either's node."""

    folder: Path
    cable: Cable
    alpha: Station
    bravo: Station
    charter_b64: str = ""
    submitted: list[Submitted] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)  # hashes of texts nobody answered for

    @property
    def both(self) -> tuple[Station, Station]:
        return self.alpha, self.bravo

    def say(self, station: Station, text: str, **arguments: Any) -> dict[str, Any]:
        """Says something. What the node has answered for counts as submitted; where it went away
        before it answered, what it has of it is seen in the end. LocalError as the node says."""
        precedence = arguments.get("precedence", "ROUTINE")
        submitted = Submitted(station.name, precedence, text_hash(text))
        request = {"do": "say", "text": text, **arguments}
        try:
            said: dict[str, Any] = control.call(station.home, request, PATIENCE_S)
        except LocalError:
            self.submitted.append(submitted)
            self.doubtful.add(submitted.sha256)
            raise
        self.submitted.append(submitted)
        return said

    def settled(self) -> bool:
        """Whether both hold the same, and nothing waits for a receipt any more."""
        one, other = (station.line() for station in self.both)
        if one["checkpoints"] != other["checkpoints"] or one["queued"] or other["queued"]:
            return False
        shown = [station.call("inbox", limit=1000, only="ours") for station in self.both]
        views = [view for answer in shown for view in answer["entries"]]
        return all(any(s["rung"] == "received" for s in view["ladder"]) for view in views)

    def settle(self, patience_s: float = 40) -> None:
        """Waits until ``settled``."""
        until(self.settled, "both to hold the same, with every receipt", patience_s)

    def account(self) -> None:
        """Reads both stores as exported: nothing is lost, altered, twice or out of order; each
        receipt is there; each party has one life; nobody is accused or mute; a stranger with both
        cards verifies either copy."""
        exports = {}
        cards = [own_card(station.home).data for station in self.both]
        for station in self.both:
            path = self.folder / f"{station.name}.detente"
            station.call("export", path=str(path))
            exports[station.name] = path.read_bytes()
            status, line = station.call("status"), station.line()
            assert (status["incarnation"], status["mute"]) == (0, {})
            assert (line["frozen"], line["gaps"], line["awaiting_release"]) == ({}, [], 0)
            assert not (station.home / "accusations").exists()
            report = verify_file(exports[station.name], cards, int(time.time()))
            assert report.ok, report
        had = {text_hash(text) for station in self.both for text in station.texts("ours")}
        figures = recount(
            [one for one in self.submitted if one.sha256 in had or one.sha256 not in self.doubtful],
            {name: [data] for name, data in exports.items()},
        )
        counts = (figures.lost, figures.reordered, figures.duplicated, figures.unexpected)
        assert counts == (0, 0, 0, 0)
        kept = len(self.submitted) - len(self.doubtful)
        assert figures.dispatches == figures.receipts
        assert kept <= figures.dispatches <= len(self.submitted)
        assert figures.incarnations == {"alpha": 1, "bravo": 1}
        assert figures.checkpoints_equal
        assert [event for s in self.both for event in s.events("bug", "fork-proven")] == []

    def end_nodes(self) -> None:
        """Ends the nodes that run, by their ids."""
        for station in self.both:
            if station.process is not None:
                station.kill()


def make_pair(folder: Path, cable: Cable, *, accepted: bool = True) -> Pair:
    """Two parties on a whole wire, the charter proposed and ``accepted``; no node runs yet."""
    alpha, bravo = (
        Station(folder, name, PORT, address=address, namespace=namespace)
        for name, address, namespace in zip(
            ("alpha", "bravo"), ADDRESSES, cable.namespaces, strict=True
        )
    )
    pair = Pair(folder, cable, alpha, bravo)
    for station in pair.both:
        station.make()
    trust(alpha, bravo)
    proposed = alpha.call(
        "propose",
        title="Test line",
        members=[{"party": "Bravo"}],
        languages=["en"],
        set={"seen-within-s": 1},
    )
    pair.charter_b64 = proposed["charter_b64"]
    if accepted:
        bravo.call("accept", charter_b64=pair.charter_b64)
    return pair


def open_up(pair: Pair) -> None:
    """Starts both nodes and waits until the line is open."""
    for station in pair.both:
        station.launch()
    for station in pair.both:
        until(station.answers, f"{station.name} to answer")
    for station in pair.both:
        until(lambda station=station: station.line()["open"], f"{station.name}'s line to open")
