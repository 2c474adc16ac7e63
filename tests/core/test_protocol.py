"""Two and three real cores, talking: what the line promises while nothing goes wrong."""

from __future__ import annotations

import pytest
from pair import End, World, heads

from detente.core import events, limits
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


def _at_rest() -> tuple[World, End]:
    world = World()
    world.open()
    world.run(130)
    return world, world.ends["alpha"]


def test_of_several_lines_the_one_that_is_due_first_wakes() -> None:
    """Whichever was accepted first."""
    _, alpha = _at_rest()
    other = World(changes={"title": "Another"}).charter().encode()
    alpha.do(events.Accept(other))
    alpha.do(events.Tick())
    lines = list(alpha.station.lines.values())
    for soon, late in (lines, lines[::-1]):
        soon.chores_due_ms, late.chores_due_ms = 3, 4
        assert wake_ms(alpha.station) == 3


def test_a_tick_at_rest_does_nothing() -> None:
    """It puts no chores forward, and reads no offers again, for it comes at any time."""
    world, alpha = _at_rest()
    due_ms = wake_ms(alpha.station)
    assert due_ms is not None
    assert due_ms > world.steady_ms + 10_000
    alpha.line.shelf.of_kind = None  # type: ignore[method-assign,assignment]
    world.steady_ms += 1_000
    assert alpha.do(events.Tick()) == []
    assert wake_ms(alpha.station) == due_ms


@pytest.mark.parametrize("due", ["charter_next_ms", "chores_due_ms", "seen_due_ms"])
def test_a_tick_at_the_time_that_was_asked_for_does_what_is_due_then(due: str) -> None:
    """Not a millisecond later: it would be called again and again until then."""
    world, alpha = _at_rest()
    alpha.line.charter_due = due == "charter_next_ms"
    setattr(alpha.line, due, world.steady_ms + 7)
    alpha.line.touched = False
    assert wake_ms(alpha.station) == world.steady_ms + 7
    world.steady_ms += 7
    alpha.do(events.Tick())
    woken = wake_ms(alpha.station)
    assert woken is not None
    assert woken > world.steady_ms


def test_what_is_due_at_once_after_a_start_is_done_by_the_next_tick() -> None:
    """A due of 1 ms says that: there is no sooner one."""
    _, alpha = _at_rest()
    alpha.line.seen_due_ms = 1
    alpha.do(events.Tick())
    assert alpha.line.seen_due_ms == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"body": bytes(limits.BODY_BYTES_MAX)},
        {"refs": (bytes(32),) * limits.REFS_MAX},
        {"extra": bytes(limits.EXTRA_BYTES_MAX)},
        {"release": bytes(32)},
        {"precedence": 0},
        {"precedence": Precedence.OVERRIDE},
        {"kind": Kind.MARK, "body": None, "salt": b""},
    ],
)
def test_a_draft_may_be_as_large_as_the_limits(fields: dict[str, object]) -> None:
    """It waits in the outbox with the time at which it was submitted."""
    world = World()
    world.open("alpha")
    alpha = world.ends["alpha"]
    given = {"kind": Kind.DISPATCH, "audience": 3, "body": b"\0x", "salt": bytes(16)} | fields
    draft = events.Draft(**given)  # type: ignore[arg-type]
    alpha.do(events.Submit(alpha.line.id, draft))
    world.wall_s += 60
    alpha.do(events.Tick())
    (row,) = alpha.shelf(alpha.line.id).outbox.values()
    assert (row.draft, row.submitted_s) == (draft, world.wall_s - 60)
