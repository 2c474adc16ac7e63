"""A message as people write it, checked, and its form: what they authorise (spec/authorisation.md).

Nothing is kept or sent here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detente.core.crypto import sha256
from detente.core.errors import LocalError, Refusal
from detente.core.extras import Relation
from detente.core.leaf import Kind, Precedence
from detente.core.line import Line
from detente.dossiers.conventions import parse_precedence
from detente.dossiers.dispatch import Accident, Dispatch, Label, clean
from detente.dossiers.labels import check_release
from detente.node import asked
from detente.node.attachments import File, files_of
from detente.node.opening import clock
from detente.node.places import find_entry, find_line
from detente.node.speaking import audience_of, language_of, named, precedence_name
from detente.node.views import word
from detente.store.journal import canonical_json

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
FIRST = b"detente authorisation v1\n"
ACCIDENT_FIELDS = ("what", "where", "persons", "known", "asked")


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wants to say on a line, checked as far as this node can."""

    line: Line
    kind: Kind
    body: Dispatch | Accident
    audience: int
    refs: tuple[bytes, ...]
    relations: tuple[Relation, ...]
    precedence: Precedence
    drill: bool
    files: tuple[File, ...] = ()

    def form(self) -> dict[str, object]:
        """What is authorised, as plain values (spec/authorisation.md §2)."""
        named_refs = zip(self.refs, self.relations, strict=True)
        files = {"attachments": [file.form() for file in self.files]} if self.files else {}
        return files | {
            "line": self.line.id.hex(),
            "charter": self.line.charter.number,
            "kind": word(self.kind),
            "precedence": precedence_name(self.precedence),
            "drill": self.drill,
            "readers": self.readers(),
            "references": [
                {"entry": ref.hex(), "relation": word(relation)} for ref, relation in named_refs
            ],
            "dtg_s": self.body.dtg_s,
            "language": self.body.language,
            "label": word(self.body.label),
            "body": base64.b64encode(self.body.encode()).decode(),
        }

    def readers(self) -> list[int]:
        """The members who are given the text, ourselves among them."""
        return [m.number for m in self.line.charter.members if self.audience >> m.number & 1]

    def digest(self) -> bytes:
        """What names the form: SHA-256 over its first line and its canonical JSON."""
        return sha256(FIRST, canonical_json(self.form()))

    def people(self) -> int:
        """How many people the charter asks for at this precedence."""
        return self.line.charter.release[self.precedence]


def message_of(node: Node, request: Request) -> Message:
    """The message that the fields of a request make. LocalError names what is wrong with it."""
    line = find_line(node.station, request.get("line"))
    accident = request.get("accident") is not None
    files = files_of(request)
    if accident and files:
        raise LocalError(Refusal.USAGE, "an accident report has no attachments")
    body = _accident(node, line, request) if accident else _dispatch(node, line, request)
    relations = [
        (find_entry(line, asked.text(one, "entry")), named(Relation, asked.text(one, "relation")))
        for one in asked.rows(request, "relations")
    ]
    urgent = "FLASH" if accident else "ROUTINE"
    return Message(
        line=line,
        kind=Kind.ACCIDENT if accident else Kind.DISPATCH,
        body=body,
        audience=audience_of(line, asked.texts(request, "to")),
        refs=tuple(entry.hash for entry, _ in relations),
        relations=tuple(relation for _, relation in relations),
        precedence=parse_precedence(asked.text(request, "precedence", urgent)),
        drill=asked.flag(request, "drill", False) or line.charter.drill,
        files=files,
    )


def _dispatch(node: Node, line: Line, request: Request) -> Dispatch:
    subject = clean(asked.text(request, "subject", ""))
    text = clean(asked.text(request, "text", ""))
    if not text.strip() and not subject.strip():
        raise LocalError(Refusal.USAGE, "a dispatch without a word")
    label = named(Label, asked.text(request, "label", "parties-only"))
    check_release(subject + "\n" + text, label)
    return Dispatch(
        label=label,
        personal=asked.flag(request, "personal", False),
        language=language_of(line, request),
        dtg_s=asked.whole(request, "dtg_s", clock(node.home).wall_s),
        subject=subject,
        text=text,
    )


def _accident(node: Node, line: Line, request: Request) -> Accident:
    given = asked.mapping(request, "accident")
    fields = {name: clean(asked.text(given, name, "")) for name in ACCIDENT_FIELDS}
    label = named(Label, asked.text(request, "label", "parties-only"))
    check_release("\n".join(fields.values()), label)
    return Accident(
        label=label,
        personal=asked.flag(request, "personal", False),
        language=language_of(line, request),
        dtg_s=asked.whole(request, "dtg_s", clock(node.home).wall_s),
        time_s=None if given.get("time_s") is None else asked.whole(given, "time_s"),
        **fields,
    )
