"""What was fixed, read out of the form itself: what people see is what their passkeys sign."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from detente.core.leaf import Kind
from detente.dossiers.dispatch import CODECS
from detente.node.forms import FIRST
from detente.words import _

PURPOSE: Final = "authorise"
_KINDS: Final[Mapping[str, Kind]] = {"dispatch": Kind.DISPATCH, "accident": Kind.ACCIDENT}


def statement(fixed: Mapping[str, Any]) -> bytes:
    """What a passkey signs (spec/authorisation.md §2); its SHA-256 is the form's name."""
    return FIRST + str(fixed["form"]).encode()


def form_of(fixed: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values."""
    found: dict[str, Any] = json.loads(fixed["form"])
    return found


def view(fixed: Mapping[str, Any], author: str, line: str) -> dict[str, Any]:
    """The entry as its readers will see it, from the form alone; its serial is not known yet."""
    form = form_of(fixed)
    body = CODECS[_KINDS[form["kind"]]](base64.b64decode(form["body"]))
    shown: dict[str, Any] = {
        "line": line,
        "place": "draft",
        "entry": _("draft"),
        "mine": False,
        "author": {"name": author},
        "kind": form["kind"],
        "precedence": form["precedence"],
        "drill": form["drill"],
        "relations": form["references"],
        "body_state": "open",
        "label": form["label"],
        "personal": body.personal,
        "language": body.language,
        "dtg_s": form["dtg_s"],
        "attachments": form.get("attachments", ()),
    }
    for name in ("subject", "text", "what", "where", "time_s", "persons", "known", "asked"):
        if hasattr(body, name):
            shown["happened_s" if name == "time_s" else name] = getattr(body, name)
    return shown
