"""The leaf: one form, bounded, and every bit of it read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.core import limits
from detente.core.errors import PeerError, Refusal
from detente.core.leaf import Kind, Leaf, LogId, Seen, decode_leaf

LOGS = st.builds(
    lambda member, k, life: LogId(member, k, life if k else b""),
    st.integers(0, limits.MEMBERS_MAX - 1),
    st.integers(0, limits.INCARNATIONS_MAX - 1),
    st.sampled_from([b"", b"lifelife", bytes(8)]),
)
SEEN = st.lists(
    st.builds(
        Seen,
        LOGS,
        st.integers(1, 2**40),
        st.binary(min_size=32, max_size=32),
        st.integers(0, 2**40 - 1),
    ),
    max_size=3,
    unique_by=lambda item: item.log,
).map(lambda items: tuple(sorted(items, key=lambda item: item.log)))
HASHES = st.binary(min_size=32, max_size=32)
HEADERS = st.builds(
    Leaf,
    kind=st.sampled_from(list(Kind)),
    time_s=st.integers(0, 2**40 - 1),
    audience=st.integers(0, 2**limits.MEMBERS_MAX - 1),
    precedence=st.integers(0, 5),
    drill=st.booleans(),
    serial=st.integers(0, 2**40),
    clock_error_s=st.integers(0, 65_535),
    seen=SEEN,
    refs=st.lists(HASHES, max_size=3).map(tuple),
    extra=st.binary(max_size=40),
    commitment=st.none() | HASHES,
    release=st.none() | HASHES,
    attached=st.just(False),
)
LEAVES = HEADERS | HEADERS.map(
    lambda leaf: leaf._replace(
        kind=Kind.DISPATCH, commitment=leaf.commitment or bytes(32), attached=True
    )
)
PLAIN = Leaf(kind=Kind.DISPATCH, time_s=1_770_000_000, audience=3, commitment=bytes(32))


@given(LEAVES)
def test_a_leaf_reads_back(leaf: Leaf) -> None:
    """Every leaf has one form, and that form gives the leaf back."""
    assert decode_leaf(leaf.encode()) == leaf


def test_a_leaf_may_be_as_long_as_the_limit() -> None:
    """Every list full, and the extra bytes up to the last one; a byte more is OVERSIZE."""
    seen = tuple(Seen(LogId(n // 8, n % 8, b""), 1, bytes(32), 1) for n in range(limits.SEEN_MAX))
    refs = (bytes(32),) * limits.REFS_MAX
    leaf = PLAIN._replace(seen=seen, refs=refs, extra=bytes(200))
    leaf = leaf._replace(extra=bytes(200 + limits.LEAF_BYTES_MAX - len(leaf.encode())))
    assert len(leaf.encode()) == limits.LEAF_BYTES_MAX
    assert decode_leaf(leaf.encode()) == leaf
    with pytest.raises(PeerError) as caught:
        decode_leaf(leaf._replace(extra=leaf.extra + b"x").encode())
    assert caught.value.refusal is Refusal.OVERSIZE


@given(LEAVES, st.data())
def test_a_leaf_cut_or_lengthened_is_refused(leaf: Leaf, data: st.DataObject) -> None:
    """No prefix of a leaf is a leaf, and nothing may stand behind one."""
    raw = leaf.encode()
    cut = data.draw(st.integers(0, len(raw) - 1))
    for other in (raw[:cut], raw + b"\0"):
        with pytest.raises(PeerError):
            decode_leaf(other)


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b"\x02" + PLAIN.encode()[1:], Refusal.UNKNOWN_VERSION),
        (PLAIN.encode()[:2] + b"\x80" + PLAIN.encode()[3:], Refusal.MALFORMED),
        (PLAIN._replace(attached=True, kind=Kind.MARK).encode(), Refusal.MALFORMED),
        (PLAIN._replace(attached=True, commitment=None).encode(), Refusal.MALFORMED),
        (PLAIN.encode()[:2] + b"\x16" + PLAIN.encode()[3:], Refusal.MALFORMED),
        (PLAIN._replace(audience=1 << limits.MEMBERS_MAX).encode(), Refusal.MALFORMED),
        (PLAIN._replace(refs=(bytes(32),) * (limits.REFS_MAX + 1)).encode(), Refusal.OVERSIZE),
        (PLAIN._replace(extra=bytes(limits.EXTRA_BYTES_MAX + 1)).encode(), Refusal.OVERSIZE),
        (PLAIN.encode() + bytes(limits.LEAF_BYTES_MAX), Refusal.OVERSIZE),
    ],
)
def test_what_breaks_a_bound_is_refused_by_name(raw: bytes, refusal: Refusal) -> None:
    """Another format, unknown flags, no such member or precedence, too many or too much."""
    with pytest.raises(PeerError) as caught:
        decode_leaf(raw)
    assert caught.value.refusal is refusal


def test_seen_items_stand_in_order_and_once() -> None:
    """Two items of one log, or in another order, would let one statement have two forms."""
    one = Seen(LogId(0, 0, b""), 1, bytes(32), 1)
    two = Seen(LogId(1, 0, b""), 1, bytes(32), 1)
    assert decode_leaf(PLAIN._replace(seen=(one, two)).encode()).seen == (one, two)
    for seen in ((two, one), (one, one)):
        with pytest.raises(PeerError):
            decode_leaf(PLAIN._replace(seen=seen).encode())


@pytest.mark.parametrize("log", [LogId(limits.MEMBERS_MAX, 0, b""), LogId(0, 16, b"")])
def test_logs_nobody_can_keep_are_refused(log: LogId) -> None:
    """A member number or an incarnation out of range is MALFORMED."""
    raw = PLAIN._replace(seen=(Seen(log, 1, bytes(32), 1),)).encode()
    with pytest.raises(PeerError) as caught:
        decode_leaf(raw)
    assert caught.value.refusal is Refusal.MALFORMED


def test_a_log_is_named_by_its_incarnation_and_life() -> None:
    """The word at the end of an origin: k alone for a charter log, k and life for a resumed one."""
    assert LogId(4, 0, b"").word == "0"
    assert LogId(4, 2, b"lifelife").word == "2." + b"lifelife".hex()


def test_only_the_audience_reads() -> None:
    """A bit of the mask is a member number."""
    assert PLAIN.reads(0)
    assert PLAIN.reads(1)
    assert not PLAIN.reads(2)
