"""What a node knows between two inputs: its keys, its peers' cards, its lines and its links.

Everything here is either read from the store at start or lost without harm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, Protocol

from detente.core.attachment import Progress
from detente.core.charter import Charter
from detente.core.errors import LocalError, Refusal
from detente.core.events import (
    Draft,
    Effect,
    Entropy,
    Now,
    OutboxRow,
    Send,
    SignedHead,
    StoreAhead,
    StoreFlags,
    Tell,
)
from detente.core.frames import Frame, Presence, Quantum, Refuse, StatedHead, Want, encode_frame
from detente.core.identity import Card, heads_name, holds_name, origin
from detente.core.leaf import CONTENT, RECORD, Kind, Leaf, LogId, Precedence
from detente.core.log import Log
from detente.core.revocation import Revocation
from detente.core.transcript import Entry, Place, Transcript


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

    def sign_heads(self, message: bytes) -> bytes:
        """Ed25519 by the witness key, which is the same in every incarnation."""
        ...

    def sign_author(self, message: bytes) -> bytes:
        """ML-DSA-44 by the author key."""
        ...

    def sign_holds_pq(self, message: bytes) -> bytes:
        """ML-DSA-44 by the holds key."""
        ...


class Shelf(Transcript, Protocol):
    """What the core asks of the store for one line, beyond the transcript itself.

    It shows every effect of earlier calls of ``handle``, committed or not.
    """

    def entries(self, log: LogId, start: int, stop: int) -> Sequence[Entry]:
        """Entries start..stop-1, with their bodies."""
        ...

    def kept(self, member: int, leaf_hash: bytes) -> Sequence[Place]:
        """Where a member's entries with this leaf hash stand that are not purged, in order."""
        ...

    def purges(self, member: int, leaf_hash: bytes) -> bool:
        """Whether an entry of this member declares the body of this leaf purged."""
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

    def ahead_proof(self, log: LogId, index: int) -> StoreAhead | None:
        """An entry that overtook, as it was stored."""
        ...

    def attachments(self, log: LogId, index: int) -> Sequence[Progress]:
        """How far each attachment of an entry is here, in order; none where none was opened."""
        ...

    def open_attachments(self) -> Sequence[Place]:
        """The entries whose attachments were opened and not closed, in order of place."""
        ...

    def chunks(self, log: LogId, index: int, number: int, start: int, stop: int) -> Sequence[bytes]:
        """Sealed chunks start..stop-1 of one attachment."""
        ...

    def attached_bytes(self, member: int, day: int) -> int:
        """What a member's attachments take up that were charged to a UTC day, in whole chunks."""
        ...


@dataclass(slots=True)
class Link:
    """One connection to a trusted party."""

    number: int
    party: bytes
    wide: bool
    bad_frames: int = 0
    only: bytes = b""  # the one line that a file for a courier is of
    heard_only: bool = False  # we receive there and send nothing
    slow: bool = False  # so that heartbeats come seldom
    lines: dict[int, bytes] = field(default_factory=dict)  # their channel -> line
    unheard: set[int] = field(default_factory=set)  # channels of theirs whose hello was refused
    channels: dict[bytes, int] = field(default_factory=dict)  # line -> our channel, kept


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


class Way(Enum):
    """What a session's frames go over: a link, or a file for a courier (spec/bearer-courier.md)."""

    LINK = auto()
    OUT = auto()  # a file being written: nothing comes back
    IN = auto()  # one being read: what it asks is answered in the next file
    HEARD = auto()  # a link that is listened to while we send nothing


CHUNKS_LATE_MAX = 8  # runs given up whose answer may come yet, on one link: 80 minutes' worth
PROOFS_LATE_MAX = 32  # the same for questions of a search: 16 minutes' worth of one log
UNANSWERED = (Way.IN, Way.HEARD)  # nothing is said over these


class Due(NamedTuple):
    """What is left to go of one attachment into a file."""

    precedence: int
    first: int  # chunk


class Flight(NamedTuple):
    """A batch that was sent and not confirmed yet."""

    log: LogId
    size: int
    entries: int
    bytes: int
    asked_again_ms: int = 0  # a repeated question for it is no news before

    @property
    def start(self) -> int:
        """The index of its first entry."""
        return self.size - self.entries


@dataclass(slots=True)
class Session:
    """One line on one link: what the peer has said it holds and what we have sent.

    Every table here is bounded: its keys are logs known here, or it is cleared when full.
    """

    link: int
    member: int
    channel: int = 0  # ours, once we have said hello
    wide: bool = True
    way: Way = Way.LINK
    greeted: bool = False  # they have said hello
    mute: bool = False
    current: LogId | None = None  # their own current log
    holds: dict[LogId, int] = field(default_factory=dict)  # confirmed by them
    heads: dict[LogId, StatedHead] = field(default_factory=dict)  # stated, signed, not held here
    shown_ms: dict[LogId, int] = field(default_factory=dict)  # since when each of them is known
    sent: dict[LogId, int] = field(default_factory=dict)  # next index of each log we stream
    flight: deque[Flight] = field(default_factory=deque)  # sent and not confirmed, of any log
    flight_entries: int = 0
    flight_bytes: int = 0
    unasked_bytes: int = 0  # sent since they were last asked to confirm
    unasked_entries: int = 0
    asked: dict[LogId, int] = field(default_factory=dict)  # from where we asked for entries
    implied: dict[LogId, int] = field(default_factory=dict)  # where our next batch begins
    expected: dict[LogId, int] = field(default_factory=dict)  # where their next batch begins
    full: set[LogId] = field(default_factory=set)  # they asked for the full form
    asked_full: set[LogId] = field(default_factory=set)  # we asked for the full form
    ahead_sent: set[int] = field(default_factory=set)  # own indices that overtook here
    ahead_full: set[int] = field(default_factory=set)  # of these, those asked for in full
    ahead_unread: set[int] = field(default_factory=set)  # theirs that we asked for in full
    announced: dict[LogId, int] = field(default_factory=dict)  # heads of others that we told of
    unsigned: set[LogId] = field(default_factory=set)  # thirds' heads lately declined
    failed: int = 0  # cosignatures over thirds' logs lately declined
    paused: dict[LogId, int] = field(default_factory=dict)  # after over-quota, until, ms
    choked: set[LogId] = field(default_factory=set)  # declined here until missing bodies have come
    quantum_size: int = 0  # the size of our ML-DSA signature last shown here
    ask_due_ms: int = 0  # when what was asked for here and did not come is asked for again
    ask_wait_ms: int = 0  # how long that was; twice as long the next time
    lacked_due_ms: int = 0  # when bodies named as lacking are asked for again
    lacked_rounds: int = 0
    lacked_open: set[Place] = field(default_factory=set)  # of the last round, not come from here
    chunks_asked: tuple[Place, int, int] | None = None  # entry, attachment, first chunk
    chunks_late: deque[tuple[Place, int, int]] = field(  # given up, and may come yet
        default_factory=lambda: deque(maxlen=CHUNKS_LATE_MAX)
    )
    proofs_late: deque[tuple[LogId, bool, int, int]] = field(  # the same: inclusion, at, size
        default_factory=lambda: deque(maxlen=PROOFS_LATE_MAX)
    )
    chunks_owed: Want | None = None  # asked by them, and sent behind all that waits
    chunks_due: dict[tuple[Place, int], Due] = field(default_factory=dict)  # into a file, by number
    bare: bool = False  # a file without chunks
    chunkless: set[Place] = field(default_factory=set)  # entries whose chunks they do not have
    uncosigned_ms: int = 0  # since when they hold what they have not cosigned
    presence: Presence | None = None
    beat_due_ms: int = 0  # the next heartbeat on a slow link
    heard_ms: int = 0


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


@dataclass(slots=True)
class Station:
    """The whole state of a node's core."""

    party: bytes
    card: Card
    keys: Keys
    shelf_of: Callable[[bytes], Shelf]
    cards: dict[bytes, Card] = field(default_factory=dict)  # trusted, ours included
    revoked: dict[bytes, Revocation] = field(default_factory=dict)  # by key, ours included
    lines: dict[bytes, Line] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)
    under_hold: set[bytes] = field(default_factory=set)  # lines whose purges a legal hold stops
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
        return Log(log, origin(line.id, party, log), card.pairs[log.k].log)

    def holds_key(self, line: Line, member: int, k: int) -> tuple[str, bytes] | None:
        """The name and public key of a member's Ed25519 holds cosigner, or None."""
        party = line.party_of(member)
        card = None if party is None else self.cards.get(party)
        if party is None or card is None or k >= len(card.pairs):
            return None
        return holds_name(party, k), card.pairs[k].holds

    def heads_key(self, line: Line, member: int) -> tuple[str, bytes] | None:
        """The name and public key of a member's witness, which states nothing of content."""
        party = line.party_of(member)
        card = None if party is None else self.cards.get(party)
        if party is None or card is None:
            return None
        return heads_name(party), card.heads_ed25519

    def cosigner(self, line: Line, member: int, k: int) -> tuple[str, bytes] | None:
        """The one key whose Ed25519 cosignatures count from a member: an observer's witness of
        heads, anybody else's holds key ``k`` (F2). None for an unknown one."""
        if line.reads(member):
            return self.holds_key(line, member, k)
        return self.heads_key(line, member)

    def sealing_key(self, party: bytes) -> bytes:
        """The X-Wing key that something may be sealed to for a trusted party.

        LocalError UNKNOWN_PARTY without its card, REVOKED where it has declared that key void.
        """
        card = self.cards.get(party)
        if card is None:
            raise LocalError(Refusal.UNKNOWN_PARTY, party.hex()[:16])
        if card.kem_xwing in self.revoked:
            raise LocalError(Refusal.REVOKED, "its key for sealed files; ask for its next card")
        return card.kem_xwing


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

    def send(self, session: Session, frame: Frame, *, urgent: bool = False) -> None:
        """One frame on one session, behind the commit."""
        self.out.append(Send(session.link, encode_frame(session.channel, frame), urgent))

    def tell(self, word: str, line: Line, **facts: object) -> None:
        """Something people or the log should know."""
        self.out.append(Tell(word, line.id, facts))

    def decline(
        self, line: Line, session: Session, refusal: Refusal, log: LogId, index: int = 0
    ) -> None:
        """A refusal that is no fault of this peer: named to both sides, and not counted."""
        self.tell("refused", line, refusal=refusal.word, log=log.word, member=log.member)
        self.send(session, Refuse(refusal, log, index))


def fall_mute(step: Step, line: Line, reason: str) -> None:
    """From now on this line signs nothing; the reason survives a restart (F5)."""
    if line.mute:
        return
    line.mute = reason
    line.control = [draft for draft in line.control if draft.kind == Kind.ACCUSATION]
    line.greet_due = line.touched = True
    step.out.append(StoreFlags(line.id, reason))
    step.tell("mute", line, reason=reason)
