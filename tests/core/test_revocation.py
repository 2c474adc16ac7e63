"""Revocation: both roots say which key counts no more, and up to which head it did."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from core.test_identity import ISSUED_S, LINE, card, card_file, roots, signed

from detente.core import identity, limits
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.leaf import LogId
from detente.core.revocation import (
    Revocation,
    Stand,
    make_revocation,
    parse_revocation,
    revoked_keys,
)


def head(k: int, size: int = 117, party: str = "north") -> Stand:
    """The head of one of a party's logs."""
    return Stand(identity.origin(LINE, card(party).party, LogId(0, k, b"")), size, bytes(32))


def revocation(**change: object) -> Revocation:
    """A revocation of the first log key, with some fields changed."""
    values = {
        "party": card().party,
        "serial": 1,
        "key": "log 0",
        "reason": "stolen",
        "issued_s": ISSUED_S,
        "stands": (head(0),),
    }
    return Revocation(**(values | change))


def test_revocation_round_trip() -> None:
    """A revocation reads back against its party's card, and its serial must rise."""
    made = revocation()
    data = make_revocation(made, card(), *roots("north"))
    parsed = parse_revocation(data, card())
    assert parsed == (made, data, hashlib.sha256(made.encode()).digest())
    later = replace(card(), serial=7, tls_ed25519=card("south").tls_ed25519)
    assert parse_revocation(data, later, held_serial=0).revocation == made
    with pytest.raises(PeerError) as caught:
        parse_revocation(data, card(), held_serial=1)
    assert caught.value.refusal is Refusal.STALE_CARD


@pytest.mark.parametrize("key", ["log 15", "holds 0", "log-pq", "holds-pq", "heads", "tls", "kem"])
def test_every_key_but_the_roots_can_be_revoked(key: str) -> None:
    """Each key of a card has a word, and revoking it needs no head to stand by."""
    data = make_revocation(revocation(key=key, stands=()), card(), *roots("north"))
    assert parse_revocation(data, card()).revocation.key == key


def test_stands_of_several_logs() -> None:
    """A revoked author key may name heads of all the logs it signed, each once, in order."""
    stands = (head(0), head(1), head(2, size=1))
    data = make_revocation(revocation(key="log-pq", stands=stands), card(), *roots("north"))
    assert parse_revocation(data, card()).revocation.stands == stands


@pytest.mark.parametrize(
    "change",
    [
        {"serial": 0},
        {"key": "root"},
        {"key": "log 16"},
        {"key": "log 01"},
        {"key": "tls 1"},
        {"reason": "rotated"},
        {"stands": (head(0, size=0),)},
        {"stands": (head(1),)},
        {"stands": (head(0, party="south"),)},
        {"stands": (head(0), head(0))},
        {"key": "log-pq", "stands": (head(1), head(0))},
        {"key": "tls", "stands": (head(0),)},
        {"key": "holds 0", "stands": (head(0),)},
        {"stands": (Stand("nowhere", 1, bytes(32)),)},
        {"stands": (head(0)._replace(root=bytes(31)),)},
    ],
)
def test_malformed_revocations_are_refused(change: dict[str, object]) -> None:
    """Unknown keys and reasons, heads of nothing, of others, twice or out of order: MALFORMED."""
    bad = revocation(**change)
    with pytest.raises(PeerError) as caught:
        parse_revocation(signed(bad.encode()), card())
    assert caught.value.refusal is Refusal.MALFORMED
    with pytest.raises(LocalError):
        make_revocation(bad, card(), *roots("north"))


def test_revocation_of_or_by_another_is_refused() -> None:
    """Only the roots of the party revoke its keys, and only a revocation is one."""
    ours, theirs = revocation(), revocation(party=card("south").party, stands=())
    cases = [
        (signed(theirs.encode(), "south"), Refusal.BAD_CARD),
        (signed(theirs.encode()), Refusal.BAD_CARD),
        (signed(ours.encode(), "south"), Refusal.BAD_CARD),
        (card_file(), Refusal.MALFORMED),
        (bytes(limits.CARD_BYTES_MAX + 1), Refusal.OVERSIZE),
    ]
    for data, expected in cases:
        with pytest.raises(PeerError) as caught:
            parse_revocation(data, card())
        assert caught.value.refusal is expected


def test_without_a_card_no_key_is_known_to_be_revoked() -> None:
    """A revocation names a key by its word alone; the card says which one it is."""
    assert revoked_keys([revocation()], []) == {}
    assert revoked_keys([revocation()], [card("south")]) == {}
    assert revoked_keys([revocation()], [card()]) == {card().pairs[0].log: revocation()}


def test_flipped_bits_of_a_revocation_are_refused() -> None:
    """No single bit of a revocation can change."""
    data = make_revocation(revocation(), card(), *roots("north"))
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        with pytest.raises(PeerError):
            parse_revocation(bytes(changed), card())
