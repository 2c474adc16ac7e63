"""Revocation: which key a party no longer stands by, and up to which head (spec/identity.md §9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from detente.core import limits
from detente.core.crypto import Signer, sha256
from detente.core.encoding import b64, decimal, malformed, unb64, unhex
from detente.core.errors import PeerError, Refusal
from detente.core.identity import (
    PARTY_BYTES,
    Card,
    Origin,
    parse_origin,
    root_note,
    sign_by_roots,
    verify_roots,
)
from detente.core.sheet import (
    SheetReader,
    choice,
    fields,
    instant,
    read_back,
    uninstant,
    write_sheet,
)

REVOCATION_FIRST = "detente revocation v1"
REASONS = ("lost", "stolen", "retired")

_KEY_WORD = re.compile(r"log-pq|holds-pq|heads|tls|kem|(?:log|holds) (?:[0-9]|1[0-5])")
_RENEWED = ("tls", "kem")  # by every rotation


class Stand(NamedTuple):
    """The last head of one log that the party stands by."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Revocation:
    """A key its party no longer stands by, and how far it stands by what that key signed."""

    party: bytes
    serial: int  # from 1; only rises, counted apart from cards
    key: str  # "log 3", "holds 3", "log-pq", "holds-pq", "heads", "tls", "kem"
    reason: str  # lost, stolen, retired
    issued_s: int
    stands: tuple[Stand, ...] = ()  # in order of origin; a log not named: not at all

    def encode(self) -> bytes:
        """The text that both roots sign (spec/identity.md §9)."""
        lines = [
            ("party", self.party.hex()),
            ("serial", str(self.serial)),
            ("key", self.key),
            ("reason", self.reason),
            ("issued", instant(self.issued_s)),
        ]
        lines += [("stands", f"{s.origin} {s.size} {b64(s.root)}") for s in self.stands]
        return write_sheet(REVOCATION_FIRST, lines)

    def stand(self, origin: str) -> Stand | None:
        """The last head of this log that the party stands by; None: of nothing in it."""
        return next((stand for stand in self.stands if stand.origin == origin), None)


class SignedRevocation(NamedTuple):
    """A revocation whose two root signatures verified, its file, the hash of its signed text."""

    revocation: Revocation
    data: bytes
    hash: bytes


def make_revocation(
    revocation: Revocation, card: Card, root_ed25519: Signer, root_mldsa44: Signer
) -> bytes:
    """The revocation note, signed by both roots. LocalError if it could not be read back."""
    data = sign_by_roots(revocation.encode(), card.party, root_ed25519, root_mldsa44)
    read_back(revocation, lambda: parse_revocation(data, card).revocation)
    return data


def parse_revocation(data: bytes, card: Card, held_serial: int = 0) -> SignedRevocation:
    """The revocation of a note, against any trusted card of its party (spec/identity.md §9).

    ``held_serial`` is the highest already held. PeerError MALFORMED, OVERSIZE, BAD_CARD for other
    signatures than the roots', STALE_CARD for a serial that does not rise.
    """
    text, note = root_note(data)
    revocation = _read_revocation(text)
    if revocation.party != card.party:
        raise PeerError(Refusal.BAD_CARD, "another party's revocation")
    verify_roots(note, card)
    if revocation.serial <= held_serial:
        raise PeerError(
            Refusal.STALE_CARD, f"serial {revocation.serial}, and {held_serial} is held"
        )
    return SignedRevocation(revocation, data, sha256(text))


def _read_revocation(text: bytes) -> Revocation:
    sheet = SheetReader(text, REVOCATION_FIRST, limits.CARD_BYTES_MAX)
    revocation = Revocation(
        party=unhex(sheet.value("party"), PARTY_BYTES),
        serial=decimal(sheet.value("serial")),
        key=sheet.value("key"),
        reason=choice(sheet.value("reason"), REASONS),
        issued_s=uninstant(sheet.value("issued")),
        stands=tuple(_read_stand(value) for value in sheet.values("stands")),
    )
    sheet.done()
    if revocation.serial < 1:
        raise malformed("serials begin at 1")
    if not _KEY_WORD.fullmatch(revocation.key):
        raise malformed("no such key on a card")
    _check_stands(revocation, [parse_origin(s.origin) for s in revocation.stands])
    return revocation


def _read_stand(value: str) -> Stand:
    where, size, root = fields(value, 3)
    return Stand(where, decimal(size), unb64(root, 32))


def _check_stands(revocation: Revocation, origins: list[Origin]) -> None:
    names = [stand.origin for stand in revocation.stands]
    if any(a >= b for a, b in pairwise(names)):
        raise malformed("heads not in order of their origins")
    if any(stand.size < 1 for stand in revocation.stands):
        raise malformed("a head of nothing")
    word, _, k = revocation.key.partition(" ")
    if names and word not in ("log", "log-pq"):
        raise malformed("only a log key has heads to stand by")
    for where in origins:
        if where.party != revocation.party or (k and where.k != int(k)):
            raise malformed("a head that this key has not signed")


# --- Which key it is ---------------------------------------------------------------------------


def revoked_key(revocation: Revocation, cards: Iterable[Card]) -> bytes | None:
    """The key that a revocation speaks of, out of these cards of its party.

    It stands on the latest card issued by then. Where every card known is later, the earliest of
    them lists it too, but for `tls` and `kem`: each rotation replaces those, so that the key is on
    no card here (spec/identity.md §9).
    """
    known = sorted(cards, key=lambda card: card.serial)
    before = [card for card in known if card.issued_s <= revocation.issued_s]
    if before:
        return _key(before[-1], revocation.key)
    return _key(known[0], revocation.key) if known and revocation.key not in _RENEWED else None


def _key(card: Card, word: str) -> bytes:
    role, _, k = word.partition(" ")
    if k:
        pair = card.pairs[int(k)]
        return pair.log if role == "log" else pair.holds
    return {
        "log-pq": card.log_mldsa44,
        "holds-pq": card.holds_mldsa44,
        "heads": card.heads_ed25519,
        "tls": card.tls_ed25519,
        "kem": card.kem_xwing,
    }[role]


def revoked_keys(
    revocations: Iterable[Revocation], cards: Iterable[Card]
) -> dict[bytes, Revocation]:
    """Every key that these revocations and cards together declare void.

    Of two revocations of one key that of the lower serial counts: what a party has said it stands
    by, it cannot take back.
    """
    of: dict[bytes, list[Card]] = {}
    for card in cards:
        of.setdefault(card.party, []).append(card)
    found: dict[bytes, Revocation] = {}
    for revocation in sorted(revocations, key=lambda one: (one.party, one.serial)):
        key = revoked_key(revocation, of.get(revocation.party, ()))
        if key is not None:
            found.setdefault(key, revocation)
    return found
