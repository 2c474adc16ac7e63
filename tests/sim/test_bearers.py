"""Couriers and sealed links in the simulator: they are there, replay, and are looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detente.bearers.courier import HEAD_BYTES
from detente.sim.cables import Cable
from detente.sim.couriers import Copy, File
from detente.sim.plan import SETUP_MS, CablePlan, Deed, Plan, plan_of
from detente.sim.run import Result, Simulation, run_plan
from detente.sim.schedule import rows
from detente.sim.seam import seeded_signatures
from detente.sim.shrink import shrink

CABLED = (667, 948)  # beside a route that is noisy; on one that is quiet
ALONE = (27, 818)
CARRIED = (26, 348)
MINUTE_MS = 60_000
TWO = Plan(
    seed=0,
    names=("alpha", "bravo"),
    roles=("party", "party"),
    until_ms=SETUP_MS + 40 * MINUTE_MS,
    deeds=(Deed(SETUP_MS + 5 * MINUTE_MS, "say", 0, 1, "by a narrow link alone"),),
    cables=(CablePlan(0, 300, alone=True),),
)


def carried_out(plan: Plan) -> tuple[Simulation, Result]:
    """A plan to its end, and the simulation behind it."""
    with seeded_signatures():
        simulation = Simulation(plan)
        return simulation, simulation.run()


@pytest.mark.parametrize("seed", [*CABLED, *ALONE, *CARRIED])
def test_a_seed_with_other_bearers_replays_without_a_violation(seed: int) -> None:
    """Bytes are lost and told again, files come late and torn, and every promise holds: twice the
    same, byte for byte."""
    first, second = run_plan(plan_of(seed)), run_plan(plan_of(seed))
    assert not first.violations
    assert first.digest == second.digest
    words = {"courier"} if seed in CARRIED else {"bulk"}
    assert words <= first.faults.keys()


def test_a_pair_without_a_route_has_everything_over_its_cable() -> None:
    """From the beginning on nothing else is there, and what was said is there in the end."""
    simulation, result = carried_out(TWO)
    assert not result.violations
    assert result.entries == 1
    assert simulation.world.is_unwired((0, 1))
    assert not simulation.world.connections_of((0, 1))


def test_a_frame_that_nobody_sent_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """If an end of a sealed link gives out what the other never sent, its checker says so."""
    land, said = Cable._land, []

    def twice(cable: Cable, side: int, data: bytes) -> None:
        land(cable, side, data)
        port = cable.ports[side]
        if port is not None and port.link is not None and not said:
            said.append(port)
            for watcher in cable.watchers:
                watcher.came(port, b"of nobody")

    monkeypatch.setattr(Cable, "_land", twice)
    found = {one.checker for one in carried_out(TWO)[1].violations}
    assert found == {"sealed links"}


def test_a_file_that_touches_nothing_loses_nothing() -> None:
    """The checker of couriers takes no copy for whole of which a byte is another one."""
    file = File(0, 0, 1, bytes(3 * HEAD_BYTES), {})
    assert Copy(file, file.data).whole
    assert not Copy(file, file.data[:-1] + b"x").whole


def test_the_schedule_names_cables_and_what_happens_to_them() -> None:
    """A person reads which pair has one, of what kind, and each deed with its pair."""
    deeds = (*TWO.deeds, Deed(SETUP_MS, "cable-shut", 0, 7))
    told = list(rows(replace(TWO, deeds=deeds)))
    assert (
        "cable     alpha–bravo 300 bit/s, 50 ms, damages 0.0, loses 0.0, replays 0.0, alone" in told
    )
    assert "00:01:00.000 alpha–bravo cable-shut 7" in told


def test_a_cable_that_a_violation_does_not_need_is_taken_away() -> None:
    """What is left of a plan has no bearer more than it takes."""
    assert shrink(TWO, lambda _: True, lambda: True).cables == ()
