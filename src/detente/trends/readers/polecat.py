"""POLECAT: PLOVER types and modes, one week a file, tab-separated, with columns that come and go.

Of several countries in one cell the first is taken: "a; b" names a coalition, and the row cannot
say which of them acted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detente.trends import cameo
from detente.trends.readers.form import (
    TRAILING_EMPTY,
    Cell,
    Columns,
    Country,
    Form,
    day,
    text,
)

HEADER: Final = ("event id", "event type", "event mode", "recipient country")
_DATES: Final = ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d", "%Y-%m-%d %H:%M:%S")


def _first(cell: Cell) -> Cell:
    first = f"trim(split_part({cell.sql}, ';', 1))"
    return Cell(f"(CASE {first} WHEN 'None' THEN '' ELSE {first} END)", cell.column)


def form(header: Sequence[str]) -> Form:
    """The form of a file with this header; KeyError with the name of a column that lacks."""
    named = [*header]
    while named and not named[-1].strip():  # a header may end in empty cells as its rows do
        named.pop()
    column = Columns(named)
    kind, mode = column.at("Event Type"), column.at("Event Mode")
    modes = f"concat(upper(trim({kind.sql})), ':', lower(trim(split_part({mode.sql}, ';', 1))))"
    known = ", ".join(f"{text(key)}: {text(code)}" for key, code in cameo.PLOVER.items())
    table = f"MAP {{{known}}}"
    return Form(
        name="polecat",
        licence="polecat",
        delimiter="\t",
        widths=TRAILING_EMPTY.format(n=len(named)),
        expected=len(named),
        header=True,
        source="'polecat'",
        added=day(column.at("Publication Date", "Event Date"), *_DATES),
        happened=day(column.at("Event Date"), *_DATES),
        actor=Country(_first(column.at("Actor Country")), "either"),
        target=Country(_first(column.at("Recipient Country")), "either"),
        place=Country(_first(column.at("Country")), "either"),
        code=Cell(f"coalesce({table}[{modes}], {table}[upper(trim({kind.sql}))])", kind.column),
        scale=column.at("Intensity", "Event Intensity"),
        story=f"split_part({column.at('Event ID').sql}, '-', 1)"
        if "Story ID" not in column
        else column.at("Story ID").sql,
        event=column.at("Event ID").sql,
    )
