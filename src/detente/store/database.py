"""One SQLite file, opened to keep its word; the one user of apsw (ADR 0005).

Write-ahead log, ``synchronous=FULL``: a commit returns after its fsync. Every error of SQLite
becomes one of ours here. After any but «busy» the file is never touched again: what a failed
fsync has kept is unknown, and asking again would be told a comfortable lie.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.store.mark import sync_folder

FILE_NAME = "detente.db"
APPLICATION_ID = 0x44_C3_A9_74  # «Dét» in UTF-8; `file` and SQLite's own tools show it
# Older ones can lose a committed transaction when two connections meet at a reset of the
# write-ahead log (SQLite change log, 3.51.3).
SQLITE_MIN = (3, 51, 3)

_BUSY_MS = 1000  # another reader recovers or closes; nobody holds the file longer than that
_CHECKPOINT_PAGES = 4000  # 16 MB of write-ahead log: read again in well under a second at a start
_CACHE_KIB = 32_768
_ANEW_PAGES_MAX = 65_536  # 256 MB, some hundred thousand entries: written anew in a second or two
_WAL_BYTES_MAX = 4 * 4096 * _CHECKPOINT_PAGES

Row = tuple[Any, ...]


class Database:
    """A connection: statements, one transaction at a time, and what becomes of errors."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._refused = ""
        self._scrub_due = False
        self._remnants = False  # whether split pages may still hold copies of what was purged

    @classmethod
    def open_writer(cls, folder: Path, *, create: bool, vfs: str | None = None) -> Database:
        """The file in ``folder``, to be written; ``create`` makes folder (0700) and file (0600).

        ``vfs`` names a registered SQLite VFS: the seam where tests and the simulator put a
        failing disk. LocalError NOT_FOUND if it is absent, NOT_ALLOWED if it may not be used,
        MALFORMED if it is something else, IN_USE if another process is writing.
        """
        _check_version()
        path = folder / FILE_NAME
        with _os_errors(path):
            if create:
                _create(path)
        flags = apsw.SQLITE_OPEN_READWRITE
        return cls._open(path, flags, vfs, (("journal_mode", "WAL"), ("foreign_keys", True)))

    @classmethod
    def open_reader(cls, folder: Path) -> Database:
        """The file in ``folder``, never to be written, beside a running writer or without one."""
        _check_version()
        flags = apsw.SQLITE_OPEN_READONLY
        return cls._open(folder / FILE_NAME, flags, None, (("query_only", True),))

    @classmethod
    def _open(
        cls, path: Path, flags: int, vfs: str | None, pragmas: Iterable[tuple[str, str | bool]]
    ) -> Database:
        with _os_errors(path):
            there = path.is_file()
        if not there:
            raise LocalError(Refusal.NOT_FOUND, f"no store at {path}")
        try:
            connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        except apsw.Error as exc:
            raise _opening(path, exc) from exc
        try:
            connection.set_busy_timeout(_BUSY_MS)
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            # A statement's plan is of its text alone: else every new argument plans it anew.
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            found = connection.pragma("application_id")
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
            if found != APPLICATION_ID and (found or tables):
                raise LocalError(Refusal.MALFORMED, f"{path} is not a store of this program")
            for name, value in (
                *pragmas,
                ("synchronous", "FULL"),
                ("trusted_schema", False),
                ("cell_size_check", True),
                ("secure_delete", True),  # purges leave neither bodies nor keys in free pages
                ("temp_store", "MEMORY"),
                ("cache_size", -_CACHE_KIB),
                ("journal_size_limit", _WAL_BYTES_MAX),
            ):
                connection.pragma(name, value)
            connection.wal_autocheckpoint(_CHECKPOINT_PAGES)
        except (apsw.Error, LocalError) as exc:
            with suppress(apsw.Error):  # a disk that fails may fail here again: the first is told
                connection.close(True)
            if isinstance(exc, LocalError):
                raise
            raise _opening(path, exc) from exc
        return cls(connection)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        self._check()
        return self._connection.in_transaction

    def rows(self, sql: str, args: Sequence[object] = ()) -> list[Row]:
        """Every row of a query."""
        self._check()
        try:
            return self._connection.execute(sql, args).fetchall()
        except apsw.Error as exc:
            raise self._failed(exc) from exc

    def row(self, sql: str, args: Sequence[object] = ()) -> Row | None:
        """The first row of a query, or None."""
        self._check()
        try:
            return self._connection.execute(sql, args).fetchone()
        except apsw.Error as exc:
            raise self._failed(exc) from exc

    def run(self, sql: str, args: Sequence[object] = ()) -> int:
        """Does one statement, or a script without arguments; returns how many rows it changed."""
        self._check()
        try:
            before = self._connection.total_changes()
            self._connection.execute(sql, args)
            return self._connection.total_changes() - before
        except apsw.Error as exc:
            raise self._failed(exc) from exc

    def run_many(self, sql: str, args: Iterable[Sequence[object]]) -> None:
        """Does one statement for each of many arguments."""
        self._check()
        try:
            self._connection.executemany(sql, args)
        except apsw.Error as exc:
            raise self._failed(exc) from exc

    def begin(self) -> None:
        """Opens the writing transaction. LocalError IN_USE if another process has one."""
        self.run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Ends the transaction; on return it is on the disk. MachineError DISK otherwise."""
        self._check()
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as exc:
            raise self._broken(exc) from exc
        if self._scrub_due:
            self.scrub()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Within the open transaction, or in one of its own."""
        if self.in_transaction:
            yield
            return
        self.begin()
        try:
            yield
            self.commit()
        finally:
            self.rollback()

    def rollback(self) -> None:
        """Forgets the open transaction, if there is one."""
        if not self._refused and self.in_transaction:
            self.run("ROLLBACK")

    def scrub_after_commit(self) -> None:
        """Something was purged: the next commit leaves no copy of it in the file or beside it."""
        self._scrub_due = self._remnants = True

    def scrub(self) -> None:
        """Writes the file anew, and empties the write-ahead log: deleted bytes may stand in that,
        and in gaps of the file's own pages.

        SQLite overwrites what it deletes, not the copy that a row leaves behind where its page was
        split. Above ``_ANEW_PAGES_MAX`` the file stays as it is: a node must not stand still for
        minutes. If a reader holds the log just now, every commit tries again.
        """
        self._check()
        self._scrub_due = True
        try:
            self._connection.set_busy_timeout(0)
            if self._remnants and self._connection.pragma("page_count") <= _ANEW_PAGES_MAX:
                self._connection.execute("VACUUM")
            self._remnants = False
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._scrub_due = False
        except apsw.BusyError:
            pass
        except apsw.Error as exc:
            raise self._broken(exc) from exc
        finally:
            self._connection.set_busy_timeout(_BUSY_MS)

    def snapshot(self) -> bytes:
        """The whole database as one file's bytes, as of now."""
        self._check()
        try:
            return self._connection.serialize("main")
        except apsw.Error as exc:
            raise self._failed(exc) from exc

    def close(self) -> None:
        """Lets go of the file. What is not committed is forgotten."""
        self._refused = self._refused or "closed"
        with suppress(apsw.Error):  # everything acknowledged is on the disk already
            self._connection.close(True)

    def _check(self) -> None:
        if self._refused:
            raise MachineError(Refusal.DISK, f"this store refuses everything: {self._refused}")

    def _failed(self, exc: apsw.Error) -> DetenteError:
        if isinstance(exc, apsw.BusyError):
            return LocalError(Refusal.IN_USE, "another process is writing to this store")
        return self._broken(exc)

    def _broken(self, exc: apsw.Error) -> MachineError:
        self._refused = str(exc) or type(exc).__name__
        # A checkpoint on close would copy pages that the disk may never have kept.
        self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        return MachineError(Refusal.DISK, f"the store failed: {self._refused}")


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"may not use {path}") from exc
    except OSError as exc:
        raise MachineError(Refusal.DISK, f"{path}: {exc.strerror}") from exc


def _check_version() -> None:
    found = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if found < SQLITE_MIN:
        wanted = ".".join(map(str, SQLITE_MIN))
        raise MachineError(
            Refusal.DISK, f"SQLite {apsw.sqlite_lib_version()} can lose commits; {wanted} is needed"
        )


def _create(path: Path) -> None:
    folder = path.parent
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        sync_folder(folder.parent)
    with suppress(FileExistsError):
        # SQLite gives its other files the mode of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        sync_folder(folder)


def _opening(path: Path, exc: apsw.Error) -> DetenteError:
    if isinstance(exc, apsw.BusyError):
        return LocalError(Refusal.IN_USE, f"another process is writing to {path}")
    if isinstance(exc, apsw.NotADBError):
        return LocalError(Refusal.MALFORMED, f"{path} is not a store of this program")
    if isinstance(exc, apsw.CantOpenError | apsw.PermissionsError | apsw.ReadOnlyError):
        return LocalError(Refusal.NOT_ALLOWED, f"may not open {path}: {exc}")
    return MachineError(Refusal.DISK, f"{path}: {exc}")
