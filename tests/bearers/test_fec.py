"""Reed-Solomon: what is mended, what is not, and how much of it a way is given."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.bearers.fec import CALM_OF, PARITY_BYTES, Meter, mend, protect


def spoiled(data: bytes, level: int, count: int, dice: random.Random) -> bytes:
    """A protected block with so many of its bytes damaged."""
    block = bytearray(protect(data, level))
    for at in dice.sample(range(len(block)), count):
        block[at] ^= dice.randint(1, 255)
    return bytes(block)


def test_a_block_is_these_bytes():
    """The parity of a known block, as any Reed-Solomon coder of these parameters makes it."""
    parity = "703520eb045d1bf48b43b64b800dad42"
    assert protect(b"detente", 1) == b"detente" + bytes.fromhex(parity)
    assert protect(b"detente", 0) == b"detente"


@pytest.mark.parametrize("level", [1, 2])
def test_half_the_parity_is_mended(level):
    """Up to half as many damaged bytes as there is parity are found and mended, wherever."""
    dice = random.Random(level)
    for count in range(PARITY_BYTES[level] // 2 + 1):
        for size in (1, 9, 60, 220):
            data = dice.randbytes(size)
            found = mend(spoiled(data, level, min(count, size), dice), level)
            assert found == (data, level, min(count, size))


@pytest.mark.parametrize("level", [1, 2])
def test_more_damage_is_nearly_always_noticed(level):
    """With more damage than that hardly any block is taken for another one."""
    dice = random.Random(level)
    count = PARITY_BYTES[level] // 2 + 3
    found = [mend(spoiled(dice.randbytes(150), level, count, dice), level) for _ in range(50)]
    assert sum(each is not None for each in found) <= 2


@given(st.binary(max_size=300), st.sampled_from([0, 1, 2]))
def test_whatever_comes_is_a_block_or_none(block, level):
    """Noise of any length is mended or refused, and never an error."""
    found = mend(block, level)
    assert found is None or len(found.data) == len(block) - PARITY_BYTES[level]


def test_blocks_of_no_length_are_nothing():
    """A block no longer than its parity, or longer than a block can be, is nothing."""
    assert mend(bytes(16), 1) is None
    assert mend(bytes(256), 1) is None


def test_a_way_is_given_what_it_needs():
    """Two of eight blocks in vain, then three, raise the level; a calm run lowers it."""
    meter = Meter()
    good = mend(b"as it was sent", 0)
    for _ in range(7):
        meter.came(good)
    meter.came(None)
    assert meter.level == 0
    meter.came(None)
    assert meter.level == 1
    meter.came(None)
    meter.came(None)
    assert meter.level == 1
    meter.came(None)
    assert meter.level == 2
    meter.came(None)
    assert meter.level == 2
    clean = mend(protect(b"x", 2), 2)
    for _ in range(CALM_OF):
        meter.came(clean)
    assert meter.level == 1
    mended = mend(spoiled(b"x" * 100, 1, 1, random.Random(1)), 1)
    for _ in range(2 * CALM_OF):
        meter.came(mended)
    assert meter.level == 1
    for _ in range(2 * CALM_OF):
        meter.came(clean)
    assert meter.level == 0


def test_the_last_level_is_tried_first():
    """A block is read first as the last one that came was."""
    meter = Meter()
    block = protect(b"block", 1)
    assert [found.level for found in meter.readings(block)][:2] == [0, 1]
    meter.came(mend(block, 1))
    assert [found.level for found in meter.readings(block)][:2] == [1, 0]


def test_a_damaged_mark_beside_a_block_is_left_out():
    """One byte too many before or behind a block, and it is read all the same."""
    for spoiled_block in (b"?" + protect(b"block", 2), protect(b"block", 2) + b"?"):
        assert (b"block", 2, 0) in list(Meter().readings(spoiled_block))
