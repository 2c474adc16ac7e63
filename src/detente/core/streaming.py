"""Streaming logs to peers: our own always, others' when asked (spec/session.md §5, §6).

Each session remembers how far every log was sent; what a peer confirms opens its window again.
Of several links to one peer the best one streams, and FLASH goes on every one.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.amending import is_final
from detente.core.cosigning import on_want_cosignature
from detente.core.errors import PeerError, Refusal
from detente.core.events import Send, SignedHead
from detente.core.frames import (
    WANT_BODY,
    WANT_COSIGNATURE,
    WANT_FULL,
    Ahead,
    Body,
    Got,
    Refuse,
    Want,
)
from detente.core.freezing import heads_to_come
from detente.core.holding import (
    confirm,
    entries_of,
    entry_at,
    head_between,
    land,
    leaf_before,
    purge_declared,
    subtrees,
    take_off,
)
from detente.core.leaf import OVERTAKING, UNCALLING, Kind, Leaf, LogId, Precedence
from detente.core.line import Line
from detente.core.link import Flight, Session, Way
from detente.core.log import Log
from detente.core.merkle import cover
from detente.core.overtaking import is_held_ahead
from detente.core.serving import enclose
from detente.core.station import Step
from detente.core.transcript import Entry, Place
from detente.core.wire import Batch, encode_entries, encode_item

IN_FLIGHT_MAX = 4 * limits.BATCH_ENTRIES_MAX  # entries sent to one peer and not confirmed
IN_FLIGHT_BYTES_MAX = 4 * limits.BATCH_BYTES_MAX  # and their bytes; bounds what a dead link hoards
FILE_BATCH_BYTES_MAX = 32_768  # in a courier's file: what one damaged place may cost
CONFIRM_ENTRIES = 32  # so many entries, or so many bytes, ask to be confirmed
CONFIRM_BYTES = limits.BATCH_BYTES_MAX // 2
NARROW_IN_FLIGHT_MAX = 1  # batches on a narrow bearer, of all logs, so that FLASH finds it free
# How long a batch may be on its way on a narrow bearer before a question for it says it was lost.
AIR_MS, SLOWEST_BITS_PER_S = 60_000, 75
DAY_S = 86_400
# What answers a `want`, and says nothing of entries under way.
OF_BODIES = frozenset({Refusal.NOT_IN_AUDIENCE, Refusal.PURGED, Refusal.NOT_HELD})


def pump(step: Step, line: Line) -> None:
    """Sends every session what it is owed, as far as its window allows."""
    for session in line.greeted():
        if session.way is Way.OUT:
            land(session)  # a file has taken all it was given
        elif session is not line.session_of(session.member):
            _overtake(step, line, session, streams=False)
            continue
        for log_id in list(session.sent):
            if not _paused(step, session, log_id):
                _stream(step, line, session, line.logs[log_id])
        _overtake(step, line, session, streams=True)
        if session.way is Way.OUT and _goes_on(line, session):
            line.touched = True


def _goes_on(line: Line, session: Session) -> bool:
    """Whether a file has room for more than one step gives it: of logs, or of what is queued."""
    waits = line.may_sign() and line.is_open() and line.reads(session.member)
    if waits and any(line.queue.by_precedence):
        return True
    return any(line.logs[log_id].size > at for log_id, at in session.sent.items())


def _paused(step: Step, session: Session, log_id: LogId) -> bool:
    if session.paused.get(log_id, 0) > step.now.steady_ms:
        return True
    session.paused.pop(log_id, None)
    return False


def _has_room(line: Line, session: Session, log: Log, start: int) -> bool:
    """Whether more may be under way to this peer: its logs share one window. On a narrow bearer
    FLASH waits for no other log's batch, only for our own log's, which it overtakes."""
    if session.wide:
        entries, sent_bytes = session.flight_entries, session.flight_bytes
        return entries < IN_FLIGHT_MAX and sent_bytes < IN_FLIGHT_BYTES_MAX
    if len(session.flight) < NARROW_IN_FLIGHT_MAX:
        return True
    own = log.id == line.mine and all(flight.log != log.id for flight in session.flight)
    return own and start in log.recent and _goes_first(log.recent[start])


def _goes_first(entry: Entry) -> bool:
    """Whether an entry, or its body when it is asked for, waits for none of the lower traffic."""
    leaf = entry.leaf
    return leaf is not None and leaf.precedence >= Precedence.FLASH and leaf.kind in OVERTAKING


def _stream(step: Step, line: Line, session: Session, log: Log) -> None:
    start = max(session.sent[log.id], session.holds.get(log.id, 0))
    first = start
    while start < log.size and _has_room(line, session, log, start):
        head = _head_for(step, line, session, log, start)
        if head is None:
            break
        entries = entries_of(line, log, start, head.size)
        most = FILE_BATCH_BYTES_MAX if session.way is Way.OUT else limits.BATCH_BYTES_MAX
        entries, head = _fit(line, log, start, entries, head, most)
        send_batch(step, line, session, log, entries, head)
        start = head.size
    if start > first:
        del session.sent[log.id]  # behind the others: they take turns
    session.sent[log.id] = start
    if start >= log.size and log.id.member != line.me:
        del session.sent[log.id]  # what a third says next is announced, and asked for again


def _head_for(step: Step, line: Line, session: Session, log: Log, start: int) -> SignedHead | None:
    """The signed head of the next batch: of a log that is frozen here first what stands, under a
    head of its own where there is one, lest whom it ends for too be sent more with it."""
    head = None
    if start < log.frozen < log.size:
        head = _next_head(line, session, log, start, log.frozen)
    elif 0 <= log.frozen <= start:
        head = _next_that_stands(step, line, log, start)
    return head or _next_head(line, session, log, start, log.size)


def _next_that_stands(step: Step, line: Line, log: Log, start: int) -> SignedHead | None:
    """Behind the freeze: the nearest head that others had covered before they knew. Whoever knows
    of the freeze takes just that, and nothing that ends before it or beyond (spec/log.md §9)."""
    most = min(log.size, start + limits.BATCH_ENTRIES_MAX)
    sizes = sorted(size for size, _ in heads_to_come(step.station, line, log, start))
    heads = [head_between(line, log, size, size) for size in sizes if size <= most]
    return next(filter(None, heads), None)


def _next_head(line: Line, session: Session, log: Log, start: int, stop: int) -> SignedHead | None:
    """The farthest that fits a batch on a wide bearer, the nearest on a narrow one."""
    most = limits.BATCH_ENTRIES_MAX if session.wide else 1
    while most < limits.BATCH_ENTRIES_MAX:
        head = head_between(line, log, start + 1, min(start + most, stop))
        if head is not None:
            return head
        most *= 2
    return head_between(line, log, start + 1, min(start + most, stop))


def _fit(
    line: Line, log: Log, start: int, entries: Sequence[Entry], head: SignedHead, most: int
) -> tuple[Sequence[Entry], SignedHead]:
    """Cuts a batch of more than ``most`` bytes back to a smaller signed head, if there is one."""
    total = 0
    for count, entry in enumerate(entries):
        total += len(entry.raw) + len(entry.body or b"") + 32
        if total > most and count:
            smaller = head_between(line, log, start + 1, start + count)
            if smaller is None:  # its author put that much under one signature, so it fits
                ends = range(start + count + 1, head.size)
                found = (head_between(line, log, start + 1, end) for end in ends)
                smaller = next((one for one in found if one is not None), head)
            return entries[: smaller.size - start], smaller
    return entries, head


def send_batch(
    step: Step, line: Line, session: Session, log: Log, entries: Sequence[Entry], head: SignedHead
) -> None:
    """One batch on one session: elided as far as the peer confirmed, bodies to readers only."""
    start = entries[0].place.index
    alone = session.way is Way.OUT  # whoever reads a file may have neither hello nor batch before
    full = alone or log.id in session.full
    prev = None if full else leaf_before(line, log, start)
    items = []
    for entry in entries:
        items.append(_item(step, line, session, entry, None if full else prev))
        prev = entry.leaf
        enclose(line, session, entry)
    size = sum(map(len, items))
    batch = Batch(
        log=None if log.id == line.mine and not alone else log.id,
        start=None if start == session.implied.get(log.id) and not alone else start,
        count=len(entries),
        confirm=_asks(session, len(entries), size) and not alone,
    )
    session.full.discard(log.id)
    session.implied[log.id] = head.size
    air_ms = AIR_MS + size * 8_000 // SLOWEST_BITS_PER_S
    due_ms = step.now.steady_ms + air_ms if not session.wide and batch.start is not None else 0
    take_off(session, Flight(log.id, head.size, len(entries), size, due_ms))
    frame = encode_entries(session.channel, batch, items, head.signature)
    urgent = not session.wide and log.id == line.mine and _goes_first(entries[0])
    step.out.append(Send(session.link, frame, urgent))


def _item(step: Step, line: Line, session: Session, entry: Entry, prev: Leaf | None) -> bytes:
    """One entry as this peer needs it: its body to readers only, and not where the peer has stated
    that it holds it, ahead of its turn."""
    leaf = entry.leaf

    def confirmed(other: LogId, size: int) -> bool:
        return session.holds.get(other, 0) >= size

    return encode_item(
        entry,
        prev,
        with_body=leaf is not None
        and line.entitled(leaf, entry.place.log.member, session.member)
        and not _is_held_back(step, line, entry)
        and not is_held_ahead(line, session, entry.place),
        confirmed=confirmed,
        locate=lambda ref: _locate(line, ref),
        yours=session.current,
    )


def _asks(session: Session, entries: int, size: int) -> bool:
    """Whether the next batch asks to be confirmed: so that a mute peer's window opens too."""
    session.unasked_entries += entries
    session.unasked_bytes += size
    asks = (
        not session.wide
        or session.unasked_entries >= CONFIRM_ENTRIES
        or session.unasked_bytes >= CONFIRM_BYTES
    )
    if asks:
        session.unasked_entries = session.unasked_bytes = 0
    return asks


def _locate(line: Line, ref: bytes) -> Place | None:
    for log in line.logs.values():
        last = next(reversed(log.recent.values()), None)
        if last is not None and last.hash == ref:
            return last.place
    return line.shelf.find(ref)


def _overtake(step: Step, line: Line, session: Session, *, streams: bool) -> None:
    """Sends FLASH ahead of a backlog on this session, with the few hashes of the gap (F8); where
    another link to the peer streams, whatever that one has: it may be dead and not know it."""
    own = line.own
    if own is None:
        return
    held = session.holds.get(own.id, 0)
    start = max(session.sent.get(own.id, 0), held) if streams else held
    if start >= own.size or not held:
        return  # who holds nothing of a log takes nothing ahead in it
    session.ahead_sent = {index for index in session.ahead_sent if index >= held}
    there = _ahead_there(line, session, held)
    for index, entry in own.recent.items():
        if index < start or index in session.ahead_sent or not _goes_first(entry):
            continue
        if index not in there and len(there) >= _most_ahead(entry):
            continue
        head = head_between(line, own, index + 1, index + 1)
        if head is None or is_held_ahead(line, session, entry.place):
            continue
        session.ahead_sent.add(index)
        there.add(index)
        path = tuple(digest for _, digest in cover(subtrees(step, line, own.id), held, index))
        full = session.way is Way.OUT or index in session.ahead_full
        item = _item(step, line, session, entry, None if full else leaf_before(line, own, held))
        step.send(session, Ahead(own.id, held, index, path, head.signature, item), urgent=True)


def _ahead_there(line: Line, session: Session, held: int) -> set[int]:
    """What went ahead to this peer beyond what it confirmed, on any link, and what it states to
    have from an earlier one: it keeps one count of the gap. A file has its own."""
    links = (one for one in line.sessions.values() if one.member == session.member)
    there = [one.ahead_sent for one in links if one.way is session.way]
    if session.current is not None:
        there.append(line.held_ahead.get(session.current, set()))
    return {index for each in there for index in each if index >= held}


def _most_ahead(entry: Entry) -> int:
    """Below how many ahead of a gap one more goes. What only receipts takes half the room: else as
    much FLASH of others as we receipt keeps our own waiting until the gap is filled. And the last
    places are for an OVERRIDE, which waits for no FLASH."""
    leaf = entry.leaf
    if leaf is not None and leaf.kind in UNCALLING:
        return limits.HELD_AHEAD_MAX // 2
    if leaf is not None and leaf.precedence > Precedence.FLASH:
        return limits.HELD_AHEAD_MAX
    return limits.HELD_AHEAD_MAX - limits.HELD_AHEAD_MAX // 8


# --- what peers ask for -------------------------------------------------------------------------


def on_got(line: Line, session: Session, frame: Got) -> None:
    """Unsigned word of how far a peer has stored a log: for flow and elision alone."""
    log = line.logs.get(frame.log)
    if log is None or frame.size > log.size:
        raise PeerError(Refusal.NOT_HELD, "a size that is not held here")
    confirm(line, session, frame.log, frame.size)


def on_want(step: Step, line: Line, session: Session, frame: Want) -> None:
    """Entries from an index on, in full or not, one body, or our cosignature."""
    log = line.logs.get(frame.log)
    if log is None or frame.index > log.size:
        raise PeerError(Refusal.NOT_HELD, "entries that are not held here")
    if frame.what == WANT_BODY:
        _serve_body(step, line, session, log, frame.index)
    elif frame.what == WANT_COSIGNATURE:
        on_want_cosignature(step, line, session, log)
    elif frame.what == WANT_FULL or not _is_on_its_way(step, session, log.id, frame.index):
        _rewind(line, session, log.id, frame.index)
        # It holds what is below, whoever brought it: else what it never confirmed to us fills the
        # window for good, and its repeated question is never answered.
        confirm(line, session, log.id, frame.index)
        session.sent[log.id] = frame.index
        if frame.what == WANT_FULL:
            session.full.add(log.id)
            session.paused.pop(log.id, None)  # what it declined it has room for again


def _is_on_its_way(step: Step, session: Session, log_id: LogId, index: int) -> bool:
    """Whether just this was sent on a narrow bearer and is answered when it comes: it says where it
    begins, so nothing is lacking to read it. Asking again there does not make it faster."""
    now_ms = step.now.steady_ms
    return any(
        (flight.log, flight.start) == (log_id, index) and now_ms < flight.asked_again_ms
        for flight in session.flight
    )


def _rewind(line: Line, session: Session, log_id: LogId, index: int) -> None:
    """A peer holds no more than this of a log, whatever was sent or said before."""
    session.implied.pop(log_id, None)
    land(session, log_id)
    for other in line.sessions.values():
        if other.member == session.member and other.holds.get(log_id, 0) > index:
            other.holds[log_id] = index


def _is_held_back(step: Step, line: Line, entry: Entry) -> bool:
    """Whether a legal hold alone keeps this body: it is shown to nobody any more."""
    return line.id in step.station.under_hold and purge_declared(line, entry)


def _serve_body(step: Step, line: Line, session: Session, log: Log, index: int) -> None:
    if index >= log.size:
        raise PeerError(Refusal.NOT_HELD, f"entry {index}")
    entry = entry_at(line, log, index)
    leaf = entry.leaf
    entitled = leaf is not None and (
        line.entitled(leaf, log.id.member, session.member)
        or (leaf.kind == Kind.OFFER and is_final(step.station, line, entry.place))
    )
    if not entitled:
        raise PeerError(Refusal.NOT_IN_AUDIENCE, f"entry {index}", log=log.id, index=index)
    purged = entry.purged or _is_held_back(step, line, entry)
    if purged or entry.body is None or entry.salt is None:
        refusal = Refusal.PURGED if purged else Refusal.NOT_HELD
        raise PeerError(refusal, f"entry {index}", log=log.id, index=index)
    frame = Body(log.id, index, entry.salt, entry.body)
    enclose(line, session, entry)
    step.send(session, frame, urgent=_goes_first(entry))


def on_refuse(step: Step, line: Line, session: Session, frame: Refuse) -> None:
    """What a peer would not take is no longer under way. A log that it holds as far as it is
    frozen is not sent on; over its author's quota one rests until the next UTC day."""
    step.tell("refused-by-peer", line, member=session.member, refusal=frame.refusal.word)
    if frame.refusal == Refusal.WANT_FULL and _goes_ahead_anew(line, session, frame):
        return
    if frame.refusal not in OF_BODIES:
        land(session, frame.log)
    log = None if frame.log is None else line.logs.get(frame.log)
    if frame.refusal == Refusal.FROZEN and log is not None:
        session.sent.pop(log.id, None)
    if frame.refusal == Refusal.OVER_QUOTA and log is not None and frame.index <= log.size:
        left_s = DAY_S - step.now.wall_s % DAY_S
        session.paused[log.id] = step.now.steady_ms + left_s * 1000 + 1
        _rewind(line, session, log.id, frame.index)
        if log.id in session.sent:
            session.sent[log.id] = frame.index


def _goes_ahead_anew(line: Line, session: Session, frame: Refuse) -> bool:
    """Whether a peer could not read what was sent ahead: it gets that in full, once."""
    if frame.log != line.mine or frame.index not in session.ahead_sent - session.ahead_full:
        return False
    session.ahead_full.add(frame.index)
    session.ahead_sent.discard(frame.index)
    return True
