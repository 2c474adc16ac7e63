"""What one author may use up of another in a day, and what becomes of the rest."""

from __future__ import annotations

from core.lineage import party
from liar import Liar
from pair import End, World

from detente.core import events
from detente.core.errors import Refusal
from detente.core.extras import OverQuota, Resume, decode_over_quota
from detente.core.frames import Refuse
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.wire import ENTRIES

DAY_S = 86_400


def _next_day(world: World) -> None:
    """The clocks go on to the first seconds of the next UTC day."""
    left_s = DAY_S - world.wall_s % DAY_S + 5
    world.wall_s += left_s
    world.steady_ms += left_s * 1000


def _stated(end: End) -> list[OverQuota]:
    """What a log says that it refused."""
    shelf = end.shelf(end.line.id)
    leaves = [shelf.entry(*place).leaf for place in shelf.of_kind([Kind.OVER_QUOTA])]
    return [decode_over_quota(leaf.extra) for leaf in leaves if leaf is not None]


def _flooded(count: int = 14) -> World:
    """alpha has said more than its quota of ten entries allows."""
    world = World(changes={"quota_entries_per_day": 10})
    world.open()
    for number in range(count):
        world.ends["alpha"].submit(f"message {number}")
        world.run()
    return world


def _meet(**changes: object) -> tuple[Liar, End, int]:
    """A liar as bravo and a real alpha, with both charters held."""
    world = World(changes=changes)
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    return liar, alpha, link


def test_what_is_over_quota_is_refused_and_said_in_the_log() -> None:
    """The receiver takes what the charter grants, and its log names log, index, grant and day."""
    world = _flooded()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    log = bravo.line.logs[alpha.own().id]
    assert log.size == 10
    said = OverQuota(log.id, 10, 1, world.wall_s // DAY_S)
    assert _stated(bravo) == [said]
    assert _stated(alpha) == [said], "the sender holds that statement too"
    assert bravo.facts("over-quota") == [{"member": 0, "which": 1}]
    assert not bravo.closed, "no fault that closes a link"


def test_over_quota_is_said_once_a_day() -> None:
    """New links bring the same entries again; they are refused again, and nothing more is said."""
    world = _flooded()
    bravo = world.ends["bravo"]
    refused = len(bravo.facts("refused"))
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo")
    world.run(3)
    assert len(bravo.facts("refused")) > refused
    assert len(_stated(bravo)) == 1


def test_a_sender_over_its_quota_pauses() -> None:
    """Until the next day nothing of that log is sent, and no dispatch is entered in it."""
    world = _flooded()
    alpha = world.ends["alpha"]
    world.run(5)
    said, frames = alpha.kinds().count(Kind.DISPATCH), len(world.frames)
    alpha.submit("one more")
    world.run(40)
    assert alpha.kinds().count(Kind.DISPATCH) == said
    assert max(alpha.line.queue.rows) == 15, "the last of fifteen is still queued"
    sent = [frame for one, _, frame in world.frames[frames:] if one == "alpha"]
    assert sent, "heartbeats go on"
    assert not [frame for frame in sent if frame[0] >> 4 == ENTRIES]


def test_the_next_day_goes_on_where_it_stopped() -> None:
    """What was held back arrives, once and in order, and is receipted."""
    world = _flooded()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    _next_day(world)
    world.run(40)
    assert bravo.texts(0) == [b"\0message %d" % number for number in range(14)]
    assert bravo.line.logs[alpha.own().id].size == alpha.own().size
    assert alpha.line.logs[bravo.own().id].stated[alpha.own().id] >= 14
    assert len(_stated(bravo)) == 1


def test_a_new_day_over_quota_is_said_anew() -> None:
    """A log refused on two days is named twice, each time with its day."""
    world = _flooded(30)
    bravo = world.ends["bravo"]
    _next_day(world)
    world.run(5)
    for number in range(30, 60):
        world.ends["alpha"].submit(f"message {number}")
        world.run()
    today = world.wall_s // DAY_S
    assert [over.day for over in _stated(bravo)] == [today - 1, today]
    assert bravo.line.quota_said == {(world.ends["alpha"].own().id, today)}


def test_bytes_count_too() -> None:
    """Leaves and bodies are weighed against the bytes of a day."""
    liar, alpha, link = _meet(quota_bytes_per_day=2000)
    for _ in range(3):
        liar.say("small")
    liar.entries(link, start=1)
    assert alpha.log_of(1).size == 4
    for number in range(20):
        liar.say(f"and {number} more")
    liar.entries(link, start=4)
    alpha.world.run()
    (over,) = _stated(alpha)
    assert (over.which, over.index) == (2, 4)
    assert alpha.log_of(1).size == 4, "a batch that is refused is not counted in part"
    assert alpha.log_of(1).used[0] == 4


def test_flash_has_a_grant_of_its_own() -> None:
    """Entries of FLASH and above are counted apart, and what only receipts is none of them."""
    liar, alpha, link = _meet(quota_flash_per_day=2)
    liar.say("one", precedence=Precedence.FLASH)
    liar.say("two", precedence=Precedence.OVERRIDE)
    liar.seen((alpha, alpha.own().id), precedence=Precedence.FLASH)
    liar.entries(link, start=1)
    assert alpha.log_of(1).used == [4, alpha.log_of(1).used[1], 2]
    liar.say("three", precedence=Precedence.FLASH)
    liar.got(link)
    liar.entries(link, start=4)
    alpha.world.run()
    assert [over.which for over in _stated(alpha)] == [3]
    assert liar.answers(link, Refuse) == [Refuse(Refusal.OVER_QUOTA, liar.log.id, 4)]


def test_a_void_leaf_is_counted() -> None:
    """Bytes that decode to no leaf use up their author's grant like others."""
    liar, alpha, link = _meet(quota_entries_per_day=3)
    for at in range(3):
        liar.log.add_raw(b"\xff no leaf %d" % at)
    liar.entries(link, start=1, stop=3)
    assert alpha.log_of(1).used[0] == 3
    liar.entries(link, start=3)
    assert alpha.log_of(1).size == 3
    assert [over["which"] for over in alpha.facts("over-quota")] == [1]


def test_a_backlog_of_days_is_charged_to_the_days_it_states() -> None:
    """Nobody saves up grants, but what was entered on earlier days is not today's."""
    liar, alpha, link = _meet(quota_entries_per_day=3)
    liar.world.wall_s += 3 * DAY_S
    for days_ago in (2, 2, 2, 1, 1, 1):
        liar.say(f"{days_ago}", time_s=liar.world.wall_s - days_ago * DAY_S)
    liar.entries(link, start=1)
    assert alpha.log_of(1).size == 7
    for _ in range(4):
        liar.say("next week, it says", time_s=liar.world.wall_s + 5 * DAY_S)
    liar.entries(link, start=7, stop=10)
    assert alpha.log_of(1).day == liar.world.wall_s // DAY_S, "no day is used before it comes"
    liar.entries(link, start=10)
    assert alpha.log_of(1).size == 10
    assert len(alpha.facts("over-quota")) == 1


def test_a_log_that_no_card_lists_is_unknown() -> None:
    """No member of that number, and no resumed log under the key of the first incarnation."""
    liar, alpha, link = _meet()
    liar.say("never taken")
    for log_id in (LogId(7, 0, b""), LogId(1, 0, b"lifelife")):
        log = liar.log.fork(2)
        log.id = log_id
        liar.entries(link, log, signature=bytes(64))
        assert alpha.facts("refused")[-1]["refusal"] == "unknown-log"
        assert log_id not in alpha.line.logs


def test_a_member_has_no_more_lives_than_its_card_has_pairs() -> None:
    """Lives of one number are cheap to make; there are sixteen of them here at most."""
    liar, alpha, link = _meet()
    for number in range(16):
        life = bytes((number,)) * 8
        log = liar.new_log(LogId(1, 1, life))
        del log.raws[:], log.bodies[:]
        log.say(Kind.RESUME, extra=Resume(1, life, ()).encode(), time_s=liar.world.wall_s)
        liar.entries(link, log)
    assert len([log for log in alpha.line.logs if log.member == 1]) == 16
    assert alpha.facts("refused")[-1]["refusal"] == "over-quota"
    assert party("bravo").log(1).public() == alpha.line.logs[LogId(1, 1, bytes(8))].key
