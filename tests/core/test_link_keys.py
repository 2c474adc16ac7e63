"""Link keys: what both ends derive, and what opens for nobody else."""

from __future__ import annotations

import pytest

from detente.core import crypto
from detente.core.errors import PeerError, Refusal
from detente.core.link_keys import (
    ANNOUNCEMENT_BYTES,
    LINK_KEY_FIRST,
    Announcement,
    announce,
    deliver_secret,
    link_keys,
    read_announcement,
    take_secret,
    websocket_secret,
)

LOW, HIGH = b"\x11" * 32, b"\x22" * 32
SECRET = bytes(range(32))
SEED = b"\x33" * 32
NONCE = b"n" * 12
A, B = b"a" * 16, b"b" * 16


def test_a_secret_is_delivered_to_its_receiver_alone() -> None:
    """A sealed secret opens for the receiver's key, between these two parties, and no other way."""
    sealed = deliver_secret(crypto.xwing_public(SEED), LOW, HIGH, SECRET)
    assert take_secret(SEED, LOW, HIGH, sealed) == SECRET
    for seed, sender, receiver in ((b"\x34" * 32, LOW, HIGH), (SEED, b"\x10" * 32, HIGH)):
        with pytest.raises(PeerError) as caught:
            take_secret(seed, sender, receiver, sealed)
        assert caught.value.refusal is Refusal.UNREADABLE


@pytest.mark.parametrize(
    ("sender", "receiver", "data", "refusal"),
    [
        (HIGH, LOW, b"", Refusal.NOT_ALLOWED),
        (LOW, HIGH, b"detente link-key v2\n", Refusal.MALFORMED),
        (LOW, HIGH, LINK_KEY_FIRST, Refusal.UNREADABLE),
    ],
)
def test_what_is_no_secret_is_refused(
    sender: bytes, receiver: bytes, data: bytes, refusal: Refusal
) -> None:
    """The higher id makes no secret; other texts and cut ones are refused."""
    with pytest.raises(PeerError) as caught:
        take_secret(SEED, sender, receiver, data)
    assert caught.value.refusal is refusal


def test_a_secret_of_another_length_is_refused() -> None:
    """A sealed text of 31 bytes is no secret."""
    sealed = deliver_secret(crypto.xwing_public(SEED), LOW, HIGH, SECRET[1:])
    with pytest.raises(PeerError) as caught:
        take_secret(SEED, LOW, HIGH, sealed)
    assert caught.value.refusal is Refusal.MALFORMED


def test_an_announcement_opens_in_its_own_direction_alone() -> None:
    """What one end announces opens for no stranger, not turned round, not with a bit off."""
    said = Announcement(A, B, asks=True)
    data = announce(SECRET, LOW, HIGH, said, NONCE)
    assert len(data) == ANNOUNCEMENT_BYTES
    assert read_announcement(SECRET, LOW, HIGH, data) == said
    assert read_announcement(SECRET, HIGH, LOW, data) is None
    assert read_announcement(SECRET[::-1], LOW, HIGH, data) is None
    assert read_announcement(SECRET, LOW, HIGH, data[:-1]) is None
    for at in range(len(data)):
        flipped = bytes(byte ^ (at == place) for place, byte in enumerate(data))
        assert read_announcement(SECRET, LOW, HIGH, flipped) is None


def test_both_ends_make_the_same_keys() -> None:
    """What one end seals the other opens, in both directions; their bindings are one."""
    low, high = link_keys(SECRET, LOW, HIGH, A, B), link_keys(SECRET, HIGH, LOW, B, A)
    assert low.fresh == high.fresh
    for one, other in ((low, high), (high, low)):
        assert other.takes.open(1, 7, one.sends.seal(1, 7, b"frame")) == b"frame"
        assert other.takes.check(5, (2, 3), b"rest") == one.sends.check(5, (2, 3), b"rest")
        with pytest.raises(PeerError):
            one.takes.open(1, 7, one.sends.seal(1, 7, b"frame"))


def test_a_frame_stands_in_its_own_place_alone() -> None:
    """A sealed frame opens under no other lane, number, or life of the link."""
    low, high = link_keys(SECRET, LOW, HIGH, A, B), link_keys(SECRET, HIGH, LOW, B, A)
    sealed = low.sends.seal(0, 0, b"frame")
    later = link_keys(SECRET, HIGH, LOW, b"c" * 16, A)
    for keys, lane, number in ((high, 1, 0), (high, 0, 1), (later, 0, 0)):
        with pytest.raises(PeerError):
            keys.takes.open(lane, number, sealed)


def test_a_check_covers_every_number() -> None:
    """The check of a packet changes with each number that the packet carries cut short."""
    keys = link_keys(SECRET, LOW, HIGH, A, B).sends
    checks = {keys.check(*given) for given in ((0, (0, 0), b""), (4096, (0, 0), b""))}
    checks |= {keys.check(0, (4096, 0), b""), keys.check(0, (0, 4096), b"")}
    checks.add(keys.check(0, (0, 0), b"x"))
    assert len(checks) == 5


def test_what_is_heard_on_one_kind_of_bearer_opens_on_no_other() -> None:
    """A WebSocket has a secret of its own, always the same one."""
    secret = websocket_secret(SECRET)
    assert secret == websocket_secret(SECRET) != SECRET
    data = announce(SECRET, LOW, HIGH, Announcement(A, asks=True), NONCE)
    assert read_announcement(SECRET, LOW, HIGH, data) is not None
    assert read_announcement(secret, LOW, HIGH, data) is None
