"""One link that is up, and the frames that wait for it (docs/bounds.md)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from detente.bearers.contract import Link

PACE_BYTES = 1_048_576  # frames wait here, not in the link, above this many bytes


@dataclass(slots=True)
class Live:
    """One link that is up. ``called`` says whether it was our call. Times are the loop's."""

    number: int
    link: Link
    called: bool
    since_s: float
    heard_s: float
    way: str = ""  # which of several of one kind: the device of a serial port
    key: bytes = b""
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    urgent: int = 0  # how many of those that wait are urgent; they come first, in their order
    heard: bool = False

    def last_sign_s(self) -> float:
        """When something of the peer last came."""
        return max(self.heard_s, self.link.heard_s() or 0.0)

    def must_wait(self, *, urgent: bool) -> bool:
        """Whether a frame has to wait: the link has enough, or others wait that go first."""
        busy = self.link.queued_bytes() > PACE_BYTES
        return busy or bool(self.urgent if urgent else self.waiting)

    def wait(self, frame: bytes, *, urgent: bool) -> None:
        """A frame waits, an urgent one ahead of all but urgent ones."""
        self.waiting.insert(self.urgent if urgent else len(self.waiting), frame)
        self.urgent += urgent
        self.waiting_bytes += len(frame)

    def take_next(self) -> bytes | None:
        """The next frame that the link has room for; None without one, or without room."""
        if not self.waiting or self.link.queued_bytes() > PACE_BYTES:
            return None
        frame = self.waiting.popleft()
        self.waiting_bytes -= len(frame)
        self.urgent = max(0, self.urgent - 1)
        return frame

    def forget(self) -> None:
        """Nothing waits any more: what was owed is in the store, and asked for again."""
        self.waiting.clear()
        self.waiting_bytes = self.urgent = 0
