"""Every planted defect, by its name."""

from __future__ import annotations

from sim.planted import (
    attaching,
    carrying,
    coming,
    deciding,
    falling_silent,
    judging,
    keeping,
    owing,
    receipting,
    talking,
    trusting,
)
from sim.planted.plants import DEFECTS

__all__ = [
    "DEFECTS",
    "attaching",
    "carrying",
    "coming",
    "deciding",
    "falling_silent",
    "judging",
    "keeping",
    "owing",
    "receipting",
    "talking",
    "trusting",
]
