"""The page of a line's notices: what is due, what was given and received, where; and a calendar.

Notices are given from here as drafts (notice_writing); nothing of this page goes to the line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente import ical
from detente.desk import giving
from detente.desk.desk import Desk
from detente.desk.guard import page
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of
from detente.dossiers.grids import Grid

SHOWN = 100  # notices of one page, the latest; `detente notice list` has them all
GRIDS = tuple(one.value for one in Grid)
DRAWN_MAX = 30  # places on one map


@page()
async def notices(request: Request, desk: Desk, session: Session) -> Response:
    """What is due on a line, and every notice with its state; the newest first."""
    line, found = await _listed(request, desk)
    asked = request.query_params.get("grid", "")
    grid = Grid(asked) if asked in GRIDS else Grid.WGS84
    line, found = await _listed(request, desk, last=SHOWN)
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
        more=len(given[SHOWN:]) + found["left_out"],
        names=_names(line, found),
        drawing=giving.drawn(desk, list(giving.items_of(found["notices"]))[-DRAWN_MAX:], grid),
        grids=GRIDS,
        grid=grid.value,
        standing=giving.STANDING,
    )


@page()
async def calendar(request: Request, desk: Desk, _session: Session) -> Response:
    """What is due and what stands, as an iCalendar file for the party's own staff."""
    line, found = await _listed(request, desk, meet=False)
    text = ical.calendar(ical.of_notices(found), found["now_s"])
    answer = Response(text, media_type="text/calendar")
    name = f"notices-{line['line'][:16]}.ics"
    answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer


async def _listed(
    request: Request, desk: Desk, **more: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The line, and the node's list of its notices in the language of whoever asks."""
    line = await line_of(desk, request.path_params["line"])
    language = request.scope.get("language", "en")
    found: dict[str, Any] = await desk.node.look(
        "notice_list", line=line["line"], language=language, **more
    )
    return line, found


def _names(line: Mapping[str, Any], found: Mapping[str, Any]) -> dict[int, str]:
    """Who a member's number is: those of the charter, and what they are called here."""
    names = {int(number): str(name) for number, name in found["members"].items()}
    return names | {one["number"]: str(one["name"]) for one in line["members"]}


ROUTES = [
    Route("/line/{line}/notices", notices),
    Route("/line/{line}/notices.ics", calendar),
]
