"""Coming to the desk and leaving it: a passkey, a one-time code, sign-out."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import Refusal
from detente.desk import passkeys
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import check_form, desk_of, page, session_of
from detente.desk.refusing import refusal
from detente.desk.sessions import COOKIE, Session
from detente.desk.sheets import sheet
from detente.words import marked

KEYS_WANTED = 2  # one may be lost; the other still opens the door
LINKED = "/enter"  # what a one-time link opens; the code stands behind a #
KEPT = "typed:"  # before the names of what was typed under a session that has ended


async def sign_in(request: Request) -> Response:
    """The door. A one-time link opens it for its owner, whoever sat here before."""
    session = session_of(request)
    then = inward(request.query_params.get("then", "/"))
    if session is not None and request.url.path != LINKED:
        return RedirectResponse(then, 303)
    return sheet(request, desk_of(request), None, "sign_in.html", then=then, typed=[])


async def with_code(request: Request) -> Response:
    """Takes a one-time code. NOT_ALLOWED for a wrong one, OVER_QUOTA for too many tries."""
    desk, form = await _at_the_door(request)
    session = desk.sessions.accept(str(form.get("code", "")), wall_s())
    return _come_in(request, desk, session, form)


async def what_to_sign(request: Request) -> Response:
    """What a passkey signs to open the door: a fresh challenge, good once."""
    desk, _form = await _at_the_door(request)
    statement = passkeys.fresh(desk, passkeys.SIGN_IN)
    asked = passkeys.ask(desk, None, statement, passkeys.SIGN_IN)
    return JSONResponse({**asked, "statement": passkeys.text_of(statement)})


async def with_passkey(request: Request) -> Response:
    """Takes a passkey's signature. Refusals as ``passkeys.check``, OVER_QUOTA for too many."""
    desk, form = await _at_the_door(request)
    answer = passkeys.read_answer(str(form.get("answer", "")))
    owner = passkeys.owner_of(desk, answer)
    if owner is not None:
        desk.tries.count(wall_s(), f"person {owner}")
    statement = passkeys.bytes_of(form.get("statement"))
    found = passkeys.check(desk, None, statement, passkeys.SIGN_IN, answer)
    cookie = desk.sessions.begin(found.person.number, wall_s(), by_passkey=True)
    return _come_in(request, desk, cookie, form)


async def _at_the_door(request: Request) -> tuple[Desk, FormData]:
    """A form from somebody unknown."""
    desk = desk_of(request)
    session_of(request)  # their language
    await check_form(request, None)
    return desk, await request.form()


def _come_in(request: Request, desk: Desk, cookie: str, form: FormData) -> Response:
    """On to where somebody wanted to go; first to their keys while they have too few."""
    before = session_of(request)
    if before is not None:
        desk.sessions.end(before.key)
    session = desk.sessions.find(cookie, wall_s())
    if session is None:
        raise refusal(Refusal.NOT_ALLOWED, marked("This person has left"))
    then = inward(str(form.get("then", "/")))
    typed = [
        (name.removeprefix(KEPT), value)
        for name, value in form.multi_items()
        if name.startswith(KEPT) and isinstance(value, str)
    ]
    answer: Response
    if typed:
        answer = sheet(request, desk, session, "typed.html", then=then, typed=typed)
    elif len(passkeys.passkeys_of(desk, session.person.number)) < KEYS_WANTED:
        answer = RedirectResponse("/me", 303)
    else:
        answer = RedirectResponse(then, 303)
    return with_cookie(desk, answer, cookie)


def with_cookie(desk: Desk, answer: Response, cookie: str) -> Response:
    """The answer with a new session's cookie, which no script can read."""
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
    """Ends the session. LocalError NOT_ALLOWED for whoever has the watch: relief signs on first."""
    if desk.watches.on_watch(session.person):
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("You have the watch"),
            marked("Hand it over first, on the page of the watch."),
        )
    desk.sessions.end(session.key)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def inward(then: str) -> str:
    """Where somebody wanted to go, if that is a path of ours; else the first page."""
    plain = then.startswith("/") and not then.startswith(("//", "/\\")) and then.isprintable()
    return then if plain else "/"


ROUTES = [
    Route("/sign-in", sign_in),
    Route(LINKED, sign_in),
    Route("/code", with_code, methods=["POST"]),
    Route("/passkey/options", what_to_sign, methods=["POST"]),
    Route("/passkey", with_passkey, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
