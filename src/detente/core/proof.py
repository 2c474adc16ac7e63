"""Proof files: C2SP tlog-proof byte for byte, and our opening inside its ``extra`` (spec/proof.md).

One file shows one entry under its author's signature, with whatever of it is disclosed. C2SP does
not authenticate ``extra``, so everything read from it here is checked against the signed tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from detente.core import limits, notes
from detente.core.body import SALT_BYTES, commit
from detente.core.charter import Charter, charter_id, parse_charter
from detente.core.crypto import ED25519_PUBLIC_BYTES, check_ed25519_public
from detente.core.encoding import Reader, b64, counted, decimal, malformed, unb64, utf8, varint
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.export import BUILD_CHARS_MAX, SHEET_BYTES_MAX, SHEETS_MAX, is_build_word
from detente.core.identity import (
    Card,
    Origin,
    author_name,
    heads_name,
    holds_name,
    holds_pq_name,
    parse_origin,
)
from detente.core.leaf import Kind, Leaf, decode_leaf
from detente.core.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from detente.core.notes import Checkpoint, Note, parse_checkpoint_text
from detente.core.revocation import REVOCATION_FIRST, Revocation, revoked_keys

FIRST_LINE = "c2sp.org/tlog-proof@v1"
SEPARATOR = b"---\n"
PROOF_BYTES_MAX = 524_288  # an opened body, charter, leaves and 64 sheets in base64, 16 signatures
BUNDLE_PROOFS_MAX = 4096  # a ladder needs about ten; bounds what one file makes a reader do

_VERSION = 1


# --- The file --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """A tlog-proof as it stands in its file. Nothing here has been verified."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes = b""

    def format(self) -> bytes:
        """The bytes of the file (C2SP tlog-proof, Format). LocalError MALFORMED for no note."""
        lines = [FIRST_LINE]
        if self.extra:
            lines.append(f"extra {b64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [b64(item) for item in self.path]
        note = notes.format_note(self.checkpoint.text, self.checkpoint.signatures)
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note


def parse_proof(data: bytes) -> Proof:
    """The proof of a file (C2SP tlog-proof, Format). MALFORMED or OVERSIZE otherwise."""
    if len(data) > PROOF_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"a proof of {len(data)} bytes")
    head, blank, note = data.partition(b"\n\n")
    lines = utf8(head).split("\n")
    if lines.pop(0) != FIRST_LINE or not blank or note.startswith(b"\n"):
        raise malformed("not a tlog-proof")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = unb64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise malformed("an extra line without bytes")
    if not lines or not lines[0].startswith("index "):
        raise malformed("no index where it belongs")
    index = decimal(lines.pop(0).removeprefix("index "))
    if len(lines) > limits.PROOF_HASHES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{len(lines)} hashes in a path")
    path = tuple(unb64(line, HASH_BYTES) for line in lines)
    return Proof(index, path, notes.parse_note(note), extra)


def join_bundle(proofs: Iterable[bytes]) -> bytes:
    """Several proof files as one: put end to end with a line ``---`` between (spec/proof.md §3)."""
    return SEPARATOR.join(proofs)


def split_bundle(data: bytes) -> list[bytes]:
    """The proof files of a bundle, or of one proof alone.

    PeerError OVERSIZE for more than BUNDLE_PROOFS_MAX. Each is still to be parsed: no line of a
    proof is the separator.
    """
    parts = data.split(b"\n" + SEPARATOR)
    if len(parts) > BUNDLE_PROOFS_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{len(parts)} proofs in one file")
    return [part + b"\n" for part in parts[:-1]] + parts[-1:]


def part_revocations(parts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The proofs among the parts of a bundle, and the revocations that answer them (§3)."""
    first = REVOCATION_FIRST.encode() + b"\n"
    answers = [part for part in parts if part.startswith(first)]
    return [part for part in parts if not part.startswith(first)], answers


# --- The opening -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opening:
    """What ``extra`` states. Only ``leaf`` is always there; an accusation needs no more."""

    leaf: bytes
    salt: bytes = b""  # 16 bytes where the body is disclosed
    body: bytes | None = None
    charter: bytes = b""  # the founding charter's text
    first: bytes = b""  # raw leaf 0 of this incarnation
    first_path: tuple[bytes, ...] = ()  # its inclusion path in the same checkpoint
    sheets: tuple[str, ...] = ()  # ceremony sheets, stated by whoever made the file
    build: str = ""  # version word of the program that made the file

    def encode(self) -> bytes:
        """Canonical bytes (spec/proof.md §2)."""
        parts = [bytes((_VERSION,)), counted(self.leaf)]
        if self.body is None:
            parts.append(b"\x00")
        else:
            parts += [b"\x01", self.salt, counted(self.body)]
        parts += [counted(self.charter), counted(self.first), varint(len(self.first_path))]
        parts += self.first_path
        parts.append(varint(len(self.sheets)))
        parts += [counted(sheet.encode()) for sheet in self.sheets]
        parts.append(counted(self.build.encode()))
        return b"".join(parts)


def decode_opening(data: bytes) -> Opening:
    """The opening in ``extra``. MALFORMED, OVERSIZE or UNKNOWN_VERSION otherwise."""
    reader = Reader(data)
    if reader.u8() != _VERSION:
        raise PeerError(Refusal.UNKNOWN_VERSION, "opening of a proof")
    leaf = reader.counted(limits.LEAF_BYTES_MAX)
    opened = reader.u8()
    if opened > 1:
        raise malformed("a body is disclosed or it is not")
    salt = reader.take(SALT_BYTES) if opened else b""
    body = reader.counted(limits.BODY_BYTES_MAX) if opened else None
    charter = reader.counted(limits.CHARTER_BYTES_MAX)
    first = reader.counted(limits.LEAF_BYTES_MAX)
    count = reader.varint()
    if count > limits.PROOF_HASHES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{count} hashes in a path")
    path = tuple(reader.take(HASH_BYTES) for _ in range(count))
    count = reader.varint()
    if count > SHEETS_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{count} ceremony sheets")
    sheets = tuple(utf8(reader.counted(SHEET_BYTES_MAX)) for _ in range(count))
    build = utf8(reader.counted(BUILD_CHARS_MAX))
    if build and not is_build_word(build):
        raise malformed("a build is one printable word")
    reader.done()
    return Opening(leaf, salt, body, charter, first, path, sheets, build)


def make_proof(opening: Opening, index: int, path: Sequence[bytes], checkpoint: Note) -> bytes:
    """The file that proves entry ``index`` under a signed checkpoint.

    Holds whatever it is given: only ``open_proof`` says whether it proves anything.
    LocalError MALFORMED or OVERSIZE if it could not be read back.
    """
    data = Proof(index, tuple(path), checkpoint, opening.encode()).format()
    try:
        decode_opening(parse_proof(data).extra)
    except PeerError as exc:
        raise LocalError(exc.refusal, exc.detail) from exc
    return data


# --- Whose keys sign what --------------------------------------------------------------------


class Statement(Enum):
    """What a dated signature beside the author's own states."""

    AUTHOR = "author"  # the author's own ML-DSA-44 signature over its tree
    HOLDS = "holds"  # every leaf, and every body addressed to the cosigner, is stored durably
    HEADS = "heads"  # the head was seen; nothing is said of content


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A key known from a card, under the one name that says what its signature states."""

    name: str
    party: bytes
    statement: Statement
    public: bytes
    quantum_safe: bool


class CardKeys:
    """The keys of the cards a verifier was given, by the name and id in a signature line.

    Several cards of one party may stand beside one another: keys of a card that was replaced
    have signed what must stay provable. Keys that these revocations declare void stay known too:
    what they signed is told with what their party says of it.
    """

    def __init__(self, cards: Iterable[Card], revocations: Iterable[Revocation] = ()) -> None:
        cards = tuple(cards)
        self._revoked = revoked_keys(revocations, cards)
        self._logs: dict[tuple[bytes, int], list[bytes]] = {}
        self._cosigners: dict[tuple[str, bytes], Cosigner] = {}
        self._named: dict[str, list[Cosigner]] = {}
        for card in cards:
            self._add(card, card.party)

    def _add(self, card: Card, party: bytes) -> None:
        self._cosigner(author_name(party), party, Statement.AUTHOR, card.log_mldsa44)
        self._cosigner(holds_pq_name(party), party, Statement.HOLDS, card.holds_mldsa44)
        self._cosigner(heads_name(party), party, Statement.HEADS, card.heads_ed25519)
        for k, pair in enumerate(card.pairs):
            self._cosigner(holds_name(party, k), party, Statement.HOLDS, pair.holds)
            known = self._logs.setdefault((party, k), [])
            if pair.log not in known:
                known.append(pair.log)

    def _cosigner(self, name: str, party: bytes, statement: Statement, public: bytes) -> None:
        safe = len(public) != ED25519_PUBLIC_BYTES
        kind = notes.COSIGN_MLDSA44 if safe else notes.COSIGN_ED25519
        cosigner = Cosigner(name, party, statement, public, safe)
        key = name, notes.key_id(name, kind, public)
        if self._cosigners.setdefault(key, cosigner) is cosigner:
            self._named.setdefault(name, []).append(cosigner)

    def log_keys(self, party: bytes, k: int) -> Sequence[bytes]:
        """The Ed25519 keys that may sign a party's incarnation k.

        PeerError UNKNOWN_PARTY without a card of the party, BAD_CARD for an unsafe key.
        """
        found = self._logs.get((party, k))
        if found is None:
            raise PeerError(Refusal.UNKNOWN_PARTY, "no card of this log's author was given")
        for key in found:
            check_ed25519_public(key)  # whoever parsed the card may have left it to us
        return found

    def cosigner(self, name: str, key_id: bytes) -> Cosigner | None:
        """The cosigner of a signature line, if its card was given. BAD_CARD for an unsafe key."""
        return _safe(self._cosigners.get((name, key_id)))

    def revocation(self, key: bytes) -> Revocation | None:
        """Its party's word that this key counts no more, as far as it was given."""
        return self._revoked.get(key)

    def voids(self, key: bytes, checkpoint: Checkpoint) -> bool:
        """Whether a dated signature of this key counts no more on a checkpoint: the key is
        revoked, and its party does not stand by this very tree."""
        revocation = self._revoked.get(key)
        if revocation is None:
            return False
        stand = revocation.stand(checkpoint.origin)
        return stand is None or (stand.size, stand.root) != (checkpoint.size, checkpoint.root)

    def cosigners_named(self, name: str) -> Sequence[Cosigner]:
        """Every key known under one name: one for each card that lists another. BAD_CARD as
        ``cosigner``."""
        found = self._named.get(name, ())
        for one in found:
            _safe(one)
        return found


def _safe(cosigner: Cosigner | None) -> Cosigner | None:
    if cosigner is not None and len(cosigner.public) == ED25519_PUBLIC_BYTES:
        check_ed25519_public(cosigner.public)
    return cosigner


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A dated signature that verified. ``time_s`` is its signer's claim, and that of whoever has
    its key where ``revoked``: then it counts for nothing."""

    cosigner: Cosigner
    time_s: int
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class ProvenHead:
    """A checkpoint that its author signed, and who else did.

    ``key`` is the author's Ed25519 key; ``ignored`` counts the lines of signers not known here.
    """

    checkpoint: Checkpoint
    origin: Origin
    key: bytes
    cosignatures: tuple[Cosignature, ...]
    ignored: int

    @property
    def pq(self) -> bool:
        """Whether the author's own ML-DSA-44 signature covers this tree."""
        return any(
            c.cosigner.statement is Statement.AUTHOR and c.cosigner.party == self.origin.party
            for c in self.cosignatures
            if not c.revoked
        )


def verify_head(note: Note, keys: CardKeys) -> ProvenHead:
    """The signed head of a checkpoint note (spec/proof.md §2, MUSTs 4 to 7).

    Requires the author's Ed25519 signature; every line whose key is known must verify, and the
    others are passed over. PeerError UNKNOWN_PARTY without a card of the author, BAD_SIGNATURE
    for a missing or failing signature, MALFORMED for what is no checkpoint of ours.
    """
    checkpoint = parse_checkpoint_text(note.text)
    origin = parse_origin(checkpoint.origin)
    authors = {
        notes.key_id(checkpoint.origin, notes.ED25519, public): public
        for public in keys.log_keys(origin.party, origin.k)
    }
    key: bytes | None = None
    found: list[Cosignature] = []
    ignored = 0
    for line in note.signatures:
        if line.name == checkpoint.origin and line.key_id in authors:
            public = authors[line.key_id]
            if not notes.verify_checkpoint(checkpoint, public, line.data):
                raise PeerError(Refusal.BAD_SIGNATURE, "the author's signature")
            key = public
            continue
        cosigner = keys.cosigner(line.name, line.key_id)
        if cosigner is None:
            ignored += 1
            continue
        time_s, signature = notes.cosignature_parts(line)
        if not cosigns(checkpoint, cosigner, time_s, signature):
            raise PeerError(Refusal.BAD_SIGNATURE, f"a cosignature named {cosigner.name}")
        revoked = keys.voids(cosigner.public, checkpoint)
        found.append(Cosignature(cosigner, time_s, revoked))
    if key is None:
        raise PeerError(Refusal.BAD_SIGNATURE, "no signature of the author under its card's key")
    return ProvenHead(checkpoint, origin, key, tuple(found), ignored)


def cosigns(checkpoint: Checkpoint, cosigner: Cosigner, time_s: int, signature: bytes) -> bool:
    """Whether this cosigner signed this checkpoint at ``time_s`` seconds.

    PeerError MALFORMED for a time that no cosignature can bear.
    """
    if cosigner.quantum_safe:
        return notes.verify_cosignature_mldsa44(
            cosigner.name, checkpoint, cosigner.public, time_s, signature
        )
    return notes.verify_cosignature_ed25519(checkpoint, cosigner.public, time_s, signature)


# --- Opening a proof -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry proven by one file. Everything but ``sheets`` and ``build`` is under a signature.

    ``leaf`` is None where the author signed bytes that are no leaf; ``body`` is the committed
    body where it was disclosed; ``member`` is the author's number, None for a party that the
    founding charter does not name and whose amendment this file does not show.
    """

    head: ProvenHead
    member: int | None
    index: int
    hash: bytes
    leaf: Leaf | None
    body: bytes | None
    charter: Charter
    sheets: tuple[str, ...]
    build: str
    cosignatures: tuple[Cosignature, ...]  # those that count


def open_proof(
    data: bytes, keys: CardKeys, *, now_s: int = 0, ed25519_until_s: int | None = None
) -> Proven:
    """What one proof file proves (spec/proof.md §2).

    From ``ed25519_until_s`` on (seconds, compared with ``now_s``; None is the charter's date) an
    Ed25519 signature counts only where an ML-DSA-44 signature of its own author is on the same
    checkpoint (protocol review F11).
    PeerError: MALFORMED, OVERSIZE, UNKNOWN_VERSION for the form; UNKNOWN_PARTY without the
    author's card; BAD_SIGNATURE; BAD_PROOF; BAD_COMMITMENT; CHARTER_MISMATCH; BAD_LEAF for a
    leaf 0 that opens no log; CONTEXT_INCOMPLETE for a file without charter or leaf 0.
    """
    proof = parse_proof(data)
    opening = decode_opening(proof.extra)
    head = verify_head(proof.checkpoint, keys)
    tree = head.checkpoint
    hash_ = leaf_hash(opening.leaf)
    verify_inclusion(hash_, proof.index, tree.size, proof.path, tree.root)
    leaf = decoded(opening.leaf)
    _check_body(opening, leaf)
    charter = _context(opening, head)
    until_s = charter.ed25519_until_s if ed25519_until_s is None else ed25519_until_s
    if now_s >= until_s and not head.pq:
        raise PeerError(Refusal.BAD_SIGNATURE, "Ed25519 alone, after the date it may be trusted")
    return Proven(
        head=head,
        member=charter.number_of(head.origin.party),
        index=proof.index,
        hash=hash_,
        leaf=leaf,
        body=opening.body,
        charter=charter,
        sheets=opening.sheets,
        build=opening.build,
        cosignatures=counting(head.cosignatures, quantum_only=now_s >= until_s),
    )


def counting(cosignatures: Sequence[Cosignature], *, quantum_only: bool) -> tuple[Cosignature, ...]:
    """Those that count: all whose key does, or only where the cosigner's ML-DSA-44 signature
    stands beside.

    All must be of one checkpoint.
    """
    valid = [c for c in cosignatures if not c.revoked]
    safe = {_stater(c) for c in valid if c.cosigner.quantum_safe or not quantum_only}
    return tuple(c for c in valid if _stater(c) in safe)


def _stater(cosignature: Cosignature) -> tuple[bytes, Statement]:
    return cosignature.cosigner.party, cosignature.cosigner.statement


def decoded(raw: bytes) -> Leaf | None:
    """The leaf of signed bytes, or None where they are none (an author may sign anything)."""
    try:
        return decode_leaf(raw)
    except PeerError:
        return None


def _check_body(opening: Opening, leaf: Leaf | None) -> None:
    if opening.body is None:
        return
    if leaf is None or leaf.commitment is None:
        raise PeerError(Refusal.BAD_COMMITMENT, "a body beside a leaf that has none")
    if commit(opening.salt, opening.body) != leaf.commitment:
        raise PeerError(Refusal.BAD_COMMITMENT, "a body that the leaf does not commit to")


def _context(opening: Opening, head: ProvenHead) -> Charter:
    """The founding charter, once leaf 0 has bound it to the author's log."""
    if not opening.charter or not opening.first:
        raise PeerError(Refusal.CONTEXT_INCOMPLETE, "a proof without its charter or leaf 0")
    if charter_id(opening.charter) != head.origin.line:
        raise PeerError(Refusal.CHARTER_MISMATCH, "a charter that is not this line's")
    tree = head.checkpoint
    verify_inclusion(leaf_hash(opening.first), 0, tree.size, opening.first_path, tree.root)
    check_first(decode_leaf(opening.first), head.origin)
    return parse_charter(opening.charter)


def check_first(first: Leaf, origin: Origin) -> None:
    """Holds for a leaf that may open this log: the charter, or a resume (spec/log.md §5).

    PeerError BAD_LEAF otherwise, CHARTER_MISMATCH for another line's charter.
    """
    if origin.life:
        if first.kind != Kind.RESUME:
            raise PeerError(Refusal.BAD_LEAF, "a resumed log that does not begin with its resume")
        return
    if first.kind != Kind.CHARTER:
        raise PeerError(Refusal.BAD_LEAF, "a log that does not begin with its charter")
    if first.commitment != origin.line:
        raise PeerError(Refusal.CHARTER_MISMATCH, "leaf 0 is another line's charter")
