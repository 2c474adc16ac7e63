"""Entering something on a line; marks, translations, link tests, purges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from detente.core.attachment import disclose, enclose
from detente.core.body import SALT_BYTES, commit, pack, quality_for, unpack
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft, OutboxRow, Submit
from detente.core.extras import Duty, Grade, Mark, Rung, Stater, Translation
from detente.core.identity import is_witness
from detente.core.leaf import CONTENT, Kind, Leaf, LogId, Precedence
from detente.core.line import Line
from detente.dossiers.dispatch import (
    Comment,
    Dispatch,
    TestText,
    TranslationText,
    clean,
    decode_dispatch,
)
from detente.dossiers.linktest import slot_at
from detente.dossiers.neutral import sentence
from detente.node import asked
from detente.node.attachments import File, sealed
from detente.node.opening import clock
from detente.node.places import entry_word, find_entry, find_line

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
WAITS = ("queued", "sent", "received")


def precedence_name(value: int) -> str:
    """The Latin code, the same in every language."""
    return Precedence(value).name


def named(choices: Any, word: object) -> Any:
    """The member of an enum that a word of commands means. LocalError USAGE for another word."""
    try:
        return choices[str(word).upper().replace("-", "_")]
    except KeyError as exc:
        known = ", ".join(str(one.name).lower().replace("_", "-") for one in choices)
        raise LocalError(Refusal.USAGE, f"{word} is none of {known}") from exc


def audience_of(line: Line, names: Sequence[str]) -> int:
    """The mask of those addressed; ourselves always. NOT_FOUND for a name nobody has, NOT_ALLOWED
    for an observer."""
    readers = line.charter.readers()
    if not names:
        return readers
    mask = 1 << line.me
    for name in names:
        found = [m for m in line.charter.members if str(m.number) == name or m.name == name]
        if len(found) != 1:
            raise LocalError(Refusal.NOT_FOUND, f"no member {name}")
        mask |= 1 << found[0].number
    if mask & ~readers:
        raise LocalError(Refusal.NOT_ALLOWED, "an observer reads no content")
    return mask


def wait_of(request: Request) -> str:
    """What the caller waits for. LocalError USAGE for anything else than WAITS."""
    wait = asked.text(request, "wait", "queued")
    if wait not in WAITS:
        raise LocalError(Refusal.USAGE, f"wait is one of {', '.join(WAITS)}")
    return wait


def submit(
    node: Node,
    line: Line,
    kind: Kind,
    request: Request,
    *,
    body: bytes | None = None,
    audience: int | None = None,
    refs: tuple[bytes, ...] = (),
    extra: bytes = b"",
    precedence: Precedence = Precedence.ROUTINE,
    release: bytes | None = None,
    files: Sequence[File] = (),
) -> Callable[[], dict[str, Any]]:
    """Makes a draft durable and says what has become of it; asked again by whoever waits."""
    wait = wait_of(request)
    packed, salt = None, b""
    told, boxes = sealed(node, files)
    if body is not None:
        body = enclose(told, body) if told else body
        queued = line.queue.before(precedence)
        packed = pack(body, quality_for(queued), line.charter.padding)
        salt = node.entropy(SALT_BYTES)
    draft = Draft(
        kind=kind,
        audience=line.charter.readers() if audience is None else audience,
        precedence=precedence,
        drill=asked.flag(request, "drill", False) or line.charter.drill,
        refs=refs,
        extra=extra,
        body=packed,
        salt=salt,
        release=release,
        attached=bool(told),
    )
    number = line.queue.next_number
    own = line.own
    start = 0 if own is None else own.size
    node.submit(Submit(line.id, draft, boxes))
    commitment = None if packed is None else commit(salt, packed)

    def ours(leaf: Leaf) -> bool:
        if leaf.kind != draft.kind or leaf.commitment != commitment:
            return False
        return commitment is not None or (leaf.refs, leaf.extra) == (draft.refs, draft.extra)

    return lambda: progress(node, line, number, start, ours, wait)


def progress(
    node: Node, line: Line, number: int, start: int, ours: Callable[[Leaf], bool], wait: str
) -> dict[str, Any]:
    """What has become of outbox row ``number``: the first leaf of our log from ``start`` on that
    is ``ours``, and whether all have signed that they hold it."""
    if number in line.queue.rows:
        waits = {"number": number, "state": "queued", "entry": None, "done": wait == "queued"}
        until_s = node.emcon.until_s()
        return waits if until_s is None else waits | {"receive_only_until_s": until_s}
    own = line.own
    size = 0 if own is None else own.size
    for index in range(start, size):
        assert own is not None  # noqa: S101  # size is not 0
        entry = own.recent.get(index) or line.shelf.entry(own.id, index)
        leaf = entry.leaf
        if leaf is None or not ours(leaf):
            continue
        state = "sent" if unheld(node, line, own.id, index, leaf.audience) else "received"
        return {
            "number": number,
            "state": state,
            "entry": entry_word(entry),
            "index": index,
            "hash": entry.hash.hex(),
            "done": wait != "received" or state == "received",
        }
    return {"number": number, "state": "sent", "entry": None, "done": True}


def unheld(node: Node, line: Line, own: LogId, index: int, audience: int) -> int:
    """Which of the audience have not signed that they hold an entry of ours: neither by a `seen`
    nor by a cosignature, which says the same and comes first below IMMEDIATE."""
    wanted = audience & ~(1 << line.me)
    for log in line.logs.values():
        if log.stated.get(own, 0) > index:
            wanted &= ~(1 << log.id.member)
    if wanted:
        for one in node.store.cosignatures(line.id, own, index + 1):
            if not is_witness(one.name):
                wanted &= ~(1 << one.member)
            if not wanted:
                break
    return wanted


# --- commands ---------------------------------------------------------------------------------


def language_of(line: Line, request: Request) -> str:
    """The language of a text: as asked, else the first of the charter."""
    return asked.text(request, "language", line.charter.languages[0])


def mark(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """A later rung, stated for a person at this desk, about an entry addressed to us."""
    line = find_line(node.station, request.get("line"))
    entry = find_entry(line, asked.text(request, "entry"))
    rung = named(Rung, asked.text(request, "rung"))
    leaf = entry.leaf
    if leaf is None or not leaf.reads(line.me):
        raise LocalError(Refusal.NOT_IN_AUDIENCE, "this entry was not addressed to us")
    ours = entry.place.log.member == line.me
    if ours and rung not in (Rung.MISDIRECTED, Rung.DISPUTED):
        raise LocalError(Refusal.NOT_ALLOWED, "a rung is stated by those who received the entry")
    stater = named(Stater, asked.text(request, "stater", "watch"))
    detail = asked.whole(request, "detail", 0, most=3)
    comment = asked.text(request, "comment", "")
    body = None
    if comment:
        body = Comment(language=language_of(line, request), text=clean(comment)).encode()
    return submit(
        node,
        line,
        Kind.MARK,
        request,
        body=body,
        refs=(entry.hash,),
        extra=Mark(rung, stater, detail).encode(),
        precedence=Precedence(min(leaf.precedence, Precedence.PRIORITY)),
    )


def translate(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """A translation, as an entry of its own beside the original, for the same readers."""
    line = find_line(node.station, request.get("line"))
    entry = find_entry(line, asked.text(request, "entry"))
    if entry.leaf is None or not entry.leaf.reads(line.me):
        raise LocalError(Refusal.NOT_IN_AUDIENCE, "this entry was not addressed to us")
    grade = named(Grade, asked.text(request, "grade", "sight"))
    stater = named(Stater, asked.text(request, "stater", "watch"))
    body = TranslationText(
        language=asked.text(request, "language"),
        subject=clean(asked.text(request, "subject", "")),
        text=clean(asked.text(request, "text")),
    )
    return submit(
        node,
        line,
        Kind.TRANSLATION,
        request,
        body=body.encode(),
        audience=entry.leaf.audience,
        refs=(entry.hash,),
        extra=Translation(grade, stater).encode(),
    )


def test(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """A link test with the neutral sentence of this turn."""
    line = find_line(node.station, request.get("line"))
    language = line.charter.languages[0]
    number = slot_at(line.charter, clock(node.home).wall_s).sentence
    text = sentence(number, language) or sentence(number, "en") or ""
    shown = language if sentence(number, language) is not None else "en"
    body = TestText(language=shown, number=number, text=text)
    return submit(node, line, Kind.TEST, request, body=body.encode())


def purge(node: Node, request: Request) -> Callable[[], dict[str, Any]]:
    """Destroys the body of an entry of ours, here now and at every holder that keeps the rules."""
    line = find_line(node.station, request.get("line"))
    entry = find_entry(line, asked.text(request, "entry"))
    if entry.place.log.member != line.me:
        raise LocalError(Refusal.NOT_ALLOWED, "only the author purges a body")
    if entry.leaf is None or entry.leaf.commitment is None or entry.leaf.kind not in CONTENT:
        raise LocalError(Refusal.NOT_ALLOWED, "this entry has no body that may be purged")
    audience = line.charter.everyone()
    look = submit(node, line, Kind.PURGED, request, refs=(entry.hash,), audience=audience)
    node.purge(line, (entry.hash,))
    return look


def state_duty(node: Node, duty: Duty) -> None:
    """What the line is told of the desk: on, off or relieved, never who."""
    for line in node.station.lines.values():
        if line.is_open() and not (line.mute or line.left):
            audience = line.charter.everyone()
            draft = Draft(kind=Kind.DUTY, audience=audience, extra=bytes((duty,)))
            node.submit(Submit(line.id, draft))


def draft_of(line: Line, row: OutboxRow) -> Draft:
    """The draft of an outbox row, from the store where only its precedence is in memory."""
    return row.draft if row.draft.kind >= 0 else line.shelf.outbox_draft(row.number)


def subject_of(line: Line, row: OutboxRow) -> str:
    """The subject of a dispatch that waits; empty for other kinds."""
    draft = draft_of(line, row)
    if draft.kind != Kind.DISPATCH or draft.body is None:
        return ""
    return dispatch_of(draft).subject


def dispatch_of(draft: Draft) -> Dispatch:
    """What a dispatch of ours says that waits in the outbox."""
    plain = unpack(draft.body or b"")
    return decode_dispatch(disclose(plain)[1] if draft.attached else plain)
