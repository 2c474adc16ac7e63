"""`detente courier` with paper: pages out, scanned lines in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detente.bearers import paper
from detente.cli import asking, courier

WROTE = {"number": 1, "bytes": 7000, "mute": False, "more": False}
TOOK = {
    "number": 1,
    "written_s": 1_770_282_000,
    "entries": 2,
    "again": False,
    "chunks": 1,
    "lost_chunks": [],
    "missing": [],
    "missing_bodies": 0,
    "missing_attachments": 0,
    "arriving": [],
    "refused": [],
    "unread": False,
    "mute": False,
    "held_of_ours": 3,
}


@pytest.fixture
def file(tmp_path: Path, fake: Any) -> Path:
    """A file that the node wrote."""
    path = tmp_path / "1.detente"
    path.write_bytes(bytes(range(250)) * 28)
    fake.answers["courier_out"] = WROTE | {"path": str(path)}
    return path


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files that the node was given to take in."""
    found: list[bytes] = []

    def call(_home: Path, request: dict[str, Any], _timeout_s: float) -> Any:
        found.extend(Path(path).read_bytes() for path in request["paths"])
        return [TOOK | {"path": path} for path in request["paths"]]

    monkeypatch.setattr(asking, "call", call)
    return found


def test_out_draws_pages(run: Any, file: Path, tmp_path: Path) -> None:
    """A page file holds each code of the file, and the result says where and how many."""
    folder = tmp_path / "a" / "pages"
    shown = run("--home", "h", "courier", "out", "Bravo", file, "--qr", folder)
    assert shown.exit_code == 0, shown.output
    (page,) = folder.iterdir()
    assert f"13 QR codes on 3 pages: {page}\n" in shown.output
    text = page.read_text(encoding="utf-8")
    assert all(paper.drawn_code(code) in text for code in paper.codes_of(file.read_bytes()))


def test_out_says_how_many_pages_are_too_many(run: Any, file: Path, tmp_path: Path) -> None:
    """The file stays, nothing is drawn, and the exit status is 3."""
    file.write_bytes(bytes(200_000))
    folder = tmp_path / "pages"
    shown = run("--home", "h", "courier", "out", "Bravo", file, "--qr", folder)
    assert shown.exit_code == 3
    assert "TOO LARGE for paper: 58 pages, and 40 are the most" in shown.output
    assert file.exists()
    assert not folder.exists()


def test_out_names_a_folder_that_takes_no_pages(run: Any, file: Path) -> None:
    """A folder below a file is none: a refusal, no traceback."""
    shown = run("--home", "h", "courier", "out", "Bravo", file, "--qr", file / "pages")
    assert shown.exit_code == 2
    assert "cannot write pages to" in shown.output


def test_in_takes_what_was_scanned(
    run: Any, file: Path, tmp_path: Path, taken: list[bytes]
) -> None:
    """Lines of two texts in any order, one repeated, are the file's bytes again."""
    codes = paper.codes_of(file.read_bytes())
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("\ufeff" + "\r\n".join(reversed(codes[5:])), encoding="utf-8")
    other.write_text("\n".join(codes[:6]), encoding="utf-8")
    shown = run("--home", "h", "courier", "in", "--qr", one, other)
    assert shown.exit_code == 0, shown.output
    assert taken == [file.read_bytes()]
    assert f"{codes[0][9:17]}: 13 of 13 QR codes\n" in shown.output
    assert "new entries: 2" in shown.output


def test_in_says_which_codes_are_missing(
    run: Any, file: Path, tmp_path: Path, taken: list[bytes]
) -> None:
    """They are named, the rest is taken in, and the exit status is 3; JSON has their numbers."""
    codes = paper.codes_of(file.read_bytes())
    text = tmp_path / "scans.txt"
    text.write_text("\n".join([*codes[:3], "a till receipt", *codes[4:11]]), encoding="utf-8")
    shown = run("--home", "h", "courier", "in", "--qr", text)
    assert shown.exit_code == 3
    assert f"{codes[0][9:17]}: 10 of 13 QR codes  MISSING: 4, 12, 13\n" in shown.output
    assert "Lines that are no whole code: 1\n" in shown.output
    shown = run("--json", "--home", "h", "courier", "in", "--qr", text)
    (result,) = json.loads(shown.stdout)["files"]
    assert (result["codes"], result["missing_codes"]) == (13, [4, 12, 13])
    assert result["path"] == codes[0][9:17]
    assert taken[0] == taken[1]


def test_in_refuses_texts_that_are_no_scans(
    run: Any, tmp_path: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No code in it, too long, or not there: named, and no node is asked."""
    monkeypatch.setattr(courier, "TEXT_BYTES_MAX", 20)
    text = tmp_path / "scans.txt"
    text.write_text("nothing\n", encoding="utf-8")
    shown = run("--home", "h", "courier", "in", "--qr", text)
    assert "no line is a code" in shown.output
    assert shown.exit_code == 2
    text.write_text("n" * 21, encoding="utf-8")
    assert "at most 20 bytes" in run("--home", "h", "courier", "in", "--qr", text).output
    missing = run("--home", "h", "courier", "in", "--qr", tmp_path / "none.txt")
    assert "no file can be read" in missing.output
    assert taken == []


def test_a_file_for_paper_is_asked_for_without_attachments(
    run: Any, fake: Any, file: Path, tmp_path: Path
) -> None:
    """With `--qr` alone: a file on a medium has them."""
    run("--home", "h", "courier", "out", "Bravo", file, "--qr", tmp_path / "pages")
    run("--home", "h", "courier", "out", "Bravo", file)
    assert [one["bare"] for one in fake.asked] == [True, False]


@pytest.mark.parametrize(
    ("language", "count", "row"),
    [
        ("en", "3 attachments are not whole yet", "12288 of 50000 bytes"),
        ("ru", "неполных вложений: 3", "здесь 12288 из 50000"),
        ("uk", "ще не повних вкладень: 3", "тут 12288 з 50000"),
    ],
)
def test_in_says_how_much_of_attachments_is_here(
    run: Any, fake: Any, tmp_path: Path, language: str, count: str, row: str
) -> None:
    """In words of each language the first few entries; JSON has all, and it is no fault."""
    rest = [{"entry": f"A-{n:04}", "held_bytes": 12288, "bytes": 50_000} for n in range(12)]
    took = TOOK | {"path": "1", "missing_attachments": 3, "arriving": rest}
    fake.answers["courier_in"] = [took]
    shown = run("--lang", language, "--home", "h", "courier", "in", tmp_path / "1")
    assert shown.exit_code == 0, shown.output
    assert count in shown.output
    assert shown.output.count(row) == courier.ARRIVING_ROWS_MAX
    assert "A-0000" in shown.output
    shown = run("--json", "--home", "h", "courier", "in", tmp_path / "1")
    (found,) = json.loads(shown.output)["files"]
    assert (found["missing_attachments"], found["arriving"]) == (3, rest)
