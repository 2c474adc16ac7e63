"""The transcript: all the logs of one line together, as every fold reads it (spec/log.md §6).

``Transcript`` is what a store promises to answer; ``MemoryTranscript`` is the same in memory, for
verifiers and tests. A fold asks nothing else, so equal checkpoints give equal answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from detente.core.errors import LocalError, Refusal
from detente.core.leaf import Leaf, LogId
from detente.core.merkle import Frontier


class Cover(NamedTuple):
    """Entry ``by_index`` of log ``by`` states that ``log`` is held up to ``size`` at that time."""

    by: LogId
    by_index: int
    log: LogId
    size: int
    held_at_s: int


class Place(NamedTuple):
    """Where an entry stands."""

    log: LogId
    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody calls


class Entry(NamedTuple):
    """One entry as it is held here. ``leaf`` is None where signed bytes do not decode (void)."""

    place: Place
    hash: bytes
    raw: bytes
    leaf: Leaf | None
    salt: bytes | None  # None where the body is not held here
    body: bytes | None  # padded and compressed, as committed
    purged: bool = False


class Transcript(Protocol):
    """Read access to one line's logs. Logs are contiguous from 0 to ``size(log)``."""

    def logs(self) -> Sequence[LogId]:
        """Every log known, in order of id."""
        ...

    def size(self, log: LogId) -> int:
        """How many entries are held; 0 for an unknown log."""
        ...

    def entry(self, log: LogId, index: int) -> Entry:
        """One entry. LocalError NOT_HELD beyond the size."""
        ...

    def find(self, leaf_hash: bytes) -> Place | None:
        """Where the entry with this leaf hash stands, if it is held."""
        ...

    def referring(self, leaf_hash: bytes) -> Sequence[Place]:
        """Entries that name this leaf hash in their references, in order of place."""
        ...

    def covers(self, log: LogId, index: int) -> Sequence[Cover]:
        """For each log that covers entry ``index`` of ``log``: its first cover that does, and any
        later one with an earlier ``held_at_s``; in order of (by, by_index)."""
        ...

    def vector(self, log: LogId, index: int) -> dict[LogId, int]:
        """What entries 0..index of ``log`` have stated as held: the largest size per other log."""
        ...

    def of_kind(self, kinds: Sequence[int]) -> Sequence[Place]:
        """Every entry of these kinds, in order of place."""
        ...

    def root_at(self, log: LogId, size: int) -> bytes | None:
        """The root of a log at a size above 0; None where it is not held so far."""
        ...


class Agreement(Enum):
    """Whether a cover speaks of the log as it is held here."""

    SAME = "same"
    OTHER = "other"  # of another history of that log: its author signed two
    UNKNOWN = "unknown"  # of more than is held here


def agreement(transcript: Transcript, cover: Cover) -> Agreement:
    """Compares the root that a cover's entry names with the tree held here (spec/log.md §6)."""
    leaf = transcript.entry(cover.by, cover.by_index).leaf
    named = () if leaf is None else leaf.seen
    root = transcript.root_at(cover.log, cover.size)
    if root is None:
        return Agreement.UNKNOWN
    same = any(item.log == cover.log and item.root == root for item in named)
    return Agreement.SAME if same else Agreement.OTHER


def causal_past(
    transcript: Transcript, place: Place, ends: Mapping[LogId, int] = MappingProxyType({})
) -> dict[LogId, int]:
    """How much of every log lies before this entry, itself included (spec/log.md §6).

    The closure of ``seen``: sizes per log such that every entry below them happened before; of
    the contested logs in ``ends`` no more than up to there.
    """
    past = {place.log: place.index + 1}
    grew = True
    while grew:
        grew = False
        for log, size in list(past.items()):
            known = min(size, transcript.size(log))
            if not known:
                continue
            for other, stated in transcript.vector(log, known - 1).items():
                covered = min(stated, ends.get(other, stated))
                if covered > past.get(other, 0):
                    past[other] = covered
                    grew = True
    return past


def incomplete(transcript: Transcript, past: dict[LogId, int]) -> list[LogId]:
    """The logs of a causal past that are not all here: CONTEXT INCOMPLETE if there is any."""
    return sorted(log for log, size in past.items() if transcript.size(log) < size)


class MemoryTranscript:
    """A transcript in memory. ``add`` appends an already verified entry at the end of its log."""

    def __init__(self) -> None:
        self._logs: dict[LogId, list[Entry]] = {}
        self._places: dict[bytes, Place] = {}
        self._referring: dict[bytes, list[Place]] = {}
        self._covers: dict[tuple[LogId, LogId], list[Cover]] = {}
        self._roots: dict[tuple[LogId, int], bytes] = {}

    def add(self, entry: Entry) -> None:
        """Appends an entry; its place must be the next of its log."""
        place = entry.place
        log = self._logs.setdefault(place.log, [])
        if place.index != len(log):
            raise LocalError(Refusal.USAGE, f"entry {place.index} where {len(log)} is next")
        log.append(entry)
        known = self._places.get(entry.hash)
        self._places[entry.hash] = place if known is None else min(known, place)
        if entry.leaf is None:
            return
        for ref in dict.fromkeys(entry.leaf.refs):
            self._referring.setdefault(ref, []).append(place)
        for seen in entry.leaf.seen:
            cover = Cover(place.log, place.index, seen.log, seen.size, seen.held_at_s)
            self._covers.setdefault((place.log, seen.log), []).append(cover)

    def logs(self) -> Sequence[LogId]:
        """Every log known, in order of id."""
        return sorted(self._logs)

    def size(self, log: LogId) -> int:
        """How many entries are held; 0 for an unknown log."""
        return len(self._logs.get(log, ()))

    def entry(self, log: LogId, index: int) -> Entry:
        """One entry. LocalError NOT_HELD beyond the size."""
        if not 0 <= index < self.size(log):
            raise LocalError(Refusal.NOT_HELD, f"entry {index} of log {log.member}/{log.word}")
        return self._logs[log][index]

    def find(self, leaf_hash: bytes) -> Place | None:
        """Where the entry with this leaf hash stands."""
        return self._places.get(leaf_hash)

    def referring(self, leaf_hash: bytes) -> Sequence[Place]:
        """Entries that name this leaf hash, in order of place."""
        return sorted(self._referring.get(leaf_hash, ()))

    def covers(self, log: LogId, index: int) -> Sequence[Cover]:
        """The covers of one entry, as ``Transcript.covers`` says."""
        out: list[Cover] = []
        for (_, covered), covers in sorted(self._covers.items()):
            if covered != log:
                continue
            earliest: int | None = None
            for cover in covers:
                if cover.size > index and (earliest is None or cover.held_at_s < earliest):
                    earliest = cover.held_at_s
                    out.append(cover)
        return out

    def vector(self, log: LogId, index: int) -> dict[LogId, int]:
        """The largest size per other log that entries 0..index state as held."""
        out: dict[LogId, int] = {}
        for (by, other), covers in self._covers.items():
            if by == log:
                sizes = [cover.size for cover in covers if cover.by_index <= index]
                if sizes:
                    out[other] = max(sizes)
        return out

    def of_kind(self, kinds: Sequence[int]) -> Sequence[Place]:
        """Every entry of these kinds, in order of place."""
        wanted = set(kinds)
        return [
            entry.place
            for log in self.logs()
            for entry in self._logs[log]
            if entry.leaf is not None and entry.leaf.kind in wanted
        ]

    def root_at(self, log: LogId, size: int) -> bytes | None:
        """The root of a log at a size; None where it is not held so far."""
        if not 0 < size <= self.size(log):
            return None
        found = self._roots.get((log, size))
        if found is None:
            frontier = Frontier()
            for entry in self._logs[log][:size]:
                frontier.append(entry.hash)
            found = self._roots[log, size] = frontier.root()
        return found
