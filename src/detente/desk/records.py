"""Records of who authorised a message, checked by somebody who has only files: the record, a proof
of the entry that names it, and the parties' cards (spec/authorisation.md §5).

No home and no node is asked. The names in a record are its party's own word; that the passkeys
signed what was sent is not.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from detente.core.body import commit, unpack
from detente.core.crypto import sha256
from detente.core.encoding import malformed, unb64, utf8
from detente.core.errors import DetenteError, PeerError, Refusal
from detente.core.extras import decode_relations
from detente.core.identity import parse_origin
from detente.core.leaf import Kind, Leaf, Precedence
from detente.core.merkle import leaf_hash
from detente.core.proof import decode_opening, decoded, parse_proof, split_bundle
from detente.core.wire import lenient
from detente.desk.fixed import PURPOSE
from detente.desk.passkeys import bytes_of, verify_record
from detente.dossiers.dispatch import attachment_form, read_message
from detente.dossiers.report import Bad, Report, StatementShown, bad_of
from detente.dossiers.verify import verify_file
from detente.node.disclosing import FIRST_LINE
from detente.node.forms import FIRST
from detente.node.releasing import AUTHORISED, COUNTERSIGNED
from detente.node.views import word
from detente.store.journal import NOTE, canonical_json

FILE_BYTES_MAX = 4_194_304  # a record and its countersignatures
NOTES_MAX = 64


class _By(msgspec.Struct):
    person: str
    name: str = ""
    at_s: int = 0
    passkey: str = ""
    public_key: str = ""
    record: dict[str, str] = {}
    purpose: str = ""
    host: str = ""
    origin: str = ""


class _Record(msgspec.Struct):
    form: dict[str, Any]
    sha256: str
    people: int
    by: list[_By]


class _Countersigned(msgspec.Struct):
    note: str
    by: list[_By]


@dataclass(frozen=True, slots=True)
class Signed:
    """One person's word. ``trouble`` says why it does not stand; empty where it does."""

    person: str
    name: str
    at_s: int
    passkey: str
    host: str
    later: bool  # in a note of its own, after the message had gone
    trouble: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a record shows. ``ok``: the proof holds, its entry names this record, the record is of
    what was sent, every signature stands, and as many people signed as the charter asks for."""

    report: Report
    bad: Bad | None = None
    entry: StatementShown | None = None
    sha256: str = ""
    asked: int = 0
    signed: tuple[Signed, ...] = field(default=())

    @property
    def people(self) -> int:
        """How many different people have a signature that stands."""
        return len({one.person for one in self.signed if not one.trouble})

    @property
    def ok(self) -> bool:
        """Whether all that was claimed holds."""
        sound = self.report.ok and self.bad is None and not any(s.trouble for s in self.signed)
        return sound and self.people >= max(1, self.asked)


def check_record(
    record: bytes,
    proof: bytes,
    cards: Sequence[bytes],
    now_s: int,
    revocations: Sequence[bytes] = (),
) -> Checked:
    """What these files show at ``now_s``, in seconds since the epoch; nothing of them is raised."""
    report = verify_file(proof, cards, now_s, revocations=revocations)
    if report.bad is not None:
        return Checked(report)
    try:
        first, *others = _notes(record)
        digest = leaf_hash(first[0])
        found = msgspec.json.decode(_opened(first, AUTHORISED), type=_Record)
        later = [
            msgspec.json.decode(_opened(one, COUNTERSIGNED), type=_Countersigned) for one in others
        ]
        if any(one.note != digest.hex() for one in later):
            raise PeerError(Refusal.BAD_COMMITMENT, "a countersignature of another record")
        leaf, body, hash_ = _entry_of(digest, proof)
        entry = next(one for one in report.statements if one.hash == hash_.hex())
        statement = _statement(found, leaf, body, parse_origin(entry.log).line)
    except PeerError as error:
        return Checked(report, bad_of(error))
    except (msgspec.MsgspecError, RecursionError, LookupError, ValueError) as error:
        return Checked(report, bad_of(malformed(f"no record: {error}")))
    rows = [(one, False) for one in found.by]
    rows += [(one, True) for note in later for one in note.by]
    signed = tuple(_signed(one, statement, later=after) for one, after in rows)
    return Checked(report, None, entry, found.sha256, found.people, signed)


def _notes(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Leaf, salt and body of each note in a file."""
    if len(data) > FILE_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"a record of {len(data)} bytes")
    first, *rows = utf8(data).removesuffix("\n").split("\n")
    if first != FIRST_LINE or not 1 <= len(rows) <= NOTES_MAX:
        raise malformed("not a record of an authorisation")
    for row in rows:
        parts = row.split(" ")
        if len(parts) != 3:
            raise malformed("a note is leaf, salt and body")
        leaf, salt, body = map(unb64, parts)
        yield leaf, salt, body


def _opened(note: tuple[bytes, bytes, bytes], kind: str) -> bytes:
    """The body of a note whose leaf is of this kind and commits to it."""
    raw, salt, body = note
    leaf = lenient(raw)
    if leaf is None or (leaf.kind, leaf.extra) != (NOTE, kind.encode()):
        raise malformed(f"not a note of kind {kind}")
    if leaf.commitment != commit(salt, body):
        raise PeerError(Refusal.BAD_COMMITMENT, "a note that says something else than its leaf")
    return body


def _entry_of(digest: bytes, proof: bytes) -> tuple[Leaf, bytes, bytes]:
    """The entry in a proof that names the record: leaf, packed body and hash."""
    for part in split_bundle(proof):
        if not part.startswith(b"c2sp.org/"):
            continue  # a revocation that answers the proofs
        opening = decode_opening(parse_proof(part).extra)
        leaf = decoded(opening.leaf)
        if leaf is not None and leaf.release == digest:
            if opening.body is None:
                raise PeerError(Refusal.CONTEXT_INCOMPLETE, "the text is not in the proof")
            return leaf, opening.body, leaf_hash(opening.leaf)
    raise PeerError(Refusal.BAD_COMMITMENT, "no entry in the proof names this record")


def _statement(found: _Record, leaf: Leaf, packed: bytes, line: bytes) -> bytes:
    """What the passkeys signed, made of the entry itself. PeerError BAD_COMMITMENT where the
    record says anything else than the entry."""
    sent = _form(leaf, unpack(packed), line)
    kept = found.form | {"body": sent["body"]}
    made = sent | {"charter": found.form.get("charter")}
    wrong = sorted(name for name in kept.keys() | made.keys() if kept.get(name) != made.get(name))
    if wrong:
        raise PeerError(
            Refusal.BAD_COMMITMENT, f"the record differs from what was sent: {wrong[0]}"
        )
    statement = FIRST + canonical_json(made)
    if sha256(statement).hex() != found.sha256:
        raise PeerError(Refusal.BAD_COMMITMENT, "the record names another form")
    return statement


def _form(leaf: Leaf, plain: bytes, line: bytes) -> dict[str, object]:
    """The form of an entry as far as the entry says it: all but the charter's number."""
    body, attachments = read_message(leaf, plain)
    named = {"attachments": [attachment_form(one) for one in attachments]} if attachments else {}
    relations = decode_relations(leaf.extra, len(leaf.refs))
    return named | {
        "line": line.hex(),
        "kind": word(Kind(leaf.kind)),
        "precedence": Precedence(leaf.precedence).name,
        "drill": leaf.drill,
        "readers": [
            number for number in range(leaf.audience.bit_length()) if leaf.audience >> number & 1
        ],
        "references": [
            {"entry": ref.hex(), "relation": word(relation)}
            for ref, relation in zip(leaf.refs, relations, strict=True)
        ],
        "dtg_s": getattr(body, "dtg_s", None),
        "language": body.language,
        "label": word(body.label),
        "body": base64.b64encode(body.encode()).decode(),
    }


def _signed(one: _By, statement: bytes, *, later: bool) -> Signed:
    trouble = ""
    try:
        key = bytes_of(one.public_key)
        if one.purpose != PURPOSE or bytes.fromhex(one.passkey) != bytes_of(
            one.record["credential"]
        ):
            raise malformed("another purpose, or another key, than the signature is of")
        verify_record(one.record, key, statement, PURPOSE, one.host, one.origin)
    except (DetenteError, LookupError, ValueError) as error:
        trouble = error.detail if isinstance(error, DetenteError) else "malformed"
    return Signed(one.person, one.name, one.at_s, one.passkey, one.host, later, trouble)
