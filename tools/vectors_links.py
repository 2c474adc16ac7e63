"""Vectors of sealed links: keys of one life, announcements."""

from __future__ import annotations

from collections.abc import Iterator

from detente.core.link_keys import Announcement, announce
from vectors_form import Made, case
from vectors_ground import Ground

SPEC = "bearer-sealed.md"
SECRET = bytes(range(32))
A, B = b"\xaa" * 16, b"\xbb" * 16
NONCE = bytes(range(12))


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
