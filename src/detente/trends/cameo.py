"""CAMEO: which codes there are, what they add up to, and what stands for them in other lists.

Codes are text, leading zeros and all. The sets of the three trends follow the code book; PLOVER's
types and modes are given the CAMEO code its authors derive them from (CAMEO2PLOVER, 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Each root with its codes of three digits, and for each of these how far its fourth digit goes.
_LEAVES: Final[Mapping[str, str]] = {
    "01": "0 1 2 3 4 5 6 7 8 9",
    "02": "0 1:4 2 3:4 4:4 5:6 6 7 8",
    "03": "0 1:4 2 3:4 4:4 5:6 6 7 8 9",
    "04": "0 1 2 3 4 5 6",
    "05": "0 1 2 3 4 5 6 7",
    "06": "0 1 2 3 4",
    "07": "0 1 2 3 4 5",
    "08": "0 1:4 2 3:4 4:2 5 6:3 7:4",
    "09": "0 1 2 3 4",
    "10": "0 1:4 2 3:4 4:4 5:6 6 7 8",
    "11": "0 1 2:5 3 4 5 6",
    "12": "0 1:4 2:4 3:4 4:6 5 6 7 8 9",
    "13": "0 1:3 2:4 3 4 5 6 7 8:5 9",
    "14": "0 1:4 2:4 3:4 4:4 5:4",
    "15": "0 1 2 3 4 5",
    "16": "0 1 2:3 3 4 5 6:3",
    "17": "0 1:2 2:4 3 4 5 6",
    "18": "0 1 2:3 3:4 4 5 6",
    "19": "0 1 2 3 4 5:2 6",
    "20": "0 1 2 3 4:2",
}


def _codes() -> frozenset[str]:
    found = set()
    for root, leaves in _LEAVES.items():
        for leaf in leaves.split():
            third, _, fourth = leaf.partition(":")
            found.add(root + third)
            found |= {f"{root}{third}{digit}" for digit in range(1, int(fourth or 0) + 1)}
    return frozenset(found)


CODES: Final[frozenset[str]] = _codes()

# What Question.outcomes may name without spelling out codes: prefixes of CAMEO codes.
OUTCOMES: Final[Mapping[str, frozenset[str]]] = {
    "all": frozenset({""}),
    "cooperation": frozenset({f"{root:02}" for root in range(1, 10)}),
    "conflict": frozenset({str(root) for root in range(10, 21)}),
    "engagement": frozenset({"036", "040", "041", "042", "043", "046", "05"}),
    "releases": frozenset({"0841", "0353"}),
    "peace": frozenset(
        "037 038 039 045 057 0256 0356 0871 0872 0873 0874".split(),
    ),
    "relations cut": frozenset({"161", "18", "19", "20"}),
}

# PLOVER's type, or its type and mode, to one CAMEO code. Other modes fall back to the type.
PLOVER: Final[Mapping[str, str]] = {
    "AGREE": "030",
    "CONSULT": "040",
    "CONSULT:phone": "041",
    "CONSULT:visit": "042",
    "CONSULT:host": "043",
    "CONSULT:third-party": "044",
    "SUPPORT": "050",
    "COOPERATE": "060",
    "AID": "070",
    "CONCEDE": "080",
    "RETREAT": "084",
    "RETREAT:release": "0841",
    "RETREAT:return": "0842",
    "RETREAT:ease": "085",
    "RETREAT:access": "086",
    "RETREAT:disarm": "0873",
    "RETREAT:ceasefire": "0871",
    "RETREAT:withdraw": "0872",
    "INVESTIGATE": "090",
    "DEMAND": "100",
    "REQUEST": "100",
    "ACCUSE": "110",
    "ACCUSE:investigate": "090",
    "DISAPPROVE": "110",
    "REJECT": "120",
    "THREATEN": "130",
    "PROTEST": "140",
    "MOBILIZE": "150",
    "SANCTION": "160",
    "COERCE": "170",
    "ASSAULT": "180",
    "CRIME": "",  # nothing in CAMEO corresponds
}


def quad_of(code: str) -> int:
    """1 verbal, 2 material cooperation, 3 verbal, 4 material conflict; 0 for no code at all.

    As GDELT itself files the roots: 09 with cooperation, 14 with words.
    """
    if not code:
        return 0
    root = int(code[:2])
    return 1 if root <= 5 else 2 if root <= 9 else 3 if root <= 14 else 4
