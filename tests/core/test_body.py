"""Bodies: what a leaf commits to opens to one text, within bounds, or is called unreadable."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import pairwise

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core import body, limits
from detente.core.encoding import varint
from detente.core.errors import LocalError, PeerError, Refusal

TEXT = (
    "Three aircraft were observed at low altitude, heading south-east at 12:41Z. Please confirm "
    "that they are yours and take part in the exercise notified on 3 March. The watch waits for "
    "your answer on this line. "
) * 3
NOISE = b"".join(hashlib.sha256(n.to_bytes(2, "big")).digest() for n in range(9000))


def unreadable(data: bytes) -> str:
    """The reason for which a body is unreadable."""
    with pytest.raises(PeerError) as caught:
        body.unpack(data)
    assert caught.value.refusal is Refusal.UNREADABLE
    return caught.value.detail


def padded(method: int, data: bytes, size: int | None = None, fill: bytes = b"\0") -> bytes:
    """A padded body made by hand, of its class or of a given size."""
    made = bytes((method | 0x80,)) + varint(len(data)) + data
    return made.ljust(body.padded_size(len(made)) if size is None else size, fill)


def test_commitment_is_the_written_hash() -> None:
    """The commitment is SHA-256 over label, salt and body, and the salt moves it."""
    salt = bytes(range(16))
    assert (
        body.commit(salt, b"xyz") == hashlib.sha256(b"detente body v1\n" + salt + b"xyz").digest()
    )
    assert body.commit(body.ZERO_SALT, b"xyz") != body.commit(salt, b"xyz")


def test_spec_example() -> None:
    """The body that spec/commitment.md prints opens to its text and has its commitment."""
    data = bytes.fromhex(
        "a206008891d2cd5b8d50e949e702526573309103f6b624e2eb4b43ea4da7f502f0d1c1f4ee5a8cce21f68810"
    )
    text = b"Link test. Please confirm. " * 2
    in_steps = b"\x81\x2c" + data + bytes(18)
    assert body.unpack(b"\1" + data) == body.unpack(in_steps) == text
    assert body.commit(bytes(range(16)), in_steps).hex() == (
        "493a31df197b9b976640a8bd0db84724236a2e3765b03f4371bd87da069267d2"
    )


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(17)])
def test_salt_has_one_length(salt: bytes) -> None:
    """A salt of another length is our caller's mistake: salt and body could trade bytes."""
    with pytest.raises(ValueError):
        body.commit(salt, b"x")


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=2000), st.text(max_size=800).map(str.encode)), st.booleans())
def test_pack_and_unpack(plain: bytes, padding: bool) -> None:
    """Every text comes back from its body, padded or not."""
    packed = body.pack(plain, 5, padding)
    assert body.unpack(packed) == plain
    assert bool(packed[0] & 0x80) is padding
    if padding:
        assert len(packed) == body.padded_size(len(packed))


@pytest.mark.parametrize("quality", [5, 10, 11])
def test_text_is_compressed_and_noise_is_not(quality: int) -> None:
    """brotli is used where it is smaller, and raw bytes where it is not."""
    packed = body.pack(TEXT.encode(), quality, padding=False)
    assert packed[0] == 1
    assert len(packed) < len(TEXT) / 2
    assert body.pack(NOISE[:64], quality, padding=False) == b"\0" + NOISE[:64]
    assert body.pack(b"", quality, padding=False) == b"\0"
    assert body.pack(TEXT.encode(), None, padding=False) == b"\0" + TEXT.encode()


def test_a_text_that_compression_leaves_as_long_stays_raw() -> None:
    """Where brotli gains nothing, the text goes as it is, and no reader has a stream to open."""
    beginnings = [TEXT[:length].encode() for length in range(1, 40)]
    packed = {one: brotli.compress(one, quality=10, lgwin=16) for one in beginnings}
    as_long = [one for one in beginnings if len(packed[one]) == len(one)]
    assert as_long
    for one in as_long:
        assert body.pack(one, 10, padding=False) == b"\0" + one


def test_quality_and_window_are_as_specified() -> None:
    """The quality asked for is the one used; a long text has a window of 18 bits, any other 16."""
    lengths = [len(body.pack(TEXT.encode(), quality, padding=False)) for quality in (5, 10, 11)]
    assert lengths == sorted(set(lengths), reverse=True)
    long = (TEXT.encode() * 120)[: 1 << 16]
    for plain, bits in ((TEXT.encode(), 16), (long[:-1], 16), (long, 18)):
        assert body._window_bits(body.pack(plain, 5, padding=False)[1]) == bits


def test_largest_texts() -> None:
    """A text of PLAIN_BYTES_MAX opens; one byte more, or too large a body, is not made."""
    plain = (TEXT.encode() * 600)[: limits.PLAIN_BYTES_MAX]
    assert len(plain) == limits.PLAIN_BYTES_MAX
    assert body.unpack(body.pack(plain, 5, padding=True)) == plain
    with pytest.raises(LocalError) as caught:
        body.pack(plain + b"x", 5, padding=False)
    assert caught.value.refusal is Refusal.OVERSIZE
    largest = body.pack(NOISE[:65_535], 5, padding=False)
    assert len(largest) == limits.BODY_BYTES_MAX
    assert body.unpack(largest) == NOISE[:65_535]
    with pytest.raises(LocalError) as caught:
        body.pack(NOISE[:65_536], 5, padding=False)
    assert caught.value.refusal is Refusal.OVERSIZE


def test_padding_classes() -> None:
    """Classes rise in steps of 32 to 512, then as Padmé says, and cost at most 6 % from there."""
    assert [body.padded_size(n) for n in (1, 32, 33, 511, 512)] == [32, 32, 64, 512, 512]
    assert [body.padded_size(n) for n in (513, 1000, 1025, 5000, 9000)] == [
        544,
        1024,
        1088,
        5120,
        9216,
    ]
    sizes = [body.padded_size(n) for n in range(1, limits.BODY_BYTES_MAX + 1)]
    assert all(a <= b for a, b in pairwise(sizes))
    assert all(n <= size for n, size in enumerate(sizes, 1))
    assert all(size <= n * 1.0625 for n, size in enumerate(sizes, 1) if n > 512)
    assert sizes[-1] == limits.BODY_BYTES_MAX
    assert {body.padded_size(size) for size in sizes} == set(sizes)


def test_padding_hides_the_length_within_a_class() -> None:
    """Two texts of one class make bodies of one length."""
    assert len(body.pack(b"Yes.", 11, padding=True)) == len(body.pack(b"No, not now.", 11, True))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (bytes(limits.BODY_BYTES_MAX + 1), "65537 bytes"),
        (b"\x02abc", "unknown method"),
        (padded(3, b"abc"), "unknown method"),
        (b"\x80", "cut short"),
        (b"\x80\x05abc", "cut short"),
        (b"\x80\x83\x00abc".ljust(32, b"\0"), "shortest"),
        (b"\x80\xff\xff\x7f".ljust(32, b"\0"), "allowed"),
        (padded(0, b"abc", size=5), "class"),
        (padded(0, b"abc", size=64), "class"),
        (padded(0, b"abc", fill=b"\1"), "not zero"),
        (padded(0, b"abc")[:-1] + b"\1", "not zero"),
    ],
)
def test_malformed_bodies_are_unreadable(data: bytes, reason: str) -> None:
    """Other methods, wrong classes and padding that carries something are refused by name."""
    assert reason in unreadable(data)


COMPRESSED = brotli.compress(TEXT.encode(), lgwin=16)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "window"),
        (COMPRESSED[:-1], "cut short"),
        (COMPRESSED[:1], "cut short"),
        (COMPRESSED + b"\0", "not a brotli stream"),
        (brotli.compress(b"x" * 32_768, lgwin=16) + b"z", "not a brotli stream"),
        (NOISE[1:90], "brotli"),
        (b"\x11", "brotli"),
    ],
)
def test_bad_streams_are_unreadable(data: bytes, reason: str) -> None:
    """Streams that are cut, that go on behind their end, or that are none are refused."""
    assert reason in unreadable(b"\1" + data)
    assert reason in unreadable(padded(1, data))


@pytest.mark.parametrize("lgwin", range(10, 25))
def test_windows_above_18_bits_are_refused(lgwin: int) -> None:
    """A stream whose window alone would cost more than the text may is not even begun."""
    stream = b"\1" + brotli.compress(NOISE, lgwin=lgwin)[:50]
    assert ("window" in unreadable(stream)) is (lgwin > 18)


def test_every_window_of_the_format_is_told() -> None:
    """The window is read as RFC 7932 §9.1 lists its codes."""
    codes = {0b0: 16, 0b0000001: 17, 0b0011: 18, 0b1111: 24, 0b0100001: 10, 0b1110001: 15}
    assert {code: body._window_bits(code) for code in codes} == codes


def test_bomb_is_stopped_at_the_limit() -> None:
    """A body of hundreds of bytes that opens to 50 MB is refused at PLAIN_BYTES_MAX."""
    bomb = b"\1" + brotli.compress(bytes(50_000_000), quality=5, lgwin=18)
    assert len(bomb) < 2000
    assert "more than 262144" in unreadable(bomb)
    exact = brotli.compress(bytes(limits.PLAIN_BYTES_MAX + 1), quality=5, lgwin=18)
    assert "more than 262144" in unreadable(b"\1" + exact)


# The peak is asked for where it counts this program alone: getrusage counts what the process that
# started it had taken before, and so says nothing in a large one.
BOMB_PROGRAM = """
import brotli
from pathlib import Path
from detente.core import body
from detente.core.errors import PeerError
def peak_kib():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
bomb = bytes.fromhex({bomb!r})
body.unpack(body.pack(b"warm " * 100, 5, False))
before = peak_kib()
try:
    body.unpack(bomb)
except PeerError as refusal:
    print(refusal.refusal.word, peak_kib() - before)
"""


def test_bomb_costs_little_memory() -> None:
    """Refusing a bomb takes at most 2 MiB of the process, brotli's own memory counted."""
    bomb = b"\1" + brotli.compress(bytes(50_000_000), quality=5, lgwin=18)
    done = subprocess.run(
        [sys.executable, "-c", BOMB_PROGRAM.format(bomb=bomb.hex())],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )
    word, grown_kib = done.stdout.split()
    assert word == "unreadable"
    assert int(grown_kib) <= 2048


def test_quality_follows_the_queue() -> None:
    """A text nobody waits behind is compressed well; in a deep queue, fast."""
    assert [body.quality_for(queued) for queued in (0, 4, 5, 1000)] == [10, 10, 5, 5]


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_open_or_are_unreadable(data: bytes) -> None:
    """Arbitrary bytes open to a bounded text or are UNREADABLE, never anything else."""
    for candidate in (data, b"\1" + data, padded(1, data)):
        try:
            plain = body.unpack(candidate)
        except PeerError as exc:
            refusal: Refusal | None = exc.refusal
        else:
            assert len(plain) <= limits.PLAIN_BYTES_MAX
            refusal = None
        assert refusal in {None, Refusal.UNREADABLE}
