"""What a line of the second node keeps, and what that calls for: one record for each change.

Written from spec/log.md §4 to §6 alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from interop.peer_bytes import (
    ACCUSATION,
    CARD,
    CHARTER,
    CLOCK,
    DISPATCH,
    HELD_AHEAD,
    LACKS,
    MARK,
    NO_RECEIPT,
    PURGED,
    QUOTE,
    RESUME,
    SEAL,
    Leaf,
    LogId,
    Reader,
    check,
    leaf_hash,
    read_log_id,
)
from interop.peer_cards import Card, Keys
from interop.peer_charter import Charter
from interop.peer_trees import Tape

CONTENT = {DISPATCH, 7, MARK, 9, 10}


def read_extra(leaf: Leaf) -> dict[str, Any]:
    """Read the fields of a kind, or refuse them (log.md §4)."""
    reader = Reader(leaf.extra)
    out: dict[str, Any] = {}
    if leaf.kind == RESUME:
        out = {"k": reader.varint(), "life": reader.take(8)}
        check(0 < out["k"] < 16)
        out["heads"] = [
            (read_log_id(reader), reader.varint(), reader.take(32)) for _ in range(reader.count(16))
        ]
    elif leaf.kind == QUOTE:
        out = {
            "log": read_log_id(reader),
            "size": reader.varint(),
            "member": reader.varint(),
            "k": reader.varint(),
        }
        out |= {"time": reader.number(5), "signature": reader.take(64)}
    elif leaf.kind == HELD_AHEAD:
        out = {
            "log": read_log_id(reader),
            "index": reader.varint(),
            "hash": reader.take(32),
            "at": reader.number(5),
        }
    elif leaf.kind == LACKS:
        out = {
            "log": read_log_id(reader),
            "indices": [reader.varint() for _ in range(reader.count(1536))],
        }
        check(out["indices"] != [] and out["indices"] == sorted(set(out["indices"])))
    elif leaf.kind in (DISPATCH, 7):
        out = {"relations": [reader.number(1) for _ in leaf.refs]}
        check(all(1 <= one <= 5 for one in out["relations"]))
    elif leaf.kind == MARK:
        out = {"rung": reader.number(1), "stater": reader.number(1), "detail": reader.number(1)}
        check(
            0 < out["rung"] < 11
            and 0 < out["stater"] < 4
            and out["detail"] < (4 if out["rung"] == 7 else 1)
        )
    elif leaf.kind == 9:
        check(0 < reader.number(1) < 4 and 0 < reader.number(1) < 4)
    elif leaf.kind == 11:
        check(reader.number(1) == 1 and reader.varint() < 32 and 0 < reader.varint() < 2**32)
        reader.number(5)
    elif leaf.kind == ACCUSATION:
        out = {"log": read_log_id(reader), "index": reader.varint()}
    elif leaf.kind == 18:
        read_log_id(reader), reader.varint()
        check(0 < reader.number(1) < 4)
        reader.varint()
    elif leaf.kind == 19:
        check(0 < reader.number(1) < 4)
    elif leaf.kind == CLOCK:
        out = {"step": reader.signed()}
    reader.end()
    return out


@dataclass
class Session:
    """What is known of the peer on one link; nothing of it outlives the link (session.md §2)."""

    link: int
    party: str
    channel: int | None = None
    said: bool = False
    member: int = -1
    current: LogId | None = None
    sent: dict[LogId, int] = field(default_factory=dict)
    confirmed: int = 0
    next: dict[LogId, int] = field(default_factory=dict)
    asked: set[LogId] = field(default_factory=set)
    unread: set[tuple[LogId, int]] = field(default_factory=set)
    bad: int = 0
    beat: float = 0.0


@dataclass
class Draft:
    """Something said that has no place in the log yet (log.md §7)."""

    kind: int
    precedence: int
    audience: int
    refs: tuple[bytes, ...]
    extra: bytes
    body: tuple[bytes, bytes] | None


class Held:
    """All that is kept of a line of two parties at one of them (log.md §5)."""

    wide = True
    error = 65535

    def __init__(
        self,
        keys: Keys,
        cards: dict[str, Card],
        charter: Charter,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.keys, self.cards, self.charter, self.random = keys, cards, charter, random
        self.id, self.now, self.steady = charter.id, 0, 0.0
        self.me = next(one.number for one in charter.members if one.party == keys.party())
        self.mine: LogId = (self.me, 0, b"")
        self.tapes: dict[LogId, Tape] = {}
        self.out: list[tuple[Any, ...]] = []
        self.sessions: dict[int, Session] = {}
        self.drafts: list[Draft] = []
        self.cosigned: dict[tuple[LogId, int, int], tuple[int, bytes]] = {}  # log, size, by whom
        self.quantum: dict[tuple[LogId, int, int], tuple[int, bytes]] = {}
        self.covered: dict[LogId, int] = {}  # by my log
        self.stated: dict[int, int] = {}  # how much of my log a member's `seen` covers
        self.purged: set[bytes] = set()
        self.excepted: dict[LogId, set[int]] = {}
        self.missing: dict[tuple[LogId, int], tuple[float, float]] = {}  # since, asked
        self.ahead: dict[LogId, dict[int, tuple[bytes, tuple[bytes, bytes] | None, bytes]]] = {}
        self.seen_due: dict[LogId, tuple[float, int]] = {}
        self.cosign_due: dict[LogId, float] = {}
        self.todo: list[
            tuple[int, int, tuple[bytes, ...], bytes]
        ] = []  # kind, precedence, refs, extra
        self.pq_due = float("inf")
        self.pq_hold: set[tuple[LogId, int]] = set()
        self.greeted = self.duty = self.mute = False
        self.clock = self.serial = 0
        self.alarms: list[str] = []

    # What is kept. Every change of it is one record, so that a file of records is the store.

    def keep(self, *record: Any) -> None:
        """Store one record before any frame that rests on it leaves (log.md §5.5)."""
        self.out.append(("store", record))
        self.apply(record)

    def apply(self, record: tuple[Any, ...]) -> None:
        """Take one record into what is held, now or when the file is read again (log.md §5.5)."""
        what, *rest = record
        if what == "entries":
            self._apply_entries(*rest)
        elif what == "body":
            log, index, body, at = rest
            self.tapes[log].bodies[index] = body
            self.missing.pop((log, index), None)
            self._hold(log, at)
        elif what == "drop":
            self.tapes[rest[0]].bodies.pop(rest[1], None)
        elif what == "cosignature":
            self.cosigned[tuple(rest[:3])] = rest[3]
            if rest[2] == self.me:
                self.cosign_due.pop(rest[0], None)
        elif what == "quantum":
            self.quantum[tuple(rest[:3])] = rest[3]
            self.pq_hold.discard((rest[0], rest[1]))
            if rest[0] == self.mine and rest[2] == self.me:
                self.pq_due = float("inf")
        elif what == "ahead":
            self.ahead.setdefault(rest[0], {})[rest[1]] = rest[2]
        elif what == "draft":
            self.drafts.append(Draft(*rest))
        elif what == "sequenced":
            self.drafts.pop(rest[0])

    def _apply_entries(self, log: LogId, items: list[Any], signature: bytes, at: int) -> None:
        tape = self.tapes.setdefault(log, Tape())
        for raw, body in items:
            index = len(tape.leaves)
            tape.leaves.append(raw)
            tape.hashes.append(leaf_hash(raw))
            if body is not None and leaf_hash(raw) not in self.purged:
                tape.bodies[index] = body
        tape.heads[len(tape.leaves)] = signature
        for index in range(len(tape.leaves) - len(items), len(tape.leaves)):
            leaf = tape.leaf(index)
            if leaf is not None:
                if log == self.mine:
                    self.serial = max(self.serial, leaf.serial)
                    self.pq_due = min(self.pq_due, self.steady + 60 * (not self._solemn(leaf)))
                self._note(log, leaf)
        if log == self.mine:
            tape.held_at[len(tape.leaves)] = at
            for other in [*self.tapes]:
                self._hold(other, at)
        else:
            self._hold(log, at)

    def _note(self, log: LogId, leaf: Leaf) -> None:
        for other, size, _, _ in leaf.seen:
            if log == self.mine:
                self.covered[other] = max(size, self.covered.get(other, 0))
            elif other == self.mine:
                self.stated[log[0]] = max(size, self.stated.get(log[0], 0))
        if leaf.kind == PURGED:
            tape = self.tapes[log]
            for index, hash_ in enumerate(tape.hashes):
                kind = getattr(tape.leaf(index), "kind", None)
                if hash_ in leaf.refs and kind in CONTENT:
                    self.purged.add(hash_)
                    tape.bodies.pop(index, None)
                    self.missing.pop((log, index), None)
        if leaf.kind == LACKS and log == self.mine:
            fields = read_extra(leaf)
            self.excepted.setdefault(fields["log"], set()).update(fields["indices"])

    def addressed(self, leaf: Leaf | None, member: int) -> bool:
        """Whether a member's node may have this body (session.md §5.4)."""
        if leaf is None or not leaf.commitment:
            return False
        return leaf.kind in (CHARTER, ACCUSATION) or bool(leaf.audience >> member & 1)

    def held(self, log: LogId) -> int:
        """The largest head of another's log that is held whole (log.md §5, Holding)."""
        return max(self.tapes[log].held_at, default=0) if log in self.tapes else 0

    def _hold(self, log: LogId, at: int) -> None:
        if log == self.mine:
            return
        tape, until = self.tapes[log], self.held(log)
        excepted = self.excepted.get(log, set())
        for index in range(until, len(tape.leaves)):
            wants = (
                self.addressed(tape.leaf(index), self.me) and tape.hashes[index] not in self.purged
            )
            if wants and index not in tape.bodies and index not in excepted:
                self.missing.setdefault((log, index), (self.steady, -1e9))
                break
            until = index + 1
        before = self.held(log)
        for size in sorted(tape.heads):
            if before < size <= until:
                tape.held_at[size] = at
        if self.held(log) > before:
            self._call(log, before, self.held(log))

    def _call(self, log: LogId, start: int, end: int) -> None:
        """Set what the newly held entries call for (log.md §5.7)."""
        tape = self.tapes[log]
        leaves = [tape.leaf(index) for index in range(start, end)]
        calling = [leaf for leaf in leaves if leaf is None or leaf.kind not in NO_RECEIPT]
        at_once = [leaf for leaf in calling if leaf is not None and leaf.kind != MARK
                   and (leaf.precedence >= 3 or leaf.kind in (RESUME, ACCUSATION))]  # fmt: skip
        inf = float("inf")
        if at_once:
            self.seen_due[log] = (self.steady, max(leaf.precedence for leaf in at_once))
            self.cosign_due[log] = min(self.cosign_due.get(log, inf), self.steady + 60)
        elif calling:
            due = self.steady + int(self.charter.values["seen-within-s"])
            if log not in self.seen_due:
                self.seen_due[log] = (due, 1)
            self.cosign_due[log] = self.steady
        if any(leaf is not None and self._solemn(leaf) for leaf in leaves):
            self.pq_hold.add((log, end))

    def _solemn(self, leaf: Leaf) -> bool:
        """Whether this entry is signed with ML-DSA-44 at once (log.md §5, last paragraph)."""
        closing = any(log[2] and log not in self.covered for log, *_ in leaf.seen)
        return leaf.kind in (CHARTER, RESUME, SEAL, CARD) or closing

    def root(self, log: LogId, size: int) -> bytes | None:
        """The root held at this size, or none (session.md §5.2)."""
        tape = self.tapes.get(log)
        return tape.root(size) if tape is not None and 0 < size <= len(tape.leaves) else None

    def origin(self, log: LogId) -> str:
        """The origin of a log (identity.md §5)."""
        return self.charter.origin(self.id, log)

    def card_of(self, log: LogId) -> Card:
        """The card whose pair signs this log, or `unknown-log` (session.md §6.2)."""
        parties = {one.number: one.party for one in self.charter.members}
        check(parties.get(log[0]) in self.cards and (log[1] > 0) >= bool(log[2]), "unknown-log")
        return self.cards[parties[log[0]]]
