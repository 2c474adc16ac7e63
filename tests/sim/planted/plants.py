"""Planted defects: what they are, and how one is put into the production code and taken out again.

A defect is a change of behaviour that exists here alone. It replaces functions where production
modules look them up, for the time of one simulation; before the checkers look it is taken out, so
that whoever judges is sound.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from detente.core.events import Effect
from detente.node.step import Stepper
from detente.sim import attackers
from detente.sim.dice import Dice
from detente.sim.plan import Plan
from detente.sim.run import Result, Simulation, run_plan
from detente.sim.world import World
from detente.store.sqlite import SqliteStore

EVENTS_MAX = 600_000  # of one simulation; a defect may have two nodes talk for ever
CRASH = "crash"  # as the swarm calls a seed that ends in an exception


class Plants:
    """The replacements of one defect, all taken back by ``lift``."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any]] = []

    def put(self, owner: Any, name: str, new: Any) -> None:
        """Replaces one attribute of a module or a class."""
        self._undo.append((owner, name, vars(owner)[name]))
        setattr(owner, name, new)

    def everywhere(self, old: Any, new: Any) -> None:
        """Replaces a function or value in every production module that has it, by any name."""
        found = 0
        for word, module in sorted(sys.modules.items()):
            if word.startswith("detente.") and module is not None:
                for name in [name for name, value in vars(module).items() if value is old]:
                    self.put(module, name, new)
                    found += 1
        assert found, f"nobody knows {old}"

    def effects(self, change: Callable[[Effect], Effect | None]) -> None:
        """Changes or drops what the core decides, before the step takes it."""
        real = vars(Stepper)["_apply"]

        def apply(stepper: Any, effects: list[Effect], outcome: Any, fresh: Any) -> None:
            kept = [new for new in map(change, effects) if new is not None]
            real(stepper, kept, outcome, fresh)

        self.put(Stepper, "_apply", apply)

    def stored(self, change: Callable[[Effect], Effect | None]) -> None:
        """Changes or drops what the store is told, behind the step's back."""
        real = vars(SqliteStore)["apply"]

        def apply(store: Any, effect: Effect) -> None:
            new = change(effect)
            if new is not None:
                real(store, new)

        self.put(SqliteStore, "apply", apply)

    def lift(self) -> None:
        """Everything is as it was."""
        while self._undo:
            setattr(*self._undo.pop())


@dataclass(frozen=True, slots=True)
class Defect:
    """One way of being wrong. ``needs`` are ways of attacking, any of which may bring it out;
    ``deeds`` are words of which a plan must say all."""

    name: str
    source: str
    plant: Callable[[Plants], None]
    needs: tuple[str, ...] = ()
    deeds: tuple[str, ...] = ()
    members: int = 2
    lasting: bool = False  # in what people are shown, and so still there when checkers look
    cabled: bool = False  # shows itself on a sealed link alone

    def fits(self, plan: Plan) -> bool:
        """Whether a plan holds what this defect cannot show itself without."""
        words = {deed.word for deed in plan.deeds}
        if self.cabled and not plan.cables:
            return False
        if len(plan.names) < self.members or not words.issuperset(self.deeds):
            return False
        return not self.needs or not self.needs_not(plan)

    def needs_not(self, plan: Plan) -> bool:
        """Whether none of the attacks of a plan is one of those needed."""
        return not any(attack_of(plan, one.who) in self.needs for one in plan.attacks)


DEFECTS: dict[str, Defect] = {}


def defect(
    name: str,
    source: str,
    *,
    needs: tuple[str, ...] = (),
    deeds: tuple[str, ...] = (),
    members: int = 2,
    lasting: bool = False,
    cabled: bool = False,
) -> Callable[[Callable[[Plants], None]], Callable[[Plants], None]]:
    """Names a function that plants a defect. ``source`` says who asked for it, and why."""

    def register(plant: Callable[[Plants], None]) -> Callable[[Plants], None]:
        assert name not in DEFECTS
        DEFECTS[name] = Defect(name, source, plant, needs, deeds, members, lasting, cabled)
        return plant

    return register


def attack_of(plan: Plan, who: int) -> str:
    """The way in which a machine of a plan attacks, as ``attackers.enlist`` draws it."""
    word = next(one.word for one in plan.attacks if one.who == who)
    return word or Dice(plan.seed, "attack", who).one_of(attackers.able(len(plan.names)))


class EndlessError(Exception):
    """A simulation takes more events than any sound one."""


def broken(plan: Plan, planted: Defect | None) -> dict[str, str]:
    """What the checkers say of a plan, by their words, with a defect or without any."""
    with _within(planted):
        try:
            result = run_plan(plan)
        except EndlessError:
            return {"liveness": "the world does not come to rest"}  # as it says itself, later
        except Exception as error:  # reason: a crash is what the swarm, too, tells as a violation
            at = error.__traceback__
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            if at is not None and "planted" in at.tb_frame.f_code.co_filename:
                raise  # the plant itself is wrong, and proves nothing
            return {CRASH: f"{type(error).__name__}: {error}"}
    said: dict[str, str] = {}
    for violation in result.violations:
        said.setdefault(violation.checker, violation.what)
    return said


@contextmanager
def _within(planted: Defect | None) -> Iterator[None]:
    plants, lifted, worlds = Plants(), Plants(), []
    run, settle = vars(Simulation)["run"], vars(Simulation)["_settle"]
    later, left = vars(World)["later"], EVENTS_MAX

    def began(simulation: Simulation) -> Result:
        worlds.append(simulation.world)
        return run(simulation)  # type: ignore[no-any-return]

    def settled(simulation: Simulation) -> None:
        settle(simulation)
        if planted is None or not planted.lasting:
            lifted.lift()

    def counted(world: World, delay_ms: int, act: Callable[[], None]) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise EndlessError
        later(world, delay_ms, act)

    plants.put(Simulation, "run", began)
    plants.put(Simulation, "_settle", settled)
    plants.put(World, "later", counted)
    try:
        if planted is not None:
            planted.plant(lifted)
        yield
    finally:
        lifted.lift()
        plants.lift()
        for machine in (machine for world in worlds for machine in world.machines):
            if machine.process is not None:  # the simulation ended in the middle
                machine.fuse.blown = True
                machine.process.store.close()
