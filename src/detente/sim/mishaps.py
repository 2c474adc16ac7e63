"""What goes wrong, as a plan says it: machines die, disks and clocks fail, routes end."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from detente.sim.deeds import deed, running, throw
from detente.sim.plan import Deed

if TYPE_CHECKING:
    from detente.sim.run import Simulation


# --- what happens to a machine ------------------------------------------------------------------


def _fault(simulation: Simulation, given: Deed) -> None:
    simulation.world.record.faults[given.word] += 1


@deed("kill")
def kill(simulation: Simulation, given: Deed) -> None:
    """The process is killed between two steps."""
    machine = running(simulation, given)
    if machine is not None:
        _fault(simulation, given)
        machine.die("killed")


@deed("power")
def power(simulation: Simulation, given: Deed) -> None:
    """The power goes: what was not synced is lost in part."""
    machine = running(simulation, given)
    if machine is not None:
        _fault(simulation, given)
        lied = machine.disk.lies
        machine.die("power cut")
        machine.disk.lose_power(throw(simulation, given))
        if lied:
            simulation.world.record.lost(machine)


@deed("fuse")
def fuse(simulation: Simulation, given: Deed) -> None:
    """The process dies at one of its next acts: a write, a sync, a mark, a frame."""
    machine = running(simulation, given)
    if machine is not None:
        _fault(simulation, given)
        machine.fuse.set(1 + given.number % 60)


@deed("fail-sync")
def fail_sync(simulation: Simulation, given: Deed) -> None:
    """The next fsync fails."""
    machine = simulation.world.machines[given.who]
    _fault(simulation, given)
    machine.disk.fail_sync = True


@deed("lie")
def lie(simulation: Simulation, given: Deed) -> None:
    """From now on the disk says «synced» and is not."""
    _fault(simulation, given)
    simulation.world.machines[given.who].disk.lies = True
    simulation.record.lied_disks.add(given.who)


@deed("full")
def full(simulation: Simulation, given: Deed) -> None:
    """The disk fills up; somebody makes room after a while."""
    machine = simulation.world.machines[given.who]
    _fault(simulation, given)
    machine.disk.room_bytes = given.number % 200_000

    def room() -> None:
        machine.disk.room_bytes = None

    simulation.world.later(throw(simulation, given).spread(60_000, 3_600_000), room)


@deed("mark-fails")
def mark_fails(simulation: Simulation, given: Deed) -> None:
    """The marks' device refuses for a while."""
    machine = simulation.world.machines[given.who]
    _fault(simulation, given)
    machine.marks.fails = True

    def mended() -> None:
        machine.marks.fails = False

    simulation.world.later(throw(simulation, given).spread(10_000, 600_000), mended)


@deed("restore")
def restore(simulation: Simulation, given: Deed) -> None:
    """An older backup comes back; the mark survives."""
    machine = simulation.world.machines[given.who]
    _fault(simulation, given)
    simulation.officers.replace_disk(machine, newest=False, number=given.number)


@deed("restore-unmarked")
def restore_unmarked(simulation: Simulation, given: Deed) -> None:
    """An older backup comes back, and the mark is lost with the rest."""
    machine = simulation.world.machines[given.who]
    if simulation.officers.backups.get(machine.number):
        _fault(simulation, given)
        machine.die("its machine is lost")
        machine.marks.kept.clear()
        simulation.officers.replace_disk(machine, newest=False, number=given.number)


@deed("lose-disk")
def lose_disk(simulation: Simulation, given: Deed) -> None:
    """The disk is gone; the last backup comes back after some hours."""
    machine = simulation.world.machines[given.who]
    if not simulation.officers.backups.get(machine.number):
        return
    _fault(simulation, given)
    machine.die("its disk is lost")
    machine.kept_down = True

    def replaced() -> None:
        if simulation.world.settled:
            return  # it was mended with everything else
        machine.kept_down = False
        simulation.officers.replace_disk(machine, newest=True)

    simulation.world.later(throw(simulation, given).spread(60_000, 6 * 3_600_000), replaced)


@deed("clock-step")
def clock_step(simulation: Simulation, given: Deed) -> None:
    """The clock jumps ahead, and is set right after a while."""
    _fault(simulation, given)
    clock = simulation.world.machines[given.who].clock
    step_s = throw(simulation, given).spread(2, 90_000)
    clock.step(step_s)

    def right() -> None:
        if not simulation.world.settled:  # else it was set right with everything else
            clock.step(-step_s)

    simulation.world.later(throw(simulation, given).spread(10_000, 3_600_000), right)


@deed("clock-back")
def clock_back(simulation: Simulation, given: Deed) -> None:
    """The clock is set back."""
    _fault(simulation, given)
    clock = simulation.world.machines[given.who].clock
    clock.offset_s -= throw(simulation, given).spread(1, 4_000)


# --- what happens to a route --------------------------------------------------------------------


def _pair(simulation: Simulation, given: Deed) -> tuple[int, int]:
    pairs = list(combinations(range(len(simulation.plan.names)), 2))
    return pairs[given.who]


@deed("shut")
def shut(simulation: Simulation, given: Deed) -> None:
    """Nothing passes for a while."""
    world, pair = simulation.world, _pair(simulation, given)
    _fault(simulation, given)
    world.shut(pair, 0)
    world.shut(pair, 1)
    world.later(throw(simulation, given).spread(1_000, 3_600_000), lambda: world.heal(pair))


@deed("shut-one-way")
def shut_one_way(simulation: Simulation, given: Deed) -> None:
    """Nothing passes one way for a while."""
    world, pair = simulation.world, _pair(simulation, given)
    _fault(simulation, given)
    world.shut(pair, given.number & 1)
    world.later(throw(simulation, given).spread(1_000, 3_600_000), lambda: world.heal(pair))


@deed("lose-link")
def lose_link(simulation: Simulation, given: Deed) -> None:
    """The connection dies in mid-frame, unnoticed for a while."""
    world, pair = simulation.world, _pair(simulation, given)
    for connection in list(world.connections_of(pair)):
        _fault(simulation, given)
        world.lose(connection)


@deed("slow")
def slow(simulation: Simulation, given: Deed) -> None:
    """The route becomes as slow as a radio."""
    _fault(simulation, given)
    route = simulation.world.routes[_pair(simulation, given)]
    route.bits_per_s = throw(simulation, given).spread(75, 9_600)


@deed("night")
def night(simulation: Simulation, given: Deed) -> None:
    """Nobody calls for a while: days of silence."""
    world, pair = simulation.world, _pair(simulation, given)
    world.asleep[pair] = world.now_ms + given.number
    for connection in list(world.connections_of(pair)):
        if connection.alive:
            world.hang_up(connection, pair[0])
    world.later(given.number, lambda: world.dial(pair))
