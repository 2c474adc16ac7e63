"""Weekly counts made up from a seed: what a report is made of, without a file being read."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from detente.trends.counts import Question, WeekCount
from detente.trends.coverage import WeekCoverage
from detente.trends.lake import FileRead
from detente.trends.plan import ALL, Plan, read_plan

PLAN = """\
title = "Ours & theirs"
starts = 2014-07-07
first = 2012-01-02
last = 2015-01-04
dyads = ["AAA-BBB", "AAA-DDD"]
comparison = ["MMM-NNN", "OOO-PPP", "QQQ-RRR"]
ripple = ["GBR", "CAN"]
before_weeks = 104
after_weeks = 26
[[rival]]
what = "An election"
first = 2014-09-01
"""
GAP = 40  # a week without data
FAILED = 41  # and one whose source failed
READ = FileRead(
    path="a.csv",
    sha256="ab" * 32,
    rows=10,
    read=9,
    rejected={"short-line": 1},
    source="gdelt2",
    licence="gdelt",
    first=date(2012, 1, 2),
    last=date(2015, 1, 4),
)


def plan(text: str = PLAN) -> Plan:
    """The plan of this world, as somebody wrote it."""
    return read_plan(text.encode(), "plan.toml")


def counts(question: Question, starts: date, factor: float = 4.0) -> list[WeekCount]:
    """Noughts and all; the conflict of the first dyad is ``factor`` times as much from then on."""
    chance = np.random.default_rng(7)
    weeks = (question.last - question.first).days // 7 + 1
    found = []
    for dyad in question.dyads:
        for number in range(weeks):
            week = question.first + timedelta(weeks=number)
            total = int(chance.poisson(40))
            left = total
            for outcome in question.outcomes:
                many = total
                if outcome != ALL:
                    part = 0.1 if outcome in {"conflict", "cooperation"} else 0.02
                    if dyad == question.dyads[0] and outcome == "conflict" and week >= starts:
                        part *= factor
                    many = min(int(chance.binomial(total, part)), left)
                shared = int(chance.binomial(many, 0.1))
                found.append(WeekCount(week, *dyad, outcome, many, many + 3, 1, shared))
    return found


def coverage(question: Question) -> list[WeekCoverage]:
    """Every week of the question, with one that has no data and one whose source failed."""
    weeks = (question.last - question.first).days // 7 + 1
    states = {GAP: ("no data", 0), FAILED: ("source failed", 300)}
    return [
        WeekCoverage(
            question.first + timedelta(weeks=number),
            states.get(number, ("", 672))[1],
            672,
            40_000,
            states.get(number, ("data", 0))[0],
        )
        for number in range(weeks)
    ]
