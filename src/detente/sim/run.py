"""One simulation from its plan to its verdict: setting up, the deeds, the settling, the checks."""

from __future__ import annotations

import gc
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations

from detente.core.errors import MachineError
from detente.sim import (  # noqa: F401  # their deeds
    attackers,
    comings,
    dealings,
    emcon,
    mishaps,
    narrow,
)
from detente.sim.checkers import Checkers
from detente.sim.checkers.rest import Sizes, is_quiet, sizes
from detente.sim.clock import Clock
from detente.sim.couriers import Couriers
from detente.sim.deeds import do
from detente.sim.dice import Dice
from detente.sim.fuse import PowerCut
from detente.sim.machine import Machine
from detente.sim.officers import ROUND_MS, Officers
from detente.sim.plan import SETUP_MS, Plan
from detente.sim.record import Record, Violation
from detente.sim.seam import seeded_signatures
from detente.sim.world import World

SETTLE_MS = 2 * 3_600_000  # without faults, everything must have come to rest by then
# From one look of the officers to the next while it does; the last is repeated.
SETTLE_ROUNDS_MS = (60_000, 120_000, 300_000, 600_000, 1_200_000)
# At rest nothing is entered for so long; a search for a fork may take as much (checkers.shown).
REST_MS = 330_000


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one seed."""

    seed: int
    simulated_ms: int
    entries: int
    faults: Counter[str]
    attacks: Counter[str]
    refusals: Counter[str]
    violations: tuple[Violation, ...]
    digest: str
    lines: tuple[str, ...] = field(default=())


class Simulation:
    """A plan that is being carried out."""

    def __init__(self, plan: Plan, *, traced: bool = False) -> None:
        self.plan = plan
        self.officers = Officers()
        self.couriers = Couriers()
        self.sizes_before: dict[int, int] = {}  # of own logs, before the last stretch of rest
        self.world = World(
            Dice(plan.seed, "world"),
            plan.names,
            plan.roles,
            real=plan.real,
            traced=traced,
            joins=plan.joins,
        )
        for machine, clock in zip(self.world.machines, plan.clocks, strict=False):
            machine.clock = Clock(clock.offset_s, clock.drift_ppm)
        pairs = combinations(range(len(plan.names)), 2)
        for pair, route in zip(pairs, plan.routes, strict=False):
            self.world.routes[pair] = route.route()
        self.checkers = Checkers(self)
        self.world.cables.lay(plan.cables, [self.checkers.cables])

    @property
    def record(self) -> Record:
        """What is known of this simulation."""
        return self.world.record

    @staticmethod
    def overridden(machine: Machine) -> None:
        """Its officers said something at OVERRIDE."""
        emcon.override(machine)

    def run(self) -> Result:
        """All of it."""
        self.begin()
        self.world.run_until(self.plan.until_ms)
        return self.end()

    def begin(self) -> None:
        """The line is open, and every deed has its time."""
        world, plan = self.world, self.plan
        world.open()
        for machine in world.machines:
            self.officers.back_up(machine)
        world.run_until(SETUP_MS)
        attackers.enlist(self)
        self.checkers.begin()
        for deed in plan.deeds:
            act = partial(self._by_people, partial(do, self, deed))
            world.later(max(0, deed.at_ms - world.now_ms), act)
        moves = any(deed.word in comings.WORDS for deed in plan.deeds)
        for machine in world.machines:
            if machine.honest or moves:  # without who attacks no amendment is final
                world.later(ROUND_MS, partial(self._round, machine))

    def end(self) -> Result:
        """The faults stop, all comes to rest, and every promise is checked."""
        self._settle()
        self.checkers.check()
        return self._result()

    def _round(self, machine: Machine) -> None:
        """The officers go round, at each machine on a rhythm of its own."""
        if self.world.settled:
            return  # from now on they go round together
        if not machine.kept_down:
            self._by_people(partial(self._attend, machine))
        wait_ms = ROUND_MS * machine.dice.between(1, 30)
        self.world.later(wait_ms, partial(self._round, machine))

    def _attend(self, machine: Machine) -> None:
        if machine.honest:
            self.officers.look(machine)
            comings.welcome(self, machine)
        dealings.decide(self, machine)

    def _by_people(self, act: Callable[[], None]) -> None:
        """What people do. Where they read that a store is in pieces, its disk is replaced."""
        try:
            act()
        except MachineError:
            if not any(self.officers.examine(machine) for machine in self.world.machines):
                raise

    def _settle(self) -> None:
        """The faults stop: everything is mended, and time passes until all is at rest."""
        world = self.world
        for machine in world.machines:
            machine.disk.lies = machine.disk.fail_sync = machine.marks.fails = False
            machine.disk.room_bytes = None
            machine.fuse.left = None
            machine.kept_down = False
            machine.clock.set_right()
            emcon.speak(machine)
            self.officers.examine(machine)
        world.mend()
        before: Sizes = {}
        since_ms, rounds_ms = world.now_ms, deque(SETTLE_ROUNDS_MS)
        while world.now_ms - since_ms < SETTLE_MS:
            for machine in world.machines:
                if machine.honest:
                    if machine.process is None:
                        world.restart(machine)
                    self.officers.look(machine)
                    comings.welcome(self, machine)
                    dealings.decide(self, machine)
            world.cables.wire_again()
            world.run_until(world.now_ms + rounds_ms[0])
            if len(rounds_ms) > 1:
                rounds_ms.popleft()
            before, held = sizes(self), before
            if before == held and is_quiet(self):
                break
        self.sizes_before = {
            machine.number: line.own.size
            for machine in world.machines
            if machine.process is not None
            for line in machine.station.lines.values()
            if line.own is not None
        }
        world.run_until(world.now_ms + REST_MS)

    def _result(self) -> Result:
        record = self.world.record
        for machine in self.world.machines:
            machine.die("the simulation ends")
        return Result(
            self.plan.seed,
            self.world.now_ms,
            len(record.submitted),
            record.faults,
            record.attacks,
            record.refusals,
            tuple(record.violations),
            record.digest(),
            tuple(record.lines),
        )


@contextmanager
def quiet_power_cuts() -> Iterator[None]:
    """Nothing is printed where a store of a dead process is freed: it tries to write once more, and
    the power is gone. Anything else that cannot be raised is printed as ever."""
    before = sys.unraisablehook

    def hook(given: sys.UnraisableHookArgs) -> None:
        if not isinstance(given.exc_value, PowerCut):
            before(given)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def run_plan(
    plan: Plan, *, traced: bool = False, say: Callable[[str], None] | None = None
) -> Result:
    """Carries out a plan; equal plans give equal results, byte for byte, unless ``real``.

    ``traced`` keeps the lines of the trace in the result; ``say`` is given each as it happens.
    """
    gc_was_on = gc.isenabled()
    gc.disable()  # one world is freed at once when it ends
    with quiet_power_cuts():
        try:
            with seeded_signatures(plan.real):
                simulation = Simulation(plan, traced=traced)
                simulation.record.say = say
                result = simulation.run()
                # The collector does not see the whole of the ring world, machine, store: unless it
                # is cut, every world outlives its seed, and each collection takes longer.
                del simulation.world.record
                return result
        finally:
            if gc_was_on:
                gc.enable()
            gc.collect()
