"""Who may do what at this desk. Names and roles never leave the party's own ground.

The powers are a table: a page asks for a power, never for a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from detente.core.errors import LocalError, Refusal
from detente.desk.cabinet import Cabinet
from detente.desk.refusing import refusal
from detente.store.database import Row
from detente.words import LANGUAGES, marked

ROLES: Final[Mapping[str, str]] = {
    "watch": marked("watch officer"),
    "drafter": marked("drafter"),
    "releaser": marked("authorising officer"),
    "translator": marked("translator"),
    "principal": marked("principal's office"),
    "administrator": marked("administrator"),
    "auditor": marked("auditor"),
}

# read: see the line · mark: state rungs · draft: write · authorise: let a draft go · stop: send a
# STOP alone, break the glass · translate: enter translations · watch: relieve, silence, test ·
# people: invite and part with people · prove: take proofs and exports · journal: read the party's
# own log.
POWERS: Final[Mapping[str, frozenset[str]]] = {
    "watch": frozenset({"read", "mark", "draft", "stop", "watch", "prove"}),
    "drafter": frozenset({"read", "draft"}),
    "releaser": frozenset({"read", "draft", "stop", "authorise"}),
    "translator": frozenset({"read", "translate"}),
    "principal": frozenset({"read"}),
    "administrator": frozenset({"people", "system"}),
    "auditor": frozenset({"read", "prove", "journal", "system"}),
}
POWER_WORDS: Final[Mapping[str, str]] = {
    "read": marked("read the lines"),
    "mark": marked("mark entries"),
    "draft": marked("write drafts"),
    "authorise": marked("authorise dispatches"),
    "stop": marked("send STOP alone, and break the glass"),
    "translate": marked("enter translations"),
    "watch": marked("keep the watch"),
    "people": marked("let people in and part with them"),
    "system": marked("see the state of the system"),
    "prove": marked("take proofs and exports"),
    "journal": marked("read the journal"),
}
NAME_CHARS_MAX = 80


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a place at this desk."""

    number: int
    name: str
    roles: frozenset[str]
    language: str
    left_s: int | None = None

    @property
    def powers(self) -> frozenset[str]:
        """Everything their roles allow; nothing once they have left."""
        if self.left_s is not None:
            return frozenset()
        return self.past_powers

    @property
    def past_powers(self) -> frozenset[str]:
        """What their roles allow, or allowed until they left."""
        return _powers_of(self.roles)

    def may(self, power: str) -> bool:
        """Whether they have a power."""
        return power in self.powers


@cache
def _powers_of(roles: frozenset[str]) -> frozenset[str]:
    """A page asks hundreds of times."""
    return frozenset().union(*(POWERS[role] for role in roles))


class People:
    """The register of people in a cabinet."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet

    def add(self, name: str, roles: frozenset[str], language: str, now_s: int) -> Person:
        """Somebody new. LocalError USAGE for a name, role or language that cannot be."""
        name = " ".join(name.split())
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
            raise LocalError(Refusal.USAGE, f"a name has 1 to {NAME_CHARS_MAX} plain characters")
        _check_roles(roles)
        if language not in LANGUAGES:
            raise LocalError(Refusal.USAGE, f"language is one of {', '.join(LANGUAGES)}")
        if self._cabinet.row("SELECT 1 FROM person WHERE name = ?", name) is not None:
            raise LocalError(Refusal.IN_USE, f"{name} is known here already")
        number = self._cabinet.insert(
            "person", name=name, roles=" ".join(sorted(roles)), language=language, added_s=now_s
        )
        return Person(number, name, roles, language)

    def get(self, number: int) -> Person | None:
        """A person by number."""
        row = self._cabinet.row(f"{_SELECT} WHERE number = ?", number)
        return None if row is None else _person(row)

    def named(self, name: str) -> Person | None:
        """A person by name."""
        row = self._cabinet.row(f"{_SELECT} WHERE name = ?", name)
        return None if row is None else _person(row)

    def all(self) -> list[Person]:
        """Everybody, those who left among them, in order of number."""
        return [_person(row) for row in self._cabinet.rows(f"{_SELECT} ORDER BY number")]

    def assign(self, number: int, roles: frozenset[str]) -> Person:
        """Somebody has other roles from now on; where a power goes, their sessions end with it.

        LocalError USAGE for a role that cannot be, NOT_FOUND for whoever is not here, NOT_ALLOWED
        where the power to keep the watch would go from the officer who has it.
        """
        _check_roles(roles)
        with self._cabinet.change():
            person = self.get(number)
            if person is None or person.left_s is not None:
                raise _nobody()
            changed = replace(person, roles=roles)
            gone = person.powers - changed.powers
            if "watch" in gone and self._on_watch(number):
                raise refusal(
                    Refusal.NOT_ALLOWED,
                    marked("This officer has the watch"),
                    marked("The relief signs on first, on the page of the watch."),
                )
            self._cabinet.run(
                "UPDATE person SET roles = ? WHERE number = ?", " ".join(sorted(roles)), number
            )
            if gone:
                self._cabinet.run("DELETE FROM session WHERE person = ?", number)
        return changed

    def _on_watch(self, number: int) -> bool:
        sql = "SELECT 1 FROM watch WHERE person = ? AND ended_s IS NULL"
        return self._cabinet.row(sql, number) is not None

    def speak(self, number: int, language: str) -> None:
        """Somebody's pages are in another language from now on. USAGE for one we lack."""
        if language not in LANGUAGES:
            raise LocalError(Refusal.USAGE, f"language is one of {', '.join(LANGUAGES)}")
        self._cabinet.run("UPDATE person SET language = ? WHERE number = ?", language, number)

    def part(self, number: int, now_s: int) -> None:
        """Somebody leaves: sessions end, passkeys are void, drafts stay. NOT_FOUND."""
        with self._cabinet.change():
            changed = self._cabinet.run(
                "UPDATE person SET left_s = ? WHERE number = ? AND left_s IS NULL", now_s, number
            )
            if not changed:
                raise _nobody()
            for table in ("session", "passkey", "invitation"):
                self._cabinet.run(f"DELETE FROM {table} WHERE person = ?", number)  # noqa: S608


def _check_roles(roles: frozenset[str]) -> None:
    if not roles or not roles <= set(ROLES):
        raise LocalError(Refusal.USAGE, f"roles are some of {', '.join(ROLES)}")


def _nobody() -> LocalError:
    return LocalError(Refusal.NOT_FOUND, "nobody of that number is here")


_SELECT = "SELECT number, name, roles, language, left_s FROM person"


def _person(row: Row) -> Person:
    number, name, roles, language, left_s = row
    return Person(number, name, frozenset(roles.split()), language, left_s)
