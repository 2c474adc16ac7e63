"""The world: one virtual clock, the machines, the routes between them, and what is known."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from itertools import combinations, count

from detente.core.charter import Charter, Member, propose
from detente.core.charter import charter_id as id_of
from detente.core.events import Accept
from detente.sim.cables import Cables
from detente.sim.clock import Clock
from detente.sim.dice import Dice
from detente.sim.machine import Machine
from detente.sim.network import REDIAL_MS, STALL_MS, Connection, Pipe, Route
from detente.sim.parties import card_of
from detente.sim.record import Record

SETTLED_BITS_PER_S = 64_000
# As SQLite says it of pages, and of rows that differ; and our store of rows that are not there.
TORN = ("malformed", "constraint failed", "damaged")
# What a start may meet on a disk that keeps its word; whatever else it meets is a store in pieces.
REFUSED = ("fsync failed", "no space left on device", "device refuses", "the power is gone")
EVENTS_MAX = 5_000_000  # a world that does not come to rest is a finding, not a hang


class World:
    """Everything there is in one simulation."""

    def __init__(
        self,
        dice: Dice,
        names: Sequence[str],
        roles: Sequence[str] = (),
        *,
        real: bool = False,
        traced: bool = False,
        joins: bool = False,
    ) -> None:
        self.dice = dice
        self.names = tuple(names)
        self.founders = self.names[: len(names) - joins]  # the others join later, if they do
        self.real = real
        self.now_ms = 0
        self.record = Record(self, traced=traced)
        self.routes: dict[tuple[int, int], Route] = {}
        self.machines: list[Machine] = []
        self.settled = False  # the faults have stopped
        self.asleep: dict[tuple[int, int], int] = {}  # until when nobody calls
        self._roles = tuple(roles) or ("party",) * len(names)
        self._connections: list[Connection] = []
        self._shut_until_ms: dict[tuple[int, int], int] = {}
        self._dialling: set[tuple[int, int]] = set()
        self._unwired: set[tuple[int, int]] = set()  # pairs that have a cable alone
        self._links = count(1)
        self._order = count()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self.cables = Cables(self)
        self.charter = self._charter()
        self.line_id = id_of(self.charter.encode())
        for name in names:
            self.add_machine(name)

    def _charter(self) -> Charter:
        members = [
            Member(n, self._roles[n], card.card.party, card.hash, card.card.name)
            for n, card in enumerate(card_of(name, real=self.real) for name in self.founders)
        ]
        return propose(
            random=self.dice.stream("charter").bytes(16),
            title="Simulated line",
            members=members,
            languages=("en", "ru", "uk"),
            padding=False,
        )

    def add_machine(self, name: str) -> Machine:
        """One more machine, reachable from all that are not of the same party."""
        number = len(self.machines)
        machine = Machine(
            self, number, name, self.dice.stream("machine", number), Clock(), self.real
        )
        self.machines.append(machine)
        for other in self.machines[:-1]:
            if other.name != name:
                self.routes[other.number, number] = Route()
        return machine

    # --- time ---

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Does something after ``delay_ms`` of the world's time."""
        heapq.heappush(self._events, (self.now_ms + delay_ms, next(self._order), act))

    def run_until(self, until_ms: int) -> None:
        """Lets time pass to ``until_ms``."""
        for _ in range(EVENTS_MAX):
            if not self._events or self._events[0][0] > until_ms:
                self.now_ms = max(self.now_ms, until_ms)
                return
            self.now_ms, _, act = heapq.heappop(self._events)
            act()
        self.record.fault("liveness", "the world does not come to rest")

    # --- beginning ---

    def open(self) -> None:
        """Every machine starts, accepts a charter that names it, and is linked to every other."""
        for machine in self.machines:
            machine.start()
            self.accept(machine)
        self.dial_all()

    def accept(self, machine: Machine) -> None:
        """Its officers accept the founding charter, if it names them."""
        if machine.process is None or machine.name not in self.founders:
            return
        if self.line_id not in machine.station.lines:
            machine.run([Accept(self.charter.encode())])

    # --- connections ---

    def dial_all(self) -> None:
        """Whoever can reach another calls it."""
        for pair in combinations(range(len(self.machines)), 2):
            self.dial(pair)

    def dial(self, pair: tuple[int, int]) -> None:
        """Tries to connect two machines soon, unless they are or are about to be."""
        if pair in self.routes and pair not in self._dialling:
            self._dialling.add(pair)
            delay_ms = self.dice.between(*REDIAL_MS)
            until_ms = max(self._shut_until_ms.get(pair, 0), self._quiet_until_ms(pair))
            delay_ms = max(delay_ms, until_ms - self.now_ms)
            self.later(delay_ms, lambda: self._connect(pair))

    def _quiet_until_ms(self, pair: tuple[int, int]) -> int:
        """Until when nobody calls: it is night, or one of them sends nothing."""
        silent_ms = max(self.machines[number].silent_until_ms for number in pair)
        return max(self.asleep.get(pair, 0), silent_ms)

    def _connect(self, pair: tuple[int, int]) -> None:
        self._dialling.discard(pair)
        ends = self.machines[pair[0]], self.machines[pair[1]]
        route = self.routes[pair]
        up = all(machine.process is not None for machine in ends)
        if not up or not route.whole or self.connected(pair) or pair in self._unwired:
            return  # whoever comes back dials
        if self._quiet_until_ms(pair) > self.now_ms:
            self.dial(pair)
            return
        links = self.new_link(), self.new_link()
        made: list[Connection] = []
        pipes = tuple(
            Pipe(
                route,
                side,
                self.dice.stream("pipe", links[side]),
                self,
                lambda data, side=side: ends[1 - side].arrived(made[0], data),  # type: ignore[misc]
            )
            for side in (0, 1)
        )
        connection = Connection(route, pair, links, (pipes[0], pipes[1]))
        made.append(connection)
        self._connections.append(connection)
        self.record.note(ends[0], "connected", peer=ends[1].number)
        for side in (0, 1):
            ends[side].linked(connection, ends[1 - side].party)

    def new_link(self) -> int:
        """A number that no link has had."""
        return next(self._links)

    def unwire(self, pair: tuple[int, int]) -> None:
        """From now on two machines have nothing but their cable."""
        self._unwired.add(pair)
        for connection in list(self.connections_of(pair)):
            if connection.alive:
                self.lose(connection)

    def is_unwired(self, pair: tuple[int, int]) -> bool:
        """Whether a cable is all they have."""
        return pair in self._unwired

    def wire(self, pair: tuple[int, int]) -> None:
        """They have a route again."""
        if pair in self._unwired:
            self._unwired.remove(pair)
            self.dial(pair)

    def connected(self, pair: tuple[int, int]) -> bool:
        """Whether a connection lives between two machines, as far as both know."""
        return any(c.ends == pair and c.alive for c in self._connections)

    def connections_of(self, pair: tuple[int, int]) -> list[Connection]:
        """The connections between two machines that either still believes in."""
        return [c for c in self._connections if c.ends == pair]

    def hang_up(self, connection: Connection, by: int) -> None:
        """One end closes; the other notices when that reaches it, or much later."""
        connection.kill()
        if connection.cable:
            return  # its other end has a life of its own
        side = connection.side(by)
        self._notice(connection, side)
        route = connection.route
        blind = route.shut[side]
        delay_ms = self.dice.between(STALL_MS // 2, STALL_MS) if blind else route.delay_ms
        self.later(delay_ms, lambda: self._notice(connection, 1 - side))

    def lose(self, connection: Connection) -> None:
        """A connection dies under both; each notices in its own time."""
        connection.kill()
        for side in (0, 1):
            delay_ms = self.dice.between(0, STALL_MS)
            self.later(delay_ms, lambda side=side: self._notice(connection, side))  # type: ignore[misc]

    def _notice(self, connection: Connection, side: int) -> None:
        if not connection.up[side]:
            return
        connection.up[side] = False
        self.machines[connection.ends[side]].unlinked(connection)
        if not any(connection.up):
            self._connections.remove(connection)
        self.dial(connection.ends)

    def shut_out(self, machine: Machine, connection: Connection) -> None:
        """A party that sent garbage is not talked to for a while."""
        pair, wait_ms = connection.ends, machine.dice.between(1_000, 60_000)
        self._shut_until_ms[pair] = self.now_ms + wait_ms
        if connection.cable:
            self.cables.shut_out(machine, connection, wait_ms)

    def died(self, machine: Machine) -> None:
        """A process has ended; its supervisor starts it again, unless it is kept down. A store that
        is torn is for officers; it may be only where the disk has lied."""
        self.cables.died(machine)
        if any(word in machine.why_down for word in TORN):
            self.record.stuck(machine)
            self._torn(machine)
            return
        outage_ms = machine.dice.spread(500, 600_000 if not self.settled else 5_000)
        self.later(outage_ms, lambda: self.restart(machine))

    def restart(self, machine: Machine) -> None:
        """A process on what its disk holds; what cannot start is for officers."""
        if machine.process is not None or machine.kept_down:
            return
        if machine.start():
            self.reach(machine)
        else:
            self.record.note(machine, "needs-officers", why=machine.why_down)
            self.record.stuck(machine)
            if not any(word in machine.why_down for word in REFUSED):
                self._torn(machine)

    def _torn(self, machine: Machine) -> None:
        """A store is in pieces, or has holes: a disk that never lied does not leave one so."""
        if not machine.disk.has_lied:
            what = f"{machine.name}'s store is torn on a true disk: {machine.why_down}"
            self.record.fault("nothing lost", what)

    def reach(self, machine: Machine) -> None:
        """Dials everyone from and to one machine."""
        for pair in self.routes:
            if machine.number in pair:
                self.dial(pair)
        self.cables.started(machine)

    # --- routes ---

    def mend(self) -> None:
        """The faults have stopped: every route is whole, awake and fit for a day's traffic."""
        self.settled = True
        self.asleep.clear()
        self._shut_until_ms.clear()
        self._dialling.clear()
        for pair, route in self.routes.items():
            if route.bits_per_s < SETTLED_BITS_PER_S:
                for connection in self.connections_of(pair):
                    if connection.alive:
                        self.lose(connection)  # a frame on its way would take hours yet
            route.bits_per_s = max(route.bits_per_s, SETTLED_BITS_PER_S)
            route.loses = route.doubles = route.swaps = 0.0
            self.heal(pair)
        self.cables.settle()

    def route(self, one: int, other: int) -> Route:
        """The route between two machines."""
        return self.routes[min(one, other), max(one, other)]

    def shut(self, pair: tuple[int, int], side: int) -> None:
        """From now on nothing passes from that side; in a while the connection is given up."""
        route = self.routes[pair]
        route.shut[side] = True

        def give_up() -> None:
            if route.shut[side]:
                for connection in list(self.connections_of(pair)):
                    if connection.alive:
                        self.lose(connection)

        self.later(STALL_MS, give_up)

    def heal(self, pair: tuple[int, int]) -> None:
        """The route is whole again, both ways."""
        self.routes[pair].shut[:] = [False, False]
        for connection in self.connections_of(pair):
            for pipe in connection.pipes:
                pipe.push()
        self.dial(pair)
