"""Taking in what a peer sends: verify the received bytes, then parse, then store (spec/session.md §6).

Nothing here signs; it records what must be said, and ``speaking.settle`` says it after all inputs.
"""

from __future__ import annotations

from detente.core import limits
from detente.core.body import commit
from detente.core.disputes import enter_accusation
from detente.core.encoding import Reader, malformed
from detente.core.errors import PeerError, Refusal
from detente.core.events import (
    Draft,
    DropBody,
    NewEntry,
    Offered,
    SignedHead,
    StoreAhead,
    StoreBody,
    StoreEntries,
    StoreState,
)
from detente.core.extras import HeldAhead, OverQuota, decode_accused, decode_resume
from detente.core.frames import (
    WANT_BODY,
    WANT_ENTRIES,
    WANT_FULL,
    Ahead,
    Body,
    Got,
    Want,
)
from detente.core.leaf import OVERTAKING, UNCALLING, Kind, Leaf, LogId, Precedence, Seen
from detente.core.log import Log
from detente.core.merkle import Frontier, frontier_at, leaf_hash, push_cover, root_at
from detente.core.restoring import show_own_head
from detente.core.speaking import append, everyone, may_sign, send, tell
from detente.core.station import Line, Session, Step
from detente.core.streaming import leaf_before
from detente.core.transcript import Entry, Place
from detente.core.wire import Batch, Item, lenient, read_batch, read_item

DAY_S = 86_400


def on_entries(step: Step, line: Line, session: Session, reader: Reader) -> None:
    """A batch of entries: rebuilt, hashed, checked against the signed head, then judged and kept."""
    batch = read_batch(reader)
    log_id = batch.log or session.current
    if log_id is None:
        raise PeerError(Refusal.UNKNOWN_LOG, "the sender keeps no log")
    log = line.logs.get(log_id) or step.station.new_log(line, log_id)
    if log is None:
        raise PeerError(Refusal.UNKNOWN_LOG, f"log {log_id.member}/{log_id.word}")
    start = session.expected.get(log_id) if batch.start is None else batch.start
    if log.frozen >= 0:
        raise PeerError(Refusal.FROZEN, f"log {log_id.member}/{log_id.word}")
    if batch.start is None and log_id in session.asked_full:
        return  # it comes again behind the full form that was asked for
    if start is None or start > log.size:
        session.expected.pop(log_id, None)
        ask(step, line, session, log)
        return
    if start == 0 and batch.count and log.size == 0 and log_id.member == line.me:
        show_own_head(step, line, log, None)
    reader.end -= 64
    if reader.end < reader.pos:
        raise malformed("cut short")
    items = _items(step, line, session, log, reader, batch, start)
    if items is None:
        return
    signature = reader.data[reader.end :]
    reader.done()
    _take(step, line, session, log, start, items, signature)
    if batch.confirm and log.size >= start + batch.count:
        send(step, session, Got(log.id, log.size))


def _items(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    reader: Reader,
    batch: Batch,
    start: int,
) -> list[Item] | None:
    prev = leaf_before(line, log, start)
    items = []
    try:
        for _ in range(batch.count):
            item = read_item(
                reader,
                prev,
                lambda other, size: known_root(line, other, size),
                lambda other, index: known_hash(line, other, index),
            )
            items.append(item)
            prev = item.leaf
    except PeerError as error:
        if error.refusal != Refusal.WANT_FULL:
            raise
        ask_full(step, line, session, log, start)
        return None
    return items


def known_root(line: Line, log_id: LogId, size: int) -> bytes | None:
    """The root of a log at a size, if it is held here to there."""
    log = line.logs.get(log_id)
    if log is None or not 0 < size <= log.size:
        return None
    head = log.heads.get(size)
    if head is not None:
        return head.root
    return root_at(lambda level, at: line.shelf.subtree(log_id, level, at), size)


def known_hash(line: Line, log_id: LogId, index: int) -> bytes | None:
    """The leaf hash of an entry, if it is held here."""
    log = line.logs.get(log_id)
    if log is None or not 0 <= index < log.size:
        return None
    entry = log.recent.get(index)
    return entry.hash if entry is not None else line.shelf.entry(log_id, index).hash


def ask(step: Step, line: Line, session: Session, log: Log) -> None:
    """Asks for the entries of a log from where it ends here; once until something comes."""
    if session.asked.get(log.id) != log.size:
        session.asked[log.id] = log.size
        send(step, session, Want(WANT_ENTRIES, log.id, log.size))


def ask_full(
    step: Step, line: Line, session: Session, log: Log, start: int, items: list[Item] | None = None
) -> None:
    """Asks once for the full form; if this was the full form, the batch is refused.

    A mismatch of an elided form is evidence of nothing (F4).
    """
    session.expected.pop(log.id, None)
    if items and all(item.full for item in items):
        session.asked_full.discard(log.id)
        raise PeerError(Refusal.BAD_SIGNATURE, f"log {log.id.member}/{log.id.word} from {start}")
    if log.id not in session.asked_full:
        session.asked_full.add(log.id)
        send(step, session, Want(WANT_FULL, log.id, min(start, log.size)))


def _take(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    start: int,
    items: list[Item],
    signature: bytes,
) -> None:
    skip = log.size - start
    stop = start + len(items)
    if skip >= len(items):
        if known_hash(line, log.id, stop - 1) == leaf_hash(items[-1].raw):
            session.holds[log.id] = max(session.holds.get(log.id, 0), stop)
            session.expected[log.id] = stop
            _late_bodies(step, line, log, start, items)
            return
        ask_full(step, line, session, log, start, items)
        return
    frontier = log.frontier.copy()
    fresh = []
    for index, item in enumerate(items[skip:], log.size):
        digest = leaf_hash(item.raw)
        subtrees = b"".join(frontier.append(digest))
        fresh.append((Place(log.id, index), digest, item, subtrees))
    head = SignedHead(stop, frontier.root(), signature)
    if not log.verifies(head.size, head.root, head.signature):
        ask_full(step, line, session, log, start, items)
        return
    session.asked_full.discard(log.id)
    session.expected[log.id] = stop
    session.asked.pop(log.id, None)
    if log.id.member == line.me and not line.mute:
        show_own_head(step, line, log, head)
    _first_leaf(line, log, fresh[0][2] if log.size == 0 else None)
    entries = [
        NewEntry(_entry(line, place, digest, item), subtrees)
        for place, digest, item, subtrees in fresh
    ]
    if log.id.member != line.me and not _within_quota(step, line, session, log, entries):
        return
    _keep(step, line, session, log, entries, frontier, head)


def _first_leaf(line: Line, log: Log, first: Item | None) -> None:
    """Leaf 0 is this line's charter, or the resume that the log's name says (F16)."""
    if first is None:
        return
    leaf = first.leaf
    if leaf is None:
        raise PeerError(Refusal.BAD_LEAF, "leaf 0 does not decode")
    if log.id.life:
        resume = decode_resume(leaf.extra) if leaf.kind == Kind.RESUME else None
        if resume is None or (resume.k, resume.life) != (log.id.k, log.id.life):
            raise PeerError(Refusal.BAD_LEAF, "leaf 0 is not the resume of its log")
    elif leaf.kind != Kind.CHARTER or leaf.commitment != line.id:
        raise PeerError(Refusal.CHARTER_MISMATCH, "leaf 0 is not this line's charter")


def _entry(line: Line, place: Place, digest: bytes, item: Item) -> Entry:
    """The entry as it is kept: a body only if it opens the leaf and is addressed here."""
    leaf, salt, body = item.leaf, item.salt, item.body
    if body is not None and salt is not None and leaf is not None:
        if leaf.commitment != commit(salt, body):
            raise PeerError(Refusal.BAD_COMMITMENT, f"entry {place.index}")
        if not leaf.reads(line.me):
            salt, body = None, None
    else:
        salt, body = None, None
    return Entry(place, digest, item.raw, leaf, salt, body)


def _within_quota(
    step: Step, line: Line, session: Session, log: Log, entries: list[NewEntry]
) -> bool:
    """Counts an author's day. Beyond the charter's grant nothing is stored and the log says so."""
    charter, day = line.charter, step.now.wall_s // DAY_S
    used = list(log.used) if log.day == day else [0, 0, 0]
    used[0] += len(entries)
    for new in entries:
        leaf = new.entry.leaf
        used[1] += len(new.entry.raw) + len(new.entry.body or b"")
        used[2] += leaf is not None and leaf.precedence >= Precedence.FLASH
    grants = (
        charter.quota_entries_per_day,
        charter.quota_bytes_per_day,
        charter.quota_flash_per_day,
    )
    over = [which for which, (n, most) in enumerate(zip(used, grants, strict=True), 1) if n > most]
    if not over:
        log.day, log.used = day, used
        return True
    extra = OverQuota(log.id, log.size, over[0], day).encode()
    key = (log.id, day)
    if key not in line.quota_said:
        line.quota_said.add(key)
        line.control.append(Draft(kind=Kind.OVER_QUOTA, audience=everyone(line), extra=extra))
        tell(step, "over-quota", line, member=log.id.member, which=over[0])
    raise PeerError(Refusal.OVER_QUOTA, f"log {log.id.member}", log=log.id, index=log.size)


def _keep(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    entries: list[NewEntry],
    frontier: Frontier,
    head: SignedHead,
) -> None:
    new = log.id not in line.logs
    line.logs[log.id] = log
    plain = [item.entry for item in entries]
    for entry in plain:
        leaf = entry.leaf
        if leaf is not None and leaf.commitment is not None and entry.body is None:
            if leaf.reads(line.me):
                log.missing[entry.place.index] = step.now.wall_s
                send(step, session, Want(WANT_BODY, log.id, entry.place.index))
    log.extend(plain, frontier, head)
    log.held_at_s = step.now.wall_s
    session.holds[log.id] = max(session.holds.get(log.id, 0), log.size)
    step.out.append(
        StoreEntries(
            line.id,
            log.id,
            tuple(entries),
            head,
            log.encode(),
            own=False,
            held_at_s=log.held_at_s,
        )
    )
    before = log.disputed_from
    for entry in plain:
        if entry.leaf is not None:
            _judge(step, line, session, log, entry, entry.leaf)
    if log.disputed_from != before:
        step.out.append(StoreState(line.id, log.id, log.encode()))
    if new and log.id.life:
        tell(step, "resumed", line, member=log.id.member, k=log.id.k)
    line.heads_due = line.heads_due or session.member == log.id.member
    if log.id.member != line.me:
        _call(step, line, log, plain)


def _call(step: Step, line: Line, log: Log, entries: list[Entry]) -> None:
    """What these entries call for: a cosignature, a `seen`, now or within the charter's seconds."""
    calling = [e.leaf for e in entries if e.leaf is None or e.leaf.kind not in UNCALLING]
    if not calling:
        return
    urgent = any(
        leaf is not None
        and (leaf.precedence >= Precedence.IMMEDIATE or leaf.kind == Kind.RESUME)
        and leaf.kind != Kind.MARK
        for leaf in calling
    )
    if urgent:
        line.seen_now = True
        due = step.now.steady_ms + limits.COSIGN_WITHIN_S * 1000
        line.cosign_due_ms = min(line.cosign_due_ms or due, due)
    else:
        line.cosign_now = True
        due = step.now.steady_ms + line.charter.seen_within_s * 1000
        line.seen_due_ms = min(line.seen_due_ms or due, due)
    tell(step, "received", line, member=log.id.member, log=log.id.word, size=log.size)


def _judge(step: Step, line: Line, session: Session, log: Log, entry: Entry, leaf: Leaf) -> None:
    """What a verified entry means for this node's own state. Meaning for people is the dossiers'."""
    for seen in leaf.seen:
        _judge_seen(step, line, session, log, entry, seen)
    if leaf.kind == Kind.PURGED:
        for ref in leaf.refs:
            _purge(step, line, log, ref)
    elif leaf.kind == Kind.CARD and entry.body is not None:
        party = line.party_of(log.id.member)
        step.out.append(Offered(party or b"", entry.body))
    elif leaf.kind == Kind.ACCUSATION and entry.body is not None:
        enter_accusation(step, line, decode_accused(leaf.extra), entry.body)


def _purge(step: Step, line: Line, log: Log, ref: bytes) -> None:
    """The author destroys a body of its own: so do we, in the store and in memory."""
    recent = (e.place for own in line.logs.values() for e in own.recent.values() if e.hash == ref)
    place = next(recent, None) or line.shelf.find(ref)
    if place is None or place.log.member != log.id.member:
        return
    target = line.logs[place.log]
    target.recent.pop(place.index, None)
    target.missing.pop(place.index, None)
    step.out.append(DropBody(line.id, place.log, place.index))
    step.out.append(StoreState(line.id, target.id, target.encode()))
    tell(step, "purged", line, member=log.id.member, index=place.index)


def _judge_seen(
    step: Step, line: Line, session: Session, log: Log, entry: Entry, seen: Seen
) -> None:
    """A stated head that agrees confirms; one that contradicts a head we hold stops our cover."""
    ours = known_root(line, seen.log, seen.size)
    if ours is None:
        return
    if ours == seen.root:
        if log.id.member == session.member:
            session.holds[seen.log] = max(session.holds.get(seen.log, 0), seen.size)
        if seen.log.member == line.me and seen.log == line.mine:
            tell(step, "receipt", line, member=log.id.member, size=seen.size)
        return
    if seen.log not in line.accused:
        log.disputed_from = entry.place.index
        tell(step, "seen-contradicts", line, member=log.id.member, about=seen.log.member)


def _late_bodies(step: Step, line: Line, log: Log, start: int, items: list[Item]) -> None:
    for index, item in enumerate(items, start):
        if index in log.missing and item.body is not None and item.salt is not None:
            take_body(step, line, log, index, item.salt, item.body)


def on_body(step: Step, line: Line, session: Session, frame: Body) -> None:
    """A body for a leaf held here; refused unless it opens the leaf."""
    log = line.logs.get(frame.log)
    if log is None or frame.index not in log.missing:
        raise PeerError(Refusal.OUT_OF_TURN, "a body nobody asked for")
    take_body(step, line, log, frame.index, frame.salt, frame.body)


def take_body(step: Step, line: Line, log: Log, index: int, salt: bytes, body: bytes) -> None:
    """Keeps a body that came after its leaf. BAD_COMMITMENT if it does not open it."""
    entry = log.recent.get(index) or line.shelf.entry(log.id, index)
    if entry.leaf is None or entry.leaf.commitment != commit(salt, body):
        raise PeerError(Refusal.BAD_COMMITMENT, f"entry {index}")
    del log.missing[index]
    log.recent.pop(index, None)
    log.held_at_s = step.now.wall_s
    step.out.append(StoreBody(line.id, log.id, index, salt, body))
    if index in log.lacked:
        log.lacked.discard(index)
        _hold_ahead(step, line, log, index, entry)
    else:
        _call(step, line, log, [entry])
    step.out.append(StoreState(line.id, log.id, log.encode()))


def _hold_ahead(step: Step, line: Line, log: Log, index: int, entry: Entry) -> None:
    leaf = entry.leaf
    precedence = Precedence.ROUTINE if leaf is None else leaf.precedence
    held = HeldAhead(log.id, index, entry.hash, step.now.wall_s)
    line.control.append(
        Draft(
            kind=Kind.HELD_AHEAD,
            audience=everyone(line),
            precedence=precedence,
            refs=(entry.hash,),
            extra=held.encode(),
        )
    )


def on_ahead(step: Step, line: Line, session: Session, frame: Ahead) -> None:
    """A FLASH ahead of a gap: proven from what is held, stored, shown and receipted at once (F7)."""
    log = line.logs.get(frame.log)
    if log is None or frame.log.member != session.member or log.frozen >= 0:
        raise PeerError(Refusal.UNKNOWN_LOG, "ahead")
    if frame.index < log.size or line.shelf.ahead(log.id, frame.index) is not None:
        return  # a repetition: it is held already
    if frame.base > log.size:
        raise PeerError(Refusal.BAD_PROOF, "base beyond what is held")
    if len(line.ahead.get(log.id, ())) >= limits.HELD_AHEAD_MAX:
        raise PeerError(Refusal.OVER_QUOTA, "too many entries ahead of one gap")
    frontier = log.frontier.copy()
    if frame.base < log.size:
        frontier = frontier_at(lambda level, at: line.shelf.subtree(log.id, level, at), frame.base)
    push_cover(frontier, list(frame.cover), frame.index)
    path = list(frontier.peaks)
    digest = leaf_hash(frame.raw)
    frontier.append(digest)
    head = SignedHead(frame.index + 1, frontier.root(), frame.signature)
    if not log.verifies(head.size, head.root, head.signature):
        raise PeerError(Refusal.BAD_SIGNATURE, "ahead")
    leaf = lenient(frame.raw)
    if leaf is None or leaf.kind not in OVERTAKING:
        raise PeerError(Refusal.BAD_LEAF, "a kind that may not overtake")
    item = Item(frame.raw, leaf, frame.salt or None, frame.body)
    entry = _entry(line, Place(log.id, frame.index), digest, item)
    line.ahead.setdefault(log.id, set()).add(frame.index)
    inclusion = b"".join(reversed(path))  # the last leaf's siblings: the peaks, smallest first
    step.out.append(StoreAhead(line.id, log.id, entry, head, inclusion))
    tell(step, "received-ahead", line, member=log.id.member, index=frame.index)
    if may_sign(line) and (entry.body is not None or leaf.commitment is None):
        _hold_ahead(step, line, log, frame.index, entry)
        batch, line.control = line.control, []
        append(step, line, batch)
