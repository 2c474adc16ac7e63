"""The ground of the vectors: parties, lines and logs that are the same bytes every time.

Every secret key is SHA-256 of a phrase, so that anybody can make the same signatures. ML-DSA-44
signatures are hedged and cannot be made twice: they were made once and stand in
``vectors/frozen.json``, by the hash of what they sign.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detente.core import charter as charters
from detente.core import crypto, identity, notes
from detente.core.body import ZERO_SALT, commit
from detente.core.encoding import b64, unb64
from detente.core.leaf import Kind, Leaf, LogId, Precedence, Seen, decode_leaf
from detente.core.merkle import Frontier, consistency_path, inclusion_path, leaf_hash, node_hash
from detente.core.proof import Opening, make_proof
from detente.core.transcript import Entry, Place

START_S = 1_770_282_000  # 5 February 2026, 09:00 UTC
BUILD = "detente/0.1.0"
NAMES = ("alpha", "bravo", "charlie")


def seed(*words: object) -> bytes:
    """32 bytes: SHA-256 of ``detente vectors v1``, a newline, and the words with spaces between."""
    phrase = " ".join(map(str, words))
    return hashlib.sha256(f"detente vectors v1\n{phrase}".encode()).digest()


@dataclass
class Frozen:
    """ML-DSA-44 signatures and HPKE seals made once. ``fresh`` counts those that were not there."""

    known: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    fresh: int = 0

    @classmethod
    def load(cls, path: Path) -> Frozen:
        """What a file holds; nothing if there is none."""
        return cls(json.loads(path.read_text("utf-8")) if path.exists() else {})

    def save(self, path: Path) -> None:
        """Writes those that were used, in order."""
        kept = {key: self.known[key] for key in sorted(self.used)}
        path.write_text(json.dumps(kept, indent=0) + "\n", "utf-8")

    def sign(self, secret: bytes, message: bytes, context: bytes = b"") -> bytes:
        """The one signature of a message under a key in a context."""
        public = crypto.mldsa44_public(secret)
        made = lambda: crypto.mldsa44_sign(secret, message, context)  # noqa: E731
        return self._once(public, context, message, made)

    def seal(self, public: bytes, info: bytes, plain: bytes) -> bytes:
        """The one sealed form of a text to an X-Wing key."""
        return self._once(public, info, plain, lambda: crypto.hpke_seal(public, info, plain))

    def _once(
        self, public: bytes, context: bytes, message: bytes, make: Callable[[], bytes]
    ) -> bytes:
        parts = hashlib.sha256(public).digest(), hashlib.sha256(context).digest(), message
        key = hashlib.sha256(b"".join(parts)).hexdigest()
        if key not in self.known:
            self.fresh += 1
            self.known[key] = b64(make())
        self.used.add(key)
        return unb64(self.known[key])


@dataclass(frozen=True)
class FrozenSigner:
    """A signer for ``identity``: ML-DSA-44 through the frozen signatures."""

    frozen: Frozen
    secret: bytes
    context: bytes = b""

    def public(self) -> bytes:
        return crypto.mldsa44_public(self.secret)

    def sign(self, message: bytes) -> bytes:
        return self.frozen.sign(self.secret, message, self.context)


def _ed(*words: object) -> bytes:
    return crypto.ed25519_public(seed(*words))


def _pq(*words: object) -> bytes:
    return crypto.mldsa44_public(seed(*words))


def card_of(name: str, **changes: Any) -> identity.Card:
    """The card of a party of this name, before it is signed."""
    fields: dict[str, Any] = {
        "name": f"Staff {name}",
        "serial": 1,
        "issued_s": START_S - 86_400,
        "root_ed25519": _ed(name, "root"),
        "root_mldsa44": _pq(name, "root-pq"),
        "log_mldsa44": _pq(name, "log-pq"),
        "holds_mldsa44": _pq(name, "holds-pq"),
        "heads_ed25519": _ed(name, "heads"),
        "tls_ed25519": _ed(name, "tls"),
        "kem_xwing": crypto.xwing_public(seed(name, "kem")),
        "pairs": tuple(
            identity.Pair(_ed(name, "log", k), _ed(name, "holds", k)) for k in range(16)
        ),
        "bearers": (f"tls {name}.example:7700",),
    }
    return identity.Card(**(fields | changes))


@dataclass
class Party:
    """A party with its secret keys and its signed card."""

    name: str
    frozen: Frozen
    card: identity.SignedCard

    @property
    def id(self) -> bytes:
        return self.card.card.party

    def log(self, k: int = 0) -> bytes:
        return seed(self.name, "log", k)

    def holds(self, k: int = 0) -> bytes:
        return seed(self.name, "holds", k)

    def heads(self) -> bytes:
        return seed(self.name, "heads")


@dataclass
class Ground:
    """All that the makers of vectors share."""

    frozen: Frozen
    parties: dict[str, Party] = field(default_factory=dict)

    def sign_card(self, name: str, text: bytes) -> bytes:
        """A note of any text under both roots of a party: also of what is no valid card."""
        root = seed(name, "root")
        pq = self.frozen.sign(seed(name, "root-pq"), text, notes.NOTE_MLDSA44_CONTEXT)
        who = identity.root_name(card_of(name).party)
        signatures = (
            notes.note_signature(
                who, notes.ED25519, crypto.ed25519_public(root), crypto.ed25519_sign(root, text)
            ),
            notes.note_signature(who, notes.NOTE_MLDSA44, _pq(name, "root-pq"), pq),
        )
        return notes.format_note(text.decode(), signatures)

    def party(self, name: str) -> Party:
        """The party of this name, with its first card."""
        if name not in self.parties:
            data = self.sign_card(name, card_of(name).encode())
            self.parties[name] = Party(name, self.frozen, identity.parse_card(data))
        return self.parties[name]

    def line(
        self, *names: str, roles: Sequence[str] = (), random: bytes = b"", **changes: Any
    ) -> Line:
        """A line between parties of these names, every log holding its charter."""
        parties = [self.party(name) for name in names]
        members = [
            charters.Member(
                number, roles[number] if roles else "party", who.id, who.card.hash, who.name
            )
            for number, who in enumerate(parties)
        ]
        fields: dict[str, Any] = {"title": "Vectors", "languages": ("en", "uk"), "padding": False}
        fields |= {"random": random or bytes(range(16)), "members": members} | changes
        charter = charters.propose(**fields)
        text = charter.encode()
        line = Line(self, parties, charter, text, charters.charter_id(text))
        for number in range(len(parties)):
            log = LogBuilder(line, LogId(number, 0, b""))
            leaf = Leaf(
                kind=Kind.CHARTER,
                time_s=START_S,
                audience=charter.everyone(),
                clock_error_s=1,
                commitment=line.id,
            )
            log.add(leaf.encode(), (ZERO_SALT, text))
            line.logs.append(log)
        return line


@dataclass
class Line:
    """A line, its charter and a log for each member."""

    ground: Ground
    parties: list[Party]
    charter: charters.Charter
    text: bytes
    id: bytes
    logs: list[LogBuilder] = field(default_factory=list)

    def cards(self) -> list[str]:
        """The card files as texts."""
        return [who.card.data.decode() for who in self.parties]


@dataclass
class LogBuilder:
    """One log that its author can sign, fork and prove."""

    line: Line
    id: LogId
    raws: list[bytes] = field(default_factory=list)
    bodies: list[tuple[bytes, bytes] | None] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.raws)

    @property
    def author(self) -> Party:
        return self.line.parties[self.id.member]

    @property
    def origin(self) -> str:
        return identity.origin(self.line.id, self.author.id, self.id)

    def add(self, raw: bytes, body: tuple[bytes, bytes] | None = None) -> bytes:
        """Appends any bytes; returns the leaf hash."""
        self.raws.append(raw)
        self.bodies.append(body)
        return leaf_hash(raw)

    def say(self, kind: int = Kind.DISPATCH, plain: bytes | None = None, **fields: Any) -> bytes:
        """Appends a leaf whose body, if any, is ``plain`` uncompressed: the same for ever."""
        body = None
        if plain is not None:
            body = seed(self.origin, self.size, "salt")[:16], b"\x00" + plain
            fields["commitment"] = commit(*body)
        base: dict[str, Any] = {
            "time_s": START_S + self.size,
            "audience": self.line.charter.everyone(),
            "precedence": Precedence.ROUTINE,
            "clock_error_s": 1,
        }
        return self.add(Leaf(kind=kind, **(base | fields)).encode(), body)

    def fork(self, size: int) -> LogBuilder:
        """Another log under the same keys with the same beginning."""
        return LogBuilder(self.line, self.id, self.raws[:size], self.bodies[:size])

    def subtree(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree."""
        if level == 0:
            return leaf_hash(self.raws[index])
        below = self.subtree(level - 1, 2 * index), self.subtree(level - 1, 2 * index + 1)
        return node_hash(*below)

    def root(self, size: int | None = None) -> bytes:
        frontier = Frontier()
        for raw in self.raws[:size]:
            frontier.append(leaf_hash(raw))
        return frontier.root()

    def path(self, index: int, size: int | None = None) -> list[bytes]:
        return inclusion_path(self.subtree, index, self.size if size is None else size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return consistency_path(self.subtree, old, new)

    def checkpoint(self, size: int | None = None) -> notes.Checkpoint:
        size = self.size if size is None else size
        return notes.Checkpoint(self.origin, size, self.root(size))

    def seen(self, held_at_s: int, size: int | None = None) -> Seen:
        """What another log's ``seen`` says of this one."""
        size = self.size if size is None else size
        return Seen(self.id, size, self.root(size), held_at_s)

    def signature(self, size: int | None = None) -> bytes:
        """The author's Ed25519 signature on the head at a size."""
        text = self.checkpoint(size).text().encode()
        return crypto.ed25519_sign(self.author.log(self.id.k), text)

    def pq(self, time_s: int, size: int | None = None) -> bytes:
        """The author's ML-DSA-44 signature on the head at a size."""
        tree = self.checkpoint(size)
        name = identity.author_name(self.author.id)
        message = notes.subtree_message(name, time_s, tree.origin, 0, tree.size, tree.root)
        return self.author.frozen.sign(seed(self.author.name, "log-pq"), message)

    def cosignature(self, holder: Party, time_s: int, size: int | None = None) -> bytes:
        """A holder's Ed25519 signature on the head at a size."""
        message = notes.cosign_message(self.checkpoint(size), time_s)
        return crypto.ed25519_sign(holder.holds(), message)

    def witness(self, observer: Party, time_s: int, size: int | None = None) -> bytes:
        """A witness's Ed25519 signature on the head at a size."""
        message = notes.cosign_message(self.checkpoint(size), time_s)
        return crypto.ed25519_sign(observer.heads(), message)

    def note(
        self,
        size: int | None = None,
        *,
        held_by: Sequence[Party] = (),
        seen_by: Sequence[Party] = (),
        pq: bool = False,
        time_s: int = START_S + 60,
    ) -> notes.Note:
        """The signed checkpoint at a size, with the cosignatures asked for."""
        tree = self.checkpoint(size)
        public = crypto.ed25519_public(self.author.log(self.id.k))
        lines = [notes.checkpoint_signature(tree.origin, public, self.signature(size))]
        for holder in held_by:
            name = identity.holds_name(holder.id, 0)
            signature = self.cosignature(holder, time_s, size)
            key = crypto.ed25519_public(holder.holds())
            lines.append(notes.cosignature_ed25519(name, key, time_s, signature))
        for observer in seen_by:
            name = identity.heads_name(observer.id)
            signature = self.witness(observer, time_s, size)
            key = crypto.ed25519_public(observer.heads())
            lines.append(notes.cosignature_ed25519(name, key, time_s, signature))
        if pq:
            name = identity.author_name(self.author.id)
            key = _pq(self.author.name, "log-pq")
            signature = self.pq(time_s, size)
            lines.append(notes.cosignature_mldsa44(name, key, time_s, signature))
        return notes.Note(tree.text(), tuple(lines))

    def opening(self, index: int, size: int | None = None, *, opened: bool = True) -> Opening:
        body = self.bodies[index] if opened else None
        return Opening(
            leaf=self.raws[index],
            salt=body[0] if body else b"",
            body=body[1] if body else None,
            charter=self.line.text,
            first=self.raws[0],
            first_path=tuple(self.path(0, size)),
            build=BUILD,
        )

    def proof(
        self, index: int, size: int | None = None, *, opened: bool = True, **note: Any
    ) -> bytes:
        """A proof file of one entry."""
        opening = self.opening(index, size, opened=opened)
        return make_proof(opening, index, self.path(index, size), self.note(size, **note))

    def entry(self, index: int) -> Entry:
        raw, body = self.raws[index], self.bodies[index]
        salt, packed = body or (None, None)
        return Entry(Place(self.id, index), leaf_hash(raw), raw, decode_leaf(raw), salt, packed)
