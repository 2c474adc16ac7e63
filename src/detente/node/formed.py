"""Which dispatches of a line hold a form of a notice (spec/profile.md §8).

Each is opened once, behind the traffic, so that a list of notices costs what it lists and not what
the record is long.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from detente.core.holding import entries_of
from detente.core.leaf import Kind, LogId
from detente.core.station import Line
from detente.core.transcript import Entry, Place
from detente.dossiers.notice_forms import Form, form_of

READ_ENTRIES = 64  # between two looks at the clock


@dataclass
class Formed:
    """Of one line. ``known`` are the dispatches that hold a form, and those whose body has yet to
    come; each with its form where that was read since the start."""

    scanned: dict[LogId, int] = field(default_factory=dict)  # how far each log was read
    known: dict[Place, Form | None] = field(default_factory=dict)

    def read_on(self, line: Line, budget_s: float) -> int:
        """Opens what nobody has opened yet; gives how many entries are left after ``budget_s``."""
        until_s = time.monotonic() + budget_s
        left = 0
        for log in line.logs.values():
            at = self.scanned.get(log.id, 0)
            while at < log.size and time.monotonic() < until_s:
                stop = min(log.size, at + READ_ENTRIES)
                for entry in entries_of(line, log, at, stop):
                    self._take(line, entry)
                self.scanned[log.id] = at = stop
            left += log.size - at
        return left

    def _take(self, line: Line, entry: Entry) -> None:
        leaf = entry.leaf
        if leaf is None or leaf.kind != Kind.DISPATCH or not leaf.reads(line.me):
            return
        form = form_of(entry)
        if form is not None or (entry.body is None and not entry.purged):
            self.known[entry.place] = form
