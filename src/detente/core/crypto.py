"""The one user of the cryptography library: sign, verify, seal, open, derive (spec/identity.md).

Nothing here is an invention: Ed25519 (RFC 8032), ML-DSA-44 (FIPS 204), HPKE (RFC 9180) with
X-Wing, HKDF (RFC 5869) and ChaCha20-Poly1305 (RFC 8439), all done by the library, and HMAC (RFC
2104) by Python. Keys are built from seeds that the caller drew; what the library itself draws (the
hedge of an ML-DSA signature, the encapsulation of HPKE) never changes what a signature or a sealed
text means.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from detente.core.errors import PeerError, Refusal

SEED_BYTES = 32  # the stored form of every secret key here
ED25519_PUBLIC_BYTES = 32
ED25519_SIGNATURE_BYTES = 64
MLDSA44_PUBLIC_BYTES = 1312
MLDSA44_SIGNATURE_BYTES = 2420
MLDSA_CONTEXT_BYTES_MAX = 255  # FIPS 204, algorithms 2 and 3
XWING_PUBLIC_BYTES = 1216
AEAD_KEY_BYTES = 32
AEAD_NONCE_BYTES = 12

_PUBLIC_KEYS_MAX = 2048  # 32 members, 16 incarnations, two cosigners each, and room
_SECRET_KEYS_MAX = 64  # a node signs with its own few keys; a simulation with those of a line
_MLKEM768_PUBLIC_BYTES = 1184
_MLKEM768_SEED_BYTES = 64
_XWING_EXPANDED_BYTES = 96

_HPKE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def sha256(*parts: bytes) -> bytes:
    """SHA-256 (FIPS 180-4) of the parts put end to end; 32 bytes. Labels are the caller's."""
    return hashlib.sha256(b"".join(parts)).digest()


# --- Ed25519 -------------------------------------------------------------------------------


@lru_cache(maxsize=_PUBLIC_KEYS_MAX)
def _ed25519_public_key(public: bytes) -> ed25519.Ed25519PublicKey:
    return ed25519.Ed25519PublicKey.from_public_bytes(public)


@lru_cache(maxsize=_SECRET_KEYS_MAX)
def _ed25519_private_key(seed: bytes) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is an Ed25519 signature of ``message`` (RFC 8032 §5.1.7).

    Keys and signatures of another length, or that decode to no point, verify nothing. Whether
    the key itself is safe is asked once, when it is accepted: ``check_ed25519_public``.
    """
    if len(public) != ED25519_PUBLIC_BYTES or len(signature) != ED25519_SIGNATURE_BYTES:
        return False
    try:
        _ed25519_public_key(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def ed25519_public(seed: bytes) -> bytes:
    """The 32-byte public key of a 32-byte seed (RFC 8032 §5.1.5)."""
    return _ed25519_private_key(seed).public_key().public_bytes_raw()


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    """The one 64-byte Ed25519 signature of ``message`` under ``seed`` (RFC 8032 §5.1.6)."""
    return _ed25519_private_key(seed).sign(message)


# --- ML-DSA-44 -----------------------------------------------------------------------------


@lru_cache(maxsize=_PUBLIC_KEYS_MAX)
def _mldsa44_public_key(public: bytes) -> mldsa.MLDSA44PublicKey:
    return mldsa.MLDSA44PublicKey.from_public_bytes(public)


@lru_cache(maxsize=_SECRET_KEYS_MAX)
def _mldsa44_private_key(seed: bytes) -> mldsa.MLDSA44PrivateKey:
    return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)


def mldsa44_verify(public: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
    """Whether ``signature`` is an ML-DSA-44 signature of ``message`` in ``context`` (FIPS 204).

    Keys, signatures and contexts of a length the standard does not know verify nothing.
    """
    if (
        len(public) != MLDSA44_PUBLIC_BYTES
        or len(signature) != MLDSA44_SIGNATURE_BYTES
        or len(context) > MLDSA_CONTEXT_BYTES_MAX
    ):
        return False
    try:
        _mldsa44_public_key(public).verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


def mldsa44_public(seed: bytes) -> bytes:
    """The 1,312-byte public key of a 32-byte seed (FIPS 204, algorithm 6)."""
    return _mldsa44_private_key(seed).public_key().public_bytes_raw()


def mldsa44_sign(seed: bytes, message: bytes, context: bytes = b"") -> bytes:
    """A 2,420-byte ML-DSA-44 signature of ``message`` in ``context`` of at most 255 bytes.

    It is hedged with the library's own randomness (FIPS 204 §3.4): two signatures of the same
    message differ. Never hash or compare them; keep them outside everything that has an identity.
    """
    return _mldsa44_private_key(seed).sign(message, context)


# --- Signers: a seam where tests and simulations put their own --------------------------------


class Signer(Protocol):
    """Whatever signs with one key: a seed in memory, or a test's stand-in."""

    def public(self) -> bytes:
        """The public key its signatures verify under."""

    def sign(self, message: bytes) -> bytes:
        """A signature of ``message``."""


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """Signs with Ed25519 under a 32-byte seed, which its representation does not show."""

    seed: bytes = field(repr=False)

    def public(self) -> bytes:
        """The 32-byte public key."""
        return ed25519_public(self.seed)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of ``message``."""
        return ed25519_sign(self.seed, message)


@dataclass(frozen=True, slots=True)
class MlDsa44Signer:
    """Signs with ML-DSA-44 under a 32-byte seed, always in one context (empty for C2SP)."""

    seed: bytes = field(repr=False)
    context: bytes = b""

    def public(self) -> bytes:
        """The 1,312-byte public key."""
        return mldsa44_public(self.seed)

    def sign(self, message: bytes) -> bytes:
        """A 2,420-byte signature of ``message``; see ``mldsa44_sign`` on why two differ."""
        return mldsa44_sign(self.seed, message, self.context)


# --- HPKE, AEAD, HKDF ------------------------------------------------------------------------


def _xwing_parts(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    if len(seed) != SEED_BYTES:
        # SHAKE256 would take any length, and a cut seed would become a weak key in silence.
        raise ValueError("an X-Wing seed is 32 bytes long")
    expanded = hashlib.shake_256(seed).digest(_XWING_EXPANDED_BYTES)
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM768_SEED_BYTES]),
        x25519.X25519PrivateKey.from_private_bytes(expanded[_MLKEM768_SEED_BYTES:]),
    )


def xwing_public(seed: bytes) -> bytes:
    """The 1,216-byte X-Wing public key of a 32-byte seed: ML-KEM-768's, then X25519's.

    The seed is expanded as draft-connolly-cfrg-xwing-kem §5.2 says.
    """
    kem, dh = _xwing_parts(seed)
    return kem.public_key().public_bytes_raw() + dh.public_key().public_bytes_raw()


def hpke_seal(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """Seals to an X-Wing key: HPKE base mode, HKDF-SHA256, ChaCha20-Poly1305 (RFC 9180 §6.1).

    The result is encapsulation and sealed text in one, 1,136 bytes longer than ``plaintext``,
    another one each time. It says nothing of who sealed it: sign what must have an author.
    ``info`` binds the context. PeerError BAD_CARD for a key that nothing can be sealed to.
    """
    try:
        key = hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM768_PUBLIC_BYTES]),
            x25519.X25519PublicKey.from_public_bytes(public[_MLKEM768_PUBLIC_BYTES:]),
        )
        return _HPKE.encrypt(plaintext, key, info=info)
    except ValueError as exc:
        raise PeerError(Refusal.BAD_CARD, "not an X-Wing key") from exc


def hpke_open(seed: bytes, info: bytes, ciphertext: bytes) -> bytes:
    """Opens what ``hpke_seal`` sealed to this seed's key under the same ``info``.

    PeerError UNREADABLE for anything else.
    """
    key = hpke.MLKEM768X25519PrivateKey(*_xwing_parts(seed))
    try:
        return _HPKE.decrypt(ciphertext, key, info=info)
    except InvalidTag as exc:
        raise PeerError(Refusal.UNREADABLE, "a sealed text that does not open") from exc


class AeadKey:
    """A key of ChaCha20-Poly1305 (RFC 8439) that is used many times: making one ready takes as
    long as sealing a short text under it."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Sealed text and 16-byte tag. Never use a nonce twice."""
        return self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes:
        """Opens what ``seal`` sealed. PeerError UNREADABLE for anything else.

        That covers nonces of a length other than 12 bytes, which a peer may have sent.
        """
        if len(nonce) != AEAD_NONCE_BYTES:
            raise PeerError(Refusal.UNREADABLE, "a nonce is 12 bytes long")
        try:
            return self._cipher.decrypt(nonce, ciphertext, aad)
        except InvalidTag as exc:
            raise PeerError(Refusal.UNREADABLE, "a sealed text that does not open") from exc


def aead_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """``AeadKey.seal`` under a key that is used once."""
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)


def aead_open(key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    """``AeadKey.open`` under a key that is used once."""
    return AeadKey(key).open(nonce, ciphertext, aad)


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869): ``length`` bytes, at most 8,160, from a secret."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104): the 32 bytes that only who has the key can make of a message."""
    return hmac.digest(key, message, "sha256")


# --- Is an Ed25519 public key safe to accept? ------------------------------------------------
#
# This is the validation of a public value, not new cryptography: no secret enters it, so it may
# take as long as it likes, and the library offers no such check. Constants and formulas are those
# of edwards25519 in RFC 8032 §5.1.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)

_Point = tuple[int, int, int, int]  # extended homogeneous (X, Y, Z, T): x=X/Z, y=Y/Z, xy=T/Z
_IDENTITY: _Point = (0, 1, 1, 0)


def _decompress(public: bytes) -> _Point | None:
    """The point of its one canonical encoding (RFC 8032 §5.1.3), or nothing."""
    number = int.from_bytes(public, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _SQRT_M1 % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _add(p: _Point, q: _Point) -> _Point:
    """The sum of two points, complete for every pair (RFC 8032 §5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(p: _Point) -> _Point:
    """Twice a point: half the work of adding it to itself (RFC 8032 §5.1.4)."""
    x, y, z, _ = p
    a, b = x * x % _P, y * y % _P
    h = a + b
    e, g = h - (x + y) ** 2 % _P, a - b
    f = 2 * z * z + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times_order(point: _Point) -> _Point:
    """L times a point, five bits at a time: a card has 35 keys to be looked at."""
    odd = [point]
    twice = _double(point)
    for _ in range(15):
        odd.append(_add(odd[-1], twice))
    product, bits = _IDENTITY, f"{_L:b}"
    at = 0
    while at < len(bits):
        if bits[at] == "0":
            product = _double(product)
            at += 1
            continue
        end = min(at + 5, len(bits))
        while bits[end - 1] == "0":
            end -= 1
        for _ in range(end - at):
            product = _double(product)
        product = _add(product, odd[int(bits[at:end], 2) >> 1])
        at = end
    return product


def _is_identity(point: _Point) -> bool:
    return point[0] == 0 and point[1] == point[2]


@lru_cache(maxsize=4096)  # the keys of 100 cards; only safe ones are remembered
def check_ed25519_public(public: bytes) -> None:
    """Refuses an Ed25519 key under which a signature could mean two things.

    PeerError BAD_CARD unless ``public`` is the canonical encoding of a point other than the
    identity in the subgroup of prime order L: small- and mixed-order keys, under which one
    verifier accepts what another refuses, are not keys (RFC 8032 §5.1, §8.9 leaves this open).
    """
    if len(public) != ED25519_PUBLIC_BYTES:
        raise PeerError(Refusal.BAD_CARD, "an Ed25519 key is 32 bytes long")
    point = _decompress(public)
    if point is None:
        raise PeerError(Refusal.BAD_CARD, "not the encoding of a point")
    if _is_identity(point):
        raise PeerError(Refusal.BAD_CARD, "the identity is not a key")
    if not _is_identity(_times_order(point)):
        raise PeerError(Refusal.BAD_CARD, "a key outside the subgroup of prime order")
