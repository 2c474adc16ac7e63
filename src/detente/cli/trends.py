"""`detente trends`: before and after from event data and transcripts, for an analyst.

An optional extra. Nothing here speaks to a node, a home or the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detente.cli.app import CHECK_FAILED, Group, Option, Session
from detente.cli.party import write_new
from detente.cli.progress import bar
from detente.core.errors import LocalError, MachineError, Refusal
from detente.plain import plain
from detente.words import _, marked, ngettext

if TYPE_CHECKING:
    from detente.trends.lake import FileRead
    from detente.trends.ledger import Entry
    from detente.trends.report import Made

NEEDED = ("numpy", "scipy", "duckdb", "ibis")
THOUSANDTHS = 1000  # of a bar whose total is told with each step


@click.group(cls=Group, help=marked("What differs before and after a date, never why (an extra)."))
def trends() -> None:
    """The noun."""


def _ready() -> None:
    """LocalError NOT_FOUND where the extra is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise LocalError(
            Refusal.NOT_FOUND, f"not installed: {names}; pip install 'detente[trends]'"
        )


plan_option = click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    required=True,
    cls=Option,
    help=marked("The plan, frozen; one that is not makes everything exploratory."),
)
lake_option = click.option(
    "--lake",
    "lake_folder",
    type=click.Path(path_type=Path),
    required=True,
    cls=Option,
    help=marked("Folder in which files were read with `detente trends read`."),
)
ledger_option = click.option(
    "--ledger",
    "ledger_file",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("File of forecasts: scored where their weeks have come, and added to."),
)


# --- plan -----------------------------------------------------------------------------------------


@trends.command("plan", help=marked("Check a plan, and freeze it before anything is counted."))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("Where the frozen plan is written."),
)
@click.option("--example", is_flag=True, cls=Option, help=marked("Print a plan to begin with."))
@click.pass_obj
def plan_(session: Session, file: Path | None, out: Path | None, example: bool) -> None:
    """Without --out the plan is checked only."""
    _ready()
    from detente.trends.plan import EXAMPLE, freeze, load_plan

    if example or file is None:
        if not example:
            raise LocalError(Refusal.USAGE, "name a plan, or --example")
        session.show({"example": EXAMPLE}, lambda: [EXAMPLE.rstrip("\n")])
        return
    found = load_plan(file)
    if out is not None:
        write_new(out, freeze(found))
    shown = {"plan": found.as_json(), "sha256": found.sha256, "path": str(out) if out else None}

    def rows() -> Iterator[str]:
        yield plain(found.title)
        yield _("SHA-256 of the plan: {sha256}").format(sha256=found.sha256)
        cells = len(found.dyads) * len(found.outcomes)
        yield _("{dyads} dyads, {cells} cells, {ripple} third countries, {weeks} weeks").format(
            dyads=len(found.dyads), cells=cells, ripple=len(found.ripple), weeks=len(found.weeks())
        )
        if out is not None:
            yield _("Frozen in {path}.").format(path=out)

    session.show(shown, rows)


# --- read -----------------------------------------------------------------------------------------


@trends.command("read", help=marked("Read files of event data, every line of them, into a folder."))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@lake_option
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("Which column is what, for files of a format of one's own."),
)
@click.option(
    "--accessed",
    type=click.DateTime(["%Y-%m-%d"]),
    cls=Option,
    help=marked("The day the files were had; a row added after it is rejected."),
)
@click.option(
    "--rejects",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    cls=Option,
    help=marked("How many rejected lines are shown."),
)
@click.pass_context
def read_(
    ctx: click.Context,
    files: tuple[Path, ...],
    lake_folder: Path,
    mapping: Path | None,
    accessed: datetime | None,
    rejects: int,
) -> None:
    """Exit status 3 where a whole file could not be read. Rejected lines are told, and no failure:
    read and rejected together are all lines."""
    _ready()
    from detente.trends.lake import Lake

    session: Session = ctx.obj
    lake = Lake(lake_folder)
    with bar(_("reading"), THOUSANDTHS, quiet=session.as_json) as advance:
        reads = lake.add(
            files,
            str(mapping) if mapping else None,
            lambda done, total: advance(done * THOUSANDTHS // max(total, 1)),
            accessed=accessed.date() if accessed else None,
        )
    names = {read.path for read in reads}
    lines = [one for one in lake.rejects() if one.path in names]
    told = [
        {
            "file": one.path,
            "line": one.line,
            "column": one.column,
            "reason": str(one.reason),
            "text": one.text,
        }
        for one in lines[:rejects]
    ]
    shown = {
        "files": [_file(read) for read in reads],
        "rejects": told,
        "rejects_in_all": len(lines),
    }

    def rows() -> Iterator[str]:
        for read in reads:
            yield _file_row(read)
        for one in told:
            yield plain(f"  {one['file']}:{one['line']}:{one['column']}: {one['reason']}")

    session.show(shown, rows)
    if any(read.failed for read in reads):
        ctx.exit(CHECK_FAILED)


def _file(read: FileRead) -> dict[str, Any]:
    return {
        "file": read.path,
        "sha256": read.sha256,
        "source": read.source,
        "lines": read.rows,
        "read": read.read,
        "rejected": dict(sorted(read.rejected.items())),
        "first": read.first.isoformat() if read.first else None,
        "last": read.last.isoformat() if read.last else None,
        "failed": read.failed,
    }


def _file_row(read: FileRead) -> str:
    if read.failed:
        return plain(_("{file}: could not be read: {why}").format(file=read.path, why=read.failed))
    rejected = ", ".join(f"{why} {count}" for why, count in sorted(read.rejected.items()))
    return plain(
        ngettext(
            "{file}: {source}, {lines} line, {read} read; rejected: {rejected}",
            "{file}: {source}, {lines} lines, {read} read; rejected: {rejected}",
            read.rows,
        ).format(
            file=read.path,
            source=read.source,
            lines=read.rows,
            read=read.read,
            rejected=rejected or _("none"),
        )
    )


# --- run ------------------------------------------------------------------------------------------


@trends.command("run", help=marked("Measure what a plan asks for, and write the report."))
@plan_option
@lake_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    cls=Option,
    help=marked("Folder for report.html, report.md, report.json and prov.json."),
)
@click.option(
    "--line",
    "line_file",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("The line's transcript, as `detente transcript export` writes it."),
)
@click.option(
    "--also",
    multiple=True,
    metavar="A-B",
    cls=Option,
    help=marked("A dyad that the plan does not name; its rows are exploratory."),
)
@ledger_option
@click.pass_obj
def run_(
    session: Session,
    plan_file: Path,
    lake_folder: Path,
    out: Path,
    line_file: Path | None,
    also: tuple[str, ...],
    ledger_file: Path | None,
) -> None:
    """The same files and plan write the same bytes; an older report in the folder is replaced."""
    _ready()
    from detente.trends import ledger
    from detente.trends.gather import given
    from detente.trends.lake import Lake
    from detente.trends.monitor import forecasts
    from detente.trends.plan import dyad_of, load_plan

    plan = load_plan(plan_file)
    dyads = tuple(dyad_of(text) for text in also)
    held = _forecasts_in(ledger_file) if ledger_file else ()
    asked = given(plan, Lake(lake_folder), dyads, line_file, held)
    made = measured(session, asked)
    write_report(out, made.files)
    if ledger_file is not None:
        fresh = forecasts(plan, made.board, len(made.board.weeks), held)
        try:
            ledger.append(ledger_file, fresh)
        except OSError as exc:
            raise MachineError(Refusal.DISK, f"{ledger_file}: {exc.strerror}") from exc
    show_report(session, made, out)


def _forecasts_in(path: Path) -> tuple[Entry, ...]:
    """The forecasts of a ledger. MachineError DISK where it cannot be read."""
    from detente.trends import ledger

    try:
        return ledger.read(path)
    except OSError as exc:
        raise MachineError(Refusal.DISK, f"{path}: {exc.strerror}") from exc


def measured(session: Session, asked: Any) -> Made:
    """A report, under a bar."""
    from detente.trends.report import make, steps

    with bar(_("measuring"), steps(asked.plan, asked.also), quiet=session.as_json) as advance:
        return make(asked, advance)


def write_report(out: Path, files: Mapping[str, bytes]) -> None:
    """The files of a report. MachineError DISK where they cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (out / name).write_bytes(data)
    except OSError as exc:
        raise MachineError(Refusal.DISK, f"{out}: {exc.strerror}") from exc


def show_report(session: Session, made: Made, out: Path) -> None:
    """The verdicts of a report, and where it lies."""
    document = made.document

    def rows() -> Iterator[str]:
        for row in document["stakeholders"]:
            if row["measure"] == "share":
                note = f" ({_('exploratory')})" if row["exploratory"] else ""
                yield plain(f"{row['verdict_word']}{note}: {' '.join(row['sentences'])}")
        yield from map(plain, document["unfit"])
        if document["ripple_sentence"]:
            yield document["ripple_sentence"]
        yield _("Report: {path}").format(path=out / "report.html")

    session.show({**document, "path": str(out)}, rows)


# --- score and selftest ---------------------------------------------------------------------------


@trends.command("score", help=marked("Score the forecasts whose weeks have come."))
@plan_option
@lake_option
@click.option(
    "--ledger",
    "ledger_file",
    type=click.Path(path_type=Path),
    required=True,
    cls=Option,
    help=marked("File of forecasts."),
)
@click.pass_obj
def score_(session: Session, plan_file: Path, lake_folder: Path, ledger_file: Path) -> None:
    """CRPS in stories a week, lower is better; the share inside the 90 % band; Brier."""
    _ready()
    from detente.trends.gather import board_for
    from detente.trends.lake import Lake
    from detente.trends.monitor import monitor
    from detente.trends.plan import load_plan

    plan = load_plan(plan_file)
    held = _forecasts_in(ledger_file)
    if not held:
        raise LocalError(Refusal.NOT_FOUND, f"{ledger_file}: no forecast in it")
    watched = monitor(plan, board_for(plan, Lake(lake_folder)), held)
    keys = ("n", "waiting", "crps", "covered_half", "covered_ninety", "brier")
    shown = {
        "all": {key: getattr(watched.scored, key) for key in keys},
        "trends": {
            one.key: {key: getattr(one.scored, key) for key in keys} for one in watched.trends
        },
        "looks": watched.looks,
    }

    def rows() -> Iterator[str]:
        for one in watched.trends:
            yield _score_row(one.key, one.scored)
        yield _score_row(_("all"), watched.scored)

    session.show(shown, rows)


def _score_row(name: str, scored: Any) -> str:
    if not scored.n:
        return _("{name}: none of {count} forecasts has come").format(
            name=name, count=scored.waiting
        )
    return _(
        "{name}: {count} scored, CRPS {crps}, {inside} of them in the 90 % band, Brier {brier}"
    ).format(
        name=name,
        count=scored.n,
        crps=f"{scored.crps:.3g}",
        inside=round(scored.covered_ninety * scored.n),
        brier=f"{scored.brier:.3g}",
    )


@trends.command(
    "selftest", help=marked("Plant changes in your own placebo series, and see which are found.")
)
@plan_option
@lake_option
@click.pass_obj
def selftest_(session: Session, plan_file: Path, lake_folder: Path) -> None:
    """Coverage and false alarms for these data, not for somebody else's."""
    _ready()
    from detente.trends.gather import board_for, placebo_series
    from detente.trends.lake import Lake
    from detente.trends.plan import load_plan
    from detente.trends.selftest import selftest
    from detente.trends.words import percent

    plan = load_plan(plan_file)
    series = placebo_series(plan, board_for(plan, Lake(lake_folder)))
    with bar(_("planting"), THOUSANDTHS, quiet=session.as_json) as advance:
        found = selftest(
            series,
            after_weeks=plan.after_weeks,
            plan=plan.sha256,
            progress=lambda done, total: advance(done * THOUSANDTHS // max(total, 1)),
        )
    shown = {
        "series": found.series,
        "dates": found.dates,
        "too_short": list(found.too_short),
        "rows": [asdict(row) for row in found.rows],
    }

    def rows() -> Iterator[str]:
        yield _("{series} series without anything planted, {dates} placebo dates").format(
            series=found.series, dates=found.dates
        )
        for row in found.rows:
            yield _(
                "×{factor}: {n} tests, {moved} called moved ({low} – {high}), the 90 % interval "
                "covers it in {covered}"
            ).format(
                factor=f"{row.factor:g}",
                n=row.n,
                moved=percent(row.moved),
                low=percent(row.moved_low),
                high=percent(row.moved_high),
                covered=percent(row.covered),
            )
        for name in found.too_short:
            yield _("{name}: too short for a placebo date").format(name=name)

    session.show(shown, rows)


# --- demo -----------------------------------------------------------------------------------------


@trends.command("demo", help=marked("See it work: made-up files of every format, and a report."))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("trends-demo"),
    show_default=True,
    cls=Option,
    help=marked("New folder for the files, the plan and the report."),
)
@click.pass_context
def demo_(ctx: click.Context, out: Path) -> None:
    """Exit status 3 where the planted change is not found, or the null is not left open."""
    _ready()
    from detente.trends.demo import demo_checks, prepare

    session: Session = ctx.obj
    if out.exists():
        raise LocalError(Refusal.IN_USE, f"{out} exists already")
    with bar(_("making and reading files"), THOUSANDTHS, quiet=session.as_json) as advance:
        asked, world = prepare(out, lambda part: advance(round(part * THOUSANDTHS)))
    made = measured(session, asked)
    write_report(out / "report", made.files)
    checks = demo_checks(world, made)
    show_demo(session, made, out / "report", checks)
    if not all(checks.values()):
        ctx.exit(CHECK_FAILED)


def show_demo(session: Session, made: Made, out: Path, checks: Mapping[str, bool]) -> None:
    """What the demo promised, whether it came so, and its verdicts."""
    if session.as_json:
        session.show({**made.document, "path": str(out), "checks": dict(checks)}, list)
        return
    show_report(session, made, out)
    for name, good in checks.items():
        click.echo(f"{_('yes') if good else _('NO')}: {_(name)}")
