"""Attachments without end: announced beyond the grant, never whole, pressed on who did not ask, and
asked for without need (F20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from detente.core import limits
from detente.core.attachment import (
    BOX_BYTES,
    Attachment,
    beside,
    describe,
    enclose,
    root_of,
    seal,
)
from detente.core.body import commit, pack
from detente.core.events import FrameIn, Input
from detente.core.frames import WANT_CHUNKS, Chunks, Want
from detente.core.leaf import Kind, Leaf
from detente.core.transcript import Place
from detente.dossiers.dispatch import Dispatch
from detente.sim.attackers.hand import Body, Way, dispatch, enter, frame_of, may_enter, tell

if TYPE_CHECKING:
    from detente.core.link import Session
    from detente.sim.machine import Machine

ENTRIES = 6  # at a time: a charter grants the bytes of four such a day
QUESTIONS = 60


class Hoard(Way):
    """Dispatches that name a file whose last chunk never comes, and one that there is not."""

    DRAWN: ClassVar[bool] = False

    def begin(self) -> None:
        """Now and then, each of three."""
        self._files: dict[Place, tuple[bytes, ...]] = {}
        self.often(self._announce)
        self.often(self._press, 8)
        self.often(self._ask, 2)

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """A question for such a file is answered by its next chunk, by false ones, or not."""
        frame = frame_of(given.data) if isinstance(given, FrameIn) else None
        if not isinstance(given, FrameIn) or not isinstance(frame, Want):
            return [given]
        place = Place(frame.log, frame.index)
        if frame.what != WANT_CHUNKS or place not in self._files:
            return [given]
        session = self.line.sessions.get(given.link)
        if session is not None:
            self._answer(machine, session, place, frame)
            self.done()
        return []

    def _answer(self, machine: Machine, session: Session, place: Place, asked: Want) -> None:
        boxes, first = self._files[place], asked.first
        if asked.number or self.dice.happens(0.2):
            tell(machine, session, self._false(place, asked.number, first))
        elif first + 1 < len(boxes):
            rest = beside(first, first + 1, len(boxes))
            hashes = tuple(root_of(boxes[start:stop]) for start, stop in rest)
            tell(machine, session, Chunks(*place, 0, first, hashes, boxes[first]))

    def _false(self, place: Place, number: int, first: int) -> Chunks:
        """A run of any length that leads to no root, or more bytes than its size says."""
        runs = self.dice.between(1, limits.RUN_CHUNKS_MAX)
        boxes = self.dice.bytes(runs * BOX_BYTES - self.dice.between(0, 40))
        return Chunks(*place, number, first, (self.dice.bytes(32),), boxes)

    def _announce(self) -> bool:
        own = self.line.own
        if own is None or not may_enter(self.machine):
            return False
        made, files = [], {}
        for number in range(ENTRIES):
            leaf, body, boxes = self._entry(own.serial + 1 + number)
            made.append((leaf, body))
            files[Place(own.id, own.size + number)] = boxes
        self._files |= files
        return enter(self.machine, *made)

    def _entry(self, serial: int) -> tuple[Leaf, Body, tuple[bytes, ...]]:
        """As much as one entry may name; what there is of it."""
        key, data = self.dice.bytes(32), self.dice.bytes(self.dice.between(1, 9_000))
        true = describe("file", "text/plain", data, key)
        none = Attachment(
            name="none",
            media_type="text/plain",
            size_bytes=limits.ATTACHED_BYTES_MAX - len(data),
            key=key,
            root=self.dice.bytes(32),
            sha256=self.dice.bytes(32),
        )
        now_s = self.machine.clock.now(self.machine.world.now_ms).wall_s
        plain = Dispatch(language="en", dtg_s=now_s, subject="R", text="see the files").encode()
        packed = pack(enclose((true, none), plain), 5, self.line.charter.padding)
        body = (self.dice.bytes(16), packed)
        leaf, _ = dispatch(self.machine, "", commitment=commit(*body), attached=True, serial=serial)
        return leaf, body, seal(data, key)

    def _press(self) -> bool:
        """Chunks that nobody has asked for, true ones or false."""
        peer = self.peer()
        if peer is None or not self._files:
            return False
        place = self.dice.one_of(list(self._files))
        boxes = self._files[place]
        last = len(boxes) - 1
        frame = self._false(place, self.dice.between(0, 7), self.dice.between(0, 1 << 14))
        if self.dice.happens(0.5):
            frame = Chunks(*place, 0, last, (), boxes[last])
        tell(self.machine, peer, frame)
        return True

    def _ask(self) -> bool:
        """For whatever there is, and is not, of others' attachments."""
        peer = self.peer()
        places = list(self.line.shelf.of_kind((Kind.DISPATCH,)))
        if peer is None or not places:
            return False
        for _ in range(QUESTIONS):
            place = self.dice.one_of(places)
            first = self.dice.between(0, 50)
            tell(self.machine, peer, Want(WANT_CHUNKS, *place, self.dice.between(0, 2), first))
        return True


WAYS: dict[str, type[Way]] = {"hoard": Hoard}
