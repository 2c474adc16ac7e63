"""Secrets under one or more officers' passphrases, none sufficient alone.

A sealed file is canonical text (design, Keys and names are separate)::

    detente sealed keys v1
    purpose <word>
    party <64 hex>
    officers <n>
    salt <32 hex>                               one line per officer, in the officers' order
    argon2id <memory KiB> <iterations> <lanes>
    nonce <24 hex>
    box <base64>

Each passphrase goes through Argon2id (RFC 9106) with its officer's salt; HKDF over all outputs in
order, with the lines above ``box`` as info, gives the key, and the box is the secrets under it
with the same lines as associated data. So a guess at one passphrase can be tried only by whoever
knows all the others, and no byte of the file can change unnoticed.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from detente.core import crypto
from detente.core.encoding import (
    Reader,
    b64,
    counted,
    decimal,
    malformed,
    unb64,
    unhex,
    utf8,
    varint,
)
from detente.core.errors import LocalError, PeerError, Refusal
from detente.store.private import PRIVATE_BYTES_MAX

FIRST_LINE = "detente sealed keys v1"
PARTY_BYTES = 32
SALT_BYTES = 16  # RFC 9106 §3.1
NONCE_BYTES = 12
KEY_BYTES = 32
OFFICERS_MAX = 8  # each costs one Argon2id
PASSPHRASE_CHARS_MIN = 12
SECRET_NAME_BYTES_MAX = 64
MEMORY_KIB_MAX = 1 << 20  # 1 GiB: a forged file must not exhaust the machine
ITERATIONS_MAX = 16
LANES_MAX = 16
_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at a passphrase costs: memory in KiB, passes over it, parallel lanes."""

    memory_kib: int
    iterations: int
    lanes: int

    def bounded(self) -> bool:
        """Whether the reader accepts it; Argon2 itself wants 8 KiB a lane (RFC 9106 §3.1)."""
        return (
            1 <= self.lanes <= LANES_MAX
            and 1 <= self.iterations <= ITERATIONS_MAX
            and 8 * self.lanes <= self.memory_kib <= MEMORY_KIB_MAX
        )


DEFAULT_COST = Cost(memory_kib=65_536, iterations=3, lanes=4)  # RFC 9106 §4, second choice


def seal(
    purpose: str,
    party: bytes,
    secrets: Mapping[str, bytes],
    passphrases: Sequence[str],
    *,
    entropy: Callable[[int], bytes] = os.urandom,
    cost: Cost = DEFAULT_COST,
) -> bytes:
    """The sealed file that all of ``passphrases`` together, in this order, open again.

    LocalError USAGE for a passphrase under 12 characters, two that are equal (one officer would
    suffice), too few or too many of them, an unbounded cost or a name that is no word;
    OVERSIZE for more secrets than a file holds.
    """
    stretched = [_normal(passphrase) for passphrase in passphrases]
    if any(len(passphrase.decode()) < PASSPHRASE_CHARS_MIN for passphrase in stretched):
        raise LocalError(
            Refusal.USAGE, f"a passphrase has {PASSPHRASE_CHARS_MIN} characters or more"
        )
    if not 1 <= len(stretched) <= OFFICERS_MAX or len(set(stretched)) != len(stretched):
        raise LocalError(Refusal.USAGE, f"1 to {OFFICERS_MAX} officers, each with a passphrase")
    if not _PURPOSE.fullmatch(purpose) or len(party) != PARTY_BYTES or not cost.bounded():
        raise LocalError(Refusal.USAGE, "no keys are sealed for such a purpose, party or cost")
    salts = tuple(entropy(SALT_BYTES) for _ in stretched)
    nonce = entropy(NONCE_BYTES)
    header = "\n".join((
        FIRST_LINE,
        f"purpose {purpose}",
        f"party {party.hex()}",
        f"officers {len(salts)}",
        *(f"salt {salt.hex()}" for salt in salts),
        f"argon2id {cost.memory_kib} {cost.iterations} {cost.lanes}",
        f"nonce {nonce.hex()}",
        "",
    )).encode()  # fmt: skip
    key = _key(header, salts, cost, stretched)
    box = crypto.aead_seal(key, nonce, _packed(secrets), header)
    data = header + f"box {b64(box)}\n".encode()
    if len(data) > PRIVATE_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"sealed keys of {len(data)} bytes")
    return data


def open_sealed(data: bytes, passphrases: Sequence[str], purpose: str) -> dict[str, bytes]:
    """The secrets in a sealed file made for ``purpose``.

    LocalError BAD_PASSPHRASE if the passphrases, their number or their order are not those it was
    sealed under (or salt or box were changed, which looks the same), MALFORMED or OVERSIZE if it
    is no such file, USAGE if it was sealed for another purpose.
    """
    sealed = _parsed(data)
    if sealed.purpose != purpose:
        raise LocalError(Refusal.USAGE, f"keys for {sealed.purpose} where {purpose} belong")
    if len(passphrases) != len(sealed.salts):
        raise LocalError(
            Refusal.BAD_PASSPHRASE,
            f"{len(sealed.salts)} passphrases open these keys, not {len(passphrases)}",
        )
    normal = [_normal(passphrase) for passphrase in passphrases]
    key = _key(sealed.header, sealed.salts, sealed.cost, normal)
    try:
        plain = crypto.aead_open(key, sealed.nonce, sealed.box, sealed.header)
    except PeerError as exc:
        raise LocalError(
            Refusal.BAD_PASSPHRASE, "wrong passphrase or order of officers, or a damaged file"
        ) from exc
    try:
        return _unpacked(plain)
    except PeerError as exc:
        raise LocalError(exc.refusal, f"sealed keys: {exc.detail}") from exc


Opener = Callable[[bytes, Sequence[str], str], dict[str, bytes]]
"""What opens a sealed file, as ``open_sealed`` does."""


def open_ahead(data: bytes, passphrases: Sequence[str], purpose: str) -> Opener:
    """Begins to open a sealed file in a thread; the result is an ``open_sealed`` that has it.

    Argon2id leaves the interpreter to others: who starts a node imports the rest of it meanwhile.
    A refusal is raised to whoever asks for this file. Any other file is opened when it is asked
    for, so that one that was replaced in between is not answered by what it replaced.
    """
    worker = ThreadPoolExecutor(1)
    begun = worker.submit(open_sealed, data, passphrases, purpose)
    worker.shutdown(wait=False)

    def opened(wanted: bytes, phrases: Sequence[str], what_for: str) -> dict[str, bytes]:
        if (wanted, tuple(phrases), what_for) == (data, tuple(passphrases), purpose):
            return begun.result()
        return open_sealed(wanted, phrases, what_for)

    return opened


def reseal(
    data: bytes,
    passphrases: Sequence[str],
    officer: int,
    new: str,
    *,
    entropy: Callable[[int], bytes] = os.urandom,
    cost_min: Cost = DEFAULT_COST,
) -> bytes:
    """The same secrets under the same passphrases, but for that of ``officer`` (from 1).

    Fresh salts and nonce; a guess costs what it did, and in no number less than ``cost_min``.
    Errors as ``open_sealed`` and ``seal``; LocalError USAGE for an officer that there is not, or
    for the passphrase in use.
    """
    sealed = _parsed(data)
    secrets = open_sealed(data, passphrases, sealed.purpose)
    if not 1 <= officer <= len(passphrases):
        raise LocalError(Refusal.USAGE, f"officers 1 to {len(passphrases)}, not {officer}")
    if _normal(new) == _normal(passphrases[officer - 1]):
        raise LocalError(Refusal.USAGE, "the new passphrase is the one in use")
    cost = Cost(
        memory_kib=max(sealed.cost.memory_kib, cost_min.memory_kib),
        iterations=max(sealed.cost.iterations, cost_min.iterations),
        lanes=max(sealed.cost.lanes, cost_min.lanes),
    )
    changed = [*passphrases[: officer - 1], new, *passphrases[officer:]]
    return seal(sealed.purpose, sealed.party, secrets, changed, entropy=entropy, cost=cost)


def officers(data: bytes) -> int:
    """How many passphrases a sealed file wants. LocalError MALFORMED or OVERSIZE if it is none."""
    return len(_parsed(data).salts)


def party_of(data: bytes) -> bytes:
    """The party a sealed file names, trustworthy once it has opened. Errors as ``officers``."""
    return _parsed(data).party


@dataclass(frozen=True, slots=True)
class _Sealed:
    purpose: str
    party: bytes
    salts: tuple[bytes, ...]
    cost: Cost
    nonce: bytes
    box: bytes
    header: bytes


def _parsed(data: bytes) -> _Sealed:
    try:
        return _read_lines(data)
    except PeerError as exc:  # our own file, so nobody else's fault
        raise LocalError(exc.refusal, f"sealed keys: {exc.detail}") from exc


def _read_lines(data: bytes) -> _Sealed:
    if len(data) > PRIVATE_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{len(data)} bytes")
    lines = iter(utf8(data).split("\n"))

    def field(word: str) -> str:
        name, _, value = next(lines, "").partition(" ")
        if name != word:
            raise malformed(f"no {word} line where it belongs")
        return value

    if next(lines) != FIRST_LINE:
        raise malformed("another first line")
    purpose = field("purpose")
    if not _PURPOSE.fullmatch(purpose):
        raise malformed("a purpose that is no word")
    party = unhex(field("party"), PARTY_BYTES)
    count = decimal(field("officers"), OFFICERS_MAX)
    if count == 0:
        raise malformed("no officers")
    salts = tuple(unhex(field("salt"), SALT_BYTES) for _ in range(count))
    numbers = field("argon2id").split(" ")
    if len(numbers) != 3:
        raise malformed("argon2id has three numbers")
    cost = Cost(*(decimal(number) for number in numbers))
    if not cost.bounded():
        raise malformed("an unbounded cost")
    nonce = unhex(field("nonce"), NONCE_BYTES)
    box = unb64(field("box"))
    if list(lines) != [""]:
        raise malformed("not one newline at the end")
    header = data[: data.rindex(b"\n", 0, -1) + 1]
    return _Sealed(purpose, party, salts, cost, nonce, box, header)


def _key(header: bytes, salts: Sequence[bytes], cost: Cost, passphrases: Sequence[bytes]) -> bytes:
    stretched = b"".join(
        Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=cost.iterations,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
        ).derive(passphrase)
        for salt, passphrase in zip(salts, passphrases, strict=True)
    )
    return crypto.hkdf(stretched, b"", header, KEY_BYTES)


def _normal(passphrase: str) -> bytes:
    # Two keyboards may type one letter as different code points: NFKC makes them one.
    try:
        return unicodedata.normalize("NFKC", passphrase).encode()
    except UnicodeEncodeError as exc:
        raise LocalError(Refusal.USAGE, "a passphrase that is not text") from exc


def _packed(secrets: Mapping[str, bytes]) -> bytes:
    named = sorted((name.encode(), value) for name, value in secrets.items())
    return varint(len(named)) + b"".join(counted(name) + counted(value) for name, value in named)


def _unpacked(plain: bytes) -> dict[str, bytes]:
    reader = Reader(plain)
    secrets: dict[str, bytes] = {}
    last = b""
    for _ in range(reader.varint()):
        name = reader.counted(SECRET_NAME_BYTES_MAX)
        if name <= last:
            raise malformed("secrets out of order")
        secrets[utf8(name)] = reader.counted(PRIVATE_BYTES_MAX)
        last = name
    reader.done()
    return secrets
