"""Frames of the second node, written from spec/session.md §3 and §5 alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interop.peer_bytes import (
    WITH_SERIAL,
    WORDS,
    Leaf,
    LogId,
    Reader,
    RefusedError,
    check,
    commitment,
    counted,
    leaf_or_none,
    log_id,
    read_leaf,
    read_log_id,
    signed,
    u40,
    varint,
)

_TYPES = """- hello heads entries cosign quantum want body ahead refuse presence got ask-proof
show-proof notice chunks"""
TYPES = _TYPES.split()
Stated = tuple[LogId, int, bytes, bytes]  # log, size, root, its author's signature


@dataclass(frozen=True)
class Frame:
    """A frame that was read: its name, its channel, and its fields by name (session.md §3)."""

    name: str
    channel: int
    fields: dict[str, Any]


def tag(name: str, channel: int) -> bytes:
    """The first byte of a frame, and its channel where it is 15 or above (session.md §2)."""
    kind = TYPES.index(name) << 4
    return bytes([kind | channel]) if channel < 15 else bytes([kind | 15]) + varint(channel)


def _stated(heads: list[Stated]) -> bytes:
    return varint(len(heads)) + b"".join(
        log_id(log) + varint(size) + root + signature for log, size, root, signature in heads
    )


def hello(
    channel: int,
    line: bytes,
    member: int,
    nonce: bytes,
    current: LogId | None,
    heads: list[Stated],
    mute: bool = False,
    answer: bool = False,
) -> bytes:
    """Write a hello (session.md §3, §4)."""
    flags = mute | answer << 1 | (current is not None) << 2
    own = b"" if current is None else log_id(current)
    return (
        tag("hello", channel)
        + b"\1"
        + line
        + varint(member)
        + bytes([flags])
        + nonce
        + own
        + _stated(heads)
    )


def cosign(channel: int, size: int, log: LogId, reader: int, late: int, signature: bytes) -> bytes:
    """Write a cosignature; a receiver's first log stays unnamed (session.md §3)."""
    named = log != (reader, 0, b"")
    return (
        tag("cosign", channel)
        + varint(2 * size + named)
        + log_id(log) * named
        + signed(late)
        + signature
    )


def refuse(channel: int, refusal: RefusedError) -> bytes:
    """Write a refusal (session.md §3, §7)."""
    number = 2 * WORDS.index(refusal.word)
    if refusal.log is None:
        return tag("refuse", channel) + varint(number)
    return tag("refuse", channel) + varint(number + 1) + log_id(refusal.log) + varint(refusal.index)


def presence(channel: int, duty: bool, error: int, now: int) -> bytes:
    """Write a heartbeat with an unknown clock source (session.md §8)."""
    clock = error.to_bytes(2, "big") + b"\0" + varint(0)
    return tag("presence", channel) + bytes([duty]) + (95).to_bytes(2, "big") + clock + u40(now)


def full_batch(
    channel: int,
    log: LogId | None,
    start: int,
    items: list[tuple[bytes, tuple[bytes, bytes] | None]],
    signature: bytes,
    confirm: bool = True,
) -> bytes:
    """Write a batch of entries, each in full, its start named (session.md §5)."""
    out = tag("entries", channel) + varint(
        8 * (len(items) - 1) + (log is not None) + 2 + 4 * confirm
    )
    out += (b"" if log is None else log_id(log)) + varint(start)
    for raw, body in items:
        out += bytes([64 | 32 * (body is not None)]) + counted(raw)
        if body is not None:
            out += body[0] + counted(body[1])
    return out + signature


def _read_stated(reader: Reader) -> list[Stated]:
    return [
        (read_log_id(reader), reader.varint(), reader.take(32), reader.take(64))
        for _ in range(reader.count(64))
    ]


def _read_hello(reader: Reader) -> dict[str, Any]:
    check(reader.number(1) == 1, "unknown-version")
    line, member, flags = reader.take(32), reader.varint(), reader.number(1)
    check(member < 32 and flags < 8)
    nonce = reader.take(16)
    current = read_log_id(reader) if flags & 4 else None
    return {"line": line, "member": member, "mute": bool(flags & 1), "answer": bool(flags & 2),
            "nonce": nonce, "current": current, "heads": _read_stated(reader)}  # fmt: skip


def _read_cosign(reader: Reader) -> dict[str, Any]:
    folded = reader.varint()
    log = read_log_id(reader) if folded & 1 else None
    return {
        "log": log,
        "size": folded >> 1,
        "late_s": reader.signed(),
        "signature": reader.take(64),
    }


def _read_want(reader: Reader) -> dict[str, Any]:
    what = reader.number(1)
    check(what < 5)
    fields = {"what": what, "log": read_log_id(reader), "index": reader.varint()}
    chunks = (reader.number(1), reader.varint()) if what == 4 else (0, 0)
    return {**fields, "number": chunks[0], "first": chunks[1]}


def _read_chunks(reader: Reader) -> dict[str, Any]:
    fields = {"log": read_log_id(reader), "index": reader.varint(), "number": reader.number(1)}
    fields["first"] = reader.varint()
    hashes = [reader.take(32) for _ in range(reader.count(126))]
    return {**fields, "hashes": hashes, "boxes": reader.counted(64 * 1040)}


def _read_ahead(reader: Reader) -> dict[str, Any]:
    fields = {"log": read_log_id(reader), "base": reader.varint(), "index": reader.varint()}
    check(fields["index"] >= fields["base"])
    cover = [reader.take(32) for _ in range(reader.count(126))]
    return {**fields, "cover": cover, "signature": reader.take(64), "item": reader.rest()}


def _read_refuse(reader: Reader) -> dict[str, Any]:
    folded = reader.varint()
    check(0 < folded >> 1 < len(WORDS))
    log, index = (read_log_id(reader), reader.varint()) if folded & 1 else (None, 0)
    return {"refusal": WORDS[folded >> 1], "log": log, "index": index}


def _read_presence(reader: Reader) -> dict[str, Any]:
    duty, lease, error, source = (reader.number(size) for size in (1, 2, 2, 1))
    check(duty < 2 and source < 4)
    return {"on_duty": bool(duty), "lease_s": lease, "clock_error_s": error, "clock_source": source,
            "disciplined_s": reader.varint(), "sent_s": reader.number(5)}  # fmt: skip


def _read_proof(reader: Reader) -> dict[str, Any]:
    log, kind = read_log_id(reader), reader.number(1)
    check(kind < 2)
    return {"log": log, "inclusion": bool(kind), "at": reader.varint(), "size": reader.varint()}


def _read_shown(reader: Reader) -> dict[str, Any]:
    fields = _read_proof(reader)
    fields["path"] = [reader.take(32) for _ in range(reader.count(126))]
    fields["raw"], fields["root"] = reader.counted(4096), reader.take(32)
    return fields


def _read_quantum(reader: Reader) -> dict[str, Any]:
    log, size, time = read_log_id(reader), reader.varint(), reader.number(5)
    return {"log": log, "size": size, "time_s": time, "signature": reader.take(2420)}


READERS: dict[str, Callable[[Reader], dict[str, Any]]] = {
    "hello": _read_hello,
    "heads": lambda reader: {"heads": _read_stated(reader)},
    "cosign": _read_cosign,
    "quantum": _read_quantum,
    "want": _read_want,
    "body": lambda r: {
        "log": read_log_id(r),
        "index": r.varint(),
        "salt": r.take(16),
        "body": r.counted(65536),
    },
    "ahead": _read_ahead,
    "refuse": _read_refuse,
    "presence": _read_presence,
    "got": lambda reader: {"log": read_log_id(reader), "size": reader.varint()},
    "ask-proof": _read_proof,
    "show-proof": _read_shown,
    "chunks": _read_chunks,
    "notice": lambda reader: {"data": reader.counted(655360)},
}


def read_tag(data: bytes) -> tuple[str, int, Reader]:
    """Read type and channel of a frame (session.md §2)."""
    check(len(data) <= 655360, "oversize")
    reader = Reader(data)
    first = reader.number(1)
    check(first >> 4 != 0)
    channel = first & 15
    if channel == 15:
        channel = reader.varint()
        check(channel >= 15)
    return TYPES[first >> 4], channel, reader


def read_frame(data: bytes) -> Frame:
    """Read a frame; the items of a batch stay unread behind its head (session.md §3)."""
    name, channel, reader = read_tag(data)
    if name == "entries":
        return Frame(name, channel, _read_batch(reader))
    fields = READERS[name](reader)
    reader.end()
    return Frame(name, channel, fields)


def _read_batch(reader: Reader) -> dict[str, Any]:
    folded = reader.varint()
    check(folded >> 3 < 512, "oversize")
    log = read_log_id(reader) if folded & 1 else None
    start = reader.varint() if folded & 2 else None
    return {
        "log": log,
        "start": start,
        "count": (folded >> 3) + 1,
        "confirm": bool(folded & 4),
        "items": reader,
    }


@dataclass(frozen=True)
class Known:
    """What a receiver fills in: roots and hashes it holds, its current log (session.md §5)."""

    root: Callable[[LogId, int], bytes | None]
    hash: Callable[[LogId, int], bytes | None]
    mine: LogId | None


Item = tuple[bytes, tuple[bytes, bytes] | None]


def rebuild(
    batch: dict[str, Any], before: bytes | None, known: Known
) -> tuple[list[Item], bytes, bool]:
    """The leaves of a batch, its signature, and whether all came in full (session.md §5)."""
    reader: Reader = batch["items"]
    last: Leaf | None = Leaf()
    if before is not None:
        last = leaf_or_none(before)
    items: list[Item] = []
    full = True
    for _ in range(batch["count"]):
        item, whole = read_item(reader, last, known)
        full = full and whole
        last = leaf_or_none(item[0])
        items.append(item)
    signature = reader.take(64)
    reader.end()
    return items, signature, full


def read_item(reader: Reader, last: Leaf | None, known: Known) -> tuple[Item, bool]:
    """The leaf of an item with its body, and whether it came in full (session.md §5)."""
    flags = reader.number(1)
    check(flags & 132 != 132 and (not flags & 64 or not flags & ~96))
    if flags & 64:
        raw = reader.counted(4096)
        body = (reader.take(16), reader.counted(65536)) if flags & 32 else None
    else:
        check(last is not None)
        assert last is not None
        raw, body = _elided(reader, flags, last, known)
    leaf = leaf_or_none(raw)
    check(body is None or leaf is None or bool(leaf.commitment))
    return (raw, body), bool(flags & 64)


def _elided(reader: Reader, flags: int, last: Leaf, known: Known) -> Item:
    kind, leaf_flags = (
        (reader.number(1), reader.number(1)) if flags & 1 else (last.kind, last.flags)
    )
    if flags & 2:
        audience, error, serial = reader.varint(), reader.number(2), reader.varint()
    else:
        serial = min(last.serial + 1, 2**63 - 1) if kind in WITH_SERIAL and last.serial else 0
        audience, error = last.audience, last.error
    time = last.time + reader.signed()
    check(0 <= time < 2**40)
    seen: list[tuple[Any, int, Any, int]] = []
    for _ in range(reader.count(64) if flags & 4 else 0):
        log, folded = read_log_id(reader), reader.varint()
        root = reader.take(32) if folded & 1 else known.root(log, folded >> 1)
        seen.append((log, folded >> 1, root, time - reader.signed()))
    if flags & 128:
        size = reader.varint()
        root = known.root(known.mine, size) if known.mine is not None else None
        seen.append((known.mine, size, root, time - reader.signed()))
    refs: list[Any] = []
    for _ in range(reader.count(32) if flags & 8 else 0):
        how = reader.number(1)
        check(how < 2)
        refs.append(
            reader.take(32) if how == 0 else known.hash(read_log_id(reader), reader.varint())
        )
    extra = reader.counted(1536) if flags & 16 else b""
    release = reader.take(32) if leaf_flags & 32 else b""
    body = None
    if flags & 32:
        check(bool(leaf_flags & 16))
        body = (reader.take(16), reader.counted(65536))
    bound = commitment(*body) if body else reader.take(32) if leaf_flags & 16 else b""
    check(all(0 <= one[3] < 2**40 for one in seen))
    if any(one[2] is None for one in seen) or any(one is None for one in refs):
        raise RefusedError("want-full")
    leaf = Leaf(
        kind,
        leaf_flags,
        audience,
        serial,
        time,
        error,
        tuple(seen),
        tuple(refs),
        extra,
        bound,
        release,
    )
    raw = leaf.encode()
    check(len(raw) <= 4096, "oversize")
    read_leaf(raw)
    return raw, body
