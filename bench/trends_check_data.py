"""What trends promises of data: nothing lost, nothing counted twice, and read fast enough."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
from bench import trends_data, trends_speed
from bench.trends_check import Check, Checks, at_least, at_most

from detente.trends import counts, demo_rows, estimate
from detente.trends.counts import Question, weekly_counts
from detente.trends.coverage import SHARE_MIN, coverage
from detente.trends.lake import Lake

MONDAY = date(2022, 1, 3)
WEEKS = 130
STARTS = 104
PAIR = ("RUS", "USA")
CODES = ("040", "043", "111", "163")
CORES = 2

Row = tuple[date, int, tuple[str, str], str, str]  # added, days before, pair, code, address


def _rows(weeks: int = WEEKS, a_week: int = 12) -> list[Row]:
    """A pair with some stories in each week, more and fewer by turns."""
    rng = np.random.default_rng(11)
    found: list[Row] = []
    for week in range(weeks):
        for number in range(int(rng.poisson(a_week))):
            day = MONDAY + timedelta(days=7 * week + number % 7)
            code = CODES[int(rng.integers(len(CODES)))]
            found.append((day, 0, PAIR, code, f"https://example.org/{week}/{number}"))
    return found


def _lake(rows: Sequence[Row]) -> Lake:
    folder = Path(tempfile.mkdtemp(prefix="detente-trends-"))
    lines = [
        demo_rows.gdelt(n, f"{day:%Y%m%d}001500", day - timedelta(days=back), pair, code, story)
        for n, (day, back, pair, code, story) in enumerate(rows)
    ]
    path = folder / "rows.csv"
    path.write_text("".join(lines), encoding="utf-8")
    lake = Lake(folder / "lake")
    lake.add([path])
    return lake


def _question(weeks: int = WEEKS) -> Question:
    outcomes = {"all": frozenset({""}), "conflict": frozenset({"11", "16"})}
    return Question((PAIR,), outcomes, MONDAY, MONDAY + timedelta(days=7 * weeks - 1))


def _log_ratio(lake: Lake) -> float:
    found = weekly_counts(lake, _question())
    whole, part = (
        np.array([one.stories for one in found if one.outcome == name], float)
        for name in ("all", "conflict")
    )
    return math.log(estimate.change(part, whole, STARTS).ratio)


def back_dated(_short: bool) -> Check:
    """A fifth more rows, dated a year back: the estimate stays."""
    rows = _rows()
    old = [(day, 365, pair, "163", f"{url}/old") for day, _, pair, _, url in rows[::5]]
    return at_most(abs(_log_ratio(_lake([*rows, *old])) - _log_ratio(_lake(rows))), 0.05)


def twins(_short: bool) -> Check:
    """Every row four times, and mirrored: weeks in which the stories differ."""
    rows = _rows()
    mirrored = [(day, back, (b, a), code, url) for day, back, (a, b), code, url in rows]
    once, often = (
        [(one.stories, one.shared) for one in weekly_counts(_lake(given), _question())]
        for given in (rows, (rows + mirrored) * 4)
    )
    return at_most(sum(a != b for a, b in zip(once, often, strict=True)), 0, " weeks")


def mixes(_short: bool) -> Check:
    """Widths mixed, no header, further columns, a byte order mark: lines accounted for, in %."""
    day, told = MONDAY, [(MONDAY, PAIR, "040")] * 50
    gdelt = [
        demo_rows.gdelt(
            n,
            f"{day:%Y%m%d}{'001500' if width == 61 else ''}",
            day,
            PAIR,
            "040",
            "http://a",
            width=width,
        )
        for n, width in enumerate((57, 58, 61) * 40)
    ]
    gdelt[7] = gdelt[7].replace("\t", " ", 3)
    files = {
        "gdelt.csv": ("".join(gdelt), 120, 119),
        "ged.csv": (demo_rows.ucdp(told, headless=True), 50, 50),
        "week.txt": (demo_rows.polecat(told, trailing=3), 50, 50),
        "acled.csv": (demo_rows.acled(told), 50, 50),
    }
    folder = Path(tempfile.mkdtemp(prefix="detente-trends-"))
    for name, (text, _, _) in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    found = Lake(folder / "lake").add([folder / name for name in files])
    good = sum(
        (one.rows, one.read, one.read + sum(one.rejected.values())) == (rows, read, rows)
        for one, (_, rows, read) in zip(found, files.values(), strict=True)
    )
    return at_least(100 * good / len(files), 100, " %")


def missing_file(_short: bool) -> Check:
    """One quarter of an hour lacks and is shown; with a tenth gone, the week is flagged."""
    stamps = [
        f"{MONDAY + timedelta(days=n // 96):%Y%m%d}{n % 96 // 4:02}{n % 4 * 15:02}00"
        for n in range(672)
    ]
    seen = []
    for lacking in (1, 68):
        lines = [
            demo_rows.gdelt(n, stamp, MONDAY, PAIR, "040", f"http://{n}")
            for n, stamp in enumerate(stamps[lacking:])
        ]
        folder = Path(tempfile.mkdtemp(prefix="detente-trends-"))
        (folder / "rows.csv").write_text("".join(lines), encoding="utf-8")
        lake = Lake(folder / "lake")
        lake.add([folder / "rows.csv"])
        seen += coverage(lake, _question(1))
    one, many = seen
    ok = (one.files, one.state, many.state) == (671, "data", "source failed")
    return Check(ok, f"{one.files}/{one.files_expected}", f"shown; flagged < {SHARE_MIN:.0%}")


def engines(_short: bool) -> Check:
    """Rows in which the SQL text, run by DuckDB alone, differs from the same asked through Ibis."""
    lake = _lake(_rows())
    question = _question()
    with duckdb.connect() as db:
        held = duckdb.read_parquet(lake.parts("events"), hive_partitioning=True, connection=db)
        db.register("events", held)
        rows = db.execute(counts.engine(question))
        names = [one[0] for one in rows.description or ()]
        told = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    pairs = zip(counts.counted(told, question), weekly_counts(lake, question), strict=True)
    return at_most(sum(a != b for a, b in pairs), 0, " rows")


def dialects(_short: bool) -> Check:
    """Dialects the question compiles to, over a lake's rows and over GDELT as engines hold it."""
    texts = {
        counts.sql(_question(), dialect, raw=raw)
        for dialect in counts.DIALECTS
        for raw in (False, True)
    }
    return at_least(len(texts), 2 * len(counts.DIALECTS), " texts")


@cache
def _measured(what: str, rows: int) -> dict[str, float]:
    """One measure of trends_speed over so many rows, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="detente-trends-") as name:
        folder = Path(name)
        if what == "parquet-aggregate":
            trends_data.bulk_lake(folder, rows)
        else:
            zipped = what == "zip-to-parquet"
            trends_data.bulk(folder, rows, files=max(1, rows // 100_000), zipped=zipped)
        done = subprocess.run(
            [sys.executable, "-m", trends_speed.__name__, what, name],
            cwd=Path(__file__).resolve().parents[1],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _speed(what: str, rows_short: int, rows: int, least_m: float) -> Callable[[bool], Check]:
    """Millions of rows a second of two cores, by the processors' time: others may be at work."""

    def check(short: bool) -> Check:
        size = rows_short if short else rows
        rate = size / 1e6 / (_measured(what, size)["cpu_s"] / CORES)
        return at_least(rate, least_m, f" M rows/s of {CORES} cores")

    return check


def _memory(what: str, rows_short: int, rows: int, most_mb: float) -> Callable[[bool], Check]:
    def check(short: bool) -> Check:
        return at_most(_measured(what, rows_short if short else rows)["peak_mb"], most_mb, " MB")

    return check


CHECKS: Checks = {
    "back-dated-rows": back_dated,
    "duplicates-and-twins": twins,
    "column-mixes": mixes,
    "missing-file": missing_file,
    "engine-equality": engines,
    "engine-dialects": dialects,
    "zip-to-parquet-speed": _speed("zip-to-parquet", 200_000, 2_000_000, 0.3),
    "zip-to-parquet-memory": _memory("zip-to-parquet", 200_000, 2_000_000, 512),
    "csv-aggregate-speed": _speed("csv-aggregate", 400_000, 5_000_000, 1.0),
    "csv-aggregate-memory": _memory("csv-aggregate", 400_000, 5_000_000, 1229),
    "parquet-aggregate-speed": _speed("parquet-aggregate", 2_000_000, 5_000_000, 5.0),
    "parquet-aggregate-memory": _memory("parquet-aggregate", 2_000_000, 5_000_000, 512),
}
