"""Settling a line: what is entered in our log and said, once the inputs are in.

Sequencing is late (spec/log.md §7): a submitted draft gets its index, serial, `seen`, time and
signature only when a bearer can take it, so that FLASH rarely has anything to overtake.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.accusing import drop_needless, entered
from detente.core.body import commit
from detente.core.cosigning import QUANTUM_AT_ONCE, cosign_due, quantum
from detente.core.crypto import ed25519_verify
from detente.core.errors import MachineError, Refusal
from detente.core.events import (
    Draft,
    NewEntry,
    OutboxRow,
    QueueOutbox,
    SignedHead,
    StoreEntries,
    StoreState,
    TakeOutbox,
)
from detente.core.extras import Head, Lacks
from detente.core.fetching import ask_chunks, enclosed, state_whole
from detente.core.frames import Heads, StatedHead
from detente.core.holding import coverable, coverable_size, note_held, purge
from detente.core.leaf import SERIAL, Kind, Leaf, LogId, Precedence, Seen
from detente.core.line import Line
from detente.core.link import Session, Way
from detente.core.log import Log
from detente.core.merkle import leaf_hash
from detente.core.serving import serve_chunks
from detente.core.station import Step
from detente.core.streaming import pump
from detente.core.transcript import Entry, Place

APPENDS_MAX = 64  # signatures of one step: their heads stay in memory until they are stored
LACKS_MAX = 100  # indices in one `lacks`
LEAF_FIXED_BYTES = 192  # of an entry without `seen`, references, extra and body, at most
SEEN_BYTES_MAX = 56  # one `seen` item, at most
# Outbox rows under one signature: half a window, so that the peer checks one half while we make
# the other; with a whole one, each node waited for the other (bench/, throughput).
ROWS_MAX = limits.WINDOW_ENTRIES_MAX // 2


def settle(step: Step, line: Line) -> None:
    """Decides and speaks for one line, in the order that lets one entry do the most."""
    line.touched = False
    if line.left:
        pump(step, line)
        serve_chunks(step, line)
        return
    _lack(step, line)
    state_whole(step, line)
    sequence(step, line)
    _store_outbox(step, line)
    pump(step, line)
    cosign_due(step, line)
    _announce(step, line)
    quantum(step, line)
    ask_chunks(step, line)
    serve_chunks(step, line)


# --- what we hold -----------------------------------------------------------------------------


def _new_seen(line: Line) -> list[tuple[Log, SignedHead]]:
    """Heads of others' logs that our own log does not state yet.

    A closing head names all earlier incarnations beside the first mention of a resumed one, so
    the logs of one member are named together or not at all.
    """
    found: dict[LogId, tuple[Log, SignedHead]] = {}
    for log in line.logs.values():
        if log.id.member == line.me:
            continue
        head = coverable(line, log)
        if head is None or head.size <= log.covered:
            continue
        group = {log.id: (log, head)}
        if log.id.life and not log.covered:
            for other in line.logs.values():
                closing = coverable(line, other)
                if other.id.member == log.id.member and closing is not None:
                    group[other.id] = (other, closing)
        if len(found | group) <= limits.SEEN_MAX:
            found |= group
    return [pair for _, pair in sorted(found.items())]


def _lack(step: Step, line: Line) -> None:
    """After the charter's time, names missing bodies, so that the rest is receipted."""
    if not line.may_sign():
        return
    for log in line.logs.values():
        if log.id.member == line.me or not log.missing:
            continue
        for index, since in log.missing.items():
            if since > step.now.wall_s:  # our clock was ahead then, and has been set right since
                log.missing[index] = step.now.wall_s
        late = sorted(
            index
            for index, since in log.missing.items()
            if index not in log.lacked and step.now.wall_s - since >= line.charter.lacks_after_s
        )[:LACKS_MAX]
        if late:
            before = coverable_size(line, log)
            log.lacked.update(late)
            note_held(step, line, log, before)
            step.out.append(StoreState(line.id, log.id, log.encode()))
            extra = Lacks(log.id, tuple(late)).encode()
            line.state(Draft(kind=Kind.LACKS, audience=line.everyone(), extra=extra))
            line.seen_now = True


# --- entering ---------------------------------------------------------------------------------


def _window(line: Line, own: Log) -> int:
    """How many more entries may be signed before a reader confirms some: on narrow bearers, where
    an entry takes longer than a second, one at a time."""
    open_to = [s for s in line.greeted() if own.id not in s.paused and line.reads(s.member)]
    if not open_to:
        return 0
    most = limits.WINDOW_ENTRIES_MAX if any(s.wide for s in open_to) else 1
    return most - (own.size - max(_taken(s, own) for s in open_to))


def _taken(session: Session, own: Log) -> int:
    """How far a reader has our log, or a file to it has."""
    held = session.holds.get(own.id, 0)
    return max(held, session.sent.get(own.id, 0)) if session.way is Way.OUT else held


def sequence(step: Step, line: Line) -> None:
    """Enters what our node has to state, then what is queued, as far as the window goes."""
    own = line.own
    if own is None or not line.may_sign():
        return
    drop_needless(step, line)
    while line.control:
        drafts = _next_control(line)
        append(step, line, drafts, covering=not line.control)
        entered(step, line, drafts)
    speaks = bool(line.greeted())
    if not speaks and not line.listens():
        return
    if line.is_open() and speaks:
        for _ in range(APPENDS_MAX):
            rows = _next_rows(step, line, _window(line, own))
            if not rows:
                break
            append(step, line, [row.draft for row in rows], [row.number for row in rows])
        else:
            line.touched = True
    if line.seen_now or (line.seen_due_ms and step.now.steady_ms >= line.seen_due_ms):
        if _new_seen(line):
            draft = Draft(kind=Kind.SEEN, audience=line.everyone(), precedence=line.seen_precedence)
            append(step, line, [draft])
        _seen_said(line)


def _seen_said(line: Line) -> None:
    line.seen_now, line.seen_due_ms, line.seen_precedence = False, 0, Precedence.ROUTINE


def _cost(draft: Draft) -> int:
    """Bytes of one entry in a frame, at most, without what it states as seen."""
    return LEAF_FIXED_BYTES + 32 * len(draft.refs) + len(draft.extra) + len(draft.body or b"")


def _next_control(line: Line) -> list[Draft]:
    """As many of our own statements as one frame holds, and at least one."""
    bytes_left, count = limits.BATCH_BYTES_MAX, 0
    for draft in line.control[: limits.BATCH_ENTRIES_MAX]:
        bytes_left -= _cost(draft)
        if bytes_left < 0:
            break
        count += 1
    batch = line.control[:count]
    del line.control[:count]
    return batch


def _next_rows(step: Step, line: Line, room: int) -> list[OutboxRow]:
    """The next batch: one FLASH alone, whatever the window; else by precedence, oldest first. What
    was entered before the start leaves the outbox."""
    rows: list[OutboxRow] = []
    bytes_left = limits.BATCH_BYTES_MAX
    queue = line.queue
    for precedence in reversed(range(6)):
        numbers = queue.by_precedence[precedence]
        urgent = precedence >= Precedence.FLASH
        while numbers and (urgent or len(rows) < min(room, ROWS_MAX)):
            row = loaded(line, queue.rows[numbers[0]])
            if _stands(line, row.draft):
                numbers.popleft()
                del queue.rows[row.number]
                step.out.append(TakeOutbox(line.id, (row.number,)))
                continue
            bytes_left -= _cost(row.draft)
            if bytes_left < 0:
                return rows
            numbers.popleft()
            del queue.rows[row.number]
            rows.append(row)
            if urgent:
                return rows
    return rows


def _stands(line: Line, draft: Draft) -> bool:
    """Whether a draft stands in our log since before the start: its salt is of this draft alone.
    Without a body nothing tells a statement from one that says the same once more."""
    entered = line.queue.entered
    return bool(entered) and draft.body is not None and commit(draft.salt, draft.body) in entered


def loaded(line: Line, row: OutboxRow) -> OutboxRow:
    """The row with its draft, which after a restart is still in the store."""
    if row.draft.kind >= 0:
        return row
    draft = line.shelf.outbox_draft(row.number)
    return OutboxRow(row.number, draft, row.submitted_s, row.awaits_release)


Planned = list[tuple[Draft, tuple[Seen, ...]]]


def _plan(line: Line, drafts: Sequence[Draft], *, first: bool) -> Planned:
    """Which leaf states what has been seen: the first or the last of these, or where that would
    grow too long one of its own, before or behind them all."""
    seen = tuple(Seen(log.id, head.size, head.root, log.held_at_s) for log, head in _new_seen(line))
    at = 0 if first else len(drafts) - 1
    carrier = drafts[at]
    plan: Planned = [(draft, ()) for draft in drafts]
    if carrier.kind == Kind.CHARTER:
        return plan
    fixed = LEAF_FIXED_BYTES + 32 * len(carrier.refs) + len(carrier.extra)
    room = (limits.LEAF_BYTES_MAX - fixed) // SEEN_BYTES_MAX
    if len(seen) <= room or carrier.kind == Kind.RESUME:
        plan[at] = (carrier, seen[:room])
    else:
        own = Draft(kind=Kind.SEEN, audience=line.everyone())
        plan.insert(0 if first else len(plan), (own, seen))
    return plan


def append(
    step: Step,
    line: Line,
    drafts: Sequence[Draft],
    rows: Sequence[int] = (),
    *,
    covering: bool = True,
) -> None:
    """Enters drafts at the end of our log under one signature, and with them every new `seen`.

    ``rows`` are the outbox rows they come from: then the first carries the `seen`, which is of the
    past of all. Of our own statements the last does: a `lacks`, or a dispute, counts against what
    is covered behind it, and not before; and nothing is covered while more of them are to come.
    Raises MachineError DISK if the signature just made does not verify: a fault must not speak.
    """
    own = line.own
    assert own is not None  # noqa: S101  # every caller has checked may_sign
    frontier, serial = own.frontier.copy(), own.serial
    stored: list[NewEntry] = []
    plan: Planned = [(draft, ()) for draft in drafts]
    if covering:
        plan = _plan(line, drafts, first=bool(rows))
    drill, now = line.charter.drill, step.now
    for draft, seen in plan:
        body, kind = draft.body, draft.kind
        serial += kind in SERIAL
        leaf = Leaf(
            kind,
            now.wall_s,
            draft.audience,
            draft.precedence,
            draft.drill or drill,
            serial if kind in SERIAL else 0,
            now.error_s,
            seen,
            draft.refs,
            draft.extra,
            None if body is None else commit(draft.salt, body),
            draft.release,
            draft.attached,
        )
        raw = leaf.encode()
        digest = leaf_hash(raw)
        place = Place(own.id, frontier.size)
        done = b"".join(frontier.append(digest))
        salt = draft.salt if body is not None else None
        stored.append(NewEntry(Entry(place, digest, raw, leaf, salt, body), done))
    root = frontier.root()
    message = own.checkpoint(frontier.size, root).text().encode()
    signature = step.station.keys.sign_log(message)
    if not ed25519_verify(own.key, message, signature):
        raise MachineError(Refusal.DISK, "a signature just made does not verify")
    head = SignedHead(frontier.size, root, signature)
    own.extend([new.entry for new in stored], frontier, head, line.logs)
    own.held_at_s = step.now.wall_s
    step.out.append(
        StoreEntries(
            line.id, own.id, tuple(stored), head, own.encode(), own=True, held_at_s=own.held_at_s
        )
    )
    for new in stored:
        enclosed(step, line, new.entry)
    _after_append(step, line, [draft for draft, _ in plan], [s for _, seen in plan for s in seen])
    durable = tuple(number for number in rows if number not in line.queue.volatile)
    line.queue.volatile.difference_update(rows)
    if durable:
        step.out.append(TakeOutbox(line.id, durable))


def _after_append(step: Step, line: Line, drafts: list[Draft], news: list[Seen]) -> None:
    at_once = any(draft.kind in QUANTUM_AT_ONCE for draft in drafts)
    for seen in news:
        log = line.logs[seen.log]
        at_once = at_once or bool(log.id.life and not log.covered)  # a closing head
        log.covered = max(log.covered, seen.size)
        step.out.append(StoreState(line.id, log.id, log.encode()))
    if news:
        _seen_said(line)
        line.charter_due = line.charter_due or line.sealing
    for draft in drafts:
        if draft.kind == Kind.PURGED:
            purge(step, line, line.me, draft.refs)
        elif draft.kind == Kind.SEAL:
            line.charter_due = True
    due = max(1, step.now.steady_ms + (0 if at_once else limits.PQ_WITHIN_S * 1000))
    line.quantum_due_ms = min(line.quantum_due_ms or due, due)
    line.quiet_due_ms = 0


def _store_outbox(step: Step, line: Line) -> None:
    for number in sorted(line.queue.volatile):
        step.out.append(QueueOutbox(line.id, line.queue.rows[number]))
    line.queue.volatile.clear()


# --- telling others ---------------------------------------------------------------------------


def _announce(step: Step, line: Line) -> None:
    """Tells the others of heads that a third has shown us, so that anyone can relay, and a fork
    shown to two of us comes out; of its own, too, whoever has shown less of it than another gave
    us: its disk may have lost the rest. Each head is told once to each."""
    if not line.heads_due or len(line.charter.members) < 3:
        line.heads_due = False
        return
    line.heads_due = False
    for session in line.greeted():
        if session is not line.session_of(session.member):
            continue
        news = [
            log
            for log in line.logs.values()
            if log.id.member != line.me
            and max(session.holds.get(log.id, 0), session.announced.get(log.id, 0)) < log.size
        ][: limits.HEADS_MAX]
        if news:
            session.announced.update((log.id, log.size) for log in news)
            step.send(session, Heads(tuple(stated(log) for log in news)))


def stated(log: Log) -> StatedHead:
    """A log's latest head with its author's signature."""
    return StatedHead(Head(log.id, log.size, log.root), log.signature)
