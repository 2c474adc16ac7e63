"""Attachments in the SQLite store: sealed chunks, in their order, and how far they are here."""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.attachment import Progress, begin
from detente.core.errors import LocalError, MachineError, Refusal
from detente.core.events import OpenAttachments, StageChunks, StoreChunks
from detente.core.limits import CHUNK_BYTES
from detente.core.merkle import HASH_BYTES
from detente.store.database import Database

CHUNK_BITS = 16  # of a chunk's id: 16,384 chunks are the most that one attachment has


def stage(database: Database, line: int, effect: StageChunks) -> None:
    """Keeps a file of ours whole, under its root, until its dispatch has a place."""
    size = sum(map(len, effect.boxes))
    made = database.rows(
        "INSERT INTO attachment (line, number, root, size_bytes, day, held, ahead, open)"
        " VALUES (?, 0, ?, ?, 0, ?, x'', 0) RETURNING id",
        (line, effect.root, size, len(effect.boxes)),
    )
    _put(database, int(made[0][0]), 0, effect.boxes)


def drop_staged(database: Database, line: int, root: bytes) -> None:
    """Forgets a file whose dispatch will not be sent."""
    row = _staged(database, line, root)
    if row is not None:
        _drop(database, row)


def open_for(database: Database, line: int, entry: int, effect: OpenAttachments) -> None:
    """What is staged is the entry's from now on; the rest will come."""
    for number, one in enumerate(effect.attachments):
        found = _staged(database, line, one.root)
        if found is not None:
            database.run(
                "UPDATE attachment SET entry = ?, number = ?, size_bytes = ?, day = ? WHERE id = ?",
                (entry, number, one.size_bytes, effect.day, found),
            )
            continue
        progress = begin(one)
        database.run(
            "INSERT OR IGNORE INTO attachment"
            " (line, entry, number, root, size_bytes, day, held, ahead, open)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?, 1)",
            (line, entry, number, one.root, one.size_bytes, effect.day, b"".join(progress.ahead)),
        )


def store(database: Database, entry: int, effect: StoreChunks) -> None:
    """The next chunks of one attachment. LocalError NOT_HELD where it was not opened, USAGE where
    they do not stand next."""
    row = database.row(
        "SELECT id, held FROM attachment WHERE entry = ? AND number = ?", (entry, effect.number)
    )
    if row is None:
        raise LocalError(Refusal.NOT_HELD, f"attachment {effect.number}")
    number, held = row
    if held + len(effect.boxes) != effect.progress.held:
        raise LocalError(Refusal.USAGE, f"chunks that do not stand at {held}")
    _put(database, number, held, effect.boxes)
    database.run(
        "UPDATE attachment SET held = ?, ahead = ? WHERE id = ?",
        (effect.progress.held, b"".join(effect.progress.ahead), number),
    )


def close(database: Database, entry: int) -> None:
    """Nothing of an entry's attachments is asked for any more."""
    database.run("UPDATE attachment SET open = 0 WHERE entry = ?", (entry,))


def drop(database: Database, entry: int) -> None:
    """The attachments of a purged entry go: the key that opens them has gone with its body."""
    for (number,) in database.rows("SELECT id FROM attachment WHERE entry = ?", (entry,)):
        _drop(database, number)


def progress_of(database: Database, entry: int) -> Sequence[Progress]:
    """How far each attachment of an entry is here, in order. MachineError DISK where one is lost
    before another."""
    rows = database.rows(
        "SELECT size_bytes, held, ahead, number FROM attachment WHERE entry = ? ORDER BY number",
        (entry,),
    )
    if rows and rows[-1][3] != len(rows) - 1:
        raise MachineError(Refusal.DISK, "damaged: an attachment is not there")
    return [Progress(size, held, _hashes(ahead)) for size, held, ahead, _ in rows]


def open_entries(database: Database, line: int) -> Sequence[int]:
    """The ids of entries whose attachments are open."""
    rows = database.rows(
        "SELECT DISTINCT entry FROM attachment WHERE open AND line = ? ORDER BY entry", (line,)
    )
    return [entry for (entry,) in rows]


def chunks(database: Database, entry: int, number: int, start: int, stop: int) -> Sequence[bytes]:
    """Sealed chunks start..stop-1, as far as they are here. MachineError DISK where the attachment
    says that they are, and they are not."""
    row = database.row(
        "SELECT id, held FROM attachment WHERE entry = ? AND number = ?", (entry, number)
    )
    if row is None:
        return []
    base, stop = int(row[0]) << CHUNK_BITS, min(stop, row[1])
    rows = database.rows(
        "SELECT box FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id",
        (base | start, base + stop - 1),
    )
    if len(rows) < stop - start:
        raise MachineError(Refusal.DISK, f"damaged: chunks of attachment {number} are not there")
    return [box for (box,) in rows]


def bytes_of_day(database: Database, line: int, member: int, day: int) -> int:
    """What a member's attachments take up that were charged to a day, in whole chunks."""
    row = database.row(
        "SELECT coalesce(sum((a.size_bytes + ?1 - 1) / ?1), 0) * ?1 FROM attachment AS a"
        " JOIN log AS l ON l.number = a.entry >> 40"
        " WHERE a.line = ?2 AND a.day = ?3 AND l.member = ?4",
        (CHUNK_BYTES, line, day, member),
    )
    return 0 if row is None else int(row[0])


def _staged(database: Database, line: int, root: bytes) -> int | None:
    row = database.row(
        "SELECT id FROM attachment WHERE entry IS NULL AND line = ? AND root = ?", (line, root)
    )
    return None if row is None else int(row[0])


def _put(database: Database, number: int, first: int, boxes: Sequence[bytes]) -> None:
    base = number << CHUNK_BITS
    database.run_many(  # a disk that lied may have kept them, though not the row that counts them
        "INSERT OR REPLACE INTO chunk VALUES (?, ?)",
        [(base | at, box) for at, box in enumerate(boxes, first)],
    )


def _drop(database: Database, number: int) -> None:
    base = number << CHUNK_BITS
    last = base | (1 << CHUNK_BITS) - 1
    database.run("DELETE FROM chunk WHERE id BETWEEN ? AND ?", (base, last))
    database.run("DELETE FROM attachment WHERE id = ?", (number,))


def _hashes(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))
