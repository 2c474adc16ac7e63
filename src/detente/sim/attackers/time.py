"""Lies about time: clocks years off that claim to be exact, and entries of other days (F13)."""

from __future__ import annotations

from detente.sim.attackers.hand import Way, dispatch, enter

YEAR_S = 366 * 86_400
LIES_S = (-25 * YEAR_S, -YEAR_S, -86_400, 86_400, YEAR_S, 4 * YEAR_S, 70 * YEAR_S)


class LyingClock(Way):
    """A clock that is years off, and claims not to be a second."""

    def begin(self) -> None:
        """Now and then to another time."""
        self.often(self._act)

    def _act(self) -> bool:
        self.machine.clock.offset_s = self.dice.one_of(LIES_S)
        self.machine.clock.error_s = 0
        return True


class OtherDays(Way):
    """Entries that claim to be of other days, to use up or to save up what is granted (F20)."""

    def begin(self) -> None:
        """Now and then."""
        self.often(self._act, 8)

    def _act(self) -> bool:
        time_s = self.machine.clock.now(self.simulation.world.now_ms).wall_s
        time_s = max(0, time_s + self.dice.one_of((*LIES_S, -time_s)))
        return enter(self.machine, dispatch(self.machine, "of another day", time_s=time_s))


WAYS: dict[str, type[Way]] = {"lying-clock": LyingClock, "other-days": OtherDays}
