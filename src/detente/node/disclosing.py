"""The record of who authorised an entry, as a file for auditors (spec/authorisation.md §5)."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING, Any

from detente.core.encoding import b64
from detente.core.errors import LocalError, Refusal
from detente.node import asked
from detente.node.places import find_entry, find_line
from detente.node.releasing import COUNTERSIGNED, Request
from detente.store.journal import Journal
from detente.store.sqlite import open_read_only

if TYPE_CHECKING:
    from detente.node.node import Node

FIRST_LINE = "detente authorisation record v1"
PAGE_NOTES = 500


def disclose(node: Node, request: Request) -> asked.Apart:
    """The note that an entry of ours names, and those that countersign it, with what opens them.
    LocalError NOT_FOUND where there is none, PURGED where it was purged."""
    line = find_line(node.station, request.get("line"))
    entry = find_entry(line, asked.text(request, "entry"))
    digest = None if entry.leaf is None else entry.leaf.release
    if digest is None or entry.place.log.member != line.me:
        raise LocalError(Refusal.NOT_FOUND, "this entry names no record of ours")
    home = node.home

    def work() -> dict[str, Any]:
        with closing(open_read_only(home.store, home.keys.store)) as store:
            notes = _notes(store.journal, digest)
        rows = "".join(f"{' '.join(map(b64, note))}\n" for note in notes)
        data = f"{FIRST_LINE}\n{rows}".encode()
        return {"record_b64": base64.b64encode(data).decode(), "notes": len(notes)}

    return asked.Apart(work)


def _notes(journal: Journal, digest: bytes) -> list[tuple[bytes, bytes, bytes]]:
    first = journal.find(digest)
    if first is None:
        raise LocalError(Refusal.NOT_FOUND, "this journal has no record of that hash")
    if first.data is None:
        raise LocalError(Refusal.PURGED, "the record was purged")
    found = [first.index]
    for start in range(first.index + 1, journal.size(), PAGE_NOTES):
        for note in journal.read(start, start + PAGE_NOTES):
            said = note.data or {}
            if note.kind == COUNTERSIGNED and said.get("note") == digest.hex():
                found.append(note.index)
    return [journal.opening(index) for index in found]
