"""Places in notices: their one text in a fold, measured where one is written (spec/places.md)."""

from __future__ import annotations

from collections.abc import Callable

from detente.core.errors import LocalError
from detente.dossiers import geodesy, shapes
from detente.dossiers.faults import Rule, WrongError

# Types of fields (spec/profile.md §6), and the words and values of places that they are.
KINDS: dict[str, tuple[str, type]] = {
    "place": ("PLACE", shapes.Place),
    "circle": ("CIRCLE", shapes.Circle),
    "polygon": ("POLYGON", shapes.Polygon),
    "corridor": ("ROUTE", shapes.Route),
    "band": ("BAND", shapes.Band),
    "quadrant": ("QUADRANT", shapes.Quadrant),
}


class AsSent:
    """Places in a notice that was sent: the one text or a fault, and nothing measured, so that
    every node finds the same."""

    def canonical(self, kind: str, text: str) -> str:
        """The text, if it is the one form of its kind. ``WrongError`` BAD_PLACE otherwise."""
        return str(_read(kind, text, shapes.read))

    def apart_m(self, first: str, second: str) -> None:
        """A fold measures nothing."""


class AsWritten:
    """Places as a person writes them here, with or without the word of their kind: all that
    geodesy can see is checked."""

    def __init__(self, read: Callable[[str], shapes.Geometry]) -> None:
        """``read`` knows the grids in which people here may write."""
        self._read = read

    def canonical(self, kind: str, text: str) -> str:
        """The one text of what was written. ``WrongError`` BAD_PLACE with the name of the rule."""
        word = KINDS[kind][0]
        whole = text if text.upper().startswith(f"{word} ") else f"{word} {text}"

        def measured(written: str) -> shapes.Geometry:
            found = self._read(written)
            geodesy.check(found)
            return found

        return str(_read(kind, whole, measured))

    def apart_m(self, first: str, second: str) -> float | None:
        """Metres between the nearest points of two places."""
        one, other = shapes.read(first), shapes.read(second)
        if isinstance(one, shapes.Band) or isinstance(other, shapes.Band):
            return None
        return geodesy.gap_m(one, other)


def _read(kind: str, text: str, read: Callable[[str], shapes.Geometry]) -> shapes.Geometry:
    try:
        found = read(text)
    except LocalError as error:
        rule = str(error.facts.get("rule", ""))
        detail = f"{rule}: {error.detail}" if rule else error.detail
        raise WrongError(Rule.BAD_PLACE, detail) from error
    word, wanted = KINDS[kind]
    if not isinstance(found, wanted):
        raise WrongError(Rule.BAD_PLACE, f"«{text}» is no {word}")
    return found
