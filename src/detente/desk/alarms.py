"""What is wrong now, how bad it is, since when, and who is to be called: a function of what the
node says, what the desk keeps, and the time.

An alarm escalates by itself: each step of the list is reached by the clock alone. Silencing is
local, signs nothing, and holds only until the next step: nobody sleeps through a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from detente.core.errors import Refusal
from detente.core.limits import CLOCK_ERROR_UNKNOWN_S

View = Mapping[str, Any]

LINK_DOWN_S: Final = 5  # a renewed link takes less
QUEUED_S: Final = 60  # a dispatch that has not left by then is stuck
CLOCK_ERROR_S_MAX: Final = 60  # a claim worse than this makes every deadline doubtful
HEARTBEAT_S: Final = 95  # how old the time in the last heartbeat may be (limits.PRESENCE_LEASE_S)
NEAR_S_MIN: Final = 60  # a deadline is near for this long at the least
NEAR_S_MAX: Final = 86_400  # of a notice: a deadline months away is near on its last day
AGAIN_MIN: Final = (5, 15, 30)  # steps where no list says whom to call: it sounds again
REFUSALS: Final = frozenset(one.word for one in Refusal)
URGENT_WORDS: Final = frozenset({"FLASH", "OVERRIDE"})


class Severity(IntEnum):
    """How bad. NOTICE is shown and neither sounds nor escalates."""

    NOTICE = 1
    WARNING = 2
    URGENT = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong. ``key`` names it for as long as it lasts; ``since_s`` is None where
    only the desk can tell, by when it first met it; ``wait_s`` is how long it may pass by itself.
    ``facts`` fill the sentences of the word (``alarm_words``)."""

    key: str
    word: str
    severity: Severity
    line: str = ""
    title: str = ""
    since_s: int | None = None
    wait_s: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the desk remembers of an alarm: when it was first met, the step that was entered in
    the journal (-1 before the first), and up to which step and severity somebody silenced it."""

    first_s: int
    level: int = -1
    silenced_level: int = -1
    silenced_severity: int = 0


@dataclass(frozen=True, slots=True)
class Contact:
    """A step of the escalation list: who is called, how, and after how many minutes."""

    after_min: int
    name: str
    how: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as it stands. ``level`` counts the steps reached; ``called`` are the people of the
    last one; ``next_s`` is when the next is reached, None after the last."""

    condition: Condition
    since_s: int
    level: int
    called: tuple[Contact, ...]
    next_s: int | None
    next_called: tuple[Contact, ...]
    silenced: bool

    @property
    def sounds(self) -> bool:
        """Whether it is to be heard."""
        return self.condition.severity > Severity.NOTICE and not self.silenced


def alarms(
    conditions: Iterable[Condition],
    kept: Mapping[str, Kept],
    contacts: Sequence[Contact],
    now_s: int,
) -> list[Alarm]:
    """The alarms at ``now_s``: the worst first, and of these the oldest; silenced ones last."""
    found = []
    for one in conditions:
        known = kept.get(one.key, Kept(now_s))
        since_s = known.first_s if one.since_s is None else min(one.since_s, now_s)
        if now_s - since_s < one.wait_s:
            continue
        found.append(_alarm(one, since_s, known, contacts, now_s))
    found.sort(key=lambda one: (one.silenced, -one.condition.severity, one.since_s))
    return found


def _alarm(
    condition: Condition, since_s: int, known: Kept, contacts: Sequence[Contact], now_s: int
) -> Alarm:
    minutes = sorted({one.after_min for one in contacts}) or list(AGAIN_MIN)
    if condition.severity is Severity.NOTICE:
        minutes = []
    reached = [one for one in minutes if since_s + 60 * one <= now_s]
    level = len(reached)
    ahead = minutes[level] if level < len(minutes) else None
    silenced = known.silenced_level >= level and known.silenced_severity >= condition.severity
    return Alarm(
        condition=condition,
        since_s=since_s,
        level=level,
        called=_of_step(contacts, reached[-1] if reached else None),
        next_s=None if ahead is None else since_s + 60 * ahead,
        next_called=_of_step(contacts, ahead),
        silenced=silenced,
    )


def _of_step(contacts: Sequence[Contact], after_min: int | None) -> tuple[Contact, ...]:
    return tuple(one for one in contacts if one.after_min == after_min)


# --- what is wrong ----------------------------------------------------------------------------


def conditions(
    status: View | None, findings: Sequence[View], now_s: int, *, gone_s: int | None = None
) -> list[Condition]:
    """Everything that is wrong by the node's status and its doctor. Without a status the node is
    gone, since ``gone_s``: then nothing else is known."""
    if status is None:
        return [Condition("node-gone", "node-gone", Severity.URGENT, since_s=gone_s)]
    found = list(_doctor(findings))
    for line in status["lines"]:
        found += _of_line(line, now_s)
    return found


def _doctor(findings: Sequence[View]) -> Iterator[Condition]:
    levels = {"disk": Severity.URGENT, "clock": Severity.NOTICE, "keys": Severity.WARNING}
    for one in findings:
        if one["ok"] or one["check"] == "mark":  # a mute line is told by the line itself
            continue
        refusal, _colon, rest = str(one["detail"]).partition(": ")
        detail = rest if refusal in REFUSALS else one["detail"]  # people are told the matter alone
        yield Condition(
            f"doctor/{one['check']}",
            f"doctor-{one['check']}" if one["check"] in levels else "doctor",
            levels.get(one["check"], Severity.NOTICE),
            facts={
                **{name: one[name] for name in ("check", "hint", "word")},
                "detail": detail,
                **one["facts"],
            },
        )


def _of_line(line: View, now_s: int) -> Iterator[Condition]:
    def make(word: str, severity: Severity, about: object = "", **more: Any) -> Condition:
        since_s, wait_s = more.pop("since_s", None), more.pop("wait_s", 0)
        key = f"{word}/{line['line'][:16]}/{about}".rstrip("/")
        facts = {"line": line["title"], **more}
        return Condition(key, word, severity, line["line"], line["title"], since_s, wait_s, facts)

    if line["mute"]:
        yield make("mute", Severity.URGENT, reason=line["mute"])
    for log, index in line["frozen"].items():
        name = _name(line, int(log.partition("/")[0]))
        yield make("frozen", Severity.URGENT, log, log=log, index=index, name=name)
    if line["gaps"]:
        yield make("gaps", Severity.WARNING, count=len(line["gaps"]), **_first(line["gaps"]))
    if not line["open"] or line["left"]:
        return
    yield from _matters(line, now_s, make)
    yield from _queue(line, make)
    yield from _tests(line, make)
    for member in line["members"]:
        if not member["me"]:
            yield from _member(member, now_s, make, alone=_is_silent(line))


def _first(gaps: Sequence[View]) -> dict[str, Any]:
    return {"entry": gaps[0]["entry"], "expected": gaps[0]["expected"], "found": gaps[0]["found"]}


def _name(line: View, number: int) -> str:
    names = [str(one["name"]) for one in line["members"] if one["number"] == number]
    return names[0] if names else str(number)


def _by_precedence(precedence: str, *, lower: Severity = Severity.NOTICE) -> Severity:
    if precedence in URGENT_WORDS:
        return Severity.URGENT
    return Severity.WARNING if precedence == "IMMEDIATE" else lower


def _matters(line: View, now_s: int, make: Any) -> Iterator[Condition]:
    """One alarm for each matter that waits for us: unread, then near, then overdue, and counted
    from when it came, so that no later word begins the list anew."""
    late_here = {one["place"]: one for one in line["late"] if one["by_us"]}
    received = {one["place"]: one["received_s"] for one in line["waiting"]}
    for one in late_here.values():
        severity = _by_precedence(one["precedence"])
        since_s = received.get(one["place"], one["due_s"])
        yield make("overdue-here", severity, one["place"], since_s=since_s, **_facts(one))
    for one in line["waiting"]:
        if one["place"] in late_here:
            continue
        severity = _by_precedence(one["precedence"])
        facts = {"since_s": one["received_s"], **_facts(one)}
        if one["seen_s"] is None and severity > Severity.NOTICE:
            yield make("unread", severity, one["place"], **facts)
        elif one["due_s"] is not None and now_s >= one["due_s"] - _near_s(one):
            yield make("near", min(severity, Severity.WARNING), one["place"], **facts)
    for one in line["late"]:
        if not one["by_us"]:
            severity = _by_precedence(one["precedence"]) if one["mine"] else Severity.NOTICE
            word = f"overdue-there-{one['missing']}"
            about = f"{one['place']}/{one['by']}"
            yield make(word, severity, about, since_s=one["due_s"], **_facts(one))


def _near_s(one: View) -> int:
    """For how long before it a deadline is near: a fifth of the whole time."""
    return max(NEAR_S_MIN, int(one["due_s"] - one["received_s"]) // 5)


def _facts(one: View) -> dict[str, Any]:
    names = ("entry", "place", "precedence", "author", "due_s", "by")
    return {name: one[name] for name in names if name in one}


def _is_silent(line: View) -> bool:
    """Whether our own node sends nothing at all, as our officers ordered."""
    order = line.get("emcon") or {}
    return bool(order.get("holds")) and not order["bearers"]


def _queue(line: View, make: Any) -> Iterator[Condition]:
    order = line.get("emcon") or {}
    if order.get("holds"):
        facts = {"until_s": order["until_s"], "count": line["queued"]}
        yield make("emcon-here", Severity.NOTICE, since_s=order["from_s"], **facts)
    for one in order.get("told") or ():
        if one["at_s"] is None and order["holds"]:
            yield make("emcon-untold", Severity.WARNING, one["name"], name=one["name"])
    if line["awaiting_release"]:
        yield make("awaits-release", Severity.WARNING, count=line["awaiting_release"])
    elif line["queued"] and line["queued_since_s"] is not None and not _is_silent(line):
        since_s = line["queued_since_s"]
        yield make(
            "queue", Severity.WARNING, since_s=since_s, wait_s=QUEUED_S, count=line["queued"]
        )
    if line["unwatched"]:
        yield make("unwatched", Severity.WARNING, count=line["unwatched"])


def _tests(line: View, make: Any) -> Iterator[Condition]:
    """The last turn of each member that is over: a good one ends the alarm."""
    last = {one["by"]: one for one in line["link_tests"] if one["outcome"] != "waiting"}
    for one in last.values():
        facts = {"name": one["by"], "start_s": one["start_s"], "since_s": one["end_s"]}
        if one["outcome"] == "missed":
            word = "test-not-sent" if one["by_us"] else "test-missed"
            yield make(word, Severity.WARNING, one["by"], **facts)
        elif one["outcome"] == "unanswered":
            late = ", ".join(one["late"])
            yield make("test-unanswered", Severity.WARNING, one["by"], late=late, **facts)


def _member(member: View, now_s: int, make: Any, *, alone: bool) -> Iterator[Condition]:
    """What is wrong with a member. ``alone``: that no link is up is our own officers' order."""
    number, name = member["number"], member["name"]
    silence = member.get("silence") or {}
    state, since_s = silence.get("state"), silence.get("since_s")
    if state == "receive-only":
        facts = {"name": name, "until_s": silence["until_s"]}
        yield make("receive-only", Severity.NOTICE, number, since_s=since_s, **facts)
    elif alone:
        pass
    elif state == "no-sign-of-life":
        wait_s = HEARTBEAT_S if since_s is None else 0  # at a start nothing was heard of anybody
        facts = {"name": name, "last_s": since_s}
        yield make("no-sign", Severity.WARNING, number, since_s=since_s, wait_s=wait_s, **facts)
    elif not member["linked"]:
        yield make("link-down", Severity.WARNING, number, wait_s=LINK_DOWN_S, name=name)
    if state == "not-receipting":
        facts = {"name": name, "entry": silence.get("entry") or ""}
        yield make("not-receipting", Severity.WARNING, number, since_s=since_s, **facts)
    if state == "unattended":
        yield make("unattended", Severity.NOTICE, number, name=name)
    if member["mute"]:
        yield make("peer-mute", Severity.WARNING, number, name=name)
    clock = member.get("clock")
    if clock is not None:
        yield from _clock(clock, number, name, now_s, make)


def _clock(clock: View, number: int, name: str, now_s: int, make: Any) -> Iterator[Condition]:
    """A clock that says itself that it is bad, or that cannot be as good as it says."""
    error_s = clock["error_s"]
    if error_s >= CLOCK_ERROR_UNKNOWN_S:
        yield make("peer-clock-unknown", Severity.NOTICE, number, name=name)
        return
    if error_s > CLOCK_ERROR_S_MAX:
        yield make("peer-clock", Severity.WARNING, number, name=name, error_s=error_s)
        return
    ahead_s = clock["sent_s"] - now_s
    if ahead_s > error_s + CLOCK_ERROR_S_MAX:
        yield make("clocks-apart", Severity.WARNING, number, name=name, apart_s=ahead_s)
    elif -ahead_s > error_s + CLOCK_ERROR_S_MAX + HEARTBEAT_S:
        yield make("clocks-apart", Severity.WARNING, number, name=name, apart_s=-ahead_s)


# --- notices ----------------------------------------------------------------------------------


def of_notices(line: View, found: View, now_s: int) -> Iterator[Condition]:
    """What a line's list of notices says is due: from when it is near until it is given and
    received. Near and late are one matter, counted from when it came near."""
    me = next((one["number"] for one in line["members"] if one["me"]), -1)

    def make(word: str, about: str, since_s: int, **facts: Any) -> Condition:
        key = f"notice/{line['line'][:16]}/{about}"
        told = {"line": line["title"], **facts}
        severity = Severity.WARNING
        return Condition(key, word, severity, line["line"], line["title"], since_s, facts=told)

    for one in found["due"]:
        ours, due_s = one["member"] == me, one["due_s"]
        near_s = due_s - _ahead_s(due_s - _began_s(found, one))
        if one["given"] is not None or now_s < near_s or (not ours and now_s <= due_s):
            continue
        word = "notice-not-given" if not ours else "notice-late" if now_s > due_s else "notice-near"
        about = f"{one['word']}/{one['member']}/{one['trigger'] or one['day_s']}"
        facts = {"name": _name(line, one["member"]), "what": one["profile"], "due_s": due_s}
        yield make(word, about, near_s if ours else due_s, **facts)
    for one in found["notices"]:
        for each in _mismatches(one):
            fields = ", ".join(differs["field"] for differs in each["differs"])
            facts = {"entry": one["entry"], "place": one["entry"], "fields": fields}
            facts |= {"name": _name(line, each["member"])}
            about = f"{one['entry']}/{each['member']}/read-back"
            yield make("notice-mismatch", about, each["at_s"], **facts)
        if one["state"] != "released" or one["due_s"] is None:
            continue
        due_s = one["due_s"]
        near_s = max(one["sent_s"], due_s - _ahead_s(due_s - one["sent_s"]))
        for each in one["deliveries"]:
            if each["received_s"] is None and now_s >= near_s:
                there = "here" if each["member"] == me else "there"
                word = f"notice-unreceived-{there}" if now_s <= due_s else f"notice-overdue-{there}"
                name = _name(line, each["member"])
                entry = one["entry"]  # a serial is an address of its page too
                facts = {"name": name, "entry": entry, "place": entry, "due_s": due_s}
                yield make(word, f"{entry}/{each['member']}", near_s, **facts)


def _mismatches(notice: View) -> Iterator[View]:
    """The last word of each member that said a standing notice of ours back, where it differs."""
    if not notice.get("mine") or notice["state"] not in ("released", "received"):
        return
    said = {one["member"]: one for one in notice["answers"] if one["reply"] == "read-back-matches"}
    yield from (one for one in said.values() if one["differs"])


def _began_s(found: View, due: View) -> int:
    """When a party came to owe a notice: when it received the one that asks for it; else long ago,
    by the calendar."""
    for one in found["notices"]:
        for each in one["deliveries"] if one["entry"] == due["trigger"] else ():
            if each["member"] == due["member"] and each["received_s"] is not None:
                return int(each["received_s"])
    return 0


def _ahead_s(whole_s: int) -> int:
    """For how long before it the deadline of a notice is near: a fifth of the whole time, at most
    a day."""
    return min(NEAR_S_MAX, max(NEAR_S_MIN, whole_s // 5))
