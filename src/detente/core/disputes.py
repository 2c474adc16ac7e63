"""Two signed heads of one log that cannot both be true: found, proven, frozen (spec/log.md §9).

The search asks whoever shows the other head for proofs against it; a lie there leads nowhere,
because what is entered in the end are two of the author's own signatures and two inclusion proofs.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.accusation import Finding, check, make_leaves
from detente.core.body import pack, unpack
from detente.core.errors import PeerError, Refusal
from detente.core.events import Draft, SignedHead, StoreState
from detente.core.extras import Accused
from detente.core.frames import AskProof, ShowProof, StatedHead
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.log import Log
from detente.core.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from detente.core.notes import Note, checkpoint_signature
from detente.core.proof import CardKeys, Opening, make_proof
from detente.core.speaking import everyone, send, tell
from detente.core.station import Dispute, Line, Session, Step


def suspect(step: Step, line: Line, session: Session, log: Log, theirs: StatedHead) -> None:
    """A signed head that differs from our tree, or will not extend it: asks where they part."""
    if log.id in line.disputes or log.id in line.accused or not log.size:
        return
    if not log.verifies(theirs.head.size, theirs.head.root, theirs.signature):
        raise PeerError(Refusal.BAD_SIGNATURE, "a stated head")
    high = min(log.size, theirs.head.size)
    dispute = Dispute(session.link, theirs, 0, high)
    line.disputes[log.id] = dispute
    tell(step, "fork-suspected", line, member=log.id.member, size=theirs.head.size)
    _probe(step, line, session, log, dispute)


def _probe(step: Step, line: Line, session: Session, log: Log, dispute: Dispute) -> None:
    """The next question: consistency at the middle, or inclusion once the leaf is found."""
    dispute.probes += 1
    if dispute.probes > limits.FORK_PROBES_MAX:
        del line.disputes[log.id]
        return
    found = dispute.high - dispute.low <= 1 and dispute.probes > 1
    if found:
        at = dispute.low
    elif dispute.probes == 1:
        at = dispute.high
    else:
        at = (dispute.low + dispute.high) // 2
    send(step, session, AskProof(log.id, found, at, dispute.theirs.head.size))


def on_show_proof(step: Step, line: Line, session: Session, frame: ShowProof) -> None:
    """An answer: narrows the search, or ends it with the proof."""
    dispute = line.disputes.get(frame.log)
    log = line.logs.get(frame.log)
    if dispute is None or log is None or dispute.link != session.link:
        raise PeerError(Refusal.OUT_OF_TURN, "a proof nobody asked for")
    theirs = dispute.theirs.head
    if frame.size != theirs.size:
        raise PeerError(Refusal.BAD_PROOF, "a proof for another head")
    if frame.inclusion:
        _conclude(step, line, log, dispute, frame)
        return
    if not 0 < frame.at <= dispute.high:
        raise PeerError(Refusal.BAD_PROOF, "a proof for another size")
    ours = root_at(lambda level, i: line.shelf.subtree(log.id, level, i), frame.at)
    try:
        verify_consistency(frame.at, theirs.size, list(frame.path), ours, theirs.root)
        same = True
    except PeerError:
        same = False
    if same and frame.at == min(log.size, theirs.size):
        del line.disputes[log.id]  # their tree merely extends ours
        return
    if same:
        dispute.low = max(dispute.low, frame.at)
    else:
        dispute.high = frame.at
    _probe(step, line, session, log, dispute)


def _conclude(step: Step, line: Line, log: Log, dispute: Dispute, frame: ShowProof) -> None:
    theirs = dispute.theirs
    index = dispute.low
    del line.disputes[log.id]
    verify_inclusion(
        leaf_hash(frame.raw), index, theirs.head.size, list(frame.path), theirs.head.root
    )
    ours = line.shelf.entry(log.id, index)
    if frame.at != index or ours.hash == leaf_hash(frame.raw):
        raise PeerError(Refusal.BAD_PROOF, "the leaves do not differ")
    head = line.shelf.signed_head(log.id, index + 1, log.size) or log.head()
    path = inclusion_path(lambda level, i: line.shelf.subtree(log.id, level, i), index, head.size)
    proof = make_leaves(
        _proof(log, index, ours.raw, path, head),
        _proof(
            log,
            index,
            frame.raw,
            frame.path,
            SignedHead(theirs.head.size, theirs.head.root, theirs.signature),
        ),
    )
    accuse(step, line, log, index, proof)


def _proof(log: Log, index: int, raw: bytes, path: Sequence[bytes], head: SignedHead) -> bytes:
    signature = checkpoint_signature(log.origin, log.key, head.signature)
    note = Note(log.checkpoint(head.size, head.root).text(), (signature,))
    return make_proof(Opening(raw), index, path, note)


def accuse(step: Step, line: Line, log: Log, index: int, proof: bytes) -> None:
    """Freezes the log and enters the proof in ours, so that every member comes to hold it."""
    freeze(step, line, log, index)
    body = pack(proof, 5, line.charter.padding)
    line.control.append(
        Draft(
            kind=Kind.ACCUSATION,
            audience=everyone(line),
            precedence=Precedence.IMMEDIATE,
            extra=Accused(log.id, index).encode(),
            body=body,
            salt=step.entropy(16),
        )
    )
    tell(step, "fork-proven", line, member=log.id.member, index=index, proof=proof)


def freeze(step: Step, line: Line, log: Log, index: int) -> None:
    """From the lowest proven index on, a forked log is contested."""
    line.accused.add(log.id)
    if log.frozen < 0 or index < log.frozen:
        log.frozen = index
        step.out.append(StoreState(line.id, log.id, log.encode()))
    for other in line.logs.values():
        other.disputed_from = -1  # the contradiction is explained by the proof now entered


def enter_accusation(step: Step, line: Line, accused: Accused, body: bytes) -> None:
    """A peer's accusation: checked against the accused author's own key, never believed."""
    log = line.logs.get(accused.log)
    if log is None:
        return
    proof = unpack(body)
    verdict = check(proof, CardKeys(step.station.cards.values()))
    index = verdict.index
    named = verdict.origin is not None and verdict.log(accused.log.member) == accused.log
    if verdict.finding != Finding.PROVEN or not named or index != accused.index:
        tell(step, "accusation-unproven", line, member=log.id.member, reason=verdict.reason)
        return
    if log.id not in line.accused:
        tell(step, "fork-proven", line, member=log.id.member, index=index, proof=proof)
    freeze(step, line, log, index)


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
        entry = line.shelf.entry(log.id, frame.at)
        path = tuple(inclusion_path(read, frame.at, frame.size))
        answer = ShowProof(frame.log, True, frame.at, frame.size, path, entry.raw)
    else:
        if not 0 < frame.at <= frame.size:
            raise PeerError(Refusal.BAD_PROOF, "sizes in the wrong order")
        path = tuple(consistency_path(read, frame.at, frame.size))
        answer = ShowProof(frame.log, False, frame.at, frame.size, path)
    send(step, session, answer)


def is_disputed(line: Line, log: LogId) -> bool:
    """Whether a search or a proof about this log is known here."""
    return log in line.disputes or log in line.accused
