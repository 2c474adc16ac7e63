"""Scheduled link tests: who tests when, what was missed, what was answered (spec/ladder.md §7).

Both sides test, in turn, with a neutral sentence; the receipt is the answer. A line that is only
used in a crisis is found broken in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from detente.core.charter import Charter
from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.errors import LocalError, Refusal
from detente.core.leaf import Kind
from detente.core.transcript import Place, Transcript
from detente.dossiers.fold import counts
from detente.dossiers.neutral import SENTENCES
from detente.dossiers.receipts import Receipt, receipts

SLOTS_MAX = 2_000  # of one report: 83 days of hourly tests
# A log's tests are read backwards; one that is older than the window by more than this ends it,
# so that a clock set back within a day hides no test.
_STEPPED_S = 86_400


@dataclass(frozen=True, slots=True)
class Slot:
    """One turn: ``member`` tests once from ``start_s`` until before ``end_s`` (UTC seconds)."""

    number: int
    member: int
    start_s: int
    end_s: int

    @property
    def sentence(self) -> int:
        """The number of the neutral sentence that belongs to this turn."""
        return self.number % len(SENTENCES)


class Outcome(Enum):
    """What became of a turn."""

    AHEAD = "ahead"  # not over, and nothing sent yet
    MISSED = "missed"  # over, and no test of it is held here
    WAITING = "waiting"  # sent; somebody still has time to receipt it
    ANSWERED = "answered"  # receipted in time by all it is addressed to
    UNANSWERED = "unanswered"  # somebody's receipt came late, or has not come in time


@dataclass(frozen=True, slots=True)
class Result:
    """A turn and what became of it. ``late`` are the members whose receipt was not in time."""

    slot: Slot
    outcome: Outcome
    test: Place | None
    receipts: dict[int, Receipt]
    late: tuple[int, ...]


def slot_at(charter: Charter, now_s: int) -> Slot:
    """The turn that a time falls in. Turns count from the Unix epoch; parties take them in order.

    Mediators and observers send no tests; they receive them.
    """
    parties = sorted(member.number for member in charter.members if member.role == "party")
    number = now_s // charter.test_every_s
    start_s = number * charter.test_every_s
    member = parties[number % len(parties)]
    return Slot(number, member, start_s, start_s + charter.test_every_s)


def next_slot(charter: Charter, me: int, now_s: int) -> Slot | None:
    """The first turn of ``me`` that begins after ``now_s``; None for one who sends no tests."""
    slot = slot_at(charter, now_s)
    for _ in charter.members:
        slot = slot_at(charter, slot.end_s)
        if slot.member == me:
            return slot
    return None


def due(
    transcript: Transcript,
    charter: Charter,
    me: int,
    now_s: int,
    frozen: FrozenLogs = NOTHING_FROZEN,
) -> Slot | None:
    """The turn in which ``me`` has still to send its test now, or None."""
    slot = slot_at(charter, now_s)
    if slot.member != me or (slot.number, me) in _tests(transcript, charter, slot.start_s, frozen):
        return None
    return slot


def last_test(
    transcript: Transcript, member: int, frozen: FrozenLogs = NOTHING_FROZEN
) -> Place | None:
    """The last test in a member's newest log that has one."""
    for place in reversed(transcript.of_kind((Kind.TEST,))):
        if place.log.member == member and counts(transcript, place, frozen):
            return place
    return None


def results(
    transcript: Transcript,
    charter: Charter,
    from_s: int,
    now_s: int,
    frozen: FrozenLogs = NOTHING_FROZEN,
) -> tuple[Result, ...]:
    """Every turn that begins from ``from_s`` on and has begun by ``now_s``, in order.

    A turn is left out that began before the log of any party that takes turns now: until the last
    of them had joined, turns went round among fewer. LocalError USAGE for a window of more than
    SLOTS_MAX turns.
    """
    every_s = charter.test_every_s
    first, last = -(-from_s // every_s), now_s // every_s
    if last - first >= SLOTS_MAX:
        raise LocalError(Refusal.USAGE, f"more than {SLOTS_MAX} link tests in one report")
    tests = _tests(transcript, charter, first * every_s, frozen)
    began = _began(transcript)
    parties = {member.number for member in charter.members if member.role == "party"}
    if not parties <= began.keys():
        return ()
    since_s = max(began[number] for number in parties)
    found = []
    for number in range(first, last + 1):
        slot = slot_at(charter, number * every_s)
        if since_s <= slot.start_s:
            test = tests.get((number, slot.member))
            found.append(_result(transcript, charter, slot, test, now_s, frozen))
    return tuple(found)


def _result(
    transcript: Transcript,
    charter: Charter,
    slot: Slot,
    test: Place | None,
    now_s: int,
    frozen: FrozenLogs,
) -> Result:
    leaf = None if test is None else transcript.entry(*test).leaf
    if test is None or leaf is None:
        outcome = Outcome.AHEAD if now_s < slot.end_s else Outcome.MISSED
        return Result(slot, outcome, None, {}, ())
    asked = leaf.audience & charter.everyone()
    given = receipts(transcript, test, asked, frozen)
    until_s = leaf.time_s + charter.test_answer_within_s
    late, waiting = [], False
    for member in (one.number for one in charter.members):
        if member == slot.member or not asked >> member & 1:
            continue
        if member in given:
            in_time = given[member].at_s <= until_s
        else:
            in_time = now_s <= until_s
            waiting = waiting or in_time
        if not in_time:
            late.append(member)
    outcome = Outcome.WAITING if waiting else Outcome.ANSWERED
    return Result(slot, Outcome.UNANSWERED if late else outcome, test, given, tuple(late))


def _tests(
    transcript: Transcript, charter: Charter, from_s: int, frozen: FrozenLogs
) -> dict[tuple[int, int], Place]:
    """The first test of each (turn, member) from a time on."""
    found: dict[tuple[int, int], Place] = {}
    for place, time_s in _backwards(transcript, from_s - _STEPPED_S):
        if time_s >= from_s and counts(transcript, place, frozen):
            # Read backwards, so that the first one is the last to be put here.
            found[time_s // charter.test_every_s, place.log.member] = place
    return found


def _backwards(transcript: Transcript, until_s: int) -> Iterator[tuple[Place, int]]:
    """Tests with their times, from the end of each log to the first one before ``until_s``."""
    over = None
    for place in reversed(transcript.of_kind((Kind.TEST,))):
        if place.log == over:
            continue
        leaf = transcript.entry(*place).leaf
        time_s = 0 if leaf is None else leaf.time_s
        if time_s < until_s:
            over = place.log
        else:
            yield place, time_s


def _began(transcript: Transcript) -> dict[int, int]:
    """When each member's first log began, by its own clock."""
    began: dict[int, int] = {}
    for log in transcript.logs():
        leaf = transcript.entry(log, 0).leaf if transcript.size(log) else None
        if leaf is not None:
            began.setdefault(log.member, leaf.time_s)
    return began
