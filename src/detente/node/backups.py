"""Backups of a home: made while the node runs, rehearsed offline, restored as a mute node.

The high-water mark is never in one: that is what tells a restored node from the one that ran on.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from detente.core.body import commit
from detente.core.charter import parse_charter
from detente.core.errors import DetenteError, LocalError, MachineError, PeerError, Refusal
from detente.core.identity import Card, SignedCard, origin, parse_card
from detente.core.leaf import LogId
from detente.core.merkle import Frontier, leaf_hash
from detente.core.notes import Checkpoint, verify_checkpoint
from detente.core.transcript import Entry
from detente.node.config import load_config, write_config
from detente.node.folder import BACKED_UP, STORE_FOLDER, open_home, own_card
from detente.node.opening import judged
from detente.store.contract import StoredLine
from detente.store.database import FILE_NAME
from detente.store.keyring import NODE_FILE, SPARE_FILE
from detente.store.mark import MarkFolder
from detente.store.private import write_private
from detente.store.sealed import officers, party_of
from detente.store.sqlite import open_read_only
from detente.store.sqlite_reader import SqliteReader

BACKUP_BYTES_MAX = 1 << 40  # a terabyte: more is not this node's
FILE_BYTES_MAX = 1 << 20  # of a card, a configuration, a file of sealed keys
TRIES_MAX = 3  # keys replaced while a backup is made: once is bad luck
_SNAPSHOT = f"{STORE_FOLDER}/snapshot"
_PAGE_ENTRIES = 512


def backup(path: Path, out: Path) -> dict[str, object]:
    """A tar of the home as it stands: card, sealed keys, configuration, a snapshot of the store.

    Works beside the running node. LocalError IN_USE if ``out`` exists, NOT_FOUND for a home whose
    node has never run.
    """
    own_card(path)
    if out.exists():
        raise LocalError(Refusal.IN_USE, f"{out} exists already")
    files, snapshot = _gather(path)
    buffer_name = out.with_name(out.name + ".part")
    buffer_name.unlink(missing_ok=True)
    with tarfile.open(buffer_name, "x:gz", compresslevel=6) as tar:
        for name, data in {**files, _SNAPSHOT: snapshot}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o600
            tar.addfile(info, io.BytesIO(data))
    buffer_name.chmod(0o600)
    buffer_name.rename(out)
    return {"path": str(out), "bytes": out.stat().st_size}


def _gather(path: Path) -> tuple[dict[str, bytes], bytes]:
    """The files and the store as of one moment: keys may be replaced while we read."""
    for _ in range(TRIES_MAX):
        files = {name: (path / name).read_bytes() for name in BACKED_UP}
        with closing(open_read_only(path / STORE_FOLDER)) as store:
            snapshot = store.snapshot()
        if files == {name: (path / name).read_bytes() for name in BACKED_UP}:
            return files, snapshot
    raise LocalError(Refusal.IN_USE, "the keys in this home are being replaced: try again")


def restore(archive: Path, path: Path, mark: Path | None = None) -> SignedCard:
    """Unpacks a backup into a new home; ``why_mute`` says whether it will sign.

    LocalError IN_USE for a home that is not empty, NOT_FOUND or MALFORMED for no backup.
    """
    if path.exists() and any(path.iterdir()):
        raise LocalError(Refusal.IN_USE, f"{path} is not empty")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"no folder at {path}: {exc.strerror}") from exc
    with _opened(archive) as tar:
        _unpack(tar, path)
    if mark is not None:
        moved = msgspec.structs.replace(load_config(path), mark=str(mark.absolute()))
        write_config(path, moved)
    return own_card(path)


def why_mute(path: Path) -> str:
    """Why the node of a restored home will be mute, as far as its mark tells; empty if it goes on.

    Whether all is as it was signed is known only when the node opens its keys: then it may be
    mute all the same. A mark that another process holds, or that cannot be read, is a reason.
    """
    config = load_config(path)
    try:
        with (
            closing(open_read_only(path / STORE_FOLDER)) as store,
            closing(MarkFolder.open(Path(config.mark), create=True, home=path)) as marks,
        ):
            verdicts = [judged(store, marks, line) for line in store.lines()]
            muted = [line.mute for line in store.lines() if line.mute]
    except (LocalError, MachineError) as exc:
        return exc.detail
    return next((one.reason for one in verdicts if one.restored), "") or "".join(muted[:1])


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            yield tar
    except FileNotFoundError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no backup at {archive}") from exc
    except (tarfile.TarError, EOFError, OSError, zlib.error) as exc:
        raise LocalError(Refusal.MALFORMED, f"{archive} is not a whole backup") from exc


def _unpack(tar: tarfile.TarFile, path: Path) -> None:
    """Everything is read before anything is written: a broken archive leaves an empty folder."""
    files = {name: _member(tar, name, FILE_BYTES_MAX) for name in BACKED_UP}
    database = _member(tar, _SNAPSHOT, BACKUP_BYTES_MAX)
    for name, data in files.items():
        write_private(path / name, data)
    (path / STORE_FOLDER).mkdir(mode=0o700)
    write_private(path / STORE_FOLDER / FILE_NAME, database)


def _member(tar: tarfile.TarFile, name: str, most: int) -> bytes:
    try:
        info = tar.getmember(name)
    except KeyError as exc:
        raise LocalError(Refusal.MALFORMED, f"the backup lacks {name}") from exc
    file = tar.extractfile(info) if info.isfile() and info.size <= most else None
    if file is None:
        raise LocalError(Refusal.MALFORMED, f"{name} in the backup is not a file of its kind")
    return file.read()


# --- rehearsal --------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineRehearsed:
    """What a restored node would have of one line, and nothing of what came after."""

    line: str
    title: str
    logs: dict[str, int]
    incarnation: int
    queued: int
    lacks_bodies: int  # readable only with the passphrases; else not counted


def rehearse(archive: Path, passphrases: Sequence[str] | None = None) -> dict[str, object]:
    """Checks that a backup would come back: nothing is connected, signed, or left behind.

    The archive unpacks, card and configuration read, the sealed keys are this party's, the store
    opens, and every log leads to every head that its author signed. With ``passphrases`` the keys
    are opened too, must be those of the card, and each body must open its leaf. LocalError names
    the first thing that is wrong.
    """
    with TemporaryDirectory(prefix="detente-rehearsal-") as folder:
        path = Path(folder) / "home"
        card = restore(archive, path).card
        for name in (NODE_FILE, SPARE_FILE):
            if party_of((path / name).read_bytes()) != card.party:
                raise LocalError(Refusal.BAD_CARD, f"{name} in the backup is another party's")
        load_config(path)
        master = None if passphrases is None else open_home(path, passphrases).keys.store
        with closing(open_read_only(path / STORE_FOLDER, master)) as store:
            cards = {card.party: card, **_cards(store)}
            lines = [_line(store, line, cards, bodies=master is not None) for line in store.lines()]
            notes = store.journal.size()
        return {
            "party": card.party.hex(),
            "name": card.name,
            "serial": card.serial,
            "issued_s": card.issued_s,
            "officers": officers((path / NODE_FILE).read_bytes()),
            "keys_opened": passphrases is not None,
            "cards": len(cards) - 1,
            "journal": notes,
            "entries": sum(sum(line.logs.values()) for line in lines),
            "lines": [asdict(line) for line in lines],
            "mute": True,
        }


def _cards(store: SqliteReader) -> dict[bytes, Card]:
    try:
        return {one.party: parse_card(one.data, checked=True).card for one in store.cards()}
    except PeerError as exc:
        raise LocalError(Refusal.BAD_CARD, f"a card in the backup: {exc}") from exc


def _line(
    store: SqliteReader, line: StoredLine, cards: dict[bytes, Card], *, bodies: bool
) -> LineRehearsed:
    try:
        charter = parse_charter(line.charter)
        lacks = 0
        logs = store.shelf(line.line).logs()
        for log in logs:
            member = charter.member(log.member)
            card = None if member is None else cards.get(member.party)
            if card is None:
                raise LocalError(Refusal.UNKNOWN_PARTY, f"no card for log {log.word}")
            name, key = origin(line.line, card.party, log), card.pairs[log.k].log
            lacks += _log(store, line, log, name, key, bodies=bodies)
    except DetenteError as exc:
        raise LocalError(exc.refusal, f"line {line.line.hex()[:16]}: {exc.detail}") from exc
    shelf = store.shelf(line.line)
    own = store.own_head(line.line)
    return LineRehearsed(
        line=line.line.hex(),
        title=charter.title,
        logs={f"{log.member}/{log.word}": shelf.size(log) for log in logs},
        incarnation=0 if own is None else own.incarnation,
        queued=len(store.outbox(line.line)),
        lacks_bodies=lacks,
    )


def _log(
    store: SqliteReader, line: StoredLine, log: LogId, name: str, key: bytes, *, bodies: bool
) -> int:
    """Hashes a log again and meets every signed head; gives how many bodies are not there."""
    frontier, lacks, last = Frontier(), 0, None
    heads = iter(store.heads(line.line, log, 1))
    head = next(heads, None)
    size = store.shelf(line.line).size(log)
    for entry in _entries(store, line, log, size):
        frontier.append(leaf_hash(entry.raw))
        lacks += bodies and _lacks_body(line, entry)
        if head is not None and head.size == frontier.size:
            if head.root != frontier.root():
                raise LocalError(Refusal.BAD_PROOF, f"log {log.word} at {head.size}")
            last, head = head, next(heads, None)
    if size and (last is None or last.size != size or head is not None):
        raise LocalError(Refusal.BAD_PROOF, f"log {log.word} ends without a signed head")
    if last is not None and not verify_checkpoint(
        Checkpoint(name, last.size, last.root), key, last.signature
    ):
        raise LocalError(Refusal.BAD_SIGNATURE, f"log {log.word} at {last.size}")
    return lacks


def _entries(store: SqliteReader, line: StoredLine, log: LogId, size: int) -> Iterator[Entry]:
    shelf = store.shelf(line.line)
    for start in range(0, size, _PAGE_ENTRIES):
        yield from shelf.entries(log, start, min(size, start + _PAGE_ENTRIES))


def _lacks_body(line: StoredLine, entry: Entry) -> bool:
    """Whether a body that is ours to hold is not here. BAD_COMMITMENT for one of another leaf."""
    leaf = entry.leaf
    if leaf is None or leaf.commitment is None or not leaf.reads(line.member):
        return False
    if entry.body is None or entry.salt is None:
        return not entry.purged
    if commit(entry.salt, entry.body) != leaf.commitment:
        raise LocalError(Refusal.BAD_COMMITMENT, f"entry {entry.place.index}")
    return False
