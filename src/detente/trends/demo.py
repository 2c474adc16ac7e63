"""The demo: made-up files of every format, one change planted, one null, and the whole report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from detente.trends import ledger
from detente.trends.analysis import SHARE
from detente.trends.demo_data import DYADS, WEEKS, DemoWorld, write_demo
from detente.trends.demo_line import demo_transcript
from detente.trends.gather import board_for, given
from detente.trends.lake import Lake
from detente.trends.monitor import forecasts
from detente.trends.plan import Plan, freeze, read_plan
from detente.trends.report import HTML, Given, Made
from detente.trends.verdict import Verdict
from detente.words import marked

AFTER_WEEKS = 26
EARLIER_LOOKS = (32, 24, 16, 8)  # weeks before the end at which forecasts were made
DAY_S = 86_400

FOUND = marked("the planted change is found")
OPEN = marked("where nothing was planted, the report says that it cannot tell")
DRAWN = marked("the placebo histogram is drawn")


def prepare(folder: Path, progress: Callable[[float], None]) -> tuple[Given, DemoWorld]:
    """Makes the files, reads them, freezes the plan, makes earlier forecasts and a transcript.

    ``progress`` is told which part of it is done, from 0 to 1.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    world = write_demo(data, lambda week: progress(week / WEEKS / 2))
    lake = Lake(folder / "lake")
    paths = [path for path, source in world.files if source is None]
    lake.add(paths, None, lambda done, total: progress(0.5 + 0.4 * done / max(total, 1)))
    for path, source in world.files:
        if source is not None:
            lake.add([path], source)
    plan = demo_plan(world)
    (folder / "plan.frozen").write_bytes(freeze(plan))
    frozen = replace(plan, frozen=True)
    line = folder / "line.detente"
    weeks = (world.last - world.starts).days // 7
    starts_s = (frozen.monday - date(1970, 1, 1)).days * DAY_S
    line.write_bytes(demo_transcript(starts_s, weeks))
    book = folder / "ledger.jsonl"
    board = board_for(frozen, lake)
    for earlier in EARLIER_LOOKS:
        ledger.append(book, forecasts(frozen, board, len(board.weeks) - earlier))
    progress(1.0)
    return given(frozen, lake, (), line, ledger.read(book)), world


def demo_plan(world: DemoWorld) -> Plan:
    """The plan of the demo, as somebody would have written it."""
    parties = {*world.planted, *world.null}
    others = [dyad for dyad in DYADS if not parties & set(dyad)]
    third = sorted({one for dyad in DYADS if dyad not in others for one in dyad} - parties)
    dyads = [world.planted, world.null]
    rival = world.starts + timedelta(weeks=9)
    text = f"""
title = "Demo: made-up data"
starts = {world.starts}
first = {world.first}
last = {world.last}
dyads = {json.dumps(["-".join(dyad) for dyad in dyads])}
comparison = {json.dumps(["-".join(dyad) for dyad in others])}
ripple = {json.dumps(third)}
after_weeks = {AFTER_WEEKS}
[[rival]]
what = "A made-up election"
first = {rival}
"""
    return read_plan(text.encode(), "plan.toml")


def demo_checks(world: DemoWorld, made: Made) -> Mapping[str, bool]:
    """What the demo promised, and whether it came so."""
    found = {
        (cell.dyads[0], cell.outcome): cell.verdict
        for cell in made.analysis.stakeholders
        if cell.measure == SHARE
    }
    return {
        FOUND: found.get((world.planted, world.planted_outcome)) is Verdict.MOVED,
        OPEN: found.get((world.null, world.planted_outcome)) is Verdict.CANNOT_TELL,
        DRAWN: b'class="bar"' in made.files[HTML],
    }
