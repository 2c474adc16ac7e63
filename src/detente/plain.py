"""Text that somebody else wrote, made safe for a terminal (design §7, SECURITY.md promise 6).

A terminal obeys control characters and turns text round at bidirectional ones, so a message could
draw a receipt that nobody gave. Whatever is not plain is shown as its number, and every row of
foreign text stands behind a bar that foreign text cannot draw at the margin.
"""

from __future__ import annotations

import unicodedata

BAR = "│ "
WIDTH = 78  # of quoted text without its bar: a narrow terminal and a printed sheet hold it

_JOINERS = "\u200c\u200d"  # they shape letters and move nothing
# Cc controls, Cf format (bidi among them), surrogates, private use, unassigned, separators.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    """``text`` in one row: what is not plain shows as ``<U+202E>``, a tab as a space."""
    if text.isprintable():  # no character of _ESCAPED is: nearly every text, without a loop
        return text
    return "".join(" " if char == "\t" else _shown(char) for char in text)


def _shown(char: str) -> str:
    if char in _JOINERS or unicodedata.category(char) not in _ESCAPED:
        return char
    return f"<U+{ord(char):04X}>"


def cells(text: str) -> int:
    """How many columns of a terminal a plain text takes."""
    wide = sum(unicodedata.east_asian_width(char) in {"W", "F"} for char in text)
    thin = sum(unicodedata.combining(char) != 0 or char in _JOINERS for char in text)
    return len(text) + wide - thin


def quoted(text: str, indent: str = "") -> list[str]:
    """A text of several rows, each behind ``indent`` and the bar, none longer than WIDTH columns.

    No row is left for the terminal to wrap: the wrapped part would stand at the margin.
    """
    rows = [row for line in text.split("\n") for row in _wrapped(plain(line))]
    return [f"{indent}{BAR}{row}".rstrip() for row in rows]


def _wrapped(line: str) -> list[str]:
    rows, row = [], ""
    for word in line.split(" "):
        longer = f"{row} {word}" if row else word
        if cells(longer) <= WIDTH:
            row = longer
            continue
        if row:
            rows.append(row)
        row = word
        while cells(row) > WIDTH:
            rows.append(row[: WIDTH // 2])  # half: every character may be a wide one
            row = row[WIDTH // 2 :]
    return [*rows, row]


def padded(text: str, columns: int) -> str:
    """A plain text with spaces up to this many columns."""
    return text + " " * (columns - cells(text))
