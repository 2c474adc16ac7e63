"""`detente line`: agreeing a line, looking at it, and changing its charter together."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import Group, Option, Session
from detente.cli.entries import line_rows, sent_rows
from detente.cli.options import line_option, set_option
from detente.cli.party import read_file, write_new
from detente.core.errors import LocalError, Refusal
from detente.plain import plain, quoted
from detente.times import parse_span, parse_time, stamp
from detente.words import _, marked

ROLE_WORDS = ("party", "mediator", "observer")
OPEN_POLL_S = 0.2
CHARTER_FIELD = marked("A field of the charter, such as answer-within-s or quota-flash-per-day.")
CHARTERS = ("charter", "joining")  # kinds of what is offered; the second is both texts of a line


@click.group(cls=Group, help=marked("Agree a line, look at it, change its charter together."))
def line() -> None:
    """The noun."""


def charter_fields(settings: tuple[str, ...]) -> dict[str, object]:
    """``FIELD=VALUE`` as the charter's own types. LocalError USAGE for no such field or value."""
    from dataclasses import fields

    from detente.core.charter import Charter

    types = {field.name.replace("_", "-"): str(field.type) for field in fields(Charter)}
    found: dict[str, object] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name.replace("_", "-") not in types:
            detail = f"«{setting}»: FIELD=VALUE with a field of the charter"
            raise LocalError(Refusal.USAGE, detail)
        field = name.replace("_", "-")
        found[field] = _typed(field, types[field], value)
    return found


def _typed(name: str, type_: str, value: str) -> object:
    if name.startswith("ed25519-until"):
        return parse_time(value)
    words = value.replace(",", " ").split()
    try:
        if type_ == "bool":
            return {"yes": True, "no": False}[value]
        if type_ == "int":
            return int(value)
        if type_ == "tuple[int, ...]":
            return [int(word) for word in words]
    except (KeyError, ValueError) as exc:
        raise LocalError(Refusal.USAGE, f"{name}: «{value}» is not a value for it") from exc
    return words if type_.startswith("tuple") else value


def _member(text: str) -> dict[str, str]:
    name, equals, role = text.rpartition("=")
    if not equals:
        name, role = text, "party"
    if role not in ROLE_WORDS:
        raise LocalError(Refusal.USAGE, f"«{role}» is none of: {', '.join(ROLE_WORDS)}")
    return {"party": name, "role": role}


@line.command(help=marked("Write a charter, sign it by accepting it, and offer it to the others."))
@click.argument("title")
@click.option(
    "--member",
    "members",
    multiple=True,
    required=True,
    metavar="PARTY[=ROLE]",
    cls=Option,
    help=marked("A trusted party, by name or id, and its role: party, mediator or observer."),
)
@click.option(
    "--drill", is_flag=True, cls=Option, help=marked("An exercise: marked on every screen.")
)
@click.option(
    "--language",
    "languages",
    multiple=True,
    default=("en",),
    show_default=True,
    cls=Option,
    help=marked("A language of the line."),
)
@click.option(
    "--padding/--no-padding",
    default=True,
    show_default=True,
    cls=Option,
    help=marked("Hide the length of texts on the wire."),
)
@set_option(CHARTER_FIELD)
@click.option(
    "--send/--no-send",
    default=True,
    show_default=True,
    cls=Option,
    help=marked("Offer it over the links between trusted parties."),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("File to save the charter to, to be carried by hand."),
)
@click.pass_obj
def propose(
    session: Session,
    title: str,
    members: tuple[str, ...],
    drill: bool,
    languages: tuple[str, ...],
    padding: bool,
    settings: tuple[str, ...],
    send: bool,
    out: Path | None,
) -> None:
    """The proposer accepts by proposing."""
    result = asking.ask(
        session,
        "propose",
        title=title,
        members=[_member(text) for text in members],
        drill=drill,
        languages=list(languages),
        padding=padding,
        set=charter_fields(settings) or None,
        send=send,
    )
    if out is not None:
        write_new(out, base64.b64decode(result["charter_b64"]))
        result["charter"] = str(out)

    def rows() -> Iterator[str]:
        yield _("Line {line} is proposed. It opens when every member has accepted it.").format(
            line=result["line"]
        )
        yield _("Compare this id by voice before anything is said on it.")

    session.show(result, rows)


@line.command(help=marked("Charters and cards offered by trusted parties and not yet taken up."))
@click.pass_obj
def offered(session: Session) -> None:
    """What has come and waits for a decision."""
    found = asking.ask(session, "offered")

    def rows() -> Iterator[str]:
        for offer in found:
            came = _("from {name}, {when}").format(
                name=plain(offer["from"]), when=stamp(offer["at_s"])
            )
            yield f"{offer['number']}  {plain(offer['kind'])}  {plain(offer['name'])}  {came}"
            yield f"  {offer.get('card') or offer['sha256']}"
            text = base64.b64decode(offer["data_b64"]).decode("utf-8", "replace")
            if offer["kind"] in CHARTERS:
                yield from quoted(text.rstrip("\n"), "  ")
            else:
                yield "  " + _("To trust it, have its owner read its digits: {command}").format(
                    command=f"detente party trust --offered {offer['number']}"
                )
        if not found:
            yield _("Nothing is offered.")

    session.show({"offered": found}, rows)


@line.command(help=marked("Accept a charter from a file, or the one a trusted party has offered."))
@click.argument("charter", required=False, type=click.Path(path_type=Path))
@click.option("--from", "sender", cls=Option, help=marked("The party whose offer is meant."))
@click.pass_obj
def accept(session: Session, charter: Path | None, sender: str | None) -> None:
    """Signs the charter by making it leaf 0 of one's own log, or joins once its seal is final."""
    if charter is not None:
        encoded = base64.b64encode(read_file(charter)).decode()
    else:
        encoded = _offered_charter(session, sender)
    result = asking.ask(session, "accept", charter_b64=encoded)

    def rows() -> Iterator[str]:
        yield _("Accepted: {title}, line {line}").format(
            title=plain(result["title"]), line=result["line"]
        )
        if result.get("joining"):
            yield _("Joining: this node signs when it finds the seal final. See: line status.")

    session.show(result, rows)


def _offered_charter(session: Session, sender: str | None) -> str:
    charters = {
        offer["sha256"]: offer
        for offer in asking.ask(session, "offered")
        if offer["kind"] in CHARTERS and sender in {None, offer["from"], offer["party"]}
    }
    if len(charters) != 1:
        detail = f"{len(charters)} charters are offered: name a file, or --from"
        raise LocalError(Refusal.USAGE if charters else Refusal.NOT_FOUND, detail)
    (offer,) = charters.values()
    return str(offer["data_b64"])


@line.command("open", help=marked("Wait until every member has accepted, and the line is open."))
@line_option()
@click.option(
    "--timeout",
    default="60s",
    show_default=True,
    cls=Option,
    help=marked("How long to wait, such as 90s or 10min."),
)
@click.pass_obj
def open_(session: Session, line_name: str | None, timeout: str) -> None:
    """Waits; LocalError UNREACHABLE after the timeout."""
    until_s = time.monotonic() + parse_span(timeout)
    status = _one(asking.ask(session, "lines", offline=False), line_name)
    while not status["open"]:
        if time.monotonic() >= until_s:
            raise LocalError(Refusal.UNREACHABLE, f"not open after {timeout}")
        time.sleep(OPEN_POLL_S)
        status = _one(asking.ask(session, "lines", offline=False), line_name)
    session.show(status, lambda: line_rows(status))


def _one(found: list[dict[str, Any]], name: str | None) -> dict[str, Any]:
    matching = [
        status
        for status in found
        if name is None or status["title"] == name or status["line"].startswith(name.lower())
    ]
    if len(matching) != 1:
        which = "this node has no line" if not found else f"{len(matching)} lines match"
        raise LocalError(Refusal.UNKNOWN_LINE, which)
    return matching[0]


@line.command(help=marked("The state of one line: its members, their silences, what waits."))
@click.argument("line_name", metavar="[LINE]", required=False)
@click.pass_obj
def status(session: Session, line_name: str | None) -> None:
    """Needs no network."""
    found = asking.ask(session, "lines")
    if line_name is None and len(found) != 1:
        session.show({"lines": found}, lambda: _status_rows(found))
        return
    one = _one(found, line_name)
    session.show(one, lambda: [*line_rows(one), *_checkpoint_rows(one)])


@line.command("list", help=marked("All lines, one row each."))
@click.pass_obj
def list_(session: Session) -> None:
    """Needs no network."""
    found = asking.ask(session, "lines")
    rows = [
        f"{status['line'][:16]}  {plain(status['title'])}"
        + ("  DRILL DRILL DRILL" if status["drill"] else "")
        for status in found
    ]
    session.show({"lines": found}, lambda: rows or [_("There is no line yet.")])


def _status_rows(found: list[dict[str, Any]]) -> Iterator[str]:
    for one in found:
        yield from line_rows(one)
    if not found:
        yield _("There is no line yet.")


def _checkpoint_rows(status: dict[str, Any]) -> Iterator[str]:
    for log, head in status["checkpoints"].items():
        yield "  " + _("log {log}: {size} entries, root {root}").format(
            log=plain(log), size=head["size"], root=head["root"][:16]
        )


@line.command(help=marked("Stop purges of a line's bodies at this node, or let them go on."))
@click.argument("state", type=click.Choice(["on", "off"]))
@line_option()
@click.option("--reason", required=True, cls=Option, help=marked("Why: kept in the journal."))
@click.pass_obj
def hold(session: Session, state: str, line_name: str | None, reason: str) -> None:
    """A legal hold: local, journalled, said to nobody on the line."""
    on = state == "on"
    result = asking.ask(session, "hold", line=line_name, on=on, reason=reason)
    kept = _("LEGAL HOLD: no body of this line is purged here until it is lifted")
    lifted = _("The legal hold is lifted: what was declared purged meanwhile is destroyed here")
    session.show(result, lambda: [kept if on else lifted])


@line.command(help=marked("Receive only (EMCON): announced, then nothing is sent; or end it."))
@click.option(
    "--for", "span", cls=Option, help=marked("How long at most, such as 90min, 12h or 7d.")
)
@click.option("--until", cls=Option, help=marked("In place of --for: until when at most (UTC)."))
@click.option(
    "--from",
    "start",
    cls=Option,
    help=marked("When it begins (UTC); without it in a minute, so that the others are told first."),
)
@click.option(
    "--bearer",
    "bearers",
    multiple=True,
    type=click.Choice(("tls", "serial", "websocket")),
    cls=Option,
    help=marked("What nothing is sent over; all but serial are cut. Without it every bearer."),
)
@click.option("--end", is_flag=True, cls=Option, help=marked("End it now, and say so."))
@click.pass_obj
def quiet(
    session: Session,
    span: str | None,
    until: str | None,
    start: str | None,
    bearers: tuple[str, ...],
    end: bool,
) -> None:
    """On all lines of this node."""
    if sum((span is not None, until is not None, end)) != 1:
        raise LocalError(Refusal.USAGE, "one of --for, --until and --end")
    now_s = int(time.time())
    from_s = None if start is None else parse_time(start)
    until_s = None if until is None else parse_time(until)
    if span is not None:
        until_s = (from_s or now_s) + parse_span(span)
    result = asking.ask(
        session,
        "quiet",
        offline=False,
        end=end,
        from_s=from_s,
        until_s=until_s,
        bearers=list(bearers) or None,
    )

    def rows() -> Iterator[str]:
        if not result["ordered"]:
            yield _("EMCON is over: this node sends again, first the receipts that waited.")
            return
        said = _("EMCON from {since} until {until} at most: nothing is sent, no receipt either.")
        yield said.format(since=stamp(result["from_s"]), until=stamp(result["until_s"]))
        yield _("`detente line status` shows who has received the announcement.")

    session.show(result, rows)


# --- changing the charter ---------------------------------------------------------------------


@line.command(help=marked("Offer another charter for the line."))
@line_option()
@set_option(CHARTER_FIELD)
@click.option(
    "--charter",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("The whole new charter as a file, in place of --set and --member."),
)
@click.option(
    "--member",
    "members",
    multiple=True,
    metavar="PARTY[=ROLE]",
    cls=Option,
    help=marked("A trusted party that is to join, and its role: party, mediator or observer."),
)
@click.option(
    "--send/--no-send",
    default=True,
    show_default=True,
    cls=Option,
    help=marked("Offer both charters to who is to join, over a link that is up."),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("File for both charters, for who is to join, to be carried by hand."),
)
@click.option(
    "--expires",
    default="1d",
    show_default=True,
    cls=Option,
    help=marked("How long the offer stands, such as 12h or 7d."),
)
@click.pass_obj
def amend(
    session: Session,
    line_name: str | None,
    settings: tuple[str, ...],
    charter: Path | None,
    members: tuple[str, ...],
    send: bool,
    out: Path | None,
    expires: str,
) -> None:
    """An offer; the others assent to it, and one of them seals it."""
    if (charter is None) == (not settings and not members):
        raise LocalError(Refusal.USAGE, "either --set or --member, once or more, or --charter")
    result = asking.ask(
        session,
        "amend",
        line=line_name,
        set=charter_fields(settings) or None,
        members=[_member(text) for text in members] or None,
        send=send,
        text_b64=None if charter is None else base64.b64encode(read_file(charter)).decode(),
        expires_s=int(time.time()) + parse_span(expires),
    )
    if out is not None and "joining_b64" in result:
        write_new(out, base64.b64decode(result["joining_b64"]))
        result["charter"] = str(out)
    session.show(result, lambda: sent_rows(result))


@line.command(help=marked("The charter in force; with the founding one, for a party that joins."))
@line_option()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("File for both charters, for who is to join, to be carried by hand."),
)
@click.option(
    "--send", "party", cls=Option, help=marked("A trusted party to offer both to, over its link.")
)
@click.pass_obj
def charter(session: Session, line_name: str | None, out: Path | None, party: str | None) -> None:
    """What was agreed, word for word."""
    result = asking.ask(session, "charter", line=line_name, send=party)
    if party is not None and not result["sent"]:
        raise LocalError(Refusal.UNREACHABLE, f"no link to {party}")
    if out is not None:
        write_new(out, base64.b64decode(result["joining_b64"]))
        result["charter"] = str(out)
    session.show(result, lambda: quoted(result["text"].rstrip("\n"), ""))


def _decision(do: str, help_text: str) -> None:
    @line.command(do, help=help_text)
    @click.argument("entry")
    @line_option()
    @click.pass_obj
    def command(session: Session, entry: str, line_name: str | None) -> None:
        result = asking.ask(session, do, line=line_name, entry=entry)
        session.show(result, lambda: sent_rows(result))


_decision("assent", marked("Assent to an offer."))
_decision("withdraw", marked("Withdraw an offer or an assent, while it is not sealed."))
_decision("seal", marked("Seal an offer that all its signatories have assented to."))


@line.command(help=marked("Offers on the line and how far each has come."))
@line_option()
@click.pass_obj
def decisions(session: Session, line_name: str | None) -> None:
    """Computed from the transcript alone."""
    found = asking.ask(session, "decisions", line=line_name)

    def rows() -> Iterator[str]:
        for one in found:
            yield "  ".join(plain(str(one[key])) for key in ("entry", "state", "reason"))
        if not found:
            yield _("Nothing was offered on this line.")

    session.show({"decisions": found}, rows)
