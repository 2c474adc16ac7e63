"""Rungs that take words: read back, declined, misdirected. The text stands beside them."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import LocalError, Refusal
from detente.desk.desk import Desk
from detente.desk.guard import page
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of
from detente.words import marked

WORDED: Final = ("read-back", "declined", "misdirected")
OPENED: Final = 1
PURGED: Final = 2
COMMENT_CHARS_MAX: Final = 20_000


@page("mark")
async def ask(request: Request, desk: Desk, session: Session) -> Response:
    """The entry, and the words for the rung."""
    name, place, rung = _what(request)
    view = await desk.node.look("show", line=name, entry=place)
    line = await line_of(desk, name)
    return sheet(request, desk, session, "state.html", line=line, view=view, rung=rung)


@page("mark")
async def state(request: Request, desk: Desk, session: Session) -> Response:
    """States it. LocalError USAGE where the words are missing that the rung is made of."""
    name, place, rung = _what(request)
    form = await request.form()
    said = str(form.get("comment") or "").replace("\r\n", "\n").strip()
    if len(said) > COMMENT_CHARS_MAX:
        raise LocalError(Refusal.OVERSIZE, f"at most {COMMENT_CHARS_MAX} characters")
    view = await desk.node.look("show", line=name, entry=place)
    detail: dict[str, Any] = {}
    if rung == "misdirected" and not view["mine"]:
        opened, purged = form.get("opened"), form.get("purged")
        if opened not in ("yes", "no") or purged not in ("yes", "no"):
            raise refusal(
                Refusal.USAGE,
                marked("Say whether it was opened, and whether it is kept"),
                marked("Go back and choose both."),
            )
        detail["detail"] = (OPENED if opened == "yes" else 0) | (PURGED if purged == "yes" else 0)
    elif not said:
        raise refusal(
            Refusal.USAGE,
            marked("This takes words: what was read back, or why"),
            marked("Go back and write them."),
        )
    await desk.node.ask(
        "mark",
        line=name,
        entry=place,
        rung=rung,
        stater="watch",
        comment=said or None,
        language=session.person.language,
        **detail,
    )
    return RedirectResponse(f"/line/{name}#e-{place}", 303)


def _what(request: Request) -> tuple[str, str, str]:
    given = request.path_params
    if given["rung"] not in WORDED:
        raise LocalError(Refusal.USAGE, "no such rung")
    return given["line"], given["entry"], given["rung"]


ROUTES = [
    Route("/line/{line}/entry/{entry:path}/state/{rung}", ask),
    Route("/line/{line}/entry/{entry:path}/state/{rung}", state, methods=["POST"]),
]
