"""Files for a courier (spec/bearer-courier.md §2): cut, flipped, holed; what is left of them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.bearers import courier
from detente.bearers.contract import framed
from detente.bearers.courier import CHUNK_BYTES, HEAD_BYTES, Chunks, Head, Parties, Writer
from detente.core import crypto
from detente.core.errors import DetenteError, LocalError, PeerError, Refusal

PARTIES = Parties(b"l" * 32, b"a" * 32, b"b" * 32)
KEM, TLS, SECRET = b"k" * 32, b"t" * 32, b"s" * 32
KEYS = [crypto.ed25519_public(TLS)]
WRITTEN_S = 1_770_282_000


def sealed(chunks: int, parties: Parties = PARTIES, tls: bytes = TLS, kem: bytes = KEM) -> bytes:
    """A head that says so many chunks."""
    head = Head(SECRET, WRITTEN_S, 7, chunks)
    public = crypto.xwing_public(kem)
    return courier.seal_head(head, parties, public, lambda said: crypto.ed25519_sign(tls, said))


def file_of(frames: list[bytes]) -> bytes:
    """A whole file."""
    file = io.BytesIO()
    writer = Writer(file, SECRET)
    for frame in frames:
        writer.write(frame)
    writer.close(sealed)
    return file.getvalue()


def opened(data: bytes) -> tuple[list[bytes], list[int]]:
    """The frames of a file, and its lost chunks. The first refusal of its heads, if none opens."""
    file = io.BytesIO(data)
    refused: DetenteError | None = None
    for found in courier.heads_of(file):
        try:
            head = courier.open_head(found, PARTIES, KEM, KEYS)
        except PeerError as error:
            refused = refused or error
            continue
        assert (head.written_s, head.number) == (WRITTEN_S, 7)
        chunks = Chunks(file, head)
        return list(chunks.frames()), chunks.lost
    assert refused is not None
    raise refused


FRAMES = st.lists(st.binary(min_size=1, max_size=9000), max_size=8)


@settings(deadline=None, max_examples=60)
@given(FRAMES)
def test_a_whole_file_gives_its_frames(frames: list[bytes]) -> None:
    """What was written comes out, in order and once; the length is one of a few."""
    data = file_of(frames)
    assert opened(data) == (frames, [])
    assert (len(data) - 2 * HEAD_BYTES) % CHUNK_BYTES == 0
    assert len(data) >= 2 * HEAD_BYTES + CHUNK_BYTES


def touched(frames: list[bytes], lost: list[int]) -> list[bytes]:
    """The frames that no lost chunk touches."""
    left, at = [], 0
    for frame in frames:
        end = at + len(framed(frame))
        if not any(at < (n + 1) * 4078 and n * 4078 < end for n in lost):
            left.append(frame)
        at = end
    return left


@settings(deadline=None, max_examples=120)
@given(FRAMES, st.data())
def test_damage_costs_what_it_touches_and_is_named(
    frames: list[bytes], data: st.DataObject
) -> None:
    """Cut at either end, a piece cut out, or bytes overwritten: the chunks that it touches are
    lost and named, the frames in no lost chunk are all there, and nothing false comes out."""
    whole = file_of(frames)
    start = data.draw(st.integers(0, len(whole) - 1))
    stop = data.draw(st.integers(start + 1, min(len(whole), start + 6000)))
    how = data.draw(st.sampled_from(["overwrite", "cut out", "cut end", "cut front"]))
    if how == "overwrite":
        torn = whole[:start] + bytes(b ^ 0x55 for b in whole[start:stop]) + whole[stop:]
    elif how == "cut out":
        torn = whole[:start] + whole[stop:]
    elif how == "cut end":
        torn, stop = whole[:start], len(whole)
    else:
        torn, start, stop = whole[start + 1 :], 0, start + 1
    heads_hit = start < HEAD_BYTES and stop > len(whole) - HEAD_BYTES
    if heads_hit:
        with pytest.raises(DetenteError):
            opened(torn)
        return
    came, lost = opened(torn)
    chunks = (len(whole) - 2 * HEAD_BYTES) // CHUNK_BYTES
    hit = [
        n
        for n in range(chunks)
        if start < HEAD_BYTES + (n + 1) * CHUNK_BYTES and HEAD_BYTES + n * CHUNK_BYTES < stop
    ]
    assert lost == hit
    assert came == touched(frames, lost)


def test_what_is_no_file_is_named() -> None:
    """Other files, nothing at all and half a head are named, and opened no further."""
    for data in (b"", b"a letter", bytes(HEAD_BYTES), b"x" * 10_000, file_of([])[:500]):
        with pytest.raises(LocalError) as refused:
            opened(data)
        assert refused.value.refusal is Refusal.MALFORMED


def test_a_file_that_is_too_long_is_not_read() -> None:
    """A file above the limit is refused by its length alone, and no such one is written."""

    class Long(io.BytesIO):
        def seek(self, at: int, whence: int = 0, /) -> int:
            return courier.FILE_BYTES_MAX + 1 if whence == io.SEEK_END else super().seek(at, whence)

        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError

    with pytest.raises(LocalError) as refused:
        list(courier.heads_of(Long()))
    assert refused.value.refusal is Refusal.OVERSIZE


def test_no_longer_file_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """One chunk too many is refused to our own side."""
    monkeypatch.setattr(courier, "CHUNKS_MAX", 2)
    writer = Writer(io.BytesIO(), SECRET)
    writer.write(bytes(2 * 4078 - 2))
    with pytest.raises(LocalError) as refused:
        writer.write(bytes(4078))
    assert refused.value.refusal is Refusal.OVERSIZE


def test_a_head_that_says_too_much_is_refused() -> None:
    """No chunk, and more than there may be."""
    for chunks in (0, courier.CHUNKS_MAX + 1):
        with pytest.raises(PeerError) as refused:
            courier.open_head(sealed(chunks), PARTIES, KEM, KEYS)
        assert refused.value.refusal is Refusal.OVERSIZE


def test_a_head_is_between_two_parties_on_one_line() -> None:
    """Of another line, sender or receiver, sealed to another or signed by another it opens not."""
    others = (
        Parties(b"m" * 32, b"a" * 32, b"b" * 32),
        Parties(b"l" * 32, b"c" * 32, b"b" * 32),
        Parties(b"l" * 32, b"a" * 32, b"c" * 32),
    )
    for data, refusal in (
        *((sealed(1, parties), Refusal.UNREADABLE) for parties in others),
        (sealed(1, kem=b"x" * 32), Refusal.UNREADABLE),
        (sealed(1, tls=b"x" * 32), Refusal.BAD_SIGNATURE),
    ):
        with pytest.raises(PeerError) as refused:
            courier.open_head(data, PARTIES, KEM, KEYS)
        assert refused.value.refusal is refusal


def test_a_file_names_nobody() -> None:
    """Neither line nor party stands in a file, and two files of the same frames share no byte run
    but their first line."""
    one, other = file_of([b"frame"]), file_of([b"frame"])
    for name in (PARTIES.line, PARTIES.sender, PARTIES.receiver):
        assert name not in one
    assert one[:19] == other[:19] == courier.FIRST_LINE
    assert one[19:60] != other[19:60]


def test_a_frame_that_goes_on_behind_the_end_is_refused() -> None:
    """Only the sender itself can have framed it so: what stands before it counts."""
    file = io.BytesIO()
    writer = Writer(file, SECRET)
    writer.write(b"good")
    writer._payload += b"\xff\x7f"
    writer.close(sealed)
    file.seek(0)
    chunks = Chunks(file, courier.open_head(file.read(HEAD_BYTES), PARTIES, KEM, KEYS)).frames()
    assert next(chunks) == b"good"
    with pytest.raises(PeerError) as refused:
        next(chunks)
    assert refused.value.refusal is Refusal.MALFORMED
