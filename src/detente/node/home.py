"""A party made, renewed and revoked: what is done with its root key at hand (docs/operating).

Everything else about a home is in ``folder``, and its backups in ``backups``; what other rings use
of all three is named here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from detente.bearers.tls import parse_address
from detente.bearers.websocket import check_url
from detente.core import crypto, notes
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.identity import Card, Pair, SignedCard, make_card, parse_card
from detente.core.limits import INCARNATIONS_MAX
from detente.core.revocation import Revocation, Stand, make_revocation
from detente.node.backups import backup, rehearse, restore, why_mute
from detente.node.config import Config, write_config
from detente.node.folder import (
    CARD_FILE,
    OLD_TLS_FILE,
    OLD_TLS_PURPOSE,
    Home,
    open_home,
    own_card,
    pairs_of,
    replace_together,
    sealed_cost,
    spare_keys,
    take_incarnation,
    take_lock,
)
from detente.store.keyring import (
    NODE_FILE,
    SPARE_FILE,
    NodeKeys,
    RootKeys,
    SpareKeys,
    generate,
)
from detente.store.mark import default_folder
from detente.store.private import read_private, write_private
from detente.store.sealed import DEFAULT_COST, Cost, open_sealed, seal

__all__ = [
    "CARD_FILE",
    "Home",
    "backup",
    "create_home",
    "open_home",
    "own_card",
    "rehearse",
    "restore",
    "revoke",
    "rotate",
    "spare_keys",
    "take_incarnation",
    "why_mute",
]

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
    for address in listen:
        parse_address(address)
    for bearer in bearers:
        check_bearer(bearer)
    roots, node, spare = generate(entropy)
    card = _card(roots, node, pairs_of(spare), name=name, serial=1, now_s=now_s, bearers=bearers)
    signed = _signed(card, roots)
    party = card.party
    folder = mark or default_folder(path, party, os.environ)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = Config(mark=str(folder.absolute()), listen=list(listen), language=language)
    write_config(path, config)
    write_private(root_path, seal("root", party, roots.to_mapping(), passphrases, cost=cost))
    _write_keys(path, passphrases, cost, signed, node, spare)
    return signed


def check_bearer(bearer: str) -> None:
    """Whether a card may name this way to call us. PeerError MALFORMED for a bad address."""
    if bearer.startswith("websocket "):
        check_url(bearer.removeprefix("websocket "))
    else:
        parse_address(bearer.removeprefix("tls "))


def _card(
    roots: RootKeys,
    node: NodeKeys,
    pairs: Sequence[Pair],
    *,
    name: str,
    serial: int,
    now_s: int,
    bearers: Sequence[str],
) -> Card:
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


def _signed(card: Card, roots: RootKeys) -> SignedCard:
    mldsa44 = crypto.MlDsa44Signer(roots.mldsa44, notes.NOTE_MLDSA44_CONTEXT)
    data = make_card(card, crypto.Ed25519Signer(roots.ed25519), mldsa44)
    return parse_card(data, checked=True)  # ``make_card`` has read it back in full


def _write_keys(
    path: Path,
    passphrases: Sequence[str],
    cost: Cost,
    signed: SignedCard,
    node: NodeKeys,
    spare: SpareKeys,
    old_tls: bytes | None = None,
) -> None:
    """The card and the keys behind it: all of them replaced, or none."""
    party = signed.card.party
    secrets = {NODE_FILE: ("node", node.to_mapping()), SPARE_FILE: ("spare", spare.to_mapping())}
    if old_tls is not None:
        secrets[OLD_TLS_FILE] = (OLD_TLS_PURPOSE, {"tls": old_tls})
    files = {
        name: seal(purpose, party, mapping, passphrases, cost=cost)
        for name, (purpose, mapping) in secrets.items()
    }
    replace_together(path, files | {CARD_FILE: signed.data})


# --- rotation and revocation ------------------------------------------------------------------


def rotate(
    path: Path,
    root_path: Path,
    passphrases: Sequence[str],
    *,
    now_s: int,
    bearers: Sequence[str] | None = None,
    latest: bytes | None = None,
    next_k: int | None = None,
    cost: Cost | None = None,
    entropy: Entropy = os.urandom,
) -> SignedCard:
    """A new card under the same roots: fresh TLS and courier keys, fresh pairs for incarnations
    from ``next_k`` on. The pairs below it stay: they are what was signed with.

    ``next_k`` is one above the incarnation in use unless said otherwise. ``latest`` is the newest
    card of this party that a peer can show: a home restored from before a rotation does not know
    it, and its card must follow on. LocalError IN_USE while the node runs, BAD_CARD or STALE_CARD
    for a ``latest`` that is none.
    """
    lock = take_lock(path)
    try:
        home = open_home(path, passphrases)
        roots = RootKeys.from_mapping(open_sealed(read_private(root_path), passphrases, "root"))
        last = home.card.card if latest is None else _later(home.card.card, latest)
        keep = home.keys.incarnation + 1 if next_k is None else next_k
        if not home.keys.incarnation < keep <= INCARNATIONS_MAX:
            raise LocalError(Refusal.USAGE, f"incarnation {home.keys.incarnation} is in use")
        _, fresh, new = generate(entropy)
        old = spare_keys(home.path, passphrases)
        spare = SpareKeys((*old.pairs[:keep], *new.pairs[keep:]))
        keys = replace(home.keys, tls=fresh.tls, kem=fresh.kem)
        card = _card(
            roots,
            keys,
            (*last.pairs[:keep], *pairs_of(spare)[keep:]),
            name=last.name,
            serial=last.serial + 1,
            now_s=now_s,
            bearers=last.bearers if bearers is None else bearers,
        )
        signed = _signed(card, roots)
        seal_cost = cost or sealed_cost(path / NODE_FILE)
        old_tls = home.old_tls or home.keys.tls  # the one that peers know longest
        _write_keys(path, passphrases, seal_cost, signed, keys, spare, old_tls)
    finally:
        os.close(lock)
    return signed


def _later(own: Card, latest: bytes) -> Card:
    try:
        card = parse_card(latest).card
    except PeerError as exc:
        raise LocalError(exc.refusal, exc.detail) from exc
    if card.party != own.party:
        raise LocalError(Refusal.BAD_CARD, "another party's card")
    if card.serial < own.serial:
        raise LocalError(Refusal.STALE_CARD, f"serial {card.serial}, and {own.serial} is here")
    return card


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
    """A revocation note for one of our keys, with the heads (origin, size, root) we stand by.

    LocalError as ``open_sealed``, and for a key or a head that no revocation can name.
    """
    roots = RootKeys.from_mapping(open_sealed(read_private(root_path), passphrases, "root"))
    card = own_card(path).card
    # Never dated before the card whose key it means, whatever the clock says: see revoked_key.
    revocation = Revocation(
        party=card.party,
        serial=serial,
        key=key,
        reason=reason,
        issued_s=max(now_s, card.issued_s),
        stands=tuple(Stand(*stand) for stand in sorted(stands)),
    )
    context = notes.NOTE_MLDSA44_CONTEXT
    return make_revocation(
        revocation,
        card,
        crypto.Ed25519Signer(roots.ed25519),
        crypto.MlDsa44Signer(roots.mldsa44, context),
    )
