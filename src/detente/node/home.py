"""A party's home folder: made, rotated, backed up, restored (docs/operating).

The root key never lies in it, and the high-water mark lies outside it.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detente.bearers.tls import parse_address
from detente.core import crypto, notes
from detente.core.errors import LocalError, Refusal
from detente.core.identity import (
    Card,
    Pair,
    Revocation,
    SignedCard,
    Stand,
    make_card,
    make_revocation,
    parse_card,
)
from detente.core.leaf import LogId
from detente.node.config import Config, load_config, write_config
from detente.store.keyring import (
    DEFAULT_COST,
    NODE_FILE,
    SPARE_FILE,
    Cost,
    NodeKeys,
    RootKeys,
    SpareKeys,
    generate,
    open_sealed,
    read_private,
    seal,
    write_private,
)
from detente.store.mark import default_folder
from detente.store.sqlite import open_read_only

CARD_FILE = "own.card"
STORE_FOLDER = "store"
BACKUP_BYTES_MAX = 1 << 40  # a terabyte: more is not this node's
_BACKED_UP = (CARD_FILE, NODE_FILE, SPARE_FILE, "config.toml")

Entropy = Callable[[int], bytes]


def create_home(
    path: Path,
    name: str,
    passphrases: Sequence[str],
    *,
    listen: Sequence[str],
    bearers: Sequence[str],
    mark: Path | None,
    root_path: Path,
    now_s: int,
    cost: Cost = DEFAULT_COST,
    entropy: Entropy = os.urandom,
    language: str = "en",
) -> SignedCard:
    """Makes a new party: keys, card, configuration. The root key goes to ``root_path`` alone.

    LocalError IN_USE if the folder holds a party already, USAGE for a root key inside the home.
    """
    path = path.absolute()
    if (path / CARD_FILE).exists() or root_path.exists():
        raise LocalError(Refusal.IN_USE, "there is a party or a root key here already")
    if root_path.absolute().is_relative_to(path):
        raise LocalError(Refusal.USAGE, "the root key must not lie in the home")
    for address in [*listen, *bearers]:
        parse_address(address.removeprefix("tls "))
    roots, node, spare = generate(entropy)
    card = _card(name, roots, node, spare, serial=1, now_s=now_s, bearers=bearers)
    data = _signed(card, roots)
    signed = parse_card(data)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    party = card.party
    folder = mark or default_folder(path, party, os.environ)
    config = Config(mark=str(folder.absolute()), listen=list(listen), language=language)
    write_config(path, config)
    write_private(root_path, seal("root", party, roots.to_mapping(), passphrases, cost=cost))
    write_private(
        path / SPARE_FILE, seal("spare", party, spare.to_mapping(), passphrases, cost=cost)
    )
    write_private(path / NODE_FILE, seal("node", party, node.to_mapping(), passphrases, cost=cost))
    (path / CARD_FILE).write_bytes(data)
    return signed


def _card(
    name: str,
    roots: RootKeys,
    node: NodeKeys,
    spare: SpareKeys,
    *,
    serial: int,
    now_s: int,
    bearers: Sequence[str],
) -> Card:
    pairs = [
        Pair(crypto.ed25519_public(log), crypto.ed25519_public(holds)) for log, holds in spare.pairs
    ]
    return Card(
        name=name,
        serial=serial,
        issued_s=now_s,
        root_ed25519=crypto.ed25519_public(roots.ed25519),
        root_mldsa44=crypto.mldsa44_public(roots.mldsa44),
        log_mldsa44=crypto.mldsa44_public(node.log_mldsa),
        holds_mldsa44=crypto.mldsa44_public(node.holds_mldsa),
        heads_ed25519=crypto.ed25519_public(node.heads),
        tls_ed25519=crypto.ed25519_public(node.tls),
        kem_xwing=crypto.xwing_public(node.kem),
        pairs=tuple(pairs),
        bearers=tuple(b if " " in b else f"tls {b}" for b in bearers),
    )


def _signed(card: Card, roots: RootKeys) -> bytes:
    context = notes.NOTE_MLDSA44_CONTEXT
    return make_card(
        card, crypto.Ed25519Signer(roots.ed25519), crypto.MlDsa44Signer(roots.mldsa44, context)
    )


@dataclass(frozen=True)
class Home:
    """An opened home: its card, its configuration and the keys its passphrases opened."""

    path: Path
    card: SignedCard
    config: Config
    keys: NodeKeys

    @property
    def store(self) -> Path:
        """Where the store lies."""
        return self.path / STORE_FOLDER


def own_card(path: Path) -> SignedCard:
    """The card in a home. LocalError NOT_FOUND where there is none."""
    try:
        data = (path / CARD_FILE).read_bytes()
    except FileNotFoundError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no party in {path}") from exc
    return parse_card(data)


def open_home(path: Path, passphrases: Sequence[str]) -> Home:
    """Opens a home. LocalError BAD_PASSPHRASE, NOT_FOUND, or BAD_CARD if card and keys differ."""
    path = path.absolute()
    card = own_card(path)
    config = load_config(path)
    keys = NodeKeys.from_mapping(open_sealed(read_private(path / NODE_FILE), passphrases, "node"))
    if crypto.ed25519_public(keys.tls) != card.card.tls_ed25519:
        raise LocalError(Refusal.BAD_CARD, "the card in this home is not that of its keys")
    return Home(path, card, config, keys)


def spare_keys(path: Path, passphrases: Sequence[str]) -> SpareKeys:
    """The sealed pairs of later incarnations; opened for an adoption and a rotation alone."""
    return SpareKeys.from_mapping(
        open_sealed(read_private(path / SPARE_FILE), passphrases, "spare")
    )


def take_incarnation(home: Home, k: int, passphrases: Sequence[str], cost: Cost) -> NodeKeys:
    """The keys of incarnation ``k``, sealed into the home before they are used."""
    spare = spare_keys(home.path, passphrases)
    if not 0 < k < len(spare.pairs):
        raise LocalError(Refusal.NOT_ALLOWED, f"no key pair {k}: 1 to {len(spare.pairs) - 1}")
    log, holds = spare.pairs[k]
    keys = replace(home.keys, incarnation=k, log=log, holds=holds)
    sealed = seal("node", home.card.card.party, keys.to_mapping(), passphrases, cost=cost)
    write_private(home.path / NODE_FILE, sealed)
    return keys


# --- rotation and revocation ------------------------------------------------------------------


def rotate(
    path: Path,
    root_path: Path,
    passphrases: Sequence[str],
    *,
    now_s: int,
    bearers: Sequence[str] | None = None,
    cost: Cost = DEFAULT_COST,
    entropy: Entropy = os.urandom,
) -> SignedCard:
    """A new card under the same roots: fresh TLS and courier keys, fresh pairs of unused
    incarnations. The pairs up to the one in use stay: they are what was signed with."""
    home = open_home(path, passphrases)
    roots = RootKeys.from_mapping(open_sealed(read_private(root_path), passphrases, "root"))
    fresh = generate(entropy)
    old = spare_keys(home.path, passphrases)
    used = home.keys.incarnation
    spare = SpareKeys((*old.pairs[: used + 1], *fresh[2].pairs[used + 1 :]))
    keys = replace(home.keys, tls=fresh[1].tls, kem=fresh[1].kem)
    last = home.card.card
    card = _card(
        last.name,
        roots,
        keys,
        spare,
        serial=last.serial + 1,
        now_s=now_s,
        bearers=last.bearers if bearers is None else bearers,
    )
    data = _signed(card, roots)
    signed = parse_card(data)
    party = card.party
    write_private(
        path / SPARE_FILE, seal("spare", party, spare.to_mapping(), passphrases, cost=cost)
    )
    write_private(path / NODE_FILE, seal("node", party, keys.to_mapping(), passphrases, cost=cost))
    (path / CARD_FILE).write_bytes(data)
    return signed


def revoke(
    path: Path,
    root_path: Path,
    passphrases: Sequence[str],
    *,
    key: str,
    reason: str,
    serial: int,
    stands: Sequence[tuple[str, int, bytes]],
    now_s: int,
) -> bytes:
    """A revocation note for one of our keys, with the heads we stand by."""
    roots = RootKeys.from_mapping(open_sealed(read_private(root_path), passphrases, "root"))
    card = own_card(path).card
    revocation = Revocation(
        party=card.party,
        serial=serial,
        key=key,
        reason=reason,
        issued_s=now_s,
        stands=tuple(Stand(*stand) for stand in sorted(stands)),
    )
    context = notes.NOTE_MLDSA44_CONTEXT
    return make_revocation(
        revocation,
        card,
        crypto.Ed25519Signer(roots.ed25519),
        crypto.MlDsa44Signer(roots.mldsa44, context),
    )


# --- backup -----------------------------------------------------------------------------------


def backup(path: Path, out: Path) -> dict[str, object]:
    """A tar of the home as it stands: card, sealed keys, configuration, a snapshot of the store.

    The high-water mark is never in it: that is what tells a restored node from a running one.
    """
    own_card(path)
    if out.exists():
        raise LocalError(Refusal.IN_USE, f"{out} exists already")
    store = open_read_only(path / STORE_FOLDER)
    try:
        snapshot = store.snapshot()
    finally:
        store.close()
    part = out.with_name(out.name + ".part")
    with tarfile.open(part, "x:gz") as tar:
        for name in _BACKED_UP:
            tar.add(path / name, name, recursive=False)
        info = tarfile.TarInfo(f"{STORE_FOLDER}/snapshot")
        info.size, info.mode = len(snapshot), 0o600
        tar.addfile(info, io.BytesIO(snapshot))
    part.chmod(0o600)
    part.rename(out)
    return {"path": str(out), "bytes": out.stat().st_size}


def restore(archive: Path, path: Path, mark: Path | None = None) -> SignedCard:
    """Unpacks a backup into a new home. The node will start mute until its officers adopt it."""
    if path.exists() and any(path.iterdir()):
        raise LocalError(Refusal.IN_USE, f"{path} is not empty")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for name in _BACKED_UP:
                write_private(path / name, _member(tar, name))
            (path / STORE_FOLDER).mkdir(mode=0o700)
            database = _member(tar, f"{STORE_FOLDER}/snapshot")
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise LocalError(Refusal.MALFORMED, f"{archive} is not a backup") from exc
    write_private(path / STORE_FOLDER / "detente.db", database)
    card = own_card(path)
    if mark is not None:
        write_config(path, _moved(load_config(path), mark))
    return card


def _moved(config: Config, mark: Path) -> Config:
    return Config(
        mark=str(mark.absolute()),
        listen=config.listen,
        clock_error_s=config.clock_error_s,
        clock_source=config.clock_source,
        language=config.language,
        log=config.log,
        dial=config.dial,
    )


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    try:
        info = tar.getmember(name)
    except KeyError as exc:
        raise LocalError(Refusal.MALFORMED, f"the backup lacks {name}") from exc
    file = tar.extractfile(info) if info.isfile() and info.size < BACKUP_BYTES_MAX else None
    if file is None:
        raise LocalError(Refusal.MALFORMED, f"{name} in the backup is not a file")
    return file.read()


def log_word(log: LogId) -> str:
    """«member/word», how commands and pages name a log."""
    return f"{log.member}/{log.word}"
