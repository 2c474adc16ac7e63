"""The end of a drill: a FLASH dispatch on a drill line whose subject is REAL-WORLD.

From it on what is said there is meant, on every desk, until its author takes it back. Latin in
every language, like precedences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from detente.core.contested import FrozenLogs
from detente.core.holding import entries_of
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.line import Line
from detente.core.transcript import Entry, Place
from detente.dossiers.dispatch import Dispatch, open_body
from detente.dossiers.ladder import ladder

REAL_WORLD: Final = "REAL-WORLD"
PAGE = 256


@dataclass
class Ends:
    """The dispatches of a drill line that end the drill, read once and read on as it grows."""

    scanned: dict[LogId, int] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)

    def last(self, line: Line, frozen: FrozenLogs) -> Entry | None:
        """The one that stands and was said last; None while the drill goes on, and on a line that
        is no drill. Its time is by its author's clock."""
        if not line.charter.drill:
            return None
        for log in line.logs.values():
            at = self.scanned.get(log.id, 0)
            while at < log.size:
                stop = min(log.size, at + PAGE)
                rows = entries_of(line, log, at, stop)
                self.places += [one.place for one in rows if _ends(one)]
                self.scanned[log.id] = at = stop
        stand = [
            line.shelf.entry(*place)
            for place in self.places
            if ladder(line.shelf, line.charter, place, frozen).stands
        ]
        return max(stand, key=_time_s, default=None)


def _ends(entry: Entry) -> bool:
    leaf = entry.leaf
    if leaf is None or leaf.kind != Kind.DISPATCH or leaf.precedence < Precedence.FLASH:
        return False
    body = open_body(entry).body
    return isinstance(body, Dispatch) and body.subject.strip() == REAL_WORLD


def _time_s(entry: Entry) -> int:
    return 0 if entry.leaf is None else entry.leaf.time_s
