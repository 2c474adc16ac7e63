"""What a lying disk kept of some commits and lost of others: named, derived again, or harmless."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from detente.core.attachment import Progress, describe, seal
from detente.core.errors import LocalError, MachineError
from detente.core.events import (
    Effect,
    OpenAttachments,
    StageChunks,
    StoreChunks,
    StoreCosignature,
    StoreLine,
)
from detente.core.leaf import Kind, LogId, Seen
from detente.core.limits import CHUNK_BYTES
from detente.core.transcript import Place
from detente.store.database import FILE_NAME
from detente.store.sqlite import SqliteStore, open_store

LINE = bytes(range(32))
KEY = bytes(range(32))
MASTER = b"\x07" * 32
LOG, OTHER = LogId(0, 0, b""), LogId(1, 0, b"")
DATA = bytes(at % 251 for at in range(2 * CHUNK_BYTES + 7))


def keep(store: SqliteStore, *effects: Effect) -> None:
    store.begin()
    for effect in effects:
        store.apply(effect)
    store.commit()


def raw(folder: Path, *steps: str) -> None:
    """Statements past the store, each as another program would do it."""
    for sql in steps:
        with closing(apsw.Connection(str(folder / FILE_NAME))) as connection:
            connection.execute(sql).fetchall()


@pytest.fixture
def folder(tmp_path: Path, author) -> Iterator[Path]:
    """A closed store: two logs, two attachments of which one is here, three notes."""
    path, boxes = tmp_path / "store", tuple(seal(DATA, KEY))
    told = tuple(describe("map.png", "image/png", data, KEY) for data in (DATA, DATA + b"x"))
    first, second = author(), author(1)
    seen = (Seen(OTHER, 1, bytes(32), 5),)
    with closing(open_store(path, MASTER)) as store:
        keep(store, StoreLine(LINE, b"a charter", 0), StageChunks(LINE, told[0].root, boxes))
        keep(store, first.say(attached=True), OpenAttachments(LINE, LOG, 0, told, 1))
        keep(store, second.say(), first.say(2, seen=seen, refs=(bytes(32),), kind=Kind.MARK))
        keep(store, StoreCosignature(LINE, LOG, 1, "cosigner", 1, 7, bytes(64)))
        for word in ("one", "two", "three"):
            store.journal.append(word, 1, {})
        assert store.damage() == ""
    return path


_LAST = "WHERE id = (SELECT max(id) FROM entry)"


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (f"DELETE FROM entry {_LAST}", "log 2 does not end at its 1 entries"),
        ("UPDATE log SET size = 2 WHERE number = 1", "log 1 does not end at its 2 entries"),
        ("UPDATE log SET size = 0 WHERE number = 2", "log 2 does not end at its 0 entries"),
        ("DELETE FROM head WHERE id & 255 = 3", "log 1 does not end at its 3 entries"),
        ("INSERT INTO body_key VALUES (2 << 40 | 1, x'00')", "log 2 does not end at its 1"),
        ("DELETE FROM log WHERE number = 2", "rows of «entry» name a log that is not there"),
        ("UPDATE attachment SET entry = 9 << 40", "1 rows of «attachment»"),
    ],
)
def test_a_log_with_another_end_than_it_says_is_no_start(folder: Path, harm: str, named) -> None:
    """A few reads name what would stop the node at the next entry of that log, again and again."""
    raw(folder, harm)
    with pytest.raises(MachineError, match=f"this store is damaged: {named}"):
        open_store(folder, MASTER)


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ("UPDATE log SET number = 9 WHERE number = 1", "rows of «entry_hash»|log 9 has 0 of its 3"),
        ("DELETE FROM body_key WHERE id = 1 << 40", "1 bodies are without their key"),
        ("UPDATE entry SET body = NULL WHERE id = 1 << 40", "1 bodies are without their key"),
        ("DELETE FROM cosigner", "rows of «cosignature» name what is not there in «cosigner»"),
        ("DELETE FROM note_key WHERE idx = 0", "1 notes are without their key"),
        ("DELETE FROM note WHERE idx = 1", "rows of «note_key»"),
        ("DELETE FROM note WHERE idx = 1; DELETE FROM note_key WHERE idx = 1", "1 notes are not"),
        ("DELETE FROM attachment WHERE number = 0", "1 attachments stand behind one"),
        ("DELETE FROM chunk WHERE id & 255 = 1", "1 attachments are without some"),
        ("DELETE FROM entry_hash WHERE id = 1 << 40 | 2", "1 entries are not found by their hash"),
    ],
)
def test_what_one_commit_wrote_in_two_tables_is_looked_for_in_both(folder, harm, named) -> None:
    """Whoever looks the whole store through is told of each half that is alone."""
    with closing(open_store(folder, MASTER)) as store:
        raw(folder, harm)
        assert re.match(named, store.damage())


_STALE = """PRAGMA writable_schema = ON;
CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'entry_kind';
DELETE FROM sqlite_schema WHERE name = 'entry_kind'"""
_BACK = """PRAGMA writable_schema = ON;
INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept"""


@pytest.mark.parametrize(
    "harm",
    [
        ("DELETE FROM entry_hash WHERE id = 1 << 40 | 2",),
        ("DELETE FROM ref",),
        ("INSERT INTO cover VALUES (1, x'010000', 9, 9, 0)", "UPDATE cover_pair SET size_max = 9"),
        (_STALE, "UPDATE entry SET kind = 7 WHERE id = 1 << 40 | 2", _BACK),
    ],
)
def test_the_last_entries_of_a_log_are_found_after_a_start(folder: Path, harm) -> None:
    """Rows of an index that a disk lost are made again where they are of a log's last entries."""
    raw(folder, *harm)
    with closing(open_store(folder, MASTER)) as store:
        shelf = store.shelf(LINE)
        last = shelf.entry(LOG, 2)
        assert shelf.find(last.hash) == last.place
        assert shelf.referring(bytes(32)) == [Place(LOG, 1), Place(LOG, 2)]
        assert shelf.of_kind((Kind.MARK,)) == [Place(LOG, 1), Place(LOG, 2)]
        assert [one.size for one in shelf.covers(OTHER, 0)] == [1]
        assert store.damage() == ""


def test_a_body_that_does_not_open_names_its_entry(folder: Path) -> None:
    """The key is gone without a purge: whoever reads it learns where the damage is."""
    with closing(open_store(folder, MASTER)) as store:
        raw(folder, "DELETE FROM body_key WHERE id = 1 << 40")
        with pytest.raises(MachineError, match="damaged at entry 0 of log 0"):
            store.shelf(LINE).entry(LOG, 0)


def test_chunks_that_are_lost_are_not_served(folder: Path) -> None:
    """Fewer would be taken for another file, and whoever sent them for a liar."""
    with closing(open_store(folder, MASTER)) as store:
        raw(folder, "DELETE FROM chunk WHERE id & 255 = 1")
        shelf = store.shelf(LINE)
        assert len(shelf.chunks(LOG, 0, 0, 0, 1)) == 1
        with pytest.raises(MachineError, match="damaged: chunks of attachment 0"):
            shelf.chunks(LOG, 0, 0, 0, 3)
        raw(folder, "DELETE FROM attachment WHERE number = 0")
        with pytest.raises(MachineError, match="damaged: an attachment"):
            shelf.attachments(LOG, 0)


def test_chunks_that_were_kept_without_their_count_are_taken_again(folder: Path) -> None:
    """The row that counts them is of before: they come once more, and no node stops at that."""
    boxes = tuple(seal(DATA + b"x", KEY))
    with closing(open_store(folder, MASTER)) as store:
        raw(folder, "INSERT INTO chunk SELECT a.id << 16, x'00' FROM attachment AS a WHERE number")
        keep(store, StoreChunks(LINE, LOG, 0, 1, boxes, Progress(len(DATA) + 1, 3, ())))
        assert store.shelf(LINE).chunks(LOG, 0, 1, 0, 3) == list(boxes)


def test_a_note_that_is_lost_is_damage_of_the_disk(folder: Path) -> None:
    """The next note rests on it; beyond the last there is none."""
    with closing(open_store(folder, MASTER)) as store:
        raw(folder, "DELETE FROM note WHERE idx = 1")
        with pytest.raises(MachineError, match="note 1 is damaged"):
            store.journal.append("four", 1, {})
        with pytest.raises(LocalError, match="no note 3"):
            store.journal.subtree(0, 3)
