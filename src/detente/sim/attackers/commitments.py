"""Bodies that are not what was committed to, or not there; and leaves that are no honest entry."""

from __future__ import annotations

from detente.core.events import FrameIn, Input
from detente.core.extras import Resume
from detente.core.frames import WANT_BODY, Body, Want
from detente.core.leaf import CONTENT, Kind, Leaf, Seen
from detente.core.merkle import leaf_hash
from detente.core.transcript import Place
from detente.sim.attackers.hand import (
    Hand,
    Way,
    dispatch,
    enter,
    frame_of,
    statement,
    tell,
    tell_raw,
)
from detente.sim.machine import Machine

PURGED_AFTER_MS = 90_000


class SplitBody(Way):
    """One leaf, and another body to each peer (F15)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def other(self, salt: bytes, body: bytes) -> tuple[bytes, bytes]:
        """What goes to one peer instead."""
        _, (_, other) = dispatch(self.machine, "to you we say something else")
        del body
        return salt, other

    def _act(self) -> bool:
        peer, own = self.peer(), self.line.own
        if peer is None or own is None or not self.line.may_sign():
            return False
        leaf, body = dispatch(self.machine, "to you we say this")
        hand = Hand.copy(self.machine, own)
        hand.add(leaf, self.other(*body))
        tell_raw(self.machine, peer, hand.batch(peer.channel, own.size))
        return enter(self.machine, (leaf, body))


class WrongSalt(SplitBody):
    """The true body under another salt."""

    def other(self, salt: bytes, body: bytes) -> tuple[bytes, bytes]:
        """One bit of the salt is turned."""
        return bytes((salt[0] ^ 1,)) + salt[1:], body


class NoBody(Way):
    """Leaves whose bodies never come (F12)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        leaf, _ = dispatch(self.machine, "you will never read this")
        return enter(self.machine, (leaf, None))


class Refuser(Way):
    """It keeps bodies of others to itself and serves none (F12)."""

    def begin(self) -> None:
        """It makes others ask."""
        self.often(self._act, 2)

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Requests for bodies go unanswered."""
        del machine
        frame = frame_of(given.data) if isinstance(given, FrameIn) else None
        if isinstance(frame, Want) and frame.what == WANT_BODY:
            self.done()
            return []
        return [given]

    def _act(self) -> bool:
        """An entry whose body it has, and sends to nobody."""
        leaf, _ = dispatch(self.machine, "ask, and be given nothing")
        return enter(self.machine, (leaf, None))


class Resurrect(Way):
    """A body that it purged, and that others therefore destroyed, once more; or one that comes
    behind the word that it is purged (F23)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        own = self.line.own
        if own is None or not self.line.may_sign():
            return False
        leaf, body = dispatch(self.machine, "this is to be forgotten")
        if self.dice.happens(0.5):  # declared as purged before it is there
            ref = leaf_hash(leaf.encode())
            made = leaf, body
            self.simulation.world.later(PURGED_AFTER_MS, lambda: self._after(made))
            return enter(self.machine, (statement(self.machine, Kind.PURGED, refs=(ref,)), None))
        place = Place(own.id, own.size)
        if not enter(self.machine, (leaf, body)):
            return False
        ref = self.line.shelf.entry(*place).hash
        purge = statement(self.machine, Kind.PURGED, refs=(ref,))
        world = self.simulation.world
        world.later(PURGED_AFTER_MS, lambda: self._later(purge))
        again = Body(place.log, place.index, *body)
        world.later(3 * PURGED_AFTER_MS, lambda: self._again(again))
        return True

    def _later(self, purge: Leaf) -> None:
        if self.machine.process is not None:
            enter(self.machine, (purge, None))

    def _after(self, made: tuple[Leaf, tuple[bytes, bytes]]) -> None:
        if self.machine.process is not None:
            enter(self.machine, made)

    def _again(self, body: Body) -> None:
        if self.machine.process is not None:
            for peer in self.peers():
                tell(self.machine, peer, body)


class CopyLeaf(Way):
    """An honest entry copied into one's own log, leaf and body, as if one had said it (F15)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        line = self.line
        places = [p for p in line.shelf.of_kind(sorted(CONTENT)) if p.log.member != line.me]
        if not places:
            return False
        entry = line.shelf.entry(*self.dice.one_of(places))
        body = None if entry.body is None or entry.salt is None else (entry.salt, entry.body)
        return enter(self.machine, (entry.raw, body))


class OddLeaf(Way):
    """Signed leaves that break a rule: void bytes, kinds out of place, itself as its own holder."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act, 8)

    def _act(self) -> bool:
        own = self.line.own
        if own is None:
            return False
        said, body = dispatch(self.machine, "out of order")
        self_seen = (Seen(own.id, own.size, own.root, said.time_s),)
        many = tuple(self.dice.bytes(32) for _ in range(32))
        resume = Resume(1, bytes(8), ()).encode()
        machine = self.machine
        odd: list[tuple[Leaf | bytes, tuple[bytes, bytes] | None]] = [
            (self.dice.bytes(self.dice.between(0, 200)), None),
            (dispatch(machine, "jump", serial=1 << 40)[0], None),
            (statement(machine, Kind.CHARTER, commitment=self.line.id), None),
            (statement(machine, Kind.RESUME, extra=resume), None),
            (statement(machine, Kind.RENEWAL), None),
            (statement(machine, Kind(Kind.SEEN), seen=self_seen), None),
            (statement(machine, Kind.SEAL, refs=many), None),
            (statement(machine, Kind.DISPATCH, serial=said.serial), None),
            (dispatch(machine, "to nobody", audience=0)[0], body),
        ]
        return enter(machine, self.dice.one_of(odd))


WAYS: dict[str, type[Way]] = {
    "split-body": SplitBody,
    "wrong-salt": WrongSalt,
    "no-body": NoBody,
    "keeps-bodies": Refuser,
    "resurrect": Resurrect,
    "copy-leaf": CopyLeaf,
    "odd-leaf": OddLeaf,
}
