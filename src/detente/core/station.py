"""What a node knows between two inputs: its keys, its peers' cards, its lines and its links.

Everything here is either read from the store at start or lost without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from detente.core.charter import Charter
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft, Effect, Entropy, Now, OutboxRow, SignedHead
from detente.core.frames import Presence, Quantum, StatedHead
from detente.core.identity import Card, holds_name, origin
from detente.core.leaf import LogId
from detente.core.log import Log
from detente.core.transcript import Entry, Transcript


class Keys(Protocol):
    """Our private keys, as far as this incarnation may use them. A seam: tests stub hedged ones."""

    @property
    def k(self) -> int:
        """The incarnation whose log and holds keys these are."""
        ...

    def sign_log(self, message: bytes) -> bytes:
        """Ed25519 by log key ``k``."""
        ...

    def sign_holds(self, message: bytes) -> bytes:
        """Ed25519 by holds key ``k``."""
        ...

    def sign_author(self, message: bytes) -> bytes:
        """ML-DSA-44 by the author key."""
        ...

    def sign_holds_pq(self, message: bytes) -> bytes:
        """ML-DSA-44 by the holds key."""
        ...


class Shelf(Transcript, Protocol):
    """What the core asks of the store for one line, beyond the transcript itself."""

    def entries(self, log: LogId, start: int, stop: int) -> Sequence[Entry]:
        """Entries start..stop-1, with their bodies."""
        ...

    def subtree(self, log: LogId, level: int, index: int) -> bytes:
        """The root of a perfect subtree; level 0 are leaf hashes."""
        ...

    def signed_head(self, log: LogId, at_least: int, at_most: int) -> SignedHead | None:
        """The largest head its author signed with at_least <= size <= at_most."""
        ...

    def outbox_draft(self, number: int) -> Draft:
        """The draft of an outbox row."""
        ...

    def ahead(self, log: LogId, index: int) -> Entry | None:
        """An entry that overtook and whose gap is still open."""
        ...


@dataclass(slots=True)
class Link:
    """One connection to a trusted party."""

    number: int
    party: bytes
    wide: bool
    bad_frames: int = 0
    next_channel: int = 1
    lines: dict[int, bytes] = field(default_factory=dict)  # their channel -> line


@dataclass(slots=True)
class Session:
    """One line on one link: what the peer has said it holds and what we have sent."""

    link: int
    member: int
    channel: int = 0  # ours, once we have said hello
    greeted: bool = False  # they have said hello
    mute: bool = False
    current: LogId | None = None  # their own current log
    holds: dict[LogId, int] = field(default_factory=dict)  # confirmed by them in this session
    heads: dict[LogId, StatedHead] = field(default_factory=dict)  # stated and signed
    sent: dict[LogId, int] = field(default_factory=dict)  # next index of each log we stream
    asked: dict[LogId, int] = field(default_factory=dict)  # from where we asked for entries
    implied: dict[LogId, int] = field(default_factory=dict)  # where they expect each stream next
    expected: dict[LogId, int] = field(default_factory=dict)  # where we expect theirs next
    full: set[LogId] = field(default_factory=set)  # they asked for the full form
    asked_full: set[LogId] = field(default_factory=set)  # we asked for the full form
    ahead_sent: set[int] = field(default_factory=set)  # own indices that overtook here
    paused_until_ms: int = 0  # after over-quota
    flight: list[tuple[LogId, int, int]] = field(default_factory=list)  # log, end, bytes
    flight_bytes: int = 0
    quantum: dict[LogId, Quantum] = field(default_factory=dict)  # on heads still under way
    presence: Presence | None = None
    heard_ms: int = 0


@dataclass(slots=True)
class Dispute:
    """The search for the first leaf in which two signed heads of one log differ."""

    link: int
    theirs: StatedHead
    low: int  # both trees agree at this size
    high: int  # they differ at this size
    probes: int = 0


@dataclass(slots=True)
class Queue:
    """The outbox in memory: rows by precedence, oldest first."""

    rows: dict[int, OutboxRow] = field(default_factory=dict)
    by_precedence: list[list[int]] = field(default_factory=lambda: [[] for _ in range(6)])
    next_number: int = 1
    volatile: set[int] = field(default_factory=set)  # submitted in this step, not stored yet


@dataclass(slots=True)
class Line:
    """One line at this node. ``mute`` holds the reason while a restored node signs nothing."""

    id: bytes
    charter: Charter
    charter_text: bytes
    me: int
    shelf: Shelf
    logs: dict[LogId, Log] = field(default_factory=dict)
    mine: LogId | None = None
    mute: str = ""
    awaits_hello: bool = False
    queue: Queue = field(default_factory=Queue)
    control: list[Draft] = field(default_factory=list)  # our own statements, first to be entered
    sessions: dict[int, Session] = field(default_factory=dict)  # by link
    disputes: dict[LogId, Dispute] = field(default_factory=dict)
    accused: set[LogId] = field(default_factory=set)
    ahead: dict[LogId, set[int]] = field(default_factory=dict)  # indices held ahead of a gap
    quota_said: set[tuple[LogId, int]] = field(default_factory=set)  # over-quota stated, by day
    seen_now: bool = False
    seen_due_ms: int = 0  # 0: nothing is due
    cosign_now: bool = False
    cosign_due_ms: int = 0
    quantum_due_ms: int = 0
    heads_due: bool = False
    chores_due_ms: int = 0  # relays and missing bodies
    presence_due_ms: int = 0  # the next heartbeat
    touched: bool = False

    @property
    def own(self) -> Log | None:
        """Our current log."""
        return None if self.mine is None else self.logs.get(self.mine)

    def party_of(self, member: int) -> bytes | None:
        """The party id behind a member number, or None."""
        found = self.charter.member(member)
        return None if found is None else found.party

    def reads(self, member: int) -> bool:
        """Whether a member may be in an audience: everyone but observers."""
        return bool(self.charter.readers() >> member & 1)

    def session_of(self, member: int) -> Session | None:
        """The newest greeted session with a member."""
        found = None
        for session in self.sessions.values():
            if session.member == member and session.greeted:
                found = session
        return found

    def is_open(self) -> bool:
        """Whether the charter leaf of every member is held here."""
        begun = {log.member for log, state in self.logs.items() if state.size}
        return all(member.number in begun for member in self.charter.members)


@dataclass(slots=True)
class Station:
    """The whole state of a node's core."""

    party: bytes
    card: Card
    keys: Keys
    shelf_of: Callable[[bytes], Shelf]
    cards: dict[bytes, Card] = field(default_factory=dict)  # trusted, ours included
    lines: dict[bytes, Line] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)
    on_duty: bool = False
    clock_source: int = 0
    disciplined_s: int = 0
    last_wall_s: int = 0

    def new_log(self, line: Line, log: LogId) -> Log | None:
        """An empty log for a known member and listed key, or None."""
        party = line.party_of(log.member)
        card = None if party is None else self.cards.get(party)
        if party is None or card is None or log.k >= len(card.pairs):
            return None
        return Log(log, origin(line.id, party, log), card.pairs[log.k][0])

    def holds_key(self, line: Line, member: int, k: int) -> tuple[str, bytes] | None:
        """The name and public key of a member's Ed25519 holds cosigner, or None."""
        party = line.party_of(member)
        card = None if party is None else self.cards.get(party)
        if party is None or card is None or k >= len(card.pairs):
            return None
        return holds_name(party, k), card.pairs[k][1]


@dataclass(slots=True)
class Step:
    """One call of ``handle``: the state, the clocks, the entropy, and the effects so far."""

    station: Station
    now: Now
    entropy: Entropy
    out: list[Effect] = field(default_factory=list)

    def line(self, line: bytes) -> Line:
        """A line of ours. LocalError UNKNOWN_LINE otherwise."""
        found = self.station.lines.get(line)
        if found is None:
            raise LocalError(Refusal.UNKNOWN_LINE, line.hex()[:16])
        return found
