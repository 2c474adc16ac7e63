"""Bad input: each line has its named reason with file, line and column, or the file an error."""

import zipfile
from datetime import date
from pathlib import Path

import duckdb
import pytest

from detente.core.errors import LocalError, Refusal
from detente.trends import demo_rows
from detente.trends.lake import FileRead, Lake
from detente.trends.rejects import Reason, Reject

DAY = date(2024, 3, 6)
STAMP = "20240306001500"
GOOD = demo_rows.gdelt(1, STAMP, DAY, ("RUS", "USA"), "040", "https://example.org/a")


def added(folder: Path, content: bytes | str, name: str = "a.csv") -> tuple[Lake, FileRead]:
    """A lake with one file in it, and what that file came to."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    lake = Lake(folder / "lake")
    (read,) = lake.add([path])
    return lake, read


def changed(column: int, cell: str, line: str = GOOD) -> str:
    """A good line with one cell of it altered."""
    cells = line.rstrip("\n").split("\t")
    cells[column - 1] = cell
    return "\t".join(cells) + "\n"


@pytest.mark.parametrize(
    ("line", "column", "reason", "text"),
    [
        (GOOD.rsplit("\t", 1)[0] + "\n", 61, Reason.COLUMNS, None),
        (GOOD.rstrip("\n") + "\tmore\n", 62, Reason.COLUMNS, "more"),
        (changed(2, "20240231"), 2, Reason.DATE, "20240231"),
        (changed(60, "20240306"), 60, Reason.DATE, "20240306"),
        (changed(2, "20240308"), 2, Reason.FUTURE, "20240308"),
        (changed(8, "RSX"), 8, Reason.ACTOR, "RSX"),
        (changed(18, "??"), 18, Reason.ACTOR, "??"),
        (changed(54, "ZZ"), 54, Reason.PLACE, "ZZ"),
        (changed(27, "999"), 27, Reason.CODE, "999"),
        (changed(27, ""), 27, Reason.CODE, ""),
        (changed(30, "5"), 30, Reason.QUAD, "5"),
        (changed(31, "much"), 31, Reason.NUMBER, "much"),
    ],
)
def test_a_line_is_rejected_with_its_reason_and_place(tmp_path, line, column, reason, text):
    """The line between two good ones is named by line, column and cell; the others are read."""
    lake, read = added(tmp_path, GOOD + line + GOOD)
    assert (read.rows, read.read, read.rejected) == (3, 2, {reason.value: 1})
    (reject,) = lake.rejects()
    assert (reject.path, reject.line, reject.column, reject.reason) == ("a.csv", 2, column, reason)
    if text is not None:
        assert reject.text == text


def test_a_wrong_encoding_is_a_named_reject(tmp_path):
    """A byte that is not UTF-8 spoils its line and no other; the place of it is told."""
    spoilt = changed(7, "C\N{LATIN SMALL LETTER O WITH CIRCUMFLEX}TE").encode("latin-1")
    lake, read = added(tmp_path, GOOD.encode() + spoilt)
    assert (read.read, read.rejected) == (1, {"not-utf-8": 1})
    (reject,) = lake.rejects()
    assert (reject.line, reject.column) == (2, 7)


def test_letters_of_any_script_are_no_wrong_encoding(tmp_path):
    """What is UTF-8 is read, cut between two chunks or not."""
    _, read = added(tmp_path, changed(7, "РОССИЯ 日本"))
    assert read.read == 1


def test_sixteen_bits_are_told_as_such(tmp_path):
    """A file that a spreadsheet saved as Unicode text is refused whole, with the way out."""
    _, read = added(tmp_path, GOOD.encode("utf-16"))
    assert read.failed == "a.csv: line 1, column 1: UTF-16; save it as UTF-8"


def test_no_text_at_all(tmp_path):
    """A picture by mistake is refused at the line of its first nought byte."""
    _, read = added(tmp_path, GOOD.encode() + b"\x89PNG\0")
    assert read.failed == "a.csv: line 2, column 1: not text"


def test_ends_of_line_of_either_kind_and_empty_lines(tmp_path):
    """CRLF and a last line without an end are the same lines; empty ones are none."""
    _, read = added(tmp_path, GOOD.replace("\n", "\r\n") + "\r\n\n" + GOOD.rstrip("\n"))
    assert (read.rows, read.read) == (2, 2)


def test_a_carriage_return_belongs_to_an_end_of_line_or_to_its_cell(tmp_path):
    """Any number of them before the end are of the end; within a line they are a letter."""
    ends = ("\r\r\n", "\n\r\n", "\r\n\r\r\n")
    short = changed(61, "a\rb").rsplit("\t", 2)[0] + "\t\r\n"
    lake, read = added(tmp_path, "".join(GOOD.rstrip("\n") + end for end in ends) + short)
    assert (read.rows, read.read) == (4, 3)
    (reject,) = lake.rejects()
    assert (reject.line, reject.column, reject.reason) == (6, 61, Reason.COLUMNS)
    assert not reject.text.endswith("\r")
    stories = duckdb.read_parquet(lake.parts("events")).project("story").distinct().fetchall()
    assert stories == [("https://example.org/a",)]


def test_a_carriage_return_in_a_cell_at_the_head_of_a_file(tmp_path):
    """No line with one is taken for commas, and the form is seen from the others."""
    lake, read = added(tmp_path, changed(8, "U\rA") + GOOD)
    assert (read.rows, read.read) == (2, 1)
    assert lake.rejects() == [Reject("a.csv", 1, 8, Reason.ACTOR, "U\rA")]


def test_cells_are_the_same_wherever_a_file_is_cut(tmp_path, monkeypatch):
    """Of widths mixed, lines too short and blank ones, in pieces smaller than a line or whole."""
    stamp = STAMP[:8]
    text = "".join(
        demo_rows.gdelt(
            n,
            STAMP if width == 61 else stamp,
            DAY,
            ("RUS", "USA"),
            "040",
            f"http://{n}",
            width=width,
        )
        + "\r\n" * (n % 2)
        for n, width in enumerate((61, 57, 58, 61, 58) * 4)
    )
    text += "short\tline\n" + changed(27, "999") + changed(7, "é") + GOOD.rstrip("\n")
    found = []
    for size in (100, 1 << 20):
        monkeypatch.setattr("detente.trends.readers.opening.CHUNK_BYTES", size)
        folder = tmp_path / str(size)
        folder.mkdir()
        lake, read = added(folder, text)
        rows = duckdb.read_parquet(lake.parts("events"), hive_partitioning=True).fetchall()
        found.append((read, lake.rejects(), sorted(rows)))
    assert found[0] == found[1]
    read, rejects, _ = found[0]
    assert (read.rows, read.read) == (24, 22)
    assert [(one.line, one.column, one.text) for one in rejects] == [
        (31, 3, "short line"),
        (32, 27, "999"),
    ]


def test_regions_are_known_and_are_no_country(tmp_path):
    """«Africa» is in CAMEO's list: such a row is read, and belongs to no dyad."""
    _, read = added(tmp_path, changed(8, "AFR"))
    assert read.read == 1


def test_a_day_after_the_file_was_had_is_in_the_future(tmp_path):
    """With the day of access known, rows added later are rejected; without it they cannot be."""
    path = tmp_path / "a.csv"
    path.write_text(GOOD, encoding="utf-8")
    (read,) = Lake(tmp_path / "lake").add([path], accessed=date(2024, 3, 5))
    assert (read.rejected, read.accessed) == ({"future-date": 1}, date(2024, 3, 5))


def zipped(path: Path, *texts: str) -> bytes:
    """A zip of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, text in enumerate(texts):
            archive.writestr(f"{number}.csv", text)
    return path.read_bytes()


def test_a_truncated_zip_gives_no_row_and_says_why(tmp_path):
    """Cut off at its end it has no directory; nothing of it is taken."""
    whole = zipped(tmp_path / "whole.zip", GOOD * 50)
    lake, read = added(tmp_path, whole[:-40], "cut.zip")
    assert read.failed.startswith("cut.zip: line 1, column 1: truncated or damaged zip")
    assert (read.rows, lake.parts("events")) == (0, [])


def test_a_zip_that_breaks_in_the_middle_gives_no_row_either(tmp_path):
    """A checksum that fails after half the rows takes them back; its neighbours are read."""
    whole = bytearray(zipped(tmp_path / "whole.zip", GOOD * 20_000))
    whole[len(whole) // 2] ^= 0xFF
    (tmp_path / "bad.zip").write_bytes(whole)
    (tmp_path / "good.csv").write_text(GOOD, encoding="utf-8")
    (tmp_path / "other.csv").write_text(GOOD + GOOD, encoding="utf-8")
    paths = [tmp_path / name for name in ("good.csv", "bad.zip", "other.csv")]
    good, bad, other = Lake(tmp_path / "lake").add(paths)
    assert (good.read, bad.read, bad.rows, other.read) == (1, 0, 0, 2)
    assert "damaged zip" in bad.failed


def test_a_zip_of_several_files_is_refused(tmp_path):
    """Nobody says which of them is meant."""
    content = zipped(tmp_path / "whole.zip", GOOD, GOOD)
    _, read = added(tmp_path, content, "two.zip")
    assert read.failed == "two.zip: line 1, column 1: a zip of 2 files; zip one"


def test_an_unclosed_quote_is_told_with_its_line(tmp_path):
    """In a quoted format the rest of the file would be one cell."""
    text = demo_rows.acled([(DAY, ("RUS", "USA"), "190")] * 3)
    text = text[: text.rindex('"')] + "x" * 200_000
    _, read = added(tmp_path, text)
    assert read.failed.startswith("a.csv: line ")
    assert "unclosed quote or overlong cell" in read.failed


def test_a_line_without_an_end_is_no_line(tmp_path, monkeypatch):
    """Sixteen megabytes without an end of line are refused instead of kept in memory."""
    monkeypatch.setattr("detente.trends.readers.opening.LINE_BYTES_MAX", 1000)
    monkeypatch.setattr("detente.trends.readers.opening.CHUNK_BYTES", 900)
    _, read = added(tmp_path, changed(61, "x" * 5000))
    assert "no end of line" in read.failed


def test_a_path_without_a_file(tmp_path):
    """Nothing is read before every path was looked at."""
    with pytest.raises(LocalError, match="no file") as caught:
        Lake(tmp_path / "lake").add([tmp_path / "none.csv"])
    assert caught.value.refusal is Refusal.NOT_FOUND


def test_a_short_record_of_a_quoted_format(tmp_path):
    """It is named by the line it begins on, though its neighbours go over two."""
    text = demo_rows.acled([(DAY, ("RUS", "USA"), "190")] * 2) + "short,record\n"
    lake, read = added(tmp_path, text)
    assert (read.rows, read.read) == (3, 2)
    assert lake.rejects() == [Reject("a.csv", 6, 3, Reason.COLUMNS, "short record")]
