"""What a third person gets, and what a third person can check: proofs, exports, `verify`."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import CHECK_FAILED, Command, Group, Option, Session
from detente.cli.options import line_option, out_option
from detente.cli.party import read_file, write_new
from detente.cli.progress import bar
from detente.cli.read import inbox_rows
from detente.core.errors import LocalError, MachineError, Refusal
from detente.plain import plain
from detente.times import parse_time
from detente.words import _, marked

CHUNK_BYTES = 1_048_576
EXPORT_S_MAX = 3600  # a long transcript on a slow disk


@click.command(cls=Command, help=marked("Prove one entry to a third person, in one file."))
@click.argument("entry")
@out_option()
@click.option(
    "--bundle",
    is_flag=True,
    cls=Option,
    help=marked("With the entry of each reader's receipt beside it."),
)
@line_option()
@click.pass_obj
def prove(session: Session, entry: str, out: Path, bundle: bool, line_name: str | None) -> None:
    """A C2SP tlog-proof; its body is disclosed to whoever gets the file."""
    result = asking.ask(session, "prove", line=line_name, entry=entry, bundle=bundle)
    data = base64.b64decode(result["proof_b64"])
    write_new(out, data)
    shown = {"path": str(out), "bytes": len(data)}
    session.show(
        shown,
        lambda: [
            _("Proof written to {path}. Whoever has it can read this entry.").format(path=out),
            _("To check it: {command}").format(command=f"detente verify {out} --card CARD…"),
        ],
    )


@click.group(cls=Group, help=marked("All that was said on a line, by everybody."))
def transcript() -> None:
    """The noun."""


@transcript.command(help=marked("Write the whole transcript to a file that anybody can check."))
@out_option()
@line_option()
@click.pass_obj
def export(session: Session, out: Path, line_name: str | None) -> None:
    """The node writes the file itself, as a stream."""
    path = out.absolute()
    if path.exists():
        raise LocalError(Refusal.IN_USE, f"{out} exists already")
    result = asking.ask(session, "export", line=line_name, path=str(path), patience_s=EXPORT_S_MAX)

    def rows() -> Iterator[str]:
        yield _("{entries} entries written to {path}").format(entries=result["entries"], path=out)
        for lack in result.get("lacks") or ():
            yield "  " + plain(str(lack))

    session.show(result, rows)


@transcript.command("show", help=marked("Read the transcript, oldest first."))
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=1000,
    show_default=True,
    cls=Option,
    help=marked("How many of the last messages."),
)
@line_option()
@click.pass_obj
def show_(session: Session, limit: int, line_name: str | None) -> None:
    """The same entries as the inbox, more of them."""
    shown = asking.ask(session, "inbox", line=line_name, limit=limit, only="all")
    session.show(shown, lambda: inbox_rows(shown))


# --- verify: no home, no node, no network -----------------------------------------------------


cards_option = click.option(
    "--card",
    "cards",
    multiple=True,
    metavar="CARD",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("A party's card; compare its digits with the party first."),
)
revocations_option = click.option(
    "--revocation",
    "revocations",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("A party's word that one of its keys is void; counts beside those in the file."),
)
now_option = click.option(
    "--now",
    "now",
    metavar="INSTANT",
    cls=Option,
    help=marked("Check as of this instant; without it the clock of this machine."),
)


@click.command(
    cls=Command,
    help=marked("Check a proof, bundle, transcript, accusation, card, charter or revocation."),
)
@click.argument("file", type=click.Path(path_type=Path))
@cards_option
@revocations_option
@click.argument("more_cards", metavar="[CARD]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--ed25519-until",
    "until",
    metavar="DATE",
    cls=Option,
    help=marked("From when on Ed25519 alone proves nothing; without it the charter's date."),
)
@now_option
@click.option(
    "--attachment",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("A file that may be an attachment named here: its hash is compared."),
)
@click.pass_context
def verify(
    ctx: click.Context,
    file: Path,
    cards: tuple[Path, ...],
    more_cards: tuple[Path, ...],
    revocations: tuple[Path, ...],
    until: str | None,
    now: str | None,
    files: tuple[Path, ...],
) -> None:
    """Exit status 3 where anything the file claims does not hold, or an attachment is none."""
    from detente.cli.verdicts import enclosure_rows, report_rows
    from detente.core.crypto import sha256
    from detente.dossiers.enclosures import enclosures
    from detente.dossiers.verify import verify_file

    session: Session = ctx.obj
    given = [read_file(card) for card in (*cards, *more_cards)]
    now_s = int(time.time()) if now is None else parse_time(now)
    size = _size(file)
    with bar(_("verifying"), size, quiet=session.as_json) as advance:
        report = verify_file(
            _chunks(file),
            given,
            now_s,
            revocations=[read_file(one) for one in revocations],
            ed25519_until_s=None if until is None else parse_time(until),
            progress=advance,
        )
    hashes = [(str(one), sha256(read_file(one)).hex()) for one in files]
    enclosed = enclosures(report, _chunks(file), hashes)
    shown = report.as_json() | ({"enclosed": [asdict(one) for one in enclosed]} if files else {})
    session.show(plain_values(shown), lambda: [*report_rows(report), *enclosure_rows(enclosed)])
    if not report.ok or not all(one.log for one in enclosed):
        ctx.exit(CHECK_FAILED)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"{file}: {exc.strerror}") from exc


def _chunks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk
    except IsADirectoryError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"{file} is a folder") from exc
    except OSError as exc:
        raise MachineError(Refusal.DISK, f"{file}: {exc.strerror}") from exc


def plain_values(value: Any) -> Any:
    """The same without tuples, bytes or enums: what one JSON document can say."""
    if isinstance(value, dict):
        return {str(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | str | float):
        return value
    name = getattr(value, "name", None)  # an enumeration says its word
    return name.lower().replace("_", "-") if isinstance(name, str) else value
