"""What people do unasked: adopt a mute node, release rows, put a backup on a new disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.body import commit
from detente.core.errors import MachineError
from detente.core.events import Adopt, Release
from detente.core.line import Line
from detente.core.speaking import loaded
from detente.sim.disk import Image
from detente.sim.parties import PAIRS

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.store.sqlite import SqliteStore

Backup = tuple[Image, int]
ROUND_MS = 60_000


class Officers:
    """The officers of every party: they look at each machine now and then."""

    def __init__(self) -> None:
        self.backups: dict[int, list[Backup]] = {}
        self.decided: set[tuple[str, bytes]] = set()  # by whom, on which offer: once
        self.revocations: dict[str, int] = {}  # the last serial of each party
        self.given: dict[int, bytes] = {}  # both texts by which a machine may join, on paper
        self.accepted: set[int] = set()  # the machines that have joined by such texts, ever

    def back_up(self, machine: Machine) -> None:
        """Keeps a backup, beside those kept before."""
        kept = self.backups.setdefault(machine.number, [])
        kept.append(machine.backup())
        del kept[1:-3]  # the first, and the last few

    def look(self, machine: Machine) -> None:
        """One round at one machine."""
        if machine.process is None:
            if machine in machine.world.record.stuck_machines:
                self.replace_disk(machine, newest=True)
            return
        if not machine.station.lines:
            if machine.name in machine.world.founders:
                self.replace_disk(machine, newest=True)  # it lost even that there was a line
        elif any(line.mute for line in machine.station.lines.values()):
            self.adopt(machine)
        else:
            self.release(machine)
        if machine.process is not None:
            machine.clerk.go_round()

    def replace_disk(self, machine: Machine, *, newest: bool, number: int = 0) -> None:
        """Puts a backup on a new disk, and starts over it."""
        record = machine.world.record
        backups = self.backups.get(machine.number)
        if not backups:
            return
        taken = len(backups) - 1 if newest else number % len(backups)
        image, k = backups[taken]
        machine.die("its disk is replaced")
        machine.disk.replace(image)
        machine.disk.lies = machine.disk.fail_sync = False
        machine.disk.room_bytes = None
        machine.k = k
        record.lost(machine)
        record.note(machine, "restored", k=k)
        if machine in record.stuck_machines:
            record.stuck_machines.remove(machine)
        machine.world.restart(machine)
        stuck, process = machine in record.stuck_machines, machine.process
        damaged = process is not None and _in_pieces(process.store)
        if (stuck or damaged) and len(backups) > 1:
            del backups[taken]  # it was made of a damaged store: another does better
            if damaged:
                self.replace_disk(machine, newest=True)

    def examine(self, machine: Machine) -> bool:
        """A disk that has lied is looked through, and replaced where its store contradicts itself:
        the node learns that only where it reads what is not there any more. Says if it was."""
        damaged = self.is_damaged(machine)
        if damaged:
            self.replace_disk(machine, newest=True)
        return damaged

    def is_damaged(self, machine: Machine) -> bool:
        """Whether a disk that has lied left a store that contradicts itself."""
        process = machine.process
        return machine.disk.has_lied and process is not None and _in_pieces(process.store)

    def adopt(self, machine: Machine) -> None:
        """The next k of the paper register, its keys, and ``node adopt``."""
        k = self.next_pair(machine)
        if k is not None:
            machine.run([Adopt(k)])

    def next_pair(self, machine: Machine) -> int | None:
        """The next pair of keys is taken out of the register; None when there is no more."""
        ks = [machine.register_k]
        for line in machine.station.lines.values():
            mark = machine.marks.read(line.id)
            ks += [log.k for log in line.logs if log.member == line.me]
            ks.append(-1 if mark is None else mark.incarnation)
        k = max(ks) + 1
        if k >= PAIRS:
            machine.world.record.note(machine, "no-more-pairs")
            return None
        machine.register_k = machine.k = k
        machine.station.keys.k = k  # type: ignore[misc]  # ours are SimKeys
        return k

    def release(self, machine: Machine) -> None:
        """Rows that an adoption had held back are released by a person."""
        for line in machine.station.lines.values():
            held = [row.number for row in line.queue.rows.values() if row.awaits_release]
            if held:
                outcome = machine.run([Release(line.id, number, send=True) for number in held])
                refused = () if outcome is None else outcome.refused
                self._drop(machine, line, [held[at] for at in refused])
                return

    @staticmethod
    def _drop(machine: Machine, line: Line, numbers: list[int]) -> None:
        """Rows that may not be sent, since another amendment is signed by now: they are taken back,
        and nobody may miss them."""
        record = machine.world.record
        drafts = [loaded(line, line.queue.rows[number]).draft for number in numbers]
        gone = {commit(one.salt, one.body) for one in drafts if one.body is not None}
        record.submitted = [
            one
            for one in record.submitted
            if one.name != machine.name or one.commitment not in gone
        ]
        if numbers:
            machine.run([Release(line.id, number, send=False) for number in numbers])


def _in_pieces(store: SqliteStore) -> bool:
    try:
        return bool(store.damage())
    except MachineError:  # it has met the damage already, and refuses everything since
        return True
