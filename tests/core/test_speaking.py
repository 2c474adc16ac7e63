"""What is entered, and in what form: numbers, flags, where a `seen` stands, who hears of heads."""

from __future__ import annotations

import pytest
from liar import Liar, stated
from pair import End, World

from detente.core import events, limits
from detente.core.extras import Accused
from detente.core.frames import Heads
from detente.core.leaf import Kind, Leaf
from detente.core.speaking import sequence
from detente.core.station import Step

THREE = ("alpha", "bravo", "charlie")


def leaves(end: End) -> list[Leaf]:
    """The leaves of an end's own log."""
    own = end.own()
    return [e.leaf for e in end.shelf(end.line.id).entries(own.id, 0, own.size) if e.leaf]


def step_of(end: End) -> Step:
    return Step(end.station, end.world.now(), end.entropy)


def with_liars() -> tuple[World, End, Liar, Liar, list[int]]:
    """Alpha, who holds the charters of two liars and is linked to both."""
    world = World(names=THREE)
    world.open("alpha")
    liars = [Liar(world, name) for name in ("bravo", "charlie")]
    links = [liar.greet("alpha") for liar in liars]
    for liar, link in zip(liars, links, strict=True):
        liar.entries(link)
    world.run()
    return world, world.ends["alpha"], *liars, links


def test_dispatches_are_numbered_one_after_the_other() -> None:
    """In one batch, over batches and over a restart; what is no dispatch has no number."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    for texts in (("one", "two"), ("three",)):
        for text in texts:
            alpha.submit(text)
        world.run(40)
        alpha.restart()
        world.link("alpha", "bravo")
        world.run(5)
    numbers = [leaf.serial for leaf in leaves(alpha) if leaf.kind == Kind.DISPATCH]
    assert numbers == [1, 2, 3]
    assert not any(leaf.serial for leaf in leaves(alpha) if leaf.kind != Kind.DISPATCH)


@pytest.mark.parametrize("drill", [False, True])
def test_on_a_line_for_drills_every_entry_says_so(*, drill: bool) -> None:
    """And on any other only what was written as one."""
    world = World(changes={"drill": drill})
    world.open()
    alpha = world.ends["alpha"]
    alpha.submit("plain")
    alpha.submit("an exercise", drill=True)
    world.run()
    said = [leaf.drill for leaf in leaves(alpha) if leaf.kind == Kind.DISPATCH]
    assert said == [drill, True]


def test_the_first_of_several_dispatches_states_what_was_seen() -> None:
    """It is of the past of all of them."""
    world = World()
    world.open()
    alpha, bravo = world.ends.values()
    bravo.submit("a question")
    bravo.do(events.Tick())
    link, data = world.queue.pop()
    world.wires[link][0].do(events.FrameIn(link, data))
    for text in ("an answer", "and another"):
        alpha.submit(text)
    alpha.do(events.Tick())
    said = [leaf for leaf in leaves(alpha) if leaf.kind == Kind.DISPATCH]
    assert [[seen.size for seen in leaf.seen] for leaf in said] == [[bravo.own().size], []]


def test_as_many_logs_as_a_leaf_may_name_are_named_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The very last that it has room for is not put off."""
    monkeypatch.setattr(limits, "SEEN_MAX", 2)
    world, alpha, bravo, charlie, links = with_liars()
    world.run(130)
    for liar, link in zip((bravo, charlie), links, strict=True):
        liar.say("news")
        liar.entries(link, start=1)
    before = alpha.own().size
    world.run(130)
    assert [len(leaf.seen) for leaf in leaves(alpha)[before:]] == [2]


def test_statements_too_long_for_one_frame_go_in_several() -> None:
    """Eight proofs of the largest size: every frame stays as long as a batch may be."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    extra = Accused(alpha.own().id, 1).encode()
    body = bytes(limits.BODY_BYTES_MAX)
    for number in range(12):
        draft = events.Draft(Kind.ACCUSATION, 3, extra=extra, body=body, salt=bytes([number]) * 16)
        alpha.line.control.append(draft)
    step = step_of(alpha)
    sequence(step, alpha.line)
    batches = [one for one in step.out if isinstance(one, events.StoreEntries)]
    sizes = [[len(new.entry.body or b"") for new in one.entries] for one in batches]
    assert sum(map(len, sizes)) >= 12
    assert len(batches) == 2
    assert max(map(sum, sizes)) <= limits.BATCH_BYTES_MAX
    assert all(one.own for one in batches)


def test_a_later_body_that_is_missing_ends_what_is_stated_as_held() -> None:
    """Those that are named as lacking are excepted, and what stands behind them has its time; the
    heads there are in the store where memory has them no more."""
    world = World(changes={"lacks_after_s": 20})
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    for seconds in (10, 9):
        liar.say("kept back")
        liar.entries(link, start=liar.log.size - 1, bodies=False)
        alpha.log_of(1).heads.clear()
        world.run(seconds)
    world.run(1)
    assert alpha.log_of(1).lacked == {1}
    assert alpha.log_of(1).covered == 2
    assert alpha.log_of(1).held_at_s == world.wall_s


def test_each_head_of_a_third_is_told_once_to_who_lacks_it() -> None:
    """Not to its author, not again while it stays what it is, and not to who holds as much."""
    world, alpha, bravo, charlie, links = with_liars()
    world.run(20)
    for liar, link in zip((bravo, charlie), links, strict=True):
        liar.got(link)
    charlie.say("news")
    charlie.entries(links[1], start=1)
    world.run(20)
    told = bravo.answers(links[0], Heads)
    assert [[one.head.log for one in heads.heads] for heads in told] == [[charlie.log.id]]
    assert not charlie.answers(links[1], Heads)
    alpha.line.heads_due = alpha.line.touched = True
    world.run(1)
    assert not bravo.answers(links[0], Heads)
    charlie.say("more news")
    bravo.send(links[0], Heads((stated(charlie.log),)))
    charlie.entries(links[1], start=2)
    world.run(20)
    bravo.send(links[0], Heads((stated(charlie.log),)))
    bravo.got(links[0])
    alpha.line.sessions[links[0]].announced.clear()
    alpha.line.heads_due = alpha.line.touched = True
    world.run(1)
    assert not bravo.answers(links[0], Heads)
