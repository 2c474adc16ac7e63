"""The only question the rest of trends asks of data: stories by week, dyad and outcome.

One Ibis expression is the whole contract. DuckDB runs it here over the lake; ``sql`` compiles it
for engines elsewhere, over a table ``events`` with the lake's columns (load its Parquet there, or
make a view of these columns). Everything after is arithmetic on a few thousand rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final

import ibis

from detente.core.errors import LocalError, Refusal
from detente.trends.lake import Lake

# The columns the question needs, of those the lake has; elsewhere they must have these names.
EVENTS: Final = {
    "week": "date",
    "dyad": "string",
    "added": "date",
    "late_days": "int32",
    "code": "string",
    "source": "string",
    "story": "string",
    "event": "string",
}
MENTIONS: Final = {"event": "string", "confidence": "int8"}
# What the big engines call the columns of GDELT 2.0; a dyad is made of the two country codes.
GDELT: Final = {
    "GLOBALEVENTID": "int64",
    "SQLDATE": "int64",
    "Actor1CountryCode": "string",
    "Actor2CountryCode": "string",
    "EventCode": "string",
    "DATEADDED": "int64",
    "SOURCEURL": "string",
}
DIALECTS: Final = ("duckdb", "bigquery", "trino", "clickhouse", "snowflake", "pyspark")
LATE_DAYS: Final = 1  # later than this after the event, a row is counted apart


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be counted: undirected dyads, outcomes by CAMEO prefixes, and whole weeks."""

    dyads: tuple[tuple[str, str], ...]  # ISO3, each in alphabetical order
    outcomes: Mapping[str, frozenset[str]]  # prefixes of CAMEO codes; "" is the prefix of all
    first: date  # rows added on this day or later
    last: date  # rows added on this day or earlier
    sources: tuple[str, ...] = ()  # as Event.source; none means all that the lake holds


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


def weeks(question: Question) -> list[date]:
    """The Monday of every week that the question touches."""
    monday = question.first - timedelta(days=question.first.weekday())
    return [monday + timedelta(days=n) for n in range(0, (question.last - monday).days + 1, 7)]


def expression(
    events: ibis.Table, question: Question, mentions: ibis.Table | None = None, confidence: int = 0
) -> ibis.Table:
    """One row for each week and dyad with anything in it, four columns for each outcome.

    Filter, distinct by group, group again: nothing in it is beyond any engine. Rows of one story
    and dyad fold into one, which folds mirrored twins (a dyad has no direction) and duplicates.
    """
    rows = events.filter(
        events.dyad.isin(["-".join(pair) for pair in question.dyads]),
        events.added.between(ibis.literal(question.first), ibis.literal(question.last)),
    )
    if question.sources:
        rows = rows.filter(rows.source.isin(question.sources))
    if mentions is not None and confidence:
        sure = mentions.filter(mentions.confidence >= confidence).select("event").distinct()
        rows = rows.semi_join(sure, "event")
    rows = rows.mutate(timely=(rows.late_days <= LATE_DAYS).cast("int32"))
    names = [f"o{number}" for number in range(len(question.outcomes))]
    ours = {
        name: _any_prefix(rows.code, prefixes).cast("int32")
        for name, prefixes in zip(names, question.outcomes.values(), strict=True)
    }
    rows = rows.mutate(**ours)
    told = rows.group_by("week", "dyad", "story").aggregate(
        **{f"{name}_stories": (rows[name] * rows.timely).max() for name in names},
        **{f"{name}_reports": rows[name].sum() for name in names},
        **{f"{name}_late": (rows[name] * (1 - rows.timely)).sum() for name in names},
        timely=rows.timely.max(),
    )
    dyads = (
        told.filter(told.timely == 1).group_by("week", "story").aggregate(dyads=told.dyad.nunique())
    )
    both = told.left_join(dyads, ["week", "story"]).mutate(
        further=(ibis.coalesce(dyads.dyads, 1) > 1).cast("int32")
    )
    sums = {}
    for name in names:
        for kind in ("stories", "reports", "late"):
            sums[f"{name}_{kind}"] = both[f"{name}_{kind}"].sum()
        sums[f"{name}_shared"] = (both[f"{name}_stories"] * both.further).sum()
    return both.group_by("week", "dyad").aggregate(**sums).order_by("week", "dyad")


def _any_prefix(code: ibis.Value, prefixes: frozenset[str]) -> ibis.Value:
    if "" in prefixes:
        return ibis.literal(True)
    return reduce(or_, [code.startswith(prefix) for prefix in sorted(prefixes)])


def from_gdelt(raw: ibis.Table) -> ibis.Table:
    """GDELT 2.0 as big engines hold it, with the columns of EVENTS; nothing of it is checked."""
    one, other = raw.Actor1CountryCode.coalesce(""), raw.Actor2CountryCode.coalesce("")
    added, happened = _day(raw.DATEADDED // 1_000_000), _day(raw.SQLDATE)
    named = (one != "") & (other != "") & (one != other)
    return raw.select(
        week=added.truncate("W"),
        dyad=named.ifelse(ibis.least(one, other) + "-" + ibis.greatest(one, other), ""),
        added=added,
        late_days=added.delta(happened, unit="day").cast("int32"),
        code=raw.EventCode,
        source=ibis.literal("gdelt2"),
        story=raw.SOURCEURL,
        event=raw.GLOBALEVENTID.cast("string"),
    )


def _day(number: ibis.Value) -> ibis.Value:
    """20260131 as a date; arithmetic, because no two engines read dates from text alike."""
    return ibis.date(number // 10_000, number // 100 % 100, number % 100)


def sql(
    question: Question, dialect: str = "duckdb", confidence: int = 0, *, raw: bool = False
) -> str:
    """The same question as the text of one of DIALECTS, over ``events`` (and ``mentions``).

    ``raw``: over a table ``gdelt`` with the columns of GDELT 2.0, where nobody has made a lake.
    """
    events = from_gdelt(ibis.table(GDELT, "gdelt")) if raw else ibis.table(EVENTS, "events")
    mentions = ibis.table(MENTIONS, "mentions")
    asked = expression(events, question, mentions, confidence)
    return str(ibis.to_sql(asked, dialect=dialect))


def engine(question: Question) -> str:
    """What DuckDB is asked, for the record of where a figure comes from."""
    return sql(question)


def weekly_counts(lake: Lake, question: Question, confidence: int = 0) -> list[WeekCount]:
    """Every week, dyad and outcome of the question in order, noughts too.

    ``confidence``, 10 to 100, leaves rows out that no mention of GDELT vouches for so much.
    LocalError where the lake holds no event of the window: noughts would be made up.
    """
    parts = lake.parts("events")
    days = [(one.first, one.last) for one in lake.files() if one.first and one.last]
    if not parts or not any(
        first <= question.last and last >= question.first for first, last in days
    ):
        raise LocalError(
            Refusal.NOT_FOUND, f"empty window: nothing held of {question.first} to {question.last}"
        )
    con = ibis.duckdb.from_connection(lake.engine())
    try:
        events = con.read_parquet(parts, hive_partitioning=True)
        mentions = None
        if confidence:
            if not lake.parts("mentions"):
                raise LocalError(Refusal.NOT_FOUND, "no file of mentions is held")
            mentions = con.read_parquet(lake.parts("mentions"), hive_partitioning=True)
        found = expression(events, question, mentions, confidence).to_pyarrow().to_pylist()
    finally:
        con.disconnect()
    return counted(found, question)


def counted(rows: list[dict[str, Any]], question: Question) -> list[WeekCount]:
    """The rows any engine gives to ``expression``, as values, with the noughts between them."""
    by_key = {(row["week"], row["dyad"]): row for row in rows}
    names = {outcome: f"o{number}" for number, outcome in enumerate(question.outcomes)}
    kinds = ("stories", "reports", "late", "shared")
    return [
        WeekCount(
            week, a, b, outcome, *(int(row.get(f"{names[outcome]}_{kind}") or 0) for kind in kinds)
        )
        for week in weeks(question)
        for a, b in sorted(question.dyads)
        for row in [by_key.get((week, f"{a}-{b}"), {})]
        for outcome in sorted(question.outcomes)
    ]
