"""The form of a vector file, its schema, and how values are written in it (vectors/README.md)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from detente.core.errors import Refusal
from detente.core.leaf import LogId

Expect = Literal[
    "ok",
    "malformed",
    "oversize",
    "unknown-line",
    "unknown-log",
    "unknown-party",
    "bad-signature",
    "want-full",
    "bad-proof",
    "bad-commitment",
    "frozen",
    "over-quota",
    "not-in-audience",
    "not-held",
    "purged",
    "charter-mismatch",
    "bad-card",
    "stale-card",
    "out-of-turn",
    "bad-leaf",
    "not-allowed",
    "unreadable",
    "context-incomplete",
    "unknown-version",
    "usage",
]

Do = Literal[
    "varint",
    "signed-varint",
    "counted",
    "u40",
    "base64",
    "hex",
    "decimal",
    "leaf",
    "root",
    "inclusion",
    "consistency",
    "gap",
    "note",
    "verifier-key",
    "note-signature",
    "checkpoint",
    "cosignature",
    "card",
    "successor",
    "revocation",
    "charter",
    "amendment",
    "commit",
    "open",
    "frame",
    "entries",
    "session",
    "link-keys",
    "announcement",
    "packet",
    "websocket-request",
    "websocket-message",
    "verify",
    "geometry",
    "position",
    "courier",
]

FOLDERS = (
    "encoding",
    "leaf",
    "merkle",
    "notes",
    "cards",
    "charters",
    "commitment",
    "frames",
    "sessions",
    "links",
    "proofs",
    "exports",
    "accusations",
    "places",
    "courier",
)

SAFE_INTEGER_MAX = (1 << 53) - 1  # beyond it a reader of JSON may lose digits


class Vector(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One scenario: what is done to which inputs, and what must come of it."""

    spec: str
    comment: str
    do: Do
    inputs: dict[str, Any]
    now_s: int | None = None
    entropy: str | None = None
    expect: Expect
    value: dict[str, Any] | None = None


def schema() -> str:
    """The JSON Schema of a vector file, as it stands in vectors/schema.json."""
    return json.dumps(msgspec.json.schema(Vector), indent=2) + "\n"


def read(text: str | bytes) -> Vector:
    """The vector of a file. msgspec.ValidationError for another form."""
    return msgspec.json.decode(text, type=Vector)


def write(vector: Vector) -> str:
    """The text of a vector file."""
    return json.dumps(msgspec.to_builtins(vector), indent=1, ensure_ascii=False) + "\n"


def plain(value: object) -> Any:
    """A value of the code as JSON: bytes as hex, logs as words, records by field name."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, LogId):
        return f"{value.member}/{value.word}"
    if isinstance(value, Refusal):
        return value.word
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, int):
        return _number(int(value))
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(getattr(value, name)) for name in value._fields}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    message = f"no form for {value!r}"
    raise TypeError(message)


def _number(value: int) -> int | str:
    return value if abs(value) <= SAFE_INTEGER_MAX else str(value)


def log_id(word: str) -> LogId:
    """The log that ``plain`` wrote."""
    member, _, rest = word.partition("/")
    k, _, life = rest.partition(".")
    return LogId(int(member), int(k), bytes.fromhex(life))


Made = tuple[str, Vector]


def case(
    name: str,
    spec: str,
    do: Do,
    comment: str,
    *,
    expect: Expect = "ok",
    now_s: int | None = None,
    entropy: str | None = None,
    **inputs: Any,
) -> Made:
    """A vector under its name, before its value is known."""
    vector = Vector(
        spec=spec,
        comment=comment,
        do=do,
        inputs=plain(inputs),
        now_s=now_s,
        entropy=entropy,
        expect=expect,
    )
    return name, vector
