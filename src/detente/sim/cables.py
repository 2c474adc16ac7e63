"""Narrow ways of bytes between two machines, with sealed links on them: slow, noisy, shut without
a word, and told again by whoever listens. The ends are ``bearers.pipe`` and what stands below it;
what a serial port does with them (``bearers.serial``) is done here in virtual time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Protocol

from detente.bearers.contract import LINK_QUEUE_BYTES_MAX
from detente.bearers.kiss import FEND
from detente.bearers.pipe import Pipe
from detente.bearers.sealed_link import SealedEnd
from detente.core.limits import FRAME_BYTES_MAX
from detente.node.links import PATIENCE_S, SILENT_S
from detente.sim.clerk import OwnConfig, SerialRow
from detente.sim.network import Connection, Route, Way
from detente.sim.plan import SETUP_MS, CablePlan

if TYPE_CHECKING:
    from detente.sim.dice import Dice
    from detente.sim.machine import Machine, Process
    from detente.sim.world import World

SLICE_S = 0.25  # what a port hands on at once is so much of the way's time
WATCH_MS = 30_000
SETTLED_BITS_PER_S = 64_000
TAPE_BLOCKS_MAX = 40  # of each direction: what a listener tells again
DELIVER_MS = 2_000  # behind a link that is new


class Watcher(Protocol):
    """Who checks that a sealed link keeps the contract of a bearer."""

    def began(self, end: Port) -> None:
        """A life of the link has begun at one end."""
        ...

    def ended(self, end: Port, why: str) -> None:
        """And is over, for this reason."""
        ...

    def gave(self, end: Port, data: bytes, *, urgent: bool) -> None:
        """An end was given a frame to send."""
        ...

    def came(self, end: Port, data: bytes) -> None:
        """A frame came out at an end."""
        ...


@dataclass(eq=False)
class Port(Way):
    """One end of a cable, and the process that has it open; itself the way of the connection."""

    cable: Cable
    side: int
    machine: Machine
    process: Process
    secret: bytes
    link: Connection | None = None  # the life that is up
    binding: bytes = b""
    shut: bool = False
    busy: bool = False
    _wakes_ms: float = -1.0

    def __post_init__(self) -> None:
        own, peer = self.machine.party, self.cable.machines[1 - self.side].party
        bits, entropy = self.cable.route.bits_per_s, self.cable.dice.stream("end", self.side)
        # Each opening draws others: the number of lives so far names them.
        draws = entropy.stream(self.cable.openings).bytes
        self.end = SealedEnd(self.secret, own, peer, bits, draws, self.now_s)
        self._pipe = Pipe(self.end)

    @property
    def now_s(self) -> float:
        """The world's time."""
        return self.cable.world.now_ms / 1000

    # --- as the way of a connection ---

    @property
    def empty(self) -> bool:
        """Whether the peer has all it was sent."""
        return all(lane.is_empty() for lane in self.end.sends)

    @property
    def waiting(self) -> tuple[bytes, ...]:
        """Nothing that is told: what waits is sealed, and ``checkers.cables`` counts its time."""
        return ()

    def send(self, data: bytes, *, urgent: bool) -> None:
        """One frame, as ``SerialLink.send``."""
        if self.link is None or len(data) > FRAME_BYTES_MAX:
            return
        if self.end.queued_bytes() + len(data) > LINK_QUEUE_BYTES_MAX:
            self.end_life("peer does not read")
            return
        for watcher in self.cable.watchers:
            watcher.gave(self, data, urgent=urgent)
        self.end.send(data, urgent=urgent)
        self.push()

    def push(self) -> None:
        """Hands on a slice, if the way is free and there is something to say."""
        if self.machine.silent:
            self.cable.clean_ms = self.cable.world.now_ms  # what waits here is nobody's fault
        if self.busy or self.shut or self.machine.silent:
            return
        bits = self.cable.route.bits_per_s
        self.end.unheard = self._peer_is_silent()
        data = self._pipe.take(self.now_s, max(1, int(bits * SLICE_S / 8)))
        self._look()
        if data:
            self.busy = True
            self.cable.world.later(max(1, len(data) * 8_000 // bits), lambda: self._left(data))
            return
        wake_s = self._pipe.wake_s()
        if wake_s is not None and wake_s != self._wakes_ms:
            self._wakes_ms = wake_s
            wait_ms = max(20, int((wake_s - self.now_s) * 1000) + 1)
            self.cable.world.later(wait_ms, lambda: self._woken(wake_s))

    def _peer_is_silent(self) -> bool:
        """As it has announced: its silence ends no life."""
        return self.cable.machines[1 - self.side].silent

    def hush(self) -> None:
        """As ``SerialPort.be_silent``: ``push`` sees that its machine is silent."""

    def kill(self) -> None:
        """The machine hangs up, or is gone."""
        if self.machine.process is self.process:
            self.end_life("hung up")
        else:
            self.close("the process is gone")

    def _left(self, data: bytes) -> None:
        self.busy = False
        self.cable.carry(self.side, data)
        self.push()

    def _woken(self, wake_s: float) -> None:
        if self._wakes_ms == wake_s:
            self._wakes_ms = -1.0
            self.push()

    # --- lives of the link ---

    def feed(self, data: bytes) -> None:
        """Bytes that came."""
        if self.shut:
            return
        frames = self._pipe.feed(data, self.now_s)
        if self.link is None:
            self._look()
        for frame in frames:
            if self.link is not None:
                for watcher in self.cable.watchers:
                    watcher.came(self, frame)
                self.machine.arrived(self.link, frame)
        self._look()
        self.push()

    def _look(self) -> None:
        """A life that is over is named, one that has begun is told of."""
        keys = self.end.keys
        if self.link is not None and (keys is None or keys.fresh != self.binding):
            self._lost(self.end.why)
        if keys is not None and self.link is None and not self.shut:
            self.binding = keys.fresh
            number = self.cable.world.new_link()
            route, ends = self.cable.route, self.cable.pair
            self.link = Connection(route, ends, (number, number), (self, self), cable=True)
            self.link.listened = self.machine.silent
            for watcher in self.cable.watchers:
                watcher.began(self)
            self.cable.world.record.note(self.machine, "cable-up", link=number)
            self.machine.linked(self.link, self.cable.machines[1 - self.side].party)
            self._watch(self.link)

    def _lost(self, why: str) -> None:
        link, self.link = self.link, None
        if link is not None:
            self.cable.world.record.note(self.machine, "cable-down", why=why)
            for watcher in self.cable.watchers:
                watcher.ended(self, why)
            self.machine.unlinked(link)

    def _watch(self, link: Connection) -> None:
        """Nothing came for too long: as ``Links.drop_silent``."""
        begun_s = self.now_s

        def look() -> None:
            if self.link is link:
                excused = self.machine.silent or self._peer_is_silent()
                if not excused and self.now_s - max(begun_s, self.end.heard_s or 0.0) > SILENT_S:
                    self.end_life("no sign of life")
                else:
                    self.cable.world.later(WATCH_MS, look)

        self.cable.world.later(WATCH_MS, look)

    def end_life(self, why: str) -> None:
        """Ends the life that is up, on our side; the next one has other keys."""
        if self.link is not None and not self.shut:
            self.end.end(why, self.now_s)
            self._lost(why)
            self.push()

    def close(self, why: str) -> None:
        """The port is closed: what was half sent is never ended."""
        if not self.shut:
            self.shut = True
            self._lost(why)


@dataclass(eq=False)
class Cable:
    """A way of bytes, and both ports at it. Its own route says what lies between."""

    world: World
    pair: tuple[int, int]
    plan: CablePlan
    dice: Dice
    watchers: list[Watcher] = field(default_factory=list)
    openings: int = 0
    asleep_ms: int = 0  # nobody has a port open before
    noise: float = 0.0  # beside what the plan says
    pulled: bool = False
    clean_ms: int = 0  # since when nothing was lost or damaged

    def __post_init__(self) -> None:
        plan = self.plan
        self.route = Route(False, plan.delay_ms, 0, plan.bits_per_s)
        self.machines = tuple(self.world.machines[number] for number in self.pair)
        self.ports: list[Port | None] = [None, None]
        self._wire = self.dice.stream("wire")
        self._tapes: list[list[bytes]] = [[], []]
        self._block = [bytearray(), bytearray()]
        for side, machine in enumerate(self.machines):
            rows = machine.config.serial
            machine.config = OwnConfig((*rows, SerialRow(self.machines[1 - side].party.hex())))

    # --- ports ---

    def look(self, side: int) -> None:
        """Opens a port, if there is a process with a secret, and somebody is awake."""
        machine, port = self.machines[side], self.ports[side]
        if port is not None and (port.shut or port.process is not machine.process):
            port.close("the process is gone")
            port = self.ports[side] = None
        if self.pulled or port is not None or machine.process is None:
            return
        if self.asleep_ms > self.world.now_ms:
            return
        secret = machine.clerk.secret_of(self.machines[1 - side].party)
        if secret is not None:
            self.openings += 1
            port = self.ports[side] = Port(self, side, machine, machine.process, secret)
            port.push()

    def open(self) -> None:
        """Both of them."""
        for side in (0, 1):
            self.look(side)

    def close(self, side: int, why: str) -> None:
        """A port is closed; it is opened again by ``look``."""
        port, self.ports[side] = self.ports[side], None
        if port is not None:
            port.close(why)

    def pull(self) -> None:
        """It is gone for good."""
        self.pulled = True
        for side in (0, 1):
            self.close(side, "pulled")

    def settle(self) -> None:
        """The faults stop: it is fast, and keeps what it is given."""
        self.plan = CablePlan(self.plan.pair, SETTLED_BITS_PER_S, alone=self.plan.alone)
        self.noise, self.asleep_ms = 0.0, 0
        self.route.bits_per_s, self.route.delay_ms = SETTLED_BITS_PER_S, self.plan.delay_ms
        self.heal()
        for side in (0, 1):
            self.close(side, "mended")
        self.open()

    def heal(self) -> None:
        """What was shut is open again."""
        self.route.shut[:] = [False, False]

    @property
    def is_quiet(self) -> bool:
        """Whether one life is up at both ends, with nothing under way."""
        one, other = self.ports
        both = one is not None and other is not None and bool(one.link) and bool(other.link)
        return both and one.binding == other.binding and one.empty and other.empty  # type: ignore[union-attr]

    # --- the way ---

    @property
    def is_rough(self) -> bool:
        """Whether something may be lost or changed."""
        plan = self.plan
        return bool(plan.damages or plan.loses or plan.replays or self.noise) or any(
            self.route.shut
        )

    def carry(self, side: int, data: bytes) -> None:
        """A slice has left a port."""
        if self.is_rough:
            self.clean_ms = self.world.now_ms + self.route.delay_ms + 1
            data = self._rough(side, data)
        self.world.later(self.route.delay_ms, lambda: self._land(1 - side, data))

    def _rough(self, side: int, data: bytes) -> bytes:
        wire, plan = self._wire, self.plan
        if self.route.shut[side] or wire.happens(plan.loses):
            return b""
        self._record(side, data)
        worse = plan.damages + self.noise
        if worse:
            hurt = bytearray(data)
            for at in range(len(hurt)):
                if wire.happens(worse):
                    hurt[at] = wire.between(0, 255)
            data = bytes(hurt)
        if plan.replays and FEND in data and wire.happens(plan.replays):
            tape = self._tapes[wire.between(0, 1)]
            if tape:
                data = data + bytes((FEND,)) + wire.one_of(tape) + bytes((FEND,))
        return data

    def _record(self, side: int, data: bytes) -> None:
        """Somebody listens: a few of the blocks are kept, of old lives too."""
        block = self._block[side]
        for byte in data if self.plan.replays else b"":
            if byte != FEND:
                block.append(byte)
            elif block:
                tape = self._tapes[side]
                if len(tape) < TAPE_BLOCKS_MAX:
                    tape.append(bytes(block))
                elif self._wire.happens(0.2):
                    tape[self._wire.between(0, TAPE_BLOCKS_MAX - 1)] = bytes(block)
                block.clear()

    def _land(self, side: int, data: bytes) -> None:
        port = self.ports[side]
        if data and port is not None and port.process is port.machine.process:
            port.feed(data)


class Cables:
    """All cables of a world, by pair."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._found: dict[tuple[int, int], Cable] = {}

    def lay(self, plans: tuple[CablePlan, ...], watchers: list[Watcher]) -> None:
        """Before anybody starts."""
        pairs = list(combinations(range(len(self._world.machines)), 2))
        for plan in plans:
            pair = pairs[plan.pair]
            dice = self._world.dice.stream("cable", plan.pair)
            self._found[pair] = Cable(self._world, pair, plan, dice, watchers)
            if plan.alone:
                self._world.later(SETUP_MS, lambda pair=pair: self._world.unwire(pair))  # type: ignore[misc]

    def __getitem__(self, pair: tuple[int, int]) -> Cable:
        return self._found[pair]

    def get(self, pair: tuple[int, int]) -> Cable | None:
        """The cable of a pair, if it has one."""
        return self._found.get(pair)

    def of(self, machine: Machine) -> list[tuple[Cable, int]]:
        """Those of a machine, with its side."""
        number = machine.number
        return [(one, one.pair.index(number)) for one in self._found.values() if number in one.pair]

    def started(self, machine: Machine) -> None:
        """A process runs: it opens its ports."""
        for cable, side in self.of(machine):
            cable.look(side)

    def fell_silent(self, machine: Machine) -> None:
        """What waits in its ports does not leave."""
        for cable, _ in self.of(machine):
            cable.clean_ms = cable.world.now_ms + cable.route.delay_ms + 1

    def spoke(self, machine: Machine) -> None:
        """Its silence is over: its ports are in new lives, and say so."""
        self.fell_silent(machine)
        for cable, side in self.of(machine):
            port = cable.ports[side]
            if port is not None:
                port.push()

    def died(self, machine: Machine) -> None:
        """It is gone, with its ports."""
        for cable, side in self.of(machine):
            cable.close(side, "the process is gone")

    def linked(self, machine: Machine) -> None:
        """A wide link is new: in a moment a secret goes over it."""
        process = machine.process
        if self.of(machine) and process is not None:
            self._world.later(DELIVER_MS, lambda: self._deliver(machine, process))

    def _deliver(self, machine: Machine, process: Process) -> None:
        if machine.process is process:
            process.clerk.deliver()
            self.started(machine)

    def reopen(self, machine: Machine, party: bytes) -> None:
        """The secret shared with a party has changed."""
        for cable, side in self.of(machine):
            if cable.machines[1 - side].party == party:
                cable.close(side, "another secret")
                self._world.later(int(PATIENCE_S * 1000), lambda c=cable, s=side: c.look(s))  # type: ignore[misc]

    def shut_out(self, machine: Machine, connection: Connection, wait_ms: int) -> None:
        """A peer is not heard for a while for what it sent."""
        cable = self._found[connection.ends]
        side = connection.side(machine.number)
        cable.close(side, "closed for what it sent")
        self._world.later(wait_ms, lambda: cable.look(side))

    def settle(self) -> None:
        """The faults stop. A cable beside a route is pulled, one that is alone stays; both ends of
        it are brought one secret by hand, if they have not the same."""
        for cable in self._found.values():
            if cable.plan.alone:
                cable.settle()
            else:
                cable.pull()

    def wire_again(self) -> None:
        """Where a secret was lost with a disk it is the wide route that brings another."""
        for pair, cable in self._found.items():
            one, other = cable.machines
            up = one.process is not None and other.process is not None
            if cable.plan.alone and up:
                theirs = other.clerk.secret_of(one.party)
                if theirs is None or one.clerk.secret_of(other.party) != theirs:
                    self._world.wire(pair)
