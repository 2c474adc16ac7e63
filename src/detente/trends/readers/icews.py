"""ICEWS: one year a file, tab-separated, quotes that mean nothing, countries by their names.

It has one date: the story's. Codes of some years lost their leading nought; the lake gives it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from detente.trends.readers.form import Columns, Country, Form, day, filled

HEADER: Final = ("event id", "event date", "source name", "cameo code", "target name")


def form(header: Sequence[str]) -> Form:
    """The form of a file with this header; KeyError with the name of a column that lacks."""
    column = Columns(header)
    date = day(column.at("Event Date"), "%Y-%m-%d", "%m/%d/%Y")
    story, source = column.at("Story ID"), column.at("Event ID")
    return Form(
        name="icews",
        licence="icews",
        delimiter="\t",
        widths=f"width = {len(header)}",
        expected=len(header),
        header=True,
        source="'icews'",
        added=date,
        happened=date,
        actor=Country(column.at("Source Country"), "name"),
        target=Country(column.at("Target Country"), "name"),
        place=Country(column.at("Country"), "name"),
        code=filled(column.at("CAMEO Code")),
        scale=column.at("Intensity"),
        story=f"(CASE WHEN {story.sql} = '' THEN {source.sql} ELSE {story.sql} END)",
        # One id stands for two events of different dates 145,312 times.
        event=f"concat({source.sql}, '/', {date.sql})",
    )
