"""What can be read of an SQLite store: at the node's start, and by readers while it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from detente.core.errors import DetenteError, LocalError, Refusal
from detente.core.events import Draft, OutboxRow, StoreAhead, StoreCosignature
from detente.core.leaf import LogId
from detente.core.transcript import Place
from detente.store import migrate
from detente.store.contract import NOT_LOADED, StoredCard, StoredHead, StoredLine
from detente.store.database import Database
from detente.store.journal import Journal
from detente.store.mark import OwnHead
from detente.store.sealing import Sealer
from detente.store.sqlite_damage import of_all
from detente.store.sqlite_index import INDEX_BITS, INDEX_MASK
from detente.store.sqlite_notes import SqliteNotes
from detente.store.sqlite_shelf import Numbers, SqliteShelf

_PAGE_ROWS = 512
MASTER_CHECK = "master_check"


class SqliteReader:
    """``contract.StoreReader`` over one SQLite file."""

    def __init__(self, database: Database, sealer: Sealer | None, journal: Journal) -> None:
        self._database = database
        self._sealer = sealer
        self._journal = journal
        self._numbers = Numbers(database)

    def lines(self) -> Sequence[StoredLine]:
        """Every line, in the order of acceptance."""
        rows = self._database.rows(
            "SELECT id, charter, member, mute, joining FROM line ORDER BY number"
        )
        return [StoredLine(*row) for row in rows]

    def logs(self, line: bytes) -> Sequence[tuple[LogId, bytes]]:
        """The last stored state of every log of a line, in order of id."""
        rows = self._database.rows(
            "SELECT member, k, life, state FROM log WHERE line = ? AND state IS NOT NULL"
            " ORDER BY member, k, life",
            (self._line(line),),
        )
        return [(LogId(member, k, life), state) for member, k, life, state in rows]

    def outbox(self, line: bytes) -> Sequence[OutboxRow]:
        """The rows of a line's outbox by rising number, their drafts not loaded."""
        base = self._line(line) << INDEX_BITS
        rows = self._database.rows(
            "SELECT id, precedence, submitted_s, awaits_release FROM outbox"
            " WHERE id BETWEEN ? AND ? ORDER BY id",
            (base, base | INDEX_MASK),
        )
        return [
            OutboxRow(
                number & INDEX_MASK,
                Draft(kind=NOT_LOADED, audience=0, precedence=precedence),
                submitted_s,
                bool(awaits_release),
            )
            for number, precedence, submitted_s, awaits_release in rows
        ]

    def aheads(self, line: bytes) -> Sequence[Place]:
        """The entries that overtook and whose gaps are still open, in order of place."""
        rows = self._database.rows(
            "SELECT l.member, l.k, l.life, a.id FROM ahead AS a JOIN log AS l"
            " ON l.number = a.id >> 40 WHERE l.line = ? AND a.id & ? >= l.size"
            " ORDER BY l.member, l.k, l.life, a.id",
            (self._line(line), INDEX_MASK),
        )
        return [Place(LogId(member, k, life), at & INDEX_MASK) for member, k, life, at in rows]

    def ahead(self, line: bytes, log: LogId, index: int) -> StoreAhead | None:
        """An entry that overtook, with its proof."""
        return self.shelf(line).ahead_proof(log, index)

    def heads(self, line: bytes, log: LogId, at_least: int) -> Iterator[StoredHead]:
        """The signed heads of a log of at least that size, by rising size, read in pages."""
        number = self._numbers.find(self._line(line), log)
        if number is None:
            return
        base = number << INDEX_BITS
        first = base | max(at_least, 0)
        while True:
            rows = self._database.rows(
                "SELECT id, root, signature, held_at_s FROM head"
                " WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
                (first, base | INDEX_MASK, _PAGE_ROWS),
            )
            for at, root, signature, held_at_s in rows:
                yield StoredHead(at & INDEX_MASK, root, signature, held_at_s)
            if len(rows) < _PAGE_ROWS:
                return
            first = rows[-1][0] + 1

    def cosignatures(self, line: bytes, log: LogId, at_least: int) -> Iterator[StoreCosignature]:
        """The cosignatures on a log's heads of at least that size, read in pages."""
        number = self._numbers.find(self._line(line), log)
        after = (at_least, -1, -1)
        while number is not None:
            rows = self._database.rows(
                "SELECT s.size, s.cosigner, s.time_s, c.name, c.member, s.signature"
                " FROM cosignature AS s JOIN cosigner AS c ON c.number = s.cosigner"
                " WHERE s.log = ? AND (s.size, s.cosigner, s.time_s) > (?, ?, ?)"
                " ORDER BY s.size, s.cosigner, s.time_s LIMIT ?",
                (number, *after, _PAGE_ROWS),
            )
            for size, _, time_s, name, member, signature in rows:
                yield StoreCosignature(line, log, size, name, member, time_s, signature)
            if len(rows) < _PAGE_ROWS:
                return
            after = rows[-1][:3]

    def signed_up_to(self, line: bytes, log: LogId, name: str) -> int:
        """The largest size of a log on which the cosigner of that name stands; read backwards."""
        number = self._numbers.find(self._line(line), log)
        row = self._database.row(
            "SELECT size FROM cosignature WHERE log = ? AND cosigner IN"
            " (SELECT number FROM cosigner WHERE name = ?) ORDER BY size DESC LIMIT 1",
            (number, name),
        )
        return 0 if row is None else int(row[0])

    def own_head(self, line: bytes) -> OwnHead | None:
        """Our newest log of a line that has an entry; of equals, the one this node signed."""
        row = self._database.row(
            "SELECT g.k, g.life, g.size FROM log AS g JOIN line AS l ON l.number = g.line"
            " WHERE l.number = ? AND g.member = l.member AND g.size > 0"
            " ORDER BY g.k DESC, g.own DESC, g.life DESC LIMIT 1",
            (self._line(line),),
        )
        return None if row is None else OwnHead(*row)

    def damage(self) -> str:
        """Every row is read, and held against those that were written with it."""
        return of_all(self._database)

    def shelf(self, line: bytes) -> SqliteShelf:
        """What the core reads of one line; empty until the line is stored."""
        return SqliteShelf(self._database, self._sealer, line, self._numbers)

    def get_meta(self, name: str) -> bytes | None:
        """The bytes kept under a name, or None."""
        row = self._database.row("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else bytes(row[0])

    def cards(self) -> Sequence[StoredCard]:
        """Every card of every party, in order of party and serial."""
        rows = self._database.rows(
            "SELECT party, serial, data, ceremony FROM card ORDER BY party, serial"
        )
        return [StoredCard(*row) for row in rows]

    def revocations(self) -> Sequence[tuple[bytes, bytes]]:
        """Every revocation as (party, signed form), in the order of arrival."""
        rows = self._database.rows("SELECT party, data FROM revocation ORDER BY number")
        return [(party, data) for party, data in rows]

    @property
    def journal(self) -> Journal:
        """The party's own private log."""
        return self._journal

    def pin(self) -> None:
        """Whatever is read from now on is of one commit, until ``close``: the writer goes on."""
        self._database.run("BEGIN")
        self._database.row("SELECT value FROM meta LIMIT 1")

    def snapshot(self) -> bytes:
        """The whole store as the bytes of one file, as of one commit: for a backup."""
        return self._database.snapshot()

    def close(self) -> None:
        """Lets go of the file; an open transaction is rolled back."""
        self._database.close()

    def _line(self, line: bytes) -> int:
        found = self._numbers.line(line)
        if found is None:
            raise LocalError(Refusal.UNKNOWN_LINE, line.hex()[:16])
        return found


def check_master(reader: SqliteReader, sealer: Sealer) -> None:
    """LocalError NOT_ALLOWED if a store was made under another master key."""
    word = reader.get_meta(MASTER_CHECK)
    if word is not None and not sealer.knows(word):
        raise LocalError(Refusal.NOT_ALLOWED, "these are not the keys this store was made with")


def open_read_only(folder: Path, master: bytes | None = None) -> SqliteReader:
    """A reader beside the node, which may be running: it sees what was last committed.

    Without ``master`` every body and every note reads as not held here: enough for sizes, rungs
    and a snapshot, and never to be exported from. LocalError as ``Database.open_reader`` says,
    NEWER_SCHEMA or UNKNOWN_VERSION for a store that another version must open first,
    NOT_ALLOWED for another store's key.
    """
    database = Database.open_reader(folder)
    try:
        if migrate.check(database) < migrate.SCHEMA_VERSION:
            raise LocalError(
                Refusal.UNKNOWN_VERSION,
                "an older store: start the node once to bring it up to date",
            )
        sealer = None if master is None else Sealer(master, os.urandom)
        reader = SqliteReader(database, sealer, Journal(SqliteNotes(database, sealer), os.urandom))
        if sealer is not None:
            check_master(reader, sealer)
    except DetenteError:
        database.close()
        raise
    return reader
