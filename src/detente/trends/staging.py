"""From a form to one query: every line of a batch gets its row, or the reason why it has none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

import duckdb

from detente.trends import cameo, codes
from detente.trends.readers.form import Check, Country, Form, text
from detente.trends.readers.opening import UNDECODABLE
from detente.trends.rejects import Reason

REASONS: Final = tuple(Reason)
_ENDS: Final = "\r\n"
_CELL: Final = re.compile(r"\bf\[(\d+)\]")

# One table of a lake each: its columns, and how each comes from what the query calls it.
TABLES: Final = {
    "events": (
        "week DATE, dyad VARCHAR, added DATE, happened DATE, late_days INTEGER, actor VARCHAR,"
        " target VARCHAR, place VARCHAR, code VARCHAR, root VARCHAR, quad TINYINT, scale FLOAT,"
        " story VARCHAR, event VARCHAR"
    ),
    "mentions": "week DATE, added DATE, event VARCHAR, confidence TINYINT, story VARCHAR",
    "norm": "week DATE, added DATE, place VARCHAR, events BIGINT",
}

# The table that the rows of one slice go into. Rows that are deleted stay in memory, so it is made
# anew for each.
STAGE: Final = (
    "CREATE OR REPLACE TEMP TABLE stage (file INTEGER, line BIGINT, why UTINYINT, col INTEGER,"
    " bit VARCHAR, source VARCHAR, added DATE, happened DATE,"
    " actor VARCHAR, target VARCHAR, place VARCHAR,"
    " code VARCHAR, quad TINYINT, scale DOUBLE, story VARCHAR, event VARCHAR, slot VARCHAR)"
)

# What the stage holds, added to what earlier slices of the same files held.
TALLY: Final = (
    "INSERT INTO tally SELECT file, why, source, count(*), min(added) FILTER (why = 0),"
    " max(added) FILTER (why = 0) FROM stage GROUP BY file, why, source"
)


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """The lists every query looks things up in, and the tally of what every slice held."""
    # A stream has no size to plan with: left to itself, the engine would hash the lines instead of
    # these lists, all of them in memory.
    db.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    names = [(name, key, iso3) for name, keys in codes.LISTS.items() for key, iso3 in keys.items()]
    _list(db, "country", ("list", "key", "iso3"), names)
    full = {code: code for code in cameo.CODES}
    bare = {code[1:]: code for code in cameo.CODES if code[0] == "0" and code[1:] not in full}
    found = [(key, code, cameo.quad_of(code)) for key, code in {**bare, **full}.items()]
    _list(db, "cameo", ("key", "code", "quad"), [*found, ("", "", 0)])
    db.execute(
        "CREATE TEMP TABLE tally (file INTEGER, why UTINYINT, source VARCHAR, n BIGINT,"
        " first DATE, last DATE)"
    )


def _list(
    db: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    listed = ", ".join(f"unnest(?) AS {column}" for column in columns)
    values = [[*column] for column in zip(*rows, strict=True)]
    db.execute(f"CREATE TEMP TABLE {name} AS SELECT {listed}", values)


def picked(form: Form) -> list[int]:
    """The columns that the query over an unquoted form looks at."""
    return sorted({int(number) for number in _CELL.findall(_query(form, None))})


def insertion(form: Form, accessed: date | None) -> str:
    """The statement that takes what is registered as ``batch`` into ``stage``."""
    query = f"INSERT INTO stage {_query(form, accessed)}"
    if form.quoted:
        return query
    entries = {str(column): 2 * n + 1 for n, column in enumerate(picked(form))}
    return _CELL.sub(lambda cell: f"p[{entries[cell[1]]}]", query)


def _query(form: Form, accessed: date | None) -> str:
    checks = [*_checks(form, accessed)]
    why = " ".join(f"WHEN {one.wrong} THEN {REASONS.index(one.reason) + 1}" for one in checks)
    col = " ".join(f"WHEN {one.wrong} THEN {one.column}" for one in checks)
    scale = form.scale.sql if form.scale else "''"
    quad = f"TRY_CAST({form.quad.sql} AS TINYINT)" if form.quad else "NULL"
    countries = {"actor": form.actor, "target": form.target, "place": form.place}
    keys = ", ".join(f"coalesce({_key(one)}, '') AS {n}_key" for n, one in countries.items())
    joins = " ".join(
        f"LEFT JOIN (SELECT key, iso3 FROM country WHERE list = {text(one.of)}) AS {n}_list"
        f" ON {n}_key = {n}_list.key"
        for n, one in countries.items()
    )
    return f"""
WITH cells AS ({_cells(form)}),
parsed AS (
  SELECT *, coalesce({form.widths}, false) AS fits,
    {form.source} AS source, {form.added.sql} AS added, {form.happened.sql} AS happened, {keys},
    {form.code.sql} AS code_key, {quad} AS quad_cell, {scale} AS scale_cell,
    {form.story} AS story, {form.event} AS event, {form.slot} AS slot
  FROM cells),
named AS (
  SELECT parsed.*, actor_list.iso3 AS actor, target_list.iso3 AS target,
    place_list.iso3 AS place, cameo.code AS code,
    coalesce(quad_cell, cameo.quad) AS quad, TRY_CAST(scale_cell AS DOUBLE) AS scale
  FROM parsed {joins} LEFT JOIN cameo ON code_key = cameo.key),
judged AS (
  SELECT *, CASE {why} ELSE 0 END AS why FROM named),
placed AS (
  SELECT *, CASE WHEN why = 0 THEN 0 ELSE CASE {col} ELSE 0 END END AS col FROM judged)
SELECT file, line, why, col, CASE WHEN why = 0 THEN ''
    ELSE left(coalesce(({_whole(form)})[col], array_to_string({_whole(form)}, ' ')), 80) END,
  source, added, happened, coalesce(actor, ''), coalesce(target, ''), coalesce(place, ''),
  code, quad, scale, CASE WHEN story = '' THEN event ELSE story END, event, slot
FROM placed"""


def _cells(form: Form) -> str:
    """Each line with its width, and whether a byte of it is no UTF-8."""
    skipped = int(form.header)
    if form.quoted:
        return (
            f"SELECT *, len(f) AS width,"
            f" contains(array_to_string(f, ''), {text(UNDECODABLE)}) AS broken"
            f" FROM batch WHERE line > {skipped}"
        )
    return (
        f"SELECT *, contains(text, {text(UNDECODABLE)}) AS broken"
        f" FROM batch WHERE width > 0 AND line > {skipped}"
    )


def _whole(form: Form) -> str:
    """All cells of a line as a list: dear, so of rejects only."""
    if form.quoted:
        return "f"
    return f"string_split(rtrim(text, {text(_ENDS)}), {text(form.delimiter)})"


def _key(country: Country) -> str:
    sql = country.cell.sql
    return f"lower(trim({sql}))" if country.of in {"name", "either"} else f"trim({sql})"


def _checks(form: Form, accessed: date | None) -> Iterator[Check]:
    """What is looked at, in this order: the first that is wrong names the line."""
    yield Check(Reason.COLUMNS, "NOT fits", f"least(width, {form.expected}) + 1")
    marked = f"list_transform({_whole(form)}, lambda x: contains(x, {text(UNDECODABLE)}))"
    yield Check(Reason.ENCODING, "broken", f"list_position({marked}, true)")
    yield Check(Reason.DATE, "added IS NULL", form.added.column)
    if accessed is not None:
        yield Check(Reason.FUTURE, f"added > DATE {text(accessed.isoformat())}", form.added.column)
    if form.scale is not None:
        wrong = "scale IS NULL AND coalesce(scale_cell, '') NOT IN ('', 'None')"
        yield Check(Reason.NUMBER, wrong, form.scale.column)
    if form.place.strict:
        yield Check(Reason.PLACE, "place IS NULL AND place_key <> ''", form.place.cell.column)
    if form.table != "events":
        return
    yield Check(Reason.DATE, "happened IS NULL", form.happened.column)
    yield Check(Reason.FUTURE, "happened > added + 1", form.happened.column)
    for name, one in (("actor", form.actor), ("target", form.target)):
        if one.strict:
            yield Check(Reason.ACTOR, f"{name} IS NULL AND {name}_key <> ''", one.cell.column)
    yield Check(Reason.CODE, "code IS NULL", form.code.column)
    if form.quad is not None:
        yield Check(
            Reason.QUAD, "quad_cell IS NULL OR quad_cell NOT BETWEEN 1 AND 4", form.quad.column
        )


def kept(table: str) -> str:
    """The query that gives the rows of one table of the lake from the rows of ``stage``."""
    week = "CAST(date_trunc('week', added) AS DATE) AS week"
    if table == "mentions":
        return (
            f"SELECT {week}, added, event, CAST(scale AS TINYINT) AS confidence, story FROM stage"
        )
    if table == "norm":
        return f"SELECT {week}, added, place, CAST(scale AS BIGINT) AS events FROM stage"
    return f"""
SELECT {week}, CASE WHEN actor = '' OR target = '' OR actor = target THEN ''
    ELSE concat(least(actor, target), '-', greatest(actor, target)) END AS dyad,
  added, happened, CAST(added - happened AS INTEGER) AS late_days, actor, target, place, code,
  left(code, 2) AS root, quad, CAST(scale AS FLOAT) AS scale, story, event
FROM stage"""
