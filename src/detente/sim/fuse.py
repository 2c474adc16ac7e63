"""When the power goes: a count of small acts, so that a process can die between any two of them."""

from __future__ import annotations

import apsw


class PowerCut(apsw.IOError):
    """The process is gone: whatever it was about to do does not happen."""


class Fuse:
    """Burns down one act at a time: a write, a sync, a mark, a frame that leaves."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.blown = False

    def set(self, acts: int) -> None:
        """Blows at the ``acts``-th act from now; 1 is the very next."""
        self.left = acts

    def burn(self) -> None:
        """One act. PowerCut where the fuse has blown."""
        if self.left is not None and not self.blown:
            self.left -= 1
            self.blown = self.left <= 0
        if self.blown:
            raise PowerCut("the power is gone")

    def renew(self) -> None:
        """A new process."""
        self.left, self.blown = None, False
