"""What an auditor takes away and looks at: proofs, exports, the journal; and the system's state.

All of it is read: no page here takes a form. That a proof was taken is noted in the journal.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from detente.core.errors import LocalError, Refusal
from detente.desk import journal_words, noting
from detente.desk.desk import Desk, wall_s
from detente.desk.guard import page
from detente.desk.node_side import gone
from detente.desk.sessions import Session
from detente.desk.sheets import sheet
from detente.desk.writing import line_of
from detente.node.releasing import DESK_FOLDER

NOTES_SHOWN = 50
CHUNK_BYTES = 1 << 20
EXPORT_S = 600.0


@page("prove")
async def proof(request: Request, desk: Desk, session: Session) -> Response:
    """A proof of one entry with all that was stated about it, to be checked anywhere."""
    line = await line_of(desk, request.path_params["line"])
    view = await desk.node.look("show", line=line["line"], entry=request.path_params["entry"])
    made = await desk.node.ask("prove", line=line["line"], entry=view["place"], bundle=True)
    _note(desk, session, line["line"], view["entry"])
    await noting.tell(desk)
    name = f"{view['entry'].replace('/', '-').replace(':', '-')}.proof"
    return _download(base64.b64decode(made["proof_b64"]), name)


@page("prove")
async def export(request: Request, desk: Desk, session: Session) -> Response:
    """The whole transcript of a line, as of now. It is made beside the desk's file and gone when
    it has been sent."""
    line = await line_of(desk, request.path_params["line"])
    path = desk.home / DESK_FOLDER / f"export-{secrets.token_hex(8)}"
    try:
        await desk.node.ask("export", line=line["line"], path=str(path), timeout_s=EXPORT_S)
    except LocalError:
        path.unlink(missing_ok=True)
        raise
    _note(desk, session, line["line"], "")
    await noting.tell(desk)
    answer = StreamingResponse(_chunks(path), media_type="application/octet-stream")
    answer.headers["content-disposition"] = _attached(f"{line['line'][:16]}.transcript")
    return answer


@page("journal")
async def journal(request: Request, desk: Desk, session: Session) -> Response:
    """The party's own log, newest first."""
    before = request.query_params.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 13):
        raise LocalError(Refusal.USAGE, f"«{before}» is no number of a note")
    asked: dict[str, Any] = {"limit": NOTES_SHOWN}
    notes = await desk.node.look("journal", **asked, **({"before": int(before)} if before else {}))
    lines = await desk.node.look("lines")
    called = {one["line"]: one["title"] for one in lines}
    called |= {member["party"]: member["name"] for one in lines for member in one["members"]}
    rows = [
        {**note, "read": journal_words.read(note, called), "kept": _kept(note["data"])}
        for note in reversed(notes)
    ]
    earlier = notes[0]["index"] if notes and notes[0]["index"] else ""
    return sheet(request, desk, session, "journal.html", notes=rows, earlier=earlier)


@page("system")
async def system(request: Request, desk: Desk, session: Session) -> Response:
    """What the doctor finds, what runs, and what the desk itself lacks."""
    status, findings = None, []
    try:
        status = await desk.node.look("status")
        findings = await desk.node.look("doctor")
    except LocalError as error:
        if not gone(error):
            raise
    return sheet(
        request,
        desk,
        session,
        "system.html",
        node=status,
        findings=findings,
        trouble=desk.sentinel.trouble,
        watchers=desk.live.watchers,
        unsaid=desk.cabinet.rows("SELECT count(*) FROM unsaid")[0][0],
    )


def _note(desk: Desk, session: Session, line: str, entry: str) -> None:
    """That somebody took something with them."""
    data = {"who": session.person.name, "line": line, "entry": entry}
    noting.put(desk.cabinet, "proof-taken", wall_s(), **data)


def _kept(data: dict[str, Any] | None) -> str:
    """What a note holds, as it is kept; a purged one says nothing any more."""
    return "" if data is None else json.dumps(data, ensure_ascii=False, sort_keys=True, indent=1)


def _download(data: bytes, name: str) -> Response:
    answer = Response(data, media_type="application/octet-stream")
    answer.headers["content-disposition"] = _attached(name)
    return answer


def _attached(name: str) -> str:
    kept = "".join(char for char in name if char.isascii() and (char.isalnum() or char in "-._"))
    return f'attachment; filename="{kept}"'


def _chunks(path: Path) -> Iterator[bytes]:
    """A file in pieces, unlinked before the first: nothing is left of it however this ends."""
    with path.open("rb") as file:
        path.unlink()
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


ROUTES = [
    Route("/line/{line}/entry/{entry:path}/proof", proof),
    Route("/line/{line}/export", export),
    Route("/journal", journal),
    Route("/system", system),
]
