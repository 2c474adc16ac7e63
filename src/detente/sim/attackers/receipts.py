"""Receipts that are not true: dated back, of what was never stored, of less than before, for ever,
or never."""

from __future__ import annotations

from detente.core.events import FrameIn, Input, Send
from detente.core.frames import Cosign, Got
from detente.core.holding import known_root
from detente.core.leaf import Kind, Precedence, Seen, first_life
from detente.core.log import Log
from detente.core.notes import cosign_message
from detente.core.wire import ENTRIES
from detente.sim.attackers.hand import Way, enter, kind_of, statement, tell
from detente.sim.machine import Machine
from detente.sim.parties import SimKeys

DAY_S = 86_400
LOOP = 40


def others(way: Way) -> list[Log]:
    """The logs of others that the attacker holds something of, in order."""
    line = way.line
    return [
        line.logs[log] for log in sorted(line.logs) if log.member != line.me and line.logs[log].size
    ]


class BackDate(Way):
    """A receipt dated hours or days before the entry was there to be received (F13)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        logs = others(self)
        if not logs:
            return False
        log = self.dice.one_of(logs)
        held_at_s = log.held_at_s - self.dice.spread(600, 30 * DAY_S)
        seen = (Seen(log.id, log.size, log.root, held_at_s),)
        return enter(self.machine, (statement(self.machine, Kind.SEEN, seen=seen), None))


class NotStored(Way):
    """A receipt for what it was told of and never stored: entries that come are thrown away, and
    the heads of greetings are stated as held (F12)."""

    def begin(self) -> None:
        """Now and then it hangs up, to be greeted again."""
        self.often(self.hang_up, 6, counted=False)
        self.often(self._act)

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Everything but entries."""
        del machine
        entries = isinstance(given, FrameIn) and kind_of(given.data) == ENTRIES
        return [] if entries else [given]

    def _act(self) -> bool:
        line = self.line
        heads = [
            stated.head
            for session in self.peers()
            for stated in session.heads.values()
            if stated.head.log.member != line.me
        ]
        if not heads:
            return False
        head = self.dice.one_of(heads)
        now_s = self.machine.clock.now(self.simulation.world.now_ms).wall_s
        seen = (Seen(head.log, head.size, head.root, now_s),)
        return enter(self.machine, (statement(self.machine, Kind.SEEN, seen=seen), None))


class StaleSeen(Way):
    """A `seen` older than what it has stated and cosigned already (F9, T)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act)

    def _act(self) -> bool:
        logs = [log for log in others(self) if log.covered > 1]
        if not logs:
            return False
        log = self.dice.one_of(logs)
        size = self.dice.between(1, log.covered - 1)
        root = known_root(self.line, log.id, size)
        if root is None:
            return False
        seen = (Seen(log.id, size, root, log.held_at_s),)
        return enter(self.machine, (statement(self.machine, Kind.SEEN, seen=seen), None))


class AckLoop(Way):
    """Receipts without end, each at FLASH, to be receipted in their turn (F1, T)."""

    def begin(self) -> None:
        """Once or twice."""
        self.often(self._act, 2)

    def _act(self) -> bool:
        logs = others(self)
        if not logs:
            return False
        log = self.dice.one_of(logs)
        seen = (Seen(log.id, log.size, log.root, log.held_at_s),)
        leaf = statement(self.machine, Kind.SEEN, seen=seen, precedence=Precedence.FLASH)
        return enter(self.machine, *[(leaf, None)] * LOOP)


class Deaf(Way):
    """It speaks and takes nothing in: alive, but not receipting (F13, F14)."""

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Everything but entries."""
        del machine
        if isinstance(given, FrameIn) and kind_of(given.data) == ENTRIES:
            self.done()
            return []
        return [given]


class FalseGot(Way):
    """Unsigned word that it holds what it has not, so that others send and elide wrongly (F4)."""

    def begin(self) -> None:
        """Now and then, and it loses what comes next."""
        self._lose = 0
        self.often(self._act)

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Not the next entries."""
        del machine
        if self._lose and isinstance(given, FrameIn) and kind_of(given.data) == ENTRIES:
            self._lose -= 1
            return []
        return [given]

    def _act(self) -> bool:
        peer, logs = self.peer(), others(self)
        if peer is None or not logs:
            return False
        log = self.dice.one_of(logs)
        self._lose = 2
        tell(self.machine, peer, Got(log.id, log.size + self.dice.between(0, 2)))
        return True


class BlindReceipt(Way):
    """A cosignature by its witness key, which states nothing of content, where its key as holder
    belongs (F2, T)."""

    def begin(self) -> None:
        """Now and then; the true ones it keeps to itself."""
        self.often(self._act)

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Everything but its cosignatures."""
        del machine
        return [] if kind_of(send.data) == Cosign.TYPE else [send]

    def _act(self) -> bool:
        peer = self.peer()
        log = None if peer is None or peer.current is None else self.line.logs.get(peer.current)
        if peer is None or log is None or log.last is None or not log.size:
            return False
        message = cosign_message(log.checkpoint(log.size, log.root), log.last.time_s)
        signature = SimKeys(self.machine.name).sign_heads(message)
        other = None if log.id == first_life(peer.member) else log.id
        tell(self.machine, peer, Cosign(other, log.size, 0, signature))
        return True


WAYS: dict[str, type[Way]] = {
    "back-date": BackDate,
    "not-stored": NotStored,
    "stale-seen": StaleSeen,
    "ack-loop": AckLoop,
    "deaf": Deaf,
    "false-got": FalseGot,
    "blind-receipt": BlindReceipt,
}
