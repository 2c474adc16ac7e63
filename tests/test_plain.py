"""Foreign text on a terminal: shown, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.plain import BAR, WIDTH, cells, padded, plain, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("received\x1b[2K\rnothing", "received<U+001B>[2K<U+000D>nothing"),
        ("\u202etxet", "<U+202E>txet"),
        ("a\u2066b\u2069", "a<U+2066>b<U+2069>"),
        ("left\u200eright\u200f", "left<U+200E>right<U+200F>"),
        ("bell\a", "bell<U+0007>"),
        ("c1\x9b31m", "c1<U+009B>31m"),
        ("tab\tspace", "tab space"),
        ("two\u2028lines", "two<U+2028>lines"),
        ("[bold]plain[/bold]", "[bold]plain[/bold]"),
        ("\ufeffno mark", "<U+FEFF>no mark"),
        ("нормальный текст, ґанок", "нормальный текст, ґанок"),
        ("a\u00a0space and \u202fanother", "a\u00a0space and \u202fanother"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_nothing_is_obeyed(text: str, shown: str):
    """Controls, direction marks and separators show as numbers; letters and joiners as they are."""
    assert plain(text) == shown


@given(st.text(max_size=300))
def test_nothing_unseen_is_left(text: str):
    """Whatever the text, no control or format character but the joiners reaches the terminal."""
    for row in (plain(text), *quoted(text)):
        left = {unicodedata.category(char) for char in row if char not in "\u200c\u200d"}
        assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(max_size=500))
def test_no_row_reaches_the_margin(text: str):
    """Each row of a quoted text begins with the bar and is too short for a terminal to wrap."""
    for row in quoted(text, "  "):
        assert row.startswith("  " + BAR.rstrip())
        assert cells(row) <= WIDTH + 4


def test_long_words_are_broken_and_none_is_lost():
    """A word without end is cut into rows that together hold all of it."""
    rows = quoted("x" * 300)
    assert len(rows) > 3
    assert "".join(row.removeprefix(BAR) for row in rows) == "x" * 300


def test_forged_rows_stay_behind_the_bar():
    """A text that draws a receipt is shown as text."""
    assert quoted("ok\nreceived  Bravo  stated by the node") == [
        "│ ok",
        "│ received  Bravo  stated by the node",
    ]


def test_cells_count_columns():
    """Wide characters take two columns and combining ones none."""
    assert [cells(text) for text in ("ab", "日本", "e\u0301", "й")] == [2, 4, 1, 1]
    assert padded("日", 4) == "日  "
