"""``python -m bench``: the measures of docs/benchmarks.md, each beside a floor of the same run."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import catchup, desks, frame, growth, latency, narrow, restart, throughput, verify, wire
from bench.machine import describe
from bench.plan import Figures, Plan
from bench.report import show
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ROWS: dict[str, Callable[[Plan], Figures]] = {
    "latency": latency.measure,
    "wire": wire.measure,
    "frame": frame.measure,
    "narrow": narrow.measure,
    "throughput": throughput.measure,
    "catchup": catchup.measure,
    "verify": verify.measure,
    "growth": growth.measure,
    "restart": restart.measure,
    "desks": desks.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen rows and prints what they found; 130 after an interruption."""
    asked = _parser().parse_args(arguments)
    names = [*asked.rows, *(asked.only.split(",") if asked.only else ())]
    unknown = sorted(set(names) - set(ROWS))
    if unknown:
        print(f"error: no row {', '.join(unknown)}", file=sys.stderr)
        print(f"hint: rows are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    chosen = [name for name in ROWS if name in names or not names]
    try:
        with tempfile.TemporaryDirectory(prefix="detente-bench-") as folder:
            found = measure(chosen, Path(folder), short=asked.short)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    if asked.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        show(found, Console())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--only", metavar="ROW,…", help="these rows alone")
    parser.add_argument("--short", action="store_true", help="small sizes: minutes become seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of the table")
    return parser


def measure(chosen: Sequence[str], folder: Path, *, short: bool) -> dict[str, Figures]:
    """Every chosen row in turn, each in a folder of its own, with a bar on standard error."""
    found = {"machine": describe(folder)}
    columns = (TextColumn("{task.description:<12}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(chosen))
        for number, name in enumerate(chosen):
            progress.update(task, description=name, completed=number)

            def done(share: float, number: int = number) -> None:
                progress.update(task, completed=number + share)

            own = folder / name
            own.mkdir()
            found[name] = ROWS[name](Plan(short=short, folder=own, done=done))
            shutil.rmtree(own)
    found["machine"]["load_1m_after"] = round(os.getloadavg()[0], 2)
    return found


if __name__ == "__main__":
    sys.exit(main())
