"""The lake: files are read once, in bounded slices, and what a crash leaves behind is not in it."""

import json
import zipfile
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from detente.trends import demo_rows, lake
from detente.trends.lake import Lake

MONDAY = date(2024, 3, 4)


def text(rows: int, *, first: int = 0, year: int = 2024) -> str:
    """So many rows of GDELT, one a day from a Monday on."""
    monday = MONDAY.replace(year=year)
    return "".join(
        demo_rows.gdelt(
            number,
            f"{monday + timedelta(days=number % 28):%Y%m%d}001500",
            monday + timedelta(days=number % 28),
            ("RUS", "USA"),
            "040",
            f"https://example.org/{number}",
        )
        for number in range(first, first + rows)
    )


def written(path: Path, content: str) -> Path:
    """A file with this text."""
    path.write_text(content, encoding="utf-8")
    return path


def held(one: Lake) -> int:
    """How many events a lake has."""
    parts = one.parts("events")
    return len(duckdb.read_parquet(parts).fetchall()) if parts else 0


def test_a_file_is_read_once_under_whatever_name(tmp_path):
    """The digest of its bytes says that it is held; a second copy adds nothing."""
    one = Lake(tmp_path / "lake")
    (first,) = one.add([written(tmp_path / "a.csv", text(10))])
    (again,) = one.add([written(tmp_path / "copy.csv", text(10))])
    assert again == first
    assert (held(one), len(one.files())) == (10, 1)


def test_more_files_are_added_to_what_is_held(tmp_path):
    """A later run reads the new ones alone, and a lake opened anew knows them all."""
    paths = [written(tmp_path / f"{n}.csv", text(10, first=10 * n)) for n in range(3)]
    Lake(tmp_path / "lake").add(paths[:2])
    found = Lake(tmp_path / "lake").add(paths)
    assert [one.path for one in found] == ["0.csv", "1.csv", "2.csv"]
    assert [one.path for one in Lake(tmp_path / "lake").files()] == ["0.csv", "1.csv", "2.csv"]
    assert held(Lake(tmp_path / "lake")) == 30


def test_what_a_file_came_to(tmp_path):
    """Its digest, its span and its source, as they were when it was read."""
    path = written(tmp_path / "a.csv", text(10))
    (read,) = Lake(tmp_path / "lake").add([path])
    assert read.first == MONDAY
    assert read.last == MONDAY + timedelta(days=9)
    assert Lake(tmp_path / "lake").files() == [read]


def test_parts_lie_by_source_and_year(tmp_path):
    """Other engines find them as they find any partitioned table."""
    one = Lake(tmp_path / "lake")
    one.add([written(tmp_path / "a.csv", text(3) + text(3, first=3, year=2025))])
    folders = {Path(part).parent.relative_to(one.root).as_posix() for part in one.parts("events")}
    assert folders == {"events/source=gdelt2/year=2024", "events/source=gdelt2/year=2025"}


@pytest.mark.parametrize("broken", [False, True])
def test_large_files_are_read_in_slices(tmp_path, monkeypatch, broken):
    """However many parts a file is cut into, it is in the lake whole or not at all."""
    monkeypatch.setattr(lake, "GROUP_BYTES", 1 << 16)
    monkeypatch.setattr("detente.trends.readers.opening.CHUNK_BYTES", 1 << 15)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", text(1000))
    if broken:
        raw = bytearray(path.read_bytes())
        raw[len(raw) - 2000] ^= 0xFF
        path.write_bytes(raw)
    one = Lake(tmp_path / "lake")
    (read,) = one.add([path])
    if broken:
        assert (read.rows, held(one)) == (0, 0)
        assert [*one.root.glob("**/*.parquet")] == []
        assert "damaged zip" in read.failed
    else:
        assert (read.rows, read.read, held(one)) == (1000, 1000, 1000)
        assert len(one.parts("events")) > 1


def test_what_a_slice_held_is_given_back_before_the_next(tmp_path, monkeypatch):
    """However many slices a file has, the engine holds no more than for one of them."""
    monkeypatch.setattr(lake, "GROUP_BYTES", 1 << 20)
    monkeypatch.setattr("detente.trends.readers.opening.CHUNK_BYTES", 1 << 18)
    held_bytes = []
    write = Lake._write

    def asked(self, db, table, name):
        tables = "FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
        held_bytes.extend(db.execute(f"SELECT memory_usage_bytes {tables}").fetchone())
        return write(self, db, table, name)

    monkeypatch.setattr(Lake, "_write", asked)
    (read,) = Lake(tmp_path / "lake").add([written(tmp_path / "a.csv", text(25_000))])
    assert read.read == 25_000
    assert len(held_bytes) > 4
    assert max(held_bytes) < 2 * held_bytes[0]


def test_the_same_files_give_the_same_rows_in_any_order(tmp_path):
    """Nothing depends on which file came first or on how they were grouped."""
    paths = [written(tmp_path / f"{n}.csv", text(50, first=50 * n)) for n in range(3)]
    one, other = Lake(tmp_path / "one"), Lake(tmp_path / "other")
    one.add(paths)
    for path in reversed(paths):
        other.add([path])
    rows = [sorted(duckdb.read_parquet(each.parts("events")).fetchall()) for each in (one, other)]
    assert rows[0] == rows[1]


def test_what_is_not_in_the_list_is_not_in_the_lake(tmp_path):
    """A part that a crash left behind is ignored, and written over when its file is read again."""
    one = Lake(tmp_path / "lake")
    path = written(tmp_path / "a.csv", text(10))
    one.add([path])
    (one.root / "lake.json").write_text(json.dumps({"files": [], "parts": []}), encoding="utf-8")
    assert held(one) == 0
    one.add([path])
    assert held(one) == 10
    assert len([*one.root.glob("events/**/*.parquet")]) == 1


def test_progress_reaches_the_end_and_never_goes_back(tmp_path):
    """Bytes read of bytes in all; the last word is the whole."""
    told: list[tuple[int, int]] = []
    paths = [written(tmp_path / f"{n}.csv", text(200, first=n)) for n in range(3)]
    Lake(tmp_path / "lake").add(paths, progress=lambda done, total: told.append((done, total)))
    total = sum(path.stat().st_size for path in paths)
    assert told[-1] == (total, total)
    assert told == sorted(told)


def test_an_empty_file_is_held_and_has_no_row(tmp_path):
    """A quarter of an hour in which nothing was added is published as an empty file."""
    (read,) = Lake(tmp_path / "lake").add([written(tmp_path / "20240304001500.export.CSV", "")])
    assert (read.rows, read.failed) == (0, "")
