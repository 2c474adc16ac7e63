"""Promise 5, FLASH first: once it is entered it is on its way at once, and on a narrow bearer it
waits for nothing lower but the one frame that has the air.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.core.encoding import Reader
from detente.core.errors import PeerError
from detente.core.events import Tell
from detente.core.frames import Ahead, Body
from detente.core.leaf import Precedence
from detente.core.streaming import IN_FLIGHT_BYTES_MAX
from detente.core.wire import ENTRIES, read_tag
from detente.sim.checkers.ends import entries, honest, line_of

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.network import Connection
    from detente.sim.record import Submitted
    from detente.sim.run import Simulation

FAULT = "FLASH first"
AT_ONCE_MS = 1_000
LOWER = frozenset({ENTRIES, Body.TYPE})
CARRY = LOWER | {Ahead.TYPE}  # the frames in which a body travels


class FlashFirst:
    """FLASH that was submitted and has not left on some connection yet."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._taken = 0  # of ``record.attempted``
        self._flash: dict[str, list[tuple[Submitted, object]]] = {}  # by name, with the process
        self._since: dict[int, int] = {}  # by our number of a link: since when it may carry entries
        self._left: set[tuple[bytes, int]] = set()  # commitment, link
        simulation.record.leaving_to.append(self.leaving)
        simulation.record.told_to.append(self.told)

    def told(self, machine: Machine, tell: Tell) -> None:
        """Somebody is no member any more: what ended on its links begins anew if it comes back."""
        if tell.word == "left":
            for link in machine.connections:
                self._since.pop(link, None)

    def _learn(self) -> None:
        attempted = self._simulation.record.attempted
        for one in attempted[self._taken :]:
            if one.precedence >= Precedence.FLASH:
                machine = self._simulation.world.machines[one.machine]
                self._flash.setdefault(one.name, []).append((one, machine.process))
        self._taken = len(attempted)

    def leaving(self, machine: Machine, connection: Connection, data: bytes, urgent: bool) -> None:
        """A frame is handed to its link: is it FLASH, and what waits there before it?"""
        if not machine.honest:
            return
        if self._taken < len(self._simulation.record.attempted):
            self._learn()
        side = connection.side(machine.number)
        link, now_ms = connection.links[side], self._simulation.world.now_ms
        since_ms = self._since.get(link, now_ms)
        if link not in self._since and _may_carry(machine, link):
            self._since[link] = now_ms
        if not data or data[0] >> 4 not in CARRY:
            return
        for one, process in self._flash.get(machine.name, ()):
            if len(data) <= len(one.packed) or (one.commitment, link) in self._left:
                continue
            if one.packed not in data:
                continue
            self._left.add((one.commitment, link))
            if one.machine != machine.number:
                continue
            word = f"{one.name}'s {one.commitment.hex()[:12]}"
            # What stands in a log of an earlier life is history that is asked for: it takes turns.
            if not urgent and not self._held_up(machine):
                self._behind(word, connection, side)
            waited_ms = now_ms - one.at_ms
            steady = since_ms < one.at_ms and process is machine.process
            if steady and waited_ms > AT_ONCE_MS and not self._held_up(machine):
                self._fault(f"{word} left {waited_ms} ms after it was submitted")

    def _held_up(self, machine: Machine) -> bool:
        """Whether an adoption may have come between, and a person's release."""
        line = line_of(machine)
        later = line is None or line.mine is None or bool(line.mine.life)
        return later or machine.name in self._simulation.record.lost_disks

    def check(self) -> None:
        """In the end: what was submitted after a FLASH, and is lower, stands behind it. Who lost a
        disk, or was adopted, may have had people release the FLASH later."""
        attempted = {one.commitment: one for one in self._simulation.record.attempted}
        for machine in honest(self._simulation):
            if machine.name in self._simulation.record.lost_disks:
                continue
            for log, found in entries(machine).items():
                line = line_of(machine)
                if line is None or log.member != line.me or log.life:
                    continue
                since_ms = None  # the earliest FLASH that stands further on
                for entry in reversed(found):
                    leaf = entry.leaf
                    one = None if leaf is None else attempted.get(leaf.commitment or b"")
                    if one is None:
                        continue
                    if one.precedence >= Precedence.FLASH:
                        since_ms = min(one.at_ms, one.at_ms if since_ms is None else since_ms)
                    elif since_ms is not None and one.at_ms > since_ms:
                        what = f"{one.commitment.hex()[:12]} in entry {entry.place.index}"
                        self._fault(f"{machine.name} entered {what} before an earlier FLASH")

    def _behind(self, word: str, connection: Connection, side: int) -> None:
        waiting = connection.pipes[side].waiting
        lower = [frame for frame in waiting if _is_lower(frame)]
        if not connection.route.wide and lower:
            self._fault(f"{word} waits behind {len(lower)} frames of a narrow bearer")
        if sum(map(len, lower)) > IN_FLIGHT_BYTES_MAX:
            self._fault(f"{word} waits behind more than may be under way")

    def _fault(self, what: str) -> None:
        self._simulation.record.fault(FAULT, what)


def _may_carry(machine: Machine, link: int) -> bool:
    """Whether FLASH may be entered for this link: the peer has said hello there, before which it is
    sent no entries (spec/session.md), and the line is open. Until every founding member's leaf 0 is
    held, nobody has agreed to the line, and nothing is said on it (design §5, F16; spec/log.md §7):
    at 86 bit/s a charter alone has the air for over a minute. The same holds between two: to a peer
    that holds nothing of our log nothing can go ahead in it (spec/session.md §6, base above 0)."""
    line = line_of(machine)
    session = None if line is None else line.sessions.get(link)
    if line is None or line.own is None or session is None or not line.is_open():
        return False
    return session.greeted and session.holds.get(line.own.id, 0) > 0


def _is_lower(data: bytes) -> bool:
    try:
        return read_tag(Reader(data))[0] in LOWER
    except PeerError:
        return False
