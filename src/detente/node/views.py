"""What people can see of a line: entries with their ladders, and the state of everyone on it.

Values only; words in three languages are the desk's and the CLI's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from detente.core.contested import FrozenLogs
from detente.core.errors import PeerError
from detente.core.extras import decode_relations
from detente.core.leaf import Kind, Leaf, Precedence
from detente.core.line import Line
from detente.core.station import Station
from detente.core.transcript import Entry, Place
from detente.dossiers.deadlines import overdue_of
from detente.dossiers.dispatch import CODECS, BodyState, Dispatch, open_body
from detente.dossiers.emcon import NOBODY, Spans, span_at, whole
from detente.dossiers.fold import Standing, standing
from detente.dossiers.ladder import Ladder, ladder, legal_receipt
from detente.dossiers.linktest import last_test, next_slot
from detente.dossiers.presence import Observation, Source, presence
from detente.dossiers.receipts import Statements
from detente.node.attachments import attachments_view
from detente.node.emcon import announced_view
from detente.node.folds import Folds
from detente.node.places import entry_word, log_word, place_word
from detente.node.walking import walk

MESSAGES = frozenset({Kind.DISPATCH, Kind.ACCIDENT, Kind.TRANSLATION, Kind.TEST})
LOOKED_THROUGH_MAX = 20_000  # entries that one answer reads back


def word(value: Any) -> str:
    """An enum's name as commands and pages spell it."""
    return str(value.name).lower().replace("_", "-")


def name_of(line: Line, member: int) -> str:
    """A member's name in the charter, or its number if it is gone."""
    found = line.charter.member(member)
    return str(member) if found is None else found.name


def entry_view(
    line: Line,
    entry: Entry,
    now_s: int,
    frozen: FrozenLogs,
    statements: Statements | None = None,
    silent: Mapping[int, Spans] = NOBODY,
) -> dict[str, Any]:
    """One entry as people see it: header, body, ladder. ``statements`` as of ``ladder``, ``silent``
    as of ``overdue_of``."""
    leaf = entry.leaf
    stand = standing(line.shelf, entry.place, frozen)
    view: dict[str, Any] = {
        "entry": entry_word(entry),
        "place": place_word(entry.place),
        "line": line.id.hex(),
        "hash": entry.hash.hex(),
        "author": {
            "number": entry.place.log.member,
            "name": name_of(line, entry.place.log.member),
        },
        "mine": entry.place.log.member == line.me,
        "standing": word(stand),
        "contested": stand is not Standing.COUNTED,
    }
    if leaf is None:
        return view | {"kind": "void", "drill": line.charter.drill}
    view |= {
        "kind": _kind(leaf.kind),
        "precedence": Precedence(leaf.precedence).name,
        "drill": leaf.drill,
        "time_s": leaf.time_s,
        "clock_error_s": leaf.clock_error_s,
        "audience": [m.name for m in line.charter.members if leaf.reads(m.number)],
        "refs": [_ref(line, ref) for ref in leaf.refs],
        "relations": _relations(line, leaf),
        "release": None if leaf.release is None else leaf.release.hex(),
        "context_incomplete": _lacks_context(line, entry),
    }
    view |= _body(line, entry)
    view |= attachments_view(line, entry) if leaf.attached else {}
    if leaf.kind in MESSAGES:
        rungs = ladder(line.shelf, line.charter, entry.place, frozen, statements)
        view |= _ladder(line, rungs, now_s, silent)
    return view


def _kind(kind: int) -> str:
    try:
        return word(Kind(kind))
    except ValueError:
        return f"unknown-{kind}"


def _relations(line: Line, leaf: Leaf) -> list[dict[str, str]]:
    """What a dispatch says it is to each entry it names; nothing for other kinds."""
    if leaf.kind not in (Kind.DISPATCH, Kind.ACCIDENT):
        return []
    try:
        found = decode_relations(leaf.extra, len(leaf.refs))
    except PeerError:
        return []
    named = zip(found, leaf.refs, strict=True)
    return [{"relation": word(one), "entry": _ref(line, ref)} for one, ref in named]


def _ref(line: Line, ref: bytes) -> str:
    place = line.shelf.find(ref)
    return ref.hex() if place is None else entry_word(line.shelf.entry(*place))


def _lacks_context(line: Line, entry: Entry) -> bool:
    """Whether something that this entry itself says it had seen, or names, is not here."""
    leaf = entry.leaf
    if leaf is None:
        return False
    if any(line.shelf.size(seen.log) < seen.size for seen in leaf.seen):
        return True
    return any(line.shelf.find(ref) is None for ref in leaf.refs)


def _body(line: Line, entry: Entry) -> dict[str, Any]:
    leaf = entry.leaf
    if leaf is None or leaf.kind not in CODECS:
        return {"body_state": "none"}
    opened = open_body(entry)
    state = opened.state.value
    if opened.state is BodyState.HERE:
        state = "open"
    elif opened.state is BodyState.ABSENT:
        state = "missing" if leaf.reads(line.me) else "not-addressed-to-us"
    shown: dict[str, Any] = {"body_state": state}
    body = opened.body
    if body is None:
        return shown
    shown |= {"label": word(body.label), "personal": body.personal, "language": body.language}
    for name in ("subject", "text", "what", "where", "time_s", "persons", "known", "asked"):
        if hasattr(body, name):
            key = "happened_s" if name == "time_s" else name
            shown[key] = getattr(body, name)
    if isinstance(body, Dispatch) or hasattr(body, "dtg_s"):
        shown["dtg_s"] = body.dtg_s
    return shown


def _ladder(line: Line, rungs: Ladder, now_s: int, silent: Mapping[int, Spans]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    legal: dict[str, int | None] = {}
    for reader in rungs.readers:
        name = name_of(line, reader.member)
        receipt = reader.received
        if receipt is not None:
            steps.append(
                {
                    "rung": "received",
                    "member": reader.member,
                    "name": name,
                    "at_s": receipt.at_s,
                    "stated_by": "node",
                    "entry": place_word(receipt.place),
                    "evidence": word(receipt.evidence),
                }
            )
        if reader.holding.lost is not None:
            steps.append(
                {
                    "rung": "lost-in-restore",
                    "member": reader.member,
                    "name": name,
                    "at_s": None,
                    "stated_by": "node",
                    "entry": place_word(reader.holding.lost),
                }
            )
        steps += [
            {
                "rung": word(step.rung),
                "member": step.by,
                "name": name,
                "at_s": step.at_s,
                "stated_by": word(step.stated_by),
                "entry": place_word(step.place),
                "detail": step.detail,
            }
            for step in reader.steps
        ]
        found = legal_receipt(line.charter, reader)
        legal[name] = None if found is None else found.at_s
    overdue = overdue_of(line.charter, rungs, now_s, silent)
    return {
        "ladder": steps,
        "translations": [
            _translation(line, one.place, word(one.grade)) for one in rungs.translations
        ],
        "revisions": [
            {"relation": word(one.relation), "entry": _word_at(line, one.place)}
            for one in rungs.revisions
        ],
        "stands": rungs.stands,
        "legal_receipt": legal,
        "overdue": [
            {"name": name_of(line, one.member), "missing": one.missing.value, "due_s": one.due_s}
            for one in overdue
        ],
        "receive_only": [
            {"name": name_of(line, reader.member), "until_s": span.until_s}
            for reader in rungs.readers
            if reader.received is None
            and (span := span_at(whole(silent.get(reader.member, ())), now_s)) is not None
        ],
        "known_to": {log_word(log): size for log, size in rungs.known_to},
    }


def _word_at(line: Line, place: Place) -> str:
    return entry_word(line.shelf.entry(*place))


def _translation(line: Line, place: Place, grade: str) -> dict[str, Any]:
    entry = line.shelf.entry(*place)
    body = open_body(entry).body
    return {
        "entry": entry_word(entry),
        "grade": grade,
        "by": name_of(line, place.log.member),
        "language": "" if body is None else body.language,
        "text": getattr(body, "text", ""),
    }


def latest(
    line: Line, limit: int, wanted: Callable[[Place], bool], before: object = None
) -> tuple[list[Entry], str]:
    """The last messages that are wanted, oldest first, by the time their authors state; those
    ``before`` an entry or a cursor if one is given (``walking.walk``). With them the cursor of
    what is earlier, empty if nothing is. What one party entered twice is shown once."""
    once: dict[tuple[int, bytes], Entry] = {}
    back = walk(line, before)
    for looked, entry in enumerate(back):
        if entry.leaf is not None and entry.leaf.kind in MESSAGES and wanted(entry.place):
            commitment = entry.leaf.commitment or entry.hash
            # The first of the two stands, as everywhere: it is met last.
            once[entry.place.log.member, commitment] = entry
        if len(once) == limit or looked == LOOKED_THROUGH_MAX:
            break
    found = sorted(once.values(), key=_order)
    # What is remembered of an entry may have a body that was purged since.
    return [line.shelf.entry(*entry.place) for entry in found], back.cursor()


def _order(entry: Entry) -> tuple[int, Place]:
    return (0 if entry.leaf is None else entry.leaf.time_s), entry.place


def line_status(
    station: Station, line: Line, folds: Folds, seen: dict[int, Observation], now_s: int
) -> dict[str, Any]:
    """The state of one line for a person or a program."""
    frozen = folds.frozen(station, line)
    own = line.own
    open_ladders = folds.open_ladders(line, frozen)
    ours = folds.ours(line, frozen, open_ladders)
    silent = folds.silent(line, frozen)
    late = [one for rungs in open_ladders for one in overdue_of(line.charter, rungs, now_s, silent)]
    slot = next_slot(line.charter, line.me, now_s)
    tested = last_test(line.shelf, line.me, frozen)
    tested_leaf = None if tested is None else line.shelf.entry(*tested).leaf
    return {
        "line": line.id.hex(),
        "title": line.charter.title,
        "drill": line.charter.drill,
        "open": line.is_open(),
        "joining": bool(line.joining),
        "left": line.left,
        "mute": line.mute,
        "legal_hold": line.id in station.under_hold,
        "awaits_hello": line.awaits_hello,
        "charter_number": line.charter.number,
        "incarnation": None if line.mine is None else line.mine.k,
        "own_size": 0 if own is None else own.size,
        "queued": len(line.queue.rows),
        "awaiting_release": sum(row.awaits_release for row in line.queue.rows.values()),
        "unreceipted": _unreceipted(line),
        "overdue": len(late),
        "members": [
            _member(line, member.number, seen, ours, now_s, silent)
            for member in line.charter.members
        ],
        "checkpoints": {
            log_word(log.id): {"size": log.size, "root": log.root.hex()}
            for log in sorted(line.logs.values(), key=lambda log: log.id)
            if log.size
        },
        "gaps": [
            {"entry": place_word(gap.place), "expected": gap.expected, "found": gap.found}
            for gap in folds.gaps
        ],
        "unread": folds.unread(line),
        "unwatched": folds.unwatched,
        "frozen": {log_word(log.id): log.frozen for log in line.logs.values() if log.frozen >= 0},
        "next_test_s": None if slot is None else slot.start_s,
        "last_test_s": None if tested_leaf is None else tested_leaf.time_s,
    }


def _unreceipted(line: Line) -> int:
    """Entries of ours that no other log states as held, up to the last that calls for it: what
    only answers a receipt is never receipted, and would have every line at rest look unfinished."""
    own = line.own
    if own is None:
        return 0
    stated = [log.stated.get(own.id, 0) for log in line.logs.values() if log.id.member != line.me]
    return max(0, own.called - max(stated, default=0))


def _member(
    line: Line,
    number: int,
    seen: dict[int, Observation],
    ours: list[Ladder],
    now_s: int,
    silent: Mapping[int, Spans],
) -> dict[str, Any]:
    member = line.charter.member(number)
    assert member is not None  # noqa: S101  # the caller walks the charter's members
    sessions = [s for s in line.sessions.values() if s.member == number and s.greeted]
    own = line.own
    view: dict[str, Any] = {
        "number": number,
        "name": member.name,
        "role": member.role,
        "party": member.party.hex(),
        "me": number == line.me,
        "linked": bool(sessions),
        "mute": any(s.mute for s in sessions),
        "holds_own": max((s.holds.get(own.id, 0) for s in sessions), default=0) if own else 0,
        "logs": {
            log_word(log.id): log.size for log in line.logs.values() if log.id.member == number
        },
    }
    clock = next((s.presence for s in sessions if s.presence is not None), None)
    if clock is not None:
        view["clock"] = {
            "error_s": clock.clock_error_s,
            "source": clock.clock_source,
            "disciplined_s": clock.disciplined_s,
            "sent_s": clock.sent_s,
        }
    if number != line.me:
        view["receive_only"] = announced_view(line, silent.get(number, ()), now_s)
        saw = seen.get(number, Observation())
        state = presence(line.charter, number, saw, ours, now_s, silent)
        view["silence"] = {
            "state": state.state.value,
            "stated_by": [word(source) for source in Source if source in state.source],
            "since_s": state.since_s,
            "until_s": state.until_s,
            "entry": None if state.entry is None else _word_at(line, state.entry),
        }
    return view
