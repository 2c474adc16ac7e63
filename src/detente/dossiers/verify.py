"""What a stranger can check: one file, the parties' cards, nothing else (spec/proof.md §6).

No node, no store and no network is trusted. Whatever a file states beyond what its signatures
bear is shown as stated, and whatever is not in it is named as lacking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain

from detente.core import accusation, export, extras, notes
from detente.core import charter as charters
from detente.core.accusation import Finding, Verdict
from detente.core.body import unpack
from detente.core.charter import Charter, parse_charter
from detente.core.crypto import check_ed25519_public
from detente.core.encoding import malformed
from detente.core.errors import PeerError, Refusal
from detente.core.identity import CARD_FIRST, Card, parse_card
from detente.core.leaf import Kind, Leaf, LogId, Precedence
from detente.core.proof import (
    FIRST_LINE,
    Cosignature,
    Proven,
    Statement,
    join_bundle,
    open_proof,
    parse_proof,
    part_revocations,
    split_bundle,
)
from detente.core.revocation import REVOCATION_FIRST
from detente.dossiers.audit import audit
from detente.dossiers.dispatch import CODECS, attachment_form, read_message
from detente.dossiers.report import (
    Bad,
    Case,
    FindingShown,
    LaterShown,
    ReceiptShown,
    Report,
    StatementShown,
    WitnessShown,
    bad_of,
    card_shown,
    finding_of,
)

STANDS = frozenset({"", "stood-by", "covered"})  # what a party's revocation leaves standing
FILE_BYTES_MAX = 67_108_864  # of everything but a transcript, which is read as a stream

_CHUNK_BYTES = 1_048_576
_FIRST_LINE_BYTES_MAX = 256

Progress = Callable[[int], None]
"""Told how many bytes of the file have been read."""


# --- The one entry ----------------------------------------------------------------------------


def verify_file(
    data: bytes | Iterable[bytes],
    cards: Sequence[bytes],
    now_s: int,
    *,
    revocations: Sequence[bytes] = (),
    ed25519_until_s: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """What one file proves under these card files, at ``now_s`` (seconds since the Unix epoch).

    The file may be a proof, a bundle of proofs, a transcript, an accusation, a card, a charter or
    a revocation; chunks of it may end anywhere. ``revocations`` are files that count beside those
    in the file itself. From ``ed25519_until_s`` on (None: the charter's date) Ed25519
    alone proves nothing. Nothing about the file is raised: what is wrong with it is in the report.
    """
    case = Case(now_s, ed25519_until_s)
    what = "unknown"
    case.files = frozenset(cards)
    try:
        for file in cards:
            case.trust(_card(file))
        for note in revocations:
            case.revoke(note)
        first, chunks = _first_line(_read(data, progress))
        what = _WHAT.get(first, what)
        report = _check(what, chunks, case)
    except PeerError as exc:
        report = Report(what, ok=False, bad=bad_of(exc), cards=case.shown_cards())
    untrusted = [card.name for card in report.cards if not card.given]
    if untrusted:
        why = "card taken from the file itself, so compare its digits and give it: "
        lacks = (*report.lacks, *(why + name for name in untrusted))
        report = replace(report, ok=False, lacks=lacks)
    return report


def _card(file: bytes) -> Card:
    """A card whose root is safe; each other key is looked at when something rests on it."""
    card = parse_card(file, checked=True).card
    check_ed25519_public(card.root_ed25519)
    return card


_WHAT = {
    FIRST_LINE: "proof",
    export.FIRST_LINE: "transcript",
    accusation.FORK_FIRST: "accusation",
    CARD_FIRST: "card",
    REVOCATION_FIRST: "revocation",
    charters.FIRST: "charter",
}


def _read(data: bytes | Iterable[bytes], progress: Progress | None) -> Iterator[bytes]:
    chunks = _sliced(data) if isinstance(data, bytes) else data
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if progress is not None:
            progress(done)


def _sliced(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]


def _first_line(chunks: Iterator[bytes]) -> tuple[str, Iterator[bytes]]:
    """The first line, and all the chunks, its own among them."""
    held = b""
    for chunk in chunks:
        held += chunk
        if b"\n" in held or len(held) > _FIRST_LINE_BYTES_MAX:
            break
    line = held[: _FIRST_LINE_BYTES_MAX + 1].partition(b"\n")[0]
    return line.decode("utf-8", "replace"), chain([held], chunks)


def _whole(chunks: Iterator[bytes]) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > FILE_BYTES_MAX:
            raise PeerError(Refusal.OVERSIZE, "a file longer than its kind can be")
    return b"".join(parts)


def _check(what: str, chunks: Iterator[bytes], case: Case) -> Report:
    if what == "transcript":
        return audit(chunks, case)
    data = _whole(chunks)
    if what == "proof":
        return _proofs(data, case)
    if what == "accusation":
        return _accusation(accusation.check(data, case.keys, **case.dates(None)), case)
    if what == "card":
        shown = card_shown(parse_card(data).card, given=True, sheets=())
        return Report(what, ok=True, title=shown.name, cards=(shown,))
    if what == "revocation":
        return _revocation(data, case)
    if what == "charter":
        charter = parse_charter(data)
        line = charters.charter_id(data).hex()
        return Report(what, ok=True, line=line, title=charter.title)
    raise malformed("not a file of this program")


def _revocation(data: bytes, case: Case) -> Report:
    """A revocation alone: who declares which key void. Not ok without its party's card."""
    case.revoke(data)
    shown, lacks = case.shown_revocations(), case.loose_sheets()
    cards = case.shown_cards()
    return Report("revocation", ok=not lacks, cards=cards, revocations=shown, lacks=lacks)


# --- Accusations ------------------------------------------------------------------------------


def _accusation(verdict: Verdict, case: Case) -> Report:
    return Report(
        "accusation",
        ok=verdict.finding is Finding.PROVEN,
        line="" if verdict.origin is None else verdict.origin.line.hex(),
        cards=case.shown_cards(),
        revocations=case.shown_revocations(),
        findings=case.answered([finding_of(verdict)]),
        lacks=case.loose_sheets(),
    )


# --- Proofs and bundles -----------------------------------------------------------------------


def _proofs(data: bytes, case: Case) -> Report:
    parts, answers = part_revocations(split_bundle(data))
    for note in answers:
        case.revoke(note)
    if len(parts) == 2:
        verdict = accusation.check(join_bundle(parts), case.keys, **case.dates(None))
        if verdict.form is not None:
            return _accusation(verdict, case)
    shown: list[Proven] = []
    bad: Bad | None = None
    for part in parts:
        try:
            proven = open_proof(
                part, case.keys, now_s=case.now_s, ed25519_until_s=case.explicit_until_s
            )
        except PeerError as exc:
            bad = bad or bad_of(exc, *_claimed_place(part))
            continue
        shown.append(proven)
        for member in proven.charter.members:
            case.names[member.party] = member.name
        case.sheets += proven.sheets
    charter = shown[0].charter if shown else None
    findings = case.answered(_forks(parts, charter, case))
    bundle = _Bundle(shown, case)
    statements = tuple(bundle.statements())
    forked = any(f.finding == Finding.PROVEN.value for f in findings)
    return Report(
        "proof" if len(parts) == 1 else "bundle",
        ok=bad is None and not forked and all(s.standing in STANDS for s in statements),
        bad=bad,
        line=" ".join(sorted({one.head.origin.line.hex() for one in shown})),
        title="" if charter is None else charter.title,
        build=" ".join(sorted({one.build for one in shown if one.build})),
        cards=case.shown_cards(),
        revocations=case.shown_revocations(),
        statements=statements,
        findings=findings,
        lacks=(*bundle.lacks(), *case.loose_sheets()),
    )


def _claimed_place(part: bytes) -> tuple[str, int | None]:
    """The log and index that a refused proof claims, as far as it can be read."""
    try:
        proof = parse_proof(part)
    except PeerError:
        return "", None
    return proof.checkpoint.text.partition("\n")[0], proof.index


def _forks(parts: Sequence[bytes], charter: Charter | None, case: Case) -> tuple[FindingShown, ...]:
    """What the proofs of one log in a bundle say against one another.

    Each is held against the first of its index and the first of its size: two that differ there
    are enough to convict.
    """
    by_index: dict[tuple[str, int], tuple[bytes, notes.Note]] = {}
    by_size: dict[tuple[str, int], tuple[bytes, notes.Note]] = {}
    found: dict[str, FindingShown] = {}
    for part in parts:
        try:
            proof = parse_proof(part)
            tree = notes.parse_checkpoint_text(proof.checkpoint.text)
        except PeerError:
            continue  # reported where it was opened
        this = part, proof.checkpoint
        other, _ = by_index.setdefault((tree.origin, proof.index), this)
        _, note = by_size.setdefault((tree.origin, tree.size), this)
        files = [accusation.make_leaves(other, part)]
        if note.text != proof.checkpoint.text:
            files.append(accusation.Fork(note, proof.checkpoint, tree.root).format())
        for data in files:
            verdict = accusation.check(data, case.keys, **case.dates(charter))
            if verdict.form is not None and verdict.finding is not Finding.NO_FAULT_FOUND:
                found.setdefault(tree.origin, finding_of(verdict))
    return tuple(found.values())


def _key(one: Proven) -> tuple[str, int, bytes]:
    return one.head.checkpoint.origin, one.index, one.hash


class _Bundle:
    """Proven entries that lie beside one another, and what they say of each other."""

    def __init__(self, proven: Sequence[Proven], case: Case) -> None:
        self._case = case
        # A bundle may show an entry under several trees, each with cosignatures of its own.
        self._copies: dict[tuple[str, int, bytes], list[Proven]] = {}
        for one in proven:
            self._copies.setdefault(_key(one), []).append(one)
        self._shown = [
            next((one for one in copies if one.body is not None), copies[0])
            for copies in self._copies.values()
        ]

    def statements(self) -> Iterator[StatementShown]:
        """What each entry says, once, in the order of the file."""
        for one in self._shown:
            yield self._statement(one, self._copies[_key(one)])

    def _statement(self, one: Proven, copies: Sequence[Proven]) -> StatementShown:
        leaf, party = one.leaf, one.head.origin.party
        body, said = _said(leaf, one.body)
        receipts = tuple(dict.fromkeys(self._receipts(one, copies)))
        return StatementShown(
            party=party.hex(),
            name=self._case.name(party),
            member=one.member,
            log=one.head.checkpoint.origin,
            index=one.index,
            hash=one.hash.hex(),
            kind=_kind(leaf),
            precedence="" if leaf is None else Precedence(leaf.precedence).name,
            drill=leaf is not None and leaf.drill,
            serial=0 if leaf is None else leaf.serial,
            time_s=0 if leaf is None else leaf.time_s,
            clock_error_s=0 if leaf is None else leaf.clock_error_s,
            as_of_size=max(copy.head.checkpoint.size for copy in copies),
            key=notes.vkey(one.head.checkpoint.origin, notes.ED25519, one.head.key),
            pq=any(copy.head.pq for copy in copies),
            body=body,
            said=said,
            build=one.build,
            receipts=receipts,
            later=tuple(self._later(one)),
            standing=self._standing(one, copies, receipts),
            witnesses=tuple(dict.fromkeys(self._witnesses(one, copies))),
        )

    def _stood_by(self, one: Proven, copies: Sequence[Proven]) -> bool | None:
        """Whether the author stands by a head that holds this entry, its key being revoked; None
        where it names a head that is not shown to hold it."""
        revocation = self._case.keys.revocation(one.head.key)
        if revocation is None:
            return True
        stand = revocation.stand(one.head.checkpoint.origin)
        if stand is None or one.index >= stand.size:
            return False
        trees = {(copy.head.checkpoint.size, copy.head.checkpoint.root) for copy in copies}
        return True if (stand.size, stand.root) in trees else None

    def _standing(
        self, one: Proven, copies: Sequence[Proven], receipts: Sequence[ReceiptShown]
    ) -> str:
        if self._case.keys.revocation(one.head.key) is None:
            return ""
        stood_by = self._stood_by(one, copies)
        if stood_by:
            return "stood-by"
        if any(receipt.linked and not receipt.revoked for receipt in receipts):
            return "covered"
        return "unlinked" if stood_by is None else "contested"

    def lacks(self) -> Iterator[str]:
        """What the entries rest on that is not in the file."""
        hashes = {one.hash for one in self._shown}
        for one in self._shown:
            where = f"entry {one.index} of {one.head.checkpoint.origin}"
            if one.member is None:
                yield f"{where}: its author joined by an amendment that is not shown"
            if self._stood_by(one, self._copies[_key(one)]) is None:
                yield f"{where}: a proof under the head that its party stands by"
            missing = sum(ref not in hashes for ref in one.leaf.refs) if one.leaf is not None else 0
            if missing:
                yield f"CONTEXT INCOMPLETE: {where} refers to {missing} entries not shown"

    def _others(self, one: Proven) -> Iterator[tuple[Proven, Leaf]]:
        for other in self._shown:
            if other.leaf is not None and other.head.origin.line == one.head.origin.line:
                yield other, other.leaf

    def _receipts(self, one: Proven, copies: Sequence[Proven]) -> Iterator[ReceiptShown]:
        origin = one.head.origin
        for cosignature in chain.from_iterable(_dated(copy) for copy in copies):
            cosigner = cosignature.cosigner
            if cosigner.statement is Statement.HOLDS and cosigner.party != origin.party:
                by, at_s, void = cosigner.party, cosignature.time_s, cosignature.revoked
                yield self._receipt(by, at_s, "cosigned", linked=True, revoked=void)
        if one.member is None:
            return
        log = LogId(one.member, origin.k, origin.life)
        trees = {(copy.head.checkpoint.size, copy.head.checkpoint.root) for copy in copies}
        for other, leaf in self._others(one):
            party = other.head.origin.party
            if party == origin.party:
                continue
            void = self._stood_by(other, self._copies[_key(other)]) is not True
            for seen in leaf.seen:
                if seen.log == log and seen.size > one.index:
                    linked = (seen.size, seen.root) in trees
                    yield self._receipt(party, seen.held_at_s, "seen", linked=linked, revoked=void)
            held = _held_ahead(leaf)
            if held is not None and held.leaf_hash == one.hash and held.log == log:
                yield self._receipt(party, held.held_at_s, "held-ahead", linked=True, revoked=void)

    def _witnesses(self, one: Proven, copies: Sequence[Proven]) -> Iterator[WitnessShown]:
        """Who saw the head, under a key that says nothing of content: never a receipt (F2)."""
        for cosignature in chain.from_iterable(_dated(copy) for copy in copies):
            by = cosignature.cosigner
            if by.statement is Statement.HEADS and by.party != one.head.origin.party:
                name, at_s = self._case.name(by.party), cosignature.time_s
                yield WitnessShown(by.party.hex(), name, at_s, cosignature.revoked)

    def _receipt(
        self, party: bytes, at_s: int, evidence: str, *, linked: bool, revoked: bool
    ) -> ReceiptShown:
        name = self._case.name(party)
        return ReceiptShown(party.hex(), name, at_s, evidence, linked, revoked)

    def _later(self, one: Proven) -> Iterator[LaterShown]:
        for other, leaf in self._others(one):
            for what, by in _does(leaf, one.hash):
                party = other.head.origin.party
                yield LaterShown(
                    party=party.hex(),
                    name=self._case.name(party),
                    what=what,
                    by=by,
                    time_s=leaf.time_s,
                    log=other.head.checkpoint.origin,
                    index=other.index,
                )


def _dated(one: Proven) -> Iterator[Cosignature]:
    """The cosignatures that count, and those of revoked keys, which are shown as that."""
    yield from one.cosignatures
    yield from (found for found in one.head.cosignatures if found.revoked)


def _kind(leaf: Leaf | None) -> str:
    if leaf is None:
        return "void"
    try:
        return Kind(leaf.kind).name.lower().replace("_", "-")
    except ValueError:
        return f"kind {leaf.kind}"


def _said(leaf: Leaf | None, body: bytes | None) -> tuple[str, dict[str, object] | None]:
    """The state of a body, and its fields where it is a message or a charter that opens."""
    if leaf is None or leaf.commitment is None:
        return "none", None
    if body is None:
        return "not disclosed", None
    try:
        if leaf.kind == Kind.CHARTER:
            return "opened", {"charter": parse_charter(body).encode().decode()}
        plain = unpack(body)
        if leaf.kind not in CODECS:
            return "opened", {"bytes": plain.hex()}
        said, attachments = read_message(leaf, plain)
        files = [attachment_form(one) for one in attachments]
        return "opened", asdict(said) | ({"attachments": files} if files else {})
    except PeerError:
        return "unreadable", None


def _held_ahead(leaf: Leaf) -> extras.HeldAhead | None:
    if leaf.kind != Kind.HELD_AHEAD:
        return None
    try:
        return extras.decode_held_ahead(leaf.extra)
    except PeerError:
        return None


def _does(leaf: Leaf, hash_: bytes) -> Iterator[tuple[str, str]]:
    """What a leaf does to an entry: the word, and for a mark who states it."""
    if hash_ not in leaf.refs:
        return
    try:
        if leaf.kind == Kind.MARK:
            mark = extras.decode_mark(leaf.extra)
            yield mark.rung.name.lower().replace("_", "-"), mark.stater.name.lower()
        elif leaf.kind in {Kind.DISPATCH, Kind.ACCIDENT}:
            relations = extras.decode_relations(leaf.extra, len(leaf.refs))
            for ref, relation in zip(leaf.refs, relations, strict=True):
                if ref == hash_:
                    yield relation.name.lower(), ""
        else:
            yield _kind(leaf), ""
    except PeerError:
        return
