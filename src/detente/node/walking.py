"""Reading a line: back from any place, newest first, or on from where it was read last; however
long its record is.

Back, each log is read in pages from its end; what comes next is what its author states the
latest time of. Where a walk stopped is a cursor: one index a log, so that the next page leaves
nothing out.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from detente.core.errors import LocalError, Refusal
from detente.core.holding import entries_of
from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.log import Log
from detente.core.transcript import Entry
from detente.node.places import find_entry, log_word

PAGE = 64  # entries of a log read at once
MARK = "@"  # what a cursor begins with, and no entry's name


@dataclass
class Walk:
    """A way back through the logs of a line. ``ends`` says where it begins in each log."""

    line: Line
    ends: dict[LogId, int]
    _next: dict[LogId, list[tuple[int, Entry]]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Entry]:
        """Entries, newest first. What is not taken yet is still ahead."""
        while True:
            waiting = {log: rows for log in self.ends if (rows := self._waiting(log))}
            if not waiting:
                return
            log = max(waiting, key=lambda one: (waiting[one][-1][0], one))
            _at_s, entry = waiting[log].pop()
            self.ends[log] = entry.place.index
            yield entry

    def _waiting(self, log: LogId) -> list[tuple[int, Entry]]:
        """The entries of a log that were read and not given, oldest first."""
        rows = self._next.get(log)
        if not rows and self.ends[log]:
            stop = self.ends[log]
            rows, latest_s = [], 0
            for entry in entries_of(self.line, self.line.logs[log], max(0, stop - PAGE), stop):
                # A time before that of older entries was stated by a clock that stood wrong: it
                # holds nothing back.
                latest_s = max(latest_s, 0 if entry.leaf is None else entry.leaf.time_s)
                rows.append((latest_s, entry))
            self._next[log] = rows
        return rows or []

    def cursor(self) -> str:
        """Where the next walk goes on; empty at the beginning of everything."""
        left = {log: end for log, end in sorted(self.ends.items()) if end}
        words = ",".join(f"{log_word(log)}:{end}" for log, end in left.items())
        return MARK + words if words else ""


def walk(line: Line, before: object = None) -> Walk:
    """A walk from the end, from a cursor, or from before an entry. LocalError NOT_FOUND, USAGE.

    From an entry, the other logs begin at what their authors state an earlier time of: read by
    halving, and so exact where their clocks never ran back.
    """
    if before is None or before == "":
        return Walk(line, {log.id: log.size for log in line.logs.values()})
    text = str(before)
    if text.startswith(MARK):
        return Walk(line, _ends(line, text))
    entry = find_entry(line, text)
    at_s = 0 if entry.leaf is None else entry.leaf.time_s
    # What is of the same second as the entry comes before it where its log does.
    ends = {
        log.id: _until(line, log, at_s + (log.id < entry.place.log)) for log in line.logs.values()
    }
    return Walk(line, ends | {entry.place.log: entry.place.index})


def walk_until(line: Line, time_s: int) -> Walk:
    """A walk that begins at the last entries before a time."""
    return Walk(line, {log.id: _until(line, log, time_s) for log in line.logs.values()})


def _until(line: Line, log: Log, time_s: int) -> int:
    """How many entries of a log lie before a time, by their author's clock."""

    def at_s(index: int) -> int:
        leaf = None
        while leaf is None and index >= 0:  # a void entry has no time: that of the one before it
            leaf = (log.recent.get(index) or line.shelf.entry(log.id, index)).leaf
            index -= 1
        return 0 if leaf is None else leaf.time_s

    return bisect_left(range(log.size), time_s, key=at_s)


def _ends(line: Line, text: str) -> dict[LogId, int]:
    known = {log_word(log.id): log for log in line.logs.values()}
    ends = {}
    for word in text.removeprefix(MARK).split(","):
        name, colon, end = word.rpartition(":")
        log = known.get(name)
        if log is None or not colon or not end.isascii() or not end.isdigit():
            raise LocalError(Refusal.USAGE, f"{text} is no cursor")
        ends[log.id] = min(int(end), log.size)
    return ends


# --- on ---


def read_on(
    line: Line,
    scanned: Mapping[LogId, int],
    read: Callable[[Log, int], None],
    at_once: int,
    budget_s: float,
) -> int:
    """Has ``read`` take what lies behind ``scanned`` in each log, ``at_once`` entries between two
    looks at the clock; gives how many are left after ``budget_s``. It moves ``scanned`` on."""
    until_s = time.monotonic() + budget_s
    for log in line.logs.values():
        while (at := scanned.get(log.id, 0)) < log.size and time.monotonic() < until_s:
            read(log, min(log.size, at + at_once))
    return unread(line, scanned)


def unread(line: Line, scanned: Mapping[LogId, int]) -> int:
    """How many entries of a line nobody has read yet."""
    return sum(log.size - scanned.get(log.id, 0) for log in line.logs.values())
