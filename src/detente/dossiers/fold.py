"""The common ground of folds: which entries count at all, and in which order (spec/ladder.md §2).

Every dossier is a pure function of the transcript and, where it says so, of a time it is given.
What is proven against a log is found once, by ``frozen_logs``, and handed to every fold, because
a proof is checked with keys and a fold has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from heapq import heappop, heappush
from types import MappingProxyType
from typing import NamedTuple

from detente.core import extras
from detente.core.contested import NOTHING_FROZEN, Frozen, FrozenLogs, Proof, ended, stands
from detente.core.errors import PeerError
from detente.core.leaf import SERIAL, Kind, Leaf, LogId
from detente.core.transcript import Cover, Entry, Place, Transcript

# Kinds that are nothing without a body.
BODIED = frozenset({Kind.DISPATCH, Kind.ACCIDENT, Kind.TRANSLATION, Kind.TEST})
# Kinds that relate to the entries they name, one relation for each.
RELATING = frozenset({Kind.DISPATCH, Kind.ACCIDENT})
NOTHING_ENDED: Mapping[LogId, int] = MappingProxyType({})


class Standing(Enum):
    """Whether an entry takes part in dossiers."""

    COUNTED = "counted"
    VOID = "void"  # no leaf, or one that breaks a rule of its kind
    CONTESTED = "contested"  # its author signed two histories before it, or its key is revoked
    WITHHELD = "withheld"  # brought only after its log had been closed before it


def standing(transcript: Transcript, place: Place, frozen: FrozenLogs = NOTHING_FROZEN) -> Standing:
    """Whether the entry at ``place`` takes part in dossiers. LocalError NOT_HELD if it is not here.

    The cost does not grow with the transcript.
    """
    leaf = transcript.entry(*place).leaf
    if leaf is None or not keeps_rules(place, leaf):
        return Standing.VOID
    return position(transcript, place, frozen)


def position(transcript: Transcript, place: Place, frozen: FrozenLogs = NOTHING_FROZEN) -> Standing:
    """As ``standing``, by place alone: what a `seen` states is stated in a void entry too."""
    end = end_of(transcript, place.log)
    if end is not None and place.index >= end:
        return Standing.WITHHELD
    return Standing.COUNTED if stands(transcript, place, frozen) else Standing.CONTESTED


def counts(transcript: Transcript, place: Place, frozen: FrozenLogs = NOTHING_FROZEN) -> bool:
    """Whether an entry is COUNTED."""
    return standing(transcript, place, frozen) is Standing.COUNTED


def states(transcript: Transcript, cover: Cover, frozen: FrozenLogs = NOTHING_FROZEN) -> bool:
    """Whether a cover is a statement that counts."""
    return position(transcript, Place(cover.by, cover.by_index), frozen) is Standing.COUNTED


# --- rules of the kinds -------------------------------------------------------------------------


def keeps_rules(place: Place, leaf: Leaf) -> bool:
    """Whether a leaf keeps the rules of its kind and place (spec/ladder.md §2.1)."""
    log, index = place
    opens = Kind.RESUME if log.life else Kind.CHARTER
    if (leaf.kind == opens) != (index == 0) or leaf.kind in {Kind.CHARTER, Kind.RESUME} - {opens}:
        return False
    if any(seen.log == log for seen in leaf.seen):
        return False
    if (leaf.serial > 0) != (leaf.kind in SERIAL):
        return False
    if leaf.kind in BODIED and leaf.commitment is None:
        return False
    check = _RULES.get(leaf.kind)
    if check is None:
        return leaf.kind in _PLAIN
    try:
        return check(log, leaf)
    except PeerError:
        return False


def _resume(log: LogId, leaf: Leaf) -> bool:
    resume = extras.decode_resume(leaf.extra)
    return (resume.k, resume.life) == (log.k, log.life)


def _quote(log: LogId, leaf: Leaf) -> bool:
    quote = extras.decode_quote(leaf.extra)
    return quote.log.member == log.member != quote.member


def _held_ahead(log: LogId, leaf: Leaf) -> bool:
    return extras.decode_held_ahead(leaf.extra).log.member != log.member


def _lacks(log: LogId, leaf: Leaf) -> bool:
    return extras.decode_lacks(leaf.extra).log.member != log.member


def _duty(_log: LogId, leaf: Leaf) -> bool:
    extras.decode_receive_only(leaf.extra)
    return True


def _relating(_log: LogId, leaf: Leaf) -> bool:
    extras.decode_relations(leaf.extra, len(leaf.refs))
    return True


def _mark(_log: LogId, leaf: Leaf) -> bool:
    return bool(leaf.refs) and _released(extras.decode_mark(leaf.extra).stater, leaf)


def _translation(_log: LogId, leaf: Leaf) -> bool:
    stater = extras.decode_translation(leaf.extra).stater
    return len(leaf.refs) == 1 and _released(stater, leaf)


def _released(stater: extras.Stater, leaf: Leaf) -> bool:
    """Who says «released by» names the release record."""
    return stater is not extras.Stater.RELEASED or leaf.release is not None


def _accusation(_log: LogId, leaf: Leaf) -> bool:
    extras.decode_accused(leaf.extra)
    return True


def _over_quota(log: LogId, leaf: Leaf) -> bool:
    return extras.decode_over_quota(leaf.extra).log.member != log.member


def _clock(_log: LogId, leaf: Leaf) -> bool:
    extras.decode_clock(leaf.extra)
    return True


_RULES: Mapping[int, Callable[[LogId, Leaf], bool]] = {
    Kind.RESUME: _resume,
    Kind.QUOTE: _quote,
    Kind.HELD_AHEAD: _held_ahead,
    Kind.LACKS: _lacks,
    Kind.DISPATCH: _relating,
    Kind.ACCIDENT: _relating,
    Kind.MARK: _mark,
    Kind.TRANSLATION: _translation,
    Kind.ACCUSATION: _accusation,
    Kind.OVER_QUOTA: _over_quota,
    Kind.CLOCK: _clock,
    Kind.DUTY: _duty,
}
# Kinds without a rule here: offers and what follows them have theirs in spec/decisions.md.
_PLAIN = frozenset(Kind) - _RULES.keys() - {Kind.RENEWAL}


# --- frozen and closed logs ---------------------------------------------------------------------


def frozen_logs(
    transcript: Transcript,
    proven: Callable[[Entry], bool],
    ends: Mapping[LogId, int] = NOTHING_ENDED,
) -> FrozenLogs:
    """Every log with a proven accusation, frozen at the lowest index proven, and every log of a
    revoked key with its end among ``ends`` (spec/ladder.md §2.2).

    ``proven`` says whether the proof in an accusation's body names the key of the accused log and
    the index stated; it is asked of accusations that keep their rules, wherever they stand: a
    proof is a proof in a contested log too.
    """
    found: dict[LogId, Frozen] = {}
    for place in transcript.of_kind((Kind.ACCUSATION,)):
        entry = transcript.entry(*place)
        if entry.leaf is None or not keeps_rules(place, entry.leaf) or not proven(entry):
            continue
        accused = extras.decode_accused(entry.leaf.extra)
        known = found.get(accused.log, Frozen(accused.index, ()))
        proof = Proof(place, accused.index)
        found[accused.log] = Frozen(min(known.index, accused.index), (*known.proofs, proof))
    return ended(MappingProxyType(found), ends)


def end_of(transcript: Transcript, log: LogId) -> int | None:
    """Where an old incarnation ends, or None for one that has no successor (spec/ladder.md §2.3).

    The largest of what each successor's `resume` names and of the closing heads: for every other
    member, all that it had stated of the old log by its first entry that names a successor.
    """
    successors = [
        other
        for other in transcript.logs()
        if other.member == log.member and other.k > log.k and transcript.size(other)
    ]
    if not successors:
        return None
    end = 0
    closing: dict[int, Place] = {}
    for successor in successors:
        end = max(end, _named_by_resume(transcript, successor, log))
        for cover in transcript.covers(successor, 0):
            place = Place(cover.by, cover.by_index)
            if cover.by.member != log.member:
                closing[cover.by.member] = min(place, closing.get(cover.by.member, place))
    for place in closing.values():
        end = max(end, transcript.vector(*place).get(log, 0))
    return end


def _named_by_resume(transcript: Transcript, successor: LogId, log: LogId) -> int:
    leaf = transcript.entry(successor, 0).leaf
    if leaf is None or leaf.kind != Kind.RESUME or not keeps_rules(Place(successor, 0), leaf):
        return 0  # one that begins with a charter names nothing
    heads = extras.decode_resume(leaf.extra).predecessors
    return max((head.size for head in heads if head.log == log), default=0)


# --- serials and order --------------------------------------------------------------------------


class SerialGap(NamedTuple):
    """An entry whose serial does not follow the one before it in its log."""

    place: Place
    expected: int
    found: int


def serial_gaps(transcript: Transcript, log: LogId) -> tuple[SerialGap, ...]:
    """Where a log's serials do not count 1, 2, 3 …: its author's fault. Reads the whole log."""
    gaps = []
    last = 0
    for index in range(transcript.size(log)):
        leaf = transcript.entry(log, index).leaf
        if leaf is None or leaf.kind not in SERIAL:
            continue
        if leaf.serial != last + 1:
            gaps.append(SerialGap(Place(log, index), last + 1, leaf.serial))
        last = leaf.serial
    return tuple(gaps)


def order(transcript: Transcript) -> list[Place]:
    """All entries in the order they are shown: causes first, then by time stated, then by place.

    O(n log n) for n entries with their `seen` items. Statements that cannot all be true (a circle
    of `seen`) are broken at the earliest entry, so that every entry is shown.
    """
    return _Merge(transcript).run()


class _Merge:
    """A merge of all logs in which an entry waits for everything its `seen` names."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._sizes = {log: transcript.size(log) for log in transcript.logs()}
        self._done = dict.fromkeys(self._sizes, 0)
        self._times = dict.fromkeys(self._sizes, 0)  # a void entry's is that of the one before it
        self._ready: list[tuple[int, Place]] = []
        self._blocked: dict[LogId, int] = {}  # how many logs the next entry still waits for
        self._waiting: dict[LogId, list[tuple[int, Place]]] = {log: [] for log in self._sizes}

    def run(self) -> list[Place]:
        out: list[Place] = []
        for log in self._sizes:
            self._arrive(log)
        while self._ready or self._blocked:
            if not self._ready:
                self._release(min(self._blocked, key=self._rank))
            _, place = heappop(self._ready)
            out.append(place)
            self._done[place.log] = place.index + 1
            self._wake(place)
            self._arrive(place.log)
        return out

    def _rank(self, log: LogId) -> tuple[int, Place]:
        return self._times[log], Place(log, self._done[log])

    def _release(self, log: LogId) -> None:
        self._blocked.pop(log, None)
        heappush(self._ready, self._rank(log))

    def _arrive(self, log: LogId) -> None:
        """The next entry of a log is up: ready, or waiting for others."""
        place = Place(log, self._done[log])
        if place.index == self._sizes[log]:
            return
        leaf = self._transcript.entry(*place).leaf
        needs = 0
        if leaf is not None:
            self._times[log] = leaf.time_s
            for seen in leaf.seen:
                size = min(seen.size, self._sizes.get(seen.log, 0))
                if seen.log != log and size > self._done.get(seen.log, 0):
                    heappush(self._waiting[seen.log], (size, place))
                    needs += 1
        if needs:
            self._blocked[log] = needs
        else:
            self._release(log)

    def _wake(self, placed: Place) -> None:
        waiting = self._waiting[placed.log]
        while waiting and waiting[0][0] <= placed.index + 1:
            _, place = heappop(waiting)
            # An entry that broke a circle is gone; what it waited for is no matter now.
            if place.index == self._done[place.log] and place.log in self._blocked:
                self._blocked[place.log] -= 1
                if not self._blocked[place.log]:
                    self._release(place.log)
