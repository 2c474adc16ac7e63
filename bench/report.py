"""What a run found, as one table for people."""

from __future__ import annotations

from collections.abc import Mapping

from bench.plan import Figures
from bench.targets import TARGETS, Target
from rich.console import Console
from rich.table import Table

_NO_TARGET = Target("", "")


def show(found: Mapping[str, Figures], console: Console) -> None:
    """Prints every figure by its full name, targets beside those that have one."""
    table = Table(title="Détente: measures of one run", title_justify="left")
    for name in ("measure", "found", "now", "goal"):
        table.add_column(name, justify="left" if name == "measure" else "right", no_wrap=True)
    for row, figures in found.items():
        table.add_section()
        for name, value in figures.items():
            full = f"{row}.{name}"
            now, goal = TARGETS.get(full, _NO_TARGET)
            table.add_row(full, written(value), now, goal, style="bold" if full in TARGETS else "")
    console.print(table)


def written(value: float | str) -> str:
    """A figure with as many digits as mean something."""
    if isinstance(value, str | int):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
