"""Sheets: the strict line records that cards, charters and revocations are written in.

A sheet is a fixed first line, then ``key value`` lines in an order its kind fixes
(spec/identity.md §2). People read sheets aloud and sign them, so a value holds nothing that a
screen could hide or turn round, and equal sheets are equal bytes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from detente.core.encoding import malformed, utf8
from detente.core.errors import LocalError, PeerError, Refusal

Value = TypeVar("Value")

# Zero-width joiners shape the letters of several scripts; every other format character is refused.
_JOINERS = "\u200c\u200d"
# Controls (C0 and C1), format (bidi controls among them), surrogates, private use, unassigned,
# line and paragraph separators.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_KEY = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def fault(value: str) -> str | None:
    """Why a value cannot stand in a sheet, or None (spec/identity.md §2).

    A value is not empty, is in Unicode's NFC, and has single inner U+0020 as its only spaces.
    """
    if not value or value[0] == " " or value[-1] == " " or "  " in value:
        return "empty, or a space too many"
    if value.isascii():  # the common case, many times a card
        return None if value.isprintable() else "a control character"
    for char in value:
        category = unicodedata.category(char)
        if category in _REFUSED and char not in _JOINERS:
            return f"U+{ord(char):04X} ({category}) is not allowed"
        if category == "Zs" and char != " ":
            return f"U+{ord(char):04X} is not the plain space"
    return None if unicodedata.is_normalized("NFC", value) else "not in NFC"


def write_sheet(first: str, lines: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a sheet. LocalError MALFORMED for a value that could not be read back."""
    out = [first]
    for key, value in lines:
        wrong = fault(value)
        if wrong is not None:
            raise LocalError(Refusal.MALFORMED, f"{key}: {wrong}")
        out.append(f"{key} {value}")
    return ("\n".join(out) + "\n").encode()


class SheetReader:
    """Reads a sheet line by line, in order. What no writer would write is PeerError MALFORMED."""

    __slots__ = ("_lines", "_pos")

    def __init__(self, data: bytes, first: str, bytes_max: int) -> None:
        """Checks length (OVERSIZE), first line, and every line's form before any is read."""
        if len(data) > bytes_max:
            raise PeerError(Refusal.OVERSIZE, f"{len(data)} bytes where {bytes_max} are allowed")
        lines = utf8(data).split("\n")
        if lines[0] != first:
            raise malformed(f"does not begin with «{first}»")
        if lines.pop():
            raise malformed("does not end with a newline")
        self._lines = [_split(line) for line in lines[1:]]
        self._pos = 0

    def next_key(self) -> str:
        """The key of the next line; empty at the end."""
        return self._lines[self._pos][0] if self._pos < len(self._lines) else ""

    def value(self, key: str) -> str:
        """The value of the next line, whose key must be ``key``."""
        if self.next_key() != key:
            raise malformed(f"no line «{key}» where it belongs")
        self._pos += 1
        return self._lines[self._pos - 1][1]

    def values(self, key: str) -> tuple[str, ...]:
        """The values of all the lines next to come that have this key; there may be none."""
        found = []
        while self.next_key() == key:
            found.append(self.value(key))
        return tuple(found)

    def done(self) -> None:
        """Refuses lines behind the last."""
        if self._pos != len(self._lines):
            raise malformed(f"line «{self.next_key()}» does not belong there")


def _split(line: str) -> tuple[str, str]:
    key, _, value = line.partition(" ")
    if not key or not _KEY.issuperset(key):
        raise malformed("a line without a key")
    wrong = fault(value)
    if wrong is not None:
        raise malformed(f"{key}: {wrong}")
    return key, value


def read_back(value: Value, read: Callable[[], Value]) -> None:
    """Refuses to write what ``read`` would not read back as ``value``: LocalError, same refusal."""
    try:
        same = read() == value
    except PeerError as exc:
        raise LocalError(exc.refusal, exc.detail) from exc
    if not same:
        raise LocalError(Refusal.MALFORMED, "it reads back as another")


def fields(value: str, count: int) -> list[str]:
    """The ``count`` words of a value; the last takes the rest. MALFORMED for fewer."""
    words = value.split(" ", count - 1)
    if len(words) != count:
        raise malformed(f"{len(words)} words where {count} belong")
    return words


def choice(value: str, allowed: Iterable[str]) -> str:
    """A word from a closed list. MALFORMED otherwise."""
    if value not in allowed:
        raise malformed(f"«{value}» is none of: {', '.join(allowed)}")
    return value


def yes(value: str) -> bool:
    """The flag written ``yes`` or ``no``. MALFORMED otherwise."""
    return choice(value, ("yes", "no")) == "yes"


def yes_no(flag: bool) -> str:
    """How a flag is written."""
    return "yes" if flag else "no"


def instant(time_s: int) -> str:
    """Seconds since the Unix epoch as ``2026-02-05T09:00:00Z``. LocalError MALFORMED past 9999."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime(_INSTANT)
    except (OverflowError, ValueError, OSError) as exc:
        raise LocalError(Refusal.MALFORMED, f"no instant can be written for {time_s}") from exc


def uninstant(value: str) -> int:
    """The seconds that ``instant`` wrote. MALFORMED otherwise, also before 1970."""
    try:
        time_s = int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp())
    except ValueError as exc:
        raise malformed("not an instant of UTC") from exc
    if time_s < 0 or instant(time_s) != value:
        raise malformed("not an instant in its one form")
    return time_s
