"""Refusals of the desk's own, in words for whoever sits at it rather than for an engineer."""

from __future__ import annotations

from detente.core.errors import LocalError, Refusal


def refusal(kind: Refusal, text: str, hint: str = "") -> LocalError:
    """A refusal with sentences of its own, marked for the catalogs: what happened, what to do."""
    return LocalError(kind, text, said=text, hint=hint)
