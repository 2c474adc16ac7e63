"""Values of a notice's fields: read, checked, and written in one form (spec/profile.md §6).

Times are of UTC, or carry their offset: on the day that clocks change, a local time without one is
two instants, or none. Places are read by whoever knows geometry, behind ``Geometry``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple, Protocol

from detente.core.errors import LocalError
from detente.core.sheet import fault as sheet_fault
from detente.core.sheet import instant
from detente.dossiers.conventions import parse_dtg
from detente.dossiers.dispatch import TIME_S_END, TIME_S_MIN
from detente.dossiers.faults import Rule, WrongError
from detente.dossiers.profile import GEOMETRIES, UNITS, Field

CHARS_MAX = 2_000
PLACE_CHARS_MAX = 16_000  # a polygon of 256 points is half of it
DAY_S = 86_400
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_NUMBER = re.compile(r"(-?\d{1,9}(?:\.\d{1,6})?)(?: ?([a-z]+))?", re.ASCII)
_COUNT = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}")


class Geometry(Protocol):
    """What is known of places (spec/places.md)."""

    def canonical(self, kind: str, text: str) -> str:
        """The one form of a place, circle, polygon, corridor, altitude band or ocean quadrant.

        ``WrongError`` with BAD_PLACE for what is none.
        """
        ...

    def apart_m(self, first: str, second: str) -> float | None:
        """The distance in metres between two of these in their one form; None where nobody has
        measured it: a fold never does."""
        ...


class Value(NamedTuple):
    """A value in its one form; ``start_s`` and ``end_s`` for times, ``amount`` for numbers."""

    text: str
    start_s: int | None = None
    end_s: int | None = None
    amount: Decimal | None = None


def read_value(field: Field, text: str, geometry: Geometry) -> Value:
    """The value of a field. ``WrongError`` says which rule another text breaks."""
    text = text.strip()
    if field.type == "instant":
        time_s = read_instant(text)
        return Value(instant(time_s), time_s, time_s)
    if field.type == "day":
        time_s = read_day(text)
        return Value(instant(time_s)[:10], time_s, time_s + DAY_S)
    if field.type == "window":
        return _window(field, text)
    if field.type in {"number", "count"}:
        return _amount(field, text)
    if field.type in GEOMETRIES:
        return Value(geometry.canonical(field.type, _line(text, PLACE_CHARS_MAX)))
    if field.type == "reference":
        if _HASH.fullmatch(text) is None:
            raise WrongError(Rule.WRONG_TYPE, f"«{text}» is no hash of an entry, 64 digits in hex")
        return Value(text)
    if field.choices and text not in field.choices:
        raise WrongError(Rule.NO_CHOICE, f"«{text}» is none of: {', '.join(field.choices)}")
    return Value(_line(text))


def read_instant(text: str) -> int:
    """Seconds since the epoch of ``2026-02-05T09:00Z``, another offset, or ``050900Z FEB 26``."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        try:
            return _in_range(parse_dtg(text))
        except LocalError as exc:
            detail = f"«{text}» is not like 2026-02-05T09:00Z or 050900Z FEB 26"
            raise WrongError(Rule.WRONG_TYPE, detail) from exc
    year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
    if match[7] is None:
        detail = f"«{text}» names no offset: end it with Z, or with one such as +02:00"
        raise WrongError(Rule.NOT_UTC, detail)
    zone = UTC if match[7] == "Z" else timezone(_offset(match[7]))
    try:
        moment = datetime(year, month, day, hour, minute, int(match[6] or 0), tzinfo=zone)
    except ValueError as exc:
        raise WrongError(
            Rule.NO_SUCH_DAY, f"«{text}» is on no calendar, or no clock shows it"
        ) from exc
    return _in_range((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


def _offset(text: str) -> timedelta:
    hours, minutes = int(text[1:3]), int(text[4:])
    if hours > 14 or minutes > 59:
        raise WrongError(Rule.NOT_UTC, f"«{text}» is no offset of any clock")
    span = timedelta(hours=hours, minutes=minutes)
    return -span if text[0] == "-" else span


def read_day(text: str) -> int:
    """The second at which a day such as ``2026-02-05`` begins in UTC."""
    match = _DAY.fullmatch(text)
    if match is None:
        raise WrongError(Rule.WRONG_TYPE, f"«{text}» is not a day like 2026-02-05")
    try:
        moment = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC)
    except ValueError as exc:
        raise WrongError(Rule.NO_SUCH_DAY, f"«{text}» is on no calendar") from exc
    return _in_range((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


def year_of(time_s: int) -> int:
    """The year of an instant in UTC: 2000 before 2000, 2099 from 2100 on."""
    return int(instant(min(max(time_s, TIME_S_MIN), TIME_S_END - 1))[:4])


def _in_range(time_s: int) -> int:
    if not TIME_S_MIN <= time_s < TIME_S_END:
        raise WrongError(Rule.OUT_OF_RANGE, "a time outside 2000 to 2099")
    return time_s


def _window(field: Field, text: str) -> Value:
    first, slash, last = text.partition("/")
    if not slash:
        raise WrongError(Rule.WRONG_TYPE, f"«{text}» is not two instants with a slash between them")
    start_s, end_s = read_instant(first.strip()), read_instant(last.strip())
    if end_s <= start_s:
        raise WrongError(Rule.OUT_OF_RANGE, "a window that ends before it begins")
    if field.least is not None and end_s - start_s < field.least.seconds:
        raise WrongError(Rule.OUT_OF_RANGE, f"a window shorter than {field.least.said}")
    if field.most is not None and end_s - start_s > field.most.seconds:
        raise WrongError(Rule.OUT_OF_RANGE, f"a window longer than {field.most.said}")
    return Value(f"{instant(start_s)}/{instant(end_s)}", start_s, end_s)


def _amount(field: Field, text: str) -> Value:
    if field.type == "count":
        if _COUNT.fullmatch(text) is None:
            raise WrongError(Rule.WRONG_TYPE, f"«{text}» is not a whole number")
        amount = Decimal(text)
    else:
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise WrongError(
                Rule.WRONG_TYPE, f"«{text}» is not a number like 12.5 {field.unit}".rstrip()
            )
        unit = match[2] or ""
        if unit != field.unit:
            known = "" if unit in UNITS else ", which is no unit here"
            detail = f"«{unit or 'no unit'}» where {field.unit or 'no unit'} belongs{known}"
            raise WrongError(Rule.WRONG_UNIT, detail)
        amount = Decimal(match[1])
    if field.least is not None and amount < field.least.value:
        raise WrongError(Rule.OUT_OF_RANGE, f"{text} is below {field.least.said}")
    if field.most is not None and amount > field.most.value:
        raise WrongError(Rule.OUT_OF_RANGE, f"{text} is above {field.most.said}")
    plain = f"{amount.normalize():f}" if amount else "0"
    return Value(f"{plain} {field.unit}".rstrip(), amount=amount)


def _line(text: str, chars_max: int = CHARS_MAX) -> str:
    wrong = sheet_fault(text)
    if wrong is None and len(text) > chars_max:
        wrong = f"{len(text)} characters where {chars_max} are allowed"
    if wrong is not None:
        raise WrongError(Rule.WRONG_TYPE, wrong)
    return text
