"""One key that ends a drill on every desk: REAL-WORLD, as FLASH, by one officer's passkey."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import Refusal
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.writing import fix, line_of
from detente.node.real_world import REAL_WORLD
from detente.words import _, marked


@page("draft")
async def end_drill(request: Request, desk: Desk, session: Session) -> Response:
    """Fixes the dispatch at once: the next page shows it, and one passkey sends it. LocalError
    NOT_ALLOWED on a line that is no drill."""
    line = await line_of(desk, request.path_params["line"])
    if not line["drill"]:
        raise refusal(
            Refusal.NOT_ALLOWED, marked("This line is no drill"), marked("There is none to end.")
        )
    fields = {
        "subject": REAL_WORLD,
        "text": _("The drill on this line is over. From here on everything is meant."),
        "precedence": "FLASH",
        "language": session.person.language,
    }
    draft = desk.drafts.begin(line["line"], session.person.number, fields, wall_s(), stop=True)
    found, _why = await fix(desk, draft)
    if found is None:
        return RedirectResponse(f"/draft/{draft.number}/preview", 303)
    desk.drafts.offer(draft.number, draft.version, found, wall_s())
    desk.live.ring()
    return RedirectResponse(f"/draft/{draft.number}/authorise", 303)


ROUTES = [Route("/line/{line}/real-world", end_drill, methods=["POST"])]
