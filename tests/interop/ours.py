"""The real program beside the second node: its command line alone, on loopback, in a folder."""

from __future__ import annotations

import base64
import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from interop.peer import Peer

SRC = Path(__file__).resolve().parents[2] / "src"
PASSPHRASE = "a passphrase of some length\n"
LIMIT_S = 60  # reached on no machine that is well


class Ours:
    """A home of ours, whose commands run while the second node goes on answering."""

    def __init__(self, root: Path, peer: Peer) -> None:
        self.root, self.peer, self.home = root, peer, root / "home"
        self.title = "Two nodes"
        passphrase = root / "passphrase"
        passphrase.write_text(PASSPHRASE, "utf-8")
        passphrase.chmod(0o600)
        self.env = os.environ | {
            "PYTHONPATH": str(SRC),
            "DETENTE_HOME": str(self.home),
            "DETENTE_LANG": "en",
            "DETENTE_PASSPHRASE_FILE": str(passphrase),
        }
        self.node: subprocess.Popen[str] | None = None

    def _spawn(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "detente", *words],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> str:
        """What a command prints; it has to end well, within LIMIT_S."""
        process, end = self._spawn(*words), time.monotonic() + LIMIT_S
        while process.poll() is None:
            self.peer.pump()
            if time.monotonic() > end:
                process.kill()
        out, err = process.communicate()
        assert process.returncode == 0, f"{words}: {out}{err}"
        return out

    @property
    def on(self) -> list[str]:
        """The words that say which line is meant."""
        return ["--line", self.title]

    def say(self, *words: str) -> None:
        """Says something on the line; it is stored when this returns."""
        self.run("say", *words, *self.on)

    def status(self) -> str:
        """What is told of the line, without the others."""
        found = re.search(
            rf"^{self.title}  .*?(?=^\S|\Z)", self.run("line", "status"), re.MULTILINE | re.DOTALL
        )
        assert found is not None
        return found[0]

    def init(self) -> None:
        """Makes the party, and trust both ways by the digits that each reads out."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        where = ["--listen", address, "--address", address, "--mark", str(self.root / "mark")]
        root = ["--root", str(self.root / "alpha.root"), "--officers", "1"]
        self.run("party", "init", "--name", "Alpha", *where, *root)
        mine = json.loads(self.run("--json", "party", "card"))
        self.party = self.peer.trust((self.home / "own.card").read_bytes(), mine["digits"]).party
        card = self.root / "bravo.card"
        card.write_text(self.peer.card, "utf-8")
        digits = ["--method", "by-hand", "--digits", self.peer.digits()]
        self.run("party", "trust", str(card), *digits)

    def start(self) -> None:
        """Starts the node, and waits for the row that says it is ready."""
        self.node = self._spawn("node", "run")
        assert self.node.stdout is not None
        ready, _, _ = select.select([self.node.stdout], [], [], LIMIT_S)
        assert ready
        assert self.node.stdout.readline().startswith("ready")

    def kill(self) -> None:
        """Ends the node as a power cut would."""
        assert self.node is not None
        self.node.kill()
        self.node.communicate()

    def stop(self) -> None:
        """Ends the node, if one runs."""
        if self.node is not None and self.node.poll() is None:
            self.node.terminate()
            self.node.communicate()

    def verified(self) -> dict[str, list[tuple[bytes, bytes | None]]]:
        """The transcript as our export says it, which our verifier finds good under both cards."""
        file = self.root / "line.transcript"
        file.unlink(missing_ok=True)
        self.run("transcript", "export", "--out", str(file), *self.on)
        cards = [str(self.home / "own.card"), str(self.root / "bravo.card")]
        words = [word for card in cards for word in ("--card", card)]
        assert self.run("verify", str(file), *words).startswith("VERIFIED: transcript")
        return _logs(file.read_text("utf-8"))


def _logs(text: str) -> dict[str, list[tuple[bytes, bytes | None]]]:
    """Leaves and bodies by origin (spec/proof.md §4)."""
    logs: dict[str, list[tuple[bytes, bytes | None]]] = {}
    for line in text.splitlines():
        word, *rest = line.split(" ")
        if word == "log":
            entries = logs.setdefault(rest[0], [])
        elif word == "entry":
            body = base64.b64decode(rest[2]) if len(rest) == 3 else None
            entries.append((base64.b64decode(rest[0]), body))
    return logs
