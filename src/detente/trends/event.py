"""The normal form: one row of any source, in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Event:
    """One reported event: who is said to have done what to whom, and when that was added.

    A row is a report, not an event of the world: one story gives many rows. Weeks are counted by
    ``added``, since sources date stories back by days, months and exactly a year.
    """

    added: date  # when the source put the row in; what every count goes by
    happened: date  # when the source says that it happened
    source: str  # "gdelt1", "gdelt2", "icews", "polecat", "acled", "ucdp" or a mapping's name
    actor: str  # ISO 3166-1 alpha-3, or "" where the source names no country
    target: str  # as actor
    place: str  # where it happened, ISO 3166-1 alpha-3 or ""
    code: str  # CAMEO, as text: leading zeros count; "" where the source has no such thing
    root: str  # the first two digits of the code
    quad: int  # 1 verbal and 2 material cooperation, 3 verbal and 4 material conflict, 0 unknown
    scale: float | None  # the source's scale value: Goldstein or intensity, -10 to +10
    story: str  # the address or story id: one story, however many rows
    late_days: int  # added - happened
