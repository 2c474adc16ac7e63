"""Random schedules: whatever the links, restarts and clocks do, the record comes out the same."""

from __future__ import annotations

import random

import pytest
from pair import World, heads

from detente.core import events
from detente.core.leaf import Precedence


def _schedule(world: World, seed: int, steps: int) -> dict[str, list[bytes]]:
    """A seeded run of submits, cuts, links, restarts and time; gives what each end said."""
    rng = random.Random(seed)
    names = list(world.names)
    said: dict[str, list[bytes]] = {name: [] for name in names}
    for count in range(steps):
        one, other = rng.sample(names, 2)
        act = rng.choices(
            ("say", "cut", "link", "restart", "wait", "run", "narrow"),
            (8, 2, 3, 1, 2, 3, 1),
        )[0]
        if act == "say":
            end = world.ends[one]
            precedence = rng.choice((1, 1, 1, 2, 3, 4))
            end.submit(f"{one} {count}", precedence=Precedence(precedence))
            end.do(events.Tick())
            said[one].append(b"\0" + f"{one} {count}".encode())
        elif act == "cut":
            world.cut(one, other)
        elif act in ("link", "narrow"):
            world.link(one, other, wide=act == "link")
        elif act == "restart":
            world.ends[one].restart()
        elif act == "wait":
            world.run(rng.randrange(1, 40))
        else:
            world.run()
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            world.cut(one, other)
            world.link(one, other)
    world.run(150)
    return said


@pytest.mark.parametrize("seed", range(12))
def test_two_ends_agree_after_any_schedule(seed: int) -> None:
    """Equal heads at both ends, and every message exactly once."""
    world = World()
    world.open()
    said = _schedule(world, seed, 60)
    _check(world, said)


@pytest.mark.parametrize("seed", range(8))
def test_three_ends_agree_after_any_schedule(seed: int) -> None:
    """As with two, and nobody is ever accused of anything."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open()
    said = _schedule(world, 100 + seed, 60)
    _check(world, said)


def _check(world: World, said: dict[str, list[bytes]]) -> None:
    first = world.ends[world.names[0]]
    for end in world.ends.values():
        assert heads(end) == heads(first)
        assert not end.facts("fork-suspected")
        assert not end.facts("refused"), end.facts("refused")
        assert not end.line.mute
        assert not end.line.queue.rows
        for member, name in enumerate(world.names):
            assert sorted(end.texts(member), key=str) == sorted(said[name], key=str)
