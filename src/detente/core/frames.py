"""Every frame of a session but the entries themselves, as values and as bytes (spec/session.md §3).

Each has one canonical form; a reader refuses every other. Lists are bounded before they are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from detente.core import limits
from detente.core.attachment import BOX_BYTES
from detente.core.encoding import Reader, counted, malformed, u40, unzigzag, varint, zigzag
from detente.core.errors import PeerError, Refusal
from detente.core.extras import Head, read_head
from detente.core.leaf import LogId, read_log_id
from detente.core.wire import tag

VERSION = 1
SIGNATURE_BYTES = 64
MLDSA_BYTES = 2420


@dataclass(frozen=True, slots=True)
class StatedHead:
    """A head with its author's signature, so that nobody need be believed."""

    head: Head
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who I am on this line, what I hold of every log, and that I have started afresh."""

    TYPE: ClassVar[int] = 1
    line: bytes
    member: int
    mute: bool
    answer: bool  # please say hello too
    nonce: bytes
    current: LogId | None
    heads: tuple[StatedHead, ...]

    def payload(self) -> bytes:
        """Version, line, member, flags, 16 bytes, own log, heads."""
        flags = self.mute | self.answer << 1 | (self.current is not None) << 2
        own = b"" if self.current is None else self.current.encode()
        head = bytes((VERSION,)) + self.line + varint(self.member) + bytes((flags,)) + self.nonce
        return head + own + _heads(self.heads)

    @classmethod
    def read(cls, reader: Reader) -> Hello:
        """The value of a payload."""
        if reader.u8() != VERSION:
            raise PeerError(Refusal.UNKNOWN_VERSION, "session")
        line, member, flags, nonce = reader.take(32), reader.varint(), reader.u8(), reader.take(16)
        if flags > 7 or member >= limits.MEMBERS_MAX:
            raise malformed("hello")
        current = read_log_id(reader) if flags & 4 else None
        return cls(
            line=line,
            member=member,
            mute=bool(flags & 1),
            answer=bool(flags & 2),
            nonce=nonce,
            current=current,
            heads=_read_heads(reader),
        )


@dataclass(frozen=True, slots=True)
class Heads:
    """Heads that this node has come to hold since the hello."""

    TYPE: ClassVar[int] = 2
    heads: tuple[StatedHead, ...]

    def payload(self) -> bytes:
        """The heads."""
        return _heads(self.heads)

    @classmethod
    def read(cls, reader: Reader) -> Heads:
        """The value of a payload."""
        return cls(_read_heads(reader))


@dataclass(frozen=True, slots=True)
class Cosign:
    """A cosignature on a head of the receiver's current log, or of another log."""

    TYPE: ClassVar[int] = 4
    log: LogId | None
    size: int
    late_s: int  # held_at minus the time of the last leaf below ``size``
    signature: bytes

    def payload(self) -> bytes:
        """Varint 2 size + other log, the other log, signed varint of lateness, 64 bytes."""
        other = b"" if self.log is None else self.log.encode()
        head = varint(self.size << 1 | (self.log is not None)) + other
        return head + varint(zigzag(self.late_s)) + self.signature

    @classmethod
    def read(cls, reader: Reader) -> Cosign:
        """The value of a payload."""
        size = reader.varint()
        log = read_log_id(reader) if size & 1 else None
        return cls(log, size >> 1, unzigzag(reader.varint()), reader.take(SIGNATURE_BYTES))


@dataclass(frozen=True, slots=True)
class Quantum:
    """An ML-DSA-44 cosignature: of the author over its own log, or of a holder."""

    TYPE: ClassVar[int] = 5
    log: LogId
    size: int
    time_s: int
    signature: bytes

    def payload(self) -> bytes:
        """Log, varint size, u40 time, 2,420 bytes."""
        return self.log.encode() + varint(self.size) + u40(self.time_s) + self.signature

    @classmethod
    def read(cls, reader: Reader) -> Quantum:
        """The value of a payload."""
        return cls(read_log_id(reader), reader.varint(), reader.u40(), reader.take(MLDSA_BYTES))


WANT_ENTRIES, WANT_FULL, WANT_BODY, WANT_COSIGNATURE, WANT_CHUNKS = range(5)


@dataclass(frozen=True, slots=True)
class Want:
    """Please send: entries from an index (elided or in full), one body, a cosignature, or chunks of
    an entry's attachment."""

    TYPE: ClassVar[int] = 6
    what: int
    log: LogId
    index: int
    number: int = 0  # which attachment
    first: int = 0  # which of its chunks the answer begins with

    def payload(self) -> bytes:
        """u8 what, log, varint index; for chunks u8 number, varint first."""
        chunks = bytes((self.number,)) + varint(self.first) if self.what == WANT_CHUNKS else b""
        return bytes((self.what,)) + self.log.encode() + varint(self.index) + chunks

    @classmethod
    def read(cls, reader: Reader) -> Want:
        """The value of a payload."""
        what = reader.u8()
        if what > WANT_CHUNKS:
            raise malformed("want")
        log, index = read_log_id(reader), reader.varint()
        if what == WANT_CHUNKS:
            return cls(what, log, index, reader.u8(), reader.varint())
        return cls(what, log, index)


@dataclass(frozen=True, slots=True)
class Body:
    """A body and its salt, for a leaf the receiver already has."""

    TYPE: ClassVar[int] = 7
    log: LogId
    index: int
    salt: bytes
    body: bytes

    def payload(self) -> bytes:
        """Log, varint index, 16 bytes, counted body."""
        return self.log.encode() + varint(self.index) + self.salt + counted(self.body)

    @classmethod
    def read(cls, reader: Reader) -> Body:
        """The value of a payload."""
        return cls(
            read_log_id(reader),
            reader.varint(),
            reader.take(16),
            reader.counted(limits.BODY_BYTES_MAX),
        )


@dataclass(frozen=True, slots=True)
class Ahead:
    """One entry ahead of a gap, with the hashes that lead from what the receiver has to it."""

    TYPE: ClassVar[int] = 8
    log: LogId
    base: int  # a size of the log that the receiver holds
    index: int
    cover: tuple[bytes, ...]  # perfect subtrees of [base, index)
    signature: bytes  # on the head of size index + 1
    item: bytes  # as in a batch, elided against the leaf before base

    def payload(self) -> bytes:
        """Log, base, index, hashes, signature, and the item up to the end."""
        head = self.log.encode() + varint(self.base) + varint(self.index)
        return head + _hashes(self.cover) + self.signature + self.item

    @classmethod
    def read(cls, reader: Reader) -> Ahead:
        """The value of a payload."""
        log, base, index = read_log_id(reader), reader.varint(), reader.varint()
        if base > index:
            raise malformed("ahead")
        path, signature = _read_hashes(reader), reader.take(SIGNATURE_BYTES)
        return cls(log, base, index, path, signature, reader.take(max(1, reader.left())))


@dataclass(frozen=True, slots=True)
class Refuse:
    """What was not accepted, by number; for one log from one index on, where it has one."""

    TYPE: ClassVar[int] = 9
    refusal: Refusal
    log: LogId | None = None
    index: int = 0

    def payload(self) -> bytes:
        """Varint 2 number + has log, log, varint index."""
        if self.log is None:
            return varint(self.refusal << 1)
        return varint(self.refusal << 1 | 1) + self.log.encode() + varint(self.index)

    @classmethod
    def read(cls, reader: Reader) -> Refuse:
        """The value of a payload."""
        number = reader.varint()
        try:
            refusal = Refusal(number >> 1)
        except ValueError as exc:
            raise malformed("refusal") from exc
        if number & 1:
            return cls(refusal, read_log_id(reader), reader.varint())
        return cls(refusal)


@dataclass(frozen=True, slots=True)
class Presence:
    """A heartbeat with a lease: whether the desk is attended, and how good the clock is."""

    TYPE: ClassVar[int] = 10
    on_duty: bool
    lease_s: int
    clock_error_s: int
    clock_source: int  # 0 unknown, 1 set by hand, 2 network time, 3 satellite (spec/registry.md)
    disciplined_s: int  # seconds since the clock was last disciplined
    sent_s: int

    def payload(self) -> bytes:
        """u8, u16 lease, u16 error, u8 source, varint age, u40 time."""
        head = bytes((self.on_duty,)) + self.lease_s.to_bytes(2, "big")
        clock = self.clock_error_s.to_bytes(2, "big") + bytes((self.clock_source,))
        return head + clock + varint(self.disciplined_s) + u40(self.sent_s)

    @classmethod
    def read(cls, reader: Reader) -> Presence:
        """The value of a payload."""
        state, lease_s, error_s, source = reader.u8(), reader.u16(), reader.u16(), reader.u8()
        if state > 1 or source > 3:
            raise malformed("presence")
        return cls(bool(state), lease_s, error_s, source, reader.varint(), reader.u40())


@dataclass(frozen=True, slots=True)
class Got:
    """Unsigned: stored here up to this size. For flow and elision; evidence of nothing."""

    TYPE: ClassVar[int] = 11
    log: LogId
    size: int

    def payload(self) -> bytes:
        """Log, varint size."""
        return self.log.encode() + varint(self.size)

    @classmethod
    def read(cls, reader: Reader) -> Got:
        """The value of a payload."""
        return cls(read_log_id(reader), reader.varint())


@dataclass(frozen=True, slots=True)
class AskProof:
    """Show how your tree of ``size`` extends ``at`` (consistency), or contains leaf ``at``."""

    TYPE: ClassVar[int] = 12
    log: LogId
    inclusion: bool
    at: int
    size: int

    def payload(self) -> bytes:
        """Log, u8, two varints."""
        return self.log.encode() + bytes((self.inclusion,)) + varint(self.at) + varint(self.size)

    @classmethod
    def read(cls, reader: Reader) -> AskProof:
        """The value of a payload."""
        log, inclusion = read_log_id(reader), reader.u8()
        if inclusion > 1:
            raise malformed("ask-proof")
        return cls(log, bool(inclusion), reader.varint(), reader.varint())


@dataclass(frozen=True, slots=True)
class ShowProof:
    """The answer: the path, and for an inclusion the leaf; for consistency the root at ``at``."""

    TYPE: ClassVar[int] = 13
    log: LogId
    inclusion: bool
    at: int
    size: int
    path: tuple[bytes, ...]
    raw: bytes = b""
    root: bytes = field(default=bytes(32))

    def payload(self) -> bytes:
        """Log, u8, two varints, hashes, counted leaf, 32 bytes."""
        head = self.log.encode() + bytes((self.inclusion,)) + varint(self.at) + varint(self.size)
        return head + _hashes(self.path) + counted(self.raw) + self.root

    @classmethod
    def read(cls, reader: Reader) -> ShowProof:
        """The value of a payload."""
        log, inclusion = read_log_id(reader), reader.u8()
        if inclusion > 1:
            raise malformed("show-proof")
        at, size, path = reader.varint(), reader.varint(), _read_hashes(reader)
        raw = reader.counted(limits.LEAF_BYTES_MAX)
        return cls(log, bool(inclusion), at, size, path, raw, reader.take(32))


@dataclass(frozen=True, slots=True)
class Notice:
    """A charter, both of a line to be joined, or a card, for the other side's officers to look at;
    nothing is done by itself."""

    TYPE: ClassVar[int] = 14
    data: bytes

    def payload(self) -> bytes:
        """Counted bytes."""
        return counted(self.data)

    @classmethod
    def read(cls, reader: Reader) -> Notice:
        """The value of a payload."""
        return cls(reader.counted(max(limits.CARD_BYTES_MAX, 2 * limits.CHARTER_BYTES_MAX)))


@dataclass(frozen=True, slots=True)
class Chunks:
    """Sealed chunks of one attachment, in their order, and the hashes beside them."""

    TYPE: ClassVar[int] = 15
    log: LogId
    index: int
    number: int
    first: int
    hashes: tuple[bytes, ...]
    boxes: bytes

    def payload(self) -> bytes:
        """Log, varint index, u8 number, varint first, hashes, counted chunks."""
        head = self.log.encode() + varint(self.index) + bytes((self.number,)) + varint(self.first)
        return head + _hashes(self.hashes) + counted(self.boxes)

    @classmethod
    def read(cls, reader: Reader) -> Chunks:
        """The value of a payload."""
        return cls(
            read_log_id(reader),
            reader.varint(),
            reader.u8(),
            reader.varint(),
            _read_hashes(reader),
            reader.counted(limits.RUN_CHUNKS_MAX * BOX_BYTES),
        )


Frame = (
    Hello
    | Heads
    | Cosign
    | Quantum
    | Want
    | Body
    | Ahead
    | Refuse
    | Presence
    | Got
    | AskProof
    | ShowProof
    | Notice
    | Chunks
)

TYPES: dict[int, type[Frame]] = {
    kind.TYPE: kind
    for kind in (
        Hello,
        Heads,
        Cosign,
        Quantum,
        Want,
        Body,
        Ahead,
        Refuse,
        Presence,
        Got,
        AskProof,
        ShowProof,
        Notice,
        Chunks,
    )
}


def encode_frame(channel: int, frame: Frame) -> bytes:
    """The bytes of a frame on a channel."""
    return tag(frame.TYPE, channel) + frame.payload()


def read_frame(kind: int, reader: Reader) -> Frame:
    """The value behind a tag. MALFORMED for an unknown type or bytes behind the end."""
    frame_type = TYPES.get(kind)
    if frame_type is None:
        raise malformed("frame type")
    frame = frame_type.read(reader)
    reader.done()
    return frame


def _heads(heads: tuple[StatedHead, ...]) -> bytes:
    return varint(len(heads)) + b"".join(h.head.encode() + h.signature for h in heads)


def _read_heads(reader: Reader) -> tuple[StatedHead, ...]:
    count = reader.varint()
    if count > limits.HEADS_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{count} heads")
    return tuple(StatedHead(read_head(reader), reader.take(SIGNATURE_BYTES)) for _ in range(count))


def _hashes(hashes: tuple[bytes, ...]) -> bytes:
    return varint(len(hashes)) + b"".join(hashes)


def _read_hashes(reader: Reader) -> tuple[bytes, ...]:
    count = reader.varint()
    if count > 2 * limits.PROOF_HASHES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{count} hashes")
    return tuple(reader.take(32) for _ in range(count))
