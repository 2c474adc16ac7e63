"""What came or went by telephone: entered by hand, shown as BY VOICE, UNSIGNED, and linked to the
entry that says it again. It stays at this desk and in the journal; the line learns nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import LocalError, Refusal
from detente.desk import noting
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.people import Person
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of
from detente.dossiers.conventions import parse_dtg
from detente.dossiers.dispatch import clean
from detente.times import parse_time
from detente.words import marked

WHO_CHARS_MAX = 120
TEXT_CHARS_MAX = 20_000
SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Voice:
    """One call. ``confirmed_by`` is the serial or place of the entry that says it again."""

    number: int
    at_s: int
    incoming: bool
    who: str
    text: str
    by: str
    confirmed_by: str | None


_SELECT = (
    "SELECT v.number, v.at_s, v.incoming, v.who, v.text, p.name, v.confirmed_by"
    " FROM by_voice AS v JOIN person AS p ON p.number = v.person"
)


def calls(cabinet: Cabinet, line: str, from_s: int, to_s: int) -> list[Voice]:
    """The calls about a line within a span, oldest first."""
    rows = cabinet.rows(
        f"{_SELECT} WHERE v.line = ? AND v.at_s BETWEEN ? AND ? ORDER BY v.at_s, v.number LIMIT ?",
        line,
        from_s,
        to_s,
        SHOWN_MAX,
    )
    return [_voice(row) for row in rows]


def enter(cabinet: Cabinet, line: str, said: dict[str, Any], person: Person, now_s: int) -> int:
    """Enters a call; returns its number. LocalError USAGE, OVERSIZE."""
    who, text = " ".join(str(said["who"]).split()), clean(str(said["text"]))
    if not who or len(who) > WHO_CHARS_MAX or not who.isprintable():
        raise refusal(
            Refusal.USAGE,
            marked("It is not said who spoke"),
            marked("Go back and write a name or a call sign."),
        )
    if not text.strip():
        raise refusal(
            Refusal.USAGE,
            marked("It is not said what was said"),
            marked("Go back and write what was said."),
        )
    if len(text) > TEXT_CHARS_MAX:
        raise LocalError(Refusal.OVERSIZE, f"at most {TEXT_CHARS_MAX} characters")
    at_s = _time(str(said["when"]), now_s)
    if at_s > now_s:
        raise refusal(
            Refusal.USAGE,
            marked("A call that is still to come cannot be entered"),
            marked("Go back and write when it was."),
        )
    incoming = said["direction"] != "out"
    with cabinet.change():
        number = cabinet.insert(
            "by_voice",
            line=line,
            at_s=at_s,
            incoming=incoming,
            who=who,
            text=text,
            person=person.number,
            entered_s=now_s,
        )
        data = {"number": number, "line": line, "said_s": at_s, "incoming": incoming}
        noting.put(cabinet, "by-voice", now_s, who=person.name, spoke=who, text=text, **data)
    return number


def link(cabinet: Cabinet, line: str, number: int, entry: str, person: Person, now_s: int) -> None:
    """Links a call to the entry that confirms it. LocalError NOT_FOUND."""
    with cabinet.change():
        changed = cabinet.run(
            "UPDATE by_voice SET confirmed_by = ?, linked_s = ? WHERE number = ? AND line = ?",
            entry,
            now_s,
            number,
            line,
        )
        if not changed:
            raise refusal(
                Refusal.NOT_FOUND,
                marked("No such call was entered"),
                marked("Load the page of the line again."),
            )
        data = {"number": number, "line": line, "entry": entry}
        noting.put(cabinet, "by-voice-linked", now_s, who=person.name, **data)


def _time(text: str, now_s: int) -> int:
    text = text.strip()
    if not text:
        return now_s
    try:
        return parse_dtg(text.upper())
    except LocalError:
        return parse_time(text)


def _voice(row: tuple[Any, ...]) -> Voice:
    number, at_s, incoming, who, text, by, confirmed_by = row
    return Voice(number, at_s, bool(incoming), who, text, by, confirmed_by)


# --- pages ------------------------------------------------------------------------------------


@page("watch")
async def voice(request: Request, desk: Desk, session: Session) -> Response:
    """The form for a call; what it is filled with."""
    line = await line_of(desk, request.path_params["line"])
    if request.method == "GET":
        return sheet(request, desk, session, "voice.html", line=line)
    form = await request.form()
    names = ("who", "text", "when", "direction")
    said = {name: str(form.get(name) or "").replace("\r\n", "\n") for name in names}
    number = enter(desk.cabinet, line["line"], said, session.person, wall_s())
    await noting.tell(desk)
    desk.live.ring()
    return RedirectResponse(f"/line/{line['line']}#v-{number}", 303)


@page("watch")
async def confirm(request: Request, desk: Desk, session: Session) -> Response:
    """Links a call to an entry that this node holds."""
    line, number = request.path_params["line"], request.path_params["number"]
    named = str((await request.form()).get("entry", "")).strip()
    view = await desk.node.look("show", line=line, entry=named)
    link(desk.cabinet, line, number, view["entry"], session.person, wall_s())
    await noting.tell(desk)
    desk.live.ring()
    return RedirectResponse(f"/line/{line}#v-{number}", 303)


ROUTES = [
    Route("/line/{line}/voice", voice, methods=["GET", "POST"]),
    Route("/line/{line}/voice/{number:int}/confirm", confirm, methods=["POST"]),
]
