"""Files beside a dispatch at a node: read, sealed, told of, and saved where a person says.

Nothing here looks into a file: its type is what its author calls it (spec/attachments.md §5).
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detente.core import limits
from detente.core.attachment import Attachment, describe, seal, unseal
from detente.core.crypto import AEAD_KEY_BYTES, sha256
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.extras import decode_over_quota
from detente.core.fetching import DAY_S, attachments_of, states_whole
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.quotas import ATTACHMENTS
from detente.core.transcript import Entry
from detente.dossiers.dispatch import attachment_form as form_of
from detente.dossiers.dispatch import clean
from detente.node import asked
from detente.node.places import entry_word, find_entry, find_line

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """A file that is to go beside a dispatch, as it was read."""

    name: str
    media_type: str
    data: bytes

    def form(self) -> dict[str, object]:
        """What people authorise of it (spec/authorisation.md §2)."""
        return {
            "name": self.name,
            "media_type": self.media_type,
            "size_bytes": len(self.data),
            "sha256": sha256(self.data).hex(),
        }


def files_of(request: Request) -> tuple[File, ...]:
    """The files that a request names by absolute paths, read once. LocalError NOT_FOUND, OVERSIZE
    or USAGE."""
    rows = asked.rows(request, "attachments")
    if len(rows) > limits.ATTACHMENTS_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{limits.ATTACHMENTS_MAX} attachments at most")
    files, left = [], limits.ATTACHED_BYTES_MAX
    for row in rows:
        path = Path(asked.text(row, "path"))
        if not path.is_absolute():
            raise LocalError(Refusal.USAGE, "say an absolute path")
        name = clean(asked.text(row, "name", path.name))
        files.append(File(name, _type_of(name), _read(path, left)))
        left -= len(files[-1].data)
    return tuple(files)


def _type_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or UNKNOWN_TYPE


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as exc:  # ValueError: a name with a NUL
        raise LocalError(Refusal.NOT_FOUND, f"{path} cannot be read") from exc
    if len(data) > most:
        raise LocalError(
            Refusal.OVERSIZE, f"attachments of more than {limits.ATTACHED_BYTES_MAX} bytes"
        )
    if not data:
        raise LocalError(Refusal.USAGE, f"{path} is empty")
    return data


def sealed(
    node: Node, files: Sequence[File]
) -> tuple[list[Attachment], tuple[tuple[bytes, ...], ...]]:
    """What the body says of each file, and its chunks under a key of its own."""
    keys = [node.entropy(AEAD_KEY_BYTES) for _ in files]
    pairs = list(zip(files, keys, strict=True))
    told = [describe(file.name, file.media_type, file.data, key) for file, key in pairs]
    return told, tuple(seal(file.data, key) for file, key in pairs)


# --- what people see ------------------------------------------------------------------------------


def attachments_view(line: Line, entry: Entry) -> dict[str, Any]:
    """What an entry's attachments are called, how long they are, and how much of each is here."""
    parts = line.shelf.attachments(*entry.place)
    shown = []
    for number, told in enumerate(attachments_of(entry)):
        state, held = "not-taken", 0
        if number < len(parts):
            part = parts[number]
            held = min(part.held * limits.CHUNK_BYTES, told.size_bytes)
            state = "whole" if part.is_whole else "arriving"
        shown.append(form_of(told) | {"number": number, "held_bytes": held, "state": state})
    if not shown:
        return {}
    found: dict[str, Any] = {"attachments": shown}
    if entry.place.log.member == line.me:
        numbers = _declined_by(line, entry)
        members = [m for m in line.charter.members if m.number in numbers]
        found["attachments_declined_by"] = [member.name for member in members]
    return found


def arriving(line: Line) -> list[dict[str, Any]]:
    """The entries whose attachments are not whole here, the most urgent first, and how many of
    their bytes are."""
    found = []
    for one in sorted(line.arriving.values(), key=lambda one: -one.precedence):
        if not one.is_whole:
            held = sum(min(p.held * limits.CHUNK_BYTES, p.size_bytes) for p in one.parts)
            whole = sum(part.size_bytes for part in one.parts)
            word = entry_word(line.shelf.entry(*one.place))
            found.append({"entry": word, "held_bytes": held, "bytes": whole})
    return found


def _declined_by(line: Line, entry: Entry) -> set[int]:
    """The members whose logs say that they do not take these: over what the charter grants us."""
    leaf, place = entry.leaf, entry.place
    day = 0 if leaf is None else leaf.time_s // DAY_S
    numbers = set()
    for at in line.shelf.of_kind([Kind.OVER_QUOTA]):
        said = line.shelf.entry(*at).leaf
        try:
            over = None if said is None else decode_over_quota(said.extra)
        except PeerError:
            continue
        if over is None or over.which != ATTACHMENTS or over.log != place.log:
            continue
        covered = over.index <= place.index and day <= over.day
        if covered and not states_whole(line, entry, at.log.member):
            numbers.add(at.log.member)
    return numbers


# --- saved ----------------------------------------------------------------------------------------


def save(node: Node, request: Request) -> dict[str, Any]:
    """One attachment of an entry, opened and compared with the hash its author named: into a new
    file in the folder ``path``, or without one as base64.

    LocalError NOT_FOUND for none of that number, NOT_HELD while it is not whole, UNREADABLE where
    it is not what its author named, IN_USE where a file of that name is there.
    """
    line = find_line(node.station, request.get("line"))
    entry = find_entry(line, asked.text(request, "entry"))
    number, told = asked.whole(request, "number"), attachments_of(entry)
    if number >= len(told):
        raise LocalError(Refusal.NOT_FOUND, f"no attachment {number}")
    parts = line.shelf.attachments(*entry.place)
    if number >= len(parts) or not parts[number].is_whole:
        raise LocalError(Refusal.NOT_HELD, f"attachment {number} is not whole here")
    one = told[number]
    data = unseal(one, line.shelf.chunks(*entry.place, number, 0, one.chunks))
    if request.get("path") is None:
        return form_of(one) | {"data_b64": base64.b64encode(data).decode()}
    path = Path(asked.text(request, "path")) / one.name
    if not path.is_absolute():
        raise LocalError(Refusal.USAGE, "say an absolute path")
    _write(path, data)
    return form_of(one) | {"path": str(path)}


def _write(path: Path, data: bytes) -> None:
    """A new file that its owner alone reads, and that nobody can run."""
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(data)
    except FileExistsError as exc:
        raise LocalError(Refusal.IN_USE, f"{path} exists already") from exc
    except OSError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"cannot write {path}: {exc.strerror}") from exc
