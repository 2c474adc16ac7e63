"""An author whose entries are the same every time, and every kind of store in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detente.core.body import commit
from detente.core.events import NewEntry, SignedHead, StoreEntries
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.merkle import Frontier, leaf_hash
from detente.core.transcript import Entry, Place
from detente.core.wire import lenient
from detente.store.contract import Store, StoreReader
from detente.store.sqlite import SqliteStore, open_read_only

START_S = 1_700_000_000


class Author:
    """Grows one log without a key: a store does not look at signatures."""

    LINE = bytes(range(32))
    MASTER = b"\x07" * 32

    def __init__(self, member: int = 0, k: int = 0, life: bytes = b"", line: bytes = LINE) -> None:
        self.line = line
        self.log = LogId(member, k, life)
        self.frontier = Frontier()

    def bytes(self, word: str, count: int) -> bytes:
        """Bytes that only this place of this log has."""
        name = f"{word} {self.line.hex()} {self.log} {self.frontier.size}".encode()
        return hashlib.shake_256(name).digest(count)

    def new(self, body: bytes | None = b"", *, raw: bytes | None = None, **fields) -> NewEntry:
        """The next entry: a dispatch with a body unless told otherwise; ``raw`` may be void."""
        index = self.frontier.size
        body = self.bytes("body", 100) if body == b"" else body
        salt = None if body is None else self.bytes("salt", 16)
        if raw is None:
            values = {
                "kind": Kind.DISPATCH,
                "time_s": START_S + index,
                "audience": 3,
                "serial": index + 1,
                "commitment": None if body is None else commit(salt, body),
            }
            raw = Leaf(**(values | fields)).encode()
        digest = leaf_hash(raw)
        subtrees = b"".join(self.frontier.append(digest))
        place = Place(self.log, index)
        return NewEntry(Entry(place, digest, raw, lenient(raw), salt, body), subtrees)

    def head(self) -> SignedHead:
        """The head over all entries so far."""
        return SignedHead(self.frontier.size, self.frontier.root(), self.bytes("signature", 64))

    def stored(self, *entries: NewEntry, own: bool = False) -> StoreEntries:
        """The effect that stores entries just made."""
        state = self.bytes("state", 40)
        held_at_s = START_S + self.frontier.size
        return StoreEntries(self.line, self.log, entries, self.head(), state, own, held_at_s)

    def say(self, count: int = 1, *, own: bool = False, **fields) -> StoreEntries:
        """The effect that stores so many new entries."""
        return self.stored(*(self.new(**fields) for _ in range(count)), own=own)


class Sqlite:
    """How a test opens SQLite stores."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> Store:
        return SqliteStore.open(self.folder, Author.MASTER, create=True)

    def read(self) -> StoreReader:
        return open_read_only(self.folder, Author.MASTER)


KINDS = {"sqlite": Sqlite}


class Stores:
    """One store of some kind; opened as often as a test likes, closed at its end."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self._how = KINDS[kind](folder)
        self._opened: list[StoreReader] = []

    def open(self) -> Store:
        store = self._how.open()
        self._opened.append(store)
        return store

    def read(self) -> StoreReader:
        reader = self._how.read()
        self._opened.append(reader)
        return reader

    def again(self) -> Store:
        """Closes everything, as the end of a process would, and opens the store anew."""
        self.close()
        return self.open()

    def close(self) -> None:
        for opened in self._opened:
            opened.close()
        self._opened.clear()


@pytest.fixture
def author() -> Callable[..., Author]:
    return Author


@pytest.fixture(params=sorted(KINDS))
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    found = Stores(request.param, tmp_path / "store")
    yield found
    found.close()
