"""What goes on paper: one dispatch, or a day, with its proof facts and groups to be read aloud."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente.core.errors import LocalError, Refusal
from detente.desk import voice
from detente.desk.desk import Desk, wall_s
from detente.desk.find_page import DAY_S, search
from detente.desk.guard import page
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of
from detente.times import parse_time

DAY_ENTRIES_MAX = 2000  # of one sheet; a longer day says that it is not whole
DAY_PATIENCE_S = 20.0
_GROUPS = 8
_DIGITS = 5


def spoken(digest: bytes) -> str:
    """Thirty-two bytes as 40 digits in 8 groups of five, for two watches to compare by voice: as
    the digits of a card are made (spec/identity.md §4), and as hard to hit by chance."""
    number = int.from_bytes(digest, "big") % 10 ** (_GROUPS * _DIGITS)
    text = f"{number:0{_GROUPS * _DIGITS}d}"
    return " ".join(text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS))


def spoken_of_day(hashes: Iterable[str]) -> str:
    """The groups of a day: of its entries' leaf hashes in ascending order, so that they are equal
    at two desks exactly where both hold the same entries of it."""
    joined = b"".join(sorted(bytes.fromhex(one) for one in hashes))
    return spoken(hashlib.sha256(b"detente day sheet v1\n" + joined).digest())


@page()
async def one(request: Request, desk: Desk, session: Session) -> Response:
    """One entry on A4."""
    line = await line_of(desk, request.path_params["line"])
    view = await desk.node.look("show", line=line["line"], entry=request.path_params["entry"])
    return sheet(
        request,
        desk,
        session,
        "paper.html",
        line=line,
        entries=[view],
        calls=[],
        day="",
        whole=True,
        groups=spoken(bytes.fromhex(view["hash"])),
        groups_of=_groups_of,
        printed_s=wall_s(),
    )


@page()
async def day(request: Request, desk: Desk, session: Session) -> Response:
    """A day of UTC on A4: every message of it, and what was said by voice."""
    line, text = await line_of(desk, request.path_params["line"]), request.path_params["day"]
    from_s = parse_time(text)
    if len(text) != len("2026-02-05") or from_s < 0:
        raise LocalError(Refusal.USAGE, f"«{text}» is not a day like 2026-02-05")
    to_s = from_s + DAY_S - 1
    found = await search(
        desk,
        line["line"],
        {"from_s": from_s, "to_s": to_s},
        limit=DAY_ENTRIES_MAX,
        patience_s=DAY_PATIENCE_S,
    )
    entries = sorted(found["entries"], key=lambda view: (view["time_s"], view["place"]))
    return sheet(
        request,
        desk,
        session,
        "paper.html",
        line=line,
        entries=entries,
        calls=voice.calls(desk.cabinet, line["line"], from_s, to_s),
        day=text,
        whole=not found["further"],
        groups=spoken_of_day(view["hash"] for view in entries),
        groups_of=_groups_of,
        printed_s=wall_s(),
    )


def _groups_of(view: dict[str, Any]) -> str:
    return spoken(bytes.fromhex(view["hash"]))


ROUTES = [
    Route("/line/{line}/entry/{entry:path}/print", one),
    Route("/line/{line}/day/{day}", day),
]
