"""Writing: the form of a draft, kept at every send and by script every few seconds; its preview."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from detente import terms, words
from detente.core.errors import LocalError, Refusal
from detente.desk import attaching, fixed, giving, noting, phrases
from detente.desk.desk import Desk, wall_s
from detente.desk.drafts import NOTICE, WRITING, Draft
from detente.desk.guard import page
from detente.desk.node_side import gone
from detente.desk.people import Person
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.node.forms import ACCIDENT_FIELDS
from detente.times import parse_time
from detente.words import marked

PRECEDENCES: Final = tuple(words.GLOSSES)
RELATIONS: Final = tuple(terms.RELATIONS)
RELATIONS_MAX: Final = 8
TEXT_CHARS_MAX: Final = 100_000
DAY_S: Final = 86_400
_DATED: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK: Final = re.compile(r"(\d\d):?(\d\d) ?[Zz]?", re.ASCII)


@page("draft")
async def blank(request: Request, desk: Desk, session: Session) -> Response:
    """An empty form; answering an entry, with that reference."""
    name = request.path_params["line"]
    fields: dict[str, Any] = {"precedence": "ROUTINE", "language": session.person.language}
    for relation in RELATIONS:
        for entry in request.query_params.getlist(relation)[:RELATIONS_MAX]:
            fields.setdefault("relations", []).append({"relation": relation, "entry": entry})
    return await _form(request, desk, session, Written(name, fields))


@page("draft")
async def begin(request: Request, desk: Desk, session: Session) -> Response:
    """The first send of a new draft."""
    fields = fields_of(await request.form())
    draft = desk.drafts.begin(request.path_params["line"], session.person.number, fields, wall_s())
    return await kept(request, draft)


@page("draft")
async def one(request: Request, desk: Desk, session: Session) -> Response:
    """A draft that is written; whatever else it is has a page of its own."""
    draft = desk.drafts.get(_number(request))
    if draft.state != WRITING:
        return RedirectResponse(f"/draft/{draft.number}/authorise", 303)
    if draft.kind == NOTICE:
        return RedirectResponse(draft.address, 303)
    return await _form(request, desk, session, written(draft))


@page("draft")
async def save(request: Request, desk: Desk, session: Session) -> Response:
    """Keeps what was typed; where the draft is not what the page showed, as a draft of its own."""
    form = await request.form()
    draft = desk.drafts.get(_number(request))
    fields = accident_of(form) if draft.kind == "accident" else fields_of(form)
    if draft.fields.get("attachments"):  # put beside it by a form of their own
        fields["attachments"] = draft.fields["attachments"]
    return await keep(request, desk, session, draft, fields)


async def keep(
    request: Request, desk: Desk, session: Session, draft: Draft, fields: Mapping[str, Any]
) -> Response:
    """Keeps these fields in a draft, or beside it where the page showed another version."""
    version = _version(await request.form())
    try:
        made = desk.drafts.save(draft.number, version, fields, wall_s())
    except LocalError as error:
        if error.refusal is not Refusal.IN_USE or request.headers.get("x-form-token"):
            raise  # a script waits until its person sends the form
        made = desk.drafts.begin(
            draft.line, session.person.number, fields, wall_s(), stop=draft.stop
        )
    return await kept(request, made)


async def kept(request: Request, draft: Draft) -> Response:
    """To the draft or its preview; a script is told what was kept, and where."""
    if request.headers.get("x-form-token"):
        facts = {"number": draft.number, "version": draft.version, "kept_s": draft.changed_s}
        return JSONResponse(facts | {"at": draft.address})
    after = str((await request.form()).get("do", "save"))
    preview = f"/draft/{draft.number}/preview"
    return RedirectResponse(preview if after == "preview" else draft.address, 303)


@page("draft")
async def preview(request: Request, desk: Desk, session: Session) -> Response:
    """As the other side will see it, and what it costs to send."""
    draft = desk.drafts.get(_number(request))
    if draft.state != WRITING:
        return RedirectResponse(f"/draft/{draft.number}/authorise", 303)
    found, trouble = await fix(desk, draft)
    if found is None and draft.kind == NOTICE:
        return RedirectResponse(draft.address, 303)  # says what is wrong beside each field
    line = await line_of(desk, draft.line)
    return sheet(
        request,
        desk,
        session,
        "preview.html",
        draft=draft,
        line=line,
        trouble=trouble,
        **({} if found is None else await shown(desk, draft, found, line)),
    )


async def shown(
    desk: Desk, draft: Draft, found: Mapping[str, Any], line: Mapping[str, Any]
) -> dict[str, Any]:
    """What templates say of a fixed form."""
    me = next((m["name"] for m in line["members"] if m["me"]), "")
    view = fixed.view(found, me, line["line"])
    relations = []
    for relation in view["relations"]:
        try:
            entry = await desk.node.look("show", line=line["line"], entry=relation["entry"])
            relations.append(relation | {"entry": entry["entry"]})
        except LocalError:
            relations.append(relation)
    readers = [one for one in found["readers"] if one["name"] != me]
    return {
        "fixed": found,
        "view": view | {"relations": relations},
        "readers": readers,
        "airtimes": phrases.airtimes(line, readers, found["frame_bytes"]),
        **await giving.told(desk, draft, found),
    }


@page("draft")
async def offer(request: Request, desk: Desk, session: Session) -> Response:
    """Fixes the form: from here on people may authorise it."""
    draft = desk.drafts.get(_number(request))
    version = _version(await request.form())
    found, _why = await fix(desk, draft)
    if found is None:
        return RedirectResponse(f"/draft/{draft.number}/preview", 303)
    await put_up(desk, draft, version, found, session.person)
    return RedirectResponse(f"/draft/{draft.number}/authorise", 303)


async def put_up(
    desk: Desk, draft: Draft, version: int, found: Mapping[str, Any], person: Person
) -> None:
    """Offers a fixed form; the journal knows who did."""
    with desk.cabinet.change():
        desk.drafts.offer(draft.number, version, found, wall_s())
        noting.put(
            desk.cabinet,
            "draft-offered",
            wall_s(),
            draft=draft.number,
            line=draft.line,
            sha256=found["sha256"],
            person=person.number,
            name=person.name,
        )
    await noting.tell(desk)
    desk.live.ring()


async def fix(desk: Desk, draft: Draft) -> tuple[dict[str, Any] | None, tuple[str, str]]:
    """The form of a draft, or why it has none: what happened, and what to do."""
    try:
        if draft.kind == NOTICE:
            return await giving.fix(desk, draft), ("", "")
        if draft.fields.get("to") == []:  # the node would take all
            raise refusal(
                Refusal.USAGE,
                marked("Nobody is chosen to read it"),
                marked("Go on writing, and choose the readers."),
            )
        found: dict[str, Any] = await desk.node.ask("fix", **draft.fields, line=draft.line)
    except LocalError as error:
        return None, words.refusal(error)
    return found, ("", "")


@page("draft")
async def drop(request: Request, desk: Desk, _session: Session) -> Response:
    """Gives a draft up."""
    desk.drafts.drop(_number(request), wall_s())
    attaching.let_go(desk.drafts.get(_number(request)))
    desk.live.ring()
    return RedirectResponse("/drafts", 303)


@page("draft")
async def drafts(request: Request, desk: Desk, session: Session) -> Response:
    """Everything that is written, offered, or was sent last. Nothing here needs the node."""
    people = {one.number: one.name for one in desk.people.all()}
    return sheet(
        request,
        desk,
        session,
        "drafts.html",
        drafts=desk.drafts.open(),
        sent=desk.drafts.sent(),
        people=people,
    )


async def line_of(desk: Desk, name: str) -> dict[str, Any]:
    """A line's state; of a node that is not there, what a form needs all the same."""
    try:
        found: list[dict[str, Any]] = await desk.node.look("lines")
    except LocalError as error:
        if not gone(error):
            raise
        return {"line": name, "title": name[:8], "drill": False, "members": [], "gone": True}
    for line in found:
        if line["line"] == name:
            return line
    raise LocalError(Refusal.NOT_FOUND, "this node has no such line")


class Written(NamedTuple):
    """What a form shows: the fields of a draft, or of one that nobody has kept yet."""

    line: str
    fields: Mapping[str, Any]
    draft: Draft | None = None


def written(draft: Draft) -> Written:
    """What the form of a draft shows."""
    return Written(draft.line, draft.fields, draft)


def form_sheet(
    request: Request,
    desk: Desk,
    session: Session,
    template: str,
    shows: Written,
    relation: str,
    **given: Any,
) -> Response:
    """The page of a form; ``relation`` is what its next reference to an entry is at first."""
    return sheet(
        request,
        desk,
        session,
        template,
        draft=shows.draft,
        fields=shows.fields,
        precedences=PRECEDENCES,
        relations=[*shows.fields.get("relations", ()), {"relation": relation, "entry": ""}],
        **given,
    )


async def _form(request: Request, desk: Desk, session: Session, shows: Written) -> Response:
    line = await line_of(desk, shows.line)
    readers = [m for m in line["members"] if not m["me"] and m["role"] != "observer"]
    given = {"line": line, "readers": readers, "languages": words.LANGUAGES}
    return form_sheet(request, desk, session, "write.html", shows, "answers", **given)


# --- what a form says ---


def fields_of(form: FormData) -> dict[str, Any]:
    """What the node's `say` takes, from the form of a dispatch. LocalError USAGE."""
    fields = _handling(form) | {
        "precedence": one_of(form, "precedence", PRECEDENCES, "ROUTINE"),
        "subject": " ".join(text_of(form, "subject").split()),
        "text": text_of(form, "text").replace("\r\n", "\n"),
    }
    relations = relations_of(form)
    return fields | ({"relations": relations} if relations else {})


def relations_of(form: FormData) -> list[dict[str, str]]:
    """The entries that a form names, and how."""
    relations = [
        {"relation": relation, "entry": entry.strip()}
        for relation, entry in zip(
            map(str, form.getlist("relation")), map(str, form.getlist("entry")), strict=False
        )
        if entry.strip() and relation in RELATIONS
    ]
    return relations[:RELATIONS_MAX]


def accident_of(form: FormData) -> dict[str, Any]:
    """The same of an accident report: every field may be blank."""
    accident: dict[str, Any] = {
        name: text_of(form, name).replace("\r\n", "\n").strip() for name in ACCIDENT_FIELDS
    }
    when = text_of(form, "time").strip()
    if when:
        accident["time_s"] = moment(when, wall_s())
    return _handling(form) | {"precedence": "FLASH", "accident": accident}


def no_time() -> LocalError:
    """What was typed for a time is none."""
    return refusal(
        Refusal.USAGE,
        marked("That is no time of a day"),
        marked("Write hours and minutes, such as 2304Z, or leave it blank."),
    )


def moment(text: str, now_s: int) -> int:
    """Seconds of UTC of ``2304Z``, ``23:04`` (the last time it was that) or of an ISO 8601 instant.
    LocalError USAGE."""
    match = _CLOCK.fullmatch(text)
    if match is None and _DATED.match(text):
        return parse_time(text)
    if match is None:
        raise no_time()
    hours, minutes = int(match[1]), int(match[2])
    if hours > 23 or minutes > 59:
        raise no_time()
    today_s = now_s - now_s % DAY_S + hours * 3600 + minutes * 60
    return today_s if today_s <= now_s else today_s - DAY_S


def _handling(form: FormData) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "label": one_of(form, "label", tuple(terms.LABELS), "parties-only"),
        "personal": form.get("personal") is not None,
        "language": text_of(form, "language").strip().lower() or "en",
        "drill": form.get("drill") is not None,
    }
    if form.get("readers_shown") is None:  # the node was not there to say who reads
        return fields
    return fields | {"to": [str(one) for one in form.getlist("to")]}


def text_of(form: FormData, name: str) -> str:
    """What was typed into a form under a name. LocalError OVERSIZE."""
    value = str(form.get(name) or "")
    if len(value) > TEXT_CHARS_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{name} has at most {TEXT_CHARS_MAX} characters")
    return value


def one_of(form: FormData, name: str, known: tuple[str, ...], default: str) -> str:
    """What was chosen on a form. LocalError USAGE for anything else."""
    value = str(form.get(name) or default)
    if value not in known:
        raise LocalError(Refusal.USAGE, f"{name} is one of {', '.join(known)}")
    return value


def _number(request: Request) -> int:
    return int(request.path_params["draft"])


def _version(form: FormData) -> int:
    text = str(form.get("version") or "")
    return int(text) if text.isdecimal() and len(text) < 12 else 0


ROUTES = [
    Route("/drafts", drafts),
    Route("/line/{line}/write", blank),
    Route("/line/{line}/write", begin, methods=["POST"]),
    Route("/draft/{draft:int}", one),
    Route("/draft/{draft:int}", save, methods=["POST"]),
    Route("/draft/{draft:int}/preview", preview),
    Route("/draft/{draft:int}/offer", offer, methods=["POST"]),
    Route("/draft/{draft:int}/drop", drop, methods=["POST"]),
]
