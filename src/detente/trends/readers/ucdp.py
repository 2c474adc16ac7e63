"""UCDP GED and Candidate: deaths in organised violence; quoted CSV, at times without its header.

Only lethal events: it says nothing about talks, and nothing about weeks without deaths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detente.trends.readers.form import Cell, Columns, Country, Form, day, text

# The columns as the code book of GED 24 orders them: Candidate 24.0.1 came without their names.
COLUMNS: Final = (
    "id relid year active_year code_status type_of_violence conflict_dset_id conflict_new_id"
    " conflict_name dyad_dset_id dyad_new_id dyad_name side_a_dset_id side_a_new_id side_a"
    " side_b_dset_id side_b_new_id side_b number_of_sources source_article source_office"
    " source_date source_headline source_original where_prec where_coordinates where_description"
    " adm_1 adm_2 latitude longitude geom_wkt priogrid_gid country country_id region event_clarity"
    " date_prec date_start date_end deaths_a deaths_b deaths_civilians deaths_unknown best high"
    " low gwnoa gwnob"
).split()
HEADER: Final = ("type_of_violence", "side_a", "side_b", "date_start")
# Battles between states or with one, battles without any, and violence against civilians.
_TYPES: Final = "MAP {'1': '190', '2': '190', '3': '202'}"


def _side(cell: Cell) -> Country:
    """The state a side is the government of; other sides are of no country."""
    name = f"regexp_extract({cell.sql}, '^Government of ([^(]+)', 1)"
    return Country(Cell(f"trim({name})", cell.column), "name")


def form(header: Sequence[str], *, headless: bool = False) -> Form:
    """The form of a file with these columns; KeyError with the name of one that lacks."""
    column = Columns(header)
    date = day(
        column.at("date_start"), "%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y"
    )
    kind, event, land = column.at("type_of_violence"), column.at("id"), column.at("country")
    place = Cell(f"trim(regexp_replace({land.sql}, '[(].*', ''))", land.column)
    return Form(
        name="ucdp",
        licence="ucdp",
        delimiter=",",
        widths=f"width = {len(header)}",
        expected=len(header),
        quoted=True,
        header=not headless,
        source=text("ucdp"),
        added=date,
        happened=date,
        actor=_side(column.at("side_a")),
        target=_side(column.at("side_b")),
        place=Country(place, "name"),
        code=Cell(f"{_TYPES}[{kind.sql}]", kind.column),
        story=event.sql,
        event=event.sql,
    )
