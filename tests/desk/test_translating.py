"""The translation desk: machine work is marked, agreed terms are shown, and by whom it may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk.asking import Visitor

from detente.core.errors import LocalError, Refusal
from detente.desk import translators
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk

MARKED = "[MACHINE TRANSLATION: toy]\nMOST"
VIEW: dict[str, Any] = {
    "line": "aa",
    "place": "1/0:5",
    "entry": "B-0001",
    "mine": False,
    "author": {"name": "Bravo"},
    "kind": "dispatch",
    "precedence": "ROUTINE",
    "drill": False,
    "relations": [],
    "body_state": "open",
    "label": "parties-only",
    "personal": False,
    "language": "ru",
    "subject": "",
    "text": "Мост",
}
LINE = {"line": "aa", "title": "Test line", "drill": False, "members": []}


class Toy:
    """An engine that knows one word."""

    name = "toy"

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset({("ru", "en")})

    def translate(self, text: str, source: str, target: str) -> str:
        assert (source, target) == ("ru", "en")
        return text.replace("Мост", "MOST")


class Point:
    """An installed distribution's word for an engine."""

    def __init__(self, made: type) -> None:
        self.name = "toy"
        self._made = made

    def load(self) -> type:
        return self._made


class FakeNode:
    """A node with one entry on one line."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        self.asked.append({"do": do, **arguments})
        return {}

    async def look(self, do: str, **_arguments: Any) -> Any:
        return {"show": VIEW, "lines": [LINE]}.get(do, [])

    def on_event(self, _hear: object) -> None:
        """Nothing is told here."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with the toy engine installed."""
    monkeypatch.setattr(translators, "entry_points", lambda group: [Point(Toy)])
    cabinet = Cabinet.open(tmp_path, create=True)
    made = Desk(tmp_path, cabinet, "http://alpha.localhost:1")
    made.node = FakeNode()  # type: ignore[assignment]
    yield made
    cabinet.close()


@pytest.fixture
def translator(desk: Desk) -> Visitor:
    return Visitor.come(desk, "Translator", "translator")


def test_none_is_shipped() -> None:
    """A fresh installation has no engine."""
    assert translators.engines() == []


def test_an_engine_is_found_by_its_entry_point(desk: Desk) -> None:
    """By name and pair of languages; another pair or name is not there."""
    assert [one.name for one in translators.engines()] == ["toy"]
    assert translators.engine_for("toy", "ru", "en").name == "toy"
    for wrong in (("toy", "en", "ru"), ("other", "ru", "en")):
        with pytest.raises(LocalError) as refused:
            translators.engine_for(*wrong)
        assert refused.value.refusal is Refusal.NOT_FOUND


def test_what_is_no_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point that gives something else is refused, not called."""
    monkeypatch.setattr(translators, "entry_points", lambda group: [Point(dict)])
    with pytest.raises(LocalError) as refused:
        translators.engines()
    assert refused.value.refusal is Refusal.USAGE


def test_the_original_stands_beside_what_a_machine_drafts(translator: Visitor) -> None:
    """The page shows the original, offers the engine, and what the engine made carries its mark;
    nobody is offered to certify it."""
    plain = translator.get("/line/aa/entry/1/0:5/translate?into=en")
    assert "Мост" in plain.text
    assert "engine=toy" in plain.text
    assert 'value="certified"' in plain.text
    made = translator.get("/line/aa/entry/1/0:5/translate?into=en&engine=toy")
    assert "Мост" in made.text
    assert MARKED in made.text
    assert 'value="certified"' not in made.text
    unknown = translator.get("/line/aa/entry/1/0:5/translate?into=uk&engine=toy")
    assert unknown.status == 404


def test_machine_work_is_marked_and_never_above_rough(translator: Visitor) -> None:
    """Whatever the form says: stated by the node, marked in its text, and refused as certified,
    also where somebody took only the text over."""
    at = "/line/aa/entry/1/0:5/translate"
    sent = translator.send(at, into="en", grade="rough", text="MOST", machine="toy")
    assert sent.status == 303
    (asked,) = translator.desk.node.asked
    assert (asked["text"], asked["stater"], asked["grade"]) == (MARKED, "node", "rough")
    for fields in ({"machine": "toy", "text": "MOST"}, {"text": MARKED}):
        refused = translator.send(at, into="en", grade="certified", **fields)
        assert refused.status == 403
    assert translator.send(at, into="en", grade="perfect", text="x").status == 400
    assert translator.send(at, into="en", grade="sight", text=" ").status == 400
    assert len(translator.desk.node.asked) == 1


def test_a_translator_certifies_their_own_work(translator: Visitor) -> None:
    """Words of a person are stated by the watch, in whatever grade they give."""
    translator.send("/line/aa/entry/1/0:5/translate", into="EN ", grade="certified", text="Bridge")
    (asked,) = translator.desk.node.asked
    assert (asked["stater"], asked["grade"], asked["language"]) == ("watch", "certified", "en")


def test_agreed_terms_stand_beside_the_text(translator: Visitor) -> None:
    """A term is added, shown to whoever translates that pair, either way round, and taken out."""
    term = {"language": "en", "text": "bridge", "into_language": "ru", "into_text": "мост"}
    assert translator.send("/glossary", remark="never viaduct", **term).status == 303
    page = translator.get("/line/aa/entry/1/0:5/translate?into=en").text
    assert "never viaduct" in page
    assert "never viaduct" in translator.get("/glossary").text
    assert "never viaduct" not in translator.get("/line/aa/entry/1/0:5/translate?into=uk").text
    assert translator.send("/glossary", **term | {"text": " "}).status == 400
    assert translator.send("/glossary", **term | {"text": "x" * 201}).status == 413
    assert translator.send("/glossary/1/drop").status == 303
    assert translator.send("/glossary/1/drop").status == 404
    assert "never viaduct" not in translator.get("/glossary").text


def test_only_translators_translate(desk: Desk) -> None:
    """A watch officer reads the glossary and changes nothing in it."""
    watch = Visitor.come(desk, "Watch", "watch")
    assert watch.get("/glossary").status == 200
    assert watch.get("/line/aa/entry/1/0:5/translate").status == 403
    assert watch.send("/line/aa/entry/1/0:5/translate", text="x").status == 403
    assert watch.send("/glossary", text="x").status == 403
    assert desk.node.asked == []
