"""What a simulation knows that no node does: who submitted what, what nodes said, and faults."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detente.core.events import Input, Tell
from detente.core.leaf import LogId
from detente.core.link_keys import LINK_KEY_FIRST

if TYPE_CHECKING:
    from detente.sim.machine import Machine
    from detente.sim.network import Connection
    from detente.sim.world import World

TELLS_MAX = 200_000
DIGESTED_LINES = 2_000  # of the trace, taken into its digest at once


@dataclass(frozen=True, slots=True)
class Submitted:
    """A draft for which ``submit`` returned: from then on it may not be lost."""

    at_ms: int
    machine: int
    name: str
    commitment: bytes
    precedence: int
    audience: int
    k: int  # the incarnation in which it was submitted
    packed: bytes = b""  # the body as it travels
    text: str = ""  # words of it that stand nowhere else


@dataclass(frozen=True, slots=True)
class Told:
    """Something a node told its people or its log."""

    at_ms: int
    machine: int
    tell: Tell


@dataclass(frozen=True, slots=True)
class Blamed:
    """A frame that one machine refused of another, on a route that loses nothing."""

    by: int
    of: int
    refusal: str
    detail: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, by the word of the checker that saw it."""

    checker: str
    what: str
    at_ms: int


@dataclass(eq=False)
class Record:
    """Kept beside the world; checkers read it, nodes never do."""

    world: World
    traced: bool = False
    say: Callable[[str], None] | None = None  # is given each line of the trace as it happens
    submitted: list[Submitted] = field(default_factory=list)
    attempted: list[Submitted] = field(default_factory=list)  # also where it failed
    # All but heartbeats, of which there are more than of all others.
    tells: list[Told] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    attacks: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    hearing: list[Callable[[Machine, list[Input]], None]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # the trace
    purged: list[tuple[str, bytes, bytes]] = field(default_factory=list)  # author, leaf hash, salt
    lied_disks: set[int] = field(default_factory=set)  # machines whose disk has ever lied
    asked: set[tuple[object, ...]] = field(default_factory=set)  # every draft, also what failed
    told_to: list[Callable[[Machine, Tell], None]] = field(default_factory=list)
    leaving_to: list[Callable[[Machine, Connection, bytes, bool], None]] = field(
        default_factory=list
    )
    stuck_machines: list[Machine] = field(default_factory=list)
    lost_disks: set[str] = field(default_factory=set)  # names whose disk was lost or rolled back
    lost_ms: dict[str, int] = field(default_factory=dict)  # and when the last time was
    entries: int = 0
    looks: int = 0  # of the checkers
    forks: list[tuple[str, LogId, int]] = field(default_factory=list)  # signed: name, log, index
    finals: set[bytes] = field(default_factory=set)  # offers that an honest party saw final
    blamed: list[Blamed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._digest = hashlib.sha256()
        self._undigested: list[str] = []

    def note(self, machine: Machine, word: str, **facts: object) -> None:
        """One line of the trace."""
        self._line(f"{machine.trace_name} {word} {_show(facts)}")

    def told(self, machine: Machine, tell: Tell) -> None:
        """A node told something."""
        if tell.word == "refused":
            self.refusals[str(tell.facts.get("refusal"))] += 1
            self._blame(machine, tell)
        if tell.word != "presence" and len(self.tells) < TELLS_MAX:
            self.tells.append(Told(self.world.now_ms, machine.number, tell))
        self.note(machine, tell.word, **tell.facts)
        for watcher in self.told_to:
            watcher(machine, tell)

    def _blame(self, machine: Machine, tell: Tell) -> None:
        link = tell.facts.get("link")
        connection = machine.connections.get(link) if isinstance(link, int) else None
        if connection is not None and not connection.rough:
            of = connection.ends[1 - connection.side(machine.number)]
            facts = str(tell.facts["refusal"]), str(tell.facts.get("detail"))
            self.blamed.append(Blamed(machine.number, of, *facts))

    def frame(
        self, machine: Machine, connection: Connection, data: bytes, *, urgent: bool = False
    ) -> None:
        """A frame is about to leave."""
        for watcher in self.leaving_to:
            watcher(machine, connection, data, urgent)
        sealed = LINK_KEY_FIRST in data  # by the library, with randomness of its own
        digest = "sealed" if sealed else hashlib.sha256(data).hexdigest()[:12]
        link = connection.links[connection.side(machine.number)]
        self._line(f"{machine.trace_name} sends link={link} bytes={len(data)} sha={digest}")

    def started(self, machine: Machine, restored: dict[bytes, str]) -> None:
        """A process began."""
        self.note(machine, "started", k=machine.k, restored=sorted(restored.values()))

    def stuck(self, machine: Machine) -> None:
        """A machine that its supervisor cannot start."""
        self.stuck_machines.append(machine)

    def lost(self, machine: Machine) -> None:
        """A disk is lost, rolled back, or has lied before a power cut."""
        self.lost_disks.add(machine.name)
        self.lost_ms[machine.name] = self.world.now_ms

    def fault(self, checker: str, what: str) -> None:
        """A promise is broken."""
        self.violations.append(Violation(checker, what, self.world.now_ms))
        self._line(f"VIOLATION {checker}: {what}")

    def digest(self) -> str:
        """What all the trace comes to: equal for equal seeds."""
        self._digest.update("".join(self._undigested).encode())
        self._undigested.clear()
        return self._digest.hexdigest()

    def _line(self, text: str) -> None:
        line = f"{self.world.now_ms:>10} {text}"
        self._undigested.append(line + "\n")
        if len(self._undigested) >= DIGESTED_LINES:
            self.digest()
        if self.traced:
            self.lines.append(line)
        if self.say is not None:
            self.say(line)


def _show(facts: dict[str, object]) -> str:
    return " ".join(
        f"{name}={value.hex()[:16] if isinstance(value, bytes) else value}"
        for name, value in facts.items()
    )
