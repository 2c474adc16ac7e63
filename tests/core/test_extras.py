"""The fields of each kind without a body: one form each, in bounds, back and forth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import extras
from detente.core.errors import PeerError, Refusal
from detente.core.extras import Head
from detente.core.leaf import LogId

LOG = LogId(1, 0, b"")
RESUMED = LogId(2, 3, b"lifelife")
HASH = bytes(range(32))

VALUES: list[tuple[object, Callable[[bytes], object]]] = [
    (extras.Resume(3, b"lifelife", (Head(LOG, 5, HASH),)), extras.decode_resume),
    (extras.Quote(LOG, 7, 0, 1, 1_770_000_000, b"s" * 64), extras.decode_quote),
    (extras.HeldAhead(RESUMED, 9, HASH, 1_770_000_000), extras.decode_held_ahead),
    (extras.Lacks(LOG, (1, 5, 9)), extras.decode_lacks),
    (extras.Lacks(RESUMED, (0,)), extras.decode_lacks),
    (extras.Mark(extras.Rung.SEEN, extras.Stater.WATCH, 0), extras.decode_mark),
    (extras.Mark(extras.Rung.MISDIRECTED, extras.Stater.RELEASED, 3), extras.decode_mark),
    (extras.Translation(extras.Grade.SIGHT, extras.Stater.NODE), extras.decode_translation),
    (extras.Offer(extras.AMENDMENT, 1, 3, 1_770_000_000), extras.decode_offer),
    (extras.Accused(RESUMED, 4), extras.decode_accused),
    (extras.OverQuota(LOG, 11, 3, 20_000), extras.decode_over_quota),
]


@pytest.mark.parametrize(("value", "decode"), VALUES, ids=lambda one: type(one).__name__)
def test_each_reads_back_and_nothing_more(value: object, decode: Callable[[bytes], object]) -> None:
    """What was written reads back; one byte less or more is refused."""
    data = value.encode()  # type: ignore[attr-defined]
    assert decode(data) == value
    for other in (data[:-1], data + b"\0"):
        with pytest.raises(PeerError):
            decode(other)


@pytest.mark.parametrize(
    ("decode", "data"),
    [
        (extras.decode_resume, extras.Resume(0, b"lifelife", ()).encode()),
        (extras.decode_resume, extras.Resume(16, b"lifelife", ()).encode()),
        (extras.decode_lacks, extras.Lacks(LOG, ()).encode()),
        (extras.decode_lacks, extras.Lacks(LOG, (5, 5)).encode()),
        (extras.decode_mark, bytes((99, 1, 0))),
        (extras.decode_mark, bytes((1, 9, 0))),
        (extras.decode_translation, bytes((9, 1))),
        (extras.decode_offer, extras.Offer(2, 1, 3, 5).encode()),
        (extras.decode_offer, extras.Offer(extras.AMENDMENT, 32, 3, 5).encode()),
        (extras.decode_offer, extras.Offer(extras.AMENDMENT, 1, 0, 5).encode()),
        (extras.decode_offer, extras.Offer(extras.AMENDMENT, 1, 1 << 32, 5).encode()),
        (extras.decode_over_quota, extras.OverQuota(LOG, 1, 5, 1).encode()),
        (extras.decode_over_quota, extras.OverQuota(LOG, 1, 0, 1).encode()),
    ],
)
def test_values_out_of_bounds_are_refused(decode: Callable[[bytes], object], data: bytes) -> None:
    """A form that decodes to what no rule allows is MALFORMED."""
    with pytest.raises(PeerError) as caught:
        decode(data)
    assert caught.value.refusal is Refusal.MALFORMED


def test_relations_stand_one_to_a_reference() -> None:
    """Each byte says what the dispatch is to one reference; another number of them is refused."""
    data = bytes((extras.Relation.ANSWERS, extras.Relation.CORRECTS))
    assert extras.decode_relations(data, 2) == (extras.Relation.ANSWERS, extras.Relation.CORRECTS)
    for refs, wrong in ((1, data), (2, bytes((1, 9)))):
        with pytest.raises(PeerError):
            extras.decode_relations(wrong, refs)


@given(st.integers(-(2**40), 2**40))
def test_a_clock_step_keeps_its_sign(step_s: int) -> None:
    """Backwards is negative and stays so."""
    assert extras.decode_clock(extras.encode_clock(step_s)) == step_s
    with pytest.raises(PeerError):
        extras.decode_clock(extras.encode_clock(step_s) + b"\0")
