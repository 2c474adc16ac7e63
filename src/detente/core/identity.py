"""Who a party is: its id, its names and its card (spec/identity.md).

A party is its two root keys and nothing else. Every other key stands in the card that both roots
signed, each in one role (protocol review F2), and nobody's word but a comparison of digits by
people makes a card trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from detente.core import limits, notes
from detente.core.crypto import (
    ED25519_PUBLIC_BYTES,
    MLDSA44_PUBLIC_BYTES,
    XWING_PUBLIC_BYTES,
    Signer,
    check_ed25519_public,
    sha256,
)
from detente.core.encoding import b64, decimal, malformed, unb64, unhex
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.leaf import LIFE_BYTES, LogId
from detente.core.sheet import (
    SheetReader,
    fields,
    instant,
    read_back,
    uninstant,
    write_sheet,
)

CARD_FIRST = "detente card v1"
PARTY_BYTES = 32

# A DNS name may be 253 characters long; eight of these still fit CARD_BYTES_MAX.
BEARER_CHARS_MAX = 280

_PARTIES_MAX = 256  # ids remembered: every card at hand is asked for its own over and over

_ORIGIN = "detente/v1"
_HEADS = "detente-heads/v1/"
_BEARER = re.compile(r"[a-z][a-z0-9-]* [\x21-\x7e]+")


# --- Ids, digits and names -------------------------------------------------------------------


@lru_cache(maxsize=_PARTIES_MAX)
def party_id(root_ed25519: bytes, root_mldsa44: bytes) -> bytes:
    """The 32 bytes that are a party's id on every line (spec/identity.md §3)."""
    return sha256(b"detente party v1\n", root_ed25519, root_mldsa44)


def digits(root_ed25519: bytes, root_mldsa44: bytes) -> str:
    """The 40 digits people compare, in 8 groups of 5 (spec/identity.md §4; 132.9 bits)."""
    number = int.from_bytes(sha256(b"detente digits v1\n", root_ed25519, root_mldsa44), "big")
    text = f"{number % 10**40:040d}"
    return " ".join(text[at : at + 5] for at in range(0, 40, 5))


def same_digits(card_digits: str, heard: str) -> bool:
    """Whether what was heard or read is what the card in hand says; spaces do not matter.

    Only the numerals 0-9 count, the same in English, Russian and Ukrainian; LocalError USAGE for
    anything else and for another number of them, which is a slip of the pen and no mismatch.
    """
    typed = "".join(heard.split())
    if not re.fullmatch("[0-9]{40}", typed):
        raise LocalError(Refusal.USAGE, "40 digits, 0 to 9, are compared")
    return typed == card_digits.replace(" ", "")


def root_name(party: bytes) -> str:
    """The name both root keys sign notes under."""
    return f"detente-root/v1/{party.hex()}"


def author_name(party: bytes) -> str:
    """The name of a party's ML-DSA-44 cosigner over its own logs."""
    return f"detente-author/v1/{party.hex()}"


def holds_name(party: bytes, k: int) -> str:
    """The name of incarnation k's Ed25519 cosigner, which states «I hold this»."""
    return f"detente-holds/v1/{party.hex()}/{k}"


def holds_pq_name(party: bytes) -> str:
    """The name of the ML-DSA-44 cosigner that states «I hold this»."""
    return f"detente-holds/v1/{party.hex()}"


def heads_name(party: bytes) -> str:
    """The name of the witness that cosigns heads without having the content."""
    return f"{_HEADS}{party.hex()}"


def is_witness(name: str) -> bool:
    """Whether the cosignatures of this name state nothing of content: no holder's receipt."""
    return name.startswith(_HEADS)


class Origin(NamedTuple):
    """What a checkpoint's origin says: line, party, incarnation, life of a resumed log."""

    line: bytes
    party: bytes
    k: int
    life: bytes


def origin(line: bytes, party: bytes, log: LogId) -> str:
    """The origin of a log's checkpoints, which is also its key name (spec/identity.md §5)."""
    return f"{_ORIGIN}/{line.hex()}/{party.hex()}/{log.word}"


def parse_origin(text: str) -> Origin:
    """What ``origin`` wrote. MALFORMED otherwise, also for a resumed incarnation 0."""
    parts = text.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != _ORIGIN:
        raise malformed("not an origin of a Détente log")
    word, dot, life = parts[4].partition(".")
    k = decimal(word, limits.INCARNATIONS_MAX - 1)
    if dot and k == 0:
        raise malformed("incarnation 0 is never a resumed one")
    return Origin(
        line=unhex(parts[2], 32),
        party=unhex(parts[3], PARTY_BYTES),
        k=k,
        life=unhex(life, LIFE_BYTES) if dot else b"",
    )


# --- The card --------------------------------------------------------------------------------


class Pair(NamedTuple):
    """The two Ed25519 keys of one incarnation."""

    log: bytes
    holds: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """A party's public keys, display name and addresses, as its roots sign them."""

    name: str
    serial: int  # from 1; only rises
    issued_s: int
    root_ed25519: bytes
    root_mldsa44: bytes
    log_mldsa44: bytes
    holds_mldsa44: bytes
    heads_ed25519: bytes
    tls_ed25519: bytes
    kem_xwing: bytes
    pairs: tuple[Pair, ...]  # one for each incarnation
    bearers: tuple[str, ...] = ()  # such as "tls 192.0.2.1:7700"

    @property
    def party(self) -> bytes:
        """The party's id."""
        return party_id(self.root_ed25519, self.root_mldsa44)

    @property
    def digits(self) -> str:
        """The digits people compare before they trust this card."""
        return digits(self.root_ed25519, self.root_mldsa44)

    def encode(self) -> bytes:
        """The text that both roots sign (spec/identity.md §7)."""
        lines = [
            ("party", self.party.hex()),
            ("name", self.name),
            ("serial", str(self.serial)),
            ("issued", instant(self.issued_s)),
            ("root-ed25519", b64(self.root_ed25519)),
            ("root-mldsa44", b64(self.root_mldsa44)),
            ("log-mldsa44", b64(self.log_mldsa44)),
            ("holds-mldsa44", b64(self.holds_mldsa44)),
            ("heads-ed25519", b64(self.heads_ed25519)),
            ("tls-ed25519", b64(self.tls_ed25519)),
            ("kem-xwing", b64(self.kem_xwing)),
        ]
        lines += [
            (f"pair-{k}", f"{b64(log)} {b64(holds)}") for k, (log, holds) in enumerate(self.pairs)
        ]
        lines += [("bearer", bearer) for bearer in self.bearers]
        return write_sheet(CARD_FIRST, lines)


class SignedCard(NamedTuple):
    """A card whose two root signatures verified, its file, and the hash of its signed text.

    The hash leaves the signatures out: an ML-DSA signature is hedged, so signing one text twice
    makes two files, and they are the same card.
    """

    card: Card
    data: bytes
    hash: bytes


def make_card(card: Card, root_ed25519: Signer, root_mldsa44: Signer) -> bytes:
    """The card file, signed by both roots. ``root_mldsa44`` signs in NOTE_MLDSA44_CONTEXT.

    LocalError if it could not be read back: a wrong signer, an unsafe key, a limit passed.
    """
    data = sign_by_roots(card.encode(), card.party, root_ed25519, root_mldsa44)
    read_back(card, lambda: parse_card(data).card)
    return data


def parse_card(data: bytes, *, checked: bool = False) -> SignedCard:
    """The card of a card file (spec/identity.md §7). Valid is not trusted: see ``Ceremony``.

    ``checked`` says that its keys were found safe before, by whoever stored it: the one test that
    costs more than all the others is left out then. PeerError MALFORMED or OVERSIZE for another
    form, BAD_CARD for a signature that does not verify, an unsafe key, or one key in two roles.
    """
    text, note = root_note(data)
    card = _read_card(text)
    verify_roots(note, card)
    _check_roles(card)
    if not checked:
        _check_safe(card)
    return SignedCard(card, data, sha256(text))


def root_note(data: bytes) -> tuple[bytes, notes.Note]:
    """The text and the note of a file that roots sign. OVERSIZE or MALFORMED otherwise."""
    if len(data) > limits.CARD_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{len(data)} bytes of signed note")
    note = notes.parse_note(data)
    return note.text.encode(), note


def sign_by_roots(text: bytes, party: bytes, root_ed25519: Signer, root_mldsa44: Signer) -> bytes:
    """A text as the note that both roots of a party have signed (spec/identity.md §7)."""
    name = root_name(party)
    signatures = [
        notes.note_signature(name, sig_type, signer.public(), signer.sign(text))
        for sig_type, signer in ((notes.ED25519, root_ed25519), (notes.NOTE_MLDSA44, root_mldsa44))
    ]
    return notes.format_note(text.decode(), signatures)


def verify_roots(note: notes.Note, card: Card) -> None:
    """Both roots, in this order, and nobody else: then every bit of the file is accounted for.

    PeerError BAD_CARD otherwise.
    """
    name = root_name(card.party)
    roots = ((notes.ED25519, card.root_ed25519), (notes.NOTE_MLDSA44, card.root_mldsa44))
    found = [(s.name, s.key_id) for s in note.signatures]
    if found != [(name, notes.key_id(name, *root)) for root in roots]:
        raise PeerError(Refusal.BAD_CARD, "not signed by exactly its two roots")
    if not all(notes.verify_note(note, name, *root) for root in roots):
        raise PeerError(Refusal.BAD_CARD, "a root signature that does not verify")


def _read_card(text: bytes) -> Card:
    sheet = SheetReader(text, CARD_FIRST, limits.CARD_BYTES_MAX)
    party = unhex(sheet.value("party"), PARTY_BYTES)
    card = Card(
        name=sheet.value("name"),
        serial=decimal(sheet.value("serial")),
        issued_s=uninstant(sheet.value("issued")),
        root_ed25519=unb64(sheet.value("root-ed25519"), ED25519_PUBLIC_BYTES),
        root_mldsa44=unb64(sheet.value("root-mldsa44"), MLDSA44_PUBLIC_BYTES),
        log_mldsa44=unb64(sheet.value("log-mldsa44"), MLDSA44_PUBLIC_BYTES),
        holds_mldsa44=unb64(sheet.value("holds-mldsa44"), MLDSA44_PUBLIC_BYTES),
        heads_ed25519=unb64(sheet.value("heads-ed25519"), ED25519_PUBLIC_BYTES),
        tls_ed25519=unb64(sheet.value("tls-ed25519"), ED25519_PUBLIC_BYTES),
        kem_xwing=unb64(sheet.value("kem-xwing"), XWING_PUBLIC_BYTES),
        pairs=tuple(_read_pair(sheet.value(f"pair-{k}")) for k in range(limits.INCARNATIONS_MAX)),
        bearers=sheet.values("bearer"),
    )
    sheet.done()
    if card.party != party:
        raise PeerError(Refusal.BAD_CARD, "a party id that is not that of its roots")
    if card.serial < 1:
        raise malformed("serials begin at 1")
    check_name(card.name)
    _check_bearers(card.bearers)
    return card


def _read_pair(value: str) -> Pair:
    log, holds = fields(value, 2)
    return Pair(unb64(log, ED25519_PUBLIC_BYTES), unb64(holds, ED25519_PUBLIC_BYTES))


def check_name(name: str) -> None:
    """Refuses a display name longer than NAME_CHARS_MAX: OVERSIZE."""
    if len(name) > limits.NAME_CHARS_MAX:
        raise PeerError(Refusal.OVERSIZE, f"a name of {len(name)} characters")


def _check_bearers(bearers: tuple[str, ...]) -> None:
    if len(bearers) > limits.BEARERS_MAX or any(len(b) > BEARER_CHARS_MAX for b in bearers):
        raise PeerError(Refusal.OVERSIZE, "more bearers, or longer ones, than a card may name")
    if len(set(bearers)) != len(bearers) or not all(map(_BEARER.fullmatch, bearers)):
        raise malformed("a bearer is a kind and an address, named once")


def _roles(card: Card) -> list[tuple[bytes, str]]:
    """Every signing key of a card, with its one role."""
    roles = [
        (card.root_ed25519, "root"),
        (card.root_mldsa44, "root-pq"),
        (card.log_mldsa44, "log-pq"),
        (card.holds_mldsa44, "holds-pq"),
        (card.heads_ed25519, "heads"),
        (card.tls_ed25519, "tls"),
    ]
    for k, pair in enumerate(card.pairs):
        roles += [(pair.log, f"log {k}"), (pair.holds, f"holds {k}")]
    return roles


def _check_roles(card: Card) -> None:
    """One key, one role: a key in two roles lets a signature in one be read as the other's."""
    roles = _roles(card)
    if len(dict(roles)) != len(roles):
        raise PeerError(Refusal.BAD_CARD, "one key in two roles")


def _check_safe(card: Card) -> None:
    for key, _ in _roles(card):
        if len(key) == ED25519_PUBLIC_BYTES:
            check_ed25519_public(key)


def supersedes(old: Card, new: Card, used_k: int) -> None:
    """Checks that ``new`` may be in force after ``old`` (spec/identity.md §8).

    ``used_k`` is the highest incarnation of the party that any log has used, -1 for none: its
    pair and those before it have signed what must stay provable. PeerError BAD_CARD for other
    roots, a changed pair or a key in another role than before, STALE_CARD for a serial that does
    not rise.
    """
    if new.party != old.party:
        raise PeerError(Refusal.BAD_CARD, "another party's card")
    if new.serial <= old.serial:
        raise PeerError(Refusal.STALE_CARD, f"serial {new.serial}, and {old.serial} is in force")
    if old.pairs[: used_k + 1] != new.pairs[: used_k + 1]:
        raise PeerError(Refusal.BAD_CARD, "a key pair changed that a log has used")
    before = dict(_roles(old))
    if any(before.get(key, role) != role for key, role in _roles(new)):
        raise PeerError(Refusal.BAD_CARD, "a key in another role than before")
