"""The people of the desk, for administrators: who is here, who comes, who may what, who leaves."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import Refusal
from detente.desk import noting, passkeys
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.own_page import LANGUAGE_NAMES, make_void
from detente.desk.people import POWER_WORDS, ROLES, Person
from detente.desk.refusing import refusal
from detente.desk.sessions import INVITATION_S, Session
from detente.desk.sheets import sheet
from detente.words import LANGUAGES, marked


@page("people")
async def people(request: Request, desk: Desk, session: Session) -> Response:
    """Everybody, those who left below."""
    return sheet(
        request,
        desk,
        session,
        "people.html",
        people=sorted(desk.people.all(), key=lambda one: (one.left_s is not None, one.number)),
        keys=lambda one: len(passkeys.passkeys_of(desk, one.number)),
        roles=ROLES,
        languages={code: LANGUAGE_NAMES[code] for code in LANGUAGES},
    )


@page("people")
async def add(request: Request, desk: Desk, session: Session) -> Response:
    """Somebody new."""
    form = await request.form()
    roles = _roles(form)
    now_s = wall_s()
    with desk.cabinet.change():
        person = desk.people.add(
            str(form.get("name", "")), roles, str(form.get("language", "")), now_s
        )
        note_added(desk, person, session.person.name)
    await noting.tell(desk)
    return RedirectResponse(f"/people/{person.number}", 303)


@page("people")
async def one(request: Request, desk: Desk, session: Session) -> Response:
    """One person: roles, powers, keys."""
    return _shown(request, desk, session, _person(request, desk))


@page("people")
async def assign(request: Request, desk: Desk, session: Session) -> Response:
    """Somebody has other roles from now on."""
    before = _person(request, desk)
    roles = _roles(await request.form())
    with desk.cabinet.change():
        person = desk.people.assign(before.number, roles)
        note_roles(desk, before, person, session.person.name)
    await noting.tell(desk)
    desk.live.ring()
    return RedirectResponse(f"/people/{person.number}", 303)


@page("people")
async def link(request: Request, desk: Desk, session: Session) -> Response:
    """A one-time link. It stands on this page alone, never in an address of ours."""
    person = _person(request, desk)
    if person.left_s is not None:
        raise refusal(Refusal.NOT_ALLOWED, marked("This person has left"))
    now_s = wall_s()
    with desk.cabinet.change():
        code = desk.sessions.invite(person, now_s)
        note_link(desk, person, session.person.name)
    await noting.tell(desk)
    url = f"{desk.origin}/enter#{code}"
    return _shown(request, desk, session, person, url=url, until_s=now_s + INVITATION_S)


@page("people")
async def part(request: Request, desk: Desk, session: Session) -> Response:
    """Somebody leaves: their sessions end now, their keys are void."""
    person = _person(request, desk)
    if (await request.form()).get("sure") != "yes":
        raise refusal(
            Refusal.USAGE,
            marked("Nobody was parted with"),
            marked("Tick the box beside the button first."),
        )
    with desk.cabinet.change():
        desk.people.part(person.number, wall_s())
        note_left(desk, person, session.person.name)
    await noting.tell(desk)
    return RedirectResponse(f"/people/{person.number}", 303)


@page("people")
async def void(request: Request, desk: Desk, session: Session) -> Response:
    """Somebody's key is lost."""
    person = _person(request, desk)
    form = await request.form()
    await make_void(desk, session, person.number, str(form.get("passkey", "")))
    return RedirectResponse(f"/people/{person.number}", 303)


def _roles(form: FormData) -> frozenset[str]:
    return frozenset(str(one) for one in form.getlist("role"))


def _person(request: Request, desk: Desk) -> Person:
    found = desk.people.get(request.path_params["number"])
    if found is None:
        raise refusal(Refusal.NOT_FOUND, marked("Nobody of that number was ever here"))
    return found


def _shown(
    request: Request,
    desk: Desk,
    session: Session,
    person: Person,
    url: str = "",
    until_s: int = 0,
) -> Response:
    return sheet(
        request,
        desk,
        session,
        "person.html",
        person=person,
        keys=passkeys.passkeys_of(desk, person.number),
        roles=ROLES,
        powers=POWER_WORDS,
        url=url,
        until_s=until_s,
    )


# --- what the journal hears; the command line says the same ---


def note_added(desk: Desk, person: Person, by: str) -> None:
    """Somebody was added, by somebody."""
    _note(desk, "person-added", person, by, roles=sorted(person.roles))


def note_roles(desk: Desk, before: Person, person: Person, by: str) -> None:
    """Somebody's roles were changed, by somebody: what they were, and which powers went."""
    _note(
        desk,
        "person-roles",
        person,
        by,
        roles=sorted(person.roles),
        before=sorted(before.roles),
        powers_gone=sorted(before.powers - person.powers),
    )


def note_link(desk: Desk, person: Person, by: str) -> None:
    """A one-time link was made; the journal does not hold its code."""
    _note(desk, "sign-in-link", person, by)


def note_left(desk: Desk, person: Person, by: str) -> None:
    """Somebody left, and what they could do until then."""
    _note(desk, "person-left", person, by, powers=sorted(person.past_powers))


def _note(desk: Desk, word: str, person: Person, by: str, **more: list[str]) -> None:
    about = {"person": person.number, "name": person.name, "by": by}
    noting.put(desk.cabinet, word, wall_s(), **about, **more)


ROUTES = [
    Route("/people", people),
    Route("/people", add, methods=["POST"]),
    Route("/people/{number:int}", one),
    Route("/people/{number:int}/roles", assign, methods=["POST"]),
    Route("/people/{number:int}/link", link, methods=["POST"]),
    Route("/people/{number:int}/part", part, methods=["POST"]),
    Route("/people/{number:int}/void", void, methods=["POST"]),
]
