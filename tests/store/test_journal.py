"""The journal: notes in order, a tree over them, words that can be destroyed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from detente.core.body import commit
from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.core.leaf import decode_leaf
from detente.core.limits import BODY_BYTES_MAX
from detente.core.merkle import EMPTY_ROOT, Frontier, inclusion_path, leaf_hash, verify_inclusion
from detente.store.journal import NOTE, Journal, Note, NoteRow, canonical_json


class MemoryRows:
    """The rows of a journal in memory."""

    def __init__(self) -> None:
        self.rows: list[NoteRow] = []

    def size(self) -> int:
        return len(self.rows)

    def put(self, row: NoteRow) -> None:
        self.rows.append(row)

    def get(self, start: int, stop: int) -> list[NoteRow]:
        return self.rows[start:stop]

    def tree(self, index: int) -> tuple[bytes, bytes] | None:
        found = self.rows[index : index + 1]
        return (found[0].hash, found[0].subtrees) if found else None

    def find(self, digest: bytes) -> int | None:
        return next((row.index for row in self.rows if row.hash == digest), None)

    def drop(self, index: int) -> None:
        self.rows[index] = self.rows[index]._replace(salt=None, body=None)


def refusal(call: Callable[[], object], kind: type[DetenteError] = LocalError) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


def memory() -> tuple[Journal, MemoryRows]:
    rows = MemoryRows()
    return Journal(rows, lambda count: bytes((len(rows.rows) + 1,)) * count), rows


def filled(journal: Journal, count: int) -> list[Note]:
    return [journal.append("sign-in", 100 + n, {"who": f"officer {n}"}) for n in range(count)]


# --- the format ---------------------------------------------------------------------------------


def test_a_note_is_a_leaf_that_commits_to_canonical_json() -> None:
    """Kind NOTE, no audience, the word in the open, and a commitment that salt and body open."""
    journal, rows = memory()
    note = journal.append("release", 7, {"b": [1, None, True, "й"], "a": {"z": -1, "y": ""}})
    (row,) = rows.rows
    assert row.body == '{"a":{"y":"","z":-1},"b":[1,null,true,"й"]}'.encode()
    leaf = decode_leaf(row.raw)
    assert (leaf.kind, leaf.audience, leaf.extra, leaf.time_s) == (NOTE, 0, b"release", 7)
    assert leaf.commitment == commit(row.salt, row.body)
    assert note.hash == leaf_hash(row.raw)
    assert note == Note(0, note.hash, "release", 7, json.loads(row.body))


def test_the_tree_over_the_notes_is_an_rfc_6962_tree() -> None:
    """Root and inclusion of every note check as those of any log."""
    journal, rows = memory()
    assert journal.root() == EMPTY_ROOT
    frontier = Frontier()
    for size, note in enumerate(filled(journal, 13), 1):
        frontier.append(note.hash)
        assert note.index == size - 1
    assert journal.root() == frontier.root()
    for row in rows.rows:
        path = inclusion_path(journal.subtree, row.index, 13)
        verify_inclusion(row.hash, row.index, 13, path, journal.root())
    assert refusal(lambda: journal.subtree(0, 13)) is Refusal.NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "at_s", "data"),
    [
        ("", 0, {}),
        ("Release", 0, {}),
        ("a b", 0, {}),
        ("x" * 65, 0, {}),
        ("alarm", -1, {}),
        ("alarm", 1 << 40, {}),
        ("alarm", 0, {"half": 0.5}),
        ("alarm", 0, {"deep": [{"bytes": b""}]}),
        ("alarm", 0, {1: "number"}),
        ("alarm", 0, {"lone": "\ud800"}),
    ],
)
def test_what_cannot_be_said_twice_the_same_is_not_noted(kind, at_s, data) -> None:
    """Other words, times and values than canonical JSON has are refused, and leave no note."""
    journal, _ = memory()
    assert refusal(lambda: journal.append(kind, at_s, data)) is Refusal.USAGE
    assert journal.size() == 0


def test_a_note_has_the_bounds_of_a_body() -> None:
    """The longest note fits, one byte more does not."""
    journal, _ = memory()
    room = BODY_BYTES_MAX - len(canonical_json({"text": ""}))
    journal.append("draft", 0, {"text": "x" * room})
    too_long = {"text": "x" * (room + 1)}
    assert refusal(lambda: journal.append("draft", 0, too_long)) is Refusal.OVERSIZE


@pytest.mark.parametrize("field", ["raw", "body", "hash"])
def test_a_damaged_note_is_not_read(field: str) -> None:
    """A row whose leaf, hash or body no longer fit together is the disk's fault."""
    journal, rows = memory()
    filled(journal, 1)
    rows.rows[0] = rows.rows[0]._replace(**{field: b"\x00" * 32})
    assert refusal(lambda: journal.read(0, 1), MachineError) is Refusal.DISK


def test_a_row_that_is_no_leaf_is_not_read() -> None:
    """Bytes with the right hash that do not decode are damage as well."""
    journal, rows = memory()
    filled(journal, 1)
    rows.rows[0] = rows.rows[0]._replace(raw=b"void", hash=leaf_hash(b"void"))
    assert refusal(lambda: journal.read(0, 1), MachineError) is Refusal.DISK


# --- in every store -----------------------------------------------------------------------------


def test_notes_are_there_after_a_restart(stores) -> None:
    """Notes come back in order with their tree, found by range or by the hash a leaf names."""
    notes = filled(stores.open().journal, 5)
    journal = stores.again().journal
    assert journal.read(0, 99) == notes
    assert journal.read(2, 4) == notes[2:4]
    assert journal.read(4, 2) == []
    assert journal.find(notes[3].hash) == notes[3]
    assert journal.find(bytes(32)) is None
    frontier = Frontier()
    for note in notes:
        frontier.append(note.hash)
    assert journal.root() == frontier.root()
    assert journal.append("hand-over", 900, {}).index == 5
    assert stores.read().journal.size() == 6


def test_a_note_shares_the_fate_of_the_transaction(stores) -> None:
    """Within a transaction a note is kept or forgotten with it."""
    store = stores.open()
    store.begin()
    filled(store.journal, 2)
    assert store.journal.size() == 2
    store.rollback()
    assert (store.journal.size(), store.journal.root()) == (0, EMPTY_ROOT)
    store.begin()
    kept = filled(store.journal, 1)
    store.commit()
    assert stores.again().journal.read(0, 9) == kept


def test_a_purged_note_leaves_its_leaf(stores) -> None:
    """What it said is gone for good; that it was written, and the root, stay."""
    store = stores.open()
    notes = filled(store.journal, 3)
    root = store.journal.root()
    store.journal.purge(1)
    for missing in (-1, 3):
        call = lambda missing=missing: store.journal.purge(missing)  # noqa: E731
        assert refusal(call) is Refusal.NOT_FOUND
    journal = stores.again().journal
    gone = Note(1, notes[1].hash, "sign-in", 101, None)
    assert journal.read(0, 3) == [notes[0], gone, notes[2]]
    assert journal.root() == root
