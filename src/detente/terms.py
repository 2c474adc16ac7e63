"""What entries, rungs, labels and relations are called, for every screen and every printed row.

Keys are the words of the node's views (``node/views.py``); texts go through the catalogs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detente.plain import plain
from detente.words import RUNGS, SILENCES, marked, term

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

STATES: Final[Mapping[str, str]] = {
    "open": marked("still open"),  # of an entry; a line that is open is another word
    "overdue": marked("overdue"),
    "answered": marked("answered"),
    "unanswered": marked("not answered"),
}

ROLES: Final[Mapping[str, str]] = {
    "party": marked("party"),
    "mediator": marked("mediator"),
    "observer": marked("observer"),
}


def word(table: Mapping[str, str], key: object) -> str:
    """A word of a table in the language in use; an unknown key shows as it is."""
    return term(table, str(key)) if key in table else plain(str(key))
