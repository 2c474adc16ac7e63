"""When parties said that they receive and send nothing: EMCON (spec/ladder.md §6.1).

Announced and signed, it is no silence and no fault: what cannot be receipted meanwhile is late only
afterwards. It is never proof of reading, and bounded: who announces it for ever is excused for
RECEIVE_ONLY_S_MAX.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.extras import decode_receive_only
from detente.core.leaf import Kind
from detente.core.limits import RECEIVE_ONLY_S_MAX
from detente.core.transcript import Place, Transcript
from detente.dossiers.fold import counts


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when at most a member sends nothing over these bearers, 0 for all of them;
    ``place`` announces it, of several in a row the last. Times in UTC seconds."""

    from_s: int
    until_s: int
    bearers: int
    place: Place


Spans = Sequence[Span]
NOBODY: Mapping[int, Spans] = MappingProxyType({})


def announced(
    transcript: Transcript,
    frozen: FrozenLogs = NOTHING_FROZEN,
    places: Iterable[Place] | None = None,
) -> dict[int, tuple[Span, ...]]:
    """What each member announced, in order. Each announcement stands until the member's next one,
    begins no earlier than it was made, and is cut where it would excuse for too long. Who knows
    the ``places`` of all announcements need not look through every duty."""
    said: dict[int, list[tuple[int, Span]]] = {}
    for place in transcript.of_kind((Kind.DUTY,)) if places is None else places:
        leaf = transcript.entry(*place).leaf
        if leaf is None or not counts(transcript, place, frozen):
            continue
        found = decode_receive_only(leaf.extra)
        if found is not None:
            begin_s = max(found.from_s, leaf.time_s)
            span = Span(begin_s, found.until_s, found.bearers, place)
            said.setdefault(place.log.member, []).append((leaf.time_s, span))
    return {member: _spans(sorted(rows, key=_by_place)) for member, rows in said.items()}


def _by_place(row: tuple[int, Span]) -> Place:
    return row[1].place


def _spans(rows: Sequence[tuple[int, Span]]) -> tuple[Span, ...]:
    """One after another: what is announced on end counts as one, from its beginning."""
    found: list[Span] = []
    for number, (_, span) in enumerate(rows):
        stands_s = rows[number + 1][0] if number + 1 < len(rows) else span.until_s
        until_s = min(span.until_s, stands_s)
        last = found[-1] if found else None
        if last is not None and last.bearers == span.bearers and span.from_s <= last.until_s:
            longer_s = max(until_s, last.until_s)
            found[-1] = replace(last, until_s=longer_s, place=span.place)
        elif until_s > span.from_s:
            found.append(replace(span, until_s=until_s))
    return tuple(
        replace(one, until_s=min(one.until_s, one.from_s + RECEIVE_ONLY_S_MAX)) for one in found
    )


def whole(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Those in which nothing is sent at all: they alone excuse."""
    return tuple(span for span in spans if not span.bearers)


def span_at(spans: Iterable[Span], now_s: int, grace_s: int = 0) -> Span | None:
    """The one that holds at a time, or else ended less than ``grace_s`` ago; not at its very end.
    They are in order: a later one has begun since."""
    begun = [one for one in spans if one.from_s <= now_s < one.until_s + grace_s]
    return begun[-1] if begun else None


def begins_s(spans: Iterable[Span], start_s: int, within_s: int) -> int:
    """From when something may take ``within_s`` that could be done from ``start_s`` on: where that
    time meets a span it runs from the span's end, and in all at most RECEIVE_ONLY_S_MAX later."""
    begin_s = start_s
    for span in whole(spans):
        if span.from_s <= begin_s + within_s and begin_s < span.until_s:
            begin_s = span.until_s
    return min(begin_s, start_s + RECEIVE_ONLY_S_MAX)
