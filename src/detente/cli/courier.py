"""`detente courier`: files that somebody carries where nothing else goes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detente.cli import asking
from detente.cli.app import CHECK_FAILED, Group, Option, Session
from detente.cli.options import line_option
from detente.core.errors import LocalError, Refusal
from detente.plain import plain
from detente.times import stamp
from detente.words import _, marked
from detente.words import refusal as refusal_words

if TYPE_CHECKING:
    from detente.bearers.paper import Scanned

FILE_S_MAX = 600  # 64 MiB on a slow disk
ARRIVING_ROWS_MAX = 8  # in words; JSON has all
TEXT_BYTES_MAX = 4_194_304  # of scanned lines: what all pages of sixteen files have, and more


@click.group(cls=Group, help=marked("Files that a courier carries, sealed to one party."))
def courier() -> None:
    """The noun."""


@courier.command("out", help=marked("Write a file for what a party lacks, as far as known here."))
@click.argument("peer")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--qr",
    "folder",
    metavar="DIR",
    cls=Option,
    type=click.Path(path_type=Path, file_okay=False),
    help=marked("Draw it as QR codes too, on pages in this folder; attachments stay out of it."),
)
@line_option()
@click.pass_context
def out(
    ctx: click.Context, peer: str, file: Path, folder: Path | None, line_name: str | None
) -> None:
    """What is queued is entered, and stands in the file; only its receiver opens it.

    Exit status 3 where it is too large for paper.
    """
    session: Session = ctx.obj
    result = asking.ask(
        session,
        "courier_out",
        line=line_name,
        peer=peer,
        path=str(file.absolute()),
        bare=folder is not None,
        patience_s=FILE_S_MAX,
    )
    if folder is not None:
        result |= {"qr": _draw(file, folder)}
    session.show(result, lambda: _written_rows(result, peer))
    if folder is not None and result["qr"]["path"] is None:
        ctx.exit(CHECK_FAILED)


def _draw(file: Path, folder: Path) -> dict[str, Any]:
    """A file's codes on pages in a folder. LocalError NOT_ALLOWED where none can be written."""
    from detente.bearers import paper

    try:
        count = paper.pages_for(file.stat().st_size)
        if count > paper.PAGES_MAX:
            return {"path": None, "pages": count, "pages_max": paper.PAGES_MAX}
        codes = paper.codes_of(file.read_bytes())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.absolute() / f"{codes[0].split()[1]}.html"
        path.write_text(paper.pages(codes), encoding="utf-8")
    except OSError as exc:
        detail = f"cannot write pages to {folder}: {exc.strerror}"
        raise LocalError(Refusal.NOT_ALLOWED, detail) from exc
    return {"path": str(path), "pages": count, "codes": len(codes)}


def _drawn_row(drawn: dict[str, Any]) -> str:
    if drawn["path"] is None:
        said = _("TOO LARGE for paper: {pages} pages, and {most} are the most; the file is whole.")
        return said.format(pages=drawn["pages"], most=drawn["pages_max"])
    return _("{codes} QR codes on {pages} pages: {path}").format_map(drawn)


def _written_rows(result: dict[str, Any], peer: str) -> Iterator[str]:
    said = _("File {number} for {name}: {bytes} bytes, {path}")
    yield said.format(
        number=result["number"], name=plain(peer), bytes=result["bytes"], path=result["path"]
    )
    if result["mute"]:
        yield _("This node is MUTE: the file asks, and states nothing.")
    if result["more"]:
        yield _("It is full: write another one for the rest.")
    if "qr" in result:
        yield _drawn_row(result["qr"])
    yield _("Nothing counts as received until their answering file is here.")


@courier.command("in", help=marked("Take files in, in any order; says what is missing."))
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--qr", is_flag=True, cls=Option, help=marked("They are texts scanned from QR pages.")
)
@click.pass_context
def in_(ctx: click.Context, files: tuple[Path, ...], qr: bool) -> None:
    """Exit status 3 where something of a file is missing, damaged or refused."""
    session: Session = ctx.obj
    results = _from_paper(session, files) if qr else _taken(session, files)
    session.show({"files": results}, lambda: (row for one in results for row in _taken_rows(one)))
    faults = ("error", "missing", "lost_chunks", "refused", "missing_codes")
    if any(one.get(fault) for one in results for fault in faults):
        ctx.exit(CHECK_FAILED)


def _taken(session: Session, files: tuple[Path, ...]) -> list[dict[str, Any]]:
    paths = [str(file.absolute()) for file in files]
    found: list[dict[str, Any]] = asking.ask(
        session, "courier_in", paths=paths, patience_s=FILE_S_MAX
    )
    return found


def _from_paper(session: Session, texts: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Files put together from scanned lines and taken in. What is missing is said first: it may
    be why a file is refused. LocalError MALFORMED where no line is a code."""
    from detente.bearers import paper

    files, strange = paper.scanned(line for text in texts for line in _lines(text))
    if strange:
        session.say(_("Lines that are no whole code: {count}").format(count=strange))
    if not files:
        raise LocalError(Refusal.MALFORMED, "no line is a code of a courier's file")
    for file in files:
        session.say(_codes_row(file))
    with tempfile.TemporaryDirectory() as folder:
        paths = tuple(Path(folder) / f"{file.id}.{file.count}" for file in files)
        for file, path in zip(files, paths, strict=True):
            path.write_bytes(file.data)
        results = _taken(session, paths)
    return [
        one | {"path": file.id, "codes": file.count, "missing_codes": file.missing}
        for one, file in zip(results, files, strict=True)
    ]


def _lines(text: Path) -> list[str]:
    try:
        with text.open("rb") as file:
            data = file.read(TEXT_BYTES_MAX + 1)
    except OSError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no file can be read at {text}") from exc
    if len(data) > TEXT_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"a text has at most {TEXT_BYTES_MAX} bytes")
    return data.decode("utf-8-sig", errors="replace").splitlines()


def _codes_row(file: Scanned) -> str:
    came = _("{id}: {came} of {count} QR codes").format(
        id=file.id, came=len(file.pieces), count=file.count
    )
    if not file.missing:
        return came
    numbers = ", ".join(map(str, file.missing))
    return came + "  " + _("MISSING: {numbers}").format(numbers=numbers)


def _taken_rows(result: dict[str, Any]) -> Iterator[str]:
    if result.get("error"):
        refused = LocalError(Refusal[str(result["error"]).upper().replace("-", "_")])
        yield f"{plain(str(result['path']))}  {refusal_words(refused)[0]}"
        return
    said = _("File {number} of {when}; new entries: {entries}")
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
    if result["missing_attachments"]:
        files = _("{count} attachments are not whole yet; the next file out asks for the rest")
        yield "  " + files.format(count=result["missing_attachments"])
    for one in result["arriving"][:ARRIVING_ROWS_MAX]:
        rest = _("entry {entry}: {count} of {bytes} bytes of its attachments are here")
        word, held = plain(str(one["entry"])), one["held_bytes"]
        yield "    " + rest.format(entry=word, count=held, bytes=one["bytes"])
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
        said = _("taken {when}: file {number} of {written}; new entries: {entries}")
        yield "  " + said.format(
            when=stamp(row["at_s"]),
            number=row["number"],
            written=stamp(row["written_s"]),
            entries=row["entries"],
        )
    yield from missing_rows(one["missing"])
