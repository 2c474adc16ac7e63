"""Streaming logs to peers: our own always, others' when asked (spec/session.md §5, §6).

Each session remembers how far every log was sent; what a peer confirms opens its window again.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.events import Send, SignedHead
from detente.core.frames import Ahead, encode_frame
from detente.core.leaf import OVERTAKING, Leaf, LogId, Precedence
from detente.core.log import Log
from detente.core.merkle import cover
from detente.core.station import Line, Session, Step
from detente.core.transcript import Entry, Place
from detente.core.wire import NOTHING, Batch, encode_entries, encode_item

IN_FLIGHT_MAX = 4 * limits.BATCH_ENTRIES_MAX  # entries sent to one peer and not confirmed
IN_FLIGHT_BYTES_MAX = 4 * limits.BATCH_BYTES_MAX  # and their bytes; bounds what a dead link hoards
CONFIRM_BYTES = limits.BATCH_BYTES_MAX // 2  # this much unconfirmed asks to be confirmed
CONFIRM_EVERY = 32  # a batch this long asks to be confirmed


def pump(step: Step, line: Line) -> None:
    """Sends every session what it is owed, as far as its window allows."""
    for session in line.sessions.values():
        if not session.greeted or not session.channel or _paused(step, session):
            continue
        for log_id in list(session.sent):
            log = line.logs.get(log_id)
            if log is not None:
                _stream(step, line, session, log)


def _paused(step: Step, session: Session) -> bool:
    if session.paused_until_ms and step.now.steady_ms >= session.paused_until_ms:
        session.paused_until_ms = 0
    return bool(session.paused_until_ms)


def _stream(step: Step, line: Line, session: Session, log: Log) -> None:
    start = session.sent[log.id]
    while start < log.size:
        _land(session)
        entries_out = start - session.holds.get(log.id, 0)
        if entries_out >= IN_FLIGHT_MAX or session.flight_bytes >= IN_FLIGHT_BYTES_MAX:
            _overtake(step, line, session, log, start)
            return
        head = _head_for(line, log, start)
        if head is None:
            return
        entries = entries_of(line, log, start, head.size)
        entries, head = _fit(line, log, start, entries, head)
        send_batch(step, line, session, log, entries, head)
        start = head.size
        session.sent[log.id] = start


def _land(session: Session) -> None:
    """Forgets the batches that the peer has confirmed since; looked at only when many are out."""
    if session.flight_bytes < CONFIRM_BYTES:
        return
    out = [item for item in session.flight if session.holds.get(item[0], 0) < item[1]]
    session.flight = out
    session.flight_bytes = sum(size for _, _, size in out)


def _head_for(line: Line, log: Log, start: int) -> SignedHead | None:
    most = min(log.size, start + limits.BATCH_ENTRIES_MAX)
    if most == log.size:
        return log.head()
    sizes = [size for size in log.heads if start < size <= most]
    if sizes and min(log.heads) <= start + 1:
        return log.heads[max(sizes)]
    return line.shelf.signed_head(log.id, start + 1, most)


def entries_of(line: Line, log: Log, start: int, stop: int) -> Sequence[Entry]:
    """Entries start..stop-1, from memory where they are recent."""
    if start in log.recent and stop - 1 in log.recent:
        return [log.recent[index] for index in range(start, stop)]
    return line.shelf.entries(log.id, start, stop)


def _fit(
    line: Line, log: Log, start: int, entries: Sequence[Entry], head: SignedHead
) -> tuple[Sequence[Entry], SignedHead]:
    """Cuts a batch back to a smaller signed head if it would not fit one frame."""
    total = 0
    for count, entry in enumerate(entries):
        total += len(entry.raw) + len(entry.body or b"") + 32
        if total > limits.BATCH_BYTES_MAX and count:
            smaller = line.shelf.signed_head(log.id, start + 1, start + count)
            if smaller is not None:
                return entries[: smaller.size - start], smaller
            break
    return entries, head


def send_batch(
    step: Step, line: Line, session: Session, log: Log, entries: Sequence[Entry], head: SignedHead
) -> None:
    """One batch on one session: elided as far as the peer confirmed, bodies to readers only."""
    start = entries[0].place.index
    full = log.id in session.full
    prev = None if full else leaf_before(line, log, start)

    def confirmed(other: LogId, size: int) -> bool:
        return not full and session.holds.get(other, 0) >= size

    items = []
    for entry in entries:
        leaf = entry.leaf
        with_body = leaf is not None and leaf.reads(session.member)
        items.append(
            encode_item(
                entry,
                None if full else prev,
                with_body=with_body,
                confirmed=confirmed,
                locate=lambda ref: _locate(line, ref),
            )
        )
        prev = leaf
    batch = Batch(
        log=None if log.id == line.mine else log.id,
        start=None if start == session.implied.get(log.id) else start,
        count=len(entries),
        confirm=len(entries) >= CONFIRM_EVERY or session.flight_bytes >= CONFIRM_BYTES,
    )
    session.full.discard(log.id)
    session.implied[log.id] = head.size
    frame = encode_entries(session.channel, batch, items, head.signature)
    session.flight.append((log.id, head.size, len(frame)))
    session.flight_bytes += len(frame)
    step.out.append(Send(session.link, frame))


def _locate(line: Line, ref: bytes) -> Place | None:
    for log in line.logs.values():
        last = next(reversed(log.recent.values()), None)
        if last is not None and last.hash == ref:
            return last.place
    return line.shelf.find(ref)


def leaf_before(line: Line, log: Log, index: int) -> Leaf | None:
    """The leaf that entry ``index`` is elided against; None after a void one."""
    if index == 0:
        return NOTHING
    if index == log.size:
        return log.last
    entry = log.recent.get(index - 1)
    return (entry or line.shelf.entry(log.id, index - 1)).leaf


def _overtake(step: Step, line: Line, session: Session, log: Log, start: int) -> None:
    """Sends FLASH ahead of a backlog on this session, with the few hashes of the gap (F8)."""
    if log.id != line.mine:
        return
    for index, entry in log.recent.items():
        leaf = entry.leaf
        if index < start or leaf is None or index in session.ahead_sent:
            continue
        head = log.heads.get(index + 1)
        if leaf.precedence < Precedence.FLASH or leaf.kind not in OVERTAKING or head is None:
            continue
        base = session.holds.get(log.id, 0)
        path = cover(lambda level, at: line.shelf.subtree(log.id, level, at), base, index)
        with_body = leaf.reads(session.member) and entry.body is not None
        ahead = Ahead(
            log.id,
            base,
            index,
            entry.raw,
            (entry.salt or b"") if with_body else b"",
            entry.body if with_body else None,
            tuple(digest for _, digest in path),
            head.signature,
        )
        session.ahead_sent.add(index)
        step.out.append(Send(session.link, encode_frame(session.channel, ahead)))
