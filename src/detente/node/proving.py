"""Proof files, bundles and exports of what this node holds (spec/proof.md)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from detente import __version__
from detente.core.errors import LocalError, Refusal
from detente.core.events import SignedHead
from detente.core.export import Cosigned, PqSigned, Preamble, Signed, write_export
from detente.core.identity import author_name, is_witness, origin
from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.merkle import inclusion_path
from detente.core.notes import (
    Note,
    Signature,
    checkpoint_signature,
    cosignature_ed25519,
    cosignature_mldsa44,
)
from detente.core.proof import Opening, join_bundle, make_proof
from detente.core.transcript import Entry
from detente.dossiers.ladder import ladder
from detente.node import asked
from detente.node.places import find_entry, find_line
from detente.node.views import MESSAGES
from detente.store.contract import StoreReader
from detente.store.sqlite import open_read_only

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
BUILD = f"detente/{__version__}"
MLDSA_BYTES = 2420
COSIGNATURES_MAX = 8  # in one proof file, beside the author's own
LOOKED_AT_MAX = 256  # cosignatures above one entry; 32 members give two a head


def prove(node: Node, request: Request) -> dict[str, Any]:
    """A proof file of one entry; with ``bundle`` also of each reader's receipt and what revises
    it."""
    line = find_line(node.station, request.get("line"))
    entry = find_entry(line, asked.text(request, "entry"))
    proofs = [proof_of(node, line, entry, _stood_by(node, line, entry))]
    kind = None if entry.leaf is None else entry.leaf.kind
    if asked.flag(request, "bundle", False) and kind in MESSAGES:
        frozen = node.folds(line).frozen(node.station, line)
        rungs = ladder(line.shelf, line.charter, entry.place, frozen)
        places = [r.received.place for r in rungs.readers if r.received is not None]
        places += [step.place for reader in rungs.readers for step in reader.steps]
        places += [one.place for one in rungs.revisions]
        held = [line.shelf.entry(*place) for place in dict.fromkeys(places)]
        sizes = {size for one in held for size in _stated(one, entry)}
        proofs = [proof_of(node, line, entry, size) for size in sorted(sizes)] or proofs
        proofs += [proof_of(node, line, one) for one in held]
        stood_by = _stood_by(node, line, entry)
        if stood_by is not None and stood_by not in sizes:
            proofs.append(proof_of(node, line, entry, stood_by))
        seen_by = [proof_of(node, line, entry, size) for size in _witnessed(node, line, entry)]
        proofs += [proof for proof in seen_by if proof not in proofs]
    data = join_bundle([*proofs, *_answers(node, proofs)])
    return {"proof_b64": base64.b64encode(data).decode(), "proofs": len(proofs)}


def _stood_by(node: Node, line: Line, entry: Entry) -> int | None:
    """The size of the head its party stands by that holds this entry, if its key is revoked: the
    proof is made under that one."""
    log = line.logs[entry.place.log]
    revocation = node.station.revoked.get(log.key)
    stand = None if revocation is None else revocation.stand(log.origin)
    return None if stand is None or stand.size <= entry.place.index else stand.size


def _witnessed(node: Node, line: Line, entry: Entry) -> list[int]:
    """The sizes of the smallest heads above an entry that each observer has witnessed."""
    found: dict[str, int] = {}
    kept = node.store.cosignatures(line.id, entry.place.log, entry.place.index + 1)
    for one in islice(kept, LOOKED_AT_MAX):
        if is_witness(one.name):
            found.setdefault(one.name, one.size)
    return sorted(set(found.values()))


def _answers(node: Node, proofs: Sequence[bytes]) -> list[bytes]:
    """The revocations kept of parties whose keys signed these proofs."""
    return [
        note
        for party, note in node.store.revocations()
        if any(party.hex().encode() in proof for proof in proofs)
    ]


def _stated(receipt: Entry, entry: Entry) -> list[int]:
    """The sizes at which a receipt states the log of an entry: what ties it to these words."""
    seen = () if receipt.leaf is None else receipt.leaf.seen
    return [one.size for one in seen if one.log == entry.place.log and one.size > entry.place.index]


def proof_of(node: Node, line: Line, entry: Entry, size: int | None = None) -> bytes:
    """The tlog-proof of one entry under the smallest signed head that others cosigned, if any; or
    under the head of a given size, where its author signed that one."""
    log_id, index = entry.place
    log = line.logs[log_id]
    chosen = None if size is None else line.shelf.signed_head(log_id, size, size)
    if chosen is None:
        head, cosignatures = _best_head(node, line, entry)
    else:
        head, cosignatures = chosen, _cosignatures_at(node, line, log_id, chosen.size)

    def read(level: int, at: int) -> bytes:
        return line.shelf.subtree(log_id, level, at)

    first = line.shelf.entry(log_id, 0)
    opening = Opening(
        leaf=entry.raw,
        salt=entry.salt or b"",
        body=entry.body,
        charter=line.charter_text,
        first=first.raw,
        first_path=tuple(inclusion_path(read, 0, head.size)),
        sheets=tuple(sheet for sheet in _sheets(node, line)),
        build=BUILD,
    )
    checkpoint = log.checkpoint(head.size, head.root)
    signatures = (checkpoint_signature(log.origin, log.key, head.signature), *cosignatures)
    path = inclusion_path(read, index, head.size)
    return make_proof(opening, index, path, Note(checkpoint.text(), signatures))


def _best_head(node: Node, line: Line, entry: Entry) -> tuple[SignedHead, tuple[Signature, ...]]:
    """The first signed head above the entry that carries cosignatures, a holder's rather than a
    witness's alone; else the first at all."""
    log_id, index = entry.place
    kept = islice(node.store.cosignatures(line.id, log_id, index + 1), LOOKED_AT_MAX)
    for one in sorted(kept, key=lambda one: is_witness(one.name)):
        head = line.shelf.signed_head(log_id, one.size, one.size)
        if head is not None:
            return head, _cosignatures_at(node, line, log_id, one.size)
    return _smallest_head(line, log_id, index + 1) or line.logs[log_id].head(), ()


def _cosignatures_at(node: Node, line: Line, log_id: LogId, size: int) -> tuple[Signature, ...]:
    """The cosignatures kept for one head, as lines of a note."""
    found: list[Signature] = []
    for one in node.store.cosignatures(line.id, log_id, size):
        if one.size != size or len(found) == COSIGNATURES_MAX:
            break
        signature = _signature(node, line, one.name, one.member, one.time_s, one.signature)
        if signature is not None:
            found.append(signature)
    return tuple(found)


def _smallest_head(line: Line, log_id: LogId, at_least: int) -> SignedHead | None:
    size = line.logs[log_id].size
    step = 1
    while at_least + step - 1 < size:
        head = line.shelf.signed_head(log_id, at_least, at_least + step - 1)
        if head is not None:
            return head
        step *= 2
    return None


def _signature(
    node: Node, line: Line, name: str, member: int, time_s: int, signature: bytes
) -> Signature | None:
    party = line.party_of(member)
    card = None if party is None else node.station.cards.get(party)
    if party is None or card is None:
        return None
    if len(signature) == MLDSA_BYTES:
        public = card.log_mldsa44 if name == author_name(party) else card.holds_mldsa44
        return cosignature_mldsa44(name, public, time_s, signature)
    if is_witness(name):
        return cosignature_ed25519(name, card.heads_ed25519, time_s, signature)
    k = int(name.rsplit("/", 1)[1])
    return cosignature_ed25519(name, card.pairs[k].holds, time_s, signature)


def _sheets(node: Node, line: Line) -> Iterator[str]:
    """How this node came to trust the cards of the members, as it states it."""
    parties = {member.party for member in line.charter.members}
    for stored in node.store.cards():
        if stored.party in parties and stored.ceremony is not None:
            yield stored.ceremony.decode()


def _revocations(node: Node, line: Line) -> Iterator[bytes]:
    """Those kept of parties that are or were members."""
    parties = {line.party_of(log.member) for log in line.logs}
    yield from (note for party, note in node.store.revocations() if party in parties)


# --- export -----------------------------------------------------------------------------------


def export(node: Node, request: Request) -> asked.Apart:
    """Writes the whole transcript of a line to a new file, as of one commit, and says what it
    lacks. The node goes on meanwhile."""
    line = find_line(node.station, request.get("line"))
    path = Path(asked.text(request, "path"))
    if not path.is_absolute():
        raise LocalError(Refusal.USAGE, "say an absolute path")
    if _there(path):
        raise LocalError(Refusal.IN_USE, f"{path} exists already")
    _there(_part(path))  # what an earlier run left is written over; a name too long is refused
    cards = [
        stored.data
        for stored in node.store.cards()
        if any(member.party == stored.party for member in line.charter.entries())
    ]
    preamble = Preamble(
        number=0,
        line=line.id,
        build=BUILD,
        cards=(node.home.card.data, *cards),
        charter=line.charter_text,
        sheets=tuple(_sheets(node, line)),
        revocations=tuple(_revocations(node, line)),
    )
    lacks = [
        f"{log.id.member}/{log.id.word}:{index}"
        for log in line.logs.values()
        for index in sorted(log.missing)
    ]
    parties = {member.number: member.party for member in line.charter.entries()}
    home, ended = node.home, node.ended

    def work() -> dict[str, Any]:
        with closing(open_read_only(home.store, home.keys.store)) as store:
            store.pin()
            shelf = store.shelf(line.id)
            chunks = write_export(
                shelf,
                preamble,
                reader=line.me,
                origin=lambda log: origin(line.id, parties[log.member], log),
                heads=lambda log: _head_lines(store, line.id, log, parties[log.member]),
            )
            _write(path, chunks, ended)
            entries = sum(shelf.size(log) for log in shelf.logs())
        size = path.stat().st_size
        return {"path": str(path), "entries": entries, "lacks": lacks, "bytes": size}

    return asked.Apart(work)


def _part(path: Path) -> Path:
    """Where a file stands until it is whole."""
    return path.with_name(path.name + ".part")


def _there(path: Path) -> bool:
    """Whether something lies there. LocalError NOT_ALLOWED where no file can be looked for."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as exc:  # ValueError: a name with a NUL, or that is no text
        raise LocalError(Refusal.NOT_ALLOWED, f"no file can be written at {path}") from exc
    return True


def _write(path: Path, chunks: Iterator[bytes], ended: Event) -> None:
    """The whole file, or nothing. LocalError NOT_ALLOWED where it cannot be, UNREACHABLE if the
    node ends meanwhile."""
    part = _part(path)
    try:
        with part.open("wb") as file:
            for chunk in chunks:
                if ended.is_set():
                    raise LocalError(Refusal.UNREACHABLE, "the node has ended")
                file.write(chunk)
        part.rename(path)
    except OSError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"cannot write {path}: {exc.strerror}") from exc
    finally:
        part.unlink(missing_ok=True)


def _head_lines(
    store: StoreReader, line: bytes, log: LogId, party: bytes
) -> Iterator[Signed | PqSigned | Cosigned]:
    """Every signature kept for a log, by rising size; the author's own first."""
    own_name = author_name(party)
    others = iter(store.cosignatures(line, log, 1))
    one = next(others, None)
    for head in store.heads(line, log, 1):
        yield Signed(0, head.size, head.signature)
        while one is not None and one.size <= head.size:
            if one.size == head.size:
                if one.name == own_name:
                    yield PqSigned(0, one.size, one.time_s, one.signature)
                else:
                    yield Cosigned(0, one.size, one.name, one.time_s, one.signature)
            one = next(others, None)
