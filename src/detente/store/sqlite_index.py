"""What is derived from the leaves, so that folds stay fast at ten million entries.

Written in the transaction of the entries themselves, and from nothing but them: ``rebuild`` makes
every row again. What is indexed, and why it is enough:

- ``entry_hash``: where a leaf hash stands. Eight bytes of it; the entry has the rest.
- ``ref``: which entries name a leaf hash.
- ``cover``: statements of one log about another that raised the size stated so far. The first
  statement beyond an index is one of these, and so is the largest size up to an index.
- ``cover_back``: statements whose time lies before a time stated already. A later cover with an
  earlier time is one of these. There is none while a member's clock never runs back; otherwise
  reading one cover costs as much as that member has stated since.
"""

from __future__ import annotations

from collections.abc import Iterable

from detente.core.leaf import Leaf
from detente.core.wire import lenient
from detente.store.database import Database

INDEX_BITS = 40
INDEX_MASK = (1 << INDEX_BITS) - 1
_REBUILD_ROWS = 1000
_LAST_ENTRIES = 64  # of each log, looked up at each start: the pages last written are those lost

# A cover pair whose row no index finds, whose last statement is another than it says, or stands
# beyond its log.
_APART = (
    "SELECT EXISTS (SELECT 1 FROM cover_pair AS p WHERE NOT EXISTS (SELECT 1 FROM cover_pair AS q"
    " INDEXED BY cover_pair_covered WHERE (q.line, q.covered, q.by_log) ="
    " (p.line, p.covered, p.by_log))"
    " OR NOT EXISTS (SELECT 1 FROM cover AS c INDEXED BY cover_size WHERE (c.by_log, c.covered,"
    " c.size) = (p.by_log, p.covered, p.size_max))"
    " OR p.size_max IS NOT (SELECT size FROM cover AS c WHERE (c.by_log, c.covered) ="
    " (p.by_log, p.covered) ORDER BY c.by_index DESC LIMIT 1)"
    " OR (SELECT max(by_index) FROM cover AS c WHERE (c.by_log, c.covered) ="
    " (p.by_log, p.covered)) >= (SELECT size FROM log WHERE number = p.by_log))"
)
_LAST = "SELECT id, hash, leaf, kind FROM entry WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"
_BY_HASH = "SELECT EXISTS (SELECT 1 FROM entry_hash WHERE (prefix, id) = (?, ?))"
_BY_KIND = (
    "SELECT EXISTS (SELECT 1 FROM entry INDEXED BY entry_kind"
    " WHERE kind = ?1 AND kind <> 2 AND id = ?2) OR ?1 IS NULL OR ?1 = 2"
)
_BY_REF = "SELECT EXISTS (SELECT 1 FROM ref WHERE (line, target, id) = (?, ?, ?))"

Indexed = tuple[int, bytes, Leaf | None]
"""An entry to be indexed: id, leaf hash, leaf."""


def prefix_of(leaf_hash: bytes) -> int:
    """The first 8 bytes of a leaf hash as SQLite's integers are: signed."""
    return int.from_bytes(leaf_hash[:8], "big", signed=True)


def add(database: Database, line: int, entries: Iterable[Indexed]) -> None:
    """Indexes entries of one line, in the order of each log."""
    hashes: list[tuple[int, int]] = []
    refs: list[tuple[int, bytes, int]] = []
    for number, leaf_hash, leaf in entries:
        hashes.append((prefix_of(leaf_hash), number))
        if leaf is None:
            continue
        refs += [(line, ref, number) for ref in leaf.refs]
        if leaf.seen:
            _add_covers(database, line, number, leaf)
    database.run_many("INSERT OR IGNORE INTO entry_hash VALUES (?, ?)", hashes)
    if refs:
        # One leaf may name another twice; it refers to it once.
        database.run_many("INSERT OR IGNORE INTO ref VALUES (?, ?, ?)", refs)


def _add_covers(database: Database, line: int, number: int, leaf: Leaf) -> None:
    by_log, by_index = number >> INDEX_BITS, number & INDEX_MASK
    for seen in leaf.seen:
        covered = seen.log.encode()
        key = (by_log, covered)
        statement = (by_log, covered, by_index, seen.size, seen.held_at_s)
        known = database.row(
            "SELECT size_max, held_max FROM cover_pair WHERE by_log = ? AND covered = ?", key
        )
        if known is None:
            database.run(
                "INSERT INTO cover_pair VALUES (?, ?, ?, ?, ?, 0)",
                (*key, line, seen.size, seen.held_at_s),
            )
            database.run("INSERT INTO cover VALUES (?, ?, ?, ?, ?)", statement)
            continue
        size_max, held_max = known
        back = seen.held_at_s < held_max
        if seen.size > size_max:
            database.run("INSERT INTO cover VALUES (?, ?, ?, ?, ?)", statement)
        if back:
            database.run("INSERT INTO cover_back VALUES (?, ?, ?, ?, ?)", statement)
        database.run(
            "UPDATE cover_pair SET size_max = max(size_max, ?), held_max = max(held_max, ?),"
            " backs = backs + ? WHERE by_log = ? AND covered = ?",
            (seen.size, seen.held_at_s, back, *key),
        )


def is_apart(database: Database) -> bool:
    """Whether the covers of two logs are not found as the rows about those two say, or the last
    entries of a log not as they stand there: a disk that lied about a sync may keep a table as it
    was last and its index as it was before. A few reads for every two logs, and for the last
    entries of each, so that it can be asked at each start; the rest is for ``damage`` to read.
    """
    found = database.row(_APART)
    logs = database.rows("SELECT number, line FROM log")
    return bool(found and found[0]) or any(_lacks_last(database, *one) for one in logs)


def _lacks_last(database: Database, log: int, line: int) -> bool:
    def is_there(question: str, *args: object) -> bool:
        row = database.row(question, args)
        return bool(row and row[0])

    base = log << INDEX_BITS
    for number, digest, raw, kind in database.rows(_LAST, (base, base | INDEX_MASK, _LAST_ENTRIES)):
        leaf = lenient(raw)
        refs = () if leaf is None else leaf.refs
        found = is_there(_BY_HASH, prefix_of(digest), number) and is_there(_BY_KIND, kind, number)
        if not found or not all(is_there(_BY_REF, line, ref, number) for ref in refs):
            return True
    return False


def rebuild(database: Database) -> None:
    """Makes every derived row again, within the open transaction."""
    database.run("REINDEX entry_kind")  # first: no row is changed whose index is of another time
    for table in ("entry_hash", "ref", "cover_pair", "cover", "cover_back"):
        database.run(f"DELETE FROM {table}")  # noqa: S608  # a name from the list above
    for log, line in database.rows("SELECT number, line FROM log ORDER BY number"):
        last = (log << INDEX_BITS) - 1
        while True:
            found = database.rows(
                "SELECT id, hash, leaf FROM entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
                (last, log << INDEX_BITS | INDEX_MASK, _REBUILD_ROWS),
            )
            if not found:
                break
            entries = [(number, digest, lenient(raw)) for number, digest, raw in found]
            add(database, line, entries)
            database.run_many(
                "UPDATE entry SET kind = ? WHERE id = ?",
                [(None if leaf is None else leaf.kind, number) for number, _, leaf in entries],
            )
            last = found[-1][0]
