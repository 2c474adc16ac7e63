"""Receive-only: a link that is listened to. Nothing is said there, and what comes is kept."""

from __future__ import annotations

from pair import End, World, heads

from detente.core import events, protocol
from detente.core.extras import Duty, ReceiveOnly, decode_receive_only
from detente.core.leaf import Kind, Precedence


def opened(*, wide: bool = False) -> tuple[World, End, End]:
    world = World()
    world.open()
    world.run(130)
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo", wide=wide)
    world.run(130)
    return world, world.ends["alpha"], world.ends["bravo"]


def listen(world: World, end: End) -> int:
    """This end says nothing any more on its only link; its number."""
    (link,) = [number for number, (owner, _, _) in world.wires.items() if owner is end]
    end.do(events.Listen(link))
    end.do(events.Tick())
    return link


def said_by(world: World, end: End, since: int) -> list[bytes]:
    return [data for name, _, data in world.frames[since:] if name == end.name]


def test_nothing_is_said_and_what_comes_is_kept() -> None:
    """Neither receipts, questions, heartbeats nor an answer to rubbish; what is written waits."""
    world, alpha, bravo = opened()
    link = listen(world, bravo)
    since = len(world.frames)
    bravo.submit("kept for later", precedence=Precedence.FLASH)
    alpha.submit("read this", precedence=Precedence.FLASH)
    world.run(300)
    bravo.do(events.FrameIn(link, b"\xff\xff rubbish"))
    world.run(30)
    assert said_by(world, bravo, since) == []
    assert len(bravo.texts(0)) == 1
    assert len(bravo.line.queue.rows) == 1
    assert Kind.DISPATCH not in bravo.kinds()


def test_receipts_of_the_time_are_entered_and_said_afterwards() -> None:
    """What came in silence is stated as held when it came, and told once there is a link again."""
    world, alpha, bravo = opened()
    listen(world, bravo)
    alpha.submit("read this", precedence=Precedence.FLASH)
    world.run(30)
    held_s = world.wall_s
    world.run(7_200)
    assert bravo.own().stated[alpha.own().id] == alpha.own().size
    (place,) = alpha.shelf(alpha.line.id).of_kind([Kind.DISPATCH])
    assert not list(alpha.shelf(alpha.line.id).covers(*place))
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo", wide=False)
    world.run(60)
    (cover, *_) = alpha.shelf(alpha.line.id).covers(*place)
    assert cover.held_at_s <= held_s
    assert heads(alpha) == heads(bravo)


def test_a_flash_behind_a_batch_that_nobody_confirms_goes_ahead() -> None:
    """On a narrow link one batch is under way to whoever confirms nothing; FLASH overtakes it, and
    its receipt is entered at once. What may wait, waits."""
    world, alpha, bravo = opened()
    listen(world, bravo)
    for text in ("one", "two", "three"):
        alpha.submit(text, precedence=Precedence.ROUTINE)
        world.run(5)
    assert len(alpha.line.queue.rows) == 2
    for text in ("first", "second"):
        alpha.submit(text, precedence=Precedence.FLASH)
        world.run(5)
    assert bravo.kinds().count(Kind.HELD_AHEAD) == 2
    assert len(alpha.line.queue.rows) == 2


def test_a_hello_on_such_a_link_is_taken_and_not_answered() -> None:
    """The peer may begin anew at any time, and is heard."""
    world, alpha, bravo = opened()
    link = listen(world, bravo)
    since = len(world.frames)
    alpha.line.greet_due = True
    alpha.do(events.Tick())
    world.run(20)
    bravo.line.greet_due = True
    bravo.do(events.Tick())
    assert said_by(world, bravo, since) == []
    assert bravo.line.listens()
    assert not bravo.line.greeted()
    assert bravo.station.links[link].heard_only


def test_a_link_that_comes_up_in_silence_is_listened_to() -> None:
    """The peer alone can bring one up again: nothing is said there either, not even a hello."""
    world, alpha, bravo = opened()
    world.cut("alpha", "bravo")
    since = len(world.frames)
    bravo.do(events.LinkUp(50, alpha.id, wide=False, heard_only=True))
    alpha.do(events.LinkUp(51, bravo.id, wide=False))
    world.wires[50], world.wires[51] = (bravo, alpha, 51), (alpha, bravo, 50)
    alpha.line.greet_due = True
    alpha.do(events.Tick())
    world.run(30)
    assert said_by(world, alpha, since)
    assert said_by(world, bravo, since) == []
    assert bravo.line.listens()


def test_who_only_listens_wakes_for_what_it_can_enter() -> None:
    """A `seen` is due in silence too; cosignatures and heartbeats are not, and wake nobody."""
    world, _alpha, bravo = opened()
    listen(world, bravo)
    bravo.line.cosign_due_ms = bravo.line.quantum_due_ms = 1
    bravo.line.seen_due_ms = 0
    bravo.line.chores_due_ms = 0
    assert protocol.wake_ms(bravo.station) is None
    bravo.line.seen_due_ms = 77
    assert protocol.wake_ms(bravo.station) == 77
    bravo.line.sessions.clear()
    assert protocol.wake_ms(bravo.station) is None


def test_a_link_that_has_gone_is_not_listened_to() -> None:
    """The order came too late: nothing happens, and other links speak."""
    world, _alpha, bravo = opened()
    since = len(world.frames)
    bravo.do(events.Listen(999))
    world.run(40)
    assert said_by(world, bravo, since)
    bravo.line.sessions.clear()  # a line on which nobody is greeted by it
    listen(world, bravo)
    assert not bravo.line.listens()


def test_an_announcement_reads_back() -> None:
    """Eleven bytes behind the state; any other duty announces nothing."""
    said = ReceiveOnly(1_770_292_800, 1_770_379_200, 2)
    assert len(said.encode()) == 12
    assert decode_receive_only(said.encode()) == said
    assert decode_receive_only(bytes((Duty.ON,))) is None
    assert decode_receive_only(b"") is None
