"""Who has left comes back, or never belonged: what was on its way meanwhile is nobody's fault."""

from __future__ import annotations

from core.joins import (
    HOUR_S,
    NAMES,
    accept,
    enter,
    founded,
    grown,
    joined,
    leave,
    member,
    offer,
    refused,
    seal,
    successor,
)
from pair import heads

from detente.core import events, frames
from detente.core.charter import Left
from detente.core.errors import Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind


def test_who_left_comes_back_under_its_own_number_and_log() -> None:
    """What was said meanwhile it mirrors and cannot read; its log goes on where it ended."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    joined(world)
    first = charlie.own().id
    gone = leave(world)
    alpha.submit("while it was away")
    world.run(40)
    assert refused(lambda: charlie.submit("still here?")) is Refusal.NOT_ALLOWED
    other = successor(alpha, members=(*gone.members, member(3, "charlie")), left=())
    assert refused(lambda: accept(charlie, other)) is Refusal.CHARTER_MISMATCH
    charter = successor(alpha, members=(*gone.members, member(2, "charlie")), left=())
    made = offer(alpha, charter)
    accept(charlie, charter)
    seal(bravo, made)
    world.run(100)
    assert charlie.line.charter == charter
    assert not charlie.line.left
    assert charlie.own().id == first
    charlie.submit("back")
    world.run(70)
    assert bravo.texts(2) == [b"\0back"]
    assert charlie.texts(0)[-1] is None
    assert heads(alpha) == heads(bravo) == heads(charlie)


def test_who_left_is_not_blamed_for_what_was_on_its_way() -> None:
    """A frame sent before it knew of its leaving, and one that reaches it then, count against
    nobody; nor does one on the channel of before once it is being greeted again."""
    world = founded()
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    joined(world)
    late = []
    for end, other in ((alpha, charlie), (charlie, alpha)):
        (link,) = [one for one in end.station.links.values() if one.party == other.id]
        frame = frames.encode_frame(*link.lines, frames.Got(end.own().id, 1))
        late.append((end, link, events.FrameIn(link.number, frame)))
    gone = leave(world)
    for end, link, frame in late:
        end.do(frame)
        assert end.facts("refused")[-1]["refusal"] == "unknown-line"
        assert not link.bad_frames
    world.dropping.add(("charlie", "alpha"))
    charter = successor(alpha, members=(*gone.members, member(2, "charlie")), left=())
    seal(world.ends["bravo"], offer(alpha, charter))
    world.run(100)
    alpha.do(late[0][2])
    assert alpha.facts("refused")[-1]["refusal"] == "unknown-line"
    assert alpha.line.charter == charter


def test_who_comes_back_is_greeted_on_the_channel_of_before() -> None:
    """What was said before the first hello of the new session, and comes after it, since a first
    hello overtakes all else, is out of turn nowhere."""
    world = founded()
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    joined(world)
    (link,) = [one for one in charlie.station.links.values() if one.party == alpha.id]
    late = frames.encode_frame(*link.lines, frames.Got(charlie.own().id, 1))
    gone = leave(world)
    charter = successor(alpha, members=(*gone.members, member(2, "charlie")), left=())
    seal(world.ends["bravo"], offer(alpha, charter))
    world.run(100)
    assert charlie.line.sessions[link.number].greeted
    refused = len(charlie.facts("refused"))
    charlie.do(events.FrameIn(link.number, late))
    assert len(charlie.facts("refused")) == refused


def test_who_left_before_it_found_its_seal_begins_no_log() -> None:
    """The accepted charter was in force, and is no more: nothing is signed."""
    world = founded(amend="all-but-affected")
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    made = offer(alpha, charter)
    accept(charlie, charter)
    seal(bravo, made)
    world.run(70)
    gone = successor(alpha, members=charter.members[:2], left=(Left(2, charlie.id),))
    world.link("alpha", "charlie")
    world.dropping.add(("alpha", "charlie"))
    terms = Offer(AMENDMENT, 1, 3, world.wall_s + HOUR_S).encode()
    made = enter(alpha, Kind.OFFER, 7, extra=terms, text=gone.encode())
    seal(bravo, made)
    world.run(70)
    assert alpha.line.charter == gone
    world.dropping.clear()
    alpha.line.charter = charter  # a member that goes on serving it
    world.cut("alpha", "charlie")
    world.link("alpha", "charlie")
    world.run(10)
    assert charlie.line.left
    assert charlie.line.joining == b""
    assert charlie.line.mine is None
