"""What the desk keeps on its own ground, beside the node's store: one SQLite file in the home.

People, passkeys, sessions, drafts. The node never reads it, and a desk whose node is dead still
opens it: a draft outlives both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from detente.core.errors import LocalError, Refusal
from detente.node.releasing import DESK_FOLDER
from detente.store.database import Database, Row
from detente.store.migrate import Migration, migrate


class Cabinet:
    """The desk's file. Every change is on the disk when it returns."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home

    @classmethod
    def open(cls, home: Path, *, create: bool = False) -> Cabinet:
        """The cabinet of a home. LocalError NOT_FOUND where no desk was set up."""
        return cls(_opened(home, create=create), home)

    def reopen(self) -> None:
        """Opens the file anew after an error of the disk: what it then says is what was kept.

        A store may not do so, since it has signed for what it holds; a desk has promised nobody
        anything. MachineError or LocalError if it cannot be opened yet.
        """
        self._database.close()
        self._database = _opened(self._home)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Several changes, all or none."""
        with self._database.joined():
            yield

    def rows(self, sql: str, *args: object) -> list[Row]:
        """Every row of a query."""
        return self._database.rows(sql, args)

    def row(self, sql: str, *args: object) -> Row | None:
        """The first row of a query, or None."""
        return self._database.row(sql, args)

    def run(self, sql: str, *args: object) -> int:
        """One change; returns how many rows it touched."""
        with self._database.joined():
            return self._database.run(sql, args)

    def insert(self, table: str, **values: object) -> int:
        """A new row; returns its number where the table counts its rows."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        with self._database.joined():
            self._database.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", _args(values))  # noqa: S608  # table and names are ours
            found = self._database.row("SELECT last_insert_rowid()")
        return 0 if found is None else int(found[0])

    # --- settings ---

    def setting(self, name: str) -> str | None:
        """What was fixed when the desk was set up."""
        row = self.row("SELECT value FROM meta WHERE name = ?", name)
        return None if row is None else bytes(row[0]).decode()

    def settle(self, name: str, value: str) -> None:
        """Fixes a setting."""
        self.run(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            name,
            value.encode(),
        )


def _opened(home: Path, *, create: bool = False) -> Database:
    folder = home / DESK_FOLDER
    if not create and not folder.is_dir():
        raise LocalError(Refusal.NOT_FOUND, "no desk in this home: detente desk init")
    database = Database.open_writer(folder, create=create)
    text = files("detente.desk").joinpath("schema", "0001_init.sql").read_text("utf-8")
    migrate(database, (Migration(1, text),))
    return database


def _args(values: dict[str, object]) -> Sequence[object]:
    return [
        json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
        for value in values.values()
    ]


def as_values(text: str | None) -> dict[str, Any]:
    """Named values that were kept as JSON."""
    return {} if not text else json.loads(text)
