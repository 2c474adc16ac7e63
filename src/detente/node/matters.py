"""Open matters: our dispatches and theirs that still wait for a receipt or an answer.

Derived from the transcript and kept up as it grows, so that a long record costs nothing at 3 a.m.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from detente.core.decisions import FrozenLogs
from detente.core.leaf import Kind, LogId
from detente.core.station import Line
from detente.core.transcript import Place
from detente.dossiers.deadlines import asked_of
from detente.dossiers.ladder import Ladder, ladder

CALLING = frozenset({Kind.DISPATCH, Kind.ACCIDENT})
LOOKED_AT_MAX = 500  # the oldest open matters; a watch with more has another trouble


@dataclass
class Matters:
    """The open matters of one line. ``scanned`` says how far each log was read."""

    scanned: dict[LogId, int] = field(default_factory=dict)
    open: dict[Place, None] = field(default_factory=dict)

    def open_ladders(self, line: Line, frozen: FrozenLogs) -> list[Ladder]:
        """The ladders of what is still open, oldest first; what is closed leaves the list."""
        self._scan(line)
        found = []
        for place in list(self.open)[:LOOKED_AT_MAX]:
            rungs = ladder(line.shelf, line.charter, place, frozen)
            waiting = [
                reader
                for reader in asked_of(line.charter, rungs)
                if not reader.answered and not (rungs.answers and reader.received is not None)
            ]
            if rungs.stands and waiting:
                found.append(rungs)
            else:
                del self.open[place]
        return found

    def _scan(self, line: Line) -> None:
        for log_id, log in line.logs.items():
            start = self.scanned.get(log_id, 0)
            while start < log.size:
                stop = min(log.size, start + 512)
                for entry in line.shelf.entries(log_id, start, stop):
                    if entry.leaf is not None and entry.leaf.kind in CALLING:
                        self.open[entry.place] = None
                start = stop
            self.scanned[log_id] = start
