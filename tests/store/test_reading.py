"""What a shelf answers, in every store: the same as the transcript in memory, and more of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.events import StoreLine
from detente.core.leaf import Kind, LogId, Seen
from detente.core.merkle import frontier_at, root_at
from detente.core.transcript import MemoryTranscript, Place
from detente.store.contract import Store

LINE = bytes(range(32))
OTHER = bytes(32)
CHARTER = b"a charter"
UNKNOWN = LogId(31, 15, b"neverhad")


def refusal(call: Callable[[], object]) -> Refusal:
    with pytest.raises(LocalError) as caught:
        call()
    return caught.value.refusal


def keep(store: Store, *effects: object) -> None:
    store.begin()
    for effect in effects:
        store.apply(effect)
    store.commit()


def with_line(stores) -> Store:
    store = stores.open()
    keep(store, StoreLine(LINE, CHARTER, 0))
    return store


def random_line(rng: random.Random, author, line: bytes):
    """Logs that state one another, with clocks set back, lies, void leaves, and unknown logs."""
    logs = [LogId(0, 0, b""), LogId(0, 1, b"resumed1"), LogId(1, 0, b""), LogId(2, 0, b"")]
    authors = [author(*log, line) for log in logs]
    hashes, effects, clock = [], [], 1000
    for _ in range(rng.randrange(20, 60)):
        alice = rng.choice(authors)
        made = []
        for _ in range(rng.choice((1, 1, 2, 5))):
            clock += rng.choice((0, 1, 1, 5, 0, -7))
            named = sorted(rng.sample([*logs, UNKNOWN], rng.randrange(4)))
            seen = tuple(
                Seen(log, rng.randrange(25), bytes(32), max(0, clock + rng.choice((0, 0, -9))))
                for log in named
            )
            refs = tuple(rng.sample(hashes, min(len(hashes), rng.randrange(3))))
            kind = rng.choice((Kind.DISPATCH, Kind.MARK, Kind.SEEN, Kind.SEEN, 200))
            raw = alice.bytes("void", 30) if rng.random() < 0.05 else None
            body = rng.choice((b"", None)) if raw is None else None
            made.append(alice.new(body, raw=raw, kind=kind, seen=seen, refs=refs))
            hashes.append(made[-1].entry.hash)
        effects.append(alice.stored(*made))
    return authors, hashes, effects


def assert_equal_answers(shelf, memory: MemoryTranscript, hashes: list[bytes]) -> None:
    assert shelf.logs() == memory.logs()
    for digest in [*hashes, bytes(32)]:
        assert shelf.find(digest) == memory.find(digest)
        assert shelf.referring(digest) == memory.referring(digest)
    for kinds in ([Kind.DISPATCH, Kind.MARK], [Kind.SEEN], [200, Kind.SEEN], [], [99]):
        assert shelf.of_kind(kinds) == memory.of_kind(kinds)
    for log in [*memory.logs(), UNKNOWN]:
        size = memory.size(log)
        assert shelf.size(log) == size
        assert shelf.entries(log, 0, size) == [memory.entry(log, i) for i in range(size)]
        for index in range(-1, 30):
            assert shelf.covers(log, index) == memory.covers(log, index)
            assert shelf.vector(log, index) == memory.vector(log, index)
        for index in (-1, size, 1 << 62):
            assert refusal(lambda log=log, index=index: shelf.entry(log, index)) is Refusal.NOT_HELD


@pytest.mark.parametrize("seed", range(12))
def test_a_shelf_answers_as_the_transcript_in_memory(stores, author, seed: int) -> None:
    """Every question of a fold has the same answer from a store as from memory, also beside
    another line, after a restart, and after the indexes were made again."""
    rng = random.Random(seed)
    store = stores.open()
    lines = {}
    for line in (LINE, OTHER):
        authors, hashes, effects = random_line(rng, author, line)
        memory = MemoryTranscript()
        keep(store, StoreLine(line, CHARTER, 0))
        for effect in effects:
            keep(store, effect)
            for new in effect.entries:
                memory.add(new.entry)
        lines[line] = authors, hashes, memory

    def check() -> None:
        for line, (authors, hashes, memory) in lines.items():
            shelf = store.shelf(line)
            assert_equal_answers(shelf, memory, hashes)
            for alice in authors:
                if alice.frontier.size:
                    read = partial(shelf.subtree, alice.log)
                    assert frontier_at(read, alice.frontier.size) == alice.frontier

    check()
    store = stores.again()
    check()
    store.rebuild_indexes()
    check()


def test_every_perfect_subtree_is_read_from_the_leaf_that_completed_it(stores, author) -> None:
    """Roots of all sizes come out of a store; beyond the end nothing does."""
    store = with_line(stores)
    alice, roots = author(), [b""]
    for _ in range(21):
        keep(store, alice.say())
        roots.append(alice.frontier.root())
    shelf = store.shelf(LINE)
    for size in range(1, 22):
        assert root_at(lambda level, at: shelf.subtree(alice.log, level, at), size) == roots[size]
    for level, at in ((0, 21), (1, 10), (5, 0), (60, 0)):
        call = lambda level=level, at=at: shelf.subtree(alice.log, level, at)  # noqa: E731
        assert refusal(call) is Refusal.NOT_HELD
    assert refusal(lambda: shelf.subtree(UNKNOWN, 0, 0)) is Refusal.NOT_HELD


def test_entries_are_read_whole_or_not_at_all(stores, author) -> None:
    """An empty range is empty; one that reaches beyond the end is refused."""
    store = with_line(stores)
    alice = author()
    keep(store, alice.say(3))
    shelf = store.shelf(LINE)
    assert shelf.entries(alice.log, 2, 2) == []
    assert [entry.place.index for entry in shelf.entries(alice.log, 1, 3)] == [1, 2]
    assert refusal(lambda: shelf.entries(alice.log, 1, 4)) is Refusal.NOT_HELD
    assert refusal(lambda: shelf.entries(UNKNOWN, 0, 1)) is Refusal.NOT_HELD


def test_equal_leaves_in_two_logs_are_found_at_the_first_place(stores, author) -> None:
    """Of two members whose leaves are the same bytes the lower log is the answer."""
    store = with_line(stores)
    fields = {"kind": Kind.MARK, "time_s": 1, "serial": 0}
    keep(store, author(1).say(body=None, **fields))
    keep(store, author(0).say(body=None, **fields))
    digest = author(1).new(None, **fields).entry.hash
    assert store.shelf(LINE).find(digest) == Place(author(0).log, 0)


def test_the_largest_head_within_bounds_is_found(stores, author) -> None:
    """``signed_head`` answers with the largest signed size between its bounds, or None."""
    store = with_line(stores)
    alice = author()
    heads = {}
    for count in (1, 2, 4):
        keep(store, alice.say(count))
        heads[alice.frontier.size] = alice.head()
    shelf = store.shelf(LINE)
    for low in range(-1, 9):
        for high in (0, 1, 2, 3, 6, 7, 8, 1 << 62):
            sizes = [size for size in heads if low <= size <= high]
            expected = heads[max(sizes)] if sizes else None
            assert shelf.signed_head(alice.log, low, high) == expected
    assert shelf.signed_head(UNKNOWN, 0, 9) is None
