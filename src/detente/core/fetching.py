"""Attachments on their way: asked for piece by piece behind all text (spec/attachments.md §4, §5).

Who reads a dispatch asks for what it lacks, from where it stands, after any cut and any restart.
``serving`` answers. A file for a courier asks once for all that is left, and brings what nobody
had asked for yet.
"""

from __future__ import annotations

from itertools import islice

from detente.core import limits
from detente.core.attachment import Attachment, begin, count_of, disclose
from detente.core.body import unpack
from detente.core.errors import PeerError, Refusal
from detente.core.events import CloseAttachments, Draft, OpenAttachments, StoreChunks
from detente.core.extras import Mark, OverQuota, Rung, Stater, decode_mark
from detente.core.frames import WANT_CHUNKS, Chunks, Refuse, Want
from detente.core.leaf import Kind, Leaf
from detente.core.line import Arriving, Granted, Line
from detente.core.link import Session, Way
from detente.core.quotas import ATTACHMENTS, said
from detente.core.station import Step
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


def states_whole(line: Line, entry: Entry, member: int) -> bool:
    """Whether a member's log states the attachments of an entry as stored there."""
    for at in line.shelf.referring(entry.hash):
        leaf = line.shelf.entry(*at).leaf
        if leaf is None or leaf.kind != Kind.MARK or at.log.member != member:
            continue
        try:
            if decode_mark(leaf.extra).rung is Rung.ATTACHED:
                return True
        except PeerError:
            continue
    return False


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


def ask_in_file(step: Step, line: Line, session: Session) -> None:
    """Asks a member in a file for all that is left of what is on its way here and that it may have,
    as far as its next file answers."""
    left = limits.FILE_QUESTIONS_MAX
    for arriving in sorted(line.arriving.values(), key=lambda one: -one.precedence):
        author = arriving.place.log.member
        if session.member != author and not arriving.audience >> session.member & 1:
            continue
        lacking = ((n, part) for n, part in enumerate(arriving.parts) if not part.is_whole)
        for number, part in islice(lacking, left):
            step.send(session, Want(WANT_CHUNKS, *arriving.place, number, part.held))
            left -= 1


def on_chunks(step: Step, line: Line, session: Session, frame: Chunks) -> None:
    """The run that was asked for, or in a file whichever goes on where an attachment stands here.
    OUT_OF_TURN for any other on a link, MALFORMED or BAD_PROOF for one that is not of the file that
    was named: then this peer is not asked for it again on this link."""
    place = Place(frame.log, frame.index)
    if session.way is not Way.IN and not _was_asked_for(session, place, frame):
        return
    arriving = line.arriving.get(place)
    if arriving is None:
        return  # purged meanwhile, or whole; in a file also one that is not here, or was declined
    if frame.number >= len(arriving.parts):
        raise PeerError(Refusal.OUT_OF_TURN, f"chunks of attachment {frame.number}")
    part = arriving.parts[frame.number]
    if frame.boxes and not frame.first <= part.held < frame.first + count_of(frame.boxes):
        return  # come from another, or a file before this one has not
    try:
        boxes, progress = part.take_on(frame.first, frame.boxes, frame.hashes)
    except PeerError:
        session.chunkless.add(place)
        raise
    arriving.parts[frame.number] = progress
    step.out.append(StoreChunks(line.id, *place, frame.number, boxes, progress))


def _was_asked_for(session: Session, place: Place, frame: Chunks) -> bool:
    """Whether just this run is awaited on a link. False for one that was given up: it is passed
    over. OUT_OF_TURN for one that was never asked for."""
    given = (place, frame.number, frame.first)
    if session.chunks_asked == given:
        session.chunks_asked = None
        return True
    if given not in session.chunks_late:
        raise PeerError(Refusal.OUT_OF_TURN, "chunks that nobody asked for")
    session.chunks_late.remove(given)
    return False


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


# --- after a restart ------------------------------------------------------------------------------


def recall_arriving(line: Line) -> None:
    """What was on its way, or not stated yet, when the process ended."""
    for place in line.shelf.open_attachments():
        entry = line.shelf.entry(*place)
        assert entry.leaf is not None  # noqa: S101  # a void one names no attachments
        audience, precedence = entry.leaf.audience, entry.leaf.precedence
        parts = list(line.shelf.attachments(*place))
        line.arriving[place] = Arriving(place, entry.hash, audience, precedence, parts)
