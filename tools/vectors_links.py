"""Vectors of sealed links: keys of one life, announcements, packets."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator

from detente.bearers.packets import Fragment, Held, Packet
from detente.core.link_keys import (
    Announcement,
    DirectionKeys,
    announce,
    link_keys,
    websocket_secret,
)
from vectors_form import Expect, Made, case
from vectors_ground import Ground

SPEC = "bearer-sealed.md"
WEBSOCKET = "bearer-websocket.md"
SECRET = bytes(range(32))
A, B = b"\xaa" * 16, b"\xbb" * 16
NONCE = bytes(range(12))
CHECK_KEY = b"\xcc" * 32


def links(ground: Ground) -> Iterator[Made]:
    """What two ends derive, and what they announce to each other."""
    low, high = sorted(ground.party(name).card.card.party for name in ("alpha", "bravo"))
    yield case(
        "links/keys",
        f"{SPEC} §3",
        "link-keys",
        "all keys of one life",
        secret=SECRET,
        low=low,
        high=high,
        low_fresh=A,
        high_fresh=B,
    )
    first = announce(SECRET, low, high, Announcement(A, asks=True), NONCE)
    answer = announce(SECRET, high, low, Announcement(B, A), NONCE[::-1])
    for name, comment, sender, receiver, data in (
        ("announcement", "nothing heard yet; an answer is asked for", low, high, first),
        ("announcement_answered", "both ends' fresh bytes", high, low, answer),
    ):
        yield case(
            f"links/{name}",
            f"{SPEC} §3",
            "announcement",
            comment,
            secret=SECRET,
            sender=sender,
            receiver=receiver,
            data=data,
        )
    yield case(
        "links/announcement_turned_round",
        f"{SPEC} §3",
        "announcement",
        "what its own sender hears again",
        expect="unreadable",
        secret=SECRET,
        sender=high,
        receiver=low,
        data=first,
    )
    yield from _packets()
    yield from _websocket(low, high)


def _websocket(low: bytes, high: bytes) -> Iterator[Made]:
    secret = websocket_secret(SECRET)
    said = announce(secret, low, high, Announcement(A, asks=True), NONCE)
    keys = link_keys(secret, low, high, A, B)
    yield case(
        "links/websocket_request",
        f"{WEBSOCKET} §3",
        "websocket-request",
        "what the caller, here low, says in the head of its request",
        secret=SECRET,
        sender=low,
        receiver=high,
        authorization=f"Bearer {urlsafe_b64encode(said).decode().rstrip('=')}",
    )
    for name, comment, data, number in (
        ("message", "two frames, in message 1 of the caller", b"\x05hello\x01!", 1),
        ("elsewhere", "the same in the place of message 2", b"\x05hello\x01!", 2),
    ):
        yield case(
            f"links/websocket_{name}",
            f"{WEBSOCKET} §4",
            "websocket-message",
            comment,
            expect="ok" if number == 1 else "unreadable",
            secret=SECRET,
            sender=low,
            receiver=high,
            sender_fresh=A,
            receiver_fresh=B,
            number=number,
            data=keys.sends.seal(0, 1, data),
        )


def _packets() -> Iterator[Made]:
    keys = DirectionKeys(bytes(32), CHECK_KEY)
    held = Held(4097, frozenset({4099, 4106}))
    whole = Packet(Fragment(1, 5000, True, b"a piece"), (held, Held(1)), 1).encode(keys)
    alone = Packet(None, (Held(3), None)).encode(keys)
    empty = Packet(Fragment(0, 0, True, b"")).encode(keys)
    yield _packet("packet", "the last piece of an urgent frame; what is held of both lanes", whole)
    yield _packet("packet_held", "what is held, and nothing else", alone, wanted=0)
    yield _packet("packet_empty", "a piece of no bytes", empty, wanted=0)
    for name, comment, data, wanted in (
        ("packet_of_before", "its number ends alike: 4,096 less", whole, 900),
        ("packet_cut_short", "a bitmap is announced", whole[:9], 4990),
    ):
        yield _packet(name, comment, data, wanted=wanted, expect="unreadable")


def _packet(
    name: str, comment: str, data: bytes, *, wanted: int = 4990, expect: Expect = "ok"
) -> Made:
    return case(
        f"links/{name}",
        f"{SPEC} §4",
        "packet",
        comment,
        expect=expect,
        check_key=CHECK_KEY,
        data=data,
        wanted=[0, wanted],
        sent=[4090 if wanted else 0, 0],
    )
