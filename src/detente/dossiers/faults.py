"""What is wrong with a profile or a notice, each with its field, its rule and the rule's source."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple

from detente.core.errors import LocalError, Refusal


class Rule(Enum):
    """Which rule was broken (spec/profile.md §7)."""

    BAD_PROFILE = "bad-profile"
    UNKNOWN_FIELD = "unknown-field"
    MISSING_FIELD = "missing-field"
    NEVER_UNKNOWN = "never-unknown"
    WRONG_TYPE = "wrong-type"
    WRONG_UNIT = "wrong-unit"
    NOT_UTC = "not-utc"
    NO_SUCH_DAY = "no-such-day"
    OUT_OF_RANGE = "out-of-range"
    NO_CHOICE = "no-choice"
    BAD_PLACE = "bad-place"
    TOO_NEAR = "too-near"
    NOT_THE_DAY = "not-the-day"
    TOO_LATE = "too-late"
    TOO_EARLY = "too-early"
    PRECONDITION = "missing-precondition"
    CEILING = "above-ceiling"
    NOT_IN_FORCE = "not-in-force"
    NOT_REVISED = "never-revised"


class Fault(NamedTuple):
    """One mistake. ``late_s`` is by how much a TOO_LATE one is late; it alone can be confirmed."""

    field: str
    rule: Rule
    source: str
    detail: str
    late_s: int = 0

    def view(self) -> dict[str, Any]:
        """In plain values, the rule as its word of spec/profile.md §7."""
        return self._asdict() | {"rule": self.rule.value}

    def __str__(self) -> str:
        return f"{self.field}: {self.rule.value}: {self.detail} ({self.source})"


class WrongError(LocalError):
    """A value that breaks a rule; whoever knows field and source makes a ``Fault`` of it."""

    def __init__(self, rule: Rule, detail: str) -> None:
        super().__init__(Refusal.USAGE, detail)
        self.rule = rule


def refused(faults: Iterable[Fault], refusal: Refusal = Refusal.USAGE) -> LocalError:
    """A refusal with every fault in its detail, and in plain values as fact ``faults``."""
    found = tuple(faults)
    views = [one.view() for one in found]
    return LocalError(refusal, "; ".join(str(one) for one in found), faults=views)


def refuse(faults: Iterable[Fault], refusal: Refusal = Refusal.USAGE) -> None:
    """LocalError as ``refused``, if there is any fault."""
    found = tuple(faults)
    if found:
        raise refused(found, refusal)
