"""The calendar: nothing held, a source that failed and nothing found are three words."""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest

from detente.trends import demo_rows
from detente.trends.counts import Question
from detente.trends.coverage import WeekCoverage, coverage
from detente.trends.lake import Lake

MONDAY = date(2024, 3, 4)
PAIR = ("RUS", "USA")
OUTCOMES = {"all": frozenset({""})}


def question(weeks: int = 1, sources: tuple[str, ...] = ()) -> Question:
    """One dyad over whole weeks."""
    return Question((PAIR,), OUTCOMES, MONDAY, MONDAY + timedelta(days=7 * weeks - 1), sources)


def quarters(days: Iterable[int]) -> list[str]:
    """The stamps of all files of these days."""
    return [
        f"{MONDAY + timedelta(days=day):%Y%m%d}{slot // 4:02}{slot % 4 * 15:02}00"
        for day in days
        for slot in range(96)
    ]


def file_of(folder: Path, stamps: Iterable[str], name: str = "a.csv", pair=PAIR) -> Path:
    """One row for each stamp, however many files they were in once."""
    path = folder / name
    rows = [
        demo_rows.gdelt(
            number, stamp, date.fromisoformat(stamp[:8]), pair, "040", f"https://{name}/{number}"
        )
        for number, stamp in enumerate(stamps)
    ]
    path.write_text("".join(rows), encoding="utf-8")
    return path


def week_of(folder: Path, paths: list[Path]) -> WeekCoverage:
    """The one week that these files give."""
    lake = Lake(folder / "lake")
    lake.add(paths)
    (found,) = coverage(lake, question())
    return found


def test_a_whole_week_is_data(tmp_path):
    """672 quarters of an hour, all of them there."""
    found = week_of(tmp_path, [file_of(tmp_path, quarters(range(7)))])
    assert found == WeekCoverage(MONDAY, 672, 672, 672, "data")


@pytest.mark.parametrize(("missing", "state"), [(1, "data"), (67, "data"), (68, "source failed")])
def test_files_that_lack_are_shown_and_below_nine_tenths_the_week_is_missing(
    tmp_path, missing, state
):
    """One file of 672 lacks and is seen; with a tenth of them gone the week does not count."""
    found = week_of(tmp_path, [file_of(tmp_path, quarters(range(7))[missing:])])
    assert (found.files, found.files_expected, found.state) == (672 - missing, 672, state)


def test_a_quiet_week_is_nought_and_not_missing(tmp_path):
    """All files are there and none names the dyad: a nought to count with."""
    found = week_of(tmp_path, [file_of(tmp_path, quarters(range(7)), pair=("FRA", "ITA"))])
    assert (found.state, found.world) == ("zero", 672)


def test_a_week_nobody_has_is_no_data(tmp_path):
    """The week after the last file: nothing was held, so nothing is said."""
    lake = Lake(tmp_path / "lake")
    lake.add([file_of(tmp_path, quarters(range(7)))])
    assert [one.state for one in coverage(lake, question(2))] == ["data", "no data"]


def test_a_week_whose_file_broke_is_a_source_that_failed(tmp_path):
    """The name of a file that could not be read says which week it lacks in."""
    broken = tmp_path / "20240306001500.export.CSV.zip"
    broken.write_bytes(b"PK\x03\x04 and no more")
    found = week_of(tmp_path, [broken])
    assert (found.files, found.state) == (0, "source failed")


def test_an_empty_file_counts_by_its_name(tmp_path):
    """A quarter without a row is covered when its file is there."""
    stamps = quarters(range(7))
    empty = [tmp_path / f"{stamp}.export.CSV" for stamp in stamps[:100]]
    for path in empty:
        path.write_bytes(b"")
    found = week_of(tmp_path, [file_of(tmp_path, stamps[100:101]), empty[0]])
    assert found.files == 2


def test_daily_files_are_counted_by_day(tmp_path):
    """GDELT 1 has one file a day; six of seven are less than nine tenths."""
    days = [f"{MONDAY + timedelta(days=n):%Y%m%d}" for n in range(7)]
    rows = [
        demo_rows.gdelt(n, day, MONDAY + timedelta(days=n), PAIR, "040", "http://a", width=58)
        for n, day in enumerate(days)
    ]
    for count, state in ((6, "source failed"), (7, "data")):
        path = tmp_path / f"{count}.csv"
        path.write_text("".join(rows[:count]), encoding="utf-8")
        lake = Lake(tmp_path / f"lake {count}")
        lake.add([path])
        (found,) = coverage(lake, question())
        assert (found.files, found.files_expected, found.state) == (count, 7, state)


def test_a_yearly_file_covers_its_span(tmp_path):
    """Between its first and last row a week without any is a true nought."""
    path = tmp_path / "icews.tab"
    rows = [(MONDAY, PAIR, "040"), (MONDAY + timedelta(days=20), PAIR, "040")]
    path.write_text(demo_rows.icews(rows), encoding="utf-8")
    lake = Lake(tmp_path / "lake")
    lake.add([path])
    found = coverage(lake, question(4))
    assert [one.state for one in found] == ["data", "zero", "data", "no data"]


def test_sources_are_asked_apart(tmp_path):
    """A source that ended leaves its weeks without data, whatever others have."""
    path = tmp_path / "icews.tab"
    path.write_text(demo_rows.icews([(MONDAY, PAIR, "040")]), encoding="utf-8")
    lake = Lake(tmp_path / "lake")
    lake.add([path, file_of(tmp_path, quarters(range(7)))])
    (ours,) = coverage(lake, question(sources=("gdelt2",)))
    (theirs,) = coverage(lake, question(sources=("icews",)))
    assert (ours.state, theirs.state) == ("data", "source failed")


def test_the_totals_of_gdelt_are_the_world_where_they_are_whole(tmp_path):
    """With a total for each day they stand for all events; with one lacking, stories do."""
    days = [f"{MONDAY + timedelta(days=n):%Y%m%d},1000" for n in range(7)]
    stamps = file_of(tmp_path, quarters(range(7)))
    for count, world in ((6, 672), (7, 7000)):
        norm = tmp_path / f"norm {count}.csv"
        norm.write_text("\n".join(days[:count]), encoding="utf-8")
        lake = Lake(tmp_path / f"lake {count}")
        lake.add([stamps, norm])
        (found,) = coverage(lake, question())
        assert found.world == world


def test_an_empty_lake_has_no_data(tmp_path):
    """Nothing held and nothing expected is no nought."""
    (found,) = coverage(Lake(tmp_path / "none"), question())
    assert found == WeekCoverage(MONDAY, 0, 0, 0, "no data")
