"""Any CSV, with a mapping file that says what its columns are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detente.core.errors import LocalError, Refusal
from detente.trends import codes
from detente.trends.licences import LICENCES
from detente.trends.readers.form import Cell, Columns, Country, Form, day, text

_NEEDED: Final = ("added", "actor", "target")
_COLUMNS: Final = frozenset({*_NEEDED, "happened", "place", "code", "scale", "story", "event"})
_KEYS: Final = frozenset(
    {"source", "licence", "delimiter", "date", "countries", "places", "columns"}
)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping file says, checked."""

    source: str
    licence: str
    delimiter: str
    date: str  # a strptime format
    countries: str  # a key of codes.LISTS, of actors
    places: str
    columns: Mapping[str, str]  # what of the normal form → the header's name for it


def read(path: Path) -> Mapped:
    """The mapping in a TOML file; LocalError names what is wrong with it.

    ``source = "name"``, and under ``[columns]`` at least ``added``, ``actor`` and ``target``;
    ``happened``, ``place``, ``code``, ``scale``, ``story`` and ``event`` where there are any.
    ``date`` is a strptime format, ``countries`` and ``places`` one of cameo, fips, name, either.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LocalError(Refusal.NOT_FOUND, f"no file {path.name}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, f"not TOML: {error}") from error
    columns = found.get("columns", {})
    wrong = [
        *(f"unknown key {key}" for key in sorted(set(found) - _KEYS)),
        *(f"unknown column {key}" for key in sorted(set(columns) - _COLUMNS)),
        *(f"no column for {key}" for key in _NEEDED if key not in columns),
    ]
    mapping = Mapped(
        source=str(found.get("source", "")),
        licence=str(found.get("licence", "own")),
        delimiter=str(found.get("delimiter", ",")),
        date=str(found.get("date", "%Y-%m-%d")),
        countries=str(found.get("countries", "either")),
        places=str(found.get("places", found.get("countries", "either"))),
        columns={str(key): str(name) for key, name in columns.items()},
    )
    if not mapping.source.isidentifier():
        wrong.append("source must be one word")
    if mapping.licence not in LICENCES:
        wrong.append(f"licence is one of {', '.join(LICENCES)}")
    if len(mapping.delimiter) != 1:
        wrong.append("delimiter is one character")
    if not {mapping.countries, mapping.places} <= set(codes.LISTS):
        wrong.append(f"countries and places are one of {', '.join(codes.LISTS)}")
    if wrong:
        raise _wrong(path, "; ".join(wrong))
    return mapping


def _wrong(path: Path, detail: str) -> LocalError:
    return LocalError(Refusal.MALFORMED, f"{path.name}: {detail}", by_hand="mapping")


def form(mapping: Mapped, header: Sequence[str]) -> Form:
    """The form of a file with this header; KeyError with the name of a column that lacks."""
    column = Columns(header)
    there = {key: column.at(name) for key, name in mapping.columns.items()}
    none = Cell(text(""))
    added = day(there["added"], mapping.date)
    event = there.get("event", none).sql
    return Form(
        name=mapping.source,
        licence=mapping.licence,
        delimiter=mapping.delimiter,
        widths=f"width = {len(header)}",
        expected=len(header),
        quoted=True,
        header=True,
        source=text(mapping.source),
        added=added,
        happened=day(there["happened"], mapping.date) if "happened" in there else added,
        actor=Country(there["actor"], mapping.countries),
        target=Country(there["target"], mapping.countries),
        place=Country(there.get("place", none), mapping.places),
        code=there.get("code", none),
        scale=there.get("scale"),
        story=there["story"].sql if "story" in there else "concat('line ', line)",
        event=event,
    )
