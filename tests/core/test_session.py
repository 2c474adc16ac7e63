"""Hellos that are none of ours, and frames that have no place on a line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liar import Liar, stated
from pair import End, World

from detente.core import events
from detente.core.errors import Refusal
from detente.core.frames import (
    WANT_BODY,
    WANT_ENTRIES,
    Heads,
    Hello,
    Notice,
    Refuse,
    Want,
    encode_frame,
)
from detente.core.leaf import LogId

THREE = ("alpha", "bravo", "charlie")


def _met() -> tuple[World, Liar, End, int]:
    """Alpha and a liar as bravo, who has said hello."""
    world = World(names=THREE)
    world.open("alpha")
    liar = Liar(world, "bravo")
    return world, liar, world.ends["alpha"], liar.greet("alpha")


def _refused(end: End) -> list[object]:
    found = [fact["refusal"] for fact in end.facts("refused")]
    end.told.clear()
    return found


def test_a_hello_is_told_with_who_said_it() -> None:
    """The member, and whether it is mute."""
    _, _, alpha, _ = _met()
    assert alpha.facts("greeted") == [{"member": 1, "mute": False}]


def test_a_hello_names_its_own_member_on_a_channel_of_its_own() -> None:
    """Another member's number, or the channel of the link itself: each is refused alone."""
    _, liar, alpha, link = _met()
    liar.hello(link, member=2)
    liar.hello(link, channel=0)
    assert _refused(alpha) == ["not-allowed"] * 2


def test_a_hello_of_who_is_no_member_of_the_line_is_refused() -> None:
    """It is a trusted party, and the line is none of its business."""
    world = World(names=THREE)
    alpha, liar = world.ends["alpha"], Liar(world, "charlie")
    charter = world.charter()
    alpha.do(events.Accept(replace(charter, members=charter.members[:2]).encode()))
    liar.hello(liar.link("alpha"), line=alpha.line.id)
    assert _refused(alpha) == ["unknown-line"]


def test_a_channel_is_of_one_line() -> None:
    """A second line on the channel of the first is refused, and has one of its own otherwise."""
    world, liar, alpha, link = _met()
    other = replace(world.charter(), title="Another").encode()
    alpha.do(events.Accept(other))
    (second,) = set(alpha.station.lines) - {liar.line.id}
    _refused(alpha)
    liar.hello(link, line=second)
    assert _refused(alpha) == ["not-allowed"]
    liar.hello(link, line=second, channel=2)
    assert _refused(alpha) == []


def test_a_frame_of_the_link_has_no_place_on_a_line() -> None:
    """It is refused by its name, out of turn."""
    _, liar, _, link = _met()
    liar.got(link)
    liar.raw(link, encode_frame(1, Notice(b"an offer")))
    assert liar.answers(link, Refuse) == [Refuse(Refusal.OUT_OF_TURN)]


@pytest.mark.parametrize("first", ["its own", "unknown"])
def test_a_head_that_is_not_asked_for_hides_none_behind_it(first: str) -> None:
    """The peer's own, which it sends by itself, and one under a key that no card lists."""
    world, liar, alpha, link = _met()
    charlie = Liar(world, "charlie")
    liar.say("to come")
    ours = stated(liar.log)
    if first == "unknown":
        session = alpha.line.sessions[link]
        log_id = LogId(2, 15, b"lifelife")
        session.heads[log_id] = replace(ours, head=ours.head._replace(log=log_id))
    liar.got(link)
    liar.send(link, Heads((ours, stated(charlie.log))))
    world.run(10)
    wanted = [one for one in liar.answers(link, Want) if one.what == WANT_ENTRIES]
    assert charlie.log.id in {one.log for one in wanted}


def test_the_body_of_the_only_entry_of_a_log_is_asked_for() -> None:
    """Who confirmed one entry holds some of that log."""
    world, liar, _, link = _met()
    liar.entries(link, bodies=False)
    liar.got(link)
    world.run(15)
    wanted = [one for one in liar.answers(link, Want) if one.what == WANT_BODY]
    assert {(one.log, one.index) for one in wanted} == {(liar.log.id, 0)}


def test_a_hello_is_said_once_on_a_link_and_answered_once() -> None:
    """Another asks for none in return unless it says so."""
    _, liar, _, link = _met()
    assert len(liar.answers(link, Hello)) == 1
    liar.hello(link)
    assert not liar.answers(link, Hello)
    liar.hello(link, answer=True)
    assert len(liar.answers(link, Hello)) == 1


def test_a_false_head_is_named_again_after_seconds_and_not_with_the_next_frame() -> None:
    """However often the core is called meanwhile."""
    world, liar, _, link = _met()
    world.run(70)
    theirs = stated(Liar(world, "charlie").log)
    false = replace(theirs, signature=bytes(64))
    liar.got(link)
    for passed_s, named in ((0, 1), (1, 0), (1, 0), (4, 1)):
        world.run(passed_s)
        liar.send(link, Heads((false,)))
        assert len(liar.answers(link, Refuse)) == named
