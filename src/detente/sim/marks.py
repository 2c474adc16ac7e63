"""The high-water marks of a simulated machine: on a device of their own, beside the disk."""

from __future__ import annotations

from detente.core.errors import LocalError, MachineError, Refusal
from detente.sim.fuse import Fuse, PowerCut
from detente.store.mark import Mark, may_follow


class SimMarks:
    """``store.mark.Marks`` in memory. A process may die just before or just after each write."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self.kept: dict[bytes, Mark] = {}
        self.fails = False  # the device refuses every write

    def read(self, line: bytes) -> Mark | None:
        """The mark of a line, or None."""
        return self.kept.get(line)

    def advance(self, line: bytes, old: Mark | None, new: Mark) -> None:
        """Compare, swap and sync, with the errors of the real one."""
        if self.kept.get(line) != old:
            raise MachineError(Refusal.DISK, "the stored mark is not the one last written")
        if old is not None and not may_follow(old, new):
            raise LocalError(Refusal.NOT_ALLOWED, "a mark never goes back")
        if self.fails:
            raise MachineError(Refusal.DISK, "the marks' device refuses")
        try:
            self._fuse.burn()
            self.kept[line] = new
            self._fuse.burn()
        except PowerCut as cut:
            raise MachineError(Refusal.DISK, "the power is gone") from cut
