"""Coming to the desk and leaving it: a one-time code, sign-out, the way to the first page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente.desk.desk import Desk, wall_s
from detente.desk.guard import check_form, desk_of, page, session_of
from detente.desk.sessions import COOKIE, Session
from detente.desk.sheets import sheet


async def sign_in(request: Request) -> Response:
    """The door."""
    session = session_of(request)
    if session is not None:
        return RedirectResponse(_then(request), 303)
    return sheet(request, desk_of(request), None, "sign_in.html", then=_then(request))


async def with_code(request: Request) -> Response:
    """Takes a one-time code. NOT_ALLOWED for a wrong one, OVER_QUOTA for too many tries."""
    desk = desk_of(request)
    session_of(request)  # their language
    await check_form(request, None)
    desk.tries.count(wall_s())
    form = await request.form()
    return signed_in(desk, desk.sessions.accept(str(form.get("code", "")), wall_s()), "/")


def signed_in(desk: Desk, cookie: str, then: str) -> Response:
    """On to a page with a new session's cookie, which no script can read."""
    answer = RedirectResponse(then, 303)
    answer.set_cookie(
        COOKIE,
        cookie,
        secure=desk.origin.startswith("https:"),
        httponly=True,
        samesite="strict",
        path="/",
    )
    return answer


@page("")
async def sign_out(_request: Request, desk: Desk, session: Session) -> Response:
    """Ends the session."""
    desk.sessions.end(session.key)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _then(request: Request) -> str:
    """Where somebody wanted to go: a path of ours alone."""
    then = request.query_params.get("then", "/")
    return then if then.startswith("/") and not then.startswith(("//", "/\\")) else "/"


ROUTES = [
    Route("/sign-in", sign_in),
    Route("/enter", sign_in),
    Route("/code", with_code, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
