"""What needs geodesy of notices: places as people here write them, read-backs, notices that meet.

None of it enters a fold (spec/places.md §4): it is worked out where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Final

from detente.core.errors import LocalError
from detente.dossiers import grids, shapes
from detente.dossiers.geometry import AsSent, AsWritten
from detente.dossiers.notices import Answered, Given, State
from detente.dossiers.overlap import Activity, conflict
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


def meetings(given: Sequence[Given]) -> Iterator[tuple[Given, Given, dict[str, Any]]]:
    """Every two standing notices that meet in area, time and height, or may: nobody can tell."""
    standing = [one for one in given if one.stands and one.state is not State.EXPIRED]
    placed = [(one, activity_of(one)) for one in standing[-MEETING_MAX:]]
    for (one, first), (other, second) in combinations(placed, 2):
        if first is None or second is None:
            continue
        met = conflict(first, second)
        if met is not None:
            facts = {
                "start_s": met.start_s,
                "end_s": met.end_s,
                "gap_m": met.gap_m,
                "heights_known": met.heights_known,
            }
            yield one, other, facts
