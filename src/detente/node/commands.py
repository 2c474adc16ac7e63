"""What people can do at a node, by name. A command checks, submits, and answers in plain values.

A result that is a function is asked again until it says ``done``: how «wait until received» works.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from detente.core.errors import DetenteError, LocalError, Refusal
from detente.core.events import Release, SetDuty
from detente.core.station import Line
from detente.node import lines, offers, proving, speaking, upkeep
from detente.node.opening import clock
from detente.node.places import find_entry, find_line
from detente.node.views import entry_view, frozen_of, latest, line_status

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
Command = Callable[["Node", Request], Any]


def run_command(node: Node, request: Request) -> Any:
    """Runs one command. LocalError for everything that cannot be done, with the reason."""
    name = request.get("do")
    command = COMMANDS.get(str(name))
    if command is None:
        raise LocalError(Refusal.USAGE, f"no command {name}")
    try:
        return command(node, request)
    except LocalError:
        raise
    except DetenteError as error:
        if error.fault == "machine":
            raise
        raise LocalError(error.refusal, error.detail) from error
    except (KeyError, TypeError, ValueError) as error:
        raise LocalError(Refusal.USAGE, f"{name}: {error}") from error


def _line(node: Node, request: Request) -> Line:
    return find_line(node.station, request.get("line"))


def _status(node: Node, _: Request) -> dict[str, Any]:
    station = node.station
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
                "queued_bytes": live.link.queued_bytes(),
            }
            for live in links
        ],
        "version": upkeep.VERSION,
    }


def _lines(node: Node, _: Request) -> list[dict[str, Any]]:
    now_s = clock(node.home).wall_s
    return [
        line_status(
            node.station, line, node.matters_of(line), node.observations(line, now_s), now_s
        )
        for line in node.station.lines.values()
    ]


def _inbox(node: Node, request: Request) -> dict[str, Any]:
    now_s = clock(node.home).wall_s
    chosen = [_line(node, request)] if request.get("line") else list(node.station.lines.values())
    limit = int(request.get("limit") or 50)
    only = str(request.get("only") or "all")
    entries: list[dict[str, Any]] = []
    overdue: list[dict[str, Any]] = []
    for line in chosen:
        frozen = frozen_of(node.station, line)
        ladders = node.matters_of(line).open_ladders(line, frozen)
        open_places = {rungs.place for rungs in ladders}
        for entry in latest(line, limit):
            view = entry_view(line, entry, now_s, frozen)
            wanted = {
                "all": True,
                "ours": view["mine"],
                "theirs": not view["mine"],
                "overdue": bool(view.get("overdue")),
                "open": entry.place in open_places,
            }
            if wanted[only]:
                entries.append(view)
        late = (entry_view(line, line.shelf.entry(*r.place), now_s, frozen) for r in ladders)
        overdue += [view for view in late if view["overdue"]]
    entries.sort(key=lambda view: (view.get("time_s", 0), view["line"], view["place"]))
    return {"entries": entries[-limit:], "overdue": overdue, "lines": _lines(node, {})}


def _show(node: Node, request: Request) -> dict[str, Any]:
    line = _line(node, request)
    entry = find_entry(line, request["entry"])
    view = entry_view(line, entry, clock(node.home).wall_s, frozen_of(node.station, line))
    leaf = entry.leaf
    seen = () if leaf is None else leaf.seen
    view["seen"] = [
        {
            "log": f"{item.log.member}/{item.log.word}",
            "size": item.size,
            "root": item.root.hex(),
            "held_at_s": item.held_at_s,
        }
        for item in seen
    ]
    view["leaf_b64"] = base64.b64encode(entry.raw).decode()
    return view


def _duty(node: Node, request: Request) -> dict[str, Any]:
    on_duty = bool(request["on"])
    node.submit(SetDuty(on_duty))
    node.note("duty", {"on": on_duty, "who": str(request.get("who") or "")})
    speaking.state_duty(node, on_duty)
    return {"on_duty": on_duty}


def _outbox(node: Node, request: Request) -> list[dict[str, Any]]:
    line = _line(node, request)
    rows = sorted(line.queue.rows.values(), key=lambda row: row.number)
    return [
        {
            "number": row.number,
            "precedence": speaking.precedence_name(row.draft.precedence),
            "submitted_s": row.submitted_s,
            "awaits_release": row.awaits_release,
            "subject": speaking.subject_of(line, row),
        }
        for row in rows[:1000]
    ]


def _release(node: Node, request: Request) -> dict[str, Any]:
    line = _line(node, request)
    number, send = int(request["number"]), bool(request["send"])
    node.submit(Release(line.id, number, send))
    node.note("release", {"line": line.id.hex(), "number": number, "send": send})
    return {"number": number, "sent": send}


def _journal(node: Node, request: Request) -> list[dict[str, Any]]:
    return upkeep.read_journal(node, int(request.get("limit") or 50))


def _cut(node: Node, request: Request) -> dict[str, Any]:
    """Ends the links to a party; with ``hold`` none is made again until ``hold`` is false."""
    if node.links is None:
        raise LocalError(Refusal.UNREACHABLE, "no network here")
    party = offers.party_named(node, request["party"])
    closed = node.links.linked(party)
    hold = request.get("hold")
    if hold is True:
        node.links.held_closed.add(party)
    elif hold is False:
        node.links.held_closed.discard(party)
        node.links.nudge(party)
    if hold is not False:
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
    "outbox": _outbox,
    "release": _release,
    "journal": _journal,
    "cut": _cut,
    "stop": _stop,
    "cards": offers.cards,
    "trust": offers.trust,
    "offered": offers.offered,
    "revoke": offers.revoke,
    "new_card": offers.new_card,
    "propose": lines.propose_line,
    "accept": lines.accept_line,
    "amend": lines.amend,
    "assent": lines.assent,
    "withdraw": lines.withdraw,
    "seal": lines.seal,
    "decisions": lines.decisions,
    "say": speaking.say,
    "mark": speaking.mark,
    "translate": speaking.translate,
    "test": speaking.test,
    "purge": speaking.purge,
    "prove": proving.prove,
    "export": proving.export,
    "adopt": upkeep.adopt_node,
    "doctor": upkeep.doctor,
}
