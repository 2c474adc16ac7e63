"""The README is run: its commands, what it pastes of their output, its links and its numbers."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente import __version__
from detente.core.frames import VERSION

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN_LINES_MAX = 40
BEFORE_A_COMMAND_LINES_MAX = 20
DEMO_LINES_MAX = 8
RUN = (sys.executable, "-m", "detente")
DOORS = ("docs/operating/README.md", "spec/", "docs/threat-model.md", "CONTRIBUTING.md")


def blocks(kind: str) -> list[str]:
    """The fenced blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, list[str]]]:
    """Every command of the README with the rows pasted below it."""
    found: list[tuple[str, list[str]]] = []
    for block in blocks("console"):
        for row in block.splitlines():
            if row.startswith("$ "):
                found.append((row[2:].partition("  #")[0].rstrip(), []))
            else:
                found[-1][1].append(row)
    return found


def pattern(rows: list[str]) -> re.Pattern[str]:
    """The rows as one expression over a whole output: … is any text, alone it is any rows."""
    parts = [
        r"(?:.*\n)*?" if row == "…" else re.escape(row).replace("…", ".*") + r"\n" for row in rows
    ]
    return re.compile("".join(parts))


def recipe(command: str) -> list[list[str]]:
    """What a `make` command would run beyond its set-up, without running it."""
    shown = subprocess.run(
        ["make", "-n", *shlex.split(command)[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [shlex.split(row) for row in shown.splitlines() if "detente " in row or "pytest" in row]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """English, and this source for every process that is started."""
    spoken = ("LANG", "LC_ALL", "LC_MESSAGES", "DETENTE_LANG", "DETENTE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in spoken}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"}


def test_the_first_screen():
    """One screen, a command within twenty lines, at most eight lines of demo, five doors."""
    screen = README.split("\n## ")[0].rstrip().splitlines()
    assert len(screen) <= FIRST_SCREEN_LINES_MAX
    first = next(number for number, row in enumerate(screen) if row.startswith("$ "))
    assert first <= BEFORE_A_COMMAND_LINES_MAX
    demo = blocks("console")[0].splitlines()
    assert len(demo) <= DEMO_LINES_MAX
    assert [row for row in demo if row.startswith("$ ")] == [
        "$ make demo ARGS=--exit",
        "$ make test",
    ]
    assert len(blocks("")[0].splitlines()) == 6
    for door in (*DOORS, "SECURITY.md"):
        assert any(f"]({door})" in row for row in screen)


def test_every_make_command_runs_what_it_says():
    """Each `make` line is a verb of the Makefile and ends in the program or the tests."""
    made = [command for command, _ in commands() if command.startswith("make ")]
    assert {command.split()[1] for command in made} == {"demo", "test"}
    for command in made:
        ran = recipe(command)
        if command.startswith("make demo"):
            arguments = dict(word.split("=", 1) for word in shlex.split(command) if "=" in word)
            wanted = [".venv/bin/detente", "demo", *arguments.get("ARGS", "").split()]
            assert wanted in ran
        else:
            assert any("pytest" in row for row in ran)


@pytest.fixture(scope="module")
def stage(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, subprocess.Popen[str]]]:
    """A demo that has played and stays up: what it told, its folder, and its process."""
    folder = tmp_path_factory.mktemp("stage")
    command = [*RUN, "demo", "--keep", "demo-folder", "--seconds-max", "100"]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        told: list[str] = []
        for row in process.stdout or ():
            told.append(row)
            if row.startswith("Ctrl-C"):
                break
        try:
            yield "".join(told), folder, process
        finally:
            process.terminate()  # it ends its nodes and desks; killed, it would leave them running
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def said(
    command: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """What a `detente` command prints in a folder."""
    return subprocess.run(
        [*RUN, *shlex.split(command)[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.timeout(240)
def test_the_readme_and_two_terminals(environment: dict[str, str], stage):
    """The demo and the check print what the README shows; both nodes stay up until Ctrl-C."""
    told, folder, process = stage
    played, _, stays = told.partition("\n── Both desks are open")
    assert stays, told
    demo = next(rows for command, rows in commands() if command == "make demo ARGS=--exit")
    assert pattern(demo).fullmatch(played), played
    checks = [(command, rows) for command, rows in commands() if command.startswith("detente ")]
    assert checks
    for command, rows in checks:
        shown = said(command, folder, environment)
        assert shown.returncode == 0, shown.stderr
        assert pattern(rows).fullmatch(shown.stdout), shown.stdout
    # The rows of the screen that name a home, without the one that goes on for ever.
    shell = [row.split(" --home ")[1] for row in stays.splitlines() if " --home " in row]
    assert len(shell) == 4
    for words in shell[1:]:
        shown = said(f"detente --home {words}", folder, environment)
        assert shown.returncode == 0, shown.stdout + shown.stderr
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    for name in ("alpha", "bravo"):
        gone = said(f"detente --home demo-folder/{name} duty in", folder, environment)
        assert gone.returncode == 2


def test_links_resolve():
    """Every file and folder that is linked exists."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def status() -> str:
    """The row of numbers as it has to stand in the README."""
    vectors = len(list((ROOT / "vectors").glob("*/*.json")))
    numbers = f"version {__version__} · protocol {VERSION} · {vectors} vectors"
    return f"Status: {numbers} · last drill: none · audits: none"


def test_the_numbers_are_right():
    """The status row is computed; to write it anew: python tests/test_readme.py."""
    assert status() in README.splitlines()


if __name__ == "__main__":
    text = re.sub(r"^Status: .*$", status(), README, flags=re.MULTILINE)
    (ROOT / "README.md").write_text(text, encoding="utf-8")
