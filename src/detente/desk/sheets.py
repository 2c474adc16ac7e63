"""Templates: every page's HTML, escaped always, in the language of whoever asks."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from detente import checkup, mistakes, terms, times, words
from detente.desk import alarm_words, notice_words, phrases
from detente.desk.desk import Desk
from detente.desk.sessions import Session
from detente.desk.zones import there
from detente.dossiers.conventions import dtg
from detente.node.real_world import REAL_WORLD
from detente.plain import plain

_FOLDER = Path(__file__).with_name("templates")
SHARED_MAX = 64  # pages that are kept for whoever looks at the same
# Where a shared page says who looks at it: words that nobody can know, until they are filled in.
_NAME, _TOKEN = secrets.token_hex(16), secrets.token_hex(16)


def _environment() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        "_": words.translate,
        "ngettext": words.ngettext,
        "word": terms.word,
        "terms": terms,
        "words": words,
        "member_row": phrases.member_row,
        "counts": terms.counts,
        "emcon_rows": phrases.emcon_rows,
        "tests": phrases.tests,
        "first_thing": phrases.first_thing,
        "bearers": phrases.bearers,
        "drilling": phrases.drilling,
        "real_world_word": REAL_WORLD,
        "clock_row": phrases.clock_row,
        "quantum": terms.quantum_rows,
        "stated_here": phrases.stated_here,
        "gloss": words.gloss,
        "drill_word": terms.DRILL,
        "alarm_words": alarm_words,
        "checkup": checkup,
        "notice_words": notice_words,
        "rules": mistakes.RULES,
        "span": times.spoken,
    }
    found.filters |= {
        "plain": plain,
        "foreign": foreign,
        "dtg": dtg,
        "iso": times.iso,
        "stamp": times.stamp,
        "clock_error": times.give_or_take,
    }
    return found


def foreign(text: object) -> Markup:
    """What somebody else wrote: characters that a screen would obey shown as their numbers, each
    row on its own and kept from turning its neighbours round."""
    rows = [escape(plain(row)) for row in str(text).split("\n")]
    return Markup("").join(Markup('<bdi class="row" dir="auto">{}</bdi>').format(r) for r in rows)


_SHEETS = _environment()


def render(name: str, **values: Any) -> str:
    """A template filled."""
    return _SHEETS.get_template(name).render(values)


def sheet(
    request: Request,
    desk: Desk,
    session: Session | None,
    name: str,
    status: int = 200,
    **given: Any,
) -> HTMLResponse:
    """A whole page, with the frame that every page has."""
    values = _framed(request, desk, session) | given
    return HTMLResponse(render(name, **values), status_code=status)


def shared_sheet(
    request: Request, desk: Desk, session: Session, name: str, made_of: object, **given: Any
) -> HTMLResponse:
    """A whole page that many people have open, made once for all of them who read one language in
    the same roles, until what it is ``made_of`` or its frame is another. ``given`` may say nothing
    that ``made_of`` does not; who looks is told by the frame alone, and filled in last."""
    person = session.person
    values = _framed(request, desk, session)
    key = (name, request.url.path, request.url.query, values["language"], person.roles)
    of = (made_of, values["stand"], values["uncountersigned"], values["offered"])
    known = desk.shared.pop(key, None)
    if known is None or known[0] != of:
        somebody = replace(session, form_token=_TOKEN, person=replace(person, name=_NAME))
        common = {"session": somebody, "token": lambda: _token(somebody)}
        known = of, render(name, **(values | common | given))
    desk.shared[key] = known
    if len(desk.shared) > SHARED_MAX:
        del desk.shared[next(iter(desk.shared))]
    page = known[1].replace(_TOKEN, escape(session.form_token))
    return HTMLResponse(page.replace(_NAME, escape(plain(person.name))))


def _framed(request: Request, desk: Desk, session: Session | None) -> dict[str, Any]:
    """What the frame of every page says."""
    return {
        "desk": desk,
        "session": session,
        "language": request.scope.get("language", "en"),  # what the guard speaks
        "path": request.url.path,
        "token": lambda: _token(session),
        "uncountersigned": desk.drafts.uncountersigned() if session else [],
        "offered": desk.drafts.offered() if session else 0,
        "stand": desk.sentinel.now if session else (),
        "there": lambda time_s: there(time_s, desk.zones),
    }


def _token(session: Session | None) -> Markup:
    """What every form carries, so that only our own pages can send it."""
    token = session.form_token if session else ""
    return Markup('<input type="hidden" name="form_token" value="{}">').format(token)
