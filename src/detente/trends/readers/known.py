"""Which format a file is in, from its first lines."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from detente.trends.readers import acled, gdelt, icews, mapped, polecat, ucdp
from detente.trends.readers.form import Form
from detente.trends.rejects import unreadable


def form_of(path: Path, lines: Sequence[str], mapping: mapped.Mapped | None = None) -> Form:
    """The form of a file that begins with ``lines``; LocalError where it is none of them."""
    if not lines:
        return gdelt.EVENTS  # an empty quarter of an hour is published as an empty file
    try:
        if mapping is not None:
            return mapped.form(mapping, next(csv.reader([lines[0]], delimiter=mapping.delimiter)))
        return _headed(lines[0]) or _headless(lines)
    except KeyError as error:
        raise unreadable(path.name, 1, 1, f"no column {error.args[0]}") from error
    except (LookupError, csv.Error) as error:
        raise unreadable(path.name, 1, 1, "no format known here; write a mapping file") from error


def _headed(line: str) -> Form | None:
    tabbed = line.split("\t")
    comma = _commas(line)
    makers: tuple[tuple[tuple[str, ...], Callable[[Sequence[str]], Form], list[str]], ...] = (
        (icews.HEADER, icews.form, tabbed),
        (polecat.HEADER, polecat.form, tabbed),
        (acled.HEADER, acled.form, comma),
        (ucdp.HEADER, ucdp.form, comma),
    )
    for marks, make, names in makers:
        if set(marks) <= {name.strip().lower() for name in names}:
            return make(names)
    return None


def _commas(line: str) -> list[str]:
    """The cells between commas; none where the line is no such record."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:  # a carriage return in the middle, or a cell beyond all bounds
        return []


def _headless(lines: Sequence[str]) -> Form:
    """By what most of the lines look like; IndexError where they look like nothing."""
    seen = Counter(form for form in map(_guess, lines) if form)
    kind = seen.most_common(1)[0][0]
    if kind == "ucdp":
        return ucdp.form(ucdp.COLUMNS, headless=True)
    if kind.startswith("totals"):
        return gdelt.totals(int(kind[-1]))
    return gdelt.EVENTS if kind == "gdelt" else gdelt.MENTIONS


def _guess(line: str) -> str:
    tabs, commas = line.count("\t") + 1, _commas(line)
    if tabs in {57, 58, 61}:
        return "gdelt"
    if tabs == 16 and line.split("\t")[1].isdigit():
        return "mentions"
    if len(commas) == len(ucdp.COLUMNS) and commas[0].isdigit():
        return "ucdp"
    if len(commas) in {2, 3} and len(commas[0]) == 8 and commas[0].isdigit():
        return f"totals {len(commas)}"
    return ""
