"""The transcript in memory: places, covers, and which history a cover speaks of."""

from __future__ import annotations

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.leaf import Kind, Leaf, LogId, Seen
from detente.core.merkle import leaf_hash
from detente.core.transcript import (
    Agreement,
    Cover,
    Entry,
    MemoryTranscript,
    Place,
    agreement,
    causal_past,
    incomplete,
)

A, B = LogId(0, 0, b""), LogId(1, 0, b"")
PLAIN = Leaf(kind=Kind.SEEN, time_s=100, audience=3)


def put(transcript: MemoryTranscript, log: LogId, leaf: Leaf | None = None) -> Entry:
    """Adds a leaf, or a void one, at the end of a log."""
    raw = b"void" if leaf is None else leaf.encode()
    entry = Entry(Place(log, transcript.size(log)), leaf_hash(raw), raw, leaf, None, None)
    transcript.add(entry)
    return entry


def test_a_cover_speaks_of_the_history_that_is_held_here() -> None:
    """The same root, another one, and a size that is not held here yet are told apart."""
    transcript = MemoryTranscript()
    put(transcript, A, PLAIN)
    root = transcript.root_at(A, 1)
    assert root is not None
    items = [Seen(A, 1, root, 5), Seen(A, 1, bytes(32), 5), Seen(A, 2, root, 5)]
    for index, item in enumerate(items):
        put(transcript, B, PLAIN._replace(seen=(item,)))
        found = agreement(transcript, Cover(B, index, A, item.size, 5))
        assert found is list(Agreement)[index]
    put(transcript, B)
    assert agreement(transcript, Cover(B, 3, A, 1, 5)) is Agreement.OTHER


def test_a_root_is_known_as_far_as_its_log_is_held() -> None:
    """No size of 0, none beyond the end; and the same answer again."""
    transcript = MemoryTranscript()
    put(transcript, A, PLAIN)
    assert transcript.root_at(A, 0) is transcript.root_at(A, 2) is transcript.root_at(B, 1) is None
    assert transcript.root_at(A, 1) == transcript.root_at(A, 1) == leaf_hash(PLAIN.encode())


def test_a_log_grows_at_its_end_and_answers_for_what_it_has() -> None:
    """An entry out of order is our own mistake, and none is given beyond the end."""
    transcript = MemoryTranscript()
    entry = put(transcript, A, PLAIN)
    for wrong, refusal in (
        (lambda: transcript.add(entry), Refusal.USAGE),
        (lambda: transcript.entry(A, 1), Refusal.NOT_HELD),
        (lambda: transcript.entry(A, -1), Refusal.NOT_HELD),
    ):
        with pytest.raises(LocalError) as caught:
            wrong()
        assert caught.value.refusal is refusal
    assert transcript.find(entry.hash) == Place(A, 0)
    assert transcript.find(bytes(32)) is None


def test_equal_leaves_in_two_logs_are_found_at_the_lower_place() -> None:
    """A leaf that another member copied does not move the first."""
    transcript = MemoryTranscript()
    later = put(transcript, B, PLAIN)
    put(transcript, A, PLAIN)
    assert transcript.find(later.hash) == Place(A, 0)
    put(transcript, LogId(2, 0, b""), PLAIN)
    assert transcript.find(later.hash) == Place(A, 0)


def test_what_names_an_entry_is_found_in_order_of_place() -> None:
    """Once for each entry, whatever it names twice; and the logs in order of their ids."""
    transcript = MemoryTranscript()
    named = bytes(range(32))
    for log in (B, A):
        put(transcript, log, PLAIN)
        put(transcript, log, PLAIN._replace(refs=(named, named)))
    assert transcript.referring(named) == [Place(A, 1), Place(B, 1)]
    assert transcript.referring(bytes(32)) == []
    assert transcript.logs() == [A, B]


def test_entries_are_found_by_kind() -> None:
    """In order of place; a void one is of none."""
    transcript = MemoryTranscript()
    for log in (B, A):
        put(transcript, log)
        for kind in (Kind.SEEN, Kind.OFFER, Kind.SEAL):
            put(transcript, log, PLAIN._replace(kind=kind))
    wanted = [Place(A, 2), Place(A, 3), Place(B, 2), Place(B, 3)]
    assert transcript.of_kind((Kind.OFFER, Kind.SEAL)) == wanted
    assert transcript.of_kind((Kind.CARD,)) == []


def test_the_covers_of_an_entry_are_the_first_and_each_earlier_one() -> None:
    """Of each log that covers it, in order of place; a later time says nothing new."""
    transcript = MemoryTranscript()
    third = LogId(2, 0, b"")
    for held_at_s in (9, 9, 7, 8, 3):
        for log in (third, B):
            seen = (Seen(A, 2, bytes(32), held_at_s), Seen(third, 1, bytes(32), 5))
            put(transcript, log, PLAIN._replace(seen=seen[: 1 if log == third else 2]))
    for index in (0, 1):
        found = transcript.covers(A, index)
        assert found == [
            Cover(log, at, A, 2, held_at_s)
            for log in (B, third)
            for at, held_at_s in ((0, 9), (2, 7), (4, 3))
        ]
    assert transcript.covers(A, 2) == []
    assert transcript.covers(third, 0) == [Cover(B, 0, third, 1, 5)]


def test_the_past_of_an_entry_is_closed_under_seen() -> None:
    """What the seen had seen lies before; what is not held here is named."""
    transcript = MemoryTranscript()
    third = LogId(2, 0, b"")
    put(transcript, A, PLAIN._replace(seen=(Seen(third, 4, bytes(32), 5),)))
    put(transcript, B, PLAIN._replace(seen=(Seen(A, 1, bytes(32), 6),)))
    past = causal_past(transcript, Place(B, 0))
    assert past == {B: 1, A: 1, third: 4}
    assert incomplete(transcript, past) == [third]


def test_the_past_of_an_entry_ends_with_it() -> None:
    """What its log, or a log it had seen, stated later is no part of it."""
    transcript = MemoryTranscript()
    third = LogId(2, 0, b"")
    for size in range(1, 5):
        put(transcript, A, PLAIN._replace(seen=(Seen(third, size, bytes(32), 5),)))
    for size in range(2, 5):
        put(transcript, B, PLAIN._replace(seen=(Seen(A, size, bytes(32), 6),)))
    assert causal_past(transcript, Place(B, 0)) == {B: 1, A: 2, third: 2}
    assert causal_past(transcript, Place(B, 1)) == {B: 2, A: 3, third: 3}


def test_a_log_that_is_not_here_hides_no_other() -> None:
    """What stands behind it in a `seen` is followed all the same, and both are named."""
    transcript = MemoryTranscript()
    here, far = LogId(2, 0, b""), LogId(3, 0, b"")
    put(transcript, here, PLAIN._replace(seen=(Seen(far, 7, bytes(32), 5),)))
    seen = (Seen(A, 4, bytes(32), 6), Seen(here, 1, bytes(32), 6))
    put(transcript, B, PLAIN._replace(seen=seen))
    past = causal_past(transcript, Place(B, 0))
    assert past == {B: 1, A: 4, here: 1, far: 7}
    assert incomplete(transcript, past) == [A, far]
