"""How long a run is, where it may write, and whom it tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Figures = dict[str, float | int | str]
"""What one row found, by name; a unit stands last in a name, a name without one is a ratio."""


@dataclass(frozen=True)
class Plan:
    """One run. ``done`` is told the share of the present row that is behind it."""

    short: bool
    folder: Path
    done: Callable[[float], None] = lambda _: None
    seed: int = 1

    def sized(self, short: int, full: int) -> int:
        """A number of repetitions."""
        return short if self.short else full
