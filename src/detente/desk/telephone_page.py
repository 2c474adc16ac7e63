"""A page that a principal can read on a telephone: off until an administrator turns it on
(`detente desk set telephone on`), and read-only: it holds no form and states no rung."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente.core.errors import LocalError, Refusal
from detente.desk.desk import Desk
from detente.desk.guard import page
from detente.desk.sessions import Session
from detente.desk.sheets import sheet

TELEPHONE_SETTING = "telephone"
SHOWN = 15


@page()
async def telephone(request: Request, desk: Desk, session: Session) -> Response:
    """Each line's first sentence and its last entries. LocalError NOT_ALLOWED while it is off."""
    if desk.cabinet.setting(TELEPHONE_SETTING) != "on":
        raise LocalError(Refusal.NOT_ALLOWED, "the telephone page is off: desk set telephone on")
    lines = await desk.node.look("lines")
    shown = []
    for line in lines:
        inbox = await desk.node.look("inbox", line=line["line"], limit=SHOWN)
        shown.append({"line": line, "entries": list(reversed(inbox["entries"]))})
    return sheet(request, desk, session, "telephone.html", shown=shown)


ROUTES = [Route("/telephone", telephone)]
