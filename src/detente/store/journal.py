"""The journal: a party's own private log, in the format of the others and never sent.

Each note is an RFC 6962 leaf: ``core.leaf.Leaf`` of kind NOTE with audience 0, the note's word in
``extra``, and a commitment to salt and body. The body is canonical JSON, neither compressed nor
padded, and sealed at rest like every body; the leaf's hash is what ``release`` in a dispatch
names. So a note can be disclosed alone, and purged while the leaf stays.

``Journal`` is the format; where its rows lie is the business of a store's ``NoteRows``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from detente.core import limits
from detente.core.body import SALT_BYTES, commit
from detente.core.errors import LocalError, MachineError, Refusal
from detente.core.leaf import Leaf
from detente.core.merkle import EMPTY_ROOT, HASH_BYTES, frontier_at, leaf_hash, root_at
from detente.core.wire import lenient

NOTE = 255  # the kind of every leaf here: no entry on a line ever has it

_WORD = re.compile(r"[a-z][a-z0-9-]{0,63}")


class NoteRow(NamedTuple):
    """One note as it is kept. Salt and body are None once it is purged."""

    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody calls
    hash: bytes
    raw: bytes
    subtrees: bytes
    salt: bytes | None
    body: bytes | None


class NoteRows(Protocol):
    """What a store keeps for its journal. Indices run from 0 without a gap."""

    def size(self) -> int:
        """How many notes there are."""
        ...

    def put(self, row: NoteRow) -> None:
        """Appends a note, in the open transaction or in one of its own; its body is sealed."""
        ...

    def get(self, start: int, stop: int) -> Sequence[NoteRow]:
        """Notes start..stop-1 as far as they exist, in order."""
        ...

    def tree(self, index: int) -> tuple[bytes, bytes] | None:
        """Leaf hash and completed subtrees of a note, without opening it; None beyond the last."""
        ...

    def find(self, digest: bytes) -> int | None:
        """The index of the note with this leaf hash, or None."""
        ...

    def drop(self, index: int) -> None:
        """Destroys the key, body and salt of an existing note."""
        ...


@dataclass(frozen=True, slots=True)
class Note:
    """One note. ``data`` is None once it is purged; ``hash`` is what a ``release`` names."""

    index: int
    hash: bytes
    kind: str
    at_s: int
    data: dict[str, object] | None


class Journal:
    """Append-only notes and their Merkle tree. ``entropy`` draws the salts."""

    def __init__(self, rows: NoteRows, entropy: Callable[[int], bytes]) -> None:
        self._rows = rows
        self._entropy = entropy

    def append(self, kind: str, at_s: int, data: dict[str, object]) -> Note:
        """Writes a note; durable with the open transaction, or on return if none is open.

        ``kind`` is a lower-case word, ``at_s`` whole seconds of UTC since the Unix epoch.
        LocalError USAGE for another word or time, or data that JSON cannot say the same way
        twice; OVERSIZE for more than a body may hold.
        """
        if not _WORD.fullmatch(kind) or not 0 <= at_s < 1 << 40:
            raise LocalError(Refusal.USAGE, "no note has such a word or time")
        body = canonical_json(data)
        if len(body) > limits.BODY_BYTES_MAX:
            raise LocalError(Refusal.OVERSIZE, f"a note of {len(body)} bytes")
        salt = self._entropy(SALT_BYTES)
        leaf = Leaf(
            kind=NOTE,
            time_s=at_s,
            audience=0,
            extra=kind.encode("ascii"),
            commitment=commit(salt, body),
        )
        raw = leaf.encode()
        digest = leaf_hash(raw)
        index = self._rows.size()
        completed = frontier_at(self.subtree, index).append(digest)
        self._rows.put(NoteRow(index, digest, raw, b"".join(completed), salt, body))
        return Note(index, digest, kind, at_s, json.loads(body))

    def size(self) -> int:
        """How many notes there are."""
        return self._rows.size()

    def read(self, start: int, stop: int) -> list[Note]:
        """Notes start..stop-1, as far as there are any. MachineError DISK for a damaged one."""
        return [_note(row) for row in self._rows.get(start, stop)]

    def find(self, digest: bytes) -> Note | None:
        """The note with this leaf hash, or None: the release record that a leaf names."""
        index = self._rows.find(digest)
        return None if index is None else self.read(index, index + 1)[0]

    def opening(self, index: int) -> tuple[bytes, bytes, bytes]:
        """Leaf, salt and body of a note, with which a third person checks what its hash names.
        LocalError NOT_FOUND where there is none, or it was purged."""
        row = next(iter(self._rows.get(index, index + 1)), None)
        if row is None or row.salt is None or row.body is None:
            raise LocalError(Refusal.NOT_FOUND, f"no note {index} that can be opened")
        return row.raw, row.salt, row.body

    def purge(self, index: int) -> None:
        """Destroys what a note says; that it was written stays. LocalError NOT_FOUND."""
        if not 0 <= index < self._rows.size():
            raise LocalError(Refusal.NOT_FOUND, f"no note {index}")
        self._rows.drop(index)

    def root(self) -> bytes:
        """The root over all notes (RFC 6962 §2.1); nobody signs it yet."""
        size = self._rows.size()
        return root_at(self.subtree, size) if size else EMPTY_ROOT

    def subtree(self, level: int, index: int) -> bytes:
        """The root of a perfect subtree of notes. LocalError NOT_FOUND beyond the last,
        MachineError DISK for one that is lost."""
        last = ((index + 1) << level) - 1
        found = self._rows.tree(last)
        if found is None and last < self._rows.size():
            raise MachineError(Refusal.DISK, f"note {last} is damaged")
        if found is None:
            raise LocalError(Refusal.NOT_FOUND, f"no note {last}")
        digest, subtrees = found
        return subtrees[HASH_BYTES * (level - 1) : HASH_BYTES * level] if level else digest


def canonical_json(data: dict[str, object]) -> bytes:
    """JSON with sorted keys, no spaces and no floating point. LocalError USAGE otherwise."""
    _plain(data)
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise LocalError(Refusal.USAGE, "a note holds text only") from exc


def _plain(value: object) -> None:
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise LocalError(Refusal.USAGE, "the names in a note are words")
        for item in value.values():
            _plain(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _plain(item)
    elif not (value is None or isinstance(value, str | int)):  # bool is an int; float is neither
        raise LocalError(Refusal.USAGE, f"a note cannot hold a {type(value).__name__}")


def _note(row: NoteRow) -> Note:
    leaf = lenient(row.raw)
    if leaf is None or leaf_hash(row.raw) != row.hash:
        raise MachineError(Refusal.DISK, f"note {row.index} is damaged")
    data = None
    if row.body is not None and row.salt is not None:
        if leaf.commitment != commit(row.salt, row.body):
            raise MachineError(Refusal.DISK, f"note {row.index} is damaged")
        data = json.loads(row.body)
    return Note(row.index, row.hash, leaf.extra.decode("ascii"), leaf.time_s, data)
