"""Settling a line: what is entered, covered, cosigned and sent once the inputs are in.

Sequencing is late (spec/log.md §7): a submitted draft gets its index, serial, `seen`, time and
signature only when a bearer can take it, so that FLASH rarely has anything to overtake.
"""

from __future__ import annotations

from dataclasses import replace

from detente.core import limits
from detente.core.body import commit
from detente.core.crypto import ed25519_verify
from detente.core.errors import MachineError, Refusal
from detente.core.events import (
    CloseLink,
    Draft,
    NewEntry,
    OutboxRow,
    QueueOutbox,
    Send,
    SignedHead,
    StoreCosignature,
    StoreEntries,
    StoreState,
    TakeOutbox,
    Tell,
)
from detente.core.extras import Head, Lacks
from detente.core.frames import Cosign, Frame, Heads, Presence, Quantum, StatedHead, encode_frame
from detente.core.identity import author_name, holds_pq_name
from detente.core.leaf import SERIAL, UNCALLING, Kind, Leaf, LogId, Precedence, Seen
from detente.core.log import Log
from detente.core.merkle import leaf_hash
from detente.core.notes import cosign_message, subtree_message
from detente.core.station import Line, Session, Step
from detente.core.streaming import pump
from detente.core.transcript import Entry, Place

# Entries of these kinds are ML-DSA-signed at once, and by those who hold them too.
QUANTUM_AT_ONCE = frozenset({Kind.CHARTER, Kind.RESUME, Kind.SEAL, Kind.CARD})


def settle(step: Step, line: Line) -> None:
    """Decides and speaks for one line, in the order that lets one entry do the most."""
    line.touched = False
    _lack(step, line)
    _sequence(step, line)
    _store_outbox(step, line)
    pump(step, line)
    _cosign(step, line)
    _quantum(step, line)
    _announce(step, line)


def may_sign(line: Line) -> bool:
    """Whether our log of this line may grow: adopted, and after a peer's hello since the start."""
    return not line.mute and not line.awaits_hello and line.mine is not None


# --- what we hold -----------------------------------------------------------------------------


def coverable(line: Line, log: Log) -> SignedHead | None:
    """The largest head, signed by its author, below which everything is held here."""
    most = log.coverable_max()
    if not most:
        return None
    if most == log.size:
        return log.head()
    recent = [size for size in log.heads if size <= most]
    found = log.heads[max(recent)] if recent else None
    return found or line.shelf.signed_head(log.id, 1, most)


def _new_seen(line: Line) -> list[tuple[Log, SignedHead]]:
    """Heads of others' logs that our own log does not state yet; a closing head names all earlier
    incarnations beside the first mention of a resumed one."""
    found: dict[LogId, tuple[Log, SignedHead]] = {}
    for log in line.logs.values():
        if log.id.member == line.me:
            continue
        head = coverable(line, log)
        if head is None or head.size <= log.covered:
            continue
        found[log.id] = (log, head)
        if log.id.life and not log.covered:
            for other in line.logs.values():
                if other.id.member == log.id.member and other.id != log.id:
                    closing = coverable(line, other)
                    if closing is not None:
                        found[other.id] = (other, closing)
    ordered = sorted(found.items())[: limits.SEEN_MAX]
    return [pair for _, pair in ordered]


def _lack(step: Step, line: Line) -> None:
    """After the charter's time, names the bodies that are missing, so that the rest is receipted."""
    if not may_sign(line):
        return
    for log in line.logs.values():
        if log.id.member == line.me:
            continue
        late = sorted(
            index
            for index, since in log.missing.items()
            if index not in log.lacked and step.now.wall_s - since >= line.charter.lacks_after_s
        )[:100]
        if late:
            log.lacked.update(late)
            step.out.append(StoreState(line.id, log.id, log.encode()))
            extra = Lacks(log.id, tuple(late)).encode()
            line.control.append(Draft(kind=Kind.LACKS, audience=everyone(line), extra=extra))
            line.seen_now = True


def everyone(line: Line) -> int:
    """The audience of statements about the record itself."""
    return line.charter.everyone()


# --- entering ---------------------------------------------------------------------------------


def _window(line: Line, own: Log) -> int:
    """How many more entries may be signed before a reader confirms some."""
    held = [
        session.holds.get(own.id, 0)
        for session in line.sessions.values()
        if session.greeted and session.paused_until_ms == 0
    ]
    if not held:
        return 0
    return limits.WINDOW_ENTRIES_MAX - (own.size - max(held))


def _sequence(step: Step, line: Line) -> None:
    own = line.own
    if own is None or not may_sign(line) or not any(s.greeted for s in line.sessions.values()):
        return
    due = line.seen_due_ms and step.now.steady_ms >= line.seen_due_ms
    if line.control:
        batch, line.control = line.control, []
        append(step, line, batch)
    while line.is_open() and own.size:
        rows = _next_rows(line, _window(line, own))
        if not rows:
            break
        append(step, line, [_draft(line, row) for row in rows], rows)
    if line.seen_now or due:
        if _new_seen(line):
            append(step, line, [Draft(kind=Kind.SEEN, audience=everyone(line))])
        line.seen_now, line.seen_due_ms = False, 0


def _draft(line: Line, row: OutboxRow) -> Draft:
    return row.draft if row.draft.kind >= 0 else line.shelf.outbox_draft(row.number)


def _next_rows(line: Line, room: int) -> list[OutboxRow]:
    """The next batch: one FLASH alone, whatever the window; else by precedence, oldest first."""
    rows: list[OutboxRow] = []
    bytes_left = limits.BATCH_BYTES_MAX
    queue = line.queue
    for precedence in reversed(range(6)):
        numbers = queue.by_precedence[precedence]
        urgent = precedence >= Precedence.FLASH
        while numbers and (urgent or len(rows) < min(room, limits.BATCH_ENTRIES_MAX)):
            row = queue.rows[numbers[0]]
            size = len(row.draft.body or b"") + 512
            if size > bytes_left:
                return rows
            bytes_left -= size
            numbers.pop(0)
            del queue.rows[row.number]
            rows.append(row)
            if urgent:
                return rows
        if urgent:
            continue
    return rows


def append(
    step: Step, line: Line, drafts: list[Draft], rows: list[OutboxRow] | None = None
) -> None:
    """Enters drafts at the end of our log under one signature; the first carries every new `seen`.

    Raises MachineError DISK if the signature just made does not verify (a fault must not speak).
    """
    own = line.own
    assert own is not None  # noqa: S101  # every caller has checked may_sign
    news = _new_seen(line) if own.size else []
    frontier = own.frontier.copy()
    serial = own.serial
    entries: list[Entry] = []
    stored: list[NewEntry] = []
    error_s = step.now.error_s
    for draft in drafts:
        serial += draft.kind in SERIAL
        leaf = Leaf(
            kind=draft.kind,
            time_s=step.now.wall_s,
            audience=draft.audience,
            precedence=draft.precedence,
            drill=draft.drill or line.charter.drill,
            serial=serial if draft.kind in SERIAL else 0,
            clock_error_s=error_s,
            seen=() if entries else tuple(_seen_item(log, head) for log, head in news),
            refs=draft.refs,
            extra=draft.extra,
            commitment=_commitment(draft),
            release=draft.release,
        )
        raw = leaf.encode()
        digest = leaf_hash(raw)
        place = Place(own.id, frontier.size)
        subtrees = b"".join(frontier.append(digest))
        salt = draft.salt if draft.body is not None else None
        entry = Entry(place, digest, raw, leaf, salt, draft.body)
        entries.append(entry)
        stored.append(NewEntry(entry, subtrees))
    root = frontier.root()
    message = own.checkpoint(frontier.size, root).text().encode()
    signature = step.station.keys.sign_log(message)
    if not ed25519_verify(own.key, message, signature):
        raise MachineError(Refusal.DISK, "a signature just made does not verify")
    head = SignedHead(frontier.size, root, signature)
    own.extend(entries, frontier, head)
    own.held_at_s = step.now.wall_s
    step.out.append(
        StoreEntries(
            line.id, own.id, tuple(stored), head, own.encode(), own=True, held_at_s=own.held_at_s
        )
    )
    _after_append(step, line, drafts, news, rows or [])


def _commitment(draft: Draft) -> bytes | None:
    return None if draft.body is None else commit(draft.salt, draft.body)


def _seen_item(log: Log, head: SignedHead) -> Seen:
    return Seen(log.id, head.size, head.root, log.held_at_s)


def _after_append(
    step: Step,
    line: Line,
    drafts: list[Draft],
    news: list[tuple[Log, SignedHead]],
    rows: list[OutboxRow],
) -> None:
    for log, head in news:
        log.covered = max(log.covered, head.size)
        step.out.append(StoreState(line.id, log.id, log.encode()))
    if news:
        line.seen_now, line.seen_due_ms = False, 0
    durable = tuple(row.number for row in rows if row.number not in line.queue.volatile)
    line.queue.volatile.difference_update(row.number for row in rows)
    if durable:
        step.out.append(TakeOutbox(line.id, durable))
    kinds = {draft.kind for draft in drafts}
    closing = any(log.id.life and head.size for log, head in news if log.covered == head.size)
    at_once = bool(kinds & QUANTUM_AT_ONCE) or closing
    if at_once or kinds - UNCALLING:
        wait = 0 if at_once else limits.PQ_WITHIN_S * 1000
        due = step.now.steady_ms + wait
        line.quantum_due_ms = min(line.quantum_due_ms or due, due)


def _store_outbox(step: Step, line: Line) -> None:
    for number in sorted(line.queue.volatile):
        step.out.append(QueueOutbox(line.id, line.queue.rows[number]))
    line.queue.volatile.clear()


# --- cosigning --------------------------------------------------------------------------------


def _cosign(step: Step, line: Line) -> None:
    """«I hold this»: at once below IMMEDIATE, within a minute behind an immediate `seen`."""
    due = line.cosign_due_ms and step.now.steady_ms >= line.cosign_due_ms
    if not (line.cosign_now or due) or not may_sign(line):
        return
    line.cosign_now, line.cosign_due_ms = False, 0
    if not line.reads(line.me):
        return  # an observer holds no content and says so by never cosigning as a holder
    for log in line.logs.values():
        head = coverable(line, log)
        if log.id.member == line.me or head is None or head.size <= log.cosigned:
            continue
        cosign(step, line, log, head)


def cosign(step: Step, line: Line, log: Log, head: SignedHead) -> None:
    """Signs a head as its holder, keeps the cosignature, and sends it to the author."""
    keys = step.station.keys
    found = step.station.holds_key(line, line.me, keys.k)
    if found is None:
        return
    name, public = found
    message = cosign_message(log.checkpoint(head.size, head.root), log.held_at_s)
    signature = keys.sign_holds(message)
    if not ed25519_verify(public, message, signature):
        raise MachineError(Refusal.DISK, "a cosignature just made does not verify")
    log.cosigned = head.size
    step.out.append(StoreState(line.id, log.id, log.encode()))
    step.out.append(
        StoreCosignature(line.id, log.id, head.size, name, line.me, log.held_at_s, signature)
    )
    session = line.session_of(log.id.member)
    if session is not None:
        send_cosignature(step, line, session, log, head.size, log.held_at_s, signature)


def send_cosignature(
    step: Step,
    line: Line,
    session: Session,
    log: Log,
    size: int,
    time_s: int,
    signature: bytes,
) -> None:
    """Our cosignature on a head, to one peer."""
    last = log.recent.get(size - 1) or line.shelf.entry(log.id, size - 1)
    base = 0 if last.leaf is None else last.leaf.time_s
    other = None if log.id == session.current else log.id
    send(step, session, Cosign(other, size, time_s - base, signature))


def _quantum(step: Step, line: Line) -> None:
    """Our ML-DSA-44 signature over our own log, on wide bearers (F11)."""
    own = line.own
    if not line.quantum_due_ms or step.now.steady_ms < line.quantum_due_ms:
        return
    wide = [s for s in line.sessions.values() if s.greeted and step.station.links[s.link].wide]
    if own is None or not own.size or line.mute or not wide:
        return
    line.quantum_due_ms = 0
    sign_quantum(step, line, own, own.head(), author_name(step.station.party))


def sign_quantum(step: Step, line: Line, log: Log, head: SignedHead, name: str) -> None:
    """An ML-DSA-44 cosignature of ours over a head, as author or as holder; kept and sent."""
    keys, time_s = step.station.keys, step.now.wall_s
    message = subtree_message(name, time_s, log.origin, 0, head.size, head.root)
    own = log.id.member == line.me
    signature = keys.sign_author(message) if own else keys.sign_holds_pq(message)
    step.out.append(StoreCosignature(line.id, log.id, head.size, name, line.me, time_s, signature))
    for session in line.sessions.values():
        if session.greeted and step.station.links[session.link].wide:
            send(step, session, Quantum(log.id, head.size, time_s, signature))


def holder_quantum(step: Step, line: Line, log: Log) -> None:
    """Our ML-DSA-44 statement as holder, for entries that must outlive Ed25519."""
    head = coverable(line, log)
    if head is not None and may_sign(line) and line.reads(line.me):
        sign_quantum(step, line, log, head, holds_pq_name(step.station.party))


# --- telling others ---------------------------------------------------------------------------


def _announce(step: Step, line: Line) -> None:
    """Tells the others of heads that a third has shown us, so that anyone can relay, and a fork
    shown to two of us comes out."""
    if not line.heads_due or len(line.charter.members) < 3:
        line.heads_due = False
        return
    line.heads_due = False
    for session in line.sessions.values():
        if not session.greeted:
            continue
        news = [
            log
            for log in line.logs.values()
            if log.size
            and log.id.member not in (line.me, session.member)
            and session.holds.get(log.id, 0) < log.size
        ]
        if news:
            send(step, session, Heads(tuple(stated(log) for log in news[: limits.HEADS_MAX])))


def stated(log: Log) -> StatedHead:
    """A log's latest head with its author's signature."""
    return StatedHead(Head(log.id, log.size, log.root), log.signature)


def presence(step: Step, line: Line) -> None:
    """A heartbeat on every session: leased, never entered in a log."""
    station = step.station
    frame = Presence(
        station.on_duty,
        limits.PRESENCE_LEASE_S,
        step.now.error_s,
        station.clock_source,
        station.disciplined_s,
        step.now.wall_s,
    )
    for session in line.sessions.values():
        if session.channel:
            send(step, session, frame)


def send(step: Step, session: Session, frame: Frame) -> None:
    """One frame on one session, behind the commit."""
    step.out.append(Send(session.link, encode_frame(session.channel, frame)))


def tell(step: Step, word: str, line: Line, **facts: object) -> None:
    """Something people or the log should know."""
    step.out.append(Tell(word, line.id, facts))


def close(step: Step, link: int, refusal: Refusal) -> None:
    """Ends a link for a named reason."""
    step.out.append(CloseLink(link, refusal))


def held_back(row: OutboxRow) -> OutboxRow:
    """The row as it waits for a person after an adoption."""
    return replace(row, awaits_release=True)
