"""A command line without a process, a node that is not there, and one demo for many tests."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import catalogs
from detente import words
from detente.cli import asking
from detente.cli.main import main
from detente.core.errors import LocalError, Refusal

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = ("DETENTE_LANG", "DETENTE_HOME", "DETENTE_PASSPHRASE_FILE")
VARIABLES += ("LC_ALL", "LC_MESSAGES", "LANG")
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogs of this source, compiled outside the tree."""
    root = tmp_path_factory.mktemp("catalogs")
    for language in words.LANGUAGES:
        path = catalogs.po_path(root, language)
        path.parent.mkdir(parents=True)
        path.write_bytes(catalogs.po_path(ROOT, language).read_bytes())
    catalogs.compile_all(root)
    return catalogs.po_path(root, "en").parents[2]


@pytest.fixture(autouse=True)
def plain_machine(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that names no language, home or passphrases; English again afterwards."""
    monkeypatch.setattr(words, "LOCALE", compiled)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    words.use("en")


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs one command line; ``output`` is what a terminal shows, both streams in order."""

    def call(*arguments: object, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(word) for word in arguments], input=stdin)

    return call


class FakeNode:
    """A running node that gives the answers it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def call(self, _home: Path, request: dict[str, Any], _timeout_s: float) -> Any:
        """As ``asking.call``: an answer of the form {"refusal": …} is raised."""
        self.asked.append(request)
        if request["do"] not in self.answers:
            raise LocalError(Refusal.UNREACHABLE, "no node runs in this home")
        answer = self.answers[request["do"]]
        if isinstance(answer, dict) and set(answer) == {"refusal", "detail"}:
            raise LocalError(Refusal[answer["refusal"]], answer["detail"])
        return answer

    def follow(self, _home: Path, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """As ``asking.follow``."""
        self.asked.append(request)
        yield from self.events


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """Stands in for the node behind every command."""
    node = FakeNode()
    monkeypatch.setattr(asking, "call", node.call)
    monkeypatch.setattr(asking, "follow", node.follow)
    return node


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """What a process needs to find this source, in English."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"}


@pytest.fixture(scope="session")
def demo(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> tuple[dict[str, Any], Path]:
    """The result and the folder of one demo, shared by all who test at the same time."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder, result = shared / "demo", shared / "demo.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            command = [sys.executable, "-m", "detente", "demo", "--exit", "--json"]
            done = subprocess.run(
                [*command, "--keep", str(folder), "--seconds-max", "100"],
                capture_output=True,
                timeout=115,
                check=False,
                env=environment,
            )
            logs = [log.read_text(encoding="utf-8")[-2000:] for log in sorted(folder.glob("*.log"))]
            failed = "" if done.returncode == 0 else "\n".join([done.stdout.decode(), *logs])
            result.write_text(failed or done.stdout.decode(), encoding="utf-8")
        told = result.read_text(encoding="utf-8")
    try:
        return json.loads(told), folder
    except json.JSONDecodeError:
        pytest.fail(told)  # once run is enough: every test that asks hears the same
