"""Every frame has one form, is read back as it was, and is bounded before it is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core import frames, limits
from detente.core.attachment import BOX_BYTES
from detente.core.encoding import Reader, varint
from detente.core.errors import PeerError, Refusal
from detente.core.extras import Head
from detente.core.leaf import LogId
from detente.core.wire import read_tag

LOG = LogId(1, 0, b"")
LIFE = LogId(2, 3, b"12345678")
SIG = bytes(range(64))
HEADS = (
    frames.StatedHead(Head(LOG, 7, bytes(32)), SIG),
    frames.StatedHead(Head(LIFE, 1, SIG[:32]), SIG),
)
HELLO = frames.Hello(
    line=bytes(32), member=1, mute=True, answer=True, nonce=bytes(16), current=LOG, heads=HEADS
)
ALL = [
    HELLO,
    frames.Hello(
        line=bytes(32), member=0, mute=False, answer=False, nonce=SIG[:16], current=None, heads=()
    ),
    replace(HELLO, answer=False, current=None),
    replace(HELLO, mute=False, current=None),
    replace(HELLO, mute=False, answer=False, current=LIFE, member=31),
    frames.Heads(HEADS),
    frames.Cosign(None, 9, -4, SIG),
    frames.Cosign(LIFE, 1 << 30, 60, SIG),
    frames.Quantum(LIFE, 3, 1_770_282_000, bytes(frames.MLDSA_BYTES)),
    frames.Want(frames.WANT_BODY, LOG, 5),
    frames.Want(frames.WANT_CHUNKS, LIFE, 5, 7, 300),
    frames.Body(LIFE, 4, bytes(16), b"body"),
    frames.Ahead(LOG, 3, 9, (bytes(32),), SIG, b"item"),
    frames.Ahead(LOG, 0, 0, (), SIG, b"i"),
    frames.Refuse(Refusal.MALFORMED),
    frames.Refuse(Refusal.OVER_QUOTA, LIFE, 12),
    frames.Presence(True, 95, 2, 3, 10, 1_770_282_000),
    frames.Presence(False, 300, 65_535, 0, 1 << 20, 0),
    frames.Got(LIFE, 1),
    frames.AskProof(LOG, True, 1, 2),
    frames.AskProof(LIFE, False, 0, 3),
    frames.ShowProof(LOG, False, 1, 2, (bytes(32),), b"leaf", SIG[:32]),
    frames.ShowProof(LIFE, True, 3, 9, (), b"", bytes(32)),
    frames.Notice(b"charter"),
    frames.Chunks(LIFE, 300, 7, 64, (bytes(32), SIG[:32]), b"sealed"),
]
LONGEST_NOTICE = 2 * limits.CHARTER_BYTES_MAX
LONGEST_RUN = limits.RUN_CHUNKS_MAX * BOX_BYTES


@pytest.mark.parametrize("frame", ALL, ids=lambda frame: type(frame).__name__)
def test_a_frame_is_read_back_as_it_was_written(frame: frames.Frame) -> None:
    """Writing and reading are one another's inverse, on every channel."""
    for channel in (1, 14, 200):
        reader = Reader(frames.encode_frame(channel, frame))
        kind, told = read_tag(reader)
        assert (kind, told) == (frame.TYPE, channel)
        assert frames.read_frame(kind, reader) == frame


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ALL), st.integers(0, 5000), st.binary(max_size=3), st.booleans())
def test_mutations_are_the_same_frame_or_refused(
    frame: frames.Frame, at: int, put: bytes, cut: bool
) -> None:
    """Bytes in, out or changed: what is read at all has the very bytes it was read from."""
    data = frames.encode_frame(1, frame)
    at %= len(data)
    data = data[:at] + put if cut else data[:at] + put + data[at + len(put) :]
    try:
        reader = Reader(data)
        kind, channel = read_tag(reader)
        found = frames.read_frame(kind, reader)
    except PeerError:
        return
    assert frames.encode_frame(channel, found) == data


def refused(kind: int, payload: bytes) -> Refusal:
    with pytest.raises(PeerError) as caught:
        frames.read_frame(kind, Reader(payload))
    return caught.value.refusal


HELLO_HEAD = bytes((frames.VERSION,)) + bytes(32)


@pytest.mark.parametrize(
    ("kind", "payload", "refusal"),
    [
        (0, b"", Refusal.MALFORMED),
        (3, b"", Refusal.MALFORMED),
        (1, b"\x02" + bytes(60), Refusal.UNKNOWN_VERSION),
        (1, HELLO_HEAD + b"\0\x08" + bytes(16) + b"\0", Refusal.MALFORMED),
        (1, HELLO_HEAD + b"\x20\0" + bytes(16) + b"\0", Refusal.MALFORMED),
        (2, varint(limits.HEADS_MAX + 1), Refusal.OVERSIZE),
        (6, b"\x04" + LOG.encode() + b"\0", Refusal.MALFORMED),
        (7, LOG.encode() + b"\0" + bytes(16) + varint(limits.BODY_BYTES_MAX + 1), Refusal.OVERSIZE),
        (8, LOG.encode() + b"\x01\x02" + b"\0" + SIG, Refusal.MALFORMED),
        (8, LOG.encode() + b"\x02\x01" + b"\0" + SIG + b"i", Refusal.MALFORMED),
        (8, LOG.encode() + b"\0\0" + varint(127), Refusal.OVERSIZE),
        (9, varint(2 * 99), Refusal.MALFORMED),
        (10, b"\x02" + bytes(11), Refusal.MALFORMED),
        (10, b"\x01" + bytes(4) + b"\x04" + bytes(6), Refusal.MALFORMED),
        (12, LOG.encode() + b"\x02\0\0", Refusal.MALFORMED),
        (13, LOG.encode() + b"\x02\0\0\0\0" + bytes(32), Refusal.MALFORMED),
        (11, LOG.encode() + b"\x01\0", Refusal.MALFORMED),
    ],
)
def test_a_wrong_frame_has_a_name(kind: int, payload: bytes, refusal: Refusal) -> None:
    """Unknown types and versions, flags out of range, and lists too long are each named."""
    assert refused(kind, payload) is refusal


@pytest.mark.parametrize(
    ("longest", "longer"),
    [
        (frames.Heads(HEADS[:1] * limits.HEADS_MAX), frames.Heads(HEADS[:1] * 65)),
        (
            frames.Ahead(LOG, 0, 1, (bytes(32),) * 126, SIG, b"i"),
            frames.Ahead(LOG, 0, 1, (bytes(32),) * 127, SIG, b"i"),
        ),
        (frames.Notice(bytes(LONGEST_NOTICE)), frames.Notice(bytes(LONGEST_NOTICE + 1))),
        (
            frames.Chunks(LOG, 0, 0, 0, (), bytes(LONGEST_RUN)),
            frames.Chunks(LOG, 0, 0, 0, (), bytes(LONGEST_RUN + 1)),
        ),
        (
            frames.Body(LOG, 0, bytes(16), bytes(limits.BODY_BYTES_MAX)),
            frames.Body(LOG, 0, bytes(16), bytes(limits.BODY_BYTES_MAX + 1)),
        ),
        (
            frames.ShowProof(LOG, True, 0, 1, (), bytes(limits.LEAF_BYTES_MAX)),
            frames.ShowProof(LOG, True, 0, 1, (), bytes(limits.LEAF_BYTES_MAX + 1)),
        ),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_the_longest_of_each_list_is_read_and_no_longer_one(
    longest: frames.Frame, longer: frames.Frame
) -> None:
    """Heads, hashes, a charter behind its founding one, chunks of one run, a body, a leaf."""
    assert frames.read_frame(longest.TYPE, Reader(longest.payload())) == longest
    assert refused(longer.TYPE, longer.payload()) is Refusal.OVERSIZE
