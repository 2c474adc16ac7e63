"""From where on a log is contested, by the proofs that are entered against it (spec/log.md §9).

Of several proofs the lowest counts, and each explains only what lies at or beyond its index: so
an author who lets a fork further up be proven hides nothing that parts earlier.
"""

from __future__ import annotations

from detente.core.accusation import Finding, check
from detente.core.body import SALT_BYTES, unpack
from detente.core.contested import Frozen, FrozenLogs, Proof, ended, heads_that_stand
from detente.core.encoding import Reader
from detente.core.ending import end_here, ends_of_revoked
from detente.core.errors import PeerError
from detente.core.events import Draft, StoreState
from detente.core.extras import Accused, decode_accused
from detente.core.holding import coverable_size, entry_at, known_root, note_held, subtrees
from detente.core.identity import parse_origin
from detente.core.leaf import Kind, Leaf, LogId, Precedence, Seen
from detente.core.line import Line
from detente.core.log import Log
from detente.core.merkle import SubtreeReader
from detente.core.proof import CardKeys
from detente.core.station import Station, Step, fall_mute
from detente.core.transcript import Entry

# --- what is proven -----------------------------------------------------------------------------


def settled(line: Line, log_id: LogId, index: int) -> bool:
    """Whether a proof entered in some log freezes this one from that index on, or from below."""
    return line.accused.get(log_id, index + 1) <= index


def covered_proof(station: Station, line: Line, log: Log, index: int) -> bool:
    """Whether an entry that our log covers, or will with what it enters next, freezes a log from
    that index on, or from below."""
    return any(
        proof.index <= index
        and proof.place.index < coverable_size(line, line.logs[proof.place.log])
        for proof in _proofs(station, line, log)
    )


def unproven(station: Station, log: Log, index: int, proof: bytes) -> str:
    """Why a proof does not convict this very log from this index on; empty if it does."""
    verdict = check(proof, CardKeys(station.cards.values()))
    if verdict.finding != Finding.PROVEN:
        return verdict.reason
    if verdict.origin != parse_origin(log.origin) or verdict.index != index:
        return "another log, or another index, than is stated"
    return ""


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


def frozen_logs(station: Station, line: Line) -> FrozenLogs:
    """Every log that is proven forked, with the entries that prove it, and every log of a revoked
    key, with where it ends, for decisions."""
    found = {
        log_id: Frozen(index, _proofs(station, line, line.logs[log_id]))
        for log_id, index in line.accused.items()
        if log_id in line.logs
    }
    return ended(found, ends_of_revoked(station, line))


def heads_to_come(station: Station, line: Line, log: Log, start: int) -> set[tuple[int, bytes]]:
    """The next heads beyond ``start``, size and root, to which a forked log is still taken, though
    it is held as far as it is frozen: others covered them before they knew (spec/log.md §9)."""
    index = line.accused.get(log.id)
    if index is None:
        return set()
    revocation = station.revoked.get(log.key)
    caught = Frozen(index, _proofs(station, line, log))
    heads = heads_that_stand(line.shelf, log.id, start, caught)
    if revocation is None:
        return heads
    end = end_here(line, log, revocation)
    return {head for head in heads if head[0] <= end}


def learn_accused(station: Station, line: Line) -> None:
    """Which logs are proven forked, and from where, by what the store held at the start; a proof
    that waited to be entered waits on."""
    for log in line.logs.values():
        found = [proof.index for proof in _proofs(station, line, log)] if log.frozen >= 0 else []
        if log.unentered:
            found.append(Reader(log.unentered).varint())
            line.control.append(accusation(line, log))
        if found:
            line.accused[log.id] = min(found)


def accusation(line: Line, log: Log) -> Draft:
    """What our log is to enter against a forked log."""
    reader = Reader(log.unentered)
    index, salt = reader.varint(), reader.take(SALT_BYTES)
    return Draft(
        kind=Kind.ACCUSATION,
        audience=line.everyone(),
        precedence=Precedence.IMMEDIATE,
        extra=Accused(log.id, index).encode(),
        body=reader.take(reader.end - reader.pos),
        salt=salt,
    )


def _proofs(station: Station, line: Line, log: Log) -> tuple[Proof, ...]:
    return tuple(
        Proof(entry.place, accused.index)
        for entry, _, accused in accusations(line, log.id)
        if _is_proof(station, line, log, entry, accused)
    )


def _is_proof(station: Station, line: Line, log: Log, entry: Entry, accused: Accused) -> bool:
    """Whether an accusation is a proof. Its signatures are verified once by the same cards."""
    try:
        proof = unpack(entry.body or b"")
    except PeerError:
        return False
    if line.convicts_by != station.cards:
        line.convicts, line.convicts_by = {}, dict(station.cards)
    if entry.place not in line.convicts:
        line.convicts[entry.place] = not unproven(station, log, accused.index, proof)
    return line.convicts[entry.place]


# --- what follows from it -----------------------------------------------------------------------


def freeze(step: Step, line: Line, log: Log, index: int) -> None:
    """From the lowest proven index on, a forked log is contested. A search goes on only where it
    may end below that. A node whose own log is proven forked signs no more in it."""
    line.accused[log.id] = index
    line.charter_due = True  # a seal behind it counts no more, and a later one of that offer may
    dispute = line.disputes.get(log.id)
    if dispute is not None and dispute.low >= index:
        del line.disputes[log.id]
    if log.frozen < 0 or index < log.frozen:
        log.frozen = index
    step.out.append(StoreState(line.id, log.id, log.encode()))
    for other in line.logs.values():
        if other.disputed_from >= 0:
            before = coverable_size(line, other)
            other.disputed_from = _still_disputed(step, line, other)
            note_held(step, line, other, before)
            step.out.append(StoreState(line.id, other.id, other.encode()))
    if log.id == line.mine:
        fall_mute(step, line, "our own log is proven to have two histories")


def contradicts(line: Line, seen: Seen, read: SubtreeReader | None = None) -> bool:
    """Whether we hold another root there and no proof entered explains it: none does for a size
    at or below the index it freezes from, where the trees are one."""
    if settled(line, seen.log, seen.size - 1):
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
