"""The transcript in memory: places, covers, and which history a cover speaks of."""

from __future__ import annotations

import pytest

from detente.core.errors import LocalError
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
    for wrong in (lambda: transcript.add(entry), lambda: transcript.entry(A, 1)):
        with pytest.raises(LocalError):
            wrong()
    assert transcript.find(entry.hash) == Place(A, 0)
    assert transcript.find(bytes(32)) is None


def test_equal_leaves_in_two_logs_are_found_at_the_lower_place() -> None:
    """A leaf that another member copied does not move the first."""
    transcript = MemoryTranscript()
    later = put(transcript, B, PLAIN)
    put(transcript, A, PLAIN)
    assert transcript.find(later.hash) == Place(A, 0)


def test_the_past_of_an_entry_is_closed_under_seen() -> None:
    """What the seen had seen lies before; what is not held here is named."""
    transcript = MemoryTranscript()
    third = LogId(2, 0, b"")
    put(transcript, A, PLAIN._replace(seen=(Seen(third, 4, bytes(32), 5),)))
    put(transcript, B, PLAIN._replace(seen=(Seen(A, 1, bytes(32), 6),)))
    past = causal_past(transcript, Place(B, 0))
    assert past == {B: 1, A: 1, third: 4}
    assert incomplete(transcript, past) == [third]
