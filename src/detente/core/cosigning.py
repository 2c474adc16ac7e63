"""Cosignatures given and taken: «I hold this», and what must outlive Ed25519 (spec/log.md §8).

A cosignature counts only beside its author's signature, so it is made over heads held here and
taken for heads held here, and for nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from detente.core import limits
from detente.core.crypto import ed25519_verify
from detente.core.encoding import malformed
from detente.core.errors import MachineError, PeerError, Refusal
from detente.core.events import Draft, SignedHead, StoreCosignature, StoreState
from detente.core.extras import Mark, Quote, Rung, Stater, decode_quote
from detente.core.frames import WANT_COSIGNATURE, Cosign, Quantum, Want
from detente.core.holding import confirm, coverable, entry_at, known_root, subtrees
from detente.core.identity import author_name, holds_pq_name
from detente.core.leaf import Kind, Leaf, LogId, Seen, first_life
from detente.core.line import Cosigned, Line
from detente.core.link import Session, Way
from detente.core.log import Log
from detente.core.notes import (
    Checkpoint,
    cosign_message,
    subtree_message,
    verify_cosignature_ed25519,
    verify_cosignature_mldsa44,
)
from detente.core.station import Step
from detente.core.transcript import Entry

# Entries of these kinds are ML-DSA-signed at once, and by those who hold them too.
QUANTUM_AT_ONCE = frozenset({Kind.CHARTER, Kind.RESUME, Kind.SEAL, Kind.CARD})
FAILED_MAX = 64  # cosignatures over thirds' logs that fail, between two chores
COSIGNED_MAX = 64  # cosignatures of one peer kept in memory to be quoted
RECALLED_MAX = 65_536  # entries of ours looked back over at a start: a member may be long away
TIME_END_S = 1 << 40


# --- Ed25519 ----------------------------------------------------------------------------------


def cosign_due(step: Step, line: Line) -> None:
    """At once below IMMEDIATE, within a minute behind an immediate `seen`.

    An observer holds no content and says so by cosigning as a witness of heads, never as a
    holder; and nothing is signed with a key that our own roots revoked: our `seen` goes on
    stating the same.
    """
    due = line.cosign_due_ms and step.now.steady_ms >= line.cosign_due_ms
    if not (line.cosign_now or due) or not line.may_sign():
        return
    line.cosign_now, line.cosign_due_ms = False, 0
    if not may_cosign(step, line):
        return
    for log in line.logs.values():
        session = line.session_of(log.id.member)
        head = coverable(line, log)
        if session is not None and head is not None and log.cosigned < min(log.called, head.size):
            cosign(step, line, session, log, head)


def may_cosign(step: Step, line: Line) -> bool:
    """Whether this node may say «I hold this»: it may sign, and not with a revoked key."""
    return line.may_sign() and not _is_revoked(step, line, line.me, step.station.keys.k)


def _is_revoked(step: Step, line: Line, member: int, k: int) -> bool:
    if not step.station.revoked:
        return False
    found = step.station.cosigner(line, member, k)
    return found is not None and found[1] in step.station.revoked


def cosign(step: Step, line: Line, session: Session, log: Log, head: SignedHead) -> None:
    """Signs a head as its holder, or as an observer its witness; keeps the cosignature, and sends
    it to the author, a witness's to every other member with a wide bearer too. MachineError DISK
    if what was just signed does not verify."""
    keys = step.station.keys
    found = step.station.cosigner(line, line.me, keys.k)
    assert found is not None  # noqa: S101  # our own card lists what our keyring loads
    name, public = found
    message = cosign_message(log.checkpoint(head.size, head.root), log.held_at_s)
    reads = line.reads(line.me)
    signature = keys.sign_holds(message) if reads else keys.sign_heads(message)
    if not ed25519_verify(public, message, signature):
        raise MachineError(Refusal.DISK, "a cosignature just made does not verify")
    if head.size > log.cosigned:
        log.cosigned = head.size
        step.out.append(StoreState(line.id, log.id, log.encode()))
        step.out.append(
            StoreCosignature(line.id, log.id, head.size, name, line.me, log.held_at_s, signature)
        )
    late_s = log.held_at_s - _time_of(line, log, head.size)
    for to in [session] if reads else [session, *_others(line, session)]:
        # The first life is not named. A later one is: who has just been adopted reads what was
        # sent before under another current log, and would blame us for a signature that fails.
        other = None if log.id == first_life(to.member) else log.id
        step.send(to, Cosign(other, head.size, late_s, signature))


def _others(line: Line, session: Session) -> list[Session]:
    """The best session with each member but one, as far as it is wide."""
    return [
        one
        for one in line.greeted()
        if one.wide and one.member != session.member and one is line.session_of(one.member)
    ]


def on_want_cosignature(step: Step, line: Line, session: Session, log: Log) -> None:
    """A cosignature on request, for the author alone; an observer's is its witness."""
    head = coverable(line, log)
    if log.id.member != session.member:
        raise PeerError(Refusal.NOT_ALLOWED, "a cosignature that is not ours to give")
    if head is None:  # its author cannot know what is missing here
        raise PeerError(Refusal.NOT_HELD, "no head of which all is held here")
    if not line.may_sign():
        step.decline(line, session, Refusal.MUTE, log.id, head.size)
        return
    if _is_revoked(step, line, line.me, step.station.keys.k):
        step.decline(line, session, Refusal.REVOKED, log.id, head.size)
        return
    cosign(step, line, session, log, head)


def _time_of(line: Line, log: Log, size: int) -> int:
    """The time of the last leaf below a size, against which a cosignature's is told; 0 if void."""
    leaf = entry_at(line, log, size - 1).leaf
    return 0 if leaf is None else leaf.time_s


def on_cosign(step: Step, line: Line, session: Session, frame: Cosign) -> None:
    """A peer's cosignature on a head of our log: verified, kept once a size, quotable. Under a
    revoked key it is declined as REVOKED, and what was kept before stays (spec/identity.md §9).

    An observer's is a witness, of any log but its own, and nobody's receipt.
    """
    log = line.logs.get(frame.log or first_life(line.me))
    reads = line.reads(session.member)
    if log is None or session.current is None or not _may_cosign(line, session, log, reads=reads):
        raise PeerError(Refusal.UNKNOWN_LOG, "a cosignature on what is not its to cosign here")
    root = known_root(line, log.id, frame.size)
    if root is None and log.id.member != line.me:
        step.tell("head-unknown", line, member=session.member, size=frame.size)
        return  # the entries are still under way from their author; the next one will serve
    k = session.current.k
    found = step.station.cosigner(line, session.member, k)
    if root is None or found is None:
        raise PeerError(Refusal.NOT_HELD, "a cosignature on a head that is not held here")
    if found[1] in step.station.revoked:
        step.decline(line, session, Refusal.REVOKED, log.id, frame.size)
        return
    time_s = _time_of(line, log, frame.size) + frame.late_s
    if not 0 <= time_s < TIME_END_S:
        raise malformed("time of a cosignature")
    name, public = found
    checkpoint = log.checkpoint(frame.size, root)
    if not verify_cosignature_ed25519(checkpoint, public, time_s, frame.signature):
        if _is_of_another_role(step, line, session, checkpoint, time_s, frame):
            step.decline(line, session, Refusal.NOT_ALLOWED, log.id, frame.size)
            return
        _fails(step, line, session, log, frame.size)
        return
    confirm(line, session, log.id, frame.size)
    if not _first(line, log.id, session.member, frame.size, pq=False):
        return
    step.out.append(
        StoreCosignature(line.id, log.id, frame.size, name, session.member, time_s, frame.signature)
    )
    if reads and log.id == line.mine:
        known = line.cosigned_by.setdefault(session.member, deque(maxlen=COSIGNED_MAX))
        known.append(Cosigned(frame.size, time_s, k, frame.signature))
    word = "cosigned" if reads else "witnessed"
    step.tell(word, line, member=session.member, log=log.id.word, size=frame.size)


def _may_cosign(line: Line, session: Session, log: Log, *, reads: bool) -> bool:
    """To the author alone as a holder; as a witness of any log but one's own."""
    return log.id.member == line.me if reads else log.id.member != session.member


def _is_of_another_role(
    step: Step, line: Line, session: Session, checkpoint: Checkpoint, time_s: int, frame: Cosign
) -> bool:
    """Whether the peer signed with the key that its role here does not give it: true, perhaps, by
    an amendment that has not reached one of us, and counted by nobody (F2)."""
    station, member = step.station, session.member
    k = 0 if session.current is None else session.current.k
    found = station.heads_key(line, member)
    if not line.reads(member):
        found = station.holds_key(line, member, k)
    return found is not None and verify_cosignature_ed25519(
        checkpoint, found[1], time_s, frame.signature
    )


def _first(line: Line, log_id: LogId, member: int, size: int, *, pq: bool) -> bool:
    """Whether this size is above every other one kept: a flood of dated signatures is not."""
    key = (log_id, member, pq)
    if size <= line.kept.get(key, 0):
        return False
    line.kept[key] = size
    return True


def ask_cosignature(step: Step, line: Line, session: Session) -> None:
    """Asks a peer for the cosignature that should have followed its `seen` within a minute."""
    own = line.own
    if own is None or session.mute:
        return
    if session.current and _is_revoked(step, line, session.member, session.current.k):
        return
    called = min(own.called, session.holds.get(own.id, 0))
    if called <= line.kept.get((own.id, session.member, False), 0):
        session.uncosigned_ms = 0
    elif not session.uncosigned_ms:
        session.uncosigned_ms = step.now.steady_ms
    elif step.now.steady_ms - session.uncosigned_ms > 2 * limits.COSIGN_WITHIN_S * 1000:
        session.uncosigned_ms = step.now.steady_ms
        step.send(session, Want(WANT_COSIGNATURE, own.id, called))


# --- quotes -----------------------------------------------------------------------------------


def recall(line: Line, read: Callable[[LogId, int], Iterable[StoreCosignature]]) -> None:
    """At a start: the cosignatures on our current log that no `seen` of their signer has reached,
    so that one that comes late is quoted as if there had been no restart.

    ``read(log, at_least)`` gives what was kept of a log from a size on, by rising size.
    """
    own = line.own
    if own is None:
        return
    others = [m.number for m in line.charter.members if m.number != line.me]
    stated = {number: 0 for number in others if line.reads(number)}
    for log in line.logs.values():
        if log.id.member in stated and log.size:
            held = line.shelf.vector(log.id, log.size - 1).get(own.id, 0)
            stated[log.id.member] = max(stated[log.id.member], held)
    first = max(min(stated.values(), default=own.size), own.size - RECALLED_MAX)
    for one in read(own.id, first + 1):
        party = line.party_of(one.member)
        name, _, k = one.name.rpartition("/")
        if party is None or name != holds_pq_name(party) or one.size <= stated.get(one.member, 0):
            continue
        known = line.cosigned_by.setdefault(one.member, deque(maxlen=COSIGNED_MAX))
        known.append(Cosigned(one.size, one.time_s, int(k), one.signature))


def quote_late(line: Line, member: int, before: int, seen: Seen) -> None:
    """Copies a peer's own cosignature into our log where its `seen` says a later time (F1, F13).

    ``before`` is how much of our log it had stated until now. The fewest quotes are made that
    leave no entry with a receipt more than the charter's seconds after a cosignature on it.
    """
    known = line.cosigned_by.pop(member, None)
    if known is None:
        return
    late_s, kept = seen.held_at_s, []
    for cosigned in sorted(known, reverse=True):
        if cosigned.size > before and cosigned.time_s + line.charter.seen_within_s < late_s:
            late_s = cosigned.time_s
            _, time_s, k, signature = cosigned
            quote = Quote(seen.log, cosigned.size, member, k, time_s, signature)
            line.state(Draft(kind=Kind.QUOTE, audience=line.everyone(), extra=quote.encode()))
        elif cosigned.size > seen.size:
            kept.append(cosigned)
    line.cosigned_by[member] = deque(reversed(kept), maxlen=COSIGNED_MAX)


def judge_quote(step: Step, line: Line, author: LogId, entry: Entry, leaf: Leaf) -> None:
    """A quote is worth what its signature is. A false one in our name is disputed in our log, and
    so is one under a holds key of ours that is revoked: anybody may have made it."""
    try:
        quote = decode_quote(leaf.extra)
    except PeerError:
        step.tell("void", line, member=author.member, index=entry.place.index)
        return
    if line.party_of(quote.member) is None:
        return  # it joined by an amendment that is not final here yet; nor does it count before
    log = line.logs.get(quote.log)
    found = step.station.holds_key(line, quote.member, quote.k)
    read = subtrees(step, line, quote.log)  # its head may have come with this very batch
    root = known_root(line, quote.log, quote.size, read)
    ours = quote.member == line.me
    if (
        quote.log.member == author.member
        and log is not None
        and found is not None
        and root is not None
        and not (ours and found[1] in step.station.revoked)
        and verify_cosignature_ed25519(
            log.checkpoint(quote.size, root), found[1], quote.time_s, quote.signature
        )
    ):
        return
    step.tell("false-quote", line, member=author.member, index=entry.place.index)
    if ours:
        mark = Mark(Rung.DISPUTED, Stater.NODE).encode()
        line.state(Draft(kind=Kind.MARK, audience=line.everyone(), refs=(entry.hash,), extra=mark))


# --- ML-DSA-44 --------------------------------------------------------------------------------


def quantum(step: Step, line: Line) -> None:
    """Our ML-DSA-44 signature over our own log, and over what others' must outlive Ed25519 (F11).

    On wide bearers, and on narrow ones once our log has rested for an hour; a peer that lags is
    shown our last one when it has caught up, and a file for a courier ends with one. Nothing is
    signed, and nothing shown again, under a key that our own roots revoked.
    """
    card, revoked = step.station.card, step.station.revoked
    files = [s for s in line.greeted() if s.way is Way.OUT]
    quiet = _is_quiet(step, line)
    best = [s for s in line.greeted() if s is line.session_of(s.member)]
    wide = [s for s in best if s.wide or quiet] + files
    own = line.own
    if own is None or not line.may_sign() or not wide:
        return
    ends = bool(files) and not line.touched
    if line.quantum_due_ms and (ends or step.now.steady_ms >= line.quantum_due_ms):
        line.quantum_due_ms = 0
        if card.log_mldsa44 not in revoked:
            line.quantum = _sign_quantum(step, line, own, own.head(), author_name(card.party))
    if card.log_mldsa44 in revoked:
        line.quantum = None
    if line.reads(line.me) and card.holds_mldsa44 not in revoked:
        for log_id in sorted(line.quantum_for):
            log = line.logs[log_id]
            head = coverable(line, log)
            if head is not None:
                name = holds_pq_name(step.station.party)
                frame = _sign_quantum(step, line, log, head, name)
                for session in wide:
                    step.send(session, frame)
    line.quantum_for.clear()
    shown = line.quantum
    for session in wide:
        held = max(session.sent.get(own.id, 0), session.holds.get(own.id, 0))
        if shown is not None and session.quantum_size < shown.size <= held:
            session.quantum_size = shown.size
            step.send(session, shown)


def _is_quiet(step: Step, line: Line) -> bool:
    """Whether nothing was entered in our log for so long that a narrow bearer has time for 2,420
    bytes; what is urgent goes before them all the same."""
    if not line.quiet_due_ms:
        line.quiet_due_ms = step.now.steady_ms + limits.PQ_QUIET_S * 1000
    return step.now.steady_ms >= line.quiet_due_ms


def _sign_quantum(step: Step, line: Line, log: Log, head: SignedHead, name: str) -> Quantum:
    keys, time_s = step.station.keys, step.now.wall_s
    message = subtree_message(name, time_s, log.origin, 0, head.size, head.root)
    own = log.id.member == line.me
    signature = keys.sign_author(message) if own else keys.sign_holds_pq(message)
    step.out.append(StoreCosignature(line.id, log.id, head.size, name, line.me, time_s, signature))
    return Quantum(log.id, head.size, time_s, signature)


def _fails(step: Step, line: Line, session: Session, log: Log, size: int) -> None:
    """A cosignature that does not verify. Over a third's log it is no fault of the peer, for that
    third may have shown it another history; but each costs us a check, so that of very many at
    once, and of our own log or the peer's, it is: BAD_SIGNATURE."""
    ours = log.id.member in (line.me, session.member)
    if ours or session.failed >= FAILED_MAX:
        raise PeerError(Refusal.BAD_SIGNATURE, "cosignature")
    session.failed += 1
    step.decline(line, session, Refusal.BAD_SIGNATURE, log.id, size)


def on_quantum(step: Step, line: Line, session: Session, frame: Quantum) -> None:
    """ML-DSA-44 by the peer: as the author of the log, or as a holder of another's. Under a
    revoked key it is declined as REVOKED, but for an author's within the head it stands by."""
    log = line.logs.get(frame.log)
    root = known_root(line, frame.log, frame.size)
    party = line.party_of(session.member)
    card = None if party is None else step.station.cards.get(party)
    if log is None or root is None or party is None or card is None:
        step.tell("head-unknown", line, member=session.member, size=frame.size)
        return  # it names a head that is still under way; the next one will serve
    by_author = session.member == log.id.member
    if not by_author and not line.reads(session.member):
        # It holds no content; or has been made an observer by what has not reached it yet (F2).
        step.decline(line, session, Refusal.NOT_ALLOWED, log.id, frame.size)
        return
    name = author_name(party) if by_author else holds_pq_name(party)
    public = card.log_mldsa44 if by_author else card.holds_mldsa44
    revocation = step.station.revoked.get(public)
    if revocation is not None:
        stand = revocation.stand(log.origin)
        if stand is None or frame.size > stand.size:
            step.decline(line, session, Refusal.REVOKED, log.id, frame.size)
            return
    checkpoint = log.checkpoint(frame.size, root)
    if not verify_cosignature_mldsa44(name, checkpoint, public, frame.time_s, frame.signature):
        _fails(step, line, session, log, frame.size)
        return
    if _first(line, log.id, session.member, frame.size, pq=True):
        step.out.append(
            StoreCosignature(
                line.id, log.id, frame.size, name, session.member, frame.time_s, frame.signature
            )
        )
