"""What a node knows of one link, and of each line on it. All of it is lost with the link, without
harm."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from detente.core.frames import Presence, StatedHead, Want
from detente.core.leaf import LogId
from detente.core.transcript import Place


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
