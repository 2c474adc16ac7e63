"""Equivocation: a proof is made, entered and checked, and the log it names is frozen (F3, F10).

What is entered are signatures of the accused and nothing else, so nobody need be believed, and
whoever keeps one tree can be proven nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.accusation import Common, Finding, Fork, check, make_leaves
from detente.core.body import pack, unpack
from detente.core.decisions import Frozen, FrozenLogs
from detente.core.errors import PeerError
from detente.core.events import Draft, SignedHead, StoreAhead, StoreState
from detente.core.extras import Accused, decode_accused
from detente.core.holding import entry_at, known_root, subtrees
from detente.core.identity import parse_origin
from detente.core.leaf import Kind, Leaf, LogId, Precedence, Seen
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
from detente.core.proof import CardKeys, Opening, make_proof
from detente.core.station import Line, Station, Step, fall_mute
from detente.core.transcript import Entry

PACK_QUALITY = 5


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
    index = start + apart
    pieces = {(0, start + at): leaf_hash(raw) for at, raw in enumerate(raws)}
    read = over(subtrees(step, line, log.id), start, pieces)
    theirs = proof_of(log, raws[apart], index, inclusion_path(read, index, head.size), head)
    accuse(step, line, log, index, make_leaves(proof_of_ours(step, line, log, index), theirs))


def prove_ahead(step: Step, line: Line, log: Log, ahead: StoreAhead) -> None:
    """An entry that overtook against the log that then came: another leaf at its index, or
    another tree before it."""
    index, head = ahead.entry.place.index, ahead.head
    path = [ahead.path[at : at + 32] for at in range(0, len(ahead.path), 32)]
    ours = subtrees(step, line, log.id)
    if entry_at(line, log, index).hash != ahead.entry.hash:
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
    """Freezes the log and enters the proof in ours, so that every member comes to hold it.

    What would not convince a stranger is never entered.
    """
    if log.id in line.accused:
        return
    reason = _unproven(step.station, log, index, proof)
    if reason:
        step.tell("accusation-unproven", line, member=log.id.member, reason=reason)
        return
    line.state(
        Draft(
            kind=Kind.ACCUSATION,
            audience=line.everyone(),
            precedence=Precedence.IMMEDIATE,
            extra=Accused(log.id, index).encode(),
            body=pack(proof, PACK_QUALITY, line.charter.padding),
            salt=step.entropy(16),
        )
    )
    step.tell("fork-proven", line, member=log.id.member, index=index, proof=proof)
    _freeze(step, line, log, index)


def _unproven(station: Station, log: Log, index: int, proof: bytes) -> str:
    """Why a proof does not convict this very log from this index on; empty if it does."""
    verdict = check(proof, CardKeys(station.cards.values()))
    if verdict.finding != Finding.PROVEN:
        return verdict.reason
    if verdict.origin != parse_origin(log.origin) or verdict.index != index:
        return "another log, or another index, than is stated"
    return ""


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
    reason = _unproven(step.station, log, accused.index, proof)
    if reason:
        step.tell("accusation-unproven", line, member=by.id.member, reason=reason)
        return
    if log.id not in line.accused:
        step.tell("fork-proven", line, member=log.id.member, index=accused.index, proof=proof)
    _freeze(step, line, log, accused.index)


def learn_frozen(step: Step, line: Line, log: Log) -> None:
    """A log that has just begun here may have been proven forked in others before."""
    for entry, leaf, _ in accusations(line, log.id):
        enter_accusation(step, line, line.logs[entry.place.log], entry, leaf)


def accusations(line: Line, log_id: LogId) -> list[tuple[Entry, Leaf, Accused]]:
    """The entries that accuse a log, rightly or not."""
    found = []
    for place in line.shelf.of_kind((Kind.ACCUSATION,)):
        entry = line.shelf.entry(*place)
        leaf = entry.leaf
        try:
            accused = None if leaf is None else decode_accused(leaf.extra)
        except PeerError:
            continue
        if leaf is not None and accused is not None and accused.log == log_id:
            found.append((entry, leaf, accused))
    return found


def _freeze(step: Step, line: Line, log: Log, index: int) -> None:
    """From the lowest proven index on, a forked log is contested. A node whose own log is proven
    forked signs no more in it."""
    line.accused.add(log.id)
    line.disputes.pop(log.id, None)
    if log.frozen < 0 or index < log.frozen:
        log.frozen = index
        step.out.append(StoreState(line.id, log.id, log.encode()))
    for other in line.logs.values():
        if other.disputed_from >= 0:
            other.disputed_from = _still_disputed(step, line, other)
            step.out.append(StoreState(line.id, other.id, other.encode()))
    if log.id == line.mine:
        fall_mute(step, line, "our own log is proven to have two histories")


def contradicts(line: Line, seen: Seen, read: SubtreeReader | None = None) -> bool:
    """Whether we hold another root there and no proof entered explains it."""
    if seen.log in line.accused:
        return False
    ours = known_root(line, seen.log, seen.size, read)
    return ours is not None and ours != seen.root


def _still_disputed(step: Step, line: Line, log: Log) -> int:
    """The first entry of a log, from where it was disputed on, whose `seen` still contradicts."""
    for index in range(log.disputed_from, log.size):
        leaf = entry_at(line, log, index).leaf
        for seen in () if leaf is None else leaf.seen:
            read = subtrees(step, line, seen.log)
            if seen.log != log.id and contradicts(line, seen, read):
                return index
    return -1


def frozen_logs(station: Station, line: Line) -> FrozenLogs:
    """Every log proven forked, and the entries that prove it, for decisions."""
    found: dict[LogId, Frozen] = {}
    for log in line.logs.values():
        if log.frozen < 0:
            continue
        places = tuple(
            entry.place
            for entry, _, accused in accusations(line, log.id)
            if _is_proof(station, log, entry, accused)
        )
        found[log.id] = Frozen(log.frozen, places)
    return found


def _is_proof(station: Station, log: Log, entry: Entry, accused: Accused) -> bool:
    try:
        proof = unpack(entry.body or b"")
    except PeerError:
        return False
    return not _unproven(station, log, accused.index, proof)
