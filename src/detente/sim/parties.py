"""The parties of a simulation: their keys come from their names, their cards are made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from detente.core import crypto, identity, notes

START_S = 1_770_282_000  # 5 February 2026, 09:00 UTC
NAMES = ("alpha", "bravo", "charlie", "delta", "echo")
PAIRS = 16


def secret(*words: object) -> bytes:
    """A 32-byte seed that depends on the words alone."""
    return crypto.sha256(repr(("detente sim", *words)).encode())


@dataclass(slots=True)
class SimKeys:
    """The private keys of one party at incarnation ``k`` (core.station.Keys)."""

    name: str
    serial: int = 1  # of the card whose keys these are
    k: int = 0

    def sign_log(self, message: bytes) -> bytes:
        """Ed25519 by log key ``k``."""
        return crypto.ed25519_sign(secret(self.name, "log", self.k), message)

    def sign_holds(self, message: bytes) -> bytes:
        """Ed25519 by holds key ``k``."""
        return crypto.ed25519_sign(secret(self.name, "holds", self.k), message)

    def sign_heads(self, message: bytes) -> bytes:
        """Ed25519 by the witness key."""
        return crypto.ed25519_sign(secret(self.name, "heads"), message)

    def sign_author(self, message: bytes) -> bytes:
        """ML-DSA-44 by the author key."""
        return crypto.mldsa44_sign(secret(self.name, "log-pq"), message)

    def sign_holds_pq(self, message: bytes) -> bytes:
        """ML-DSA-44 by the holds key."""
        return crypto.mldsa44_sign(secret(self.name, "holds-pq"), message)


def _ed(*words: object) -> bytes:
    return crypto.ed25519_public(secret(*words))


@lru_cache(maxsize=256)
def card_of(name: str, serial: int = 1, *, real: bool = False) -> identity.SignedCard:
    """The card of this name and serial. From serial 2 on its TLS and KEM keys are others.

    ``real`` tells the cards of real ML-DSA keys from those of the stand-in: call within the
    ``seeded_signatures`` of the same word.
    """
    del real  # a word of the cache's key alone
    card = identity.Card(
        name=name.capitalize(),
        serial=serial,
        issued_s=START_S - 86_400 + serial,
        root_ed25519=_ed(name, "root"),
        root_mldsa44=crypto.mldsa44_public(secret(name, "root-pq")),
        log_mldsa44=crypto.mldsa44_public(secret(name, "log-pq")),
        holds_mldsa44=crypto.mldsa44_public(secret(name, "holds-pq")),
        heads_ed25519=_ed(name, "heads"),
        tls_ed25519=_ed(name, "tls", serial),
        kem_xwing=crypto.xwing_public(secret(name, "kem", serial)),
        pairs=tuple(
            identity.Pair(_ed(name, "log", k), _ed(name, "holds", k)) for k in range(PAIRS)
        ),
        bearers=(f"tls {name}.example:7700",),
    )
    return identity.parse_card(identity.make_card(card, *root_signers(name)))


def root_signers(name: str) -> tuple[crypto.Ed25519Signer, crypto.MlDsa44Signer]:
    """Both root keys, which no node ever has."""
    return (
        crypto.Ed25519Signer(secret(name, "root")),
        crypto.MlDsa44Signer(secret(name, "root-pq"), notes.NOTE_MLDSA44_CONTEXT),
    )
