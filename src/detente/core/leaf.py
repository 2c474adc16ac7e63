"""The leaf: a header and a commitment, never content (spec/log.md §2, §3).

What an author signs about one entry. The body travels beside it and is opened by the commitment;
an observer who holds every leaf has read nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple, TypeVar

from detente.core import limits
from detente.core.encoding import Reader, counted, malformed, u40, varint
from detente.core.errors import PeerError, Refusal

Item = TypeVar("Item")

FORMAT = 1
LIFE_BYTES = 8
DRILL = 0x08
COMMITTED = 0x10
RELEASED = 0x20
ATTACHED = 0x40
FLAGS = 0x7F
_NAMES_NOTHING = bytes(3)  # no `seen`, no references, no extra


class Kind(IntEnum):
    """What an entry is. Numbers are assigned in spec/registry.md, Kinds."""

    CHARTER = 0
    RESUME = 1
    SEEN = 2
    QUOTE = 3
    HELD_AHEAD = 4
    LACKS = 5
    DISPATCH = 6
    ACCIDENT = 7
    MARK = 8
    TRANSLATION = 9
    TEST = 10
    OFFER = 11
    ASSENT = 12
    WITHDRAWAL = 13
    SEAL = 14
    CARD = 15
    ACCUSATION = 16
    PURGED = 17
    OVER_QUOTA = 18
    DUTY = 19
    CLOCK = 20
    RENEWAL = 21  # reserved (RFC 4998's pattern); refused until specified


# Kinds that call for no cosignature, no `seen` and no `quote`: otherwise two idle nodes would
# acknowledge acknowledgements for ever.
UNCALLING = frozenset({Kind.SEEN, Kind.QUOTE, Kind.HELD_AHEAD, Kind.LACKS})
# Kinds that may be sent ahead of lower entries still under way.
OVERTAKING = frozenset({Kind.DISPATCH, Kind.ACCIDENT, Kind.MARK, Kind.SEEN, Kind.HELD_AHEAD})
# Kinds whose bodies are content: for readers, never for observers, and for their author to purge.
CONTENT = frozenset({Kind.DISPATCH, Kind.ACCIDENT, Kind.MARK, Kind.TRANSLATION, Kind.TEST})
# Kinds whose bodies every member may have, whenever it joined and whoever they are addressed to:
# which line this is, which of its logs are proven forked, and which keys their parties stand by.
RECORD = frozenset({Kind.CHARTER, Kind.ACCUSATION, Kind.CARD})
# Kinds that carry a serial a watch officer can count.
SERIAL = frozenset({Kind.DISPATCH, Kind.ACCIDENT, Kind.TRANSLATION, Kind.TEST})


class Precedence(IntEnum):
    """How fast, not how important (RFC 6477 §3.8). Codes are Latin in every language."""

    DEFERRED = 0
    ROUTINE = 1
    PRIORITY = 2
    IMMEDIATE = 3
    FLASH = 4
    OVERRIDE = 5


class LogId(NamedTuple):
    """Which log: the member's number, the incarnation, and 8 random bytes if it was resumed."""

    member: int
    k: int
    life: bytes

    def encode(self) -> bytes:
        """Varint member, varint 2k + resumed, then the life of a resumed log."""
        return varint(self.member) + varint(self.k << 1 | bool(self.life)) + self.life

    @property
    def word(self) -> str:
        """The end of the log's origin: ``0`` for a charter log, ``k.life`` for a resumed one."""
        return f"{self.k}.{self.life.hex()}" if self.life else str(self.k)


def read_log_id(reader: Reader) -> LogId:
    """A log id, in bounds. MALFORMED otherwise."""
    member = reader.varint()
    k = reader.varint()
    if member >= limits.MEMBERS_MAX or k >> 1 >= limits.INCARNATIONS_MAX:
        raise malformed("no such member or incarnation number")
    return LogId(member, k >> 1, reader.take(LIFE_BYTES) if k & 1 else b"")


def first_life(member: int) -> LogId:
    """The log of a member's incarnation 0, which has no random part."""
    return LogId(member, 0, b"")


class Seen(NamedTuple):
    """«I hold this»: another log up to ``size``, its root, and when it was stored here."""

    log: LogId
    size: int
    root: bytes
    held_at_s: int

    def encode(self) -> bytes:
        """Log id, varint size, 32 bytes of root, u40 time."""
        return self.log.encode() + varint(self.size) + self.root + u40(self.held_at_s)


def read_seen(reader: Reader) -> Seen:
    """One ``seen`` item in its full form."""
    return Seen(read_log_id(reader), reader.varint(), reader.take(32), reader.u40())


class Leaf(NamedTuple):
    """One entry as its author signs it. Times are whole seconds of UTC since the Unix epoch.

    A tuple, as all that is made for every entry: a frozen dataclass takes three times as long.
    """

    kind: int
    time_s: int
    audience: int  # bit n: member number n reads the body
    precedence: int = Precedence.ROUTINE
    drill: bool = False
    serial: int = 0  # counts this log's SERIAL kinds from 1; 0 for the others
    clock_error_s: int = limits.CLOCK_ERROR_UNKNOWN_S
    seen: tuple[Seen, ...] = ()
    refs: tuple[bytes, ...] = ()  # leaf hashes
    extra: bytes = b""  # fields of the kind, spec/log.md §4
    commitment: bytes | None = None  # to body and salt; None for a kind without a body
    release: bytes | None = None  # hash of the release record in the author's journal
    attached: bool = False  # its body begins with a list of attachments

    def encode(self) -> bytes:
        """The canonical bytes that are hashed into the tree (spec/log.md §2)."""
        flags = self.precedence
        if self.drill:
            flags |= DRILL
        if self.commitment is not None:
            flags |= COMMITTED
        if self.release is not None:
            flags |= RELEASED
        if self.attached:
            flags |= ATTACHED
        parts = [
            bytes((FORMAT, self.kind, flags)),
            varint(self.audience),
            varint(self.serial),
            u40(self.time_s),
            self.clock_error_s.to_bytes(2, "big"),
        ]
        if self.seen or self.refs or self.extra:
            parts.append(varint(len(self.seen)))
            parts.extend(item.encode() for item in self.seen)
            parts.append(varint(len(self.refs)))
            parts.extend(self.refs)
            parts.append(counted(self.extra))
        else:
            parts.append(_NAMES_NOTHING)  # as nearly every leaf
        if self.commitment is not None:
            parts.append(self.commitment)
        if self.release is not None:
            parts.append(self.release)
        return b"".join(parts)

    def reads(self, member: int) -> bool:
        """Whether the body is addressed to this member."""
        return bool(self.audience >> member & 1)


def decode_leaf(data: bytes) -> Leaf:
    """The leaf of canonical bytes. MALFORMED or OVERSIZE otherwise (spec/log.md §2).

    On the path of every entry that is verified, hence the slices.
    """
    if len(data) > limits.LEAF_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"leaf of {len(data)} bytes")
    reader = Reader(data)
    head = reader.take(3)
    flags = head[2]
    if head[0] != FORMAT:
        raise PeerError(Refusal.UNKNOWN_VERSION, "leaf format")
    if flags & ~FLAGS or flags & 7 > Precedence.OVERRIDE:
        raise malformed("leaf flags")
    if flags & ATTACHED and (head[1] != Kind.DISPATCH or not flags & COMMITTED):
        raise malformed("attachments where no body can name them")
    audience = reader.varint()
    if audience >> limits.MEMBERS_MAX:
        raise malformed("audience")
    serial = reader.varint()
    clocks = reader.take(7)
    seen: tuple[Seen, ...] = ()
    refs: tuple[bytes, ...] = ()
    extra = b""
    if data.startswith(_NAMES_NOTHING, reader.pos):
        reader.pos += len(_NAMES_NOTHING)
    else:
        seen = _list(reader, limits.SEEN_MAX, read_seen)
        if len(seen) > 1 and any(a.log >= b.log for a, b in pairwise(seen)):
            raise malformed("seen items not in order")
        refs = _list(reader, limits.REFS_MAX, _read_hash)
        extra = reader.counted(limits.EXTRA_BYTES_MAX)
    commitment = reader.take(32) if flags & COMMITTED else None
    release = reader.take(32) if flags & RELEASED else None
    reader.done()
    return Leaf(
        head[1],
        int.from_bytes(clocks[:5], "big"),
        audience,
        flags & 7,
        bool(flags & DRILL),
        serial,
        int.from_bytes(clocks[5:], "big"),
        seen,
        refs,
        extra,
        commitment,
        release,
        bool(flags & ATTACHED),
    )


def _read_hash(reader: Reader) -> bytes:
    return reader.take(32)


def _list(reader: Reader, most: int, read: Callable[[Reader], Item]) -> tuple[Item, ...]:
    count = reader.varint()
    if not count:
        return ()
    if count > most:
        raise PeerError(Refusal.OVERSIZE, f"{count} items where {most} are allowed")
    return tuple([read(reader) for _ in range(count)])
