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
from detente.node.home import take_incarnation
from detente.node.keys import HeldKeys
from detente.node.opening import clock
from detente.store.keyring import DEFAULT_COST

if TYPE_CHECKING:
    from detente.node.node import Node

Request = Mapping[str, Any]
VERSION = __version__
DISK_FREE_BYTES_MIN = 256 * 1024 * 1024  # a day of full quotas for a few lines
CLOCK_EPOCH_S = 1_767_225_600  # 1 January 2026: a clock before it was never set
CLOCK_ERROR_S_MAX = 60  # a claim worse than this makes every deadline doubtful


def adopt_node(node: Node, request: Request) -> dict[str, Any]:
    """The officers adopt a restored node as incarnation ``k`` of their paper register."""
    k = int(request["k"])
    passphrases = [str(one) for one in request["passphrases"]]
    muted = [line for line in node.station.lines.values() if line.mute]
    if not muted and not request.get("rotate"):
        raise LocalError(Refusal.NOT_ALLOWED, "this node is not mute: nothing is to be adopted")
    known = max(
        (log.id.k for line in muted for log in line.logs.values() if log.id.member == line.me),
        default=node.station.keys.k,
    )
    if k <= known:
        raise LocalError(
            Refusal.NOT_ALLOWED,
            f"incarnation {known} is known here: the register says a higher one",
        )
    keys = take_incarnation(node.home, k, passphrases, DEFAULT_COST)
    node.station.keys = HeldKeys(keys)
    node.submit(Adopt(k))
    node.note("adopt", {"k": k})
    return {"incarnation": k, "lines": [line.id.hex() for line in muted]}


def read_journal(node: Node, limit: int) -> list[dict[str, Any]]:
    """The last notes of this party's own log, oldest first."""
    journal = node.store.journal
    size = journal.size()
    return [
        {"index": note.index, "at_s": note.at_s, "word": note.kind, "data": note.data}
        for note in journal.read(max(0, size - limit), size)
    ]


Check = tuple[str, Callable[["Node"], str]]


def doctor(node: Node, _: Request) -> list[dict[str, Any]]:
    """Every check by name: whether it is well, what was found, and what to do."""
    found = []
    for name, check in CHECKS:
        try:
            detail, ok = check(node), True
        except (DetenteError, OSError) as error:
            detail, ok = str(error), False
        found.append({"check": name, "ok": ok, "detail": detail})
    return found


def _bad(detail: str) -> LocalError:
    return LocalError(Refusal.NOT_ALLOWED, detail)


def _clock(node: Node) -> str:
    now = clock(node.home)
    if now.wall_s < CLOCK_EPOCH_S:
        raise LocalError(Refusal.CLOCK, "the clock stands before 2026")
    if now.error_s > CLOCK_ERROR_S_MAX:
        raise LocalError(Refusal.CLOCK, "no claim about the clock's error in config.toml")
    return f"±{now.error_s} s, {node.home.config.clock_source}"


def _mark(node: Node) -> str:
    muted = [line.mute for line in node.station.lines.values() if line.mute]
    if muted:
        raise _bad(f"mute: {muted[0]}")
    return f"{len(node.station.lines)} lines agree with {node.home.config.mark}"


def _disk(node: Node) -> str:
    free = shutil.disk_usage(node.home.path).free
    if free < DISK_FREE_BYTES_MIN:
        raise LocalError(Refusal.DISK, f"{free} bytes free")
    return f"{free // (1024 * 1024)} MiB free"


def _permissions(node: Node) -> str:
    mode = node.home.path.stat().st_mode & 0o777
    if mode & 0o077:
        raise _bad(f"the home is open to others ({mode:o})")
    return f"{mode:o}"


def _keys(node: Node) -> str:
    left = len(node.station.card.pairs) - 1 - node.station.keys.k
    if left < 4:
        raise _bad(f"{left} key pairs left: rotate the card")
    return f"incarnation {node.station.keys.k}, {left} pairs in reserve"


def _cards(node: Node) -> str:
    stored = {one.party for one in node.store.cards() if one.ceremony is not None}
    unchecked = [
        card.name
        for party, card in node.station.cards.items()
        if party != node.station.party and party not in stored
    ]
    if unchecked:
        raise _bad("digits never compared: " + ", ".join(unchecked))
    return f"{len(node.station.cards) - 1} peers' cards trusted"


def _lines(node: Node) -> str:
    closed = [line.charter.title for line in node.station.lines.values() if not line.is_open()]
    if closed:
        raise _bad("not open yet: " + ", ".join(closed))
    return f"{len(node.station.lines)} open"


def _tls(_: Node) -> str:
    self_test()
    return "TLS 1.3, X25519MLKEM768"


def _user(_: Node) -> str:
    if os.geteuid() == 0:
        return "runs as root: an account of its own is better"
    return f"runs as user {os.geteuid()}"


CHECKS: tuple[Check, ...] = (
    ("clock", _clock),
    ("mark", _mark),
    ("disk", _disk),
    ("permissions", _permissions),
    ("keys", _keys),
    ("cards", _cards),
    ("lines", _lines),
    ("tls", _tls),
    ("user", _user),
)
