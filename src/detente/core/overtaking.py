"""Entries ahead of a gap: proven from what is held, stored, shown and receipted at once (F7, F8).

When the gap is filled, what overtook must be what then stands there, in the same tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.accusing import prove_ahead
from detente.core.bodies import state_held
from detente.core.body import commit
from detente.core.errors import PeerError, Refusal
from detente.core.events import SignedHead, StoreAhead
from detente.core.frames import Ahead
from detente.core.holding import known_hash
from detente.core.leaf import OVERTAKING, UNCALLING, Kind, Leaf
from detente.core.log import Log
from detente.core.merkle import frontier_at, leaf_hash, push_cover
from detente.core.station import Line, Session, Step
from detente.core.transcript import Entry, Place
from detente.core.wire import lenient


def on_ahead(step: Step, line: Line, session: Session, frame: Ahead) -> None:
    """One entry of the peer's own log: verified from what is held of it, and needing nothing in
    the gap. One that is held already must be the same."""
    log = line.logs.get(frame.log)
    if log is None or frame.log.member != session.member:
        raise PeerError(Refusal.UNKNOWN_LOG, "ahead", log=frame.log, index=frame.index)
    if 0 <= log.frozen <= frame.index:
        raise PeerError(Refusal.FROZEN, "ahead", log=frame.log, index=frame.index)
    found = _verified(line, log, frame)
    held = line.ahead.get(log.id, set())
    if frame.index < log.size:
        if known_hash(line, log.id, frame.index) != found.entry.hash:
            prove_ahead(step, line, log, found)
        return
    known = line.shelf.ahead(log.id, frame.index) if frame.index in held else None
    if known is not None:
        return  # a repetition; another leaf there comes out when the gap is filled
    if len(held) >= limits.HELD_AHEAD_MAX:
        raise PeerError(Refusal.OVER_QUOTA, "too many entries ahead of one gap")
    line.ahead.setdefault(log.id, set()).add(frame.index)
    step.out.append(found)
    step.tell("received-ahead", line, member=log.id.member, index=frame.index)
    leaf = found.entry.leaf
    if leaf is None or leaf.kind in UNCALLING or leaf.kind == Kind.MARK:
        return  # else two ends would receipt one another's receipts for ever
    if found.entry.body is not None or leaf.commitment is None:
        state_held(step, line, log.id, frame.index, found.entry)


def _verified(line: Line, log: Log, frame: Ahead) -> StoreAhead:
    """The entry and its proof. BAD_PROOF, BAD_SIGNATURE, BAD_LEAF or BAD_COMMITMENT otherwise."""
    if frame.base > log.size:
        raise PeerError(Refusal.BAD_PROOF, "base beyond what is held")
    frontier = frontier_at(lambda level, at: line.shelf.subtree(log.id, level, at), frame.base)
    push_cover(frontier, frame.cover, frame.index)
    path = b"".join(reversed(frontier.peaks))  # siblings of the leaf that comes last
    digest = leaf_hash(frame.raw)
    frontier.append(digest)
    head = SignedHead(frame.index + 1, frontier.root(), frame.signature)
    if not log.verifies(*head):
        raise PeerError(Refusal.BAD_SIGNATURE, "ahead")
    leaf = lenient(frame.raw)
    if leaf is None or leaf.kind not in OVERTAKING:
        raise PeerError(Refusal.BAD_LEAF, "a kind that may not overtake")
    salt, body = _opened(line, log, leaf, frame)
    entry = Entry(Place(log.id, frame.index), digest, frame.raw, leaf, salt, body)
    return StoreAhead(line.id, log.id, entry, head, path)


def _opened(line: Line, log: Log, leaf: Leaf, frame: Ahead) -> tuple[bytes | None, bytes | None]:
    if frame.body is None or leaf.commitment is None:
        return None, None
    if leaf.commitment != commit(frame.salt, frame.body):
        raise PeerError(Refusal.BAD_COMMITMENT, "ahead")
    if not line.entitled(leaf, log.id.member, line.me):
        return None, None
    return frame.salt, frame.body


def from_ahead(line: Line, place: Place, digest: bytes) -> tuple[bytes | None, bytes | None]:
    """The body of an entry that came ahead with it and now stands in its turn without it."""
    if place.index not in line.ahead.get(place.log, ()):
        return None, None
    ahead = line.shelf.ahead(place.log, place.index)
    if ahead is None or ahead.hash != digest:
        return None, None
    return ahead.salt, ahead.body


def close_gap(step: Step, line: Line, log: Log, entries: Sequence[Entry], head: SignedHead) -> None:
    """Entries that overtook have now come in their turn: as they were, or their author lied."""
    ahead = line.ahead.get(log.id)
    if not ahead:
        return
    for entry in entries:
        if entry.place.index in ahead:
            ahead.discard(entry.place.index)
            found = line.shelf.ahead_proof(log.id, entry.place.index)
            if found is not None and head.size >= found.head.size:
                prove_ahead(step, line, log, found)
    if not ahead:
        del line.ahead[log.id]
