"""The page that finds entries of a line, and the day on one sheet of paper."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente.core.leaf import Precedence
from detente.desk.desk import Desk
from detente.desk.guard import page
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of
from detente.times import parse_time

SHOWN = 50
FOUND_MAX = 200  # that the node gives at once
PATIENCE_S = 3.0  # that one page reads back; «search on» goes further
DAY_S = 86_400
FIELDS = ("words", "entry", "precedence", "author", "rung", "state", "kind", "from", "to")
RUNGS = ("received", "seen", "passed-on", "read-back", "with-principal", "answered", "declined")
STATES = ("open", "overdue", "answered", "unanswered")
KINDS = ("dispatch", "accident", "translation", "test")


@page()
async def find(request: Request, desk: Desk, session: Session) -> Response:
    """Entries that are all that is asked for, newest first."""
    line = await line_of(desk, request.path_params["line"])
    wish = {name: request.query_params.get(name, "").strip() for name in FIELDS}
    before = request.query_params.get("before", "")
    found: dict[str, Any] | None = None
    if any(wish.values()):
        found = await search(desk, line["line"], _asked(wish), before=before)
    return sheet(
        request,
        desk,
        session,
        "find.html",
        line=line,
        wish=wish,
        found=found,
        precedences=[one.name for one in Precedence],
        rungs=RUNGS,
        states=STATES,
        kinds=KINDS,
    )


async def search(
    desk: Desk,
    line: str,
    asked: Mapping[str, Any],
    *,
    before: str = "",
    limit: int = SHOWN,
    patience_s: float = PATIENCE_S,
) -> dict[str, Any]:
    """Asks the node again and again until there is enough, all is read or patience ends."""
    until_s = time.monotonic() + patience_s
    entries: list[dict[str, Any]] = []
    looked = 0
    while True:
        left = limit - len(entries)
        answer = await desk.node.ask(
            "find", line=line, before=before, limit=min(left, FOUND_MAX), **asked
        )
        entries += answer["entries"]
        before, looked = answer["further"], looked + answer["looked"]
        if not before or len(entries) >= limit or time.monotonic() > until_s:
            return {"entries": entries, "further": before, "looked": looked}


def _asked(wish: Mapping[str, str]) -> dict[str, Any]:
    """What the node is asked; days are whole days of UTC. LocalError USAGE for no date."""
    asked: dict[str, Any] = {
        name: wish[name] for name in FIELDS if wish[name] and name not in ("from", "to")
    }
    if wish["from"]:
        asked["from_s"] = max(0, parse_time(wish["from"]))
    if wish["to"]:
        end_s = parse_time(wish["to"])
        asked["to_s"] = max(0, end_s + DAY_S - 1 if len(wish["to"]) <= len("2026-02-05") else end_s)
    return asked


ROUTES = [Route("/line/{line}/find", find)]
