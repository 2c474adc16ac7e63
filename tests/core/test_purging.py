"""Purges beyond the plain case: of the same batch, of copies, of nothing, and how many may wait."""

from __future__ import annotations

import copy

import pytest
from liar import Liar
from pair import End, World

from detente.core import events, frames, holding
from detente.core.errors import Refusal
from detente.core.leaf import Kind
from detente.core.station import Step


def with_liar() -> tuple[World, Liar, int, End]:
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    return world, liar, link, world.ends["alpha"]


def test_a_purge_in_the_batch_of_its_entry_leaves_no_body() -> None:
    """In the store, in memory, and for whoever asks."""
    world, liar, link, alpha = with_liar()
    first = liar.say("gone at once")
    kept = liar.say("kept")
    liar.log.say(Kind.PURGED, refs=(first,), time_s=world.wall_s)
    liar.entries(link)
    shelf = alpha.shelf(alpha.line.id)
    assert shelf.entry(*shelf.find(first)).purged
    assert not shelf.entry(*shelf.find(kept)).purged
    assert alpha.texts(1) == [None, liar.log.bodies[2][1]]
    liar.got(link)
    liar.send(link, frames.Want(frames.WANT_BODY, liar.log.id, 1))
    assert liar.answers(link, frames.Refuse) == [frames.Refuse(Refusal.PURGED, liar.log.id, 1)]


def test_a_copy_of_a_leaf_does_not_shield_it_from_its_purge() -> None:
    """A member may copy another's leaf into its own log; the author still finds its own."""
    world, liar, link, alpha = with_liar()
    original = liar.say("to be purged")
    liar.entries(link)
    thief = Liar(world, "charlie")
    thief.log.add_raw(liar.log.raws[1], liar.log.bodies[1])
    other = thief.greet("alpha")
    thief.entries(other)
    shelf = alpha.shelf(alpha.line.id)
    alpha.line.logs[liar.log.id].recent.clear()
    shelf._places[original] = next(
        e.place for e in shelf.entries(thief.log.id, 1, 2)
    )  # as if the copy had the lower place
    liar.log.say(Kind.PURGED, refs=(original,), time_s=world.wall_s)
    liar.entries(link, start=2)
    assert shelf.entry(liar.log.id, 1).purged
    assert not shelf.entry(thief.log.id, 1).purged
    liar.log.say(Kind.PURGED, refs=(thief.log.entry(0).hash,), time_s=world.wall_s)
    liar.entries(link, start=3)
    assert shelf.entry(thief.log.id, 0).body is not None


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_purge_destroys_the_body_wherever_its_author_entered_that_leaf(forgotten: bool) -> None:
    """Copies before the purge, in its batch and behind it; another's equal leaf keeps its body, and
    what names nothing changes nothing."""
    world, liar, link, alpha = with_liar()
    thief = Liar(world, "charlie")
    first = liar.say("said three times")
    raw, body = liar.log.raws[1], liar.log.bodies[1]
    liar.log.add_raw(raw, body)
    liar.entries(link)
    other = thief.greet("alpha")
    thief.log.add_raw(raw, body)
    thief.entries(other)
    if forgotten:
        alpha.line.logs[liar.log.id].recent.clear()
    liar.log.say(Kind.PURGED, refs=(bytes(32), first, first), time_s=world.wall_s)
    liar.log.add_raw(raw, body)
    liar.entries(link, start=3)
    liar.log.add_raw(raw, body)
    liar.entries(link, start=5)
    shelf = alpha.shelf(alpha.line.id)
    same = [index for index in range(6) if shelf.entry(liar.log.id, index).hash == first]
    assert same == [1, 2, 4, 5]
    for index in same:
        entry = shelf.entry(liar.log.id, index)
        assert (entry.purged, entry.body, entry.salt) == (True, None, None)
        remembered = alpha.line.logs[liar.log.id].recent.get(index, entry)
        assert (remembered.purged, remembered.body, remembered.salt) == (True, None, None)
    assert [fact["index"] for fact in alpha.facts("purged")] == [1, 2, 4]
    assert shelf.entry(thief.log.id, 1).body is not None
    assert not alpha.line.logs[liar.log.id].missing


def test_a_purge_that_is_said_twice_destroys_once() -> None:
    """In one batch, of an entry in it."""
    world, liar, link, alpha = with_liar()
    ref = liar.say("gone")
    for _ in range(2):
        liar.log.say(Kind.PURGED, refs=(ref,), time_s=world.wall_s)
    liar.entries(link)
    assert [fact["index"] for fact in alpha.facts("purged")] == [1]


def test_what_is_no_content_is_not_purged_before_it_comes() -> None:
    """Its author names an offer, and enters it then: what decisions rest on stays."""
    world, liar, link, alpha = with_liar()
    ahead = liar.log.fork(1)
    ref = liar.say("an offer", ahead, kind=Kind.OFFER)
    liar.log.say(Kind.PURGED, refs=(ref,), time_s=world.wall_s)
    liar.entries(link)
    liar.log.add_raw(ahead.raws[1], ahead.bodies[1])
    liar.entries(link, start=2)
    entry = alpha.shelf(alpha.line.id).entry(liar.log.id, 2)
    assert (entry.hash, entry.purged, entry.body is None) == (ref, False, False)


def test_what_decisions_rest_on_is_never_purged() -> None:
    """An author destroys content alone: not its charter leaf, and not an offer."""
    world, liar, link, alpha = with_liar()
    offer = liar.log.say(Kind.OFFER, plain=b"an amendment", time_s=world.wall_s)
    refs = (liar.log.entry(0).hash, offer)
    liar.log.say(Kind.PURGED, refs=refs, time_s=world.wall_s)
    liar.entries(link)
    shelf = alpha.shelf(alpha.line.id)
    assert all(shelf.entry(liar.log.id, index).body is not None for index in (0, 1))
    assert not alpha.facts("purged")


def test_a_backup_that_still_holds_a_purged_body_loses_it_again() -> None:
    """Purges replay after a restore; the body is refused if a peer brings it back."""
    world = World()
    world.open()
    world.run(70)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    bravo.submit("to be purged")
    world.run(70)
    old = copy.deepcopy(alpha.shelves)
    shelf = bravo.shelf(bravo.line.id)
    place = shelf.of_kind([Kind.DISPATCH])[0]
    draft = events.Draft(kind=Kind.PURGED, audience=3, refs=(shelf.entry(*place).hash,))
    bravo.do(events.Submit(bravo.line.id, draft))
    world.run(70)
    alpha.restart(old)
    assert alpha.texts(1) == [b"\0to be purged"]
    world.link("alpha", "bravo")
    world.run(40)
    assert alpha.texts(1) == [None]
    alpha.line.logs[place.log].recent.clear()
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.got(link)
    liar.send(link, frames.Body(place.log, place.index, bytes(16), b"\0to be purged"))
    assert liar.answers(link, frames.Refuse) == [
        frames.Refuse(Refusal.PURGED, place.log, place.index)
    ]


def test_a_legal_hold_keeps_what_is_declared_purged_and_shows_it_to_nobody() -> None:
    """While it lasts the body stays, is answered for as purged and relayed to nobody; a body that
    nobody declared purged is served as ever. At its end what was declared is destroyed."""
    world, liar, link, alpha = with_liar()
    gone = liar.say("declared purged")
    liar.say("kept")
    line = alpha.line
    alpha.station.under_hold.add(line.id)
    liar.log.say(Kind.PURGED, refs=(gone, bytes(32)), time_s=world.wall_s)
    liar.entries(link)
    assert alpha.texts(1) == [liar.log.bodies[1][1], liar.log.bodies[2][1]]
    assert alpha.facts("purge-held") == [{"member": 1}]
    third = Liar(world, "charlie")
    other = third.greet("alpha")
    third.got(other)
    for index in (1, 2):
        third.send(other, frames.Want(frames.WANT_BODY, liar.log.id, index))
    world.run()
    got = third.got(other)
    assert [f.index for f in got if isinstance(f, frames.Body)] == [2]
    assert frames.Refuse(Refusal.PURGED, liar.log.id, 1) in got
    alpha.restart()
    assert alpha.station.under_hold == set()
    step = Step(alpha.station, world.now(), bytes)
    holding.purge_again(step, alpha.line)
    world.deliver(alpha, step.out)
    assert alpha.texts(1) == [None, liar.log.bodies[2][1]]
    assert alpha.facts("purged") == [{"member": 1, "index": 1}]


@pytest.mark.parametrize("restarted", [False, True])
def test_what_comes_behind_its_purge_is_kept_while_a_hold_lasts(restarted: bool) -> None:
    """Also over a restart; with the hold it ends."""
    world, liar, link, alpha = with_liar()
    alpha.station.under_hold.add(alpha.line.id)
    ahead = liar.log.fork(1)
    ref = liar.say("gone", ahead)
    liar.log.say(Kind.PURGED, refs=(ref,), time_s=world.wall_s)
    liar.entries(link)
    if restarted:
        alpha.restart()
        alpha.station.under_hold.add(alpha.line.id)
        link = liar.greet("alpha")
    liar.log.add_raw(ahead.raws[1], ahead.bodies[1])
    liar.entries(link, start=2)
    kept = alpha.shelf(alpha.line.id).entry(liar.log.id, 2)
    assert (kept.hash, kept.purged, kept.body is None) == (ref, False, False)
    alpha.station.under_hold.clear()
    step = Step(alpha.station, world.now(), bytes)
    holding.purge_again(step, alpha.line)
    world.deliver(alpha, step.out)
    entry = alpha.shelf(alpha.line.id).entry(liar.log.id, 2)
    assert (entry.purged, entry.body) == (True, None)
