"""Why a line was not read. Nothing is dropped without one of these words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detente.core.errors import LocalError, Refusal


class Reason(StrEnum):
    """What is wrong with one line; its value is the word in every list."""

    COLUMNS = "column-count"  # more or fewer cells than the format has
    ENCODING = "not-utf-8"
    DATE = "bad-date"
    FUTURE = "future-date"  # happened after it was added, or added after the file was had
    ACTOR = "unknown-actor"
    PLACE = "unknown-place"
    CODE = "unknown-event-code"
    QUAD = "bad-quad-class"
    NUMBER = "bad-number"


@dataclass(frozen=True, slots=True)
class Reject:
    """One line that was not read, where it stands and why."""

    path: str  # the file's name, without its folders
    line: int  # from 1, the header counted; of several lines in one record, the first
    column: int  # from 1: the cell at fault, or the first that lacks or is too many
    reason: Reason
    text: str  # the cell, or what there is of the line, cut to 80 characters


def unreadable(name: str, line: int, column: int, what: str) -> LocalError:
    """A whole file that cannot be read, and where in it that showed."""
    return LocalError(
        Refusal.MALFORMED, f"{name}: line {line}, column {column}: {what}", name=name, line=line
    )
