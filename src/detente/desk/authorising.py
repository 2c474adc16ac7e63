"""Authorising: the exact text, every reader and the line, and a passkey over just that form."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente import words
from detente.core.errors import LocalError, Refusal
from detente.desk import noting, passkeys, sending
from detente.desk.desk import Desk, wall_s
from detente.desk.drafts import NOTE_CHARS_MAX, OFFERED, SENDING, SENT, WRITING, Draft
from detente.desk.fixed import PURPOSE, statement
from detente.desk.guard import page
from detente.desk.people import Person
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of, shown
from detente.words import marked


@page("draft")
async def offered(request: Request, desk: Desk, session: Session) -> Response:
    """What is offered: the text out of its form, who authorised it, who is still asked."""
    draft = await sending.find_entry(desk, _draft(request, desk))
    if draft.state == WRITING or not draft.fixed:
        return RedirectResponse(f"/draft/{draft.number}", 303)
    line = await line_of(desk, draft.line)
    given = desk.drafts.authorisations(draft.number)
    people = {one.number: one.name for one in desk.people.all()}
    mine = any(one.person == session.person.number for one in given)
    facts = await shown(desk, draft, draft.fixed, line)
    stopped = mine or facts.get("stale", False)
    options, without = (None, "") if stopped else _options(desk, session.person, draft)
    return sheet(
        request,
        desk,
        session,
        "authorise.html",
        draft=draft,
        line=line,
        given=[(people.get(one.person, "?"), one.at_s) for one in given],
        drafter=people.get(draft.drafter, "?"),
        mine=mine,
        options=None if options is None else json.dumps(options),
        without=without,
        **facts,
    )


def _options(desk: Desk, person: Person, draft: Draft) -> tuple[dict[str, Any] | None, str]:
    """What this person's browser is asked to sign; or None, and why."""
    if not may_sign(person, draft):
        return None, ""
    try:
        return passkeys.ask(desk, person, statement(draft.fixed), PURPOSE), ""
    except LocalError as error:
        return None, ". ".join(words.refusal(error))


def may_sign(person: Person, draft: Draft) -> bool:
    """Whether this person's word counts on this draft now. A STOP goes with one officer's; who
    follows on it is somebody with the power to authorise."""
    if draft.state == OFFERED:
        return person.may("stop" if draft.stop else "authorise")
    return draft.state == SENT and draft.missing > 0 and person.may("authorise")


@page("draft")
async def authorise(request: Request, desk: Desk, session: Session) -> Response:
    """One person's passkey over the form on the screen. NOT_ALLOWED, IN_USE for another form."""
    draft, form = _draft(request, desk), await request.form()
    if not may_sign(session.person, draft):
        if draft.state in (SENDING, SENT) and session.person.may("authorise"):
            return _after(draft)  # another was first: here is what became of it
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("Your word on this is not asked for"),
            marked("Your roles do not include it, or it is done already."),
        )
    sha256 = str(form.get("sha256", ""))
    if draft.fixed.get("sha256") != sha256:
        raise refusal(
            Refusal.IN_USE,
            marked("This is not what is offered now"),
            marked("Load the page again, and read it again."),
        )
    answer = passkeys.read_answer(str(form.get("answer", "")))
    made = passkeys.check(desk, session.person, statement(draft.fixed), PURPOSE, answer)
    row = sending.row_of(desk, session.person, made)
    if draft.state == SENT:
        known = desk.drafts.authorisations(draft.number)
        if any(one.person == session.person.number for one in known):
            raise refusal(
                Refusal.NOT_ALLOWED,
                marked("It takes a second person"),
                marked("You have authorised it already."),
            )
        await sending.countersign(desk, draft, row)
    desk.drafts.authorise(draft.number, sha256, session.person.number, row)
    sent = await sending.send_if_ready(desk, draft.number)
    desk.live.ring()
    return _after(sent)


@page("draft")
async def refuse(request: Request, desk: Desk, session: Session) -> Response:
    """Somebody who may authorise says no, and why: it goes back to be written."""
    draft = _draft(request, desk)
    if not session.person.may("authorise"):
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("Your roles do not include this"),
            marked("An administrator says who has which role."),
        )
    said = " ".join(str((await request.form()).get("why", "")).split())
    if not said:
        raise refusal(
            Refusal.USAGE, marked("A refusal says why"), marked("Go back and write a few words.")
        )
    if draft.state != OFFERED:
        raise refusal(
            Refusal.IN_USE,
            marked("It is not offered any more"),
            marked("Load the page again: it was sent, edited or refused meanwhile."),
        )
    with desk.cabinet.change():
        desk.drafts.edit(draft.number, wall_s(), f"{session.person.name}: {said}")
        _note(desk, "authorisation-refused", draft, session.person, why=said[:NOTE_CHARS_MAX])
    await noting.tell(desk)
    desk.live.ring()
    return RedirectResponse("/drafts", 303)


@page("draft")
async def edit(request: Request, desk: Desk, session: Session) -> Response:
    """Back to writing: what was authorised is void."""
    draft = _draft(request, desk)
    voided = [one.person for one in desk.drafts.authorisations(draft.number)]
    with desk.cabinet.change():
        desk.drafts.edit(draft.number, wall_s())
        _note(desk, "draft", draft, session.person, voided=voided)
    await noting.tell(desk)
    desk.live.ring()
    return RedirectResponse(f"/draft/{draft.number}", 303)


@page("stop")
async def break_glass(request: Request, desk: Desk, session: Session) -> Response:
    """Sends without passkeys, with a reason: journalled, and shown until somebody countersigns."""
    draft = _draft(request, desk)
    why = " ".join(str((await request.form()).get("why", "")).split())[:NOTE_CHARS_MAX]
    if not why:
        raise refusal(
            Refusal.USAGE,
            marked("Breaking the glass takes a reason"),
            marked("Go back and write why no passkey works."),
        )
    if not desk.drafts.claim(draft.number, wall_s(), f"{session.person.name}: {why}"):
        raise refusal(
            Refusal.IN_USE,
            marked("It is not offered any more"),
            marked("Load the page again: it was sent, edited or refused meanwhile."),
        )
    await sending.deliver(desk, desk.drafts.get(draft.number))
    return _after(desk.drafts.get(draft.number))


def _draft(request: Request, desk: Desk) -> Draft:
    return desk.drafts.get(int(request.path_params["draft"]))


def _note(desk: Desk, word: str, draft: Draft, person: Person, **more: Any) -> None:
    facts = {"draft": draft.number, "line": draft.line, "sha256": draft.fixed.get("sha256", "")}
    who = {"person": person.number, "name": person.name}
    noting.put(desk.cabinet, word, wall_s(), **facts, **who, **more)


def _after(draft: Draft) -> Response:
    if draft.state == SENT and draft.fields.get("then"):
        return RedirectResponse(str(draft.fields["then"]), 303)
    if draft.state == SENT and draft.entry and not draft.missing:
        return RedirectResponse(f"/line/{draft.line}/entry/{draft.entry}", 303)
    return RedirectResponse(f"/draft/{draft.number}/authorise", 303)


ROUTES = [
    Route("/draft/{draft:int}/authorise", offered),
    Route("/draft/{draft:int}/authorise", authorise, methods=["POST"]),
    Route("/draft/{draft:int}/refuse", refuse, methods=["POST"]),
    Route("/draft/{draft:int}/edit", edit, methods=["POST"]),
    Route("/draft/{draft:int}/break-glass", break_glass, methods=["POST"]),
]
