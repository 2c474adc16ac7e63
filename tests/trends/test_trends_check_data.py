"""The rows of data (bench/trends_check_data.py): those that count hold, those that time are run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import trends_check_data, trends_data  # noqa: E402  # the tree's root is on the path now

COUNTED = (
    "back-dated-rows",
    "duplicates-and-twins",
    "column-mixes",
    "missing-file",
    "engine-equality",
    "engine-dialects",
)
MEASURES = ("zip-to-parquet", "csv-aggregate", "parquet-aggregate")


@pytest.mark.parametrize("name", COUNTED)
def test_a_row_that_counts_holds(name):
    """The figure is within its threshold."""
    found = trends_check_data.CHECKS[name](True)
    assert found.ok, found


def test_every_measure_has_its_speed_and_its_memory():
    """Nothing is claimed of one without the other."""
    timed = {f"{name}-{kind}" for name in MEASURES for kind in ("speed", "memory")}
    assert set(trends_check_data.CHECKS) == set(COUNTED) | timed


@pytest.mark.parametrize("what", MEASURES)
def test_a_measure_runs_in_a_process_of_its_own(what):
    """On few rows: that it ends and what it says, not how long it takes."""
    found = trends_check_data._measured(what, 3000)
    assert set(found) == {"wall_s", "cpu_s", "peak_mb"}
    assert all(value > 0 for value in found.values())


def test_the_rows_in_bulk_are_the_same_for_the_same_seed(tmp_path):
    """And others for another."""
    one, same, other = (
        trends_data.bulk(tmp_path / name, 500, files=1, zipped=False, seed=seed)[0].read_bytes()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one == same != other
    assert {line.count(b"\t") for line in one.splitlines()} == {60}
