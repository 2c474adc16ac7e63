"""Offline translation engines: an interface, and where they are found. None is shipped.

An engine is a distribution that names a class under the entry point group ``detente.translators``.
What it makes is machine work: it is marked as such in its own text, stated by the node and not by
the watch, and never graded above *rough* (``machine_text``, ``translating.py``).
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final, Protocol, runtime_checkable

from detente.core.errors import LocalError, Refusal
from detente.desk.refusing import refusal
from detente.words import marked

GROUP: Final = "detente.translators"
GRADES: Final = ("sight", "rough", "certified")
MACHINE_GRADES: Final = ("sight", "rough")
MARK: Final = "MACHINE TRANSLATION"  # Latin in every language, like the mark of an exercise


@runtime_checkable
class Translator(Protocol):
    """An engine that runs on this machine and tells nobody what it is given."""

    name: str

    def pairs(self) -> frozenset[tuple[str, str]]:
        """What it can do, as pairs of language tags: from, into."""
        ...

    def translate(self, text: str, source: str, target: str) -> str:
        """The text in ``target``. It may take seconds; it is run in a thread of its own."""
        ...


def engines() -> list[Translator]:
    """The engines that are installed, by name. LocalError USAGE for one that is none."""
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        engine = point.load()()
        if not isinstance(engine, Translator):
            raise LocalError(Refusal.USAGE, f"{point.name} is no translator")
        found.append(engine)
    return found


def engine_for(name: str, source: str, target: str) -> Translator:
    """The engine of that name, if it translates this pair. LocalError NOT_FOUND."""
    for engine in engines():
        if engine.name == name and (source, target) in engine.pairs():
            return engine
    raise LocalError(Refusal.NOT_FOUND, f"no engine {name} from {source} into {target}")


def machine_text(engine: str, text: str) -> str:
    """A text with the mark that says what made it, once."""
    mark = f"[{MARK}: {engine}]"
    return text if text.startswith(mark) else f"{mark}\n{text}"


def check_grade(grade: str, *, machine: bool) -> None:
    """LocalError NOT_ALLOWED for machine work above rough, USAGE for what is no grade."""
    if grade not in GRADES:
        raise LocalError(Refusal.USAGE, f"grade is one of {', '.join(GRADES)}")
    if machine and grade not in MACHINE_GRADES:
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("Machine work is never graded above rough"),
            marked("Choose sight or rough, or translate it yourself."),
        )
