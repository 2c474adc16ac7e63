"""What the watch says: dispatches, accident reports, marks, translations, link tests, purges."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import Command, Decorated, Group, Option, Session
from detente.cli.entries import sent_rows
from detente.cli.options import line_option
from detente.cli.party import read_file
from detente.core.errors import LocalError, Refusal
from detente.plain import plain
from detente.terms import KINDS, LABELS, word
from detente.times import parse_span, parse_time, stamp
from detente.words import GLOSSES, _, marked

GRADES = ("sight", "rough", "certified")
RUNGS = (
    "seen",
    "passed-on",
    "translated",
    "with-principal",
    "answered",
    "declined",
    "misdirected",
    "read-back",
    "disputed",
)
RELATIONS = ("answers", "corrects", "cancels", "supersedes", "refers")
ACCIDENT_FIELDS = ("what", "where", "time", "persons", "known", "asked")
NOT_YET = 3  # the other side has not done what was waited for
ANSWER_MARGIN_S = 10  # the node answers a wait a little after it ends


def text_of(text: str | None, file: Path | None) -> str:
    """The text of an argument, of a file, or of standard input for ``-``. LocalError USAGE."""
    if (text is None) == (file is None):
        raise LocalError(Refusal.USAGE, "give the text, or --file, or - for standard input")
    if file is not None:
        data = read_file(file)
    elif text == "-":
        data = sys.stdin.buffer.read()
    else:
        return str(text)
    try:
        return data.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as exc:
        raise LocalError(Refusal.USAGE, "the text is not UTF-8") from exc


def _waits() -> Callable[[Decorated], Decorated]:
    def decorate(command: Decorated) -> Decorated:
        command = click.option(
            "--timeout",
            default="30s",
            show_default=True,
            cls=Option,
            help=marked("How long to wait, such as 90s or 10min."),
        )(command)
        return click.option(
            "--wait",
            type=click.Choice(("sent", "received")),
            cls=Option,
            help=marked("Return when it was sent, or when its receipt is here."),
        )(command)

    return decorate


def _speak(
    session: Session, do: str, *, wait: str | None = None, timeout: str = "30s", **arguments: Any
) -> None:
    timeout_s = parse_span(timeout)
    result = asking.ask(
        session,
        do,
        offline=wait is None,
        patience_s=timeout_s + ANSWER_MARGIN_S,
        **arguments,
        **({} if wait is None else {"wait": wait, "timeout_s": timeout_s}),
    )
    session.show(result, lambda: sent_rows(result))
    if not result.get("done", True):
        session.say(
            _("not there yet after {timeout}; it goes on by itself").format(timeout=timeout)
        )
        click.get_current_context().exit(NOT_YET)


def _relation_options(command: Decorated) -> Decorated:
    helps = {
        "answers": marked("Entry that this answers."),
        "corrects": marked("Own entry that this corrects."),
        "cancels": marked("Own entry that this cancels."),
        "supersedes": marked("Own entry that this replaces."),
        "refers": marked("Entry that this refers to."),
    }
    for relation in reversed(RELATIONS):
        option = click.option(
            f"--{relation}", multiple=True, metavar="ENTRY", cls=Option, help=helps[relation]
        )
        command = option(command)
    return command


@click.command(
    cls=Command, help=marked("Say something on the line. It is stored before this returns.")
)
@click.argument("text", required=False)
@click.option(
    "--file", type=click.Path(path_type=Path), cls=Option, help=marked("File with the text.")
)
@line_option()
@click.option(
    "--precedence",
    "-p",
    type=click.Choice(tuple(GLOSSES), case_sensitive=False),
    metavar="|".join(GLOSSES),
    cls=Option,
    help=marked("How fast it has to be; without it ROUTINE, and FLASH for an accident report."),
)
@click.option("--subject", "-s", default="", cls=Option, help=marked("One row."))
@click.option(
    "--label",
    type=click.Choice(tuple(LABELS)),
    default="parties-only",
    show_default=True,
    cls=Option,
    help=marked("Who may be shown it, by joint rule."),
)
@click.option("--personal", is_flag=True, cls=Option, help=marked("It holds personal data."))
@click.option("--language", cls=Option, help=marked("Language of the text, such as en, ru or uk."))
@click.option(
    "--to",
    "readers",
    multiple=True,
    metavar="MEMBER",
    cls=Option,
    help=marked("A reader; without it, all who may read."),
)
@_relation_options
@click.option(
    "--accident",
    multiple=True,
    metavar="FIELD=VALUE",
    cls=Option,
    help=marked("An accident report: what, where, time, persons, known, asked."),
)
@click.option(
    "--reason",
    metavar="TEXT",
    cls=Option,
    help=marked("Where a desk authorises: why this goes out without it. Kept in the journal."),
)
@click.option(
    "--attach",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("A file that goes beside the text, behind all other text; may be repeated."),
)
@_waits()
@click.pass_obj
def say(
    session: Session,
    /,
    text: str | None,
    file: Path | None,
    line_name: str | None,
    readers: tuple[str, ...],
    accident: tuple[str, ...],
    files: tuple[Path, ...],
    wait: str | None,
    timeout: str,
    **options: Any,
) -> None:
    """A dispatch, or an accident report."""
    relations = [
        {"entry": entry, "relation": relation}
        for relation in RELATIONS
        for entry in options.pop(relation)
    ]
    report = accident_fields(accident) if accident else None
    _speak(
        session,
        "say",
        wait=wait,
        timeout=timeout,
        line=line_name,
        text=text_of(text, file) if report is None else "",
        accident=report,
        to=list(readers) or None,
        relations=relations or None,
        attachments=[{"path": str(path.absolute())} for path in files] or None,
        **options,
    )


def accident_fields(given: tuple[str, ...]) -> dict[str, Any]:
    """The fields of an accident report; each may be missing. LocalError USAGE for another."""
    fields: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or name not in ACCIDENT_FIELDS:
            detail = f"«{item}»: FIELD=VALUE with one of {', '.join(ACCIDENT_FIELDS)}"
            raise LocalError(Refusal.USAGE, detail)
        if name == "time":
            fields["time_s"] = parse_time(value)
        else:
            fields[name] = value
    return fields


@click.command(
    cls=Command, help=marked("State a later rung of an entry: seen, passed on, read back…")
)
@click.argument("entry")
@click.argument("rung", type=click.Choice(RUNGS))
@line_option()
@click.option(
    "--stater",
    type=click.Choice(("watch", "node", "released")),
    default="watch",
    show_default=True,
    cls=Option,
    help=marked("Who states it."),
)
@click.option("--comment", cls=Option, help=marked("What was read back, or why it was declined."))
@click.option(
    "--opened", is_flag=True, cls=Option, help=marked("With misdirected: it had been opened.")
)
@click.option(
    "--purged", is_flag=True, cls=Option, help=marked("With misdirected: it has been purged.")
)
@_waits()
@click.pass_obj
def mark(
    session: Session,
    entry: str,
    rung: str,
    line_name: str | None,
    stater: str,
    comment: str | None,
    opened: bool,
    purged: bool,
    wait: str | None,
    timeout: str,
) -> None:
    """A mark is the word of the receiving desk."""
    if (opened or purged) and rung != "misdirected":
        raise LocalError(Refusal.USAGE, "--opened and --purged belong to misdirected")
    _speak(
        session,
        "mark",
        wait=wait,
        timeout=timeout,
        line=line_name,
        entry=entry,
        rung=rung,
        stater=stater,
        comment=comment,
        detail=(1 if opened else 0) | (2 if purged else 0),
    )


@click.command(
    cls=Command, help=marked("Add a translation of an entry; the original stays as it is.")
)
@click.argument("entry")
@click.argument("text", required=False)
@click.option(
    "--file", type=click.Path(path_type=Path), cls=Option, help=marked("File with the text.")
)
@click.option(
    "--grade",
    type=click.Choice(GRADES),
    required=True,
    cls=Option,
    help=marked("How good it is."),
)
@click.option(
    "--language", required=True, cls=Option, help=marked("Language it is translated into.")
)
@line_option()
@_waits()
@click.pass_obj
def translate(
    session: Session,
    entry: str,
    text: str | None,
    file: Path | None,
    grade: str,
    language: str,
    line_name: str | None,
    wait: str | None,
    timeout: str,
) -> None:
    """A translation is an entry of its own."""
    _speak(
        session,
        "translate",
        wait=wait,
        timeout=timeout,
        line=line_name,
        entry=entry,
        grade=grade,
        language=language,
        text=text_of(text, file),
    )


@click.command("test", cls=Command, help=marked("Send the next sentence of the link test now."))
@line_option()
@click.pass_obj
def test_(session: Session, line_name: str | None) -> None:
    """Beside the charter's own schedule."""
    _speak(session, "test", line=line_name)


@click.command(
    cls=Command, help=marked("Destroy the body of an entry of one's own, here and at every reader.")
)
@click.argument("entry")
@line_option()
@click.option("--yes", is_flag=True, cls=Option, help=marked("Do not ask."))
@click.pass_obj
def purge(session: Session, entry: str, line_name: str | None, yes: bool) -> None:
    """The entry stays; nothing brings its body back. Each holder declares what it destroyed."""
    if not yes:
        if not sys.stdin.isatty():
            raise LocalError(Refusal.USAGE, "nobody to ask: --yes")
        click.confirm(_("Destroy the body of {entry}?").format(entry=entry), abort=True, err=True)
    _speak(session, "purge", line=line_name, entry=entry)


# --- the outbox -------------------------------------------------------------------------------


@click.group(cls=Group, help=marked("What is queued here and not sent yet."))
def outbox() -> None:
    """The noun."""


@outbox.command("list", help=marked("What is queued, and what waits for authorisation."))
@line_option()
@click.pass_obj
def outbox_list(session: Session, line_name: str | None) -> None:
    """In order of number."""
    found = asking.ask(session, "outbox", line=line_name)

    def rows() -> Iterator[str]:
        for row in found:
            waits = _("awaits authorisation") if row["awaits_release"] else ""
            parts = (
                f"{row['number']:>6}",
                plain(str(row["precedence"])),
                word(KINDS, row["kind"]),
                stamp(row["submitted_s"]),
                plain(str(row.get("subject") or "")),
                waits,
            )
            yield "  ".join(part for part in parts if part)
        if not found:
            yield _("The outbox is empty.")

    session.show({"outbox": found}, rows)


def _decide(name: str, send: bool, help_text: str) -> None:
    @outbox.command(name, help=help_text)
    @click.argument("number", type=click.IntRange(0))
    @line_option()
    @click.pass_obj
    def command(session: Session, number: int, line_name: str | None) -> None:
        result = asking.ask(session, "release", line=line_name, number=number, send=send)
        session.show(
            result,
            lambda: [
                _("Number {number} goes out.").format(number=number)
                if send
                else _("Number {number} will not be sent.").format(number=number)
            ],
        )


_decide("authorise", True, marked("Let a queued message go out after an adoption."))
_decide("drop", False, marked("Take a message that awaits authorisation out of the outbox."))
