"""The compact form of entries on a link: what the receiver has is left out (spec/session.md §5).

A leaf is rebuilt from its predecessor in the same log, from roots the receiver itself has
confirmed, and from the body. Only the rebuilt bytes count: if their signature does not verify the
full form is asked for, and the mismatch is evidence of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from detente.core import limits
from detente.core.body import commit
from detente.core.encoding import VARINT_MAX, Reader, counted, malformed, unzigzag, varint, zigzag
from detente.core.errors import PeerError, Refusal
from detente.core.leaf import (
    ATTACHED,
    COMMITTED,
    DRILL,
    FLAGS,
    RELEASED,
    SERIAL,
    Kind,
    Leaf,
    LogId,
    Precedence,
    Seen,
    decode_leaf,
    read_log_id,
)
from detente.core.transcript import Entry, Place

# Leaves remembered by their bytes, 4 MiB of these at most: folds and lists read one many times.
LEAVES_REMEMBERED_MAX = 1024

ENTRIES = 3  # frame type, spec/registry.md, Frames

KIND, WIDE, SEEN, REFS, EXTRA, BODY, FULL, YOURS = 1, 2, 4, 8, 16, 32, 64, 128
OTHER_LOG, START, CONFIRM = 1, 2, 4

# The leaf before the first one of a log, for both ends.
NOTHING = Leaf(kind=0, time_s=0, audience=0, precedence=0)

Confirmed = Callable[[LogId, int], bool]
Locate = Callable[[bytes], Place | None]
RootOf = Callable[[LogId, int], bytes | None]
HashAt = Callable[[LogId, int], bytes | None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one log under one signed head. ``log`` None: the sender's current log."""

    log: LogId | None
    start: int | None  # None: behind the last batch of this log on this session
    count: int
    confirm: bool  # the sender asks to be told that this is stored


class Item(NamedTuple):
    """One entry off the wire: exact leaf bytes, the leaf if it decodes, and the body if it came."""

    raw: bytes
    leaf: Leaf | None
    salt: bytes | None
    body: bytes | None
    full: bool = False  # nothing was left out, so the bytes are the sender's own


def tag(kind: int, channel: int) -> bytes:
    """The first byte of a frame: type and channel; a channel above 14 follows as a varint."""
    if channel < 15:
        return bytes((kind << 4 | channel,))
    return bytes((kind << 4 | 15,)) + varint(channel)


def read_tag(reader: Reader) -> tuple[int, int]:
    """The type and channel of a frame."""
    first = reader.u8()
    channel = first & 15
    if channel == 15:
        channel = reader.varint()
        if channel < 15:
            raise malformed("channel not in shortest form")
    return first >> 4, channel


def flags_of(leaf: Leaf) -> int:
    """The leaf's flags byte."""
    flags = leaf.precedence
    if leaf.drill:
        flags |= DRILL
    if leaf.commitment is not None:
        flags |= COMMITTED
    if leaf.release is not None:
        flags |= RELEASED
    if leaf.attached:
        flags |= ATTACHED
    return flags


def _next_serial(prev: Leaf, kind: int) -> int:
    return prev.serial + 1 if kind in SERIAL and 0 < prev.serial < VARINT_MAX else 0


def encode_item(
    entry: Entry,
    prev: Leaf | None,
    *,
    with_body: bool,
    confirmed: Confirmed,
    locate: Locate,
    yours: LogId | None = None,
) -> bytes:
    """One entry in its elided form; in full where the leaf is void or has no predecessor leaf.

    ``yours`` is the receiver's current log, which `seen` names most often and alone.
    """
    leaf = entry.leaf
    salt, body = (entry.salt, entry.body) if with_body else (None, None)
    if leaf is None or prev is None:
        return whole_item(entry.raw, salt, body)
    eflags = 0
    parts = [b""]
    flags = flags_of(leaf)
    if leaf.kind != prev.kind or flags != flags_of(prev):
        eflags |= KIND
        parts.append(bytes((leaf.kind, flags)))
    serial = _next_serial(prev, leaf.kind)
    header = (leaf.audience, leaf.clock_error_s, leaf.serial)
    if header != (prev.audience, prev.clock_error_s, serial):
        eflags |= WIDE
        parts += [
            varint(leaf.audience),
            leaf.clock_error_s.to_bytes(2, "big"),
            varint(leaf.serial),
        ]
    parts.append(varint(zigzag(leaf.time_s - prev.time_s)))
    first = leaf.seen[0] if len(leaf.seen) == 1 else None
    if first is not None and first.log == yours and confirmed(yours, first.size):
        eflags |= YOURS
        parts += [varint(first.size), varint(zigzag(leaf.time_s - first.held_at_s))]
    elif leaf.seen:
        eflags |= SEEN
        parts.append(varint(len(leaf.seen)))
        parts += [_encode_seen(item, leaf.time_s, confirmed) for item in leaf.seen]
    if leaf.refs:
        eflags |= REFS
        parts.append(varint(len(leaf.refs)))
        parts += [_encode_ref(ref, confirmed, locate) for ref in leaf.refs]
    if leaf.extra:
        eflags |= EXTRA
        parts.append(counted(leaf.extra))
    if leaf.release is not None:
        parts.append(leaf.release)
    if body is not None and salt is not None:
        eflags |= BODY
        parts += [salt, counted(body)]
    elif leaf.commitment is not None:
        parts.append(leaf.commitment)
    parts[0] = bytes((eflags,))
    return b"".join(parts)


def whole_item(raw: bytes, salt: bytes | None, body: bytes | None) -> bytes:
    """One entry in full, with its body or without."""
    if salt is None or body is None:
        return bytes((FULL,)) + counted(raw)
    return bytes((FULL | BODY,)) + counted(raw) + salt + counted(body)


def _encode_seen(item: Seen, time_s: int, confirmed: Confirmed) -> bytes:
    elided = confirmed(item.log, item.size)
    head = item.log.encode() + varint(item.size << 1 | (not elided))
    return head + (b"" if elided else item.root) + varint(zigzag(time_s - item.held_at_s))


def _encode_ref(ref: bytes, confirmed: Confirmed, locate: Locate) -> bytes:
    place = locate(ref)
    if place is None or not confirmed(place.log, place.index + 1):
        return b"\0" + ref
    return b"\1" + place.log.encode() + varint(place.index)


def encode_entries(channel: int, batch: Batch, items: Sequence[bytes], signature: bytes) -> bytes:
    """The frame: tag, head, optional log and start, the items, 64 bytes of signature."""
    head = batch.count - 1 << 3
    more = b""
    if batch.log is not None:
        head |= OTHER_LOG
        more += batch.log.encode()
    if batch.start is not None:
        head |= START
        more += varint(batch.start)
    if batch.confirm:
        head |= CONFIRM
    return b"".join((tag(ENTRIES, channel), varint(head), more, *items, signature))


def read_batch(reader: Reader) -> Batch:
    """The head of an entries frame, behind its tag."""
    head = reader.varint()
    count = (head >> 3) + 1
    if count > limits.BATCH_ENTRIES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{count} entries in one batch")
    log = read_log_id(reader) if head & OTHER_LOG else None
    start = reader.varint() if head & START else None
    return Batch(log, start, count, bool(head & CONFIRM))


def read_item(
    reader: Reader,
    prev: Leaf | None,
    root_of: RootOf,
    hash_at: HashAt,
    mine: LogId | None = None,
) -> Item:
    """One entry, rebuilt to the exact leaf bytes. WANT_FULL where what to fill in is missing.

    ``mine`` is the reader's own current log.
    """
    eflags = reader.u8()
    if eflags & FULL:
        if eflags & ~(FULL | BODY):
            raise malformed("entry flags")
        raw = reader.counted(limits.LEAF_BYTES_MAX)
        salt, body = _read_body(reader) if eflags & BODY else (None, None)
        return Item(raw, lenient(raw), salt, body, full=True)
    if eflags & SEEN and eflags & YOURS:
        raise malformed("entry flags")
    if prev is None:
        raise PeerError(Refusal.WANT_FULL, "no predecessor leaf")
    kind, flags = (reader.u8(), reader.u8()) if eflags & KIND else (prev.kind, flags_of(prev))
    if flags & ~FLAGS:
        raise malformed("leaf flags")
    audience, error_s, serial = prev.audience, prev.clock_error_s, _next_serial(prev, kind)
    if eflags & WIDE:
        audience, error_s, serial = reader.varint(), reader.u16(), reader.varint()
    time_s = prev.time_s + unzigzag(reader.varint())
    if not 0 <= time_s < 1 << 40:
        raise malformed("time")
    seen: tuple[Seen, ...] = ()
    if eflags & YOURS:
        if mine is None:
            raise PeerError(Refusal.WANT_FULL, "no log of ours to name")
        seen = (_named_seen(reader, time_s, mine, reader.varint(), root_of),)
    elif eflags & SEEN:
        seen = tuple(
            _read_seen(reader, time_s, root_of) for _ in range(_most(reader, limits.SEEN_MAX))
        )
    refs: tuple[bytes, ...] = ()
    if eflags & REFS:
        refs = tuple(_read_ref(reader, hash_at) for _ in range(_most(reader, limits.REFS_MAX)))
    extra = reader.counted(limits.EXTRA_BYTES_MAX) if eflags & EXTRA else b""
    release = reader.take(32) if flags & RELEASED else None
    commitment, salt, body = _read_commitment(reader, flags, eflags)
    leaf = Leaf(
        kind=kind,
        time_s=time_s,
        audience=audience,
        precedence=flags & 7,
        drill=bool(flags & DRILL),
        serial=serial,
        clock_error_s=error_s,
        seen=seen,
        refs=refs,
        extra=extra,
        commitment=commitment,
        release=release,
        attached=bool(flags & ATTACHED),
    )
    return Item(_sound(leaf), leaf, salt, body)


def _read_commitment(
    reader: Reader, flags: int, eflags: int
) -> tuple[bytes | None, bytes | None, bytes | None]:
    """The commitment, or the salt and body that give it."""
    if eflags & BODY:
        if not flags & COMMITTED:
            raise malformed("a body where none is committed to")
        salt, body = _read_body(reader)
        return commit(salt, body), salt, body
    return (reader.take(32) if flags & COMMITTED else None), None, None


def _sound(leaf: Leaf) -> bytes:
    """The bytes of a leaf that decodes to itself. MALFORMED for any other."""
    raw = leaf.encode()
    if (
        len(raw) > limits.LEAF_BYTES_MAX
        or leaf.precedence > Precedence.OVERRIDE
        or leaf.audience >> limits.MEMBERS_MAX
        or any(a.log >= b.log for a, b in pairwise(leaf.seen))
        or (leaf.attached and (leaf.kind != Kind.DISPATCH or leaf.commitment is None))
    ):
        raise malformed("a void leaf, which travels in full")
    return raw


@lru_cache(maxsize=LEAVES_REMEMBERED_MAX)
def lenient(raw: bytes) -> Leaf | None:
    """The leaf, or None where signed bytes are void. They are judged only after the signature."""
    try:
        return decode_leaf(raw)
    except PeerError:
        return None


def _most(reader: Reader, most: int) -> int:
    count = reader.varint()
    if count > most:
        raise PeerError(Refusal.OVERSIZE, f"{count} items where {most} are allowed")
    return count


def _read_body(reader: Reader) -> tuple[bytes, bytes]:
    salt = reader.take(16)
    return salt, reader.counted(limits.BODY_BYTES_MAX)


def _read_seen(reader: Reader, time_s: int, root_of: RootOf) -> Seen:
    log = read_log_id(reader)
    size = reader.varint()
    if not size & 1:
        return _named_seen(reader, time_s, log, size >> 1, root_of)
    return Seen(log, size >> 1, reader.take(32), _held_at(reader, time_s))


def _named_seen(reader: Reader, time_s: int, log: LogId, size: int, root_of: RootOf) -> Seen:
    """A `seen` whose root is left out."""
    held_at_s = _held_at(reader, time_s)
    root = root_of(log, size)
    if root is None:
        raise PeerError(Refusal.WANT_FULL, "a root left out that is not here")
    return Seen(log, size, root, held_at_s)


def _held_at(reader: Reader, time_s: int) -> int:
    held_at_s = time_s - unzigzag(reader.varint())
    if not 0 <= held_at_s < 1 << 40:
        raise malformed("held_at")
    return held_at_s


def _read_ref(reader: Reader, hash_at: HashAt) -> bytes:
    how = reader.u8()
    if how == 0:
        return reader.take(32)
    if how != 1:
        raise malformed("reference form")
    found = hash_at(read_log_id(reader), reader.varint())
    if found is None:
        raise PeerError(Refusal.WANT_FULL, "a reference to an entry that is not here")
    return found
