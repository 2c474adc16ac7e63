"""Keys, signatures and seals: what verifies, what opens, and which keys are refused."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core import crypto
from detente.core.errors import PeerError, Refusal

SEED = bytes(range(32))
OTHER_SEED = bytes(range(1, 33))
P = 2**255 - 19

# RFC 8032 §7.1, test 3.
RFC_SEED = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
RFC_PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
RFC_MESSAGE = bytes.fromhex("af82")
RFC_SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)

SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


def refused(refusal: Refusal, call, *args) -> None:
    """The call raises PeerError with this refusal."""
    with pytest.raises(PeerError) as caught:
        call(*args)
    assert caught.value.refusal is refusal


def flipped(data: bytes, at: int) -> bytes:
    """The same bytes but for one bit."""
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def test_sha256_hashes_the_parts_put_end_to_end():
    """Several parts hash as their concatenation; none hash as nothing."""
    assert crypto.sha256(b"ab", b"", b"c") == hashlib.sha256(b"abc").digest()
    assert crypto.sha256() == hashlib.sha256(b"").digest()


def test_ed25519_agrees_with_rfc_8032():
    """Public key and signature of a published seed come out as published."""
    assert crypto.ed25519_public(RFC_SEED) == RFC_PUBLIC
    assert crypto.ed25519_sign(RFC_SEED, RFC_MESSAGE) == RFC_SIGNATURE
    assert crypto.ed25519_verify(RFC_PUBLIC, RFC_MESSAGE, RFC_SIGNATURE)


def test_ed25519_verifies_nothing_else():
    """Another message, key, signature or length, and a key that is no point, verify False."""
    verify = crypto.ed25519_verify
    assert not verify(RFC_PUBLIC, RFC_MESSAGE + b"x", RFC_SIGNATURE)
    assert not verify(crypto.ed25519_public(SEED), RFC_MESSAGE, RFC_SIGNATURE)
    assert not any(verify(RFC_PUBLIC, RFC_MESSAGE, flipped(RFC_SIGNATURE, i)) for i in range(64))
    assert not verify(RFC_PUBLIC, RFC_MESSAGE, RFC_SIGNATURE[:-1])
    assert not verify(RFC_PUBLIC, RFC_MESSAGE, RFC_SIGNATURE + b"\0")
    assert not verify(RFC_PUBLIC[:-1], RFC_MESSAGE, RFC_SIGNATURE)
    assert not verify(b"", RFC_MESSAGE, RFC_SIGNATURE)
    assert not verify(b"\xff" * 32, RFC_MESSAGE, RFC_SIGNATURE)


def test_mldsa44_signs_in_a_context():
    """A signature verifies in its own context only, and two of one message differ."""
    public = crypto.mldsa44_public(SEED)
    signature = crypto.mldsa44_sign(SEED, b"text", b"context")
    assert len(public) == crypto.MLDSA44_PUBLIC_BYTES
    assert len(signature) == crypto.MLDSA44_SIGNATURE_BYTES
    assert crypto.mldsa44_verify(public, b"text", signature, b"context")
    assert not crypto.mldsa44_verify(public, b"text", signature)
    assert not crypto.mldsa44_verify(public, b"texT", signature, b"context")
    again = crypto.mldsa44_sign(SEED, b"text", b"context")
    assert again != signature
    assert crypto.mldsa44_verify(public, b"text", again, b"context")


def test_mldsa44_verifies_nothing_of_a_wrong_length():
    """Keys, signatures and contexts of another length verify False and raise nothing."""
    public = crypto.mldsa44_public(SEED)
    signature = crypto.mldsa44_sign(SEED, b"text")
    assert crypto.mldsa44_verify(public, b"text", signature)
    assert not crypto.mldsa44_verify(public[:-1], b"text", signature)
    assert not crypto.mldsa44_verify(public, b"text", signature + b"\0")
    assert not crypto.mldsa44_verify(public, b"text", signature, bytes(256))


def test_an_mldsa44_context_may_have_255_bytes():
    """As many as the standard allows, and both ends agree on each of them."""
    public, context = crypto.mldsa44_public(SEED), bytes(255)
    signature = crypto.mldsa44_sign(SEED, b"text", context)
    assert crypto.mldsa44_verify(public, b"text", signature, context)
    assert not crypto.mldsa44_verify(public, b"text", signature, context[1:])


def test_parsed_keys_are_kept():
    """A second verification under one key does not parse the key again."""
    public = crypto.ed25519_public(OTHER_SEED)
    signature = crypto.ed25519_sign(OTHER_SEED, b"m")
    crypto.ed25519_verify(public, b"m", signature)
    before = crypto._ed25519_public_key.cache_info()
    crypto.ed25519_verify(public, b"m", signature)
    after = crypto._ed25519_public_key.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
    assert before.maxsize is not None


@pytest.mark.parametrize(
    ("signer", "verify"),
    [
        (crypto.Ed25519Signer(SEED), crypto.ed25519_verify),
        (crypto.MlDsa44Signer(SEED), crypto.mldsa44_verify),
    ],
)
def test_a_signer_signs_for_the_key_it_names(signer: crypto.Signer, verify):
    """What a signer signs verifies under its public key; its seed does not show."""
    assert verify(signer.public(), b"text", signer.sign(b"text"))
    assert repr(SEED) not in repr(signer)


def test_an_mldsa44_signer_keeps_to_its_context():
    """A signer with a context signs in that context."""
    signer = crypto.MlDsa44Signer(SEED, b"here")
    signature = signer.sign(b"text")
    assert crypto.mldsa44_verify(signer.public(), b"text", signature, b"here")
    assert not crypto.mldsa44_verify(signer.public(), b"text", signature)


def test_hpke_opens_what_was_sealed():
    """A sealed text opens with seed and info, differs each time and is 1,136 bytes longer."""
    public = crypto.xwing_public(SEED)
    sealed = crypto.hpke_seal(public, b"info", b"plain")
    assert len(public) == crypto.XWING_PUBLIC_BYTES
    assert len(sealed) == len(b"plain") + 1136
    assert crypto.hpke_open(SEED, b"info", sealed) == b"plain"
    assert crypto.hpke_seal(public, b"info", b"plain") != sealed


def test_hpke_opens_nothing_else():
    """Another seed, another info, a flipped bit or a cut text is UNREADABLE."""
    sealed = crypto.hpke_seal(crypto.xwing_public(SEED), b"info", b"plain")
    unreadable = [
        (OTHER_SEED, b"info", sealed),
        (SEED, b"Info", sealed),
        (SEED, b"info", b""),
        (SEED, b"info", sealed[:1130]),
        (SEED, b"info", sealed[:-1]),
        *[(SEED, b"info", flipped(sealed, at)) for at in (0, 1087, 1088, 1119, 1120, -1 % 1141)],
        (SEED, b"info", sealed[:1088] + bytes(32) + sealed[1120:]),
    ]
    for args in unreadable:
        refused(Refusal.UNREADABLE, crypto.hpke_open, *args)


def test_hpke_seals_to_no_broken_key():
    """A key of another length, or whose X25519 part is of small order, is BAD_CARD."""
    public = crypto.xwing_public(SEED)
    for bad in (b"", public[:-1], public + b"\0", public[:1184] + bytes(32), b"\xff" * 1216):
        refused(Refusal.BAD_CARD, crypto.hpke_seal, bad, b"info", b"plain")


def test_a_short_xwing_seed_makes_no_key():
    """SHAKE256 would expand any seed: one that is not 32 bytes is our own caller's mistake."""
    for call in (crypto.xwing_public, lambda seed: crypto.hpke_open(seed, b"", b"")):
        with pytest.raises(ValueError):
            call(SEED[:31])


def test_xwing_key_begins_as_published():
    """The first published seed of draft-connolly-cfrg-xwing-kem gives the published key."""
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    begins = "e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5"
    assert crypto.xwing_public(seed)[:32].hex() == begins


def test_hpke_is_rfc_9180_over_xwing():
    """A sealed text opens by hand: X-Wing's combiner and KEM id 0x647a, RFC 9180's key schedule."""
    sealed = crypto.hpke_seal(crypto.xwing_public(SEED), b"info", b"plain")
    lattice, curve, body = sealed[:1088], sealed[1088:1120], sealed[1120:]
    expanded = hashlib.shake_256(SEED).digest(96)
    own = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    shared = hashlib.sha3_256(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(lattice)
        + own.exchange(x25519.X25519PublicKey.from_public_bytes(curve))
        + curve
        + own.public_key().public_bytes_raw()
        + rb"\.//^"
        + b"\\"
    ).digest()
    suite = b"HPKE" + bytes.fromhex("647a00010003")

    def extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, "sha256")

    def expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
        labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
        return hmac.digest(secret, labelled + b"\x01", "sha256")[:length]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", b"info")
    secret = extract(shared, b"secret", b"")
    key = expand(secret, b"key", context, 32)
    nonce = expand(secret, b"base_nonce", context, 12)
    assert ChaCha20Poly1305(key).decrypt(nonce, body, b"") == b"plain"


def test_aead_opens_only_what_was_sealed():
    """Key, nonce, text and associated data must all be those of the seal."""
    key, nonce = bytes(32), bytes(12)
    sealed = crypto.aead_seal(key, nonce, b"plain", b"aad")
    assert crypto.aead_open(key, nonce, sealed, b"aad") == b"plain"
    assert crypto.AeadKey(key).seal(nonce, b"plain", b"aad") == sealed
    unreadable = [
        (flipped(key, 0), nonce, sealed, b"aad"),
        (key, flipped(nonce, 0), sealed, b"aad"),
        (key, nonce[:-1], sealed, b"aad"),
        (key, nonce, flipped(sealed, 0), b"aad"),
        (key, nonce, sealed[:10], b"aad"),
        (key, nonce, sealed, b"Aad"),
    ]
    for args in unreadable:
        refused(Refusal.UNREADABLE, crypto.aead_open, *args)


def test_hkdf_agrees_with_rfc_5869():
    """The first published case comes out as published; another length is another prefix."""
    okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    secret, salt, info = b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA))
    assert crypto.hkdf(secret, salt, info, 42).hex() == okm
    assert crypto.hkdf(secret, salt, info, 16).hex() == okm[:32]


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_every_made_key_is_accepted(seed: bytes):
    """The public key of any seed lies in the subgroup of prime order."""
    crypto.check_ed25519_public.cache_clear()  # so that it is looked at, not remembered
    crypto.check_ed25519_public(crypto.ed25519_public(seed))


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_every_mixed_order_key_is_refused(seed: bytes):
    """A made key plus the point of order two, which is (-x, -y), is on the curve and refused."""
    number = int.from_bytes(crypto.ed25519_public(seed), "little")
    sign, y = number >> 255, number & (2**255 - 1)
    mixed = ((sign ^ 1) << 255 | (P - y)).to_bytes(32, "little")
    assert crypto._decompress(mixed) is not None
    refused(Refusal.BAD_CARD, crypto.check_ed25519_public, mixed)


@pytest.mark.parametrize("encoded", SMALL_ORDER)
def test_every_small_order_key_is_refused(encoded: str):
    """None of the eight points of the torsion subgroup is a key."""
    public = bytes.fromhex(encoded)
    assert crypto._decompress(public) is not None or public[-1] == 0x80
    refused(Refusal.BAD_CARD, crypto.check_ed25519_public, public)


def test_a_small_order_key_would_sign_everything():
    """Why the check is not optional: under the identity one signature verifies any message."""
    identity = bytes.fromhex(SMALL_ORDER[0])
    assert crypto.ed25519_verify(identity, b"yes", identity + bytes(32))
    assert crypto.ed25519_verify(identity, b"no", identity + bytes(32))


@pytest.mark.parametrize(
    "number",
    [
        P,  # y = 0, once more
        P + 1,  # the identity, once more
        P + 3,  # y = 3, a point, but not in its canonical form
        2**255 - 1,
        1 | 1 << 255,  # the identity with the sign of x = 0 set
        (P - 1) | 1 << 255,  # the point of order two likewise
        2,  # no x on the curve
    ],
)
def test_every_other_encoding_is_refused(number: int):
    """Encodings that are not canonical, or of no point, are refused."""
    public = number.to_bytes(32, "little")
    assert crypto._decompress(public) is None
    refused(Refusal.BAD_CARD, crypto.check_ed25519_public, public)


def test_keys_of_another_length_are_refused():
    """A key is 32 bytes long."""
    public = crypto.ed25519_public(SEED)
    for bad in (b"", public[:-1], public + b"\0"):
        refused(Refusal.BAD_CARD, crypto.check_ed25519_public, bad)
