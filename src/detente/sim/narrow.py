"""What happens to the cables of a world, and to routes beside them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, cast

from detente.core.leaf import Precedence
from detente.core.link_keys import SECRET_BYTES
from detente.node import link_secrets
from detente.node.links import SILENT_S
from detente.sim.deeds import deed, talk, throw

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.sim.cables import Cable
    from detente.sim.plan import Deed
    from detente.sim.run import Simulation


def _pair(simulation: Simulation, given: Deed) -> tuple[int, int]:
    return list(combinations(range(len(simulation.plan.names)), 2))[given.who]


def _cable(simulation: Simulation, given: Deed) -> Cable | None:
    cable = simulation.world.cables.get(_pair(simulation, given))
    if cable is not None:
        simulation.record.faults[given.word] += 1
    return cable


@deed("cable-shut")
def cable_shut(simulation: Simulation, given: Deed) -> None:
    """Nothing passes, one way or both, and nobody is told."""
    cable, dice = _cable(simulation, given), throw(simulation, given)
    if cable is None:
        return
    for side in dice.one_of(((0,), (1,), (0, 1))):
        cable.route.shut[side] = True
    simulation.world.later(dice.spread(1_000, 1_200_000), cable.heal)


@deed("cable-noise")
def cable_noise(simulation: Simulation, given: Deed) -> None:
    """A storm: bytes come damaged for a while."""
    cable, dice = _cable(simulation, given), throw(simulation, given)
    if cable is None:
        return
    cable.noise = dice.spread(1, 200) / 1_000

    def calm() -> None:
        cable.noise = 0.0

    simulation.world.later(dice.spread(1_000, 600_000), calm)


@deed("cable-night")
def cable_night(simulation: Simulation, given: Deed) -> None:
    """Both ports are closed for a while."""
    cable, world = _cable(simulation, given), simulation.world
    if cable is None:
        return
    cable.asleep_ms = world.now_ms + given.number
    for side in (0, 1):
        cable.close(side, "switched off")
    world.later(given.number, cable.open)


@deed("rekey")
def rekey(simulation: Simulation, given: Deed) -> None:
    """Who makes the secret of a sealed link makes another; the next wide link brings it over."""
    cable = _cable(simulation, given)
    if cable is None:
        return
    maker, other = sorted(cable.machines, key=lambda machine: machine.party)
    if maker.process is None:
        return
    clerk = maker.clerk
    secret = clerk.entropy(SECRET_BYTES)
    clerk.safely(lambda: link_secrets.keep(cast("Node", clerk), other.party, secret))
    if maker.process is not None:
        clerk.secrets_sent.clear()
        simulation.world.cables.reopen(maker, other.party)
        clerk.deliver()


@deed("blackhole")
def blackhole(simulation: Simulation, given: Deed) -> None:
    """The wide route swallows all, and neither end is told before it has heard nothing for long."""
    world, pair = simulation.world, _pair(simulation, given)
    route = world.routes[pair]
    simulation.record.faults[given.word] += 1
    route.shut[:] = [True, True]

    def give_up() -> None:
        for connection in list(world.connections_of(pair)):
            if connection.alive and any(route.shut):
                world.lose(connection)

    world.later(int(SILENT_S * 1000), give_up)
    heal_ms = throw(simulation, given).spread(10_000, 3_600_000)
    world.later(heal_ms, lambda: world.heal(pair))


@deed("bulk")
def bulk(simulation: Simulation, given: Deed) -> None:
    """The wide route is let go for a while; a long text has the cable when a FLASH comes."""
    cable, world, dice = _cable(simulation, given), simulation.world, throw(simulation, given)
    if cable is None:
        return
    away_ms = dice.spread(300_000, 3_600_000)
    world.asleep[cable.pair] = world.now_ms + away_ms
    for connection in list(world.connections_of(cable.pair)):
        if connection.alive:
            world.hang_up(connection, cable.pair[0])
    world.later(away_ms, lambda: world.dial(cable.pair))
    cable.asleep_ms = 0
    cable.open()
    who, long = dice.one_of(cable.pair), dice.bytes(dice.between(300, 1_500)).hex()
    says = ((Precedence.ROUTINE, long), (Precedence.FLASH, f"FLASH {dice.between(0, 1 << 40)}"))
    begins_ms = dice.between(60_000, 120_000)
    for (precedence, text), at_ms in zip(says, (0, dice.between(500, 20_000)), strict=True):

        def said(precedence: Precedence = precedence, text: str = text) -> None:
            if not world.settled:
                talk(simulation, who, precedence, text)

        world.later(begins_ms + at_ms, said)
