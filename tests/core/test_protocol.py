"""Two and three real cores, talking: what the line promises while nothing goes wrong."""

from __future__ import annotations

import pytest
from pair import End, World, heads

from detente.core import events
from detente.core.extras import decode_clock
from detente.core.leaf import Kind, Precedence
from detente.core.protocol import wake_ms


def test_two_parties_open_a_line() -> None:
    """After the hellos both ends hold both charters and the line is open."""
    world = World()
    world.open()
    for end in world.ends.values():
        assert end.line.is_open()
        assert not [t for t in end.told if t.word == "refused"]
    assert heads(world.ends["alpha"]) == heads(world.ends["bravo"])


def test_dispatches_arrive_once_in_order() -> None:
    """What one end submits the other holds, in order, with equal checkpoints in the end."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for n in range(50):
        alpha.submit(f"message {n}")
        if n % 7 == 0:
            world.run()
    world.run(40)
    log = alpha.own().id
    got = [bravo.shelf(bravo.line.id).entry(log, i) for i in range(bravo.line.logs[log].size)]
    texts = [e.body for e in got if e.leaf is not None and e.leaf.kind == Kind.DISPATCH]
    assert texts == [b"\0message %d" % n for n in range(50)]
    assert heads(alpha) == heads(bravo)


def test_flash_is_receipted_at_once() -> None:
    """A FLASH is covered by a `seen` of the receiver without a second passing."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("now", precedence=Precedence.FLASH)
    world.run()
    covers = alpha.shelf(alpha.line.id).covers(alpha.own().id, alpha.own().size - 1)
    assert [cover.by.member for cover in covers] == [1]
    assert "receipt" in alpha.words()
    assert heads(alpha) == heads(bravo)


def _steps(end: End) -> list[int]:
    """What an end's own log states of its clock."""
    own = end.own()
    found = [entry.leaf for entry in end.shelf(end.line.id).entries(own.id, 0, own.size)]
    return [decode_clock(leaf.extra) for leaf in found if leaf and leaf.kind == Kind.CLOCK]


@pytest.mark.parametrize(("back_s", "stated"), [(1, []), (2, [-2]), (3600, [-3600])])
def test_a_clock_that_steps_back_is_stated_from_two_seconds_on(
    back_s: int, stated: list[int]
) -> None:
    """One second is what two readings may differ by."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    world.wall_s -= back_s
    world.run()
    assert _steps(alpha) == stated
    assert alpha.facts("clock-back") == [{"seconds": -step} for step in stated]


def test_steps_of_a_clock_that_wait_are_stated_as_one() -> None:
    """Before a peer's hello nothing is entered; then what they come to is."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    alpha.restart()
    for back_s in (10, 5):
        world.wall_s -= back_s
        alpha.do(events.Tick())
    assert _steps(alpha) == []
    world.link("alpha", "bravo")
    world.run()
    assert _steps(alpha) == [-15]


def test_a_line_at_rest_wakes_for_its_charter_and_not_for_what_waits_for_a_peer() -> None:
    """A charter that may have changed has its time; a receipt that nobody could take has none."""
    world = World()
    world.open()
    world.run(130)
    alpha = world.ends["alpha"]
    now_ms = world.now().steady_ms
    alpha.line.charter_due, alpha.line.charter_next_ms = True, now_ms + 7
    assert wake_ms(alpha.station) == now_ms + 7
    alpha.line.charter_due = False
    alpha.line.seen_due_ms = now_ms + 9
    assert wake_ms(alpha.station) == now_ms + 9
    for session in alpha.line.sessions.values():
        session.greeted = False
    alpha.line.chores_due_ms = 0
    assert wake_ms(alpha.station) is None
