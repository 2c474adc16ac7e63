"""Files of drafts, kept at this desk until they go; files of entries, handed out and never shown.

What somebody else sent leaves here as bytes alone: to be saved, under a neutral name, and allowed
nothing in a browser (spec/attachments.md §5).
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from detente.core.errors import Refusal
from detente.core.limits import ATTACHED_BYTES_MAX, ATTACHMENTS_MAX, NAME_CHARS_MAX
from detente.desk.desk import Desk, wall_s
from detente.desk.drafts import WRITING, Draft
from detente.desk.guard import page
from detente.desk.refusing import refusal
from detente.desk.sessions import Session
from detente.node.releasing import DESK_FOLDER
from detente.words import marked

FILES_FOLDER: Final = "files"
UPLOAD_BYTES_MAX: Final = ATTACHED_BYTES_MAX + 65_536  # and the form around them
SAVED_ALONE: Final = {
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


@page("draft", bytes_max=UPLOAD_BYTES_MAX)
async def attach(request: Request, desk: Desk, _session: Session) -> Response:
    """One or more files beside a draft that is written. They are kept here until it goes."""
    draft = _written(request, desk)
    kept = list(draft.fields.get("attachments", ()))
    before = len(kept)
    for given in (await request.form()).getlist("file"):
        if isinstance(given, UploadFile) and given.filename:
            data = await given.read()
            _check(kept, data)
            kept.append(_keep(desk, draft, given.filename, data))
    if len(kept) > before:
        desk.drafts.save(
            draft.number, draft.version, draft.fields | {"attachments": kept}, wall_s()
        )
    return RedirectResponse(draft.address, 303)


@page("draft")
async def detach(request: Request, desk: Desk, _session: Session) -> Response:
    """One file less."""
    draft = _written(request, desk)
    name = str((await request.form()).get("file", ""))
    found = draft.fields.get("attachments", ())
    kept = [one for one in found if Path(one["path"]).name != name]
    fields = {**draft.fields, "attachments": kept}
    if not kept:
        del fields["attachments"]
    desk.drafts.save(draft.number, draft.version, fields, wall_s())
    _unlink(one for one in found if one not in kept)
    return RedirectResponse(draft.address, 303)


def let_go(draft: Draft) -> None:
    """The files of a draft that was sent or thrown away leave this desk."""
    _unlink(draft.fields.get("attachments", ()))


def _unlink(files: Iterable[Mapping[str, Any]]) -> None:
    for one in files:
        Path(one["path"]).unlink(missing_ok=True)


def _written(request: Request, desk: Desk) -> Draft:
    draft = desk.drafts.get(int(request.path_params["draft"]))
    if draft.state != WRITING or draft.kind != "dispatch":
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("No file can be put beside this now"),
            marked("Only a dispatch that is being written takes files."),
        )
    return draft


def _check(kept: list[dict[str, Any]], data: bytes) -> None:
    """Refuses what the node would refuse later, when whoever chose the file has gone."""
    total = sum(Path(one["path"]).stat().st_size for one in kept) + len(data)
    if not data or total > ATTACHED_BYTES_MAX or len(kept) >= ATTACHMENTS_MAX:
        raise refusal(
            Refusal.OVERSIZE,
            marked("The file is empty, or too much with those that are there"),
            marked("Eight files of 16 MiB together go beside one dispatch."),
        )


def _keep(desk: Desk, draft: Draft, filename: str, data: bytes) -> dict[str, Any]:
    folder = desk.home / DESK_FOLDER / FILES_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{draft.number}-{secrets.token_hex(8)}"
    with path.open("xb") as file:
        path.chmod(0o600)
        file.write(data)
    return {"path": str(path), "name": fit_name(filename), "size_bytes": len(data)}


def fit_name(name: str) -> str:
    """What a browser calls a file, as an entry may name it: its own last part, plain, and short
    enough with its ending."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    kept = "".join(char if char.isprintable() and char != ":" else "_" for char in last)
    stem, dot, ending = kept.strip(" .").rpartition(".")
    ending = dot + ending if stem and len(ending) < 10 else ""
    whole = kept.strip(" .").removesuffix(ending)[: NAME_CHARS_MAX - len(ending)] + ending
    return whole.strip(" .") or "attachment"


@page()
async def download(request: Request, desk: Desk, _session: Session) -> Response:
    """One attachment of an entry, to be saved: never shown, run, or named by who sent it."""
    place, number = request.path_params["entry"], int(request.path_params["number"])
    found = await desk.node.ask(
        "attachment", line=request.path_params["line"], entry=place, number=number
    )
    answer = Response(base64.b64decode(found["data_b64"]), media_type="application/octet-stream")
    answer.headers.update(SAVED_ALONE)
    name = f"attachment-{found['sha256'][:16]}.bin"
    answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer


ROUTES = [
    Route("/draft/{draft:int}/attach", attach, methods=["POST"]),
    Route("/draft/{draft:int}/detach", detach, methods=["POST"]),
    Route("/line/{line}/entry/{entry:path}/attachment/{number:int}", download),
]
