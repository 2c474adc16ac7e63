"""What every command shares: where the home is, which language, JSON or words, and how it fails.

One place turns a refusal into ``error:`` and ``hint:``, or into one JSON document, and into an exit
status: 2 ours, 3 theirs or a check that failed, 4 this machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from detente import words
from detente.core.errors import DetenteError, LocalError, Refusal
from detente.plain import plain
from detente.words import _, marked, translate

EXITS: Final = {"ours": 2, "theirs": 3, "machine": 4}
CHECK_FAILED: Final = 3
INTERRUPTED: Final = 130  # 128 and the number of SIGINT, as shells have it
NO_HOME: Final = marked("No home folder is named")
NAME_IT: Final = marked(
    "Give --home FOLDER before the command, or set DETENTE_HOME. "
    "`detente party init` makes a new home."
)


Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)


@dataclass(slots=True)
class Session:
    """One call of the program: what its global options say."""

    named_home: Path | None = None
    as_json: bool = False
    passphrase_files: tuple[Path, ...] = ()

    @property
    def home(self) -> Path:
        """The home folder. LocalError USAGE where none was named."""
        if self.named_home is None:
            raise LocalError(Refusal.USAGE, NO_HOME, said=NO_HOME, hint=NAME_IT)
        return self.named_home

    def show(self, result: object, rows: Callable[[], Iterable[str]]) -> None:
        """Prints the result: one JSON document, or the rows a person reads."""
        if self.as_json:
            click.echo(as_document(result))
        else:
            for row in rows():
                click.echo(row)

    def say(self, text: str) -> None:
        """A remark beside the result, for a person; nothing under --json."""
        if not self.as_json:
            click.echo(text, err=True)


def as_document(result: object) -> str:
    """One JSON document on one line. Times are UTC seconds, bytes base64, ids hex."""
    return json.dumps(result, ensure_ascii=False)


def session_of(ctx: click.Context) -> Session:
    """The session of this call."""
    return ctx.ensure_object(Session)


class Spoken:
    """Something whose help is shown in the language in use."""

    @property
    def help(self) -> str | None:
        """The help text, translated."""
        return translate(self._source) if self._source else None

    @help.setter  # noqa: A003  # click's own name
    def help(self, text: str | None) -> None:
        self._source = text


class Option(Spoken, click.Option):
    """An option whose help is shown in the language in use."""


class Formatter(click.HelpFormatter):
    """Help whose headings are in the language in use."""

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """A headed section."""
        with super().section(translate(name)):
            yield


HEADINGS: Final = (marked("Options"), marked("Commands"))  # click's own


class Context(click.Context):
    """click's context, with our help."""

    formatter_class = Formatter


class Command(Spoken, click.Command):
    """A command with help in the language in use, and the options that all commands take."""

    context_class = Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options(shown=False)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The usage line."""
        _usage(self, ctx, formatter)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option --help."""
        return _help_option(super().get_help_option(ctx))


class Group(Spoken, click.Group):
    """A noun with its verbs."""

    context_class = Context
    command_class = Command
    group_class: type[click.Group | type] | None = type

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The usage line."""
        _usage(self, ctx, formatter)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option --help."""
        return _help_option(super().get_help_option(ctx))


def _usage(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    pieces = " ".join(command.collect_usage_pieces(ctx))
    formatter.write_usage(ctx.command_path, pieces, prefix=_("Usage:") + " ")


def _help_option(option: click.Option | None) -> click.Option | None:
    if option is not None:
        option.help = _("Show this message and exit.")
    return option


def shared_options(*, shown: bool) -> list[click.Parameter]:
    """--json, --home, --lang and --passphrase-file: before the command or behind it."""
    return [
        Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_take_json,
            help=marked("Print one JSON document."),
        ),
        Option(
            ["--home"],
            type=click.Path(path_type=Path),
            envvar="DETENTE_HOME" if shown else None,
            expose_value=False,
            hidden=not shown,
            callback=_take_home,
            help=marked("The party's home folder; also DETENTE_HOME."),
        ),
        Option(
            ["--lang"],
            metavar="en|ru|uk",
            expose_value=False,
            is_eager=True,
            hidden=not shown,
            callback=_take_language,
            help=marked("Language of what is printed; also DETENTE_LANG."),
        ),
        Option(
            ["--passphrase-file"],
            type=click.Path(path_type=Path),
            multiple=True,
            envvar="DETENTE_PASSPHRASE_FILE" if shown else None,
            expose_value=False,
            hidden=not shown,
            callback=_take_passphrases,
            help=marked(
                "A private file with the officers' passphrases, one a line; may be given "
                "several times; also DETENTE_PASSPHRASE_FILE."
            ),
        ),
    ]


def _take_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        session_of(ctx).as_json = True


def _take_home(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        session_of(ctx).named_home = value


def _take_language(_ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        words.use(value)


def _take_passphrases(ctx: click.Context, _param: click.Parameter, value: tuple[Path, ...]) -> None:
    if value:
        session_of(ctx).passphrase_files = value


# --- how it ends ------------------------------------------------------------------------------


class Root(Group):
    """The program: runs a command, and turns whatever it refuses into words and a status."""

    group_class = Group

    def main(self, args: Sequence[str] | None = None, *_args: Any, **_kwargs: Any) -> Any:
        """Runs ``args`` and ends the process with the exit status."""
        sys.exit(self.run(list(sys.argv[1:] if args is None else args)))

    def run(self, arguments: list[str]) -> int:
        """Runs one command line; returns the exit status."""
        as_json = "--json" in arguments
        try:
            words.use()
            code = super().main(arguments, prog_name="detente", standalone_mode=False)
            sys.stdout.flush()
        except click.ClickException as exc:
            return fail(LocalError(Refusal.USAGE, exc.format_message()), as_json=as_json)
        except DetenteError as exc:
            return fail(exc, as_json=as_json)
        except click.Abort:
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read us has gone. What is still buffered must not raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return INTERRUPTED
        return code if isinstance(code, int) else 0


def fail(error: DetenteError, *, as_json: bool) -> int:
    """Tells a person or a program what was refused; returns the exit status."""
    text, hint = words.refusal(error)
    rows, faults = [plain(text)], _faults(error)
    if faults:
        from detente import mistakes  # only then: nobody waits for it at every start

        rows, hint = [mistakes.row(one) for one in faults], mistakes.hint(faults)
    if as_json:
        bare, _hint = words.refusal(type(error)(error.refusal, "", **error.facts))
        refused = {
            "refusal": error.refusal.word,
            "text": bare,
            "hint": hint,
            "detail": error.detail,
            **({"faults": faults} if faults else {}),
        }
        click.echo(as_document({"error": refused}))
    else:
        # The two words are the same in every language: scripts and manuals look for them.
        for row in rows:
            click.echo(f"error: {row}", err=True)
        click.echo(f"hint: {plain(hint)}", err=True)
    return EXITS[error.fault]


def _faults(error: DetenteError) -> list[dict[str, Any]]:
    """The mistakes in a profile or a notice that are behind a refusal."""
    found = error.facts.get("faults")
    return found if isinstance(found, list) else []
