"""What a command was asked with, field by field: each mistake is named before anything is done;
and what of its answer takes long."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detente.core.errors import LocalError, Refusal

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Apart:
    """A command whose work takes long. ``work`` touches nothing of the node and runs beside its
    loop, in a thread; ``after`` makes the answer of what it gave, and runs where commands run."""

    work: Callable[[], Any]
    after: Callable[[Any], Any] = lambda found: found

    def run(self) -> Any:
        """All of it here and now, where no loop is to be kept free."""
        return self.after(self.work())


def _usage(detail: str) -> LocalError:
    return LocalError(Refusal.USAGE, detail)


def text(request: Request, name: str, default: str | None = None) -> str:
    """A field that is text. LocalError USAGE if it is not, or absent without a default."""
    value = request.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise _usage(f"{name} is missing" if value is None else f"{name} is not text")
    return value


def whole(
    request: Request, name: str, default: int | None = None, *, least: int = 0, most: int = 1 << 40
) -> int:
    """A field that is a whole number from ``least`` to ``most``. LocalError USAGE otherwise."""
    value = request.get(name)
    if value is None:
        value = default
    if not isinstance(value, int) or isinstance(value, bool):
        raise _usage(f"{name} is missing" if value is None else f"{name} is not a whole number")
    if not least <= value <= most:
        raise _usage(f"{name} is {least} to {most}")
    return value


def flag(request: Request, name: str, default: bool | None = None) -> bool:
    """A field that is true or false. LocalError USAGE otherwise."""
    value = request.get(name)
    if value is None:
        value = default
    if not isinstance(value, bool):
        raise _usage(f"{name} is true or false")
    return value


def data(request: Request, name: str) -> bytes:
    """The bytes of a field in base64. LocalError USAGE otherwise."""
    try:
        return base64.b64decode(text(request, name), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _usage(f"{name} is not base64") from exc


def mapping(request: Request, name: str) -> Mapping[str, Any]:
    """A field that holds named values; empty if it is absent. LocalError USAGE otherwise."""
    value = request.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _usage(f"{name} is not a list of named values")
    return value


def rows(request: Request, name: str) -> Sequence[Mapping[str, Any]]:
    """A field that holds rows of named values; none if it is absent. LocalError USAGE otherwise."""
    value = request.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _usage(f"{name} is not a list of rows")
    return value


def texts(request: Request, name: str) -> tuple[str, ...]:
    """A field that holds one text or several; none if it is absent. LocalError USAGE otherwise."""
    value = request.get(name)
    if value is None:
        return ()
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _usage(f"{name} is not a list of texts")
    return tuple(found)
