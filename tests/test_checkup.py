"""What the doctor finds, in three languages."""

from __future__ import annotations

import string

import pytest

from detente import checkup, words
from detente.desk import alarm_words
from detente.desk.alarms import alarms, conditions
from detente.node import upkeep


def test_the_node_and_the_screens_say_the_same() -> None:
    """Every finding and every hint of the node has its words here, and no other."""
    assert checkup.FOUND == upkeep.SAID
    assert {name: hint for name, _check, hint in upkeep.CHECKS if hint} == checkup.HINTS
    assert list(checkup.CHECKS) == [name for name, _check, _hint in upkeep.CHECKS]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_finding_is_told_in_every_language(language: str) -> None:
    """With its facts, made plain; what the machine itself said stands as it is."""
    words.use(language)
    try:
        for word, sentence in checkup.FOUND.items():
            names = [name for _text, name, _spec, _ in string.Formatter().parse(sentence) if name]
            facts = {name: f"{name}\u202e" for name in names}
            said = checkup.detail({"check": "disk", "word": word, "facts": facts})
            assert "\u202e" not in said
            assert all(name in said for name in names)
        raw = {"check": "tls", "word": "", "facts": {}, "detail": "no\u202e", "hint": ""}
        assert "\u202e" not in checkup.detail(raw)
        assert checkup.hint(raw) == ""
    finally:
        words.use("en")


def test_an_alarm_of_the_doctor_is_told_with_its_facts() -> None:
    """Also when it is read back out of a hand-over, whose facts are texts."""
    finding = {"check": "keys", "ok": False, "detail": "restores left: 3", "hint": "x"}
    finding |= {"word": "keys-few", "facts": {"left": 3, "of": 15}}
    status = {"lines": []}
    (alarm,) = alarms(conditions(status, [finding], 0), {}, (), 0)
    assert alarm_words.wrong(alarm) == "keys run out: restores left: 3 of this party's 15"
    assert alarm_words.wrong_then(alarm_words.matter(alarm)) == alarm_words.wrong(alarm)
    assert "no rotation brings more" in alarm_words.todo(alarm)
    source = {"check": "clock", "word": "clock-well", "facts": {"error": 2, "source": "hand"}}
    assert checkup.detail(source) == "±2 s, set by hand"
