"""One page for many people: made once, and each sees themselves on it and nobody else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from desk.parties import Parties

from detente.desk import sheets


@pytest.fixture
def said(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the node has answered; until it is cleared it answers the same."""
    answers: dict[str, Any] = {}
    real = parties.ask

    async def ask(do: str, **arguments: Any) -> Any:
        question = json.dumps([do, arguments])
        if question not in answers:
            answers[question] = await real(do, **arguments)
        parties.desk.node.changes += 1  # asked anew by every page
        return copy.deepcopy(answers[question])

    monkeypatch.setattr(parties, "ask", ask)
    return answers


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the templates that were filled."""
    names: list[str] = []
    render = sheets.render

    def noted(name: str, **values: Any) -> str:
        names.append(name)
        return render(name, **values)

    monkeypatch.setattr(sheets, "render", noted)
    return names


def test_a_line_is_made_once_for_all_who_read_it_alike(
    parties: Parties, said: dict[str, Any], made: list[str]
) -> None:
    """Two officers get one page, each with their own name and their own form token; another role,
    another language and another state of the line each make it anew."""
    parties.bravo_says("Ten lorries")
    first, second = parties.enter("<b>First</b>", "watch"), parties.enter("Second & co", "watch")
    page = f"/line/{parties.line}"
    one, other = first.get(page), second.get(page)
    assert made == ["line.html"]
    assert "&lt;b&gt;First&lt;/b&gt;" in one.text
    assert "Second &amp;" not in one.text
    assert "Second &amp; co" in other.text
    assert "&gt;First&lt;" not in other.text
    assert one.token != other.token
    assert one.text.count(one.token) == other.text.count(other.token) > 1
    parties.enter("Auditor", "auditor").get(page)
    number = parties.desk.people.named("Second & co").number  # type: ignore[union-attr]
    parties.desk.people.speak(number, "uk")
    assert 'lang="uk"' in second.get(page).text
    assert made == ["line.html"] * 3
    parties.bravo_says("Twelve lorries")
    said.clear()
    assert "Twelve lorries" in first.get(page).text
    assert "Twelve lorries" not in one.text


def test_what_a_frame_says_makes_a_shared_page_anew(
    parties: Parties, said: dict[str, Any], made: list[str]
) -> None:
    """An alarm that comes, or a draft that waits, is on the next page of everybody."""
    officer = parties.enter("Officer", "watch", "drafter")
    page = f"/line/{parties.line}"
    assert "FLASH" not in officer.get(page).text
    parties.bravo_says("Fire", precedence="FLASH")
    said.clear()
    parties.look()
    assert "data-sounds" in officer.get(page).text
    count = len(made)
    officer.get(page)
    assert len(made) == count
    parties.desk.cabinet.run("UPDATE alarm SET silenced_level = 9")
    parties.desk.sentinel.now = ()
    assert "data-sounds" not in officer.get(page).text


def test_no_more_pages_are_kept_than_are_looked_at(
    parties: Parties, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page that nobody has asked for the longest goes."""
    monkeypatch.setattr(sheets, "SHARED_MAX", 2)
    officer = parties.enter("Officer", "watch")
    for query in ("", "?a", "?b", "", "?c"):
        officer.get(f"/line/{parties.line}{query}")
    assert [key[2] for key in parties.desk.shared] == ["", "c"]  # type: ignore[index]
