"""The made-up world: every format in it is read, and what was planted is there and nowhere else."""

from itertools import islice
from pathlib import Path

import pytest

from detente.trends import cameo
from detente.trends.counts import Question, WeekCount, weekly_counts
from detente.trends.coverage import coverage
from detente.trends.demo_data import (
    DYADS,
    FAILED_WEEK,
    NO_DATA_WEEK,
    DemoWorld,
    _gdelt_files,
    write_demo,
)
from detente.trends.lake import Lake


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the world of this module lies."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def world(folder: Path) -> DemoWorld:
    """The world, written once."""
    return write_demo(folder / "files")


@pytest.fixture(scope="module")
def lake(folder: Path, world: DemoWorld) -> Lake:
    """A lake with all its files."""
    lake = Lake(folder / "lake")
    for source in {source for _, source in world.files}:
        lake.add([path for path, of in world.files if of == source], source)
    return lake


@pytest.fixture(scope="module")
def question(world: DemoWorld) -> Question:
    """All pairs, over the whole time."""
    outcomes = {name: cameo.OUTCOMES[name] for name in ("all", "conflict")}
    return Question(DYADS, outcomes, world.first, world.last)


@pytest.fixture(scope="module")
def counts(lake: Lake, question: Question) -> list[WeekCount]:
    """What is found."""
    return weekly_counts(lake, question)


def test_every_format_is_read_and_every_line_accounted_for(lake):
    """One line of it is spoilt and one file broken; the rest is read to the last line."""
    files = lake.files()
    assert {one.source for one in files if not one.failed} == {
        "gdelt1",
        "gdelt2",
        "gdelt mentions",
        "icews",
        "polecat",
        "acled",
        "ucdp",
        "own",
    }
    assert all(one.read + sum(one.rejected.values()) == one.rows for one in files)
    assert [dict(one.rejected) for one in files if one.rejected] == [{"bad-date": 1}]
    (broken,) = [one for one in files if one.failed]
    assert broken.rows == 0
    assert "damaged zip" in broken.failed


def share(counts: list[WeekCount], world: DemoWorld, pair: tuple[str, str], after: bool) -> float:
    """The share of conflict among a pair's stories, before the day or from it on."""
    ours = [one for one in counts if (one.a, one.b) == pair and (one.week >= world.starts) == after]
    whole = sum(one.stories for one in ours if one.outcome == "all")
    return sum(one.stories for one in ours if one.outcome == "conflict") / whole


def test_what_was_planted_is_there(counts, world):
    """The share of conflict of one pair is three times as high from that day on."""
    before, after = (share(counts, world, world.planted, late) for late in (False, True))
    assert 2.5 < after / before < 3.5


def test_nothing_was_planted_elsewhere(counts, world):
    """The share of every other pair stays what it was, as far as chance allows."""
    for pair in DYADS:
        if pair != world.planted:
            before, after = (share(counts, world, pair, late) for late in (False, True))
            assert 0.6 < after / before < 1.5, pair


def test_the_traps_are_in_it(counts):
    """Twins and duplicates, rows dated back, and stories of two pairs: each is seen apart."""
    whole = [one for one in counts if one.outcome == "all"]
    stories, reports, late, shared = (
        sum(getattr(one, kind) for one in whole)
        for kind in ("stories", "reports", "late", "shared")
    )
    assert reports - late > 1.3 * stories
    assert 0.05 < late / reports < 0.15
    assert 0.1 < shared / stories < 0.3


def test_the_calendar_tells_a_week_without_files_from_one_that_failed(lake, question):
    """One week was left out and one broke off; all others are whole."""
    found = coverage(lake, question)
    assert {n: one.state for n, one in enumerate(found) if one.state != "data"} == {
        NO_DATA_WEEK: "no data",
        FAILED_WEEK: "source failed",
    }


def test_the_same_seed_gives_the_same_bytes(world, tmp_path):
    """Nothing in a file depends on the clock or the machine."""
    again = islice(_gdelt_files(tmp_path, 7, None), 2)
    for one, (other, _) in zip(again, world.files[:2], strict=True):
        assert one.read_bytes() == other.read_bytes()
