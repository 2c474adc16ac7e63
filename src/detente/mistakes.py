"""Mistakes in profiles and notices, in words: which rule was broken, and what to do about it.

Programs read the rule's own word of spec/profile.md §7 and seconds; people read these. Details
stay as whoever found the mistake wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from detente.plain import plain
from detente.terms import word
from detente.times import spoken
from detente.words import _, marked

RULES: Final[Mapping[str, str]] = {
    "bad-profile": marked("wrong in a profile"),
    "unknown-field": marked("no such field"),
    "missing-field": marked("missing"),
    "never-unknown": marked("cannot be unknown"),
    "wrong-type": marked("another kind of value belongs here"),
    "wrong-unit": marked("another unit belongs here"),
    "not-utc": marked("not tied to UTC"),
    "no-such-day": marked("no such day or second"),
    "out-of-range": marked("too little or too much"),
    "no-choice": marked("none of the choices"),
    "bad-place": marked("no such place"),
    "too-near": marked("too near"),
    "not-the-day": marked("not the day"),
    "too-late": marked("too late"),
    "too-early": marked("too early"),
    "missing-precondition": marked("rests on nothing that stands"),
    "above-ceiling": marked("above the ceiling"),
    "not-in-force": marked("not in force on this line"),
    "never-revised": marked("cannot be revised"),
}


def row(fault: Mapping[str, Any]) -> str:
    """One mistake: its field, the rule in words, the detail, how late, and the rule's source."""
    late = ", " + _("LATE by {span}").format(span=spoken(fault["late_s"]))
    return "{field}: {rule}: {detail} ({source})".format(
        field=plain(str(fault["field"])),
        rule=word(RULES, fault["rule"]),
        detail=plain(str(fault["detail"])) + (late if fault["late_s"] else ""),
        source=plain(str(fault["source"])),
    )


def hint(faults: Sequence[Mapping[str, Any]]) -> str:
    """What to do about mistakes for which nothing was sent."""
    rules = {one["rule"] for one in faults}
    if rules == {"too-late"}:
        return _("Give a later time, or send it with --late: it then says by how much it is late.")
    if rules == {"not-in-force"}:
        return _(
            "`detente notice profiles` shows what is in force; `detente notice adopt` offers more."
        )
    if rules == {"missing-precondition"}:
        return _(
            "Name the notice that this one rests on, with --refers or --answers; "
            "`detente notice list` shows which stand."
        )
    if "bad-profile" in rules:
        return _("Mend each value named in the profile; docs/operating/notices.md has an example.")
    return _(
        "Nothing was sent. Mend each field named; `detente notice profiles NAME` lists fields, and "
        "`detente notice check` shows how it would read."
    )
