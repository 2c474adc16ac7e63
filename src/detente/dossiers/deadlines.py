"""Whose receipt or answer is overdue, by the charter's deadlines (spec/ladder.md §5).

The charter gives each precedence its time. Deadlines are computed from what both sides hold, so
both screens show the same entry as unanswered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter

from detente.core.charter import Charter
from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.leaf import Kind
from detente.core.transcript import Place, Transcript
from detente.dossiers.emcon import NOBODY, Spans, announced, begins_s
from detente.dossiers.ladder import Ladder, Reader, ladder

CALLING = (Kind.DISPATCH, Kind.ACCIDENT)  # kinds that call for an answer


class Missing(Enum):
    """What has not come in time."""

    RECEIPT = "receipt"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Overdue:
    """An entry for which a member has not done what the charter gives it until ``due_s`` to do."""

    place: Place
    member: int
    missing: Missing
    due_s: int


def asked_of(charter: Charter, rungs: Ladder) -> tuple[Reader, ...]:
    """The readers that an entry calls on: its parties; a mediator where it has no party to read."""
    roles = {member.number: member.role for member in charter.members}
    parties = tuple(one for one in rungs.readers if roles.get(one.member) == "party")
    return parties or tuple(one for one in rungs.readers if roles.get(one.member) == "mediator")


def overdue_of(
    charter: Charter, rungs: Ladder, now_s: int, silent: Mapping[int, Spans] = NOBODY
) -> tuple[Overdue, ...]:
    """Whose receipt of one entry, or answer to it, is overdue at ``now_s`` (spec/ladder.md §5).

    The charter's time for an answer, by precedence, runs from the receipt; the same time from the
    sending is what a receipt may take. What its author no longer stands by is never overdue, and
    an answer calls for no answer. ``silent`` says when members announced that they send nothing.
    """
    within_s = charter.answer_within_s[rungs.precedence]
    found = []
    for reader in asked_of(charter, rungs) if rungs.stands else ():
        if reader.answered:
            continue
        missing, start_s = Missing.RECEIPT, rungs.sent_s
        if reader.received is not None:
            missing, start_s = Missing.ANSWER, reader.received.at_s
            if rungs.answers:
                continue
        due_s = begins_s(silent.get(reader.member, ()), start_s, within_s) + within_s
        if now_s > due_s:
            found.append(Overdue(rungs.place, reader.member, missing, due_s))
    return tuple(found)


def overdue(
    transcript: Transcript, charter: Charter, now_s: int, frozen: FrozenLogs = NOTHING_FROZEN
) -> tuple[Overdue, ...]:
    """All that is overdue at ``now_s``, the longest overdue first. Reads every dispatch.

    A node that keeps the places still open asks ``overdue_of`` for each of them instead.
    """
    silent = announced(transcript, frozen)
    found = [
        late
        for place in transcript.of_kind(CALLING)
        for late in overdue_of(charter, ladder(transcript, charter, place, frozen), now_s, silent)
    ]
    return tuple(sorted(found, key=attrgetter("due_s", "place", "member")))
