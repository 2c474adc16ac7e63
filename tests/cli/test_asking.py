"""How passphrases are taken, and whom a command asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.cli import asking
from detente.cli.app import Session
from detente.core.errors import LocalError, Refusal
from detente.store.private import write_private
from detente.store.sealed import Cost, open_sealed, seal


@pytest.fixture
def phrases(tmp_path: Path) -> list[Path]:
    """Two private files: two officers in one, one in the other."""
    files = []
    for name, text in (("one", "first passphrase\nsecond passphrase\n"), ("two", "third one\n")):
        file = tmp_path / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return files


def test_files_are_read_in_order(phrases: list[Path]):
    """Several files, each with one passphrase a line."""
    session = Session(passphrase_files=tuple(phrases))
    wanted = ("first passphrase", "second passphrase", "third one")
    assert asking.passphrases(session) == wanted
    assert asking.new_passphrases(session, 3) == wanted


def test_another_number_of_officers_is_refused(phrases: list[Path]):
    """A new party has one passphrase for each officer, no fewer and no more."""
    with pytest.raises(LocalError) as caught:
        asking.new_passphrases(Session(passphrase_files=tuple(phrases)), 2)
    assert caught.value.refusal is Refusal.USAGE


def test_typed_passphrases_are_asked_twice(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """At a terminal each officer types a new passphrase twice, and it is never shown."""
    monkeypatch.setattr(asking, "need_terminal", lambda: None)
    typed = "a long passphrase\na long passphrase\nanother passphrase\nanother passphrase\n"
    shown = run(
        *("--home", tmp_path / "home", "party", "init", "--name", "Alpha"),
        *("--root", tmp_path / "root", "--mark", tmp_path / "mark"),
        stdin=typed,
    )
    assert shown.exit_code == 0, shown.output
    assert "Passphrase of officer 1 of 2" in shown.output
    assert "Passphrase of officer 2 of 2" in shown.output
    assert "a long passphrase" not in shown.output


def test_a_changed_passphrase_is_one(
    run, phrases: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """From a file of one, or typed twice; a file of two is refused, whoever's they are."""
    assert asking.changed_passphrase(phrases[1], 1, 2) == "third one"
    with pytest.raises(LocalError) as caught:
        asking.changed_passphrase(phrases[0], 1, 2)
    assert caught.value.refusal is Refusal.USAGE
    monkeypatch.setattr(asking, "need_terminal", lambda: None)
    root = tmp_path / "root"
    data = seal("root", bytes(32), {}, ["a long passphrase"], cost=Cost(64, 1, 1))
    write_private(root, data)
    typed = "a long passphrase\nanother passphrase\nanother passphrase\n"
    shown = run("party", "passphrase", "--root", root, stdin=typed)
    assert shown.exit_code == 0, shown.output
    assert "NEW passphrase of officer 1 of 1" in shown.output
    assert open_sealed(root.read_bytes(), ["another passphrase"], "root") == {}


def test_a_running_node_is_asked_first(fake):
    """Where a node answers, no passphrase is needed; arguments that are None are left out."""
    fake.answers["lines"] = [1]
    assert asking.ask(Session(named_home=Path("h")), "lines", line=None, limit=0) == [1]
    assert fake.asked == [{"do": "lines", "limit": 0}]


def test_a_refusal_is_not_tried_again(fake):
    """What a running node refuses is refused; only a node that is not there is replaced."""
    fake.answers["say"] = {"refusal": "MUTE", "detail": "restored"}
    with pytest.raises(LocalError) as caught:
        asking.ask(Session(named_home=Path("h")), "say")
    assert caught.value.refusal is Refusal.MUTE


def test_some_commands_need_the_node(fake):
    """Duty without a running node says so, and opens nothing."""
    with pytest.raises(LocalError) as caught:
        asking.ask(Session(named_home=Path("h")), "duty", offline=False)
    assert caught.value.refusal is Refusal.UNREACHABLE


def test_keys_that_cannot_be_read_are_left_to_the_node(tmp_path: Path):
    """Where there is no file of keys to begin with, the node finds that out, after its lock."""
    assert asking.open_ahead(tmp_path, ("a long passphrase",)) is open_sealed
