"""Parties, a line and signed logs for tests: the same bytes every time, made with core alone.

ML-DSA-44 signatures are hedged and so differ from run to run; nothing here depends on them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from detente.core import charter as charters
from detente.core import crypto, identity, notes
from detente.core.body import ZERO_SALT, commit, pack
from detente.core.leaf import Kind, Leaf, LogId, Seen, decode_leaf
from detente.core.merkle import Frontier, consistency_path, inclusion_path, leaf_hash, node_hash
from detente.core.proof import Opening, make_proof
from detente.core.transcript import Entry, MemoryTranscript, Place

START_S = 1_770_282_000  # 5 February 2026, 09:00 UTC
BUILD = "detente/0.1.0-test"


def seed(*words: object) -> bytes:
    """32 bytes that depend on the words alone."""
    return hashlib.sha256(repr(words).encode()).digest()


def _ed(*words: object) -> bytes:
    return crypto.ed25519_public(seed(*words))


def _pq(*words: object) -> bytes:
    return crypto.mldsa44_public(seed(*words))


@dataclass(frozen=True, repr=False)
class Party:
    """A party with all its secret keys and its signed card."""

    name: str
    card: identity.SignedCard

    @property
    def id(self) -> bytes:
        return self.card.card.party

    def log(self, k: int) -> crypto.Ed25519Signer:
        return crypto.Ed25519Signer(seed(self.name, "log", k))

    def holds(self, k: int) -> crypto.Ed25519Signer:
        return crypto.Ed25519Signer(seed(self.name, "holds", k))

    def heads(self) -> crypto.Ed25519Signer:
        return crypto.Ed25519Signer(seed(self.name, "heads"))

    def author_pq(self) -> crypto.MlDsa44Signer:
        return crypto.MlDsa44Signer(seed(self.name, "log-pq"))

    def holds_pq(self) -> crypto.MlDsa44Signer:
        return crypto.MlDsa44Signer(seed(self.name, "holds-pq"))


@lru_cache
def party(name: str, serial: int = 1, spare: str = "log") -> Party:
    """The party of this name; another ``spare`` word gives it other log keys from k=1 on."""
    card = identity.Card(
        name=name,
        serial=serial,
        issued_s=START_S - 86_400,
        root_ed25519=_ed(name, "root"),
        root_mldsa44=_pq(name, "root-pq"),
        log_mldsa44=_pq(name, "log-pq"),
        holds_mldsa44=_pq(name, "holds-pq"),
        heads_ed25519=_ed(name, "heads"),
        tls_ed25519=_ed(name, "tls"),
        kem_xwing=crypto.xwing_public(seed(name, "kem")),
        pairs=tuple(
            identity.Pair(_ed(name, spare if k else "log", k), _ed(name, "holds", k))
            for k in range(16)
        ),
        bearers=(f"tls {name.lower()}.example:7700",),
    )
    roots = (
        crypto.Ed25519Signer(seed(name, "root")),
        crypto.MlDsa44Signer(seed(name, "root-pq"), notes.NOTE_MLDSA44_CONTEXT),
    )
    return Party(name, identity.parse_card(identity.make_card(card, *roots)))


@dataclass(repr=False, eq=False)
class LogBuilder:
    """One log that its author can sign, fork and prove."""

    line: Line
    id: LogId
    author: Party
    raws: list[bytes] = field(default_factory=list)
    bodies: list[tuple[bytes, bytes] | None] = field(default_factory=list)
    signed: dict[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.raws)

    @property
    def origin(self) -> str:
        return identity.origin(self.line.id, self.author.id, self.id)

    def fork(self, size: int) -> LogBuilder:
        """Another log under the same keys that shares the first entries."""
        return LogBuilder(self.line, self.id, self.author, self.raws[:size], self.bodies[:size])

    def root(self, size: int | None = None) -> bytes:
        frontier = Frontier()
        for raw in self.raws[: self.size if size is None else size]:
            frontier.append(leaf_hash(raw))
        return frontier.root()

    def subtree(self, level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(self.raws[index])
        return node_hash(self.subtree(level - 1, 2 * index), self.subtree(level - 1, 2 * index + 1))

    def path(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        return tuple(inclusion_path(self.subtree, index, self.size if size is None else size))

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        return tuple(consistency_path(self.subtree, old, new))

    def checkpoint(self, size: int | None = None) -> notes.Checkpoint:
        size = self.size if size is None else size
        return notes.Checkpoint(self.origin, size, self.root(size))

    def add_raw(self, raw: bytes, body: tuple[bytes, bytes] | None = None) -> bytes:
        """Appends any bytes, signs the new head, and returns the leaf hash."""
        self.raws.append(raw)
        self.bodies.append(body)
        self.sign(self.size)
        return leaf_hash(raw)

    def sign(self, size: int) -> bytes:
        text = self.checkpoint(size).text().encode()
        self.signed[size] = self.author.log(self.id.k).sign(text)
        return self.signed[size]

    def say(self, kind: int = Kind.DISPATCH, *, plain: bytes | None = None, **fields) -> bytes:
        """Appends a leaf; ``plain`` becomes its packed body. Returns the leaf hash."""
        fields.setdefault("time_s", START_S + self.size)
        fields.setdefault("audience", self.line.everyone)
        body = None
        if plain is not None:
            salt = seed(self.origin, self.size, "salt")[:16]
            body = (salt, pack(plain, 5, padding=False))
            fields["commitment"] = commit(*body)
        fields.setdefault("precedence", 1)
        return self.add_raw(Leaf(kind=kind, **fields).encode(), body)

    def seen(self, *others: LogBuilder, held_at_s: int | None = None, **fields) -> bytes:
        """A ``seen`` entry over the whole of the other logs."""
        held_at_s = START_S + self.size if held_at_s is None else held_at_s
        return self.say(Kind.SEEN, seen=covering(*others, held_at_s=held_at_s), **fields)

    def note(
        self,
        size: int | None = None,
        *,
        pq: bool = False,
        held_by: tuple[Party, ...] = (),
        held_pq_by: tuple[Party, ...] = (),
        time_s: int = START_S,
        extra: tuple[notes.Signature, ...] = (),
    ) -> notes.Note:
        """The signed checkpoint at a size, with whatever cosignatures are asked for."""
        cp = self.checkpoint(size)
        author = self.author.log(self.id.k)
        signatures = [
            notes.checkpoint_signature(cp.origin, author.public(), author.sign(cp.text().encode()))
        ]
        if pq:
            name = identity.author_name(self.author.id)
            signatures.append(cosign_pq(cp, name, self.author.author_pq(), time_s))
        signatures += [
            cosign(cp, identity.holds_name(holder.id, 0), holder.holds(0), time_s)
            for holder in held_by
        ]
        for holder in held_pq_by:
            name = identity.holds_pq_name(holder.id)
            signatures.append(cosign_pq(cp, name, holder.holds_pq(), time_s))
        return notes.Note(cp.text(), (*signatures, *extra))

    def opening(self, index: int, size: int | None = None, *, opened: bool = True) -> Opening:
        body = self.bodies[index] if opened else None
        return Opening(
            leaf=self.raws[index],
            salt=body[0] if body else b"",
            body=body[1] if body else None,
            charter=self.line.charter_text,
            first=self.raws[0],
            first_path=self.path(0, size),
            build=BUILD,
        )

    def proof(self, index: int, size: int | None = None, *, opened: bool = True, **note) -> bytes:
        """A whole proof file of one entry."""
        opening = self.opening(index, size, opened=opened)
        return make_proof(opening, index, self.path(index, size), self.note(size, **note))

    def entry(self, index: int) -> Entry:
        raw, body = self.raws[index], self.bodies[index]
        try:
            leaf = decode_leaf(raw)
        except Exception:
            leaf = None
        salt, packed = body or (None, None)
        return Entry(Place(self.id, index), leaf_hash(raw), raw, leaf, salt, packed)


def covering(*logs: LogBuilder, held_at_s: int = START_S) -> tuple[Seen, ...]:
    """``seen`` items over the whole of some logs, in canonical order."""
    return tuple(sorted(Seen(log.id, log.size, log.root(), held_at_s) for log in logs if log.size))


def cosign(
    cp: notes.Checkpoint, name: str, signer: crypto.Ed25519Signer, time_s: int = START_S
) -> notes.Signature:
    """An Ed25519 cosignature line."""
    signature = signer.sign(notes.cosign_message(cp, time_s))
    return notes.cosignature_ed25519(name, signer.public(), time_s, signature)


def cosign_pq(
    cp: notes.Checkpoint, name: str, signer: crypto.MlDsa44Signer, time_s: int = START_S
) -> notes.Signature:
    """An ML-DSA-44 cosignature line."""
    message = notes.subtree_message(name, time_s, cp.origin, 0, cp.size, cp.root)
    return notes.cosignature_mldsa44(name, signer.public(), time_s, signer.sign(message))


@dataclass(repr=False, eq=False)
class Line:
    """A line, its charter, and one log for each member, all begun with the charter."""

    parties: tuple[Party, ...]
    charter: charters.Charter
    charter_text: bytes
    id: bytes
    logs: list[LogBuilder] = field(default_factory=list)

    @property
    def everyone(self) -> int:
        return self.charter.everyone()

    def cards(self) -> list[identity.Card]:
        return [member.card.card for member in self.parties]

    def card_files(self) -> list[bytes]:
        return [member.card.data for member in self.parties]

    def resume(self, member: int, k: int, life: bytes, **fields) -> LogBuilder:
        """A later incarnation of a member's log, begun with its ``resume``."""
        from detente.core.extras import Head, Resume

        log = LogBuilder(self, LogId(member, k, life), self.parties[member])
        old = self.logs[member]
        extra = Resume(k, life, (Head(old.id, old.size, old.root()),)).encode()
        log.say(Kind.RESUME, extra=extra, **fields)
        self.logs.append(log)
        return log

    def transcript(self, *logs: LogBuilder) -> MemoryTranscript:
        """What a holder of these logs (all by default) has."""
        out = MemoryTranscript()
        for log in logs or self.logs:
            for index in range(log.size):
                out.add(log.entry(index))
        return out


def line(*names: str, roles: tuple[str, ...] = (), **charter_fields) -> Line:
    """A line between parties of these names, every log holding its charter and nothing else."""
    parties = tuple(party(name) for name in names)
    members = [
        charters.Member(
            number, roles[number] if roles else "party", who.id, who.card.hash, who.name
        )
        for number, who in enumerate(parties)
    ]
    charter = charters.propose(
        random=seed("charter", *names)[:16],
        title="A line",
        members=members,
        languages=("en",),
        padding=False,
        **charter_fields,
    )
    text = charter.encode()
    made = Line(parties, charter, text, charters.charter_id(text))
    for number, who in enumerate(parties):
        log = LogBuilder(made, LogId(number, 0, b""), who)
        leaf = Leaf(
            kind=Kind.CHARTER,
            time_s=START_S,
            audience=made.everyone,
            precedence=1,
            commitment=made.id,
        )
        log.add_raw(leaf.encode(), (ZERO_SALT, text))
        made.logs.append(log)
    return made
