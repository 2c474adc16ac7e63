"""Refusals of the desk's own, in words for whoever sits at it rather than for an engineer."""

from __future__ import annotations

from detente import words
from detente.core.errors import DetenteError, LocalError, Refusal


def refusal(kind: Refusal, text: str, hint: str = "") -> LocalError:
    """A refusal with sentences of its own, marked for the catalogs: what happened, what to do."""
    return LocalError(kind, text, said=text, hint=hint)


def sentences(error: DetenteError) -> tuple[str, str]:
    """What happened and what to do about it, in the language in use."""
    said, hint = error.facts.get("said"), error.facts.get("hint")
    if isinstance(said, str) and isinstance(hint, str):
        return words.translate(said), words.translate(hint)
    return words.refusal(error)
