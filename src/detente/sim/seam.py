"""The one piece of cryptography that is replaced: ML-DSA, whose signatures the library hedges with
randomness of its own, so that no seed could replay them.

The stand-in signs and refuses as the real one does, and costs less; who may sign is kept by the
simulator, since anybody could compute it. One seed in fifty uses the real one.
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


@contextmanager
def seeded_signatures(real: bool = False) -> Iterator[None]:
    """Within: ML-DSA-44 by the stand-in, unless ``real``."""
    if real:
        yield
        return
    kept = crypto._mldsa44_public_key, crypto._mldsa44_private_key  # noqa: SLF001
    crypto._mldsa44_public_key = _Public  # type: ignore[assignment]  # noqa: SLF001
    crypto._mldsa44_private_key = _Private  # type: ignore[assignment]  # noqa: SLF001
    try:
        yield
    finally:
        crypto._mldsa44_public_key, crypto._mldsa44_private_key = kept  # noqa: SLF001
