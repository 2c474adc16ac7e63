"""From a draft to what is sent: the form that people authorise, and the record of who did.

What is authorised is exactly what is sent (spec/authorisation.md): ``fix`` gives back the form of
a message and its hash, and ``say`` makes the form anew and refuses another hash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detente.core.attachment import disclose
from detente.core.body import commit, pack, quality_for, unpack
from detente.core.crypto import sha256
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft
from detente.core.leaf import Leaf, Precedence
from detente.core.line import Line
from detente.dossiers.dispatch import clean
from detente.node import asked
from detente.node.forms import Message, message_of
from detente.node.opening import clock
from detente.node.speaking import draft_of, precedence_name, progress, submit, wait_of
from detente.store.journal import canonical_json

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.store.journal import Note

Request = Mapping[str, Any]
Look = Callable[[], dict[str, Any]]
AUTHORISED = "authorisation"
COUNTERSIGNED = "countersigned"
BREAK_GLASS = "break-glass"
DESK_FOLDER = "desk"  # in a home: where it is, people authorise what is said
REASON_CHARS_MAX = 1000
PEOPLE_MAX = 8  # who may stand under one message; a charter asks for at most 3
NOTES_BACK = 1000  # of the journal are looked through where nobody says from where
# Beside body and references: frame head, elided leaf, salt, release record, signature.
FRAME_BYTES = 4 + 16 + 16 + 32 + 64
REF_BYTES = 6  # a reference to what the reader has confirmed, with its relation


# --- commands ---------------------------------------------------------------------------------


def fix(node: Node, request: Request) -> dict[str, Any]:
    """The form that people authorise, and what it costs to send; nothing is kept or sent."""
    message = message_of(node, request)
    plain = message.body.encode()
    packed = pack(plain, quality_for(0), message.line.charter.padding)
    return {
        "dtg_s": message.body.dtg_s,
        "form": canonical_json(message.form()).decode(),
        "sha256": message.digest().hex(),
        "plain_bytes": len(plain),
        "packed_bytes": len(packed),
        "frame_bytes": FRAME_BYTES + len(packed) + REF_BYTES * len(message.refs),
        "people": message.people(),
        "readers": [
            {"number": m.number, "name": m.name, "role": m.role}
            for m in message.line.charter.members
            if message.audience >> m.number & 1
        ],
        "journal": node.store.journal.size(),
    }


def fix_or_say(node: Node, request: Request, fields: Request) -> Look | dict[str, Any]:
    """A dispatch of these fields, said as ``say``. Where the request asks with ``fix``, only its
    form, and ``said``: what ``say`` is to be asked with once people have authorised it."""
    if not asked.flag(request, "fix", False):
        return say(node, {**request, **fields})
    return fix(node, {**fields, "line": request.get("line")}) | {"said": dict(fields)}


def say(node: Node, request: Request) -> Look:
    """A dispatch, or with ``accident`` an accident report; as ``release`` says it was authorised.

    LocalError NOT_ALLOWED for a message that is not the authorised one, for too few people, and
    where a desk is set up for one that nobody authorised and that gives no ``reason``. With
    ``again`` nothing is sent, and NOT_FOUND says that it never was, or was dropped.
    """
    message = message_of(node, request)
    wait_of(request)  # refused before anything is written
    given = asked.mapping(request, "release")
    if not given:
        if not (node.home.path / DESK_FOLDER).is_dir():
            return _submitted(node, message, request)
        return _break_glass(node, message, request)
    if asked.text(given, "sha256") != message.digest().hex():
        raise LocalError(Refusal.NOT_ALLOWED, "this is not what was authorised")
    statements = asked.rows(given, "by")
    missing = asked.whole(given, "missing", 0, most=3)
    _check_people(message, statements, missing)
    note = _written(node, message, AUTHORISED, asked.whole(given, "journal", -1, least=-1))
    if note is None and not asked.flag(request, "again", False):
        facts = {"by": [dict(one) for one in statements], "missing": missing}
        note = _write(node, message, AUTHORISED, facts)
    elif note is not None:
        release = note.hash
        number = _row_of(message.line, lambda draft: draft.release == release)
        found = _found_again(node, message, note, number, lambda leaf: leaf.release == release)
        if found is not None:
            return _follow(node, message, found, request)
    return _submitted(node, message, request, note, None if note is None else note.hash)


def countersign(node: Node, request: Request) -> dict[str, Any]:
    """A later authorisation of what went before it was complete, or through broken glass: a note
    that names the first."""
    digest = asked.text(request, "note")
    statements = asked.rows(request, "by")
    try:
        first = node.store.journal.find(bytes.fromhex(digest))
    except ValueError as exc:
        raise LocalError(Refusal.USAGE, "note is a hash in hex") from exc
    if first is None or first.kind not in (AUTHORISED, BREAK_GLASS):
        raise LocalError(Refusal.NOT_FOUND, "no authorisation of that hash")
    _people(statements)
    data: dict[str, object] = {"note": digest, "by": [dict(one) for one in statements]}
    written = node.store.journal.append(COUNTERSIGNED, clock(node.home).wall_s, data)
    return {"note": written.hash.hex()}


def authorisation_of(node: Node, leaf: Leaf) -> dict[str, object] | None:
    """What our journal says of those who authorised an entry; None if nothing."""
    note = None if leaf.release is None else node.store.journal.find(leaf.release)
    return None if note is None else note.data


# --- the record ---------------------------------------------------------------------------------


def _submitted(
    node: Node,
    message: Message,
    request: Request,
    note: Note | None = None,
    release: bytes | None = None,
) -> Look:
    if asked.flag(request, "again", False):
        raise LocalError(Refusal.NOT_FOUND, "this message was never queued, or it was dropped")
    look = submit(
        node,
        message.line,
        message.kind,
        request,
        body=message.body.encode(),
        audience=message.audience,
        refs=message.refs,
        extra=bytes(message.relations),
        precedence=message.precedence,
        release=release,
        files=message.files,
    )
    return look if note is None else lambda: look() | {"note": note.hash.hex()}


def _people(statements: Sequence[Request]) -> set[str]:
    """Who signed, each counted once. LocalError USAGE, OVERSIZE."""
    if len(statements) > PEOPLE_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{len(statements)} people under one message")
    people = {asked.text(one, "person") for one in statements} - {""}
    if not people:
        raise LocalError(Refusal.NOT_ALLOWED, "nobody authorised it")
    return people


def _check_people(message: Message, statements: Sequence[Request], missing: int) -> None:
    code, people = precedence_name(message.precedence), len(_people(statements))
    if missing and message.precedence < Precedence.FLASH:
        detail = f"{code} waits for everybody: only FLASH goes before its second authorisation"
        raise LocalError(Refusal.NOT_ALLOWED, detail)
    if people + missing < message.people():
        detail = f"{people} authorised, and the charter asks for {message.people()} at {code}"
        raise LocalError(Refusal.NOT_ALLOWED, detail)


def _record(message: Message) -> dict[str, object]:
    """The form without its text, which is the entry's and may be purged."""
    form = message.form()
    del form["body"]
    return {"form": form, "sha256": message.digest().hex(), "people": message.people()}


def _write(node: Node, message: Message, kind: str, facts: dict[str, object]) -> Note:
    own = message.line.own
    data = _record(message) | facts | {"own_size": 0 if own is None else own.size}
    return node.store.journal.append(kind, clock(node.home).wall_s, data)


def _break_glass(node: Node, message: Message, request: Request) -> Look:
    reason = clean(asked.text(request, "reason", ""))
    if not reason.strip():
        detail = "people authorise at the desk; only a reason breaks the glass (--reason)"
        raise LocalError(Refusal.NOT_ALLOWED, detail)
    if len(reason) > REASON_CHARS_MAX:
        raise LocalError(Refusal.OVERSIZE, f"a reason has at most {REASON_CHARS_MAX} characters")
    fixed = request.get("dtg_s") is not None  # else the same words said twice are two messages
    note = _written(node, message, BREAK_GLASS, -1) if fixed else None
    if note is not None:
        number, commitment = _same_text(message, note)
        found = _found_again(
            node, message, note, number, lambda leaf: leaf.commitment == commitment
        )
        if found is not None:
            return _follow(node, message, found, request)
    elif not asked.flag(request, "again", False):
        note = _write(node, message, BREAK_GLASS, {"reason": reason})
        code = precedence_name(message.precedence)
        node.tell(BREAK_GLASS, line=message.line.id, precedence=code)
    return _submitted(node, message, request, note)


# --- asked again ----------------------------------------------------------------------------------


def _written(node: Node, message: Message, kind: str, start: int) -> Note | None:
    """The record of this very form, from note ``start`` on: the desk asks again after a crash."""
    journal, wanted = node.store.journal, message.digest().hex()
    size = journal.size()
    first = max(0, size - NOTES_BACK) if start < 0 else start
    for note in journal.read(first, size):
        if note.kind == kind and note.data and note.data.get("sha256") == wanted:
            return note
    return None


def _row_of(line: Line, ours: Callable[[Draft], bool]) -> int:
    """The outbox row of a message, or -1."""
    return next((n for n, row in line.queue.rows.items() if ours(draft_of(line, row))), -1)


def _same_text(message: Message, note: Note) -> tuple[int, bytes]:
    """Where this very text was queued or entered since its note; no leaf names that note."""
    line, plain = message.line, message.body.encode()

    def same(body: bytes | None, attached: bool) -> bool:
        if body is None or attached != bool(message.files):
            return False
        told, text = disclose(unpack(body)) if attached else ((), unpack(body))
        hashes = [sha256(file.data) for file in message.files]
        return text == plain and [one.sha256 for one in told] == hashes

    number = _row_of(
        line, lambda draft: draft.kind == message.kind and same(draft.body, draft.attached)
    )
    if number >= 0:
        draft = draft_of(line, line.queue.rows[number])
        return number, commit(draft.salt, draft.body or b"")
    own = line.own
    for index in range(_size_then(note), 0 if own is None else own.size):
        assert own is not None  # noqa: S101  # size is not 0
        entry = line.shelf.entry(own.id, index)
        leaf = entry.leaf
        if leaf is not None and leaf.kind == message.kind and same(entry.body, leaf.attached):
            return -1, leaf.commitment or b""
    return -1, b""


def _size_then(note: Note) -> int:
    kept = None if note.data is None else note.data.get("own_size")
    return kept if isinstance(kept, int) else 0


@dataclass(frozen=True, slots=True)
class Again:
    """A message queued before: its record, its row if it waits, how its leaf is known."""

    note: Note
    number: int
    ours: Callable[[Leaf], bool]


def _found_again(
    node: Node, message: Message, note: Note, number: int, ours: Callable[[Leaf], bool]
) -> Again | None:
    """None where a record was written and its message never queued."""
    found = progress(node, message.line, number, _size_then(note), ours, "queued")
    return None if number < 0 and found["entry"] is None else Again(note, number, ours)


def _follow(node: Node, message: Message, again: Again, request: Request) -> Look:
    wait, start = wait_of(request), _size_then(again.note)
    facts = {"note": again.note.hash.hex(), "again": True}
    return lambda: progress(node, message.line, again.number, start, again.ours, wait) | facts
