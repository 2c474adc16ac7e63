"""Sealed links keep the contract of a bearer whatever the way does: of one life every frame comes
once, in its lane's order, and nothing of another life; no keys are made twice; between ends that
keep the rules none ends for what it carried; and what is urgent waits for one fragment alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from detente.bearers.fec import PARITY_BYTES
from detente.bearers.packets import LANES, URGENT
from detente.bearers.sealed_link import PIECE_BYTES_MAX

if TYPE_CHECKING:
    from detente.sim.cables import Port
    from detente.sim.run import Simulation

FAULT = "sealed links"
FLASH = "FLASH first"
# As «no sign of life», «hung up», «pulled»: what is no fault of either end's words.
REFUSED = ("fragments of no end", "does not open", "too many lives")
SLACK_S = 3.0
HEADS_BYTES = 90  # what is broken off, and a confirmation
SHARE = 1.25  # heads, escapes, and a lower fragment after every eight


@dataclass(eq=False)
class Given:
    """A frame that an end was given to send."""

    data: bytes
    at_ms: int


class _Load(NamedTuple):
    """What an urgent frame waits for in its lane, itself among it."""

    sealed_bytes: int
    frames: int

    def air_ms(self, end: Port) -> int:
        """How long that may take under the error correction in force, of each packet's own (spec/
        bearer-sealed.md §6): of every piece, of the rest of each frame, of a lower fragment after
        every eight, and of what is broken off."""
        level = max(end.end.level, end.end.level_wished)
        packets = SHARE * self.sealed_bytes / PIECE_BYTES_MAX[level] + self.frames + 1
        count = SHARE * self.sealed_bytes + HEADS_BYTES + PARITY_BYTES[level] * packets
        air_s = end.end.airtime_s(int(count)) + SLACK_S
        return int(1000 * air_s) + end.cable.route.delay_ms


class Cables:
    """All lives of all sealed links of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        # By binding, who sends, and lane: what was given in this life and has not come yet.
        self._ways: dict[tuple[bytes, int], tuple[deque[Given], ...]] = {}

    def began(self, end: Port) -> None:
        """A life of the link has begun at one end: with keys that it never had."""
        life = end.binding, end.side
        if life in self._ways:
            self._fault(end, "keys of an earlier life are used again")
        self._ways[life] = tuple(deque() for _ in range(LANES))

    def ended(self, end: Port, why: str) -> None:
        """It is over."""
        if all(one.honest for one in end.cable.machines) and any(word in why for word in REFUSED):
            self._fault(end, f"a life ended: {why}")

    def gave(self, end: Port, data: bytes, *, urgent: bool) -> None:
        """A frame to send; if it is urgent, it must have come in time."""
        given = Given(data, end.cable.world.now_ms)
        waiting = self._ways[end.binding, end.side][URGENT if urgent else 0]
        waiting.append(given)
        if urgent and end.end.met:
            ahead = end.end.sends[URGENT]
            under_way = sum(len(one.fragment.piece) for one in ahead.under_way.values())
            load = _Load(ahead.queued_bytes + under_way + len(data), len(waiting))
            late = partial(self._late, end, end.binding, waiting, given, load)
            end.cable.world.later(load.air_ms(end), late)

    def _late(
        self, end: Port, binding: bytes, waiting: deque[Given], given: Given, load: _Load
    ) -> None:
        """It is due: on a way that lost nothing meanwhile, between ends that are still there. More
        error correction may have been asked for since it was given."""
        cable = end.cable
        left_ms = given.at_ms + load.air_ms(end) - cable.world.now_ms
        if left_ms > 0 and given in waiting:
            cable.world.later(left_ms, partial(self._late, end, binding, waiting, given, load))
            return
        ends = [port for port in cable.ports if port is not None and port.link is not None]
        there = len(ends) == len(cable.ports) and all(one.binding == binding for one in ends)
        if there and given in waiting and cable.clean_ms < given.at_ms and not cable.is_rough:
            what = f"{len(given.data)} bytes were not there in time, on a way that lost nothing"
            self._simulation.record.fault(FLASH, f"{_name(end)}: {what}")

    def came(self, end: Port, data: bytes) -> None:
        """A frame came out: the next one of one of the lanes, of the same life."""
        for lane in self._ways.get((end.binding, 1 - end.side), ()):
            if lane and lane[0].data == data:
                lane.popleft()
                return
        self._fault(end, "a frame came that was not the next of any lane of this life")

    def _fault(self, end: Port, what: str) -> None:
        self._simulation.record.fault(FAULT, f"{_name(end)}: {what}")


def _name(end: Port) -> str:
    one, other = end.machine, end.cable.machines[1 - end.side]
    return f"{one.name}'s end of the cable to {other.name}"
