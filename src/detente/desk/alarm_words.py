"""What alarms say: what is wrong, and what to do about it, for whoever is awake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from detente import checkup
from detente.desk.alarms import Alarm, Contact, Severity
from detente.dossiers.conventions import dtg
from detente.plain import plain
from detente.times import give_or_take
from detente.words import marked, translate

# For each word: what is wrong, and what to do.
TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "overdue-here": (
        marked("{precedence} {entry} from {author} is unanswered here since {due}"),
        marked("open it, state SEEN, answer or pass it on"),
    ),
    "unread": (
        marked("{precedence} {entry} from {author}: nobody here has seen it"),
        marked("open it and state SEEN"),
    ),
    "near": (
        marked("{precedence} {entry} from {author} is to be answered by {due}"),
        marked("answer it, or tell them when you will"),
    ),
    "overdue-there-answer": (
        marked("{by} has not answered {precedence} {entry}, due {due}"),
        marked("call them by another way; their node has received it"),
    ),
    "overdue-there-receipt": (
        marked("{by} has given no receipt of {precedence} {entry}, due {due}"),
        marked("it may not have reached them: call them by another way"),
    ),
    "notice-near": (
        marked("{line}: our notice is due {due}: {what}"),
        marked("give it, or tell them why it does not come"),
    ),
    "notice-late": (
        marked("{line}: OUR NOTICE IS LATE since {due}: {what}"),
        marked("give it now: by how much it is late is shown to both"),
    ),
    "notice-not-given": (
        marked("{line}: {name} has not given the notice due {due}: {what}"),
        marked("ask them for it; nothing follows from their silence by itself"),
    ),
    "notice-unreceived-here": (
        marked("{line}: {entry} is a notice that nobody here has received; it is due {due}"),
        marked("open it and state SEEN"),
    ),
    "notice-overdue-here": (
        marked("{line}: {entry} is a notice that nobody here had received by {due}"),
        marked("open it and state SEEN"),
    ),
    "notice-unreceived-there": (
        marked("{line}: {name} has not received our notice {entry}; it is due {due}"),
        marked("call them by another way, before it is late"),
    ),
    "notice-overdue-there": (
        marked("{line}: OUR NOTICE {entry} IS LATE: {name} had not received it by {due}"),
        marked("it may not have reached them: call them by another way"),
    ),
    "notice-mismatch": (
        marked("{line}: {name} READ OUR NOTICE {entry} BACK OTHERWISE: {fields}"),
        marked("compare both by telephone now; correct the notice if it is wrong"),
    ),
    "no-sign": (
        marked("{line}: no sign of life from {name} since {last}"),
        marked("check our own network first; then call them by telephone, and enter what is said"),
    ),
    "receive-only": (
        marked("{line}: {name} is receive-only (EMCON) until {until} at most"),
        marked("no receipt comes before then, and nothing says that anybody reads there"),
    ),
    "emcon-here": (
        marked("{line}: EMCON HERE until {until}: nothing is sent, {count} queued"),
        marked("an OVERRIDE ends it, and so does: detente line quiet --end"),
    ),
    "emcon-untold": (
        marked("{line}: {name} has not received our announcement of EMCON"),
        marked("there it is plain silence: tell them by telephone, or end it"),
    ),
    "link-down": (
        marked("{line}: the link to {name} is down"),
        marked("it is called again by itself; what you write waits and goes out in order"),
    ),
    "not-receipting": (
        marked("{line}: {name} is alive and gives no receipt of {entry}"),
        marked("ask them by telephone whether their node takes anything in"),
    ),
    "unattended": (
        marked("{line}: nobody is on duty at {name}"),
        marked("a FLASH will sound there; nobody may be near to hear it"),
    ),
    "peer-mute": (
        marked("{line}: the node of {name} was restored and is mute"),
        marked("it takes in and signs nothing: agree by telephone what they have read"),
    ),
    "mute": (
        marked("{line}: OUR NODE IS MUTE: {reason}"),
        marked("nothing leaves this node: officers adopt it (detente node adopt)"),
    ),
    "frozen": (
        marked("{line}: the log of {name} ({log}) is frozen at entry {index}: two histories"),
        marked("trust nothing of theirs from there on; keep the proof; tell your superiors"),
    ),
    "gaps": (
        marked("{line}: a serial is missing before {entry}: {found} came where {expected} was due"),
        marked("ask them for the missing one by its serial"),
    ),
    "queue": (
        marked("{line}: {count} of ours have not left for too long"),
        marked("look at the link; say urgent things by telephone, and enter them"),
    ),
    "awaits-release": (
        marked("{line}: {count} of ours wait to be let go after a restore"),
        marked("look at each in the outbox, and send it or drop it"),
    ),
    "unwatched": (
        marked("{line}: {count} open matters are too old to be watched"),
        marked("close what is done: answer it, or decline it"),
    ),
    "test-missed": (
        marked("{line}: {name} did not send the link test of {start}"),
        marked("send one of ours, and ask them by telephone if it is not answered"),
    ),
    "test-not-sent": (
        marked("{line}: OUR link test of {start} did not go out"),
        marked("look at the link and at the node; send a test by hand"),
    ),
    "test-unanswered": (
        marked("{line}: the link test of {start} by {name} was not receipted in time by {late}"),
        marked("take the line for slow or broken until a test is receipted"),
    ),
    "peer-clock": (
        marked("{line}: the clock of {name} is only good to {error}"),
        marked("deadlines there are doubtful: name times in your texts"),
    ),
    "peer-clock-unknown": (
        marked("{line}: {name} says nothing of how good its clock is"),
        marked("deadlines there are doubtful: name times in your texts"),
    ),
    "clocks-apart": (
        marked("{line}: our clock and that of {name} are {apart} s apart or more"),
        marked("check our clock against the telephone's time; then tell them"),
    ),
    "doctor-disk": (
        marked("THE DISK IS FULL: {detail}"),
        marked("free some space now: a node whose disk is full stops"),
    ),
    "doctor-clock": (
        marked("our clock: {detail}"),
        marked("set the machine's clock, and state its error in config.toml"),
    ),
    "doctor-keys": (marked("keys run out: {detail}"), marked("plan a new pairing: {hint}")),
    "doctor": (marked("{check}: {detail}"), marked("{hint}")),
    "node-gone": (
        marked("THE NODE DOES NOT RUN: nothing is received and nothing is sent"),
        marked("have it started (detente node run); use the telephone meanwhile, and enter it"),
    ),
    "cabinet": (
        marked("THE DESK CANNOT WRITE: drafts and notes are not kept"),
        marked("free some space on the disk now; write down by hand what you do meanwhile"),
    ),
    "relief-overdue": (
        marked("the relief of {name} is overdue since {due}"),
        marked("call the relief; the watch goes on until somebody signs on"),
    ),
    "no-watch": (
        marked("nobody is on watch at this desk"),
        marked("an officer takes the watch on the page of the watch"),
    ),
    "hand-over": (
        marked("{name} hands over the watch and waits for the relief"),
        marked("read the open matters and take the watch"),
    ),
}
SEVERITIES: Final[Mapping[Severity, str]] = {
    Severity.NOTICE: marked("NOTICE"),
    Severity.WARNING: marked("WARNING"),
    Severity.URGENT: marked("URGENT"),
}
_TIMES = {"due_s": "due", "last_s": "last", "start_s": "start", "until_s": "until"}


def severity(alarm: Alarm) -> str:
    """How bad, in a word: colour never says it alone."""
    return translate(SEVERITIES[alarm.condition.severity])


def wrong(alarm: Alarm) -> str:
    """What is wrong, in one sentence and plain."""
    return translate(TEXTS[alarm.condition.word][0]).format_map(_facts(alarm.condition.facts))


def matter(alarm: Alarm) -> dict[str, Any]:
    """What a hand-over keeps of an alarm: no sentence: who reads it may speak another language."""
    facts = alarm.condition.facts
    plain_ones = (int, type(None))
    kept = {name: it if isinstance(it, plain_ones) else str(it) for name, it in facts.items()}
    return {"alarm": alarm.condition.word, "facts": kept}


def wrong_then(kept: Mapping[str, Any]) -> str:
    """What was wrong when a hand-over was offered."""
    word = kept["alarm"]
    return translate(TEXTS[word][0]).format_map(_facts(kept["facts"]))


def facts_kept(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an alarm out of the journal, which keeps all of them as texts (``as_data``). A
    time that is none is not known."""
    kept: dict[str, Any] = {name: None if it == "None" else it for name, it in facts.items()}
    times = {name: it for name, it in kept.items() if name.endswith("_s")}
    return kept | {name: int(it) if _is_number(it) else None for name, it in times.items()}


def _is_number(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 13


def todo(alarm: Alarm) -> str:
    """What to do about it."""
    return translate(TEXTS[alarm.condition.word][1]).format_map(_facts(alarm.condition.facts))


def people(contacts: tuple[Contact, ...]) -> str:
    """Who is called, and how."""
    return "; ".join(f"{plain(one.name)} ({plain(one.how)})" for one in contacts)


def _facts(facts: Mapping[str, Any]) -> dict[str, str]:
    shown = {name: plain(str(value)) for name, value in facts.items()}
    for name, under in _TIMES.items():
        value = facts.get(name)
        shown[under] = "-" if value is None else dtg(value)
    if "error_s" in facts:
        shown["error"] = give_or_take(facts["error_s"])
    if "check" in facts:
        shown["check"], shown["detail"] = checkup.check(facts), checkup.detail(facts)
        shown["hint"] = checkup.hint(facts)
    if "apart_s" in facts:
        shown["apart"] = str(facts["apart_s"])
    return shown


def as_data(alarm: Alarm) -> dict[str, Any]:
    """What the journal keeps of an alarm."""
    condition = alarm.condition
    return {
        "alarm": condition.word,
        "key": condition.key,
        "line": condition.line,
        "severity": condition.severity.name.lower(),
        "since_s": alarm.since_s,
        "level": alarm.level,
        "facts": {name: str(value) for name, value in condition.facts.items()},
        "called": [{"name": one.name, "how": one.how} for one in alarm.called],
    }
