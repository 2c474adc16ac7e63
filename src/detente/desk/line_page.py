"""The pages of lines: all of them, one with its conversation, one entry; and the live events."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from detente.core.errors import LocalError, Refusal
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.sessions import Session
from detente.desk.sheets import shared_sheet, sheet
from detente.desk.voice import Voice, calls

SHOWN = 50  # entries on one page
END_S = 1 << 40  # after every call
RUNGS = ("seen", "passed-on", "with-principal")  # the others take words: marking.py


@page("")
async def lines(request: Request, desk: Desk, session: Session) -> Response:
    """Every line of this node."""
    found = await desk.node.look("lines")
    return sheet(request, desk, session, "lines.html", lines=found)


@page()
async def line(request: Request, desk: Desk, session: Session) -> Response:
    """One line: its state, and the conversation, newest last."""
    name = request.path_params["line"]
    before = request.query_params.get("before")
    asked: dict[str, Any] = {"line": name, "limit": SHOWN}
    found = await desk.node.look("inbox", **asked, **({"before": before} if before else {}))
    status = _line_of(found["lines"], name)
    entries, said = found["entries"], _calls(desk, name, found, whole=not before)
    me = next((one["number"] for one in status["members"] if one["me"]), -1)
    return shared_sheet(
        request,
        desk,
        session,
        "line.html",
        (found, said),
        line=status,
        entries=_in_time(entries, said),
        unread=next((one["place"] for one in entries if _is_unread(one, me)), ""),
        earlier=found["earlier"],
        older=bool(before),
    )


def _is_unread(view: dict[str, Any], me: int) -> bool:
    """Whether nobody here has stated anything of an entry that somebody sent us."""
    if view["mine"] or view["kind"] not in ("dispatch", "accident"):
        return False
    return all(step["rung"] == "received" or step["member"] != me for step in view["ladder"])


def _calls(desk: Desk, line: str, found: dict[str, Any], *, whole: bool) -> list[Voice]:
    """The calls that fall into the span of the entries shown."""
    times = [view["time_s"] for view in found["entries"] if "time_s" in view]
    from_s = min(times, default=0) if found["earlier"] else 0
    return calls(desk.cabinet, line, from_s, END_S if whole else max(times, default=END_S))


def _in_time(entries: list[dict[str, Any]], said: list[Voice]) -> list[dict[str, Any]]:
    """Entries and calls in one row of time; the entries keep their order."""
    rows: list[dict[str, Any]] = []
    waiting = list(said)
    for view in entries:
        while waiting and waiting[0].at_s < view.get("time_s", 0):
            rows.append({"voice": waiting.pop(0)})
        rows.append({"view": view})
    return rows + [{"voice": one} for one in waiting]


@page()
async def entry(request: Request, desk: Desk, session: Session) -> Response:
    """One entry, whole."""
    name, place = request.path_params["line"], request.path_params["entry"]
    view = await desk.node.look("show", line=name, entry=place)
    status = _line_of(await desk.node.look("lines"), name)
    return sheet(request, desk, session, "one_entry.html", line=status, view=view)


@page("mark")
async def mark(request: Request, desk: Desk, _session: Session) -> Response:
    """The watch states a rung of an entry that stands on its screen."""
    name, place = request.path_params["line"], request.path_params["entry"]
    rung = str((await request.form()).get("rung", ""))
    if rung not in RUNGS:
        raise LocalError(Refusal.USAGE, "no such rung")
    await desk.node.ask("mark", line=name, entry=place, rung=rung, stater="watch")
    return RedirectResponse(f"/line/{name}#e-{place}", 303)


@page("")
async def live(_request: Request, desk: Desk, session: Session) -> Response:
    """What tells an open page to fetch itself anew."""
    events = desk.live.stream(lambda: desk.sessions.keep(session.key, wall_s()))
    return StreamingResponse(events, media_type="text/event-stream")


def _line_of(lines: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for one in lines:
        if one["line"] == name:
            return one
    raise LocalError(Refusal.NOT_FOUND, "this node has no such line")


ROUTES = [
    Route("/", lines),
    Route("/line/{line}", line),
    Route("/line/{line}/entry/{entry:path}/mark", mark, methods=["POST"]),
    Route("/line/{line}/entry/{entry:path}", entry),
    Route("/live", live),
]
