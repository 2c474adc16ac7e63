"""Files of drafts and of entries at a desk, without a browser: kept, let go, handed out."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk.asking import Visitor
from desk.visitor import Answer

from detente.core import limits
from detente.core.errors import LocalError
from detente.desk import attaching
from detente.desk.attaching import fit_name
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk

FORM: dict[str, Any] = {"precedence": "ROUTINE", "text": "See the picture.", "language": "en"}
HTML = b"<script>alert(1)</script>"
VIEW: dict[str, Any] = {
    "line": "aa", "place": "1/0:5", "entry": "B-0001", "mine": False, "hash": "ab",
    "author": {"name": "Bravo"}, "kind": "dispatch", "drill": False, "body_state": "open",
    "attachments": [
        {"number": 0, "name": "<b>.html", "media_type": "text/html", "size_bytes": 25,
         "sha256": "cd" * 32, "held_bytes": 25, "state": "whole"},
        {"number": 1, "name": "big.bin", "media_type": "application/octet-stream",
         "size_bytes": 100, "sha256": "ef" * 32, "held_bytes": 40, "state": "arriving"},
    ],
}  # fmt: skip


class FakeNode:
    """A node with one line and one entry with two files."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def ask(self, do: str, **arguments: Any) -> Any:
        self.asked.append({"do": do, **arguments})
        if do == "attachment":
            return {"sha256": "cd" * 32, "data_b64": base64.b64encode(HTML).decode()}
        return {}

    async def look(self, do: str, **_arguments: Any) -> Any:
        if do == "lines":
            return [{"line": "aa", "title": "Line", "drill": False, "members": []}]
        return VIEW

    def on_event(self, _hear: object) -> None:
        """Nothing is told here."""


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Visitor]:
    """A watch officer at a desk, with a draft."""
    cabinet = Cabinet.open(tmp_path, create=True)
    desk = Desk(tmp_path, cabinet, "http://alpha.localhost:1")
    desk.node = FakeNode()  # type: ignore[assignment]
    visitor = Visitor.come(desk, "Watch", "watch")
    visitor.send("/line/aa/write", **FORM)
    yield visitor
    cabinet.close()


def _attach(who: Visitor, *files: tuple[str, bytes], draft: int = 1) -> Answer:
    """A form with files, as a browser sends it."""
    parts = [("form_token", None, who.token.encode())]
    parts += [("file", name, data) for name, data in files]  # type: ignore[misc]
    body = b""
    for name, filename, data in parts:
        named = "" if filename is None else f'; filename="{filename}"'
        body += f'--edge\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
        body += data + b"\r\n"
    headers = {"origin": who.desk.origin, "content-type": "multipart/form-data; boundary=edge"}
    return who._call("POST", f"/draft/{draft}/attach", body + b"--edge--\r\n", headers)


def _files(who: Visitor) -> list[dict[str, Any]]:
    return list(who.desk.drafts.get(1).fields.get("attachments", ()))


def test_files_are_kept_beside_a_draft_until_it_goes(watch: Visitor) -> None:
    """For their owner alone, under no name of theirs; what is typed afterwards keeps them, and one
    that is taken away, or thrown away with the draft, is gone."""
    assert _attach(watch, ("C:\\maps\\road.png", b"one"), ("two.txt", b"two")).status == 303
    one, two = _files(watch)
    assert (one["name"], two["name"]) == ("road.png", "two.txt")
    assert stat.S_IMODE(Path(one["path"]).stat().st_mode) == 0o600
    page = watch.get("/draft/1").text
    assert "road.png" in page
    assert str(watch.desk.home) not in page
    version = watch.desk.drafts.get(1).version
    watch.send("/draft/1", version=version, **FORM | {"text": "Other words."})
    assert _files(watch) == [one, two]
    watch.send("/draft/1/detach", file=Path(one["path"]).name)
    assert _files(watch) == [two]
    assert not Path(one["path"]).exists()
    watch.send("/draft/1/drop")
    assert not Path(two["path"]).exists()


def test_the_last_file_that_is_taken_away_leaves_a_draft_without(watch: Visitor) -> None:
    """As if there had never been one; a name that is not there takes nothing away."""
    _attach(watch, ("a.txt", b"a"))
    watch.send("/draft/1/detach", file="../../a.txt")
    assert len(_files(watch)) == 1
    watch.send("/draft/1/detach", file=Path(_files(watch)[0]["path"]).name)
    assert "attachments" not in watch.desk.drafts.get(1).fields


def test_what_the_node_would_refuse_is_refused_here(
    watch: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty file, a ninth, more than an entry may have, and any once the draft is offered."""
    assert _attach(watch, ("empty", b"")).status == 413
    monkeypatch.setattr(attaching, "ATTACHED_BYTES_MAX", 100)
    assert _attach(watch, ("long", bytes(101))).status == 413
    for _ in range(limits.ATTACHMENTS_MAX):
        assert _attach(watch, ("a.txt", b"a")).status == 303
    assert _attach(watch, ("a.txt", b"a")).status == 413
    assert len(_files(watch)) == limits.ATTACHMENTS_MAX
    draft = watch.desk.drafts.get(1)
    watch.desk.drafts.offer(1, draft.version, {"sha256": "aa"}, 1)
    assert _attach(watch, ("a.txt", b"a")).status == 403
    with pytest.raises(LocalError):
        watch.desk.drafts.get(2)


def test_a_file_is_handed_out_as_bytes_that_no_browser_shows(watch: Visitor) -> None:
    """Whatever its author calls it: no type, no name of its own, and nothing may run in it."""
    answer = watch.get("/line/aa/entry/1/0:5/attachment/0")
    assert (answer.status, answer.text) == (200, HTML.decode())
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="attachment-cdcdcdcdcdcdcdcd.bin"'
    )
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    asked = watch.desk.node.asked  # type: ignore[attr-defined]
    assert asked == [{"do": "attachment", "line": "aa", "entry": "1/0:5", "number": 0}]


def test_type_size_and_state_stand_before_anything_is_opened(watch: Visitor) -> None:
    """Foreign names cannot write the page, and what is not whole offers nothing to save."""
    page = watch.get("/line/aa/entry/1/0:5").text
    assert "&lt;b&gt;.html" in page
    assert "text/html, 25 bytes" in page
    assert "40 %" in page
    assert "/attachment/0" in page
    assert "/attachment/1" not in page
    assert "cd" * 32 in page


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("road.png", "road.png"),
        ("/etc/passwd", "passwd"),
        ("a\u202eb:c.txt", "a_b_c.txt"),
        ("..", "attachment"),
        (" .hidden", "hidden"),
        ("x" * 100 + ".jpeg", "x" * 75 + ".jpeg"),
        ("e\u0301.txt", "\u00e9.txt"),
    ],
)
def test_what_a_browser_calls_a_file_is_made_fit(name: str, kept: str) -> None:
    """Its own last part, plain, and short enough with its ending."""
    assert fit_name(name) == kept
