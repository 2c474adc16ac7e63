"""What is entered, and in what form: numbers, flags, where a `seen` stands, who hears of heads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liar import Liar, stated
from pair import End, SeedKeys, World

from detente.core import events, limits
from detente.core.errors import Refusal
from detente.core.extras import Accused
from detente.core.frames import Got, Heads, Refuse
from detente.core.leaf import Kind, Leaf, LogId, Precedence
from detente.core.merkle import root_at
from detente.core.speaking import ROWS_MAX, sequence
from detente.core.station import Step
from detente.core.transcript import Entry

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
        duty = events.Draft(kind=Kind.DUTY, audience=alpha.line.everyone(), extra=b"\1\1")
        alpha.do(events.Submit(alpha.line.id, duty))
        world.run(40)
        alpha.restart()
        world.link("alpha", "bravo")
        world.run(5)
    numbers = [leaf.serial for leaf in leaves(alpha) if leaf.kind == Kind.DISPATCH]
    assert numbers == [1, 2, 3]
    assert not any(leaf.serial for leaf in leaves(alpha) if leaf.kind != Kind.DISPATCH)


def test_what_is_kept_of_our_tree_gives_every_head_that_we_signed() -> None:
    """The perfect subtrees beside the entries, and when they came to be held: at once."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    stored = []
    for number in range(9):
        alpha.submit(f"say {number}")
        stored += [one for one in alpha.do(events.Tick()) if isinstance(one, events.StoreEntries)]
    shelf, own = alpha.shelf(alpha.line.id), alpha.own()
    kept = {size: head.root for size, head in shelf.heads[own.id].items()}
    assert len(kept) >= 9
    for size, root in kept.items():
        assert root_at(lambda level, at: shelf.subtree(own.id, level, at), size) == root
    assert {one.held_at_s for one in stored} == {world.wall_s}


def test_what_a_dispatch_releases_stands_in_its_leaf() -> None:
    """And nothing in the leaf of any other."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    alpha.submit("released", release=bytes(range(32)))
    alpha.submit("plain")
    world.run(1)
    said = [leaf.release for leaf in leaves(alpha) if leaf.kind == Kind.DISPATCH]
    assert said == [bytes(range(32)), None]


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


LONG = {
    "bodies": events.Draft(Kind.ACCUSATION, 3, body=bytes(limits.BODY_BYTES_MAX), salt=bytes(16)),
    "fields": events.Draft(Kind.QUOTE, 3, extra=bytes(limits.EXTRA_BYTES_MAX)),
    "references": events.Draft(Kind.MARK, 3, refs=(bytes(32),) * limits.REFS_MAX),
}


def batches_of(step: Step) -> list[list[Entry]]:
    """What was entered, signature by signature."""
    return [
        [new.entry for new in one.entries]
        for one in step.out
        if isinstance(one, events.StoreEntries)
    ]


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("queued", [False, True])
def test_what_is_too_long_for_one_frame_goes_in_several(what: str, *, queued: bool) -> None:
    """Statements of ours, and what was submitted: none is left out, and every frame stays as long
    as a batch may be."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    count = 12 if what == "bodies" else 2 * ROWS_MAX
    extra = {"extra": Accused(alpha.own().id, 1).encode()} if what == "bodies" else {}
    for number in range(count):
        draft = LONG[what]._replace(salt=number.to_bytes(16, "big"), **extra)
        if queued:
            row = events.OutboxRow(number + 1, draft, world.wall_s)
            alpha.line.queue.rows[row.number] = row
            alpha.line.queue.by_precedence[0].append(row.number)
        else:
            alpha.line.control.append(draft)
    step = step_of(alpha)
    sequence(step, alpha.line)
    sizes = [[len(e.raw) + len(e.body or b"") for e in batch] for batch in batches_of(step)]
    assert sum(map(len, sizes)) >= count
    assert len(sizes) == 2
    assert max(map(sum, sizes)) <= limits.BATCH_BYTES_MAX
    assert all((e.salt is None) == (e.body is None) for batch in batches_of(step) for e in batch)


@pytest.mark.parametrize("what", ["fields", "references"])
def test_what_was_seen_has_a_leaf_of_its_own_where_a_statement_is_long(what: str) -> None:
    """Sixty-four logs, and a statement with as much as it may have: neither is cut."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    line, own = alpha.line, alpha.own()
    alpha.log_of(1).covered = alpha.log_of(1).size
    for number in range(limits.SEEN_MAX):
        log_id = LogId(2 + number // 16, number % 16, b"lifelife")
        line.logs[log_id] = replace(own, id=log_id)
    line.control.append(LONG[what])
    step = step_of(alpha)
    sequence(step, line)
    ((statement, seen),) = batches_of(step)
    assert statement.leaf is not None
    assert seen.leaf is not None
    assert [statement.leaf.kind, seen.leaf.kind] == [LONG[what].kind, Kind.SEEN]
    assert len(seen.leaf.seen) == limits.SEEN_MAX
    assert not statement.leaf.seen


def test_on_a_narrow_link_one_entry_waits_to_be_confirmed() -> None:
    """Our charter entry first, then what is queued, one by one."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.link("alpha", wide=False)
    liar.hello(link)
    liar.entries(link)
    world.run(10)
    entered = []
    for text in ("one", "two", "three"):
        alpha.submit(text, precedence=Precedence.ROUTINE)
    for _ in range(3):
        world.run(1)
        entered.append(len(alpha.texts(0)))
        liar.send(link, Got(alpha.own().id, alpha.own().size))
    world.run(1)
    assert entered == [0, 1, 2]
    assert len(alpha.texts(0)) == 3


@pytest.mark.parametrize("who", ["an observer", "one over its quota"])
def test_nothing_is_entered_while_nobody_who_reads_it_takes_it(who: str) -> None:
    """It keeps its place in the queue, where a FLASH goes before it."""
    world = World(names=THREE, roles=("party", "observer", "party"))
    world.open("alpha")
    alpha, bravo, charlie = world.ends["alpha"], Liar(world, "bravo"), Liar(world, "charlie")
    near, far = bravo.greet("alpha"), charlie.greet("alpha")
    bravo.entries(near)
    charlie.entries(far)
    if who == "an observer":
        alpha.do(events.LinkDown(far))
    else:
        alpha.do(events.LinkDown(near))
        charlie.send(far, Refuse(Refusal.OVER_QUOTA, alpha.own().id, 1))
    alpha.submit("later")
    world.run(5)
    assert not alpha.texts(0)
    charlie.greet("alpha")
    world.run(5)
    assert len(alpha.texts(0)) == 1


def test_what_lacks_is_kept_over_a_restart_though_nothing_more_is_covered() -> None:
    """The log is disputed further down: only what is named as lacking has changed."""
    world = World(changes={"lacks_after_s": 20})
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(130)
    for text in ("one", "two"):
        liar.say(text)
    liar.entries(link, start=1, bodies=False)
    alpha.log_of(1).disputed_from = 1
    world.run(40)
    assert alpha.kinds().count(Kind.LACKS) == 1
    alpha.restart()
    assert alpha.log_of(1).lacked == {1, 2}


def test_what_was_entered_already_lets_no_lower_row_go_before_its_own() -> None:
    """A disk that lied kept a row in the outbox: what stands behind it is entered first."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    alpha.submit("one", precedence=Precedence.PRIORITY)
    kept = dict(alpha.line.queue.rows)
    alpha.do(events.Tick())
    world.run(40)
    world.cut("alpha", "bravo")
    alpha.shelf(alpha.line.id).outbox.update(kept)
    alpha.submit("three", precedence=Precedence.ROUTINE)
    alpha.submit("two", precedence=Precedence.PRIORITY)
    alpha.do(events.Tick())
    alpha.restart()
    world.link("alpha", "bravo")
    world.run(40)
    assert alpha.texts(0) == [b"\0one", b"\0two", b"\0three"]
    assert not alpha.shelf(alpha.line.id).outbox


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


def test_in_a_line_of_two_nobody_is_told_of_heads() -> None:
    """There is no third to relay for: the other says in its hello what it holds of its own."""
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(1)
    liar.hello(link)
    world.run(10)
    assert not liar.answers(link, Heads)


def test_what_has_been_stated_as_seen_is_not_stated_again() -> None:
    """Where nothing came between two dispatches the second names no log."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    for text in ("one", "two"):
        alpha.submit(text)
        alpha.do(events.Tick())
    said = [leaf for leaf in leaves(alpha) if leaf.kind == Kind.DISPATCH]
    assert [len(leaf.seen) for leaf in said] == [1, 0]


@pytest.mark.parametrize("disputed", [False, True])
def test_a_resumed_log_is_named_first_beside_the_one_before_it(*, disputed: bool) -> None:
    """Which was covered long ago, as far as it is undisputed; and alone from then on."""
    world = World()
    world.open()
    world.run(130)
    alpha, bravo = world.ends.values()
    old = bravo.own().id
    if disputed:
        alpha.line.logs[old].disputed_from = 1
        alpha.line.logs[old].heads.clear()
    bravo.station.keys = SeedKeys("bravo", 1)
    bravo.do(events.Adopt(1))
    world.run(130)
    for text in ("one", "two"):
        bravo.submit(text)
        world.run(130)
    new = bravo.own().id
    named = [{seen.log for seen in leaf.seen} for leaf in leaves(alpha)]
    named = [logs for logs in named if new in logs]
    assert named[0] == {old, new}
    assert set(map(frozenset, named[1:])) == {frozenset({new})}


def test_bodies_of_our_own_log_are_never_named_as_lacking() -> None:
    """Others cover our log by what they hold: we only say what we lack of theirs."""
    world = World(changes={"lacks_after_s": 20})
    world.open()
    alpha = world.ends["alpha"]
    alpha.submit("lost")
    world.run(1)
    world.cut("alpha", "bravo")
    alpha.own().missing[alpha.own().size - 1] = world.wall_s
    world.run(60)
    alpha.line.touched = True
    world.run(1)
    assert Kind.LACKS not in alpha.kinds()


def test_nothing_is_entered_before_all_have_begun() -> None:
    """A line of three of whom one has not accepted yet: not even a FLASH."""
    world = World(names=THREE)
    world.open("alpha", "bravo")
    alpha = world.ends["alpha"]
    alpha.submit("early")
    alpha.submit("urgent", precedence=Precedence.FLASH)
    world.run(10)
    assert not alpha.texts(0)
    assert len(alpha.line.queue.rows) == 2


def test_what_is_held_is_stated_once_somebody_is_there() -> None:
    """Not while no link is up, however long that is due."""
    world = World()
    world.open()
    world.run(130)
    alpha, bravo = world.ends.values()
    bravo.submit("news")
    world.run()
    world.cut("alpha", "bravo")
    size = alpha.own().size
    assert alpha.log_of(1).size > alpha.log_of(1).covered
    alpha.line.touched = True
    world.run(130)
    alpha.line.touched = True
    world.run(1)
    assert alpha.own().size == size
    world.link("alpha", "bravo")
    world.run(1)
    assert alpha.own().size == size + 1
