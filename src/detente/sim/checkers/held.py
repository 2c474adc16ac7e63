"""Promises 1 and 6: what an honest node states that it holds it held then, with its bodies or but
for those that it named; at a time that its own clock showed; and it states it in time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from detente.core.errors import PeerError
from detente.core.events import Input
from detente.core.extras import decode_held_ahead, decode_lacks, decode_quote
from detente.core.frames import Cosign
from detente.core.holding import coverable
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.log import Log
from detente.core.notes import verify_cosignature_ed25519
from detente.core.transcript import Entry, Place
from detente.core.wire import ENTRIES
from detente.sim.checkers.ends import entries, honest, line_of

if TYPE_CHECKING:
    from detente.core.line import Line
    from detente.sim.machine import Machine
    from detente.sim.network import Connection
    from detente.sim.run import Simulation

FAULT = "receipts"
PATIENCE_MS = 60_000  # beyond the charter's seconds
STATES = frozenset({ENTRIES, Cosign.TYPE})  # the frames that carry receipts
AHEAD = frozenset({Kind.DISPATCH, Kind.ACCIDENT, Kind.MARK})  # nothing else may overtake (F7)


class Held:
    """How far each honest machine held the logs of others, since when, and what its clock said."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._clock: dict[int, dict[int, int]] = {}  # by machine: a reading -> when it was last so
        self._stepped: dict[int, int] = {}  # when a machine took its last step
        self._grew: dict[tuple[int, LogId], list[tuple[int, int]]] = {}  # size, since when
        self._noted: dict[int, tuple[object, list[int]]] = {}  # by machine: process, sizes seen
        self._kept: dict[tuple[int, LogId], list[tuple[int, int]]] = {}  # the same, unbroken
        self._begun: dict[int, object] = {}  # the process of each machine that has been looked at
        simulation.record.hearing.append(self.hears)
        simulation.record.leaving_to.append(self.leaving)

    def hears(self, machine: Machine, _: list[Input]) -> None:
        """Before a step: what came of the last one, and what the clock says at this one."""
        if not machine.honest:
            return
        now_ms = self._simulation.world.now_ms
        if self._begun.get(machine.number) is not machine.process:
            self._begun[machine.number] = machine.process
            self._forget(machine)
        self._note(machine)
        self._stepped[machine.number] = now_ms
        self._clock.setdefault(machine.number, {})[machine.clock.now(now_ms).wall_s] = now_ms

    def leaving(self, machine: Machine, _: Connection, data: bytes, __: bool) -> None:
        """What a frame may state was held in the step that it leaves after, even if that is the
        last one over this disk."""
        if machine.honest and machine.process is not None and data[:1] and data[0] >> 4 in STATES:
            self._note(machine)

    def _note(self, machine: Machine) -> None:
        line = line_of(machine)
        if line is None:
            return
        noted = machine.process, [log.size for log in line.logs.values()]
        if self._noted.get(machine.number) == noted:
            return
        self._noted[machine.number] = noted
        for log in line.logs.values():
            key, size = (machine.number, log.id), log.size
            kept = self._kept.setdefault(key, [])
            if kept and kept[-1][0] >= size:
                continue  # nor is it more than ever
            for sizes in (self._grew.setdefault(key, []), kept):
                if size > (sizes[-1][0] if sizes else 0):
                    sizes.append((size, self._stepped.get(machine.number, 0)))

    def _forget(self, machine: Machine) -> None:
        """A process begins: what its disk does not hold any more is not held without a break."""
        self._noted.pop(machine.number, None)
        line = line_of(machine)
        for (number, log_id), kept in self._kept.items():
            log = None if line is None else line.logs.get(log_id)
            while (
                number == machine.number and kept and kept[-1][0] > (0 if log is None else log.size)
            ):
                kept.pop()

    def since_ms(self, machine: Machine, log: LogId, size: int) -> int | None:
        """Since when a machine has held so much of a log of another, disks lost in between
        forgotten; None if it never came to."""
        grew = self._grew.get((machine.number, log), [])
        return next((at for most, at in grew if most >= size), None)

    def kept_ms(self, machine: Machine, log: LogId, size: int) -> int | None:
        """Since when a machine has held so much of a log without a break; None if it does not."""
        kept = self._kept.get((machine.number, log), [])
        return next((at for most, at in kept if most >= size), None)

    # --- in time ---

    def look(self) -> None:
        """At some moment: what is owed now is stated within the charter's seconds, if its node runs
        on and somebody is linked to it all the while."""
        world = self._simulation.world
        for machine in honest(self._simulation):
            line = line_of(machine)
            for log in () if line is None else line.logs.values():
                if line is not None and _owes(line, log):
                    links = {session.link for session in line.greeted()}
                    again = partial(
                        self._again, machine, machine.process, log.id, log.covered, links
                    )
                    world.later(line.charter.seen_within_s * 1000 + PATIENCE_MS, again)

    def _again(
        self, machine: Machine, process: object, log_id: LogId, covered: int, links: set[int]
    ) -> None:
        line = line_of(machine) if machine.process is process is not None else None
        log = None if line is None else line.logs.get(log_id)
        if line is None or log is None or log.covered != covered or not _owes(line, log):
            return
        if links & {session.link for session in line.greeted()}:
            where = f"log {log_id.member}/{log_id.word} beyond {covered}"
            self._fault(f"{machine.name} has not stated in time that it holds {where}")

    # --- in the end ---

    def check(self) -> None:
        """Every `seen` and every held-ahead in the logs of the honest."""
        record = self._simulation.record
        for machine in honest(self._simulation):
            line = line_of(machine)
            if line is None:
                continue
            ours = [found for log, found in entries(machine).items() if log.member == line.me]
            for entry in (entry for found in ours for entry in found):
                if entry.leaf is not None:
                    self._times(machine, line, entry.place, entry.leaf)
                    if entry.leaf.kind == Kind.HELD_AHEAD:
                        self._overtook(machine, line, entry.place.log, entry.leaf)
            self._quotes(machine, line)
            lost = machine.name in record.lost_disks or machine.number in record.lied_disks
            if not lost:
                self._bodies(machine, line)

    def _times(self, machine: Machine, line: Line, place: Place, leaf: Leaf) -> None:
        clock = self._clock.get(machine.number, {})
        for seen in leaf.seen:
            since_ms = self.since_ms(machine, seen.log, seen.size)
            if since_ms is None or seen.log.member == line.me:
                continue
            read = [clock.get(seen.held_at_s + off, -1) for off in (-1, 0, 1)]
            if max(read) < since_ms:
                what = f"{seen.log.member}/{seen.log.word} up to {seen.size}"
                self._fault(
                    f"{machine.name} dates {what} in entry {place.index} to {seen.held_at_s}, "
                    f"which its clock has not shown since it came"
                )

    def _quotes(self, machine: Machine, line: Line) -> None:
        """A cosignature of an honest holder, quoted by whomever, was given when it says: never may
        a text that somebody else wrote be read as one (F2)."""
        machines = {one.name: one for one in honest(self._simulation)}
        for place in line.shelf.of_kind((Kind.QUOTE,)):
            leaf = line.shelf.entry(*place).leaf
            try:
                quote = None if leaf is None else decode_quote(leaf.extra)
            except PeerError:
                continue
            if quote is None:
                continue
            by = machines.get(self._simulation.plan.names[quote.member])
            found = machine.station.holds_key(line, quote.member, quote.k)
            root = line.shelf.root_at(quote.log, quote.size)
            if by is None or found is None or root is None:
                continue
            checkpoint = line.logs[quote.log].checkpoint(quote.size, root)
            if not verify_cosignature_ed25519(checkpoint, found[1], quote.time_s, quote.signature):
                continue
            since_ms = self.since_ms(by, quote.log, quote.size)
            clock = self._clock.get(by.number, {})
            read = max(clock.get(quote.time_s + off, -1) for off in (-1, 0, 1))
            if since_ms is None or read < since_ms:
                what = f"{_where(quote.log, quote.size - 1)} at {quote.time_s}"
                self._fault(f"{by.name} has signed as held {what}, when it did not hold it")

    def _overtook(self, machine: Machine, line: Line, life: LogId, leaf: Leaf) -> None:
        """What is receipted ahead of its turn is what its author put there, or signed there."""
        held = decode_held_ahead(leaf.extra)
        log = line.logs.get(held.log)
        if log is None:
            return
        there = line.shelf.entry(held.log, held.index) if held.index < log.size else None
        if there is None or there.hash != held.leaf_hash:
            proof = line.shelf.ahead_proof(held.log, held.index)
            there = None if proof is None else proof.entry
            at_ms = self._clock.get(machine.number, {}).get(held.held_at_s, -1)
            lost_ms = self._simulation.record.lost_ms.get(machine.name, -1)  # and the proof
            # What it says in an earlier life it said before, though its clock has shown that since.
            lost = lost_ms >= (0 if life != line.mine else at_ms)
            if not lost if proof is None else not log.verifies(*proof.head):
                self._fault(
                    f"{machine.name} receipts {_where(held.log, held.index)}, ahead and unsigned"
                )
        kind = None if there is None or there.leaf is None else there.leaf
        if kind is not None and kind.kind not in AHEAD and kind.commitment is None:
            what = f"{_where(held.log, held.index)}, which may not overtake"
            self._fault(f"{machine.name} receipts {what}")

    def _bodies(self, machine: Machine, line: Line) -> None:
        """What is covered and has no body here was named in a `lacks` by then."""
        named: dict[Place, Place] = {}
        for place in line.shelf.of_kind((Kind.LACKS,)):
            leaf = line.shelf.entry(*place).leaf
            if leaf is not None and place.log.member == line.me:
                lacks = decode_lacks(leaf.extra)
                for index in lacks.indices:
                    named.setdefault(Place(lacks.log, index), place)
        for log, found in entries(machine).items():
            if log.member == line.me or line.logs[log].frozen >= 0:
                continue
            for entry in found:
                if _bare(line, entry):
                    self._excepted(machine, line, entry.place, named.get(entry.place))

    def _excepted(self, machine: Machine, line: Line, place: Place, lacks: Place | None) -> None:
        covers = [c for c in line.shelf.covers(*place) if c.by.member == line.me]
        first = min((Place(c.by, c.by_index) for c in covers), default=None)
        if first is not None and (lacks is None or lacks > first):
            self._fault(
                f"{machine.name} receipts {_where(*place)} without its body, and has not said so"
            )

    def _fault(self, what: str) -> None:
        self._simulation.record.fault(FAULT, what)


def _owes(line: Line, log: Log) -> bool:
    if log.id.member == line.me or not line.may_sign():
        return False
    head = coverable(line, log)
    return head is not None and log.covered < min(log.called, head.size)


def _bare(line: Line, entry: Entry) -> bool:
    """Whether the body of an entry is addressed here, and is not here."""
    leaf = entry.leaf
    if leaf is None or leaf.commitment is None or entry.body is not None or entry.purged:
        return False
    return line.entitled(leaf, entry.place.log.member, line.me)


def _where(log: LogId, index: int) -> str:
    return f"{log.member}/{log.word}:{index}"
