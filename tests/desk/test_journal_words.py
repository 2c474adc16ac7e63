"""The journal as people read it: every note in words, whatever somebody wrote into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk.parties import Parties
from hypothesis import given
from hypothesis import strategies as st
from node.conftest import command

from detente import words
from detente.desk import journal_words
from detente.desk.alarm_words import TEXTS, as_data
from detente.node.upkeep import DESK_NOTES

SOURCE = Path(journal_words.__file__).parents[1]
AT_S = 1_770_282_000
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def read(word: str, **data: Any) -> dict[str, str]:
    note = {"index": 1, "at_s": AT_S, "word": word, "data": data}
    return dict(journal_words.read(note, {"ab" * 32: "The line"}).facts)


@pytest.fixture(params=words.LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each language in turn."""
    yield words.use(request.param)
    words.use("en")


def test_every_word_of_the_journal_is_told() -> None:
    """What the desk may write, and what the node writes, has words; a note of later versions shows
    as what it is called."""
    written = set(DESK_NOTES)
    for path in (SOURCE / "node").glob("*.py"):
        written |= set(re.findall(r'node\.note\(\s*"([a-z-]+)"', path.read_text("utf-8")))
    assert len(written) > 30
    written |= {"authorisation", "countersigned", "break-glass"}
    assert written == set(journal_words.NOTES)
    later = {"index": 1, "at_s": AT_S, "word": "tide\u202e", "data": {"moon": 4}}
    what, facts = journal_words.read(later, {})
    assert what.startswith("tide")
    assert "\u202e" not in what
    assert facts == ()


def test_facts_stand_by_name_in_words() -> None:
    """Times, lines, roles, powers, yes and no, lists of people; a time that the row has already is
    left out, and so is what says nothing."""
    assert read(
        "person-roles",
        at_s=AT_S + 30,
        name="Ann",
        by="Bob",
        roles=["watch", "drafter"],
        powers_gone=["prove"],
        before=[],
    ) == {
        "Name": "Ann",
        "Done by": "Bob",
        "Roles": "watch officer; drafter",
        "Powers that ended": "take proofs and exports",
    }
    assert read("proof-taken", who="Ann", line="ab" * 32, entry="") == {
        "Who": "Ann",
        "Line": "The line",
    }
    assert read("watch-taken", at_s=AT_S - 600, handed_over=False, until_s=AT_S) == {
        "Done at": "050850Z FEB 26",
        "Relief due": "050900Z FEB 26",
        "Handed over": "no",
    }
    assert read("escalation-list", list=[[5, "Ann", "22"], [9, "Bob", "23"]]) == {
        "Who is called": "5 Ann 22; 9 Bob 23"
    }
    by = [{"name": "Ann", "person": "1", "at_s": AT_S, "signature": "00"}, {"person": "2"}]
    assert read("authorisation", by=by, sha256="0" * 64) == {"Done by": "Ann 050900Z FEB 26; 2"}
    form = {"line": "ab" * 32, "precedence": "FLASH", "kind": "dispatch"}
    assert read("break-glass", form=form, reason="lost", sha256="0" * 64) == {
        "Precedence": "FLASH",
        "Line": "The line",
        "Why": "lost",
    }
    assert read("line", line="ab" * 32, title="As it was called") == {"Line": "The line"}
    assert read("line", line="cd" * 32, title="Another") == {"Line": "Another"}
    long = read("by-voice", text="x" * 600, note="f" * 64)
    assert (len(long["Text"]), len(long["Note"])) == (501, 16)


def test_an_alarm_is_told_in_its_sentence(parties: Parties, language: str) -> None:
    """The journal keeps an alarm as facts: whoever reads it reads it in their own language."""
    parties.bravo_says("Fire", precedence="FLASH")
    alarm = parties.alarms()["unread"]
    data = as_data(alarm)
    words.use(language)
    (said,) = (text for text in read("alarm-raised", **data).values() if "B-0001" in text)
    assert "FLASH" in said
    assert "bravo" in said
    data["facts"] = {}
    assert not any("FLASH" in text for text in read("alarm-raised", **data).values())


@given(
    st.sampled_from(sorted(journal_words.NOTES)),
    st.dictionaries(st.sampled_from([*journal_words.FACTS, "alarm", "facts", "x"]), PLAIN),
)
def test_no_note_breaks_the_page(word: str, data: dict[str, Any]) -> None:
    """Whatever a note holds, it is told or left out."""
    assert all(isinstance(text, str) and text for text in read(word, **data).values())
    assert isinstance(read(word, alarm=next(iter(TEXTS)), facts=data), dict)


def test_the_page_shows_words_first_and_the_note_as_it_is_kept_behind_them(
    parties: Parties,
) -> None:
    """What happened, who and where in words; the note as it is kept is one fold away."""
    auditor = parties.enter("Auditor", "auditor")
    data = {"who": "Ann", "line": parties.line, "entry": "B-0001"}
    command(parties.pair.alpha, "journal_note", word="proof-taken", data=data)
    page = auditor.get("/journal").text
    row = page[page.index("a proof or an export was taken") :].partition("</tr>")[0]
    title = parties.pair.alpha.execute({"do": "lines"})[0]["title"]
    assert ("Ann" in row, title in row) == (True, True)
    shown, _, kept = row.partition("<details>")
    assert "{" not in shown
    assert "&#34;who&#34;: &#34;Ann&#34;" in kept
