"""Whether files given beside a proof or a transcript are attachments that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from detente.core.body import unpack
from detente.core.errors import PeerError
from detente.core.export import EntryLine, LogStart, read_export
from detente.core.wire import lenient
from detente.dossiers.dispatch import read_message
from detente.dossiers.report import Report

Named = tuple[str, str, int]  # as its author called it, log, index


@dataclass(frozen=True, slots=True)
class EnclosureShown:
    """A file as it was given, and where the checked file names its hash; ``log`` is empty where it
    does not."""

    file: str
    sha256: str
    name: str = ""  # as its author called it
    log: str = ""
    index: int = 0


def enclosures(
    report: Report, data: Iterable[bytes], given: Iterable[tuple[str, str]]
) -> list[EnclosureShown]:
    """Each (file, SHA-256 in hex) beside what ``data`` names, which the report has checked: of a
    report that is not ok nothing is found."""
    named: dict[str, Named] = {}
    if report.ok:
        found = _of_transcript(data) if report.what == "transcript" else _of_statements(report)
        for digest, where in found:
            named.setdefault(digest, where)
    return [EnclosureShown(file, digest, *named.get(digest, ("", "", 0))) for file, digest in given]


def _of_statements(report: Report) -> Iterator[tuple[str, Named]]:
    for one in report.statements:
        files = cast("list[dict[str, str]]", (one.said or {}).get("attachments", []))
        for file in files:
            yield file["sha256"], (file["name"], one.log, one.index)


def _of_transcript(data: Iterable[bytes]) -> Iterator[tuple[str, Named]]:
    log, index = "", 0
    for item in read_export(data):
        if isinstance(item, LogStart):
            log, index = item.origin, 0
        if not isinstance(item, EntryLine):
            continue
        leaf = lenient(item.raw)
        if leaf is not None and leaf.attached and item.body:
            with suppress(PeerError):  # a body that opens to no message names nothing
                for one in read_message(leaf, unpack(item.body))[1]:
                    yield one.sha256.hex(), (one.name, log, index)
        index += 1
