"""Keys of the sealed link: what a secret of two parties makes (spec/bearer-sealed.md §2, §3).

One end makes the secret and delivers it sealed to the other's card; from then on 16 fresh bytes of
each end make all keys of one life of the link, so that nothing of an earlier life opens in a later.
"""

from __future__ import annotations

from dataclasses import dataclass

from detente.core.crypto import (
    AEAD_KEY_BYTES,
    AEAD_NONCE_BYTES,
    AeadKey,
    aead_open,
    aead_seal,
    hkdf,
    hmac_sha256,
    hpke_open,
    hpke_seal,
)
from detente.core.encoding import malformed
from detente.core.errors import PeerError, Refusal

LINK_KEY_FIRST = b"detente link-key v1\n"
SECRET_BYTES = 32
FRESH_BYTES = 16
CHECK_BYTES = 4  # a filter against floods: what is believed has the whole tag of its frame
NOBODY = bytes(FRESH_BYTES)  # heard of the peer so far: nothing
ANNOUNCEMENT_BYTES = AEAD_NONCE_BYTES + 2 * FRESH_BYTES + 1 + 16

_ANNOUNCE = b"detente announce v1\n"
_LINK = b"detente sealed link v1\n"
_WEBSOCKET = b"detente websocket v1\n"
_BINDING_BYTES = 32


def deliver_secret(kem: bytes, sender: bytes, receiver: bytes, secret: bytes) -> bytes:
    """A secret sealed to the receiver's card; ``kem`` is the X-Wing key on it.

    It says nothing of who made it: the way it comes must. PeerError BAD_CARD as ``hpke_seal``.
    """
    return LINK_KEY_FIRST + hpke_seal(kem, LINK_KEY_FIRST + sender + receiver, secret)


def take_secret(seed: bytes, sender: bytes, receiver: bytes, data: bytes) -> bytes:
    """The secret that ``deliver_secret`` sealed for the owner of ``seed``.

    PeerError NOT_ALLOWED from the party with the higher id, which makes none; UNREADABLE for what
    does not open, MALFORMED for what is no secret.
    """
    if sender > receiver:
        raise PeerError(Refusal.NOT_ALLOWED, "the party with the lower id makes the secret")
    if not data.startswith(LINK_KEY_FIRST):
        raise malformed("not a link key")
    secret = hpke_open(seed, LINK_KEY_FIRST + sender + receiver, data[len(LINK_KEY_FIRST) :])
    if len(secret) != SECRET_BYTES:
        raise malformed(f"a link key has {SECRET_BYTES} bytes")
    return secret


def websocket_secret(secret: bytes) -> bytes:
    """What takes the secret's place over WebSockets (spec/bearer-websocket.md §3): nothing that is
    heard on one kind of bearer means anything on another."""
    return hkdf(secret, b"", _WEBSOCKET, SECRET_BYTES)


# --- announcements -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Announcement:
    """The fresh bytes of one end, those it has heard of the other, and whether it asks for more."""

    own: bytes
    heard: bytes = NOBODY
    asks: bool = False


def _announce_key(secret: bytes, sender: bytes, receiver: bytes) -> bytes:
    return hkdf(secret, b"", _ANNOUNCE + sender + receiver, AEAD_KEY_BYTES)


def announce(
    secret: bytes, sender: bytes, receiver: bytes, said: Announcement, nonce: bytes
) -> bytes:
    """ANNOUNCEMENT_BYTES bytes that look random to a stranger; ``nonce`` is 12 bytes drawn now."""
    plain = said.own + said.heard + bytes((said.asks,))
    return nonce + aead_seal(_announce_key(secret, sender, receiver), nonce, plain, b"")


def read_announcement(
    secret: bytes, sender: bytes, receiver: bytes, data: bytes
) -> Announcement | None:
    """What ``announce`` sealed in that direction; None for anything else."""
    if len(data) != ANNOUNCEMENT_BYTES:
        return None
    nonce, sealed = data[:AEAD_NONCE_BYTES], data[AEAD_NONCE_BYTES:]
    try:
        plain = aead_open(_announce_key(secret, sender, receiver), nonce, sealed, b"")
    except PeerError:
        return None
    asks = plain[2 * FRESH_BYTES]
    return Announcement(plain[:FRESH_BYTES], plain[FRESH_BYTES : 2 * FRESH_BYTES], asks == 1)


# --- one life of a link ------------------------------------------------------------------------


class DirectionKeys:
    """What one end seals with and the other opens with, in one life of the link."""

    def __init__(self, frame_key: bytes, check_key: bytes) -> None:
        self._frames = AeadKey(frame_key)
        self._check = check_key

    def seal(self, lane: int, number: int, frame: bytes) -> bytes:
        """Frame ``number`` of a lane, with its 16-byte tag. Never seal two under one number."""
        return self._frames.seal(_nonce(lane, number), frame, b"")

    def open(self, lane: int, number: int, sealed: bytes) -> bytes:
        """What ``seal`` sealed. PeerError UNREADABLE for anything else."""
        return self._frames.open(_nonce(lane, number), sealed, b"")

    def check(self, fragment: int, held: tuple[int, int], rest: bytes) -> bytes:
        """CHECK_BYTES bytes over a packet and the numbers that it carries cut short."""
        numbers = b"".join(number.to_bytes(8, "big") for number in (fragment, *held))
        return hmac_sha256(self._check, numbers + rest)[:CHECK_BYTES]


def _nonce(lane: int, number: int) -> bytes:
    return lane.to_bytes(4, "big") + number.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """All keys of one life of a link, as one end uses them."""

    fresh: bytes  # 32 bytes that both ends know and no other link has had (channel binding)
    sends: DirectionKeys
    takes: DirectionKeys


def link_key_bytes(secret: bytes, low: bytes, high: bytes, fresh: bytes) -> tuple[bytes, ...]:
    """Binding, then frame and check key of the lower id's direction, then those of the higher's.

    ``fresh`` is the lower id's 16 bytes, then the higher's.
    """
    count = 5 * _BINDING_BYTES
    made = hkdf(secret, fresh, _LINK + low + high, count)
    return tuple(made[at : at + _BINDING_BYTES] for at in range(0, count, _BINDING_BYTES))


def link_keys(
    secret: bytes, own: bytes, peer: bytes, own_fresh: bytes, peer_fresh: bytes
) -> LinkKeys:
    """The keys that the fresh bytes of both ends make."""
    if own < peer:
        made = link_key_bytes(secret, own, peer, own_fresh + peer_fresh)
        return LinkKeys(made[0], DirectionKeys(*made[1:3]), DirectionKeys(*made[3:5]))
    made = link_key_bytes(secret, peer, own, peer_fresh + own_fresh)
    return LinkKeys(made[0], DirectionKeys(*made[3:5]), DirectionKeys(*made[1:3]))
