"""A calendar that other programs read: iCalendar (RFC 5545), no more of it than deadlines need.

For a party's own staff. Nothing of it goes to the line, and no address is asked for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from detente.plain import plain
from detente.terms import NOTICES, word
from detente.words import _

ROW_BYTES_MAX = 75  # RFC 5545 §3.1, the line end not counted
DUE_ALARM_S = 86_400  # a day before something is due, a calendar rings
PRODUCT = "-//detente//notices//EN"


class Event(NamedTuple):
    """What stands in a calendar: times are seconds of UTC since the epoch, and the alarm comes
    ``alarm_s`` seconds before the start; None for no alarm, and no end."""

    uid: str
    start_s: int
    end_s: int | None
    summary: str
    text: str
    alarm_s: int | None = None


def calendar(events: Iterable[Event], now_s: int) -> str:
    """The events as one iCalendar object, in rows that end in CR LF (RFC 5545 §3.4)."""
    rows = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}"]
    for one in events:
        rows += _event(one, now_s)
    rows.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for row in rows for folded in _fold(row))


def of_notices(found: Mapping[str, Any]) -> Iterator[Event]:
    """What is due on a line and not given, and what stands, by the node's list of notices."""
    line = found["line"][:16]
    for one in found["due"]:
        if one["given"] is None:
            what = one["day_s"] if one["trigger"] is None else one["trigger"]
            name = _name(found["members"], one["member"])
            summary = _("due: {what}, {name}").format(what=one["profile"], name=name)
            uid = f"due-{one['word']}-{one['member']}-{what}@{line}"
            yield Event(uid, one["due_s"], None, summary, one["word"], DUE_ALARM_S)
    for one in found["notices"]:
        start_s = one["event_s"] if one["valid_from_s"] is None else one["valid_from_s"]
        if start_s is not None and one["state"] not in {"superseded", "cancelled"}:
            name = _name(found["members"], one["member"])
            text = f"{one['entry']} {name}\n{word(NOTICES, one['state'])}"
            uid = f"{one['entry']}@{line}"
            yield Event(uid, start_s, one["valid_until_s"], one["reads_subject"], text)


def _name(members: Mapping[Any, str], member: int) -> str:
    return plain(str(members.get(member) or members.get(str(member)) or member))


def _event(one: Event, now_s: int) -> Iterator[str]:
    yield from ("BEGIN:VEVENT", f"UID:{_escaped(one.uid)}")
    yield from (f"DTSTAMP:{_time(now_s)}", f"DTSTART:{_time(one.start_s)}")
    if one.end_s is not None:
        yield f"DTEND:{_time(one.end_s)}"
    yield from (f"SUMMARY:{_escaped(one.summary)}", f"DESCRIPTION:{_escaped(one.text)}")
    if one.alarm_s is not None:
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-PT{one.alarm_s}S")
        yield from (f"DESCRIPTION:{_escaped(one.summary)}", "END:VALARM")
    yield "END:VEVENT"


def _time(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    """RFC 5545 §3.3.11."""
    for char in "\\;,":
        text = text.replace(char, f"\\{char}")
    return text.replace("\n", "\\n")


def _fold(row: str) -> Iterator[str]:
    """Rows of at most 75 bytes, cut between characters; what follows begins with a space."""
    part = ""
    for char in row:
        if len((part + char).encode()) > ROW_BYTES_MAX:
            yield part
            part = " "
        part += char
    yield part
