"""Parties that fall silent as they announced (EMCON): ordered, kept to, ended by the clock or by an
OVERRIDE of their own, as ``node.emcon`` and ``node.links`` do it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from detente.core.events import Listen
from detente.core.extras import ReceiveOnly
from detente.core.leaf import Kind, Precedence
from detente.sim.deeds import deed, line_of, running, submit

if TYPE_CHECKING:
    from detente.core.line import Line
    from detente.sim.machine import Machine
    from detente.sim.plan import Deed
    from detente.sim.run import Simulation

LEAD_MS = 60_000  # from the announcement to the silence
WAIT_MS = 60_000  # until they look again whether anybody is there


@deed("quiet")
def quiet(simulation: Simulation, given: Deed) -> None:
    """The officers order it, for as many milliseconds; as soon as somebody is there to be told."""
    machine, world = running(simulation, given), simulation.world
    line = line_of(machine)
    if world.settled or not world.machines[given.who].honest:
        return
    if machine is None or line is None or machine.silent or not _may_announce(line):
        world.later(WAIT_MS, partial(quiet, simulation, given))
        return
    from_s = machine.clock.now(world.now_ms + LEAD_MS).wall_s
    order = ReceiveOnly(from_s, from_s + given.number // 1000).encode()
    everyone = line.charter.everyone()
    if submit(machine, Kind.DUTY, None, everyone, Precedence.IMMEDIATE, extra=order):
        world.record.faults[given.word] += 1
        world.later(LEAD_MS, partial(fall_silent, machine, given.number))
        world.later(LEAD_MS + given.number * 3 // 4, simulation.checkers.listen)


def _may_announce(line: Line) -> bool:
    return line.is_open() and line.may_sign() and bool(line.greeted())


def fall_silent(machine: Machine, for_ms: int) -> None:
    """Wide links are cut, for whoever receives over them answers; narrow ones are listened to."""
    world = machine.world
    if world.settled or machine.silent:
        return
    machine.silent_until_ms = until_ms = world.now_ms + for_ms
    world.record.note(machine, "falls-silent")
    for connection in list(machine.connections.values()):
        if connection.route.wide:
            world.hang_up(connection, machine.number)
        else:
            connection.pipes[connection.side(machine.number)].hush()
    world.cables.fell_silent(machine)
    if machine.process is not None:
        machine.run([Listen(link) for link in machine.connections])
    world.later(for_ms, partial(_over, machine, until_ms))


def _over(machine: Machine, until_ms: int) -> None:
    if machine.silent_until_ms == until_ms:
        speak(machine)


def speak(machine: Machine) -> None:
    """It sends again: what it listened to begins anew."""
    world = machine.world
    if not machine.silent_until_ms:
        return
    machine.silent_until_ms = 0
    world.record.note(machine, "speaks")
    for connection in list(machine.connections.values()):
        world.hang_up(connection, machine.number)
    world.reach(machine)
    world.cables.spoke(machine)


def override(machine: Machine) -> None:
    """Its officers said something at OVERRIDE: the silence ends, and that is announced."""
    line = machine.station.lines.get(machine.world.line_id)
    if machine.silent and line is not None:
        now_s = machine.clock.now(machine.world.now_ms).wall_s
        extra = ReceiveOnly(now_s, now_s).encode()
        submit(machine, Kind.DUTY, None, line.charter.everyone(), Precedence.IMMEDIATE, extra=extra)
        speak(machine)
