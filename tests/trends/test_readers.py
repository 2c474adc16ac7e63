"""Each format as its source writes it, with the oddities that were seen in real files."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from detente.core.errors import LocalError, Refusal
from detente.trends import demo_rows
from detente.trends.lake import FileRead, Lake
from detente.trends.readers import known, mapped

DAY = date(2024, 3, 6)
URL = "https://example.org/a"


def added(folder: Path, name: str, text: str, source: str | None = None) -> tuple[Lake, FileRead]:
    """A lake with one file in it, and what that file came to."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    lake = Lake(folder / "lake")
    (read,) = lake.add([path], source)
    return lake, read


def rows(lake: Lake, *columns: str) -> list[tuple]:
    """These columns of all events of a lake, by the source's own id."""
    found = duckdb.read_parquet(lake.parts("events"), hive_partitioning=True)
    return found.order("event").select(", ".join(columns)).fetchall()


def test_gdelt_of_three_widths_in_one_file(tmp_path):
    """Each line is read by its own width, and its source says which version it is of."""
    pair = ("RUS", "AUS")
    text = (
        demo_rows.gdelt(1, "20240306", DAY, pair, "040", "", width=57)
        + demo_rows.gdelt(2, "20240306", DAY, pair, "043", URL, width=58)
        + demo_rows.gdelt(3, "20240306001500", DAY, pair, "190", URL, width=61)
    )
    lake, read = added(tmp_path, "mixed.csv", text)
    assert (read.rows, read.read, read.source) == (3, 3, "gdelt1+gdelt2")
    assert rows(lake, "source", "code", "place", "story") == [
        ("gdelt1", "040", "RUS", "20240306/04/AUS/RUS"),
        ("gdelt1", "043", "RUS", URL),
        ("gdelt2", "190", "RUS", URL),
    ]


def test_gdelt_rows_without_a_real_address_are_one_story_a_day_and_root(tmp_path):
    """What stands there instead of an address is shared by thousands of rows that have no more."""
    text = demo_rows.gdelt(1, "20240306001500", DAY, ("USA", "RUS"), "043", "unspecified")
    lake, _ = added(tmp_path, "a.csv", text)
    assert rows(lake, "story") == [("20240306/04/RUS/USA",)]


def test_the_totals_of_gdelt(tmp_path):
    """The world's and each country's, by day; places are FIPS codes here too."""
    lake, read = added(tmp_path, "norm.csv", "20240306,RS,12\n20240306,AS,7\n")
    assert read.read == 2
    found = duckdb.read_parquet(lake.parts("norm"), hive_partitioning=False).order("events")
    assert found.select("place, events").fetchall() == [("AUS", 7), ("RUS", 12)]


def test_icews_with_open_quotes_and_lost_noughts(tmp_path):
    """A quote means nothing there, codes get their nought back, one id may stand for two dates."""
    text = demo_rows.icews([(DAY, ("RUS", "GBR"), "51"), (DAY, ("RUS", "GBR"), "173")])
    lake, read = added(tmp_path, "events.2024.tab", text)
    assert (read.rows, read.read, read.rejected) == (2, 2, {})
    assert rows(lake, "actor", "target", "place", "code", "quad", "event") == [
        ("RUS", "GBR", "RUS", "051", 1, "20000000/2024-03-06"),
        ("RUS", "GBR", "RUS", "173", 4, "20000001/2024-03-06"),
    ]


def test_icews_of_the_year_with_other_dates(tmp_path):
    """The file of 2017 writes 12/1/2017, month first."""
    text = demo_rows.icews([(DAY, ("RUS", "GBR"), "051")]).replace("2024-03-06", "12/1/2017")
    lake, _ = added(tmp_path, "a.tab", text)
    assert rows(lake, "added") == [(date(2017, 12, 1),)]


def test_polecat_with_further_columns_and_empty_ends(tmp_path):
    """Extra names, empty trailing cells, «None» and several countries in a cell are all read."""
    text = demo_rows.polecat(
        [(DAY, ("USA", "RUS"), "041"), (DAY, ("USA", "RUS"), "0841")], trailing=3
    )
    lake, read = added(tmp_path, "week.txt", text)
    assert (read.rows, read.read) == (2, 2)
    assert rows(lake, "actor", "target", "code", "place") == [
        ("USA", "RUS", "041", "USA"),
        ("USA", "RUS", "0841", "USA"),
    ]


def test_polecat_that_says_event_intensity(tmp_path):
    """The column of the scale has two names."""
    text = demo_rows.polecat([(DAY, ("USA", "RUS"), "041")]).replace(
        "Intensity", "Event Intensity", 1
    )
    lake, _ = added(tmp_path, "week.txt", text)
    assert rows(lake, "scale") == [(2.0,)]


def test_acled_with_its_byte_order_mark_and_notes_over_two_lines(tmp_path):
    """Records are counted, not lines; forces of a state are of that country, others of none."""
    text = demo_rows.acled([(DAY, ("RUS", "UKR"), "190"), (DAY, ("UKR", "RUS"), "190")])
    text = text.replace(
        "Military Forces of Ukraine (2000-)", "Unidentified Armed Group (Somewhere)", 1
    )
    lake, read = added(tmp_path, "acled.csv", text)
    assert (read.rows, read.read, read.licence) == (2, 2, "acled")
    assert rows(lake, "actor", "target", "place", "code", "quad") == [
        ("RUS", "", "RUS", "190", 4),
        ("UKR", "RUS", "UKR", "190", 4),
    ]


@pytest.mark.parametrize("headless", [False, True])
def test_ucdp_with_and_without_its_header(tmp_path, headless):
    """The first line is a row when it has no names in it; governments are of their country."""
    text = demo_rows.ucdp([(DAY, ("RUS", "UKR"), ""), (DAY, ("IRN", "IRQ"), "")], headless=headless)
    text = text.replace("Government of Russia", "Government of Russia (Soviet Union)")
    lake, read = added(tmp_path, "ged.csv", text)
    assert (read.rows, read.read, read.source) == (2, 2, "ucdp")
    assert rows(lake, "actor", "target", "code", "added") == [
        ("RUS", "UKR", "190", DAY),
        ("IRN", "IRQ", "190", DAY),
    ]


MAPPING = """
source = "ours"
delimiter = ";"
date = "%d.%m.%Y"
countries = "name"
places = "fips"
[columns]
added = "when"
actor = "who"
target = "whom"
place = "where"
code = "what"
scale = "how"
"""


def test_any_csv_with_a_mapping(tmp_path):
    """A file of one's own becomes the same normal form, with no code written for it."""
    (tmp_path / "ours.toml").write_text(MAPPING, encoding="utf-8")
    text = "when;who;whom;where;what;how\n06.03.2024;Russia;Türkiye;RS;0841;1.5\n"
    lake, read = added(tmp_path, "ours.csv", text, str(tmp_path / "ours.toml"))
    assert (read.source, read.licence) == ("ours", "own")
    assert rows(lake, "added", "actor", "target", "place", "code", "scale", "story") == [
        (DAY, "RUS", "TUR", "RUS", "0841", 1.5, "line 2")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source = 1 2", "not TOML"),
        ('source = "ours"\n[columns]\nactor = "a"', "no column for added; no column for target"),
        (MAPPING.replace('"ours"', '"not one word"'), "source must be one word"),
        (MAPPING.replace('"fips"', '"stars"'), "countries and places are one of"),
        (MAPPING.replace('";"', '"::"'), "delimiter is one character"),
        (f'licence = "mine"{MAPPING}', "licence is one of"),
        (f"{MAPPING}colour = 'c'", "unknown column colour"),
        (f"colour = 'c'\n{MAPPING}", "unknown key colour"),
    ],
)
def test_a_mapping_that_says_nonsense_is_named(tmp_path, text, said):
    """Every mistake of a mapping file is told before any row is read."""
    path = tmp_path / "ours.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LocalError, match=said) as caught:
        mapped.read(path)
    assert caught.value.refusal is Refusal.MALFORMED


def test_a_mapping_that_is_not_there(tmp_path):
    """A path without a file is told as such."""
    with pytest.raises(LocalError) as caught:
        mapped.read(tmp_path / "none.toml")
    assert caught.value.refusal is Refusal.NOT_FOUND


def test_a_column_that_the_mapping_names_and_the_file_lacks(tmp_path):
    """The file is refused whole, and the error names the column."""
    (tmp_path / "ours.toml").write_text(MAPPING, encoding="utf-8")
    _, read = added(
        tmp_path, "ours.csv", "when;who\n06.03.2024;Russia\n", str(tmp_path / "ours.toml")
    )
    assert read.failed == "ours.csv: line 1, column 1: no column whom"


def test_a_format_nobody_knows(tmp_path):
    """Told at once, with what to do about it."""
    with pytest.raises(LocalError, match="no format known here; write a mapping file"):
        known.form_of(tmp_path / "a.csv", ["a;b;c", "1;2;3"])
