"""Every planted defect, by its name."""

from __future__ import annotations

from sim.planted import judging, keeping, receipting, talking
from sim.planted.plants import DEFECTS

__all__ = ["DEFECTS", "judging", "keeping", "receipting", "talking"]
