"""Promise 7: who lost its disk comes back in a new incarnation that cannot contradict the old."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from typing import TYPE_CHECKING

from detente.core.events import Input, Tell
from detente.core.extras import decode_resume
from detente.core.leaf import Kind, LogId
from detente.core.transcript import Entry
from detente.node.views import latest
from detente.sim.checkers.ends import entries, guilty, honest, line_of, members, still, wicked

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.network import Connection
    from detente.sim.run import Simulation

FAULT = "come back"
SHOWN = 40  # messages, as a screen asks for them


class ComeBack:
    """Every head that an honest author has let out, over all its lives and all its disks."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._roots: dict[tuple[str, LogId, int], bytes] = {}
        self._most: dict[tuple[str, LogId], int] = {}
        self._adopted: dict[str, int] = {}
        self._mute: dict[tuple[str, LogId], int] = {}  # logs whose node was mute, and when last
        self._begun: dict[int, object] = {}  # the process of each machine that has been looked at
        simulation.record.hearing.append(self.begun)
        simulation.record.leaving_to.append(self.leaving)
        simulation.record.told_to.append(self.told)

    def begun(self, machine: Machine, _: list[Input]) -> None:
        """What a disk holds when a process begins was signed before, whether it was let out or
        not, and so was what stands there before any step of a node that may go on: a link that is
        gone takes an entry of the step before with it, and design §5 (*When*) forbids a mute node
        to sign, not to have signed. A log that an adoption has ended grows no more from there."""
        first = self._begun.get(machine.number) is not machine.process
        self._begun[machine.number] = machine.process
        line = line_of(machine) if machine.honest else None
        own = None if line is None else line.own
        if line is None or own is None:
            return
        key = machine.name, own.id
        if line.mute:
            self._mute[key] = self._simulation.world.now_ms
        ended = own.id.k < self._adopted.get(machine.name, 0)
        if first or not (ended or self._is_mute(*key)):
            self._most[key] = max(own.size, self._most.get(key, 0))

    def leaving(self, machine: Machine, _: Connection, __: bytes, ___: bool) -> None:
        """With any frame our newest head may leave: it is never another at the same size, and an
        old log grows no more after an adoption."""
        line = line_of(machine) if machine.honest and machine.process is not None else None
        own = None if line is None else line.own
        if own is None or not own.size:
            return
        name = machine.name
        if line is not None and line.mute:
            self._mute[name, own.id] = self._simulation.world.now_ms
        known = self._roots.setdefault((name, own.id, own.size), own.root)
        if known != own.root:
            self._fault(f"{name} has signed two heads of size {own.size} of log {own.id.word}")
        most = self._most.get((name, own.id), 0)
        if own.size > most:
            if own.id.k < self._adopted.get(name, 0):
                self._fault(f"{name}'s old log {own.id.word} has grown after an adoption")
            elif most and self._is_mute(name, own.id):
                self._fault(f"{name}'s log {own.id.word} has grown after it had fallen mute")
            self._most[name, own.id] = own.size

    def _is_mute(self, name: str, log: LogId) -> bool:
        """Whether a node may not go on in a log. A disk from before it fell mute for a key that it
        revoked knows nothing of that, and its mark may rightly find nothing lost."""
        lost_ms = self._simulation.record.lost_ms.get(name, -1)
        return self._mute.get((name, log), -1) > lost_ms

    def told(self, machine: Machine, tell: Tell) -> None:
        """A node has been adopted."""
        k = tell.facts.get("k")
        if tell.word == "adopted" and isinstance(k, int):
            self._adopted[machine.name] = max(k, self._adopted.get(machine.name, 0))

    def check(self) -> None:
        """In the end: one leaf at each place of an honest log, whoever holds it; and whoever lost
        its disk has back what any other holds of it, if it is a member still."""
        first: dict[LogId, tuple[str, list[bytes]]] = {}
        liars = wicked(self._simulation)
        names = self._simulation.plan.names
        machines = honest(self._simulation)
        for machine in machines:
            for log, found in entries(machine).items():
                if log.member < len(names) and names[log.member] in liars:
                    continue
                hashes = [entry.hash for entry in found]
                other, before = first.setdefault(log, (machine.name, hashes))
                both = min(len(before), len(hashes))
                if before[:both] != hashes[:both]:
                    where = f"log {log.member}/{log.word}"
                    self._fault(f"{machine.name} and {other} hold different leaves in {where}")
                if len(hashes) > len(before):
                    first[log] = machine.name, hashes
        self._brought_back(first.keys())
        for machine in machines:
            self._shown_once(machine)

    def _brought_back(self, logs: Collection[LogId]) -> None:
        """Every member has of its own logs what any member has of them."""
        inside = members(self._simulation)
        for machine in inside:
            line = line_of(machine)
            ours = [] if line is None else [log for log in logs if log.member == line.me]
            for log in ours:
                held = len(entries(machine).get(log, ()))
                holder = max(inside, key=lambda one: len(entries(one).get(log, ())))
                most = len(entries(holder).get(log, ()))
                if held < most:
                    what = f"{held} of {most} entries of its own log {log.word}"
                    self._fault(f"{machine.name} has {what} that {holder.name} holds")

    def _shown_once(self, machine: Machine) -> None:
        """What was entered again after a restore is one message to people, and once in one log."""
        line = line_of(machine)
        if line is None:
            return
        screen = copy(line)
        screen.shelf = still(machine, line)
        shown = [
            (entry.place.log.member, entry.leaf.commitment)
            for entry in latest(screen, SHOWN, lambda _: True)[0]
            if entry.leaf is not None and entry.leaf.commitment is not None
        ]
        if len(set(shown)) < len(shown):
            self._fault(f"{machine.name} shows a message twice")
        for member in range(len(self._simulation.plan.names)):
            if member not in guilty(self._simulation):
                self._entered_again(machine, member)
        for log, found in entries(machine).items():
            said = [e.leaf.commitment for e in found if e.leaf is not None and e.leaf.commitment]
            if len(set(said)) < len(said) and log.member not in guilty(self._simulation):
                self._fault(f"a message stands twice in log {log.member}/{log.word}")

    def _entered_again(self, machine: Machine, member: int) -> None:
        """Nothing that a `resume` names as held is entered behind it once more."""
        logs = {log: found for log, found in entries(machine).items() if log.member == member}
        for log, found in logs.items():
            first = found[0].leaf
            if first is None or first.kind != Kind.RESUME:
                continue
            held = {
                commitment
                for head in decode_resume(first.extra).predecessors
                for commitment in _said(logs.get(head.log, [])[: head.size])
            }
            for commitment in sorted(held & set(_said(found))):
                word = f"{commitment.hex()[:12]} in log {member}/{log.word}"
                self._fault(f"{machine.name} holds {word}, which its author had held already")

    def _fault(self, what: str) -> None:
        self._simulation.record.fault(FAULT, what)


def _said(found: list[Entry]) -> list[bytes]:
    """The commitments of entries, that of the charter apart."""
    leaves = [entry.leaf for entry in found if entry.place.index]
    return [leaf.commitment for leaf in leaves if leaf is not None and leaf.commitment is not None]
