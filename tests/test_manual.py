"""The operator's manual is run: every block marked ``console run``, as one session of two nodes.

A prompt says whose machine a command is typed at. What the manual prints below it has to be what
the program prints, but for what differs from place to place: `…` stands for anything, and times,
ids, digits and serials are met as the manual's own and remembered, so that a later command that
names one of them names the right one.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from processes import free_port

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ("pair", "daily", "audit", "backup-restore", "courier")
PAGES = [ROOT / "docs" / "operating" / f"{name}.md" for name in CHAPTERS]
BLOCK = re.compile(r"^( *)```console run\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"(alpha|bravo)\$ (.+)")

PATIENCE_S = 45  # until the other side's word is here: its `seen` may take the charter's 30 s
START_S_MAX = 20
READS = ("inbox", "show", "line status", "line decisions", "outbox list", "doctor")

# What the manual invents: first the whole kind, then the pattern of any of it.
ANY_TIME = r"\d{6}Z [A-Z]{3} \d\d \(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)"
REMEMBERED = {
    r"\b[0-9a-f]{64}\b": r"[0-9a-f]{64}",
    r"\b\d{5}(?: \d{5}){3}\b": r"\d{5}(?: \d{5}){3}",
    r"\b[A-Z](?:\.\d+)?-\d{4}\b": r"[A-Z](?:\.\d+)?-\d{4}",
    r"\b\d+/\d+(?:\.[0-9a-f]{16})?:\d+\b": r"\d+/\d+(?:\.[0-9a-f]{16})?:\d+",
    r"\b[0-9a-f]{16}\b": r"[0-9a-f]{16}",
}
TOKEN = re.compile("|".join([f"(?P<time>{ANY_TIME})", "(?P<any>…)", *REMEMBERED]))


def steps_of(page: Path) -> list[tuple[str, str, list[str]]]:
    """The commands of a page in order: whose machine, what is typed, what is printed."""
    steps: list[tuple[str, str, list[str]]] = []
    for indent, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in body.removesuffix("\n").split("\n"):
            text = line.removeprefix(indent)
            if match := PROMPT.fullmatch(text):
                steps.append((match[1], match[2], []))
            else:
                steps[-1][2].append(text)
    return steps


def squeezed(text: str) -> str:
    """Columns without their width: two spaces for two or more."""
    return re.sub(r"(?<=\S) {2,}", "  ", text)


class Manual:
    """Two machines, a stick that goes between them, and what the manual's own values are here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, str] = {}
        self.running: list[subprocess.Popen[str]] = []
        self.ports = {"192.0.2.1": free_port(), "192.0.2.2": free_port()}
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "detente"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m detente "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        (folder / "stick").mkdir()
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "DETENTE_LANG": "en",
        }
        for who in ("alpha", "bravo"):
            for place in ("srv/detente", "var", "root", "vault"):
                (folder / who / place).mkdir(parents=True)
            phrases = folder / who / "passphrases"
            phrases.write_text(f"first officer of {who}\nsecond officer of {who}\n", "utf-8")
            phrases.chmod(0o600)

    def here(self, who: str, text: str) -> str:
        """A text of the manual with this machine's paths and addresses."""
        for address, port in self.ports.items():
            text = text.replace(f"{address}:7701", f"127.0.0.1:{port}")
        own = self.folder / who
        for theirs, ours in {
            "/srv/": own / "srv",
            "/var/lib/": own / "var",
            "/media/root/": own / "root",
            "/media/vault/": own / "vault",
            "/media/stick/": self.folder / "stick",
        }.items():
            text = text.replace(theirs, f"{ours}/")
        return text

    def command(self, who: str, text: str) -> str:
        """A command of the manual, with the values that its own stand for."""
        return TOKEN.sub(lambda m: self.known.get(m[0], m[0]), self.here(who, text))

    def pattern(self, who: str, lines: list[str]) -> re.Pattern[str]:
        """What the output has to match; the n-th new value is the group ``v<n>``."""
        self.fresh: list[str] = []
        parts = []
        for line in lines:
            if line.strip() == "…":
                parts.append(r"(?:[^\n]*\n)*?")
                continue
            parts.append(self._line(squeezed(self.here(who, line))) + r"\n")
        return re.compile("".join(parts))

    def _line(self, line: str) -> str:
        out, at = "", 0
        for match in TOKEN.finditer(line):
            out += re.escape(line[at : match.start()]) + self._token(match)
            at = match.end()
        return out + re.escape(line[at:])

    def _token(self, match: re.Match[str]) -> str:
        if match["any"] or match["time"]:
            return r"[^\n]*?" if match["any"] else ANY_TIME
        value = match[0]
        if value in self.known:
            return re.escape(self.known[value])
        if value in self.fresh:
            return f"(?P=v{self.fresh.index(value)})"
        self.fresh.append(value)
        kind = next(form for form in REMEMBERED if re.fullmatch(form, value))
        return f"(?P<v{len(self.fresh) - 1}>{REMEMBERED[kind]})"

    def run(self, who: str, text: str, lines: list[str]) -> None:
        """One step. What only the other side can bring is waited for, in commands that read."""
        line = self.command(who, text)
        expected = self.pattern(who, lines)
        until = time.monotonic() + PATIENCE_S
        while True:
            said = self.start(who, line) if line.endswith(" &") else self.finish(who, line)
            match = expected.fullmatch(said)
            reads = any(line.startswith(f"detente {read}") for read in READS)
            if match or not reads or time.monotonic() > until:
                break
        assert match, f"{who}$ {text}\n{said}\n--- and not ---\n" + "\n".join(lines)
        self.known |= {value: match[f"v{n}"] for n, value in enumerate(self.fresh)}

    def environment(self, who: str) -> dict[str, str]:
        """What is set at a machine."""
        own = self.folder / who
        return self.env | {
            "HOME": str(own),
            "DETENTE_HOME": str(own / "srv" / "detente" / "home"),
            "DETENTE_PASSPHRASE_FILE": str(own / "passphrases"),
        }

    def finish(self, who: str, line: str) -> str:
        """Runs a command to its end; everything it printed."""
        done = subprocess.run(
            ["sh", "-c", line],
            env=self.environment(who),
            cwd=self.folder / who,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return "".join(squeezed(row) + "\n" for row in done.stdout.splitlines())

    def start(self, who: str, line: str) -> str:
        """Starts a node, and returns what it says when it is ready."""
        with (self.folder / f"{who}.log").open("ab") as log:
            node = subprocess.Popen(
                ["sh", "-c", f"exec {line.removesuffix('&')}"],
                env=self.environment(who),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.running.append(node)
        readable, _, _ = select.select([node.stdout], [], [], START_S_MAX)
        said = node.stdout.readline() if readable and node.stdout else ""
        return said or (self.folder / f"{who}.log").read_text(encoding="utf-8")

    def stop(self) -> None:
        """Ends every node that still runs."""
        for node in self.running:
            with suppress(ProcessLookupError):
                node.send_signal(signal.SIGTERM)
        for node in self.running:
            with suppress(subprocess.TimeoutExpired):
                node.wait(10)
            node.kill()
            node.wait()
            if node.stdout:
                node.stdout.close()


@pytest.mark.timeout(300)
def test_the_manual_runs(tmp_path: Path) -> None:
    """Two parties pair, speak, prove, lose a disk and come back by the manual's own words."""
    steps = [step for page in PAGES for step in steps_of(page)]
    assert len(steps) > 40
    manual = Manual(tmp_path)
    try:
        for who, text, lines in steps:
            manual.run(who, text, lines)
    finally:
        manual.stop()


@pytest.mark.parametrize(
    ("lines", "said", "holds"),
    [
        (["received: A-0002"], "received: A-0001\n", True),
        (["received: A-0002"], "received: 0/0:5\n", False),
        (["a  b"], "a     b\n", True),
        (["…", "open"], "x\ny\nopen\n", True),
        (["…", "open"], "x\nopened\n", False),
        (["{h} {h}"], f"{'a' * 64} {'a' * 64}\n", True),
        (["{h} {h}"], f"{'a' * 64} {'b' * 64}\n", False),
    ],
)
def test_the_comparison_can_fail(lines: list[str], said: str, holds: bool, tmp_path: Path) -> None:
    """The manual's lines match what they stand for, and nothing else."""
    manual = Manual(tmp_path)
    expected = manual.pattern("alpha", [line.replace("{h}", "0" * 64) for line in lines])
    assert bool(expected.fullmatch(squeezed(said))) is holds
