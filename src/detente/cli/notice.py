"""Notices under adopted profiles: what can be adopted, what is given, what is due."""

from __future__ import annotations

import base64
import json
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import Decorated, Group, Option, Session
from detente.cli.entries import sent_rows
from detente.cli.notice_rows import check_rows, list_rows, notice_rows, profile_rows
from detente.cli.options import because_option, line_option, reason_option, set_option
from detente.cli.party import read_file, write_new
from detente.core.errors import LocalError, Refusal
from detente.plain import plain, quoted
from detente.times import iso, spoken
from detente.words import _, marked

REPLIES = ("received", "read-back", "no-objection", "objection", "cannot-comply")
DRAFT_KEYS = frozenset({"profile", "values", "unknown"})
NO_NOTICE = marked("The file is no notice")
A_NOTICE = marked(
    "A notice has profile, values and unknown; `detente notice new --out` writes one. "
    "A profile is checked and offered by `detente notice adopt --file`."
)


@click.group(cls=Group, help=marked("Agreed notifications: profiles, notices, what is due."))
def notice() -> None:
    """The noun."""


# --- profiles -----------------------------------------------------------------------------------


@notice.command(help=marked("Profiles that can be adopted, and what became of each adoption."))
@click.argument("name", required=False)
@line_option()
@click.option(
    "--schema", is_flag=True, cls=Option, help=marked("The JSON Schema of a notice under it.")
)
@click.pass_obj
def profiles(session: Session, name: str | None, line_name: str | None, schema: bool) -> None:
    """Each number with its source, and how sure it is."""
    if schema:
        _schema(session, name)
        return
    found = asking.ask(session, "notice_profiles", name=name, line=line_name)
    session.show(found, lambda: profile_rows(found, whole=name is not None))


def _schema(session: Session, name: str | None) -> None:
    from detente.dossiers.profile_reading import parse_canonical
    from detente.dossiers.renderings import schema

    if name is None:
        raise LocalError(Refusal.USAGE, "a schema is of one profile: name it")
    (found,) = asking.ask(session, "notice_profiles", name=name)["profiles"]
    click.echo(json.dumps(schema(parse_canonical(found["canonical"].encode())), indent=2))


@notice.command(help=marked("Adopt a profile, or take part in an adoption the other side offered."))
@click.argument("name", required=False)
@click.option(
    "--file", type=click.Path(path_type=Path), cls=Option, help=marked("A profile of one's own.")
)
@click.option(
    "--state",
    "stated",
    multiple=True,
    metavar="NUMBER=VALUE",
    cls=Option,
    help=marked("A number that nobody has read in its source, in our own words."),
)
@line_option()
@reason_option()
@click.pass_obj
def adopt(
    session: Session,
    name: str | None,
    file: Path | None,
    stated: tuple[str, ...],
    line_name: str | None,
    reason: str | None,
) -> None:
    """It takes every signature that an amendment of the charter takes."""
    if (name is None) == (file is None):
        raise LocalError(Refusal.USAGE, "name a profile, or give --file")
    result = asking.ask(
        session,
        "notice_adopt",
        name=name,
        toml_b64=None if file is None else base64.b64encode(read_file(file)).decode(),
        state=pairs(stated) or None,
        line=line_name,
        reason=reason,
    )
    session.show(result, lambda: sent_rows(result))


@notice.command(help=marked("Suspend an adoption: one party can, and only all take it up again."))
@click.argument("name")
@because_option(required=True)
@line_option()
@reason_option()
@click.pass_obj
def suspend(
    session: Session, name: str, because: str, line_name: str | None, reason: str | None
) -> None:
    """Itself an entry that all hold."""
    result = asking.ask(
        session, "notice_suspend", name=name, reason_given=because, line=line_name, reason=reason
    )
    session.show(result, lambda: sent_rows(result))


# --- giving notice ------------------------------------------------------------------------------


def pairs(given: Sequence[str]) -> dict[str, str]:
    """The values of NAME=VALUE. LocalError USAGE for anything else, or a name twice."""
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or name in found:
            raise LocalError(Refusal.USAGE, f"«{item}»: NAME=VALUE, each name once")
        found[name] = value
    return found


def draft_of(file: Path) -> dict[str, Any]:
    """A notice in a TOML or JSON file: profile, values, unknown. LocalError USAGE otherwise."""
    data = sys.stdin.buffer.read() if str(file) == "-" else read_file(file)
    try:
        text = data.decode()
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as exc:
        what = f"{file}: neither TOML nor JSON: {exc}"
        raise LocalError(Refusal.USAGE, what, said=NO_NOTICE, hint=A_NOTICE) from exc
    if not set(found) <= DRAFT_KEYS or not isinstance(found.get("profile"), str):
        raise LocalError(Refusal.USAGE, str(file), said=NO_NOTICE, hint=A_NOTICE)
    return dict(found)


def _language_option() -> Callable[[Decorated], Decorated]:
    return click.option("--language", cls=Option, help=marked("Language it is shown in."))


def _notice_options(command: Decorated) -> Decorated:
    options = (
        set_option(marked("A field of the notice.")),
        click.option(
            "--unknown",
            multiple=True,
            metavar="FIELD",
            cls=Option,
            help=marked("A field that is not known yet."),
        ),
        *(
            click.option(f"--{name}", multiple=True, metavar="ENTRY", cls=Option, help=text)
            for name, text in (
                ("answers", marked("Notice that this answers.")),
                ("corrects", marked("Own notice that this corrects.")),
                ("supersedes", marked("Own notice that this replaces.")),
                ("refers", marked("Notice that this rests on.")),
            )
        ),
        _language_option(),
        line_option(),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """What the options of ``_notice_options`` ask for."""
    relations = [
        {"entry": entry, "relation": relation}
        for relation in ("answers", "corrects", "supersedes", "refers")
        for entry in options.pop(relation)
    ]
    return {
        "line": options.pop("line_name"),
        "values": pairs(options.pop("settings")),
        "unknown": list(options.pop("unknown")) or None,
        "relations": relations or None,
        **options,
    }


def _late(command: Decorated) -> Decorated:
    late = click.option(
        "--late",
        is_flag=True,
        cls=Option,
        help=marked("Send it though it is late, as `notice check` shows; the entry says so."),
    )
    return late(reason_option()(command))


def _send(session: Session, request: dict[str, Any]) -> None:
    result = asking.ask(session, "notice_send", **request)

    def rows() -> Iterator[str]:
        yield from sent_rows(result)
        if result.get("due_s") is not None:
            yield _("due {when}").format(when=iso(result["due_s"]))
        if result.get("late_s"):
            yield _("LATE by {span}, as confirmed").format(span=spoken(result["late_s"]))

    session.show(result, rows)


@notice.command("new", help=marked("Check a notice and send it, if nothing is wrong with it."))
@click.argument("profile")
@_notice_options
@_late
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("Write it to a JSON file instead, for `notice send`."),
)
@click.pass_obj
def new(session: Session, /, profile: str, out: Path | None, late: bool, **options: Any) -> None:
    """Every mistake is named with its field, rule and source."""
    request = _asked(options) | {"profile": profile}
    if out is None:
        _send(session, request | {"late": late})
        return
    kept = {key: request[key] for key in DRAFT_KEYS if request[key] is not None}
    write_new(out, json.dumps(kept, ensure_ascii=False, indent=2).encode() + b"\n")
    session.show({"file": str(out)}, lambda: [str(out)])


@notice.command(help=marked("What is wrong with a notice, when it is due, how it reads; unsent."))
@click.argument("profile_or_file")
@_notice_options
@click.pass_context
def check(ctx: click.Context, /, profile_or_file: str, **options: Any) -> None:
    """Exit status 2 where it could not go as it stands."""
    session: Session = ctx.obj
    request = _asked(options)
    if profile_or_file == "-" or Path(profile_or_file).is_file():
        request |= draft_of(Path(profile_or_file))
    else:
        request["profile"] = profile_or_file
    request.pop("reason", None)
    found = asking.ask(session, "notice_check", **request)
    session.show(found, lambda: check_rows(found))
    if found["faults"]:
        ctx.exit(2)


@notice.command("send", help=marked("Check and send a notice from a TOML or JSON file, or -."))
@click.argument("file", type=click.Path(path_type=Path))
@line_option()
@_late
@click.pass_obj
def send(
    session: Session, file: Path, line_name: str | None, late: bool, reason: str | None
) -> None:
    """As `notice new`."""
    _send(session, draft_of(file) | {"line": line_name, "late": late, "reason": reason})


@notice.command(help=marked("Answer a notice. Silence is no answer, and no answer a permission."))
@click.argument("entry")
@click.argument("reply", type=click.Choice(REPLIES))
@set_option(marked("A field read back, a place in any grid: «SK42 50 27N 30 31E»."))
@because_option(required=False)
@line_option()
@reason_option()
@click.pass_obj
def answer(
    session: Session,
    entry: str,
    reply: str,
    settings: tuple[str, ...],
    because: str | None,
    line_name: str | None,
    reason: str | None,
) -> None:
    """One of five words."""
    result = asking.ask(
        session,
        "notice_answer",
        entry=entry,
        reply=reply,
        values=pairs(settings) or None,
        words=because,
        line=line_name,
        reason=reason,
    )
    session.show(result, lambda: sent_rows(result))


@notice.command(help=marked("Cancel a notice of one's own."))
@click.argument("entry")
@because_option(required=True)
@line_option()
@reason_option()
@click.pass_obj
def cancel(
    session: Session, entry: str, because: str, line_name: str | None, reason: str | None
) -> None:
    """It stays in the transcript."""
    result = asking.ask(
        session, "notice_cancel", entry=entry, words=because, line=line_name, reason=reason
    )
    session.show(result, lambda: sent_rows(result))


# --- what was given -----------------------------------------------------------------------------


def _listed(session: Session, line_name: str | None, language: str | None) -> Any:
    return asking.ask(session, "notice_list", line=line_name, language=language)


@notice.command("list", help=marked("Every notice and its state, what is due, and what meets."))
@line_option()
@_language_option()
@click.pass_obj
def list_(session: Session, line_name: str | None, language: str | None) -> None:
    """Computed from the transcript; the other side computes the same."""
    found = _listed(session, line_name, language)
    session.show(found, lambda: list_rows(found))


@notice.command(help=marked("One notice with every field, as it reads in a language."))
@click.argument("entry")
@line_option()
@_language_option()
@click.pass_obj
def show(session: Session, entry: str, line_name: str | None, language: str | None) -> None:
    """With its source."""
    found = asking.ask(session, "notice_show", entry=entry, line=line_name, language=language)

    def rows() -> Iterator[str]:
        yield from notice_rows(found, {})
        yield from quoted(found["reads"], "  ")
        for name, value in found["values"].items():
            yield f"  {plain(name):<18}  {plain(value)}"
        yield f"  {plain(found['source'])}"

    session.show(found, rows)


@notice.command(help=marked("What is due and what stands, as an iCalendar file for one's staff."))
@click.option(
    "--out", type=click.Path(path_type=Path), cls=Option, help=marked("File to write; replaced.")
)
@line_option()
@_language_option()
@click.pass_obj
def calendar(
    session: Session, out: Path | None, line_name: str | None, language: str | None
) -> None:
    """Rings a day before what is due."""
    from detente import ical

    found = _listed(session, line_name, language)
    events = list(ical.of_notices(found))
    text = ical.calendar(events, found["now_s"])
    if out is not None:
        out.write_bytes(text.encode())
    if out is not None or session.as_json:
        shown = {"events": [one._asdict() for one in events], "file": out and str(out)}
        session.show(shown, lambda: [str(out)])
    else:
        click.echo(text, nl=False)
