"""The bytes of a draft in the outbox, before they are sealed. Private to one store: never sent."""

from __future__ import annotations

from detente.core import limits
from detente.core.encoding import Reader, counted, varint
from detente.core.errors import MachineError, PeerError, Refusal
from detente.core.events import Draft

_DRILL, _BODY, _RELEASE, _ATTACHED = 1, 2, 4, 8


def encode_draft(draft: Draft) -> bytes:
    """Kind, precedence, flags, audience, references, extra; then body with salt, and release."""
    flags = (_DRILL if draft.drill else 0) | (_ATTACHED if draft.attached else 0)
    parts = [
        varint(draft.audience),
        varint(len(draft.refs)),
        *draft.refs,
        counted(draft.extra),
    ]
    if draft.body is not None:
        flags |= _BODY
        parts += [counted(draft.body), counted(draft.salt)]
    if draft.release is not None:
        flags |= _RELEASE
        parts.append(counted(draft.release))
    return bytes((draft.kind, draft.precedence, flags)) + b"".join(parts)


def decode_draft(data: bytes) -> Draft:
    """The draft of its bytes. MachineError DISK for anything else."""
    try:
        return _read(Reader(data))
    except PeerError as exc:
        raise MachineError(Refusal.DISK, "a stored draft is damaged") from exc


def _read(reader: Reader) -> Draft:
    kind, precedence, flags = reader.take(3)
    audience = reader.varint()
    refs = tuple(reader.take(32) for _ in range(reader.varint()))
    extra = reader.counted(limits.FRAME_BYTES_MAX)
    body, salt, release = None, b"", None
    if flags & _BODY:
        body, salt = reader.counted(limits.FRAME_BYTES_MAX), reader.counted(16)
    if flags & _RELEASE:
        release = reader.counted(32)
    reader.done()
    return Draft(
        kind=kind,
        audience=audience,
        precedence=precedence,
        drill=bool(flags & _DRILL),
        refs=refs,
        extra=extra,
        body=body,
        salt=salt,
        release=release,
        attached=bool(flags & _ATTACHED),
    )
