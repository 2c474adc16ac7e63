"""Attachments on their way: asked for piece by piece behind all text (spec/attachments.md §4, §5).

Who reads a dispatch asks for what it lacks, from where it stands, after any cut and any restart.
Who serves sends one run of chunks a question, and only when nothing else waits for that session.
"""

from __future__ import annotations

from collections.abc import Iterator

from detente.core import limits
from detente.core.attachment import (
    Attachment,
    Progress,
    begin,
    beside,
    chunks_of,
    disclose,
    root_of,
    run_end,
)
from detente.core.body import unpack
from detente.core.errors import PeerError, Refusal
from detente.core.events import CloseAttachments, Draft, OpenAttachments, StoreChunks
from detente.core.extras import Mark, OverQuota, Rung, Stater
from detente.core.frames import WANT_CHUNKS, Chunks, Refuse, Want
from detente.core.holding import entry_at, purge_declared
from detente.core.leaf import Kind, Leaf
from detente.core.quotas import ATTACHMENTS, said
from detente.core.station import Arriving, Granted, Line, Session, Step, Way
from detente.core.transcript import Entry, Place

DAY_S = 86_400


def attachments_of(entry: Entry) -> tuple[Attachment, ...]:
    """What an entry's body says of its attachments; none where it is not here or not readable."""
    if entry.leaf is None or not entry.leaf.attached or entry.body is None:
        return ()
    try:
        return disclose(unpack(entry.body))[0]
    except PeerError:
        return ()


# --- what is to come ------------------------------------------------------------------------------


def expect(step: Step, line: Line, entry: Entry, leaf: Leaf) -> None:
    """A body that names attachments is here now: they are asked for, unless its author has used up
    what the charter grants it for one day. Then our log says so, once a day."""
    found = attachments_of(entry)
    place = entry.place
    if not found or place in line.arriving:
        return
    day = step.now.wall_s // DAY_S
    ours = place.log.member == line.me
    if not ours and not charge(line, place.log.member, found, day):
        _decline(step, line, place, day)
        return
    parts = [begin(one) for one in found]
    line.arriving[place] = Arriving(place, entry.hash, leaf.audience, leaf.precedence, parts)
    step.out.append(OpenAttachments(line.id, *place, found, day))


def enclosed(step: Step, line: Line, entry: Entry) -> None:
    """A dispatch of ours has its place: what was staged for it is served from there."""
    found = attachments_of(entry)
    if found:
        day = step.now.wall_s // DAY_S
        step.out.append(OpenAttachments(line.id, *entry.place, found, day))


def charge(line: Line, member: int, found: tuple[Attachment, ...], day: int) -> bool:
    """Counts attachments against what the charter grants a member for one UTC day; False, and
    nothing is counted, if that is used up or too much of its is on its way already."""
    granted = line.granted.get(member)
    if granted is None or granted.day != day:
        used_up = any(
            over.which == ATTACHMENTS and over.log.member == member for over in said(line, day)
        )
        granted = Granted(day, line.shelf.attached_bytes(member, day), used_up)
    line.granted[member] = granted
    more = sum(one.chunks * limits.CHUNK_BYTES for one in found)
    waiting = sum(place.log.member == member for place in line.arriving)
    over = granted.used_bytes + more > line.charter.quota_bytes_per_day
    if granted.used_up or over or waiting >= limits.ATTACHED_OPEN_MAX:
        return False
    line.granted[member] = granted._replace(used_bytes=granted.used_bytes + more)
    return True


def _decline(step: Step, line: Line, place: Place, day: int) -> None:
    member = place.log.member
    if not line.granted[member].used_up:
        line.granted[member] = line.granted[member]._replace(used_up=True)
        extra = OverQuota(place.log, place.index, ATTACHMENTS, day).encode()
        line.state(Draft(kind=Kind.OVER_QUOTA, audience=line.everyone(), extra=extra))
    step.tell("attachments-refused", line, member=member, index=place.index)


def state_whole(step: Step, line: Line) -> None:
    """Our log states of each entry that all of its attachments are on stable storage here, in the
    very transaction that stores the last of them, or once this node signs again."""
    for place, arriving in list(line.arriving.items()):
        ours = place.log.member == line.me
        if not arriving.is_whole or not (ours or line.may_sign()):
            continue
        del line.arriving[place]
        step.out.append(CloseAttachments(line.id, *place))
        if ours:
            continue
        mark = Mark(Rung.ATTACHED, Stater.NODE).encode()
        readers = line.charter.readers()
        line.state(Draft(kind=Kind.MARK, audience=readers, refs=(arriving.hash,), extra=mark))
        step.tell("attached", line, member=place.log.member, index=place.index)


# --- asking ---------------------------------------------------------------------------------------


def ask_chunks(step: Step, line: Line) -> None:
    """Asks each peer for one run at a time, of what is most urgent first; of its author where that
    is here, else of another reader."""
    for arriving in sorted(line.arriving.values(), key=lambda one: -one.precedence):
        following = arriving.next_part()
        if following is None:
            continue
        number, part = following
        session = _source(line, arriving)
        if session is None or session.chunks_asked is not None:
            continue
        session.chunks_asked = (arriving.place, number, part.held)
        step.send(session, Want(WANT_CHUNKS, *arriving.place, number, part.held))


def _source(line: Line, arriving: Arriving) -> Session | None:
    """Whom to ask: nobody while somebody is at it, but for its author."""
    author = line.session_of(arriving.place.log.member)
    if author is not None and arriving.place not in author.chunkless:
        return author
    others = [m.number for m in line.charter.members if arriving.audience >> m.number & 1]
    found = [s for m in others if (s := line.session_of(m)) and arriving.place not in s.chunkless]
    busy = any(s.chunks_asked and s.chunks_asked[0] == arriving.place for s in found)
    return None if busy or not found else found[0]


def on_chunks(step: Step, line: Line, session: Session, frame: Chunks) -> None:
    """The run that was asked for. OUT_OF_TURN for any other, MALFORMED or BAD_PROOF for one that
    is not of the file that was named: then this peer is not asked for it again on this link."""
    place = Place(frame.log, frame.index)
    given = (place, frame.number, frame.first)
    if session.chunks_asked != given:
        if given in session.chunks_late:
            session.chunks_late.remove(given)
            return
        raise PeerError(Refusal.OUT_OF_TURN, "chunks that nobody asked for")
    session.chunks_asked = None
    arriving = line.arriving.get(place)
    if arriving is None or arriving.parts[frame.number].held != frame.first:
        return  # purged meanwhile, or come from another
    try:
        boxes, progress = arriving.parts[frame.number].take(frame.boxes, frame.hashes)
    except PeerError:
        session.chunkless.add(place)
        raise
    arriving.parts[frame.number] = progress
    step.out.append(StoreChunks(line.id, *place, frame.number, boxes, progress))


def forget_chunks(line: Line, session: Session) -> None:
    """Every ten minutes: who had none may have some by now, and what did not come is asked for
    again. It may have been lost with a message that a silent bearer kept."""
    if session.chunkless or session.chunks_asked:
        _give_up(session)
        session.chunkless.clear()
        line.touched = True


def on_chunks_refused(session: Session, frame: Refuse) -> None:
    """Who has none of it is not asked for it again on this link. It may be the body of that entry
    that was refused, and the chunks come yet."""
    asked = session.chunks_asked
    if asked is not None and asked[0] == (frame.log, frame.index):
        _give_up(session)
        session.chunkless.add(asked[0])


def _give_up(session: Session) -> None:
    """Waits for an answer no more; it may come yet, and is nobody's fault then."""
    if session.chunks_asked is not None:
        session.chunks_late.append(session.chunks_asked)
        session.chunks_asked = None


# --- serving --------------------------------------------------------------------------------------


def on_want_chunks(step: Step, line: Line, session: Session, frame: Want) -> None:
    """A run is promised to who may have it: NOT_IN_AUDIENCE, PURGED or NOT_HELD otherwise. The last
    question counts: nobody makes us hoard more than one."""
    _run_of(step, line, session, frame)
    session.chunks_owed = frame


def serve_chunks(step: Step, line: Line) -> None:
    """Sends what is owed to every session for which nothing else waits here."""
    for session in line.greeted():
        frame = session.chunks_owed
        if frame is None or not _is_quiet(line, session):
            continue
        session.chunks_owed = None
        place = Place(frame.log, frame.index)
        try:
            part = _run_of(step, line, session, frame)
        except PeerError as error:  # purged since
            step.decline(line, session, error.refusal, *place)
            continue
        chunks = chunks_of(part.size_bytes)
        stop = run_end(frame.first, chunks, wide=session.wide)
        hashes = tuple(
            root_of(_boxes(line, place, frame.number, start, end))
            for start, end in beside(frame.first, stop, chunks)
        )
        boxes = b"".join(_boxes(line, place, frame.number, frame.first, stop))
        step.send(session, Chunks(*place, frame.number, frame.first, hashes, boxes))


def _is_quiet(line: Line, session: Session) -> bool:
    """Whether no entry, receipt or body waits for this session: those of this step stand before us
    in its link already."""
    if line.touched or line.control or (not session.wide and session.flight):
        return False
    if line.may_sign() and any(line.queue.by_precedence):
        return False
    return not any(
        line.logs[log_id].size > max(at, session.holds.get(log_id, 0))
        for log_id, at in session.sent.items()
    )


def _run_of(step: Step, line: Line, session: Session, frame: Want) -> Progress:
    """The attachment that a question is about, if all of it is here and this peer may have it."""
    log = line.logs.get(frame.log)
    where = {"log": frame.log, "index": frame.index}
    if log is None or frame.index >= log.size:
        raise PeerError(Refusal.NOT_HELD, "chunks of an entry that is not here", **where)
    entry = entry_at(line, log, frame.index)
    leaf = entry.leaf
    if leaf is None or not line.entitled(leaf, log.id.member, session.member):
        raise PeerError(Refusal.NOT_IN_AUDIENCE, f"entry {frame.index}", **where)
    held_back = line.id in step.station.under_hold and purge_declared(line, entry)
    if entry.purged or held_back:
        raise PeerError(Refusal.PURGED, f"entry {frame.index}", **where)
    parts = line.shelf.attachments(*entry.place)
    part = parts[frame.number] if frame.number < len(parts) else None
    if part is None or not part.is_whole or frame.first >= part.held or session.way is not Way.LINK:
        raise PeerError(Refusal.NOT_HELD, f"entry {frame.index}", **where)
    return part


def _boxes(line: Line, place: Place, number: int, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, limits.RUN_CHUNKS_MAX):
        yield from line.shelf.chunks(*place, number, at, min(end, at + limits.RUN_CHUNKS_MAX))


# --- after a restart ------------------------------------------------------------------------------


def recall_arriving(line: Line) -> None:
    """What was on its way, or not stated yet, when the process ended."""
    for place in line.shelf.open_attachments():
        entry = line.shelf.entry(*place)
        assert entry.leaf is not None  # noqa: S101  # a void one names no attachments
        audience, precedence = entry.leaf.audience, entry.leaf.precedence
        parts = list(line.shelf.attachments(*place))
        line.arriving[place] = Arriving(place, entry.hash, audience, precedence, parts)
