"""Routes between machines, and the connections that live on them until something kills them.

A connection keeps the contract of a bearer (whole frames, in order, at most once) unless its route
is rough. It may die with whatever is on its way, at one end long before the other notices.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from detente.sim.dice import Dice

STALL_MS = 15_000  # a connection on which nothing moves for so long is given up
REDIAL_MS = (200, 8_000)


@dataclass(slots=True)
class Route:
    """What lies between two machines; each direction may be shut alone."""

    wide: bool = True
    delay_ms: int = 20
    jitter_ms: int = 5
    bits_per_s: int = 10_000_000
    loses: float = 0.0  # rough routes only: chances of a frame
    doubles: float = 0.0
    swaps: float = 0.0
    shut: list[bool] = field(default_factory=lambda: [False, False])  # from the first, the second

    @property
    def rough(self) -> bool:
        """Whether frames are lost, doubled and swapped here, against a bearer's contract."""
        return bool(self.loses or self.doubles or self.swaps)

    @property
    def whole(self) -> bool:
        """Whether something sent either way arrives: only then a connection can be made."""
        return not any(self.shut)


class Timer(Protocol):
    """The world's time."""

    @property
    def now_ms(self) -> int:
        """Milliseconds since the world began."""
        ...

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Does something after so long."""
        ...


class Way(Protocol):
    """What takes the frames of one side of a connection."""

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        ...

    @property
    def waiting(self) -> tuple[bytes, ...]:
        """What has not left yet, and is not urgent."""
        ...

    def send(self, data: bytes, *, urgent: bool) -> None:
        """Queues one frame."""
        ...

    def push(self) -> None:
        """The way may be free, or open again."""
        ...

    def hush(self) -> None:
        """Nothing leaves that is not in the air yet."""
        ...

    def kill(self) -> None:
        """Nothing more leaves or arrives."""
        ...


class Pipe:
    """One direction of a connection: frames wait for airtime, then travel."""

    def __init__(
        self, route: Route, side: int, dice: Dice, timer: Timer, arrive: Callable[[bytes], None]
    ) -> None:
        self._route = route
        self._side = side
        self._dice = dice
        self._timer = timer
        self._arrive = arrive
        self._urgent: deque[bytes] = deque()
        self._waiting: deque[bytes] = deque()
        self._stuck: list[tuple[int, bytes]] = []  # landed nowhere, by when they left at first
        self._again: set[int] = set()  # of these, those that are on their way once more
        self._departures = 0
        self._busy = False
        self._last_ms = 0  # when the frame before lands
        self.dead = False

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return not (self._urgent or self._waiting or self._stuck)

    @property
    def waiting(self) -> tuple[bytes, ...]:
        """What has not left yet, and is not urgent."""
        return tuple(self._waiting)

    def send(self, data: bytes, *, urgent: bool) -> None:
        """Queues one frame; an urgent one before everything that is not."""
        (self._urgent if urgent else self._waiting).append(data)
        self.push()

    def push(self) -> None:
        """Puts the next frame on the air, if it is free and open."""
        if self._busy or self.dead or self.empty or self._route.shut[self._side]:
            return
        self._busy = True
        if self._stuck:
            number, data = self._stuck.pop(0)
            self._again.add(number)
        else:
            number, data = self._departures, (self._urgent or self._waiting).popleft()
            self._departures += 1
        airtime_ms = len(data) * 8_000 // self._route.bits_per_s
        self._timer.later(airtime_ms, lambda: self._left(number, data))

    def hush(self) -> None:
        """Nothing leaves that is not in the air yet."""
        for queue in (self._urgent, self._waiting):
            queue.clear()

    def kill(self) -> None:
        """Nothing more leaves or arrives."""
        self.dead = True
        for queue in (self._urgent, self._waiting, self._stuck):
            queue.clear()

    def _left(self, number: int, data: bytes) -> None:
        self._busy = False
        route, dice = self._route, self._dice
        lands_ms = self._timer.now_ms + route.delay_ms + dice.between(0, route.jitter_ms)
        copies = 1
        if route.rough:
            copies = 0 if dice.happens(route.loses) else 2 if dice.happens(route.doubles) else 1
            lands_ms += dice.between(50, 3_000) if dice.happens(route.swaps) else 0
        else:
            lands_ms = self._last_ms = max(lands_ms, self._last_ms)  # in order
        if not copies:
            self._again.discard(number)
        for _ in range(copies):
            self._timer.later(lands_ms - self._timer.now_ms, lambda: self._land(number, data))
        self.push()

    def _land(self, number: int, data: bytes) -> None:
        """The bearer's own protocol repeats what finds the route shut, and what comes behind that
        waits for it: in order."""
        if self.dead:
            return
        self._again.discard(number)
        repeated = self._again.union(other for other, _ in self._stuck)
        if self._route.shut[self._side] or min(repeated, default=number) < number:
            insort(self._stuck, (number, data))
            self.push()
            return
        self._arrive(data)


@dataclass(slots=True, eq=False)
class Connection:
    """A link between two machines, by the numbers that each of them knows it by."""

    route: Route
    ends: tuple[int, int]  # machines
    links: tuple[int, int]
    pipes: tuple[Way, Way]  # from the first, from the second
    up: list[bool] = field(default_factory=lambda: [True, True])
    cable: bool = False  # one end's view of a life of a sealed link
    listened: bool = False  # that end was receive-only when it began
    rough: bool = field(init=False)  # a hello lost at its begin is missing for its whole life

    def __post_init__(self) -> None:
        self.rough = self.route.rough

    @property
    def alive(self) -> bool:
        """Whether both ends still believe in it."""
        return all(self.up)

    @property
    def by_hand(self) -> bool:
        """Whether this is no link, but a file that a courier carries."""
        return self.links[0] < 0

    def side(self, machine: int) -> int:
        """0 or 1."""
        return self.ends.index(machine)

    def kill(self) -> None:
        """Nothing more arrives."""
        for pipe in self.pipes:
            pipe.kill()
