"""What needs geodesy of notices: places as people here write them, read-backs, notices that meet.

None of it enters a fold (spec/places.md §4): it is worked out where it is shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from detente.core.errors import LocalError
from detente.core.transcript import Place
from detente.dossiers import grids, shapes
from detente.dossiers.geometry import AsSent, AsWritten
from detente.dossiers.notices import Answered, Given, State
from detente.dossiers.overlap import Activity, Conflict, conflict
from detente.dossiers.profile import GEOMETRIES
from detente.dossiers.readback import compare

AS_SENT: Final = AsSent()
AS_WRITTEN: Final = AsWritten(grids.read)
MEETING_MAX = 200  # standing notices compared with one another, the latest


def differences(one: Given, answer: Answered) -> list[dict[str, Any]]:
    """What an answer read back otherwise than it was given, each with how: a place within the
    tolerance of spec/places.md §6 is the same."""
    found = []
    for name, said in answer.said.items():
        field, given = one.profile.fields.get(name), one.checked.values.get(name)
        what = "words"
        if field is not None and given is not None and field.type in GEOMETRIES:
            try:
                mismatch = compare(shapes.read(given.text), shapes.read(said))
            except LocalError:
                what = "shape"
            else:
                if mismatch is None:
                    continue
                what = mismatch.what
        found.append({"field": name, "said": said, "what": what})
    return found


def activity_of(one: Given) -> Activity | None:
    """Where and when a notice applies; None for one without place or time."""
    places, band = [], None
    for value in one.checked.values.values():
        try:
            found = shapes.read(value.text)
        except LocalError:
            continue  # a value of another kind
        if isinstance(found, shapes.Band):
            band = found
        else:
            places.append(found)
    start_s = one.checked.times.valid_from_s
    if start_s is None or not places:
        return None
    return Activity(tuple(places), start_s, one.checked.times.valid_until_s, band)


@dataclass
class Meetings:
    """Which notices of one line meet. A pair is compared once: a notice never changes."""

    known: dict[tuple[Place, Place], Conflict | None] = field(default_factory=dict)

    def measure(self, given: Sequence[Given], budget_s: float) -> int:
        """Compares pairs that nobody has compared yet; gives how many are left."""
        until_s, left = time.monotonic() + budget_s, 0
        pairs = list(_pairs(given))
        wanted = {(one.place, other.place) for one, other in pairs}
        self.known = {key: met for key, met in self.known.items() if key in wanted}
        activities: dict[Place, Activity | None] = {}
        for one, other in pairs:
            if (one.place, other.place) in self.known:
                continue
            if time.monotonic() > until_s:
                left += 1
                continue
            for each in (one, other):
                if each.place not in activities:
                    activities[each.place] = activity_of(each)
            first, second = activities[one.place], activities[other.place]
            met = None if first is None or second is None else conflict(first, second)
            self.known[one.place, other.place] = met
        return left

    def found(self, given: Sequence[Given]) -> Iterator[tuple[Given, Given, dict[str, Any]]]:
        """Every two standing notices that meet in area, time and height, or may: nobody can
        tell; as far as they were compared."""
        for one, other in _pairs(given):
            met = self.known.get((one.place, other.place))
            if met is not None:
                facts = {
                    "start_s": met.start_s,
                    "end_s": met.end_s,
                    "gap_m": met.gap_m,
                    "heights_known": met.heights_known,
                }
                yield one, other, facts


def _pairs(given: Sequence[Given]) -> Iterator[tuple[Given, Given]]:
    standing = [one for one in given if one.stands and one.state is not State.EXPIRED]
    return combinations(standing[-MEETING_MAX:], 2)
