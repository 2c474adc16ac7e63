"""Versions of the store: numbered migrations, one transaction each, and when not to start.

``user_version`` is the number of the last migration. Beside it the store keeps the lowest schema
version a program must know to use it, so that a release can be taken back as long as nothing it
wrote would be misread. An older program than that refuses to start.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from detente.core.errors import LocalError, Refusal
from detente.store.database import APPLICATION_ID, Database

SCHEMA_VERSION = 3  # what this program writes
SCHEMA_COMPAT = 3  # the lowest SCHEMA_VERSION that may use what this program writes
COMPAT_NAME = "schema_compat"  # in the table `meta`, as decimal digits; every version keeps this


class Migration(NamedTuple):
    """One step from version ``number - 1`` to ``number``: a script without transactions."""

    number: int
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Every step, in order."""
    folder = files("detente.store").joinpath("schema")
    names = ("0001_init.sql", "0002_joining.sql", "0003_attachments.sql")
    return tuple(
        Migration(number, folder.joinpath(name).read_text(encoding="utf-8"))
        for number, name in enumerate(names, 1)
    )


def version(database: Database) -> int:
    """The number of the last migration a store has been through; 0 for an empty file."""
    row = database.row("PRAGMA user_version")
    return 0 if row is None else int(row[0])


def check(database: Database, known: int = SCHEMA_VERSION) -> int:
    """The store's version. LocalError NEWER_SCHEMA if who knows ``known`` may not use it."""
    found = version(database)
    if found > known:
        row = database.row("SELECT value FROM meta WHERE name = ?", (COMPAT_NAME,))
        if row is None or int(row[0]) > known:
            raise LocalError(
                Refusal.NEWER_SCHEMA, f"the store has version {found}, this program knows {known}"
            )
    return found


def migrate(
    database: Database,
    steps: Sequence[Migration] | None = None,
    compat: int = SCHEMA_COMPAT,
) -> int:
    """Brings a store to the newest version and returns it; a newer one it leaves alone.

    Each step is kept whole or not at all. LocalError NEWER_SCHEMA as ``check`` says.
    """
    steps = migrations() if steps is None else steps
    found = check(database, steps[-1].number)
    for step in steps[found:]:
        database.begin()
        try:
            database.run(step.sql)
            database.run(f"PRAGMA user_version = {step.number}")
            database.run(f"PRAGMA application_id = {APPLICATION_ID}")
            database.run(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (COMPAT_NAME, b"%d" % min(compat, step.number)),
            )
            database.commit()
        finally:
            database.rollback()
    return max(found, steps[-1].number)
