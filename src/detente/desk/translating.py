"""The translation desk: original and translation side by side, and the glossary of agreed terms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente import terms, words
from detente.core.errors import LocalError, Refusal
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.translators import (
    GRADES,
    MARK,
    check_grade,
    engine_for,
    engines,
    machine_text,
)
from detente.desk.writing import line_of
from detente.words import marked

TERM_CHARS_MAX: Final = 200
TEXT_CHARS_MAX: Final = 100_000
TERMS_SHOWN_MAX: Final = 500


@page("translate")
async def desk_of_entry(request: Request, desk: Desk, session: Session) -> Response:
    """The original, what is agreed of its words, and a place to write."""
    name, place = request.path_params["line"], request.path_params["entry"]
    view = await desk.node.look("show", line=name, entry=place)
    source = str(view.get("language", ""))
    given = request.query_params
    target = given.get("into", session.person.language)
    machine, made = given.get("engine", ""), ""
    if machine:
        engine = engine_for(machine, source, target)
        made = machine_text(
            machine, await asyncio.to_thread(engine.translate, _original(view), source, target)
        )
    return sheet(
        request,
        desk,
        session,
        "translate.html",
        line=await line_of(desk, name),
        view=view,
        into=target,
        languages=words.LANGUAGES,
        grades=GRADES,
        machine=machine,
        made=made,
        engines=[one.name for one in engines() if (source, target) in one.pairs()],
        glossary=_known(desk, _original(view), source, target),
    )


@page("translate")
async def translate(request: Request, desk: Desk, _session: Session) -> Response:
    """Enters a translation. NOT_ALLOWED for machine work above rough."""
    name, place = request.path_params["line"], request.path_params["entry"]
    form = await request.form()
    text = _text(form, "text", TEXT_CHARS_MAX).replace("\r\n", "\n")
    machine = _text(form, "machine", 80)
    made_by_machine = bool(machine) or text.startswith(f"[{MARK}")
    grade = str(form.get("grade", "sight"))
    check_grade(grade, machine=made_by_machine)
    if not text.strip():
        raise refusal(
            Refusal.USAGE, marked("A translation without a word"), marked("Go back and write it.")
        )
    await desk.node.ask(
        "translate",
        line=name,
        entry=place,
        grade=grade,
        language=_text(form, "into", 35).strip().lower(),
        subject=_text(form, "subject", TERM_CHARS_MAX),
        text=machine_text(machine, text) if machine else text,
        stater="node" if made_by_machine else "watch",
    )
    return RedirectResponse(f"/line/{name}/entry/{quote(place)}", 303)


def _original(view: dict[str, Any]) -> str:
    rows = [str(view.get(name) or "") for name in ("subject", "text", *terms.ACCIDENT)]
    return "\n".join(row for row in rows if row)


# --- the glossary ---


@page("read")
async def glossary(request: Request, desk: Desk, session: Session) -> Response:
    """Every agreed term."""
    found = _terms(desk, "ORDER BY language, text, number LIMIT ?", TERMS_SHOWN_MAX)
    people = {one.number: one.name for one in desk.people.all()}
    return sheet(request, desk, session, "glossary.html", found=found, people=people)


@page("translate")
async def add_term(request: Request, desk: Desk, session: Session) -> Response:
    """One more. LocalError USAGE for a blank one."""
    form = await request.form()
    values = {
        name: " ".join(_text(form, name, TERM_CHARS_MAX).split())
        for name in ("language", "text", "into_language", "into_text", "remark")
    }
    if not all(value for name, value in values.items() if name != "remark"):
        raise refusal(
            Refusal.USAGE,
            marked("A term has two languages and two words"),
            marked("Go back and fill in all four."),
        )
    desk.cabinet.insert("term", **values, person=session.person.number, at_s=wall_s())
    return RedirectResponse("/glossary", 303)


@page("translate")
async def drop_term(request: Request, desk: Desk, _session: Session) -> Response:
    """No longer agreed. LocalError NOT_FOUND."""
    if not desk.cabinet.run("DELETE FROM term WHERE number = ?", request.path_params["term"]):
        raise LocalError(Refusal.NOT_FOUND, "no such term")
    return RedirectResponse("/glossary", 303)


def _terms(desk: Desk, how: str, *args: object) -> list[dict[str, Any]]:
    names = ("number", "language", "text", "into_language", "into_text", "remark", "person", "at_s")
    sql = f"SELECT {', '.join(names)} FROM term {how}"  # noqa: S608  # the words are ours
    return [dict(zip(names, row, strict=True)) for row in desk.cabinet.rows(sql, *args)]


def _known(desk: Desk, original: str, source: str, target: str) -> Sequence[dict[str, Any]]:
    """The agreed terms of this pair that the text may hold, whichever way they were entered."""
    found = _terms(
        desk,
        "WHERE (language = ? AND into_language = ?) OR (language = ? AND into_language = ?) "
        "ORDER BY text, number LIMIT ?",
        source,
        target,
        target,
        source,
        TERMS_SHOWN_MAX,
    )
    text = original.casefold()
    first = [
        one
        for one in found
        if one["text"].casefold() in text or one["into_text"].casefold() in text
    ]
    return [*first, *(one for one in found if one not in first)]


def _text(form: FormData, name: str, most: int) -> str:
    value = str(form.get(name) or "")
    if len(value) > most:
        raise LocalError(Refusal.OVERSIZE, f"{name} has at most {most} characters")
    return value


ROUTES = [
    Route("/line/{line}/entry/{entry:path}/translate", desk_of_entry),
    Route("/line/{line}/entry/{entry:path}/translate", translate, methods=["POST"]),
    Route("/glossary", glossary),
    Route("/glossary", add_term, methods=["POST"]),
    Route("/glossary/{term:int}/drop", drop_term, methods=["POST"]),
]
