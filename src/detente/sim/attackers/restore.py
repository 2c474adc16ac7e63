"""Restores that were none, and restores of others misused: pasts rewritten, several lives of one
number, heads held back until a closing head is signed (F5)."""

from __future__ import annotations

from collections.abc import Callable

from detente.core.events import Adopt, FrameIn, Input, Send, StoreState
from detente.core.extras import Head, Resume
from detente.core.frames import Heads, Hello, StatedHead, encode_frame
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.line import Line
from detente.core.log import Log
from detente.core.merkle import frontier_at
from detente.core.wire import Batch
from detente.sim.attackers.hand import (
    Hand,
    Way,
    channel_of,
    frame_of,
    line_of,
    statement,
    tell_raw,
)
from detente.sim.machine import Machine
from detente.sim.parties import PAIRS, SimKeys

LOOK_MS = 5_000
LIVES = 18  # more than a card has pairs


def shortened(line: Line, log: Log, size: int) -> Log:
    """A log as it was at a smaller size; its head need not have been signed."""
    frontier = frontier_at(lambda level, at: line.shelf.subtree(log.id, level, at), size)
    short = Log(log.id, log.origin, log.key, frontier, frontier.root(), log.signature)
    short.called, short.held_at_s = size, log.held_at_s
    head = line.shelf.signed_head(log.id, 1, size)
    if head is not None and head.size == size:
        short.signature = head.signature
        short.note_head(head)
    return short


class FalseRestore(Way):
    """A new life whose `resume` names less than was said, to be rid of the rest (F5)."""

    def begin(self) -> None:
        """Once or twice."""
        self.often(self._act, 2)

    def _act(self) -> bool:
        line, machine = self.line, self.machine
        own = line.own
        k = machine.register_k + 1
        if own is None or own.size < 4 or k >= PAIRS or not line.may_sign():
            return False
        line.logs[own.id] = shortened(line, own, self.dice.between(1, own.size - 2))
        machine.register_k = machine.k = k
        machine.station.keys.k = k  # type: ignore[misc]  # ours are SimKeys
        machine.run([Adopt(k)])
        line.logs[own.id] = own
        return machine.process is not None


class ManyLives(Way):
    """One number resumed again and again, each time as another life (F5)."""

    def begin(self) -> None:
        """Once or twice."""
        self.often(self._act, 2)

    def _act(self) -> bool:
        peer, own = self.peer(), self.line.own
        if peer is None or own is None or own.id.k + 1 >= PAIRS:
            return False
        for _ in range(self.dice.one_of((2, LIVES))):
            k, life = own.id.k + 1, self.dice.bytes(8)
            before = (Head(own.id, own.size, own.root),)
            party = self.machine.party.hex()
            log_id = LogId(self.line.me, k, life)
            origin = own.origin[: own.origin.index(party) + len(party)] + f"/{log_id.word}"
            hand = Hand(origin, SimKeys(self.machine.name, k=k), log_id)
            extra = Resume(k, life, before).encode()
            resume = statement(
                self.machine, Kind.RESUME, extra=extra, precedence=Precedence.IMMEDIATE
            )
            hand.add(resume)
            tell_raw(self.machine, peer, hand.batch(peer.channel, 0))
        return True


class LyingHello(Way):
    """Greetings that name nothing of what it holds of others, to whom has just lost its machine as
    well, with its marks or without (F5)."""

    def begin(self) -> None:
        """Now and then there are new ones."""
        self.often(self.hang_up, 6, counted=False)
        self.often(self._lose, 1, counted=False)

    def _lose(self) -> bool:
        """A machine of the others is lost, and comes back from an old backup."""
        simulation = self.simulation
        machines = [m for m in simulation.world.machines if m.honest and m.process is not None]
        victims = [m for m in machines if simulation.officers.backups.get(m.number)]
        if not victims:
            return False
        victim = self.dice.one_of(victims)
        marked = self.dice.happens(0.5)
        simulation.record.faults["restore" if marked else "restore-unmarked"] += 1
        victim.die("its machine is lost")
        if not marked:
            victim.marks.kept.clear()
        simulation.officers.replace_disk(victim, newest=False)
        return True

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Every frame, with the heads of others taken out."""
        line = line_of(machine)
        if line is None:
            return [send]
        return [self.without(send, lambda one: one.head.log.member != line.me)]

    def without(self, send: Send, hidden: Callable[[StatedHead], bool]) -> Send:
        """The frame without these heads."""
        frame = frame_of(send.data)
        if not isinstance(frame, Hello | Heads):
            return send
        heads = tuple(one for one in frame.heads if not hidden(one))
        if len(heads) == len(frame.heads):
            return send
        self.done()
        changed: Hello | Heads = Heads(heads)
        if isinstance(frame, Hello):
            changed = Hello(
                line=frame.line,
                member=frame.member,
                mute=frame.mute,
                answer=frame.answer,
                nonce=frame.nonce,
                current=frame.current,
                heads=heads,
            )
        return Send(send.link, encode_frame(channel_of(send.data), changed), send.urgent)


class PastClosing(Way):
    """A peer lost its disk: it is shown less than is held of its log, the closing head says so too,
    and later comes what was held back (F5). Among more an honest third shows all of it."""

    def begin(self) -> None:
        """Once."""
        self._hidden: LogId | None = None
        self.often(self._lose, 1, counted=False)

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Nothing of the log whose end it hides, lest it be known to hold it."""
        frame = frame_of(given.data) if isinstance(given, FrameIn) else None
        line = line_of(machine)
        if self._hidden is None or line is None or not isinstance(frame, Batch):
            return [given]
        session = line.sessions.get(given.link) if isinstance(given, FrameIn) else None
        current = None if session is None else session.current
        return [] if self._hidden == (frame.log or current) else [given]

    def _lose(self) -> bool:
        line, simulation = self.line, self.simulation
        peer = self.peer()
        machines = [m for m in simulation.world.machines if m.honest and m.process is not None]
        names = simulation.plan.names
        victims = [m for m in machines if peer is not None and names[peer.member] == m.name]
        if not victims or not simulation.officers.backups.get(victims[0].number):
            return False
        mine = line_of(victims[0])
        log = None if mine is None or mine.mine is None else line.logs.get(mine.mine)
        if log is None or log.size < 4:
            return False
        line.logs[log.id] = shortened(line, log, self.dice.between(1, log.size - 2))
        self._hidden = log.id
        simulation.record.faults["restore"] += 1
        simulation.officers.replace_disk(victims[0], newest=False)
        self._look(line, log)
        return True

    def _look(self, line: Line, log: Log) -> None:
        """Once the closing head is signed, the rest is shown."""
        world = self.simulation.world
        if line_of(self.machine) is not line or world.settled:
            return  # it was started again, and knows all
        later = [one for one in line.logs.values() if one.id.member == log.id.member]
        if any(one.id > log.id and one.covered for one in later):
            line.logs[log.id], self._hidden = log, None
            line.greet_due = line.touched = True
            whole = StoreState(line.id, log.id, log.encode())  # the shorter may have been kept
            self.machine.change(lambda step: step.out.append(whole))
            if self.machine.process is not None:
                self.machine.give()
            self.done()
            return
        world.later(LOOK_MS, lambda: self._look(line, log))


WAYS: dict[str, type[Way]] = {
    "false-restore": FalseRestore,
    "many-lives": ManyLives,
    "lying-hello": LyingHello,
    "past-closing": PastClosing,
}
