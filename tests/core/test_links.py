"""Links, hellos and starts: what opens a session, what wakes the core, what is loaded again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import LogBuilder, party
from liar import Liar, stated
from pair import End, World, heads

from detente.core import events, frames, limits, protocol
from detente.core.errors import LocalError, Refusal
from detente.core.extras import Accused
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.station import Station


def hellos(world: World, since: int) -> list[tuple[str, str]]:
    return [(one, two) for one, two, data in world.frames[since:] if data[0] >> 4 == 1]


def test_one_hello_each_opens_a_session() -> None:
    """Nobody asks for what comes by itself."""
    world = World()
    text = world.charter().encode()
    for end in world.ends.values():
        end.do(events.Accept(text))
    world.link("alpha", "bravo")
    world.run()
    assert sorted(hellos(world, 0)) == [("alpha", "bravo"), ("bravo", "alpha")]


def test_who_accepts_later_asks_for_a_hello() -> None:
    """A peer whose hello came before we knew the line says it again, and the line opens."""
    world = World()
    text = world.charter().encode()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.do(events.Accept(text))
    world.link("alpha", "bravo")
    world.run()
    assert bravo.facts("refused")[0]["refusal"] == "unknown-line"
    since = len(world.frames)
    bravo.do(events.Accept(text))
    world.run()
    assert hellos(world, since) == [("bravo", "alpha"), ("alpha", "bravo")]
    assert alpha.line.is_open()
    assert heads(alpha) == heads(bravo)


def test_a_line_is_greeted_on_links_to_its_members_alone() -> None:
    """A charter accepted while a stranger to it is linked tells that stranger nothing."""
    world = World()
    alpha = world.ends["alpha"]
    charlie = party("charlie").card.card
    alpha.station.cards[charlie.party] = charlie
    world.taps[9] = []
    alpha.do(events.LinkUp(9, charlie.party))
    alpha.do(events.Accept(world.charter().encode()))
    alpha.do(events.Tick())
    assert world.taps[9] == []


def test_a_hello_before_ours_is_answered() -> None:
    """Whoever is greeted first greets back at once, on a channel of its own."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.link("alpha")
    alpha.line.sessions[link].channel = 0
    liar.got(link)
    liar.hello(link)
    assert [hello.answer for hello in liar.answers(link, frames.Hello)] == [False]
    liar.hello(link, answer=True)
    assert len(liar.answers(link, frames.Hello)) == 1
    liar.hello(link)
    assert liar.answers(link, frames.Hello) == []


def test_a_link_that_goes_ends_only_its_own_searches() -> None:
    """A dispute that is asked about on another link goes on."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha, bravo, charlie = world.ends["alpha"], Liar(world, "bravo"), Liar(world, "charlie")
    charlie.say("one")
    fork = charlie.log.fork(1)
    charlie.say("two", fork)
    link = bravo.greet("alpha")
    other = bravo.greet("alpha")
    bravo.entries(link, charlie.log)
    bravo.send(link, frames.Heads((stated(fork),)))
    assert alpha.line.disputes
    alpha.do(events.LinkDown(other))
    alpha.do(events.LinkDown(other))
    assert alpha.line.disputes
    bravo.serve(link, fork)
    assert alpha.line.accused.keys() == {charlie.log.id}


def test_the_core_says_when_it_wants_to_be_called() -> None:
    """The earliest of what it can then do: on narrow links ML-DSA is none of it."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    assert protocol.wake_ms(alpha.station) is None
    link = liar.link("alpha", wide=False)
    liar.hello(link)
    liar.entries(link)
    world.run(10)
    line = alpha.line
    assert line.quantum_due_ms
    line.quantum_due_ms = 1
    line.chores_due_ms = 999_999
    line.seen_due_ms, line.cosign_due_ms = 5_000_000, 4_000_000
    assert protocol.wake_ms(alpha.station) == 999_999
    line.seen_due_ms = 777_777
    assert protocol.wake_ms(alpha.station) == 777_777
    line.sessions[link].wide = True
    assert protocol.wake_ms(alpha.station) == 1
    line.mute = "a test"
    assert protocol.wake_ms(alpha.station) == 999_999
    assert (
        protocol.wake_ms(Station(alpha.id, alpha.station.card, alpha.station.keys, alpha.shelf))
        is None
    )


def reload(end: End, logs: list[tuple[LogId, bytes]]) -> None:
    """A start of the core over an end's shelf with these logs."""
    shelf = end.shelf(end.line.id)
    station = end.station
    end.station = Station(end.id, station.card, station.keys, end.shelf, cards=station.cards)
    protocol.load_line(end.station, liar_line(end), shelf.charter, shelf.member, logs, [], "")


def liar_line(end: End) -> bytes:
    return next(iter(end.shelves))


def test_logs_are_loaded_in_any_order() -> None:
    """The newest log of ours is the current one, whichever row comes first; a void first leaf and
    an empty log are no obstacle."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    alpha.station.keys.k = 1
    alpha.do(events.Adopt(1))
    world.run(40)
    mine, begun = alpha.own().id, alpha.line.begun_day
    states = sorted(alpha.shelf(alpha.line.id).states.items(), reverse=True)
    empty = [alpha.station.new_log(alpha.line, LogId(n, 1, b"")) for n in (0, 1)]
    reload(alpha, [*((log.id, log.encode()) for log in empty), *states])
    assert alpha.own().id == mine
    assert alpha.line.begun_day == begun
    shelf = alpha.shelf(alpha.line.id)
    first = shelf._logs[LogId(0, 0, b"")][0]
    shelf._logs[LogId(0, 0, b"")][0] = first._replace(leaf=None)
    reload(alpha, sorted(states))
    assert alpha.line.begun_day == begun


def test_a_node_without_a_log_of_its_own_still_listens() -> None:
    """A store that lost our log keeps what peers send and says nothing."""
    world = World()
    world.open()
    world.run(70)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.cut("alpha", "bravo")
    shelf, lost = alpha.shelf(alpha.line.id), alpha.own().id
    del shelf._logs[lost], shelf.heads[lost], shelf.states[lost]
    reload(alpha, list(shelf.states.items()))
    world.link("alpha", "bravo")
    bravo.submit("anyone there?", precedence=Precedence.FLASH)
    size = bravo.log_of(0).size
    world.run(70)
    assert alpha.texts(1) == [b"\0anyone there?"]
    assert bravo.log_of(0).size == size
    assert alpha.line.own is None


def test_rows_that_wait_for_a_person_still_wait_after_a_start() -> None:
    """They are known, and in no queue."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    world.cut("alpha", "bravo")
    alpha.submit("one")
    alpha.submit("two")
    alpha.do(events.Tick())
    shelf = alpha.shelf(alpha.line.id)
    first = min(shelf.outbox)
    shelf.outbox[first] = shelf.outbox[first]._replace(awaits_release=True)
    alpha.restart()
    assert sorted(alpha.line.queue.rows) == sorted(shelf.outbox)
    assert first not in [n for numbers in alpha.line.queue.by_precedence for n in numbers]
    world.link("alpha", "bravo")
    world.run(40)
    assert world.ends["bravo"].texts(0) == [b"\0two"]


def test_a_log_whose_key_no_card_lists_cannot_be_loaded() -> None:
    """It could not be verified."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    del alpha.station.cards[world.ends["bravo"].id]
    with pytest.raises(LocalError) as caught:
        alpha.restart()
    assert caught.value.refusal is Refusal.UNKNOWN_PARTY


def test_void_purges_and_accusations_in_the_store_are_passed_over() -> None:
    """What a start reads again is judged as it was when it came."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    hash_ = liar.say("words")
    liar.log.say(Kind.PURGED, refs=(hash_, bytes(32)), time_s=world.wall_s)
    accused = Accused(LogId(2, 0, b""), 0).encode()
    liar.log.say(Kind.ACCUSATION, extra=accused, time_s=world.wall_s)
    liar.log.say(Kind.ACCUSATION, extra=b"", time_s=world.wall_s)
    liar.entries(link)
    world.run()
    alpha.restart()
    assert alpha.line.purgers == {1}
    assert not alpha.line.accused


def test_heads_named_in_one_hello_are_bounded() -> None:
    """The newest of more logs than a hello may name are the ones it names."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    own = alpha.own()
    for n in range(limits.HEADS_MAX + 5):
        log_id = LogId(2 + n // 16, n % 16, b"")
        alpha.line.logs[log_id] = replace(own, id=log_id)
    link = liar.link("alpha")
    (hello,) = liar.answers(link, frames.Hello)
    assert len(hello.heads) == limits.HEADS_MAX


def test_heads_that_are_declined_leave_nothing_behind() -> None:
    """One signs heads of ever new lives, and another states them: each is declined by name, nobody
    is blamed for it, and no table of the session grows."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    for number in range(limits.INCARNATIONS_MAX):
        log_id = LogId(2, number, b"")
        alpha.line.logs[log_id] = alpha.station.new_log(alpha.line, log_id)
    for number in range(limits.HEADS_MAX + 5):
        life = LogBuilder(liar.line, LogId(2, 1, number.to_bytes(8, "big")), party("charlie"))
        life.add_raw(b"x")
        liar.send(link, frames.Heads((stated(life),)))
    session = alpha.line.sessions[link]
    declined = liar.answers(link, frames.Refuse)
    assert [one.refusal for one in declined] == [Refusal.OVER_QUOTA] * (limits.HEADS_MAX + 5)
    assert alpha.station.links[link].bad_frames == 0
    assert (session.heads, session.shown_ms) == ({}, {})


def hellos_on(world: World, link: int) -> int:
    return sum(data[0] >> 4 == frames.Hello.TYPE for data in world.taps[link])


def test_a_changed_hello_is_said_once_to_each_link_also_where_another_comes_up() -> None:
    """The first link has heard it just now; who was linked before has it still to come."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha = world.ends["alpha"]
    alpha.line.greet_due = True
    first = Liar(world, "bravo").link("alpha")
    alpha.do(events.Tick())
    assert hellos_on(world, first) == 1
    alpha.line.greet_due = True
    Liar(world, "charlie").link("alpha")
    alpha.do(events.Tick())
    assert hellos_on(world, first) == 2


@pytest.mark.parametrize(
    ("wide", "bits_per_s", "slow"),
    [
        (False, 0, False),
        (False, 1, True),
        (False, limits.SLOW_BITS_PER_S - 1, True),
        (False, limits.SLOW_BITS_PER_S, False),
        (True, 75, False),
    ],
)
def test_a_slow_link_is_a_narrow_one_that_is_known_to_carry_little(
    wide: bool, bits_per_s: int, slow: bool
) -> None:
    """Of one whose rate nobody knows nothing is assumed."""
    world = World()
    alpha = world.ends["alpha"]
    alpha.do(events.LinkUp(5, world.ends["bravo"].id, wide, bits_per_s))
    assert alpha.station.links[5].slow is slow


def test_nothing_is_read_or_said_on_a_link_that_has_gone() -> None:
    """What was under way when it went comes again on the next one."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    alpha.do(events.LinkDown(link))
    liar.got(link)
    assert liar.raw(link, liar.batch()) == []
    alpha.line.greet_due = True
    alpha.do(events.Tick())
    assert liar.got(link) == []
    assert alpha.do(events.LinkDown(link)) == []


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", Refusal.MALFORMED),
        (b"\x1f\x01", Refusal.MALFORMED),
        (bytes(limits.FRAME_BYTES_MAX), Refusal.OUT_OF_TURN),
        (bytes(limits.FRAME_BYTES_MAX + 1), Refusal.OVERSIZE),
        (frames.encode_frame(7, frames.Heads(())), Refusal.OUT_OF_TURN),
    ],
)
def test_what_is_of_no_line_is_refused_on_the_link_itself(data: bytes, refusal: Refusal) -> None:
    """On channel 0, and told of no line: also what is too short to say its channel."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    told, said = liar.raw(link, data)
    assert isinstance(told, events.Tell)
    assert (told.word, told.line) == ("refused", b"")
    assert told.facts.keys() == {"refusal", "detail", "link"}
    assert (told.facts["refusal"], told.facts["link"]) == (refusal.word, link)
    assert said == events.Send(link, frames.encode_frame(0, frames.Refuse(refusal)))
    assert alpha.station.links[link].bad_frames == 1


def test_with_the_eighth_bad_frame_that_link_is_closed() -> None:
    """And no other; what its peer may not have known does not count."""
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    closing = []
    for _ in range(limits.BAD_FRAMES_MAX):
        liar.send(link, frames.Got(LogId(1, 9, bytes(8)), 1))
        closing.append([one for one in liar.raw(link, b"") if isinstance(one, events.CloseLink)])
    assert closing == [[]] * 7 + [[events.CloseLink(link, Refusal.MALFORMED)]]


def test_a_refusal_on_the_link_itself_is_told_of_no_line() -> None:
    """There it says only what number it is."""
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    refuse = frames.encode_frame(0, frames.Refuse(Refusal.UNKNOWN_LINE))
    told = events.Tell("refused-by-peer", b"", {"refusal": "unknown-line"})
    assert liar.raw(link, refuse) == [told]


def test_when_a_peer_was_last_heard_is_known() -> None:
    """Any frame on its line says that it is there."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    world.run(3)
    liar.send(link, frames.Heads(()))
    assert alpha.line.sessions[link].heard_ms == world.steady_ms


def test_a_row_that_waited_over_a_start_is_released_or_dropped_unread() -> None:
    """Released it is stored as one that waits no more, and goes; nothing is released twice."""
    world = World()
    world.open()
    world.cut("alpha", "bravo")
    alpha = world.ends["alpha"]
    for text in ("go", "stay"):
        alpha.submit(text)
    alpha.do(events.Tick())
    shelf, line_id = alpha.shelf(alpha.line.id), alpha.line.id
    shelf.outbox = {n: row._replace(awaits_release=True) for n, row in shelf.outbox.items()}
    alpha.restart()
    rows = alpha.line.queue.rows
    for number, row in rows.items():
        rows[number] = row._replace(draft=events.Draft(-1, 0, row.draft.precedence))
    go, stay = rows
    world.link("alpha", "bravo")
    world.run()
    assert protocol.wake_ms(alpha.station) != 0
    freed = rows[go]._replace(awaits_release=False)
    out = alpha.do(events.Release(line_id, go, send=True))
    assert out == [events.QueueOutbox(line_id, freed)]
    assert alpha.do(events.Release(line_id, stay, send=False)) == [
        events.TakeOutbox(line_id, (stay,))
    ]
    for number in (go, stay, 99):
        with pytest.raises(LocalError) as caught:
            alpha.do(events.Release(line_id, number, send=True))
        assert caught.value.refusal is Refusal.NOT_FOUND
    assert protocol.wake_ms(alpha.station) == 0
