"""The simulator itself: it replays exactly, and finds nothing in seeds that are known."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from types import SimpleNamespace
from weakref import ReferenceType, ref

import pytest

from detente.sim.fuse import PowerCut
from detente.sim.plan import plan_of
from detente.sim.run import SETTLE_MS, Simulation, quiet_power_cuts, run_plan
from detente.sim.world import World

# The day of seed 20 tears a disk so that its store does not open, and says why.
SCRIPT = """
from detente.sim.plan import plan_of
from detente.sim.run import run_plan
for plan in (plan_of(7), plan_of(20, day=True)):
    print("\\n".join(run_plan(plan, traced=True).lines))
"""


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_ends_without_violation(seed: int) -> None:
    """Faults come and go, and every promise that is checked holds in the end."""
    result = run_plan(plan_of(seed))
    assert not result.violations
    assert result.entries


def test_the_same_seed_gives_the_same_trace_whatever_python_hashes_to() -> None:
    """The trace of a seed is the same, byte for byte, in processes that hash words differently."""
    traces = []
    for hashing in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": hashing, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", SCRIPT]
        traces.append(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
    assert traces[0] == traces[1]
    assert traces[0].count(b"\n") > 100
    assert b"cannot open its store" in traces[0]


def test_what_waits_ahead_of_a_gap_for_ever_keeps_no_world_from_its_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the day of seed 35 a disk takes with it what stood between, and nobody else had it: once
    both hold the same, no more time is let pass."""
    plan, waits = plan_of(35, day=True), list[object]()
    settle = Simulation._settle

    def look(simulation: Simulation) -> None:
        settle(simulation)
        stations = [machine.station for machine in simulation.world.machines]
        waits.extend(line.ahead for station in stations for line in station.lines.values())

    monkeypatch.setattr(Simulation, "_settle", look)
    assert run_plan(plan).simulated_ms < plan.until_ms + SETTLE_MS
    assert any(waits)


def test_a_store_freed_without_power_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else is hushed, nor anything once the simulation is over."""
    printed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    cut, fault = (SimpleNamespace(exc_value=one) for one in (PowerCut("gone"), OSError("other")))
    with quiet_power_cuts():
        sys.unraisablehook(cut)
        sys.unraisablehook(fault)
    sys.unraisablehook(cut)
    assert printed == [fault, cut]


def test_a_world_ends_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a simulation is left once its result is there: a long swarm does not grow."""
    worlds: list[ReferenceType[World]] = []
    begin = Simulation.begin

    def watched(simulation: Simulation) -> None:
        worlds.append(ref(simulation.world))
        begin(simulation)

    monkeypatch.setattr(Simulation, "begin", watched)
    run_plan(plan_of(3))
    gc.collect()
    assert [world() for world in worlds] == [None]
