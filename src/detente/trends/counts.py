"""The only question the rest of trends asks of data: stories by week, dyad and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be counted: undirected dyads, outcomes by CAMEO prefixes, and whole weeks."""

    dyads: tuple[tuple[str, str], ...]  # ISO3, each in alphabetical order
    outcomes: Mapping[str, frozenset[str]]  # prefixes of CAMEO codes; "" is the prefix of all
    first: date  # rows added on this day or later
    last: date  # rows added on this day or earlier


@dataclass(frozen=True, slots=True)
class WeekCount:
    """One week of one dyad and outcome. A week without a row of its kind counts nought."""

    week: date  # its Monday, by the date added
    a: str  # the dyad in alphabetical order: it has no direction
    b: str
    outcome: str  # a key of ``Question.outcomes``
    stories: int  # distinct stories told within a day of the event, twins folded
    reports: int  # raw rows, the late ones too
    late: int  # rows counted apart: added more than a day after they happened
    shared: int  # of the stories, those that name a further dyad of the question
