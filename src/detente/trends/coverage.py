"""Which weeks the files cover: nothing held, a source that failed, and nothing found differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class WeekCoverage:
    """One week of the calendar, over all sources held."""

    week: date  # its Monday
    files: int  # files held for it
    files_expected: int  # what the source publishes in a week
    world: int  # all stories of that week, of whatever dyad
    state: str  # "data", "no data", "source failed" or "zero"
