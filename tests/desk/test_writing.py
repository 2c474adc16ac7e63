"""Pages of drafts, STOP and marks, without a browser: what they keep, refuse and say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk.asking import Visitor

from detente.core.errors import LocalError, Refusal
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk

FORM: dict[str, Any] = {"precedence": "ROUTINE", "text": "The bridge is open.", "language": "en"}
MEMBERS = [
    {"number": 0, "name": "Alpha", "role": "party", "me": True},
    {"number": 1, "name": "Bravo", "role": "party", "me": False},
    {"number": 2, "name": "Watcher", "role": "observer", "me": False},
]


class FakeNode:
    """A node with one line, or several, or none that answers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.lines = ["aa"]
        self.dead = False
        self.mine = False

    async def ask(self, do: str, **arguments: Any) -> Any:
        if do != "journal_note":
            self.asked.append({"do": do, **arguments})
        if self.dead:
            raise LocalError(Refusal.UNREACHABLE, "no node runs in this home")
        raise LocalError(Refusal.NOT_ALLOWED, "line 1 is marked SECRET")

    async def look(self, do: str, **arguments: Any) -> Any:
        if self.dead:
            raise LocalError(Refusal.UNREACHABLE, "no node runs in this home")
        if do != "lines":
            return {
                "line": "aa",
                "place": "1/0:5",
                "entry": "B-0001",
                "mine": self.mine,
                "author": {"name": "Bravo"},
                "kind": "dispatch",
                "drill": False,
                "body_state": "open",
            }
        return [
            {"line": one, "title": f"Line {one}", "drill": False, "members": MEMBERS}
            for one in self.lines
        ]

    def on_event(self, _hear: object) -> None:
        """Nothing is told here."""


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def watch(tmp_path: Path, node: FakeNode) -> Iterator[Visitor]:
    """A watch officer at a desk."""
    cabinet = Cabinet.open(tmp_path, create=True)
    desk = Desk(tmp_path, cabinet, "http://alpha.localhost:1")
    desk.node = node  # type: ignore[assignment]
    yield Visitor.come(desk, "Watch", "watch")
    cabinet.close()


def test_a_draft_is_kept_at_every_send_and_by_script(watch: Visitor) -> None:
    """A form makes a draft; the page's script keeps it under the version it was given; a version
    that is late is told to the script, and kept as a draft of its own where a person sends it."""
    first = watch.send("/line/aa/write", **FORM)
    assert (first.status, first.headers["location"]) == (303, "/draft/1")
    kept = watch.send("/draft/1", script=True, version=1, **FORM | {"text": "Closed."})
    assert (kept.status, json.loads(kept.text)["version"]) == (200, 2)
    late = watch.send("/draft/1", script=True, version=1, **FORM | {"text": "Gone."})
    assert late.status == 400
    person = watch.send("/draft/1", version=1, do="preview", **FORM | {"text": "Gone."})
    assert person.headers["location"] == "/draft/2/preview"
    texts = [watch.desk.drafts.get(number).fields["text"] for number in (1, 2)]
    assert texts == ["Closed.", "Gone."]
    page = watch.get("/draft/1").text
    assert "Closed." in page
    assert "Bravo" in page
    assert "Watcher" not in page  # an observer reads no text


def test_an_answer_begins_with_its_reference(watch: Visitor) -> None:
    """The blank form names the entry that is answered; nothing is kept before it is sent."""
    page = watch.get("/line/aa/write?answers=B-0001").text
    assert 'value="B-0001"' in page
    assert watch.desk.drafts.open() == []
    assert watch.get("/line/bb/write").status == 404


def test_a_dead_node_keeps_the_draft_and_says_so(watch: Visitor, node: FakeNode) -> None:
    """Writing goes on, who was chosen to read it stays chosen, and an offer leaves it a draft."""
    watch.send("/line/aa/write", readers_shown="yes", to="1", **FORM)
    node.dead = True
    page = watch.get("/draft/1").text
    assert "does not answer" in page
    assert "The bridge is open." in page
    assert 'name="to" value="1"' in page
    assert watch.send("/draft/1/offer", version=1).headers["location"] == "/draft/1/preview"
    preview = watch.get("/draft/1/preview")
    assert "The draft is kept." in preview.text
    assert watch.desk.drafts.get(1).state == "writing"
    assert watch.get("/drafts").status == 200


def test_a_marked_text_is_never_offered(watch: Visitor) -> None:
    """The node refuses its form by name; the draft stays and the page says why."""
    watch.send("/line/aa/write", **FORM)
    watch.send("/draft/1/offer", version=1)
    assert watch.desk.drafts.get(1).state == "writing"
    assert "line 1 is marked SECRET" in watch.get("/draft/1/preview").text


def test_stop_asks_which_line_only_where_there_are_several(watch: Visitor, node: FakeNode) -> None:
    """With one line its blanks come at once; every page has the way there."""
    assert watch.get("/stop").headers["location"] == "/line/aa/stop"
    node.lines = ["aa", "bb"]
    page = watch.get("/stop").text
    assert "/line/aa/stop" in page
    assert "/line/bb/stop" in page
    for path in ("/", "/drafts", "/glossary"):
        assert 'href="/stop" accesskey="s"' in watch.get(path).text


def test_a_stop_that_cannot_be_fixed_is_kept(watch: Visitor, node: FakeNode) -> None:
    """With no node the blanks become a draft and the page says that nothing went."""
    node.dead = True
    answer = watch.send("/line/aa/stop", kind="stop", what="fire")
    assert answer.headers["location"] == "/draft/1/preview"
    draft = watch.desk.drafts.get(1)
    assert (draft.stop, draft.state) == (True, "writing")
    watch.send("/line/aa/stop", kind="accident", what="fire")
    assert watch.desk.drafts.get(2).kind == "accident"
    kept = watch.send("/draft/2", version=1, what="smoke", time="soon")
    assert kept.status == 400
    watch.send("/draft/2", version=1, what="smoke")
    assert watch.desk.drafts.get(2).fields["accident"]["what"] == "smoke"
    assert 'value="smoke"' in watch.get("/draft/2").text
    watch.send("/draft/2/drop")
    assert watch.desk.drafts.get(2).state == "dropped"


def test_rungs_that_take_words_take_them(watch: Visitor, node: FakeNode) -> None:
    """Read back and declined without a word are refused, misdirected without its two truths; an
    entry of ours that went astray needs a word too; another rung has no such page."""
    at = "/line/aa/entry/1/0:5/state/"
    for rung in ("read-back", "declined"):
        assert watch.get(at + rung).status == 200
        assert watch.send(at + rung, comment=" ").status == 400
    assert watch.send(at + "misdirected", comment="x").status == 400
    assert watch.send(at + "misdirected", opened="yes").status == 400
    assert watch.send(at + "read-back", comment="x" * 20_001).status == 413
    assert watch.get(at + "answered").status == 400
    assert watch.send("/line/aa/entry/1/0:5/mark", rung="read-back").status == 400
    node.mine = True
    assert watch.send(at + "misdirected", opened="yes", purged="yes").status == 400
    assert node.asked == []
    watch.send(at + "misdirected", comment="meant for another line")
    node.mine = False
    watch.send(at + "misdirected", opened="no", purged="yes")
    ours, theirs = node.asked
    assert (ours["comment"], "detail" in ours) == ("meant for another line", False)
    assert (theirs["detail"], "comment" in theirs and theirs["comment"]) == (2, None)


def test_a_drafter_authorises_nothing(watch: Visitor) -> None:
    """Refusing, authorising and breaking the glass take their powers; an auditor writes nothing."""
    watch.send("/line/aa/write", **FORM)
    drafter = Visitor.come(watch.desk, "Drafter", "drafter")
    auditor = Visitor.come(watch.desk, "Auditor", "auditor")
    assert drafter.send("/draft/1/authorise", answer="{}").status == 403
    assert drafter.send("/draft/1/refuse", why="x").status == 403
    assert drafter.send("/draft/1/break-glass", why="x").status == 403
    assert watch.send("/draft/1/break-glass", why=" ").status == 400
    assert watch.send("/draft/1/break-glass", why="no passkey").status == 400  # not offered
    for path in ("/drafts", "/draft/1", "/line/aa/write", "/stop"):
        assert auditor.get(path).status == 403
    assert "/stop" not in auditor.get("/").text
    assert watch.get("/draft/99").status == 404
