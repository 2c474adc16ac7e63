"""Taking in what a peer sends: verify what was received, then store, then judge it.

Nothing here signs; it records what must be said, and ``speaking.settle`` says it after all inputs
(spec/session.md §6).
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.accusing import prove_leaves
from detente.core.bodies import late_bodies
from detente.core.body import commit
from detente.core.disputes import suspect
from detente.core.encoding import Reader, malformed
from detente.core.errors import PeerError, Refusal
from detente.core.events import NewEntry, SignedHead, StoreEntries
from detente.core.extras import decode_resume
from detente.core.frames import WANT_ENTRIES, WANT_FULL, Got, Want
from detente.core.freezing import heads_to_come
from detente.core.holding import (
    comes_purged,
    confirm,
    coverable_size,
    known_hash,
    known_root,
    leaf_before,
    note_held,
)
from detente.core.judging import call, judge_heads, judge_meaning, want_bodies
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.link import Session, Way
from detente.core.log import Log
from detente.core.merkle import Frontier, frontier_at, leaf_hash
from detente.core.overtaking import close_gap, from_ahead, learn_held
from detente.core.quotas import MISSING_MAX, charge, log_for
from detente.core.restoring import drop_entered, judge_own_log, stream_anew
from detente.core.station import Station, Step
from detente.core.transcript import Entry, Place
from detente.core.wire import FULL, Batch, Item, read_batch, read_item

SLOW_ROOTS_MAX = 2048  # roots that one frame may have us fold from the store
ASKED_MAX = 1024  # logs that one session remembers having asked for


def on_entries(step: Step, line: Line, session: Session, reader: Reader) -> None:
    """A batch of entries: rebuilt, hashed, checked against the signed head, then kept."""
    batch = read_batch(reader)
    log_id = batch.log or session.current
    if log_id is None:
        raise PeerError(Refusal.UNKNOWN_LOG, "the sender keeps no log")
    log = log_for(step, line, log_id)
    start = session.expected.get(log_id) if batch.start is None else batch.start
    if log.closed():
        _open_for(step, line, log, batch, start)
    if batch.start is None and log_id in session.asked_full:
        return  # it comes again behind the full form that was asked for
    if start is None or start > log.size:
        session.expected.pop(log_id, None)
        if session.way is Way.IN:
            gap = {"log": log_id.word, "held": log.size, "start": start}
            step.tell("courier-gap", line, member=log_id.member, **gap)
        ask(step, session, log)
        return
    reader.end -= 64
    if reader.end < reader.pos:
        raise malformed("cut short")
    items = _items(step, line, session, log, reader, batch, start)
    if items is None:
        return
    agrees = _take(step, line, session, log, start, items, reader.data[reader.end :])
    if batch.confirm and agrees:
        step.send(session, Got(log.id, start + batch.count))
    elif batch.confirm and log.id not in session.asked_full:
        # Another history than ours, on record now or searched: the sender must know that this
        # batch is no longer under way, or it would wait for us with everything else; and not
        # take it for held here, or it would ask us for bodies of it.
        step.decline(line, session, Refusal.FROZEN, log.id, start)


def _open_for(step: Step, line: Line, log: Log, batch: Batch, start: int | None) -> None:
    """A log that is held as far as it is frozen takes what others had covered before they knew,
    one such head at a time, and nothing else. FROZEN otherwise."""
    sizes = {size for size, _ in heads_to_come(step.station, line, log, log.size)}
    if start != log.size or start + batch.count not in sizes:
        raise PeerError(Refusal.FROZEN, f"log {log.id.word}", log=log.id, index=log.size)


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
    slow = 0
    items = []

    def root_of(other: LogId, size: int) -> bytes | None:
        nonlocal slow
        held = line.logs.get(other)
        slow += held is None or size not in held.heads
        return known_root(line, other, size) if slow <= SLOW_ROOTS_MAX else None

    whole = True
    try:
        for _ in range(batch.count):
            whole = whole and reader.pos < reader.end and bool(reader.data[reader.pos] & FULL)
            item = read_item(
                reader, prev, root_of, lambda other, at: known_hash(line, other, at), line.mine
            )
            items.append(item)
            prev = item.leaf
        reader.done()
    except PeerError:
        # Behind another leaf than ours is, or from another start, what was left out reads as
        # anything, and so does what stands behind it: only what is all in full is judged (F4).
        if whole:
            raise
        _ask_full(step, session, log, start)
        return None
    return items


def ask(step: Step, session: Session, log: Log) -> None:
    """Asks for the entries of a log from where it ends here; once until something comes."""
    if session.asked.get(log.id) != log.size:
        if len(session.asked) >= ASKED_MAX:
            session.asked.clear()
        session.asked[log.id] = log.size
        step.send(session, Want(WANT_ENTRIES, log.id, log.size))


def _ask_full(step: Step, session: Session, log: Log, start: int) -> None:
    """Asks once for the full form: an elision that does not fit is evidence of nothing (F4)."""
    session.expected.pop(log.id, None)
    if log.id in session.asked_full:
        raise PeerError(Refusal.WANT_FULL, f"log {log.id.word}", log=log.id, index=start)
    if len(session.asked_full) >= ASKED_MAX:
        session.asked_full.clear()
    session.asked_full.add(log.id)
    step.send(session, Want(WANT_FULL, log.id, start))


# --- verifying --------------------------------------------------------------------------------


def _take(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    start: int,
    items: list[Item],
    signature: bytes,
) -> bool:
    """Whether all of it is held now as it came."""
    digests = [leaf_hash(item.raw) for item in items]
    stop = start + len(items)
    skip = min(log.size, stop) - start
    apart = next(
        (at for at in range(skip) if known_hash(line, log.id, start + at) != digests[at]), None
    )
    frontier, behind = log.frontier.copy(), skip
    if apart is not None:
        frontier = frontier_at(lambda level, at: line.shelf.subtree(log.id, level, at), start)
        behind = 0
    done = [b"".join(frontier.append(digest)) for digest in digests[behind:]]
    head = SignedHead(stop, frontier.root(), signature)
    if (apart is not None or skip < len(items)) and not log.verifies(*head):
        _mismatch(step, line, session, log, start, items)
        return False
    session.asked_full.discard(log.id)
    session.asked.pop(log.id, None)
    if apart is not None:
        prove_leaves(step, line, log, start, [item.raw for item in items], apart, head)
        return False
    if log.closed() and head[:2] not in heads_to_come(step.station, line, log, log.size):
        raise PeerError(Refusal.FROZEN, "the other history", log=log.id, index=log.size)
    confirm(line, session, log.id, start + skip)  # whatever becomes of the rest
    if skip < len(items):
        places = [Place(log.id, index) for index in range(log.size, stop)]
        new = list(zip(places, digests[skip:], items[skip:], done, strict=True))
        _admit(step, line, session, log, new, frontier, head)
    session.expected[log.id] = stop
    late_bodies(step, line, log, start, items[:skip])
    return True


def _mismatch(
    step: Step, line: Line, session: Session, log: Log, start: int, items: Sequence[Item]
) -> None:
    """The head is not signed for what we rebuilt. Only the full form is judged: what is wrong
    there is either another history, whose signed head the peer has shown, or the peer's fault."""
    if not all(item.full for item in items):
        _ask_full(step, session, log, start)
        return
    session.asked_full.discard(log.id)
    session.expected.pop(log.id, None)
    stated = session.heads.get(log.id)
    if stated is None:
        busy = line.disputes.get(log.id)
        if busy is not None and busy.link == session.link:
            return  # it was under way when the head it is shown under came to be searched
        raise PeerError(Refusal.BAD_SIGNATURE, f"log {log.id.word}", log=log.id, index=start)
    suspect(step, line, session, log, stated)


def _first_leaf(line: Line, log: Log, item: Item) -> None:
    """Leaf 0 is this line's charter, or the resume that the log's name says (F16)."""
    leaf = item.leaf
    if leaf is None:
        raise PeerError(Refusal.BAD_LEAF, "leaf 0 does not decode")
    if log.id.life:
        resume = decode_resume(leaf.extra) if leaf.kind == Kind.RESUME else None
        if resume is None or (resume.k, resume.life) != (log.id.k, log.id.life):
            raise PeerError(Refusal.BAD_LEAF, "leaf 0 is not the resume of its log")
    elif leaf.kind != Kind.CHARTER or leaf.commitment != line.id:
        raise PeerError(Refusal.CHARTER_MISMATCH, "leaf 0 is not this line's charter")


# --- keeping ----------------------------------------------------------------------------------


def _admit(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    new: Sequence[tuple[Place, bytes, Item, bytes]],
    frontier: Frontier,
    head: SignedHead,
) -> None:
    """The last that may be refused: leaf 0, bodies that do not open, and the author's quota."""
    if log.size == 0:
        _first_leaf(line, log, new[0][2])
    entries = [
        NewEntry(_entry(step.station, line, place, digest, item), done)
        for place, digest, item, done in new
    ]
    if log.id.member != line.me:
        if len(log.missing) >= MISSING_MAX:
            session.choked.add(log.id)
            raise PeerError(Refusal.OVER_QUOTA, "bodies missing", log=log.id, index=log.size)
        charge(step, line, log, [item for _, _, item, _ in new])
    _keep(step, line, session, log, entries, frontier, head)


def _entry(station: Station, line: Line, place: Place, digest: bytes, item: Item) -> Entry:
    """The entry as it is kept: a body only if it opens the leaf, is addressed here and was not
    purged by its author before it came."""
    leaf, salt, body = item.leaf, item.salt, item.body
    if leaf is None or leaf.commitment is None:
        return Entry(place, digest, item.raw, leaf, None, None)
    if body is None or salt is None:
        salt, body = from_ahead(line, place, digest)
    elif leaf.commitment != commit(salt, body):
        raise PeerError(Refusal.BAD_COMMITMENT, f"entry {place.index}")
    purged = comes_purged(station, line, place, leaf, digest)
    if purged or not line.entitled(leaf, place.log.member, line.me):
        salt, body = None, None
    return Entry(place, digest, item.raw, leaf, salt, body, purged)


def _keep(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    entries: Sequence[NewEntry],
    frontier: Frontier,
    head: SignedHead,
) -> None:
    before, size, stated = coverable_size(line, log), log.size, dict(log.stated)
    line.logs[log.id] = log
    plain = [new.entry for new in entries]
    for entry in plain:
        leaf = entry.leaf
        if leaf is None or leaf.commitment is None or entry.body is not None or entry.purged:
            continue
        if line.entitled(leaf, log.id.member, line.me):
            log.missing[entry.place.index] = step.now.wall_s
    line.ask_anew()
    log.extend(plain, frontier, head, line.logs)
    confirm(line, session, log.id, log.size)
    judge_heads(step, line, session, log, plain, stated)
    learn_held(step, line, session, log, plain)
    note_held(step, line, log, before)
    step.out.append(
        StoreEntries(
            line.id,
            log.id,
            tuple(entries),
            head,
            log.encode(),
            own=False,
            held_at_s=step.now.wall_s,
        )
    )
    if size == 0 and log.id.life:
        step.tell("resumed", line, member=log.id.member, k=log.id.k)
    line.heads_due = True
    close_gap(step, line, log, plain, head)
    judge_meaning(step, line, log, plain)
    if log.id.member == line.me:
        if size == 0:
            stream_anew(line, log.id)
        judge_own_log(step, line, log)
        drop_entered(step, line, plain)
        return
    want_bodies(step, line, session, log)
    call(step, line, log, plain)
