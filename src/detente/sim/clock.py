"""A machine's clocks: they drift, jump and run backwards, and claim what error they like."""

from __future__ import annotations

from dataclasses import dataclass

from detente.core.events import Now
from detente.sim.parties import START_S


@dataclass(slots=True)
class Clock:
    """The wall clock of one machine against the world's time; the steady one only rises."""

    offset_s: int = 0
    drift_ppm: int = 0
    error_s: int = 1
    boot_ms: int = 1_000  # what the steady clock said when the world began
    wrong_s: int = 0  # of the offset: what somebody will set right

    def step(self, step_s: int) -> None:
        """It jumps, until it is set right by as much."""
        self.offset_s += step_s
        self.wrong_s += step_s

    def set_right(self) -> None:
        """Whatever it has jumped by is taken back."""
        self.step(-self.wrong_s)

    def now(self, world_ms: int) -> Now:
        """What this machine believes at a time of the world."""
        elapsed_ms = world_ms + world_ms * self.drift_ppm // 1_000_000
        return Now(
            START_S + elapsed_ms // 1000 + self.offset_s, world_ms + self.boot_ms, self.error_s
        )

    def world_ms(self, steady_ms: int) -> int:
        """When the steady clock will say this."""
        return steady_ms - self.boot_ms
