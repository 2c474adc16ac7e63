"""What each source asks of those who use it; travels with every number made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Licence:
    """Terms of one source, and the line that goes under every table and chart made from it."""

    name: str
    terms: str
    may_pass_on: bool  # rows of the source; figures made from them are another matter
    attribution: str


LICENCES: Final[Mapping[str, Licence]] = {
    "gdelt": Licence(
        "The GDELT Project",
        "Any use without fee; whoever passes it on cites the project and links to it.",
        True,
        "Source: the GDELT Project, https://www.gdeltproject.org/.",
    ),
    "icews": Licence(
        "ICEWS Coded Event Data",
        "As with the data set, doi:10.7910/DVN/28075; read them before passing any row on.",
        False,
        "Source: Boschee et al., ICEWS Coded Event Data, Harvard Dataverse, doi:10.7910/DVN/28075.",
    ),
    "polecat": Licence(
        "POLECAT",
        "As with the data set, doi:10.7910/DVN/AJGVIT; read them before passing any row on.",
        False,
        "Source: Halterman et al., POLECAT Weekly Data, Harvard Dataverse, doi:10.7910/DVN/AJGVIT.",
    ),
    "acled": Licence(
        "ACLED",
        "Raw rows and anything that could stand in for them are not to be passed on; the access"
        " date, the filters and what was done to the data stand on every picture.",
        False,
        "Source: Armed Conflict Location & Event Data (ACLED), https://acleddata.com; counted by"
        " week, stories collapsed, dyads without direction.",
    ),
    "ucdp": Licence(
        "UCDP Georeferenced Event Dataset",
        "CC BY 4.0 as its makers state; cite it.",
        True,
        "Source: Uppsala Conflict Data Program, Georeferenced Event Dataset, https://ucdp.uu.se.",
    ),
    "own": Licence(
        "a file of one's own",
        "As its mapping file states.",
        False,
        "Source: a file of the analyst's own.",
    ),
}


def attribution(licence: str) -> str:
    """The sentence that goes into the footer; ``licence`` is a key of LICENCES."""
    return LICENCES[licence].attribution
