"""Profiles: notification regimes as data that parties adopt (spec/profile.md).

A profile is written in TOML and named by the hash of its canonical bytes, so that both sides sign
the same fields, deadlines and numbers. Each number says where it stands and how sure that is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from detente.core.crypto import sha256

FIRST = b"detente profile v1\n"
DIGEST_BYTES = 25  # 200 bits: two texts of one digest take 2**100 tries
UNITS_S = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
UNITS_M = {"m": 1.0, "km": 1_000.0, "nm": 1_852.0, "ft": 0.3048}
UNITS = (*UNITS_S, *UNITS_M, "deg", "kt", "t", "")
TIMES = ("instant", "day", "window")
GEOMETRIES = ("place", "circle", "polygon", "corridor", "band", "quadrant")
TYPES = ("text", "number", *TIMES, *GEOMETRIES, "area", "unit", "count", "reference")
NEEDS = ("required", "optional", "unknown")
RULES = ("before", "within", "window", "calendar-day", "on-receipt", "at-once")
CERTAINTIES = ("V", "M", "?", "T")
UNSURE = ("M", "?")  # not read in the text itself: both sides state these before they are bound
STATUSES = ("in-force", "lapsed", "template")
PERIODS = ("year", "always")

_WORD = re.compile(r"([a-z][a-z0-9-]{0,18})/([1-9][0-9]{0,2})/([a-z2-7]{40})")


class Number(NamedTuple):
    """A number of the regime, where it stands, and how sure that is (spec/profile.md §4)."""

    name: str
    value: int
    unit: str
    certainty: str
    source: str

    @property
    def seconds(self) -> int:
        """A span in seconds."""
        return self.value * UNITS_S[self.unit]

    @property
    def metres(self) -> float:
        """A distance in metres."""
        return self.value * UNITS_M[self.unit]

    @property
    def said(self) -> str:
        """``24 h``; as people read and state it."""
        return f"{self.value} {self.unit}".rstrip()


class Phrase(NamedTuple):
    """What a code among a field's choices means, by language, and how sure that is."""

    code: str
    certainty: str
    source: str
    says: Mapping[str, str]


class Field(NamedTuple):
    """One field of a notice. ``need`` unknown: it must be named, and may be unknown for now."""

    name: str
    type: str
    need: str
    source: str
    labels: Mapping[str, str]
    unit: str = ""
    choices: tuple[str, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    least: Number | None = None
    most: Number | None = None


class Deadline(NamedTuple):
    """When a notice must have been received (spec/profile.md §5)."""

    rule: str
    source: str
    of: str = ""  # a field; for on-receipt the name of another profile
    by: Number | None = None
    earliest: Number | None = None
    days: tuple[str, ...] = ()  # MM-DD, for calendar-day


class Validity(NamedTuple):
    """How long a notice stands: for a span from the start of a field, or to that field's end."""

    of: str
    span: Number | None
    source: str


class Precondition(NamedTuple):
    """A notice under another profile that must stand and be referred to."""

    profile: str
    source: str


class Ceiling(NamedTuple):
    """At most so many notices of one author, or so much of a field, in a period."""

    counts: str  # "notices" or the name of a field
    number: Number
    per: str


class Apart(NamedTuple):
    """Two fields that must lie at least so far from one another."""

    fields: tuple[str, str]
    number: Number


class OneOf(NamedTuple):
    """Optional fields of which at least one is given."""

    fields: tuple[str, ...]
    source: str


class Rendering(NamedTuple):
    """How a notice reads in one language: templates with fields in braces."""

    subject: str
    text: str
    unknown: str


@dataclass(frozen=True)
class Profile:
    """A notification regime. ``canonical`` is what is hashed and sent (spec/profile.md §2)."""

    canonical: bytes
    name: str
    status: str
    status_certainty: str
    source: str
    receipt: str
    corrections: bool
    cancellation: bool
    titles: Mapping[str, str]
    numbers: Mapping[str, Number]
    fields: Mapping[str, Field]
    deadline: Deadline
    validity: Validity | None
    preconditions: tuple[Precondition, ...]
    ceilings: tuple[Ceiling, ...]
    apart: tuple[Apart, ...]
    one_of: tuple[OneOf, ...]
    renderings: Mapping[str, Rendering]

    @cached_property
    def digest(self) -> str:
        """What names this very text: 200 bits of SHA-256 in lower-case base32."""
        return digest_of(self.canonical)

    def word(self, edition: int) -> str:
        """How a charter names its adoption: ``name/edition/digest``."""
        return f"{self.name}/{edition}/{self.digest}"

    @property
    def unsure(self) -> tuple[Number, ...]:
        """The numbers that every party must state before this binds anybody."""
        return tuple(one for one in self.numbers.values() if one.certainty in UNSURE)


class Word(NamedTuple):
    """A charter's word of an adopted profile, in its parts."""

    name: str
    edition: int
    digest: str


def digest_of(canonical: bytes) -> str:
    """The digest of canonical bytes (spec/profile.md §2)."""
    return base64.b32encode(sha256(FIRST, canonical)[:DIGEST_BYTES]).decode().lower()


def read_word(text: str) -> Word | None:
    """The parts of a charter's word, or None for a name of any other kind."""
    match = _WORD.fullmatch(text)
    return None if match is None else Word(match[1], int(match[2]), match[3])
