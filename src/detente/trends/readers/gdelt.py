"""GDELT: events of 57, 58 and 61 columns in whatever mix, mentions, and the daily totals.

Back-files of 1.0 have 57 columns and no address, its daily files 58, those of 2.0 61 with the
moment of their quarter of an hour. The width of each line says which of them it is.
"""

from __future__ import annotations

from typing import Final

from detente.trends.readers.form import Cell, Country, Form, at, day, filled, text

_BACK, _DAILY, _TWO = 57, 58, 61


def _by_width(one: int, two: int) -> Cell:
    """A cell that 1.0 and 2.0 have in different columns."""
    return Cell(
        f"(CASE width WHEN {_TWO} THEN f[{two}] ELSE f[{one}] END)",
        f"(CASE width WHEN {_TWO} THEN {two} ELSE {one} END)",
    )


_STAMP: Final = _by_width(57, 60)
_ADDED: Final = Cell(
    f"(CASE width WHEN {_TWO} THEN CAST(try_strptime(f[60], '%Y%m%d%H%M%S') AS DATE)"
    " ELSE CAST(try_strptime(f[57], '%Y%m%d') AS DATE) END)",
    _STAMP.column,
)
_ADDRESS: Final = f"(CASE width WHEN {_TWO} THEN f[61] WHEN {_DAILY} THEN f[58] END)"
# Rows without an address, or with a word that thousands of rows share in its place: what one day
# says of one pair under one root counts as one story.
_NO_ADDRESS: Final = (
    f"concat_ws('/', left({_STAMP.sql}, 8), f[29], least(f[8], f[18]), greatest(f[8], f[18]))"
)

EVENTS: Final = Form(
    name="gdelt",
    licence="gdelt",
    delimiter="\t",
    widths=f"width IN ({_BACK}, {_DAILY}, {_TWO})",
    expected=_TWO,
    source=f"(CASE width WHEN {_TWO} THEN 'gdelt2' ELSE 'gdelt1' END)",
    added=_ADDED,
    happened=day(at(2), "%Y%m%d"),
    actor=Country(at(8), "cameo"),
    target=Country(at(18), "cameo"),
    place=Country(_by_width(52, 54), "fips"),
    code=filled(at(27)),
    quad=at(30),
    scale=at(31),
    story=f"(CASE WHEN {_ADDRESS} LIKE 'http%' THEN {_ADDRESS} ELSE {_NO_ADDRESS} END)",
    event="f[1]",
    slot=_STAMP.sql,
)

MENTIONS: Final = Form(
    name="gdelt mentions",
    licence="gdelt",
    delimiter="\t",
    widths="width IN (14, 15, 16)",  # the last two are empty more often than not
    expected=16,
    table="mentions",
    added=day(at(3), "%Y%m%d%H%M%S"),
    scale=at(12),
    story="f[6]",
    event="f[1]",
)


def totals(columns: int) -> Form:
    """GDELT's own totals by day, of the world (2 columns) or of each country (3)."""
    return Form(
        name="gdelt totals",
        licence="gdelt",
        delimiter=",",
        widths=f"width = {columns}",
        expected=columns,
        table="norm",
        added=day(at(1), "%Y%m%d"),
        place=Country(at(2) if columns == 3 else Cell(text("")), "fips"),
        scale=at(columns),
    )
