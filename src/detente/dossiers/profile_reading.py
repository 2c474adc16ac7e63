"""Profiles as they are read: from TOML as people write it, or from canonical bytes as they travel.

Every mistake is found in one pass, with the path of its value (spec/profile.md §3).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from detente.core.errors import LocalError, Refusal
from detente.dossiers.faults import Fault, Rule, refuse
from detente.dossiers.profile import (
    CERTAINTIES,
    GEOMETRIES,
    NEEDS,
    PERIODS,
    RULES,
    STATUSES,
    TIMES,
    TYPES,
    UNITS,
    UNITS_M,
    UNITS_S,
    Apart,
    Ceiling,
    Deadline,
    Field,
    Number,
    OneOf,
    Phrase,
    Precondition,
    Profile,
    Rendering,
    Validity,
)

BYTES_MAX = 32_768
SPAN_S_MAX = 3_660 * 86_400
SPEC = "spec/profile.md §3"
NAMES = "1 to 19 of a-z, 0-9 and -, a letter first"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,18}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_MONTH_DAY = re.compile(r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
_DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # every year has these
_NO_NUMBER = Number("", 0, "s", "V", "")


def parse_toml(data: bytes) -> Profile:
    """The profile that a TOML file holds. LocalError MALFORMED with all its faults, or OVERSIZE."""
    try:
        plain = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise LocalError(Refusal.MALFORMED, f"not TOML: {exc}", by_hand="profile") from exc
    return from_plain(plain)


def parse_canonical(data: bytes) -> Profile:
    """The profile of its canonical bytes. LocalError MALFORMED for any other bytes, or OVERSIZE."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise LocalError(Refusal.MALFORMED, "not JSON") from exc
    if not isinstance(plain, dict) or canonical_of(plain) != data:
        raise LocalError(Refusal.MALFORMED, "not the canonical bytes of a profile")
    return from_plain(plain)


def canonical_of(plain: Mapping[str, Any]) -> bytes:
    """JSON with sorted names and no spaces, in UTF-8. MALFORMED for what it cannot say."""
    try:
        text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        wrong = f"dates and half characters are texts: {exc}"
        raise LocalError(Refusal.MALFORMED, wrong, by_hand="profile") from exc


def from_plain(plain: Mapping[str, Any]) -> Profile:
    """The profile of plain values. LocalError MALFORMED with every fault in it, or OVERSIZE."""
    canonical = canonical_of(plain)
    if len(canonical) > BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"{len(canonical)} bytes where {BYTES_MAX} are allowed")
    faults: list[Fault] = []
    top = _Table(plain, "", faults)
    top.choice("format", (1,))
    name = top.text("name")
    if _NAME.fullmatch(name) is None:
        top.wrong("name", NAMES)
    numbers = {one.name: one for one in (_number(t) for t in top.tables("number"))}
    fields = {one.name: one for one in (_field(t, numbers) for t in top.tables("field"))}
    known = _Known(numbers, fields)
    profile = Profile(
        canonical=canonical,
        name=name,
        status=top.choice("status", STATUSES),
        status_certainty=top.choice("status-certainty", CERTAINTIES),
        source=top.text("source"),
        receipt=top.choice("receipt", ("received", "seen")),
        corrections=top.choice("corrections", (True, False)),
        cancellation=top.choice("cancellation", (True, False)),
        titles=top.words("title"),
        numbers=numbers,
        fields=fields,
        deadline=_deadline(top.table("deadline"), known),
        validity=_validity(top.table("validity"), known) if top.has("validity") else None,
        preconditions=tuple(
            Precondition(t.text("profile"), t.text("source")) for t in top.rows("precondition")
        ),
        ceilings=tuple(_ceiling(t, known) for t in top.rows("ceiling")),
        apart=tuple(_apart(t, known) for t in top.rows("apart")),
        one_of=tuple(_one_of(t, fields) for t in top.rows("one-of")),
        renderings={t.name: _rendering(t, fields) for t in top.tables("rendering")},
    )
    if not fields:
        top.wrong("field", "a notice says something")
    if set(profile.titles) != set(profile.renderings) or not profile.titles:
        top.wrong("rendering", "one for each language of the title, and at least one")
    top.done()
    refuse(faults, Refusal.MALFORMED)
    return profile


class _Known(NamedTuple):
    numbers: Mapping[str, Number]
    fields: Mapping[str, Field]


def _number(table: _Table) -> Number:
    table.check_name()
    value, unit = table.whole("value"), table.choice("unit", UNITS)
    if value * UNITS_S.get(unit, 0) > SPAN_S_MAX:
        table.wrong("value", "at most ten years")
    certainty, source = table.choice("certainty", CERTAINTIES), table.text("source")
    return Number(table.name, value, unit, certainty, source)


def _field(table: _Table, numbers: Mapping[str, Number]) -> Field:
    table.check_name()
    type_ = table.choice("type", TYPES)
    unit = table.choice("unit", UNITS) if type_ == "number" else ""
    limits = tuple(UNITS_S) if type_ == "window" else (unit,)
    limited = type_ in {"number", "count", "window"}
    choices = table.texts("choices") if type_ in {"text", "area"} else ()
    phrases = tuple(_phrase(row) for row in table.rows("phrase"))
    codes = [one.code for one in phrases]
    if not set(codes) <= set(choices) or len(set(codes)) < len(codes):
        table.wrong("phrase", "one for a choice of the field, each once")
    return Field(
        name=table.name,
        type=type_,
        need=table.choice("need", NEEDS),
        source=table.text("source"),
        labels=table.words("label"),
        unit=unit,
        choices=choices,
        phrases=phrases,
        least=table.number("least", numbers, limits) if limited else None,
        most=table.number("most", numbers, limits) if limited else None,
    )


def _phrase(table: _Table) -> Phrase:
    certainty = table.choice("certainty", CERTAINTIES)
    return Phrase(table.text("code"), certainty, table.text("source"), table.words("says"))


def _deadline(table: _Table, known: _Known) -> Deadline:
    rule, source = table.choice("rule", RULES), table.text("source")
    days: tuple[str, ...] = ()
    if rule == "on-receipt":
        of = table.text("of")
    else:
        of = table.field("of", known, ("day",) if rule == "calendar-day" else TIMES)
    if rule == "calendar-day":
        days = table.texts("days")
        if not days or not all(_every_year(day) for day in days):
            table.wrong("days", "days that every year has, as MM-DD")
    spans = rule not in {"calendar-day", "at-once"}
    return Deadline(
        rule,
        source,
        of,
        table.need_number("by", known.numbers, tuple(UNITS_S)) if spans else None,
        table.number("earliest", known.numbers, tuple(UNITS_S))
        if rule in {"window", "calendar-day"}
        else None,
        days,
    )


def _every_year(day: str) -> bool:
    if _MONTH_DAY.fullmatch(day) is None:
        return False
    return int(day[3:]) <= _DAYS_OF_MONTH[int(day[:2]) - 1]


def _validity(table: _Table, known: _Known) -> Validity:
    span = table.number("for", known.numbers, tuple(UNITS_S))
    types = TIMES if span is not None else ("day", "window")
    return Validity(table.field("of", known, types), span, table.text("source"))


def _ceiling(table: _Table, known: _Known) -> Ceiling:
    counts = table.text("counts")
    if counts != "notices" and getattr(known.fields.get(counts), "type", "") != "count":
        table.wrong("counts", "«notices», or a field of type count")
    number = table.need_number("number", known.numbers, ("",))
    return Ceiling(counts, number, table.choice("per", PERIODS))


def _apart(table: _Table, known: _Known) -> Apart:
    names = table.texts("fields")
    places = [name for name in names if getattr(known.fields.get(name), "type", "") in GEOMETRIES]
    if len(places) != 2 or len(names) != 2:
        table.wrong("fields", "two fields that are places")
        names = ("", "")
    number = table.need_number("number", known.numbers, tuple(UNITS_M))
    return Apart((names[0], names[1]), number)


def _one_of(table: _Table, fields: Mapping[str, Field]) -> OneOf:
    names = table.texts("fields")
    found = [one for one in names if getattr(fields.get(one), "need", "") == "optional"]
    if len(found) != len(names) or len(names) < 2:
        table.wrong("fields", "two optional fields or more")
    return OneOf(names, table.text("source"))


def _rendering(table: _Table, fields: Mapping[str, Field]) -> Rendering:
    found = Rendering(table.text("subject"), table.block("text"), table.text("unknown"))
    named = re.findall(r"\{([^{}]*)\}", found.subject + found.text)
    rest = re.sub(r"\{[^{}]*\}", "", found.subject + found.text)
    if any(name not in fields for name in named) or "{" in rest or "}" in rest:
        table.wrong("text", "in braces stand names of fields")
    return found


class _Table:
    """One table of a profile as it is read; every mistake is kept with the path of its value."""

    def __init__(
        self, plain: Mapping[str, Any], path: str, faults: list[Fault], name: str = ""
    ) -> None:
        self.name = name
        self._left = dict(plain)
        self._path = path
        self._faults = faults
        self._inner: list[_Table] = []

    def wrong(self, key: str, detail: str) -> None:
        path = ".".join(part for part in (self._path, key) if part)
        self._faults.append(Fault(path, Rule.BAD_PROFILE, SPEC, detail))

    def check_name(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            self.wrong("", NAMES)

    def done(self) -> None:
        for key in self._left:
            self.wrong(key, "no such value belongs here")
        for table in self._inner:
            table.done()

    def has(self, key: str) -> bool:
        return key in self._left

    def block(self, key: str) -> str:
        """A text that may have several lines."""
        value = self._left.pop(key, None)
        if not isinstance(value, str) or not value.strip():
            self.wrong(key, "a text belongs here")
            return ""
        if not value.replace("\n", "").isprintable():
            self.wrong(key, "characters that nobody sees")
        return value

    def text(self, key: str) -> str:
        value = self.block(key)
        if "\n" in value:
            self.wrong(key, "one line")
        return value

    def whole(self, key: str) -> int:
        value = self._left.pop(key, None)
        if type(value) is not int or not 0 <= value < 1 << 31:
            self.wrong(key, "a whole number belongs here, at least 0")
            return 0
        return value

    def choice(self, key: str, allowed: Sequence[Any]) -> Any:
        value = self._left.pop(key, None)
        if not any(type(value) is type(one) and value == one for one in allowed):
            said = (str(one).lower() if isinstance(one, bool) else str(one) for one in allowed)
            self.wrong(key, f"one of {', '.join(said)}")
            return allowed[0]
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.wrong(key, "a list of texts belongs here")
            return ()
        return tuple(value)

    def table(self, key: str) -> _Table:
        value = self._left.pop(key, None)
        if not isinstance(value, dict):
            self.wrong(key, "a table belongs here")
            value = {}
        return self._open(value, key)

    def tables(self, key: str) -> list[_Table]:
        """Every table below one key, by name."""
        outer = self._left.pop(key, {})
        if not isinstance(outer, dict) or not all(isinstance(one, dict) for one in outer.values()):
            self.wrong(key, "named tables belong here")
            return []
        return [self._open(one, f"{key}.{name}", name) for name, one in sorted(outer.items())]

    def rows(self, key: str) -> list[_Table]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.wrong(key, "a list of tables belongs here")
            return []
        return [self._open(one, f"{key}.{at}") for at, one in enumerate(value)]

    def words(self, key: str) -> dict[str, str]:
        """A text for each language."""
        return self.table(key).all_words()

    def all_words(self) -> dict[str, str]:
        """Every value of this table, by language."""
        for language in self._left:
            if _LANGUAGE.fullmatch(language) is None:
                self.wrong(language, "a language of two or three letters")
        return {language: self.text(language) for language in sorted(self._left)}

    def number(
        self, key: str, numbers: Mapping[str, Number], units: tuple[str, ...]
    ) -> Number | None:
        """A number by its name, or None where none is named."""
        return self.need_number(key, numbers, units) if self.has(key) else None

    def need_number(
        self, key: str, numbers: Mapping[str, Number], units: tuple[str, ...]
    ) -> Number:
        found = numbers.get(self.text(key))
        if found is None or found.unit not in units:
            self.wrong(key, f"the name of a number in {', '.join(units) or 'no unit'}")
            return _NO_NUMBER
        return found

    def field(self, key: str, known: _Known, types: tuple[str, ...]) -> str:
        name = self.text(key)
        field = known.fields.get(name)
        if field is None or field.type not in types or field.need == "optional":
            self.wrong(key, f"a field that is always named, of type {' or '.join(types)}")
        return name

    def _open(self, value: dict[str, Any], key: str, name: str = "") -> _Table:
        path = ".".join(part for part in (self._path, key) if part)
        table = _Table(value, path, self._faults, name)
        self._inner.append(table)
        return table
