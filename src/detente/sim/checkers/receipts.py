"""Promises 1 and 6: a receipt is true when it is told, and a ladder says what was signed, no more.

What a node tells of a receipt is held against the other's disk at that very moment, which no node
could do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.events import Tell
from detente.core.extras import decode_held_ahead, decode_quote
from detente.core.leaf import CONTENT, Kind, LogId
from detente.core.transcript import Place
from detente.dossiers.fold import end_of
from detente.dossiers.receipts import Evidence, Receipt, receipts
from detente.sim.checkers.ends import author_of, dice_of, honest, line_of, still, wicked

if TYPE_CHECKING:
    from detente.core.line import Line
    from detente.core.shelf import Shelf
    from detente.sim.machine import Machine
    from detente.sim.run import Simulation

FAULT = "receipts"
LADDERS = 2  # looked at on each machine at each look
FRAME_BYTES = 4096 + 24  # of the write-ahead log: a page and its header
WORDS = ("receipt", "cosigned")


class Receipts:
    """What has been told and shown so far in one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._dice = dice_of(simulation, "receipts")
        self._checked: dict[tuple[int, int, LogId], int] = {}
        self._shown: dict[tuple[int, Place, int], Receipt] = {}
        simulation.record.told_to.append(self.told)

    def forget(self) -> None:
        """What was checked already is checked again."""
        self._checked.clear()

    # --- when a receipt is told ---

    def told(self, machine: Machine, tell: Tell) -> None:
        """A node tells that another holds its log up to a size: so it must, on its disk."""
        if tell.word not in WORDS or not machine.honest:
            return
        line = machine.station.lines.get(tell.line)
        member, size = tell.facts.get("member"), tell.facts.get("size")
        if line is None or line.mine is None or not isinstance(member, int):
            return
        log, word = line.mine, tell.facts.get("log", line.mine.word)
        if word != log.word or not isinstance(size, int):
            return
        name = author_of(machine, member)
        for other in self._simulation.world.machines:
            if other.name == name and self._can_be_asked(other):
                self._holds(machine, other, line, log, size)

    def _can_be_asked(self, other: Machine) -> bool:
        record = self._simulation.record
        lost = other.name in record.lost_disks or other.number in record.lied_disks
        return other.honest and other.process is not None and not lost

    def _holds(self, machine: Machine, other: Machine, ours: Line, log: LogId, size: int) -> None:
        """Once for each entry: its leaf, and its body if it is addressed there."""
        key = machine.number, other.number, log
        start = self._checked.get(key, 0)
        theirs = line_of(other)
        if start >= size or theirs is None:
            return
        self._checked[key] = size
        fault = ""
        held = theirs.shelf.size(log)
        if held < size:
            fault = f"{held} entries are held where {size} were receipted"
        elif _unsynced_bytes(other) > FRAME_BYTES:
            fault = "what was receipted is not synced"
        elif self._dice.happens(0.2):  # the disk is read for some; altered.py reads all at the end
            fault = self._missing(ours, theirs, log, start, size)
        if fault:
            self._simulation.record.fault(
                FAULT, f"{machine.name} has a receipt of {other.name}: {fault}"
            )

    @staticmethod
    def _missing(ours: Line, theirs: Line, log: LogId, start: int, size: int) -> str:
        state = theirs.logs[log]
        both = zip(
            ours.shelf.entries(log, start, size),
            theirs.shelf.entries(log, start, size),
            strict=True,
        )
        for here, there in both:
            index, leaf = there.place.index, there.leaf
            if here.hash != there.hash:
                return f"entry {index} is another one there"
            if leaf is None or leaf.commitment is None or leaf.kind not in CONTENT:
                continue
            wanted = leaf.reads(theirs.me) and theirs.reads(theirs.me)
            if wanted and there.body is None and not there.purged and index not in state.lacked:
                return f"the body of entry {index} is not there"
        return ""

    # --- what a ladder shows ---

    def look(self) -> None:
        """At some moment: a few ladders of each node, against what is signed and was shown."""
        for machine in honest(self._simulation):
            line = line_of(machine)
            own = None if line is None else line.own
            if line is None or own is None or own.frozen >= 0:
                continue
            for _ in range(LADDERS):
                self._shows(machine, line, Place(own.id, self._dice.between(0, own.size - 1)))
            self._shown_before(machine, line)

    def _shows(self, machine: Machine, line: Line, place: Place) -> None:
        for member, found in receipts(still(machine, line), place, line.everyone()).items():
            if not _signed(still(machine, line), place, found):
                self._fault(machine, place, f"a receipt of {member} that nobody signed")
            key = machine.number, place, member
            self._shown.setdefault(key, found)

    def _shown_before(self, machine: Machine, line: Line) -> None:
        """A receipt neither vanishes nor moves to a later time, while what states it is held."""
        for (number, place, member), before in list(self._shown.items())[-20:]:
            if number != machine.number or not self._is_steady(machine, member):
                continue
            said = (place, before.place, before.covered_by or before.place)
            if not all(_held(line, one) for one in said):
                continue  # lost with a disk, or contested
            if self._is_withheld(machine, line, before.place):
                continue
            now = receipts(still(machine, line), place, 1 << member).get(member)
            if now is None:
                self._fault(machine, place, f"the receipt of {member} is gone")
            elif now.at_s > before.at_s:
                self._fault(machine, place, f"the receipt of {member} moved to a later time")

    def _is_steady(self, machine: Machine, member: int) -> bool:
        """Of who lost a disk what lies beyond its closing heads counts no more (spec/log.md §8),
        and who attacks may say anything yet."""
        name = author_of(machine, member)
        lost = self._simulation.record.lost_disks
        return name not in lost and name not in wicked(self._simulation)

    def _is_withheld(self, machine: Machine, line: Line, place: Place) -> bool:
        """A quote of who lost its disk lies beyond where that log ended, and may count again when
        another's closing head comes (spec/ladder.md §2.3)."""
        name = author_of(machine, place.log.member)
        if name not in self._simulation.record.lost_disks:
            return False
        end = end_of(still(machine, line), place.log)
        return end is not None and place.index >= end

    def _fault(self, machine: Machine, place: Place, what: str) -> None:
        where = f"{machine.name} about {place.log.member}/{place.log.word}:{place.index}"
        self._simulation.record.fault(FAULT, f"{where}: {what}")


def _held(line: Line, place: Place) -> bool:
    log = line.logs.get(place.log)
    return log is not None and place.index < log.size and log.frozen < 0


def _unsynced_bytes(machine: Machine) -> int:
    """What a power cut could take of what this process wrote; SQLite leaves up to a frame, to fill
    a sector. What another that died of it had not committed was receipted to nobody."""
    return sum(
        len(data)
        for name, file in machine.disk.files.items()
        if name.endswith("-wal")
        for _, data in file.pending[file.left :]
    )


def _signed(shelf: Shelf, place: Place, receipt: Receipt) -> bool:
    """Whether the entry that a receipt rests on says so, in its own words."""
    leaf = shelf.entry(*receipt.place).leaf
    if leaf is None:
        return False
    if receipt.evidence is Evidence.SEEN:
        return receipt.place.log.member == receipt.member and any(
            one.log == place.log and one.size > place.index and one.held_at_s == receipt.at_s
            for one in leaf.seen
        )
    if receipt.evidence is Evidence.HELD_AHEAD:
        if leaf.kind != Kind.HELD_AHEAD or receipt.place.log.member != receipt.member:
            return False
        held = decode_held_ahead(leaf.extra)
        return (held.log, held.index, held.held_at_s) == (*place, receipt.at_s)
    quote = decode_quote(leaf.extra)
    return quote.size > place.index and (quote.member, quote.time_s, quote.log) == (
        receipt.member,
        receipt.at_s,
        place.log,
    )
