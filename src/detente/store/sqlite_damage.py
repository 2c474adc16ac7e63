"""What of an SQLite store contradicts itself, in a few words; nothing where all is well.

A disk that loses what it said to have kept loses pages: some rows of one commit stay, others go.
``of_ends`` asks as much as a start may cost, a few reads for every log; ``of_all`` reads the file.
"""

from __future__ import annotations

from detente.store.database import Database

_ENDS = """
    SELECT g.number, g.size,
    (SELECT max(id) FROM entry WHERE id BETWEEN g.number << 40 AND (g.number + 1 << 40) - 1),
    (SELECT max(id) FROM head WHERE id BETWEEN g.number << 40 AND (g.number + 1 << 40) - 1),
    (SELECT max(id) FROM body_key WHERE id BETWEEN g.number << 40 AND (g.number + 1 << 40) - 1)
    FROM log AS g
"""
# A log made next would take its number, and these rows with it.
_NO_LOG = "SELECT max(id) >> 40 > (SELECT ifnull(max(number), 0) FROM log) FROM {}"
_LOGS_COUNTED = """
    SELECT g.number, g.size, count(e.id), max(e.id) & ((1 << 40) - 1)
    FROM log AS g LEFT JOIN entry AS e
    ON e.id BETWEEN g.number << 40 AND ((g.number + 1) << 40) - 1 GROUP BY g.number
"""
_COVERS = """
    SELECT count(*) FROM cover WHERE (by_log << 40 | by_index) NOT IN (SELECT id FROM entry)
"""
_ATTACHED = "SELECT count(*) FROM attachment WHERE entry NOT IN (SELECT id FROM entry)"
_WITHOUT_ENTRY = (
    ("ref", "SELECT count(*) FROM ref WHERE id NOT IN (SELECT id FROM entry)"),
    ("entry_hash", "SELECT count(*) FROM entry_hash WHERE id NOT IN (SELECT id FROM entry)"),
    ("cover", _COVERS),
    ("cover_back", _COVERS.replace("cover", "cover_back")),
    ("body_key", "SELECT count(*) FROM body_key WHERE id NOT IN (SELECT id FROM entry)"),
    ("head", "SELECT count(*) FROM head WHERE id - 1 NOT IN (SELECT id FROM entry)"),
    ("attachment", _ATTACHED),
)
_LOGLESS = "SELECT count(*) FROM entry WHERE id >> 40 NOT IN (SELECT number FROM log)"
_NOT_FOUND = "SELECT (SELECT count(*) FROM entry) - (SELECT count(*) FROM entry_hash)"
_KEYLESS = """
    SELECT count(*) FROM entry AS e LEFT JOIN body_key AS k ON k.id = e.id
    WHERE (e.body IS NULL) <> (k.id IS NULL)
"""
_NOTES = """
    SELECT count(*) FROM note AS n LEFT JOIN note_key AS k ON k.idx = n.idx
    WHERE (n.body IS NULL) <> (k.idx IS NULL)
"""
_BEHIND = """
    SELECT count(*) FROM attachment AS a WHERE number > 0 AND NOT EXISTS
    (SELECT 1 FROM attachment AS b WHERE (b.entry, b.number) = (a.entry, a.number - 1))
"""
_CHUNKLESS = """
    SELECT count(*) FROM attachment AS a WHERE held <> (SELECT count(*) FROM chunk
    WHERE id BETWEEN a.id << 16 AND (a.id << 16) + a.held - 1)
"""
_APART = (
    ("entries are of no log", _LOGLESS),
    ("entries are not found by their hash", _NOT_FOUND),
    ("bodies are without their key, or keys without their body", _KEYLESS),
    ("notes are without their key, or keys without their note", _NOTES),
    ("notes are not there", "SELECT ifnull(max(idx) + 1, 0) - count(*) FROM note"),
    ("attachments stand behind one that is not there", _BEHIND),
    ("attachments are without some of their chunks", _CHUNKLESS),
)


def of_ends(database: Database) -> str:
    """Whether every log ends where it says, and no row stands beyond: asked at each start."""
    for number, size, *lasts in database.rows(_ENDS):
        entry, head, key = (None if at is None else at - (number << 40) for at in lasts)
        ends = (size - 1, size) if size else (None, None)
        if (entry, head) != ends or (key is not None and key >= size):
            return f"log {number} does not end at its {size} entries"
    for table in ("entry", "head", "ahead", "body_key"):
        row = database.row(_NO_LOG.format(table))
        if row is not None and row[0]:
            return f"rows of «{table}» name a log that is not there"
    row = database.row(f"{_ATTACHED} AND open")
    if row is not None and row[0]:
        return f"{row[0]} rows of «attachment» name entries that are not there"
    return ""


def of_all(database: Database) -> str:
    """Every row of the entries is read, every index is held against its table, and whatever one
    commit wrote in two tables against one another."""
    found = database.row("PRAGMA integrity_check(1)")
    if found is None or found[0] != "ok":
        return "no answer" if found is None else str(found[0])
    for number, size, there, last in database.rows(_LOGS_COUNTED):
        if there != size or (there and last != size - 1):
            return f"log {number} has {there} of its {size} entries"
    for table, question in _WITHOUT_ENTRY:
        row = database.row(question)
        if row is not None and row[0]:
            return f"{row[0]} rows of «{table}» name entries that are not there"
    row = database.row("PRAGMA foreign_key_check")
    if row is not None:
        return f"rows of «{row[0]}» name what is not there in «{row[2]}»"
    for what, question in _APART:
        row = database.row(question)
        if row is not None and row[0]:
            return f"{row[0]} {what}"
    return of_ends(database)
