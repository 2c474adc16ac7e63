"""How messages are written down by hand: date-time groups, prosigns, serials (spec/dispatch.md §5).

Latin in every language, so that two watches can read them to one another over a bad telephone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from detente.core.errors import LocalError, Refusal
from detente.core.leaf import Leaf, LogId, Precedence

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
PROSIGNS = {
    Precedence.OVERRIDE: "Y",
    Precedence.FLASH: "Z",
    Precedence.IMMEDIATE: "O",
    Precedence.PRIORITY: "P",
    Precedence.ROUTINE: "R",
    Precedence.DEFERRED: "M",
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The Gregorian calendar repeats after 400 years; so any signed number of seconds can be written.
_CYCLE_YEARS = 400
_CYCLE_S = 146_097 * 86_400
_CENTURY = 2000  # that a year of two digits belongs to
_DTG = re.compile(r"(\d\d)(\d\d)(\d\d)Z ([A-Z]{3}) (\d\d|\d{4,})", re.ASCII)


def dtg(time_s: int) -> str:
    """The date-time group of a time in seconds since the Unix epoch: ``051230Z FEB 26``.

    Seconds are left out. A year outside 2000 to 2099 is written in full, so that a clock that was
    never set can be seen for what it is.
    """
    cycles, rest_s = divmod(time_s, _CYCLE_S)
    moment = _EPOCH + timedelta(seconds=rest_s)
    year = moment.year + cycles * _CYCLE_YEARS
    shown = f"{year - _CENTURY:02}" if _CENTURY <= year < _CENTURY + 100 else f"{year:04}"
    return f"{moment:%d%H%M}Z {MONTHS[moment.month - 1]} {shown}"


def parse_dtg(text: str) -> int:
    """The time of a date-time group, at the start of its minute. LocalError USAGE otherwise."""
    match = _DTG.fullmatch(text)
    if match is None:
        raise LocalError(Refusal.USAGE, f"«{text}» is not like 051230Z FEB 26")
    day, hour, minute, month, year_word = match.groups()
    year = int(year_word) + (_CENTURY if len(year_word) == 2 else 0)
    cycles, year_in_cycle = divmod(year - 1970, _CYCLE_YEARS)
    try:
        moment = datetime(
            1970 + year_in_cycle,
            MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            tzinfo=UTC,
        )
    except ValueError as exc:
        raise LocalError(Refusal.USAGE, f"«{text}» is not a date") from exc
    return cycles * _CYCLE_S + (moment - _EPOCH) // timedelta(seconds=1)


def parse_precedence(word: str) -> Precedence:
    """A precedence from its name or its prosign, in capitals. LocalError USAGE otherwise."""
    for precedence, prosign in PROSIGNS.items():
        if word in {precedence.name, prosign}:
            return precedence
    raise LocalError(Refusal.USAGE, f"«{word}» is not a precedence")


def member_letters(member: int) -> str:
    """A for member 0 to Z for 25, then AA: how a member is called in serials."""
    letter = chr(ord("A") + member % 26)
    return letter if member < 26 else "A" + letter


def serial(leaf: Leaf, log: LogId) -> str:
    """``A-0042``; ``A.1-0042`` in incarnation 1; empty for an entry that carries no serial."""
    if not leaf.serial:
        return ""
    life = f".{log.k}" if log.k else ""
    return f"{member_letters(log.member)}{life}-{leaf.serial:04}"
