"""Files given beside a proof or a transcript: found by their hash, or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from detente.core.attachment import Attachment, describe, enclose
from detente.core.body import pack
from detente.core.export import EntryLine, Item, LogStart, Shown
from detente.core.leaf import Kind, Leaf
from detente.dossiers import enclosures as checked
from detente.dossiers.dispatch import Dispatch, attachment_form
from detente.dossiers.enclosures import EnclosureShown, enclosures
from detente.dossiers.report import Report, StatementShown

TOLD = describe("map.png", "image/png", b"a file", bytes(32))
TEXT = Dispatch(language="en", dtg_s=1_770_000_000, subject="", text="see").encode()
OURS = ("here/map.png", TOLD.sha256.hex())
OTHER = ("here/other", "00" * 32)


def _line(plain: bytes | None, *, attached: bool = True) -> EntryLine:
    body = b"" if plain is None else pack(plain, None, padding=False)
    leaf = Leaf(Kind.DISPATCH, 1, 3, commitment=bytes(32), attached=attached)
    return EntryLine(0, leaf.encode(), next(iter(Shown)), bytes(16), body)


def _statement(said: dict[str, object] | None) -> StatementShown:
    return StatementShown(
        party="", name="Alpha", member=0, log="a/log", index=4, hash="", kind="dispatch",
        precedence="ROUTINE", drill=False, serial=1, time_s=1, clock_error_s=1, as_of_size=5,
        key="", pq=False, body="opened", said=said, build="",
    )  # fmt: skip


def _read(items: list[Item]) -> object:
    def read_export(chunks: Iterable[bytes]) -> Iterator[Item]:
        assert list(chunks) == [b"the file"]
        return iter(items)

    return read_export


def test_a_file_is_found_in_the_entries_of_a_transcript(monkeypatch: pytest.MonkeyPatch) -> None:
    """By log and index, the first that names it; closed, void, foreign bodies name nothing."""
    named: list[Attachment] = [TOLD]
    items: list[Item] = [
        LogStart(0, "a/log"),
        _line(TEXT, attached=False),
        _line(None),
        EntryLine(0, b"void", next(iter(Shown)), b"", b""),
        _line(b"no list"),
        _line(enclose(named, TEXT)),
        LogStart(0, "b/log"),
        _line(enclose(named, TEXT)),
    ]
    monkeypatch.setattr(checked, "read_export", _read(items))
    found = enclosures(Report("transcript", ok=True), [b"the file"], [OURS, OTHER])
    assert found == [EnclosureShown(*OURS, "map.png", "a/log", 4), EnclosureShown(*OTHER)]


def test_a_file_is_found_in_what_a_proof_says() -> None:
    """A statement without attachments, or without a body, names none."""
    said = {"attachments": [attachment_form(TOLD)]}
    statements = (_statement(None), _statement({}), _statement(said))
    report = Report("proof", ok=True, statements=statements)
    assert enclosures(report, [], [OURS]) == [EnclosureShown(*OURS, "map.png", "a/log", 4)]


def test_of_what_does_not_hold_nothing_is_found() -> None:
    """A report that is not ok vouches for no hash."""
    said = {"attachments": [attachment_form(TOLD)]}
    report = Report("proof", ok=False, statements=(_statement(said),))
    assert enclosures(report, [], [OURS]) == [EnclosureShown(*OURS)]
