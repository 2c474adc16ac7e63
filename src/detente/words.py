"""Every word a person reads, in English, Russian and Ukrainian.

English is the text in the source and the key of the catalogs. A missing catalog or entry shows
English, never an empty line. Precedence codes are Latin in every language: they have a gloss and
no translation. Received, seen, understood, agreed and declined are different words everywhere.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from detente.core.errors import DetenteError, LocalError, Refusal
from detente.refusals import BY_HAND, SENTENCES, marked

__all__ = [
    "GLOSSES",
    "LANGUAGES",
    "RUNGS",
    "SILENCES",
    "STATERS",
    "VERDICTS",
    "gloss",
    "marked",
    "ngettext",
    "refusal",
    "term",
    "translate",
    "use",
]

LANGUAGES: Final = ("en", "ru", "uk")
DOMAIN: Final = "detente"
LOCALE: Final = Path(__file__).with_name("locale")

# Rung by rung what is known of a message: queued and sent are ours, received is the receipt, the
# others are core.extras.Rung with hyphens.
RUNGS: Final[Mapping[str, str]] = {
    "queued": marked("queued"),
    "sent": marked("sent"),
    "received": marked("received"),
    "seen": marked("seen"),
    "passed-on": marked("passed on"),
    "translated": marked("translated"),
    "with-principal": marked("with the principal"),
    "answered": marked("answered"),
    "declined": marked("declined"),
    "misdirected": marked("misdirected"),
    "read-back": marked("read back"),
    "disputed": marked("disputed"),
    "attached": marked("attachments stored"),
    # no rungs, and shown beside them so that nobody takes a rung for one of these
    "understood": marked("understood"),
    "agreed": marked("agreed"),
}

# Who states a rung: core.extras.Stater. What a releaser does to a message is called authorising,
# because "released" is a word for prisoners.
STATERS: Final[Mapping[str, str]] = {
    "node": marked("stated by the node"),
    "watch": marked("stated by the watch"),
    "released": marked("stated by the watch, authorised"),
}

SILENCES: Final[Mapping[str, str]] = {
    "receive-only": marked("EMCON: receive-only since {since}, until {until} at most"),
    "no-sign-of-life": marked("no sign of life since {since}"),
    "unattended": marked("node alive, nobody on duty"),
    "unanswered": marked("watch on duty, entry unanswered"),
    "declined": marked("declined"),
    "not-receipting": marked("alive but not receipting"),
}

VERDICTS: Final[Mapping[str, str]] = {
    "proven": marked("proven"),
    "alleged": marked("alleged"),
    "no-fault-found": marked("no fault found"),
}

# What each precedence asks of the people at both ends.
GLOSSES: Final[Mapping[str, str]] = {
    "DEFERRED": marked("when nothing else waits"),
    "ROUTINE": marked("in the ordinary course"),
    "PRIORITY": marked("ahead of ordinary traffic"),
    "IMMEDIATE": marked("to be read without delay"),
    "FLASH": marked("overtakes everything below it; to be read at once"),
    "OVERRIDE": marked("overtakes everything; for those entitled to it"),
}

_ENGLISH: Final = gettext.NullTranslations()
# Per task and per thread: a desk speaks to several people at the same time.
_catalog: ContextVar[gettext.NullTranslations] = ContextVar("catalog", default=_ENGLISH)


def use(language: str | None = None) -> str:
    """Speaks ``language`` from here on, in this task or thread; returns the language chosen.

    ``None`` takes it from DETENTE_LANG, then LC_ALL, LC_MESSAGES and LANG, then English. A locale
    of the machine that is not ours means English; a language asked for by name that is not ours
    raises LocalError USAGE.
    """
    asked = language or os.environ.get("DETENTE_LANG")
    if asked is None or not asked.strip():
        chosen = _from_locale()
    else:
        chosen = _base(asked)
        if chosen not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise LocalError(Refusal.USAGE, f"language {asked}: not one of {known}")
    _catalog.set(gettext.translation(DOMAIN, LOCALE, languages=[chosen], fallback=True))
    return chosen


def _from_locale() -> str:
    # POSIX: the first that is set decides, whether or not we speak it.
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            base = _base(value)
            return base if base in LANGUAGES else "en"
    return "en"


def _base(name: str) -> str:
    return name.strip().lower().replace("-", "_").split(".")[0].split("@")[0].split("_")[0]


def translate(message: str) -> str:
    """``message`` in the language in use. Fill placeholders after translating: ``.format(…)``."""
    # An empty key would fetch the header of the catalog.
    return _catalog.get().gettext(message) if message else ""


def language() -> str:
    """The language in use: that of its catalog, or English."""
    return str(_catalog.get().info().get("language", "en"))


def ngettext(singular: str, plural: str, count: int) -> str:
    """The form that fits ``count`` things in the language in use; ``count`` is not filled in."""
    return _catalog.get().ngettext(singular, plural, count)


def refusal(error: DetenteError) -> tuple[str, str]:
    """What happened, with the detail behind it in brackets, and what to do about it; in sentences
    of its own (the facts ``said`` and ``hint``, marked for the catalogs) where it brings them, or
    in those for a file that people write, where it names one of ``BY_HAND``."""
    sentence = BY_HAND.get(str(error.facts.get("by_hand")), SENTENCES[error.refusal])
    said, hint = error.facts.get("said"), error.facts.get("hint")
    if not isinstance(said, str) or not isinstance(hint, str):
        said, hint = sentence
    shown = f" ({error.detail})" if error.detail and error.detail != said else ""
    return translate(said) + shown, translate(hint)


def term(table: Mapping[str, str], word: str) -> str:
    """A word of one of the tables above in the language in use. Unknown words: KeyError."""
    return translate(table[word])


def gloss(precedence: str) -> str:
    """What a precedence code asks for; the code itself is shown as it is. KeyError if unknown."""
    return translate(GLOSSES[precedence])


_ = translate
