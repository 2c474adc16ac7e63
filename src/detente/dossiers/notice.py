"""A notice checked against its profile: every mistake, with its field, rule and source.

The same check runs before a notice is released and, without a time, on what was received; it never
refuses an entry, it only says what is wrong with it (spec/profile.md §7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from detente.core.sheet import instant
from detente.dossiers.faults import Fault, Rule, WrongError
from detente.dossiers.notice_forms import Notice
from detente.dossiers.profile import Field, Profile
from detente.dossiers.timing import Times, times_of
from detente.dossiers.values import Geometry, Value, read_value


class Checked(NamedTuple):
    """A notice as it was read: its values in their one form, its instants, all its faults."""

    values: Mapping[str, Value]
    unknown: tuple[str, ...]
    times: Times
    faults: tuple[Fault, ...]

    def notice(self, word: str, late_s: int = 0) -> Notice:
        """The form of it, with the lateness that was confirmed."""
        texts = {name: value.text for name, value in self.values.items()}
        return Notice(word, texts, self.unknown, late_s)


def check(
    profile: Profile,
    values: Mapping[str, str],
    geometry: Geometry,
    *,
    unknown: tuple[str, ...] = (),
    trigger_s: int | None = None,
    now_s: int | None = None,
) -> Checked:
    """Reads a notice's values and finds every fault in them.

    ``trigger_s`` as in ``times_of``. With ``now_s``, the time of release, also lateness: what is
    received can be no earlier than it is released.
    """
    read, faults = read_values(profile, values, geometry)
    faults += _named(profile, values, unknown)
    times = times_of(profile, read, trigger_s)
    faults += _day(profile, read)
    faults += _apart(profile, read, geometry)
    if now_s is not None:
        faults += in_time(profile, times, now_s)
    return Checked(read, tuple(sorted(set(unknown))), times, tuple(faults))


def read_values(
    profile: Profile, values: Mapping[str, str], geometry: Geometry
) -> tuple[dict[str, Value], list[Fault]]:
    """Each value by itself: those that can be read, and a fault for each other one."""
    read: dict[str, Value] = {}
    faults: list[Fault] = []
    for name, text in values.items():
        field = profile.fields.get(name)
        if field is None:
            faults.append(_unknown_field(profile, name))
            continue
        try:
            read[name] = read_value(field, text, geometry)
        except WrongError as wrong:
            faults.append(Fault(name, wrong.rule, field.source, wrong.detail))
    return read, faults


def _unknown_field(profile: Profile, name: str) -> Fault:
    detail = f"{profile.name} has the fields {', '.join(profile.fields)}"
    return Fault(name, Rule.UNKNOWN_FIELD, profile.source, detail)


def _named(
    profile: Profile, values: Mapping[str, str], unknown: tuple[str, ...]
) -> Iterator[Fault]:
    for name in unknown:
        field = profile.fields.get(name)
        if field is None:
            yield _unknown_field(profile, name)
        elif field.need != "unknown" or name in values:
            detail = "given, and said to be unknown" if name in values else "has to be known"
            yield Fault(name, Rule.NEVER_UNKNOWN, field.source, detail)
    for field in profile.fields.values():
        if field.need != "optional" and field.name not in values and field.name not in unknown:
            yield Fault(field.name, Rule.MISSING_FIELD, field.source, _missing(field))
    for group in profile.one_of:
        if not any(name in values for name in group.fields):
            names = ", ".join(group.fields)
            yield Fault(group.fields[0], Rule.MISSING_FIELD, group.source, f"one of {names}")


def _missing(field: Field) -> str:
    return "to be given, or said to be unknown" if field.need == "unknown" else "to be given"


def _day(profile: Profile, values: Mapping[str, Value]) -> Iterator[Fault]:
    deadline = profile.deadline
    given = values.get(deadline.of)
    if given is not None and deadline.days and given.text[5:] not in deadline.days:
        detail = f"{given.text} is none of {', '.join(deadline.days)}"
        yield Fault(deadline.of, Rule.NOT_THE_DAY, deadline.source, detail)


def _apart(profile: Profile, values: Mapping[str, Value], geometry: Geometry) -> Iterator[Fault]:
    for rule in profile.apart:
        first, second = (values.get(name) for name in rule.fields)
        if first is None or second is None:
            continue
        name, source = rule.fields[0], rule.number.source
        metres = geometry.apart_m(first.text, second.text)
        if metres is not None and metres < rule.number.metres:
            detail = f"{metres / 1000:.3f} km from {rule.fields[1]}, at least {rule.number.said}"
            yield Fault(name, Rule.TOO_NEAR, source, detail)


def in_time(profile: Profile, times: Times, at_s: int) -> Iterator[Fault]:
    """Whether a receipt at ``at_s`` would be too late or too early."""
    deadline = profile.deadline
    by, earliest = deadline.by, deadline.earliest
    late_s, early_s = times.late_s(at_s), times.early_s(at_s)
    if late_s and times.due_s is not None:
        source = deadline.source if by is None else by.source
        detail = f"due {instant(times.due_s)}, and it is {instant(at_s)}"
        yield Fault(deadline.of, Rule.TOO_LATE, source, detail, late_s)
    if early_s and times.earliest_s is not None:
        source = deadline.source if earliest is None else earliest.source
        detail = f"not before {instant(times.earliest_s)}"
        yield Fault(deadline.of, Rule.TOO_EARLY, source, detail)
