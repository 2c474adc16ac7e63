"""Wycheproof's published cases through core.crypto: what is accepted and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import mlkem

from detente.core import crypto
from detente.core.errors import PeerError, Refusal

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "wycheproof"


def published(name: str) -> Iterator[tuple[dict, dict]]:
    """Every case of one file with its group, or a skip that says so."""
    path = VECTORS / f"{name}_test.json"
    if not path.exists():
        pytest.skip("published Wycheproof vectors are not beside this tree")
    document = json.loads(path.read_text())
    cases = [(group, case) for group in document["testGroups"] for case in group["tests"]]
    assert len(cases) == document["numberOfTests"]
    yield from cases


def raw(case: dict, field: str) -> bytes:
    """One hexadecimal field."""
    return bytes.fromhex(case[field])


def expected(case: dict) -> bool:
    """Whether the case is published as valid; none of these files has a third kind."""
    assert case["result"] in {"valid", "invalid"}
    return case["result"] == "valid"


def test_ed25519_verifies_as_published():
    """Each Ed25519 case verifies exactly when it is published as valid."""
    ran = 0
    for group, case in published("ed25519"):
        public = bytes.fromhex(group["publicKey"]["pk"])
        verified = crypto.ed25519_verify(public, raw(case, "msg"), raw(case, "sig"))
        assert verified == expected(case), case["tcId"]
        ran += 1
    assert ran == 151


def test_the_keys_of_valid_ed25519_cases_are_accepted():
    """Every key that signed a valid case lies in the subgroup of prime order."""
    keys = {group["publicKey"]["pk"] for group, case in published("ed25519") if expected(case)}
    for key in keys:
        crypto.check_ed25519_public(bytes.fromhex(key))
    assert len(keys) > 20


def test_mldsa44_verifies_as_published():
    """Each ML-DSA-44 case, with its context, verifies exactly when it is published as valid."""
    ran = 0
    for group, case in published("mldsa_44_verify"):
        context = bytes.fromhex(case.get("ctx", ""))
        public = bytes.fromhex(group["publicKey"])
        verified = crypto.mldsa44_verify(public, raw(case, "msg"), raw(case, "sig"), context)
        assert verified == expected(case), case["tcId"]
        ran += 1
    assert ran == 180


def test_chacha20_poly1305_opens_as_published():
    """Each valid case seals and opens as published; each other one is UNREADABLE."""
    ran = 0
    for _, case in published("chacha20_poly1305"):
        key, nonce, aad = raw(case, "key"), raw(case, "iv"), raw(case, "aad")
        sealed = raw(case, "ct") + raw(case, "tag")
        if expected(case):
            assert crypto.aead_open(key, nonce, sealed, aad) == raw(case, "msg"), case["tcId"]
            assert crypto.aead_seal(key, nonce, raw(case, "msg"), aad) == sealed, case["tcId"]
        else:
            with pytest.raises(PeerError) as caught:
                crypto.aead_open(key, nonce, sealed, aad)
            assert caught.value.refusal is Refusal.UNREADABLE, case["tcId"]
        ran += 1
    assert ran == 325


def test_hkdf_sha256_derives_as_published():
    """Each valid case derives the published bytes; a length above 8,160 is our caller's mistake."""
    ran = 0
    for _, case in published("hkdf_sha256"):
        args = (raw(case, "ikm"), raw(case, "salt"), raw(case, "info"), case["size"])
        if expected(case):
            assert crypto.hkdf(*args) == raw(case, "okm"), case["tcId"]
        else:
            with pytest.raises(ValueError):
                crypto.hkdf(*args)
        ran += 1
    assert ran == 86


def decapsulated(case: dict) -> bytes:
    """The shared secret of a case, after checking that its seed gives its public key."""
    key = mlkem.MLKEM768PrivateKey.from_seed_bytes(raw(case, "seed"))
    if key.public_key().public_bytes_raw() != raw(case, "ek"):
        raise ValueError("another public key")
    return key.decapsulate(raw(case, "c"))


def test_mlkem768_decapsulates_as_published():
    """Under X-Wing's lattice half each valid case gives the published secret, no other one does.

    The library is asked directly: core never uses ML-KEM outside HPKE.
    """
    ran = 0
    for _, case in published("mlkem_768"):
        if expected(case):
            assert decapsulated(case) == raw(case, "K"), case["tcId"]
        else:
            with pytest.raises(ValueError):
                decapsulated(case)
        ran += 1
    assert ran == 193
