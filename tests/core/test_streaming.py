"""Batches as they go out: what they leave out, where they are cut, when they ask for an answer."""

from __future__ import annotations

import pytest
from core.lineage import LogBuilder, party
from liar import Liar
from pair import End, World

from detente.core import events, streaming
from detente.core.encoding import Reader
from detente.core.errors import Refusal
from detente.core.frames import WANT_BODY, WANT_ENTRIES, Body, Got, Refuse, Want
from detente.core.holding import take_off
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.link import Flight
from detente.core.streaming import (
    CONFIRM_ENTRIES,
    FILE_BATCH_BYTES_MAX,
    IN_FLIGHT_BYTES_MAX,
    IN_FLIGHT_MAX,
)
from detente.core.wire import ENTRIES, SEEN, YOURS, Batch, read_batch, read_tag

OUT = -1


def _following() -> tuple[World, Liar, End, int]:
    """Alpha, and a liar as bravo who confirms what it is sent."""
    world = World()
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    _confirm(liar, link)
    return world, liar, alpha, link


def _confirm(liar: Liar, link: int) -> list[bytes]:
    """What came, as it came; all of it is confirmed."""
    end = liar.links[link]
    raw = list(liar.world.taps[link])
    liar.got(link)
    liar.send(link, Got(end.own().id, end.own().size))
    return raw


def _say(end: End, text: str, **more: object) -> None:
    end.submit(text, **more)
    end.world.run()


def _written(alpha: End, start: int) -> list[int]:
    """How many entries of its own log, from one on, alpha writes at a time into a file."""
    frames = alpha.world.taps[OUT] = []
    bravo = alpha.world.ends["bravo"].id
    alpha.do(events.Carry(OUT, bravo, alpha.line.id, out=True))
    alpha.line.sessions[OUT].sent[alpha.own().id] = start
    for _ in range(5):
        alpha.do(events.Tick())
    readers = [Reader(frame) for frame in frames]
    batches = [read_batch(one) for one in readers if read_tag(one)[0] == ENTRIES]
    return [one.count for one in batches if one.log == alpha.own().id]


def test_a_batch_that_follows_leaves_out_where_it_begins() -> None:
    """And whose it is, where it is its sender's own."""
    _, liar, alpha, link = _following()
    for text in ("one", "two"):
        _say(alpha, text)
    batches = liar.answers(link, Batch)
    assert [(one.log, one.start, one.count) for one in batches] == [(None, None, 1)] * 2


def test_what_memory_has_not_is_elided_against_the_store() -> None:
    """Asked for again from the middle, its first entry stands behind one that only the store has;
    and a reference to what the peer holds is no hash on the wire."""
    _, liar, alpha, link = _following()
    _say(alpha, "one")
    digest = alpha.shelf(alpha.line.id).entry(alpha.own().id, 1).hash
    _confirm(liar, link)
    _say(alpha, "two", refs=(digest,))
    raw = b"".join(_confirm(liar, link))
    assert raw
    assert digest not in raw
    alpha.own().recent.clear()
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 2))
    alpha.do(events.Tick())
    (batch,) = liar.answers(link, Batch)
    assert batch.count == 1


def test_after_so_many_entries_a_batch_asks_to_be_confirmed() -> None:
    """However short they are."""
    _, liar, alpha, link = _following()
    alpha.line.sessions[link].unasked_entries = 0
    alpha.line.sessions[link].unasked_bytes = 0
    for number in range(2 * CONFIRM_ENTRIES):
        _say(alpha, f"{number}")
    asks = [one.confirm for one in liar.answers(link, Batch)]
    assert asks == ([False] * (CONFIRM_ENTRIES - 1) + [True]) * 2


@pytest.mark.parametrize(("groups", "counts"), [((3,), [3]), ((3, 1), [3, 1]), ((2, 1), [2, 1])])
def test_what_is_too_long_for_a_file_is_cut_at_the_nearest_signature(
    groups: tuple[int, ...], counts: list[int]
) -> None:
    """What its author put under one signature goes whole: the nearest behind what is too long, not
    one where it begins, and not the farthest."""
    _, _, alpha, link = _following()
    start = alpha.own().size
    text = "x" * (FILE_BATCH_BYTES_MAX - 2_000)
    for count in groups:
        for number in range(count):
            alpha.submit(f"{number} {text}")
        alpha.do(events.Tick())
    assert alpha.own().size == start + sum(groups)
    alpha.do(events.LinkDown(link))
    assert _written(alpha, start) == counts


def test_who_asks_again_for_one_log_has_the_batches_of_others_still_coming() -> None:
    """Only what was under way of that log is not any more."""
    _, liar, alpha, link = _following()
    session = alpha.line.sessions[link]
    other = Flight(LogId(1, 1, b"lifelife"), 5, 1, 100)
    session.flight.append(other)
    session.flight_entries, session.flight_bytes = 1, 100
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 1))
    assert list(session.flight) == [other]
    assert (session.flight_entries, session.flight_bytes) == (1, 100)


def test_an_author_gets_the_body_that_it_addressed_to_others_alone() -> None:
    """It wrote it, and may have lost it."""
    _, liar, _, link = _following()
    liar.say("for alpha", audience=0b01)
    liar.entries(link, start=1)
    liar.got(link)
    liar.send(link, Want(WANT_BODY, liar.log.id, 1))
    assert [one.index for one in liar.answers(link, Body)] == [1]


def test_a_refusal_is_told_with_its_name_and_its_member() -> None:
    """What a peer would not take people can look up."""
    _, liar, alpha, link = _following()
    liar.send(link, Refuse(Refusal.NOT_HELD, alpha.own().id, 1))
    assert alpha.facts("refused-by-peer") == [{"member": 1, "refusal": "not-held"}]


def test_a_mute_node_that_has_something_queued_rests_when_its_file_is_written() -> None:
    """What it may not enter does not keep it writing."""
    world, _, alpha, _ = _following()
    alpha.restart(mute="restored")
    alpha.submit("not now")
    alpha.do(events.Carry(OUT, world.ends["bravo"].id, alpha.line.id, out=True))
    for _ in range(5):
        alpha.do(events.Tick())
    assert not alpha.line.touched
    assert alpha.line.queue.rows


def test_a_wide_link_takes_the_farthest_head_that_fits() -> None:
    """However many its author signed on the way, and more than a file would have in one piece."""
    _, liar, alpha, link = _following()
    start = alpha.own().size
    for number in range(5):
        _say(alpha, f"{number} " + "x" * (FILE_BATCH_BYTES_MAX // 2))
    liar.got(link)
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, start))
    alpha.do(events.Tick())
    (data,) = alpha.world.taps[link]
    (batch,) = liar.answers(link, Batch)
    assert (batch.start, batch.count) == (start, 5)
    entries = alpha.shelf(alpha.line.id).entries(alpha.own().id, start, start + 5)
    assert not [entry for entry in entries if entry.raw in data]


def test_what_was_sent_before_a_head_is_lacking_is_not_sent_again() -> None:
    """What stands under no signature goes to nobody, and holds up nothing before it."""
    _, liar, alpha, link = _following()
    shelf, own = alpha.shelf(alpha.line.id), alpha.own()
    start = own.size
    for text in ("one", "two"):
        _say(alpha, text)
    liar.got(link)
    own.heads.pop(own.size)
    del shelf.heads[own.id][own.size]
    liar.send(link, Want(WANT_ENTRIES, own.id, start))
    for _ in range(3):
        alpha.line.touched = True
        alpha.do(events.Tick())
    batches = [(one.start, one.count) for one in liar.answers(link, Batch)]
    assert batches == [(start, 1)]


@pytest.mark.parametrize(
    ("entries", "sent_bytes", "goes"),
    [
        (IN_FLIGHT_MAX - 1, IN_FLIGHT_BYTES_MAX - 1, True),
        (IN_FLIGHT_MAX, 0, False),
        (0, IN_FLIGHT_BYTES_MAX, False),
    ],
)
def test_a_window_that_is_full_takes_no_more(entries: int, sent_bytes: int, goes: bool) -> None:
    """Full of entries or of bytes, of whichever log."""
    _, liar, alpha, link = _following()
    liar.got(link)
    other = Flight(LogId(1, 1, b"lifelife"), 9_999, entries, sent_bytes)
    take_off(alpha.line.sessions[link], other)
    alpha.submit("one")
    alpha.do(events.Tick())
    assert len(liar.answers(link, Batch)) == goes


@pytest.mark.parametrize(("short", "counts"), [(0, [2]), (1, [1, 1])])
def test_a_batch_in_a_file_may_be_just_as_long_as_it_may(
    monkeypatch: pytest.MonkeyPatch, short: int, counts: list[int]
) -> None:
    """Leaves, bodies and what else stands beside them; a byte more, and it is cut where it can."""
    _, _, alpha, link = _following()
    start = alpha.own().size
    for text in ("one", "two"):
        _say(alpha, text)
    alpha.do(events.LinkDown(link))
    shelf = alpha.shelf(alpha.line.id)
    entries = shelf.entries(alpha.own().id, start, alpha.own().size)
    most = sum(len(one.raw) + len(one.body or b"") + 32 for one in entries) - short
    monkeypatch.setattr(streaming, "FILE_BATCH_BYTES_MAX", most)
    assert _written(alpha, start) == counts


def test_no_batch_is_of_more_entries_than_a_frame_may_hold() -> None:
    """On a narrow link the nearest head is looked for, in steps that end at the limit."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    theirs = charlie.greet("alpha")
    charlie.entries(theirs)
    for _ in range(2):
        start = charlie.log.size
        for number in range(260):
            charlie.say(f"{number}", kind=Kind.MARK, plain=b"")
        charlie.entries(theirs, start=start)
    assert world.ends["alpha"].line.logs[charlie.log.id].size == 521
    link = bravo.link("alpha", wide=False)
    bravo.hello(link)
    world.run()
    session = world.ends["alpha"].line.sessions[link]
    bravo.got(link)
    session.flight.clear()
    bravo.send(link, Want(WANT_ENTRIES, charlie.log.id, 1))
    world.ends["alpha"].do(events.Tick())
    batches = [one for one in bravo.answers(link, Batch) if one.log == charlie.log.id]
    assert [(one.start, one.count) for one in batches] == [(1, 260)]


@pytest.mark.parametrize(("early_ms", "again"), [(1, 0), (0, 1)])
def test_what_is_on_its_way_on_a_narrow_link_may_be_asked_for_again_in_its_time(
    early_ms: int, again: int
) -> None:
    """A minute, and as long as the batch takes at 75 bit/s."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.link("alpha", wide=False)
    liar.hello(link)
    alpha.do(events.Tick())
    (flight,) = alpha.line.sessions[link].flight
    assert flight.start == 0
    liar.got(link)
    world.steady_ms += 60_000 + flight.bytes * 8 * 1_000 // 75 - early_ms
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 0))
    alpha.do(events.Tick())
    assert len(liar.answers(link, Batch)) == again


def test_what_follows_unnamed_on_a_narrow_link_may_be_asked_for_again_at_once() -> None:
    """Who asks from there may not have known where it begins, and cannot have read it."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.link("alpha", wide=False)
    liar.hello(link)
    liar.entries(link)
    world.run()
    _confirm(liar, link)
    _say(alpha, "one")
    (batch,) = liar.answers(link, Batch)
    assert batch.start is None
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 1))
    alpha.do(events.Tick())
    assert [one.start for one in liar.answers(link, Batch)] == [1]


def _narrow_or_wide(*, wide: bool) -> tuple[World, Liar, End, int]:
    """Alpha of three, charlie's log held by it, and bravo who has confirmed alpha's first entry."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha, liar, charlie = world.ends["alpha"], Liar(world, "bravo"), Liar(world, "charlie")
    theirs = charlie.greet("alpha")
    charlie.entries(theirs)
    link = liar.link("alpha", wide=wide)
    liar.hello(link)
    liar.entries(link)
    world.run()
    _confirm(liar, link)
    world.run(70)
    _confirm(liar, link)
    return world, liar, alpha, link


def _sent(alpha: End, link: int) -> events.Send:
    """The one batch that alpha sends in this step."""
    out = [one for one in alpha.do(events.Tick()) if isinstance(one, events.Send)]
    (sent,) = [one for one in out if one.link == link and one.data[0] >> 4 == ENTRIES]
    return sent


@pytest.mark.parametrize(
    ("wide", "precedence", "urgent"),
    [
        (False, Precedence.FLASH, True),
        (False, Precedence.IMMEDIATE, False),
        (True, Precedence.FLASH, False),
    ],
)
def test_a_flash_goes_before_what_waits_for_a_narrow_link(
    wide: bool, precedence: int, urgent: bool
) -> None:
    """Nothing lower does, or all of it would; on a wide link nothing waits."""
    _, _, alpha, link = _narrow_or_wide(wide=wide)
    alpha.submit("one", precedence=precedence)
    assert _sent(alpha, link).urgent is urgent


def test_a_third_s_flash_goes_before_nothing_that_waits() -> None:
    """Its author sends it so; it was asked for here like any other entry."""
    world, liar, alpha, link = _narrow_or_wide(wide=False)
    charlie = Liar(world, "charlie")
    charlie.log = LogBuilder(charlie.line, LogId(2, 0, b""), party("charlie"))
    held = alpha.shelf(alpha.line.id).entries(charlie.log.id, 0, 1)[0]
    charlie.log.add_raw(held.raw, (held.salt, held.body))
    charlie.say("now", precedence=Precedence.FLASH)
    charlie.entries(charlie.greet("alpha"), start=1)
    alpha.do(events.Tick())
    world.run(10)
    _confirm(liar, link)
    alpha.line.sessions[link].flight.clear()
    liar.send(link, Want(WANT_ENTRIES, charlie.log.id, 1))
    assert _sent(alpha, link).urgent is False


@pytest.mark.parametrize(("audience", "comes"), [(0b001, False), (0b101, False), (0b011, True)])
def test_a_body_is_in_a_batch_to_its_readers_alone(audience: int, comes: bool) -> None:
    """Whoever else takes the entry has its leaf, and the commitment in it."""
    _, _, alpha, link = _narrow_or_wide(wide=True)
    alpha.submit("for whom it is", audience=audience)
    assert (b"for whom it is" in _sent(alpha, link).data) is comes


def test_who_wrote_an_entry_has_its_body_back_though_it_was_for_others() -> None:
    """In a batch as by itself."""
    _, liar, alpha, link = _following()
    liar.say("for alpha", audience=0b01)
    liar.entries(link, start=1)
    alpha.do(events.Tick())
    liar.send(link, Want(WANT_ENTRIES, liar.log.id, 1))
    assert b"for alpha" in _sent(alpha, link).data


def test_a_root_is_left_out_for_who_has_confirmed_it_and_the_receiver_s_own_log_is_not_named() -> (
    None
):
    """Charlie's first entry bravo does not hold: its root stands in full; bravo's own log does
    not need even its name."""
    world, liar, alpha, link = _narrow_or_wide(wide=True)
    charlie = next(log for log in alpha.line.logs.values() if log.id.member == 2)
    assert liar.log.id not in alpha.line.sessions[link].sent
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 1))
    assert charlie.root in _sent(alpha, link).data
    liar.say("something")
    liar.entries(link, start=1)
    world.run(1)
    liar.got(link)
    alpha.line.seen_now = alpha.line.touched = True
    data = _sent(alpha, link).data
    reader = Reader(data)
    read_tag(reader)
    read_batch(reader)
    assert data[reader.pos] & (YOURS | SEEN) == YOURS


def test_after_so_many_bytes_a_batch_asks_to_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all batches since the last that asked."""
    _, liar, alpha, link = _following()
    for text in ("seen", "0"):
        _say(alpha, text)
    session = alpha.line.sessions[link]
    monkeypatch.setattr(streaming, "CONFIRM_BYTES", 2 * session.flight[-1].bytes)
    session.unasked_entries = session.unasked_bytes = 0
    liar.got(link)
    for number in range(1, 5):
        _say(alpha, f"{number}")
    assert [one.confirm for one in liar.answers(link, Batch)] == [False, True] * 2


def test_over_quota_a_log_rests_to_the_end_of_the_day_and_begins_where_it_was_refused() -> None:
    """That log alone, also if what it had before was confirmed; what others sent is under way."""
    world, liar, alpha, link = _following()
    own, session = alpha.own().id, alpha.line.sessions[link]
    _say(alpha, "one")
    _confirm(liar, link)
    other = Flight(LogId(1, 1, b"lifelife"), 5, 1, 100)
    take_off(session, other)
    alpha.submit("two")
    alpha.do(events.Tick())
    liar.got(link)
    liar.send(link, Refuse(Refusal.OVER_QUOTA, own, 1))
    assert list(session.flight) == [other]
    world.steady_ms += (86_400 - world.wall_s % 86_400) * 1_000
    for passed_ms, starts in ((0, []), (1, [1])):
        world.steady_ms += passed_ms
        alpha.line.touched = True
        alpha.do(events.Tick())
        assert [one.start for one in liar.answers(link, Batch)] == starts


def test_a_log_rests_that_is_refused_where_it_ends() -> None:
    """What its author says next is refused too."""
    _, liar, alpha, link = _following()
    liar.send(link, Refuse(Refusal.OVER_QUOTA, alpha.own().id, alpha.own().size))
    liar.got(link)
    _say(alpha, "one")
    assert liar.answers(link, Batch) == []


def test_a_batch_that_was_wanted_in_full_is_under_way_no_more() -> None:
    """The peer has declined it; nothing of it went ahead."""
    _, liar, alpha, link = _following()
    _say(alpha, "one")
    assert alpha.line.sessions[link].flight
    liar.send(link, Refuse(Refusal.WANT_FULL, alpha.own().id, 1))
    assert not alpha.line.sessions[link].flight


def test_who_asks_from_where_the_next_batch_begins_is_told_where_that_is() -> None:
    """It did not know; and what others hold is not taken back by its question."""
    world, liar, alpha, link = _narrow_or_wide(wide=True)
    charlie = next(one for one in alpha.line.sessions.values() if one.member == 2)
    charlie.holds[alpha.own().id] = alpha.own().size
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 1))
    assert charlie.holds[alpha.own().id] == alpha.own().size
    world.run()
    size = alpha.own().size
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, size))
    liar.got(link)
    _say(alpha, "one")
    assert [one.start for one in liar.answers(link, Batch)] == [size]


def test_a_body_that_memory_has_not_is_served_from_the_store() -> None:
    """However long ago it was entered."""
    _, liar, alpha, link = _following()
    alpha.own().recent.clear()
    liar.got(link)
    liar.send(link, Want(WANT_BODY, alpha.own().id, 0))
    assert [one.index for one in liar.answers(link, Body)] == [0]
