"""Real rows of GDELT, as others published them: every line is read, or rejected with its reason."""

from datetime import date
from pathlib import Path

import pytest

from detente.trends.counts import Question, weekly_counts
from detente.trends.lake import FileRead, Lake

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "gdelt"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with all five files, or a skip that says so."""
    if not VECTORS.exists():
        pytest.skip("published GDELT rows are not beside this tree")
    lake = Lake(tmp_path_factory.mktemp("gdelt"))
    lake.add(sorted(VECTORS.glob("*.csv")))
    return lake


def test_every_line_of_each_file_is_accounted_for(lake):
    """Read and rejected lines add up to the lines of the file, whatever its width."""
    found = {one.path: one for one in lake.files()}
    assert set(found) == {
        "events.csv",
        "events1.csv",
        "eventsT.csv",
        "mentions.csv",
        "normDaily.csv",
    }
    for name, one in found.items():
        lines = (VECTORS / name).read_text(encoding="utf-8").splitlines()
        assert one.failed == ""
        assert one.rows == len(lines) == 100
        assert one.read + sum(one.rejected.values()) == one.rows


def test_nothing_of_these_files_is_rejected(lake):
    """Both widths of 1.0, 2.0, its translations, mentions and totals are read to the last line."""
    assert {one.path: one.read for one in lake.files()} == dict.fromkeys(
        ("events.csv", "events1.csv", "eventsT.csv", "mentions.csv", "normDaily.csv"), 100
    )
    assert lake.rejects() == []


def test_what_was_dated_back_is_counted_apart(lake):
    """Rows that were added a week after the day they name make no story of that week."""
    question = Question(
        (("CAN", "GBR"),), {"all": frozenset({""})}, date(2020, 3, 16), date(2020, 3, 22)
    )
    (week,) = weekly_counts(lake, question)
    assert (week.reports, week.late, week.stories) == (3, 3, 0)


def file_of(lake: Lake, name: str) -> FileRead:
    """What one file came to."""
    return next(one for one in lake.files() if one.path == name)


def test_each_file_says_what_it_is(lake):
    """The format is seen from the lines, and the licence goes with it."""
    assert file_of(lake, "events.csv").source == "gdelt2"
    assert file_of(lake, "events1.csv").source == "gdelt1"
    assert file_of(lake, "mentions.csv").source == "gdelt mentions"
    assert {one.licence for one in lake.files()} == {"gdelt"}
