"""`detente drill`: the adversary against this build, at once or step by step."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detente import __version__
from detente.cli.app import CHECK_FAILED, INTERRUPTED, Group, Option, Session
from detente.cli.progress import bar
from detente.core.errors import LocalError, MachineError, Refusal
from detente.plain import plain
from detente.words import _, marked, ngettext

if TYPE_CHECKING:
    from detente.sim.swarm import Found, Outcome, Swarm, Workers

SEEDS = 200  # about half a minute
START_BITS = 40  # of a fresh first seed: short enough to be read to somebody
SAVE_EVERY = 50  # seeds between two writings of the file to resume from


@click.group(cls=Group, help=marked("Exercises: attack this build from seeds, play scenarios."))
def drill() -> None:
    """The noun."""


@drill.command(help=marked("Attack every promise from many seeds, and say which one broke."))
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=SEEDS,
    show_default=True,
    cls=Option,
    help=marked("How many."),
)
@click.option(
    "--from",
    "start",
    type=click.IntRange(0),
    cls=Option,
    help=marked("The first seed; a fresh one unless given."),
)
@click.option("--seed", type=click.IntRange(0), cls=Option, help=marked("Only this seed."))
@click.option(
    "--trace", is_flag=True, cls=Option, help=marked("Print all that happens; with --seed.")
)
@click.option(
    "--day",
    is_flag=True,
    cls=Option,
    help=marked("Every seed a day of two parties and 100 entries."),
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    cls=Option,
    help=marked("Go on from this file if it is there; write it when interrupted."),
)
@click.pass_context
def swarm(
    ctx: click.Context,
    seeds: int,
    start: int | None,
    seed: int | None,
    trace: bool,
    day: bool,
    resume: Path | None,
) -> None:
    """Exit status 3 where a promise broke, 130 where somebody stopped it."""
    session: Session = ctx.obj
    if seed is None and trace:
        raise LocalError(Refusal.USAGE, "--trace is for one --seed")
    if seed is not None:
        good = _one(session, seed, day=day, trace=trace)
    else:
        begin = secrets.randbits(START_BITS) if start is None else start
        good = _many(ctx, begin, seeds, day=day, resume=resume)
    if not good:
        ctx.exit(CHECK_FAILED)


# --- one seed -----------------------------------------------------------------------------------


def _one(session: Session, seed: int, *, day: bool, trace: bool) -> bool:
    from detente.sim import swarm as of
    from detente.sim.plan import plan_of

    plan = plan_of(seed, day=day)
    if trace and plan.real:
        session.say(_("This seed signs with real keys: its trace is another one each time."))
    lines: list[str] = []
    say = lines.append if session.as_json else _line
    outcome = of.run_whole(plan, say=say if trace else None)
    run = of.Swarm(seed, 1, day, commit(), seed + 1)
    run.take(outcome)
    for found in run.found:
        found.shortened = None if trace else of.shorten(seed, day=day)
    result = _result(run)
    if trace:
        result["trace"] = lines
    session.show(result, lambda: _rows(run))
    return not run.found


def _line(text: str) -> None:
    click.echo(plain(text))


# --- many ---------------------------------------------------------------------------------------


def _many(ctx: click.Context, start: int, count: int, *, day: bool, resume: Path | None) -> bool:
    from detente.sim.swarm import Swarm, Workers

    session: Session = ctx.obj
    run = Swarm(start, count, day, commit(), start)
    if resume is not None and resume.exists():
        run = _read(resume, run.commit)
    workers = Workers(len(os.sched_getaffinity(0)))
    try:
        stopped = _watched(session, run, workers, resume)
        if not stopped:
            run.shorten(workers)
    finally:
        workers.close()
    result = _result(run)
    if stopped:
        path = resume or Path(f"swarm-{run.start}.json")
        _write(path, run)
        result["resume"] = str(path)
        session.say(
            _("Stopped. Go on with: {command}").format(
                command=f"detente drill swarm --resume {path}"
            )
        )
    elif resume is not None:
        resume.unlink(missing_ok=True)
    session.show(result, lambda: _rows(run))
    if stopped:
        ctx.exit(INTERRUPTED)
    return not run.found


def _watched(session: Session, run: Swarm, workers: Workers, resume: Path | None) -> bool:
    """Runs the seeds that are left, under a bar. True if somebody stopped it before the end."""
    stop: list[int] = []

    def take(number: int, _frame: object) -> None:
        stop.append(number)
        signal.signal(number, signal.default_int_handler)  # the second time at once

    kept = [(number, signal.signal(number, take)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        with bar(_("seeds"), run.count) as advance:

            def each(outcome: Outcome) -> None:
                advance(run.done)
                if outcome.violations and not session.as_json:
                    one = outcome.violations[0]
                    click.echo(
                        plain(f"{outcome.seed}: {one.checker}: {_first(one.what)}"), err=True
                    )
                if resume is not None and run.done % SAVE_EVERY == 0:
                    _write(resume, run)

            run.run(workers, each, lambda: bool(stop))
    finally:
        for number, handler in kept:
            signal.signal(number, handler)
    return bool(stop) and run.done < run.count


def _read(path: Path, now: str) -> Swarm:
    import msgspec

    from detente.sim.swarm import Swarm

    try:
        run = msgspec.json.decode(path.read_bytes(), type=Swarm)
    except (OSError, msgspec.MsgspecError) as error:
        raise LocalError(Refusal.MALFORMED, f"{path}: {error}") from error
    if run.commit != now:
        raise LocalError(Refusal.USAGE, f"{path} was begun at {run.commit}, and this is {now}")
    return run


def _write(path: Path, run: Swarm) -> None:
    import msgspec

    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(msgspec.json.encode(run))
        beside.replace(path)
    except OSError as error:
        raise MachineError(Refusal.DISK, f"{path}: {error.strerror}") from error


def commit() -> str:
    """What is running: the commit of the checkout that this file belongs to, else the version.

    A checkout whose files differ from its commit has ``-dirty`` behind it.
    """
    import shutil
    import subprocess

    git, here = shutil.which("git"), Path(__file__).resolve()
    if git is None:
        return __version__

    def ask(*words: str) -> str:
        run = subprocess.run(  # noqa: S603  # git, of a file of our own
            [git, "-C", str(here.parent), *words], capture_output=True, text=True, check=False
        )
        return run.stdout.strip() if run.returncode == 0 else ""

    ours = ask("ls-files", here.name)  # empty where a package lies in somebody else's checkout
    found = ask("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") if ours else ""
    return found or __version__


# --- what it comes to ---------------------------------------------------------------------------


def _result(run: Swarm) -> dict[str, Any]:
    return {
        "seeds": run.done,
        "from": run.start,
        "day": run.day,
        "commit": run.commit,
        "seconds": round(run.seconds, 1),
        "simulated_hours": round(run.simulated_ms / 3_600_000, 1),
        "entries": run.entries,
        "faults": run.faults,
        "attacks": run.attacks,
        "refusals": run.refusals,
        "digest": run.digest,
        "violations": len(run.found),
        "found": [_as_found(run, one) for one in run.in_order()],
    }


def _as_found(run: Swarm, found: Found) -> dict[str, Any]:
    import msgspec

    return {
        "seed": found.seed,
        "commit": run.commit,
        "violations": msgspec.to_builtins(found.violations),
        "replay": _replay(run, found),
        "schedule": msgspec.to_builtins(found.shortened),
    }


def _replay(run: Swarm, found: Found) -> str:
    return f"detente drill swarm --seed {found.seed} --trace" + (" --day" if run.day else "")


def _rows(run: Swarm) -> Iterator[str]:
    seconds, hours = round(run.seconds), round(run.simulated_ms / 3_600_000)
    yield ngettext(
        "{seeds} seed from {start}, {hours} simulated hours, {entries} entries, {seconds} s",
        "{seeds} seeds from {start}, {hours} simulated hours, {entries} entries, {seconds} s",
        run.done,
    ).format(seeds=run.done, start=run.start, hours=hours, entries=run.entries, seconds=seconds)
    for label, counted in (
        (_("faults"), run.faults),
        (_("attacks"), run.attacks),
        (_("refusals"), run.refusals),
    ):
        told = " · ".join(f"{word} {count}" for word, count in counted.items())
        yield f"{label}: {plain(told) or '–'}"
    yield f"{_('digest')}: {run.digest}"
    yield f"{_('commit')}: {run.commit}"
    yield _("seeds that broke a promise: {count}").format(count=len(run.found))
    for found in run.in_order():
        yield from _found_rows(run, found)


def _found_rows(run: Swarm, found: Found) -> Iterator[str]:
    from detente.sim.schedule import rows

    yield ""
    yield _("seed {seed}: play it again with {command}").format(
        seed=found.seed, command=_replay(run, found)
    )
    for one in found.violations:
        yield plain(f"  {one.checker}: {_first(one.what)}")
        yield from (plain(f"    {row}") for row in one.what.splitlines()[1:])
    if found.shortened is not None:
        yield "  " + _("The shortest schedule found that still breaks it:")
        yield from (plain(f"    {row}") for row in rows(found.shortened))


def _first(text: str) -> str:
    return text.partition("\n")[0]


# --- scenarios ----------------------------------------------------------------------------------


@drill.command(help=marked("Play a scenario, with the picture of who knew what when."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    cls=Option,
    help=marked("How many times faster than it was; 0: at once."),
)
@click.pass_context
def play(ctx: click.Context, file: Path, speed: float) -> None:
    """FILE is a path, or the name of a scenario that comes with the program. Exit status 3 where
    an expectation was not met."""
    from detente.cli import drill_play
    from detente.sim.play import Play
    from detente.sim.scenario import FOLDER, read_scenario

    session: Session = ctx.obj
    shipped = FOLDER / f"{file.name}.toml"
    scenario = read_scenario(shipped if file.parent == Path() and shipped.exists() else file)
    playing, happened = Play(scenario), []
    if not session.as_json:
        for row in drill_play.head(scenario):
            click.echo(row)
    before_ms = scenario.ms(scenario.begins)
    for one in playing.happenings():
        happened.append(one)
        if session.as_json:
            continue
        if speed:
            sys.stdout.flush()
            time.sleep((scenario.ms(one.at) - before_ms) / 1000 / speed)
            before_ms = scenario.ms(one.at)
        for row in drill_play.rows(scenario, one):
            click.echo(row)
    found = playing.verdicts
    session.show(
        drill_play.document(scenario, happened, found, playing.violations),
        lambda: drill_play.verdicts(found),
    )
    if playing.violations or not all(one.met for one in found):
        ctx.exit(CHECK_FAILED)
