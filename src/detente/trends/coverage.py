"""Which weeks the files cover: nothing held, a source that failed, and nothing found differ.

GDELT 2 publishes 96 files a day and GDELT 1 one; what is in is seen from the rows themselves, and
from the name of a file that is empty. Other sources come by the week or the year: a file of theirs
covers every day from its first to its last row, so a quiet week inside it is a true nought.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import duckdb

from detente.trends.counts import LATE_DAYS, Question, weeks
from detente.trends.lake import FileRead, Lake
from detente.trends.readers.form import text

SHARE_MIN: Final = 0.9  # of a week's files; below it the week is missing, not low
SLOTS_A_DAY: Final = {"gdelt2": 96}
_NAMED: Final = re.compile(r"(\d{14}|\d{8})(\.translation)?\.export\.csv(\.zip)?", re.IGNORECASE)

DATA: Final = "data"
NO_DATA: Final = "no data"
FAILED: Final = "source failed"
ZERO: Final = "zero"


@dataclass(frozen=True, slots=True)
class WeekCoverage:
    """One week of the calendar, over the sources of a question."""

    week: date  # its Monday
    files: int  # held for it: files where a source publishes by the day or quarter, else days
    files_expected: int  # what the sources held publish in a week, counted alike
    world: int  # stories of that week, of whatever dyad; GDELT's own totals where they are held
    state: str  # "data", "no data", "source failed" or "zero"


def coverage(lake: Lake, question: Question) -> list[WeekCoverage]:
    """Every week of the question. "zero" is a nought to count with; the next two are not.

    "source failed": files of the week lack or could not be read, and less than nine tenths are
    there. "no data": nothing was held for it. The window's ends count only the days inside it.
    """
    held = lake.files()
    sources = question.sources or tuple(sorted({s for one in held for s in _sources(one)}))
    days = _days(lake, held, sources)
    failed = {slot for one in held if one.failed for _, slot in _named(one)}
    world, named = _world(lake, question), _named_weeks(lake, question)
    found = []
    for week in weeks(question):
        inside = [
            day
            for n in range(7)
            if question.first <= (day := week + timedelta(days=n)) <= question.last
        ]
        files = sum(min(days[source, day], _a_day(source)) for source in sources for day in inside)
        expected = sum(_a_day(source) for source in sources) * len(inside)
        broken = any(_day(slot) in inside for slot in failed)
        if expected and files >= SHARE_MIN * expected:
            state = DATA if week in named else ZERO
        else:
            state = FAILED if files or broken else NO_DATA
        found.append(WeekCoverage(week, files, expected, world.get(week, 0), state))
    return found


def _a_day(source: str) -> int:
    return SLOTS_A_DAY.get(source, 1)


def _day(slot: str) -> date:
    return date(int(slot[:4]), int(slot[4:6]), int(slot[6:8]))


def _sources(one: FileRead) -> list[str]:
    """The sources whose events a file holds; a file of mentions or totals holds none."""
    if one.failed or one.source in {"gdelt", "gdelt mentions", "gdelt totals"}:
        return [source for source, _ in _named(one)]
    return one.source.split("+")


def _named(one: FileRead) -> list[tuple[str, str]]:
    """The source and slot that a file's name states, where it is one of GDELT's own."""
    match = _NAMED.fullmatch(one.path)
    if match is None:
        return []
    return [("gdelt2" if len(match[1]) == 14 else "gdelt1", match[1])]


def _days(
    lake: Lake, held: Iterable[FileRead], sources: tuple[str, ...]
) -> Counter[tuple[str, date]]:
    """How many files of each source are in, by day."""
    slots = {pair for one in held if not one.failed and not one.rows for pair in _named(one)}
    if parts := lake.parts("covered"):
        slots |= set(duckdb.read_parquet(parts).fetchall())
    found = Counter((source, _day(slot)) for source, slot in slots)
    for one in held:
        if one.first is None or one.last is None:
            continue
        for source in _sources(one):
            if source.startswith("gdelt") or source not in sources:
                continue
            for n in range((one.last - one.first).days + 1):
                found[source, one.first + timedelta(days=n)] = 1
    return found


def _world(lake: Lake, question: Question) -> dict[date, int]:
    """By week, GDELT's totals where each day of the window has one, else distinct stories."""
    days = (question.last - question.first).days + 1
    inside = _inside(question)
    if parts := lake.parts("norm"):
        totals = duckdb.read_parquet(parts, hive_partitioning=False)
        totals = totals.filter(f"{inside} AND place = ''")
        if totals.aggregate("count(DISTINCT added)").fetchall() == [(days,)]:
            return dict(totals.aggregate("week, sum(events)::BIGINT", "week").fetchall())
    timely = f"{inside}{_of(question)} AND late_days <= {LATE_DAYS}"
    # Distinct first, then counted: the engine can spill the one and not the other.
    return _asked(
        lake, f"SELECT week, count(*) FROM (SELECT DISTINCT week, story FROM events WHERE {timely})"
    )


def _named_weeks(lake: Lake, question: Question) -> dict[date, int]:
    """The weeks in which a dyad of the question is named at all."""
    dyads = ", ".join(text("-".join(pair)) for pair in question.dyads)
    where = f"{_inside(question)}{_of(question)} AND dyad IN ({dyads})"
    return _asked(lake, f"SELECT week, count(*) FROM events WHERE {where}")


def _inside(question: Question) -> str:
    return f"added BETWEEN DATE '{question.first}' AND DATE '{question.last}'"


def _of(question: Question) -> str:
    if not question.sources:
        return ""
    return f" AND source IN ({', '.join(map(text, question.sources))})"


def _asked(lake: Lake, query: str) -> dict[date, int]:
    """What a query over ``events`` gives for each week."""
    parts = lake.parts("events")
    if not parts:
        return {}
    with lake.engine() as db:
        db.register("events", db.read_parquet(parts, hive_partitioning=True))
        return dict(db.execute(f"{query} GROUP BY week").fetchall())
