"""When a notice is due, and how long it stands (spec/profile.md §5).

Spans are counted in seconds of UTC: a day has 86,400 of them, also where clocks change. Which
receipt is the legal one says the profile; how late it came is counted to that very second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from detente.dossiers.profile import Profile
from detente.dossiers.values import DAY_S, Value, read_day, year_of


class Times(NamedTuple):
    """The instants of a notice in seconds since the epoch; None where it has none, or none yet.

    ``due_s`` is the last second at which a receipt is in time, ``earliest_s`` the first one.
    """

    event_s: int | None = None
    due_s: int | None = None
    earliest_s: int | None = None
    valid_from_s: int | None = None
    valid_until_s: int | None = None

    def late_s(self, at_s: int) -> int:
        """By how many seconds a receipt at ``at_s`` is late; 0 where it is in time."""
        return 0 if self.due_s is None else max(0, at_s - self.due_s)

    def early_s(self, at_s: int) -> int:
        """By how many seconds a receipt at ``at_s`` comes too soon."""
        return 0 if self.earliest_s is None else max(0, self.earliest_s - at_s)

    def expired(self, now_s: int) -> bool:
        """Whether the notice no longer stands for anything."""
        return self.valid_until_s is not None and now_s >= self.valid_until_s


def times_of(profile: Profile, values: Mapping[str, Value], trigger_s: int | None = None) -> Times:
    """The instants of a notice with these values. ``trigger_s`` is when the notice that it answers
    to was received, for deadlines that run from a receipt."""
    deadline, validity = profile.deadline, profile.validity
    event = values.get(deadline.of)
    event_s = trigger_s if deadline.rule == "on-receipt" else event.start_s if event else None
    due_s, earliest_s = _due(profile, event_s)
    from_s = until_s = None
    stands = values.get(validity.of) if validity else None
    if validity is not None and stands is not None and stands.start_s is not None:
        from_s = stands.start_s
        until_s = stands.end_s if validity.span is None else from_s + validity.span.seconds
    return Times(event_s, due_s, earliest_s, from_s, until_s)


def _due(profile: Profile, event_s: int | None) -> tuple[int | None, int | None]:
    deadline = profile.deadline
    if event_s is None or deadline.rule == "at-once":
        return None, None
    early_s = 0 if deadline.earliest is None else deadline.earliest.seconds
    if deadline.by is None:  # a calendar day: on that day, or so long before it
        return event_s + DAY_S - 1, event_s - early_s
    if deadline.rule in {"within", "on-receipt"}:
        return event_s + deadline.by.seconds, None
    return event_s - deadline.by.seconds, event_s - early_s if early_s else None


def calendar_days(profile: Profile, from_s: int, until_s: int) -> list[int]:
    """The beginning of each day from ``from_s`` on and before ``until_s`` on which every party owes
    a notice under a calendar-day profile; of others none. In order."""
    years = range(year_of(from_s), year_of(until_s) + 1)
    found = [read_day(f"{year}-{day}") for year in years for day in profile.deadline.days]
    return sorted(day_s for day_s in found if from_s <= day_s < until_s)
