"""The ladder of an entry: what each reader's side has signed about it (spec/ladder.md §4).

Sent, received, then the marks that people at the receiving desk make. Each rung says who states
it, and none says more than that. All of it stands in leaves; no body is opened here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from detente.core.charter import Charter
from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.errors import LocalError, Refusal
from detente.core.extras import (
    Grade,
    Mark,
    Relation,
    Rung,
    Stater,
    decode_mark,
    decode_relations,
    decode_translation,
)
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.transcript import Entry, Place, Transcript
from detente.dossiers.fold import RELATING, Standing, counts, standing
from detente.dossiers.receipts import (
    Holding,
    Receipt,
    Statements,
    holdings,
    receipts,
    statements_in,
)

REVISIONS = frozenset({Relation.CORRECTS, Relation.CANCELS, Relation.SUPERSEDES})


@dataclass(frozen=True, slots=True)
class Step:
    """A rung above received: who reached it, when by its own clock, and the entry that says so.

    ``stated_by`` NODE is the word of a machine alone. ``detail`` is that of the mark: for
    MISDIRECTED bit 0 opened, bit 1 purged. An answering dispatch is a step ANSWERED.
    """

    rung: Rung
    by: int
    at_s: int
    stated_by: Stater
    place: Place
    detail: int = 0


@dataclass(frozen=True, slots=True)
class Translated:
    """A translation of the entry, by whichever member."""

    grade: Grade
    by: int
    at_s: int
    stated_by: Stater
    place: Place


@dataclass(frozen=True, slots=True)
class Revision:
    """A correction, cancellation or replacement by the author, and who has received it."""

    relation: Relation
    at_s: int
    stated_by: Stater
    place: Place
    received: dict[int, Receipt]


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader's side of a ladder. ``steps`` are in order of that member's own entries."""

    member: int
    holding: Holding
    steps: tuple[Step, ...]

    @property
    def received(self) -> Receipt | None:
        """The receipt of that reader's node."""
        return self.holding.receipt

    def first(self, *rungs: Rung) -> Step | None:
        """The first step on any of these rungs."""
        return next((step for step in self.steps if step.rung in rungs), None)

    @property
    def answered(self) -> bool:
        """Whether nothing more is asked of this reader: answered, declined, or not theirs."""
        return self.first(Rung.ANSWERED, Rung.DECLINED, Rung.MISDIRECTED) is not None


@dataclass(frozen=True, slots=True)
class Ladder:
    """What the transcript says of one entry.

    ``mentions`` are entries that refer to it in any other way. ``known_to`` says how far each log
    of its author is held: up to there no revision is missing from ``revisions``.
    """

    place: Place
    standing: Standing
    precedence: int
    sent_s: int
    stated_by: Stater
    answers: bool  # it is itself an answer, and calls for none
    readers: tuple[Reader, ...]
    asked_back: Step | None  # its author says that it went to the wrong desk
    translations: tuple[Translated, ...]
    revisions: tuple[Revision, ...]
    mentions: tuple[Place, ...]
    known_to: tuple[tuple[LogId, int], ...]

    def reader(self, member: int) -> Reader | None:
        """The side of one reader, if the entry is addressed to it."""
        return next((reader for reader in self.readers if reader.member == member), None)

    @property
    def stands(self) -> bool:
        """Whether the author still stands by it: not cancelled, superseded or asked back."""
        ended = any(one.relation is not Relation.CORRECTS for one in self.revisions)
        return self.standing is Standing.COUNTED and not ended and self.asked_back is None


def ladder(
    transcript: Transcript,
    charter: Charter,
    place: Place,
    frozen: FrozenLogs = NOTHING_FROZEN,
    statements: Statements | None = None,
) -> Ladder:
    """The ladder of the entry at ``place``. NOT_HELD if it is not here, BAD_LEAF if it has no leaf.

    ``charter`` is the one in force; readers are the members in the audience, without the author.
    Who asks for many ladders reads the ``statements`` once.
    """
    entry = transcript.entry(*place)
    leaf = entry.leaf
    if leaf is None:
        raise LocalError(Refusal.BAD_LEAF, "an entry without a leaf has no ladder")
    author = place.log.member
    statements = statements or statements_in(transcript, frozen)
    said = _Said.of(transcript, entry, frozen)
    # Who has left the line since was a reader all the same.
    members = sum(1 << one.number for one in charter.entries())
    readers = tuple(
        Reader(member, holding, tuple(step for step in said.steps if step.by == member))
        for member, holding in holdings(
            transcript, place, leaf.audience & members, frozen, statements
        ).items()
    )
    back = (step for step in said.steps if step.by == author and step.rung is Rung.MISDIRECTED)
    state = standing(transcript, place, frozen)
    return Ladder(
        place=place,
        standing=state,
        precedence=leaf.precedence,
        sent_s=leaf.time_s,
        stated_by=_stater(leaf),
        answers=state is not Standing.VOID and Relation.ANSWERS in _relations(leaf),
        readers=readers,
        asked_back=next(back, None),
        translations=tuple(said.translations),
        revisions=tuple(
            Revision(
                relation,
                revising.time_s,
                _stater(revising),
                at,
                receipts(transcript, at, members, frozen, statements),
            )
            for relation, revising, at in said.revisions
        ),
        mentions=tuple(said.mentions),
        known_to=tuple(
            (log, transcript.size(log)) for log in transcript.logs() if log.member == author
        ),
    )


def legal_receipt(charter: Charter, reader: Reader) -> Receipt | Step | None:
    """What the charter names as receipt: the node's, or the watch's mark «seen»."""
    return reader.received if charter.receipt == "received" else reader.first(Rung.SEEN)


def _stater(leaf: Leaf) -> Stater:
    """Who states an entry that does not say: a releaser whose record it names, or the node."""
    return Stater.NODE if leaf.release is None else Stater.RELEASED


def _relations(leaf: Leaf) -> tuple[Relation, ...]:
    return decode_relations(leaf.extra, len(leaf.refs)) if leaf.kind in RELATING else ()


@dataclass(slots=True)
class _Said:
    """What other entries say of one entry, in order of place."""

    entry: Entry
    steps: list[Step] = field(default_factory=list)
    translations: list[Translated] = field(default_factory=list)
    revisions: list[tuple[Relation, Leaf, Place]] = field(default_factory=list)
    mentions: list[Place] = field(default_factory=list)

    @classmethod
    def of(cls, transcript: Transcript, entry: Entry, frozen: FrozenLogs) -> _Said:
        said = cls(entry)
        for place in transcript.referring(entry.hash):
            other = transcript.entry(*place)
            if other.leaf is not None and counts(transcript, place, frozen):
                said.take(other, other.leaf)
        return said

    def take(self, other: Entry, leaf: Leaf) -> None:
        by = other.place.log.member
        if leaf.kind == Kind.MARK:
            mark: Mark = decode_mark(leaf.extra)
            self.steps.append(
                Step(mark.rung, by, leaf.time_s, mark.stater, other.place, mark.detail)
            )
        elif leaf.kind == Kind.TRANSLATION:
            made = decode_translation(leaf.extra)
            self.translations.append(
                Translated(made.grade, by, leaf.time_s, made.stater, other.place)
            )
        elif leaf.kind in RELATING:
            for relation in self._named(leaf):
                self._relate(relation, other, leaf)
        else:
            self.mentions.append(other.place)

    def _named(self, leaf: Leaf) -> Iterator[Relation]:
        for ref, relation in zip(leaf.refs, _relations(leaf), strict=True):
            if ref == self.entry.hash:
                yield relation

    def _relate(self, relation: Relation, other: Entry, leaf: Leaf) -> None:
        by, author = other.place.log.member, self.entry.place.log.member
        # Nobody answers himself, and nobody corrects another's words.
        if relation is Relation.ANSWERS and by != author:
            step = Step(Rung.ANSWERED, by, leaf.time_s, _stater(leaf), other.place)
            self.steps.append(step)
        elif relation in REVISIONS and by == author:
            self.revisions.append((relation, leaf, other.place))
        else:
            self.mentions.append(other.place)
