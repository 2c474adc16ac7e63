"""Weekly counts as the series that are estimated: week by week, with what is missing said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from detente.trends.counts import Question, WeekCount
from detente.trends.coverage import WeekCoverage
from detente.trends.plan import ALL, Dyad, Plan

Floats = NDArray[np.float64]
COUNTED = frozenset({"data", "zero"})  # the states of weeks that are kept


@dataclass(frozen=True, slots=True)
class Counted:
    """One window of a series, as counted."""

    count: int
    of: int  # what the count is of: all stories of the dyad, or of the world
    weeks: int  # kept
    lacking: int  # left out for want of data
    shared: int  # stories that name further dyads too; for a country apart from ``count``


@dataclass(frozen=True, slots=True)
class Series:
    """A series on the weeks of its plan. ``shared`` is the co-mention of the count."""

    y: Floats
    exposure: Floats
    keep: NDArray[np.bool_]
    shared: Floats

    def cut(self, first: int, last: int) -> Series:
        """Weeks ``first`` to before ``last``."""
        span = slice(max(first, 0), last)
        return Series(self.y[span], self.exposure[span], self.keep[span], self.shared[span])

    def counted(self, first: int, last: int) -> Counted:
        """What a window holds."""
        part = self.cut(first, last)
        kept = part.keep
        return Counted(
            count=int(part.y[kept].sum()),
            of=int(part.exposure[kept].sum()),
            weeks=int(kept.sum()),
            lacking=int((~kept).sum()),
            shared=int(part.shared[kept].sum()),
        )


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that was counted for a plan."""

    weeks: Sequence[date]
    starts: int  # index of the first week after
    keep: NDArray[np.bool_]
    world: Floats
    states: Sequence[str]
    stories: Mapping[tuple[Dyad, str], Floats]
    shared: Mapping[tuple[Dyad, str], Floats]
    rows: Mapping[tuple[Dyad, str], tuple[WeekCount, ...]]

    def share(self, dyad: Dyad, outcome: str) -> Series:
        """An outcome out of all stories of a dyad."""
        return Series(
            self.stories[dyad, outcome],
            self.stories[dyad, ALL],
            self.keep,
            self.shared[dyad, outcome],
        )

    def rate(self, dyad: Dyad, outcome: str) -> Series:
        """An outcome beside all stories of the world."""
        return Series(
            self.stories[dyad, outcome], self.world, self.keep, self.shared[dyad, outcome]
        )

    def alone(self, dyads: Sequence[Dyad], outcome: str) -> Series:
        """An outcome out of all, over several dyads, among stories that name one dyad only."""
        shared = self._sum(self.shared, dyads, outcome)
        y = self._sum(self.stories, dyads, outcome) - shared
        total = self._sum(self.stories, dyads, ALL) - self._sum(self.shared, dyads, ALL)
        return Series(y, np.maximum(total, y), self.keep, shared)

    def count(self, dyads: Sequence[Dyad], outcome: str) -> Floats:
        """Stories a week, over several dyads."""
        return self._sum(self.stories, dyads, outcome)

    def _sum(
        self, counts: Mapping[tuple[Dyad, str], Floats], dyads: Sequence[Dyad], outcome: str
    ) -> Floats:
        rows = [counts[dyad, outcome] for dyad in dyads]
        return np.asarray(np.sum(rows, axis=0), dtype=float)


def question_of(plan: Plan, also: Sequence[Dyad] = ()) -> Question:
    """What is asked of the data for a plan, and for dyads beside it."""
    ripples = [dyad for dyads in plan.ripples.values() for dyad in dyads]
    dyads = dict.fromkeys([*plan.dyads, *plan.comparison, *ripples, *also])
    outcomes = {**plan.outcomes, **plan.trends}
    weeks = plan.weeks()
    return Question(
        dyads=tuple(dyads),
        outcomes={ALL: frozenset({""}), **{key: frozenset(outcomes[key]) for key in outcomes}},
        first=weeks[0],
        last=plan.last,
    )


def board_of(
    plan: Plan, question: Question, counts: Sequence[WeekCount], covered: Sequence[WeekCoverage]
) -> Board:
    """Counts and coverage laid side by side; counts of what the question does not ask are left out.

    A week that the calendar lacks has no data.
    """
    weeks = plan.weeks()
    index = {week: at for at, week in enumerate(weeks)}
    by_week = {row.week: row for row in covered}
    states = [by_week[week].state if week in by_week else "no data" for week in weeks]
    world = np.array([by_week[week].world if week in by_week else 0 for week in weeks], dtype=float)
    keys = [(dyad, outcome) for dyad in question.dyads for outcome in question.outcomes]
    stories = {key: np.zeros(len(weeks)) for key in keys}
    shared = {key: np.zeros(len(weeks)) for key in keys}
    rows: dict[tuple[Dyad, str], list[WeekCount]] = {key: [] for key in keys}
    for row in counts:
        at, key = index.get(row.week), ((row.a, row.b), row.outcome)
        if at is not None and key in stories:
            stories[key][at] = row.stories
            shared[key][at] = row.shared
            rows[key].append(row)
    return Board(
        weeks=weeks,
        starts=index.get(plan.monday, len(weeks)),
        keep=np.array([state in COUNTED for state in states], dtype=bool),
        world=world,
        states=states,
        stories=stories,
        shared=shared,
        rows={key: tuple(sorted(found, key=lambda one: one.week)) for key, found in rows.items()},
    )
