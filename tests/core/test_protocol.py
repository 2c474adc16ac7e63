"""Two and three real cores, talking: what the line promises while nothing goes wrong."""

from __future__ import annotations

from pair import World, heads

from detente.core.leaf import Kind, Precedence


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
