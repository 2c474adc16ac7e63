"""Two histories under one key: to one peer, to two, by heads alone, ahead of a gap."""

from __future__ import annotations

from detente.core.events import Input
from detente.core.frames import Ahead, Heads, ShowProof
from detente.core.leaf import LogId, Precedence
from detente.core.merkle import cover
from detente.core.wire import whole_item
from detente.sim.attackers.hand import (
    Hand,
    Way,
    asked,
    dispatch,
    enter,
    force,
    line_of,
    tell,
    tell_raw,
)
from detente.sim.machine import Machine
from detente.sim.network import Route


def fork(way: Way, below: int | None = None) -> tuple[Hand, int] | None:
    """Another history of one's own log from a size on, with an entry or a few; None while there is
    too little to fork."""
    own = way.line.own
    if own is None or own.size < 2:
        return None
    at = way.dice.between(1, own.size - 1 if below is None else min(below, own.size))
    hand = Hand.copy(way.machine, own, at)
    for number in range(way.dice.between(1, 3)):
        hand.add(*dispatch(way.machine, f"we never said so {number}", serial=number + 1))
    return hand, at


def sign_fork(way: Way, hand: Hand, at: int) -> None:
    """Remembers that a second history was signed."""
    way.simulation.record.forks.append((way.machine.name, hand.id, at))


class Equivocate(Way):
    """A fork shown to a peer that holds the other one (F3)."""

    def begin(self) -> None:
        """Once or twice."""
        self.often(self._act, 2)

    def _act(self) -> bool:
        peer, made = self.peer(), fork(self)
        if peer is None or made is None:
            return False
        hand, at = made
        if peer.sent.get(hand.id, 0) <= at:
            return False  # they would take it for the only one
        tell_raw(self.machine, peer, hand.batch(peer.channel, at))
        sign_fork(self, hand, at)
        return True


class ForkedHeads(Way):
    """A head of another history, without its entries; questions are answered truly, falsely, or
    not at all (F3)."""

    def begin(self) -> None:
        """Once or twice."""
        self._hands: dict[LogId, Hand] = {}
        self._answers = self.dice.between(0, 2)
        self.often(self._act, 2)

    def _act(self) -> bool:
        own = self.line.own
        below = None if own is None else max(1, own.size - 3)  # so that they hold as much
        peer, made = self.peer(), fork(self, below)
        if peer is None or made is None:
            return False
        hand, at = made
        if peer.sent.get(hand.id, 0) <= at or hand.id in self._hands:
            return False
        self._hands[hand.id] = hand
        tell(self.machine, peer, Heads((hand.stated(),)))
        sign_fork(self, hand, at)
        return True

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Questions about the fork never reach the core."""
        ask = asked(given)
        hand = None if ask is None else self._hands.get(ask.log)
        if ask is None or hand is None or ask.size != hand.size:
            return [given]
        line, link = line_of(machine), getattr(given, "link", 0)
        session = None if line is None else line.sessions.get(link)
        if session is not None and self._answers:
            right = 0 < ask.at <= ask.size - ask.inclusion
            answer = hand.answer(ask) if right else ShowProof(ask.log, False, 1, 1, ())
            if self._answers == 2:
                answer = ShowProof(ask.log, ask.inclusion, ask.at, ask.size, (bytes(32),))
            tell(machine, session, answer)
        return []


class ManyForks(ForkedHeads):
    """Fork upon fork, each below the one before, so that the proofs never end: with its entries, or
    by its head alone, whose questions are answered truly."""

    def begin(self) -> None:
        """Again and again."""
        self._below: int | None = None
        self._hands: dict[LogId, Hand] = {}
        self._answers = 1
        self.often(self._act, 12)

    def _act(self) -> bool:
        peer, made = self.peer(), fork(self, self._below)
        if peer is None or made is None or peer.sent.get(made[0].id, 0) <= made[1]:
            return False
        hand, at = made
        self._below = max(1, at - 1)
        if self.dice.happens(0.5):
            tell_raw(self.machine, peer, hand.batch(peer.channel, at))
        else:
            self._hands[hand.id] = hand
            tell(self.machine, peer, Heads((hand.stated(),)))
        sign_fork(self, hand, at)
        return True


class ForkAhead(Way):
    """A FLASH that overtakes, and then something else in its place (F7)."""

    def begin(self) -> None:
        """Once or twice."""
        self.often(self._act, 2)

    def _act(self) -> bool:
        peer, own = self.peer(), self.line.own
        if peer is None or own is None or peer.sent.get(own.id, 0) < own.size:
            return False
        hand = Hand.copy(self.machine, own)
        base = hand.size
        hand.add(*dispatch(self.machine, "first"))
        hand.add(*dispatch(self.machine, "second", precedence=Precedence.FLASH))
        tell(self.machine, peer, ahead(hand, base, base + 1))
        sign_fork(self, hand, base)
        enter(
            self.machine,
            dispatch(self.machine, "another first"),
            dispatch(self.machine, "another second"),
        )
        return True


def ahead(hand: Hand, base: int, index: int) -> Ahead:
    """An entry of a log ahead of a gap."""
    salt, body = hand.bodies[index] or (None, None)
    path = tuple(digest for _, digest in cover(hand.subtree, base, index))
    item = whole_item(hand.raws[index], salt, body)
    return Ahead(hand.id, base, index, path, hand.sign(index + 1), item)


class Cut(Route):
    """No way through, whatever is mended."""

    @property
    def whole(self) -> bool:
        """Never."""
        return False


class SplitView(Way):
    """Two machines of one party: each peer knows one of them, and hears another history (F3)."""

    MEMBERS = 3

    def begin(self) -> None:
        """Once."""
        self.often(self._act, 1)

    def _act(self) -> bool:
        if self.line.mute:
            self.simulation.officers.adopt(self.machine)  # else it could speak with neither tongue
            return False
        own = self.line.own
        if own is None or not self.line.may_sign() or not own.size:
            return False
        at, log_id = own.size, own.id
        twin = twin_of(self)
        if twin is None:
            return False
        ours, theirs = self._halves()
        for other in ours:
            cut(self, twin, other)
        for other in theirs:
            cut(self, self.machine, other)
        for machine, text in ((self.machine, "we attack at dawn"), (twin, "we withdraw at dawn")):
            force(machine, dispatch(machine, text))
        self.simulation.world.reach(twin)
        self.simulation.record.forks.append((self.machine.name, log_id, at))
        return True

    def _halves(self) -> tuple[list[Machine], list[Machine]]:
        others = [m for m in self.simulation.world.machines if m.name != self.machine.name]
        middle = self.dice.between(1, len(others) - 1)
        return others[:middle], others[middle:]


def twin_of(way: Way) -> Machine | None:
    """A copy of the attacker's machine that runs; None if it cannot be made."""
    world = way.simulation.world
    twin = world.add_machine(way.machine.name)
    twin.honest = False
    twin.disk.replace(way.machine.disk.image())
    twin.marks.kept = dict(way.machine.marks.kept)
    twin.k, twin.register_k = way.machine.k, way.machine.register_k
    return twin if twin.start() and line_of(twin) is not None else None


def cut(way: Way, one: Machine, other: Machine) -> None:
    """From now on there is no way between two machines."""
    world = way.simulation.world
    pair = (min(one.number, other.number), max(one.number, other.number))
    world.routes[pair] = Cut()
    for connection in list(world.connections_of(pair)):
        if connection.alive:
            world.hang_up(connection, one.number)


WAYS: dict[str, type[Way]] = {
    "equivocate": Equivocate,
    "many-forks": ManyForks,
    "forked-heads": ForkedHeads,
    "fork-ahead": ForkAhead,
    "split-view": SplitView,
}
