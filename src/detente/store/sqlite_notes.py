"""The rows of the journal in SQLite; ``store.journal`` has the format."""

from __future__ import annotations

from collections.abc import Sequence

from detente.store.database import Database
from detente.store.journal import NoteRow
from detente.store.sealing import Sealer, note_place


class SqliteNotes:
    """``journal.NoteRows``. Without a sealer every note reads as purged."""

    def __init__(self, database: Database, sealer: Sealer | None) -> None:
        self._database = database
        self._sealer = sealer

    def size(self) -> int:
        """How many notes there are."""
        row = self._database.row("SELECT max(idx) FROM note")
        return 0 if row is None or row[0] is None else int(row[0]) + 1

    def put(self, row: NoteRow) -> None:
        """Appends a note; its body is sealed."""
        box = wrapped = None
        if row.body is not None and self._sealer is not None:
            wrapped, box = self._sealer.seal([(note_place(row.index), row.body)])[0]
        with self._database.joined():
            self._database.run(
                "INSERT INTO note (idx, hash, subtrees, leaf, salt, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (row.index, row.hash, row.subtrees, row.raw, row.salt, box),
            )
            if wrapped is not None:
                self._database.run("INSERT INTO note_key VALUES (?, ?)", (row.index, wrapped))

    def get(self, start: int, stop: int) -> Sequence[NoteRow]:
        """Notes start..stop-1 as far as they exist, in order."""
        rows = self._database.rows(
            "SELECT n.idx, n.hash, n.leaf, n.subtrees, n.salt, n.body, k.wrapped"
            " FROM note AS n LEFT JOIN note_key AS k ON k.idx = n.idx"
            " WHERE n.idx >= ? AND n.idx < ? ORDER BY n.idx",
            (start, stop),
        )
        out = []
        for index, digest, raw, subtrees, salt, box, wrapped in rows:
            body = None
            if box is not None and self._sealer is not None:
                body = self._sealer.open(note_place(index), wrapped, box)
            out.append(NoteRow(index, digest, raw, subtrees, salt, body))
        return out

    def tree(self, index: int) -> tuple[bytes, bytes] | None:
        """Leaf hash and completed subtrees of a note."""
        row = self._database.row("SELECT hash, subtrees FROM note WHERE idx = ?", (index,))
        return None if row is None else (row[0], row[1])

    def find(self, digest: bytes) -> int | None:
        """The index of the note with this leaf hash, or None."""
        row = self._database.row("SELECT idx FROM note WHERE hash = ?", (digest,))
        return None if row is None else int(row[0])

    def drop(self, index: int) -> None:
        """Destroys the key, body and salt of a note."""
        with self._database.joined():
            self._database.run("DELETE FROM note_key WHERE idx = ?", (index,))
            self._database.run(
                "UPDATE note SET purged = 1, salt = NULL, body = NULL WHERE idx = ?", (index,)
            )
            self._database.scrub_after_commit()
