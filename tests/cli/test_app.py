"""What every command shares: errors, statuses, JSON, languages, and a quick start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from detente.cli.app import Command, Root
from detente.cli.main import main
from detente.core.errors import LocalError, MachineError, PeerError, Refusal


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command of the program with its full name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def test_every_command_takes_the_shared_options():
    """--json, --home, --lang and --passphrase-file are understood by each of them."""
    names = dict(commands(main))
    assert {"party init", "line propose", "node run", "say", "verify", "demo"} <= set(names)
    for name, command in names.items():
        options = {option for parameter in command.params for option in parameter.opts}
        shared = {"--json", "--home", "--lang", "--passphrase-file"}
        assert shared <= options, name


@pytest.mark.parametrize("language", ["en", "ru", "uk"])
def test_every_help_is_in_the_language_in_use(run, language: str):
    """Each command and each option says what it does, in that language's script."""
    cyrillic = set("абвгдежзийклмнопрстуфхцчшщъыьэюяєіїґ")
    for name, command in commands(main):
        shown = run("--lang", language, *name.split(), "--help")
        assert shown.exit_code == 0, name
        assert "Usage:" not in shown.output or language == "en"
        texts = [command.help, *(p.help for p in command.params if isinstance(p, click.Option))]
        assert all(texts), name
        if language != "en":
            assert all(cyrillic & set(str(text).lower()) for text in texts), name


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LocalError(Refusal.NOT_FOUND, "a.card"), 2),
        (PeerError(Refusal.BAD_SIGNATURE, "log 0"), 3),
        (MachineError(Refusal.DISK, "full"), 4),
    ],
)
def test_status_says_whose_fault(error: Exception, status: int):
    """2 is ours, 3 theirs, 4 the machine's; error and hint go to standard error."""

    @click.group(cls=Root)
    def program() -> None:
        pass

    @program.command("fail", cls=Command)
    def fail() -> None:
        raise error

    shown = CliRunner().invoke(program, ["fail"])
    assert shown.exit_code == status
    assert shown.stdout == ""
    first, second = shown.stderr.splitlines()
    assert first.startswith("error: ")
    assert first.endswith(f"({error.detail})")
    assert second.startswith("hint: ")


def test_errors_as_json(run, tmp_path: Path):
    """A refusal is one document of one shape on standard output."""
    shown = run("verify", tmp_path / "none", "--json")
    assert shown.exit_code == 2
    error = json.loads(shown.stdout)["error"]
    assert list(error) == ["refusal", "text", "hint", "detail"]
    assert error["refusal"] == "not-found"
    assert error["text"] == "There is no such file, entry or name"


def test_usage_errors_as_json(run):
    """What cannot even be parsed has the same shape."""
    shown = run("--json", "show")
    assert shown.exit_code == 2
    assert json.loads(shown.stdout)["error"]["refusal"] == "usage"


def test_errors_in_the_users_language(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By option or by environment; the words error and hint are the same in every language."""
    assert "error: Нет такого файла" in run("--lang", "ru", "verify", tmp_path / "x").stderr
    monkeypatch.setenv("DETENTE_LANG", "uk")
    shown = run("verify", tmp_path / "x")
    assert "error: Немає такого файлу" in shown.stderr
    assert "\nhint: Перевірте" in shown.stderr


def test_unknown_language_is_refused(run):
    """A language asked for by name that is not ours is a usage error."""
    shown = run("--lang", "ua", "version")
    assert shown.exit_code == 2
    assert "ua: not one of en, ru, uk" in shown.stderr


def test_no_home_is_refused(run):
    """A command that needs a home says so in one sentence, and what to do in the next."""
    shown = run("inbox")
    assert shown.exit_code == 2
    error, hint = shown.stderr.splitlines()
    assert error == "error: No home folder is named"
    assert hint.startswith("hint: Give --home FOLDER before the command, or set DETENTE_HOME.")


def test_home_before_or_behind(run, fake, monkeypatch: pytest.MonkeyPatch):
    """--home stands before or behind the command; the environment fills in."""
    fake.answers["lines"] = []
    assert run("--home", "a", "line", "list").exit_code == 0
    assert run("line", "list", "--home", "a").exit_code == 0
    monkeypatch.setenv("DETENTE_HOME", "a")
    assert run("line", "list").exit_code == 0


def test_nothing_prompts_without_a_terminal(run, tmp_path: Path):
    """Where nobody sits, a missing passphrase is an error and no question."""
    shown = run("--home", tmp_path / "h", "party", "init", "--name", "A", "--root", tmp_path / "r")
    assert shown.exit_code == 2
    assert "no terminal to ask" in shown.stderr
    assert not (tmp_path / "h").exists()


def test_a_quick_start_loads_nothing_heavy(environment: dict[str, str]):
    """Help needs neither the node, nor its store, nor its cryptography, nor rich."""
    program = (
        "import sys; from detente.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=environment
    )
    loaded = set(eval(done.stderr.decode()))
    heavy = {"detente.node.runner", "cryptography", "apsw", "rich", "asyncio", "ssl", "msgspec"}
    assert not heavy & loaded


def test_a_command_is_loaded_alone(environment: dict[str, str]):
    """Calling one command imports none of the others: each start would pay for all of them."""
    program = (
        "import sys; from detente.cli.main import main\n"
        "try: main(['inbox', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=environment
    )
    loaded = set(eval(done.stderr.decode()))
    assert "detente.cli.read" in loaded
    assert not {f"detente.cli.{name}" for name in ("demo", "drill", "node_cmd", "proofs")} & loaded


def test_asking_a_node_loads_no_node(environment: dict[str, str], tmp_path: Path):
    """A command that finds no node to ask has loaded neither a node nor an event loop."""
    program = (
        "import sys; from detente.cli import asking\n"
        "from detente.core.errors import LocalError\n"
        "from pathlib import Path\n"
        "try: asking.call(Path(sys.argv[1]), {'do': 'status'}, 1)\n"
        "except LocalError as error: assert error.refusal.word == 'unreachable'\n"
        "else: raise SystemExit('a node answered')\n"
        "print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        check=True,
        env=environment,
    )
    loaded = set(eval(done.stderr.decode()))
    assert "detente.node.control" in loaded
    assert not {"asyncio", "logging", "detente.node.runner", "detente.core.protocol"} & loaded


def test_every_command_is_where_the_table_says():
    """Each name of the program's commands is the name that its module gave it."""
    assert {name: command.name for name, command in main.commands.items()} == {
        name: name for name in main.commands
    }
    assert len(main.commands) == len(set(main.commands)) >= 20


def test_version(run):
    """The program's version and the protocol's."""
    shown = run("version", "--json")
    assert json.loads(shown.output)["protocol"] == 1
    assert run("--version").output.startswith("detente ")
