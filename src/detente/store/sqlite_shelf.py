"""One line as the core reads it, inside the connection that writes it.

Answers what ``core.shelf.Shelf`` and ``core.transcript.Transcript`` ask in a number of steps
that grows with the logarithm of the log, beside the rows it returns; ``of_kind([SEEN])`` alone
reads every entry.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.attachment import Progress
from detente.core.encoding import Reader
from detente.core.errors import DetenteError, LocalError, MachineError, PeerError, Refusal
from detente.core.events import Draft, SignedHead, StoreAhead
from detente.core.leaf import Kind, LogId, read_log_id
from detente.core.merkle import HASH_BYTES, root_at
from detente.core.transcript import Cover, Entry, Place
from detente.core.wire import lenient
from detente.store import sqlite_attachments as attachments
from detente.store.database import Database, Row
from detente.store.drafts import decode_draft
from detente.store.sealing import Sealer, body_place, draft_place, log_place
from detente.store.sqlite_index import INDEX_BITS, INDEX_MASK, prefix_of

_LOGS_REMEMBERED_MAX = 4096
_NO_LINE = -1  # no row has it

_ENTRY = (
    "SELECT e.id, e.hash, e.leaf, e.salt, e.body, e.purged, k.wrapped"
    " FROM entry AS e LEFT JOIN body_key AS k ON k.id = e.id"
)
_FIRST_COVERS = (
    "SELECT l.member, l.k, l.life, c.by_log, c.by_index, c.size, c.held_at_s, p.backs"
    " FROM cover_pair AS p"
    " JOIN cover AS c ON c.by_log = p.by_log AND c.covered = p.covered AND c.size ="
    " (SELECT min(size) FROM cover WHERE by_log = p.by_log AND covered = p.covered AND size > ?)"
    " JOIN log AS l ON l.number = p.by_log"
    " WHERE p.line = ? AND p.covered = ? ORDER BY l.member, l.k, l.life"
)
_LATER_COVERS = (
    "SELECT by_index, size, held_at_s FROM cover_back WHERE by_log = ? AND covered = ?"
    " AND by_index > ? AND size > ? AND held_at_s < ? ORDER BY by_index"
)
_VECTOR = (
    "SELECT p.covered, (SELECT c.size FROM cover AS c WHERE c.by_log = p.by_log"
    " AND c.covered = p.covered AND c.by_index <= ? ORDER BY c.by_index DESC LIMIT 1)"
    " FROM cover_pair AS p WHERE p.by_log = ?"
)
_ALL_SEEN = (
    "SELECT l.member, l.k, l.life, e.id FROM log AS l CROSS JOIN entry AS e"
    " ON e.id BETWEEN l.number << 40 AND l.number << 40 | 1099511627775"
    " WHERE l.line = ? AND e.kind = ?"
)
# The last condition is how SQLite sees that the partial index holds them all.
_OF_KIND = _ALL_SEEN + " AND e.kind <> 2"


class Numbers:
    """The numbers of lines and logs that have a row; forgotten at every rollback."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: dict[bytes, int] = {}
        self._numbers: dict[tuple[int, LogId], int] = {}

    def line(self, line: bytes) -> int | None:
        """The number of a line, or None."""
        found = self._lines.get(line)
        if found is None:
            row = self._database.row("SELECT number FROM line WHERE id = ?", (line,))
            if row is None:
                return None
            self._lines[line] = found = int(row[0])
        return found

    def find(self, line: int, log: LogId) -> int | None:
        """The number of a log, or None."""
        found = self._numbers.get((line, log))
        if found is None:
            row = self._database.row(
                "SELECT number FROM log WHERE line = ? AND member = ? AND k = ? AND life = ?",
                (line, *log),
            )
            if row is None:
                return None
            found = int(row[0])
            if len(self._numbers) >= _LOGS_REMEMBERED_MAX:
                self._numbers.clear()
            self._numbers[line, log] = found
        return found

    def find_or_make(self, line: int, log: LogId) -> int:
        """The number of a log, which gets a row if it has none."""
        found = self.find(line, log)
        if found is None:
            made = self._database.rows(
                "INSERT INTO log (line, member, k, life) VALUES (?, ?, ?, ?) RETURNING number",
                (line, *log),
            )
            found = int(made[0][0])
        return found

    def forget(self) -> None:
        """After a rollback, since a number given within it was never given."""
        self._lines.clear()
        self._numbers.clear()


class SqliteShelf:
    """Read access to one line, empty until it is stored. Without a sealer every body reads as not
    held here."""

    def __init__(
        self, database: Database, sealer: Sealer | None, line: bytes, numbers: Numbers
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._line = line
        self._logs = numbers

    @property
    def _number(self) -> int:
        found = self._logs.line(self._line)
        return _NO_LINE if found is None else found

    # --- the transcript -----------------------------------------------------------------------

    def logs(self) -> Sequence[LogId]:
        """Every log with an entry, in order of id."""
        found = self._database.rows(
            "SELECT member, k, life FROM log WHERE line = ? AND size > 0 ORDER BY member, k, life",
            (self._number,),
        )
        return [LogId(*row) for row in found]

    def size(self, log: LogId) -> int:
        """How many entries are held; 0 for an unknown log."""
        row = self._database.row(
            "SELECT size FROM log WHERE line = ? AND member = ? AND k = ? AND life = ?",
            (self._number, *log),
        )
        return 0 if row is None else int(row[0])

    def entry(self, log: LogId, index: int) -> Entry:
        """One entry. LocalError NOT_HELD beyond the size, MachineError DISK where it is lost."""
        row = self._database.row(f"{_ENTRY} WHERE e.id = ?", (self._id(log, index),))
        if row is None:
            raise self._not_here(log, index)
        return self._entry(log, row)

    def find(self, leaf_hash: bytes) -> Place | None:
        """Where the entry with this leaf hash stands; the first place of equal leaves."""
        row = self._database.row(
            "SELECT l.member, l.k, l.life, h.id FROM entry_hash AS h"
            " JOIN entry AS e ON e.id = h.id JOIN log AS l ON l.number = h.id >> 40"
            " WHERE h.prefix = ? AND e.hash = ? AND l.line = ?"
            " ORDER BY l.member, l.k, l.life, h.id LIMIT 1",
            (prefix_of(leaf_hash), leaf_hash, self._number),
        )
        return None if row is None else _place(row)

    def referring(self, leaf_hash: bytes) -> Sequence[Place]:
        """Entries that name this leaf hash, each once, in order of place."""
        found = self._database.rows(
            "SELECT l.member, l.k, l.life, r.id FROM ref AS r"
            " JOIN log AS l ON l.number = r.id >> 40 WHERE r.line = ? AND r.target = ?"
            " ORDER BY l.member, l.k, l.life, r.id",
            (self._number, leaf_hash),
        )
        return [_place(row) for row in found]

    def kept(self, member: int, leaf_hash: bytes) -> Sequence[Place]:
        """Where a member's entries with this leaf hash stand that are not purged, in order."""
        found = self._database.rows(
            "SELECT l.member, l.k, l.life, h.id FROM entry_hash AS h"
            " JOIN entry AS e ON e.id = h.id JOIN log AS l ON l.number = h.id >> 40"
            " WHERE h.prefix = ? AND e.hash = ? AND NOT e.purged AND l.line = ? AND l.member = ?"
            " ORDER BY l.k, l.life, h.id",
            (prefix_of(leaf_hash), leaf_hash, self._number, member),
        )
        return [_place(row) for row in found]

    def purges(self, member: int, leaf_hash: bytes) -> bool:
        """Whether an entry of this member declares the body of this leaf purged."""
        row = self._database.row(
            "SELECT 1 FROM ref AS r JOIN entry AS e ON e.id = r.id"
            " JOIN log AS l ON l.number = r.id >> 40"
            " WHERE r.line = ? AND r.target = ? AND e.kind = ? AND l.member = ? LIMIT 1",
            (self._number, leaf_hash, Kind.PURGED, member),
        )
        return row is not None

    def covers(self, log: LogId, index: int) -> Sequence[Cover]:
        """The covers of one entry, as ``Transcript.covers`` says."""
        covered = log.encode()
        out = []
        rows = self._database.rows(_FIRST_COVERS, (index, self._number, covered))
        for member, k, life, by_log, by_index, size, held_at_s, backs in rows:
            by = LogId(member, k, life)
            out.append(Cover(by, by_index, log, size, held_at_s))
            if not backs:
                continue
            earliest = held_at_s
            later = self._database.rows(
                _LATER_COVERS, (by_log, covered, by_index, index, held_at_s)
            )
            for later_index, later_size, later_held_at_s in later:
                if later_held_at_s < earliest:
                    earliest = later_held_at_s
                    out.append(Cover(by, later_index, log, later_size, later_held_at_s))
        return out

    def vector(self, log: LogId, index: int) -> dict[LogId, int]:
        """The largest size per other log that entries 0..index state as held."""
        number = self._logs.find(self._number, log)
        if number is None:
            return {}
        rows = self._database.rows(_VECTOR, (index, number))
        return {read_log(covered): size for covered, size in rows if size is not None}

    def of_kind(self, kinds: Sequence[int]) -> Sequence[Place]:
        """Every entry of these kinds, in order of place."""
        out = []
        for kind in set(kinds):
            wanted = _ALL_SEEN if kind == Kind.SEEN else _OF_KIND
            out += [_place(row) for row in self._database.rows(wanted, (self._number, kind))]
        return sorted(out)

    # --- beyond the transcript ----------------------------------------------------------------

    def entries(self, log: LogId, start: int, stop: int) -> Sequence[Entry]:
        """Entries start..stop-1, with their bodies; the errors of ``entry``."""
        if start >= stop:
            return []
        first = self._id(log, start)
        rows = self._database.rows(
            f"{_ENTRY} WHERE e.id BETWEEN ? AND ? ORDER BY e.id", (first, first + stop - start - 1)
        )
        if len(rows) != stop - start:
            right = sum(row[0] == first + at for at, row in enumerate(rows))
            raise self._not_here(log, min(start + right, stop - 1))
        return [self._entry(log, row) for row in rows]

    def root_at(self, log: LogId, size: int) -> bytes | None:
        """The root of a log at a size; None where it is not held so far."""
        if not 0 < size <= self.size(log):
            return None
        return root_at(lambda level, index: self.subtree(log, level, index), size)

    def subtree(self, log: LogId, level: int, index: int) -> bytes:
        """The root of a perfect subtree; level 0 are leaf hashes; the errors of ``entry``.

        It stands in the row of the leaf that completed it.
        """
        last = ((index + 1) << level) - 1
        row = self._database.row(
            "SELECT hash, subtrees FROM entry WHERE id = ?", (self._id(log, last),)
        )
        if row is None:
            raise self._not_here(log, last)
        digest: bytes = row[0]
        if level:
            digest = row[1][HASH_BYTES * (level - 1) : HASH_BYTES * level]
        return digest

    def signed_head(self, log: LogId, at_least: int, at_most: int) -> SignedHead | None:
        """The largest head its author signed with at_least <= size <= at_most."""
        number = self._logs.find(self._number, log)
        if number is None:
            return None
        base = number << INDEX_BITS
        row = self._database.row(
            "SELECT id, root, signature FROM head WHERE id BETWEEN ? AND ?"
            " ORDER BY id DESC LIMIT 1",
            (base | max(at_least, 0), base | min(at_most, INDEX_MASK)),
        )
        return None if row is None else SignedHead(row[0] & INDEX_MASK, row[1], row[2])

    def outbox_draft(self, number: int) -> Draft:
        """The draft of an outbox row. LocalError NOT_FOUND if there is none."""
        row = self._database.row(
            "SELECT wrapped, draft FROM outbox WHERE id = ?",
            (self._number << INDEX_BITS | number,),
        )
        if row is None:
            raise LocalError(Refusal.NOT_FOUND, f"no row {number} in the outbox")
        if self._sealer is None:
            raise LocalError(Refusal.NOT_ALLOWED, "the store was opened without its key")
        return decode_draft(self._sealer.open(draft_place(self._line, number), row[0], row[1]))

    def ahead(self, log: LogId, index: int) -> Entry | None:
        """An entry that overtook and whose gap is still open."""
        found = self.ahead_proof(log, index)
        return None if found is None or index < self.size(log) else found.entry

    def ahead_proof(self, log: LogId, index: int) -> StoreAhead | None:
        """An entry that overtook, as it was stored."""
        number = self._logs.find(self._number, log)
        row = None
        if number is not None:
            row = self._database.row(
                "SELECT id, hash, leaf, salt, body, 0, wrapped,"
                " head_size, head_root, head_signature, path FROM ahead WHERE id = ?",
                (number << INDEX_BITS | index,),
            )
        if row is None:
            return None
        head = SignedHead(row[7], row[8], row[9])
        return StoreAhead(self._line, log, self._entry(log, row[:7]), head, row[10])

    def attachments(self, log: LogId, index: int) -> Sequence[Progress]:
        """How far each attachment of an entry is here, in order; none where none was opened."""
        return attachments.progress_of(self._database, self._id(log, index))

    def open_attachments(self) -> Sequence[Place]:
        """The entries whose attachments were opened and not closed, in order of place."""
        found = attachments.open_entries(self._database, self._number)
        rows = [
            self._database.row(
                "SELECT member, k, life FROM log WHERE number = ?", (entry >> INDEX_BITS,)
            )
            for entry in found
        ]
        pairs = zip(rows, found, strict=True)
        return sorted(_place((*row, entry)) for row, entry in pairs if row is not None)

    def chunks(self, log: LogId, index: int, number: int, start: int, stop: int) -> Sequence[bytes]:
        """Sealed chunks start..stop-1 of one attachment."""
        return attachments.chunks(self._database, self._id(log, index), number, start, stop)

    def attached_bytes(self, member: int, day: int) -> int:
        """What a member's attachments take up that were charged to a UTC day, in whole chunks."""
        return attachments.bytes_of_day(self._database, self._number, member, day)

    def _id(self, log: LogId, index: int) -> int:
        number = self._logs.find(self._number, log)
        if number is None or not 0 <= index <= INDEX_MASK:
            raise _not_held(log, index)
        return number << INDEX_BITS | index

    def _not_here(self, log: LogId, index: int) -> DetenteError:
        """Beyond the size an entry is not held yet. Below it the disk has lost what it kept."""
        if index >= self.size(log):
            return _not_held(log, index)
        return _damaged(log, index)

    def _entry(self, log: LogId, row: Row) -> Entry:
        number, digest, raw, salt, box, purged, wrapped = row
        index = number & INDEX_MASK
        body = None
        if box is not None and self._sealer is not None:
            place = body_place(log_place(self._line, log), index)
            try:
                body = self._sealer.open(place, wrapped, box)
            except MachineError as exc:
                raise _damaged(log, index) from exc
        salt = None if body is None else salt
        return Entry(Place(log, index), digest, raw, lenient(raw), salt, body, bool(purged))


def read_log(data: bytes) -> LogId:
    """A log id as the index keeps it. MachineError DISK for anything else."""
    try:
        reader = Reader(data)
        log = read_log_id(reader)
        reader.done()
    except PeerError as exc:
        raise MachineError(Refusal.DISK, "an index is damaged") from exc
    return log


def _place(row: Row) -> Place:
    member, k, life, number = row
    return Place(LogId(member, k, life), number & INDEX_MASK)


def _not_held(log: LogId, index: int) -> LocalError:
    return LocalError(Refusal.NOT_HELD, f"entry {index} of log {log.member}/{log.word}")


def _damaged(log: LogId, index: int) -> MachineError:
    return MachineError(Refusal.DISK, f"damaged at entry {index} of log {log.word}")
