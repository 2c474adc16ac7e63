"""`detente`: every command in one place. What a command needs is imported when it is called."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module

import click

from detente import __version__
from detente.cli.app import Command, Option, Root, Session, session_of, shared_options
from detente.words import marked

# Where each command lies below detente.cli. `keeping` adds three verbs to the noun `party`, and
# `notice_messages` two to the noun `notice`.
_PLACES = {
    "party": ("keeping", "party"),
    "line": ("line", "line"),
    "node": ("node_cmd", "node"),
    "duty": ("node_cmd", "duty"),
    "say": ("speak", "say"),
    "inbox": ("read", "inbox"),
    "show": ("read", "show"),
    "mark": ("speak", "mark"),
    "translate": ("speak", "translate"),
    "test": ("speak", "test_"),
    "purge": ("speak", "purge"),
    "outbox": ("speak", "outbox"),
    "notice": ("notice_messages", "notice"),
    "transcript": ("proofs", "transcript"),
    "prove": ("proofs", "prove"),
    "verify": ("proofs", "verify"),
    "authorisation": ("authorisation", "authorisation"),
    "journal": ("node_cmd", "journal"),
    "doctor": ("node_cmd", "doctor"),
    "demo": ("demo", "demo"),
    "courier": ("courier", "courier"),
    "drill": ("drill", "drill"),
    "desk": ("desk", "desk"),
    "trends": ("trends", "trends"),
}


class Commands(MutableMapping[str, click.Command]):
    """The commands by name; the module of one is imported when it is asked for.

    A start loads one of them: all together take longer than the interpreter itself.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, attribute = _PLACES[name]
            self._loaded[name] = getattr(import_module(f"detente.cli.{module}"), attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES.keys() | self._loaded.keys())

    def __len__(self) -> int:
        return len(_PLACES.keys() | self._loaded.keys())


@click.group(
    cls=Root,
    commands=Commands(),
    params=shared_options(shown=True),
    help=marked("A direct line between parties that do not trust one another."),
    context_settings={"max_content_width": 100},
)
@click.version_option(
    __version__,
    "--version",
    message="detente %(version)s",
    cls=Option,
    help=marked("Show the version and exit."),
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """The program."""
    session_of(ctx)


@main.command(cls=Command, help=marked("The version of the program and of the protocol."))
@click.pass_obj
def version(session: Session) -> None:
    """Both sides compare it when their programs do not understand one another."""
    from detente.core.frames import VERSION

    found = {"version": __version__, "protocol": VERSION}
    session.show(found, lambda: [f"detente {__version__}, protocol {VERSION}"])
