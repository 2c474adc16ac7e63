"""The page of the watch: what stands, who has the watch, the hand-over; silencing; the list of
those who are called; the bands that every page shows."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import LocalError, Refusal
from detente.desk import alarm_words
from detente.desk.alarms import Contact
from detente.desk.desk import Desk
from detente.desk.guard import page
from detente.desk.sessions import Session
from detente.desk.sheets import sheet

ROWS_BLANK = 3  # of the escalation list's form, for new people
HOURS = 8


@page("")
async def watch(request: Request, desk: Desk, session: Session) -> Response:
    """What stands, and who has the watch."""
    may_read = session.person.may("read") or session.person.may("system")
    return sheet(
        request,
        desk,
        session,
        "watch.html",
        stand=desk.sentinel.now if may_read else (),
        current=desk.watches.current(),
        handed=desk.watches.offered(),
        contacts=desk.sentinel.contacts(),
        hours=HOURS,
    )


@page("")
async def bands(request: Request, desk: Desk, session: Session) -> Response:
    """The bands alone, for a page that is not to be fetched anew: somebody writes on it."""
    return sheet(request, desk, session, "bands_alone.html")


@page("watch")
async def silence(request: Request, desk: Desk, session: Session) -> Response:
    """Silences an alarm here. The far side learns nothing of it."""
    form = await request.form()
    await desk.sentinel.silence(str(form.get("key", "")), session.person)
    return RedirectResponse(_back(str(form.get("back", ""))), 303)


@page("watch")
async def take(request: Request, desk: Desk, session: Session) -> Response:
    """Takes a watch that nobody has, or whose officer cannot hand it over."""
    form = await request.form()
    over = form.get("over") == "yes"
    await desk.watches.take(session.person, _whole(form, "hours"), over=over)
    await desk.sentinel.look()
    return RedirectResponse("/watch", 303)


@page("watch")
async def offer(request: Request, desk: Desk, session: Session) -> Response:
    """The outgoing officer hands over."""
    if request.method == "GET":
        return sheet(request, desk, session, "hand_over.html")
    note = str((await request.form()).get("note", ""))
    desk.watches.offer(session.person, note, open_matters(desk))
    await desk.sentinel.look()
    return RedirectResponse("/watch", 303)


@page("watch")
async def relieve(request: Request, desk: Desk, session: Session) -> Response:
    """The relief signs on."""
    form = await request.form()
    number, hours = _whole(form, "number"), _whole(form, "hours")
    await desk.watches.relieve(session.person, number, hours)
    await desk.sentinel.look()
    return RedirectResponse("/watch", 303)


@page("watch")
async def leave(_request: Request, desk: Desk, session: Session) -> Response:
    """Leaves the watch to nobody."""
    await desk.watches.leave(session.person)
    await desk.sentinel.look()
    return RedirectResponse("/watch", 303)


@page("people")
async def escalation(request: Request, desk: Desk, session: Session) -> Response:
    """The list of those who are called."""
    if request.method == "POST":
        await desk.sentinel.set_contacts(_contacts(await request.form()), session.person)
        return RedirectResponse("/escalation", 303)
    rows = [*desk.sentinel.contacts(), *([None] * ROWS_BLANK)]
    return sheet(request, desk, session, "escalation.html", rows=rows)


def open_matters(desk: Desk) -> dict[str, Any]:
    """What the next officer is to know: what waits on each line, drafts, alarms."""
    lines = (desk.sentinel.status or {}).get("lines", [])
    drafts = desk.cabinet.rows(
        "SELECT d.number, d.line, p.name, d.state FROM draft AS d JOIN person AS p"
        " ON p.number = d.drafter WHERE d.state IN ('writing', 'offered') ORDER BY d.number"
    )
    names = ("entry", "precedence", "author", "sent_s", "due_s", "seen_s")
    return {
        "lines": [
            {
                "line": line["line"],
                "title": line["title"],
                "waiting": [{name: one.get(name) for name in names} for one in line["waiting"]],
                "late": [
                    {"entry": one["entry"], "by": one["by"], "due_s": one["due_s"]}
                    for one in line["late"]
                ],
                "queued": line["queued"],
            }
            for line in lines
        ],
        "drafts": [
            dict(zip(("number", "line", "by", "state"), row, strict=True)) for row in drafts
        ],
        "alarms": [alarm_words.matter(one) for one in desk.sentinel.now],
    }


def _contacts(form: Any) -> list[Contact]:
    """The rows of the form that are filled in."""
    rows = zip(form.getlist("after_min"), form.getlist("name"), form.getlist("how"), strict=False)
    found = []
    for minutes, name, how in rows:
        if not (str(minutes).strip() or str(name).strip() or str(how).strip()):
            continue
        found.append(Contact(_number(str(minutes)), str(name).strip(), str(how).strip()))
    return sorted(found, key=lambda one: one.after_min)


def _whole(form: Any, name: str) -> int:
    return _number(str(form.get(name, "")))


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise LocalError(Refusal.USAGE, f"«{text}» is not a whole number")
    return int(text)


def _back(path: str) -> str:
    """Where the form stood: a path of ours alone."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/watch"


ROUTES = [
    Route("/watch", watch),
    Route("/bands", bands),
    Route("/alarm/silence", silence, methods=["POST"]),
    Route("/watch/take", take, methods=["POST"]),
    Route("/watch/hand-over", offer, methods=["GET", "POST"]),
    Route("/watch/relieve", relieve, methods=["POST"]),
    Route("/watch/leave", leave, methods=["POST"]),
    Route("/escalation", escalation, methods=["GET", "POST"]),
]
