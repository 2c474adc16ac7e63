"""Who is understood, and told everything, by those alone who go on asking, or go on at all.

What these do hurts nobody who keeps the rules, and so each knows what must come of it all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from detente.core.errors import Refusal
from detente.core.events import FrameIn, Input, Send, Tell
from detente.core.frames import WANT_FULL, Refuse, Want
from detente.core.leaf import LogId
from detente.core.quotas import DAY_S
from detente.core.wire import Batch
from detente.sim.attackers.hand import Way, frame_of, line_of, tell

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.network import Connection

HOUR_MS = 3_600_000
Held = tuple[LogId, int]


class Misfits(Way):
    """Its batches lead to no head that it signed, unless it was asked for the full form (F4)."""

    DRAWN: ClassVar[bool] = False

    def begin(self) -> None:
        """From now on."""
        self._full: set[int] = set()  # links on which the next batch was asked for so

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """Everything, and whether its own log is asked for in full."""
        line = line_of(machine)
        frame = frame_of(given.data) if isinstance(given, FrameIn) else None
        if isinstance(given, FrameIn) and isinstance(frame, Want) and line is not None:
            full = (frame.what, frame.log) == (WANT_FULL, line.mine)
            self._full |= {given.link} if full else set()
        return [given]

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """Batches of its own log under a signature that does not fit, but for those."""
        del machine
        frame = frame_of(send.data)
        if not isinstance(frame, Batch) or frame.log is not None:
            return [send]
        if send.link in self._full:
            self._full.remove(send.link)
            return [send]
        self.done()
        signature = bytes(byte ^ 1 for byte in send.data[-64:])
        return [Send(send.link, send.data[:-64] + signature, send.urgent)]

    def unmet(self) -> Iterator[str]:
        """Whoever has asked for the full form holds its log: what it had entered before the last
        stretch of rest."""
        line = line_of(self.machine)
        size = self.simulation.sizes_before.get(self.machine.number, 0)
        if line is None or line.mine is None or line.left:
            return
        for machine in self.simulation.world.machines:
            theirs = line_of(machine) if machine.honest else None
            if theirs is None or theirs.session_of(line.me) is None:
                continue
            log = theirs.logs.get(line.mine)
            held = 0 if log is None else log.size
            if held < size and (log is None or not log.closed()):
                yield f"{machine.name} has {held} of {size} entries that do not fit elided"


class Sated(Way):
    """Says of authors that they have used up their day: that lasts until the next one (F20)."""

    DRAWN: ClassVar[bool] = False

    def begin(self) -> None:
        """Each author is watched from when it has heard it."""
        self._said: dict[int, Held] = {}  # by link: up to where we hold the log
        self._heard: set[int] = set()
        self._silent: list[str] = []
        self.simulation.record.told_to.append(self._told)

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """A batch of a peer's own log is declined at times, with what was sent behind it."""
        line = line_of(machine)
        frame = frame_of(given.data) if isinstance(given, FrameIn) else None
        if line is None or not isinstance(given, FrameIn) or not isinstance(frame, Batch):
            return [given]
        session = line.sessions.get(given.link)
        log = None if session is None or session.current is None else line.logs.get(session.current)
        if session is None or log is None or frame.log not in {None, log.id}:
            return [given]
        if given.link not in self._said:
            if not self.dice.happens(0.3):
                return [given]
            self._said[given.link] = log.id, log.size
            tell(machine, session, Refuse(Refusal.OVER_QUOTA, log.id, log.size))
            self.done()
        return [given] if given.link in self._heard else []

    def _told(self, machine: Machine, told: Tell) -> None:
        """Its author has heard it: an hour into its next day that log must have gone on."""
        if told.word != "refused-by-peer" or told.facts["refusal"] != Refusal.OVER_QUOTA.word:
            return
        theirs = line_of(machine)
        for link in sorted(self._said.keys() - self._heard):
            connection = self.machine.connections.get(link)
            if not machine.honest or connection is None or machine.number not in connection.ends:
                continue
            if theirs is None or theirs.own is None or theirs.own.size <= self._said[link][1]:
                del self._said[link]  # what was declined had come by another way
                continue
            self._heard.add(link)
            left_s = DAY_S - machine.clock.now(machine.world.now_ms).wall_s % DAY_S
            wait_ms = left_s * 1_000 + HOUR_MS
            machine.world.later(wait_ms, partial(self._look, machine, connection, link))

    def _look(self, machine: Machine, connection: Connection, link: int) -> None:
        """Where the link has held and is no narrower than what waits for it."""
        log_id, size = self._said.pop(link)
        self._heard.remove(link)
        line, theirs = line_of(self.machine), line_of(machine)
        pipe = connection.pipes[connection.side(machine.number)]
        there = connection.alive and not connection.route.rough and pipe.empty
        silent = machine.silent_until_ms > machine.world.now_ms - HOUR_MS
        if line is None or theirs is None or theirs.mine != log_id or not there or silent:
            return
        log = line.logs[log_id]
        if log.size == size and not log.closed():
            self._silent.append(f"{machine.name} rests with its log at {size}, a day over")

    def unmet(self) -> Iterator[str]:
        """Whoever was told so has gone on the next day."""
        yield from self._silent


WAYS: dict[str, type[Way]] = {"misfits": Misfits, "sated": Sated}
