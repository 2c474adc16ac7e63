"""The charter in force for us: read from what is final in the transcript (spec/decisions.md §6).

It is looked at when a seal, or a `seen` that may make one final, has come, and before anything is
said, so that an entry is bound by all that its causal past holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detente.core.body import unpack
from detente.core.charter import Charter, parse_charter
from detente.core.contested import ends_of
from detente.core.decisions import State, state_of_offer
from detente.core.errors import LocalError, PeerError
from detente.core.events import Draft, StoreState
from detente.core.freezing import frozen_logs
from detente.core.judging import LATE_S, want_bodies
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.station import Station, Step
from detente.core.succession import Amended, charter_chain, missing_texts
from detente.core.transcript import Place

EVERY_MS = 10  # per offer on the line, so that a flood of offers costs no more than its share
DAY_S = 86_400


def charters_of(station: Station, line: Line) -> Iterator[Amended]:
    """Every charter in force in turn, by all that is held here. LocalError CONTEXT_INCOMPLETE
    where the text of an amendment is missing."""
    return charter_chain(line.shelf, line.founding, frozen=frozen_logs(station, line))


def charter_kept(station: Station, line: Line) -> Charter:
    """The charter in force at a start; the last one known while an amendment is incomplete."""
    charter = line.founding
    try:
        for amended in charters_of(station, line):
            charter = amended.charter
            admit(line, amended)
    except LocalError:
        return charter
    return charter


def admit(line: Line, amended: Amended) -> None:
    """Notes from which day on each member that an amendment names may have spoken."""
    leaf = None if amended.seal is None else line.shelf.entry(*amended.seal).leaf
    if leaf is None:
        return
    for member in amended.charter.members:
        if line.founding.member(member.number) is None:
            line.admitted.setdefault(member.number, leaf.time_s // DAY_S)


def is_final(station: Station, line: Line, place: Place) -> bool:
    """Whether an offer is final by all that is held here: its text is then for every member."""
    frozen = frozen_logs(station, line)
    return state_of_offer(line.shelf, place, 0, frozen=frozen).state is State.FINAL


def all_named(line: Line, draft: Draft) -> int:
    """The mask of whom a statement about the record may be addressed to: all members, and of an
    offer those too whom its text would make members."""
    everyone = line.everyone()
    if draft.kind != Kind.OFFER or draft.body is None:
        return everyone
    try:
        return everyone | parse_charter(unpack(draft.body)).everyone()
    except PeerError:
        return everyone


def refresh_charter(step: Step, line: Line) -> None:
    """Takes the charter in force over: its members, roles, deadlines and quotas.

    A member who has left gets nothing new; it keeps what it has.
    """
    offers = line.shelf.of_kind((Kind.OFFER,))
    line.charter_due = False
    line.charter_next_ms = step.now.steady_ms + EVERY_MS * len(offers)
    line.sealing = _is_sealing(step, line, offers)
    charter = line.founding
    try:
        for amended in charters_of(step.station, line):
            charter = amended.charter
            admit(line, amended)
    except LocalError as error:
        line.sealing = True
        want_texts(step, line)
        step.tell("charter-incomplete", line, detail=error.detail)
        return
    if charter != line.charter:
        take_over(step, line, charter)


def want_texts(step: Step, line: Line) -> None:
    """Asks for the texts of final amendments that were not addressed to us: from before we joined,
    any member gives them to any other (spec/charter.md §5.1)."""
    frozen = frozen_logs(step.station, line)
    for log_id, index in missing_texts(line.shelf, frozen=frozen):
        log = line.logs[log_id]
        if index not in log.missing:
            log.missing[index] = step.now.wall_s
            line.ask_anew()
            step.out.append(StoreState(line.id, log.id, log.encode()))
            for session in line.greeted():
                want_bodies(step, line, session, log)


def take_over(step: Step, line: Line, charter: Charter) -> None:
    """From now on this charter is in force here."""
    line.charter = charter
    line.left = charter.member(line.me) is None
    line.greet_due = True
    step.tell("charter", line, number=charter.number)
    for session in list(line.sessions.values()):
        if line.left or charter.member(session.member) is None:
            del line.sessions[session.link]
            step.tell("left", line, member=session.member)


def _is_sealing(step: Step, line: Line, offers: Sequence[Place]) -> bool:
    """Whether a seal still waits for covers, or for what it rests on; or for the covers by which
    what lies behind a freeze, or the end of a revoked log, may yet come to stand."""
    pending, now_s = (State.SEALED, State.INCOMPLETE), step.now.wall_s - LATE_S
    frozen = frozen_logs(step.station, line)
    ends = ends_of(line.shelf, frozen)

    def waits(place: Place) -> bool:
        found = state_of_offer(line.shelf, place, now_s, frozen=frozen, ends=ends)
        if found.state in pending or not frozen:
            return found.state in pending
        first = state_of_offer(line.shelf, place, now_s)
        if found.state is State.FINAL:
            return first.seal != found.seal  # an earlier one may come to stand, and then counts
        return first.state in (*pending, State.FINAL)

    return any(map(waits, offers))
