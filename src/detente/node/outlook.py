"""What a watch asks of a line first: what waits for whom, the link tests, the bearers, what is
queued and since when, and how far the history is safe from a quantum computer.

Values only, and beside ``views.line_status``: these need the store and the links as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from detente.core.contested import FrozenLogs
from detente.core.extras import Rung, Stater
from detente.core.identity import author_name
from detente.core.leaf import Precedence
from detente.core.line import Line
from detente.dossiers.deadlines import Missing, asked_of, overdue_of
from detente.dossiers.emcon import Spans, whole
from detente.dossiers.ladder import Ladder
from detente.dossiers.linktest import Outcome, Result, results
from detente.node import courier
from detente.node.opening import clock
from detente.node.places import entry_word, log_word, place_word
from detente.node.real_world import Ends
from detente.node.views import name_of, word

if TYPE_CHECKING:
    from detente.node.live import Live
    from detente.node.node import Node

SHOWN_MAX = 50  # open matters in one answer: the most urgent
TURNS_BACK = 4  # turns of the link test that are looked at


def outlook(node: Node, line: Line, now_s: int) -> dict[str, Any]:
    """What waits on a line, and what it rests on. Times in seconds since the epoch."""
    folds = node.folds(line)
    frozen = folds.frozen(node.station, line)
    ladders = folds.open_ladders(line, frozen)
    silent = folds.silent(line, frozen)
    return {
        "waiting": _waiting(line, ladders),
        "late": _late(line, ladders, now_s, silent),
        "link_tests": _tests(line, frozen, now_s, silent),
        "emcon": node.emcon.view(line),
        "queued_since_s": min((row.submitted_s for row in line.queue.rows.values()), default=None),
        **_bearers(node, line, now_s),
        "couriers": _couriers(node, line),
        "quantum": _quantum(node, line),
        "clock": _clock(node),
        **_drill(node, line, frozen),
        "answer_within_s": {
            Precedence(number).name: within_s
            for number, within_s in enumerate(line.charter.answer_within_s)
        },
    }


def _waiting(line: Line, ladders: Sequence[Ladder]) -> list[dict[str, Any]]:
    """What others sent that waits for us: the highest precedence first, and the oldest of it."""
    found = []
    for rungs in ladders:
        ours = rungs.reader(line.me)
        if ours is None or not rungs.stands or ours.answered or ours.received is None:
            continue
        seen = next((one for one in ours.steps if one.stated_by is not Stater.NODE), None)
        read_back = ours.first(Rung.READ_BACK)
        calls = ours in asked_of(line.charter, rungs) and not rungs.answers
        within_s = line.charter.answer_within_s[rungs.precedence]
        found.append(
            _matter(line, rungs)
            | {
                "received_s": ours.received.at_s,
                "seen_s": None if seen is None else seen.at_s,
                "read_back_s": None if read_back is None else read_back.at_s,
                "due_s": ours.received.at_s + within_s if calls else None,
            }
        )
    found.sort(key=lambda one: (-Precedence[one["precedence"]], one["sent_s"]))
    return found[:SHOWN_MAX]


def _matter(line: Line, rungs: Ladder) -> dict[str, Any]:
    return {
        "place": place_word(rungs.place),
        "entry": entry_word(line.shelf.entry(*rungs.place)),
        "author": name_of(line, rungs.place.log.member),
        "mine": rungs.place.log.member == line.me,
        "precedence": Precedence(rungs.precedence).name,
        "sent_s": rungs.sent_s,
    }


def _late(
    line: Line, ladders: Sequence[Ladder], now_s: int, silent: Mapping[int, Spans]
) -> list[dict[str, Any]]:
    """What is overdue and by whom, the longest overdue first."""
    found = [
        _matter(line, rungs)
        | {
            "by": name_of(line, late.member),
            "by_us": late.member == line.me,
            "missing": late.missing.value,
            "due_s": late.due_s,
        }
        for rungs in ladders
        for late in overdue_of(line.charter, rungs, now_s, silent)
        # A receipt of ours is our node's business, and it states it as soon as it can.
        if not (late.member == line.me and late.missing is Missing.RECEIPT)
    ]
    return sorted(found, key=itemgetter("due_s", "place"))[:SHOWN_MAX]


def _tests(
    line: Line, frozen: FrozenLogs, now_s: int, silent: Mapping[int, Spans]
) -> list[dict[str, Any]]:
    """The last turns of the link test and what became of each, but for those that a member could
    not send or answer, being receive-only as it had announced."""
    from_s = now_s - TURNS_BACK * line.charter.test_every_s
    return [
        {
            "by": name_of(line, found.slot.member),
            "by_us": found.slot.member == line.me,
            "start_s": found.slot.start_s,
            "end_s": found.slot.end_s,
            "outcome": word(found.outcome),
            "late": [name_of(line, member) for member in found.late],
        }
        for found in results(line.shelf, line.charter, max(0, from_s), now_s, frozen)
        if found.outcome is not Outcome.AHEAD and not _excused(found, silent)
    ]


def _excused(found: Result, silent: Mapping[int, Spans]) -> bool:
    missing = (found.slot.member,) if found.outcome is Outcome.MISSED else found.late
    slot = found.slot
    return bool(missing) and all(
        any(one.from_s < slot.end_s and slot.start_s < one.until_s for one in spans)
        for member in missing
        for spans in [whole(silent.get(member, ()))]
    )


def _bearers(node: Node, line: Line, now_s: int) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The ways to each member, by its number: those that are up, and those that are not."""
    up: dict[str, list[dict[str, Any]]] = {}
    down: dict[str, list[dict[str, Any]]] = {}
    for member in line.charter.members:
        if member.number == line.me or node.links is None:
            continue
        lives = node.links.linked(member.party)
        up[str(member.number)] = [_live(live, now_s) for live in lives]
        known = {(live.link.bearer, live.way) for live in lives}
        down[str(member.number)] = [
            {"bearer": kind, "where": where, "heard_s": _wall_s(heard_s, now_s)}
            for kind, where in node.ways_to(member.party)
            if (kind, way := where if kind == "serial" else "") not in known
            for heard_s in [node.links.last_sign_s.get((member.party, kind, way))]
        ]
    return {"bearers": up, "bearers_down": down}


def _live(live: Live, now_s: int) -> dict[str, Any]:
    found = live.link.measured()
    trip_s, lost = found.round_trip_s, found.lost
    return {
        "bearer": live.link.bearer,
        "where": live.way,
        "since_s": _wall_s(live.since_s, now_s),
        "queued_bytes": live.link.queued_bytes() + live.waiting_bytes,
        "rate_bits_per_s": found.bits_per_s,
        "round_trip_ms": None if trip_s is None else round(1000 * trip_s),
        "lost_percent": None if lost is None else round(100 * lost, 1),
        "heard_s": _wall_s(live.last_sign_s(), now_s),
    }


def _wall_s(at_s: float | None, now_s: int) -> int | None:
    return None if at_s is None else now_s - int(time.monotonic() - at_s)


def _couriers(node: Node, line: Line) -> dict[str, dict[str, Any]]:
    """When the last file was written for each member and taken from it, where there was one."""
    found = {}
    for member in line.charter.members:
        if member.number != line.me:
            written_s, taken_s = courier.last_files(node, line, member.party)
            if written_s is not None or taken_s is not None:
                found[str(member.number)] = {"written_s": written_s, "taken_s": taken_s}
    return found


def _drill(node: Node, line: Line, frozen: FrozenLogs) -> dict[str, Any]:
    """Whether what is said here is an exercise: the charter's word until REAL-WORLD ends it."""
    last = node.drill_ends.setdefault(line.id, Ends()).last(line, frozen)
    ended = None
    if last is not None and last.leaf is not None:
        ended = {
            "entry": entry_word(last),
            "place": place_word(last.place),
            "by": name_of(line, last.place.log.member),
            "time_s": last.leaf.time_s,
        }
    return {
        "drill": line.charter.drill and ended is None,
        "drill_line": line.charter.drill,
        "real_world": ended,
    }


def _clock(node: Node) -> dict[str, Any]:
    """How good our own clock is by our own word, which is what the others are told."""
    return {"error_s": clock(node.home).error_s, "source": node.home.config.clock_source}


def _quantum(node: Node, line: Line) -> list[dict[str, Any]]:
    """How far each log is signed by its author with ML-DSA: what lies below cannot be forged
    later, whatever becomes of Ed25519 (design §4, promise 4)."""
    found = []
    for log in sorted(line.logs.values(), key=lambda one: one.id):
        party = line.party_of(log.id.member)
        if party is None or not log.size:
            continue
        size = min(log.size, node.store.signed_up_to(line.id, log.id, author_name(party)))
        last = line.shelf.entry(log.id, size - 1) if size else None
        found.append(
            {
                "log": log_word(log.id),
                "by": name_of(line, log.id.member),
                "size": size,
                "of": log.size,
                "entry": None if last is None else entry_word(last),
            }
        )
    return found
