"""A progress bar on standard error, where somebody is watching; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Told how much of the total is done."""


@contextmanager
def bar(label: str, total: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Shows ``label`` and how much of ``total`` is done while the block runs."""
    if quiet or not sys.stderr.isatty():
        yield _nobody
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=max(total, 1))
        yield lambda done: progress.update(task, completed=done)


def _nobody(_done: int) -> None:
    """Nobody watches."""
