"""Options that several commands take, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from detente.cli.app import Decorated, Option
from detente.words import marked


def line_option() -> Callable[[Decorated], Decorated]:
    """--line, which may be left out where there is just one."""
    return click.option(
        "--line",
        "line_name",
        cls=Option,
        help=marked("Which line: its title, or 4 digits or more of its id; not needed for one."),
    )


def out_option() -> Callable[[Decorated], Decorated]:
    """--out, the file that a command is there to write."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        required=True,
        cls=Option,
        help=marked("File to write."),
    )


def set_option(says: str) -> Callable[[Decorated], Decorated]:
    """--set FIELD=VALUE, as ``settings``; ``says`` is its help, marked."""
    return click.option(
        "--set", "settings", multiple=True, metavar="FIELD=VALUE", cls=Option, help=says
    )


def because_option(*, required: bool) -> Callable[[Decorated], Decorated]:
    """--because, which the other side reads."""
    return click.option(
        "--because", required=required, metavar="TEXT", cls=Option, help=marked("Why.")
    )


def reason_option() -> Callable[[Decorated], Decorated]:
    """--reason, which breaks the glass of a desk."""
    return click.option(
        "--reason", metavar="TEXT", cls=Option, help=marked("Where a desk authorises.")
    )
