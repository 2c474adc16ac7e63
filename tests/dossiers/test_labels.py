"""National markings block a release; ordinary words do not."""

from __future__ import annotations

import pytest

from detente.core.errors import LocalError, Refusal
from detente.dossiers.dispatch import Comment, Label, decode_comment
from detente.dossiers.labels import ALONE, MARKINGS, check_release, marking


@pytest.mark.parametrize("word", MARKINGS)
def test_a_marking_is_found_at_both_ends_of_a_line(word):
    """Each marking is found alone, at the start and at the end, bracketed or numbered."""
    for line in (
        word,
        f"{word}: the text",
        f"the text // {word}.",
        f"1. ({word}) text",
        f"** {word} **",
    ):
        found = marking(line)
        assert found is not None
        assert found in word or word in found


@pytest.mark.parametrize("word", ALONE)
def test_words_with_another_meaning_are_markings_only_alone(word):
    """A restricted area is no restricted text."""
    assert marking(f"  [{word}]  ") == word
    assert marking(f"{word} AREA CLOSED") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "The secret of a good line is practice",
        "Secret ballot at noon",
        "SECRETARY OF STATE ARRIVES",
        "НЕСЕКРЕТНО",
        "A line with SECRET inside of it",
        "СЕКРЕТАРЬ прибыл",
    ],
)
def test_ordinary_text_is_not_marked(line):
    """Small letters, longer words and words inside a line are text."""
    assert marking(line) is None


def test_the_longest_marking_is_named():
    """What is named is the whole marking, whatever its spacing."""
    assert marking("NATO   SECRET//NOFORN") == "NATO SECRET"
    assert marking("ЦІЛКОМ ТАЄМНО прим. 1") == "ЦІЛКОМ ТАЄМНО"


def test_a_marked_text_is_not_released():
    """The refusal names marking, line and joint label; an unmarked text passes."""
    check_release("All is well.\nNothing to add.", Label.PARTIES_ONLY)
    with pytest.raises(LocalError) as refused:
        check_release("All is well.\nTOP SECRET", Label.MEDIATOR)
    assert refused.value.refusal is Refusal.NOT_ALLOWED
    assert refused.value.facts == {"marking": "TOP SECRET", "line": 2, "label": "MEDIATOR"}


def test_a_marking_received_is_read_like_any_text():
    """Only a release is refused: what the other side sent by mistake can be read and answered."""
    said = Comment(language="en", text="NATO SECRET\nAll is well.")
    assert decode_comment(said.encode()) == said
