"""The keys of one incarnation as the core uses them (core.station.Keys)."""

from __future__ import annotations

from dataclasses import dataclass

from detente.core.crypto import ed25519_sign, mldsa44_sign
from detente.store.keyring import NodeKeys


@dataclass(frozen=True)
class HeldKeys:
    """Signs with the seeds of a node's keyring; ``repr`` shows none of them."""

    _keys: NodeKeys

    def __repr__(self) -> str:
        return f"HeldKeys(k={self.k})"

    @property
    def k(self) -> int:
        """The incarnation whose pair these are."""
        return self._keys.incarnation

    def sign_log(self, message: bytes) -> bytes:
        """Ed25519 by log key ``k``."""
        return ed25519_sign(self._keys.log, message)

    def sign_holds(self, message: bytes) -> bytes:
        """Ed25519 by holds key ``k``."""
        return ed25519_sign(self._keys.holds, message)

    def sign_heads(self, message: bytes) -> bytes:
        """Ed25519 by the witness key."""
        return ed25519_sign(self._keys.heads, message)

    def sign_author(self, message: bytes) -> bytes:
        """ML-DSA-44 by the author key."""
        return mldsa44_sign(self._keys.log_mldsa, message)

    def sign_holds_pq(self, message: bytes) -> bytes:
        """ML-DSA-44 by the holds key."""
        return mldsa44_sign(self._keys.holds_mldsa, message)
