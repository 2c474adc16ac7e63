"""The one piece of cryptography that is replaced: ML-DSA, whose signatures the library hedges with
randomness of its own, so that no seed could replay them.

The stand-in signs and refuses as the real one does, and costs less; who may sign is kept by the
simulator, since anybody could compute it. One seed in fifty uses the real one.

Ed25519 is the library's. But whether a signature is one is asked once within a seed, where every
member of a line asks it of itself, and of what was just signed it is known: the answer depends on
key, message and signature alone. The seeds with real ML-DSA ask every time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from detente.core import crypto


def _shake(label: bytes, *parts: bytes, count: int) -> bytes:
    hashed = hashlib.shake_128(label)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.digest(32).ljust(count, b"\x5d")


class _Public:
    def __init__(self, public: bytes) -> None:
        self._public = public

    def verify(self, signature: bytes, message: bytes, context: bytes) -> None:
        """As the library's: raises where the signature is another one."""
        size = crypto.MLDSA44_SIGNATURE_BYTES
        if signature != _shake(b"signature", self._public, context, message, count=size):
            raise crypto.InvalidSignature  # type: ignore[attr-defined]

    def public_bytes_raw(self) -> bytes:
        """The 1,312 bytes that stand in a card."""
        return self._public


class _Private:
    def __init__(self, seed: bytes) -> None:
        size = crypto.MLDSA44_PUBLIC_BYTES
        self._public = _shake(b"public", seed, count=size)

    def public_key(self) -> _Public:
        """The public half."""
        return _Public(self._public)

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        """The one signature of a message in a context."""
        size = crypto.MLDSA44_SIGNATURE_BYTES
        return _shake(b"signature", self._public, context, message, count=size)


class _Known:
    """What Ed25519 has said within one seed of a key, a signature and a message."""

    def __init__(self) -> None:
        self._said: dict[tuple[bytes, bytes, bytes], bool] = {}
        self._publics: dict[bytes, _EdPublic] = {}
        self._privates: dict[bytes, _EdPrivate] = {}

    def public(self, public: bytes) -> _EdPublic:
        """Stands for the library's key."""
        found = self._publics.get(public)
        if found is None:
            found = self._publics[public] = _EdPublic(public, self._said)
        return found

    def private(self, seed: bytes) -> _EdPrivate:
        """The same."""
        found = self._privates.get(seed)
        if found is None:
            found = self._privates[seed] = _EdPrivate(seed, self._said)
        return found


class _EdPublic:
    def __init__(self, public: bytes, said: dict[tuple[bytes, bytes, bytes], bool]) -> None:
        self._public = public
        self._said = said

    def verify(self, signature: bytes, message: bytes) -> None:
        """As the library's: raises where the signature is another one."""
        asked = self._public, signature, message
        found = self._said.get(asked)
        if found is None:
            try:
                _LIBRARY_PUBLIC(self._public).verify(signature, message)
                found = True
            except crypto.InvalidSignature:  # type: ignore[attr-defined]
                found = False
            self._said[asked] = found
        if not found:
            raise crypto.InvalidSignature  # type: ignore[attr-defined]

    def public_bytes_raw(self) -> bytes:
        """The 32 bytes that stand in a card."""
        return self._public


class _EdPrivate:
    def __init__(self, seed: bytes, said: dict[tuple[bytes, bytes, bytes], bool]) -> None:
        self._key = _LIBRARY_PRIVATE(seed)
        self._public = self._key.public_key().public_bytes_raw()
        self._said = said

    def public_key(self) -> _EdPublic:
        """The public half."""
        return _EdPublic(self._public, self._said)

    def sign(self, message: bytes) -> bytes:
        """The one signature of a message."""
        signature = self._key.sign(message)
        self._said[self._public, signature, message] = True
        return signature


_LIBRARY_PUBLIC = crypto._ed25519_public_key  # noqa: SLF001
_LIBRARY_PRIVATE = crypto._ed25519_private_key  # noqa: SLF001


@contextmanager
def seeded_signatures(real: bool = False) -> Iterator[None]:
    """Within: ML-DSA-44 by the stand-in, and Ed25519 asked once, unless ``real``."""
    if real:
        yield
        return
    known = _Known()
    seams = {
        "_mldsa44_public_key": _Public,
        "_mldsa44_private_key": _Private,
        "_ed25519_public_key": known.public,
        "_ed25519_private_key": known.private,
    }
    kept = {name: getattr(crypto, name) for name in seams}
    for name, seam in seams.items():
        setattr(crypto, name, seam)
    try:
        yield
    finally:
        for name, library in kept.items():
            setattr(crypto, name, library)
