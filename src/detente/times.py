"""Times as people at a desk read them: the date-time group, and ISO 8601 beside it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from detente.core.errors import LocalError, Refusal
from detente.core.limits import CLOCK_ERROR_UNKNOWN_S
from detente.core.sheet import instant
from detente.dossiers.conventions import dtg
from detente.words import _, ngettext

_SPAN = re.compile(r"(\d{1,9})(s|min|h|d)", re.ASCII)
_UNITS_S = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}


def iso(time_s: int) -> str:
    """``2026-02-05T12:30:45Z``; the bare number where no instant can be written."""
    try:
        return instant(time_s)
    except LocalError:
        return f"{time_s} s"


def stamp(time_s: int) -> str:
    """``051230Z FEB 26 (2026-02-05T12:30:45Z)``."""
    return f"{dtg(time_s)} ({iso(time_s)})"


def give_or_take(clock_error_s: int) -> str:
    """How far off the clock behind a time may be, by its owner's word."""
    if clock_error_s >= CLOCK_ERROR_UNKNOWN_S:
        return _("clock error unknown")
    return f"±{clock_error_s} s"


def spoken(span_s: int) -> str:
    """``1 day 2 hours``: a span to the second in the units that people count, none of them zero."""
    minutes, seconds = divmod(span_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = (
        (days, ngettext("{count} day", "{count} days", days)),
        (hours, ngettext("{count} hour", "{count} hours", hours)),
        (minutes, ngettext("{count} minute", "{count} minutes", minutes)),
        (seconds, ngettext("{count} second", "{count} seconds", seconds)),
    )
    kept = [(count, text) for count, text in parts if count] or [parts[-1]]
    return " ".join(text.format(count=count) for count, text in kept)


def parse_time(text: str) -> int:
    """Seconds since the Unix epoch of an ISO 8601 date or instant in UTC. LocalError USAGE."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise LocalError(Refusal.USAGE, f"«{text}» is not like 2026-02-05T12:30:45Z") from exc
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def parse_span(text: str) -> int:
    """The seconds of a span such as ``90s``, ``10min``, ``12h`` or ``7d``. LocalError USAGE."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise LocalError(Refusal.USAGE, f"«{text}» is not like 90s, 10min, 12h or 7d")
    return int(match[1]) * _UNITS_S[match[2]]
