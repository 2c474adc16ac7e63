"""What a node knows of one line: its logs and charter, what is queued and owed, and its sessions.

Everything here is either read from the store at start or lost without harm.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from detente.core.attachment import Progress
from detente.core.charter import Charter
from detente.core.events import Draft, OutboxRow, SignedHead
from detente.core.frames import Quantum, StatedHead
from detente.core.identity import Card
from detente.core.leaf import CONTENT, RECORD, Kind, Leaf, LogId, Precedence
from detente.core.link import UNANSWERED, Session, Way
from detente.core.log import Log
from detente.core.shelf import Shelf
from detente.core.transcript import Place


@dataclass(slots=True)
class Arriving:
    """An entry whose attachments are not all here, or not stated yet."""

    place: Place
    hash: bytes
    audience: int
    precedence: int
    parts: list[Progress]

    @property
    def is_whole(self) -> bool:
        """Whether every attachment is here."""
        return all(part.is_whole for part in self.parts)

    def next_part(self) -> tuple[int, Progress] | None:
        """The first attachment that is not here, with its number."""
        found = enumerate(self.parts)
        return next(((number, part) for number, part in found if not part.is_whole), None)


class Granted(NamedTuple):
    """What an author's attachments have used up of one UTC day."""

    day: int
    used_bytes: int
    used_up: bool = False  # our log has said so: no more of that day is taken


@dataclass(slots=True)
class Dispute:
    """The search for the first leaf in which two signed heads of one log differ."""

    link: int
    theirs: StatedHead
    low: int  # both trees are proven to agree at this size
    high: int  # they are proven to differ at this size
    since_ms: int
    asked: tuple[bool, int] = (False, 0)  # inclusion or consistency, and at which index or size
    probes: int = 0
    low_path: tuple[bytes, ...] = ()  # from ``low`` to their head
    apart: tuple[SignedHead, bytes, tuple[bytes, ...]] | None = None  # ours, their root there


class Cosigned(NamedTuple):
    """A cosignature of a peer over our current log."""

    size: int
    time_s: int
    k: int
    signature: bytes


@dataclass(slots=True)
class Queue:
    """The outbox in memory: rows by precedence, oldest first."""

    rows: dict[int, OutboxRow] = field(default_factory=dict)
    by_precedence: list[deque[int]] = field(default_factory=lambda: [deque() for _ in range(6)])
    next_number: int = 1
    volatile: set[int] = field(default_factory=set)  # submitted in this step, not stored yet
    entered: frozenset[bytes] = frozenset()  # commitments of our last entries before this start

    def before(self, precedence: int) -> int:
        """How many rows are entered before one that is submitted now."""
        return sum(map(len, self.by_precedence[precedence:]))


@dataclass(slots=True)
class Line:
    """One line at this node. ``mute`` holds the reason while a restored node signs nothing.

    ``joining`` is the amended charter our officers accepted, until it is found to be final here;
    ``charter`` is that text then: enough to know whom to ask, and to sign nothing by.
    """

    id: bytes
    charter: Charter  # in force for us
    charter_text: bytes  # of the founding charter
    me: int
    shelf: Shelf
    founding: Charter = field(init=False)
    logs: dict[LogId, Log] = field(default_factory=dict)
    mine: LogId | None = None
    mute: str = ""
    left: bool = False  # an amendment ended our membership
    joining: bytes = b""
    admitted: dict[int, int] = field(default_factory=dict)  # by an amendment: member -> UTC day
    awaits_hello: bool = False
    opened: bool = False
    begun_day: int = 0  # the UTC day of our own first entry
    queue: Queue = field(default_factory=Queue)
    control: list[Draft] = field(default_factory=list)  # our own statements, first to be entered
    sessions: dict[int, Session] = field(default_factory=dict)  # by link
    disputes: dict[LogId, Dispute] = field(default_factory=dict)
    accused: dict[LogId, int] = field(default_factory=dict)  # from where a proof entered freezes
    convicts: dict[Place, bool] = field(default_factory=dict)  # accusations, judged by these cards:
    convicts_by: dict[bytes, Card] = field(default_factory=dict)
    ahead: dict[LogId, set[int]] = field(default_factory=dict)  # indices held ahead of a gap
    held_ahead: dict[LogId, set[int]] = field(default_factory=dict)  # of ours, as logs state it
    arriving: dict[Place, Arriving] = field(default_factory=dict)
    granted: dict[int, Granted] = field(default_factory=dict)  # by member, for attachments
    purgers: set[int] = field(default_factory=set)  # members that have declared a purge
    quota_said: set[tuple[LogId, int]] = field(default_factory=set)  # over-quota stated, by day
    cosigned_by: dict[int, deque[Cosigned]] = field(default_factory=dict)  # by member
    kept: dict[tuple[LogId, int, bool], int] = field(default_factory=dict)  # cosignatures, by size
    quantum: Quantum | None = None  # our last ML-DSA signature over our current log
    quantum_for: set[LogId] = field(default_factory=set)  # others' logs that await ours
    seen_now: bool = False
    seen_precedence: int = Precedence.ROUTINE
    seen_due_ms: int = 0  # 0: nothing is due
    cosign_now: bool = False
    cosign_due_ms: int = 0
    quantum_due_ms: int = 0
    quiet_due_ms: int = 0  # from then on narrow bearers take ML-DSA signatures; 0: not counted yet
    heads_due: bool = False
    greet_due: bool = False  # our hello has changed: muteness, current log or members
    charter_due: bool = False  # an amendment may have become final
    charter_next_ms: int = 0  # not looked at again before
    sealing: bool = False  # a seal is not final yet
    chores_due_ms: int = 0  # relays and missing bodies
    presence_due_ms: int = 0  # the next heartbeat
    touched: bool = False

    def __post_init__(self) -> None:
        self.founding = self.charter

    @property
    def own(self) -> Log | None:
        """Our current log."""
        return None if self.mine is None else self.logs.get(self.mine)

    def party_of(self, member: int) -> bytes | None:
        """The party id behind a member number, also of one that has left, or None."""
        for charter in (self.charter, self.founding):
            for entry in charter.entries():
                if entry.number == member:
                    return entry.party
        return None

    def reads(self, member: int) -> bool:
        """Whether a member may be in an audience: everyone but observers."""
        return bool(self.charter.readers() >> member & 1)

    def entitled(self, leaf: Leaf, author: int, member: int) -> bool:
        """Whether a member gets the body of a leaf: content goes to readers alone, and what says
        which line this is, whose log is forked, or which keys count, to all."""
        if not (leaf.reads(member) or member == author or leaf.kind in RECORD):
            return False
        return leaf.kind not in CONTENT or self.reads(member)

    def everyone(self) -> int:
        """The audience of statements about the record itself."""
        return self.charter.everyone()

    def may_sign(self) -> bool:
        """Whether our log may grow: adopted, a member by what is final here, and after a peer's
        hello since the start (F5)."""
        shut = self.mute or self.awaits_hello or self.left or self.joining
        return not shut and self.mine is not None

    def greeted(self) -> list[Session]:
        """The sessions in which the peer has said hello and in which something may be said."""
        return [s for s in self.sessions.values() if s.greeted and s.way not in UNANSWERED]

    def listens(self) -> bool:
        """Whether what comes is taken in on some link on which nothing may be said."""
        return any(s.greeted and s.way is Way.HEARD for s in self.sessions.values())

    def ask_anew(self) -> None:
        """Something has come, or is missing from now on: it is asked for as it was at first."""
        for session in self.sessions.values():
            session.ask_due_ms = session.ask_wait_ms = 0

    def session_of(self, member: int) -> Session | None:
        """The best greeted session with a member over a link: a wide one, then the oldest."""
        found = None
        for session in self.sessions.values():
            if session.way is not Way.LINK:
                continue
            better = found is None or (session.wide and not found.wide)
            if session.member == member and session.greeted and better:
                found = session
        return found

    def is_open(self) -> bool:
        """Whether the charter leaf of every founding member has been held here, and we are in."""
        if not self.opened:
            begun = {log.member for log, state in self.logs.items() if state.size}
            self.opened = all(member.number in begun for member in self.founding.members)
        return self.opened and not self.joining

    def state(self, draft: Draft) -> None:
        """Has our log state something. A mute node keeps nothing but proofs for later."""
        if not self.mute or draft.kind == Kind.ACCUSATION:
            self.control.append(draft)
