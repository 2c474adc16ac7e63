"""One party's machine: its disk, its marks, its clocks, and the process that runs on it, or none.

The process is production: ``core``, ``store.sqlite`` and ``node.step``. What a person or a
supervisor would do to it (restore a backup, adopt) is done by ``sim.officers``; what befalls it, by
``sim.mishaps``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Protocol

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.core.events import (
    CloseLink,
    FrameIn,
    Input,
    LinkDown,
    LinkUp,
    Now,
    Offered,
    Send,
    Tell,
)
from detente.core.identity import Card, parse_card
from detente.core.protocol import wake_ms
from detente.core.station import Station, Step
from detente.node.opening import later, load_lines, revoked_here
from detente.node.step import Outcome, Spoken, Stepper
from detente.sim.clerk import Clerk, OwnConfig, OwnHome, OwnKeys
from detente.sim.clock import Clock
from detente.sim.dice import Dice
from detente.sim.disk import VFS, Disk, Image
from detente.sim.fuse import Fuse, PowerCut
from detente.sim.marks import SimMarks
from detente.sim.network import Connection
from detente.sim.parties import SimKeys, card_of, secret
from detente.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from detente.sim.world import World

PACE_MS = 5  # as node.runner: how soon at most what stays due is tried again


@lru_cache(maxsize=64)
def _read_card(data: bytes, real: bool) -> Card:  # a word of the cache's key alone
    """Of real ML-DSA keys or of those of the stand-in: who signed one verifies in that world."""
    del real
    return parse_card(data, checked=True).card


class Mouth(Protocol):
    """Whatever a party that attacks does to what its honest core would say and hear."""

    def says(self, machine: Machine, send: Send) -> list[Send]:
        """What leaves instead of one frame."""
        ...

    def hears(self, machine: Machine, given: Input) -> list[Input]:
        """What its core is given instead of one input."""
        ...

    def unmet(self) -> Iterator[str]:
        """What must have come of it all the same, and has not."""
        ...


@dataclass(slots=True, eq=False)
class Process:
    """A node that runs: gone at a crash with all it knew."""

    station: Station
    store: SqliteStore
    stepper: Stepper
    clerk: Clerk


@dataclass(eq=False)
class Machine:
    """The machine of one party; two machines of one name are copies of it."""

    world: World
    number: int
    name: str
    dice: Dice
    clock: Clock
    real: bool = False  # real ML-DSA keys
    honest: bool = True
    mouth: Mouth | None = None
    config: OwnConfig = field(default_factory=OwnConfig)
    serial: int = 1  # of the card in its home
    k: int = 0  # the incarnation whose keys the home holds: a backup brings back an older one
    register_k: int = 0  # the last one taken: on paper, outlives everything
    process: Process | None = None
    connections: dict[int, Connection] = field(default_factory=dict)  # by our number of the link
    why_down: str = "not started"
    kept_down: bool = False  # no supervisor starts it
    silent_until_ms: int = 0  # it receives and sends nothing (sim.emcon)

    def __post_init__(self) -> None:
        self.trace_name = f"{self.name}/{self.number}"
        self.party = card_of(self.name, real=self.real).card.party
        self.fuse = Fuse()
        self.disk = Disk(f"{self.name}-{self.number}", self.fuse)
        self.marks = SimMarks(self.fuse)
        self._inbox: list[Input] = []
        self._wakes: tuple[Process, int] | None = None  # only the latest counts
        self._due = False
        self._tried_ms = -PACE_MS

    @property
    def silent(self) -> bool:
        """Whether it receives and sends nothing now."""
        return self.world.now_ms < self.silent_until_ms

    @property
    def station(self) -> Station:
        """The core of the running process."""
        assert self.process is not None  # noqa: S101  # asked only while it runs
        return self.process.station

    @property
    def clerk(self) -> Clerk:
        """Who sees to the cards of the running process."""
        assert self.process is not None  # noqa: S101  # asked only while it runs
        return self.process.clerk

    # --- life of the process ---

    def start(self) -> bool:
        """A process over what is on the disk. False, with ``why_down``, if it cannot be."""
        self.fuse.renew()
        fresh = not any(self.disk.files.values())
        try:
            store = SqliteStore.open(
                self.disk.folder,
                secret(self.name, "store"),
                create=False,
                entropy=self.dice.bytes,
                vfs=VFS,
            )
        except DetenteError as error:
            # Without where: that folder has another name in every process.
            told = str(error).replace(f"{self.disk.folder}/", "")
            self.why_down = f"cannot open its store: {told}"
            self.world.record.note(self, "no-start", why=self.why_down)
            return False
        try:
            if fresh:
                self._furnish(store)
            signed = card_of(self.name, self.serial, real=self.real)
            card, keys = signed.card, SimKeys(self.name, self.serial, self.k)
            station = Station(card.party, card, keys, lambda line: later(store, line))
            station.cards.update(self._cards(store))
            if card.party not in station.cards:
                raise LocalError(Refusal.NOT_FOUND, "its card, which its disk has lost")
            station.cards[card.party] = card
            station.revoked = revoked_here(store, station.cards)
            stepper = Stepper(station, store, self.marks, self._now, self.dice.bytes)
            clerk = Clerk(self, station, store, OwnHome(signed, self._keys(), self.config))
            self.process = Process(station, store, stepper, clerk)
            restored = load_lines(station, store, self.marks)
        except DetenteError as error:
            store.close()
            self.process = None
            self.why_down = f"cannot start: {error}"
            self.world.record.note(self, "no-start", why=self.why_down)
            return False
        self.why_down = ""
        self._inbox.clear()
        self._due = False
        self.world.record.started(self, restored)
        clerk.begin()
        self.give()
        return self.process is not None

    def _keys(self) -> OwnKeys:
        tls, kem = secret(self.name, "tls", self.serial), secret(self.name, "kem", self.serial)
        return OwnKeys(tls, kem, secret(self.name, "store"))

    def _cards(self, store: SqliteStore) -> dict[bytes, Card]:
        """As ``opening.latest_cards``, but a card is read once in all the seeds of a process."""
        newest = {card.party: card.data for card in store.cards()}
        return {party: _read_card(data, self.real) for party, data in newest.items()}

    def _furnish(self, store: SqliteStore) -> None:
        for name in self.world.names:
            signed = card_of(name, real=self.real)
            store.put_card(signed.card.party, signed.card.serial, signed.data, None)

    def die(self, why: str) -> None:
        """The process is gone, and its connections; the disk stays as it is."""
        if self.process is None:
            return
        self.world.record.note(self, "down", why=why)
        self.fuse.blown = True  # closing writes nothing more
        self.process.store.close()
        self.process = None
        self.disk.leave()
        self.why_down = why
        for connection in list(self.connections.values()):
            self.world.hang_up(connection, self.number)
        self.world.died(self)

    def backup(self) -> tuple[Image, int]:
        """What ``party backup`` takes along: the store and the keys in use."""
        return self.disk.image(), self.k

    # --- steps ---

    def _now(self) -> Now:
        return self.clock.now(self.world.now_ms)

    def give(self, *inputs: Input) -> None:
        """Inputs for the next step, which takes whatever has come by then."""
        if self.process is None:
            return
        self._inbox += inputs
        if not self._due:
            self._due = True
            self.world.later(self.dice.between(0, 3), self._step)

    def _step(self) -> None:
        if not self._due:
            return  # the process that was waiting for this is gone
        self._due = False
        if self.process is not None:
            inputs, self._inbox = self._inbox, []
            self._tried_ms = self.world.now_ms
            self.run(inputs)

    def run(self, inputs: list[Input]) -> Outcome | None:
        """One production step, now. None if the process died of it."""
        if self.mouth is not None:
            inputs = [heard for given in inputs for heard in self.mouth.hears(self, given)]
        process = self._before(inputs)
        return self._kept(lambda: process.stepper.run(inputs))

    def change(self, act: Callable[[Step], None]) -> Outcome | None:
        """One change by our own side (``Stepper.change``). None if the process died of it."""
        process = self._before([])
        return self._kept(lambda: process.stepper.change(act))

    def _before(self, inputs: list[Input]) -> Process:
        process = self.process
        assert process is not None  # noqa: S101  # asked only while it runs
        for hears in self.world.record.hearing:
            hears(self, inputs)
        return process

    def _kept(self, step: Callable[[], Outcome]) -> Outcome | None:
        try:
            outcome = step()
            for refused in outcome.refused.values():
                self.world.record.note(self, "refused-us", refusal=refused.refusal.word)
            self._speak(outcome.spoken)
        except (MachineError, PowerCut) as error:
            self.die("power cut" if self.fuse.blown else str(error))
            return None
        self._wake()
        return outcome

    def _speak(self, spoken: list[Spoken]) -> None:
        offered: list[Offered] = []
        for one in spoken:
            if isinstance(one, Send):
                said = [one] if self.mouth is None else self.mouth.says(self, one)
                for send in said:
                    self.fuse.burn()
                    self.send(send)
            elif isinstance(one, CloseLink):
                connection = self.connections.get(one.link)
                if connection is not None:
                    self.world.record.note(self, "closes-link", refusal=one.refusal.word)
                    self.world.hang_up(connection, self.number)
                    self.world.shut_out(self, connection)
            elif isinstance(one, Tell):
                self.world.record.told(self, one)
            elif self.process is not None and self.clerk.reading_s is not None:
                offered.append(one)  # as long as it is known which file it came in
            elif self.process is not None:
                self.world.later(0, partial(self.process.clerk.take, one))
        for one in offered:
            if self.process is not None:
                self.clerk.take(one)

    def send(self, send: Send) -> None:
        """One frame on one of our links, if it is still there, or into a file."""
        files = {} if self.process is None else self.process.clerk.files
        if send.link in files:
            self._file(files[send.link], send.data)
            return
        connection = self.connections.get(send.link)
        if connection is not None and connection.listened and self.silent:
            return  # as Links.send
        if connection is not None:
            side = connection.side(self.number)
            self.world.record.frame(self, connection, send.data, urgent=send.urgent)
            connection.pipes[side].send(send.data, urgent=send.urgent)

    def _file(self, frames: list[bytes], data: bytes) -> None:
        letter = self.clerk.letter
        if letter is not None:  # what is put into one leaves as by a link, for who watches
            self.world.record.frame(self, letter, data)
        frames.append(data)

    def peer_of(self, connection: Connection) -> bytes:
        """The party at the other end."""
        other = connection.ends[1 - connection.side(self.number)]
        return self.world.machines[other].party

    def _wake(self) -> None:
        process = self.process
        if process is None or self._due:
            return
        due = wake_ms(process.station)
        if due is None:
            self._wakes = None
            return
        at_ms = max(self.clock.world_ms(due), self._tried_ms + PACE_MS, self.world.now_ms)
        if self._wakes == (process, at_ms):
            return  # it is on its way
        self._wakes = process, at_ms

        def wake() -> None:
            if self._wakes == (process, at_ms) and self.process is process:
                self._wakes = None
                self.give()

        self.world.later(at_ms - self.world.now_ms, wake)

    # --- what the network tells ---

    def linked(self, connection: Connection, peer: bytes) -> None:
        """A connection has been made."""
        link = connection.links[connection.side(self.number)]
        self.connections[link] = connection
        self.give(LinkUp(link, peer, connection.route.wide, heard_only=self.silent))
        if connection.route.wide:
            self.world.cables.linked(self)

    def unlinked(self, connection: Connection) -> None:
        """This end has noticed that a connection is dead."""
        link = connection.links[connection.side(self.number)]
        if self.connections.pop(link, None) is not None:
            self.give(LinkDown(link))

    def arrived(self, connection: Connection, data: bytes) -> None:
        """A frame has come."""
        link = connection.links[connection.side(self.number)]
        if link in self.connections:
            self.give(FrameIn(link, data))
