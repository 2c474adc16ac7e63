"""What is derived from one line's transcript and kept up as it grows: open matters, serial gaps,
frozen logs. So a long record costs nothing at 3 a.m.; and it can always be derived again.

How far each log was read is kept in the store now and then, so that a start reads only the rest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detente.core.accusation import Finding, check
from detente.core.body import unpack
from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.ending import ends_of_revoked
from detente.core.errors import PeerError
from detente.core.extras import Duty, Relation, Rung, decode_accused, decode_relations
from detente.core.holding import entries_of
from detente.core.identity import Origin
from detente.core.leaf import SERIAL, Kind, Leaf, LogId
from detente.core.line import Line
from detente.core.log import Log
from detente.core.proof import CardKeys
from detente.core.station import Station
from detente.core.transcript import Entry, Place
from detente.dossiers.deadlines import CALLING, asked_of
from detente.dossiers.emcon import Spans, announced
from detente.dossiers.fold import SerialGap, frozen_logs
from detente.dossiers.ladder import Ladder, ladder
from detente.dossiers.receipts import Statements, statements_in
from detente.node import walking
from detente.node.formed import Formed
from detente.node.geometry import Meetings

LOOKED_AT_MAX = 200  # the oldest open matters; a watch with more has another trouble
DECLINED_MAX = 20  # the last ones; older ones say nothing of the watch that is on duty now
OPEN_MAX = 10_000  # open matters kept in mind; then the oldest give way, and are counted
GAPS_MAX = 100  # of one line; an author with more is not counting at all
READ_ENTRIES = 256  # between two looks at the clock
VIEW_S = 0.1  # what a view may spend on ladders that nobody has looked at yet
VIEW_READ_S = 0.02  # and on entries that nobody has read yet, where they are more than a few
VIEW_ENTRIES = 1024  # a few: what came in the last seconds is in every view
VIEW_AGAIN_S = 1.0  # until views read on again: one page asks several times
FORMAT = 4


@dataclass
class Folds:
    """The derived state of one line."""

    scanned: dict[LogId, int] = field(default_factory=dict)  # how far each log was read
    serials: dict[LogId, int] = field(default_factory=dict)  # the last serial read
    open: dict[Place, int] = field(default_factory=dict)  # what calls for an answer -> audience
    answers: dict[Place, int] = field(default_factory=dict)  # what calls for a receipt alone
    referred: dict[Place, None] = field(default_factory=dict)  # and perhaps closed by that
    declined: dict[Place, int] = field(default_factory=dict)  # the last that were declined
    unwatched: int = 0  # matters beyond OPEN_MAX
    gaps: list[SerialGap] = field(default_factory=list)
    indices: dict[LogId, int] = field(default_factory=dict)  # where logs are frozen
    emcon: list[Place] = field(default_factory=list)  # announcements of receive-only
    changed: bool = False  # since it was last kept
    _frozen: FrozenLogs = field(default_factory=lambda: NOTHING_FROZEN)
    _ends: dict[LogId, int] = field(default_factory=dict)  # of revoked logs, as of ``_frozen``
    _stale: bool = True  # accusations have come, or cards, since ``_frozen`` was found
    _looked: object = None  # the sizes of all logs when ladders were last looked at
    _done: bool = False  # and all of them were
    _found: list[Ladder] = field(default_factory=list)
    _again_s: float = 0.0  # when views read on again
    _stated: tuple[object, FrozenLogs, Statements] | None = None  # as of these sizes
    _silent: tuple[object, Mapping[int, Spans]] | None = None  # as of these announcements
    _ladders: dict[Place, Ladder] = field(default_factory=dict)  # until something changes them
    formed: Formed = field(default_factory=Formed)
    meetings: Meetings = field(default_factory=Meetings)

    # --- reading on ---

    def read_on(self, line: Line, budget_s: float) -> int:
        """Reads entries that nobody has read yet; gives how many are left after ``budget_s``."""

        def read(log: Log, stop: int) -> None:
            self._read(line, log, stop)

        return walking.read_on(line, self.scanned, read, READ_ENTRIES, budget_s)

    def follow(self, line: Line) -> None:
        """Reads what came lately while it is still in memory: from the store each entry takes
        thrice as long. Where more than that is unread, ``read_on`` has to come first."""
        for log in line.logs.values():
            if log.size - self.scanned.get(log.id, 0) <= len(log.recent):
                self._read(line, log, log.size)

    def _read(self, line: Line, log: Log, stop: int) -> None:
        for entry in entries_of(line, log, self.scanned.get(log.id, 0), stop):
            self._take(line, entry)
            self.changed = True
        self.scanned[log.id] = stop

    def _take(self, line: Line, entry: Entry) -> None:
        leaf, log = entry.leaf, entry.place.log
        if leaf is None:
            return
        for ref in leaf.refs:
            place = line.shelf.find(ref)
            if place is not None and (place in self.open or place in self.answers):
                self._ladders.pop(place, None)
                self.referred[place] = None
        if leaf.kind in CALLING:
            kept = self.answers if _answers(leaf) else self.open
            kept[entry.place] = leaf.audience
            if len(kept) > OPEN_MAX:
                del kept[next(iter(kept))]
                self.unwatched += 1
        elif leaf.kind == Kind.ACCUSATION:
            self._stale = True
        elif leaf.kind == Kind.DUTY and leaf.extra[:1] == bytes((Duty.RECEIVE_ONLY,)):
            self.emcon.append(entry.place)
        if leaf.kind in SERIAL:
            expected = self.serials.get(log, 0) + 1
            if leaf.serial != expected and len(self.gaps) < GAPS_MAX:
                self.gaps.append(SerialGap(entry.place, expected, leaf.serial))
            self.serials[log] = leaf.serial

    def read_forms(self, line: Line, budget_s: float) -> int:
        """Opens dispatches that nobody has opened yet, for the dossier of notices; gives how many
        entries are left after ``budget_s``."""
        read = dict(self.formed.scanned)
        left = self.formed.read_on(line, budget_s)
        self.changed = self.changed or read != self.formed.scanned
        return left

    def unread(self, line: Line) -> int:
        """How many entries nobody has read yet: what is said of the rest is not complete."""
        return walking.unread(line, self.scanned)

    # --- what views ask ---

    def open_ladders(self, line: Line, frozen: FrozenLogs) -> list[Ladder]:
        """The ladders of the oldest open matters; what is closed leaves the list."""
        self._glance(line)
        held = _sizes(line)
        if held != self._looked:
            self._looked, self._done = held, False
            self._ladders = {at: one for at, one in self._ladders.items() if _receipted(one)}
        if self._done:
            return self._found
        self.close(line, frozen, VIEW_S)
        until_s = time.monotonic() + VIEW_S
        found: list[Ladder] = []
        for place in [*self.open, *self.answers]:
            if self._is_open(line, place, frozen):
                found.append(self._ladder(line, place, frozen))
            if len(found) == LOOKED_AT_MAX:
                break
            if time.monotonic() > until_s:
                return found  # the next look goes on from here
        self._done, self._found = True, found
        return found

    def close(self, line: Line, frozen: FrozenLogs, budget_s: float) -> None:
        """Takes off what others have answered since, and answers that were receipted."""
        until_s = time.monotonic() + budget_s
        for place in [at for at, audience in self.answers.items() if _held(line, at, audience)]:
            del self.answers[place]
            self.changed = True
        while self.referred and time.monotonic() < until_s:
            self._is_open(line, self.referred.popitem()[0], frozen)

    def _glance(self, line: Line) -> None:
        """What a view reads on: a page costs the same however much nobody has read yet."""
        few = self.unread(line) <= VIEW_ENTRIES
        if few or time.monotonic() >= self._again_s:
            self.read_on(line, VIEW_S * 100 if few else VIEW_READ_S)
            self._again_s = time.monotonic() + VIEW_AGAIN_S

    def statements(self, line: Line, frozen: FrozenLogs) -> Statements:
        """What every ladder of a line as it stands rests on, read once for all of them."""
        sizes = _sizes(line)
        if self._stated is None or self._stated[:2] != (sizes, frozen):
            self._stated = sizes, frozen, statements_in(line.shelf, frozen)
        return self._stated[2]

    def silent(self, line: Line, frozen: FrozenLogs) -> Mapping[int, Spans]:
        """When members announced that they receive and send nothing."""
        known = len(self.emcon), frozen
        if self._silent is None or self._silent[0] != known:
            self._silent = known, announced(line.shelf, frozen, self.emcon)
        return self._silent[1]

    def _is_open(self, line: Line, place: Place, frozen: FrozenLogs) -> bool:
        rungs = self._ladder(line, place, frozen)
        if _waits(line, rungs):
            return True
        audience = self.open.pop(place, 0) or self.answers.pop(place, 0)
        self._ladders.pop(place, None)
        if any(reader.first(Rung.DECLINED) is not None for reader in rungs.readers):
            self.declined[place] = audience
            if len(self.declined) > DECLINED_MAX:
                del self.declined[next(iter(self.declined))]
        self.changed = True
        return False

    def ours(self, line: Line, frozen: FrozenLogs, waiting: Sequence[Ladder]) -> list[Ladder]:
        """Of the matters that wait, those that we opened, and our last ones that were declined:
        what the silence of another is judged by."""
        places = [place for place in self.declined if place.log.member == line.me]
        declined = [self._made(line, place, frozen) for place in places]
        return [rungs for rungs in waiting if rungs.place.log.member == line.me] + declined

    def _ladder(self, line: Line, place: Place, frozen: FrozenLogs) -> Ladder:
        rungs = self._ladders.get(place)
        if rungs is None:
            if len(self._ladders) >= 2 * LOOKED_AT_MAX:
                self._ladders.clear()
            rungs = self._ladders[place] = self._made(line, place, frozen)
        return rungs

    def _made(self, line: Line, place: Place, frozen: FrozenLogs) -> Ladder:
        statements = self.statements(line, frozen)
        return ladder(line.shelf, line.charter, place, frozen, statements)

    def frozen(self, station: Station, line: Line) -> FrozenLogs:
        """The logs that a proven accusation has frozen, or that end by a revocation."""
        self._glance(line)
        ends = ends_of_revoked(station, line)
        if self._stale or ends != self._ends:
            self._stale, self._ends = False, ends
            self._frozen = frozen_logs(line.shelf, _Prover(station, line), ends)
            self._ladders.clear()
            self._done = False
            indices = {
                log: frozen.index if frozen.end is None else min(frozen.index, frozen.end)
                for log, frozen in self._frozen.items()
            }
            if indices != self.indices:  # what counts has changed: all is read again
                self.indices, self.scanned, self.serials = indices, {}, {}
                self.open, self.answers, self.referred, self.declined = {}, {}, {}, {}
                self.unwatched, self.gaps, self.emcon = 0, [], []
        return self._frozen

    def forget_verdicts(self) -> None:
        """A card has changed: accusations are checked again."""
        self._stale = True

    # --- keeping ---

    def encode(self) -> bytes:
        """What ``decode_folds`` reads."""
        state = {
            "format": FORMAT,
            "scanned": [[*_log(log), size] for log, size in self.scanned.items()],
            "serials": [[*_log(log), serial] for log, serial in self.serials.items()],
            "indices": [[*_log(log), index] for log, index in self.indices.items()],
            "open": _by_log(self.open),
            "answers": _by_log(self.answers),
            "referred": _by_log(dict.fromkeys(self.referred, 0)),
            "declined": _by_log(self.declined),
            "unwatched": self.unwatched,
            "formed": [[*_log(log), size] for log, size in self.formed.scanned.items()],
            "forms": _by_log(dict.fromkeys(self.formed.known, 0)),
            "emcon": [[*_log(place.log), place.index] for place in self.emcon],
            "gaps": [
                [*_log(gap.place.log), gap.place.index, gap.expected, gap.found]
                for gap in self.gaps
            ],
        }
        return json.dumps(state, separators=(",", ":")).encode()


def decode_folds(data: bytes | None) -> Folds:
    """The state that was kept. Anything else is nothing: it can all be derived again."""
    try:
        state = json.loads(data or b"{}")
        return _decoded(state) if state.get("format") == FORMAT else Folds()
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return Folds()


def _decoded(state: dict[str, Any]) -> Folds:
    return Folds(
        scanned={_read_log(row): row[3] for row in state["scanned"]},
        serials={_read_log(row): row[3] for row in state["serials"]},
        indices={_read_log(row): row[3] for row in state["indices"]},
        open=_places(state["open"]),
        answers=_places(state["answers"]),
        referred=dict.fromkeys(_places(state["referred"])),
        declined=_places(state["declined"]),
        unwatched=state["unwatched"],
        formed=Formed(
            {_read_log(row): row[3] for row in state["formed"]},
            dict.fromkeys(_places(state["forms"])),
        ),
        emcon=[Place(_read_log(row), row[3]) for row in state["emcon"]],
        gaps=[SerialGap(Place(_read_log(row), row[3]), row[4], row[5]) for row in state["gaps"]],
    )


def _by_log(places: dict[Place, int]) -> list[list[Any]]:
    """Each log once, with the index and audience of each place in it."""
    found: dict[LogId, list[int]] = {}
    for place, audience in places.items():
        found.setdefault(place.log, []).extend((place.index, audience))
    return [[*_log(log), flat] for log, flat in found.items()]


def _places(rows: list[list[Any]]) -> dict[Place, int]:
    found = {}
    for row in rows:
        log, flat = _read_log(row), row[3]
        for at in range(0, len(flat), 2):
            found[Place(log, flat[at])] = flat[at + 1]
    return found


def _log(log: LogId) -> tuple[int, int, str]:
    return log.member, log.k, log.life.hex()


def _read_log(row: list[Any]) -> LogId:
    return LogId(row[0], row[1], bytes.fromhex(row[2]))


def _sizes(line: Line) -> tuple[tuple[LogId, int], ...]:
    return tuple((log.id, log.size) for log in line.logs.values())


def _answers(leaf: Leaf) -> bool:
    """Whether a dispatch is an answer, and so calls for none."""
    try:
        return Relation.ANSWERS in decode_relations(leaf.extra, len(leaf.refs))
    except PeerError:
        return False  # void: the ladder says so


def _receipted(rungs: Ladder) -> bool:
    """Whether all readers hold it: then only an entry that refers to it changes its ladder."""
    return all(reader.received is not None for reader in rungs.readers)


def _held(line: Line, place: Place, audience: int) -> bool:
    """Whether every other party it is addressed to has stated that it holds it."""
    wanted = sum(
        1 << one.number
        for one in line.charter.members
        if one.role == "party" and audience >> one.number & 1 and one.number != place.log.member
    )
    for log in line.logs.values():
        if wanted >> log.id.member & 1 and log.stated.get(place.log, 0) > place.index:
            wanted &= ~(1 << log.id.member)
    return not wanted


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
