"""What was forecast, written down when it was, and scored when the weeks have come.

A file of JSON lines that only grows. Every line names the SHA-256 of the line before it, so a
forecast that was changed or taken out afterwards is seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from detente.core.errors import LocalError, Refusal
from detente.trends.forecast import Predictive
from detente.trends.scores import Reliability, brier, crps, inside, reliability

_FIRST = "0" * 64
_FIELDS = {"plan", "key", "made", "week", "above", "samples", "previous"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One forecast of one week of one series."""

    plan: str  # hash of the plan it was made under
    key: str  # the series: dyad and outcome, as the plan names them
    made: date  # the Monday of the last week that was known
    week: date  # the Monday of the week that is forecast
    above: float  # the count that the week is said to exceed, or not
    samples: tuple[float, ...]  # of equal weight

    @property
    def chance(self) -> float:
        """The chance given to a count above ``above``."""
        return sum(each > self.above for each in self.samples) / len(self.samples)


@dataclass(frozen=True, slots=True)
class Scored:
    """The forecasts whose weeks have come, beside what came. Scores are None before any has."""

    n: int
    waiting: int  # forecasts of weeks not known yet
    crps: float | None  # mean, in counts
    covered_half: float | None  # share of counts inside the middle 50 %, see scores.inside
    covered_ninety: float | None
    brier: float | None  # of the chance to exceed ``above``
    reliability: tuple[Reliability, ...]


def entry(
    plan: str, key: str, made: date, week: date, above: float, predictive: Predictive
) -> Entry:
    """A forecast as it is written down. LocalError USAGE for a week that was known already."""
    if week <= made:
        raise LocalError(Refusal.USAGE, f"a forecast of {week} made with {made} known")
    return Entry(plan, key, made, week, above, tuple(map(float, predictive.samples)))


def read(path: Path) -> tuple[Entry, ...]:
    """Every forecast of a ledger, in the order of writing; none where there is no file.

    LocalError MALFORMED, with the line's number, for a line that is none or a chain that breaks.
    """
    return tuple(found for found, _ in _lines(path))


def append(path: Path, entries: Sequence[Entry]) -> None:
    """Adds forecasts at the end. LocalError USAGE for one that stands there already.

    A forecast is not revised: the same plan, series, week known and week forecast come once.
    """
    held = _lines(path)
    known = {_name(found) for found, _ in held}
    previous = held[-1][1] if held else _FIRST
    added = []
    for each in entries:
        if _name(each) in known:
            raise LocalError(
                Refusal.USAGE, f"{path}: {each.key} of {each.week} was forecast on {each.made}"
            )
        known.add(_name(each))
        line = _written(each, previous)
        previous = _digest(line)
        added.append(line + "\n")
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(added)


def scored(entries: Sequence[Entry], came: Mapping[tuple[str, date], float]) -> Scored:
    """Scores of the forecasts whose (key, week) has come."""
    known = [each for each in entries if (each.key, each.week) in came]
    if not known:
        return Scored(0, len(entries), None, None, None, None, ())
    counts = [float(came[each.key, each.week]) for each in known]
    pairs = list(zip(known, counts, strict=True))
    chances = [each.chance for each in known]
    exceeded = [float(count > each.above) for each, count in pairs]
    return Scored(
        n=len(known),
        waiting=len(entries) - len(known),
        crps=sum(crps(each.samples, count) for each, count in pairs) / len(known),
        covered_half=sum(inside(each.samples, count, 0.5) for each, count in pairs) / len(known),
        covered_ninety=sum(inside(each.samples, count, 0.9) for each, count in pairs) / len(known),
        brier=brier(chances, exceeded),
        reliability=reliability(chances, exceeded),
    )


def _name(each: Entry) -> tuple[str, str, date, date]:
    return each.plan, each.key, each.made, each.week


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _written(each: Entry, previous: str) -> str:
    fields = {
        "plan": each.plan,
        "key": each.key,
        "made": each.made.isoformat(),
        "week": each.week.isoformat(),
        "above": each.above,
        "samples": each.samples,
        "previous": previous,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _lines(path: Path) -> list[tuple[Entry, str]]:
    if not path.exists():
        return []
    found: list[tuple[Entry, str]] = []
    previous = _FIRST
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            each, named = _entry(line)
        except (ValueError, TypeError) as error:
            raise LocalError(Refusal.MALFORMED, f"{path}: line {number}: {error}") from error
        if named != previous:
            raise LocalError(
                Refusal.MALFORMED, f"{path}: line {number}: the line before it was changed"
            )
        previous = _digest(line)
        found.append((each, previous))
    return found


def _entry(line: str) -> tuple[Entry, str]:
    fields = json.loads(line)
    if not isinstance(fields, dict) or set(fields) != _FIELDS or not fields["samples"]:
        raise ValueError("not a forecast")
    made, week = date.fromisoformat(fields["made"]), date.fromisoformat(fields["week"])
    samples = tuple(map(float, fields["samples"]))
    above = float(fields["above"])
    return Entry(fields["plan"], fields["key"], made, week, above, samples), fields["previous"]
