"""KISS: blocks come out as they went in, however the bytes are cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from detente.bearers.kiss import BLOCK_BYTES_MAX, BROKEN_OFF, FEND, FESC, Unkiss, kiss

blocks = st.lists(st.binary(min_size=1, max_size=BLOCK_BYTES_MAX), max_size=5)


@settings(deadline=None)
@given(blocks, st.integers(1, 50))
def test_blocks_come_out_as_they_went_in(given_blocks: list[bytes], step: int) -> None:
    """Whatever bytes they hold, and however the stream is cut."""
    stream = b"".join(map(kiss, given_blocks))
    unkiss, found = Unkiss(), []
    for at in range(0, len(stream), step):
        found += unkiss.feed(stream[at : at + step])
    assert found == given_blocks


def test_the_bytes_of_a_block() -> None:
    """FEND, the command, the block with its two marks escaped, FEND."""
    assert kiss(bytes((1, FEND, FESC))).hex() == "c00001dbdcdbddc0"


def test_what_was_broken_off_is_no_block() -> None:
    """Neither half a block behind which it says so nor what follows is lost or mixed."""
    half = kiss(b"half a block")[:7]
    assert Unkiss().feed(half + BROKEN_OFF + kiss(b"whole")) == [b"whole"]


def test_a_damaged_escape_spoils_its_block_alone() -> None:
    """An escape of something else stands for itself, so that the block keeps its length."""
    stream = bytes((FEND, 0, 1, FESC, 2, FEND)) + kiss(b"next")
    assert Unkiss().feed(stream) == [bytes((1, FESC, 2)), b"next"]


def test_noise_costs_no_more_than_a_block() -> None:
    """A stream without FEND is not kept, and the next block comes out."""
    unkiss = Unkiss()
    assert unkiss.feed(b"x" * 100_000) == []
    assert len(unkiss._block) <= BLOCK_BYTES_MAX + 2
    assert unkiss.feed(kiss(b"next")) == [b"next"]


def test_a_block_without_end_is_not_kept() -> None:
    """Bytes without a mark among them cost no more than one block's memory."""
    reader = Unkiss()
    for _ in range(100):
        assert reader.feed(bytes(5000)) == []
        assert len(reader._block) <= BLOCK_BYTES_MAX + 2
    assert reader.feed(bytes((FEND,)) + kiss(b"next")) == [b"next"]
