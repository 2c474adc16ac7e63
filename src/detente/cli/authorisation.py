"""`detente authorisation`: the record of who authorised an entry, and its check by anybody."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detente.cli import asking
from detente.cli.app import CHECK_FAILED, Command, Group, Session
from detente.cli.options import line_option, out_option
from detente.cli.party import read_file, write_new
from detente.cli.proofs import cards_option, now_option, plain_values, revocations_option
from detente.plain import plain
from detente.times import parse_time, stamp
from detente.words import _, marked

if TYPE_CHECKING:
    from detente.desk.records import Checked, Signed


@click.group(cls=Group, help=marked("Who authorised what was sent, for auditors."))
def authorisation() -> None:
    """The noun."""


@authorisation.command(help=marked("Write the record of who authorised an entry to a file."))
@click.argument("entry")
@out_option()
@line_option()
@click.pass_obj
def export(session: Session, entry: str, out: Path, line_name: str | None) -> None:
    """It names people of this party; the text is not in it."""
    result = asking.ask(session, "disclose", line=line_name, entry=entry)
    write_new(out, base64.b64decode(result["record_b64"]))
    command = f"detente authorisation verify {out} PROOF --card CARD…"
    session.show(
        {"path": str(out), "notes": result["notes"]},
        lambda: [
            _("Record written to {path}. It names people of ours.").format(path=out),
            _("To check it: {command}").format(command=command),
        ],
    )


@authorisation.command(
    cls=Command, help=marked("Check a record against a proof of the entry that names it.")
)
@click.argument("record", type=click.Path(path_type=Path))
@click.argument("proof", type=click.Path(path_type=Path))
@cards_option
@revocations_option
@now_option
@click.pass_context
def verify(
    ctx: click.Context,
    record: Path,
    proof: Path,
    cards: tuple[Path, ...],
    revocations: tuple[Path, ...],
    now: str | None,
) -> None:
    """Exit status 3 where anything the files claim does not hold."""
    from detente.desk.records import check_record

    session: Session = ctx.obj
    checked = check_record(
        read_file(record),
        read_file(proof),
        [read_file(card) for card in cards],
        int(time.time()) if now is None else parse_time(now),
        [read_file(one) for one in revocations],
    )
    session.show(_as_json(checked), lambda: _rows(checked))
    if not checked.ok:
        ctx.exit(CHECK_FAILED)


def _as_json(checked: Checked) -> object:
    return plain_values(
        {
            "ok": checked.ok,
            "bad": None if checked.bad is None else {n: getattr(checked.bad, n) for n in BAD},
            "entry": None if checked.entry is None else checked.entry.hash,
            "sha256": checked.sha256,
            "asked": checked.asked,
            "people": checked.people,
            "signed": [{n: getattr(one, n) for n in SIGNED} for one in checked.signed],
            "proof": checked.report.as_json(),
        }
    )


BAD = ("refusal", "detail")
SIGNED = ("person", "name", "at_s", "passkey", "host", "later", "trouble")


def _rows(checked: Checked) -> Iterator[str]:
    from detente.cli.verdicts import report_rows

    if checked.bad is not None:
        why = f"{checked.bad.refusal}: {plain(checked.bad.detail)}"
        yield _("NOT AUTHORISED by this record: {why}").format(why=why)
    elif checked.ok:
        yield _("AUTHORISED: this record is of what was sent")
    else:
        yield _("NOT AUTHORISED as this record claims")
    yield from (_signed_row(one) for one in checked.signed)
    if checked.signed:
        said = _("signatures that stand: of {people}; the charter asks for {asked}")
        yield "  " + said.format(people=checked.people, asked=checked.asked)
        yield _("The names are the word of the party whose record it is.")
    yield ""
    yield from report_rows(checked.report)


def _signed_row(one: Signed) -> str:
    facts = {
        "name": plain(one.name or one.person),
        "when": stamp(one.at_s),
        "passkey": plain(one.passkey)[:16],
        "host": plain(one.host),
        "why": plain(one.trouble),
    }
    if one.trouble:
        return "  " + _("{name}, {when}: the signature does NOT stand: {why}").format_map(facts)
    said = _("{name}, {when}: signed with passkey {passkey}… at {host}")
    if one.later:
        said = _("{name}, {when}: countersigned with passkey {passkey}… at {host}")
    return "  " + said.format_map(facts)
