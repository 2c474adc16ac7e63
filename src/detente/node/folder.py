"""A party's home folder: what lies in it, its lock, and how it is opened (docs/operating).

The root key never lies in it, and the high-water mark lies outside it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detente.core import crypto
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.identity import Pair, SignedCard, parse_card
from detente.core.limits import INCARNATIONS_MAX
from detente.node.config import CONFIG_FILE, Config, load_config
from detente.store.keyring import NODE_FILE, SPARE_FILE, NodeKeys, SpareKeys
from detente.store.mark import sync_folder
from detente.store.private import read_private, write_private
from detente.store.sealed import DEFAULT_COST, Cost, Opener, open_sealed, reseal, seal

CARD_FILE = "own.card"
OLD_TLS_FILE = "old-tls.keys"  # the TLS key of the card before, until every peer knows the new one
OLD_TLS_PURPOSE = "old-tls"
STORE_FOLDER = "store"
LOCK_FILE = "run.lock"
BACKED_UP = (CARD_FILE, NODE_FILE, SPARE_FILE, CONFIG_FILE)

# Replaced together; the card is last, and stands for all of them (``replace_together``).
_TOGETHER = (OLD_TLS_FILE, SPARE_FILE, NODE_FILE, CARD_FILE)
_NEXT = ".next"


@dataclass(frozen=True)
class Home:
    """An opened home: its card, its configuration and the keys its passphrases opened."""

    path: Path
    card: SignedCard
    config: Config
    keys: NodeKeys
    old_tls: bytes | None = None

    @property
    def store(self) -> Path:
        """Where the store lies."""
        return self.path / STORE_FOLDER


def take_lock(path: Path) -> int:
    """One process to a home. LocalError IN_USE while another has it, NOT_FOUND without a home."""
    try:
        lock = os.open(path / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no party in {path}") from exc
    except PermissionError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"may not use {path}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(lock)
        raise LocalError(Refusal.IN_USE, "a node runs in this home already") from exc
    return lock


def own_card(path: Path, *, checked: bool = False) -> SignedCard:
    """The card in a home; ``checked``: its keys were checked when it was made.

    LocalError NOT_FOUND where there is none, BAD_CARD for one that is damaged.
    """
    try:
        data = (path / CARD_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no party in {path}") from exc
    try:
        return parse_card(data, checked=checked)
    except PeerError as exc:
        raise LocalError(Refusal.BAD_CARD, f"{path / CARD_FILE}: {exc}") from exc


def open_home(path: Path, passphrases: Sequence[str], opener: Opener = open_sealed) -> Home:
    """Opens a home. LocalError BAD_PASSPHRASE, NOT_FOUND, or BAD_CARD if card and keys differ.

    ``opener`` may have begun already (``store.sealed.open_ahead``).
    """
    path = path.absolute()
    finish_replacing(path)
    card = own_card(path, checked=True)
    config = load_config(path)
    keys = NodeKeys.from_mapping(opener(read_private(path / NODE_FILE), passphrases, "node"))
    if crypto.ed25519_public(keys.tls) != card.card.tls_ed25519:
        raise LocalError(Refusal.BAD_CARD, "the card in this home is not that of its keys")
    return Home(path, card, config, keys, _old_tls(path, passphrases))


def _old_tls(path: Path, passphrases: Sequence[str]) -> bytes | None:
    if not (path / OLD_TLS_FILE).exists():
        return None
    sealed = read_private(path / OLD_TLS_FILE)
    return open_sealed(sealed, passphrases, OLD_TLS_PURPOSE).get("tls")


def sealed_cost(path: Path) -> Cost:
    """What a guess at the passphrases of a sealed file costs: what is sealed next costs the same.

    LocalError MALFORMED if the file does not say (store.sealed has its form).
    """
    for line in read_private(path).split(b"\n"):
        word, _, rest = line.partition(b" ")
        if word == b"argon2id":
            try:
                memory_kib, iterations, lanes = (int(number) for number in rest.split())
            except ValueError:
                break
            return Cost(memory_kib, iterations, lanes)
    raise LocalError(Refusal.MALFORMED, f"{path} is not a file of sealed keys")


def replace_together(path: Path, files: Mapping[str, bytes]) -> None:
    """Replaces files of the home, the card among them: all of them or, after a crash, none.

    Each is written beside the one it replaces, the card last. Once the new card is there the rest
    is too, and whoever opens the home next finishes the work. What an attempt cut short before its
    card has left behind is no part of it.
    """
    finish_replacing(path)
    for name in _TOGETHER:
        (path / (name + _NEXT)).unlink(missing_ok=True)
    for name in _TOGETHER:
        if name in files:
            write_private(path / (name + _NEXT), files[name])
    finish_replacing(path)


def finish_replacing(path: Path) -> None:
    """Puts in place what ``replace_together`` had written in full."""
    if not (path / (CARD_FILE + _NEXT)).exists():
        return
    for name in _TOGETHER:
        if (path / (name + _NEXT)).exists():
            os.replace(path / (name + _NEXT), path / name)
    sync_folder(path)


def change_passphrase(
    path: Path,
    passphrases: Sequence[str],
    officer: int,
    new: str,
    *,
    cost_min: Cost = DEFAULT_COST,
) -> SignedCard:
    """Seals all keys in a home under a new passphrase of one officer; the others' stay.

    Every officer's is needed, since none opens the keys alone. LocalError IN_USE while the node
    runs, and as ``store.sealed.reseal``.
    """
    lock = take_lock(path)
    try:
        home = open_home(path, passphrases)
        names = [name for name in _TOGETHER if name != CARD_FILE and (path / name).exists()]
        files = {
            name: reseal(read_private(path / name), passphrases, officer, new, cost_min=cost_min)
            for name in names
        }
        replace_together(path, files | {CARD_FILE: home.card.data})
    finally:
        os.close(lock)
    return home.card


# --- the keys of later incarnations -----------------------------------------------------------


def pairs_of(spare: SpareKeys) -> tuple[Pair, ...]:
    """The public halves, as a card lists them."""
    return tuple(
        Pair(crypto.ed25519_public(log), crypto.ed25519_public(holds)) for log, holds in spare.pairs
    )


def spare_keys(path: Path, passphrases: Sequence[str]) -> SpareKeys:
    """The sealed pairs of later incarnations; opened for an adoption and a rotation alone."""
    return SpareKeys.from_mapping(
        open_sealed(read_private(path / SPARE_FILE), passphrases, "spare")
    )


def take_incarnation(home: Home, k: int, passphrases: Sequence[str]) -> NodeKeys:
    """The keys of incarnation ``k``, sealed into the home before they are used.

    LocalError NOT_ALLOWED for a pair that the card does not list.
    """
    if not 0 < k < INCARNATIONS_MAX:
        raise LocalError(Refusal.NOT_ALLOWED, f"no key pair {k}: 1 to {INCARNATIONS_MAX - 1}")
    spare = spare_keys(home.path, passphrases)
    log, holds = spare.pairs[k]
    if home.card.card.pairs[k] != pairs_of(spare)[k]:
        raise LocalError(Refusal.NOT_ALLOWED, f"the keys of pair {k} are not in this home")
    keys = replace(home.keys, incarnation=k, log=log, holds=holds)
    path = home.path / NODE_FILE
    sealed = seal(
        "node", home.card.card.party, keys.to_mapping(), passphrases, cost=sealed_cost(path)
    )
    write_private(path, sealed)
    return keys
