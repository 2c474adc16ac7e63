"""What one format is: which lists its cells are of, and how each cell becomes SQL over ``f``.

A form is a value; staging.py makes one query of it. ``f[n]`` is a cell of one line, counted from 1
as in the code books; ``width`` is how many there are. Where no quotes are, ``text`` is the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from detente.trends.rejects import Reason


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of the normal form as SQL, and as SQL the number of the column it comes from."""

    sql: str
    column: str = "0"


@dataclass(frozen=True, slots=True)
class Country:
    """A cell that names a country, and the list of codes.LISTS that its key is looked up in."""

    cell: Cell
    of: str  # "cameo", "fips", "name", "either"
    strict: bool = True  # an unknown key is a reject; otherwise it is no country


@dataclass(frozen=True, slots=True)
class Check:
    """A reason to reject a line: ``wrong`` is SQL that is true of such lines."""

    reason: Reason
    wrong: str
    column: str


@dataclass(frozen=True, slots=True)
class Form:
    """How the lines of one kind of file are read; ``table`` is where their rows go."""

    name: str  # what FileRead.source says
    licence: str
    delimiter: str
    widths: str  # SQL over ``width`` and ``text``: true where the number of cells is right
    quoted: bool = False
    header: bool = False
    table: str = "events"  # or "mentions" or "norm"
    source: str = "''"  # SQL: the source of one row
    added: Cell = Cell("NULL")  # SQL of type DATE, NULL where the cell holds none
    happened: Cell = Cell("NULL")
    actor: Country = Country(Cell("''"), "cameo")
    target: Country = Country(Cell("''"), "cameo")
    place: Country = Country(Cell("''"), "fips")
    code: Cell = Cell("''")  # NULL where the cell holds no event code
    quad: Cell | None = None  # None: by the root of the code
    scale: Cell | None = None
    story: str = "''"
    event: str = "''"
    slot: str = "''"  # which file of a source's calendar a row stands for, where it has one
    expected: int = 0  # the usual number of cells


def at(number: int) -> Cell:
    """The cell of one column."""
    return Cell(f"f[{number}]", str(number))


def text(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def filled(cell: Cell) -> Cell:
    """The same cell where an empty one is a mistake: NULL then."""
    return Cell(f"nullif({cell.sql}, '')", cell.column)


def day(cell: Cell, *formats: str) -> Cell:
    """The same cell read as a date in any of these formats."""
    listed = ", ".join(text(one) for one in formats)
    return Cell(f"CAST(try_strptime({cell.sql}, [{listed}]) AS DATE)", cell.column)


class Columns:
    """Cells by the names of a header, whatever their order."""

    def __init__(self, header: Sequence[str]) -> None:
        self._numbers = {name.strip().lower(): n for n, name in reversed([*enumerate(header, 1)])}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._numbers

    def at(self, *names: str) -> Cell:
        """The first of these columns that there is; KeyError when there is none."""
        for name in names:
            if name.lower() in self._numbers:
                return at(self._numbers[name.lower()])
        raise KeyError(names[0])


TRAILING_EMPTY: Final = (
    "(width = {n} OR (width > {n} AND len(string_split(rtrim(text, '\t\r\n'), '\t')) <= {n}))"
)
