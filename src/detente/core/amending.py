"""The charter in force for us: read from what is final in the transcript (spec/decisions.md §6).

It is looked at when a seal, or a `seen` that may make one final, has come, and before anything is
said, so that an entry is bound by all that its causal past holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from detente.core.charter import Charter
from detente.core.decisions import State, charter_in_force, state_of_offer
from detente.core.errors import LocalError
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind
from detente.core.station import Line, Station, Step
from detente.core.transcript import Place

EVERY_MS = 10  # per offer on the line, so that a flood of offers costs no more than its share
LATE_S = 7 * 86_400  # so long after its expiry, covers from before it may still arrive


def charter_for(station: Station, line: Line) -> Charter:
    """The charter in force by all that is held here. LocalError CONTEXT_INCOMPLETE while the text
    of an amendment is missing."""
    return charter_in_force(line.shelf, line.founding, frozen=frozen_logs(station, line))


def refresh_charter(step: Step, line: Line) -> None:
    """Takes the charter in force over: its members, roles, deadlines and quotas.

    A member who has left gets nothing new; it keeps what it has.
    """
    offers = line.shelf.of_kind((Kind.OFFER,))
    line.charter_due = False
    line.charter_next_ms = step.now.steady_ms + EVERY_MS * len(offers)
    line.sealing = _is_sealing(step, line, offers)
    try:
        charter = charter_for(step.station, line)
    except LocalError as error:
        line.sealing = True
        step.tell("charter-incomplete", line, detail=error.detail)
        return
    if charter == line.charter:
        return
    line.charter = charter
    line.left = charter.member(line.me) is None
    line.greet_due = True
    step.tell("charter", line, number=charter.number)
    for session in list(line.sessions.values()):
        if line.left or charter.member(session.member) is None:
            del line.sessions[session.link]
            link = step.station.links[session.link]
            link.lines = {ours: id_ for ours, id_ in link.lines.items() if id_ != line.id}
            step.tell("left", line, member=session.member)


def _is_sealing(step: Step, line: Line, offers: Sequence[Place]) -> bool:
    """Whether a seal still waits for covers, or for what it rests on."""
    pending = (State.SEALED, State.INCOMPLETE)
    return any(
        state_of_offer(line.shelf, place, step.now.wall_s - LATE_S).state in pending
        for place in offers
    )
