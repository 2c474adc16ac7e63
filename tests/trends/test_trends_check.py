"""The acceptance rows of trends, in their short form (bench/trends_check.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMES = {"estimate-130-weeks", "estimate-520-weeks"}  # shown, not held: a machine may be busy
STATISTICS = {
    "null-rejections-worst",
    "null-rejections-overall",
    "coverage-worst",
    "coverage-overall",
    "bias-worst",
    "placebo-verdict",
    "placebo-coverage",
    "volume-growth",
    "attention-burst",
    "placebo-p",
    "detectable-found",
    "forecast-crps",
    "forecast-coverage",
    "alarm-rate",
    "estimate-memory",
    *TIMES,
}


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The rows, run as people run them."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "bench.trends_check", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.mark.timeout(960)
def test_every_row_of_the_statistics_holds_in_its_short_form():
    """One JSON object with figure and threshold of each row, all ok; progress on standard error."""
    done = check("--short", "--json", *sorted(STATISTICS))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["checks"]
    assert set(found) == STATISTICS
    assert all(set(each) == {"ok", "figure", "threshold"} for each in found.values())
    missed = {name: each for name, each in found.items() if not each["ok"] and name not in TIMES}
    assert missed == {}
    assert f"{len(STATISTICS)}/{len(STATISTICS)}" in done.stderr


def test_a_row_that_is_none_is_refused_with_those_that_are():
    """A wrong name ends with 2 and a hint."""
    done = check("nonsense")
    assert done.returncode == 2
    assert "error: no row nonsense" in done.stderr
    assert "placebo-verdict" in done.stderr
