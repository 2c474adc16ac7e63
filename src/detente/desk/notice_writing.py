"""Writing what goes about notices: one, an answer to one, its end, a suspension.

Each is a draft like a message: kept as it is typed, looked at, offered, authorised by passkey.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente import words
from detente.core.errors import LocalError, Refusal
from detente.desk import giving, notice_words, writing
from detente.desk.desk import Desk, wall_s
from detente.desk.drafts import WRITING, Draft
from detente.desk.guard import page
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.dossiers.profile import GEOMETRIES, Field, Profile
from detente.words import marked

FIELD: Final = "f-"  # before the name of a field of a profile, as a form has it
UNIT: Final = "unit-"
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_HEADS: Final[Mapping[str, str]] = {
    giving.NOTICE: marked("Give notice"),
    giving.ANSWER: marked("Answer a notice"),
    giving.CANCEL: marked("Cancel a notice"),
    giving.SUSPEND: marked("Suspend a profile"),
}
_SUBJECTS: Final[Mapping[str, str]] = {  # in the list of drafts; Latin, as the entries' own
    giving.NOTICE: "NOTICE",
    giving.ANSWER: "ANSWER",
    giving.CANCEL: "CANCELLED",
    giving.SUSPEND: "SUSPENDED",
}


class Row(NamedTuple):
    """One field on a form: what to write in it, what is in it, and what is wrong with that."""

    field: Field
    label: str
    hint: str
    example: str
    value: str
    unknown: bool
    faults: tuple[Mapping[str, Any], ...]
    at_once: bool  # of an answer only places: the rest is folded away


@page("draft")
async def blank(request: Request, desk: Desk, session: Session) -> Response:
    """An empty form; the choice of a profile where none is named. A correction begins with what it
    corrects."""
    line = request.path_params["line"]
    given = request.query_params
    fields: dict[str, Any] = {"do": given.get("kind", giving.NOTICE), "precedence": "ROUTINE"}
    if fields["do"] not in giving.KINDS:
        raise LocalError(Refusal.NOT_FOUND, "no form of that name")
    for name in ("profile", "entry", "name"):
        if given.get(name):
            fields[name] = given[name]
    if fields["do"] == giving.NOTICE and "profile" not in fields:
        return await _choice(request, desk, session, line)
    for relation in writing.RELATIONS:
        for entry in given.getlist(relation)[: writing.RELATIONS_MAX]:
            fields.setdefault("relations", []).append({"relation": relation, "entry": entry})
            if relation in ("corrects", "supersedes"):
                old = await desk.node.look("notice_show", line=line, entry=entry)
                fields |= {"values": old["values"], "unknown": old["unknown"]}
    return await _form(request, desk, session, writing.Written(line, fields))


async def _choice(request: Request, desk: Desk, session: Session, name: str) -> Response:
    line = await writing.line_of(desk, name)
    found, known = await giving.profiles(desk, name)
    standing = [
        profile
        for one in found["adopted"]
        if one["state"] == "in-force"
        and (profile := giving.of_word(known, one["word"])) is not None
    ]
    return sheet(request, desk, session, "notice_choice.html", line=line, profiles=standing)


@page("draft")
async def begin(request: Request, desk: Desk, session: Session) -> Response:
    """The first send of a new draft."""
    form = await request.form()
    do = str(form.get("kind", ""))
    if do not in giving.KINDS:
        raise LocalError(Refusal.USAGE, "no form of that name")
    about = {"profile": "profile", "about": "entry", "name": "name"}
    base = {name: str(form[said]) for said, name in about.items() if form.get(said)}
    fields = fields_of({"do": do, **base}, form)
    line = request.path_params["line"]
    draft = desk.drafts.begin(line, session.person.number, fields, wall_s())
    return await writing.kept(request, draft)


@page("draft")
async def one(request: Request, desk: Desk, session: Session) -> Response:
    """A draft that is written, with what is wrong with it beside each field."""
    draft = desk.drafts.get(int(request.path_params["draft"]))
    if draft.state != WRITING or draft.fields.get("do") == giving.SAY:
        after = "authorise" if draft.state != WRITING else "preview"
        return RedirectResponse(f"/draft/{draft.number}/{after}", 303)
    return await _form(request, desk, session, writing.written(draft))


@page("draft")
async def save(request: Request, desk: Desk, session: Session) -> Response:
    """Keeps what was typed; where the draft is not what the page showed, as one of its own."""
    draft = desk.drafts.get(int(request.path_params["draft"]))
    form = await request.form()
    if draft.fields.get("do") not in giving.KINDS:
        raise LocalError(Refusal.NOT_ALLOWED, "this draft is no notice")
    fields = fields_of(draft.fields, form)
    return await writing.keep(request, desk, session, draft, fields)


async def _form(request: Request, desk: Desk, session: Session, shows: writing.Written) -> Response:
    """The form of a draft; with a draft, what is wrong with it too."""
    fields, language = shows.fields, request.scope.get("language", "en")
    line = await writing.line_of(desk, shows.line)
    profile, about = await _about(desk, shows.line, fields, language)
    found, faults, trouble = await _wrong(desk, shows.draft, language)
    rows = [_row(one, fields, faults, language) for one in _shown(profile, about, fields)]
    beside = {one.field.name for one in rows}
    return writing.form_sheet(
        request,
        desk,
        session,
        "notice_write.html",
        shows,
        "refers",
        line=line,
        head=_HEADS[fields["do"]],
        profile=profile,
        about=about,
        rows=rows,
        faults=[one for one in faults if one["field"] not in beside],
        found=found,
        trouble=trouble,
        faulty=bool(faults),
        title=None if profile is None else profile.titles.get(language, profile.name),
    )


def _shown(
    profile: Profile | None, about: Mapping[str, Any] | None, fields: Mapping[str, Any]
) -> list[Field]:
    """The fields of a form: of a notice all, of an answer those that were given, places first."""
    if profile is None or fields["do"] not in (giving.NOTICE, giving.ANSWER):
        return []
    if about is None:
        return giving.in_order(profile)
    given = [one for one in giving.in_order(profile) if one.name in about["values"]]
    return sorted(given, key=lambda one: one.type not in GEOMETRIES)


async def _about(
    desk: Desk, line: str, fields: Mapping[str, Any], language: str
) -> tuple[Profile | None, dict[str, Any] | None]:
    """The profile that a form is of, and the notice that it answers or cancels. LocalError
    NOT_FOUND."""
    found, known = await giving.profiles(desk, line)
    if "entry" in fields:
        about = await desk.node.look(
            "notice_show", line=line, entry=fields["entry"], language=language
        )
        return giving.of_word(known, about["word"]), about
    profile = giving.adopted(found, known, str(fields.get("profile") or fields.get("name") or ""))
    if profile is None:
        raise refusal(
            Refusal.NOT_FOUND,
            marked("No charter of this line names that profile"),
            marked("Adopt it first, on the page of profiles."),
        )
    return profile, None


async def _wrong(
    desk: Desk, draft: Draft | None, language: str
) -> tuple[dict[str, Any] | None, list[dict[str, Any]], tuple[str, str]]:
    """What the node says of a draft now, its faults, or why it says nothing else."""
    if draft is None:
        return None, [], ("", "")
    try:
        if draft.fields["do"] == giving.NOTICE:
            found = await giving.check(desk, draft, language)
            return found, found["faults"], ("", "")
        return await giving.fix(desk, draft), [], ("", "")
    except LocalError as error:
        faults: Any = error.facts.get("faults") or []
        return None, faults, words.refusal(error)


def _row(
    field: Field, fields: Mapping[str, Any], faults: list[dict[str, Any]], language: str
) -> Row:
    hint, example = notice_words.TYPES[field.type]
    if field.type == "number":
        example = f"{example} {field.unit}".rstrip()
    return Row(
        field,
        field.labels.get(language) or next(iter(field.labels.values())),
        hint,
        example,
        fields.get("values", {}).get(field.name, ""),
        field.name in fields.get("unknown", ()),
        tuple(one for one in faults if one["field"] == field.name),
        fields["do"] == giving.NOTICE or field.type in GEOMETRIES,
    )


def fields_of(base: Mapping[str, Any], form: FormData) -> dict[str, Any]:
    """What the node is asked with, from a form: ``base`` says what it is about. LocalError USAGE
    or OVERSIZE."""
    do = str(base["do"])
    kept = {name: base[name] for name in ("do", "profile", "entry", "name") if name in base}
    kept["precedence"] = writing.one_of(form, "precedence", writing.PRECEDENCES, "ROUTINE")
    kept["drill"] = form.get("drill") is not None
    about = " ".join(str(kept.get(name, "")) for name in ("profile", "entry", "name"))
    kept["subject"] = f"{_SUBJECTS[do]} {about.strip()}"
    words = " ".join(writing.text_of(form, "words").split())
    if do == giving.SUSPEND:
        return kept | {"reason_given": words}
    if do == giving.CANCEL:
        return kept | {"words": words}
    kept["values"] = _values(form)
    if do == giving.ANSWER:
        reply = str(form.get("reply", ""))  # none before somebody chose one
        said = {"reply": reply.replace("-matches", "")} if reply in notice_words.REPLIES else {}
        return kept | {"words": words} | said
    kept["unknown"] = sorted({str(one) for one in form.getlist("unknown")})
    return kept | {"relations": writing.relations_of(form)}


def _values(form: FormData) -> dict[str, str]:
    """What was typed into the fields of a profile. A bare number gets the unit that stands at its
    field."""
    found = {}
    for name in form:
        text = writing.text_of(form, name).strip() if name.startswith(FIELD) else ""
        if text:
            unit = str(form.get(UNIT + name.removeprefix(FIELD)) or "")
            bare = unit and _NUMBER.fullmatch(text)
            found[name.removeprefix(FIELD)] = f"{text} {unit}" if bare else text
    return found


ROUTES = [
    Route("/line/{line}/notice", blank),
    Route("/line/{line}/notice", begin, methods=["POST"]),
    Route("/draft/{draft:int}/notice", one),
    Route("/draft/{draft:int}/notice", save, methods=["POST"]),
]
