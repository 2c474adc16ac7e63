"""Date-time groups, prosigns, serials, test sentences."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core.errors import LocalError
from detente.core.leaf import Kind, Leaf, LogId, Precedence
from detente.dossiers import conventions, neutral
from detente.dossiers.dispatch import TestText


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (1_770_294_600, "051230Z FEB 26"),
        (1_770_294_659, "051230Z FEB 26"),
        (946_684_800, "010000Z JAN 00"),
        (4_102_444_799, "312359Z DEC 99"),
        (0, "010000Z JAN 1970"),
        (4_102_444_800, "010000Z JAN 2100"),
        (-60, "312359Z DEC 1969"),
        ((1 << 40) - 1, "200036Z FEB 36812"),
    ],
)
def test_a_time_is_written_as_a_date_time_group(time_s, text):
    """Day, hour and minute in GMT, month in Latin letters, and a full year where two digits lie."""
    assert conventions.dtg(time_s) == text


@given(st.integers(-(1 << 35), (1 << 40) - 1))
def test_a_date_time_group_reads_back_to_its_minute(time_s):
    """Whatever is written can be read, less the seconds."""
    assert conventions.parse_dtg(conventions.dtg(time_s)) == time_s - time_s % 60


@pytest.mark.parametrize(
    "text",
    [
        "",
        "051230 FEB 26",
        "051230z feb 26",
        "051230Z FEV 26",
        "301230Z FEB 26",
        "052430Z FEB 26",
        "051260Z FEB 26",
        "051230Z FEB 026",
        "051230Z FEB 26 ",
        "٠٥1230Z FEB 26",
    ],
)
def test_what_is_no_date_time_group_is_refused(text):
    """Other months, impossible days and hours, and other digits are the operator's mistake."""
    with pytest.raises(LocalError, match="usage"):
        conventions.parse_dtg(text)


def test_each_precedence_has_a_prosign():
    """Y, Z, O, P, R, M from the highest to the lowest, and both spellings are understood."""
    falling = sorted(Precedence, reverse=True)
    assert "".join(conventions.PROSIGNS[precedence] for precedence in falling) == "YZOPRM"
    for precedence in Precedence:
        assert conventions.parse_precedence(precedence.name) is precedence
        assert conventions.parse_precedence(conventions.PROSIGNS[precedence]) is precedence


@pytest.mark.parametrize("word", ["", "flash", "z", "ALERT", "ZZ"])
def test_other_words_are_no_precedence(word):
    """A precedence is asked for in Latin capitals and by no other word."""
    with pytest.raises(LocalError, match="usage"):
        conventions.parse_precedence(word)


@pytest.mark.parametrize(
    ("log", "number", "text"),
    [
        (LogId(0, 0, b""), 42, "A-0042"),
        (LogId(0, 1, b"12345678"), 42, "A.1-0042"),
        (LogId(25, 0, b""), 12_345, "Z-12345"),
        (LogId(31, 0, b""), 1, "AF-0001"),
        (LogId(1, 0, b""), 0, ""),
    ],
)
def test_a_serial_names_author_incarnation_and_count(log, number, text):
    """A watch can say it aloud and count it; entries without a serial have none."""
    leaf = Leaf(kind=Kind.DISPATCH, time_s=1, audience=3, serial=number)
    assert conventions.serial(leaf, log) == text


def test_every_member_has_its_own_letters():
    """No two member numbers are called the same."""
    letters = [conventions.member_letters(number) for number in range(32)]
    assert len(set(letters)) == 32


def test_each_sentence_is_there_in_three_languages():
    """24 sentences, each short, different, and fit to be sent."""
    assert len(neutral.SENTENCES) == 24
    for language in ("en", "ru", "uk"):
        said = [neutral.sentence(number, language) for number in range(24)]
        assert len(set(said)) == 24
        for number, text in enumerate(said):
            assert text.endswith(".")
            assert len(text) <= 60
            assert TestText(language=language, number=number, text=text).encode()
            latin = any(
                unicodedata.name(char).startswith("LATIN") for char in text if char.isalpha()
            )
            assert latin == (language == "en")


def test_an_unknown_sentence_is_none():
    """A newer list may be longer or speak more languages."""
    assert neutral.sentence(24, "en") is None
    assert neutral.sentence(0, "fr") is None
