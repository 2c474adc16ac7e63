"""Keeping a node well: the doctor, the journal, and adoption after a restore."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from detente import __version__
from detente.bearers.tls import self_test
from detente.core.errors import DetenteError, LocalError, Refusal
from detente.core.events import Adopt
from detente.core.holding import purge_again
from detente.core.line import Line
from detente.node import asked
from detente.node.folder import take_incarnation
from detente.node.keys import HeldKeys
from detente.node.offers import ceremonies
from detente.node.opening import clock, legal_hold
from detente.node.places import find_line
from detente.store.keyring import NodeKeys

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
VERSION = __version__
MIB_BYTES = 1024 * 1024
DISK_FREE_BYTES_MIN = 256 * MIB_BYTES  # a day of full quotas for a few lines
# What a desk may write into the journal; the node's own words («duty», «adopt») are not among them.
DESK_NOTES = frozenset(
    {
        *("person-added", "person-roles", "person-left"),  # people
        *("sign-in-link", "sign-in", "sign-out"),
        *("passkey-registered", "passkey-void"),
        *("draft", "draft-offered", "authorisation-refused"),  # dispatches
        *("by-voice", "by-voice-linked", "proof-taken", "real-world", "profile-adopted"),
        *("alarm-raised", "alarm-escalated", "alarm-silenced", "alarm-ended", "escalation-list"),
        *("watch-taken", "watch-left", "watch-relieved", "hand-over", "hand-over-taken"),
    }
)
CLOCK_EPOCH_S = 1_767_225_600  # 1 January 2026: a clock before it was never set
CLOCK_ERROR_S_MAX = 60  # a claim worse than this makes every deadline doubtful


def adopt_node(node: Node, request: Request) -> asked.Apart:
    """The officers adopt a restored node as incarnation ``k`` of their paper register.

    LocalError NOT_ALLOWED if nothing is mute, or for a ``k`` that the record or a mark shows to
    have been used; BAD_PASSPHRASE.
    """
    k = asked.whole(request, "k", least=1)
    passphrases = asked.texts(request, "passphrases")
    lines = list(node.station.lines.values())
    muted = [line for line in lines if line.mute and not line.left]
    if not muted:
        raise LocalError(Refusal.NOT_ALLOWED, "this node is not mute: nothing is to be adopted")
    known = max(_highest(node, line) for line in lines)
    if k <= known:
        raise LocalError(
            Refusal.NOT_ALLOWED,
            f"incarnation {known} is known here: the register says a higher one",
        )
    if node.adopting:
        raise LocalError(Refusal.IN_USE, "an adoption is under way")
    node.adopting, home = True, node.home

    def work() -> NodeKeys | DetenteError:
        try:
            return take_incarnation(home, k, passphrases)
        except DetenteError as error:
            return error

    def after(found: NodeKeys | DetenteError) -> dict[str, Any]:
        node.adopting = False
        if isinstance(found, DetenteError):
            raise found
        node.station.keys = HeldKeys(found)
        node.note("adopt", {"k": k})
        node.submit(Adopt(k))
        return {"incarnation": k, "lines": [line.id.hex() for line in muted]}

    return asked.Apart(work, after)


def _highest(node: Node, line: Line) -> int:
    """The highest incarnation of ours that a line's logs or its mark know; -1 for none."""
    mark = node.opened.marks.read(line.id)
    ks = [log.id.k for log in line.logs.values() if log.id.member == line.me]
    return max([*ks, -1 if mark is None else mark.incarnation])


def hold_line(node: Node, request: Request) -> dict[str, Any]:
    """Puts a legal hold on a line, or lifts it: while it lasts no body is purged here, and none
    that was declared purged is given to anybody. At its end what was declared is destroyed."""
    line, on = find_line(node.station, request.get("line")), asked.flag(request, "on")
    reason = asked.text(request, "reason")
    if not reason.strip():
        raise LocalError(Refusal.USAGE, "a legal hold begins and ends with a reason")
    name = legal_hold(line.id)
    if on:
        node.store.put_meta(name, reason.encode())
        node.station.under_hold.add(line.id)
    elif line.id in node.station.under_hold:
        node.station.under_hold.discard(line.id)
        node.change(lambda step: purge_again(step, line))
        node.store.put_meta(name, b"")  # last: a stop before leaves the hold on
    node.note("legal-hold", {"line": line.id.hex(), "begun": on, "reason": reason})
    return {"line": line.id.hex(), "legal_hold": on}


def read_journal(node: Node, limit: int, before: int) -> list[dict[str, Any]]:
    """The last notes of this party's own log below an index, oldest first."""
    journal = node.store.journal
    end = min(before, journal.size())
    return [
        {"index": note.index, "at_s": note.at_s, "word": note.kind, "data": note.data}
        for note in journal.read(max(0, end - limit), end)
    ]


def note_of_desk(node: Node, request: Request) -> dict[str, Any]:
    """The desk writes down what people did at it. A desk writes no word that is the node's own.

    Answers with the note's index and hash: the hash is what a dispatch names as its release
    record. LocalError USAGE for another word, or data that is no plain JSON; OVERSIZE.
    """
    word = asked.text(request, "word")
    if word not in DESK_NOTES:
        raise LocalError(Refusal.USAGE, f"word is one of {', '.join(sorted(DESK_NOTES))}")
    data = dict(asked.mapping(request, "data"))
    note = node.store.journal.append(word, clock(node.home).wall_s, data)
    return {"index": note.index, "hash": note.hash.hex()}


# --- the doctor -------------------------------------------------------------------------------


Found = tuple[str, dict[str, object]]  # which finding, and its facts: ``SAID`` in a sentence
Check = tuple[str, Callable[["Node"], Found], str]
SAID = {  # what ``detail`` says in English; ``detente.checkup`` says it in every language
    "clock-unset": "the clock stands before 2026",
    "clock-unclaimed": "no claim about the clock's error in config.toml",
    "clock-well": "±{error} s, {source}",
    "mark-mute": "mute: {reason}",
    "mark-well": "lines that agree with {mark}: {count}",
    "disk-full": "free: {mib} MiB; it takes {least} MiB",
    "disk-well": "free: {mib} MiB",
    "home-open": "the home is open to others ({mode})",
    "home-well": "{mode}",
    "keys-few": "restores left: {left} of this party's {of}",
    "keys-well": "incarnation {k}, pairs in reserve: {left}",
    "cards-unchecked": "digits never compared: {names}",
    "cards-well": "peers' cards trusted: {count}",
    "lines-closed": "not open yet: {names}",
    "lines-well": "open: {count}",
    "tls-well": "TLS 1.3, X25519MLKEM768",
    "user-root": "runs as root: an account of its own is better",
    "user-well": "runs as user {number}",
}


class UnwellError(LocalError):
    """A check that found something to mend."""

    def __init__(self, refusal: Refusal, word: str, **facts: object) -> None:
        super().__init__(refusal, SAID[word].format_map(facts))
        self.found: Found = word, facts


def doctor(node: Node, _: Request) -> list[dict[str, Any]]:
    """Every check by name: whether it is well, what was found, and what to do. ``word`` and
    ``facts`` say for programs what ``detail`` says; ``word`` is empty for what the machine said."""
    found = []
    for name, check, hint in CHECKS:
        said: Found = "", {}
        try:
            said, ok = check(node), True
            detail = SAID[said[0]].format_map(said[1])
        except UnwellError as error:
            said, ok, detail = error.found, False, error.detail
        except (DetenteError, OSError) as error:
            ok, detail = False, str(error)
        row = {"check": name, "ok": ok, "detail": detail, "hint": "" if ok else hint}
        found.append(row | {"word": said[0], "facts": said[1]})
    return found


def _clock(node: Node) -> Found:
    now = clock(node.home)
    if now.wall_s < CLOCK_EPOCH_S:
        raise UnwellError(Refusal.CLOCK, "clock-unset")
    if now.error_s > CLOCK_ERROR_S_MAX:
        raise UnwellError(Refusal.CLOCK, "clock-unclaimed")
    return "clock-well", {"error": now.error_s, "source": node.home.config.clock_source}


def _mark(node: Node) -> Found:
    muted = [line.mute for line in node.station.lines.values() if line.mute]
    if muted:
        raise UnwellError(Refusal.NOT_ALLOWED, "mark-mute", reason=muted[0])
    return "mark-well", {"count": len(node.station.lines), "mark": str(node.home.config.mark)}


def _disk(node: Node) -> Found:
    free = shutil.disk_usage(node.home.path).free
    mib = free // MIB_BYTES
    if free < DISK_FREE_BYTES_MIN:
        least = DISK_FREE_BYTES_MIN // MIB_BYTES
        raise UnwellError(Refusal.DISK, "disk-full", mib=mib, least=least)
    return "disk-well", {"mib": mib}


def _permissions(node: Node) -> Found:
    mode = node.home.path.stat().st_mode & 0o777
    if mode & 0o077:
        raise UnwellError(Refusal.NOT_ALLOWED, "home-open", mode=f"{mode:o}")
    return "home-well", {"mode": f"{mode:o}"}


def _keys(node: Node) -> Found:
    of = len(node.station.card.pairs) - 1
    left = of - node.station.keys.k
    if left < 4:
        raise UnwellError(Refusal.NOT_ALLOWED, "keys-few", left=left, of=of)
    return "keys-well", {"k": node.station.keys.k, "left": left}


def _cards(node: Node) -> Found:
    held = {party for party, one in ceremonies(node).items() if one.method != "unchecked"}
    unchecked = [
        card.name
        for party, card in node.station.cards.items()
        if party != node.station.party and party not in held | node.distrusted
    ]
    if unchecked:
        raise UnwellError(Refusal.NOT_ALLOWED, "cards-unchecked", names=", ".join(unchecked))
    return "cards-well", {"count": len(node.station.cards) - 1 - len(node.distrusted)}


def _lines(node: Node) -> Found:
    closed = [line.charter.title for line in node.station.lines.values() if not line.is_open()]
    if closed:
        raise UnwellError(Refusal.NOT_ALLOWED, "lines-closed", names=", ".join(closed))
    return "lines-well", {"count": len(node.station.lines)}


def _tls(_: Node) -> Found:
    self_test()
    return "tls-well", {}


def _user(_: Node) -> Found:
    if os.geteuid() == 0:
        return "user-root", {}
    return "user-well", {"number": os.geteuid()}


CHECKS: tuple[Check, ...] = (
    ("clock", _clock, "set the machine's clock, and clock_error_s in config.toml"),
    ("mark", _mark, "officers adopt this node: detente node adopt K, K from the paper register"),
    ("disk", _disk, "free some space: a node whose disk is full stops"),
    ("permissions", _permissions, "chmod 700 the home"),
    ("keys", _keys, "no rotation brings more: pair a new party while this one can still speak"),
    ("cards", _cards, "compare the 40 digits by voice, then detente party trust CARD again"),
    ("lines", _lines, "a member has yet to accept the charter: detente line status"),
    ("tls", _tls, "this OpenSSL cannot be used: reinstall from constraints.txt"),
    ("user", _user, ""),
)
