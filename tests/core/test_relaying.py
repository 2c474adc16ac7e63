"""Three parties and an observer: anyone relays, bodies go to readers, a third stops nobody."""

from __future__ import annotations

from copy import deepcopy

import pytest
from core.lineage import LogBuilder, party
from liar import Liar, stated
from pair import End, World, heads

from detente.core import events, frames, limits
from detente.core.errors import LocalError, Refusal
from detente.core.extras import Head, Resume
from detente.core.identity import is_witness
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.wire import ENTRIES, Batch

THREE = ("alpha", "bravo", "charlie")


def opened(roles: tuple[str, ...] = (), **changes: object) -> World:
    world = World(names=THREE, roles=roles, changes=changes)
    world.open()
    world.run(130)
    return world


def test_a_relay_brings_what_a_dead_link_does_not() -> None:
    """Bravo gets charlie's entries from alpha while charlie's own link is down, and back."""
    world = opened()
    bravo, charlie = world.ends["bravo"], world.ends["charlie"]
    world.cut("bravo", "charlie")
    charlie.submit("around", precedence=Precedence.FLASH)
    world.run()
    assert bravo.texts(2) == [b"\0around"]
    assert charlie.log_of(1).size == bravo.own().size
    world.run(70)
    covers = charlie.shelf(charlie.line.id).covers(charlie.own().id, charlie.own().size - 1)
    assert 1 in {cover.by.member for cover in covers}
    assert heads(bravo) == heads(charlie) == heads(world.ends["alpha"])


def test_an_absent_third_stops_nobody() -> None:
    """A member that was there once and is gone: the others talk, and catch it up."""
    world = opened()
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    world.drop(charlie)
    for n in range(5):
        alpha.submit(f"a{n}")
        bravo.submit(f"b{n}", precedence=Precedence.IMMEDIATE)
        world.run()
    assert len(bravo.texts(0)) == len(alpha.texts(1)) == 5
    world.link("alpha", "charlie")
    world.run(70)
    assert heads(charlie) == heads(alpha)
    assert len(charlie.texts(1)) == 5


def test_a_relay_is_asked_only_when_the_author_is_late() -> None:
    """While the author's own link lives a third's larger head is waited for, then asked about."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    near, far = bravo.greet("alpha"), charlie.greet("alpha")
    charlie.entries(far)
    charlie.say("slow")
    bravo.got(near)
    bravo.send(near, frames.Heads((stated(charlie.log),)))
    world.run(4)
    assert not bravo.answers(near, frames.Want)
    world.run(8)
    assert bravo.answers(near, frames.Want)[0] == frames.Want(
        frames.WANT_ENTRIES, charlie.log.id, 1
    )
    bravo.entries(near, charlie.log, start=1)
    assert alpha.line.logs[charlie.log.id].size == 2
    world.run(8)
    assert not bravo.answers(near, frames.Want)


def test_what_does_not_come_is_asked_for_at_growing_distances() -> None:
    """A peer that states a head and sends nothing is asked 5 s, 10 s, 20 s … after; another head
    that it states is asked for within seconds."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    charlie.say("never sent")
    near = bravo.greet("alpha", stated(charlie.log))
    asked = []
    for _ in range(16):
        world.run(5)
        asked.append(len(bravo.answers(near, frames.Want)))
    assert asked == [2, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    charlie.say("nor this")
    bravo.send(near, frames.Heads((stated(charlie.log),)))
    world.run(15)
    assert len(bravo.answers(near, frames.Want)) == 2


def test_once_something_has_come_what_is_missing_is_asked_for_as_at_first() -> None:
    """The distances begin again with 5 s, and grow as they did before."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    charlie.say("never sent")
    near = bravo.greet("alpha", stated(charlie.log))
    world.run(40)
    bravo.answers(near, frames.Want)
    bravo.entries(near)
    asked = []
    for _ in range(8):
        world.run(5)
        wanted = bravo.answers(near, frames.Want)
        asked.append(sum(one.log == charlie.log.id for one in wanted))
    assert asked == [1, 1, 0, 1, 0, 0, 0, 1]


def test_who_stated_a_head_is_asked_for_its_bodies() -> None:
    """A peer that named a log before we held it holds what came of it by another way."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    charlie.say("had by bravo")
    near, far = bravo.greet("alpha", stated(charlie.log)), charlie.greet("alpha")
    charlie.entries(far, bodies=False)
    bravo.got(near)
    world.run(10)
    wanted = bravo.answers(near, frames.Want)
    assert {(one.what, one.log, one.index) for one in wanted} == {
        (frames.WANT_BODY, charlie.log.id, index) for index in (0, 1)
    }


def test_bodies_below_a_freeze_are_asked_of_who_showed_a_head_beyond_it() -> None:
    """Its entries are not asked for, and where the histories part it may hold another leaf."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    for text in ("below", "contested"):
        charlie.say(text)
    charlie.entries(charlie.greet("alpha"), bodies=False)
    log = world.ends["alpha"].line.logs[charlie.log.id]
    log.frozen = 2
    charlie.say("beyond")
    near, silent = bravo.greet("alpha", stated(charlie.log)), bravo.greet("alpha")
    world.run(10)
    wanted = bravo.answers(near, frames.Want)
    assert {(one.what, one.index) for one in wanted} == {(frames.WANT_BODY, n) for n in (0, 1)}
    assert not bravo.answers(silent, frames.Want)  # nothing was shown there
    world.ends["alpha"].do(events.LinkDown(silent))
    bravo.send(near, frames.Got(charlie.log.id, 3))
    bravo.got(near)
    world.run(20)
    assert {one.index for one in bravo.answers(near, frames.Want)} == {0, 1, 2}


def test_the_author_beats_a_relay() -> None:
    """Once the entries came from their author nobody is asked for them any more."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    near, far = bravo.greet("alpha"), charlie.greet("alpha")
    charlie.entries(far)
    charlie.say("quick")
    bravo.send(near, frames.Heads((stated(charlie.log),)))
    charlie.entries(far, start=1)
    bravo.got(near)
    world.run(20)
    assert not bravo.answers(near, frames.Want)
    assert not world.ends["alpha"].line.sessions[near].heads


def test_observers_get_leaves_and_no_content() -> None:
    """They hold every leaf and say so by `seen`; they miss no body and never cosign as holders."""
    world = opened(roles=("party", "party", "observer"))
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    alpha.submit("for readers", precedence=Precedence.FLASH)
    world.ends["bravo"].submit("routine")
    world.run(130)
    assert heads(charlie) == heads(alpha)
    assert charlie.texts(0) == [None]
    assert not charlie.line.logs[alpha.own().id].missing
    assert Kind.LACKS not in charlie.kinds()
    place = alpha.shelf(alpha.line.id).of_kind([Kind.DISPATCH])[0]
    covers = alpha.shelf(alpha.line.id).covers(*place)
    assert {1, 2} == {cover.by.member for cover in covers}
    for end in (alpha, charlie):
        given = end.shelf(end.line.id).cosignatures
        held = [c for c in given if len(c.signature) == 64 and not is_witness(c.name)]
        assert {c.member for c in held} == {0, 1}
    charter = charlie.shelf(charlie.line.id).entry(alpha.own().id, 0)
    assert charter.body == world.charter().encode()


def test_an_observer_never_gets_content_even_if_it_is_addressed() -> None:
    """A body with an observer in its audience is not kept there, and not counted missing."""
    world = World(names=THREE, roles=("party", "party", "observer"))
    world.open("charlie")
    charlie, liar = world.ends["charlie"], Liar(world, "bravo")
    link = liar.greet("charlie")
    liar.say("secret", audience=7)
    liar.entries(link)
    log = charlie.line.logs[liar.log.id]
    assert charlie.texts(1) == [None]
    assert not log.missing


def test_an_observer_holds_nothing_for_the_day_ed25519_falls() -> None:
    """It signs others' logs with no ML-DSA-44 key, and one that says it does is refused."""
    world = World(names=THREE, roles=("party", "party", "observer"))
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "charlie")
    link = liar.greet("alpha")
    liar.send(link, frames.Quantum(alpha.own().id, 1, 5, bytes(frames.MLDSA_BYTES)))
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["not-allowed"]
    liar.entries(link)
    liar.got(link)
    liar.send(link, frames.Want(frames.WANT_COSIGNATURE, liar.log.id, 1))
    assert liar.answers(link, frames.Cosign)  # holding its log is no matter of content


def test_a_body_goes_to_its_audience_alone() -> None:
    """Others hold the leaf, count nothing missing, and are refused the body by any holder."""
    world = opened()
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    alpha.submit("between us", audience=0b011)
    world.run(70)
    assert bravo.texts(0) == [b"\0between us"]
    assert charlie.texts(0) == [None]
    assert not charlie.log_of(0).missing
    assert charlie.own().stated[alpha.own().id] == alpha.own().size
    index = bravo.shelf(bravo.line.id).of_kind([Kind.DISPATCH])[0].index
    liar = Liar(world, "charlie")
    link = liar.greet("bravo", log=None)
    liar.got(link)
    liar.send(link, frames.Want(frames.WANT_BODY, alpha.own().id, index))
    assert liar.answers(link, frames.Refuse) == [
        frames.Refuse(Refusal.NOT_IN_AUDIENCE, alpha.own().id, index)
    ]


def test_a_body_that_a_relay_lacks_is_had_from_another_reader() -> None:
    """A relay outside the audience brings the leaf; the body is asked of those who may have it."""
    world = opened(roles=("party", "party", "observer"))
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    world.dropping.add(("alpha", "bravo"))
    alpha.submit("for bravo")
    world.run(12)
    place = bravo.shelf(bravo.line.id).of_kind([Kind.DISPATCH])[0]
    assert bravo.shelf(bravo.line.id).entry(*place).body is None
    assert list(bravo.line.logs[alpha.own().id].missing) == [place.index]
    assert not bravo.facts("refused-by-peer")
    world.dropping.clear()
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo")
    world.run(40)
    assert bravo.texts(0) == [b"\0for bravo"]
    assert heads(charlie) == heads(alpha)


def test_a_body_from_no_holder_is_refused_by_name() -> None:
    """A holder without the body, one that was purged, and an index beyond the log."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    liar.say("x")
    hash_ = liar.say("y")
    liar.entries(link, start=1, stop=2, bodies=False)
    liar.entries(link, start=2)
    liar.log.say(Kind.PURGED, refs=(hash_,), time_s=world.wall_s)
    liar.entries(link, start=3)
    world.run()
    liar.got(link)
    for index in (0, 1, 2, 3, 4):
        liar.send(link, frames.Want(frames.WANT_BODY, liar.log.id, index))
    answers = [frame for frame in liar.got(link) if isinstance(frame, frames.Body | frames.Refuse)]
    assert [getattr(frame, "refusal", None) for frame in answers] == [
        None,
        Refusal.NOT_HELD,
        Refusal.PURGED,
        Refusal.NOT_HELD,
        Refusal.NOT_HELD,
    ]
    assert answers[0].body == liar.line.charter_text
    assert alpha.station.links[link].bad_frames == 0


def test_heads_of_thirds_are_told_once_to_each() -> None:
    """A peer that does nothing with them is not told again and again."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    near, far = bravo.greet("alpha"), charlie.greet("alpha")
    charlie.entries(far)
    world.run(60)
    told = [h for f in bravo.answers(near, frames.Heads) for h in f.heads]
    assert [head.head.log for head in told] == [charlie.log.id]
    assert not charlie.answers(far, frames.Heads)
    world.run(60)
    assert not bravo.answers(near, frames.Heads)
    assert alpha.line.sessions[near].announced == {charlie.log.id: 1}


def test_who_has_lost_of_its_log_what_one_peer_knew_hears_of_it_through_another() -> None:
    """Charlie comes back from an old backup and meets alpha, who knows no more of its log; then
    alpha hears the rest from bravo: charlie is told, falls mute, and has it back."""
    world = World(names=THREE)
    world.open()
    world.run(130)
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    backup = deepcopy(charlie.shelves)
    world.drop(alpha)
    charlie.submit("to bravo alone")
    world.run(60)
    world.drop(bravo)
    charlie.restart(backup)
    world.link("alpha", "charlie")
    world.run(60)
    assert not charlie.line.mute
    log = charlie.own().id
    world.link("alpha", "bravo")
    world.run(60)
    assert charlie.line.mute
    assert heads(charlie)[log] == heads(bravo)[log]


def test_a_member_without_a_card_here_is_a_log_unknown() -> None:
    """A third whose card is not trusted here cannot be followed; that stops nobody else."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    del alpha.station.cards[party("charlie").id]
    link = bravo.greet("alpha", stated(charlie.log))
    bravo.entries(link, charlie.log)
    bravo.entries(link)
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["bad-signature", "unknown-log"]
    assert alpha.station.links[link].bad_frames == 0
    assert bravo.log.id in alpha.line.logs
    assert alpha.station.holds_key(alpha.line, 2, 0) is None
    assert alpha.station.holds_key(alpha.line, 9, 0) is None


def test_more_lives_than_may_be_followed_are_not_asked_for() -> None:
    """A stated head of one life too many is declined, and forgotten."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo = Liar(world, "bravo")
    link = bravo.greet("alpha")
    for k in range(limits.INCARNATIONS_MAX):
        log_id = LogId(2, k, b"")
        alpha.line.logs[log_id] = alpha.station.new_log(alpha.line, log_id)
    log = LogBuilder(bravo.line, LogId(2, 1, bytes(8)), party("charlie"))
    log.add_raw(b"x")
    bravo.got(link)
    bravo.send(link, frames.Heads((stated(log),)))
    assert bravo.answers(link, frames.Refuse) == [frames.Refuse(Refusal.OVER_QUOTA, log.id)]
    assert not alpha.line.sessions[link].heads
    assert alpha.station.links[link].bad_frames == 0


def test_of_two_links_to_one_peer_the_wide_one_streams() -> None:
    """The other takes over when it dies; nothing is received twice, FLASH goes on both."""
    world = World()
    world.open("alpha", "bravo")
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.run(70)
    world.link("alpha", "bravo", wide=False)
    world.link("alpha", "bravo")
    world.run(70)
    since = len(world.frames)
    alpha.submit("once")
    world.run(40)
    assert sum(data[0] >> 4 == 3 for one, _, data in world.frames[since:] if one == "alpha") == 1
    since = len(world.frames)
    alpha.submit("everywhere", precedence=Precedence.FLASH)
    world.run(40)
    types = [data[0] >> 4 for one, _, data in world.frames[since:] if one == "alpha"]
    assert types.count(frames.Ahead.TYPE) == 2
    assert bravo.texts(0) == [b"\0once", b"\0everywhere"]
    wide = alpha.line.session_of(1)
    world.lose(wide.link)
    alpha.submit("still")
    world.run(40)
    assert bravo.texts(0)[-1] == b"\0still"
    assert heads(alpha) == heads(bravo)


@pytest.mark.parametrize("precedence", [Precedence.FLASH, Precedence.OVERRIDE])
@pytest.mark.parametrize("widths", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("dead", [0, 1])
def test_a_flash_takes_the_time_of_the_link_that_lives(
    widths: tuple[bool, bool], dead: int, precedence: Precedence
) -> None:
    """One of two links carries nothing more and does not say so: FLASH and its receipt are there
    without a second's delay, nothing is refused, and all is the same once the dead one is gone."""
    world = World()
    world.open("alpha", "bravo")
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.run(70)
    world.cut("alpha", "bravo")
    numbers = []
    for wide in widths:
        before = set(world.wires)
        world.link("alpha", "bravo", wide=wide)
        numbers.append(set(world.wires) - before)
    world.run(70)
    world.holes = numbers[dead]
    for text in ("one", "two"):
        alpha.submit(text, precedence=precedence)
    world.run()
    own = alpha.own()
    ahead = bravo.line.ahead.get(own.id, set())
    assert set(range(bravo.log_of(0).size, own.size)) == ahead
    assert alpha.facts("receipt") or alpha.facts("received-ahead")
    world.lose(min(numbers[dead]))
    world.run(70)
    assert bravo.texts(0) == [b"\0one", b"\0two"]
    assert heads(alpha) == heads(bravo)
    assert not alpha.facts("refused")
    assert not bravo.facts("refused")


def test_an_unknown_line_is_our_callers_mistake() -> None:
    """Releases too are for lines that are ours, and rows that wait."""
    world = opened()
    alpha = world.ends["alpha"]
    for given in (events.Release(bytes(32), 1, True), events.Release(alpha.line.id, 1, True)):
        with pytest.raises(LocalError):
            alpha.do(given)


def asked_on_a_narrow_link() -> tuple[World, Liar, Liar, int]:
    """Alpha holds seven entries of charlie's, and bravo has asked for them on a narrow link."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    for number in range(6):
        charlie.say(f"say {number}")
    charlie.entries(charlie.greet("alpha"))
    link = bravo.link("alpha", wide=False)
    bravo.hello(link)
    bravo.send(link, frames.Want(frames.WANT_ENTRIES, charlie.log.id, 0))
    world.run()
    return world, bravo, charlie, link


def test_a_want_says_that_what_is_below_it_is_held() -> None:
    """On a narrow link one batch waits to be confirmed. A peer that has had it from another asks
    from behind it, and is answered: what it never confirmed here does not fill the window."""
    world, bravo, charlie, link = asked_on_a_narrow_link()
    bravo.send(link, frames.Got(world.ends["alpha"].own().id, 1))
    world.run()
    assert sent_of(bravo, link, charlie.log.id) == [7]
    bravo.send(link, frames.Want(frames.WANT_ENTRIES, charlie.log.id, 7))
    for number in range(2):
        charlie.say(f"more {number}")
    charlie.entries(charlie.greet("alpha"), start=7)
    bravo.send(link, frames.Want(frames.WANT_ENTRIES, charlie.log.id, 8))
    world.run()
    assert sent_of(bravo, link, charlie.log.id) == [1]


@pytest.mark.parametrize(
    ("seconds", "what", "sent"),
    [(5, frames.WANT_ENTRIES, []), (5, frames.WANT_FULL, [7]), (300, frames.WANT_ENTRIES, [7])],
)
def test_a_question_for_what_is_on_its_way_on_a_narrow_link_sends_nothing_twice(
    seconds: int, what: int, sent: list[int]
) -> None:
    """Who waits for a slow frame asks again, and it is sent once more only when it must have been
    lost by then; the full form is another frame, and comes at once."""
    world, bravo, charlie, link = asked_on_a_narrow_link()
    own = world.ends["alpha"].own()
    bravo.send(link, frames.Got(own.id, 1))
    world.run()
    assert sent_of(bravo, link, charlie.log.id) == [7]
    world.run(seconds)
    bravo.send(link, frames.Want(what, charlie.log.id, 0))
    world.run()
    bravo.send(link, frames.Got(own.id, own.size))  # both logs share the window
    world.run()
    assert sent_of(bravo, link, charlie.log.id) == sent


def test_all_logs_share_the_window_of_a_narrow_link_and_take_turns() -> None:
    """While our own entry is not confirmed no other log's goes; then the other has its turn."""
    world, bravo, charlie, link = asked_on_a_narrow_link()
    alpha = world.ends["alpha"]
    alpha.line.opened = True
    alpha.submit("behind")
    world.run(60)
    assert [batch.log for batch in batches(bravo, link)] == [None]
    for log, size in ((alpha.own().id, 1), (charlie.log.id, 7)):
        bravo.send(link, frames.Got(log, size))
        alpha.do(events.Tick())
    assert [batch.log for batch in batches(bravo, link)] == [charlie.log.id, None]


def test_a_flash_waits_for_no_other_logs_batch() -> None:
    """It is sent beside a relay's batch that is under way, once and before all that waits."""
    world, bravo, charlie, link = asked_on_a_narrow_link()
    alpha = world.ends["alpha"]
    alpha.line.opened = True
    bravo.send(link, frames.Got(alpha.own().id, 1))
    world.run()
    assert sent_of(bravo, link, charlie.log.id) == [7]
    for text in ("flash", "second"):
        alpha.submit(text, precedence=Precedence.FLASH)
    sent = [one for one in alpha.do(events.Tick()) if isinstance(one, events.Send)]
    sent = [one for one in sent if one.link == link]
    assert [(one.data[0] >> 4, one.urgent) for one in sent] == [
        (ENTRIES, True),
        (frames.Ahead.TYPE, True),
    ]


def test_what_a_peer_refuses_is_no_longer_under_way() -> None:
    """Else one frozen log would fill a narrow window for good; what answers a question does not
    open it."""
    world, bravo, charlie, link = asked_on_a_narrow_link()
    alpha = world.ends["alpha"]
    bravo.got(link)
    bravo.send(link, frames.Refuse(Refusal.NOT_HELD, alpha.own().id, 0))
    world.run()
    assert not batches(bravo, link)
    bravo.send(link, frames.Refuse(Refusal.FROZEN, alpha.own().id, 0))
    world.run()
    assert [batch.log for batch in batches(bravo, link)] == [charlie.log.id]
    assert alpha.own().id not in alpha.line.sessions[link].sent
    bravo.send(link, frames.Refuse(Refusal.MALFORMED))
    assert not alpha.line.sessions[link].flight
    assert alpha.line.sessions[link].flight_entries == 0


def test_what_was_asked_for_outlives_a_second_hello() -> None:
    """A peer that falls mute greets again, and does not ask again at once."""
    world, bravo, charlie, link = asked_on_a_narrow_link()
    bravo.got(link)
    bravo.hello(link, stated_by(world.ends["alpha"]), mute=True)
    world.run()
    assert sent_of(bravo, link, charlie.log.id) == [7]


def test_the_first_hello_on_a_link_is_urgent() -> None:
    """Nothing of its line may overtake it; a later one waits its turn."""
    world = World()
    world.open("alpha", "bravo")
    alpha = world.ends["alpha"]
    for number in (91, 92):
        sent = alpha.do(events.LinkUp(number, party("bravo").id, False))
        assert [one.urgent for one in sent if isinstance(one, events.Send)] == [True]
    alpha.line.greet_due = True
    again = [one for one in alpha.do(events.Tick()) if isinstance(one, events.Send)]
    hellos = [one for one in again if one.data[0] >> 4 == frames.Hello.TYPE]
    assert len(hellos) > 1
    assert not any(one.urgent for one in hellos)


def stated_by(end: End) -> frames.StatedHead:
    """An end's own head."""
    own = end.own()
    return frames.StatedHead(Head(own.id, own.size, own.root), own.signature)


def batches(liar: Liar, link: int) -> list[Batch]:
    """The batches that came since this was last asked."""
    return [frame for frame in liar.got(link) if isinstance(frame, Batch)]


def sent_of(liar: Liar, link: int, log: LogId) -> list[int]:
    """How many entries of a log each batch held that came since this was last asked."""
    return [f.count for f in liar.got(link) if isinstance(f, Batch) and f.log == log]


def test_what_a_third_enters_is_announced_each_time() -> None:
    """To who does not hold it yet, at once, and without another hello."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    theirs, link = charlie.greet("alpha"), bravo.greet("alpha")
    charlie.entries(theirs)
    for _ in range(2):
        world.run(2)
        bravo.got(link)
        charlie.say("more")
        charlie.entries(theirs, start=charlie.log.size - 1)
        world.run()
        (told,) = bravo.answers(link, frames.Heads)
        assert told.heads == (stated(charlie.log),)


def test_a_life_of_ours_that_comes_back_in_one_batch_goes_on_to_who_is_linked() -> None:
    """From its beginning: its hello was said before the log was here."""
    world = World(names=THREE)
    world.open("alpha")
    alpha, bravo, charlie = world.ends["alpha"], Liar(world, "bravo"), Liar(world, "charlie")
    link, other = bravo.greet("alpha"), charlie.greet("alpha")
    ours = LogBuilder(bravo.line, LogId(0, 1, b"lifelife"), party("alpha"))
    ours.say(Kind.RESUME, extra=Resume(1, b"lifelife", ()).encode(), time_s=world.wall_s)
    alpha.line.mute = "restored"
    charlie.got(other)
    bravo.entries(link, ours)
    world.run()
    sent = [(one.log, one.start, one.count) for one in charlie.answers(other, Batch)]
    assert sent == [(ours.id, 0, 1)]


def test_a_third_s_log_that_was_asked_for_is_streamed_to_its_end_once() -> None:
    """What comes of it later is announced, and asked for again by who lacks it."""
    world = World(names=THREE)
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    theirs, link = charlie.greet("alpha"), bravo.greet("alpha")
    charlie.entries(theirs)
    world.run()
    for start in (0, 1):
        bravo.got(link)
        bravo.send(link, frames.Want(frames.WANT_ENTRIES, charlie.log.id, start))
        world.run()
        (batch,) = [one for one in bravo.answers(link, Batch) if one.log == charlie.log.id]
        assert (batch.start, batch.count) == (start, 1)
        charlie.say("more")
        charlie.entries(theirs, start=start + 1)
        world.run()
        assert [one for one in bravo.answers(link, Batch) if one.log == charlie.log.id] == []
