"""The page of a line's notices: what is due, what was given and received, where; and a calendar.

Read-only: notices are given by `detente notice`. Nothing of it goes to the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente import ical
from detente.core.errors import LocalError
from detente.desk.desk import Desk
from detente.desk.guard import page
from detente.desk.map import Drawing, Item, draw
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of
from detente.dossiers import shapes
from detente.words import _

SHOWN = 100  # notices of one page, the latest; `detente notice list` has them all
DRAWN_MAX = 30  # places on one map
STANDING = ("released", "received")
DAY_S = 86_400


@page()
async def notices(request: Request, desk: Desk, session: Session) -> Response:
    """What is due on a line, and every notice with its state; the newest first."""
    line, found = await _listed(request, desk)
    given = sorted(found["notices"], key=lambda one: (one["sent_s"], one["entry"]), reverse=True)
    return sheet(
        request,
        desk,
        session,
        "notices.html",
        line=line,
        found=found,
        due=[one for one in found["due"] if one["given"] is None],
        given=given[:SHOWN],
        more=len(given) - SHOWN,
        names=_names(line, found),
        drawing=_drawing(found),
        span=span,
    )


@page()
async def calendar(request: Request, desk: Desk, _session: Session) -> Response:
    """What is due and what stands, as an iCalendar file for the party's own staff."""
    line, found = await _listed(request, desk)
    text = ical.calendar(ical.of_notices(found), found["now_s"])
    answer = Response(text, media_type="text/calendar")
    name = f"notices-{line['line'][:16]}.ics"
    answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer


async def _listed(request: Request, desk: Desk) -> tuple[dict[str, Any], dict[str, Any]]:
    """The line, and the node's list of its notices in the language of whoever asks."""
    line = await line_of(desk, request.path_params["line"])
    language = request.scope.get("language", "en")
    found: dict[str, Any] = await desk.node.look(
        "notice_list", line=line["line"], language=language
    )
    return line, found


def _names(line: Mapping[str, Any], found: Mapping[str, Any]) -> dict[int, str]:
    """Who a member's number is: those of the charter, and what they are called here."""
    names = {int(number): str(name) for number, name in found["members"].items()}
    return names | {one["number"]: str(one["name"]) for one in line["members"]}


def _drawing(found: Mapping[str, Any]) -> Drawing | None:
    """The map of what stands; None where no notice that stands has a place, or where the
    libraries of ``detente[places]`` are not installed."""
    try:
        items = list(_items(found))[-DRAWN_MAX:]
        return draw(items) if items else None
    except LocalError:
        return None  # the texts of the places stand at each notice


def _items(found: Mapping[str, Any]) -> Iterator[Item]:
    for one in found["notices"]:
        for name, text in one["places"].items() if one["state"] in STANDING else ():
            shape = shapes.read(text)
            if not isinstance(shape, shapes.Band):
                whose = "ours" if one["mine"] else "theirs"
                yield Item(f"{one['entry']} {name}", shape, whose)


def span(seconds: int) -> str:
    """A span of time as people say it: days, then hours, minutes and seconds."""
    days, rest = divmod(seconds, DAY_S)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return _("{days} d {clock}").format(days=days, clock=clock) if days else clock


ROUTES = [
    Route("/line/{line}/notices", notices),
    Route("/line/{line}/notices.ics", calendar),
]
