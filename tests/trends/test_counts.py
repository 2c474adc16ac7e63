"""Stories by week, dyad and outcome: what folds into one, what is counted apart, what is nought."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from detente.core.errors import LocalError, Refusal
from detente.trends import counts, demo_rows
from detente.trends.counts import Question, WeekCount, weekly_counts
from detente.trends.lake import Lake

MONDAY = date(2024, 3, 4)
PAIR, OTHER, ASIDE = ("RUS", "USA"), ("GBR", "USA"), ("FRA", "ITA")
OUTCOMES = {
    "all": frozenset({""}),
    "conflict": frozenset({"11", "163"}),
    "talks": frozenset({"04"}),
}
QUESTION = Question((PAIR, OTHER), OUTCOMES, MONDAY, MONDAY + timedelta(days=13))

Told = tuple[date, int, tuple[str, str], str, str]  # added, days before, pair, code, story


def lake_of(folder: Path, told: Sequence[Told], *, confidence: Sequence[int] = ()) -> Lake:
    """A lake of rows of GDELT 2, and of mentions that vouch for the first of them so much."""
    lines = [
        demo_rows.gdelt(
            number,
            f"{day:%Y%m%d}001500",
            day - timedelta(days=back),
            pair,
            code,
            f"https://{story}",
        )
        for number, (day, back, pair, code, story) in enumerate(told)
    ]
    files = [folder / "events.csv"]
    files[0].write_text("".join(lines), encoding="utf-8")
    if confidence:
        files.append(folder / "mentions.csv")
        vouched = [
            demo_rows.mention(number, f"{MONDAY:%Y%m%d}001500", f"https://{told[number][4]}", sure)
            for number, sure in enumerate(confidence)
        ]
        files[1].write_text("".join(vouched), encoding="utf-8")
    lake = Lake(folder / "lake")
    assert all(not one.rejected and not one.failed for one in lake.add(files))
    return lake


def found(lake: Lake, question: Question = QUESTION) -> dict[tuple, WeekCount]:
    """What is counted, by week, dyad and outcome."""
    return {
        ((one.week - MONDAY).days // 7, (one.a, one.b), one.outcome): one
        for one in weekly_counts(lake, question)
    }


BASE: list[Told] = [
    (MONDAY, 0, PAIR, "043", "a"),
    (MONDAY, 1, PAIR, "112", "b"),
    (MONDAY + timedelta(days=6), 0, PAIR, "163", "c"),
    (MONDAY + timedelta(days=7), 0, PAIR, "043", "d"),
    (MONDAY, 0, ASIDE, "043", "e"),
]


def test_stories_by_week_and_outcome(tmp_path):
    """Weeks begin on Monday; a prefix takes every code that begins with it."""
    week = found(lake_of(tmp_path, BASE))
    assert [week[0, PAIR, name].stories for name in ("all", "conflict", "talks")] == [3, 2, 1]
    assert [week[1, PAIR, name].stories for name in ("all", "conflict", "talks")] == [1, 0, 1]


def test_every_week_dyad_and_outcome_is_there_in_order(tmp_path):
    """A week without a row counts nought; it is not left out."""
    all_of_it = weekly_counts(lake_of(tmp_path, BASE), QUESTION)
    assert len(all_of_it) == 2 * 2 * 3
    keys = [(one.week, one.a, one.b, one.outcome) for one in all_of_it]
    assert keys == sorted(keys)
    assert all(one.stories == 0 for one in all_of_it if (one.a, one.b) == OTHER)


def test_duplicates_and_mirrored_twins_change_no_story(tmp_path):
    """Each row four times, and each the other way round too: only the reports grow."""
    plain, thick = tmp_path / "plain", tmp_path / "thick"
    plain.mkdir()
    thick.mkdir()
    mirrored = [(day, back, (b, a), code, story) for day, back, (a, b), code, story in BASE]
    once, often = found(lake_of(plain, BASE)), found(lake_of(thick, (BASE + mirrored) * 4))
    assert set(once) == set(often)
    for key, one in once.items():
        other = often[key]
        assert (one.stories, one.shared) == (other.stories, other.shared)
        assert other.reports == 8 * one.reports


def test_late_rows_are_counted_apart(tmp_path):
    """A row dated back by more than a day is a report, and no story."""
    late: list[Told] = [(MONDAY, back, PAIR, "112", f"late {back}") for back in (2, 7, 30, 365)]
    one = found(lake_of(tmp_path, BASE + late))[0, PAIR, "conflict"]
    assert (one.stories, one.reports, one.late) == (2, 6, 4)


def test_a_story_with_a_late_row_and_a_timely_one(tmp_path):
    """The timely row makes the story, whatever else is filed under its address."""
    one = found(lake_of(tmp_path, [*BASE, (MONDAY, 365, PAIR, "043", "a")]))[0, PAIR, "all"]
    assert (one.stories, one.reports, one.late) == (3, 4, 1)


def test_stories_that_name_a_further_dyad_are_told(tmp_path):
    """A story of both dyads asked about is shared; one with a pair not asked about is not."""
    further: list[Told] = [(MONDAY, 0, OTHER, "043", "a"), (MONDAY, 0, ASIDE, "043", "b")]
    week = found(lake_of(tmp_path, BASE + further))
    assert (week[0, PAIR, "all"].shared, week[0, OTHER, "all"].shared) == (1, 1)
    assert (week[0, PAIR, "talks"].shared, week[0, PAIR, "conflict"].shared) == (1, 0)


def test_the_window_is_kept_to_the_day(tmp_path):
    """Rows before its first and after its last day are not counted."""
    inside = Question((PAIR,), OUTCOMES, MONDAY + timedelta(days=1), MONDAY + timedelta(days=6))
    week = found(lake_of(tmp_path, BASE), inside)
    assert (week[0, PAIR, "all"].stories, len(week)) == (1, 3)


def test_only_the_sources_asked_for(tmp_path):
    """Rows of another source are not added to those of the first."""
    lake = lake_of(tmp_path, BASE)
    path = tmp_path / "icews.tab"
    path.write_text(demo_rows.icews([(MONDAY, PAIR, "043")]), encoding="utf-8")
    lake.add([path])
    assert found(lake)[0, PAIR, "all"].stories == 4
    asked = Question(QUESTION.dyads, OUTCOMES, QUESTION.first, QUESTION.last, ("icews",))
    assert found(lake, asked)[0, PAIR, "all"].stories == 1


def test_rows_that_a_mention_vouches_for(tmp_path):
    """With a confidence asked for, a row counts when one of its mentions has as much."""
    lake = lake_of(tmp_path, BASE, confidence=(60, 20, 50))
    sure = weekly_counts(lake, QUESTION, confidence=50)
    assert sum(one.stories for one in sure if one.outcome == "all") == 2


def test_confidence_without_mentions_is_an_error(tmp_path):
    """Nothing vouches for anything then; noughts would be made up."""
    with pytest.raises(LocalError, match="no file of mentions"):
        weekly_counts(lake_of(tmp_path, BASE), QUESTION, confidence=50)


@pytest.mark.parametrize("empty", [True, False])
def test_an_empty_window_is_an_error(tmp_path, empty):
    """Neither an empty lake nor one of other years gives noughts."""
    lake = Lake(tmp_path / "none") if empty else lake_of(tmp_path, BASE)
    question = Question((PAIR,), OUTCOMES, date(1999, 1, 4), date(1999, 12, 26))
    with pytest.raises(LocalError, match="empty window") as caught:
        weekly_counts(lake, question)
    assert caught.value.refusal is Refusal.NOT_FOUND


def test_the_text_of_the_question_gives_the_same_counts(tmp_path):
    """The SQL for DuckDB, run without Ibis over a table of the lake's rows, agrees to the last."""
    lake = lake_of(tmp_path, BASE * 2 + [(MONDAY, 0, OTHER, "043", "a")])
    with duckdb.connect() as db:
        held = duckdb.read_parquet(lake.parts("events"), hive_partitioning=True, connection=db)
        db.register("events", held)
        rows = db.execute(counts.engine(QUESTION))
        names = [one[0] for one in rows.description or ()]
        told = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    assert counts.counted(told, QUESTION) == weekly_counts(lake, QUESTION)


@pytest.mark.parametrize("dialect", counts.DIALECTS)
def test_the_question_compiles_for_engines_elsewhere(dialect):
    """One expression, six dialects: each names the table, the dyads and the window."""
    text = counts.sql(QUESTION, dialect, confidence=50)
    assert "RUS-USA" in text
    assert "events" in text
    assert "mentions" in text
    assert "2024" in text
