"""Handling labels are joint; national markings never travel (spec/dispatch.md §7).

A text marked by one side's rules must not leave by mistake, and a marking the other side does not
know binds it to nothing. So a release with one in it is refused before it is queued.
"""

from __future__ import annotations

import re

from detente.core.errors import LocalError, Refusal
from detente.dossiers.dispatch import Label

# At the start or the end of a line, in capitals, they mark the line or the page.
MARKINGS = (
    "TOP SECRET",
    "SECRET",
    "COSMIC TOP SECRET",
    "NATO SECRET",
    "NATO CONFIDENTIAL",
    "NATO RESTRICTED",
    "NATO UNCLASSIFIED",
    "NOFORN",
    "ORCON",
    "REL TO",
    "FOUO",
    "FOR OFFICIAL USE ONLY",
    "OFFICIAL-SENSITIVE",
    "EU SECRET",
    "SECRET UE",
    "CONFIDENTIEL UE",
    "RESTREINT UE",
    "СОВЕРШЕННО СЕКРЕТНО",
    "СЕКРЕТНО",
    "ОСОБОЙ ВАЖНОСТИ",
    "ДЛЯ СЛУЖЕБНОГО ПОЛЬЗОВАНИЯ",
    "ЦІЛКОМ ТАЄМНО",
    "ТАЄМНО",
    "ОСОБЛИВОЇ ВАЖЛИВОСТІ",
    "ДЛЯ СЛУЖБОВОГО КОРИСТУВАННЯ",
)
# Also plain words of messages («RESTRICTED AREA CLOSED»): markings only where they stand alone.
ALONE = ("CONFIDENTIAL", "RESTRICTED", "CUI", "ДСП", "КОНФИДЕНЦИАЛЬНО", "КОНФІДЕНЦІЙНО")

_WORDS = "|".join(re.escape(word) for word in sorted(MARKINGS, key=len, reverse=True))
_LONE_WORDS = "|".join(re.escape(word) for word in ALONE)
# Brackets, dashes and stars around a marking do not hide it, nor does a paragraph's number.
_MARKED = re.compile(
    rf"^(?:\d+[.)])?\W*(?P<first>{_WORDS})(?!\w)"
    rf"|(?<!\w)(?P<last>{_WORDS})\W*$"
    rf"|^\W*(?P<alone>{_LONE_WORDS})\W*$"
)


def marking(line: str) -> str | None:
    """The national marking that a line of text begins or ends with, or None."""
    match = _MARKED.search(" ".join(line.split()))
    return None if match is None else match["first"] or match["last"] or match["alone"]


def check_release(text: str, label: Label) -> None:
    """Refuses a text that carries a national marking beside its joint ``label``.

    LocalError NOT_ALLOWED, with the facts ``marking``, ``line`` (from 1) and ``label``.
    """
    for number, line in enumerate(text.splitlines(), 1):
        found = marking(line)
        if found is not None:
            raise LocalError(
                Refusal.NOT_ALLOWED,
                f"line {number} is marked {found}",
                marking=found,
                line=number,
                label=label.name,
            )
