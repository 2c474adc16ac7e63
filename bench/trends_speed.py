"""``python -m bench.trends_speed WHAT FOLDER``: one measure in a process of its own, as JSON.

A process of its own, so that its peak of memory is its own too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import ibis

from detente.trends import cameo, counts
from detente.trends.lake import Lake

Measure = Callable[[], None]  # made ready beforehand, timed when called
DYADS = (
    ("AUS", "USA"),
    ("CAN", "USA"),
    ("CHN", "USA"),
    ("GBR", "RUS"),
    ("RUS", "UKR"),
    ("RUS", "USA"),
)
QUESTION = counts.Question(
    DYADS,
    {name: cameo.OUTCOMES[name] for name in ("all", "conflict", "cooperation")},
    date(2021, 1, 4),
    date(2025, 12, 28),
)


def zip_to_parquet(folder: Path) -> Measure:
    """Zipped files into a lake, every line accounted for."""

    def run() -> None:
        read = Lake(folder / "lake").add(sorted(folder.glob("*.zip")))
        assert all(one.read == one.rows for one in read)

    return run


def csv_aggregate(folder: Path) -> Measure:
    """The one question over raw text, without a lake."""
    files = ", ".join(f"'{path}'" for path in sorted(folder.glob("*.CSV")))
    read = {1: "GLOBALEVENTID", 2: "SQLDATE", 60: "DATEADDED"}
    named = {8: "Actor1CountryCode", 18: "Actor2CountryCode", 27: "EventCode", 61: "SOURCEURL"}
    names = {
        {**read, **named}.get(n, f"c{n:02}"): "BIGINT" if n in read else "VARCHAR"
        for n in range(1, 62)
    }
    con = ibis.duckdb.connect(memory_limit="1GB")
    con.raw_sql(
        f"CREATE VIEW gdelt AS SELECT * FROM read_csv([{files}], delim='\t', quote='', escape='',"
        f" header=false, auto_detect=false, columns={names!r})"
    )
    return _asked(con, counts.from_gdelt(con.table("gdelt")))


def parquet_aggregate(folder: Path) -> Measure:
    """The one question over the rows of a lake."""
    parts = [str(path) for path in sorted(folder.glob("events/**/*.parquet"))]
    con = ibis.duckdb.from_connection(Lake(folder).engine())
    return _asked(con, con.read_parquet(parts, hive_partitioning=True))


def _asked(con: ibis.BaseBackend, events: ibis.Table) -> Measure:
    """The question made into text beforehand: that takes as long for one row as for all."""
    text = str(ibis.to_sql(counts.expression(events, QUESTION), dialect="duckdb"))

    def run() -> None:
        assert con.raw_sql(text).fetchall()

    return run


MEASURES = {
    "zip-to-parquet": zip_to_parquet,
    "csv-aggregate": csv_aggregate,
    "parquet-aggregate": parquet_aggregate,
}


def peak_mb() -> float:
    """The most memory this process has held; what rusage says begins with its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) / 1024


def main() -> None:
    """Runs one measure and prints the seconds by the wall and of the processors, and MB."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    run = MEASURES[what](folder)
    wall, used = time.perf_counter(), time.process_time()
    run()
    found = {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - used,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
