"""Sentences that pages say of members, lines and entries, from the node's views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detente.dossiers.conventions import dtg
from detente.plain import plain
from detente.terms import PRESENCES, ROLES, SOURCES, word
from detente.words import _, ngettext

View = Mapping[str, Any]


def member_row(member: View) -> str:
    """One member in words: its link, which silence, since when, and who says so."""
    name, role = plain(str(member["name"])), word(ROLES, member["role"])
    linked = _("link up") if member.get("linked") else _("link down")
    silence = member.get("silence") or {}
    since = dtg(silence["since_s"]) if silence.get("since_s") is not None else "-"
    state = word(PRESENCES, silence["state"]).format(since=since) if silence else ""
    about = f" ({plain(str(silence['entry']))})" if silence.get("entry") else ""
    sources = ", ".join(word(SOURCES, source) for source in silence.get("stated_by") or ())
    mute = "; " + _("its node is MUTE: restored, and not adopted yet") if member.get("mute") else ""
    return f"{name} ({role}): {linked}; {state}{about} [{sources}]{mute}"


def counts(line: View) -> str:
    """What is queued, without receipt and overdue on a line."""
    said = _("{queued} queued, {unreceipted} without receipt, {overdue} overdue")
    return said.format(
        queued=line.get("queued", 0),
        unreceipted=line.get("unreceipted", 0),
        overdue=line.get("overdue", 0),
    )


def tests(line: View) -> str:
    """The last link test and the next."""
    last, coming = line.get("last_test_s"), line.get("next_test_s")
    return _("last link test: {last}; next: {coming}").format(
        last="-" if last is None else dtg(last), coming="-" if coming is None else dtg(coming)
    )


def unread(line: View) -> str:
    """How much nobody here has marked as seen."""
    count = int(line.get("unread", 0))
    return ngettext("{count} entry unread", "{count} entries unread", count).format(count=count)


def stated_here(view: View) -> frozenset[str]:
    """The rungs that this side has stated of an entry of theirs: they are not offered again."""
    return frozenset(step["rung"] for step in view.get("ladder") or ())
