"""Every row of the bench runs, in its short form, and gives figures of the right shape.

No figure is held against a time: what is asserted are shapes, signs and sums.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench.cable import LATE_S

ROOT = Path(__file__).resolve().parents[2]
DISK = {"commit_ms", "mark_ms"}
PERCENTILES = {"p50_ms", "p95_ms", "p99_ms", "p50_over_floor"}
SIZES = ("1e3", "1e4")
GROWING = {  # the size that each is held against
    **dict.fromkeys(("append", "receipt", "proof"), "1e3"),
    **dict.fromkeys(("first_page", "page", "earlier", "desk"), "1e2"),
}
ROWS = {
    "latency": DISK
    | PERCENTILES
    | {f"flash_{name}" for name in PERCENTILES}
    | {"messages", "floor_ms", "compress_ms", "round_trip_ms", "sign_ms", "verify_ms"},
    "wire": DISK
    | {
        f"{what}_per_{word}_with_receipt{ending}"
        for what in ("ip_bytes", "packets")
        for word in ("dispatch", "flash")
        for ending in ("", "_at_rest")
    }
    | {"ip_bytes_per_seen", "ip_bytes_per_mldsa_signature", "counted_by", "text_bytes"},
    "frame": {
        "frame_bytes",
        "padding_bytes_in_steps",
        "bytes_beyond_text",
        "bytes_beyond_text_fields_not_text",
        "bytes_beyond_text_signature_and_salt",
        "bytes_beyond_text_in_tls_record",
    },
    "narrow": {
        "bits_per_s",
        "body_bytes",
        "floor_s",
        "flash_alone_s",
        "flash_behind_s",
        "receipt_alone_s",
        "receipt_behind_s",
        "flash_alone_over_floor",
        "flash_over_floor",
    },
    "throughput": DISK
    | {
        "entries",
        "entries_per_s",
        "sequential_per_s",
        "sender_cpu_share",
        "receiver_cpu_share",
    },
    "catchup": DISK | {"missed", "entries_per_s", "pipelined_per_s", "over_pipelined"},
    "verify": DISK
    | {
        f"{what}_{batch}{ending}"
        for what in ("share_of_raw", "entries_per_s", "raw_entries_per_s")
        for batch in (1, 64)
        for ending in ("", "_with_cosignatures")
    }
    | {"entries_1", "entries_64"},
    "growth": DISK
    | {f"{name}_ratio_1e4" for name in GROWING}
    | {f"{name}_{size}_ms" for name, least in GROWING.items() for size in (least, "1e4")}
    | {f"memory_mib_{size}" for size in SIZES}
    | {"entries"},
    "restart": DISK
    | {f"{name}_{at}" for name in ("ready_s", "page_s", "memory_mib") for at in ("0", "at_size")}
    | {"entries", "argon2_s", "python_s", "ready_s", "ready_over_floor"},
    "desks": {
        "messages",
        "line_p50_ms",
        "visible_p50_ms",
        "visible_p95_ms",
        "beyond_line_ms",
        "beyond_line_p95_ms",
        "visible_over_line",
        "screens",
        "of_all_p50_ms",
        "of_all_p99_ms",
        "of_all_p99_over_one",
    },
}
NEVER_SHORT = {"flash_75bps_over_floor"}  # at that speed alone, and it takes minutes
TEXT = {"counted_by"}
MAY_BE_ZERO = {"sender_cpu_share", "receiver_cpu_share"}  # the kernel counts hundredths of a second

# Of two ways, on a machine that does other things too.
A_DIFFERENCE = {"beyond_line_ms", "beyond_line_p95_ms"}


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT / "src"), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=110,
    )


def row(folder: Path, name: str) -> dict[str, float | str]:
    done = bench(folder, "--short", "--json", "--only", name)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert set(found) == {"machine", name}
    return found[name]


@pytest.mark.parametrize("name", ROWS)
def test_every_row_gives_its_figures_and_leaves_nothing_behind(name, tmp_path):
    """A row prints one JSON object with exactly its figures, all above zero, and no file stays."""
    figures = row(tmp_path, name)
    assert set(figures) == ROWS[name]
    for key, value in figures.items():
        if key in TEXT:
            assert isinstance(value, str)
        elif key in A_DIFFERENCE:
            assert isinstance(value, float)
        else:
            assert value >= 0 if key in MAY_BE_ZERO else value > 0, key
    assert list(tmp_path.iterdir()) == []
    check = CHECKS.get(name)
    if check is not None:
        check(figures)


def check_latency(figures):
    parts = figures["compress_ms"] + figures["round_trip_ms"]
    parts += 3 * figures["commit_ms"] + 2 * figures["mark_ms"]
    parts += 2 * figures["sign_ms"] + 2 * figures["verify_ms"]
    assert figures["floor_ms"] == pytest.approx(parts)
    for prefix in ("", "flash_"):
        assert figures[f"{prefix}p50_ms"] <= figures[f"{prefix}p95_ms"]
        assert figures[f"{prefix}p95_ms"] <= figures[f"{prefix}p99_ms"]
        ratio = figures[f"{prefix}p50_ms"] / figures["floor_ms"]
        assert figures[f"{prefix}p50_over_floor"] == pytest.approx(ratio)


def check_wire(figures):
    assert figures["counted_by"] in {"nftables", "TCP_INFO"}
    for word in ("dispatch", "flash"):
        back_to_back = figures[f"ip_bytes_per_{word}_with_receipt"]
        # A text that no compressor takes below 200 bytes, a signature each way, two headers.
        assert 200 + 2 * 64 + 2 * 52 < back_to_back < 1000
        assert figures[f"packets_per_{word}_with_receipt"] >= 2
    assert figures["ip_bytes_per_mldsa_signature"] >= 2420


def check_frame(figures):
    beyond = figures["bytes_beyond_text"]
    assert beyond - figures["bytes_beyond_text_signature_and_salt"] == 64 + 16
    assert figures["bytes_beyond_text_fields_not_text"] > beyond
    assert figures["bytes_beyond_text_in_tls_record"] == beyond + 2 + 22
    assert figures["frame_bytes"] > beyond > 64 + 16


def check_narrow(figures):
    floor_s = 8 * (figures["body_bytes"] + 64 + 16) / figures["bits_per_s"]
    assert figures["floor_s"] == pytest.approx(floor_s)
    for seconds, ratio in (
        ("flash_alone_s", "flash_alone_over_floor"),
        ("flash_behind_s", "flash_over_floor"),
    ):
        assert figures[ratio] == pytest.approx(figures[seconds] / floor_s)
        assert figures[seconds] > floor_s - LATE_S  # no byte comes sooner than the cable carries it


def check_catchup(figures):
    ratio = figures["entries_per_s"] / figures["pipelined_per_s"]
    assert figures["over_pipelined"] == pytest.approx(ratio)


def check_verify(figures):
    for batch in (1, 64):
        ratio = figures[f"entries_per_s_{batch}"] / figures[f"raw_entries_per_s_{batch}"]
        assert figures[f"share_of_raw_{batch}"] == pytest.approx(ratio)
    assert figures["raw_entries_per_s_64"] > figures["raw_entries_per_s_1"]


def check_growth(figures):
    for name, least in GROWING.items():
        ratio = figures[f"{name}_1e4_ms"] / figures[f"{name}_{least}_ms"]
        assert figures[f"{name}_ratio_1e4"] == pytest.approx(ratio)


def check_restart(figures):
    assert figures["ready_s"] == figures["ready_s_at_size"] < figures["page_s_at_size"]


def check_desks(figures):
    beyond_ms = figures["visible_p50_ms"] - figures["line_p50_ms"]
    assert figures["beyond_line_ms"] == pytest.approx(beyond_ms)
    assert figures["screens"] == 5
    assert figures["of_all_p50_ms"] <= figures["of_all_p99_ms"]
    ratio = figures["of_all_p99_ms"] / figures["visible_p50_ms"]
    assert figures["of_all_p99_over_one"] == pytest.approx(ratio)


CHECKS = {
    "latency": check_latency,
    "wire": check_wire,
    "frame": check_frame,
    "narrow": check_narrow,
    "catchup": check_catchup,
    "verify": check_verify,
    "growth": check_growth,
    "restart": check_restart,
    "desks": check_desks,
}


def test_without_json_it_prints_a_table_with_targets(tmp_path):
    """People get one table: every figure under its full name, the two targets beside it."""
    done = bench(tmp_path, "--short", "frame")
    assert done.returncode == 0, done.stderr
    (line,) = [one for one in done.stdout.splitlines() if "frame.bytes_beyond_text " in one]
    assert re.search(r"\d+ +│ +≤ 110 +│ +≤ 90 +│", line)


def test_an_unknown_row_is_named_and_the_known_ones_are_listed(tmp_path):
    """A row that does not exist is refused before anything runs."""
    done = bench(tmp_path, "--only", "frame,lag")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "error: no row lag"
    assert done.stderr.splitlines()[1] == f"hint: rows are {', '.join(ROWS)}"


def test_every_figure_and_target_is_explained():
    """The page on benchmarks names every row, and no target stands for a figure that is not."""
    from bench.__main__ import ROWS as RUN
    from bench.targets import TARGETS

    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert list(RUN) == list(ROWS)
    for name in RUN:
        assert f"## {name}\n" in page
    for full in TARGETS:
        name, _, figure = full.partition(".")
        assert figure.replace("1e5", "1e4") in ROWS[name] | NEVER_SHORT
