"""Vectors of frames: each type once, entries in full and elided, and what is refused of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import vectors_ground as ground
from detente.core import frames
from detente.core.body import commit
from detente.core.encoding import Reader, varint
from detente.core.errors import Refusal
from detente.core.extras import Head
from detente.core.frames import StatedHead, encode_frame
from detente.core.leaf import Kind, LogId, Precedence, Seen
from detente.core.transcript import Entry, Place
from detente.core.wire import (
    BODY,
    FULL,
    NOTHING,
    Batch,
    encode_entries,
    encode_item,
    read_tag,
    tag,
    whole_item,
)
from vectors_form import Expect, Made, case
from vectors_leaves import leaf

T = ground.START_S
ONE, TWO, LATER = LogId(0, 0, b""), LogId(1, 0, b""), LogId(1, 2, bytes(range(8)))
HASH, SIGNATURE = bytes(range(32)), bytes(range(64))
SALT = bytes(range(16))
STATED = StatedHead(Head(ONE, 5, HASH), SIGNATURE)

GOOD: tuple[tuple[str, int, frames.Frame, str], ...] = (
    (
        "hello",
        1,
        frames.Hello(
            line=HASH, member=1, mute=False, answer=True, nonce=SALT, current=TWO, heads=(STATED,)
        ),
        "who I am on this line, my log, and one head; please say hello too",
    ),
    (
        "hello_of_a_mute_node",
        1,
        frames.Hello(
            line=HASH, member=1, mute=True, answer=False, nonce=SALT, current=None, heads=()
        ),
        "restored, with no log of its own yet",
    ),
    ("heads", 1, frames.Heads((STATED,)), "a head of another, signed by its author"),
    ("cosign", 1, frames.Cosign(None, 5, -2, SIGNATURE), "on the receiver's own log, 2 s early"),
    ("cosign_of_another_log", 1, frames.Cosign(LATER, 5, 0, SIGNATURE), "names the log"),
    ("quantum", 1, frames.Quantum(TWO, 5, T, bytes(2420)), "2,420 bytes, here noughts"),
    ("want_entries", 1, frames.Want(frames.WANT_ENTRIES, ONE, 5), "from index 5 on"),
    ("want_full", 1, frames.Want(frames.WANT_FULL, ONE, 5), "the same, in full"),
    ("want_body", 1, frames.Want(frames.WANT_BODY, ONE, 5), "the body of entry 5"),
    ("want_cosignature", 1, frames.Want(frames.WANT_COSIGNATURE, ONE, 5), "of the head"),
    ("body", 1, frames.Body(ONE, 5, SALT, b"\x00Held."), "body and salt of entry 5"),
    (
        "ahead",
        1,
        frames.Ahead(ONE, 3, 5, (HASH,), SIGNATURE, whole_item(b"leaf", SALT, b"\x00Held.")),
        "entry 5 ahead of 3 and 4, whose one subtree leads to it",
    ),
    (
        "ahead_without_body",
        1,
        frames.Ahead(ONE, 5, 5, (), SIGNATURE, whole_item(b"leaf", None, None)),
        "to a member who is not in the audience",
    ),
    ("refuse", 0, frames.Refuse(Refusal.UNKNOWN_LINE), "on channel 0, of the link itself"),
    ("refuse_from_an_index", 1, frames.Refuse(Refusal.OVER_QUOTA, ONE, 40), "from entry 40 on"),
    ("presence", 1, frames.Presence(True, 95, 1, 3, 12, T), "on duty, a satellite clock"),
    ("got", 300, frames.Got(ONE, 5), "on channel 300: the tag takes three bytes"),
    ("ask_consistency", 1, frames.AskProof(ONE, False, 3, 5), "does your 5 begin with 3?"),
    ("ask_inclusion", 1, frames.AskProof(ONE, True, 3, 5), "which leaf is at 3 of your 5?"),
    (
        "show_consistency",
        1,
        frames.ShowProof(ONE, False, 3, 5, (HASH,), b"", HASH),
        "the path, and the root at 3",
    ),
    ("show_inclusion", 1, frames.ShowProof(ONE, True, 3, 5, (HASH,), b"leaf"), "path and leaf"),
    ("want_chunks", 1, frames.Want(4, ONE, 5, 0, 64), "of its first attachment, from chunk 64 on"),
    ("chunks", 1, frames.Chunks(ONE, 5, 0, 2, (HASH,), b"a sealed chunk"), "one, and a hash"),
    ("notice", 0, frames.Notice(b"detente charter v1\n"), "a text for the officers"),
)


def frame_vectors() -> Iterator[Made]:
    """Every frame but entries."""
    for name, channel, frame, comment in GOOD:
        data = encode_frame(channel, frame)
        yield case(f"frames/{name}", "session.md §3", "frame", comment, frame=data)
    hello = encode_frame(1, GOOD[0][2])
    presence = encode_frame(1, GOOD[15][2])
    bad: tuple[tuple[str, bytes, Expect, str], ...] = (
        ("unknown_type", b"\x01\x00", "malformed", "type 0"),
        ("empty", b"", "malformed", "no tag"),
        ("channel_not_shortest", b"\xbf\x01\x00\x00\x05", "malformed", "channel 1 in two bytes"),
        ("byte_behind", encode_frame(1, frames.Got(ONE, 5)) + b"\x00", "malformed", "a byte more"),
        ("hello_of_version_2", hello[:1] + b"\x02" + hello[2:], "unknown-version", "version 2"),
        ("hello_of_member_32", hello[:34] + b"\x20" + hello[35:], "malformed", "0 to 31"),
        ("hello_reserved_flag", hello[:35] + b"\x0e" + hello[36:], "malformed", "bit 3"),
        ("presence_of_state_2", presence[:1] + b"\x02" + presence[2:], "malformed", "0 or 1"),
        ("presence_of_source_4", presence[:6] + b"\x04" + presence[7:], "malformed", "0 to 3"),
        ("want_of_5", b"\x61\x05\x00\x00\x05", "malformed", "0 to 4"),
        ("chunks_of_65", b"\xf1\x00\x00\x05\x00\x00\x00" + varint(66_561), "oversize",
         "64 chunks of 1,040 bytes at most"),
        ("refuse_of_unknown_number", b"\x91" + varint(99 << 1), "malformed", "no such refusal"),
        ("heads_of_65", b"\x21" + varint(65), "oversize", "64 at most"),
        ("ahead_behind_its_base", b"\x81\x00\x00\x06\x05\x00" + SIGNATURE + b"\x00", "malformed",
         "base 6, index 5"),
        ("hashes_of_127", b"\xd1\x00\x00\x00\x03\x05" + varint(127), "oversize", "126 at most"),
    )  # fmt: skip
    for name, data, expect, comment in bad:
        yield case(f"frames/{name}", "session.md §3", "frame", comment, expect=expect, frame=data)


# --- entries ----------------------------------------------------------------------------------


def _entry(index: int, value: Any, body: tuple[bytes, bytes] | None = None) -> Entry:
    salt, packed = body or (None, None)
    raw = value.encode()
    return Entry(Place(TWO, index), b"", raw, value, salt, packed)


def _dispatch(index: int, text: bytes, **fields: Any) -> Entry:
    body = SALT, b"\x00" + text
    fields = {"serial": index, "time_s": T + index} | fields
    value = leaf(Kind.DISPATCH, commitment=commit(*body), **fields)
    return _entry(index, value, body)


def _items(
    entries: list[Entry], before: Any, *, knows: bool, yours: LogId | None = None
) -> list[bytes]:
    items = []
    for entry in entries:
        item = encode_item(
            entry,
            before,
            with_body=entry.body is not None,
            confirmed=lambda _log, _size: knows,
            locate=lambda ref: Place(ONE, 3) if ref == HASH else None,
            yours=yours,
        )
        items.append(item)
        before = entry.leaf
    return items


def entries_vectors() -> Iterator[Made]:
    """Batches: elided, in full, and what cannot be rebuilt."""
    first = [_dispatch(1, b"One."), _dispatch(2, b"Two.")]
    answer = _dispatch(
        3,
        b"Three.",
        precedence=Precedence.FLASH,
        seen=(Seen(ONE, 5, HASH, T + 2),),
        refs=(HASH,),
        extra=b"\x01",
        audience=1,
    )
    batch = Batch(None, None, 2, confirm=False)
    frame = encode_entries(1, batch, _items(first, NOTHING, knows=True), SIGNATURE)
    yield _case("entries_elided", "the second differs from the first in its second alone", frame)
    items = _items([answer], first[1].leaf, knows=True)
    frame = encode_entries(1, Batch(None, 3, 1, confirm=True), items, SIGNATURE)
    known: dict[str, Any] = {
        "before": first[1].raw.hex(),
        "roots": [["0/0", 5, HASH.hex()]],
        "hashes": [["0/0", 3, HASH.hex()]],
    }
    yield _case("entries_with_root_and_reference_elided", "both filled in", frame, **known)
    lost = known | {"roots": []}
    yield _case("entries_with_unknown_root", "a root left out that is not here", frame, "want-full",
                **lost)  # fmt: skip
    lost = known | {"hashes": []}
    yield _case("entries_with_unknown_reference", "an entry not here", frame, "want-full", **lost)
    items = _items([answer], first[1].leaf, knows=False)
    frame = encode_entries(1, Batch(LATER, 3, 1, confirm=False), items, SIGNATURE)
    told: dict[str, Any] = {"before": first[1].raw.hex()}
    yield _case("entries_of_another_log", "named, with root and reference in full", frame, **told)
    items = _items([answer], None, knows=False)
    frame = encode_entries(1, Batch(None, 3, 1, confirm=False), items, SIGNATURE)
    yield _case("entries_in_full", "the exact leaf bytes", frame, **told)
    items = [bytes((FULL,)) + varint(4) + b"void"]
    frame = encode_entries(1, Batch(None, 3, 1, confirm=False), items, SIGNATURE)
    yield _case("entries_void", "a leaf that does not decode travels in full", frame, **told)
    yield from _yours(first[1], answer)
    yield from _bad_entries(first)


def _yours(before: Entry, answer: Entry) -> Iterator[Made]:
    """The one `seen` of the receiver's own log, which is not even named."""
    items = _items([answer], before.leaf, knows=True, yours=ONE)
    frame = encode_entries(1, Batch(None, 3, 1, confirm=False), items, SIGNATURE)
    known: dict[str, Any] = {
        "before": before.raw.hex(),
        "roots": [["0/0", 5, HASH.hex()]],
        "hashes": [["0/0", 3, HASH.hex()]],
        "mine": "0/0",
    }
    yield _case("entries_with_your_log_seen", "neither log nor root is named", frame, **known)
    lost = known | {"mine": ""}
    yield _case("entries_with_your_log_unknown", "the receiver keeps no log", frame, "want-full",
                **lost)  # fmt: skip
    lost = known | {"roots": []}
    yield _case("entries_with_your_log_too_long", "it is not as long", frame, "want-full", **lost)


def _bad_entries(first: list[Entry]) -> Iterator[Made]:
    items = _items(first, NOTHING, knows=True)
    head = tag(3, 1)
    bad: tuple[tuple[str, bytes, Expect, str], ...] = (
        ("entries_513", head + varint(512 << 3) + SIGNATURE, "oversize", "512 at most"),
        ("entries_seen_twice_over", head + b"\x00\x84" + SIGNATURE, "malformed", "bits 2 and 7"),
        ("entries_full_and_elided", head + b"\x00\x41\x00" + SIGNATURE, "malformed", "kind too"),
        ("entries_cut_short", head + b"\x00" + items[0][:9] + SIGNATURE, "malformed", "half one"),
        ("entries_body_uncommitted",
         head + b"\x00" + bytes((BODY,)) + b"\x00" + SALT + b"\x01\x00" + SIGNATURE,
         "malformed", "a body, and flags that say there is none"),
        ("entries_before_1970", head + b"\x00\x00\x01" + SIGNATURE, "malformed", "time -1"),
    )  # fmt: skip
    for name, data, expect, comment in bad:
        yield _case(name, comment, data, expect)


def _case(name: str, comment: str, frame: bytes, expect: Expect = "ok", **known: Any) -> Made:
    Reader(frame)
    assert read_tag(Reader(frame))[0] == 3  # noqa: S101  # a tool checks itself
    inputs: dict[str, Any] = {"before": "", "roots": [], "hashes": [], "mine": ""} | known
    return case(
        f"frames/{name}", "session.md §5", "entries", comment, expect=expect, frame=frame, **inputs
    )
