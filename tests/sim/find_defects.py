"""Looks for the seeds that find the planted defects, and writes the table of them.

``make defects`` looks for those that no seed is known of; ``--again`` tries the known ones first,
and ``NAME ...`` only defects whose names hold one of these words. Interrupted, it goes on where it
was: a seed that was found is written down at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress
from sim.planted.every import DEFECTS
from sim.planted.plants import CRASH, broken

from detente.sim.plan import Plan, plan_of

SEEDS = 2_000
STRETCHES = (
    60,
    200,
    500,
    1_000,
    SEEDS,
)  # the cheap seeds of each stretch are tried before the next
COST_MAX = 3_000  # of a plan that is worth trying: some take a minute
PATIENCE_S = 240.0
ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).with_name("defects.txt")
TABLE = ROOT / "docs" / "defects.md"
NOBODY = "-"


class Found(NamedTuple):
    """By which checker, at which seed; or by none, after so many tried."""

    name: str
    checker: str
    seed: int

    def __str__(self) -> str:
        return f"{self.name} | {self.checker} | {self.seed}"


def recorded() -> dict[str, Found]:
    """What is known, by the names of the defects."""
    if not RECORDED.exists():
        return {}
    rows = [line.split(" | ") for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    return {name: Found(name, checker, int(seed)) for name, checker, seed in rows}


def cost(plan: Plan) -> int:
    """About how long a plan takes, in no unit: people who talk, times those who listen."""
    pairs = len(plan.names) * (len(plan.names) - 1) // 2
    return len(plan.deeds) * pairs


def plans() -> Iterator[Plan]:
    """The plans worth trying, in the order of trying."""
    first = 0
    for last in STRETCHES:
        yield from _stretch(first, last)
        first = last


def known() -> list[Plan]:
    """Plans that have found other defects: they are full of faults, and CI runs them already."""
    seeds = {one.seed for one in recorded().values() if one.checker != NOBODY}
    return sorted((plan_of(seed) for seed in seeds), key=cost)


@cache
def _stretch(first: int, last: int) -> list[Plan]:
    every = [plan_of(seed) for seed in range(first, last)]
    cheap = [plan for plan in every if cost(plan) <= COST_MAX and not plan.real]
    return sorted(cheap, key=cost)


@cache
def sound(seed: int) -> bool:
    """Whether a seed finds nothing without a defect."""
    return not broken(plan_of(seed), None)


def search(name: str) -> Found:
    """The first seed in the order of trying that finds a defect, by a checker: a crash may come of
    the plant itself, and says less."""
    planted, tried = DEFECTS[name], 0
    end = time.process_time() + PATIENCE_S
    for plan in (*known(), *plans()):
        if time.process_time() > end:
            break
        if not planted.fits(plan):
            continue
        tried += 1
        said = broken(plan, planted)
        if said and CRASH not in said and sound(plan.seed):
            return Found(name, min(said), plan.seed)
    return Found(name, NOBODY, tried)


def confirm(found: Found) -> bool:
    """Whether a recorded seed still finds its defect, and nothing without it."""
    plan = plan_of(found.seed)
    return found.checker in broken(plan, DEFECTS[found.name]) and sound(found.seed)


def look(name: str, before: Found | None) -> Found:
    """What a worker does."""
    return before if before is not None and confirm(before) else search(name)


def write(found: dict[str, Found]) -> None:
    """Both files, in the order of the defects."""
    rows = [found[name] for name in DEFECTS if name in found]
    RECORDED.write_text("".join(f"{one}\n" for one in rows), encoding="utf-8")
    TABLE.write_text("".join(f"{line}\n" for line in table(rows)), encoding="utf-8")


def table(rows: list[Found]) -> Iterator[str]:
    """The page for people."""
    by_seed = sum(one.checker != NOBODY for one in rows)
    yield from (
        "# Planted defects",
        "",
        "A simulator that finds nothing says little unless it is known that it can find something.",
        "Each row is a defect that exists in `tests/sim/planted/` alone, put into the production",
        "code for one simulation. The seed is one that finds it; the same seed without the defect",
        "breaks no promise. CI replays every row; `make defects` looks for new rows, among the",
        f"seeds below {SEEDS:,}.",
        "",
        f"Found: {by_seed} of {len(DEFECTS)}.",
        "",
        "| Defect | Why it is planted | Found by | Seed |",
        "| --- | --- | --- | --- |",
    )
    for one in rows:
        missed = one.checker == NOBODY
        by, seed = ("nobody yet", f"none of {one.seed} tried") if missed else one[1:]
        yield f"| {one.name} | {DEFECTS[one.name].source} | {by} | {seed} |"


def main(words: list[str]) -> int:
    """All that are asked for, on two processes."""
    again = "--again" in words
    words = [word for word in words if not word.startswith("--")]
    found = {name: one for name, one in recorded().items() if name in DEFECTS}
    by_need = sorted(DEFECTS, key=lambda name: (name in found, len(DEFECTS[name].needs)))
    wanted = [
        name
        for name in by_need
        if (not words or any(word in name for word in words))
        and (again or words or name not in found or found[name].checker == NOBODY)
    ]
    with ProcessPoolExecutor(2) as pool, Progress() as progress:
        bar = progress.add_task("defects", total=len(wanted))
        before = {name: one for name, one in found.items() if one.checker != NOBODY}
        jobs = [pool.submit(look, name, before.get(name)) for name in wanted]
        for job in as_completed(jobs):
            one = job.result()
            found[one.name] = one
            write(found)
            progress.console.print(str(one))
            progress.advance(bar)
    write(found)
    return int(any(one.checker == NOBODY for one in found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
