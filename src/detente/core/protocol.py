"""The one entry: ``handle(station, input, now, entropy)`` gives the effects (spec/session.md).

Inputs are taken one at a time; ``Tick`` ends a group of them and lets every touched line decide
and speak. The same code judges us and them; there is no client and no server.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.amending import all_named, charter_kept, refresh_charter
from detente.core.attachment import Attachment, disclose, root_of
from detente.core.body import SALT_BYTES, unpack
from detente.core.charter import parse_charter
from detente.core.courier import address, begin
from detente.core.disputes import give_up
from detente.core.encoding import Reader
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import (
    Accept,
    Adopt,
    Carry,
    CloseLink,
    Draft,
    DropStaged,
    Effect,
    Entropy,
    FrameIn,
    Input,
    LinkDown,
    LinkUp,
    Listen,
    Now,
    Offered,
    OutboxRow,
    QueueOutbox,
    Release,
    Send,
    SetDuty,
    StageChunks,
    Submit,
    TakeOutbox,
    Tell,
    Tick,
)
from detente.core.extras import decode_clock, encode_clock
from detente.core.fetching import charge, recall_arriving
from detente.core.frames import (
    AskProof,
    Got,
    Heads,
    Hello,
    Notice,
    Presence,
    Refuse,
    Want,
    encode_frame,
    read_frame,
)
from detente.core.freezing import learn_accused
from detente.core.joining import accept, seek
from detente.core.leaf import CONTENT, Kind, LogId, Precedence
from detente.core.line import Line
from detente.core.link import Link, Way
from detente.core.log import RECENT_ENTRIES_MAX, Log, decode_log
from detente.core.receiving import on_entries
from detente.core.restoring import adopt, check_adopt, is_entered
from detente.core.session import chores, chores_soon, greet, greet_again, on_frame, on_hello
from detente.core.signing import check_single
from detente.core.speaking import loaded, settle
from detente.core.station import Station, Step
from detente.core.wire import ENTRIES, read_tag

DAY_S = 86_400

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
# What one that has left a line still takes there: questions, and how far a peer is.
ASKS = frozenset(one.TYPE for one in (AskProof, Got, Heads, Presence, Refuse, Want))
# What an honest peer may run into, since it cannot know our cards, lines, bodies and quotas: it is
# named, and not counted against the link.
BLAMELESS = frozenset(
    {
        Refusal.UNKNOWN_LINE,
        Refusal.UNKNOWN_LOG,
        Refusal.WANT_FULL,
        Refusal.FROZEN,
        Refusal.OVER_QUOTA,
        Refusal.NOT_IN_AUDIENCE,
        Refusal.NOT_HELD,
        Refusal.PURGED,
    }
)


def handle(station: Station, given: Input, now: Now, entropy: Entropy) -> list[Effect]:
    """Applies one input to the state and gives the effects, in order.

    Each effect for the store is applied, though not yet committed, before the next call: what is
    read from a shelf then shows it. Nothing is sent before the commit.

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
    elif isinstance(given, Carry):
        _carry(step, given)
    elif isinstance(given, LinkDown):
        _link_down(step, given)
    elif isinstance(given, Release):
        _release(step, given)
    elif isinstance(given, Accept):
        accept(step, given)
    elif isinstance(given, Adopt):
        # A log that is not begun yet begins with the keys that are loaded then.
        begun = [line for line in station.lines.values() if line.mute or line.mine is not None]
        lines = [line for line in begun if not line.left]  # we have no more to say there
        for line in lines:
            check_adopt(step, line, given.k)
        for line in lines:
            adopt(step, line, given.k)
    elif isinstance(given, Listen):
        _listen(step, given)
    else:
        _set_duty(step, given)
    return _unsaid(step)


def _unsaid(step: Step) -> list[Effect]:
    """The effects without what would be said where nothing may be: an answer, too, is sending."""
    heard = {link.number for link in step.station.links.values() if link.heard_only}
    if not heard:
        return step.out
    return [one for one in step.out if not (isinstance(one, Send) and one.link in heard)]


def wake_ms(station: Station) -> int | None:
    """The steady time at which the core next wants a ``Tick``, or None. Only what a ``Tick`` could
    then do counts: a due that waits for a peer or for officers wakes nobody."""
    soonest = 0
    for line in station.lines.values():
        if line.touched or line.greet_due:
            return 0
        charter = max(1, line.charter_next_ms) if line.charter_due else 0
        soonest = _soonest(soonest, charter, _timer(line), line.chores_due_ms)
    return soonest or None


def _timer(line: Line) -> int:
    """When our log or our cosignatures are due, 0 for nothing, as far as they can be made now."""
    seen, cosign, quantum = line.seen_due_ms, line.cosign_due_ms, line.quantum_due_ms
    if not (seen or cosign or quantum) or not line.sessions or not line.may_sign():
        return 0
    greeted = line.greeted()
    if not greeted:  # what is stated as held is entered all the same while nothing may be said
        return seen if line.listens() else 0
    if quantum and not any(session.wide for session in greeted):
        quantum = max(quantum, line.quiet_due_ms)
    return _soonest(seen, cosign, quantum)


def _soonest(*dues: int) -> int:
    return min(filter(None, dues), default=0)


def _tick(step: Step) -> None:
    _watch_clock(step)
    for line in step.station.lines.values():
        if line.charter_due and step.now.steady_ms >= line.charter_next_ms:
            (seek if line.joining else refresh_charter)(step, line)
        due = line.chores_due_ms and step.now.steady_ms >= line.chores_due_ms
        late = not line.touched and 0 < _timer(line) <= step.now.steady_ms
        if due:
            chores(step, line)
        if line.greet_due:
            greet_again(step, line)
        if line.touched or late:
            settle(step, line)
            chores_soon(step, line)


def _watch_clock(step: Step) -> None:
    """A clock that steps backwards is an entry, never a correction of what was signed (F13)."""
    station, wall_s = step.station, step.now.wall_s
    back = station.last_wall_s - wall_s
    station.last_wall_s = wall_s
    if back <= 1:
        return
    for line in station.lines.values():
        waiting = [draft for draft in line.control if draft.kind == Kind.CLOCK]
        line.control = [draft for draft in line.control if draft.kind != Kind.CLOCK]
        stepped = sum(decode_clock(draft.extra) for draft in waiting) - back
        line.state(Draft(kind=Kind.CLOCK, audience=line.everyone(), extra=encode_clock(stepped)))
        line.touched = True
        step.tell("clock-back", line, seconds=back)


# --- links ------------------------------------------------------------------------------------


def _link_up(step: Step, given: LinkUp) -> None:
    station = step.station
    if given.party not in station.cards or given.party == station.party:
        raise LocalError(Refusal.UNKNOWN_PARTY, given.party.hex()[:16])
    slow = not given.wide and 0 < given.bits_per_s < limits.SLOW_BITS_PER_S
    link = Link(given.link, given.party, given.wide, slow=slow, heard_only=given.heard_only)
    station.links[given.link] = link
    for line in station.lines.values():
        if line.charter.number_of(given.party) is not None:
            greet(step, line, station.links[given.link], answer=False)
            line.touched = True
            if len(station.links) == 1:
                line.greet_due = False  # who is to be told has just been told


def _carry(step: Step, given: Carry) -> None:
    session = begin(step, given)
    for frame in given.said:
        _frame(step, FrameIn(given.link, frame))
    line = step.line(given.line)
    if given.out:  # a hello in what was said has begun the session afresh
        address(step, line, line.sessions[session.link])


def _listen(step: Step, given: Listen) -> None:
    link = step.station.links.get(given.link)
    if link is None:
        return  # it has just gone
    link.heard_only = True
    for line in step.station.lines.values():
        session = line.sessions.get(link.number)
        if session is not None:
            session.way = Way.HEARD
            line.touched = True


def _link_down(step: Step, given: LinkDown) -> None:
    step.station.links.pop(given.link, None)
    for line in step.station.lines.values():
        if line.sessions.pop(given.link, None) is not None:
            for log, dispute in list(line.disputes.items()):
                if dispute.link == given.link:
                    give_up(step, line, line.logs[log])
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
    if line is None:  # behind a hello that was refused the peer may have said more
        refusal = Refusal.UNKNOWN_LINE if channel in link.unheard else Refusal.OUT_OF_TURN
        raise PeerError(refusal, f"no hello on channel {channel}")
    session = line.sessions.get(link.number)
    if session is None or not session.greeted:  # sent before it knew that one of us has left
        raise PeerError(Refusal.UNKNOWN_LINE, f"no member any more on channel {channel}")
    session.heard_ms = step.now.steady_ms
    if line.left and kind not in ASKS:
        raise PeerError(Refusal.UNKNOWN_LINE, "a member no more: nothing is taken")
    if kind == Presence.TYPE and session.way is Way.IN:
        raise PeerError(Refusal.OUT_OF_TURN, "a heartbeat in a file")
    if kind == Presence.TYPE:  # changes nothing that our log or theirs would have to state
        on_frame(step, line, session, read_frame(kind, reader))
        return
    line.touched = True
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
    link.bad_frames += error.refusal not in BLAMELESS
    if link.bad_frames >= limits.BAD_FRAMES_MAX:
        step.out.append(CloseLink(link.number, error.refusal))


# --- our own side -----------------------------------------------------------------------------


def _submit(step: Step, given: Submit) -> None:
    line, draft = step.line(given.line), given.draft
    queue = line.queue
    if len(queue.rows) >= limits.OUTBOX_ENTRIES_MAX:
        raise LocalError(Refusal.OVER_QUOTA, "the outbox is full")
    _check_draft(line, draft)
    check_single(step, line, draft)
    if draft.attached or given.boxes:
        _stage(step, line, given)
    row = OutboxRow(queue.next_number, draft, step.now.wall_s)
    queue.next_number += 1
    queue.rows[row.number] = row
    queue.by_precedence[draft.precedence].append(row.number)
    queue.volatile.add(row.number)
    line.touched = True


def _stage(step: Step, line: Line, given: Submit) -> None:
    """The chunks of a dispatch that is submitted are stored with it. LocalError USAGE if they are
    not those that its body names, OVER_QUOTA where no reader would take them today."""
    draft = given.draft
    found = _enclosed(draft)
    if not draft.attached or [one.root for one in found] != [root_of(b) for b in given.boxes]:
        raise LocalError(Refusal.USAGE, "attachments that are not those of the body")
    if not charge(line, line.me, found, step.now.wall_s // DAY_S):
        raise LocalError(Refusal.OVER_QUOTA, "attachments of one day")
    for one, boxes in zip(found, given.boxes, strict=True):
        step.out.append(StageChunks(line.id, one.root, boxes))


def _enclosed(draft: Draft) -> tuple[Attachment, ...]:
    """What a draft's body names. LocalError USAGE where it makes no sense."""
    try:
        return disclose(unpack(draft.body or b""))[0]
    except PeerError as error:
        raise LocalError(Refusal.USAGE, error.detail) from error


def _check_draft(line: Line, draft: Draft) -> None:
    """Refuses a draft that could only become a void entry, or one the charter forbids."""
    content = draft.body is not None and draft.kind in CONTENT
    readers = line.charter.readers() if content else all_named(line, draft)
    if line.joining:
        raise LocalError(Refusal.NOT_ALLOWED, "joining: the amendment is not final here yet")
    if line.left or draft.kind not in DRAFTED or not draft.audience or draft.audience & ~readers:
        raise LocalError(Refusal.NOT_ALLOWED, "this kind or audience cannot be submitted")
    if draft.body is not None and len(draft.body) > limits.BODY_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, "body")
    if draft.body is not None and len(draft.salt) != SALT_BYTES:
        raise LocalError(Refusal.USAGE, "a body needs 16 bytes of salt")
    if len(draft.refs) > limits.REFS_MAX or len(draft.extra) > limits.EXTRA_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, "references or fields")
    hashes = draft.refs if draft.release is None else (*draft.refs, draft.release)
    if draft.attached and draft.kind != Kind.DISPATCH:
        raise LocalError(Refusal.NOT_ALLOWED, "only a dispatch has attachments")
    if not 0 <= draft.precedence <= Precedence.OVERRIDE or any(len(h) != 32 for h in hashes):
        raise LocalError(Refusal.USAGE, "a precedence or a hash that is none")


def _release(step: Step, given: Release) -> None:
    line = step.line(given.line)
    row = line.queue.rows.get(given.number)
    if row is None or not row.awaits_release:
        raise LocalError(Refusal.NOT_FOUND, f"no row {given.number} awaits release")
    if not given.send or is_entered(line, loaded(line, row).draft):
        del line.queue.rows[given.number]
        draft = loaded(line, row).draft
        for one in _enclosed(draft) if draft.attached else ():
            step.out.append(DropStaged(line.id, one.root))
        step.out.append(TakeOutbox(line.id, (given.number,)))
        return
    check_single(step, line, loaded(line, row).draft)
    freed = row._replace(awaits_release=False)
    line.queue.rows[row.number] = freed
    line.queue.by_precedence[row.draft.precedence].append(row.number)
    step.out.append(QueueOutbox(line.id, freed))
    line.touched = True


def _set_duty(step: Step, given: SetDuty) -> None:
    step.station.on_duty = given.on_duty
    for line in step.station.lines.values():
        line.chores_due_ms = max(1, step.now.steady_ms)
        line.presence_due_ms = 0
        for session in line.sessions.values():
            session.beat_due_ms = 0


def load_line(
    station: Station,
    line_id: bytes,
    charter_text: bytes,
    member: int,
    logs: Sequence[tuple[LogId, bytes]],
    outbox: Sequence[OutboxRow],
    mute: str,
    joining: bytes = b"",
) -> Line:
    """A line as the store kept it, at the start of a process; awaits a peer's hello (F5)."""
    line = Line(
        line_id, parse_charter(charter_text), charter_text, member, station.shelf_of(line_id)
    )
    station.lines[line_id] = line
    line.charter = parse_charter(joining) if joining else charter_kept(station, line)
    for log_id, state in logs:
        empty = station.new_log(line, log_id)
        if empty is None:
            raise LocalError(Refusal.UNKNOWN_PARTY, f"no card lists the key of {log_id.word}")
        _load_log(line, decode_log(log_id, empty.origin, empty.key, state))
    learn_accused(station, line)
    if not joining and (line.accused or station.revoked):  # what is frozen may end an amendment
        line.charter = charter_kept(station, line)
    line.joining = joining
    line.left = line.charter.member(member) is None
    line.sealing = line.charter_due = True
    line.mute = mute
    line.awaits_hello = line.own is not None or bool(joining)
    line.quantum_due_ms = 1
    line.purgers.update(place.log.member for place in line.shelf.of_kind((Kind.PURGED,)))
    if line.own is not None:
        _recall(line, line.own)
    recall_arriving(line)
    for row in outbox:
        line.queue.rows[row.number] = row
        line.queue.next_number = max(line.queue.next_number, row.number + 1)
        if not row.awaits_release:
            line.queue.by_precedence[row.draft.precedence].append(row.number)
    return line


def _recall(line: Line, own: Log) -> None:
    """Our own last entries, in memory as before the restart: a FLASH that some peer has not had
    yet stands among them, and overtakes what else that peer is owed (F8). What they commit to is
    not entered once more, though a disk that lied may have kept its row in the outbox."""
    first = max(0, own.size - RECENT_ENTRIES_MAX)
    own.recent.update((one.place.index, one) for one in line.shelf.entries(own.id, first, own.size))
    leaves = [one.leaf for one in own.recent.values() if one.leaf is not None]
    said = (leaf.commitment for leaf in leaves)
    line.queue.entered = frozenset(one for one in said if one is not None)


def _load_log(line: Line, log: Log) -> None:
    """A log as it was, and what it still calls for."""
    line.logs[log.id] = log
    if log.id.member == line.me:
        if line.mine is None or log.id > line.mine:
            line.mine = log.id
        first = line.shelf.entry(log.id, 0).leaf if log.size else None
        if first is not None and not line.begun_day:
            line.begun_day = first.time_s // DAY_S
    elif log.called > log.covered:
        line.seen_due_ms = 1
