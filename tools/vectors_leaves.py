"""Vectors of leaves: the header, the fields of each kind, and what is refused of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import vectors_ground as ground
from detente.core import extras
from detente.core.encoding import counted, u40, varint
from detente.core.extras import Duty, Grade, Head, Relation, Rung, Stater
from detente.core.leaf import Kind, Leaf, LogId, Precedence, Seen
from vectors_form import Expect, Made, case

T = ground.START_S
ONE, TWO = LogId(0, 0, b""), LogId(1, 0, b"")
LATER = LogId(1, 2, bytes(range(8)))
HASH = bytes(range(32))
BASE: dict[str, Any] = {"time_s": T, "audience": 3, "clock_error_s": 1}


def leaf(kind: int, **fields: Any) -> Leaf:
    """A leaf with everyday values where nothing is said."""
    return Leaf(kind=kind, **(BASE | fields))


# Name, leaf, what it shows.
GOOD: tuple[tuple[str, Leaf, str], ...] = (
    ("charter", leaf(Kind.CHARTER, commitment=HASH), "leaf 0 of every log"),
    (
        "resume",
        leaf(
            Kind.RESUME,
            precedence=Precedence.IMMEDIATE,
            extra=extras.Resume(2, bytes(range(8)), (Head(TWO, 7, HASH),)).encode(),
        ),
        "leaf 0 of a later incarnation, naming its predecessor",
    ),
    (
        "seen",
        leaf(Kind.SEEN, seen=(Seen(ONE, 5, HASH, T), Seen(LATER, 1, HASH, T - 1))),
        "two logs, in order of member, incarnation, life",
    ),
    (
        "quote",
        leaf(Kind.QUOTE, extra=extras.Quote(ONE, 5, 1, 0, T, bytes(64)).encode()),
        "a cosignature that the author copied",
    ),
    (
        "held_ahead",
        leaf(
            Kind.HELD_AHEAD,
            precedence=Precedence.FLASH,
            refs=(HASH,),
            extra=extras.HeldAhead(ONE, 9, HASH, T).encode(),
        ),
        "the receipt of an entry that overtook",
    ),
    ("lacks", leaf(Kind.LACKS, extra=extras.Lacks(ONE, (3, 4, 300)).encode()), "three bodies"),
    (
        "dispatch",
        leaf(Kind.DISPATCH, serial=1, commitment=HASH),
        "the first dispatch of a log",
    ),
    (
        "dispatch_with_attachments",
        leaf(Kind.DISPATCH, serial=2, commitment=HASH, attached=True),
        "its body begins with their list",
    ),
    (
        "dispatch_that_answers",
        leaf(
            Kind.DISPATCH,
            precedence=Precedence.FLASH,
            serial=300,
            refs=(HASH, bytes(32)),
            extra=bytes((Relation.ANSWERS, Relation.REFERS)),
            commitment=HASH,
            release=HASH,
            clock_error_s=65_535,
        ),
        "two relations, released by people, of an unknown clock error",
    ),
    (
        "drill",
        leaf(Kind.DISPATCH, drill=True, serial=2, audience=0xFFFFFFFF, commitment=HASH),
        "an exercise, to all 32 members",
    ),
    (
        "mark",
        leaf(Kind.MARK, refs=(HASH,), extra=extras.Mark(Rung.SEEN, Stater.WATCH).encode()),
        "seen, as the watch states",
    ),
    (
        "translation",
        leaf(
            Kind.TRANSLATION,
            serial=3,
            refs=(HASH,),
            extra=extras.Translation(Grade.CERTIFIED, Stater.WATCH).encode(),
            commitment=HASH,
        ),
        "a certified translation of one entry",
    ),
    (
        "offer",
        leaf(Kind.OFFER, extra=extras.Offer(1, 1, 3, T + 86_400).encode(), commitment=HASH),
        "an amendment, sealed by member 1, signed by 0 and 1",
    ),
    (
        "seal",
        leaf(Kind.SEAL, refs=(HASH, bytes(32)), release=HASH),
        "the offer, then every assent",
    ),
    (
        "accusation",
        leaf(Kind.ACCUSATION, extra=extras.Accused(ONE, 4).encode(), commitment=HASH),
        "a log frozen at an index",
    ),
    (
        "over_quota",
        leaf(Kind.OVER_QUOTA, extra=extras.OverQuota(ONE, 40, 3, T // 86_400).encode()),
        "too many FLASH on this day",
    ),
    ("duty", leaf(Kind.DUTY, extra=bytes((Duty.RELIEVED,))), "watch relieved, not by whom"),
    ("clock_back", leaf(Kind.CLOCK, extra=extras.encode_clock(-3600)), "an hour back"),
)


def leaves() -> Iterator[Made]:
    """Every kind once, and one leaf for each refusal."""
    for name, good, comment in GOOD:
        yield case(f"leaf/{name}", "log.md §2, §4", "leaf", comment, leaf=good.encode())
    yield from _bad_headers()
    yield from _bad_lists()
    yield from _bad_fields()


def _bad(name: str, raw: bytes, comment: str, expect: Expect = "malformed") -> Made:
    section = "§4" if comment.startswith("fields") else "§2"
    return case(f"leaf/{name}", f"log.md {section}", "leaf", comment, expect=expect, leaf=raw)


def _bad_headers() -> Iterator[Made]:
    good = leaf(Kind.SEEN, seen=(Seen(ONE, 5, HASH, T),)).encode()
    yield _bad("other_format", b"\x02" + good[1:], "format 2", "unknown-version")
    yield _bad("reserved_flag", good[:2] + b"\x81" + good[3:], "bit 7 means nothing yet")
    yield _bad("attached_seen", good[:2] + b"\x41" + good[3:], "only a dispatch has attachments")
    yield _bad("precedence_6", good[:2] + b"\x06" + good[3:], "OVERRIDE is 5, the last")
    yield _bad("audience_of_33", leaf(Kind.SEEN, audience=1 << 32).encode(), "no member 32")
    yield _bad("cut_short", good[:-1], "the length of the extra field is gone")
    yield _bad("byte_behind", good + b"\x00", "a byte behind the last field")
    head = good[:3] + b"\x83\x00" + good[4:]
    yield _bad("varint_not_shortest", head, "the audience 3 in two bytes")


def _bad_lists() -> Iterator[Made]:
    one, two = Seen(ONE, 5, HASH, T), Seen(TWO, 5, HASH, T)
    yield _bad("seen_out_of_order", leaf(Kind.SEEN, seen=(two, one)).encode(), "1/0 before 0/0")
    yield _bad("seen_twice", leaf(Kind.SEEN, seen=(one, one)).encode(), "one log twice")
    many = leaf(Kind.SEEN, seen=tuple(replace_seen(one, number) for number in range(65)))
    yield _bad("seen_of_65", many.encode(), "64 logs at most", "oversize")
    yield _bad("refs_33", leaf(Kind.MARK, refs=(HASH,) * 33).encode(), "32 at most", "oversize")
    plain = leaf(Kind.SEEN).encode()
    start = bytes((1, Kind.SEEN, 1)) + varint(3) + varint(0) + u40(T) + b"\x00\x01"
    item = varint(32) + varint(0) + varint(5) + HASH + u40(T)
    yield _bad("seen_of_member_32", start + b"\x01" + item + b"\x00\x00", "no member 32")
    item = varint(0) + varint(32) + varint(5) + HASH + u40(T)
    yield _bad("seen_of_incarnation_16", start + b"\x01" + item + b"\x00\x00", "0 to 15")
    long = plain[:-1] + counted(bytes(1537))
    yield _bad("extra_too_long", long, "1,536 bytes at most", "oversize")
    yield _bad("leaf_too_long", plain + bytes(4096), "4,096 bytes at most", "oversize")


def replace_seen(item: Seen, number: int) -> Seen:
    """The same item of another log, in rising order."""
    return item._replace(log=LogId(number % 32, number // 32, b""))


def _bad_fields() -> Iterator[Made]:
    offer = extras.Offer(1, 1, 3, T).encode()
    bad: tuple[tuple[str, int, bytes, str], ...] = (
        ("resume_of_0", Kind.RESUME, b"\x00" + bytes(8) + b"\x00", "incarnation 0 is no resume"),
        ("quote_cut_short", Kind.QUOTE, bytes(70), "a signature of 64 bytes"),
        ("held_ahead_byte_behind", Kind.HELD_AHEAD, bytes(2 + 1 + 32 + 5 + 1), "a byte behind"),
        ("lacks_of_none", Kind.LACKS, b"\x00\x00\x00", "at least one index"),
        ("lacks_out_of_order", Kind.LACKS, b"\x00\x00\x02\x04\x03", "4 before 3"),
        ("mark_of_unknown_rung", Kind.MARK, b"\x0b\x01\x00", "rung 11"),
        ("mark_of_unknown_stater", Kind.MARK, b"\x01\x04\x00", "stater 4"),
        ("mark_of_two_bytes", Kind.MARK, b"\x01\x01", "three bytes"),
        ("relations_without_refs", Kind.DISPATCH, b"\x01", "one relation for each reference"),
        ("translation_of_unknown_grade", Kind.TRANSLATION, b"\x04\x01", "grade 4"),
        ("offer_of_unknown_subject", Kind.OFFER, b"\x02" + offer[1:], "subject 2"),
        ("offer_to_nobody", Kind.OFFER, b"\x01\x01\x00" + u40(T), "no signatory"),
        ("over_quota_of_unknown", Kind.OVER_QUOTA, b"\x00\x00\x05\x05\x01", "quota 5"),
        ("clock_byte_behind", Kind.CLOCK, b"\x02\x00", "a byte behind"),
    )
    for name, kind, extra, comment in bad:
        yield _bad(name, leaf(kind, extra=extra).encode(), f"fields: {comment}")
