"""`detente courier`: files that somebody carries where nothing else goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import CHECK_FAILED, Group, Session
from detente.cli.options import line_option
from detente.core.errors import LocalError, Refusal
from detente.plain import plain
from detente.times import stamp
from detente.words import _, marked
from detente.words import refusal as refusal_words

FILE_S_MAX = 600  # 64 MiB on a slow disk


@click.group(cls=Group, help=marked("Files that a courier carries, sealed to one party."))
def courier() -> None:
    """The noun."""


@courier.command("out", help=marked("Write a file for what a party lacks, as far as known here."))
@click.argument("peer")
@click.argument("file", type=click.Path(path_type=Path))
@line_option()
@click.pass_obj
def out(session: Session, peer: str, file: Path, line_name: str | None) -> None:
    """What is queued is entered, and stands in the file; only its receiver opens it."""
    result = asking.ask(
        session,
        "courier_out",
        line=line_name,
        peer=peer,
        path=str(file.absolute()),
        patience_s=FILE_S_MAX,
    )
    session.show(result, lambda: _written_rows(result, peer))


def _written_rows(result: dict[str, Any], peer: str) -> Iterator[str]:
    said = _("File {number} for {name}: {bytes} bytes, {path}")
    yield said.format(
        number=result["number"], name=plain(peer), bytes=result["bytes"], path=result["path"]
    )
    if result["mute"]:
        yield _("This node is MUTE: the file asks, and states nothing.")
    if result["more"]:
        yield _("It is full: write another one for the rest.")
    yield _("Nothing counts as received until their answering file is here.")


@courier.command("in", help=marked("Take files in, in any order; says what is missing."))
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.pass_context
def in_(ctx: click.Context, files: tuple[Path, ...]) -> None:
    """Exit status 3 where something of a file is missing, damaged or refused."""
    session: Session = ctx.obj
    paths = [str(file.absolute()) for file in files]
    results = asking.ask(session, "courier_in", paths=paths, patience_s=FILE_S_MAX)
    session.show({"files": results}, lambda: (row for one in results for row in _taken_rows(one)))
    faults = ("error", "missing", "lost_chunks", "refused")
    if any(one.get(fault) for one in results for fault in faults):
        ctx.exit(CHECK_FAILED)


def _taken_rows(result: dict[str, Any]) -> Iterator[str]:
    if result.get("error"):
        refused = LocalError(Refusal[str(result["error"]).upper().replace("-", "_")])
        yield f"{plain(str(result['path']))}  {refusal_words(refused)[0]}"
        return
    said = _("File {number} of {when}: {entries} new entries")
    yield said.format(
        number=result["number"], when=stamp(result["written_s"]), entries=result["entries"]
    )
    if result["again"]:
        yield "  " + _("It was taken in before.")
    if result["lost_chunks"]:
        lost = _("DAMAGED: {lost} of {chunks} pieces cannot be read; ask for the file once more")
        yield "  " + lost.format(lost=len(result["lost_chunks"]), chunks=result["chunks"])
    yield from missing_rows(result["missing"])
    if result["missing_bodies"]:
        bodies = _("{count} texts are missing; the next file out asks for them")
        yield "  " + bodies.format(count=result["missing_bodies"])
    for refusal in dict.fromkeys(result["refused"]):
        yield "  " + _("refused: {refusal}").format(refusal=plain(str(refusal)))
    if result["unread"]:
        yield "  " + _("The rest was left unread.")
    if result["mute"]:
        yield "  " + _("MUTE: {why}").format(why=plain(str(result["mute"])))
    yield "  " + _("They state {size} of our entries.").format(size=result["held_of_ours"])


def missing_rows(missing: list[dict[str, Any]]) -> Iterator[str]:
    """Entries that are known to be and have not come."""
    for one in missing:
        said = _("MISSING: entries {first} to {last} of log {log}; another file has them")
        yield "  " + said.format(first=one["first"], last=one["last"], log=plain(str(one["log"])))


@courier.command("status", help=marked("What was written and taken when, and what is missing."))
@line_option()
@click.pass_obj
def status(session: Session, line_name: str | None) -> None:
    """For every member of every line, or of one."""
    found = asking.ask(session, "courier_status", line=line_name)
    session.show({"members": found}, lambda: (row for one in found for row in _status_rows(one)))


def _status_rows(one: dict[str, Any]) -> Iterator[str]:
    yield f"{plain(str(one['name']))}  {plain(str(one['title']))}"
    yield "  " + _("states {count} of our {size} entries; {queued} queued").format(
        count=one["held_of_ours"], size=one["own_size"], queued=one["queued"]
    )
    for row in one["written"]:
        said = _("written {when}: file {number}, our log to {size}")
        yield "  " + said.format(when=stamp(row["at_s"]), number=row["number"], size=row["size"])
    for row in one["taken"]:
        said = _("taken {when}: file {number} of {written}, {entries} new entries")
        yield "  " + said.format(
            when=stamp(row["at_s"]),
            number=row["number"],
            written=stamp(row["written_s"]),
            entries=row["entries"],
        )
    yield from missing_rows(one["missing"])
