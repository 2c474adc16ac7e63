"""Sheets, cards and keys of the second node, written from spec/identity.md alone."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from interop.peer_bytes import RefusedError, b64, check, read_base64, read_decimal, read_hex, sha
from interop.peer_notes import NOTE_CONTEXT, key_id, read_note, verifies, write_note

PRIME, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME
KEY_LINES = {
    "root-ed25519": 32, "root-mldsa44": 1312, "log-mldsa44": 1312, "holds-mldsa44": 1312,
    "heads-ed25519": 32, "tls-ed25519": 32, "kem-xwing": 1216,
}  # fmt: skip


# Sheets


def read_sheet(data: bytes, first: str, most: int) -> list[tuple[str, str]]:
    """Read the keys and values of a sheet behind its first line (identity.md §2)."""
    check(len(data) <= most, "oversize")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise RefusedError("malformed") from None
    lines = text.split("\n")
    check(lines[0] == first and lines[-1] == "")
    pairs = []
    for line in lines[1:-1]:
        key, _, value = line.partition(" ")
        check(re.fullmatch("[a-z0-9-]+", key) is not None)
        check_value(value)
        pairs.append((key, value))
    return pairs


def check_value(value: str) -> None:
    """Refuse a value that hides something (identity.md §2.3, §2.4)."""
    check(value != "" and value == value.strip(" ") and "  " not in value)
    check(unicodedata.is_normalized("NFC", value))
    for char in value:
        kind = unicodedata.category(char)
        check(kind not in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") and (kind != "Zs" or char == " "))
        check(kind != "Cf" or char in "\u200c\u200d")


def read_instant(text: str) -> int:
    """Read an instant in its one form (identity.md §2.6)."""
    check(re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z", text) is not None)
    try:
        when = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        raise RefusedError("malformed") from None
    check(when.year >= 1970)
    return int(when.timestamp())


# Cards


def party_id(root: bytes, root_pq: bytes) -> str:
    """The id that two roots are (identity.md §3)."""
    return sha(b"detente party v1\n", root, root_pq).hex()


def digits(root: bytes, root_pq: bytes) -> str:
    """The forty digits that people read to one another (identity.md §4)."""
    number = int.from_bytes(sha(b"detente digits v1\n", root, root_pq), "big") % 10**40
    return " ".join(f"{number:040}"[at : at + 5] for at in range(0, 40, 5))


def _point(key: bytes) -> tuple[int, int]:
    y = int.from_bytes(key, "little")
    odd, y = y >> 255, y & (1 << 255) - 1
    check(y < PRIME, "bad-card")
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    check((x * x - square) % PRIME == 0 and not (x == 0 and odd), "bad-card")
    return (x if x % 2 == odd else PRIME - x), y


def check_prime_order(key: bytes) -> None:
    """Refuse an Ed25519 key that is not a canonical point of prime order (identity.md §7.6)."""

    def add(
        p: tuple[int, int, int, int], q: tuple[int, int, int, int]
    ) -> tuple[int, int, int, int]:
        a, b = (p[1] - p[0]) * (q[1] - q[0]) % PRIME, (p[1] + p[0]) * (q[1] + q[0]) % PRIME
        c, d = 2 * p[3] * q[3] * CURVE_D % PRIME, 2 * p[2] * q[2] % PRIME
        e, f, g, h = b - a, d - c, d + c, b + a
        return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME

    x, y = _point(key)
    check((x, y) != (0, 1), "bad-card")
    step, total, rest = (x, y, 1, x * y % PRIME), (0, 1, 1, 0), ORDER
    while rest:
        if rest & 1:
            total = add(total, step)
        step, rest = add(step, step), rest >> 1
    check(total[0] == 0 and total[1] == total[2], "bad-card")


@dataclass(frozen=True)
class Card:
    """A card that was read and found good (identity.md §7)."""

    party: str
    name: str
    serial: int
    issued: int
    keys: dict[str, bytes]
    pairs: list[tuple[bytes, bytes]]
    bearers: list[tuple[str, str]]
    hash: str

    @property
    def digits(self) -> str:
        """What its owner reads out (identity.md §4)."""
        return digits(self.keys["root-ed25519"], self.keys["root-mldsa44"])


def _card_text(pairs: list[tuple[str, str]], text: str) -> Card:
    values = dict(pairs)
    order = ["party", "name", "serial", "issued", *KEY_LINES, *(f"pair-{k}" for k in range(16))]
    bearers = [value for key, value in pairs[len(order) :]]
    check([key for key, _ in pairs] == order + ["bearer"] * len(bearers))
    keys = {key: read_base64(values[key]) for key in KEY_LINES}
    check(all(len(keys[key]) == size for key, size in KEY_LINES.items()))
    incarnations = []
    for k in range(16):
        two = values[f"pair-{k}"].split(" ")
        check(len(two) == 2)
        one, other = read_base64(two[0]), read_base64(two[1])
        check(len(one) == 32 == len(other))
        incarnations.append((one, other))
    serial = read_decimal(values["serial"])
    check(serial >= 1)
    read_hex(values["party"], 32)
    check(len(set(bearers)) == len(bearers))
    check(len(values["name"]) <= 80 and len(bearers) <= 8, "oversize")
    addresses = []
    for bearer in bearers:
        check(len(bearer) <= 280, "oversize")
        kind, _, address = bearer.partition(" ")
        check(
            re.fullmatch("[a-z0-9-]+", kind) is not None
            and re.fullmatch("[!-~]+", address) is not None
        )
        addresses.append((kind, address))
    issued = read_instant(values["issued"])
    digest = sha(text.encode()).hex()
    return Card(
        values["party"], values["name"], serial, issued, keys, incarnations, addresses, digest
    )


def read_card(data: bytes) -> Card:
    """Read a card file and refuse it as identity.md §7 says, in its order."""
    check(len(data) <= 16384, "oversize")
    text, lines = read_note(data)
    card = _card_text(read_sheet(text.encode(), "detente card v1", 16384), text)
    root, root_pq = card.keys["root-ed25519"], card.keys["root-mldsa44"]
    check(card.party == party_id(root, root_pq), "bad-card")
    name = f"detente-root/v1/{card.party}"
    known = [(name, key_id(name, 1, root)), (name, key_id(name, 0xFF, root_pq))]
    check([line[:2] for line in lines] == known, "bad-card")
    check(verifies(root, lines[0][2], text.encode()), "bad-card")
    check(verifies(root_pq, lines[1][2], text.encode(), NOTE_CONTEXT), "bad-card")
    every = [*card.keys.values(), *(key for pair in card.pairs for key in pair)]
    check(len(set(every)) == len(every), "bad-card")
    for key in every:
        if len(key) == 32:
            check_prime_order(key)
    return card


class Keys:
    """All secret keys of one party, each from a seed of its own (identity.md §6)."""

    def __init__(self, seeds: dict[str, bytes]) -> None:
        self.seeds = seeds
        ed, pq = Ed25519PrivateKey.from_private_bytes, MLDSA44PrivateKey.from_seed_bytes
        self.root, self.root_pq = ed(seeds["root"]), pq(seeds["root-pq"])
        self.log_pq, self.holds_pq = pq(seeds["log-pq"]), pq(seeds["holds-pq"])
        self.heads, self.tls = ed(seeds["heads"]), ed(seeds["tls"])
        self.log = [ed(seeds[f"log {k}"]) for k in range(16)]
        self.holds = [ed(seeds[f"holds {k}"]) for k in range(16)]

    def kem_public(self) -> bytes:
        """The X-Wing key: its seed expands to both halves (draft-connolly-cfrg-xwing-kem)."""
        wide = hashlib.shake_256(self.seeds["kem"]).digest(96)
        mlkem, x25519 = (
            MLKEM768PrivateKey.from_seed_bytes(wide[:64]),
            X25519PrivateKey.from_private_bytes(wide[64:]),
        )
        return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()

    def party(self) -> str:
        """The id of the party whose roots these are (identity.md §3)."""
        return party_id(*(key.public_key().public_bytes_raw() for key in (self.root, self.root_pq)))

    def card(self, name: str, bearers: list[str], issued: int, serial: int = 1) -> str:
        """Write the card file and read it back (identity.md §7)."""

        def public(key: Ed25519PrivateKey | MLDSA44PrivateKey) -> str:
            return b64(key.public_key().public_bytes_raw())

        when = dt.datetime.fromtimestamp(issued, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        single = (self.root, self.root_pq, self.log_pq, self.holds_pq, self.heads, self.tls)
        values = [public(key) for key in single] + [b64(self.kem_public())]
        lines = [
            "detente card v1",
            f"party {self.party()}",
            f"name {name}",
            f"serial {serial}",
            f"issued {when}",
        ]
        lines += [f"{key} {value}" for key, value in zip(KEY_LINES, values, strict=True)]
        pairs = enumerate(zip(self.log, self.holds, strict=True))
        lines += [f"pair-{k} {public(log)} {public(holds)}" for k, (log, holds) in pairs]
        lines += [f"bearer {bearer}" for bearer in bearers]
        text = "\n".join(lines) + "\n"
        root = f"detente-root/v1/{self.party()}"
        signatures = [
            (root, 1, self.root.public_key().public_bytes_raw(), self.root.sign(text.encode())),
            (
                root,
                0xFF,
                self.root_pq.public_key().public_bytes_raw(),
                self.root_pq.sign(text.encode(), NOTE_CONTEXT),
            ),
        ]
        file = write_note(text, signatures)
        read_card(file.encode())
        return file


SEED_NAMES = ["root", "root-pq", "log-pq", "holds-pq", "heads", "tls", "kem"]
SEED_NAMES += [f"{role} {k}" for role in ("log", "holds") for k in range(16)]
