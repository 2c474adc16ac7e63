"""The plan: what will be looked at, written down and hashed before anything is counted.

A plan is a TOML file that a person writes. ``freeze`` turns it into one canonical JSON document
with its SHA-256; whatever a run looks at beside it is labelled exploratory.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec

from detente.core.errors import LocalError, Refusal
from detente.trends import cameo
from detente.words import marked

ALL = "all"  # the outcome that every story is: a dyad's total, which a share is of
WEEKS_MIN = 17  # the least that can be estimated, 12 before and 4 after, whole
WEEKS_MAX = 1040  # twenty years
DYADS_MAX = 200
_COUNTRY = re.compile(r"[A-Z]{3}")
_CODE = re.compile(r"[0-9]{2,4}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")

Dyad = tuple[str, str]

# Prefixes of CAMEO codes. Statements, appeals and inquiries (01, 02, 09) are neither of the two, so
# that one is not merely what the other leaves.
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "conflict": ("10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20"),
    "cooperation": ("03", "04", "05", "06", "07", "08"),
}
TRENDS: Mapping[str, tuple[str, ...]] = {
    "engagement": tuple(cameo.OUTCOMES["engagement"]),
    "prisoners": tuple(cameo.OUTCOMES["releases"]),
    "peace": tuple(cameo.OUTCOMES["peace"]),
    "relations-cut": tuple(cameo.OUTCOMES["relations cut"]),
}


class Rival(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something else that happened: ``last`` is left out for one day."""

    what: str
    first: date
    last: date | None = None

    def meets(self, first: date, last: date) -> bool:
        """Whether it falls on a day from ``first`` to ``last``."""
        return self.first <= last and (self.last or self.first) >= first


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, name for name."""

    title: str
    starts: date  # the day looked at: what lies before is compared with after
    first: date
    last: date
    dyads: tuple[str, ...]
    comparison: tuple[str, ...] = ()
    ripple: tuple[str, ...] = ()
    before_weeks: int = 104
    after_weeks: int = 26
    transition_weeks: int = 2
    outcomes: dict[str, tuple[str, ...]] = {}
    trends: dict[str, tuple[str, ...]] = {}
    horizon_weeks: int = 8
    multiplicity: Literal["holm", "bh"] = "holm"
    rival: tuple[Rival, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was checked. Dyads are ISO3 in alphabetical order, outcomes CAMEO prefixes."""

    title: str
    starts: date  # the day looked at: what lies before is compared with after
    first: date
    last: date
    dyads: tuple[Dyad, ...]
    comparison: tuple[Dyad, ...]
    ripple: tuple[str, ...]
    before_weeks: int
    after_weeks: int
    transition_weeks: int
    outcomes: Mapping[str, tuple[str, ...]]
    trends: Mapping[str, tuple[str, ...]]
    horizon_weeks: int
    multiplicity: str
    rivals: tuple[Rival, ...]
    frozen: bool = False  # read from a frozen file whose hash agreed

    @property
    def parties(self) -> tuple[str, ...]:
        """The countries of the dyads looked at."""
        return tuple(sorted({country for dyad in self.dyads for country in dyad}))

    @property
    def ripples(self) -> Mapping[str, tuple[Dyad, ...]]:
        """For each third country its dyads with the parties."""
        return {
            country: tuple(_ordered(country, party) for party in self.parties)
            for country in self.ripple
        }

    @property
    def monday(self) -> date:
        """The Monday of the week that the day looked at falls in: the first week after."""
        return week_of(self.starts)

    def weeks(self) -> list[date]:
        """The Mondays of every whole week from ``first`` to ``last``."""
        start = week_of(self.first + timedelta(days=6))
        count = (self.last - start).days // 7 + ((self.last - start).days % 7 == 6)
        return [start + timedelta(weeks=number) for number in range(max(count, 0))]

    def as_json(self) -> dict[str, Any]:
        """What ``canonical`` writes."""
        return {
            "title": self.title,
            "starts": self.starts.isoformat(),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "dyads": ["-".join(dyad) for dyad in self.dyads],
            "comparison": ["-".join(dyad) for dyad in self.comparison],
            "ripple": list(self.ripple),
            "before_weeks": self.before_weeks,
            "after_weeks": self.after_weeks,
            "transition_weeks": self.transition_weeks,
            "outcomes": {name: list(codes) for name, codes in self.outcomes.items()},
            "trends": {name: list(codes) for name, codes in self.trends.items()},
            "horizon_weeks": self.horizon_weeks,
            "multiplicity": self.multiplicity,
            "rival": [
                {
                    "what": rival.what,
                    "first": rival.first.isoformat(),
                    "last": (rival.last or rival.first).isoformat(),
                }
                for rival in self.rivals
            ],
        }

    def canonical(self) -> bytes:
        """The one byte string of this plan: JSON, names sorted, no spaces, UTF-8."""
        return json.dumps(
            self.as_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()

    @property
    def sha256(self) -> str:
        """The hash of ``canonical``, hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def freeze(plan: Plan) -> bytes:
    """A frozen plan as a file: the plan, and its hash beside it."""
    document = {"plan": plan.as_json(), "sha256": plan.sha256}
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"


def read_plan(data: bytes, name: str) -> Plan:
    """A plan as written (TOML) or frozen (JSON). LocalError MALFORMED, naming file and fault."""
    if data.lstrip()[:1] != b"{":
        return _plan(_decoded(data, name, frozen=False), name, frozen=False)
    try:
        document = json.loads(data)
        inner, stated = document["plan"], document["sha256"]
    except (ValueError, KeyError, TypeError) as exc:
        raise wrong(name, f"no frozen plan: {exc}") from exc
    found = _plan(_decoded(json.dumps(inner).encode(), name, frozen=True), name, frozen=True)
    if found.sha256 != stated:
        raise wrong(name, "changed after it was frozen: its hash is another")
    return found


def load_plan(path: Path) -> Plan:
    """The plan in a file. LocalError NOT_FOUND without it, MALFORMED for what is none."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"{path}: {exc.strerror}") from exc
    return read_plan(data, path.name)


def wrong(name: str, detail: str) -> LocalError:
    """The error of a plan that is not what it should be."""
    return LocalError(Refusal.MALFORMED, f"{name}: {detail}", by_hand="plan")


def dyad_of(text: str) -> Dyad:
    """«USA-CUB» as a dyad in alphabetical order. LocalError USAGE for anything else."""
    parts = text.split("-")
    if len(parts) != 2 or not all(map(_COUNTRY.fullmatch, parts)) or parts[0] == parts[1]:
        what = f"{text!r} is no dyad like CUB-USA, two ISO 3166 codes of 3 letters"
        raise LocalError(Refusal.USAGE, what)
    return _ordered(parts[0], parts[1])


def _ordered(one: str, other: str) -> Dyad:
    return (one, other) if one < other else (other, one)


def _decoded(data: bytes, name: str, *, frozen: bool) -> _Written:
    try:
        if frozen:
            return msgspec.json.decode(data, type=_Written)
        return msgspec.toml.decode(data, type=_Written)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise wrong(name, str(exc)) from exc


def _plan(written: _Written, name: str, *, frozen: bool) -> Plan:
    _check(written, name)
    for country in written.ripple:
        if not _COUNTRY.fullmatch(country):
            raise wrong(name, f"ripple: {country!r} is no ISO 3166 code of 3 letters")
    found = Plan(
        title=written.title,
        starts=written.starts,
        first=written.first,
        last=written.last,
        dyads=_dyads(written.dyads, name),
        comparison=_dyads(written.comparison, name),
        ripple=tuple(dict.fromkeys(written.ripple)),
        before_weeks=written.before_weeks,
        after_weeks=written.after_weeks,
        transition_weeks=written.transition_weeks,
        outcomes=_codes(written.outcomes or OUTCOMES, name),
        trends=_codes(written.trends or TRENDS, name),
        horizon_weeks=written.horizon_weeks,
        multiplicity=written.multiplicity,
        rivals=tuple(Rival(one.what, one.first, one.last or one.first) for one in written.rival),
        frozen=frozen,
    )
    _check_countries(found, name)
    return found


def _check(written: _Written, name: str) -> None:
    if not written.dyads or len(written.dyads) + len(written.comparison) > DYADS_MAX:
        raise wrong(name, f"dyads: from 1 to {DYADS_MAX} with those compared")
    days = (written.first, written.starts, written.last)
    if any(a >= b for a, b in pairwise(days)):
        raise wrong(name, "first, starts and last must follow one another")
    if not 7 * WEEKS_MIN <= (written.last - written.first).days <= 7 * WEEKS_MAX:
        raise wrong(name, f"from {WEEKS_MIN} to {WEEKS_MAX} weeks between first and last")
    if not 8 <= written.before_weeks <= WEEKS_MAX or not 4 <= written.after_weeks <= WEEKS_MAX:
        raise wrong(name, "before_weeks is 8 or more, after_weeks 4 or more")
    if not 0 <= written.transition_weeks <= 8 or not 1 <= written.horizon_weeks <= 52:
        raise wrong(name, "transition_weeks is 0 to 8, horizon_weeks 1 to 52")
    for rival in written.rival:
        if rival.last is not None and rival.last < rival.first:
            raise wrong(name, f"rival {rival.what!r} ends before it begins")


def _check_countries(plan: Plan, name: str) -> None:
    for country in plan.ripple:
        if country in plan.parties:
            raise wrong(name, f"ripple: {country} is a party, not a third country")
    for dyad in plan.comparison:
        if set(dyad) & set(plan.parties):
            raise wrong(name, f"comparison: {'-'.join(dyad)} involves a party")


def _dyads(texts: tuple[str, ...], name: str) -> tuple[Dyad, ...]:
    try:
        return tuple(dict.fromkeys(map(dyad_of, texts)))
    except LocalError as exc:
        raise wrong(name, exc.detail) from exc


def _codes(sets: Mapping[str, tuple[str, ...]], name: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for key in sorted(sets):
        if not _NAME.fullmatch(key) or key == ALL:
            raise wrong(name, f"{key!r} is no name: small letters, digits, hyphens; not «{ALL}»")
        for code in sets[key]:
            if not _CODE.fullmatch(code):
                raise wrong(name, f"{key}: {code!r} is no CAMEO code of 2 to 4 digits, as text")
        found[key] = tuple(sorted(set(sets[key])))
    return found


# What is shown for the names that come with the program; a name of the user's stands as it is.
OUTCOME_WORDS: Mapping[str, str] = {
    "conflict": marked("conflict"),
    "cooperation": marked("cooperation"),
    "engagement": marked("diplomatic engagement"),
    "prisoners": marked("prisoner exchanges"),
    "peace": marked("peace initiatives"),
    "relations-cut": marked("relations cut"),
    ALL: marked("all stories"),
}

EXAMPLE = """\
# What is looked at, written down before anything is counted.
# Freeze it: detente trends plan THIS-FILE --out plan.frozen
title = "A line between two parties"
starts = 2015-01-05            # the day looked at: what lies before is compared with after
first = 2012-01-02             # data from this day
last = 2015-12-27              # to this day
dyads = ["CUB-USA"]            # ISO 3166 codes of 3 letters
comparison = ["CHN-JPN", "IND-PAK", "GRC-TUR", "ETH-ERI"]  # dyads without the parties
ripple = ["GBR", "CAN", "AUS"] # third countries, each with both parties
before_weeks = 104
after_weeks = 26
transition_weeks = 2           # left out on both sides of the date
multiplicity = "holm"          # or "bh"

[[rival]]                      # what else happened; no list says that there was nothing else
what = "An election in one of the two"
first = 2015-03-01
last = 2015-03-15
"""
