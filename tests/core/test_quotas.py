"""Quotas: what an author uses up in a day is counted by the day it says, and refused signed."""

from __future__ import annotations

import pytest
from core.lineage import START_S, party
from liar import Liar, covering_item, stated
from pair import End, World, heads

from detente.core import frames, limits
from detente.core.errors import PeerError, Refusal
from detente.core.extras import decode_over_quota
from detente.core.leaf import Kind, Leaf, LogId, Precedence
from detente.core.quotas import JOINED_DAYS, LEAD_DAYS, charge, log_for
from detente.core.revocation import Revocation
from detente.core.station import Step
from detente.core.wire import Batch, Item

DAY_S = 86_400


def with_liar(**changes: int) -> tuple[World, Liar, int, End]:
    world = World(changes=changes)
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(70)
    liar.got(link)
    return world, liar, link, world.ends["alpha"]


def over_quotas(end: End) -> list[int]:
    """Which grants an end's log says were used up."""
    shelf = end.shelf(end.line.id)
    places = [p for p in shelf.of_kind([Kind.OVER_QUOTA]) if p.log.member == end.line.me]
    return [decode_over_quota(shelf.entry(*p).leaf.extra).which for p in places]


@pytest.mark.parametrize(
    ("which", "changes", "fields"),
    [
        (1, {"quota_entries_per_day": 4}, {}),
        (2, {"quota_bytes_per_day": 2400}, {"plain": bytes(range(256)) * 2}),
        (3, {"quota_flash_per_day": 3}, {"precedence": 4}),
    ],
)
def test_beyond_each_grant_nothing_is_stored_and_the_log_says_so_once_a_day(
    which: int, changes: dict[str, int], fields: dict[str, object]
) -> None:
    """Entries, bytes and FLASH: the refusal is signed, named to the sender, and no fault of its
    link; the next day everything goes on."""
    world, liar, link, alpha = with_liar(**changes)
    for n in range(12):
        liar.say(f"{n}", **fields)
        liar.entries(link, start=1 + n, stop=2 + n)
    world.run()
    held = alpha.line.logs[liar.log.id].size
    assert held < liar.log.size
    assert over_quotas(alpha) == [which]
    assert alpha.facts("over-quota") == [{"member": 1, "which": which}]
    refused = liar.answers(link, frames.Refuse)
    assert refused[0] == frames.Refuse(Refusal.OVER_QUOTA, liar.log.id, held)
    assert alpha.station.links[link].bad_frames == 0
    liar.entries(link, start=held, stop=held + 1)
    world.run()
    assert over_quotas(alpha) == [which]
    alpha.restart()
    link = liar.greet("alpha")
    liar.entries(link, start=held, stop=held + 1)
    world.run()
    assert over_quotas(alpha) == [which]
    world.wall_s += DAY_S
    liar.entries(link, start=held, stop=held + 1)
    world.run()
    assert alpha.line.logs[liar.log.id].size == held + 1
    for n in range(held + 1, liar.log.size):
        liar.entries(link, start=n, stop=n + 1)
    world.run()
    if which != 2:
        assert over_quotas(alpha) == [which, which]
    assert len(alpha.line.quota_said) == 1


def test_a_sender_rests_until_the_next_day_and_then_goes_on() -> None:
    """Two real ends: the author pauses that log alone, and nothing is lost."""
    world = World(names=("alpha", "bravo", "charlie"), changes={"quota_entries_per_day": 8})
    world.open()
    alpha, bravo, charlie = (world.ends[name] for name in world.names)
    world.run(130)
    for n in range(30):
        alpha.submit(f"{n}")
        world.run(2)
    world.run(40)
    assert bravo.facts("over-quota")
    assert alpha.line.session_of(1).paused
    sent = len(world.frames)
    world.run(100)
    again = [data for one, _, data in world.frames[sent:] if one == "alpha" and data[0] >> 4 == 3]
    assert not again
    assert alpha.line.queue.rows
    bravo.submit("bravo goes on")
    world.run(40)
    assert charlie.texts(1) == [b"\0bravo goes on"] == alpha.texts(1)
    for _ in range(8):
        world.wall_s += DAY_S
        world.steady_ms += DAY_S * 1000
        world.run(40)
    assert bravo.texts(0) == [b"\0%d" % n for n in range(30)]
    assert not alpha.line.queue.rows
    assert heads(alpha) == heads(bravo) == heads(charlie)


@pytest.mark.parametrize("how", ["asked", "greeted"])
def test_who_has_room_again_says_so(how: str) -> None:
    """A log rests until the next day, or until its peer asks for it in full or greets anew."""
    world, liar, link, alpha = with_liar()
    alpha.submit("one")
    world.run(1)
    own = alpha.own().id
    liar.send(link, frames.Refuse(Refusal.OVER_QUOTA, own, 1))
    liar.got(link)
    world.run(40)
    assert not liar.answers(link, Batch)
    if how == "asked":
        liar.send(link, frames.Want(frames.WANT_ENTRIES, own, 1))
        world.run(1)
        assert not liar.answers(link, Batch)
        liar.send(link, frames.Want(frames.WANT_FULL, own, 1))
    else:
        liar.hello(link, stated(liar.log))
    world.run(1)
    assert liar.answers(link, Batch)


def test_a_relay_that_is_refused_pauses_that_log_alone() -> None:
    """A third's flood does not stop what the relay itself has to say."""
    world = World(names=("alpha", "bravo", "charlie"), changes={"quota_entries_per_day": 6})
    world.open()
    alpha, bravo, charlie = (world.ends[name] for name in world.names)
    world.run(130)
    world.cut("alpha", "charlie")
    for n in range(12):
        charlie.submit(f"{n}")
        world.run(2)
    bravo.submit("from the relay")
    world.run(40)
    assert alpha.texts(1) == [b"\0from the relay"]


def test_many_days_away_are_caught_up_at_once() -> None:
    """A backlog is charged to the days it was written on."""
    world = World(changes={"quota_entries_per_day": 10})
    world.open("bravo")
    liar = Liar(world, "alpha")
    link = liar.greet("bravo")
    bravo = world.ends["bravo"]
    for n in range(60):
        liar.say(f"{n}", time_s=START_S + n * DAY_S // 6)
    world.wall_s += 30 * DAY_S
    liar.entries(link)
    assert bravo.line.logs[liar.log.id].size == 61
    assert not bravo.facts("refused")


@pytest.mark.parametrize("time_s", [0, START_S + 400 * DAY_S])
def test_nobody_saves_up_days_that_were_not(time_s: int) -> None:
    """Times of long ago, or of years to come, are charged to days since the line began."""
    _world, liar, link, alpha = with_liar(quota_entries_per_day=5)
    for n in range(5 * (LEAD_DAYS + 3)):
        liar.say(f"{n}", time_s=time_s)
        liar.entries(link, start=1 + n, stop=2 + n)
    assert alpha.line.logs[liar.log.id].size <= 5 * (LEAD_DAYS + 1) + 1
    assert alpha.facts("refused")


def test_a_clock_set_back_here_gives_nothing_away() -> None:
    """Days already charged stay charged."""
    world, liar, link, alpha = with_liar(quota_entries_per_day=5)
    world.wall_s -= 3 * DAY_S
    for n in range(8):
        liar.say(f"{n}", time_s=world.wall_s)
        liar.entries(link, start=1 + n, stop=2 + n)
    assert alpha.line.logs[liar.log.id].size == 5


FRESH = LogId(1, 1, b"freshlog")


def step_of(end: End) -> Step:
    return Step(end.station, end.world.now(), end.entropy)


def items(*days: int, weight: int = 10, flash: bool = False) -> list[Item]:
    """Entries of so many bytes that state to be of these days."""
    made = []
    for day in days:
        leaf = Leaf(Kind.DISPATCH, day * DAY_S, 3, Precedence.FLASH if flash else 1)
        made.append(Item(bytes(weight), leaf, None, None))
    return made


@pytest.mark.parametrize(
    ("changes", "more", "used"),
    [
        ({"quota_entries_per_day": 5}, {}, [3, 30, 0]),
        ({"quota_bytes_per_day": 1024}, {"weight": 200}, [3, 600, 0]),
        ({"quota_flash_per_day": 5}, {"flash": True}, [3, 30, 3]),
    ],
)
def test_a_backlog_fills_one_day_after_the_other(
    changes: dict[str, int], more: dict[str, int], used: list[int]
) -> None:
    """Old entries go to the first day with room, each day from nothing, none left out between; a
    later day that an entry states is begun from nothing too."""
    _world, _liar, _link, alpha = with_liar(**changes)
    line, first = alpha.line, alpha.line.begun_day - LEAD_DAYS
    log = log_for(step_of(alpha), line, FRESH)
    charge(step_of(alpha), line, log, items(*[0] * 13, **more))
    assert (log.day, log.used) == (first + 2, used)
    charge(step_of(alpha), line, log, items(first + 4, **more))
    assert (log.day, log.used) == (first + 4, [number // 3 for number in used])


@pytest.mark.parametrize(
    ("begun", "admitted", "founder", "first"),
    [
        (0, None, True, -LEAD_DAYS),
        (0, 5, True, 5 - LEAD_DAYS),
        (0, -5, True, -LEAD_DAYS),
        (None, None, True, -JOINED_DAYS),
        (0, None, False, -JOINED_DAYS),
    ],
)
def test_the_first_day_to_use_up(
    begun: int | None, admitted: int | None, founder: bool, first: int
) -> None:
    """A week before a founder began, or before the author was admitted; long ago for who joined a
    line, or has lost when it began. Days are told from today."""
    world, _liar, _link, alpha = with_liar()
    line, today = alpha.line, world.wall_s // DAY_S
    line.begun_day = 0 if begun is None else today + begun
    if admitted is not None:
        line.admitted[1] = today + admitted
    log = log_for(step_of(alpha), line, FRESH)
    if not founder:
        line.me = 7
    charge(step_of(alpha), line, log, items(0))
    assert (log.day, log.used) == (today + first, [1, 10, 0])


@pytest.mark.parametrize("log_id", [LogId(7, 0, b""), LogId(1, 16, b""), LogId(1, 0, b"lifelife")])
def test_a_log_that_no_card_lists_is_unknown(log_id: LogId) -> None:
    """No member of that number, no key of that number, no later life under the first key."""
    _world, _liar, _link, alpha = with_liar()
    with pytest.raises(PeerError) as caught:
        log_for(step_of(alpha), alpha.line, log_id)
    assert (caught.value.refusal, caught.value.facts["log"]) == (Refusal.UNKNOWN_LOG, log_id)


def test_a_lost_log_of_a_revoked_key_ends_where_the_others_say() -> None:
    """Further than its party stands by; our own ends by no revocation here."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha, charlie = world.ends["alpha"], Liar(world, "charlie")
    item = covering_item(FRESH, 4, bytes(32), world.wall_s)
    charlie.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    charlie.entries(charlie.greet("alpha"))
    for name in ("alpha", "bravo"):
        word = Revocation(party(name).id, 1, "log 1", "stolen", world.wall_s)
        alpha.station.revoked[party(name).log(1).public()] = word
    step = step_of(alpha)
    assert log_for(step, alpha.line, FRESH).frozen == 4
    assert log_for(step, alpha.line, LogId(0, 1, FRESH.life)).frozen == -1
    assert log_for(step, alpha.line, LogId(1, 2, FRESH.life)).frozen == -1


def test_a_member_has_as_many_lives_as_its_card_has_pairs() -> None:
    """One more is OVER_QUOTA; a log that is held already is always found, and no other member's
    lives are counted."""
    _world, _liar, _link, alpha = with_liar()
    line, step = alpha.line, step_of(alpha)
    held = [log for log in line.logs if log.member == 1]
    for number in range(limits.INCARNATIONS_MAX - len(held)):
        log = log_for(step, line, LogId(1, 1, bytes(7) + bytes((number,))))
        line.logs[log.id] = log
    with pytest.raises(PeerError) as caught:
        log_for(step, line, FRESH)
    assert caught.value.refusal is Refusal.OVER_QUOTA
    assert log_for(step, line, log.id) is log
    assert log_for(step, line, LogId(0, 1, b"freshlog")).size == 0


def test_void_entries_are_charged_too() -> None:
    """Signed nonsense uses up what it weighs."""
    _world, liar, link, alpha = with_liar(quota_entries_per_day=5)
    for n in range(8):
        liar.log.add_raw(b"nonsense %d" % n)
        liar.entries(link, start=1 + n, stop=2 + n)
    assert alpha.line.logs[liar.log.id].size == 5


def test_answers_to_flash_are_no_flash() -> None:
    """A `seen` at FLASH does not use up the grant of whoever was called."""
    world = World(changes={"quota_flash_per_day": 5})
    world.open()
    world.run(130)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for n in range(5):
        alpha.submit(f"{n}", precedence=Precedence.FLASH)
        world.run()
    for n in range(5):
        bravo.submit(f"{n}", precedence=Precedence.FLASH)
        world.run()
    assert not alpha.facts("over-quota")
    assert len(alpha.texts(1)) == len(bravo.texts(0)) == 5


def test_a_mute_node_refuses_without_signing() -> None:
    """Over quota at a restored node: refused by name, stated when it may speak again."""
    world, liar, link, alpha = with_liar(quota_entries_per_day=3)
    alpha.line.mute = "a test"
    for n in range(5):
        liar.say(f"{n}")
        liar.entries(link, start=1 + n, stop=2 + n)
    world.run()
    assert alpha.facts("refused")
    assert not alpha.line.control
    assert over_quotas(alpha) == []


@pytest.mark.parametrize("index", [0, 99])
def test_a_false_refusal_pauses_only_what_it_names(index: int) -> None:
    """A peer can refuse us on its own link and nowhere else, and not beyond what we hold."""
    _world, liar, link, alpha = with_liar()
    liar.send(link, frames.Refuse(Refusal.OVER_QUOTA, alpha.own().id, index))
    session = alpha.line.sessions[link]
    assert bool(session.paused) is (index == 0)
    liar.send(link, frames.Refuse(Refusal.OVER_QUOTA, liar.log.id, 0))
    liar.send(link, frames.Refuse(Refusal.OVER_QUOTA))
    liar.send(link, frames.Refuse(Refusal.NOT_HELD, alpha.own().id, 0))
    assert set(session.sent) == {alpha.own().id}
    assert len(alpha.facts("refused-by-peer")) == 4
