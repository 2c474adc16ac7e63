"""One log as a node follows it: its state comes back from the store as it was."""

from __future__ import annotations

import pytest
from core.lineage import line

from detente.core.errors import LocalError, PeerError
from detente.core.events import SignedHead
from detente.core.leaf import Kind, LogId
from detente.core.log import RECENT_ENTRIES_MAX, RECENT_HEADS_MAX, Log, decode_log
from detente.core.merkle import Frontier
from detente.core.transcript import Entry, MemoryTranscript, Place

ALPHA, BRAVO = LogId(0, 0, b""), LogId(1, 0, b"")


def followed(count: int = 3, **fields: object) -> Log:
    """Bravo's log of a few entries, followed one by one."""
    made = line("alpha", "bravo")
    built = made.logs[1]
    for n in range(count):
        built.say(plain=b"%d" % n, serial=n + 1)
    built.seen(made.logs[0])
    log = Log(built.id, built.origin, built.author.log(0).public())
    for index in range(built.size):
        frontier = log.frontier.copy()
        entry = built.entry(index)
        frontier.append(entry.hash)
        head = SignedHead(index + 1, frontier.root(), built.sign(index + 1))
        log.extend([entry], frontier, head, {ALPHA})
    for name, value in fields.items():
        setattr(log, name, value)
    return log


def test_the_state_comes_back_as_it_was_stored() -> None:
    """Everything but what is kept in memory alone survives a restart."""
    log = followed(
        missing={1: 1_770_282_000, 3: 1_770_282_001},
        lacked={1},
        disputed_from=2,
        frozen=4,
        day=20_000,
        used=[1, 2, 3],
        covered=2,
        cosigned=1,
        held_at_s=1_770_282_002,
    )
    back = decode_log(log.id, log.origin, log.key, log.encode())
    assert back.id == log.id
    assert back.encode() == log.encode()
    assert back.head() == log.head()
    assert back.last == log.last
    assert back.serial == 3
    assert back.called == 4  # behind the last dispatch, not the `seen`
    assert back.stated == {ALPHA: 1}
    assert back.heads == {5: log.head()}
    assert back.verifies(*back.head())


def test_an_empty_log_comes_back_empty() -> None:
    """A log that holds nothing has no head to keep."""
    log = Log(BRAVO, "o", bytes(32))
    back = decode_log(BRAVO, "o", bytes(32), log.encode())
    assert (back.size, back.heads, back.last) == (0, {}, log.last)
    with pytest.raises(PeerError):
        decode_log(BRAVO, "o", bytes(32), log.encode() + b"\0")


@pytest.mark.parametrize("damage", [{"root": bytes(33)}, {"signature": bytes(65)}])
def test_a_damaged_state_is_refused(damage: dict[str, bytes]) -> None:
    """No root and no signature is longer than the store was given."""
    log = followed(**damage)
    with pytest.raises(PeerError):
        decode_log(log.id, log.origin, log.key, log.encode())


def test_what_can_be_covered_ends_before_the_first_hole() -> None:
    """A missing body, a contradicting entry and a freeze each end it; `lacks` excepts a body."""
    log = followed()
    assert log.coverable_max() == 5
    log.missing = {3: 0, 1: 0}
    assert log.coverable_max() == 1
    log.lacked = {1}
    assert log.coverable_max() == 3
    log.disputed_from = 2
    assert log.coverable_max() == 2
    log.frozen = 1
    assert log.coverable_max() == 1
    log.lacked = {1, 3}
    log.disputed_from = -1
    log.frozen = -1
    assert log.coverable_max() == 5
    assert not log.closed()
    log.frozen = 6
    assert not log.closed()
    log.frozen = 5
    assert log.closed()
    log.frozen = 0
    assert log.closed()
    assert log.coverable_max() == 0
    log.frozen, log.disputed_from = -1, 0
    assert log.coverable_max() == 0


def test_memory_is_bounded() -> None:
    """However long a log grows, only so many entries, heads and stated logs stay in memory."""
    log = followed()
    raw = b"not a leaf"
    for index in range(log.size, log.size + RECENT_ENTRIES_MAX + 10):
        frontier = Frontier(index + 1, log.frontier.peaks)
        entry = Entry(Place(log.id, index), bytes(32), raw, None, None, None)
        log.extend([entry], frontier, SignedHead(index + 1, bytes(32), b""), {})
    assert list(log.recent) == list(range(log.size - RECENT_ENTRIES_MAX, log.size))
    assert all(entry.place.index == index for index, entry in log.recent.items())
    assert list(log.heads) == list(range(log.size - RECENT_HEADS_MAX + 1, log.size + 1))
    assert log.heads[log.size] == log.head()
    assert log.last is None
    assert log.called == log.size


def test_only_known_logs_are_remembered_as_stated() -> None:
    """An author can name any number of logs that do not exist; nothing grows by it."""
    log = followed()
    assert log.stated == {ALPHA: 1}
    made = line("alpha", "bravo")
    made.logs[1].seen(made.logs[0])
    entry = made.logs[1].entry(1)
    log.extend([entry], log.frontier, log.head(), set())
    assert log.stated == {ALPHA: 1}


def test_a_batch_is_taken_over_entry_by_entry() -> None:
    """A void entry hides none behind it, and what was stated of a log never goes back."""
    made = line("alpha", "bravo")
    alpha, bravo = made.logs
    alpha.say(plain=b"one", serial=1)
    bravo.seen(alpha)
    bravo.add_raw(b"not a leaf")
    bravo.say(plain=b"two", serial=7)
    bravo.seen(alpha.fork(1))
    log = Log(bravo.id, bravo.origin, bravo.author.log(0).public())
    log.extend(
        [bravo.entry(index) for index in range(bravo.size)], Frontier(5), log.head(), {ALPHA}
    )
    assert log.serial == 7
    assert log.stated == {ALPHA: 2}


def test_a_memory_transcript_answers_like_a_store() -> None:
    """Sizes, places, references, covers and vectors of a small line."""
    made = line("alpha", "bravo")
    hash_ = made.logs[0].say(plain=b"one", serial=1)
    made.logs[1].say(Kind.MARK, refs=(hash_, hash_))
    made.logs[1].seen(made.logs[0], held_at_s=50)
    made.logs[1].seen(made.logs[0], held_at_s=40)
    made.logs[1].add_raw(b"void")
    all_ = made.transcript()
    assert list(all_.logs()) == [ALPHA, BRAVO]
    assert all_.size(LogId(5, 0, b"")) == 0
    assert all_.find(hash_) == Place(ALPHA, 1)
    assert all_.referring(hash_) == [Place(BRAVO, 1)]
    assert [cover.held_at_s for cover in all_.covers(ALPHA, 1)] == [50, 40]
    assert all_.covers(BRAVO, 0) == []
    assert all_.vector(BRAVO, 1) == {}
    assert all_.vector(BRAVO, 4) == {ALPHA: 2}
    assert all_.of_kind([Kind.SEEN]) == [Place(BRAVO, 2), Place(BRAVO, 3)]
    with pytest.raises(LocalError):
        all_.entry(BRAVO, 5)
    with pytest.raises(LocalError):
        MemoryTranscript().add(made.logs[1].entry(1))
