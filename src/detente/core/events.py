"""Inputs and effects: the whole surface between the core and the world.

An input is a value, an effect is a value. The node commits every ``Store…`` effect of a step in one
transaction before any ``Send`` leaves, and writes the high-water mark in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from detente.core.attachment import Attachment, Progress
from detente.core.errors import Refusal
from detente.core.leaf import LogId, Precedence
from detente.core.transcript import Entry

Entropy = Callable[[int], bytes]


class Now(NamedTuple):
    """What the clocks say: UTC seconds for what is signed, a steady one for what is waited for."""

    wall_s: int
    steady_ms: int
    error_s: int = 65_535  # claimed error of wall_s in whole seconds; 65,535 is unknown


class Draft(NamedTuple):
    """What an author asks to be entered, before it has an index, a serial, `seen` or a time."""

    kind: int
    audience: int
    precedence: int = Precedence.ROUTINE
    drill: bool = False
    refs: tuple[bytes, ...] = ()
    extra: bytes = b""
    body: bytes | None = None  # packed; None for a kind without a body
    salt: bytes = b""  # 16 bytes beside a body
    release: bytes | None = None
    attached: bool = False  # the body begins with a list of attachments


class OutboxRow(NamedTuple):
    """A draft that is durable here and not sequenced yet: «queued»."""

    number: int  # rises with every submit on this line
    draft: Draft
    submitted_s: int
    awaits_release: bool = False  # after an adoption, until a person releases it again


# --- inputs -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A bearer reached a trusted party. ``link`` is the node's number for this connection;
    ``bits_per_s`` what a narrow one is said to carry, 0 where nobody says; ``heard_only`` as after
    ``Listen``, from its beginning on."""

    link: int
    party: bytes
    wide: bool = True
    bits_per_s: int = 0
    heard_only: bool = False


@dataclass(frozen=True, slots=True)
class Carry:
    """A file for a courier begins: one that is written, or one that a party sealed to us and that
    is read. The frames of the one leave, those of the other come, on ``link`` until its LinkDown.

    ``said`` are frames of that party's last file that its next one answers (spec/bearer-courier.md
    §5), and ``bare`` is one without chunks of attachments; only beside ``out``.
    """

    link: int
    party: bytes
    line: bytes
    out: bool
    said: tuple[bytes, ...] = ()
    bare: bool = False


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection is gone; whatever was not confirmed will be sent again."""

    link: int


@dataclass(frozen=True, slots=True)
class FrameIn:
    """One frame from a peer, exactly as received."""

    link: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; the core was waiting for it (``Station.wake_ms``)."""


class Submit(NamedTuple):
    """An author's draft for one line, with the sealed chunks of each attachment its body names."""

    line: bytes
    draft: Draft
    boxes: tuple[tuple[bytes, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Accept:
    """Our officers accept a charter: our log of that line begins with it.

    A party that joins later accepts the ``amended`` one that names it, beside the founding one.
    """

    charter: bytes
    amended: bytes = b""


@dataclass(frozen=True, slots=True)
class Release:
    """A person releases again an outbox row that an adoption had held back."""

    line: bytes
    number: int
    send: bool  # False drops it


@dataclass(frozen=True, slots=True)
class Adopt:
    """Officers adopt a restored node as incarnation ``k``; the keyring now holds pair ``k``."""

    k: int


@dataclass(frozen=True, slots=True)
class SetDuty:
    """The desk is attended or not; told to peers in heartbeats."""

    on_duty: bool


@dataclass(frozen=True, slots=True)
class Listen:
    """From now on nothing is sent over a link, and what comes is taken all the same (EMCON). That
    lasts as long as the link does: what follows is another one, with hellos of its own."""

    link: int


Input = (
    LinkUp
    | Carry
    | LinkDown
    | FrameIn
    | Tick
    | Submit
    | Accept
    | Release
    | Adopt
    | SetDuty
    | Listen
)

# --- effects ----------------------------------------------------------------------------------


class SignedHead(NamedTuple):
    """A size of a log, its root, and the author's Ed25519 signature on that checkpoint."""

    size: int
    root: bytes
    signature: bytes


class NewEntry(NamedTuple):
    """One verified entry to be stored, with the perfect subtrees that its leaf completed."""

    entry: Entry
    subtrees: bytes


@dataclass(frozen=True, slots=True)
class StoreLine:
    """A line this node has accepted: its founding charter and its own member number.

    ``joining`` is the amended charter by which it is to join, until that is final here; a later
    effect for the same line may change it, and the number while nothing of ours is entered.
    """

    line: bytes
    charter: bytes
    member: int
    joining: bytes = b""


@dataclass(frozen=True, slots=True)
class StoreEntries:
    """Entries that extend one log, and the signed head that covers them. ``own`` needs the mark."""

    line: bytes
    log: LogId
    entries: tuple[NewEntry, ...]
    head: SignedHead
    state: bytes  # the log's state after them, opaque to the store (log.Log.encode)
    own: bool
    held_at_s: int


@dataclass(frozen=True, slots=True)
class StoreState:
    """A log's state changed without new entries."""

    line: bytes
    log: LogId
    state: bytes


@dataclass(frozen=True, slots=True)
class StoreBody:
    """A body that came after its leaf."""

    line: bytes
    log: LogId
    index: int
    salt: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class DropBody:
    """A purge: the key of this body is destroyed, the leaf stays."""

    line: bytes
    log: LogId
    index: int


@dataclass(frozen=True, slots=True)
class StageChunks:
    """All sealed chunks of a file of ours whose dispatch has no place yet: its root names it."""

    line: bytes
    root: bytes
    boxes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class DropStaged:
    """The dispatch of a staged file will not be sent."""

    line: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class OpenAttachments:
    """An entry that is held has these attachments: chunks that are staged for it are its own from
    now on, others will come. ``day`` is the UTC day to whose grant they are charged."""

    line: bytes
    log: LogId
    index: int
    attachments: tuple[Attachment, ...]
    day: int


@dataclass(frozen=True, slots=True)
class StoreChunks:
    """The next chunks of one attachment, checked, and how far it is with them."""

    line: bytes
    log: LogId
    index: int
    number: int
    boxes: tuple[bytes, ...]
    progress: Progress


@dataclass(frozen=True, slots=True)
class CloseAttachments:
    """All attachments of an entry are here and stated, or ours: nothing of them is asked for."""

    line: bytes
    log: LogId
    index: int


@dataclass(frozen=True, slots=True)
class StoreAhead:
    """An entry that overtook a gap, with the frame that proves it, until the gap is filled."""

    line: bytes
    log: LogId
    entry: Entry
    head: SignedHead
    path: bytes  # inclusion path of the leaf in that head, hashes concatenated


@dataclass(frozen=True, slots=True)
class StoreCosignature:
    """A verified cosignature on a head: Ed25519 (holds or heads key) or ML-DSA-44."""

    line: bytes
    log: LogId
    size: int
    name: str  # the cosigner's key name
    member: int
    time_s: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class QueueOutbox:
    """A submitted draft becomes durable."""

    line: bytes
    row: OutboxRow


@dataclass(frozen=True, slots=True)
class TakeOutbox:
    """Rows that are sequenced, or dropped by a person, leave the outbox."""

    line: bytes
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoreFlags:
    """Whether this node is mute on a line, and why: survives a restart."""

    line: bytes
    mute: str


@dataclass(frozen=True, slots=True)
class Send:
    """A frame for one link; leaves only after the commit.

    An ``urgent`` frame stands alone and may leave ahead of others queued on its link.
    """

    link: int
    data: bytes
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class CloseLink:
    """A link to be closed, and the reason that is logged."""

    link: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Tell:
    """Something for people or the log: a closed word, the line, and facts without content."""

    word: str
    line: bytes = b""
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offered:
    """A trusted peer sent a charter or a card note for our officers to look at."""

    party: bytes
    data: bytes


Effect = (
    StoreLine
    | StoreEntries
    | StoreState
    | StoreBody
    | DropBody
    | StageChunks
    | DropStaged
    | OpenAttachments
    | StoreChunks
    | CloseAttachments
    | StoreAhead
    | StoreCosignature
    | QueueOutbox
    | TakeOutbox
    | StoreFlags
    | Send
    | CloseLink
    | Tell
    | Offered
)
