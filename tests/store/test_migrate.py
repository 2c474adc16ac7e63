"""Versions of the store: steps with data in it, and programs too old to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.core.events import StoreLine
from detente.store import migrate
from detente.store.database import Database
from detente.store.migrate import COMPAT_NAME, SCHEMA_COMPAT, SCHEMA_VERSION, Migration
from detente.store.sqlite import SqliteStore, open_read_only

LINE = bytes(range(32))
MASTER = bytes(32)
SECOND = Migration(
    SCHEMA_VERSION + 1,
    "ALTER TABLE line ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';"
    "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;",
)
BROKEN = Migration(
    SCHEMA_VERSION + 1, "ALTER TABLE line ADD COLUMN colour TEXT; SELECT nothing FROM nowhere;"
)


def refusal(call: Callable[[], object], kind: type[DetenteError] = LocalError) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


@pytest.fixture
def folder(tmp_path: Path, author) -> Path:
    """A store with a line and entries in it."""
    store = SqliteStore.open(tmp_path / "store", MASTER, create=True)
    store.begin()
    store.apply(StoreLine(LINE, b"a charter", 0))
    store.apply(author().say(3))
    store.commit()
    store.close()
    return tmp_path / "store"


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    opened = Database.open_writer(folder, create=False)
    yield opened
    opened.close()


def steps(*more: Migration) -> tuple[Migration, ...]:
    return (*migrate.migrations(), *more)


def test_the_steps_are_numbered_without_a_gap() -> None:
    """Migration n is the n-th, and the last one is the version this program writes."""
    assert [step.number for step in migrate.migrations()] == list(range(1, SCHEMA_VERSION + 1))
    assert 1 <= SCHEMA_COMPAT <= SCHEMA_VERSION


def test_a_new_store_has_the_newest_version(database) -> None:
    """Making a store and bringing it up to date are one, and doing it again changes nothing."""
    assert migrate.version(database) == SCHEMA_VERSION
    assert migrate.migrate(database) == SCHEMA_VERSION
    assert migrate.check(database) == SCHEMA_VERSION


def test_a_step_keeps_what_is_there(database, folder, author) -> None:
    """After another step every line and entry reads as before, with the new column beside it."""
    assert migrate.migrate(database, steps(SECOND)) == SCHEMA_VERSION + 1
    assert database.rows("SELECT id, colour FROM line") == [(LINE, "grey")]
    assert database.rows("SELECT * FROM more") == []
    database.close()
    store = SqliteStore.open(folder, MASTER)
    assert store.shelf(LINE).entries(author().log, 0, 3) == [
        new.entry for new in author().say(3).entries
    ]
    store.close()


def test_a_step_that_fails_leaves_the_version_before_it(database, folder) -> None:
    """A migration is kept whole or not at all."""
    assert refusal(lambda: migrate.migrate(database, steps(BROKEN)), MachineError) is Refusal.DISK
    database.close()
    again = Database.open_writer(folder, create=False)
    assert migrate.version(again) == SCHEMA_VERSION
    assert [row[1] for row in again.rows("PRAGMA table_info(line)")][-1] == "joining"
    again.close()


def test_an_older_program_refuses_a_store_it_would_misread(database, folder) -> None:
    """A store whose compatibility floor is above this program opens for neither node nor reader."""
    newest = SCHEMA_VERSION + 1
    migrate.migrate(database, steps(SECOND), compat=newest)
    assert refusal(lambda: migrate.check(database)) is Refusal.NEWER_SCHEMA
    database.close()
    assert refusal(lambda: SqliteStore.open(folder, MASTER)) is Refusal.NEWER_SCHEMA
    assert refusal(lambda: open_read_only(folder)) is Refusal.NEWER_SCHEMA


def test_a_newer_store_that_names_no_floor_is_refused(database) -> None:
    """Nothing is guessed about a store from the future."""
    database.run(f"PRAGMA user_version = {SCHEMA_VERSION + 5}")
    database.run("DELETE FROM meta WHERE name = ?", (COMPAT_NAME,))
    assert refusal(lambda: migrate.migrate(database)) is Refusal.NEWER_SCHEMA


def test_a_release_can_be_taken_back_above_the_floor(database, folder, author) -> None:
    """A newer store that this program may use is used, and keeps its own version."""
    migrate.migrate(database, steps(SECOND), compat=SCHEMA_VERSION)
    assert migrate.migrate(database) == SCHEMA_VERSION + 1
    database.close()
    store = SqliteStore.open(folder, MASTER)
    assert store.shelf(LINE).size(author().log) == 3
    store.close()
    assert open_read_only(folder).lines()[0].line == LINE
