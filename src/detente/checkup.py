"""What the doctor finds, in words: for the desk, its alarms and the command line.

The node says which check it was, which finding, and its facts (``node/upkeep.py``); its own English
sentence stands where no word is known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from detente.plain import plain
from detente.terms import CLOCKS, word
from detente.words import marked, translate

CHECKS: Final[Mapping[str, str]] = {
    "clock": marked("clock"),
    "mark": marked("mark"),
    "disk": marked("disk"),
    "permissions": marked("permissions"),
    "keys": marked("keys"),
    "cards": marked("cards"),
    "lines": marked("lines"),
    "tls": marked("TLS"),
    "user": marked("account"),
}
FOUND: Final[Mapping[str, str]] = {
    "clock-unset": marked("the clock stands before 2026"),
    "clock-unclaimed": marked("no claim about the clock's error in config.toml"),
    "clock-well": marked("±{error} s, {source}"),
    "mark-mute": marked("mute: {reason}"),
    "mark-well": marked("lines that agree with {mark}: {count}"),
    "disk-full": marked("free: {mib} MiB; it takes {least} MiB"),
    "disk-well": marked("free: {mib} MiB"),
    "home-open": marked("the home is open to others ({mode})"),
    "home-well": "{mode}",
    "keys-few": marked("restores left: {left} of this party's {of}"),
    "keys-well": marked("incarnation {k}, pairs in reserve: {left}"),
    "cards-unchecked": marked("digits never compared: {names}"),
    "cards-well": marked("peers' cards trusted: {count}"),
    "lines-closed": marked("not open yet: {names}"),
    "lines-well": marked("open: {count}"),
    "tls-well": "TLS 1.3, X25519MLKEM768",
    "user-root": marked("runs as root: an account of its own is better"),
    "user-well": marked("runs as user {number}"),
}
HINTS: Final[Mapping[str, str]] = {
    "clock": marked("set the machine's clock, and clock_error_s in config.toml"),
    "mark": marked("officers adopt this node: detente node adopt K, K from the paper register"),
    "disk": marked("free some space: a node whose disk is full stops"),
    "permissions": marked("chmod 700 the home"),
    "keys": marked("no rotation brings more: pair a new party while this one can still speak"),
    "cards": marked("compare the 40 digits by voice, then detente party trust CARD again"),
    "lines": marked("a member has yet to accept the charter: detente line status"),
    "tls": marked("this OpenSSL cannot be used: reinstall from constraints.txt"),
}


def check(finding: Mapping[str, Any]) -> str:
    """What was looked at."""
    return word(CHECKS, finding["check"])


def detail(finding: Mapping[str, Any]) -> str:
    """What was found. The facts may stand beside the rest, as in an alarm."""
    sentence = FOUND.get(finding.get("word", ""))
    if sentence is None:
        return plain(str(finding["detail"]))
    facts = {name: plain(str(it)) for name, it in finding.get("facts", finding).items()}
    if "source" in facts:
        facts["source"] = word(CLOCKS, facts["source"])
    return translate(sentence).format_map(facts)


def hint(finding: Mapping[str, Any]) -> str:
    """What to do about it; nothing where it is well."""
    known = HINTS.get(finding["check"], "") if finding["hint"] else ""
    return translate(known) if known else plain(str(finding["hint"]))
