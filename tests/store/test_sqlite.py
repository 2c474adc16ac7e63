"""The SQLite store beyond the contract: the bytes on the disk, the files, and disks that refuse."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.core.events import (
    Draft,
    DropBody,
    OutboxRow,
    QueueOutbox,
    StoreEntries,
    StoreLine,
    StoreState,
)
from detente.core.leaf import Kind, LogId, Seen
from detente.store import sqlite_shelf
from detente.store.database import APPLICATION_ID, FILE_NAME
from detente.store.sqlite import SqliteStore, open_read_only, open_store
from detente.store.sqlite_index import is_apart

LINE = bytes(range(32))
MASTER = b"\x07" * 32
LOG = LogId(0, 0, b"")


def refusal(call: Callable[[], object], kind: type[DetenteError] = LocalError) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


def keep(store: SqliteStore, *effects: object) -> None:
    store.begin()
    for effect in effects:
        store.apply(effect)
    store.commit()


def on_disk(folder: Path) -> bytes:
    """Every byte of every file of a store."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def raw(folder: Path, sql: str, *args: object) -> list[tuple]:
    """A query past the store."""
    connection = apsw.Connection(str(folder / FILE_NAME))
    try:
        return connection.execute(sql, args).fetchall()
    finally:
        connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[SqliteStore]:
    opened = open_store(folder, MASTER)
    keep(opened, StoreLine(LINE, b"a charter", 0))
    yield opened
    opened.close()


# --- bodies at rest -----------------------------------------------------------------------------


def test_no_body_and_no_draft_lies_open_on_the_disk(store, folder, author) -> None:
    """What is said, drafted or noted is found in no file of the store."""
    secret = b"a sentence nobody may read from the disk"
    draft = Draft(kind=Kind.DISPATCH, audience=3, body=b"drafted " + secret, salt=bytes(16))
    keep(store, author().say(body=secret), QueueOutbox(LINE, OutboxRow(1, draft, 0)))
    store.journal.append("alarm", 1, {"what": secret.decode()})
    assert secret not in on_disk(folder)
    assert store.shelf(LINE).entry(LOG, 0).body == secret


@pytest.mark.parametrize("size", [0, 100, 60_000])
def test_a_purge_leaves_neither_body_nor_key_nor_salt_on_the_disk(
    store, folder, author, size: int
) -> None:
    """After a purge none of its bytes is in the file, nor in the write-ahead log."""
    alice = author()
    said = [alice.say(body=alice.bytes("long", size)), alice.say(3)]
    keep(store, *said)
    ((box, salt, wrapped),) = raw(
        folder, "SELECT body, salt, wrapped FROM entry JOIN body_key USING (id) ORDER BY id LIMIT 1"
    )
    pieces = [salt, wrapped, box[:48], box[-48:]]
    for piece in pieces:
        assert piece in on_disk(folder)
    keep(store, DropBody(LINE, LOG, 0))
    for piece in pieces:
        assert piece not in on_disk(folder)
    kept = store.shelf(LINE).entries(LOG, 1, 4)
    assert kept == [new.entry for new in said[1].entries]


def test_a_purge_under_a_reader_is_finished_by_a_later_commit(store, folder, author) -> None:
    """While a reader holds the write-ahead log, key bytes stay in it until it lets go."""
    keep(store, author().say())
    ((wrapped,),) = raw(folder, "SELECT wrapped FROM body_key")
    reader = apsw.Connection(str(folder / FILE_NAME))
    reader.execute("BEGIN; SELECT count(*) FROM entry").fetchall()
    keep(store, DropBody(LINE, LOG, 0))
    assert wrapped in on_disk(folder)
    reader.close()
    store.put_meta("anything", b"later")
    assert wrapped not in on_disk(folder)


def test_a_purge_cut_short_is_finished_at_the_next_start(store, folder, author) -> None:
    """A process that ended between a purge and its scrubbing leaves that to the next one."""
    keep(store, author().say())
    ((wrapped,),) = raw(folder, "SELECT wrapped FROM body_key")
    reader = apsw.Connection(str(folder / FILE_NAME))
    reader.execute("BEGIN; SELECT count(*) FROM entry").fetchall()
    keep(store, DropBody(LINE, LOG, 0))
    store.close()
    assert wrapped in on_disk(folder)
    reader.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    reader.close()
    again = open_store(folder, MASTER)
    assert wrapped not in on_disk(folder)
    again.close()


def test_a_body_moved_to_another_place_does_not_open(store, folder, author) -> None:
    """Box and key of one entry copied over another's are damage, not a message."""
    keep(store, author().say(2))
    store.close()
    base = (1 << 40) | 0
    raw(folder, f"UPDATE entry SET body = (SELECT body FROM entry WHERE id = {base})")
    raw(folder, f"UPDATE body_key SET wrapped = (SELECT wrapped FROM body_key WHERE id = {base})")
    shelf = open_store(folder, MASTER).shelf(LINE)
    assert shelf.entry(LOG, 0).body is not None
    assert refusal(lambda: shelf.entry(LOG, 1), MachineError) is Refusal.DISK


def test_a_body_without_its_key_is_damage(store, folder, author) -> None:
    """A key that vanished without a purge is not passed off as one."""
    keep(store, author().say())
    raw(folder, "DELETE FROM body_key")
    shelf = store.shelf(LINE)
    assert refusal(lambda: shelf.entry(LOG, 0), MachineError) is Refusal.DISK


_COVER = "1 rows of «cover» name entries that are not there"


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ("DELETE FROM entry WHERE id & 255 = 1", "log 1 has 2 of its 3 entries"),
        ("UPDATE entry SET id = id + 1 WHERE id & 255 = 2", "log 1 has 3 of its 3 entries"),
        ("DELETE FROM entry; UPDATE log SET size = 0", "3 rows of «entry_hash»"),
        ("INSERT INTO ref SELECT 1, zeroblob(32), id + 9 FROM entry", "3 rows of «ref»"),
        ("INSERT INTO cover VALUES (1, zeroblob(3), 2, 1, 0), (1, zeroblob(3), 3, 2, 0)", _COVER),
        ("INSERT INTO cover_back VALUES (9, zeroblob(3), 0, 1, 0)", "1 rows of «cover_back»"),
        ("INSERT INTO body_key VALUES (1 << 40 | 9, zeroblob(40))", "1 rows of «body_key»"),
        (
            "INSERT INTO head VALUES (1 << 40 | 9, zeroblob(32), zeroblob(64), 0)",
            "1 rows of «head»",
        ),
    ],
)
def test_a_store_that_lost_its_middle_says_so(store, folder, author, harm: str, named: str) -> None:
    """A store that is whole finds no damage in itself; one whose rows no longer fit says where."""
    keep(store, author().say(3))
    assert store.damage() == ""
    raw(folder, "PRAGMA foreign_keys = OFF")
    raw(folder, harm)
    assert store.damage().startswith(named)


def test_an_entry_that_the_disk_lost_is_a_fault_of_the_machine(store, folder, author) -> None:
    """Whoever reads it, or what it completes, learns which: beyond the size it is not held yet."""
    alice = author()
    keep(store, alice.say(4))
    raw(folder, "PRAGMA foreign_keys = OFF")
    raw(folder, "DELETE FROM entry WHERE id & 255 = 1")
    shelf = store.shelf(LINE)
    for read in (
        lambda: shelf.entry(alice.log, 1),
        lambda: shelf.entries(alice.log, 0, 4),
        lambda: shelf.subtree(alice.log, 1, 0),
    ):
        with pytest.raises(MachineError, match="damaged at entry 1"):
            read()
    with pytest.raises(LocalError, match="entry 4"):
        shelf.entry(alice.log, 4)


@pytest.mark.parametrize(
    ("table", "column"),
    [("line", "id"), ("log", "life"), ("card", "data"), ("outbox", "precedence")],
)
def test_what_a_start_rests_on_is_looked_through(
    store, folder, author, table: str, column: str
) -> None:
    """A row in pieces is named before anything is asked about it, with the words of SQLite."""
    keep(store, author().say())
    store.put_card(bytes(32), 1, b"card", None)
    keep(store, QueueOutbox(LINE, OutboxRow(1, Draft(kind=6, audience=3), 0)))
    store.close()
    edit = f"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = %s WHERE name = '{table}'"
    raw(folder, edit % "replace(sql, 'NOT NULL', 'DEFAULT 0')")
    raw(folder, f"UPDATE {table} SET {column} = NULL")
    raw(folder, edit % "replace(sql, 'DEFAULT 0', 'NOT NULL')")
    with pytest.raises(MachineError, match=f"damaged: NULL value in {table}."):
        SqliteStore.open(folder, MASTER)


def test_an_index_that_lost_a_row_is_damage(store, folder, author) -> None:
    """A count that is read from the index alone would find nothing."""
    keep(store, author().say())
    raw(folder, "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'cover_size'")
    raw(folder, "INSERT INTO cover VALUES (1, zeroblob(3), 9, 1, 0)")
    assert store.damage() == "wrong # of entries in index cover_size"


def test_a_damaged_draft_is_no_draft(store, folder) -> None:
    """A draft whose bytes mean nothing is damage even though it opens."""
    keep(store, QueueOutbox(LINE, OutboxRow(1, Draft(kind=6, audience=3), 0)))
    cut = store._seals.seal([(b"detente store draft v1\n" + LINE + bytes(7) + b"\x01", b"\x06")])
    raw(folder, "UPDATE outbox SET wrapped = ?, draft = ?", *cut[0])
    shelf = store.shelf(LINE)
    assert refusal(lambda: shelf.outbox_draft(1), MachineError) is Refusal.DISK


def test_a_damaged_index_is_damage(store, folder, author) -> None:
    """A covered log that is no log id is refused, and rebuilding mends it."""
    alice = author()
    keep(store, alice.say(seen=(Seen(LogId(1, 0, b""), 4, bytes(32), 5),)))
    raw(folder, "UPDATE cover_pair SET covered = x'ffffffff'")
    raw(folder, "UPDATE cover SET covered = x'ffffffff'")
    shelf = store.shelf(LINE)
    assert refusal(lambda: shelf.vector(LOG, 0), MachineError) is Refusal.DISK
    store.rebuild_indexes()
    assert shelf.vector(LOG, 0) == {LogId(1, 0, b""): 4}


_STALE = """PRAGMA writable_schema = ON;
CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'cover_pair_covered';
DELETE FROM sqlite_schema WHERE name = 'cover_pair_covered'"""
_BACK = """PRAGMA writable_schema = ON;
INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept"""


@pytest.mark.parametrize(
    "harm",
    [
        ("DELETE FROM cover",),
        ("UPDATE cover SET size = 3",),
        (_STALE, "UPDATE cover_pair SET line = 9", _BACK),
    ],
)
def test_what_no_index_finds_at_a_start_is_derived_again(store, folder, author, harm) -> None:
    """A disk that lied may keep a table and an index of two times: people see all the same what the
    entries say, and nothing is made anew where both agree."""
    covered = LogId(1, 0, b"")
    keep(store, author().say(seen=(Seen(covered, 4, bytes(32), 5),)))
    assert not is_apart(store._database)
    store.close()
    for step in harm:
        raw(folder, step)
    with closing(open_store(folder, MASTER)) as again:
        found = again.shelf(LINE).covers(covered, 0)
        assert [(one.by_index, one.size) for one in found] == [(0, 4)]
        assert again.damage() == ""


def test_keys_come_from_the_entropy_it_is_given(folder, author) -> None:
    """Two bodies never share a key, and what draws the keys is the caller's."""
    drawn = []

    def entropy(count: int) -> bytes:
        drawn.append(count)
        return bytes((len(drawn),)) * count

    store = SqliteStore.open(folder, MASTER, create=True, entropy=entropy)
    keep(store, StoreLine(LINE, b"a charter", 0), author().say(3))
    assert drawn[-1] == 3 * 44
    store.close()


# --- files and keys -----------------------------------------------------------------------------


def test_only_the_owner_may_read_the_files(store, folder, author) -> None:
    """Folder 0700, every file 0600, whatever the umask."""
    keep(store, author().say())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == dict.fromkeys((FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"), 0o600)


def test_another_master_key_is_refused_at_once(store, folder) -> None:
    """Keys of another store, or of another length, open nothing."""
    store.close()
    assert refusal(lambda: open_store(folder, bytes(32))) is Refusal.NOT_ALLOWED
    assert refusal(lambda: open_store(folder, bytes(31))) is Refusal.USAGE
    assert refusal(lambda: open_read_only(folder, bytes(32))) is Refusal.NOT_ALLOWED


def test_without_a_key_a_reader_sees_all_but_content(store, folder, author) -> None:
    """Leaves, sizes and precedence are read without a key; bodies are not."""
    said = author().say(2)
    draft = Draft(kind=6, audience=3, precedence=4)
    keep(store, said, QueueOutbox(LINE, OutboxRow(1, draft, 0)))
    store.journal.append("alarm", 1, {})
    reader = open_read_only(folder)
    shelf = reader.shelf(LINE)
    entry = shelf.entry(LOG, 1)
    assert (entry.raw, entry.leaf) == (said.entries[1].entry.raw, said.entries[1].entry.leaf)
    assert (entry.salt, entry.body) == (None, None)
    assert [row.draft.precedence for row in reader.outbox(LINE)] == [4]
    assert refusal(lambda: shelf.outbox_draft(1)) is Refusal.NOT_ALLOWED
    assert reader.journal.read(0, 9)[0].data is None
    with pytest.raises(MachineError):
        reader.journal.append("alarm", 2, {})
    reader.close()


def test_absent_and_foreign_files_are_refused(tmp_path: Path) -> None:
    """No store, a text, another program's database: each is named and none is touched."""
    for opened in (open_read_only, lambda folder: SqliteStore.open(folder, MASTER)):
        assert refusal(lambda opened=opened: opened(tmp_path)) is Refusal.NOT_FOUND
        for name, content in (("text", b"not a database at all" * 99), ("other", b"")):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            (folder / FILE_NAME).write_bytes(content)
            if not content:
                raw(folder, "CREATE TABLE notes (text)")
            before = (folder / FILE_NAME).read_bytes()
            call = lambda opened=opened, folder=folder: opened(folder)  # noqa: E731
            assert refusal(call) is Refusal.MALFORMED
            assert (folder / FILE_NAME).read_bytes() == before


def test_an_empty_file_is_no_store_to_read(tmp_path: Path) -> None:
    """A reader does not make the store the node has not made yet."""
    (tmp_path / FILE_NAME).touch()
    assert refusal(lambda: open_read_only(tmp_path)) is Refusal.UNKNOWN_VERSION


def test_places_that_cannot_be_used_are_named(tmp_path: Path, monkeypatch) -> None:
    """A folder that may not be made is NOT_ALLOWED, one that cannot be is the disk's fault."""
    (tmp_path / "file").touch()
    call = lambda: open_store(tmp_path / "file", MASTER)  # noqa: E731
    assert refusal(call, MachineError) is Refusal.DISK

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "open", forbidden)
    assert refusal(lambda: open_store(tmp_path / "new", MASTER)) is Refusal.NOT_ALLOWED


def test_a_file_that_may_not_be_opened_is_named(tmp_path: Path, monkeypatch) -> None:
    """What SQLite may not open is NOT_ALLOWED, and what breaks under it the machine's fault."""
    (tmp_path / FILE_NAME).touch()
    for error, kind, expected in (
        (apsw.CantOpenError, LocalError, Refusal.NOT_ALLOWED),
        (apsw.BusyError, LocalError, Refusal.IN_USE),
        (apsw.IOError, MachineError, Refusal.DISK),
    ):

        def fail(*_: object, error=error, **__: object) -> None:
            raise error("no")

        monkeypatch.setattr(apsw, "Connection", fail)
        assert refusal(lambda: open_read_only(tmp_path), kind) is expected


def test_a_file_that_does_not_even_close_is_named_by_what_failed_first(
    store, folder, monkeypatch
) -> None:
    """What is wrong with a file is told, though letting go of it fails as well."""
    store.close()
    (folder / FILE_NAME).write_bytes(b"SQLite format 3\0" + bytes(4080))

    class Stuck(apsw.Connection):
        def close(self, force: bool = False) -> None:
            super().close(force)
            raise apsw.IOError("fsync failed")

    monkeypatch.setattr(apsw, "Connection", Stuck)
    assert refusal(lambda: open_store(folder, MASTER), LocalError) is Refusal.MALFORMED
    assert refusal(lambda: open_read_only(folder), LocalError) is Refusal.MALFORMED


def test_a_sqlite_that_can_lose_commits_is_refused(store, folder, monkeypatch) -> None:
    """A library from before the mended reset of the write-ahead log does not run a store."""
    store.close()
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    for call in (lambda: open_store(folder, MASTER), lambda: open_read_only(folder)):
        assert refusal(call, MachineError) is Refusal.DISK
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.3")
    open_store(folder, MASTER).close()


def test_the_connection_keeps_its_word(store, folder) -> None:
    """Write-ahead log, full synchronisation, and a file that says whose it is."""
    database = store._database
    settings = {
        name: database.row(f"PRAGMA {name}")[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }
    assert raw(folder, "PRAGMA application_id") == [(APPLICATION_ID,)]


def test_a_snapshot_is_a_store(store, folder, author, tmp_path: Path) -> None:
    """The bytes of a snapshot, written to a file, open as the store of that moment."""
    alice = author()
    keep(store, alice.say(2))
    copy = tmp_path / "copy"
    copy.mkdir()
    reader = open_read_only(folder)
    (copy / FILE_NAME).write_bytes(reader.snapshot())
    reader.close()
    keep(store, alice.say())
    restored = open_store(copy, MASTER)
    assert restored.shelf(LINE).size(LOG) == 2
    assert restored.shelf(LINE).entry(LOG, 1) == store.shelf(LINE).entry(LOG, 1)
    restored.close()


# --- one writer, and disks that refuse ----------------------------------------------------------


def test_a_second_writer_is_told_that_there_is_one(store, folder, monkeypatch) -> None:
    """While one transaction is open another process gets IN_USE, and nothing breaks."""
    monkeypatch.setattr("detente.store.database._BUSY_MS", 0)
    other = open_store(folder, MASTER)
    store.begin()
    assert refusal(other.begin) is Refusal.IN_USE
    store.commit()
    other.begin()
    other.commit()
    other.close()


class FailingFile(apsw.VFSFile):
    """A file whose fsync fails once it is told to."""

    failing = False

    def xSync(self, flags: int) -> None:  # noqa: N802  # the name SQLite calls
        if FailingFile.failing:
            raise apsw.IOError("the disk is gone")
        super().xSync(flags)


class FailingDisk(apsw.VFS):
    """A disk of such files."""

    def __init__(self) -> None:
        super().__init__("failing", "")

    def xOpen(self, name: object, flags: list[int]) -> FailingFile:  # noqa: N802  # as above
        return FailingFile("", name, flags)


@pytest.fixture
def failing(folder: Path) -> Iterator[SqliteStore]:
    disk = FailingDisk()
    store = SqliteStore.open(folder, MASTER, create=True, vfs="failing")
    keep(store, StoreLine(LINE, b"a charter", 0))
    yield store
    FailingFile.failing = False
    store.close()
    disk.unregister()


def test_after_a_failed_fsync_the_store_refuses_everything(failing, folder, author) -> None:
    """A commit whose fsync fails is MachineError DISK, and so is everything asked after it."""
    alice = author()
    keep(failing, alice.say(2))
    shelf = failing.shelf(LINE)
    failing.begin()
    failing.apply(alice.say(1))
    FailingFile.failing = True
    assert refusal(failing.commit, MachineError) is Refusal.DISK
    FailingFile.failing = False
    for call in (
        failing.begin,
        failing.commit,
        failing.lines,
        failing.snapshot,
        lambda: shelf.size(LOG),
        lambda: failing.apply(StoreState(LINE, LOG, b"")),
        lambda: failing.put_meta("a", b"b"),
    ):
        assert refusal(call, MachineError) is Refusal.DISK
    failing.rollback()
    failing.close()
    store = open_store(folder, MASTER)
    assert store.shelf(LINE).size(LOG) in {2, 3}  # unknown, and so never acknowledged
    assert store.shelf(LINE).entries(LOG, 0, 2) == [new.entry for new in author().say(2).entries]
    store.close()


def test_a_purge_that_cannot_be_scrubbed_is_a_failure(failing, author) -> None:
    """A write-ahead log that cannot be emptied, and not for a reader, is a failed disk."""
    keep(failing, author().say())
    failing.begin()
    failing.apply(DropBody(LINE, LOG, 0))
    failing._database.commit = lambda: (
        failing._database.run("COMMIT"),
        setattr(FailingFile, "failing", True),
        failing._database.scrub(),
    )
    assert refusal(failing.commit, MachineError) is Refusal.DISK


def test_rows_that_contradict_one_another_break_the_store(store, folder, author) -> None:
    """What SQLite itself refuses to write is the machine's fault: the store's word is its own."""
    alice = author()
    keep(store, alice.say())
    raw(folder, "UPDATE log SET size = 0")
    store.begin()
    call = lambda: store.apply(author().say())  # noqa: E731
    assert refusal(call, MachineError) is Refusal.DISK
    assert refusal(store.lines, MachineError) is Refusal.DISK


@pytest.mark.parametrize("ask", ["cards", "get_meta", "snapshot"])
def test_a_question_that_fails_breaks_the_store(store, folder, monkeypatch, ask: str) -> None:
    """What SQLite cannot read is the machine's fault, and the store stops there."""
    raw(folder, "DROP TABLE card")
    raw(folder, "DROP TABLE meta")

    def fail(*_: object) -> None:
        raise apsw.IOError("no")

    call = {"cards": store.cards, "get_meta": lambda: store.get_meta("a")}.get(ask)
    if call is None:
        database = store._database
        monkeypatch.setattr(database, "_connection", Unserialized(database._connection, fail))
        call = store.snapshot
    assert refusal(call, MachineError) is Refusal.DISK
    assert refusal(store.lines, MachineError) is Refusal.DISK


class Unserialized:
    """A connection that cannot give its bytes."""

    def __init__(self, connection: apsw.Connection, fail: Callable) -> None:
        self.config, self.close, self.serialize = connection.config, connection.close, fail


def test_a_closed_store_answers_nothing(store) -> None:
    """After ``close`` every question is refused, and closing again is harmless."""
    store.close()
    store.close()
    assert refusal(store.lines, MachineError) is Refusal.DISK


# --- indexes ------------------------------------------------------------------------------------

DERIVED = ("entry_hash", "ref", "cover_pair", "cover", "cover_back")


def derived(folder: Path) -> dict[str, list[tuple]]:
    tables = {name: raw(folder, f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in DERIVED[1:]}
    tables["entry_hash"] = raw(folder, "SELECT * FROM entry_hash ORDER BY 1, 2")
    tables["kind"] = raw(folder, "SELECT id, kind FROM entry WHERE kind <> 2 ORDER BY kind, id")
    return tables


# Size and time, as one log states them of another: a higher size, an earlier time, and neither.
STATED = [(3, 50), (5, 40), (5, 45), (3, 50), (4, 60), (9, 55), (9, 55)]


def grow(author, line: bytes) -> list[StoreEntries]:
    alice, bob = author(line=line), author(1, line=line)
    effects = [alice.say(1100, body=None)]
    for at, (size, held_at_s) in enumerate(STATED):
        seen = (Seen(alice.log, size, bytes(32), held_at_s),)
        refs = (effects[0].entries[at].entry.hash,)
        effects.append(bob.say(1, kind=Kind.SEEN if at % 2 else Kind.MARK, seen=seen, refs=refs))
    effects.append(bob.stored(bob.new(None, raw=b"void")))
    return effects


def test_rebuilding_makes_the_same_indexes(store, folder, author) -> None:
    """Indexes made from the entries at once equal those written entry by entry, row for row."""
    other = bytes(32)
    keep(store, StoreLine(other, b"another", 0), *grow(author, LINE), *grow(author, other))
    before = derived(folder)
    backs = [row[2:] for row in before["cover_back"]]
    assert backs == [(1, 5, 40), (2, 5, 45), (5, 9, 55), (6, 9, 55)] * 2
    assert [row[2:] for row in before["cover"]] == [(0, 3, 50), (1, 5, 40), (5, 9, 55)] * 2
    for table in DERIVED:
        raw(folder, f"DELETE FROM {table}")
    raw(folder, "UPDATE entry SET kind = 99")
    store.rebuild_indexes()
    assert derived(folder) == before


def test_no_question_of_a_fold_reads_a_whole_table(store, folder, author) -> None:
    """Every query of a shelf is a search by key; only ``of_kind([SEEN])`` is not asked here."""
    keep(store, *grow(author, LINE))
    plans: list[str] = []
    database = store._database

    def spy(how: Callable) -> Callable:
        def asked(sql: str, args: tuple = ()) -> object:
            plan = database._connection.execute("EXPLAIN QUERY PLAN " + sql, args).fetchall()
            plans.extend(row[3] for row in plan)
            return how(sql, args)

        return asked

    database.rows, database.row = spy(database.rows), spy(database.row)
    shelf = store.shelf(LINE)
    digest = shelf.entry(LOG, 5).hash
    shelf.entries(LOG, 5, 9)
    shelf.find(digest)
    shelf.referring(digest)
    shelf.covers(LOG, 4)
    shelf.vector(LogId(1, 0, b""), 3)
    shelf.of_kind([Kind.MARK])
    shelf.subtree(LOG, 3, 1)
    shelf.signed_head(LOG, 1, 900)
    list(store.heads(LINE, LOG, 3))
    list(store.cosignatures(LINE, LOG, 3))
    store.signed_up_to(LINE, LOG, "bob")
    assert len(plans) > 20
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def test_no_statement_is_planned_anew_for_another_argument(store, author) -> None:
    """A plan is of the text alone: what is asked of another entry is planned no more."""
    keep(store, *grow(author, LINE))
    planned: list[int] = []

    def allow(action: int, *_: object) -> int:
        planned.append(action)
        return apsw.SQLITE_OK

    shelf = store.shelf(LINE)
    store._database._connection.authorizer = allow  # SQLite asks it whenever it plans
    counts = []
    for index in (4, 5, 6):
        shelf.find(shelf.entry(LOG, index).hash)
        shelf.covers(LOG, index)
        shelf.of_kind([index])
        counts.append(len(planned))
    assert counts[0] > 0
    assert counts == [counts[0]] * 3


def test_log_numbers_are_remembered_within_bounds(store, author, monkeypatch) -> None:
    """A peer that makes many incarnations does not fill the memory."""
    monkeypatch.setattr(sqlite_shelf, "_LOGS_REMEMBERED_MAX", 2)
    logs = [author(0, 1, b"life %03d" % n) for n in range(5)]
    keep(store, *(alice.say() for alice in logs))
    assert len(store._numbers._numbers) <= 2
    shelf = store.shelf(LINE)
    assert [shelf.entry(alice.log, 0).place.log for alice in logs] == [a.log for a in logs]
