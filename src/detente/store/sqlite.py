"""The SQLite store: one writer, one transaction a step, its indexes written within (ADR 0005)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.core.events import (
    CloseAttachments,
    DropBody,
    DropStaged,
    Effect,
    NewEntry,
    OpenAttachments,
    QueueOutbox,
    StageChunks,
    StoreAhead,
    StoreBody,
    StoreChunks,
    StoreCosignature,
    StoreEntries,
    StoreFlags,
    StoreLine,
    StoreState,
    TakeOutbox,
)
from detente.core.leaf import LogId
from detente.core.merkle import HASH_BYTES
from detente.store import sqlite_attachments as attachments
from detente.store import sqlite_damage, sqlite_index
from detente.store.contract import NOT_LOADED
from detente.store.database import Database
from detente.store.drafts import encode_draft
from detente.store.journal import Journal
from detente.store.migrate import migrate
from detente.store.sealing import Sealed, Sealer, body_place, draft_place, log_place
from detente.store.sqlite_index import INDEX_BITS, INDEX_MASK
from detente.store.sqlite_notes import SqliteNotes
from detente.store.sqlite_reader import (
    MASTER_CHECK,
    SqliteReader,
    check_master,
    open_read_only,
)

__all__ = ["SqliteStore", "open_read_only", "open_store"]


# What a node reads whole when it starts, and is short: so it is looked through each time.
_SMALL = ("meta", "line", "log", "card", "revocation", "cosigner", "outbox")


class SqliteStore(SqliteReader):
    """``contract.Store`` over one SQLite file, opened by the node alone."""

    def __init__(self, database: Database, sealer: Sealer, entropy: Callable[[int], bytes]) -> None:
        super().__init__(database, sealer, Journal(SqliteNotes(database, sealer), entropy))
        self._seals = sealer

    @classmethod
    def open(
        cls,
        folder: Path,
        master: bytes,
        *,
        create: bool = False,
        entropy: Callable[[int], bytes] = os.urandom,
        vfs: str | None = None,
    ) -> SqliteStore:
        """The store in ``folder``, brought to the newest schema; ``create`` makes an absent one.

        Bodies are sealed under ``master``, 32 bytes; ``entropy`` draws their keys. The caller
        holds the lock that keeps a second node out. LocalError as ``Database.open_writer`` and
        ``migrate`` say, NOT_ALLOWED for another master key, USAGE for one of another length.
        MachineError DISK where a row that the start rests on is in pieces, or a log has another end
        than it says.
        """
        sealer = Sealer(master, entropy)
        database = Database.open_writer(folder, create=create, vfs=vfs)
        try:
            migrate(database)
            _check(database)
            store = cls(database, sealer, entropy)
            check_master(store, sealer)
            if store.get_meta(MASTER_CHECK) is None:
                store.put_meta(MASTER_CHECK, sealer.check_word())
            database.scrub()  # a purge whose process ended before it could
            if sqlite_index.is_apart(database):
                store.rebuild_indexes()  # made of the entries, which the mark and `damage` judge
        except DetenteError:
            database.close()
            raise
        return store

    def begin(self) -> None:
        """Opens a transaction. LocalError USAGE if one is open, IN_USE if another writes."""
        if self._database.in_transaction:
            raise LocalError(Refusal.USAGE, "a transaction is open already")
        self._database.begin()

    def commit(self) -> None:
        """Makes the transaction durable. LocalError USAGE if none is open."""
        self._need_transaction()
        self._database.commit()

    def rollback(self) -> None:
        """Forgets the open transaction; without one it does nothing."""
        self._numbers.forget()
        self._database.rollback()

    def apply(self, effect: Effect) -> None:
        """Does one effect within the open transaction; a refusal rolls all of it back."""
        self._need_transaction()
        try:
            match effect:
                case StoreEntries():
                    self._store_entries(effect)
                case StoreState():
                    self._store_state(effect)
                case StoreCosignature():
                    self._store_cosignature(effect)
                case QueueOutbox():
                    self._queue(effect)
                case TakeOutbox():
                    self._take(effect)
                case StoreBody():
                    self._store_body(effect)
                case DropBody():
                    self._drop_body(effect)
                case StageChunks():
                    attachments.stage(self._database, self._line(effect.line), effect)
                case DropStaged():
                    line = self._line(effect.line)
                    attachments.drop_staged(self._database, line, effect.root)
                case OpenAttachments():
                    line, (entry, _) = self._line(effect.line), self._held_by(effect)
                    attachments.open_for(self._database, line, entry, effect)
                case StoreChunks():
                    attachments.store(self._database, self._held_by(effect)[0], effect)
                case CloseAttachments():
                    attachments.close(self._database, self._held_by(effect)[0])
                case StoreAhead():
                    self._store_ahead(effect)
                case StoreLine():
                    self._store_line(effect)
                case StoreFlags():
                    self._database.run(
                        "UPDATE line SET mute = ? WHERE number = ?",
                        (effect.mute, self._line(effect.line)),
                    )
                case _:
                    raise LocalError(Refusal.USAGE, f"{type(effect).__name__} is not for a store")
        except DetenteError:
            self.rollback()
            raise

    def put_meta(self, name: str, value: bytes) -> None:
        """Keeps bytes under a name, in the open transaction or in one of its own."""
        with self._database.joined():
            self._database.run(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (name, value),
            )

    def put_card(self, party: bytes, serial: int, data: bytes, ceremony: bytes | None) -> None:
        """Keeps a card. LocalError STALE_CARD for another card under a serial that is taken."""
        with self._database.joined():
            row = self._database.row(
                "SELECT data FROM card WHERE party = ? AND serial = ?", (party, serial)
            )
            if row is None:
                self._database.run(
                    "INSERT INTO card VALUES (?, ?, ?, ?)", (party, serial, data, ceremony)
                )
            elif row[0] != data:
                raise LocalError(Refusal.STALE_CARD, f"serial {serial} is another card's")
            elif ceremony is not None:
                self._database.run(
                    "UPDATE card SET ceremony = ? WHERE party = ? AND serial = ?",
                    (ceremony, party, serial),
                )

    def put_revocation(self, party: bytes, data: bytes) -> None:
        """Keeps a revocation; the same one again changes nothing."""
        with self._database.joined():
            self._database.run(
                "INSERT INTO revocation (party, data) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (party, data),
            )

    def rebuild_indexes(self) -> None:
        """Derives every index again from the entries, in a transaction of its own."""
        self.begin()
        try:
            sqlite_index.rebuild(self._database)
            self._database.commit()
        finally:
            self.rollback()

    # --- logs ---------------------------------------------------------------------------------

    def _store_line(self, effect: StoreLine) -> None:
        row = self._database.row(
            "SELECT charter, member, joining FROM line WHERE id = ?", (effect.line,)
        )
        wanted = (effect.charter, effect.member, effect.joining)
        if row is None:
            self._database.run(
                "INSERT INTO line (id, charter, member, joining) VALUES (?, ?, ?, ?)",
                (effect.line, *wanted),
            )
        elif row[0] != effect.charter or (row[1] != effect.member and not row[2]):
            raise LocalError(Refusal.USAGE, "this line is stored with another charter or member")
        elif row != wanted:
            self._database.run(
                "UPDATE line SET member = ?, joining = ? WHERE id = ?",
                (effect.member, effect.joining, effect.line),
            )

    def _store_entries(self, effect: StoreEntries) -> None:
        line = self._line(effect.line)
        log = self._numbers.find_or_make(line, effect.log)
        row = self._database.row("SELECT size FROM log WHERE number = ?", (log,))
        size = 0 if row is None else int(row[0])
        _check_order(effect, size)
        base = log << INDEX_BITS
        boxes = self._boxes(effect.line, effect.log, effect.entries)
        rows = []
        indexed: list[sqlite_index.Indexed] = []
        for number, new in enumerate(effect.entries, base | size):
            entry, leaf = new.entry, new.entry.leaf
            box = boxes.get(number & INDEX_MASK)
            rows.append(
                (
                    number,
                    entry.hash,
                    None if leaf is None else leaf.kind,
                    entry.purged,
                    new.subtrees,
                    entry.raw,
                    entry.salt,
                    None if box is None else box.box,
                )
            )
            indexed.append((number, entry.hash, leaf))
        self._database.run_many("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._database.run_many(
            "INSERT INTO body_key VALUES (?, ?)",
            [(base | index, box.wrapped) for index, box in boxes.items()],
        )
        sqlite_index.add(self._database, line, indexed)
        head = effect.head
        self._database.run(
            "INSERT INTO head VALUES (?, ?, ?, ?)",
            (base | head.size, head.root, head.signature, effect.held_at_s),
        )
        self._database.run(
            "UPDATE log SET size = ?, own = max(own, ?), state = ? WHERE number = ?",
            (head.size, effect.own, effect.state, log),
        )
        self._close_gap(base | size, base | head.size - 1)

    def _boxes(self, line: bytes, log: LogId, entries: Sequence[NewEntry]) -> dict[int, Sealed]:
        prefix = log_place(line, log)
        items: dict[int, tuple[bytes, bytes]] = {}
        for new in entries:
            body, index = new.entry.body, new.entry.place.index
            if body is not None:
                items[index] = (body_place(prefix, index), body)
        return dict(zip(items, self._seals.seal(list(items.values())), strict=True))

    def _close_gap(self, first: int, last: int) -> None:
        """Entries that overtook have come in their turn. What was receipted ahead is not lost if
        it now came without its body; another leaf at that index leaves the old one as evidence."""
        rows = self._database.rows(
            "SELECT a.id, a.salt, a.body, a.wrapped, e.body IS NULL AND NOT e.purged FROM ahead"
            " AS a JOIN entry AS e ON e.id = a.id AND e.hash = a.hash WHERE a.id BETWEEN ? AND ?",
            (first, last),
        )
        for number, salt, box, wrapped, bare in rows:
            if bare and box is not None:
                self._set_body(number, salt, Sealed(wrapped, box))
            self._database.run("DELETE FROM ahead WHERE id = ?", (number,))

    def _store_state(self, effect: StoreState) -> None:
        log = self._numbers.find_or_make(self._line(effect.line), effect.log)
        self._database.run("UPDATE log SET state = ? WHERE number = ?", (effect.state, log))

    # --- bodies -------------------------------------------------------------------------------

    def _store_body(self, effect: StoreBody) -> None:
        number, purged = self._held(effect.line, effect.log, effect.index)
        if purged:
            return  # a purge wins whichever comes first (contract.Store.apply)
        place = body_place(log_place(effect.line, effect.log), effect.index)
        self._set_body(number, effect.salt, self._seals.seal([(place, effect.body)])[0])

    def _set_body(self, number: int, salt: bytes, sealed: Sealed) -> None:
        self._database.run(
            "UPDATE entry SET salt = ?, body = ? WHERE id = ?", (salt, sealed.box, number)
        )
        self._database.run(
            "INSERT INTO body_key VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET wrapped = excluded.wrapped",
            (number, sealed.wrapped),
        )

    def _drop_body(self, effect: DropBody) -> None:
        number, _ = self._held(effect.line, effect.log, effect.index)
        self._database.run("DELETE FROM body_key WHERE id = ?", (number,))
        self._database.run(
            "UPDATE entry SET salt = NULL, body = NULL, purged = 1 WHERE id = ?", (number,)
        )
        self._database.run(
            "UPDATE ahead SET salt = NULL, body = NULL, wrapped = NULL WHERE id = ?", (number,)
        )
        attachments.drop(self._database, number)
        self._database.scrub_after_commit()

    def _held_by(
        self, effect: OpenAttachments | StoreChunks | CloseAttachments
    ) -> tuple[int, bool]:
        return self._held(effect.line, effect.log, effect.index)

    def _held(self, line: bytes, log: LogId, index: int) -> tuple[int, bool]:
        """The id of an entry, and whether it is purged. LocalError NOT_HELD."""
        found = self._numbers.find(self._line(line), log)
        row = None
        if found is not None and 0 <= index <= INDEX_MASK:
            row = self._database.row(
                "SELECT id, purged FROM entry WHERE id = ?", (found << INDEX_BITS | index,)
            )
        if row is None:
            raise LocalError(Refusal.NOT_HELD, f"entry {index} of log {log.member}/{log.word}")
        return int(row[0]), bool(row[1])

    def _store_ahead(self, effect: StoreAhead) -> None:
        entry, head = effect.entry, effect.head
        log = self._numbers.find_or_make(self._line(effect.line), effect.log)
        number = log << INDEX_BITS | entry.place.index
        taken = self._database.row(
            "SELECT size > ? OR EXISTS (SELECT 1 FROM ahead WHERE id = ?) FROM log"
            " WHERE number = ?",
            (entry.place.index, number, log),
        )
        if entry.place.log != effect.log or taken is None or taken[0]:
            raise LocalError(Refusal.USAGE, f"entry {entry.place.index} is not ahead of its log")
        box = wrapped = None
        if entry.body is not None:
            place = body_place(log_place(effect.line, effect.log), entry.place.index)
            wrapped, box = self._seals.seal([(place, entry.body)])[0]
        self._database.run(
            "INSERT INTO ahead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, entry.hash, entry.raw, entry.salt, box, wrapped, *head, effect.path),
        )

    # --- cosignatures and the outbox ----------------------------------------------------------

    def _store_cosignature(self, effect: StoreCosignature) -> None:
        log = self._numbers.find_or_make(self._line(effect.line), effect.log)
        who = (effect.name, effect.member)
        self._database.run(
            "INSERT INTO cosigner (name, member) SELECT ?1, ?2 WHERE NOT EXISTS"
            " (SELECT 1 FROM cosigner WHERE name = ?1 AND member = ?2)",
            who,
        )
        # The same statement signed once more adds nothing; ML-DSA signatures of one differ.
        self._database.run(
            "INSERT INTO cosignature SELECT ?, ?, number, ?, ? FROM cosigner"
            " WHERE name = ? AND member = ? ON CONFLICT DO NOTHING",
            (log, effect.size, effect.time_s, effect.signature, *who),
        )

    def _queue(self, effect: QueueOutbox) -> None:
        row, draft = effect.row, effect.row.draft
        number = self._line(effect.line) << INDEX_BITS | row.number
        if draft.kind == NOT_LOADED:
            changed = self._database.run(
                "UPDATE outbox SET awaits_release = ? WHERE id = ?", (row.awaits_release, number)
            )
            if not changed:
                raise LocalError(Refusal.NOT_FOUND, f"no row {row.number} in the outbox")
            return
        place = draft_place(effect.line, row.number)
        wrapped, box = self._seals.seal([(place, encode_draft(draft))])[0]
        self._database.run(
            "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?)",
            (number, draft.precedence, row.submitted_s, row.awaits_release, wrapped, box),
        )

    def _take(self, effect: TakeOutbox) -> None:
        base = self._line(effect.line) << INDEX_BITS
        for number in effect.numbers:
            if not self._database.run("DELETE FROM outbox WHERE id = ?", (base | number,)):
                raise LocalError(Refusal.NOT_FOUND, f"no row {number} in the outbox")

    def _need_transaction(self) -> None:
        if not self._database.in_transaction:
            raise LocalError(Refusal.USAGE, "no transaction is open")


def open_store(folder: Path, master: bytes) -> SqliteStore:
    """The node's store, made at its first start. Errors as ``SqliteStore.open``."""
    return SqliteStore.open(folder, master, create=True)


def _check(database: Database) -> None:
    for table in _SMALL:
        found = database.row(f"PRAGMA quick_check({table})")
        if found is None or found[0] != "ok":
            raise MachineError(Refusal.DISK, f"this store is damaged: {found and found[0]}")
    damage = sqlite_damage.of_ends(database)
    if damage:
        raise MachineError(Refusal.DISK, f"this store is damaged: {damage}")


def _check_order(effect: StoreEntries, size: int) -> None:
    """LocalError USAGE unless the entries stand next in their log, under a head that ends them."""
    log = effect.log
    where = f"log {log.member}/{log.word} at {size}"
    if not effect.entries or effect.head.size != size + len(effect.entries):
        raise LocalError(Refusal.USAGE, f"{where}: a head of size {effect.head.size}")
    for index, new in enumerate(effect.entries, size):
        entry = new.entry
        place = entry.place
        if place.index != index or place.log != log:
            raise LocalError(Refusal.USAGE, f"{where}: entry {entry.place.index} is not next")
        completed = ((index + 1) & -(index + 1)).bit_length() - 1
        if len(new.subtrees) != HASH_BYTES * completed:
            raise LocalError(
                Refusal.USAGE, f"{where}: subtrees that entry {index} does not complete"
            )
        if (entry.body is None) != (entry.salt is None):
            raise LocalError(Refusal.USAGE, f"{where}: body and salt go together")
