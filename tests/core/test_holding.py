"""What is held of a line: from memory where it is recent, from the store else, and the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import LogBuilder, line
from pair import MemoryShelf, World

from detente.core import holding
from detente.core.errors import LocalError
from detente.core.events import NewEntry, SignedHead, StoreEntries
from detente.core.extras import Mark, Rung, Stater
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.link import Flight, Session
from detente.core.log import Log
from detente.core.station import Step

SIZE = 9
ELSEWHERE = LogId(7, 0, b"")


def stored(of: Line, log: Log, builder: LogBuilder, start: int, stop: int) -> StoreEntries:
    """Follows entries start..stop-1, each under a head of its own, as one batch for the store."""
    made = []
    for index in range(start, stop):
        frontier, entry = log.frontier.copy(), builder.entry(index)
        made.append(NewEntry(entry, b"".join(frontier.append(entry.hash))))
        head = SignedHead(index + 1, frontier.root(), builder.sign(index + 1))
        log.extend([entry], frontier, head, {})
    return StoreEntries(of.id, log.id, tuple(made), head, b"", False, 0)


def held(count: int = SIZE) -> tuple[Line, Log, LogBuilder]:
    """A line of alpha's with bravo's log, in memory and in the store, beside alpha's charter."""
    made = line("alpha", "bravo")
    for number in range(count - 1):
        made.logs[1].say(plain=b"%d" % number, serial=number + 1)
    of = Line(made.id, made.charter, made.charter_text, 0, MemoryShelf())
    for builder, size in zip(made.logs, (1, count), strict=True):
        log = Log(builder.id, builder.origin, builder.author.log(0).public())
        of.logs[log.id] = log
        for index in range(size):
            of.shelf.apply(stored(of, log, builder, index, index + 1))
    return of, log, builder


def step_now() -> Step:
    world = World()
    return Step(world.ends["alpha"].station, world.now(), bytes)


# --- what is read from where -------------------------------------------------------------------


@pytest.mark.parametrize("forget", ["memory", "store"])
def test_a_root_is_known_at_every_size_that_is_held(forget: str) -> None:
    """From a head in memory, or else worked out from the store; none of nothing or beyond."""
    of, log, builder = held()
    log.heads.clear() if forget == "memory" else of.shelf.nodes.clear()
    roots = [holding.known_root(of, log.id, size) for size in range(SIZE + 2)]
    assert roots == [None, *(builder.root(size) for size in range(1, SIZE + 1)), None]
    assert holding.known_root(of, ELSEWHERE, 1) is None


def test_a_root_is_worked_out_from_what_this_step_has_appended() -> None:
    """Every subtree that a batch completed is read from it, and the older ones from the store;
    what other logs and lines append is not taken for it."""
    of, log, builder = held(4)
    for number in range(4, 8):
        builder.say(plain=b"%d" % number, serial=number)
    step = step_now()
    batch = stored(of, log, builder, 4, 8)
    wrong = tuple(new._replace(entry=new.entry._replace(hash=bytes(32))) for new in batch.entries)
    step.out += [
        batch,
        replace(batch, log=ELSEWHERE, entries=wrong),
        replace(batch, line=bytes(32), entries=wrong),
    ]
    read = holding.subtrees(step, of, log.id)
    for level in range(4):
        for index in range(8 >> level):
            assert read(level, index) == builder.subtree(level, index)
    log.heads.clear()
    assert holding.known_root(of, log.id, 7, read) == builder.root(7)


def test_a_hash_is_known_of_every_entry_that_is_held() -> None:
    """The first and the last; none before, behind, or of another log."""
    of, log, builder = held()
    hashes = [holding.known_hash(of, log.id, index) for index in range(-1, SIZE + 1)]
    assert hashes == [None, *(builder.entry(index).hash for index in range(SIZE)), None]
    assert holding.known_hash(of, ELSEWHERE, 0) is None


def test_what_is_recent_is_not_read_from_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what memory has forgotten is."""
    of, log, builder = held()
    log.recent.pop(0)
    assert holding.entries_of(of, log, 0, 3) == [builder.entry(index) for index in range(3)]
    monkeypatch.setattr(of.shelf, "entries", None)
    assert holding.entries_of(of, log, 1, 3) == [builder.entry(index) for index in (1, 2)]


@pytest.mark.parametrize("forget", ["memory", "store"])
def test_the_largest_head_of_a_range_is_found(forget: str) -> None:
    """Both ends of it are in it."""
    of, log, _ = held()
    log.heads.clear() if forget == "memory" else of.shelf.heads.clear()
    ranges = [(SIZE, SIZE), (1, SIZE), (3, 3), (2, 5), (SIZE, 99), (SIZE + 1, 99), (0, 0)]
    found = [holding.head_between(of, log, *bounds) for bounds in ranges]
    sizes = [None if head is None else head.size for head in found]
    assert sizes == [SIZE, SIZE, 3, 5, SIZE, None, None]


def test_what_is_coverable_is_a_signed_head_below_every_hole() -> None:
    """The head itself where there is none; nothing of a log that holds nothing."""
    of, log, _ = held()
    assert holding.coverable(of, log) == log.head()
    log.missing = {4: 0}
    assert holding.coverable_size(of, log) == 4
    log.missing = {0: 0}
    assert (holding.coverable(of, log), holding.coverable_size(of, log)) == (None, 0)
    empty = Log(ELSEWHERE, "origin", bytes(32))
    assert (holding.coverable(of, empty), holding.coverable_size(of, empty)) == (None, 0)


# --- what a peer holds -------------------------------------------------------------------------


def test_what_a_member_confirms_is_known_on_each_of_its_links() -> None:
    """Never less than before, of no other member, and what was under way there has landed."""
    of, log, _ = held()
    far, new, other = Session(1, 1), Session(2, 1), Session(3, 2)
    far.holds[log.id] = 9
    two = Flight(log.id, 5, 2, 20), Flight(log.id, 6, 1, 7)
    of.sessions = {session.link: session for session in (other, far, new)}
    for session in of.sessions.values():
        for flight in (*two, Flight(ELSEWHERE, 1, 1, 3)):
            holding.take_off(session, flight)
        assert (session.flight_entries, session.flight_bytes) == (4, 30)
    holding.confirm(of, new, log.id, 5)
    assert [session.holds.get(log.id) for session in (far, new, other)] == [9, 5, None]
    assert [len(session.flight) for session in (far, new, other)] == [3, 2, 3]
    assert (new.flight_entries, new.flight_bytes) == (2, 10)
    holding.confirm(of, far, ELSEWHERE, 1)
    assert new.holds[ELSEWHERE] == 1


@pytest.mark.parametrize(
    ("ended", "kept"),
    [((), []), ((ELSEWHERE,), [0, 1]), ((LogId(0, 0, b""),), [2]), ((LogId(0, 0, b""), 5), [1, 2])],
)
def test_what_has_landed_is_counted_no_more(ended: tuple[object, ...], kept: list[int]) -> None:
    """All there is, all of one log, or what of it a size ends, itself included."""
    log = LogId(0, 0, b"")
    flights = [Flight(log, 5, 2, 20), Flight(log, 6, 1, 7), Flight(ELSEWHERE, 1, 1, 3)]
    session = Session(1, 1)
    holding.land(session, *ended)
    for flight in flights:
        holding.take_off(session, flight)
    holding.land(session, *ended)
    left = [flights[number] for number in kept]
    assert list(session.flight) == left
    assert session.flight_entries == sum(flight.entries for flight in left)
    assert session.flight_bytes == sum(flight.bytes for flight in left)


# --- purging -----------------------------------------------------------------------------------


def test_a_purge_goes_on_behind_what_may_not_be_purged() -> None:
    """Neither salt nor body stays in memory, and nothing is asked for any more."""
    of, log, builder = held()
    log.lacked = {2}
    log.missing = {2: 0}
    log.heads.clear()
    step = step_now()
    refs = tuple(builder.entry(index).hash for index in (0, 2))
    holding.purge(step, of, 1, refs)
    entry = log.recent[2]
    assert (entry.salt, entry.body, entry.purged) == (None, None, True)
    assert (log.lacked, log.missing) == (set(), {})
    assert [effect.index for effect in step.out if hasattr(effect, "index")] == [2]
    assert log.recent[0].body is not None


@pytest.mark.parametrize(("missing", "risen"), [({2: 0}, True), ({2: 0, 1: 0}, False)])
def test_a_purge_of_what_was_missing_may_raise_what_is_covered(
    missing: dict[int, int], risen: bool
) -> None:
    """It is held from then on, unless another body is missing before it."""
    of, log, builder = held()
    log.missing = dict(missing)
    log.heads.clear()
    step = step_now()
    log.held_at_s = 1
    holding.purge(step, of, 1, (builder.entry(2).hash,))
    assert log.held_at_s == (step.now.wall_s if risen else 1)


def test_only_an_author_declares_its_entry_purged() -> None:
    """Not another member, and not by a mark."""
    made = line("alpha", "bravo")
    builder, other = made.logs
    hash_ = builder.say(plain=b"x", serial=1)
    shelf = MemoryShelf()
    of = Line(made.id, made.charter, made.charter_text, 0, shelf)
    mark = Mark(Rung.SEEN, Stater.WATCH).encode()
    builder.say(Kind.MARK, refs=(hash_,), extra=mark)
    other.say(Kind.PURGED, refs=(hash_,))
    for log in made.logs:
        for index in range(log.size):
            shelf.add(log.entry(index))
    assert not holding.purge_declared(of, builder.entry(1))
    builder.say(Kind.PURGED, refs=(hash_,))
    shelf.add(builder.entry(3))
    assert holding.purge_declared(of, builder.entry(1))


def test_what_is_not_held_is_asked_of_nobody() -> None:
    """Beyond the log's size there is no entry, in memory or in the store."""
    of, log, _ = held()
    with pytest.raises(LocalError):
        holding.entry_at(of, log, SIZE)
