"""The commands: a demo of every format, and its files used by each of the others."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from trends import world

from detente import words
from detente.cli import trends
from detente.cli.main import main
from detente.trends import ledger
from detente.trends.demo_data import FACTOR, NULL, PLANTED, DemoWorld
from detente.trends.gather import given
from detente.trends.lake import Lake
from detente.trends.plan import freeze, load_plan

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(900)  # the demo is half a minute of computing, and not ours alone


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("DETENTE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    yield
    words.use("en")


def run(*arguments: object) -> Result:
    """One command line."""
    return CliRunner().invoke(main, ["trends", *map(str, arguments)])


def told(*arguments: object, code: int = 0) -> Any:
    """Its one JSON document."""
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The demo, once: its folder and what it said."""
    folder = tmp_path_factory.mktemp("trends") / "demo"
    return folder, told("demo", "--out", folder)


@pytest.fixture(scope="module")
def small(demo: tuple[Path, dict[str, Any]]) -> Path:
    """A plan of one cell on the demo's files, written and not frozen."""
    text = world.PLAN.replace('["AAA-BBB", "AAA-DDD"]', '["ISL-NZL"]')
    text = text.replace('["MMM-NNN", "OOO-PPP", "QQQ-RRR"]', '["BWA-NAM"]')
    text = text.replace('["GBR", "CAN"]', "[]").replace("2014-07-07", "2025-03-24")
    text = text.replace("2012-01-02", "2023-01-02").replace("2015-01-04", "2025-11-02")
    text += '[outcomes]\nconflict = ["13", "19"]\n'
    path = demo[0] / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_demo_keeps_what_it_promises(demo):
    """What was planted is found, the null is left open, the histogram is drawn: three tables."""
    folder, document = demo
    assert all(document["checks"].values())
    assert len(document["checks"]) == 3
    assert document["frozen"]
    assert document["stakeholders"]
    assert document["ripple"]
    assert document["trends"]
    assert document["looks"] == 5
    assert (folder / "report" / "report.html").stat().st_size > 50_000


def test_the_demo_reads_every_line_of_every_format(demo):
    """Read and rejected add up to the lines of each file, and one file is told as failed."""
    _folder, document = demo
    sources = {row["source"] for row in document["files"]}
    assert {"gdelt1", "gdelt2", "icews", "polecat", "acled", "ucdp", "own"} <= sources
    states = {row["state"] for row in document["coverage"]}
    assert {"data", "no data"} <= states
    texts = {row["source"]: row["text"] for row in document["attributions"]}
    assert "acleddata.com" in texts["acled"]
    assert "Day of access not given." in texts["gdelt2"]


def test_a_demo_goes_into_a_new_folder(demo):
    """Nothing of somebody's is written over."""
    result = run("demo", "--out", demo[0])
    assert result.exit_code == 2
    assert "exists already" in result.output


def test_a_run_writes_the_same_bytes_and_a_ledger(demo, small, tmp_path):
    """The same plan, lake and ledger give the same report; the ledger grows once."""
    folder, _document = demo
    call = ["run", "--plan", small, "--lake", folder / "lake"]
    call += ["--out", tmp_path / "out", "--ledger", tmp_path / "ledger.jsonl"]
    call += ["--line", folder / "line.detente"]
    first = told(*call)
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(files) == {"report.html", "report.md", "report.json", "prov.json"}
    assert not first["frozen"]
    book = (tmp_path / "ledger.jsonl").read_bytes()
    said = run(*call)
    assert said.exit_code == 0
    assert "(exploratory): ISL-NZL, conflict" in said.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files
    assert (tmp_path / "ledger.jsonl").read_bytes() == book


def test_forecasts_are_scored(demo):
    """The demo's earlier forecasts have come; their scores are told by trend and in all."""
    folder, _document = demo
    call = ["score", "--plan", folder / "plan.frozen", "--lake", folder / "lake"]
    scored = told(*call, "--ledger", folder / "ledger.jsonl")
    assert scored["all"]["n"] == sum(row["n"] for row in scored["trends"].values()) > 0
    assert 0 < scored["all"]["covered_ninety"] <= 1
    said = run(*call, "--ledger", folder / "ledger.jsonl")
    assert "ISL-NZL/engagement: " in said.stdout
    nothing = run(*call, "--ledger", folder / "none.jsonl")
    assert nothing.exit_code == 2
    assert run(*call, "--ledger", folder).exit_code == 4


def test_the_method_is_tried_on_ones_own_series(demo, small):
    """Nothing planted, a rise and a fall: each row has its tests and its coverage."""
    folder, _document = demo
    call = ["selftest", "--plan", small, "--lake", folder / "lake"]
    found = told(*call)
    assert {row["factor"] for row in found["rows"]} == {1.0, 1.5, 0.5}
    assert all(0 <= row["covered"] <= 1 and row["n"] >= 2 for row in found["rows"])


def test_files_are_read_with_every_rejected_line_named(tmp_path):
    """A line that is none is told by file, line, column and reason; a file that is none fails."""
    good = tmp_path / "own.csv"
    good.write_text("day;who;whom;what\n2021-01-04;KEN;UGA;0841\nnever;KEN;UGA;0841\n", "utf-8")
    mapping = tmp_path / "own.toml"
    mapping.write_text(
        'source = "own"\ndelimiter = ";"\ndate = "%Y-%m-%d"\ncountries = "cameo"\n'
        '[columns]\nadded = "day"\nactor = "who"\ntarget = "whom"\ncode = "what"\n',
        "utf-8",
    )
    call = ["read", good, "--lake", tmp_path / "lake", "--mapping", mapping]
    found = told(*call)
    (row,) = found["files"]
    assert (row["lines"], row["read"]) == (2, 1)
    assert sum(row["rejected"].values()) == 1
    assert found["rejects"][0]["line"] == 3
    said = run(*call)
    assert "own.csv:3:" in said.stdout
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and no more")
    failed = run("read", broken, "--lake", tmp_path / "lake")
    assert failed.exit_code == 3
    assert "could not be read" in failed.stdout


def test_a_plan_is_checked_frozen_and_begun(tmp_path):
    """The example freezes; its hash is the one that is told, and nothing is written over."""
    example = run("plan", "--example")
    path, out = tmp_path / "plan.toml", tmp_path / "plan.frozen"
    path.write_text(example.stdout, encoding="utf-8")
    found = told("plan", path, "--out", out)
    assert json.loads(out.read_bytes())["sha256"] == found["sha256"]
    assert "SHA-256 of the plan" in run("plan", path).stdout
    assert run("plan", path, "--out", out).exit_code == 2
    assert run("plan").exit_code == 2


def test_an_empty_window_is_an_error_with_a_hint(tmp_path):
    """Nothing held of the plan's window: no report of noughts, but one error and its hint."""
    frozen = tmp_path / "plan.frozen"
    frozen.write_bytes(freeze(world.plan()))
    call = ["run", "--plan", frozen, "--lake", tmp_path / "lake", "--out", tmp_path / "out"]
    result = run(*call)
    assert result.exit_code == 2
    assert "error: " in result.output
    assert "hint: " in result.output
    assert not (tmp_path / "out").exists()
    assert run(*call, "--also", "nonsense").exit_code == 2
    assert run(*call, "--line", tmp_path / "none").exit_code == 2


def test_without_the_extra_one_error_says_so(monkeypatch, tmp_path):
    """Every command says what is not installed and how it is."""
    monkeypatch.setattr(trends, "NEEDED", ("detente_no_such_module",))
    for call in (
        ["plan", "--example"],
        ["read", tmp_path, "--lake", tmp_path],
        ["demo", "--out", tmp_path / "demo"],
    ):
        result = run(*call)
        assert result.exit_code == 2
        assert (
            "not installed: detente_no_such_module; pip install 'detente[trends]'" in result.output
        )


def test_the_acceptance_rows_of_the_report_hold(demo, monkeypatch):
    """Words, causes, provenance, bytes and the demo's promises, in their short form."""
    monkeypatch.syspath_prepend(str(ROOT))
    rows = importlib.import_module("bench.trends_check_report")
    folder, _document = demo
    plan = load_plan(folder / "plan.frozen")
    asked = given(
        plan,
        Lake(folder / "lake"),
        (),
        folder / "line.detente",
        ledger.read(folder / "ledger.jsonl"),
    )
    made_up = DemoWorld((), plan.starts, PLANTED, "conflict", FACTOR, NULL, plan.first, plan.last)
    monkeypatch.setattr(rows, "_world", lambda: (asked, made_up))
    found = {name: check(True) for name, check in rows.CHECKS.items()}
    assert {name: row for name, row in found.items() if not row.ok} == {}
    assert len(found) == 5
