"""Hellos that are none of ours, and frames that have no place on a line."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from liar import Liar, stated
from pair import End, World

from detente.core import events, limits
from detente.core.errors import Refusal
from detente.core.frames import (
    WANT_BODY,
    WANT_ENTRIES,
    AskProof,
    Got,
    Heads,
    Hello,
    Notice,
    Presence,
    Quantum,
    Refuse,
    StatedHead,
    Want,
    encode_frame,
)
from detente.core.leaf import LogId
from detente.core.limits import ASK_AGAIN_S_MAX, PRESENCE_EVERY_S, RELAY_AFTER_S
from detente.core.line import Dispute
from detente.core.protocol import wake_ms

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


@pytest.mark.parametrize("first", ["its own", "unknown", "one too many"])
def test_a_head_that_is_not_asked_for_hides_none_behind_it(first: str) -> None:
    """The peer's own, which it sends by itself, one under a key that no card lists, and one of a
    member that has as many logs as may be followed."""
    world, liar, alpha, link = _met()
    charlie = Liar(world, "charlie")
    liar.say("to come")
    ours = stated(liar.log)
    session = alpha.line.sessions[link]
    if first == "unknown":
        log_id = LogId(2, 15, b"lifelife")
        session.heads[log_id] = replace(ours, head=ours.head._replace(log=log_id))
    elif first == "one too many":
        for k in range(limits.INCARNATIONS_MAX):
            known = LogId(2, k, b"")
            alpha.line.logs[known] = alpha.station.new_log(alpha.line, known)
        log_id = LogId(2, 1, b"lifelife")
        session.heads[log_id] = replace(ours, head=ours.head._replace(log=log_id))
    liar.got(link)
    liar.send(link, Heads((ours, stated(charlie.log))))
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


def test_lines_are_numbered_from_one_on_each_link() -> None:
    """A channel is what a peer knows a line by: the first is 1, the next 2, on every link."""
    world, liar, alpha, link = _met()
    alpha.do(events.Accept(replace(world.charter(), title="Another").encode()))
    other = liar.link("alpha")
    assert [data[0] for data in world.taps[link] if data[0] >> 4 == Hello.TYPE] == [0x11, 0x12]
    assert [data[0] for data in world.taps[other]] == [0x11, 0x12]


def test_a_hello_that_has_changed_goes_to_members_alone() -> None:
    """A trusted party that is linked, and no member of the line, does not hear of it."""
    world = World(names=THREE)
    alpha, liar = world.ends["alpha"], Liar(world, "charlie")
    charter = world.charter()
    alpha.do(events.Accept(replace(charter, members=charter.members[:2]).encode()))
    link = liar.link("alpha")
    alpha.line.greet_due = True
    alpha.do(events.Tick())
    assert world.taps[link] == []


def test_a_hello_on_one_line_leaves_the_others_their_channels() -> None:
    """Two lines share a link: each is greeted again, and both go on."""
    world, liar, alpha, link = _met()
    alpha.do(events.Accept(replace(world.charter(), title="Another").encode()))
    (second,) = set(alpha.station.lines) - {liar.line.id}
    liar.hello(link, line=second, channel=2)
    liar.hello(link)
    liar.hello(link, line=second, channel=3)
    for channel, line in ((1, liar.line.id), (3, second)):
        own = alpha.station.lines[line].own
        assert own is not None
        liar.send(link, Got(own.id, 1), channel=channel)
        assert alpha.station.lines[line].sessions[link].holds == {own.id: 1}
    assert _refused(alpha) == []


def test_who_says_hello_anew_is_shown_our_signature_again() -> None:
    """By ML-DSA-44, also over a log of one entry: what a peer has lost, it has lost."""
    world, liar, alpha, link = _met()
    world.run(limits.PQ_WITHIN_S + 1)
    assert [(one.log, one.size) for one in liar.answers(link, Quantum)] == [(alpha.own().id, 1)]
    liar.hello(link, answer=True)
    world.run()
    assert [(one.log, one.size) for one in liar.answers(link, Quantum)] == [(alpha.own().id, 1)]


def test_who_says_hello_has_been_heard() -> None:
    """What is shown of a silence counts from there."""
    world, _, alpha, link = _met()
    assert alpha.line.sessions[link].heard_ms == world.steady_ms


def test_what_a_hello_states_is_asked_for_once() -> None:
    """Though it comes in one breath with its link; and again after five seconds."""
    world = World(names=THREE)
    world.open("alpha")
    world.run(20)
    liar, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    link = liar.link("alpha")
    liar.hello(link, stated(charlie.log))
    world.run(4)
    assert len(liar.answers(link, Want)) == 1
    world.run(1)
    assert len(liar.answers(link, Want)) == 1


def _shown(liar: Liar, link: int, *heads: StatedHead) -> list[LogId]:
    """What is asked for at once when the liar states these."""
    liar.got(link)
    liar.send(link, Heads(heads))
    return [one.log for one in liar.answers(link, Want)]


def test_a_relay_is_asked_when_the_author_is_more_than_five_seconds_late() -> None:
    """From when that very head was shown, also if another of this log was shown long before."""
    world, liar, _, link = _met()
    charlie = Liar(world, "charlie")
    far = charlie.greet("alpha")
    charlie.entries(far)
    world.run(20)
    for number in range(2):
        charlie.say(f"say {number}")
        assert not _shown(liar, link, stated(charlie.log))
        world.steady_ms += RELAY_AFTER_S * 1000
        assert not _shown(liar, link)
        world.steady_ms += 1
        assert _shown(liar, link) == [charlie.log.id]
        charlie.entries(far, start=number + 1)
        assert not _shown(liar, link)


def test_a_head_that_is_stated_again_is_no_news() -> None:
    """It is asked for no more often than if it had been stated once: after five seconds, and each
    time after twice as long, up to 320 s."""
    world, liar, alpha, link = _met()
    charlie = Liar(world, "charlie")
    head = stated(charlie.log)
    began, asked = world.steady_ms, []
    assert _shown(liar, link, head) == [charlie.log.id]
    while world.steady_ms < began + 1_500_000:
        world.steady_ms += 5_000
        world.wall_s += 5
        alpha.do(events.Tick())
        if liar.answers(link, Want):
            asked.append((world.steady_ms - began) // 1000)
        _shown(liar, link, head)
    gaps = [after - before for before, after in pairwise(asked)]
    assert gaps == [5, 10, 20, 40, 80, 160, ASK_AGAIN_S_MAX, ASK_AGAIN_S_MAX, ASK_AGAIN_S_MAX]


def _beats(world: World, liar: Liar, link: int, seconds: int) -> list[int]:
    """After how many seconds a heartbeat came on a link, while time passes."""
    came = []
    for second in range(1, seconds + 1):
        world.run(1)
        came += [second] * len(liar.answers(link, Presence))
    return came


def test_a_slow_link_keeps_no_heartbeat_from_another() -> None:
    """The one that has its turn every minute stands before the other."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    liars = [Liar(world, name) for name in ("bravo", "charlie")]
    links = [liars[0].link("alpha", wide=False), liars[1].link("alpha")]
    alpha.station.links[links[0]].slow = True
    for liar, link in zip(liars, links, strict=True):
        liar.hello(link)
    world.run(10)
    for liar, link in zip(liars, links, strict=True):
        liar.got(link)
    beats = _beats(world, liars[1], links[1], 6 * PRESENCE_EVERY_S)
    assert len(beats) == 6
    gaps = {after - before for before, after in pairwise(beats)}
    assert gaps == {PRESENCE_EVERY_S}
    assert len(liars[0].answers(links[0], Presence)) == 3


def test_heartbeats_go_on_when_our_hello_is_said_again() -> None:
    """At their time, however often that is."""
    world, liar, alpha, link = _met()
    world.run(100)
    liar.got(link)
    (first,) = _beats(world, liar, link, PRESENCE_EVERY_S)
    again = []
    for second in range(1, PRESENCE_EVERY_S + 1):
        alpha.line.greet_due = True
        world.run(1)
        again += [second] * len(liar.answers(link, Presence))
    assert again == [first]


def test_at_rest_the_core_wakes_for_its_heartbeats_alone() -> None:
    """And without a link for nothing."""
    world = World()
    world.open()
    world.run(200)
    alpha = world.ends["alpha"]
    waits = set()
    for _ in range(PRESENCE_EVERY_S):
        world.run(1)
        due = wake_ms(alpha.station)
        assert due is not None
        waits.add((due - world.steady_ms) // 1000)
    assert waits == set(range(1, PRESENCE_EVERY_S + 1))
    world.cut("alpha", "bravo")
    world.run(2 * PRESENCE_EVERY_S)
    assert wake_ms(alpha.station) is None


@pytest.mark.parametrize("what", ["heads", "asked_full", "paused", "a search"])
def test_what_is_outstanding_keeps_the_core_awake(what: str) -> None:
    """What only the passing of time would move is looked at every few seconds."""
    world, _, alpha, link = _met()
    world.run(200)
    session, log = alpha.line.sessions[link], Liar(world, "charlie").log
    if what == "heads":
        session.heads[log.id] = stated(log)
    elif what == "a search":
        alpha.line.disputes[log.id] = Dispute(link, stated(log), 0, 1, world.steady_ms)
    elif what == "paused":
        session.paused[log.id] = world.steady_ms + 10**9
    else:
        getattr(session, what).add(log.id)
    alpha.line.chores_due_ms = world.steady_ms
    alpha.do(events.Tick())
    due = wake_ms(alpha.station)
    assert due is not None
    assert due - world.steady_ms <= 5_000


def test_another_history_of_our_own_is_searched_by_nobody() -> None:
    """Its head under our key says that this node was restored: it falls mute, and asks for no proof
    against itself."""
    _, liar, alpha, link = _met()
    liar.world.wall_s += 1
    other = Liar(liar.world, "alpha").log
    liar.got(link)
    liar.send(link, Heads((stated(other),)))
    liar.world.run(10)
    assert alpha.line.mute
    assert not alpha.line.disputes
    assert not liar.answers(link, AskProof)
    assert not alpha.facts("fork-suspected")


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
