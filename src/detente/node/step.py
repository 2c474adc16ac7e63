"""One group of inputs, one transaction, then the effects: persist, then speak (ADR 0004).

The simulator drives this same file; it knows no socket and no loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from detente.core.errors import LocalError, MachineError, PeerError, Refusal
from detente.core.events import (
    CloseLink,
    Effect,
    Entropy,
    Input,
    Now,
    Offered,
    Send,
    StoreEntries,
    StoreLine,
    Tell,
    Tick,
)
from detente.core.merkle import EMPTY_ROOT
from detente.core.protocol import handle
from detente.core.station import Station, Step
from detente.store.contract import Store
from detente.store.mark import Mark, Marks

Spoken = Send | CloseLink | Tell | Offered


@dataclass(slots=True)
class Outcome:
    """What a step came to: what may be said now, and which inputs were refused by our own side."""

    spoken: list[Spoken] = field(default_factory=list)
    refused: dict[int, LocalError] = field(default_factory=dict)  # by position of the input
    entries: int = 0


class Stepper:
    """Drives the core over one store and one set of high-water marks.

    After an error the core knows more than the store kept, so that even a greeting would speak of
    what is not there: from then on every step is refused, and the process ends.
    """

    def __init__(
        self,
        station: Station,
        store: Store,
        marks: Marks,
        now: Callable[[], Now],
        entropy: Entropy,
    ) -> None:
        self._station = station
        self._store = store
        self._marks = marks
        self._now = now
        self._entropy = entropy
        self._known: dict[bytes, Mark | None] = {}
        self._open = False
        self._failed = False

    def change(self, act: Callable[[Step], None]) -> Outcome:
        """One change that our own side makes to the core's state, and its effects, kept alike."""

        def take(outcome: Outcome, fresh: dict[bytes, Mark]) -> None:
            step = Step(self._station, self._now(), self._entropy)
            act(step)
            self._apply(step.out, outcome, fresh)
            self._take((), outcome, fresh)

        return self._keep(take)

    def run(self, inputs: Sequence[Input]) -> Outcome:
        """Takes the inputs in order, settles every line, commits, writes the marks.

        What may be said is in the outcome, and by then it is on the disk. A LocalError of one
        input leaves the others; it stands in ``refused``. MachineError for anything else, now and
        at every later call.
        """
        return self._keep(lambda outcome, fresh: self._take(inputs, outcome, fresh))

    def _keep(self, take: Callable[[Outcome, dict[bytes, Mark]], None]) -> Outcome:
        """All of it in one transaction; then the marks of what was signed; or nothing, for ever."""
        if self._failed:
            raise MachineError(Refusal.DISK, "an earlier step failed")
        self._failed = True  # until all of it is kept
        outcome, fresh = Outcome(), dict[bytes, Mark]()
        try:
            take(outcome, fresh)
            if self._open:
                self._store.commit()
                self._open = False
            for line, mark in fresh.items():
                self._advance(line, mark)
        except (LocalError, PeerError) as error:
            raise MachineError(Refusal.DISK, f"a step that cannot be kept: {error}") from error
        finally:
            if self._open:
                self._store.rollback()
        self._failed = False
        return outcome

    def _take(self, inputs: Sequence[Input], outcome: Outcome, fresh: dict[bytes, Mark]) -> None:
        """Applies inputs and settles; ``fresh`` gets the marks of what was signed."""
        for position, given in enumerate(inputs):
            try:
                effects = handle(self._station, given, self._now(), self._entropy)
            except LocalError as error:
                outcome.refused[position] = error
                continue
            self._apply(effects, outcome, fresh)
        self._apply(handle(self._station, Tick(), self._now(), self._entropy), outcome, fresh)

    def _apply(self, effects: list[Effect], outcome: Outcome, fresh: dict[bytes, Mark]) -> None:
        for effect in effects:
            if isinstance(effect, Spoken):
                outcome.spoken.append(effect)
                continue
            if not self._open:
                self._store.begin()
                self._open = True
            if isinstance(effect, StoreLine) and self._mark(effect.line) is None:
                self._begin_mark(effect.line)
            self._store.apply(effect)
            if isinstance(effect, StoreEntries):
                outcome.entries += len(effect.entries)
                if effect.own:
                    head = effect.head
                    fresh[effect.line] = Mark(effect.log.k, effect.log.life, head.size, head.root)

    def _begin_mark(self, line: bytes) -> None:
        """A mark of size 0 before leaf 0 is committed: a crash between is no restore."""
        mark = Mark(self._station.keys.k, b"", 0, EMPTY_ROOT)
        self._advance(line, mark)

    def _advance(self, line: bytes, mark: Mark) -> None:
        self._marks.advance(line, self._mark(line), mark)
        self._known[line] = mark

    def _mark(self, line: bytes) -> Mark | None:
        if line not in self._known:
            self._known[line] = self._marks.read(line)
        return self._known[line]
