"""One log as a node follows it: its own or another's, one incarnation (spec/log.md §5).

Holds what is needed to extend and check it, never its history; that is the store's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from detente.core import limits
from detente.core.encoding import Reader, counted, malformed, u40, varint
from detente.core.events import SignedHead
from detente.core.leaf import SERIAL, UNCALLING, Leaf, LogId, read_log_id
from detente.core.merkle import Frontier
from detente.core.notes import Checkpoint, verify_checkpoint
from detente.core.transcript import Entry
from detente.core.wire import NOTHING, lenient

RECENT_ENTRIES_MAX = 1024  # kept in memory so that a live peer is served without reading the store
RECENT_HEADS_MAX = 256  # roots that elided `seen` items name


@dataclass(slots=True)
class Log:
    """The running state of one log. ``key`` is its author's Ed25519 log key."""

    id: LogId
    origin: str
    key: bytes
    frontier: Frontier = field(default_factory=Frontier)
    root: bytes = b""
    signature: bytes = b""
    last: Leaf | None = NOTHING  # None after a void leaf
    last_raw: bytes = b""
    serial: int = 0
    called: int = 0  # the size behind the last entry that calls for a receipt
    stated: dict[LogId, int] = field(default_factory=dict)  # by this log's `seen`, of known logs
    held_at_s: int = 0  # when the coverable head came to be held here
    covered: int = 0  # what our own log states of it
    cosigned: int = 0  # what our cosignature states of it
    missing: dict[int, int] = field(default_factory=dict)  # index of a body not here -> since, s
    lacked: set[int] = field(default_factory=set)  # those that a `lacks` of ours names
    disputed_from: int = -1  # first entry whose `seen` contradicts a signed head we hold
    frozen: int = -1  # from this index on the log is contested
    unentered: bytes = b""  # the proof that our log is still to enter: index, salt, body
    day: int = 0  # the UTC day whose quota its author is using
    used: list[int] = field(default_factory=lambda: [0, 0, 0])  # entries, bytes, FLASH of the day
    recent: OrderedDict[int, Entry] = field(default_factory=OrderedDict)
    heads: OrderedDict[int, SignedHead] = field(default_factory=OrderedDict)

    @property
    def size(self) -> int:
        """How many entries are held."""
        return self.frontier.size

    def head(self) -> SignedHead:
        """The latest signed head."""
        return SignedHead(self.size, self.root, self.signature)

    def checkpoint(self, size: int, root: bytes) -> Checkpoint:
        """The checkpoint that the author signs at a size."""
        return Checkpoint(self.origin, size, root)

    def verifies(self, size: int, root: bytes, signature: bytes) -> bool:
        """Whether the author signed this head."""
        return verify_checkpoint(self.checkpoint(size, root), self.key, signature)

    def closed(self) -> bool:
        """Whether it is frozen and held as far as that; what would come next is contested."""
        return 0 <= self.frozen <= self.size

    def coverable_max(self) -> int:
        """How far every leaf, and every body addressed here or excepted, is held undisputed."""
        most = self.size
        if self.missing:
            most = min((i for i in self.missing if i not in self.lacked), default=most)
        if self.disputed_from >= 0:
            most = min(most, self.disputed_from)
        return min(most, self.frozen) if self.frozen >= 0 else most

    def extend(
        self,
        entries: Sequence[Entry],
        frontier: Frontier,
        head: SignedHead,
        known: Container[LogId],
    ) -> None:
        """Takes over verified entries; ``frontier`` already contains them. Of what they state as
        seen only ``known`` logs are kept, since an author can name any number of others."""
        self.frontier = frontier
        self.root = head.root
        self.signature = head.signature
        for entry in entries:
            self.recent[entry.place.index] = entry
            leaf = entry.leaf
            if leaf is None or leaf.kind not in UNCALLING:
                self.called = entry.place.index + 1
            if leaf is None:
                continue
            if leaf.kind in SERIAL:
                self.serial = leaf.serial
            for seen in leaf.seen:
                if seen.size > self.stated.get(seen.log, 0) and seen.log in known:
                    self.stated[seen.log] = seen.size
        self.last = entries[-1].leaf
        self.last_raw = entries[-1].raw
        while len(self.recent) > RECENT_ENTRIES_MAX:
            self.recent.popitem(last=False)
        self.note_head(head)

    def note_head(self, head: SignedHead) -> None:
        """Keeps a signed head in memory for elision and serving."""
        self.heads[head.size] = head
        while len(self.heads) > RECENT_HEADS_MAX:
            self.heads.popitem(last=False)

    def encode(self) -> bytes:
        """The state a store keeps beside the entries, in one row."""
        stated = sorted(self.stated.items())
        parts = [
            counted(self.frontier.encode()),
            counted(self.root),
            counted(self.signature),
            counted(self.last_raw),
            varint(self.serial),
            varint(self.called),
            varint(len(stated)),
            *(log.encode() + varint(size) for log, size in stated),
            u40(self.held_at_s),
            varint(self.covered),
            varint(self.cosigned),
            varint(len(self.missing)),
            *(varint(i) + u40(since) for i, since in sorted(self.missing.items())),
            varint(len(self.lacked)),
            *(varint(i) for i in sorted(self.lacked)),
            varint(self.disputed_from + 1),
            varint(self.frozen + 1),
            varint(self.day),
            *(varint(n) for n in self.used),
            *([counted(self.unentered)] if self.unentered else []),
        ]
        return b"".join(parts)


def decode_log(log: LogId, origin: str, key: bytes, state: bytes) -> Log:
    """A log from its stored state. MALFORMED if the store was damaged."""
    reader = Reader(state)
    most = limits.FRAME_BYTES_MAX
    out = Log(log, origin, key, Frontier.decode(reader.counted(most)))
    out.root = reader.counted(32)
    out.signature = reader.counted(64)
    out.last_raw = reader.counted(limits.LEAF_BYTES_MAX)
    out.last = lenient(out.last_raw) if out.last_raw else NOTHING
    out.serial = reader.varint()
    out.called = reader.varint()
    out.stated = {read_log_id(reader): reader.varint() for _ in range(reader.varint())}
    out.held_at_s = reader.u40()
    out.covered = reader.varint()
    out.cosigned = reader.varint()
    out.missing = {reader.varint(): reader.u40() for _ in range(reader.varint())}
    out.lacked = {reader.varint() for _ in range(reader.varint())}
    out.disputed_from = reader.varint() - 1
    out.frozen = reader.varint() - 1
    out.day = reader.varint()
    out.used = [reader.varint() for _ in range(3)]
    if reader.pos < reader.end:
        out.unentered = reader.counted(most)
        if not out.unentered:
            raise malformed("a proof of nothing")
    reader.done()
    if out.size:
        out.note_head(out.head())
    return out
