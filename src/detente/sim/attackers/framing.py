"""Framing an honest party: false proofs, invented heads, quotes and statements in its name (F4)."""

from __future__ import annotations

from detente.core.accusation import Fork, make_leaves
from detente.core.accusing import note_of, proof_of
from detente.core.body import commit, pack
from detente.core.errors import Refusal
from detente.core.events import FrameIn, Input, SignedHead
from detente.core.extras import (
    AMENDMENT,
    Accused,
    HeldAhead,
    Lacks,
    Mark,
    Offer,
    OverQuota,
    Quote,
    Rung,
    Stater,
)
from detente.core.frames import Notice, Refuse
from detente.core.leaf import Kind, Leaf, LogId, Seen
from detente.core.log import Log
from detente.core.merkle import inclusion_path
from detente.core.notes import cosign_message
from detente.sim.attackers.forks import fork
from detente.sim.attackers.hand import (
    EASY_BYTES,
    Hand,
    Way,
    dispatch,
    enter,
    frame_of,
    line_of,
    may_enter,
    statement,
    tell,
)
from detente.sim.attackers.receipts import others
from detente.sim.machine import Machine

OPEN_S = 1_800  # how long an offer may be sealed


class FalseAccusation(Way):
    """Proofs of a fork that nobody signed: under its own key, of one leaf twice, of its own fork in
    another's name, of a root that is none, or no proof at all (T)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act, 6)

    def _act(self) -> bool:
        logs = [log for log in others(self) if log.size > 1]
        if not logs or not may_enter(self.machine):
            return False
        log = self.dice.one_of(logs)
        index = self.dice.between(0, log.size - 1)
        proof = (self._ours, self._twice, self._elsewhere, self._root, self._nothing)[
            self.dice.between(0, 4)
        ](log, index)
        if proof is None:
            return False
        body = (self.dice.bytes(16), pack(proof, None, self.line.charter.padding))
        leaf = statement(
            self.machine,
            Kind.ACCUSATION,
            extra=Accused(log.id, index).encode(),
            commitment=commit(*body),
        )
        return enter(self.machine, (leaf, body))

    def _ours(self, log: Log, index: int) -> bytes:
        """Another leaf in its place, signed by the attacker's own key."""
        hand = Hand.copy(self.machine, log)
        hand.raws[index] = dispatch(self.machine, "never said")[0].encode()
        return make_leaves(self._proof(log, index), _by_hand(log, hand, index))

    def _twice(self, log: Log, index: int) -> bytes:
        return make_leaves(self._proof(log, index), self._proof(log, index))

    def _elsewhere(self, log: Log, index: int) -> bytes | None:
        """Its own fork, said to be another's."""
        del log
        made, own = fork(self), self.line.own
        if made is None or own is None:
            return None
        hand, at = made
        self.simulation.record.forks.append((self.machine.name, hand.id, at))
        del index
        return make_leaves(self._proof(own, at), _by_hand(own, hand, at))

    def _root(self, log: Log, index: int) -> bytes:
        """The newer tree does not begin with what is said."""
        del index
        note = note_of(log, log.head())
        return Fork(note, note, self.dice.bytes(32)).format()

    def _nothing(self, log: Log, index: int) -> bytes:
        return b"detente fork v1\nlog %d at %d is forked, believe us\n" % (log.id.member, index)

    def _proof(self, log: Log, index: int) -> bytes:
        line = self.line
        path = inclusion_path(
            lambda level, at: line.shelf.subtree(log.id, level, at), index, log.size
        )
        return proof_of(log, line.shelf.entry(log.id, index).raw, index, path, log.head())


def _by_hand(log: Log, hand: Hand, index: int) -> bytes:
    path = inclusion_path(hand.subtree, index, hand.size)
    head = SignedHead(hand.size, hand.root(hand.size), hand.sign(hand.size))
    return proof_of(log, hand.raws[index], index, path, head)


class InventedSeen(Way):
    """A `seen` of a head that its author never signed (F4): roots left out of it do not fit."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        logs = others(self)
        if not logs:
            return False
        log = self.dice.one_of(logs)
        size = log.size + self.dice.one_of((0, 0, 1000))
        now_s = self.machine.clock.now(self.simulation.world.now_ms).wall_s
        seen = (Seen(log.id, size, self.dice.bytes(32), now_s),)
        return enter(self.machine, (statement(self.machine, Kind.SEEN, seen=seen), None))


class FalseQuote(Way):
    """A receipt made up in another's name (F2)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        logs, own = others(self), self.line.own
        if not logs or own is None:
            return False
        by = self.dice.one_of(logs).id
        time_s = self.machine.clock.now(self.simulation.world.now_ms).wall_s
        quote = Quote(own.id, own.size, by.member, by.k, time_s, EASY_BYTES)
        leaf = statement(self.machine, Kind.QUOTE, extra=quote.encode())
        return enter(self.machine, (leaf, None))


class FalseStatements(Way):
    """What it states of others is not so: bodies lacked, entries held, quotas used, things purged,
    rungs reached; and refusals for no reason."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act, 8)

    def _act(self) -> bool:
        logs, peer = others(self), self.peer()
        if not logs or peer is None:
            return False
        log = self.dice.one_of(logs)
        number = self.dice.between(0, 5)
        if number == 5:
            refusal = self.dice.one_of((Refusal.OVER_QUOTA, Refusal.FROZEN, Refusal.REVOKED))
            tell(self.machine, peer, Refuse(refusal, log.id, self.dice.between(0, log.size)))
            return True
        return enter(self.machine, (self._leaf(log, number), None))

    def _leaf(self, log: Log, number: int) -> Leaf:
        machine, index = self.machine, self.dice.between(0, log.size - 1)
        hash_ = self.line.shelf.entry(log.id, index).hash
        day = self.machine.clock.now(self.simulation.world.now_ms).wall_s // 86_400
        if number == 0:
            return statement(machine, Kind.LACKS, extra=Lacks(log.id, (index,)).encode())
        if number == 1:
            held = HeldAhead(LogId(log.id.member, 0, b""), index + 3, self.dice.bytes(32), 0)
            return statement(machine, Kind.HELD_AHEAD, refs=(hash_,), extra=held.encode())
        if number == 2:
            return statement(
                machine, Kind.OVER_QUOTA, extra=OverQuota(log.id, index, 1, day).encode()
            )
        if number == 3:
            return statement(machine, Kind.PURGED, refs=(hash_,))
        mark = Mark(Rung.DISPUTED, Stater.RELEASED).encode()
        return statement(machine, Kind.MARK, refs=(hash_,), extra=mark)


class CharterOracle(Way):
    """A text for a charter that begins as what cosigners sign, to have a holder sign its receipt
    with it (F2, D1, T)."""

    def begin(self) -> None:
        """Now and then."""
        self._texts: list[tuple[LogId, int, int]] = []  # log, size, time
        self.often(self._act)

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Signatures on such a text never reach the core."""
        frame = frame_of(given.data) if isinstance(given, FrameIn) else None
        if not isinstance(frame, Notice) or len(frame.data) != len(EASY_BYTES):
            return [given]
        link, line = getattr(given, "link", 0), line_of(machine)
        session = None if line is None else line.sessions.get(link)
        if self._texts and session is not None and session.current is not None:
            log, size, time_s = self._texts[-1]
            by = session.current
            quote = Quote(log, size, by.member, by.k, time_s, frame.data)
            leaf = statement(machine, Kind.QUOTE, extra=quote.encode())
            self.simulation.world.later(0, lambda: self._quote(leaf))
        return []

    def _quote(self, leaf: Leaf) -> None:
        if self.machine.process is not None:
            enter(self.machine, (leaf, None))

    def _act(self) -> bool:
        own, peer = self.line.own, self.peer()
        if own is None or peer is None or not own.size:
            return False
        now_s = self.machine.clock.now(self.simulation.world.now_ms).wall_s
        time_s = now_s - self.dice.spread(3_600, 86_400)  # before anybody could hold it
        text = cosign_message(own.checkpoint(own.size, own.root), time_s)
        members = 1 << self.line.me | 1 << peer.member
        terms = Offer(AMENDMENT, peer.member, members, now_s + OPEN_S)
        body = (self.dice.bytes(16), pack(text, 5, self.line.charter.padding))
        leaf = statement(self.machine, Kind.OFFER, extra=terms.encode(), commitment=commit(*body))
        self._texts.append((own.id, own.size, time_s))
        return enter(self.machine, (leaf, body))


WAYS: dict[str, type[Way]] = {
    "false-accusation": FalseAccusation,
    "invented-seen": InventedSeen,
    "false-quote": FalseQuote,
    "false-statements": FalseStatements,
    "charter-oracle": CharterOracle,
}
