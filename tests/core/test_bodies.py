"""Bodies apart from their leaves: late, lacking, purged, and never another's."""

from __future__ import annotations

from copy import deepcopy

import pytest
from liar import Liar, stated
from pair import End, World

from detente.core import events
from detente.core.errors import Refusal
from detente.core.extras import Head, decode_held_ahead, decode_lacks, encode_clock
from detente.core.frames import (
    WANT_BODY,
    WANT_FULL,
    Body,
    Heads,
    Refuse,
    StatedHead,
    Want,
    encode_frame,
)
from detente.core.leaf import Kind, Precedence
from detente.core.transcript import Entry
from detente.core.wire import Batch


def _meet(**changes: object) -> tuple[Liar, End, int]:
    """A liar as bravo, who has shown alpha a leaf at 1 and another at 2, both without bodies."""
    world = World(changes=changes)
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    liar.say("first")
    liar.say("second", precedence=Precedence.PRIORITY)
    liar.entries(link, start=1, bodies=False)
    world.run()
    return liar, alpha, link


def _body(liar: Liar, index: int) -> Body:
    salt, body = liar.log.bodies[index] or (b"", b"")
    return Body(liar.log.id, index, salt, body)


def _entry(end: End, liar: Liar, index: int) -> Entry:
    return end.shelf(end.line.id).entry(liar.log.id, index)


def _covered(end: End) -> int:
    """How far our own log states a liar's log."""
    log = end.log_of(1)
    assert end.own().stated.get(log.id, 0) == log.covered
    return log.covered


def test_a_missing_body_is_asked_for_and_holds_back_the_cover() -> None:
    """A leaf without its body is stored, but we do not say that we hold it."""
    liar, alpha, link = _meet()
    alpha.world.run(40)
    asked = {frame.index for frame in liar.answers(link, Want) if frame.what == WANT_BODY}
    assert asked == {1, 2}
    assert sorted(alpha.log_of(1).missing) == [1, 2]
    assert _covered(alpha) == 1
    liar.send(link, _body(liar, 1))
    liar.send(link, _body(liar, 2))
    alpha.world.run(40)
    assert alpha.texts(1) == [_body(liar, 1).body, _body(liar, 2).body]
    assert _covered(alpha) == 3
    assert not alpha.log_of(1).missing


def test_what_stays_missing_is_named_and_excepted() -> None:
    """After the charter's seconds a `lacks` names it, and the rest is receipted."""
    liar, alpha, _ = _meet(lacks_after_s=20)
    alpha.log_of(1).heads.clear()
    alpha.world.run(19)
    assert Kind.LACKS not in alpha.kinds()
    alpha.world.run(1)
    shelf = alpha.shelf(alpha.line.id)
    (place,) = shelf.of_kind([Kind.LACKS])
    leaf = shelf.entry(*place).leaf
    assert leaf is not None
    assert decode_lacks(leaf.extra).indices == (1, 2)
    assert decode_lacks(leaf.extra).log == liar.log.id
    assert _covered(alpha) == 3
    alpha.world.run(60)
    assert len(shelf.of_kind([Kind.LACKS])) == 1


def test_every_lacks_stands_before_what_covers_the_rest() -> None:
    """Of two logs at once, and behind another statement of ours: one that is named behind the
    entry that covers it would count as received."""
    world = World(names=("alpha", "bravo", "charlie"), changes={"lacks_after_s": 20})
    world.open("alpha")
    alpha = world.ends["alpha"]
    for name in ("bravo", "charlie"):
        liar = Liar(world, name)
        link = liar.greet("alpha")
        liar.entries(link)
        liar.say("kept")
        liar.entries(link, start=1, bodies=False)
    world.run(19)
    alpha.line.state(events.Draft(kind=Kind.CLOCK, audience=7, extra=encode_clock(-5)))
    world.run(1)
    own = [alpha.shelf(alpha.line.id).entry(alpha.own().id, at) for at in range(alpha.own().size)]
    leaves = [entry.leaf for entry in own if entry.leaf is not None]
    at = [leaf.kind for leaf in leaves].index(Kind.CLOCK)
    assert [leaf.kind for leaf in leaves[at:]] == [Kind.CLOCK, Kind.LACKS, Kind.LACKS]
    assert [len(leaf.seen) for leaf in leaves[at:]] == [0, 0, 2]
    assert [_covered(alpha), alpha.log_of(2).covered] == [2, 2]


def test_what_is_missing_since_a_clock_that_was_ahead_is_named_in_time() -> None:
    """A clock that has been set right does not put off the `lacks` by as much as it had jumped."""
    liar, alpha, link = _meet(lacks_after_s=20)
    alpha.world.wall_s += 3600
    liar.say("third")
    liar.entries(link, start=3, bodies=False)
    alpha.world.wall_s -= 3600
    alpha.world.run(30)
    assert alpha.log_of(1).lacked == {1, 2, 3}
    assert _covered(alpha) == 4


def test_a_body_is_asked_of_who_holds_its_entry_as_it_is_here() -> None:
    """Of its author, and of a third that has shown so: who was told another history is blamed for
    a body that opens that one."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    charlie, bravo = Liar(world, "charlie"), Liar(world, "bravo")
    for text in ("shared", "to one alone"):
        charlie.say(text)
    link = bravo.greet("alpha", stated(charlie.log, 2))
    author = charlie.greet("alpha")
    charlie.entries(author, stop=1)
    charlie.entries(author, start=1, bodies=False)
    world.run(60)
    asked = [frame.index for frame in charlie.answers(author, Want) if frame.what == WANT_BODY]
    assert set(asked) == {1, 2}
    asked = [frame.index for frame in bravo.answers(link, Want) if frame.what == WANT_BODY]
    assert set(asked) == {1}
    bravo.send(link, Heads((stated(charlie.log),)))
    world.run(610)
    asked = [frame.index for frame in bravo.answers(link, Want) if frame.what == WANT_BODY]
    assert set(asked) == {1, 2}


def test_a_body_that_nobody_sends_is_asked_for_at_growing_distances() -> None:
    """At once, then after 5 s, 10 s, 20 s …; soon again when another body has come."""
    liar, alpha, link = _meet(lacks_after_s=3600)
    alpha.world.run(10)
    liar.got(link)
    assert _asked_each_5_s(liar, link, 60) == [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    liar.send(link, _body(liar, 1))
    assert sum(_asked_each_5_s(liar, link, 15)) == 2
    alpha.world.run(1800)
    liar.got(link)
    assert sum(_asked_each_5_s(liar, link, 320)) == 1


def _asked_each_5_s(liar: Liar, link: int, seconds: int) -> list[int]:
    """In how many frames body 2 was asked for, in each 5 s."""
    found = []
    for _ in range(seconds // 5):
        liar.world.run(5)
        wanted = [one for one in liar.got(link) if isinstance(one, Want)]
        found.append(sum(one.what == WANT_BODY and one.index == 2 for one in wanted))
    return found


def test_what_a_lacks_has_named_is_asked_for_seldom_and_in_turn() -> None:
    """Every 5 s until then, every ten minutes after, and not the same sixteen for ever."""
    liar, alpha, link = _meet(lacks_after_s=20)
    for number in range(30):
        liar.say(f"kept back {number}")
    liar.entries(link, start=3, bodies=False)
    alpha.world.run(25)
    liar.got(link)
    asked: list[list[int]] = []
    for _ in range(4):
        alpha.world.run(600)
        wanted = [one for one in liar.answers(link, Want) if one.what == WANT_BODY]
        asked.append([one.index for one in wanted])
    missing = sorted(alpha.log_of(1).missing)
    assert asked == 2 * [missing[16:], missing[:16]]
    greeted = liar.greet("alpha", stated(liar.log))
    alpha.world.run(30)
    assert sum(one.what == WANT_BODY for one in liar.answers(greeted, Want)) == 16


def test_who_sends_all_that_was_lacking_is_asked_for_the_next_at_once() -> None:
    """Forty bodies take seconds, and one that is kept back makes the others wait as before."""
    liar, alpha, link = _meet(lacks_after_s=20)
    for number in range(60):
        liar.say(f"sent late {number}")
    liar.entries(link, start=3, bodies=False)
    alpha.world.run(25)
    liar.got(link)
    alpha.world.run(600)
    asked = []
    for kept in (0, 0, 1):
        wanted = [one.index for one in liar.answers(link, Want) if one.what == WANT_BODY]
        asked.append(len(wanted))
        for index in wanted[kept:]:
            liar.send(link, _body(liar, index))
        assert len(alpha.log_of(1).missing) == 62 - sum(asked) + kept
        alpha.world.run(10)
    assert asked == [16, 16, 16]
    assert not [one for one in liar.answers(link, Want) if one.what == WANT_BODY]


def test_the_body_of_a_flash_goes_before_other_bodies() -> None:
    """Asked for, it waits for nothing lower, as its entry would not."""
    liar, _, link = _meet()
    liar.say("third", precedence=Precedence.FLASH)
    liar.entries(link, start=3)
    liar.send(link, _body(liar, 1))
    sent = []
    for index in (1, 3):
        wanted = encode_frame(1, Want(WANT_BODY, liar.log.id, index))
        sent += [one.urgent for one in liar.raw(link, wanted) if isinstance(one, events.Send)]
    assert sent == [False, True]


def test_a_body_that_was_lacking_has_a_receipt_of_its_own() -> None:
    """A held-ahead, at the entry's own precedence, says when it came."""
    liar, alpha, link = _meet(lacks_after_s=20)
    alpha.world.run(30)
    assert Kind.HELD_AHEAD not in alpha.kinds()
    liar.send(link, _body(liar, 2))
    alpha.world.run()
    leaf = alpha.own().last
    assert leaf is not None
    assert leaf.kind == Kind.HELD_AHEAD
    assert leaf.precedence == Precedence.PRIORITY
    held = decode_held_ahead(leaf.extra)
    assert (held.log, held.index) == (liar.log.id, 2)
    assert leaf.refs == (held.leaf_hash,) == (liar.log.entry(2).hash,)
    assert held.held_at_s == alpha.world.wall_s
    assert alpha.log_of(1).lacked == {1}
    assert _entry(alpha, liar, 2).body == _body(liar, 2).body


def test_entries_sent_again_bring_the_bodies_that_were_missing() -> None:
    """Only those: what is held already is not stored twice."""
    liar, alpha, link = _meet()
    liar.send(link, _body(liar, 1))
    out = liar.raw(link, liar.batch(start=1))
    stored = [effect.index for effect in out if isinstance(effect, events.StoreBody)]
    assert stored == [2]
    assert alpha.texts(1) == [_body(liar, 1).body, _body(liar, 2).body]
    out = liar.raw(link, liar.batch(start=1))
    assert not [effect for effect in out if isinstance(effect, events.StoreBody)]


def test_a_body_that_comes_after_a_restart_is_kept() -> None:
    """What is missing is remembered by the store, not by the process."""
    liar, alpha, _ = _meet()
    alpha.restart()
    link = liar.greet("alpha")
    liar.send(link, _body(liar, 1))
    body = _body(liar, 1)
    assert (_entry(alpha, liar, 1).salt, _entry(alpha, liar, 1).body) == (body.salt, body.body)
    alpha.restart()
    assert sorted(alpha.log_of(1).missing) == [2]


def test_a_body_that_came_late_goes_on_to_others() -> None:
    """Alone to who asks for it, and with its entry to who lacks that too."""
    world = World(names=("alpha", "bravo", "charlie"))
    liar, other, alpha = Liar(world, "bravo"), Liar(world, "charlie"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.say("late")
    liar.entries(link, bodies=False)
    liar.send(link, _body(liar, 0))
    liar.send(link, _body(liar, 1))
    third = other.greet("alpha")
    other.send(third, Want(WANT_BODY, liar.log.id, 1))
    other.send(third, Want(WANT_FULL, liar.log.id, 0))
    world.run()
    got = other.got(third)
    assert _body(liar, 1) in got
    batches = [one for one in got if isinstance(one, Batch) and one.log == liar.log.id]
    assert len(batches) == 1
    taken = alpha.line.logs[liar.log.id].recent[1]
    assert (taken.salt, taken.body) == liar.log.bodies[1]


def test_a_body_opens_its_leaf_or_is_refused() -> None:
    """Another body, or another salt, changes nothing here."""
    liar, alpha, link = _meet()
    body = _body(liar, 1)
    liar.send(link, Body(body.log, 1, body.salt, b"\0other"))
    liar.send(link, Body(body.log, 1, bytes(16), body.body))
    liar.send(link, Body(body.log, 2, body.salt, body.body))
    assert liar.answers(link, Refuse) == [
        Refuse(Refusal.BAD_COMMITMENT, body.log, index) for index in (1, 1, 2)
    ]
    assert alpha.texts(1) == [None, None]
    assert sorted(alpha.log_of(1).missing) == [1, 2]


def test_a_body_without_its_leaf_is_refused() -> None:
    """No such log, or not so far: nothing commits to it."""
    liar, alpha, link = _meet()
    body = _body(liar, 1)
    liar.send(link, Body(body.log, 3, body.salt, body.body))
    liar.send(link, Body(body.log._replace(member=9), 1, body.salt, body.body))
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["not-held"] * 2


def test_a_body_that_is_held_already_changes_nothing() -> None:
    """It is neither stored again nor refused."""
    liar, alpha, link = _meet()
    liar.send(link, _body(liar, 1))
    liar.got(link)
    liar.send(link, _body(liar, 1))
    assert not liar.answers(link, Refuse)
    assert not alpha.facts("refused")
    assert alpha.texts(1)[0] == _body(liar, 1).body


# --- purging ------------------------------------------------------------------------------------


def _purge(end: End, *hashes: bytes) -> None:
    audience = end.line.everyone()
    draft = events.Draft(kind=Kind.PURGED, audience=audience, refs=hashes)
    end.do(events.Submit(end.line.id, draft))
    end.do(events.Tick())


def test_a_purge_by_the_author_drops_the_body_everywhere() -> None:
    """The leaf stays, the heads stay equal, and the body is gone from every shelf and answer."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open()
    alpha = world.ends["alpha"]
    alpha.submit("too much said")
    alpha.submit("and this stays")
    world.run(40)
    log, index = alpha.own().id, alpha.own().size - 2
    _purge(alpha, alpha.shelf(alpha.line.id).entry(log, index).hash)
    world.run(40)
    for end in world.ends.values():
        entry = end.shelf(end.line.id).entry(log, index)
        assert (entry.body, entry.salt, entry.purged) == (None, None, True)
        assert end.texts(0) == [None, b"\0and this stays"]
        assert end.facts("purged") == [{"member": 0, "index": index}]
        assert end.line.logs[log].root == alpha.own().root


def test_nobody_purges_anothers_words() -> None:
    """A purge names its own author's entries; for others it does nothing."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("mine")
    world.run(40)
    log, index = alpha.own().id, alpha.own().size - 1
    _purge(bravo, alpha.shelf(alpha.line.id).entry(log, index).hash)
    world.run(40)
    assert alpha.texts(0) == bravo.texts(0) == [b"\0mine"]
    assert not alpha.facts("purged")


def test_a_purged_body_is_never_stored_again() -> None:
    """Neither alone nor with its entry, and whoever brings it is told so."""
    liar, alpha, link = _meet()
    liar.send(link, _body(liar, 1))
    first = liar.log.entry(1).hash
    liar.log.say(Kind.PURGED, refs=(first,), time_s=alpha.world.wall_s)
    liar.entries(link, start=3)
    assert _entry(alpha, liar, 1).purged
    liar.got(link)
    liar.send(link, _body(liar, 1))
    assert liar.answers(link, Refuse) == [Refuse(Refusal.PURGED, liar.log.id, 1)]
    liar.entries(link, start=1)
    assert _entry(alpha, liar, 1).body is None
    assert not alpha.closed


@pytest.mark.parametrize("restarted", [False, True])
def test_a_purge_that_comes_before_its_entry_is_remembered(restarted: bool) -> None:
    """After a restore purges replay: the entry comes in, its body does not."""
    liar, alpha, link = _meet()
    ahead = liar.log.fork(3)
    later = liar.say("gone before it came", ahead)
    liar.log.say(Kind.PURGED, refs=(later,), time_s=alpha.world.wall_s)
    liar.log.add_raw(ahead.raws[3], ahead.bodies[3])
    liar.entries(link, start=3, stop=4)
    if restarted:
        alpha.restart()
        link = liar.greet("alpha")
    liar.entries(link, start=4)
    entry = _entry(alpha, liar, 4)
    assert entry.hash == later
    assert entry.purged
    assert entry.body is None
    assert 4 not in alpha.log_of(1).missing


def test_a_purge_ends_the_wait_for_a_body() -> None:
    """What its author has destroyed is excepted, and the rest is receipted."""
    liar, alpha, link = _meet()
    for index in (1, 2):
        liar.log.say(Kind.PURGED, refs=(liar.log.entry(index).hash,), time_s=alpha.world.wall_s)
    liar.entries(link, start=3)
    alpha.world.run(40)
    assert not alpha.log_of(1).missing
    assert _covered(alpha) == 5


# --- bodies that came ahead of their turn -------------------------------------------------------


def _ahead() -> tuple[Liar, End, int]:
    """A FLASH at 3 that alpha holds ahead of a gap at 2, with its body."""
    world = World()
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    liar.say("first")
    liar.say("second")
    liar.say("now", precedence=Precedence.FLASH)
    liar.ahead(link, 3, 1)
    world.run()
    assert alpha.facts("received-ahead")
    return liar, alpha, link


def test_the_body_of_what_overtook_is_not_another_leafs() -> None:
    """A leaf that comes bodiless in the place of another gets no body that is not its own."""
    liar, alpha, link = _ahead()
    other = liar.log.fork(3)
    liar.say("never said that", other)
    liar.entries(link, other, start=1, bodies=False)
    assert _entry(alpha, liar, 3).body is None
    assert 3 in alpha.log_of(1).missing


def test_an_entry_ahead_that_the_store_shows_no_more_is_taken_in_its_turn() -> None:
    """Without the frame that proved it nothing is proven, and nothing is lost."""
    liar, alpha, link = _ahead()
    alpha.shelf(alpha.line.id).held_ahead.clear()
    liar.entries(link, start=1)
    assert _entry(alpha, liar, 3).body == _body(liar, 3).body
    assert not alpha.line.ahead
    assert not alpha.facts("fork-proven")


def test_bodies_of_our_own_log_that_we_lost_are_asked_of_who_stated_its_head() -> None:
    """Charlie, for whom it was, said so before bravo, for whom it was not, gave the entry back."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha", "bravo")
    alpha, charlie = world.ends["alpha"], Liar(world, "charlie")
    charlie.entries(charlie.greet("alpha"))
    world.run(60)
    backup = deepcopy(alpha.shelves)
    alpha.submit("to charlie alone", audience=4)
    world.run(60)
    own = alpha.own()
    head = StatedHead(Head(own.id, own.size, own.root), own.signature)
    (place,) = alpha.line.shelf.of_kind((Kind.DISPATCH,))
    world.drop(alpha)
    alpha.restart(backup)
    link = charlie.greet("alpha", head)
    world.link("alpha", "bravo")
    world.run(60)
    assert alpha.line.logs[own.id].missing.keys() == {place.index}
    asked = [frame for frame in charlie.answers(link, Want) if frame.what == WANT_BODY]
    assert {(frame.log, frame.index) for frame in asked} == {place}
