"""What the notes of the journal say to a reader: each in a sentence's few words, then its facts by
name. What is kept besides, such as forms and signatures, is for machines: it stands as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from detente.desk.alarm_words import TEXTS, facts_kept, wrong_then
from detente.desk.people import POWER_WORDS, ROLES
from detente.dossiers.conventions import dtg
from detente.terms import word
from detente.words import _, marked

TEXT_SHOWN_CHARS = 500  # of one fact; the whole of it stands in the note as it is kept
HASH_SHOWN_CHARS = 16

NOTES: Final[Mapping[str, str]] = {
    "person-added": marked("somebody was added"),
    "person-roles": marked("somebody's roles were changed"),
    "person-left": marked("somebody left"),
    "sign-in-link": marked("a sign-in link was made"),
    "sign-in": marked("signed in"),
    "sign-out": marked("signed out"),
    "passkey-registered": marked("a passkey was registered"),
    "passkey-void": marked("a passkey was made void"),
    "draft": marked("an offered draft went back to be edited"),
    "draft-offered": marked("a draft was offered"),
    "authorisation": marked("authorised and entered"),
    "authorisation-refused": marked("an authorisation was refused"),
    "countersigned": marked("countersigned"),
    "break-glass": marked("SENT THROUGH BROKEN GLASS"),
    "by-voice": marked("a telephone call was entered"),
    "by-voice-linked": marked("a telephone call was confirmed by an entry"),
    "proof-taken": marked("a proof or an export was taken"),
    "real-world": marked("REAL-WORLD: a drill was ended"),
    "alarm-raised": marked("an alarm began"),
    "alarm-escalated": marked("an alarm reached its next step"),
    "alarm-silenced": marked("an alarm was silenced here"),
    "alarm-ended": marked("an alarm ended"),
    "escalation-list": marked("the list of who is called was changed"),
    "watch-taken": marked("the watch was taken"),
    "watch-left": marked("the watch was left to nobody"),
    "watch-relieved": marked("the watch was relieved"),
    "hand-over": marked("the watch was offered to the relief"),
    "hand-over-taken": marked("the relief signed on"),
    "emcon-ordered": marked("EMCON was ordered: nothing is sent"),
    "emcon-ended": marked("EMCON is over"),
    "duty": marked("the line was told of our watch"),
    "trust": marked("a card was trusted"),
    "distrust": marked("the trust in a party was taken back"),
    "card-renewed": marked("a later card of a party came into force"),
    "own-card": marked("we have a new card"),
    "old-tls-forgotten": marked("our old TLS key was forgotten"),
    "revocation": marked("a key was revoked"),
    "line": marked("a line was agreed"),
    "profile-adopted": marked("our part in adopting a profile was entered"),
    "line-rejoined": marked("a line was taken up again"),
    "release": marked("what waited after a restore was decided"),
    "adopt": marked("officers adopted this node"),
    "legal-hold": marked("a legal hold began or ended"),
    "courier": marked("a courier's file was written or taken in"),
}
FACTS: Final[Mapping[str, str]] = {
    "who": marked("Who"),
    "name": marked("Name"),
    "by": marked("Done by"),
    "label": marked("Passkey"),
    "roles": marked("Roles"),
    "before": marked("Roles before"),
    "powers": marked("Powers until then"),
    "powers_gone": marked("Powers that ended"),
    "draft": marked("Draft"),
    "precedence": marked("Precedence"),
    "line": marked("Line"),
    "title": marked("Line"),
    "entry": marked("Entry"),
    "why": marked("Why"),
    "reason": marked("Why"),
    "missing": marked("Missing"),
    "people": marked("People it takes"),
    "at_s": marked("Done at"),
    "said_s": marked("Said"),
    "spoke": marked("Spoke"),
    "text": marked("Text"),
    "note": marked("Note"),
    "called": marked("Called"),
    "list": marked("Who is called"),
    "since_s": marked("Since"),
    "first_s": marked("Began"),
    "until_s": marked("Relief due"),
    "begins_s": marked("Begins"),
    "ends_s": marked("Ends at the latest"),
    "relieved": marked("Relieved"),
    "on": marked("On duty"),
    "begun": marked("Begun"),
    "send": marked("Sent on"),
    "incoming": marked("They called"),
    "by_passkey": marked("Signed in by passkey"),
    "handed_over": marked("Handed over"),
    "party": marked("Party"),
    "profile": marked("Profile"),
    "serial": marked("Card number"),
    "key": marked("Key"),
    "number": marked("Number"),
    "k": marked("Incarnation"),
    "others": marked("Other members"),
    "out": marked("Written here"),
    "entries": marked("New entries"),
    "pieces_lost": marked("Damaged pieces"),
    "lacking": marked("Entries missing"),
}
_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "roles": ROLES,
    "before": ROLES,
    "powers": POWER_WORDS,
    "powers_gone": POWER_WORDS,
}


# Said by the sentence of an alarm, or by the machine's name of one.
_OF_ALARM = frozenset({"alarm", "facts", "key", "severity", "level"})


class Note(NamedTuple):
    """A note as it is read: what happened, and its facts by name."""

    what: str
    facts: tuple[tuple[str, str], ...]


def read(note: Mapping[str, Any], called: Mapping[str, str]) -> Note:
    """A note in the reader's language; ``called`` are the names of lines and parties by id. A
    purged note has no facts, and what makes no sense is left to the note as it is kept."""
    given, facts = dict(note["data"] or {}), []
    if _shown("at_s", given.get("at_s"), called) == dtg(note["at_s"]):
        del given["at_s"]  # it was noted at once
    if "title" in given:  # of a line that may have another now, or be gone
        given.pop("title" if str(given.get("line")) in called else "line", None)
    form = given.get("form")
    if isinstance(form, Mapping):
        given |= {name: form[name] for name in ("line", "precedence") if name in form}
    alarm = _alarm(given)
    if alarm:
        facts.append((_("Alarm"), alarm))
        given = {name: it for name, it in given.items() if name not in _OF_ALARM}
    said = ((name, _shown(name, given[name], called)) for name in FACTS if name in given)
    facts += [(word(FACTS, name), text) for name, text in said if text]
    return Note(word(NOTES, note["word"]), tuple(facts))


def _alarm(given: Mapping[str, Any]) -> str:
    """What was wrong, in the sentence of the alarm."""
    name, facts = given.get("alarm"), given.get("facts")
    if not isinstance(name, str) or name not in TEXTS or not isinstance(facts, Mapping):
        return ""
    try:
        return wrong_then({"alarm": name, "facts": facts_kept(facts)})
    except KeyError:  # of another version: a fact that its sentence needs is not there
        return ""


def _shown(name: str, value: Any, called: Mapping[str, str]) -> str:
    """One fact; empty where it says nothing, or nothing to a person."""
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name.endswith("_s"):
        return dtg(value) if isinstance(value, int) else str(value)
    if isinstance(value, list):
        return "; ".join(_rows(_TABLES.get(name, {}), value))
    text = str(value)
    if _is_hash(text):
        return called.get(text, text[:HASH_SHOWN_CHARS])
    return text if len(text) <= TEXT_SHOWN_CHARS else text[:TEXT_SHOWN_CHARS] + "…"


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(char in "0123456789abcdef" for char in text)


def _rows(table: Mapping[str, str], values: Sequence[Any]) -> Iterator[str]:
    """Words of a table; people, each with how they are called or when they signed."""
    for one in values:
        parts: list[Any] = one if isinstance(one, list) else [word(table, str(one))]
        if isinstance(one, Mapping):
            at_s = one.get("at_s")
            parts = [one.get("name") or one.get("person"), one.get("how")]
            parts.append(dtg(at_s) if isinstance(at_s, int) else None)
        yield " ".join(str(part) for part in parts if part is not None)
