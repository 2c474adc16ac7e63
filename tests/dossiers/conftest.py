"""Small transcripts built by hand: what two or three members said, entry by entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from detente.core.body import commit, pack
from detente.core.charter import Charter, Member, propose
from detente.core.extras import (
    Accused,
    Grade,
    Head,
    HeldAhead,
    Lacks,
    Mark,
    Quote,
    Relation,
    Resume,
    Rung,
    Stater,
    Translation,
)
from detente.core.leaf import SERIAL, Kind, Leaf, LogId, Precedence, Seen
from detente.core.merkle import leaf_hash
from detente.core.transcript import Entry, MemoryTranscript, Place
from detente.dossiers.fold import BODIED

START_S = 1_770_292_800  # 5 February 2026, 12:00 UTC
SALT = bytes(16)
ROOT = bytes(32)  # of heads in `seen`: no fold reads it
LIFE = b"relived!"


class Line:
    """A line under construction. Every entry is stated ten seconds after the one before it."""

    def __init__(self, *roles: str) -> None:
        self.charter: Charter = propose(
            random=bytes(16),
            title="test line",
            members=[
                Member(number, role, bytes((number,)) * 32, bytes(32), f"member {number}")
                for number, role in enumerate(roles)
            ],
        )
        self.transcript = MemoryTranscript()
        self.time_s = START_S
        self.logs = tuple(LogId(number, 0, b"") for number in range(len(roles)))
        for log in self.logs:
            self.add(log, Kind.CHARTER, body=b"charter")

    def amend(self, **changes: object) -> None:
        """Changes the charter in hand."""
        self.charter = replace(self.charter, **changes)

    def add(
        self,
        log: LogId,
        kind: int,
        *,
        seen: Mapping[LogId, int] | None = None,
        held_at_s: int | None = None,
        time_s: int | None = None,
        refs: tuple[bytes, ...] = (),
        serial: int | None = None,
        body: bytes | None = None,
        audience: int | None = None,
        **fields: object,
    ) -> Place:
        """Appends an entry with whatever serial and body its kind asks for."""
        self.time_s += 10
        if kind in BODIED and body is None:
            body = b"text"
        if serial is None:
            serial = self.next_serial(log) if kind in SERIAL else 0
        packed = None if body is None else pack(body, 5, padding=False)
        held = self.time_s if held_at_s is None else held_at_s
        leaf = Leaf(
            kind=kind,
            time_s=self.time_s if time_s is None else time_s,
            audience=self.charter.readers() if audience is None else audience,
            serial=serial,
            seen=tuple(
                Seen(other, size, self.transcript.root_at(other, size) or ROOT, held)
                for other, size in sorted((seen or {}).items())
            ),
            refs=refs,
            commitment=None if packed is None else commit(SALT, packed),
            **fields,
        )
        return self.put(log, leaf, packed)

    def put(self, log: LogId, leaf: Leaf, body: bytes | None = None) -> Place:
        """Appends a leaf as it is."""
        raw = leaf.encode()
        place = Place(log, self.transcript.size(log))
        salt = None if body is None else SALT
        self.transcript.add(Entry(place, leaf_hash(raw), raw, leaf, salt, body))
        return place

    def void(self, log: LogId) -> Place:
        """Appends signed bytes that are no leaf."""
        place = Place(log, self.transcript.size(log))
        raw = b"no leaf %d" % place.index
        self.transcript.add(Entry(place, leaf_hash(raw), raw, None, None, None))
        return place

    def next_serial(self, log: LogId) -> int:
        """The serial after the last one in a log."""
        leaves = (self.leaf(Place(log, index)) for index in range(self.transcript.size(log)))
        return max((leaf.serial for leaf in leaves if leaf is not None), default=0) + 1

    def leaf(self, place: Place) -> Leaf | None:
        """The leaf at a place."""
        return self.transcript.entry(*place).leaf

    def hash(self, place: Place) -> bytes:
        """The leaf hash at a place."""
        return self.transcript.entry(*place).hash

    # --- what members say -----------------------------------------------------------------

    def dispatch(
        self,
        log: LogId,
        *,
        precedence: int = Precedence.ROUTINE,
        about: Mapping[Place, Relation] | None = None,
        **more: object,
    ) -> Place:
        """A dispatch, related to other entries."""
        about = about or {}
        return self.add(
            log,
            more.pop("kind", Kind.DISPATCH),
            precedence=precedence,
            refs=tuple(self.hash(place) for place in about),
            extra=bytes(about.values()),
            **more,
        )

    def sees(self, log: LogId, *places: Place, **more: object) -> Place:
        """A `seen` that covers these entries and all before them."""
        sizes = {place.log: place.index + 1 for place in places}
        return self.add(log, Kind.SEEN, seen=sizes, **more)

    def mark(
        self,
        log: LogId,
        place: Place,
        rung: Rung,
        *,
        stater: Stater = Stater.WATCH,
        detail: int = 0,
        **more: object,
    ) -> Place:
        """A mark on an entry."""
        extra = Mark(rung, stater, detail).encode()
        return self.add(log, Kind.MARK, refs=(self.hash(place),), extra=extra, **more)

    def translation(self, log: LogId, place: Place, grade: Grade, **more: object) -> Place:
        """A translation of an entry, stated by the watch."""
        extra = Translation(grade, Stater.WATCH).encode()
        return self.add(log, Kind.TRANSLATION, refs=(self.hash(place),), extra=extra, **more)

    def held_ahead(self, log: LogId, place: Place, at_s: int, **more: object) -> Place:
        """The receipt of an entry that overtook."""
        extra = HeldAhead(place.log, place.index, self.hash(place), at_s).encode()
        return self.add(log, Kind.HELD_AHEAD, extra=extra, **more)

    def lacks(self, log: LogId, place: Place, **more: object) -> Place:
        """The statement that an entry's body is missing."""
        extra = Lacks(place.log, (place.index,)).encode()
        return self.add(log, Kind.LACKS, extra=extra, **more)

    def quote(self, log: LogId, by: int, place: Place, at_s: int, **more: object) -> Place:
        """A cosignature of member ``by`` over ``place`` and all before it, copied by its author."""
        extra = Quote(place.log, place.index + 1, by, 0, at_s, bytes(64)).encode()
        return self.add(log, Kind.QUOTE, extra=extra, **more)

    def accuse(self, log: LogId, accused: LogId, index: int, **more: object) -> Place:
        """An accusation that another log was forked at an index."""
        return self.add(
            log, Kind.ACCUSATION, extra=Accused(accused, index).encode(), body=b"proof", **more
        )

    def resume(
        self, member: int, k: int, heads: Mapping[LogId, int], *, life: bytes = LIFE, **more: object
    ) -> LogId:
        """A new incarnation whose `resume` names these predecessors; returns its log."""
        log = LogId(member, k, life)
        predecessors = tuple(Head(old, size, ROOT) for old, size in heads.items())
        self.add(log, Kind.RESUME, extra=Resume(k, life, predecessors).encode(), **more)
        return log


@pytest.fixture(scope="session")
def build() -> type[Line]:
    """For tests that build many lines; called with the members' roles."""
    return Line


@pytest.fixture
def two() -> Line:
    """A line of two parties, with leaf 0 of each log."""
    return Line("party", "party")


@pytest.fixture
def three() -> Line:
    """A line of two parties and a mediator."""
    return Line("party", "party", "mediator")


@pytest.fixture
def four() -> Line:
    """A line of three parties and an observer."""
    return Line("party", "party", "party", "observer")
