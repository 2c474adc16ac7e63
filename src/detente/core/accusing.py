"""Equivocation: a proof is made, entered and checked, and the log it names is frozen (F3, F10).

What is entered are signatures of the accused and nothing else, so nobody need be believed, and
whoever keeps one tree can be proven nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core import limits
from detente.core.accusation import Common, Fork, make_leaves
from detente.core.body import SALT_BYTES, pack, unpack
from detente.core.encoding import Reader, varint
from detente.core.errors import PeerError
from detente.core.events import Draft, SignedHead, StoreAhead, StoreState
from detente.core.extras import decode_accused
from detente.core.freezing import accusation, accusations, covered_proof, freeze, settled, unproven
from detente.core.holding import entry_at, subtrees
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.line import Line
from detente.core.log import Log
from detente.core.merkle import (
    SubtreeReader,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_at,
)
from detente.core.notes import Note, checkpoint_signature
from detente.core.proof import Opening, make_proof
from detente.core.station import Step
from detente.core.transcript import Entry

# --- how many -----------------------------------------------------------------------------------


def is_last(line: Line, log_id: LogId) -> bool:
    """Whether the next proof against a log is the last that our logs enter. It is then by roots
    and without a common tree: what it freezes is all of it, so nothing parts lower and a forger
    of many trees makes us enter no more (spec/log.md §9)."""
    entered = sum(entry.place.log.member == line.me for entry, _, _ in accusations(line, log_id))
    waiting = sum(
        draft.kind == Kind.ACCUSATION and decode_accused(draft.extra).log == log_id
        for draft in line.control
    )
    return entered + waiting >= limits.ACCUSATIONS_MAX - 1


# --- making proofs ------------------------------------------------------------------------------


def note_of(log: Log, head: SignedHead) -> Note:
    """A signed head as a C2SP note."""
    signature = checkpoint_signature(log.origin, log.key, head.signature)
    return Note(log.checkpoint(head.size, head.root).text(), (signature,))


def proof_of_ours(step: Step, line: Line, log: Log, index: int) -> bytes:
    """A tlog-proof of the entry that we hold at an index."""
    path = inclusion_path(subtrees(step, line, log.id), index, log.size)
    return proof_of(log, entry_at(line, log, index).raw, index, path, log.head())


def proof_of(log: Log, raw: bytes, index: int, path: Sequence[bytes], head: SignedHead) -> bytes:
    """A tlog-proof of a leaf under a signed head."""
    return make_proof(Opening(raw), index, path, note_of(log, head))


def over(read: SubtreeReader, size: int, pieces: dict[tuple[int, int], bytes]) -> SubtreeReader:
    """Reads another tree that shares the first ``size`` leaves with ours; of the rest we know
    ``pieces``, from which every larger subtree is folded."""

    def piece(level: int, at: int) -> bytes:
        known = pieces.get((level, at))
        if known is not None:
            return known
        if (at + 1) << level <= size:
            return read(level, at)
        return node_hash(piece(level - 1, 2 * at), piece(level - 1, 2 * at + 1))

    return piece


def prove_leaves(
    step: Step,
    line: Line,
    log: Log,
    start: int,
    raws: Sequence[bytes],
    apart: int,
    head: SignedHead,
) -> None:
    """The author signed ``head`` over our first ``start`` leaves and other ones behind them; the
    first that differs is number ``apart`` of ``raws``."""
    index, size = start + apart, log.size
    pieces = {(0, start + at): leaf_hash(raw) for at, raw in enumerate(raws)}
    read = over(subtrees(step, line, log.id), start, pieces)
    if is_last(line, log.id):
        if head.size <= size:
            prove_roots(step, line, log, head, 0, ())
        else:
            to_head = tuple(consistency_path(read, size, head.size))
            beyond = (log.head(), root_at(read, size), to_head)
            prove_roots_apart(step, line, log, head, beyond, 0, ())
        return
    theirs = proof_of(log, raws[apart], index, inclusion_path(read, index, head.size), head)
    accuse(step, line, log, index, make_leaves(proof_of_ours(step, line, log, index), theirs))


def prove_ahead(step: Step, line: Line, log: Log, ahead: StoreAhead) -> None:
    """An entry that overtook against the log that then came: another leaf at its index, or
    another tree before it."""
    index, head = ahead.entry.place.index, ahead.head
    path = [ahead.path[at : at + 32] for at in range(0, len(ahead.path), 32)]
    ours = subtrees(step, line, log.id)
    if entry_at(line, log, index).hash != ahead.entry.hash:
        if settled(line, log.id, index):
            return
        if is_last(line, log.id):
            prove_roots(step, line, log, head, 0, ())
            return
        theirs = proof_of(log, ahead.entry.raw, index, path, head)
        accuse(step, line, log, index, make_leaves(proof_of_ours(step, line, log, index), theirs))
    elif root_at(ours, head.size) != head.root:
        pieces, common, agree, at = {(0, index): ahead.entry.hash}, 0, True, 0
        for digest, level in zip(reversed(path), _peak_levels(index), strict=True):
            pieces[level, at >> level] = digest
            agree = agree and ours(level, at >> level) == digest
            at += 1 << level
            common = at if agree else common
        read = over(ours, common, pieces)
        to_head = consistency_path(read, common, head.size) if common else []
        prove_roots(step, line, log, head, common, to_head)


def _peak_levels(size: int) -> list[int]:
    return [level for level in reversed(range(size.bit_length())) if size >> level & 1]


def prove_roots(
    step: Step,
    line: Line,
    log: Log,
    older: SignedHead,
    common: int,
    to_older: Sequence[bytes],
) -> None:
    """A signed head within our size whose root is not that of our tree there. ``to_older`` proves
    that it extends our first ``common`` leaves; from there on the log is frozen."""
    if settled(line, log.id, common):
        return
    common = 0 if is_last(line, log.id) else common
    read = subtrees(step, line, log.id)
    newer = log.head()
    shared = None
    if common:
        to_newer = tuple(consistency_path(read, common, newer.size))
        shared = Common(common, root_at(read, common), tuple(to_older), to_newer)
    path = tuple(consistency_path(read, older.size, newer.size))
    fork = Fork(note_of(log, older), note_of(log, newer), root_at(read, older.size), path, shared)
    accuse(step, line, log, common, fork.format())


def prove_roots_apart(
    step: Step,
    line: Line,
    log: Log,
    theirs: SignedHead,
    apart: tuple[SignedHead, bytes, tuple[bytes, ...]],
    common: int,
    to_theirs: Sequence[bytes],
) -> None:
    """As ``prove_roots``, for a signed head beyond our size: ``apart`` is our signed head, the
    root that theirs has at its size, and the path that proves it."""
    common = 0 if is_last(line, log.id) else common
    ours, other, path = apart
    shared = None
    if common:
        read = subtrees(step, line, log.id)
        to_ours = tuple(consistency_path(read, common, ours.size))
        shared = Common(common, root_at(read, common), to_ours, tuple(to_theirs))
    fork = Fork(note_of(log, ours), note_of(log, theirs), other, path, shared)
    accuse(step, line, log, common, fork.format())


# --- entering them ------------------------------------------------------------------------------


def accuse(step: Step, line: Line, log: Log, index: int, proof: bytes) -> None:
    """Freezes the log, lower than any proof entered before, and enters this one in ours, so that
    every member comes to hold it. What would not convince a stranger is never entered.
    """
    reason = unproven(step.station, log, index, proof)
    if reason:
        step.tell("accusation-unproven", line, member=log.id.member, reason=reason)
        return
    body = pack(proof, None, line.charter.padding)
    log.unentered = varint(index) + step.entropy(SALT_BYTES) + body  # while we may not sign
    line.state(accusation(line, log))
    step.tell("fork-proven", line, member=log.id.member, log=log.id.word, index=index, proof=proof)
    freeze(step, line, log, index)


def drop_needless(step: Step, line: Line) -> None:
    """A proof that waited until we may sign is entered only where it freezes lower than every one
    that others have entered meanwhile (spec/log.md §9)."""
    logs = {
        log.id
        for log in line.logs.values()
        if log.unentered and covered_proof(step.station, line, log, Reader(log.unentered).varint())
    }
    if not logs:
        return
    waiting = [draft for draft in line.control if draft.kind == Kind.ACCUSATION]
    needless = [draft for draft in waiting if decode_accused(draft.extra).log in logs]
    line.control = [draft for draft in line.control if draft not in needless]
    entered(step, line, needless)


def entered(step: Step, line: Line, drafts: Sequence[Draft]) -> None:
    """What our log has entered against others, or need not enter, waits no longer."""
    said = {draft.extra for draft in drafts if draft.kind == Kind.ACCUSATION}
    for log in line.logs.values() if said else ():
        if log.unentered and accusation(line, log).extra in said:
            log.unentered = b""
            step.out.append(StoreState(line.id, log.id, log.encode()))


def enter_accusation(step: Step, line: Line, by: Log, entry: Entry, leaf: Leaf) -> None:
    """A peer's accusation: checked against the accused author's own key, never believed."""
    if entry.body is None:
        return  # judged when its body comes
    try:
        accused = decode_accused(leaf.extra)
        proof = unpack(entry.body)
    except PeerError:
        step.tell("void", line, member=by.id.member, index=entry.place.index)
        return
    log = line.logs.get(accused.log)
    if log is None:
        return  # judged when the first of that log comes (learn_frozen)
    reason = unproven(step.station, log, accused.index, proof)
    if reason:
        step.tell("accusation-unproven", line, member=by.id.member, reason=reason)
        return
    if not settled(line, log.id, accused.index):
        facts = {"log": log.id.word, "index": accused.index, "proof": proof}
        step.tell("fork-proven", line, member=log.id.member, **facts)
        freeze(step, line, log, accused.index)


def learn_frozen(step: Step, line: Line, log: Log) -> None:
    """A log that has just begun here may have been proven forked in others before."""
    for entry, leaf, _ in accusations(line, log.id):
        enter_accusation(step, line, line.logs[entry.place.log], entry, leaf)
