"""Finding entries: by words of any script, number, time, precedence, rung, state, author."""

from __future__ import annotations

from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.node import finding


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: an answer in parts has a test of its own."""
    monkeypatch.setattr(finding, "BUDGET_S", 60.0)


@pytest.fixture
def spoken(pair: Any, command: Any) -> Any:
    """Five dispatches in three scripts, one of them answered and one accident report."""
    pair.say("Fog over the Bosphorus.", subject="Weather", precedence="FLASH")
    pair.say("Туман над Чёрным морем.", subject="Погода", node=pair.bravo, language="ru")
    pair.say("Ї – літера.", language="uk")
    pair.say("ΣΊΣΥΦΟΣ rolls\u00a0on", node=pair.bravo, precedence="PRIORITY")
    pair.say(
        "Seen, and agreed.", node=pair.bravo, relations=[{"entry": "A-0001", "relation": "answers"}]
    )
    command(pair.alpha, "say", accident={"what": "a hull", "where": "Кинбурнская коса"})
    pair.pump()
    return pair


def found(pair: Any, command: Any, **wanted: Any) -> list[str]:
    answer = command(pair.bravo, "find", **wanted)
    assert answer["further"] == ""
    return [one["entry"] for one in answer["entries"]]


@pytest.mark.parametrize(
    ("words", "entries"),
    [
        ("fog", ["A-0001"]),
        ("FOG bosphorus", ["A-0001"]),
        ("fog туман", []),
        ("туман", ["B-0001"]),
        ("чЁрНым ПОГОДА", ["B-0001"]),
        ("ї", ["A-0002"]),
        ("\u0456\u0308", ["A-0002"]),  # і and a diaeresis: the same letter composed
        ("σίσυφος", ["B-0002"]),
        ("rolls on", ["B-0002"]),
        ("ＦＯＧ", ["A-0001"]),  # full-width letters
        ("кинбурнская", ["A-0003"]),
        ("nothing of the kind", []),
    ],
)
def test_words_are_found_in_any_script(
    spoken: Any, command: Any, words: str, entries: list[str]
) -> None:
    """All words must stand in the body; case, composition and width make no difference."""
    assert found(spoken, command, words=words) == entries


def test_everything_else_that_narrows_it_down(spoken: Any, command: Any) -> None:
    """Number, precedence, author, kind, rung and state: each alone, and all must hold together."""
    everything = ["A-0003", "B-0003", "B-0002", "A-0002", "B-0001", "A-0001"]
    assert sorted(found(spoken, command)) == sorted(everything)
    assert found(spoken, command, entry=" A-0002 ") == ["A-0002"]
    assert found(spoken, command, precedence="FLASH", kind="dispatch") == ["A-0001"]
    assert found(spoken, command, precedence="Z", kind="accident") == ["A-0003"]
    assert sorted(found(spoken, command, author="alpha")) == ["A-0001", "A-0002", "A-0003"]
    assert found(spoken, command, author="1", precedence="PRIORITY") == ["B-0002"]
    assert found(spoken, command, rung="answered") == ["A-0001"]
    assert found(spoken, command, state="answered") == ["A-0001"]
    assert "A-0001" not in found(spoken, command, state="open")
    assert len(found(spoken, command, state="unanswered")) == 5
    assert found(spoken, command, state="overdue") == []


def test_a_span_of_time_is_its_first_and_its_last_second(spoken: Any, command: Any) -> None:
    """``from_s`` and ``to_s`` are both within; an empty span finds nothing."""
    at_s = command(spoken.bravo, "show", entry="A-0001")["time_s"]
    assert "A-0001" in found(spoken, command, from_s=at_s, to_s=at_s)
    assert "A-0001" not in found(spoken, command, to_s=at_s - 1)
    assert "A-0001" not in found(spoken, command, from_s=at_s + 1)


def test_an_answer_is_bounded_and_says_where_to_go_on(
    spoken: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the number of findings nor the time is exceeded; nothing is lost or found twice."""
    monkeypatch.setattr(finding, "BUDGET_S", 0.0)
    entries: list[str] = []
    before, looks = "", 0
    while True:
        answer = command(spoken.bravo, "find", limit=1, before=before)
        assert answer["looked"] == 1
        entries += [one["entry"] for one in answer["entries"]]
        before, looks = answer["further"], looks + 1
        if not before:
            break
    assert len(entries) == len(set(entries)) == 6
    monkeypatch.undo()
    first = command(spoken.bravo, "find", limit=2)
    rest = command(spoken.bravo, "find", limit=200, before=first["further"])
    assert [one["entry"] for one in first["entries"] + rest["entries"]] == entries


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({"state": "happy"}, Refusal.USAGE),
        ({"author": "nobody"}, Refusal.NOT_FOUND),
        ({"precedence": "LOUD"}, Refusal.USAGE),
        ({"entry": "A-0099"}, Refusal.NOT_FOUND),
        ({"entry": "fog"}, Refusal.USAGE),
        ({"limit": 0}, Refusal.USAGE),
    ],
)
def test_a_wish_that_means_nothing_is_refused(
    spoken: Any, command: Any, wish: dict[str, Any], refusal: Refusal
) -> None:
    """Whoever mistypes is told so, and not that there is nothing."""
    with pytest.raises(LocalError) as refused:
        command(spoken.bravo, "find", **wish)
    assert refused.value.refusal is refusal


def test_what_was_purged_is_found_by_no_word(spoken: Any, command: Any) -> None:
    """A purge destroys the body, and no trace of its words is left to find it by."""
    command(spoken.alpha, "purge", entry="A-0001")
    spoken.pump()
    assert found(spoken, command, words="fog") == []
    assert found(spoken, command, entry="A-0001") == ["A-0001"]


def test_what_a_desk_notes_stands_in_the_journal(spoken: Any, command: Any) -> None:
    """A note of an allowed word is kept with its data; a node's own word is refused."""
    data = {"who": "an officer", "alarm": "overdue"}
    noted = command(spoken.alpha, "journal_note", word="alarm-silenced", data=data)
    (last,) = command(spoken.alpha, "journal", limit=1)
    assert (last["word"], last["data"], last["index"]) == ("alarm-silenced", data, noted["index"])
    earlier = command(spoken.alpha, "journal", limit=5, before=noted["index"])
    assert noted["index"] not in [one["index"] for one in earlier]
    for word in ("duty", "adopt", "trust", ""):
        with pytest.raises(LocalError):
            command(spoken.alpha, "journal_note", word=word, data=data)
