"""What is held here of one line: entries, heads and roots, and how far a head may be covered.

Reads memory first and the store second. What this very step has appended is not in the store yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.events import DropBody, SignedHead, StoreEntries
from detente.core.leaf import CONTENT, Kind, Leaf, LogId
from detente.core.line import Line
from detente.core.link import Flight, Session, Way
from detente.core.log import Log
from detente.core.merkle import SubtreeReader, root_at
from detente.core.station import Station, Step
from detente.core.transcript import Entry, Place
from detente.core.wire import NOTHING


def known_root(
    line: Line, log_id: LogId, size: int, read: SubtreeReader | None = None
) -> bytes | None:
    """The root of a log at a size, if it is held here to there. Without a reader of ``subtrees``
    only what was held before this step may be asked for."""
    log = line.logs.get(log_id)
    if log is None or not 0 < size <= log.size:
        return None
    head = log.heads.get(size)
    if head is not None:
        return head.root
    return root_at(read or (lambda level, at: line.shelf.subtree(log_id, level, at)), size)


def known_hash(line: Line, log_id: LogId, index: int) -> bytes | None:
    """The leaf hash of an entry, if it is held here."""
    log = line.logs.get(log_id)
    if log is None or not 0 <= index < log.size:
        return None
    return entry_at(line, log, index).hash


def entry_at(line: Line, log: Log, index: int) -> Entry:
    """An entry below the log's size, from memory where it is recent."""
    return log.recent.get(index) or line.shelf.entry(log.id, index)


def entries_of(line: Line, log: Log, start: int, stop: int) -> Sequence[Entry]:
    """Entries start..stop-1, from memory where they are recent: it has every one from its first."""
    first = min(max(next(iter(log.recent), stop), start), stop)
    recent = [log.recent[index] for index in range(first, stop)]
    return recent if first == start else [*line.shelf.entries(log.id, start, first), *recent]


def leaf_before(line: Line, log: Log, index: int) -> Leaf | None:
    """The leaf that entry ``index`` is elided against; None after a void one."""
    if index == 0:
        return NOTHING
    if index == log.size:
        return log.last
    return entry_at(line, log, index - 1).leaf


def subtrees(step: Step, line: Line, log_id: LogId) -> SubtreeReader:
    """Reads perfect subtrees of a log, those that this step has appended among them."""
    fresh: dict[tuple[int, int], bytes] = {}
    for effect in step.out:
        if isinstance(effect, StoreEntries) and (effect.line, effect.log) == (line.id, log_id):
            for new in effect.entries:
                at, done = new.entry.place.index, new.subtrees
                fresh[0, at] = new.entry.hash
                for level in range(1, len(done) // 32 + 1):
                    fresh[level, at >> level] = done[32 * (level - 1) : 32 * level]
    return lambda level, at: fresh.get((level, at)) or line.shelf.subtree(log_id, level, at)


def head_between(line: Line, log: Log, at_least: int, at_most: int) -> SignedHead | None:
    """The largest signed head of a size in this range. Memory has every head above its least."""
    if at_least <= log.size <= at_most and log.size in log.heads:
        return log.heads[log.size]  # for a live peer, nearly always
    sizes = [size for size in log.heads if at_least <= size <= at_most]
    if sizes:
        return log.heads[max(sizes)]
    return line.shelf.signed_head(log.id, at_least, at_most)


# --- how far we hold a log, and how far a peer does ---------------------------------------------


def coverable(line: Line, log: Log) -> SignedHead | None:
    """The largest head, signed by its author, below which everything is held here."""
    most = log.coverable_max()
    if most == log.size:
        return log.head() if most else None
    return head_between(line, log, 1, most) if most else None


def coverable_size(line: Line, log: Log) -> int:
    """The size of that head, 0 if there is none."""
    head = coverable(line, log)
    return 0 if head is None else head.size


def note_held(step: Step, line: Line, log: Log, before: int) -> None:
    """Fixes `held_at` when the coverable head has risen above ``before``, and then alone (F1)."""
    if coverable_size(line, log) > before:
        log.held_at_s = step.now.wall_s


def confirm(line: Line, session: Session, log_id: LogId, size: int) -> None:
    """A peer holds a log up to a size: on every link to it, and its share of the flight is over.
    A file is old: what it confirms counts for what is written in answer to it alone."""
    for other in line.sessions.values():
        if other.member != session.member or other.holds.get(log_id, 0) >= size:
            continue
        if other is not session and (other.way, session.way) != (Way.LINK, Way.LINK):
            continue
        other.holds[log_id] = size
        land(other, log_id, size)


def take_off(session: Session, flight: Flight) -> None:
    """A batch leaves for a peer."""
    session.flight.append(flight)
    session.flight_entries += flight.entries
    session.flight_bytes += flight.bytes


def land(session: Session, log_id: LogId | None = None, size: int | None = None) -> None:
    """What of a log ended by ``size`` is under way on a session no more: it was confirmed, or the
    peer will not have it. Without a size all of that log; without a log all of every log."""
    if not session.flight:
        return
    kept = [
        flight
        for flight in session.flight
        if log_id is not None
        and (flight.log != log_id or (size is not None and flight.size > size))
    ]
    session.flight.clear()
    session.flight.extend(kept)
    session.flight_entries = sum(flight.entries for flight in kept)
    session.flight_bytes = sum(flight.bytes for flight in kept)


# --- purging ----------------------------------------------------------------------------------


def purge(step: Step, line: Line, member: int, refs: Sequence[bytes]) -> None:
    """An author destroys bodies of its own entries: content alone, never what decisions rest on;
    all of them, where it entered one leaf more than once.

    What has not come yet comes without its body (``comes_purged``), so that a purge replays after
    a restore (F23). A legal hold on the line stops it here: ``purge_again`` does what was declared
    meanwhile.
    """
    line.purgers.add(member)
    if line.id in step.station.under_hold:
        step.tell("purge-held", line, member=member)
        return
    for ref in dict.fromkeys(refs):
        for place in _kept(line, member, ref):
            _destroy(step, line, place)


def _kept(line: Line, member: int, ref: bytes) -> list[Place]:
    """Where entries of a member with this leaf hash stand that are not purged, those among them
    that came in this step."""
    logs = (log for log in line.logs.values() if log.id.member == member)
    recent = {entry.place for log in logs for entry in log.recent.values() if entry.hash == ref}
    return sorted(recent.union(line.shelf.kept(member, ref)))


def _destroy(step: Step, line: Line, place: Place) -> None:
    log = line.logs[place.log]
    entry = entry_at(line, log, place.index)
    if entry.purged or entry.leaf is None or entry.leaf.kind not in CONTENT:
        return
    before = coverable_size(line, log)
    log.missing.pop(place.index, None)
    log.lacked.discard(place.index)
    line.arriving.pop(place, None)
    if place.index in log.recent:
        log.recent[place.index] = entry._replace(salt=None, body=None, purged=True)
    note_held(step, line, log, before)
    step.out.append(DropBody(line.id, place.log, place.index))
    step.tell("purged", line, member=place.log.member, index=place.index)


def comes_purged(station: Station, line: Line, place: Place, leaf: Leaf, digest: bytes) -> bool:
    """Whether the author of an entry that comes now has declared its body purged before."""
    if place.log.member not in line.purgers or leaf.kind not in CONTENT:
        return False
    return line.id not in station.under_hold and line.shelf.purges(place.log.member, digest)


def purge_again(step: Step, line: Line) -> None:
    """Every purge that was declared on a line: what a legal hold kept is destroyed now."""
    declared = [line.shelf.entry(*place) for place in line.shelf.of_kind((Kind.PURGED,))]
    for member, refs in [(e.place.log.member, e.leaf.refs) for e in declared if e.leaf is not None]:
        purge(step, line, member, refs)


def purge_declared(line: Line, entry: Entry) -> bool:
    """Whether its author has declared the body of an entry purged, whatever was made of it here."""
    return line.shelf.purges(entry.place.log.member, entry.hash)
