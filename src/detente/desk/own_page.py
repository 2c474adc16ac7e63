"""One's own page: passkeys, each with a label, and the language of one's pages."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import Refusal
from detente.desk import noting, passkeys
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.words import LANGUAGES, marked

FRESH_S = 900  # how long after coming in somebody may change their keys
LANGUAGE_NAMES = {"en": "English", "ru": "Русский", "uk": "Українська"}  # each in its own


@page("")
async def me(request: Request, desk: Desk, session: Session) -> Response:
    """Who I am here, and with which keys."""
    return sheet(
        request,
        desk,
        session,
        "me.html",
        keys=passkeys.passkeys_of(desk, session.person.number),
        fresh=_is_fresh(session),
        languages={code: LANGUAGE_NAMES[code] for code in LANGUAGES},
    )


@page("")
async def offer(_request: Request, desk: Desk, session: Session) -> Response:
    """What a browser needs to make a passkey."""
    _refuse_stale(session)
    return JSONResponse(passkeys.offer_registration(desk, session.person))


@page("")
async def register(request: Request, desk: Desk, session: Session) -> Response:
    """Keeps a passkey that a browser has made."""
    _refuse_stale(session)
    form = await request.form()
    answer = passkeys.read_answer(str(form.get("answer", "")))
    label = str(form.get("label", ""))
    with desk.cabinet.change():
        made = passkeys.register(desk, session.person, answer, label)
        noting.put(
            desk.cabinet,
            "passkey-registered",
            wall_s(),
            person=session.person.number,
            name=session.person.name,
            label=" ".join(label.split()),
            passkey=passkeys.text_of(made),
            public_key=passkeys.text_of(passkeys.public_key_of(desk, made)),
            by_passkey=session.by_passkey,
        )
    await noting.tell(desk)
    return JSONResponse({})


@page("")
async def void(request: Request, desk: Desk, session: Session) -> Response:
    """A key of mine is lost or given back."""
    _refuse_stale(session)
    form = await request.form()
    await make_void(desk, session, session.person.number, str(form.get("passkey", "")))
    return RedirectResponse("/me", 303)


async def make_void(desk: Desk, session: Session, number: int, passkey: str) -> None:
    """Somebody's passkey is void, by the one whose session this is. LocalError NOT_FOUND."""
    with desk.cabinet.change():
        passkeys.forget(desk, number, passkeys.bytes_of(passkey))
        noting.put(
            desk.cabinet,
            "passkey-void",
            wall_s(),
            person=number,
            passkey=passkey,
            by=session.person.name,
        )
    await noting.tell(desk)


@page("")
async def language(request: Request, desk: Desk, session: Session) -> Response:
    """My pages are in another language from now on."""
    form = await request.form()
    desk.people.speak(session.person.number, str(form.get("language", "")))
    return RedirectResponse("/me", 303)


def _is_fresh(session: Session) -> bool:
    return wall_s() - session.began_s <= FRESH_S


def _refuse_stale(session: Session) -> None:
    """An open desk that somebody left must not be enough to make oneself a key."""
    if not _is_fresh(session):
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("Keys change only soon after signing in"),
            marked("Sign out and in again, then come back here."),
        )


ROUTES = [
    Route("/me", me),
    Route("/me/passkeys/options", offer, methods=["POST"]),
    Route("/me/passkeys", register, methods=["POST"]),
    Route("/me/passkeys/void", void, methods=["POST"]),
    Route("/me/language", language, methods=["POST"]),
]
