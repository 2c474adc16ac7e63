"""The one entry: ``handle(station, input, now, entropy)`` gives the effects (spec/session.md).

Inputs are taken one at a time; ``Tick`` ends a group of them and lets every touched line decide
and speak. The same code judges us and them; there is no client and no server.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.body import commit
from detente.core.charter import parse_charter
from detente.core.encoding import Reader
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import (
    Accept,
    Adopt,
    CloseLink,
    Draft,
    Effect,
    Entropy,
    FrameIn,
    Input,
    LinkDown,
    LinkUp,
    Now,
    Offered,
    OutboxRow,
    QueueOutbox,
    Release,
    Send,
    SetDuty,
    StoreLine,
    Submit,
    TakeOutbox,
    Tell,
    Tick,
)
from detente.core.extras import encode_clock
from detente.core.frames import Hello, Notice, Refuse, encode_frame, read_frame
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.log import decode_log
from detente.core.receiving import on_entries
from detente.core.restoring import adopt
from detente.core.session import chores, greet, on_frame, on_hello, quantum_again
from detente.core.speaking import append, everyone, settle
from detente.core.station import Line, Link, Station, Step
from detente.core.wire import ENTRIES, read_tag

ZERO_SALT = bytes(16)

# What an author may submit. The rest is stated by the node itself.
DRAFTED = frozenset(
    {
        Kind.DISPATCH,
        Kind.ACCIDENT,
        Kind.MARK,
        Kind.TRANSLATION,
        Kind.TEST,
        Kind.OFFER,
        Kind.ASSENT,
        Kind.WITHDRAWAL,
        Kind.SEAL,
        Kind.CARD,
        Kind.PURGED,
        Kind.DUTY,
    }
)


def handle(station: Station, given: Input, now: Now, entropy: Entropy) -> list[Effect]:
    """Applies one input to the state and gives the effects, in order.

    Raises LocalError where our own side asked for something impossible (the state is unchanged),
    MachineError where nothing may be said any more. A peer's fault never raises: it is refused.
    """
    step = Step(station, now, entropy)
    if isinstance(given, Tick):
        _tick(step)
    elif isinstance(given, FrameIn):
        _frame(step, given)
    elif isinstance(given, Submit):
        _submit(step, given)
    elif isinstance(given, LinkUp):
        _link_up(step, given)
    elif isinstance(given, LinkDown):
        _link_down(step, given)
    elif isinstance(given, Release):
        _release(step, given)
    elif isinstance(given, Accept):
        _accept(step, given)
    elif isinstance(given, Adopt):
        for line in station.lines.values():
            adopt(step, line, given.k)
            line.touched = True
    else:
        _set_duty(step, given)
    return step.out


def wake_ms(station: Station) -> int | None:
    """The steady time at which the core next wants a ``Tick``, or None."""
    dues = [
        due
        for line in station.lines.values()
        for due in (
            line.seen_due_ms,
            line.cosign_due_ms,
            line.quantum_due_ms if line.sessions else 0,
            line.chores_due_ms,
        )
        if due
    ]
    return min(dues, default=None)


def _tick(step: Step) -> None:
    _watch_clock(step)
    for line in step.station.lines.values():
        due = line.chores_due_ms and step.now.steady_ms >= line.chores_due_ms
        timers = (line.seen_due_ms, line.cosign_due_ms, line.quantum_due_ms)
        late = any(at and step.now.steady_ms >= at for at in timers)
        if line.touched:
            quantum_again(step, line)
        if due:
            chores(step, line)
        if line.touched or due or late:
            settle(step, line)


def _watch_clock(step: Step) -> None:
    """A clock that steps backwards is an entry, never a correction of what was signed (F13)."""
    station, wall_s = step.station, step.now.wall_s
    back = station.last_wall_s - wall_s
    station.last_wall_s = wall_s
    if back <= 1:
        return
    for line in station.lines.values():
        own = line.own
        if own is not None and own.size and not line.mute:
            extra = encode_clock(-back)
            line.control.append(Draft(kind=Kind.CLOCK, audience=everyone(line), extra=extra))
            line.touched = True
            step.out.append(Tell("clock-back", line.id, {"seconds": back}))


# --- links ------------------------------------------------------------------------------------


def _link_up(step: Step, given: LinkUp) -> None:
    station = step.station
    if given.party not in station.cards or given.party == station.party:
        raise LocalError(Refusal.UNKNOWN_PARTY, given.party.hex()[:16])
    station.links[given.link] = Link(given.link, given.party, given.wide)
    for line in station.lines.values():
        if line.charter.number_of(given.party) is not None:
            greet(step, line, station.links[given.link], answer=True)
            line.touched = True


def _link_down(step: Step, given: LinkDown) -> None:
    step.station.links.pop(given.link, None)
    for line in step.station.lines.values():
        if line.sessions.pop(given.link, None) is not None:
            for log, dispute in list(line.disputes.items()):
                if dispute.link == given.link:
                    del line.disputes[log]
            line.touched = True


def _frame(step: Step, given: FrameIn) -> None:
    link = step.station.links.get(given.link)
    if link is None:
        return  # the link went down before this frame was read; it will be sent again
    try:
        _read(step, link, given.data)
    except PeerError as error:
        _refuse(step, link, given.data, error)


def _read(step: Step, link: Link, data: bytes) -> None:
    if len(data) > limits.FRAME_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, "frame")
    reader = Reader(data)
    kind, channel = read_tag(reader)
    if kind == Hello.TYPE:
        hello = read_frame(kind, reader)
        assert isinstance(hello, Hello)  # noqa: S101  # its own type number
        on_hello(step, link, channel, hello)
        return
    if kind == Notice.TYPE and channel == 0:
        notice = read_frame(kind, reader)
        assert isinstance(notice, Notice)  # noqa: S101  # its own type number
        step.out.append(Offered(link.party, notice.data))
        return
    if kind == Refuse.TYPE and channel == 0:
        refuse = read_frame(kind, reader)
        assert isinstance(refuse, Refuse)  # noqa: S101  # its own type number
        step.out.append(Tell("refused-by-peer", b"", {"refusal": refuse.refusal.word}))
        return
    line = step.station.lines.get(link.lines.get(channel, b""))
    session = None if line is None else line.sessions.get(link.number)
    if line is None or session is None:
        raise PeerError(Refusal.UNKNOWN_LINE, f"channel {channel}")
    line.touched = True
    session.heard_ms = step.now.steady_ms
    if kind == ENTRIES:
        on_entries(step, line, session, reader)
        return
    on_frame(step, line, session, read_frame(kind, reader))


def _refuse(step: Step, link: Link, data: bytes, error: PeerError) -> None:
    """Names the refusal to the log and to the peer; a link that goes on like that is closed."""
    reader = Reader(data)
    channel, line = 0, b""
    try:
        _, theirs = read_tag(reader)
        line = link.lines.get(theirs, b"")
        found = step.station.lines.get(line)
        session = None if found is None else found.sessions.get(link.number)
        channel = session.channel if session is not None else 0
    except PeerError:
        pass
    facts = {"refusal": error.refusal.word, "detail": error.detail, "link": link.number}
    step.out.append(Tell("refused", line, facts))
    log, index = error.facts.get("log"), error.facts.get("index", 0)
    frame = Refuse(error.refusal)
    if isinstance(log, LogId) and isinstance(index, int):
        frame = Refuse(error.refusal, log, index)
    step.out.append(Send(link.number, encode_frame(channel, frame)))
    link.bad_frames += 1
    if link.bad_frames >= limits.BAD_FRAMES_MAX:
        step.out.append(CloseLink(link.number, error.refusal))


# --- our own side -----------------------------------------------------------------------------


def _submit(step: Step, given: Submit) -> None:
    line, draft = step.line(given.line), given.draft
    queue = line.queue
    if len(queue.rows) >= limits.OUTBOX_ENTRIES_MAX:
        raise LocalError(Refusal.OVER_QUOTA, "the outbox is full")
    readers = line.charter.everyone()
    if draft.kind not in DRAFTED or not draft.audience or draft.audience & ~readers:
        raise LocalError(Refusal.NOT_ALLOWED, "this kind or audience cannot be submitted")
    if draft.body is not None and len(draft.body) > limits.BODY_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, "body")
    if draft.body is not None and len(draft.salt) != len(ZERO_SALT):
        raise LocalError(Refusal.USAGE, "a body needs 16 bytes of salt")
    row = OutboxRow(queue.next_number, draft, step.now.wall_s)
    queue.next_number += 1
    queue.rows[row.number] = row
    queue.by_precedence[draft.precedence].append(row.number)
    queue.volatile.add(row.number)
    line.touched = True


def _release(step: Step, given: Release) -> None:
    line = step.line(given.line)
    row = line.queue.rows.get(given.number)
    if row is None or not row.awaits_release:
        raise LocalError(Refusal.NOT_FOUND, f"no row {given.number} awaits release")
    if not given.send:
        del line.queue.rows[given.number]
        step.out.append(TakeOutbox(line.id, (given.number,)))
        return
    freed = OutboxRow(row.number, row.draft, row.submitted_s)
    line.queue.rows[row.number] = freed
    line.queue.by_precedence[row.draft.precedence].append(row.number)
    step.out.append(QueueOutbox(line.id, freed))
    line.touched = True


def _accept(step: Step, given: Accept) -> None:
    """Begins a line with its charter as leaf 0 of our log: signing checkpoint 1 signs it."""
    station = step.station
    charter = parse_charter(given.charter)
    line_id = commit(ZERO_SALT, given.charter)
    me = charter.number_of(station.party)
    if line_id in station.lines or charter.number != 0:
        raise LocalError(Refusal.NOT_ALLOWED, "this charter is accepted already, or amends another")
    if me is None:
        raise LocalError(Refusal.NOT_ALLOWED, "this charter does not name us")
    for member in charter.members:
        if member.party not in station.cards:
            raise LocalError(Refusal.UNKNOWN_PARTY, f"no trusted card for {member.name}")
    line = Line(line_id, charter, given.charter, me, station.shelf_of(line_id))
    log = station.new_log(line, LogId(me, station.keys.k, b""))
    if log is None:
        raise LocalError(Refusal.NOT_ALLOWED, "our card lists no such key pair")
    station.lines[line_id] = line
    line.logs[log.id], line.mine = log, log.id
    step.out.append(StoreLine(line_id, given.charter, me))
    draft = Draft(
        kind=Kind.CHARTER,
        audience=everyone(line),
        precedence=Precedence.ROUTINE,
        body=given.charter,
        salt=ZERO_SALT,
    )
    append(step, line, [draft])
    line.touched = True
    line.chores_due_ms = step.now.steady_ms + 1000
    for link in station.links.values():
        if charter.number_of(link.party) is not None:
            greet(step, line, link, answer=True)


def _set_duty(step: Step, given: SetDuty) -> None:
    step.station.on_duty = given.on_duty
    for line in step.station.lines.values():
        line.chores_due_ms = step.now.steady_ms or 1
        line.presence_due_ms = 0


def load_line(
    station: Station,
    line_id: bytes,
    charter_text: bytes,
    member: int,
    logs: Sequence[tuple[LogId, bytes]],
    outbox: Sequence[OutboxRow],
    mute: str,
) -> Line:
    """A line as the store kept it, at the start of a process; awaits a peer's hello (F5)."""
    line = Line(
        line_id, parse_charter(charter_text), charter_text, member, station.shelf_of(line_id)
    )
    for log_id, state in logs:
        empty = station.new_log(line, log_id)
        if empty is None:
            raise LocalError(Refusal.UNKNOWN_PARTY, f"no card lists the key of {log_id.word}")
        log = decode_log(log_id, empty.origin, empty.key, state)
        line.logs[log_id] = log
        if log_id.member == member and (line.mine is None or log_id > line.mine):
            line.mine = log_id
        if log.frozen >= 0:
            line.accused.add(log_id)
    line.mute = mute
    line.awaits_hello = line.own is not None
    for row in outbox:
        line.queue.rows[row.number] = row
        line.queue.next_number = max(line.queue.next_number, row.number + 1)
        if not row.awaits_release:
            line.queue.by_precedence[row.draft.precedence].append(row.number)
    station.lines[line_id] = line
    return line
