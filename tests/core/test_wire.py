"""Elision: what is left out is put back to the same bytes, or asked for in full."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core import limits, wire
from detente.core.body import commit
from detente.core.encoding import VARINT_MAX, Reader, counted, varint, zigzag
from detente.core.errors import PeerError, Refusal
from detente.core.leaf import Kind, Leaf, LogId, Precedence, Seen, decode_leaf
from detente.core.merkle import leaf_hash
from detente.core.transcript import Entry, Place
from detente.core.wire import Item, encode_item, read_item

MINE = LogId(1, 0, b"")
OTHER = LogId(2, 3, bytes(8))
TIMES = st.integers(0, (1 << 40) - 1)
HASHES = st.binary(min_size=32, max_size=32)
LOGS = st.builds(
    LogId,
    st.integers(0, 31),
    st.integers(0, 15),
    st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
)


def _seens(draw: st.DrawFn) -> tuple[Seen, ...]:
    found = draw(
        st.dictionaries(LOGS, st.tuples(st.integers(1, 1 << 40), HASHES, TIMES), max_size=4)
    )
    return tuple(Seen(log, *found[log]) for log in sorted(found))


@st.composite
def leaves(draw: st.DrawFn, *, committed: bool | None = None) -> Leaf:
    """Any leaf that decodes."""
    wants = draw(st.booleans()) if committed is None else committed
    leaf = Leaf(
        kind=draw(st.integers(0, 255)),
        time_s=draw(TIMES),
        audience=draw(st.integers(0, (1 << 32) - 1)),
        precedence=draw(st.integers(0, 5)),
        drill=draw(st.booleans()),
        serial=draw(st.one_of(st.integers(0, 3), st.integers(VARINT_MAX - 1, VARINT_MAX))),
        clock_error_s=draw(st.integers(0, 65_535)),
        seen=_seens(draw),
        refs=tuple(draw(st.lists(HASHES, max_size=3))),
        extra=draw(st.binary(max_size=40)),
        commitment=draw(HASHES) if wants else None,
        release=draw(st.one_of(st.none(), HASHES)),
    )
    assert decode_leaf(leaf.encode()) == leaf
    return leaf


def entry_of(leaf: Leaf | None, raw: bytes = b"", body: bytes | None = None) -> Entry:
    raw = leaf.encode() if leaf is not None else raw
    salt = bytes(16) if body is not None else None
    return Entry(Place(MINE, 7), leaf_hash(raw), raw, leaf, salt, body)


def there_and_back(
    entry: Entry,
    prev: Leaf | None,
    known: frozenset[LogId],
    *,
    placed: bool = False,
    yours: LogId | None = None,
) -> Item:
    """What a receiver rebuilds that has the roots of the ``known`` logs."""
    roots = {} if entry.leaf is None else {(s.log, s.size): s.root for s in entry.leaf.seen}
    refs = {} if entry.leaf is None else {ref: n for n, ref in enumerate(entry.leaf.refs)}
    data = encode_item(
        entry,
        prev,
        with_body=entry.body is not None,
        confirmed=lambda log, size: log in known,
        locate=lambda ref: Place(MINE, refs[ref]) if placed else None,
        yours=yours,
    )
    reader = Reader(data)
    item = read_item(
        reader,
        prev,
        lambda log, size: roots.get((log, size)),
        lambda log, index: next((ref for ref, n in refs.items() if n == index), None),
        yours,
    )
    reader.done()
    return item


@settings(max_examples=300, deadline=None)
@given(leaves(), leaves(), st.booleans(), st.booleans(), st.data())
def test_full_and_elided_forms_give_the_same_leaf_bytes(
    leaf: Leaf, prev: Leaf, elide: bool, placed: bool, data: st.DataObject
) -> None:
    """Whatever came before, and whatever is left out, the leaf is rebuilt to its exact bytes."""
    logs = [seen.log for seen in leaf.seen]
    known = frozenset([*logs, MINE]) if elide else frozenset()
    yours = data.draw(st.sampled_from([*logs, MINE]))
    item = there_and_back(entry_of(leaf), prev, known, placed=placed, yours=yours)
    assert item.raw == leaf.encode()
    assert item.leaf == leaf
    assert not item.full
    assert there_and_back(entry_of(leaf), None, known).raw == leaf.encode()


@settings(max_examples=50, deadline=None)
@given(leaves(committed=True), leaves(), st.binary(max_size=300))
def test_a_body_gives_back_its_own_commitment(leaf: Leaf, prev: Leaf, body: bytes) -> None:
    """A commitment is left out beside the body that opens it, and is computed again."""
    leaf = leaf._replace(commitment=commit(bytes(16), body))
    item = there_and_back(entry_of(leaf, body=body), prev, frozenset())
    assert (item.raw, item.salt, item.body) == (leaf.encode(), bytes(16), body)
    full = there_and_back(entry_of(leaf, body=body), None, frozenset())
    assert (full.raw, full.salt, full.body, full.full) == (leaf.encode(), bytes(16), body, True)


@pytest.mark.parametrize("prev", [None, wire.NOTHING], ids=["in full", "elided"])
def test_a_body_goes_only_to_whom_it_is_meant_for(prev: Leaf | None) -> None:
    """Whoever may not have it gets the entry with the commitment alone, in either form."""
    body = b"for others"
    leaf = Leaf(Kind.DISPATCH, 1, 2, commitment=commit(bytes(16), body))
    data = encode_item(
        entry_of(leaf, body=body),
        prev,
        with_body=False,
        confirmed=lambda log, size: True,
        locate=lambda ref: None,
    )
    assert body not in data
    item = read_item(Reader(data), prev, lambda log, size: None, lambda log, index: None)
    assert (item.leaf, item.salt, item.body) == (leaf, None, None)


def test_a_void_leaf_travels_in_full_and_stays_void() -> None:
    """Signed bytes that are no leaf arrive as they are, and the next one is sent in full."""
    item = there_and_back(entry_of(None, raw=b"signed nonsense"), wire.NOTHING, frozenset())
    assert item == Item(b"signed nonsense", None, None, None, full=True)


def test_a_dispatch_costs_at_most_90_bytes_beyond_its_text() -> None:
    """In the steady state, with 16 bytes of salt and 64 of signature among them."""
    body = hashlib.sha256(b"text").digest() * 8
    prev = Leaf(Kind.DISPATCH, 1_770_282_000, 3, serial=7, commitment=bytes(32))
    seen = (Seen(MINE, 3000, bytes(32), 1_770_282_029),)
    leaf = Leaf(
        Kind.DISPATCH, 1_770_282_030, 3, serial=8, seen=seen, commitment=commit(bytes(16), body)
    )
    for one in (leaf, Leaf(Kind.DISPATCH, 1_770_282_030, 3, serial=8, commitment=leaf.commitment)):
        item = encode_item(
            entry_of(one, body=body),
            prev,
            with_body=True,
            confirmed=lambda log, size: True,
            locate=lambda ref: None,
            yours=MINE,
        )
        frame = wire.encode_entries(1, wire.Batch(None, None, 1, confirm=False), [item], bytes(64))
        overhead = len(frame) - len(body)
        assert overhead <= 90


@pytest.mark.parametrize("channel", [0, 1, 14, 15, 16, 300])
def test_a_tag_names_type_and_channel(channel: int) -> None:
    """Channels up to 14 fit the first byte, others follow it."""
    assert wire.read_tag(Reader(wire.tag(5, channel))) == (5, channel)


def test_a_channel_has_one_form() -> None:
    """A channel below 15 behind the escape is refused."""
    with pytest.raises(PeerError) as caught:
        wire.read_tag(Reader(b"\x5f\x0e"))
    assert caught.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    "batch",
    [
        wire.Batch(None, None, 1, confirm=False),
        wire.Batch(OTHER, None, 512, confirm=True),
        wire.Batch(None, 0, 3, confirm=False),
        wire.Batch(OTHER, 1 << 40, 1, confirm=True),
    ],
)
def test_a_batch_says_its_log_start_and_count(batch: wire.Batch) -> None:
    """What is written is read again."""
    reader = Reader(wire.encode_entries(2, batch, [], b""))
    assert wire.read_tag(reader) == (wire.ENTRIES, 2)
    assert wire.read_batch(reader) == batch
    reader.done()


def test_a_batch_is_bounded() -> None:
    """More than 512 entries in one batch are refused before any is read."""
    with pytest.raises(PeerError) as caught:
        wire.read_batch(Reader(varint(limits.BATCH_ENTRIES_MAX << 3)))
    assert caught.value.refusal is Refusal.OVERSIZE


PREV = Leaf(Kind.DISPATCH, 1000, 3, serial=1, commitment=bytes(32))
DELTA = varint(0)  # the same second
LAST_S = (1 << 40) - 1
EVERY_FLAG = PREV._replace(
    precedence=Precedence.OVERRIDE, drill=True, release=bytes(32), attached=True
)


def written(leaf: Leaf, prev: Leaf = PREV, places: dict[bytes, Place] | None = None) -> bytes:
    """An item for one who has confirmed five entries of each log and keeps the log MINE."""
    return encode_item(
        entry_of(leaf),
        prev,
        with_body=False,
        confirmed=lambda log, size: size <= 5 and log in (MINE, OTHER),
        locate=(places or {}).get,
        yours=MINE,
    )


def taken(data: bytes, prev: Leaf | None = PREV) -> Item:
    """An item as it is read by one who has no root and no entry to fill in."""
    reader = Reader(data)
    item = read_item(reader, prev, lambda log, size: None, lambda log, index: None, MINE)
    reader.done()
    return item


@pytest.mark.parametrize(
    ("before", "kind", "serial"),
    [
        (1, Kind.DISPATCH, 2),
        (1, Kind.TEST, 2),
        (1, Kind.SEEN, 0),
        (0, Kind.DISPATCH, 0),
        (VARINT_MAX - 1, Kind.DISPATCH, VARINT_MAX),
        (VARINT_MAX, Kind.DISPATCH, 0),
    ],
)
def test_a_serial_left_out_is_one_higher_where_its_kind_has_one(
    before: int, kind: Kind, serial: int
) -> None:
    """It is 0 behind none, for the other kinds, and behind the largest."""
    prev = PREV._replace(serial=before)
    leaf = prev._replace(kind=kind, serial=serial)
    head = bytes((0,)) if kind == prev.kind else bytes((wire.KIND, kind, wire.flags_of(prev)))
    data = head + DELTA + bytes(32)
    assert written(leaf, prev) == data
    assert taken(data, prev).leaf == leaf


@pytest.mark.parametrize("size", [5, 6])
def test_a_root_is_left_out_of_what_is_confirmed_alone(size: int) -> None:
    """Of the receiver's own log its name with it; of an entry further on all is written."""
    root = bytes(range(32))
    held = varint(0)  # held in the second of the entry
    known = size <= 5
    for log, head in ((MINE, varint(size)), (OTHER, OTHER.encode() + varint(2 * size))):
        leaf = PREV._replace(serial=2, seen=(Seen(log, size, root, PREV.time_s),))
        short = wire.YOURS if log == MINE else wire.SEEN
        if known and log == MINE:
            items = head
        elif known:
            items = varint(1) + head
        else:
            short, items = wire.SEEN, varint(1) + log.encode() + varint(2 * size + 1) + root
        assert written(leaf) == bytes((short,)) + DELTA + items + held + bytes(32)


@pytest.mark.parametrize(
    ("log", "index", "form"),
    [
        (MINE, 4, b"\1" + MINE.encode() + varint(4)),
        (MINE, 5, b"\0" + bytes(range(32))),
        (LogId(3, 0, b""), 4, b"\0" + bytes(range(32))),
    ],
)
def test_a_reference_is_a_place_where_the_entry_is_confirmed(
    log: LogId, index: int, form: bytes
) -> None:
    """The fifth entry of five that are confirmed is the last that is named by its place."""
    ref = bytes(range(32))
    leaf = PREV._replace(serial=2, refs=(ref,))
    data = written(leaf, places={ref: Place(log, index)})
    assert data == bytes((wire.REFS,)) + DELTA + varint(1) + form + bytes(32)


@pytest.mark.parametrize("time_s", [0, LAST_S])
def test_an_elided_entry_is_of_any_second_that_a_leaf_can_say(time_s: int) -> None:
    """The first and the last second of u40, for itself and for what it holds."""
    prev = PREV._replace(time_s=time_s)
    leaf = prev._replace(serial=2, seen=(Seen(MINE, 6, bytes(32), time_s),))
    assert taken(written(leaf, prev), prev).leaf == leaf


@pytest.mark.parametrize("beyond", [LAST_S + 1, 2 * LAST_S, 1 << 62])
def test_an_elided_entry_is_of_no_later_second(beyond: int) -> None:
    """A time that no leaf can say is malformed, the entry's own or of what it holds."""
    far = varint(zigzag(beyond - PREV.time_s))
    assert refused(bytes((0,)) + far + bytes(32)) is Refusal.MALFORMED
    one = MINE.encode() + varint(13) + bytes(32) + varint(zigzag(PREV.time_s - beyond))
    assert refused(bytes((wire.SEEN,)) + DELTA + varint(1) + one + bytes(32)) is Refusal.MALFORMED


def test_every_flag_of_a_leaf_is_put_back() -> None:
    """Precedence, drill, commitment, release and attachments, named or taken from before."""
    leaf = EVERY_FLAG._replace(serial=2)
    assert taken(written(leaf)).leaf == leaf
    assert taken(written(leaf, EVERY_FLAG), EVERY_FLAG).leaf == leaf
    plain = leaf._replace(attached=False)
    assert taken(written(plain, EVERY_FLAG), EVERY_FLAG).leaf == plain


@pytest.mark.parametrize(
    "leaf", [EVERY_FLAG._replace(kind=Kind.MARK), EVERY_FLAG._replace(commitment=None)]
)
def test_attachments_of_no_dispatch_or_no_body_are_void(leaf: Leaf) -> None:
    """In the elided form they are refused as what no leaf can be."""
    assert refused(written(leaf._replace(serial=0))) is Refusal.MALFORMED


def test_the_longest_leaf_may_travel_elided() -> None:
    """As many bytes as a leaf may have; with one more it is void."""
    seen = tuple(Seen(LogId(n // 8, n % 8, b""), 6, bytes(32), 1) for n in range(limits.SEEN_MAX))
    leaf = PREV._replace(serial=2, seen=seen, refs=(bytes(32),) * limits.REFS_MAX)
    leaf = leaf._replace(extra=bytes(200))
    leaf = leaf._replace(extra=bytes(200 + limits.LEAF_BYTES_MAX - len(leaf.encode())))
    item = taken(written(leaf))
    assert len(item.raw) == limits.LEAF_BYTES_MAX
    assert item.leaf == leaf
    assert refused(written(leaf._replace(extra=leaf.extra + b"x"))) is Refusal.MALFORMED


def refused(data: bytes, prev: Leaf | None = PREV, mine: LogId | None = MINE) -> Refusal:
    """Why an item is not taken, by a receiver who has nothing."""
    with pytest.raises(PeerError) as caught:
        read_item(Reader(data), prev, lambda log, size: None, lambda log, index: None, mine)
    return caught.value.refusal


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (bytes((wire.FULL | wire.SEEN,)), Refusal.MALFORMED),
        (bytes((wire.SEEN | wire.YOURS,)) + DELTA, Refusal.MALFORMED),
        (bytes((wire.KIND, 6, 0xFF)), Refusal.MALFORMED),
        (bytes((0,)) + varint(2001), Refusal.MALFORMED),  # before the epoch
        (bytes((wire.YOURS,)) + DELTA + varint(5) + varint(0), Refusal.WANT_FULL),
        (bytes((wire.YOURS,)) + DELTA + varint(5) + varint(2002), Refusal.MALFORMED),
        (
            bytes((wire.SEEN,)) + DELTA + varint(1) + MINE.encode() + varint(10) + varint(0),
            Refusal.WANT_FULL,
        ),
        (bytes((wire.SEEN,)) + DELTA + varint(65), Refusal.OVERSIZE),
        (bytes((wire.REFS,)) + DELTA + varint(1) + b"\2", Refusal.MALFORMED),
        (
            bytes((wire.REFS,)) + DELTA + varint(1) + b"\1" + MINE.encode() + varint(0),
            Refusal.WANT_FULL,
        ),
        (bytes((wire.KIND | wire.BODY, 8, 0)) + DELTA + bytes(16) + b"\0", Refusal.MALFORMED),
        (bytes((wire.KIND, 8, 6)) + DELTA, Refusal.MALFORMED),  # no such precedence
        (
            bytes((wire.KIND | wire.WIDE, 8, 0)) + varint(1 << 32) + b"\0\0\0" + DELTA,
            Refusal.MALFORMED,
        ),
        (b"", Refusal.MALFORMED),
    ],
)
def test_a_wrong_item_has_a_name(data: bytes, refusal: Refusal) -> None:
    """Each way to be wrong is refused as what it is, and a gap in what is known as a question."""
    assert refused(data) is refusal


def test_elision_needs_a_predecessor_and_a_log_of_our_own() -> None:
    """Behind a void leaf, and for a receiver that keeps no log, the full form is asked for."""
    assert refused(bytes((0,)) + DELTA, prev=None) is Refusal.WANT_FULL
    assert refused(bytes((wire.YOURS,)) + DELTA, mine=None) is Refusal.WANT_FULL


def test_an_elided_leaf_is_never_void() -> None:
    """Roots out of order, or more bytes than a leaf may have, are refused in the elided form."""
    one = MINE.encode() + varint(3) + bytes(32) + varint(0)
    twice = bytes((wire.SEEN,)) + DELTA + varint(2) + one + one + bytes(32)
    assert refused(twice) is Refusal.MALFORMED
    many = b"".join(
        LogId(n, 1, bytes(8)).encode() + varint(VARINT_MAX) + bytes(32) + varint(0)
        for n in range(32)
    )
    extra = counted(bytes(limits.EXTRA_BYTES_MAX))
    refs = varint(32) + (b"\0" + bytes(32)) * 32
    flags = wire.SEEN | wire.REFS | wire.EXTRA
    huge = bytes((flags,)) + DELTA + varint(32) + many + refs + extra + bytes(32)
    assert refused(huge) is Refusal.MALFORMED
