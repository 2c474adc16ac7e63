"""What stands before every page: headers, the session, forms that only our own pages can send.

A page is refused before it is made: no session, no power, a form from elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detente import words
from detente.core.errors import LocalError, Refusal
from detente.desk.desk import Desk, wall_s
from detente.desk.refusing import refusal
from detente.desk.sessions import COOKIE, Session
from detente.desk.sheets import sheet
from detente.words import marked

FORM_BYTES_MAX = 4 * 1024 * 1024  # the longest text a dispatch may have, escaped threefold
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",  # with none at all, browsers send forms from «null»
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

Page = Callable[[Request, Desk, Session], Awaitable[Response]]


class Headers:
    """Every answer carries the same strict headers. By HTTPS once is by HTTPS always."""

    def __init__(self, app: ASGIApp, *, by_tls: bool) -> None:
        self._app = app
        always = {"strict-transport-security": "max-age=63072000"} if by_tls else {}
        self._headers = HEADERS | always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name for name, _value in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in self._headers.items()
                        if name.encode() not in have
                    ),
                ]
            await send(message)

        await self._app(scope, receive, headed if scope["type"] == "http" else send)


def desk_of(request: Request) -> Desk:
    """The desk that serves a request."""
    return cast(Desk, request.app.state.desk)


def session_of(request: Request) -> Session | None:
    """Who asks; their language is spoken from here on."""
    session = desk_of(request).sessions.find(request.cookies.get(COOKIE), wall_s())
    language = session.person.language if session else _preferred(request)
    request.scope["language"] = words.use(language)
    return session


def _preferred(request: Request) -> str:
    """The language of somebody unknown: the first of the browser's that we speak."""
    for item in request.headers.get("accept-language", "").split(","):
        base = item.partition(";")[0].strip().lower().partition("-")[0]
        if base in words.LANGUAGES:
            return base
    return "en"


def page(
    power: str = "read", *, bytes_max: int = FORM_BYTES_MAX
) -> Callable[[Page], Callable[[Request], Awaitable[Response]]]:
    """A page for those who are signed in and have a power. NOT_ALLOWED for others."""

    def decorate(make: Page) -> Callable[[Request], Awaitable[Response]]:
        @wraps(make)
        async def guarded(request: Request) -> Response:
            session = session_of(request)
            if session is None:
                return await _first_sign_in(request)
            if power and not session.person.may(power):
                raise refusal(
                    Refusal.NOT_ALLOWED,
                    marked("Your roles do not include this"),
                    marked("An administrator says who has which role."),
                )
            if request.method not in ("GET", "HEAD") and not await check_form(
                request, session, bytes_max
            ):
                return await typed_again(request, session, 403)
            return await make(request, desk_of(request), session)

        return guarded

    return decorate


async def check_form(
    request: Request, session: Session | None, bytes_max: int = FORM_BYTES_MAX
) -> bool:
    """Whether a form is of this session. LocalError NOT_ALLOWED, OVERSIZE for what another site
    made a browser send, OVER_QUOTA for too many from somebody unknown."""
    origin = request.headers.get("origin")
    if origin != desk_of(request).origin:
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("The form came from another place than this desk"),
            marked("Do not send it again. Close the page it came from, and say so to an engineer."),
        )
    if _length(request, bytes_max) > bytes_max:
        raise LocalError(Refusal.OVERSIZE, f"a form has at most {bytes_max} bytes")
    if session is None:
        _count(request)
        return True
    token: Any = request.headers.get("x-form-token")
    if token is None:
        token = (await request.form()).get("form_token")
    return session.token_fits(token)


# --- a form whose session has ended: nothing that was typed is lost ---


async def _first_sign_in(request: Request) -> Response:
    """To the door, and back to where somebody was; what they typed goes with them."""
    if wants_values(request):
        raise refusal(
            Refusal.NOT_ALLOWED, marked("You are signed out"), marked("Load the page and sign in.")
        )
    if request.method in ("GET", "HEAD"):
        return RedirectResponse(f"/sign-in?then={quote(_here(request), safe='/')}", 303)
    await check_form(request, None)
    typed = await _typed(request)
    return sheet(
        request, desk_of(request), None, "sign_in.html", 401, then=_here(request), typed=typed
    )


async def typed_again(request: Request, session: Session, status: int) -> Response:
    """What somebody typed under a session that has ended, for them to send in this one."""
    if wants_values(request):
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("The page is of another session"),
            marked("Load it again."),
        )
    typed, where = await _typed(request), _here(request)
    return sheet(request, desk_of(request), session, "typed.html", status, then=where, typed=typed)


def wants_values(request: Request) -> bool:
    """Whether a script asks, which shows what it is told in its own page."""
    return "application/json" in request.headers.get("accept", "")


def came_from(request: Request) -> str:
    """The page to go back to: this one, or the one whose form was sent."""
    if request.method in ("GET", "HEAD"):
        return request.url.path
    before = request.headers.get("referer", "")
    origin = desk_of(request).origin + "/"
    return "/" + before.removeprefix(origin) if before.startswith(origin) else "/"


async def typed_here(request: Request) -> list[tuple[str, str]]:
    """What somebody typed into a form of ours that was refused, to be sent again; nothing of a
    form from elsewhere, one too long to be read, or one whose signature is used up."""
    ours = request.headers.get("origin") == desk_of(request).origin
    if request.method != "POST" or not ours or _length(request) > FORM_BYTES_MAX:
        return []
    typed = await _typed(request)
    return [] if any(name == "answer" for name, _value in typed) else typed


def _length(request: Request, bytes_max: int = FORM_BYTES_MAX) -> int:
    """How long a form says it is; one that does not say is too long."""
    if "transfer-encoding" in request.headers:
        return bytes_max + 1
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0


def _count(request: Request) -> None:
    """One more try of somebody unknown, before anything of it is read."""
    desk = desk_of(request)
    desk.tries.count(wall_s(), f"from {request.client.host if request.client else ''}")
    desk.tries_in_all.count(wall_s())


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


async def _typed(request: Request) -> list[tuple[str, str]]:
    form = await request.form()
    return [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name != "form_token"
    ]
