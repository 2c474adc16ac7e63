"""Roles that change: what is journalled, which sessions end, and whoever has the watch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from desk.asking import Visitor

from detente.cli.main import main
from detente.core.errors import LocalError, Refusal
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk that nobody serves, and no node beside it."""
    made = Desk(tmp_path, Cabinet.open(tmp_path, create=True), "http://alpha.localhost:8471")
    yield made
    made.cabinet.close()


def noted(desk: Desk) -> list[dict[str, Any]]:
    """What waits for the journal of changed roles."""
    rows = desk.cabinet.rows("SELECT data FROM unsaid WHERE word = 'person-roles' ORDER BY number")
    return [json.loads(row[0]) for row in rows]


def roles(home: Path, *words: str) -> Result:
    """`detente desk roles`."""
    return CliRunner().invoke(main, ["--json", "--home", str(home), "desk", "roles", *words])


def test_a_power_that_goes_takes_the_session_with_it(desk: Desk) -> None:
    """An administrator changes somebody's roles: a power more leaves their session as it is, one
    less ends it, and the journal holds both with the name of whoever did it."""
    officer = Visitor.come(desk, "Officer", "watch")
    admin = Visitor.come(desk, "Admin", "administrator")
    number = desk.people.named("Officer").number
    assert 'value="watch" checked' in admin.get(f"/people/{number}").text
    both = ["watch", "releaser"]
    assert admin.send(f"/people/{number}/roles", role=both).status == 303
    assert officer.get("/drafts").status == 200
    assert desk.people.get(number).may("authorise")
    assert admin.send(f"/people/{number}/roles", role=["watch"]).status == 303
    assert officer.get("/drafts").status == 303  # to the door
    first, second = noted(desk)
    assert (first["before"], first["roles"]) == (["watch"], ["releaser", "watch"])
    assert (first["powers_gone"], second["powers_gone"]) == ([], ["authorise"])
    assert first["by"] == second["by"] == "Admin"


def test_only_administrators_change_roles_and_only_to_roles(desk: Desk) -> None:
    """Nobody gives himself a role; no role and one that does not exist are refused, and nothing is
    noted of what did not happen."""
    officer = Visitor.come(desk, "Officer", "watch")
    admin = Visitor.come(desk, "Admin", "administrator")
    number = desk.people.named("Officer").number
    assert officer.send(f"/people/{number}/roles", role=["releaser"]).status == 403
    for wrong in (["king"], []):
        assert admin.send(f"/people/{number}/roles", role=wrong).status == 400
    desk.people.part(number, 1)
    assert admin.send(f"/people/{number}/roles", role=["releaser"]).status == 404
    assert desk.people.get(number).roles == frozenset({"watch"})
    assert noted(desk) == []


def test_who_has_the_watch_keeps_its_power_until_relieved(desk: Desk) -> None:
    """The relief signs on first: till then no administrator takes the watch from its officer."""
    Visitor.come(desk, "Officer", "watch")
    number = desk.people.named("Officer").number
    desk.cabinet.insert("watch", person=number, began_s=1, until_s=2)
    with pytest.raises(LocalError) as refused:
        desk.people.assign(number, frozenset({"auditor"}))
    assert refused.value.refusal is Refusal.NOT_ALLOWED
    assert desk.people.assign(number, frozenset({"watch", "auditor"})).may("journal")
    desk.cabinet.run("UPDATE watch SET ended_s = 3")
    assert not desk.people.assign(number, frozenset({"auditor"})).may("watch")


def test_the_command_line_changes_roles_as_the_page_does(desk: Desk, tmp_path: Path) -> None:
    """`detente desk roles` says which powers are gone, ends the sessions, and leaves a note for the
    journal; of whoever is not here it says so."""
    desk.cabinet.settle("host", "alpha.localhost")
    officer = Visitor.come(desk, "Officer", "watch", "releaser")
    said = json.loads(roles(tmp_path, "Officer", "--role", "watch").stdout)
    assert said == {"name": "Officer", "roles": ["watch"], "powers_gone": ["authorise"]}
    assert officer.get("/drafts").status == 303
    (note,) = noted(desk)
    assert note["by"] == "command line"
    assert roles(tmp_path, "Nobody", "--role", "watch").exit_code == 2
    shown = CliRunner().invoke(
        main, ["--home", str(tmp_path), "desk", "roles", "Officer", "--role", "auditor"]
    )
    assert "no longer: draft, mark, stop, watch" in shown.stdout
