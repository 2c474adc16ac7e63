"""Secrets shared with peers for sealed links: made, delivered, kept (spec/bearer-sealed.md §2).

Each lies in the store, sealed under a key of the keyring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.bearers.serial import SerialPort, Tty, open_port
from detente.core.crypto import AEAD_KEY_BYTES, AEAD_NONCE_BYTES, aead_open, aead_seal, hkdf
from detente.core.encoding import u40
from detente.core.errors import PeerError, Refusal
from detente.core.events import Offered
from detente.core.frames import Notice, encode_frame
from detente.core.link_keys import SECRET_BYTES, deliver_secret, take_secret
from detente.node.config import Serial

if TYPE_CHECKING:
    from detente.node.links import Links
    from detente.node.node import Node

_AT_REST = b"detente link secret at rest v1\n"


def secret_of(node: Node, party: bytes) -> bytes | None:
    """The secret shared with a party; None before there is one, or where it does not open."""
    kept = _kept(node, party)
    return None if kept is None else kept[0]


def _kept(node: Node, party: bytes) -> tuple[bytes, int] | None:
    """The secret, and when it was delivered, 0 where that was not kept."""
    sealed = node.store.get_meta(_meta(party))
    if sealed is None:
        return None
    nonce, box = sealed[:AEAD_NONCE_BYTES], sealed[AEAD_NONCE_BYTES:]
    try:
        plain = aead_open(_key(node, party), nonce, box, b"")
    except PeerError:
        return None
    return plain[:SECRET_BYTES], int.from_bytes(plain[SECRET_BYTES:], "big")


def keep(node: Node, party: bytes, secret: bytes, at_s: int = 0) -> None:
    """Keeps a secret, sealed, in place of the one before."""
    nonce, plain = node.entropy(AEAD_NONCE_BYTES), secret + u40(at_s)
    node.store.put_meta(_meta(party), nonce + aead_seal(_key(node, party), nonce, plain, b""))


def _key(node: Node, party: bytes) -> bytes:
    return hkdf(node.home.keys.store, b"", _AT_REST + party, AEAD_KEY_BYTES)


def _meta(party: bytes) -> str:
    return f"link-secret/{party.hex()}"


def deliver(node: Node) -> None:
    """Sends our secret to each peer that a port or WebSocket leads to, once over each wide link;
    the party with the lower id makes it. LocalError REVOKED or UNKNOWN_PARTY as ``sealing_key``."""
    own, links = node.station.party, node.links
    if links is None:
        return
    for party in _peers(node):
        fresh = [live.number for live in links.linked(party) if live.link.wide]
        fresh = [number for number in fresh if number not in node.secrets_sent]
        if own > party or not fresh:
            continue
        frame = _delivery(node, party)
        for number in fresh:
            links.send(number, frame)
        node.secrets_sent.update(fresh)
        node.tell("link-key-sent", party=party)


def for_file(node: Node, party: bytes) -> bytes | None:
    """The frame that delivers our secret by courier; None where a party is not in need of it, or
    makes it. LocalError as ``deliver``."""
    if node.station.party > party or party not in _peers(node):
        return None
    return _delivery(node, party)


def _delivery(node: Node, party: bytes) -> bytes:
    own, secret = node.station.party, secret_of(node, party)
    if secret is None:
        secret = node.entropy(SECRET_BYTES)
        keep(node, party, secret)
    data = deliver_secret(node.station.sealing_key(party), own, party, secret)
    return encode_frame(0, Notice(data))


def take(node: Node, given: Offered) -> None:
    """A secret that a peer made. PeerError NOT_ALLOWED from one that makes none or is trusted no
    more, and out of a file that is older than the secret that is here; UNREADABLE, MALFORMED."""
    if given.party in node.distrusted:
        raise PeerError(Refusal.NOT_ALLOWED, "a link key of a party that is not trusted")
    secret = take_secret(node.home.keys.kem, given.party, node.station.party, given.data)
    kept, written_s = _kept(node, given.party), node.reading_s
    if kept is not None and kept[0] == secret:
        return
    if kept is not None and written_s is not None and written_s <= kept[1]:
        raise PeerError(Refusal.NOT_ALLOWED, "a link key out of a file that others have overtaken")
    at_s = node.now().wall_s if written_s is None else written_s
    keep(node, given.party, secret, at_s)
    node.tell("link-key-taken", party=given.party)
    if node.links is not None:
        node.links.reopen(given.party)


def keep_open(node: Node, links: Links) -> None:
    """Opens every serial port of the configuration, and opens it again when it is lost."""
    for port in node.home.config.serial:
        party = bytes.fromhex(port.peer)

        def open_it(port: Serial = port, party: bytes = party) -> SerialPort | None:
            secret = secret_of(node, party)
            if secret is None:
                return None
            given = Tty(port.device, port.speed, port.bits_per_s)
            return open_port(given, secret, node.station.party, party)

        links.keep_open(party, port.device, open_it)


def _peers(node: Node) -> set[bytes]:
    config = node.home.config
    web = {p for p in node.trusted() if config.websocket.listen or node.url_of(p) is not None}
    return {bytes.fromhex(port.peer) for port in config.serial} | web
