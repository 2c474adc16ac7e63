"""What is derived from one line's transcript and kept up as it grows: open matters, serial gaps,
frozen logs. So a long record costs nothing at 3 a.m.; and it can always be derived again.

How far each log was read is kept in the store now and then, so that a start reads only the rest.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from detente.core.accusation import Finding, check
from detente.core.body import unpack
from detente.core.decisions import NOTHING_FROZEN, FrozenLogs
from detente.core.errors import PeerError
from detente.core.extras import decode_accused
from detente.core.identity import Origin
from detente.core.leaf import SERIAL, Kind, LogId
from detente.core.log import Log
from detente.core.proof import CardKeys
from detente.core.station import Line, Station
from detente.core.transcript import Entry, Place
from detente.dossiers.deadlines import CALLING, asked_of
from detente.dossiers.fold import SerialGap, frozen_logs
from detente.dossiers.ladder import Ladder, ladder

LOOKED_AT_MAX = 500  # the oldest open matters; a watch with more has another trouble
GAPS_MAX = 100  # of one line; an author with more is not counting at all
VIEW_S = 0.2  # what a view may spend on entries that nobody has looked at yet
FORMAT = 1


@dataclass
class Folds:
    """The derived state of one line."""

    scanned: dict[LogId, int] = field(default_factory=dict)  # how far each log was read
    serials: dict[LogId, int] = field(default_factory=dict)  # the last serial read
    fresh: deque[Place] = field(default_factory=deque)  # read, and not looked at yet
    open: dict[Place, None] = field(default_factory=dict)  # looked at, and still open
    gaps: list[SerialGap] = field(default_factory=list)
    indices: dict[LogId, int] = field(default_factory=dict)  # where logs are frozen
    changed: bool = False  # since it was last kept
    _frozen: FrozenLogs = field(default_factory=lambda: NOTHING_FROZEN)
    _stale: bool = True  # accusations have come, or cards, since ``_frozen`` was found

    # --- reading on ---

    def read_on(self, line: Line, budget_s: float) -> int:
        """Reads entries that nobody has read yet; gives how many are left after ``budget_s``."""
        until_s = time.monotonic() + budget_s
        left = 0
        for log in line.logs.values():
            at = self.scanned.get(log.id, 0)
            while at < log.size and time.monotonic() < until_s:
                stop = min(log.size, at + 256)
                for entry in _entries(line, log, at, stop):
                    self._take(log.id, entry)
                self.scanned[log.id] = at = stop
                self.changed = True
            left += log.size - at
        return left

    def _take(self, log: LogId, entry: Entry) -> None:
        leaf = entry.leaf
        if leaf is None:
            return
        if leaf.kind in CALLING:
            self.fresh.append(entry.place)
        elif leaf.kind == Kind.ACCUSATION:
            self._stale = True
        if leaf.kind in SERIAL:
            expected = self.serials.get(log, 0) + 1
            if leaf.serial != expected and len(self.gaps) < GAPS_MAX:
                self.gaps.append(SerialGap(entry.place, expected, leaf.serial))
            self.serials[log] = leaf.serial

    def look(self, line: Line, frozen: FrozenLogs, budget_s: float) -> None:
        """Looks at what was read: what is still open is kept in mind, the rest forgotten."""
        until_s = time.monotonic() + budget_s
        while self.fresh and time.monotonic() < until_s:
            place = self.fresh.popleft()
            if _waits(line, ladder(line.shelf, line.charter, place, frozen)):
                self.open[place] = None
            self.changed = True

    # --- what views ask ---

    def open_ladders(self, line: Line, frozen: FrozenLogs) -> list[Ladder]:
        """The ladders of what is still open, oldest first; what is closed leaves the list."""
        self.read_on(line, VIEW_S)
        self.look(line, frozen, VIEW_S)
        found = []
        for place in list(self.open)[:LOOKED_AT_MAX]:
            rungs = ladder(line.shelf, line.charter, place, frozen)
            if _waits(line, rungs):
                found.append(rungs)
            else:
                del self.open[place]
                self.changed = True
        return found

    def frozen(self, station: Station, line: Line) -> FrozenLogs:
        """The logs that a proven accusation has frozen."""
        self.read_on(line, VIEW_S)
        if self._stale:
            self._stale = False
            self._frozen = frozen_logs(line.shelf, _Prover(station, line))
            indices = {log: frozen.index for log, frozen in self._frozen.items()}
            if indices != self.indices:
                self.indices = indices
                self.scanned, self.fresh, self.open = {}, deque(), {}  # what counts has changed
                self.serials, self.gaps = {}, []
        return self._frozen

    def forget_verdicts(self) -> None:
        """A card has changed: accusations are checked again."""
        self._stale = True

    # --- keeping ---

    def encode(self) -> bytes:
        """What ``decode_folds`` reads."""
        waiting = [*self.open, *self.fresh]
        state = {
            "format": FORMAT,
            "scanned": [[*_log(log), size] for log, size in self.scanned.items()],
            "serials": [[*_log(log), serial] for log, serial in self.serials.items()],
            "indices": [[*_log(log), index] for log, index in self.indices.items()],
            "waiting": [[*_log(place.log), place.index] for place in waiting],
            "gaps": [
                [*_log(gap.place.log), gap.place.index, gap.expected, gap.found]
                for gap in self.gaps
            ],
        }
        return json.dumps(state).encode()


def decode_folds(data: bytes | None) -> Folds:
    """The state that was kept. Anything else is nothing: it can all be derived again."""
    try:
        state = json.loads(data or b"{}")
    except ValueError:
        state = {}
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        return Folds()
    return Folds(
        scanned={_read_log(row): row[3] for row in state["scanned"]},
        serials={_read_log(row): row[3] for row in state["serials"]},
        indices={_read_log(row): row[3] for row in state["indices"]},
        fresh=deque(Place(_read_log(row), row[3]) for row in state["waiting"]),
        gaps=[
            SerialGap(Place(_read_log(row), row[3]), row[4], row[5]) for row in state["gaps"]
        ],
    )


def _log(log: LogId) -> tuple[int, int, str]:
    return log.member, log.k, log.life.hex()


def _read_log(row: list[Any]) -> LogId:
    return LogId(row[0], row[1], bytes.fromhex(row[2]))


def _entries(line: Line, log: Log, start: int, stop: int) -> list[Entry]:
    recent = [log.recent.get(index) for index in range(start, stop)]
    held = [entry for entry in recent if entry is not None]
    return held if len(held) == len(recent) else list(line.shelf.entries(log.id, start, stop))


def _waits(line: Line, rungs: Ladder) -> bool:
    """Whether somebody who was called on has still to receipt or answer it."""
    return rungs.stands and any(
        not reader.answered and not (rungs.answers and reader.received is not None)
        for reader in asked_of(line.charter, rungs)
    )


class _Prover:
    """Whether an accusation's body proves what its leaf says: this log of this line, this index."""

    def __init__(self, station: Station, line: Line) -> None:
        self._keys = CardKeys(station.cards.values())
        self._line = line

    def __call__(self, entry: Entry) -> bool:
        if entry.body is None or entry.leaf is None:
            return False
        try:
            accused = decode_accused(entry.leaf.extra)
            verdict = check(unpack(entry.body), self._keys)
        except PeerError:
            return False
        log, party = accused.log, self._line.party_of(accused.log.member)
        named = None if party is None else Origin(self._line.id, party, log.k, log.life)
        proven = verdict.finding is Finding.PROVEN
        return proven and (verdict.origin, verdict.index) == (named, accused.index)
