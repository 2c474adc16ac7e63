"""What people can do at a node, by name. A command checks, submits, and answers in plain values.

A result that is a function is asked again until it says ``done``: how «wait until received» works.
One that is ``Apart`` takes long, and is worked out beside the loop.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import Release, SetDuty
from detente.core.extras import Duty
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.transcript import Entry, Place
from detente.dossiers.deadlines import overdue_of
from detente.node import (
    amendments,
    asked,
    attachments,
    courier,
    disclosing,
    emcon,
    lines,
    notices,
    offers,
    proving,
    regimes,
    releasing,
    speaking,
    upkeep,
)
from detente.node.finding import find
from detente.node.opening import clock
from detente.node.outlook import outlook
from detente.node.places import find_entry, find_line, log_word
from detente.node.views import entry_view, latest, line_status, word
from detente.store.migrate import SCHEMA_VERSION

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
Command = Callable[["Node", Request], Any]
INBOX_MAX = 1000  # entries with their ladders in one answer
OUTBOX_SHOWN_MAX = 1000
JOURNAL_END = 1 << 40  # beyond the last note of any journal
OVERDUE_SHOWN_MAX = 50  # the longest overdue, in full; the line's status counts them
ONLY = ("all", "theirs", "ours", "overdue", "open")


def run_command(node: Node, request: Request) -> Any:
    """Runs one command. LocalError for everything that cannot be done, with the reason."""
    name = asked.text(request, "do")
    command = COMMANDS.get(name)
    if command is None:
        raise LocalError(Refusal.USAGE, f"no command {name}")
    try:
        return command(node, request)
    except PeerError as error:  # what was handed over came from a peer; the mistake is ours
        raise LocalError(error.refusal, error.detail) from error


def _line(node: Node, request: Request) -> Line:
    return find_line(node.station, request.get("line"))


def _status(node: Node, _: Request) -> dict[str, Any]:
    station, now_s = node.station, clock(node.home).wall_s
    links = [] if node.links is None else list(node.links.live.values())
    return {
        "party": station.party.hex(),
        "name": station.card.name,
        "digits": station.card.digits,
        "serial": station.card.serial,
        "incarnation": station.keys.k,
        "on_duty": station.on_duty,
        "mute": {line.id.hex(): line.mute for line in station.lines.values() if line.mute},
        "lines": _lines(node, {}),
        "links": [
            {
                "link": live.number,
                "party": live.link.peer.hex(),
                "bearer": live.link.bearer,
                "since_s": now_s - int(time.monotonic() - live.since_s),
                "queued_bytes": live.link.queued_bytes() + live.waiting_bytes,
            }
            for live in links
        ],
        "version": upkeep.VERSION,
        "schema": SCHEMA_VERSION,
    }


def _lines(node: Node, _: Request) -> list[dict[str, Any]]:
    now_s = clock(node.home).wall_s
    return [
        line_status(node.station, line, node.folds(line), node.observations(line, now_s), now_s)
        | outlook(node, line, now_s)
        for line in node.station.lines.values()
    ]


def _inbox(node: Node, request: Request) -> dict[str, Any]:
    chosen = [_line(node, request)] if request.get("line") else list(node.station.lines.values())
    limit = asked.whole(request, "limit", 50, least=1, most=INBOX_MAX)
    only = asked.text(request, "only", "all")
    if only not in ONLY:
        raise LocalError(Refusal.USAGE, f"only is one of {', '.join(ONLY)}")
    entries: list[dict[str, Any]] = []
    overdue: list[dict[str, Any]] = []
    earlier = ""
    for line in chosen:
        shown, late, earlier = _of_line(node, line, request, only, limit)
        entries += shown
        overdue += late
    entries.sort(key=lambda view: int(view.get("time_s", 0)))  # each line's own order stays
    return {
        "entries": entries[-limit:],
        "overdue": overdue,
        "lines": _lines(node, {}),
        # Where «before» goes on from; of several lines together there is no such place.
        "earlier": earlier if len(chosen) == 1 else "",
    }


def _of_line(
    node: Node, line: Line, request: Request, only: str, limit: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """The last entries of one line that are wanted, all that is overdue on it, and the cursor of
    what is earlier."""
    folds, now_s = node.folds(line), clock(node.home).wall_s
    frozen = folds.frozen(node.station, line)
    silent = folds.silent(line, frozen)
    waiting = [
        rungs.place
        for rungs in folds.open_ladders(line, frozen)
        if overdue_of(line.charter, rungs, now_s, silent)
    ]
    statements = folds.statements(line, frozen)

    files = courier.written(node, line)

    def view(entry: Entry) -> dict[str, Any]:
        carried = courier.carried(files, line, entry)
        return entry_view(line, entry, now_s, frozen, statements, silent) | {"carried": carried}

    late = {place: view(line.shelf.entry(*place)) for place in waiting[:OVERDUE_SHOWN_MAX]}
    wanted: Callable[[Place], bool] = {
        "all": lambda _: True,
        "ours": lambda place: place.log.member == line.me,
        "theirs": lambda place: place.log.member != line.me,
        "overdue": late.__contains__,
        "open": lambda place: place in folds.open or place in folds.answers,
    }[only]
    found, earlier = latest(line, limit, wanted, asked.text(request, "before", ""))
    views = [late.get(entry.place) or view(entry) for entry in found]
    return views, list(late.values()), earlier


def _show(node: Node, request: Request) -> dict[str, Any]:
    line = _line(node, request)
    entry = find_entry(line, asked.text(request, "entry"))
    folds = node.folds(line)
    frozen = folds.frozen(node.station, line)
    silent = folds.silent(line, frozen)
    view = entry_view(line, entry, clock(node.home).wall_s, frozen, None, silent)
    view["carried"] = courier.carried(courier.written(node, line), line, entry)
    leaf = entry.leaf
    view["seen"] = [
        {
            "log": log_word(item.log),
            "size": item.size,
            "root": item.root.hex(),
            "held_at_s": item.held_at_s,
        }
        for item in (() if leaf is None else leaf.seen)
    ]
    if leaf is not None and view["mine"]:
        view["authorisation"] = releasing.authorisation_of(node, leaf)
    view["leaf_b64"] = base64.b64encode(entry.raw).decode()
    return view


def _duty(node: Node, request: Request) -> dict[str, Any]:
    on_duty = asked.flag(request, "on")
    relieved = on_duty and asked.flag(request, "relieved", False)
    node.submit(SetDuty(on_duty))
    node.note("duty", {"on": on_duty, "relieved": relieved, "who": asked.text(request, "who", "")})
    speaking.state_duty(node, Duty.RELIEVED if relieved else Duty.ON if on_duty else Duty.OFF)
    return {"on_duty": on_duty}


def _outbox(node: Node, request: Request) -> list[dict[str, Any]]:
    line = _line(node, request)
    rows = sorted(line.queue.rows.values(), key=lambda row: row.number)
    return [
        {
            "number": row.number,
            "precedence": speaking.precedence_name(row.draft.precedence),
            "kind": word(Kind(speaking.draft_of(line, row).kind)),
            "submitted_s": row.submitted_s,
            "awaits_release": row.awaits_release,
            "subject": speaking.subject_of(line, row),
        }
        for row in rows[:OUTBOX_SHOWN_MAX]
    ]


def _release(node: Node, request: Request) -> dict[str, Any]:
    line = _line(node, request)
    number, send = asked.whole(request, "number"), asked.flag(request, "send")
    node.submit(Release(line.id, number, send))
    node.note("release", {"line": line.id.hex(), "number": number, "send": send})
    return {"number": number, "sent": send}


def _journal(node: Node, request: Request) -> list[dict[str, Any]]:
    limit = asked.whole(request, "limit", 50, least=1)
    return upkeep.read_journal(node, limit, asked.whole(request, "before", JOURNAL_END))


def _cut(node: Node, request: Request) -> dict[str, Any]:
    """Ends the links to a party; with ``hold`` none is made again until ``hold`` is false."""
    if node.links is None:
        raise LocalError(Refusal.UNREACHABLE, "no network here")
    party = offers.party_named(node, asked.text(request, "party"))
    closed = node.links.linked(party)
    if request.get("hold") is not None and asked.flag(request, "hold"):
        node.links.held_closed.add(party)
    elif request.get("hold") is not None:
        node.links.held_closed.discard(party)
        node.links.nudge(party)
        return {"closed": 0}
    for live in closed:
        node.links.close_link(live.number, "cut by hand")
    return {"closed": len(closed)}


def _stop(node: Node, _: Request) -> dict[str, Any]:
    node.stopping()
    return {"stopping": True}


COMMANDS: dict[str, Command] = {
    "status": _status,
    "lines": _lines,
    "inbox": _inbox,
    "show": _show,
    "duty": _duty,
    "quiet": emcon.quiet,
    "outbox": _outbox,
    "release": _release,
    "journal": _journal,
    "journal_note": upkeep.note_of_desk,
    "find": find,
    "cut": _cut,
    "stop": _stop,
    "cards": offers.cards,
    "trust": offers.trust,
    "distrust": offers.distrust,
    "offered": offers.offered,
    "revoke": offers.revoke,
    "new_card": offers.new_card,
    "propose": lines.propose_line,
    "accept": lines.accept_line,
    "amend": amendments.amend,
    "charter": amendments.show_charter,
    "assent": amendments.assent,
    "withdraw": amendments.withdraw,
    "seal": amendments.seal,
    "decisions": amendments.decisions,
    "fix": releasing.fix,
    "say": releasing.say,
    "countersign": releasing.countersign,
    "attachment": attachments.save,
    "mark": speaking.mark,
    "translate": speaking.translate,
    "test": speaking.test,
    "purge": speaking.purge,
    "notice_profiles": regimes.profiles,
    "notice_adopt": regimes.adopt,
    "notice_suspend": regimes.suspend,
    "notice_check": notices.check,
    "notice_send": notices.send,
    "notice_answer": notices.answer,
    "notice_cancel": notices.cancel,
    "notice_list": notices.list_notices,
    "notice_show": notices.show,
    "prove": proving.prove,
    "disclose": disclosing.disclose,
    "export": proving.export,
    "hold": upkeep.hold_line,
    "courier_out": courier.write,
    "courier_in": courier.take,
    "courier_status": courier.status,
    "adopt": upkeep.adopt_node,
    "doctor": upkeep.doctor,
}
