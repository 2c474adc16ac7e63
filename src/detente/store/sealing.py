"""Bodies at rest: each sealed under a key of its own, that key under the store's master key.

Destroying the wrapped key, some 60 bytes, destroys the body wherever copies of it lie. Keys are
used for one sealing only, so the nonce of a body is zero; wrapped keys carry a random nonce. Both
are bound to the place they were made for: a row copied elsewhere does not open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from detente.core.crypto import (
    AEAD_KEY_BYTES,
    AEAD_NONCE_BYTES,
    AeadKey,
    aead_open,
    aead_seal,
)
from detente.core.errors import LocalError, MachineError, PeerError, Refusal
from detente.core.leaf import LogId

_ZERO_NONCE = bytes(AEAD_NONCE_BYTES)
_DRAW_BYTES = AEAD_KEY_BYTES + AEAD_NONCE_BYTES
_BODY = b"detente store body v1\n"
_DRAFT = b"detente store draft v1\n"
_NOTE = b"detente store note v1\n"
_CHECK = b"detente store check v1\n"


class Sealed(NamedTuple):
    """A sealed body and the wrapped key that opens it, to be stored apart."""

    wrapped: bytes
    box: bytes


def log_place(line: bytes, log: LogId) -> bytes:
    """What every body of a log is bound to, before its index."""
    return _BODY + line + log.encode()


def body_place(prefix: bytes, index: int) -> bytes:
    """What the body of one entry is bound to; ``prefix`` is ``log_place``."""
    return prefix + index.to_bytes(8, "big")


def draft_place(line: bytes, number: int) -> bytes:
    """What a draft in the outbox is bound to."""
    return _DRAFT + line + number.to_bytes(8, "big")


def note_place(index: int) -> bytes:
    """What a note of the journal is bound to."""
    return _NOTE + index.to_bytes(8, "big")


class Sealer:
    """Seals and opens under one master key of 32 bytes; LocalError USAGE for another length."""

    def __init__(self, master: bytes, entropy: Callable[[int], bytes]) -> None:
        if len(master) != AEAD_KEY_BYTES:
            raise LocalError(Refusal.USAGE, f"a master key is {AEAD_KEY_BYTES} bytes long")
        self._master = AeadKey(master)
        self._entropy = entropy

    def seal(self, items: Sequence[tuple[bytes, bytes]]) -> list[Sealed]:
        """Seals each (place, plain bytes) under a fresh key; entropy is drawn once for all."""
        drawn = self._entropy(_DRAW_BYTES * len(items))
        out = []
        for at, (place, plain) in enumerate(items):
            start = at * _DRAW_BYTES
            key = drawn[start : start + AEAD_KEY_BYTES]
            nonce = drawn[start + AEAD_KEY_BYTES : start + _DRAW_BYTES]
            wrapped = nonce + self._master.seal(nonce, key, place)
            out.append(Sealed(wrapped, aead_seal(key, _ZERO_NONCE, plain, place)))
        return out

    def open(self, place: bytes, wrapped: bytes | None, box: bytes) -> bytes:
        """What was sealed for this place. MachineError DISK if key or box are not as stored."""
        try:
            if wrapped is None:
                raise PeerError(Refusal.UNREADABLE)
            nonce, sealed_key = wrapped[:AEAD_NONCE_BYTES], wrapped[AEAD_NONCE_BYTES:]
            key = self._master.open(nonce, sealed_key, place)
            return aead_open(key, _ZERO_NONCE, box, place)
        except PeerError as exc:
            raise MachineError(Refusal.DISK, "damaged: what was stored does not open") from exc

    def check_word(self) -> bytes:
        """Bytes by which ``knows`` tells this master key again."""
        nonce = self._entropy(AEAD_NONCE_BYTES)
        return nonce + self._master.seal(nonce, b"", _CHECK)

    def knows(self, word: bytes) -> bool:
        """Whether a check word was made under this master key."""
        try:
            self._master.open(word[:AEAD_NONCE_BYTES], word[AEAD_NONCE_BYTES:], _CHECK)
        except PeerError:
            return False
        return True
