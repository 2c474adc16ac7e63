"""The search for where two signed heads of one log part (spec/log.md §9).

It asks whoever shows the other head for proofs against it. Every answer must lead to that signed
head, so a lie narrows nothing; and where the answers stop, what was proven by then is entered.

Of a log proven forked already, only what lies below that is searched: the first question is then
whether the two heads agree there, and one answer is enough if they do.
"""

from __future__ import annotations

from detente.core import limits
from detente.core.accusation import make_leaves
from detente.core.accusing import (
    accuse,
    is_last,
    proof_of,
    proof_of_ours,
    prove_roots,
    prove_roots_apart,
)
from detente.core.errors import PeerError, Refusal
from detente.core.events import SignedHead
from detente.core.frames import AskProof, ShowProof, StatedHead
from detente.core.freezing import settled
from detente.core.holding import entry_at, known_root
from detente.core.leaf import LogId
from detente.core.line import Dispute, Line
from detente.core.link import Session
from detente.core.log import Log
from detente.core.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from detente.core.station import Step

PATIENCE_MS = 30_000  # for an answer; then what is proven by then must do


def suspect(step: Step, line: Line, session: Session, log: Log, theirs: StatedHead) -> bool:
    """A head, verified to be its author's, that differs from our tree or may not extend it: asks
    where they part. False if another search must end before this one can begin."""
    busy = line.disputes.get(log.id)
    if busy is not None:
        return (busy.link, busy.theirs) == (session.link, theirs)
    high = min(log.size, theirs.head.size)
    if not high or settled(line, log.id, 0):
        return True
    dispute = Dispute(session.link, theirs, 0, high, step.now.steady_ms)
    line.disputes[log.id] = dispute
    if log.id not in line.accused:  # else people know, and hear of it again when it is proven
        step.tell("fork-suspected", line, member=log.id.member, size=theirs.head.size)
    if theirs.head.size > log.size:
        _ask(step, session, log, dispute, inclusion=False, at=high)
    else:
        _probe(step, line, session, log, dispute)
    return True


def _ask(
    step: Step, session: Session, log: Log, dispute: Dispute, *, inclusion: bool, at: int
) -> None:
    dispute.probes += 1
    dispute.asked = (inclusion, at)
    dispute.since_ms = step.now.steady_ms
    step.send(session, AskProof(log.id, inclusion, at, dispute.theirs.head.size))


def _probe(step: Step, line: Line, session: Session, log: Log, dispute: Dispute) -> None:
    """The next question: consistency where the log is frozen already, else at the middle, or
    inclusion once the leaf is found."""
    proven = line.accused.get(log.id, 0)
    if dispute.high - dispute.low <= 1:
        _ask(step, session, log, dispute, inclusion=True, at=dispute.low)
    elif dispute.low < proven < dispute.high:
        _ask(step, session, log, dispute, inclusion=False, at=proven)
    else:
        middle = (dispute.low + dispute.high) // 2
        _ask(step, session, log, dispute, inclusion=False, at=middle)


def on_show_proof(step: Step, line: Line, session: Session, frame: ShowProof) -> None:
    """An answer: narrows the search, or ends it with the proof. A false one ends it too."""
    busy, log = line.disputes.get(frame.log), line.logs.get(frame.log)
    dispute = busy if busy is not None and busy.link == session.link else None
    given = (frame.log, frame.inclusion, frame.at, frame.size)
    asked = dispute is not None and given[1:] == (*dispute.asked, dispute.theirs.head.size)
    if not asked and _came_late(line, session, given):
        return
    if dispute is None or log is None:
        raise PeerError(Refusal.OUT_OF_TURN, "a proof nobody asked for")
    theirs = dispute.theirs.head
    try:
        if not asked:
            raise PeerError(Refusal.BAD_PROOF, "not what was asked")
        if frame.inclusion:
            _conclude(step, line, log, dispute, frame)
            return
        verify_consistency(frame.at, theirs.size, frame.path, frame.root, theirs.root)
    except PeerError:
        give_up(step, line, log)
        raise
    _narrow(step, line, session, log, dispute, frame)


def _came_late(line: Line, session: Session, given: tuple[LogId, bool, int, int]) -> bool:
    """Whether this answers a question that nobody waits with any more: somebody else's proof may
    have ended that search, or its patience. Such an answer is passed over."""
    if given in session.proofs_late:
        session.proofs_late.remove(given)
        return True
    return given[0] in line.accused


def _narrow(
    step: Step, line: Line, session: Session, log: Log, dispute: Dispute, frame: ShowProof
) -> None:
    head = log.heads.get(frame.at)
    ours = root_at(lambda level, i: line.shelf.subtree(log.id, level, i), frame.at)
    if ours != frame.root:
        dispute.high = frame.at
        if head is not None and dispute.theirs.head.size > frame.at:
            dispute.apart = (head, frame.root, frame.path)
    elif frame.at == dispute.high or settled(line, log.id, frame.at):
        del line.disputes[log.id]  # their tree merely extends ours, or parts where it is proven to
        return
    else:
        dispute.low, dispute.low_path = frame.at, frame.path
    if dispute.probes < limits.FORK_PROBES_MAX:
        _probe(step, line, session, log, dispute)
    else:
        give_up(step, line, log)


def _conclude(step: Step, line: Line, log: Log, dispute: Dispute, frame: ShowProof) -> None:
    theirs, index = dispute.theirs, dispute.low
    digest = leaf_hash(frame.raw)
    verify_inclusion(digest, index, theirs.head.size, frame.path, theirs.head.root)
    if entry_at(line, log, index).hash == digest:
        raise PeerError(Refusal.BAD_PROOF, "the leaves do not differ")
    if is_last(line, log.id):
        give_up(step, line, log)
        return
    head = SignedHead(theirs.head.size, theirs.head.root, theirs.signature)
    del line.disputes[log.id]
    other = proof_of(log, frame.raw, index, frame.path, head)
    accuse(step, line, log, index, make_leaves(proof_of_ours(step, line, log, index), other))


def give_up(step: Step, line: Line, log: Log) -> None:
    """No more answers come: two signed heads that contradict one another are proof all the same,
    from the last size on at which they were proven to agree; unless all that is shown to differ
    may be what is proven already."""
    dispute = line.disputes.pop(log.id)
    if line.accused.get(log.id, dispute.high) < dispute.high:
        return
    theirs = dispute.theirs.head
    signed = SignedHead(theirs.size, theirs.root, dispute.theirs.signature)
    if theirs.size <= log.size:
        if known_root(line, log.id, theirs.size) != theirs.root:
            prove_roots(step, line, log, signed, dispute.low, dispute.low_path)
    elif dispute.apart is not None:
        prove_roots_apart(step, line, log, signed, dispute.apart, dispute.low, dispute.low_path)


def give_up_late(step: Step, line: Line) -> None:
    """Ends every search whose last question has waited too long."""
    for log_id, dispute in list(line.disputes.items()):
        if step.now.steady_ms - dispute.since_ms > PATIENCE_MS:
            session = line.sessions.get(dispute.link)
            if session is not None:
                asked = (log_id, *dispute.asked, dispute.theirs.head.size)
                session.proofs_late.append(asked)
            give_up(step, line, line.logs[log_id])


def serve_proof(step: Step, line: Line, session: Session, frame: AskProof) -> None:
    """Answers a question about a log held here. NOT_HELD or BAD_PROOF if it cannot be answered."""
    log = line.logs.get(frame.log)
    if log is None or frame.size > log.size:
        raise PeerError(Refusal.NOT_HELD, "a size that is not held here")

    def read(level: int, index: int) -> bytes:
        return line.shelf.subtree(log.id, level, index)

    if frame.inclusion:
        if frame.at >= frame.size:
            raise PeerError(Refusal.BAD_PROOF, "an index beyond the size")
        path = tuple(inclusion_path(read, frame.at, frame.size))
        raw = entry_at(line, log, frame.at).raw
        answer = ShowProof(frame.log, True, frame.at, frame.size, path, raw)
    else:
        if not 0 < frame.at <= frame.size:
            raise PeerError(Refusal.BAD_PROOF, "sizes in the wrong order")
        path = tuple(consistency_path(read, frame.at, frame.size))
        root = root_at(read, frame.at)
        answer = ShowProof(frame.log, False, frame.at, frame.size, path, b"", root)
    step.send(session, answer)
