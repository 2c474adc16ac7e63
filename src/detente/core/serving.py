"""Chunks of attachments that others are given (spec/attachments.md §4; spec/bearer-courier.md §4).

On a link one run for each question, and only when nothing else waits for that session. In a file
for a courier, behind all that it has, the attachments of the entries in it and what is left of
those that its receiver asked for: nobody can ask for the next run while it is on its way.
"""

from __future__ import annotations

from collections.abc import Iterator

from detente.core import limits
from detente.core.attachment import Progress, beside, chunks_of, root_of, run_end
from detente.core.errors import PeerError, Refusal
from detente.core.events import Send
from detente.core.fetching import attachments_of, states_whole
from detente.core.frames import WANT_CHUNKS, Chunks, Want
from detente.core.holding import entry_at, purge_declared
from detente.core.line import Line
from detente.core.link import UNANSWERED, Due, Session, Way
from detente.core.station import Step
from detente.core.transcript import Entry, Place

FILE_RUNS = 32  # that one step puts into a file: half a mebibyte
DUE_MAX = 4096  # attachments of one file; those beyond go once their reader asks for them


def on_want_chunks(step: Step, line: Line, session: Session, frame: Want) -> None:
    """A run is promised to who may have it: NOT_IN_AUDIENCE, PURGED or NOT_HELD otherwise. The last
    question counts: nobody makes us hoard more than one. In a file it is a promise of all that is
    left."""
    if session.way in UNANSWERED or session.bare:
        return  # the next file that has chunks answers
    _run_of(step, line, session, frame)
    if session.way is Way.OUT:
        entry = entry_at(line, line.logs[frame.log], frame.index)
        enclose(line, session, entry, frame)
    else:
        session.chunks_owed = frame


def serve_chunks(step: Step, line: Line) -> None:
    """Sends what is owed to every session for which nothing else waits here."""
    for session in line.greeted():
        if session.way is Way.OUT:
            _fill(step, line, session)
            continue
        frame = session.chunks_owed
        if frame is None or not _is_quiet(line, session):
            continue
        session.chunks_owed = None
        try:
            _send(step, line, session, frame, limits.RUN_CHUNKS_MAX if session.wide else 1)
        except PeerError as error:  # purged since
            step.decline(line, session, error.refusal, frame.log, frame.index)


def _send(step: Step, line: Line, session: Session, frame: Want, longest: int) -> int | None:
    """One run; where the next one begins, None behind the last. PeerError as ``_run_of``."""
    part = _run_of(step, line, session, frame)
    place, chunks = Place(frame.log, frame.index), chunks_of(part.size_bytes)
    stop = run_end(frame.first, chunks, longest)
    hashes = tuple(
        root_of(_boxes(line, place, frame.number, start, end))
        for start, end in beside(frame.first, stop, chunks)
    )
    boxes = b"".join(_boxes(line, place, frame.number, frame.first, stop))
    step.send(session, Chunks(*place, frame.number, frame.first, hashes, boxes))
    return stop if stop < chunks else None


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
    if part is None or not part.is_whole or frame.first >= part.held:
        raise PeerError(Refusal.NOT_HELD, f"entry {frame.index}", **where)
    return part


# --- in a file ------------------------------------------------------------------------------------


def enclose(line: Line, session: Session, entry: Entry, asked: Want | None = None) -> None:
    """The attachments of an entry go into a file, or what was asked for of one of them; none that
    its receiver has stated to have, unless it has lost some of what it had."""
    leaf = entry.leaf
    if session.way is not Way.OUT or session.bare or leaf is None or not leaf.attached:
        return
    if not line.entitled(leaf, entry.place.log.member, session.member):
        return
    if not session.mute and states_whole(line, entry, session.member):
        return
    due = session.chunks_due
    wanted = [(number, 0) for number in range(len(attachments_of(entry)))]
    for number, first in wanted if asked is None else [(asked.number, asked.first)]:
        if len(due) < DUE_MAX:
            due.setdefault((entry.place, number), Due(leaf.precedence, first))


def enclose_recent(line: Line, session: Session, start: int) -> None:
    """What a member has taken over a link since its last file, up to where that said it was: its
    text was quick there, and its attachments may not be."""
    own = line.own
    entries = () if own is None else own.recent.values()
    for entry in entries:
        if start <= entry.place.index < session.holds.get(entry.place.log, 0):
            enclose(line, session, entry)


def _fill(step: Step, line: Line, session: Session) -> None:
    """Some more runs, once a step had nothing else for this file. What was purged meanwhile, or is
    not whole here, is left out: whoever asks for it is told."""
    due = session.chunks_due
    if not due:
        return
    line.touched = True  # until it has them all
    if any(isinstance(one, Send) and one.link == session.link for one in step.out):
        return
    runs = 0
    while due and runs < FILE_RUNS:
        key = max(due, key=lambda one: due[one].precedence)
        place, number = key
        frame = Want(WANT_CHUNKS, *place, number, due[key].first)
        try:
            following = _send(step, line, session, frame, limits.RUN_CHUNKS_FILE)
        except PeerError:
            following = None
        else:
            runs += 1
        if following is None:
            del due[key]
        else:
            due[key] = due[key]._replace(first=following)


# --- what there is --------------------------------------------------------------------------------


def _boxes(line: Line, place: Place, number: int, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, limits.RUN_CHUNKS_MAX):
        yield from line.shelf.chunks(*place, number, at, min(end, at + limits.RUN_CHUNKS_MAX))
