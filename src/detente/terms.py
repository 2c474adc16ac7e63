"""What entries, rungs, labels and relations are called, for every screen and every printed row.

Keys are the words of the node's views (``node/views.py``); texts go through the catalogs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from detente.plain import plain
from detente.words import RUNGS, SILENCES, _, marked, term

DRILL: Final = "DRILL DRILL DRILL"  # Latin in every language, like precedences
URGENT: Final = frozenset({"FLASH", "OVERRIDE"})  # they ring the bell

KINDS: Final[Mapping[str, str]] = {
    "dispatch": marked("dispatch"),
    "accident": marked("accident report"),
    "mark": marked("mark"),
    "translation": marked("translation"),
    "test": marked("link test"),
    "charter": marked("charter"),
    "offer": marked("offer"),
    "assent": marked("assent"),
    "withdrawal": marked("withdrawal"),
    "seal": marked("seal"),
    "accusation": marked("accusation"),
    "purged": marked("purge declared"),
    "over-quota": marked("over quota"),
    "duty": marked("duty"),
    "card": marked("card"),
    # The kind called seen is a node's word that it stores something, never that a person looked.
    "seen": marked("storage statement"),
    "quote": marked("quoted cosignature"),
    "held-ahead": marked("received out of turn"),
    "lacks": marked("bodies missing"),
    "resume": marked("log resumed"),
    "clock": marked("clock step"),
}
BODIES: Final[Mapping[str, str]] = {
    "missing": marked("its body is not stored here yet"),
    "purged": marked("its body was purged"),
    "not-addressed-to-us": marked("its body is not addressed to us"),
    "unreadable": marked("its body cannot be opened"),
}
ATTACHMENTS: Final[Mapping[str, str]] = {
    "whole": marked("whole here"),
    "arriving": marked("arriving, {percent} %"),
    "not-taken": marked("not taken here"),
}
UNOPENED: Final[Mapping[str, str]] = {
    "not disclosed": marked("its body is not disclosed in this file"),
    "unreadable": marked("its body cannot be opened"),
}
LABELS: Final[Mapping[str, str]] = {
    "parties-only": marked("parties only"),
    "mediator": marked("parties and mediator"),
    "public-on-agreement": marked("public on agreement"),
}
RELATIONS: Final[Mapping[str, str]] = {
    "answers": marked("answers {entry}"),
    "corrects": marked("corrects {entry}"),
    "cancels": marked("cancels {entry}"),
    "supersedes": marked("replaces {entry}"),
    "refers": marked("refers to {entry}"),
}
DOES: Final[Mapping[str, str]] = {
    "answers": marked("answered"),
    "corrects": marked("corrected"),
    "cancels": marked("cancelled"),
    "supersedes": marked("replaced"),
    "refers": marked("referred to"),
    "translation": marked("translated"),
    "purged": marked("purge declared"),
}
REVISIONS: Final[Mapping[str, str]] = {
    "corrects": marked("CORRECTED by {entry}"),
    "cancels": marked("CANCELLED by {entry}"),
    "supersedes": marked("REPLACED by {entry}"),
}
STEPS: Final[Mapping[str, str]] = {
    **RUNGS,
    "lost-in-restore": marked("lost there in a restore"),
}
ACCIDENT: Final[Mapping[str, str]] = {
    "what": marked("what: {said}"),
    "where": marked("where: {said}"),
    "persons": marked("persons: {said}"),
    "known": marked("known: {said}"),
    "asked": marked("asked: {said}"),
}
RECEIVE_ONLY: Final = marked("no receipt by {name} before {until} at most: it is receive-only")
MISSING: Final[Mapping[str, str]] = {
    "receipt": marked("OVERDUE: no receipt by {name}, due {when}"),
    "answer": marked("OVERDUE: no answer by {name}, due {when}"),
}
GRADES: Final[Mapping[str, str]] = {
    "sight": marked("sight translation"),
    "rough": marked("rough translation"),
    "certified": marked("certified translation"),
}
PRESENCES: Final[Mapping[str, str]] = {
    **SILENCES,
    "attended": marked("watch on duty"),
    "alive": marked("node alive, nothing said of its watch"),
}

SOURCES: Final[Mapping[str, str]] = {
    "observed": marked("observed here"),
    "signed": marked("signed by them"),
    "derived": marked("derived from the transcript"),
}

NOTICES: Final[Mapping[str, str]] = {
    "drafted": marked("drafted"),
    "released": marked("authorised, not received"),
    "received": marked("received"),
    "superseded": marked("replaced"),
    "cancelled": marked("cancelled"),
    "expired": marked("expired"),
    "in-force": marked("in force on this line"),
    "unstated": marked("waits for stated numbers"),
    "textless": marked("its text is not in the transcript"),
    "suspended": marked("suspended"),
    "dropped": marked("no charter names it any more"),
}
# Of the agreement that a profile is taken from: it says nothing of this line.
AGREEMENTS: Final[Mapping[str, str]] = {
    "in-force": marked("the agreement is in force"),
    "lapsed": marked("the agreement has lapsed"),
    "template": marked("template"),
}
STATES: Final[Mapping[str, str]] = {
    "open": marked("still open"),  # of an entry; a line that is open is another word
    "overdue": marked("overdue"),
    "answered": marked("answered"),
    "unanswered": marked("not answered"),
}

CLOCKS: Final[Mapping[str, str]] = {
    "unknown": marked("source unknown"),
    "hand": marked("set by hand"),
    "network": marked("network time"),
    "satellite": marked("satellite"),
}

ROLES: Final[Mapping[str, str]] = {
    "party": marked("party"),
    "mediator": marked("mediator"),
    "observer": marked("observer"),
}


def word(table: Mapping[str, str], key: object) -> str:
    """A word of a table in the language in use; an unknown key shows as it is."""
    return term(table, str(key)) if key in table else plain(str(key))


# --- what every screen says of a line ---


def member_rows(member: Mapping[str, Any], when: Callable[[int], str]) -> list[str]:
    """One member in words: its link, which silence, since ``when``, and who says so; that its node
    is mute is a row of its own."""
    name, role = plain(str(member["name"])), word(ROLES, member["role"])
    if member.get("me"):
        return [f"{name} ({role}): " + _("this node")]
    linked = _("link up") if member.get("linked") else _("link down")
    silence = member.get("silence") or {}
    since = when(silence["since_s"]) if silence.get("since_s") is not None else "-"
    until = when(silence["until_s"]) if silence.get("until_s") is not None else "-"
    state = word(PRESENCES, silence["state"]).format(since=since, until=until) if silence else ""
    about = f" ({plain(str(silence['entry']))})" if silence.get("entry") else ""
    sources = ", ".join(word(SOURCES, source) for source in silence.get("stated_by") or ())
    row = f"{name} ({role}): {linked}; {state}{about}" + (f" [{sources}]" if sources else "")
    more = [_("its node is MUTE: restored, and not adopted yet")] if member.get("mute") else []
    return [row, *more, *_receive_only_rows(member, when)]


def _receive_only_rows(member: Mapping[str, Any], when: Callable[[int], str]) -> list[str]:
    """What a member that announced it does not do meanwhile, and what may be forgotten of it."""
    said = member.get("receive_only")
    if not said:
        return []
    if not said["bearers"]:
        return [_("no receipt comes before it ends, and nothing says that anybody reads there")]
    bearers = ", ".join(plain(str(one)) for one in said["bearers"])
    text = _("EMCON: sends nothing over {bearers} until {until} at most")
    return [text.format(bearers=bearers, until=when(said["until_s"]))]


def emcon_rows(line: Mapping[str, Any], when: Callable[[int], str]) -> list[str]:
    """What our own officers ordered, and who has been told: to the others it is plain silence."""
    order = line.get("emcon")
    if not order:
        return []
    bearers = ", ".join(plain(str(one)) for one in order["bearers"]) or _("every bearer")
    text = (
        _("EMCON HERE: this node sends nothing over {bearers} until {until}")
        if order["holds"]
        else _("EMCON ORDERED: from {since} until {until} nothing is sent over {bearers}")
    )
    times = {"since": when(order["from_s"]), "until": when(order["until_s"])}
    return [
        text.format(bearers=bearers, **times),
        *(
            _("NOT ANNOUNCED to {name}: there it is plain silence").format(name=plain(one["name"]))
            if one["at_s"] is None
            else _("announced to {name}: received {when}").format(
                name=plain(one["name"]), when=when(one["at_s"])
            )
            for one in order["told"]
        ),
    ]


def quantum_rows(line: Mapping[str, Any]) -> list[str]:
    """Up to which entry each side's history cannot be forged later."""
    rows = []
    for one in line.get("quantum") or ():
        name = plain(one["by"])
        if not one["size"]:
            rows.append(_("{name}: nothing is quantum-safe yet").format(name=name))
            continue
        said = _("{name}: quantum-safe up to {entry} ({size} of {of})")
        entry = plain(str(one["entry"]))
        rows.append(said.format(name=name, entry=entry, size=one["size"], of=one["of"]))
    return rows


def bearer_rows(line: Mapping[str, Any], number: object, when: Callable[[int], str]) -> list[str]:
    """Every way to a member in words: those that are up with what was measured of them, those that
    are not, and files."""
    up, down = (
        (line.get(name) or {}).get(str(number)) or () for name in ("bearers", "bearers_down")
    )
    rows = [_up_row(one, when) for one in up]
    for one in down:
        heard = _("nothing heard since the start")
        if one.get("heard_s") is not None:
            heard = _("last sign of life {when}").format(when=when(one["heard_s"]))
        rows.append(_("{bearer} is down: {heard}").format(bearer=_bearer(one), heard=heard))
    files = (line.get("couriers") or {}).get(str(number))
    if files:
        out, into = (
            "-" if files[name] is None else when(files[name]) for name in ("written_s", "taken_s")
        )
        rows.append(
            _("courier: last file out {out}, last file in {into}").format(out=out, into=into)
        )
    return rows


def _bearer(one: Mapping[str, Any]) -> str:
    return " ".join(plain(str(one[name])) for name in ("bearer", "where") if one.get(name))


def _up_row(one: Mapping[str, Any], when: Callable[[int], str]) -> str:
    said = [_("since {when}").format(when=when(one["since_s"]))]
    if one.get("rate_bits_per_s"):
        said.append(rate_words(one["rate_bits_per_s"]))
    if one.get("lost_percent") is not None:
        said.append(_("{percent} % sent again").format(percent=one["lost_percent"]))
    if one.get("round_trip_ms") is not None:
        said.append(_("round trip {count} ms").format(count=one["round_trip_ms"]))
    if one.get("heard_s") is not None:
        said.append(_("last sign of life {when}").format(when=when(one["heard_s"])))
    return _("{bearer} is up: {said}").format(bearer=_bearer(one), said=", ".join(said))


def rate_words(bits_per_s: int) -> str:
    """A rate, in a unit that suits it."""
    if bits_per_s < 10_000:
        return _("{count} bit/s").format(count=bits_per_s)
    if bits_per_s < 10_000_000:
        return _("{count} kbit/s").format(count=bits_per_s // 1000)
    return _("{count} Mbit/s").format(count=bits_per_s // 1_000_000)


def counts(line: Mapping[str, Any]) -> str:
    """What is queued, without receipt and overdue on a line."""
    said = _("{queued} queued, {unreceipted} without receipt, {overdue} overdue")
    return said.format(
        queued=line.get("queued", 0),
        unreceipted=line.get("unreceipted", 0),
        overdue=line.get("overdue", 0),
    )
