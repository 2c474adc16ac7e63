"""The fields of each kind that has no body, as the leaf's ``extra`` bytes (spec/log.md §4).

They are content-free: an observer may read them, and every fold of the ladder and of decisions
works from them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from detente.core import limits
from detente.core.encoding import Reader, malformed, u40, unzigzag, varint, zigzag
from detente.core.leaf import LogId, read_log_id


class Rung(IntEnum):
    """A later rung of the ladder, stated for a human (spec/registry.md, Rungs)."""

    SEEN = 1
    PASSED_ON = 2
    TRANSLATED = 3
    WITH_PRINCIPAL = 4
    ANSWERED = 5
    DECLINED = 6
    MISDIRECTED = 7
    READ_BACK = 8
    DISPUTED = 9
    ATTACHED = 10


class Stater(IntEnum):
    """Who states it: the node alone, the watch, or a releaser whose record the leaf names."""

    NODE = 1
    WATCH = 2
    RELEASED = 3


class Relation(IntEnum):
    """What a dispatch is to each entry it names, in the order of its references."""

    ANSWERS = 1
    CORRECTS = 2
    CANCELS = 3
    SUPERSEDES = 4
    REFERS = 5


class Grade(IntEnum):
    """How good a translation is (1967: sight 2 min, rough 11 min, certified 52 min)."""

    SIGHT = 1
    ROUGH = 2
    CERTIFIED = 3


class Duty(IntEnum):
    """What the line is told of the desk: never who."""

    ON = 1
    OFF = 2
    RELIEVED = 3
    RECEIVE_ONLY = 4


@dataclass(frozen=True, slots=True)
class ReceiveOnly:
    """A duty's word that its author receives and sends nothing (EMCON). ``bearers`` has one bit for
    each kind of bearer it means (spec/registry.md §6); none for all. Both times in UTC seconds; an
    end that is no later than the beginning takes back what was announced."""

    from_s: int
    until_s: int
    bearers: int = 0

    def encode(self) -> bytes:
        """u8 state 4, u40 from, u40 until, u8 bearers."""
        times = u40(self.from_s) + u40(self.until_s)
        return bytes((Duty.RECEIVE_ONLY,)) + times + bytes((self.bearers,))


def decode_receive_only(extra: bytes) -> ReceiveOnly | None:
    """The announcement in a duty, None where it states something else. MALFORMED if it is cut."""
    if extra[:1] != bytes((Duty.RECEIVE_ONLY,)):
        return None
    reader = Reader(extra[1:])
    found = ReceiveOnly(reader.u40(), reader.u40(), reader.u8())
    reader.done()
    return found


class Head(NamedTuple):
    """A log at a size, with its root."""

    log: LogId
    size: int
    root: bytes

    def encode(self) -> bytes:
        """Log id, varint size, 32 bytes of root."""
        return self.log.encode() + varint(self.size) + self.root


def read_head(reader: Reader) -> Head:
    """One head."""
    return Head(read_log_id(reader), reader.varint(), reader.take(32))


@dataclass(frozen=True, slots=True)
class Resume:
    """Leaf 0 of a later incarnation: which one it is, and every earlier one as held."""

    k: int
    life: bytes
    predecessors: tuple[Head, ...]

    def encode(self) -> bytes:
        """Varint k, 8 bytes of life, varint count, the heads."""
        heads = b"".join(head.encode() for head in self.predecessors)
        return varint(self.k) + self.life + varint(len(self.predecessors)) + heads


def decode_resume(data: bytes) -> Resume:
    """The fields of a ``resume``. MALFORMED otherwise."""
    reader = Reader(data)
    k = reader.varint()
    life = reader.take(8)
    count = reader.varint()
    if not 1 <= k < limits.INCARNATIONS_MAX or count > limits.SEEN_MAX:
        raise malformed("resume")
    resume = Resume(k, life, tuple(read_head(reader) for _ in range(count)))
    reader.done()
    return resume


@dataclass(frozen=True, slots=True)
class Quote:
    """A cosignature that its author put into its own log: Ed25519, a member's holds key ``k``."""

    log: LogId
    size: int
    member: int
    k: int
    time_s: int
    signature: bytes

    def encode(self) -> bytes:
        """Log id, varint size, varint member, varint k, u40 time, 64 bytes."""
        return b"".join(
            (
                self.log.encode(),
                varint(self.size),
                varint(self.member),
                varint(self.k),
                u40(self.time_s),
                self.signature,
            )
        )


def decode_quote(data: bytes) -> Quote:
    """The fields of a ``quote``. MALFORMED otherwise."""
    reader = Reader(data)
    quote = Quote(
        read_log_id(reader),
        reader.varint(),
        reader.varint(),
        reader.varint(),
        reader.u40(),
        reader.take(64),
    )
    reader.done()
    return quote


@dataclass(frozen=True, slots=True)
class HeldAhead:
    """The receipt of an entry that overtook: this leaf at this index is stored here."""

    log: LogId
    index: int
    leaf_hash: bytes
    held_at_s: int

    def encode(self) -> bytes:
        """Log id, varint index, 32 bytes, u40 time."""
        return self.log.encode() + varint(self.index) + self.leaf_hash + u40(self.held_at_s)


def decode_held_ahead(data: bytes) -> HeldAhead:
    """The fields of a ``held-ahead``. MALFORMED otherwise."""
    reader = Reader(data)
    held = HeldAhead(read_log_id(reader), reader.varint(), reader.take(32), reader.u40())
    reader.done()
    return held


@dataclass(frozen=True, slots=True)
class Lacks:
    """Entries of one log whose bodies are missing here, and so excepted from every ``seen``."""

    log: LogId
    indices: tuple[int, ...]

    def encode(self) -> bytes:
        """Log id, varint count, varint indices rising."""
        return b"".join(
            (self.log.encode(), varint(len(self.indices)), *(varint(i) for i in self.indices))
        )


def decode_lacks(data: bytes) -> Lacks:
    """The fields of a ``lacks``. MALFORMED otherwise."""
    reader = Reader(data)
    log = read_log_id(reader)
    count = reader.varint()
    if not 1 <= count <= limits.EXTRA_BYTES_MAX:
        raise malformed("lacks")
    indices = tuple(reader.varint() for _ in range(count))
    reader.done()
    if any(a >= b for a, b in pairwise(indices)):
        raise malformed("lacks not in order")
    return Lacks(log, indices)


@dataclass(frozen=True, slots=True)
class Mark:
    """A rung, who states it, and for ``misdirected`` what became of it: bit 0 opened, 1 purged."""

    rung: Rung
    stater: Stater
    detail: int = 0

    def encode(self) -> bytes:
        """Three bytes."""
        return bytes((self.rung, self.stater, self.detail))


def decode_mark(data: bytes) -> Mark:
    """The fields of a ``mark``. MALFORMED otherwise."""
    if len(data) != 3:
        raise malformed("mark")
    try:
        return Mark(Rung(data[0]), Stater(data[1]), data[2])
    except ValueError as exc:
        raise malformed("mark") from exc


def decode_relations(data: bytes, refs: int) -> tuple[Relation, ...]:
    """One relation per reference of a dispatch. MALFORMED otherwise."""
    if len(data) != refs:
        raise malformed("relations")
    try:
        return tuple(Relation(byte) for byte in data)
    except ValueError as exc:
        raise malformed("relations") from exc


@dataclass(frozen=True, slots=True)
class Translation:
    """How good a translation is and who states it; its one reference is the original."""

    grade: Grade
    stater: Stater

    def encode(self) -> bytes:
        """Two bytes."""
        return bytes((self.grade, self.stater))


def decode_translation(data: bytes) -> Translation:
    """The fields of a ``translation``. MALFORMED otherwise."""
    if len(data) != 2:
        raise malformed("translation")
    try:
        return Translation(Grade(data[0]), Stater(data[1]))
    except ValueError as exc:
        raise malformed("translation") from exc


AMENDMENT = 1  # the one subject of an offer so far (spec/registry.md, Subjects)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered: subject, who seals, whose signatures it takes, and until when."""

    subject: int
    sealer: int
    signatories: int
    expires_s: int

    def encode(self) -> bytes:
        """u8 subject, varint sealer, varint mask of members, u40 time."""
        head = bytes((self.subject,)) + varint(self.sealer)
        return head + varint(self.signatories) + u40(self.expires_s)


def decode_offer(data: bytes) -> Offer:
    """The fields of an ``offer``. MALFORMED otherwise."""
    reader = Reader(data)
    offer = Offer(reader.u8(), reader.varint(), reader.varint(), reader.u40())
    reader.done()
    known = offer.subject == AMENDMENT and offer.sealer < limits.MEMBERS_MAX
    if not known or not offer.signatories or offer.signatories >> limits.MEMBERS_MAX:
        raise malformed("offer")
    return offer


@dataclass(frozen=True, slots=True)
class Accused:
    """Which log an accusation freezes, and at which index; its body is the proof file."""

    log: LogId
    index: int

    def encode(self) -> bytes:
        """Log id, varint index."""
        return self.log.encode() + varint(self.index)


def decode_accused(data: bytes) -> Accused:
    """The fields of an ``accusation``. MALFORMED otherwise."""
    reader = Reader(data)
    accused = Accused(read_log_id(reader), reader.varint())
    reader.done()
    return accused


@dataclass(frozen=True, slots=True)
class OverQuota:
    """Entries of a log from ``index`` on are refused for this UTC day; for quota 4 only their
    attachments are."""

    log: LogId
    index: int
    which: int
    day: int

    def encode(self) -> bytes:
        """Log id, varint index, u8 which (spec/registry.md §6), varint day."""
        return self.log.encode() + varint(self.index) + bytes((self.which,)) + varint(self.day)


def decode_over_quota(data: bytes) -> OverQuota:
    """The fields of an ``over-quota``. MALFORMED otherwise."""
    reader = Reader(data)
    over = OverQuota(read_log_id(reader), reader.varint(), reader.u8(), reader.varint())
    reader.done()
    if not 1 <= over.which <= 4:
        raise malformed("over-quota")
    return over


def encode_clock(step_s: int) -> bytes:
    """A step of this node's clock in whole seconds; negative is backwards."""
    return varint(zigzag(step_s))


def decode_clock(data: bytes) -> int:
    """The step of a ``clock`` entry in whole seconds. MALFORMED otherwise."""
    reader = Reader(data)
    step = unzigzag(reader.varint())
    reader.done()
    return step
