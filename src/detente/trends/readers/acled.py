"""ACLED: what happened within a country, and who fought whom; quoted CSV, often with a BOM.

A living data set: rows change and are taken back, so one export is one state of it. Its timestamp
says when a row was last touched, not when it was added; the event's own day stands for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from detente.trends.readers.form import Cell, Columns, Country, Form, day, text

HEADER: Final = ("event_date", "event_type", "sub_event_type", "actor1")
# Its types to CAMEO; a sub-type where that says more. Unlisted ones ("other") have no code.
_TYPES: Final[Mapping[str, str]] = {
    "battles": "190",
    "explosions/remote violence": "190",
    "violence against civilians": "180",
    "protests": "141",
    "riots": "145",
    "strategic developments": "",
    "agreement": "057",
    "air/drone strike": "195",
    "shelling/artillery/missile attack": "194",
    "suicide bomb": "183",
    "abduction/forced disappearance": "181",
    "non-violent transfer of territory": "0874",
    "arrests": "173",
}
# "Military Forces of Russia (2000-)", "Civilians (Ukraine)"; other actors are of no country.
_COUNTRY: Final = (
    r"(?:(?:Forces|Government) of|Civilians|Rioters|Protesters)\s*\(?([^()]+?)\)?\s*(?:\(|$)"
)


def _actor(cell: Cell) -> Country:
    found = f"regexp_extract({cell.sql}, {text(_COUNTRY)}, 1)"
    return Country(Cell(found, cell.column), "name", strict=False)


def form(header: Sequence[str]) -> Form:
    """The form of a file with this header; KeyError with the name of a column that lacks."""
    column = Columns(header)
    date = day(column.at("event_date"), "%Y-%m-%d", "%d %B %Y", "%d-%b-%Y", "%d/%m/%Y")
    kind, sub = column.at("event_type"), column.at("sub_event_type")
    table = "MAP {" + ", ".join(f"{text(k)}: {text(v)}" for k, v in _TYPES.items()) + "}"
    event = column.at("event_id_cnty", "data_id").sql
    return Form(
        name="acled",
        licence="acled",
        delimiter=",",
        widths=f"width = {len(header)}",
        expected=len(header),
        quoted=True,
        header=True,
        source="'acled'",
        added=date,
        happened=date,
        actor=_actor(column.at("actor1")),
        target=_actor(column.at("actor2")),
        place=Country(column.at("country"), "name"),
        code=Cell(f"coalesce({table}[lower({sub.sql})], {table}[lower({kind.sql})])", kind.column),
        story=event,
        event=event,
    )
