"""Identity: a party is its two roots, and a card says only what both of them signed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import identity, limits, notes
from detente.core.crypto import (
    Ed25519Signer,
    MlDsa44Signer,
    ed25519_public,
    mldsa44_public,
    xwing_public,
)
from detente.core.encoding import b64
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.identity import Card, Pair
from detente.core.leaf import LogId

ISSUED_S = 1_770_282_000
LINE = bytes(range(32))
SMALL_ORDER = bytes(32)  # y = 0: a point of order 4


@cache
def seed(party: str, role: str) -> bytes:
    """The 32-byte seed of one key of one of these tests' parties."""
    return hashlib.sha256(f"{party} {role}".encode()).digest()


def roots(party: str) -> tuple[Ed25519Signer, MlDsa44Signer]:
    """The two signers that make a card."""
    return (
        Ed25519Signer(seed(party, "root")),
        MlDsa44Signer(seed(party, "root-pq"), notes.NOTE_MLDSA44_CONTEXT),
    )


@cache
def card(party: str = "north") -> Card:
    """The card of a party, the same in every run."""
    return Card(
        name=f"General Staff ({party})",
        serial=1,
        issued_s=ISSUED_S,
        root_ed25519=ed25519_public(seed(party, "root")),
        root_mldsa44=mldsa44_public(seed(party, "root-pq")),
        log_mldsa44=mldsa44_public(seed(party, "log-pq")),
        holds_mldsa44=mldsa44_public(seed(party, "holds-pq")),
        heads_ed25519=ed25519_public(seed(party, "heads")),
        tls_ed25519=ed25519_public(seed(party, "tls")),
        kem_xwing=xwing_public(seed(party, "kem")),
        pairs=tuple(
            Pair(ed25519_public(seed(party, f"log {k}")), ed25519_public(seed(party, f"holds {k}")))
            for k in range(16)
        ),
        bearers=("tls 192.0.2.1:7700", "courier registry"),
    )


@cache
def card_file(party: str = "north") -> bytes:
    """The signed card of a party."""
    return identity.make_card(card(party), *roots(party))


def signed(text: bytes, party: str = "north") -> bytes:
    """Any text, signed by both roots of a party as a card would be."""
    return identity.sign_by_roots(text, card(party).party, *roots(party))


def refusal_of(data: bytes) -> Refusal:
    """Why a card file is refused."""
    with pytest.raises(PeerError) as caught:
        identity.parse_card(data)
    return caught.value.refusal


def mixed_order(public: bytes) -> bytes:
    """A key to which the point of order 2 was added: (x, y) becomes (-x, -y)."""
    number = int.from_bytes(public, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    return ((2**255 - 19 - y) | (1 - sign) << 255).to_bytes(32, "little")


# --- Ids, digits, names ----------------------------------------------------------------------


def test_party_id_is_the_hash_of_both_roots() -> None:
    """The id is SHA-256 over a label and both root keys: changing either changes the party."""
    one = card()
    whole = b"detente party v1\n" + one.root_ed25519 + one.root_mldsa44
    assert one.party == hashlib.sha256(whole).digest()
    assert identity.party_id(one.root_ed25519, card("south").root_mldsa44) != one.party


def test_digits_are_forty_in_eight_groups() -> None:
    """The digits are the labelled hash of both roots modulo 10**40, zeros kept."""
    one = card()
    whole = hashlib.sha256(b"detente digits v1\n" + one.root_ed25519 + one.root_mldsa44)
    groups = one.digits.split(" ")
    assert [len(group) for group in groups] == [5] * 8
    assert int("".join(groups)) == int(whole.hexdigest(), 16) % 10**40
    assert one.digits != card("south").digits
    assert replace(one, serial=9, tls_ed25519=one.heads_ed25519).digits == one.digits


def test_digits_keep_leading_zeros() -> None:
    """A number that begins with zeros is still spoken as 40 digits."""
    found = next(
        text
        for text in (identity.digits(bytes((n, n >> 8)), b"") for n in range(256))
        if text.startswith("0")
    )
    assert len(found.replace(" ", "")) == 40


def test_same_digits() -> None:
    """Spaces and line breaks do not matter, every digit does."""
    said = card().digits
    assert identity.same_digits(said, said)
    assert identity.same_digits(said, said.replace(" ", ""))
    assert identity.same_digits(said, " \n".join(said.split()))
    assert not identity.same_digits(said, card("south").digits)
    last = "1" if said[-1] == "0" else "0"
    assert not identity.same_digits(said, said[:-1] + last)


@pytest.mark.parametrize("change", ["one less", "one more", "arabic-indic", "full-width", "minus"])
def test_digits_are_the_numerals_0_to_9(change: str) -> None:
    """Another count of digits, or other numerals than 0-9, is a slip to repeat and no mismatch."""
    said = card().digits
    heard = {
        "one less": said[:-1],
        "one more": said + "0",
        "arabic-indic": said[:-1] + "٣",
        "full-width": said[:-1] + "３",
        "minus": "-" + said[1:],
    }[change]
    with pytest.raises(LocalError) as caught:
        identity.same_digits(said, heard)
    assert caught.value.refusal is Refusal.USAGE


def test_names_are_hex_ids_in_separate_roles() -> None:
    """Every role has its own name, of hex and digits alone, and short enough for ML-DSA."""
    party = card().party
    names = [
        identity.root_name(party),
        identity.author_name(party),
        identity.holds_pq_name(party),
        identity.heads_name(party),
        *(identity.holds_name(party, k) for k in range(16)),
        identity.origin(LINE, party, LogId(0, 15, bytes(8))),
    ]
    assert len(set(names)) == len(names)
    assert identity.root_name(party) == "detente-root/v1/" + party.hex()
    assert identity.author_name(party) == "detente-author/v1/" + party.hex()
    assert identity.holds_name(party, 3) == f"detente-holds/v1/{party.hex()}/3"
    assert identity.holds_pq_name(party) == "detente-holds/v1/" + party.hex()
    assert identity.heads_name(party) == "detente-heads/v1/" + party.hex()
    assert all(len(name) <= 255 and not set(name) & set("+ \n") for name in names)


@given(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 15),
    st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
)
def test_origins_round_trip(line: bytes, k: int, life: bytes) -> None:
    """An origin says which line, party, incarnation and life, and reads back as it was."""
    log = LogId(2, k, life if k else b"")
    text = identity.origin(line, line[::-1], log)
    assert identity.parse_origin(text) == (line, line[::-1], log.k, log.life)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"detente/v2/{'0' * 64}/{'0' * 64}/0",
        f"detente/v1/{'0' * 64}/{'0' * 64}",
        f"detente/v1/{'0' * 64}/{'0' * 64}/",
        f"detente/v1/{'0' * 64}/{'0' * 64}/0/",
        f"detente/v1/{'0' * 64}/{'0' * 64}/16",
        f"detente/v1/{'0' * 64}/{'0' * 64}/01",
        f"detente/v1/{'0' * 64}/{'0' * 64}/-1",
        f"detente/v1/{'0' * 64}/{'0' * 64}/1.",
        f"detente/v1/{'0' * 64}/{'0' * 64}/1.00",
        f"detente/v1/{'0' * 64}/{'0' * 64}/0.{'0' * 16}",
        f"detente/v1/{'0' * 63}/{'0' * 64}/0",
        f"detente/v1/{'A' * 64}/{'0' * 64}/0",
    ],
)
def test_other_origins_are_refused(text: str) -> None:
    """Whatever ``origin`` would not write is MALFORMED, a resumed incarnation 0 with it."""
    with pytest.raises(PeerError) as caught:
        identity.parse_origin(text)
    assert caught.value.refusal is Refusal.MALFORMED


# --- The card --------------------------------------------------------------------------------


def test_card_round_trip() -> None:
    """A signed card reads back as the card, its file, and the hash of its text alone."""
    parsed = identity.parse_card(card_file())
    assert parsed.card == card()
    assert parsed.data == card_file()
    assert parsed.hash == hashlib.sha256(card().encode()).digest()
    again = identity.make_card(card(), *roots("north"))
    assert again != card_file(), "ML-DSA signatures are hedged"
    assert identity.parse_card(again).hash == parsed.hash
    assert identity.parse_card(card_file(), checked=True) == parsed


def test_every_flipped_bit_is_refused() -> None:
    """No single bit of a card file can change, in text, key, name or signature."""
    data = card_file()
    for at in range(0, len(data), 5):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        with pytest.raises(PeerError):
            identity.parse_card(bytes(changed))


@pytest.mark.parametrize("keep", [(), (0,), (1,), (1, 0), (0, 1, 1), (0, 0, 1)])
def test_exactly_both_roots_sign(keep: tuple[int, ...]) -> None:
    """One root alone, another order, or a signature more is refused."""
    note = notes.parse_note(card_file())
    lines = "".join(
        f"— {s.name} {b64(s.key_id + s.data)}\n" for s in (note.signatures[n] for n in keep)
    )
    expected = Refusal.BAD_CARD if keep else Refusal.MALFORMED
    assert refusal_of(f"{note.text}\n{lines}".encode()) is expected


def test_another_party_cannot_sign_a_card() -> None:
    """Signatures by other roots than the card names are refused, whatever name they bear."""
    with pytest.raises(LocalError) as caught:
        identity.make_card(card("north"), *roots("south"))
    assert caught.value.refusal is Refusal.BAD_CARD
    mixed = (roots("north")[0], roots("south")[1])
    with pytest.raises(LocalError):
        identity.make_card(card("north"), *mixed)


def test_root_signs_in_the_note_context() -> None:
    """An ML-DSA root signature in another context than that of notes is refused."""
    plain = MlDsa44Signer(seed("north", "root-pq"))
    with pytest.raises(LocalError) as caught:
        identity.make_card(card(), roots("north")[0], plain)
    assert caught.value.refusal is Refusal.BAD_CARD


UNSAFE = {
    "small order": SMALL_ORDER,
    "mixed order": mixed_order(card("south").tls_ed25519),
    "identity": b"\1" + bytes(31),
    "not canonical": b"\xff" * 32,
}


@pytest.mark.parametrize("key", UNSAFE.values(), ids=UNSAFE)
@pytest.mark.parametrize("role", ["heads_ed25519", "tls_ed25519", "pairs"])
def test_unsafe_keys_are_refused(role: str, key: bytes) -> None:
    """A key of small or mixed order, or not in canonical form, makes a card bad in any role."""
    value = (*card().pairs[:15], Pair(card().pairs[15].log, key)) if role == "pairs" else key
    bad = replace(card(), **{role: value})
    assert refusal_of(signed(bad.encode())) is Refusal.BAD_CARD


@pytest.mark.parametrize(
    "change",
    [
        {"heads_ed25519": card().tls_ed25519},
        {"tls_ed25519": card().root_ed25519},
        {"heads_ed25519": card().pairs[4].holds},
        {"pairs": (*card().pairs[:15], Pair(card().pairs[0].holds, card().pairs[15].holds))},
        {"pairs": (*card().pairs[:15], card().pairs[0])},
        {"log_mldsa44": card().holds_mldsa44},
        {"holds_mldsa44": card().root_mldsa44},
    ],
)
def test_one_key_in_two_roles_is_refused(change: dict[str, object]) -> None:
    """No key stands twice on a card: a signature in one role would be read as the other's."""
    bad = replace(card(), **change)
    assert refusal_of(signed(bad.encode())) is Refusal.BAD_CARD


def changed_text(old: str, new: str) -> bytes:
    """A card whose text was changed before its roots signed it."""
    text = card().encode().decode()
    assert old in text
    return signed(text.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("detente card v1", "detente card v2"),
        ("detente card v1\n", "cosignature/v1\ndetente card v1\n"),
        ("serial 1", "serial 0"),
        ("serial 1", "serial 01"),
        ("serial 1\n", ""),
        ("Z\n", "z\n"),
        ("pair-15", "pair-16"),
        ("bearer tls 192.0.2.1:7700", "bearer courier registry"),
        ("bearer tls 192.0.2.1:7700", "bearer tls"),
        ("bearer tls 192.0.2.1:7700", "bearer TLS 192.0.2.1:7700"),
        ("bearer tls 192.0.2.1:7700", "bearer tls 192.0.2.1 7700"),
        ("bearer tls", "address tls"),
        ("courier registry\n", "courier registry\nmore 1\n"),
        ("General Staff", "General\u202eStaff"),
        ("General Staff", "General  Staff"),
    ],
)
def test_malformed_cards_are_refused(old: str, new: str) -> None:
    """Signed or not, a text that is not the one form of a card is MALFORMED."""
    assert refusal_of(changed_text(old, new)) is Refusal.MALFORMED


KEYS = ("root", "root-pq", "log-pq", "holds-pq", "heads", "tls", "kem", "pair log", "pair holds")


@pytest.mark.parametrize("at", range(len(KEYS)), ids=KEYS)
@pytest.mark.parametrize("change", ["cut", "longer"])
def test_every_key_of_a_card_has_its_length(at: int, change: str) -> None:
    """A byte less or more makes a card malformed before any signature is looked at."""
    one = card()
    last = one.pairs[15]
    keys = [
        one.root_ed25519,
        one.root_mldsa44,
        one.log_mldsa44,
        one.holds_mldsa44,
        one.heads_ed25519,
        one.tls_ed25519,
        one.kem_xwing,
        last.log,
        last.holds,
    ]
    key = keys[at]
    other = key[:-1] if change == "cut" else key + b"k"
    assert refusal_of(changed_text(b64(key), b64(other))) is Refusal.MALFORMED


@pytest.mark.parametrize("change", ["one key", "three keys"])
def test_a_pair_of_a_card_is_two_keys(change: str) -> None:
    """One key, or three, are no pair."""
    log, holds = (b64(key) for key in card().pairs[15])
    other = log if change == "one key" else f"{log} {holds} {holds}"
    assert refusal_of(changed_text(f"{log} {holds}", other)) is Refusal.MALFORMED


def test_a_card_file_may_be_as_long_as_the_limit() -> None:
    """So many bytes are read, and refused for what they are; with one more they are not read."""
    assert refusal_of(b"x" * limits.CARD_BYTES_MAX) is Refusal.MALFORMED
    assert refusal_of(b"x" * (limits.CARD_BYTES_MAX + 1)) is Refusal.OVERSIZE


def test_party_line_must_be_that_of_the_roots() -> None:
    """A card that states another party's id is refused."""
    other = card("south").party.hex()
    assert refusal_of(changed_text(card().party.hex(), other)) is Refusal.BAD_CARD


def test_card_limits() -> None:
    """The largest card fits; a longer name, address, list or file is OVERSIZE."""
    bearers = tuple(f"tls {n}".ljust(identity.BEARER_CHARS_MAX, "x") for n in range(8))
    largest = replace(card(), name="Ї" * 80, serial=(1 << 63) - 1, bearers=bearers)
    data = identity.make_card(largest, *roots("north"))
    assert len(data) <= limits.CARD_BYTES_MAX
    for change in (
        {"name": "x" * 81},
        {"bearers": (*bearers, "tls y")},
        {"bearers": ("tls ".ljust(identity.BEARER_CHARS_MAX + 1, "x"),)},
    ):
        assert refusal_of(signed(replace(card(), **change).encode())) is Refusal.OVERSIZE
    assert refusal_of(bytes(limits.CARD_BYTES_MAX + 1)) is Refusal.OVERSIZE


def test_successor_card() -> None:
    """A card follows one of the same roots, with a higher serial and the used pairs unchanged."""
    old, pairs = card(), list(card().pairs)
    pairs[2] = card("south").pairs[2]
    rotated = replace(old, serial=2, pairs=tuple(pairs), tls_ed25519=card("south").tls_ed25519)
    identity.supersedes(old, rotated, used_k=1)
    identity.supersedes(old, replace(old, serial=5), used_k=15)
    cases = [
        (rotated, 2, Refusal.BAD_CARD),
        (old, -1, Refusal.STALE_CARD),
        (replace(card("south"), serial=2), -1, Refusal.BAD_CARD),
        (replace(old, serial=2, root_mldsa44=card("south").root_mldsa44), -1, Refusal.BAD_CARD),
    ]
    for new, used_k, expected in cases:
        with pytest.raises(PeerError) as caught:
            identity.supersedes(old, new, used_k)
        assert caught.value.refusal is expected
    swapped = replace(old, serial=2, heads_ed25519=old.tls_ed25519, tls_ed25519=old.heads_ed25519)
    moved = replace(old, serial=2, pairs=(*old.pairs[:14], old.pairs[15], old.pairs[14]))
    for new in (swapped, moved):
        with pytest.raises(PeerError) as caught:
            identity.supersedes(old, new, used_k=0)
        assert caught.value.refusal is Refusal.BAD_CARD
    every = replace(old, serial=2, pairs=card("south").pairs)
    identity.supersedes(old, every, used_k=-1)


def test_spec_example() -> None:
    """The card that spec/identity.md prints has the id, digits and hash that it prints."""
    parsed = identity.parse_card(card_file())
    assert parsed.card.party.hex() == (
        "43aba4642098f0f515c76d3668d3700982e7df728273c5a1b05bbf26f574a454"
    )
    assert parsed.card.digits == "60740 27203 15654 65243 91817 83393 44551 68702"
    assert parsed.hash.hex() == "66808928af2434221165a64f9bee9cc3644f66cf29c073e34656b2dcf893a3fa"
    assert len(parsed.data) == 12_363
