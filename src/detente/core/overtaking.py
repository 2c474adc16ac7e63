"""Entries ahead of a gap: proven from what is held, stored, shown and receipted at once (F7, F8).

When the gap is filled, what overtook must be what then stands there, in the same tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.accusing import prove_ahead
from detente.core.bodies import state_held
from detente.core.body import commit
from detente.core.encoding import Reader
from detente.core.errors import PeerError, Refusal
from detente.core.events import SignedHead, StoreAhead
from detente.core.extras import decode_held_ahead
from detente.core.frames import Ahead
from detente.core.holding import known_hash, known_root, leaf_before
from detente.core.leaf import OVERTAKING, UNCALLING, Kind
from detente.core.line import Line
from detente.core.link import Session, Way
from detente.core.log import Log
from detente.core.merkle import frontier_at, leaf_hash, push_cover
from detente.core.station import Step
from detente.core.transcript import Entry, Place
from detente.core.wire import FULL, Item, read_item


def on_ahead(step: Step, line: Line, session: Session, frame: Ahead) -> None:
    """One entry of the peer's own log: verified from what is held of it, and needing nothing in
    the gap. One that is held already must be the same."""
    log = line.logs.get(frame.log)
    if log is None or frame.log.member != session.member:
        raise PeerError(Refusal.UNKNOWN_LOG, "ahead", log=frame.log, index=frame.index)
    if 0 <= log.frozen <= frame.index:
        raise PeerError(Refusal.FROZEN, "ahead", log=frame.log, index=frame.index)
    found = _verified(step, line, session, log, frame)
    if found is None:
        return
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
    learn_held(step, line, session, log, [found.entry])
    leaf = found.entry.leaf
    if leaf is None or leaf.kind in UNCALLING or leaf.kind == Kind.MARK:
        return  # else two ends would receipt one another's receipts for ever
    if found.entry.body is not None or leaf.commitment is None:
        state_held(step, line, found.entry, leaf)


def _verified(
    step: Step, line: Line, session: Session, log: Log, frame: Ahead
) -> StoreAhead | None:
    """The entry and its proof. BAD_PROOF, BAD_SIGNATURE, BAD_LEAF or BAD_COMMITMENT otherwise; None
    where something was left out, and it is asked for in full."""
    if frame.base > log.size:
        raise PeerError(Refusal.BAD_PROOF, "base beyond what is held")
    frontier = frontier_at(lambda level, at: line.shelf.subtree(log.id, level, at), frame.base)
    push_cover(frontier, frame.cover, frame.index)
    path = b"".join(reversed(frontier.peaks))  # siblings of the leaf that comes last
    item = read_ahead(line, log, frame)
    if item is not None:
        digest = leaf_hash(item.raw)
        frontier.append(digest)
        head = SignedHead(frame.index + 1, frontier.root(), frame.signature)
        if log.verifies(*head):
            entry = _entry(line, Place(log.id, frame.index), digest, item)
            return StoreAhead(line.id, log.id, entry, head, path)
        if item.full:
            raise PeerError(Refusal.BAD_SIGNATURE, "ahead")
    _ask_full(step, line, session, log, frame.index)
    return None


def read_ahead(line: Line, log: Log, frame: Ahead) -> Item | None:
    """The entry, rebuilt; None where what was left out cannot be filled in. Only one in full may
    be MALFORMED: behind another leaf than ours is, another reads as anything (F4)."""
    reader = Reader(frame.item)
    try:
        item = read_item(
            reader,
            leaf_before(line, log, frame.base),
            lambda other, size: known_root(line, other, size),
            lambda other, at: known_hash(line, other, at),
            line.mine,
        )
        reader.done()
    except PeerError:
        if frame.item[0] & FULL:
            raise
        return None
    return item


def _ask_full(step: Step, line: Line, session: Session, log: Log, index: int) -> None:
    """Asks once for the full form. BAD_SIGNATURE for one that was asked for and is not in full, and
    for so many that no honest peer sends them."""
    if index in session.ahead_unread or len(session.ahead_unread) >= limits.HELD_AHEAD_MAX:
        raise PeerError(Refusal.BAD_SIGNATURE, "ahead")
    session.ahead_unread.add(index)
    step.decline(line, session, Refusal.WANT_FULL, log.id, index)


def _entry(line: Line, place: Place, digest: bytes, item: Item) -> Entry:
    leaf, salt, body = item.leaf, item.salt, item.body
    if leaf is None or leaf.kind not in OVERTAKING:
        raise PeerError(Refusal.BAD_LEAF, "a kind that may not overtake")
    if leaf.commitment is None or salt is None or body is None:
        salt, body = None, None
    elif leaf.commitment != commit(salt, body):
        raise PeerError(Refusal.BAD_COMMITMENT, "ahead")
    if not line.entitled(leaf, place.log.member, line.me):
        salt, body = None, None
    return Entry(place, digest, item.raw, leaf, salt, body)


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


def learn_held(
    step: Step, line: Line, session: Session, log: Log, entries: Sequence[Entry]
) -> None:
    """What a peer states, in its current log, to hold of ours ahead of a gap is not sent to it once
    more with its body. If it has lost that meanwhile it asks."""
    own = line.own
    stated = [e.leaf.extra for e in entries if e.leaf and e.leaf.kind == Kind.HELD_AHEAD]
    if own is None or not stated or log.id != session.current:
        return
    behind = session.holds.get(own.id, 0)
    there = {index for index in line.held_ahead.get(log.id, ()) if index >= behind}
    for extra in stated:
        try:
            held = decode_held_ahead(extra)
        except PeerError:
            continue  # void
        known = known_hash(line, held.log, held.index)
        if held.log != own.id or known != held.leaf_hash:
            continue
        step.tell("receipt-ahead", line, member=log.id.member, index=held.index)
        if len(there) < limits.HELD_AHEAD_MAX:
            there.add(held.index)
    line.held_ahead[log.id] = there


def is_held_ahead(line: Line, session: Session, place: Place) -> bool:
    """Whether this peer has stated that it holds this entry, of ours, ahead of its turn."""
    if place.log != line.mine or session.current is None or session.mute:
        return False
    return session.way is Way.LINK and place.index in line.held_ahead.get(session.current, ())
