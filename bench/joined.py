"""Two nodes in this process, joined without a network: every step is called and timed by itself.

Real homes, stores, marks and signatures; only the link between them is a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.ground import Ground, opened, the_line
from bench.samples import submission

from detente.core.body import SALT_BYTES
from detente.core.events import FrameIn, Input, LinkDown, LinkUp, Send
from detente.core.limits import BATCH_ENTRIES_MAX
from detente.core.line import Line
from detente.node.node import Node

LINK = 1  # the number of the only link, at both ends


@dataclass
class End:
    """One node and the frames that wait for it."""

    node: Node
    inbox: list[bytes] = field(default_factory=list)

    def step(self, inputs: list[Input], other: End) -> list[bytes]:
        """One step of this node; what it sends lies in the other's inbox, and is returned."""
        outcome = self.node.stepper.run(inputs)
        if outcome.refused:
            raise next(iter(outcome.refused.values()))
        sent = [one.data for one in outcome.spoken if isinstance(one, Send)]
        other.inbox += sent
        return sent

    def take(self, other: End) -> list[bytes]:
        """One step over every frame that has come."""
        frames, self.inbox = self.inbox, []
        return self.step([FrameIn(LINK, frame) for frame in frames], other)


@dataclass
class Pair:
    """Alpha writes, bravo holds and cosigns."""

    alpha: End
    bravo: End
    seed: Iterator[str]

    @property
    def line(self) -> Line:
        """Alpha's view of the line."""
        return the_line(self.alpha.node)

    def size(self) -> int:
        """Entries in alpha's log."""
        own = self.line.own
        return 0 if own is None else own.size

    def settle(self) -> None:
        """Delivers until nobody has anything to say."""
        while self.alpha.inbox or self.bravo.inbox:
            if self.bravo.inbox:
                self.bravo.take(self.alpha)
            if self.alpha.inbox:
                self.alpha.take(self.bravo)

    def submit(self, count: int, *, queued: int = 0) -> list[bytes]:
        """Alpha enters so many dispatches in one step; the frames it sends."""
        line, node = self.line, self.alpha.node
        given: list[Input] = [
            submission(line, next(self.seed), queued, node.entropy(SALT_BYTES))
            for _ in range(count)
        ]
        return self.alpha.step(given, self.bravo)

    def grow(self, size: int, batch: int = BATCH_ENTRIES_MAX) -> Iterator[int]:
        """Enters dispatches, ``batch`` under each signature, until alpha's log has ``size``.

        Yields the size after every batch, all of it held, cosigned and known to be.
        """
        while (have := self.size()) < size:
            self.submit(min(batch, size - have), queued=BATCH_ENTRIES_MAX)
            self.settle()
            yield self.size()


@contextmanager
def joined(ground: Ground, seed: Iterator[str]) -> Iterator[Pair]:
    """Opens both homes and joins them."""
    with opened(ground.alpha) as alpha, opened(ground.bravo) as bravo:
        pair = Pair(End(alpha), End(bravo), seed)
        for end, other in ((pair.alpha, pair.bravo), (pair.bravo, pair.alpha)):
            end.step([LinkUp(LINK, other.node.station.party)], other)
        pair.settle()
        yield pair
        for end, other in ((pair.alpha, pair.bravo), (pair.bravo, pair.alpha)):
            end.step([LinkDown(LINK)], other)
