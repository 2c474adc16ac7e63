"""STOP and the accident report: one key from any page, blanks, one officer's passkey.

Both go as FLASH. A STOP is a dispatch whose text is the blanks that were filled in.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente import terms
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import accident_of, fix, line_of, put_up
from detente.dossiers.conventions import dtg
from detente.words import _

STOP: Final = "STOP"  # Latin in every language, like precedences


@page("draft")
async def which(request: Request, desk: Desk, session: Session) -> Response:
    """The line it is for: asked where there are several."""
    lines = await desk.node.look("lines")
    if len(lines) == 1:
        return RedirectResponse(f"/line/{lines[0]['line']}/stop", 303)
    return sheet(request, desk, session, "stop_which.html", lines=lines)


@page("draft")
async def blanks(request: Request, desk: Desk, session: Session) -> Response:
    """The blanks. Whatever is not known stays blank."""
    line = await line_of(desk, request.path_params["line"])
    return sheet(request, desk, session, "stop.html", line=line)


@page("draft")
async def fill(request: Request, desk: Desk, session: Session) -> Response:
    """Fixes it at once: the next page shows the exact text, and one passkey sends it."""
    form = await request.form()
    fields = accident_of(form) | {"language": session.person.language}
    if form.get("kind") == "stop":
        fields = _as_dispatch(fields)
    draft = desk.drafts.begin(
        request.path_params["line"], session.person.number, fields, wall_s(), stop=True
    )
    found, _why = await fix(desk, draft)
    if found is None:
        return RedirectResponse(f"/draft/{draft.number}/preview", 303)
    await put_up(desk, draft, draft.version, found, session.person)
    return RedirectResponse(f"/draft/{draft.number}/authorise", 303)


def _as_dispatch(fields: dict[str, Any]) -> dict[str, Any]:
    """The filled blanks as the rows of a text, in the officer's language."""
    given = fields.pop("accident")
    rows = [
        terms.word(terms.ACCIDENT, name).format(said=given[name])
        for name in terms.ACCIDENT
        if given[name]
    ]
    if "time_s" in given:
        rows.insert(min(1, len(rows)), _("when: {said}").format(said=dtg(given["time_s"])))
    return fields | {"subject": STOP, "text": "\n".join(rows)}


ROUTES = [
    Route("/stop", which),
    Route("/line/{line}/stop", blanks),
    Route("/line/{line}/stop", fill, methods=["POST"]),
]
