"""What comes ahead of a gap: how it is read, and what becomes of it when the gap is filled."""

from __future__ import annotations

import pytest
from core.joins import NAMES, founded, joined
from core.test_overtaking import convict, elided, with_liar
from liar import Liar, covering_item
from pair import End, World

from detente.core import limits, streaming
from detente.core.errors import Refusal
from detente.core.events import Draft, LinkDown, Tick
from detente.core.extras import HeldAhead
from detente.core.frames import Ahead, Got, Refuse
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.overtaking import is_held_ahead
from detente.core.transcript import Entry, Place
from detente.core.wire import FULL, SEEN, YOURS, encode_item, lenient, whole_item


def held(liar: Liar, alpha: End, index: int, kind: int = Kind.HELD_AHEAD) -> None:
    """The liar enters that he holds this entry of alpha's ahead of a gap; or an entry of another
    kind that says so."""
    own = alpha.own()
    extra = HeldAhead(own.id, index, own.recent[index].hash, 0).encode()
    liar.log.say(kind, precedence=4, extra=extra, time_s=liar.world.wall_s)


def flashes(count: int) -> tuple[Liar, int, End, list[int]]:
    """Alpha has entered so many FLASH, and bravo, a liar, holds none of them in its turn."""
    world, liar, link, alpha = with_liar()
    first = alpha.own().size
    for n in range(count):
        alpha.submit(f"{n}", precedence=Precedence.FLASH)
    world.run()
    return liar, link, alpha, list(range(first, first + count))


@pytest.mark.parametrize("frozen", [0, 1, 2, 3])
def test_nothing_overtakes_where_a_log_is_frozen(frozen: int) -> None:
    """Its author is told of which entry; below the freeze it is taken."""
    _, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    alpha.line.logs[liar.log.id].frozen = frozen
    liar.ahead(link, 2, 1)
    refusals = [Refuse(Refusal.FROZEN, liar.log.id, 2)] if frozen < 3 else []
    assert liar.answers(link, Refuse) == refusals
    assert bool(alpha.facts("received-ahead")) is (frozen == 3)


@pytest.mark.parametrize("log", [LogId(0, 0, b""), LogId(1, 7, bytes(8))])
def test_who_sends_ahead_of_a_log_that_is_not_his_or_not_here_is_told_which(log: LogId) -> None:
    """And of which entry."""
    _, liar, link, _ = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    liar.ahead(link, 2, 1, changes={"log": log})
    assert liar.answers(link, Refuse) == [Refuse(Refusal.UNKNOWN_LOG, log, 2)]


@pytest.mark.parametrize("flag", [SEEN, YOURS])
def test_an_ahead_leaves_out_roots_and_hashes_that_are_held(flag: int) -> None:
    """Of a log of ours, named or not, and of an entry of ours that it refers to."""
    world, liar, link, alpha = with_liar()
    own, flash = alpha.own(), 2
    held = covering_item(own.id, own.size, own.root, world.wall_s)
    liar.say("gap")
    liar.say("flash", precedence=4, seen=(held,), refs=(own.recent[0].hash,))
    raw = liar.log.raws[flash]
    entry = Entry(Place(liar.log.id, flash), b"", raw, lenient(raw), *liar.log.bodies[flash])
    item = encode_item(
        entry,
        lenient(liar.log.raws[0]),
        with_body=True,
        confirmed=lambda *_: True,
        locate=lambda _: Place(own.id, 0),
        yours=own.id if flag == YOURS else None,
    )
    assert item[0] & (SEEN | YOURS) == flag
    liar.ahead(link, flash, 1, changes={"item": item})
    assert alpha.facts("received-ahead") == [{"member": 1, "index": flash}]
    found = alpha.shelf(alpha.line.id).ahead_proof(liar.log.id, flash)
    assert (found.line, found.log, found.entry.raw) == (alpha.line.id, liar.log.id, raw)
    assert (found.entry.salt, found.entry.body) == liar.log.bodies[flash]


def test_an_ahead_may_rest_on_an_entry_that_is_in_the_store_alone() -> None:
    """Its sender has no more confirmed of that log than it was told, and memory holds the last."""
    _, liar, link, alpha = with_liar()
    for n in range(4):
        liar.say(f"{n}")
    liar.entries(link, start=1, stop=4)
    alpha.line.logs[liar.log.id].recent.clear()
    liar.say("flash", precedence=4)
    liar.ahead(link, 5, 2)
    assert alpha.facts("received-ahead") == [{"member": 1, "index": 5}]


def test_a_body_for_a_leaf_that_commits_to_none_is_left_out() -> None:
    """The leaf is taken as it is; nothing says what such a body would open."""
    world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.log.say(Kind.MARK, precedence=4, time_s=world.wall_s)
    item = whole_item(liar.log.raws[2], bytes(16), b"\0open")
    liar.ahead(link, 2, 1, changes={"item": item})
    found = alpha.shelf(alpha.line.id).ahead(liar.log.id, 2)
    assert (found.raw, found.salt, found.body) == (liar.log.raws[2], None, None)


def test_so_many_entries_ahead_are_asked_for_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as may be held; an honest peer sends no more."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 2)
    _, liar, link, _ = with_liar()
    liar.say("gap")
    told = []
    for index in range(2, 5):
        liar.say("flash", precedence=4)
        liar.ahead(link, index, 1, changes={"item": elided(liar, index), "signature": bytes(64)})
        told += [frame.refusal for frame in liar.answers(link, Refuse)]
    assert told == [Refusal.WANT_FULL, Refusal.WANT_FULL, Refusal.BAD_SIGNATURE]


def test_another_leaf_in_its_turn_is_not_given_the_body_that_came_ahead() -> None:
    """That one opens the leaf it came with, and no other."""
    world, liar, link, alpha = with_liar()
    liar.say("gap")
    fork = liar.log.fork(2)
    liar.say("flash one", precedence=4)
    liar.say("flash two", fork, precedence=4)
    liar.ahead(link, 2, 1, fork)
    liar.entries(link, start=1, bodies=False)
    world.run()
    assert alpha.texts(1) == [None, None]
    assert alpha.line.logs[liar.log.id].frozen == 2


def test_another_leaf_than_one_long_held_is_proven_from_the_store() -> None:
    """What came ahead is compared with what stands there, in memory or not."""
    _, liar, link, alpha = with_liar()
    liar.say("gap")
    fork = liar.log.fork(2)
    liar.say("flash one", precedence=4)
    liar.say("flash two", fork, precedence=4)
    liar.entries(link, start=1)
    alpha.line.logs[liar.log.id].recent.clear()
    liar.ahead(link, 2, 1, fork)
    liar.world.run()
    assert convict(alpha, liar.log.id) == 2


@pytest.mark.parametrize(("shared", "proven"), [(2, 0), (4, 4), (5, 4), (6, 6)])
def test_another_gap_is_proven_from_the_last_subtree_that_is_the_same(
    shared: int, proven: int
) -> None:
    """What came ahead of seven entries names subtrees of four, two and one of them."""
    _, liar, link, alpha = with_liar()
    while liar.log.size < shared:
        liar.say("shared")
    fork = liar.log.fork(shared)
    for log, word in ((liar.log, "true"), (fork, "false")):
        while log.size < 7:
            liar.say(word, log)
        liar.say("flash", log, precedence=4, commitment=bytes(32), plain=None)
    liar.ahead(link, 7, 1, fork, bare=True)
    liar.entries(link, start=1)
    liar.world.run()
    assert convict(alpha, liar.log.id) == proven


# --- what a peer holds ahead ----------------------------------------------------------------------


def test_a_receipt_that_itself_comes_ahead_is_read_at_once() -> None:
    """Whoever waits for it need not wait for the gap."""
    liar, link, alpha, (index,) = flashes(1)
    liar.say("gap")
    held(liar, alpha, index)
    liar.ahead(link, 2, 1)
    assert alpha.facts("receipt-ahead") == [{"member": 1, "index": index}]
    assert alpha.line.held_ahead == {liar.log.id: {index}}


def test_what_a_peer_holds_ahead_is_remembered_on_a_link_where_it_has_stated_nothing() -> None:
    """Two `held-ahead` of its log, the second behind a new greeting, say together what it has."""
    liar, link, alpha, indices = flashes(2)
    for index in indices:
        held(liar, alpha, index)
        liar.entries(link, start=liar.log.size - 1)
        link = liar.greet("alpha")
    assert alpha.line.held_ahead == {liar.log.id: set(indices)}


def test_what_a_peer_has_confirmed_in_its_turn_is_ahead_no_more() -> None:
    """The next `held-ahead` clears what lies below; the first behind it stays."""
    liar, link, alpha, indices = flashes(4)
    for index in indices[:3]:
        held(liar, alpha, index)
    liar.entries(link, start=1)
    liar.send(link, Got(alpha.own().id, indices[1]))
    held(liar, alpha, indices[3])
    liar.entries(link, start=liar.log.size - 1)
    assert alpha.line.held_ahead == {liar.log.id: set(indices[1:])}


def test_no_other_kind_says_that_an_entry_is_held_ahead() -> None:
    """Whatever its extra field reads as; nor does a leaf that does not decode."""
    liar, link, alpha, indices = flashes(1)
    held(liar, alpha, indices[0], Kind.DUTY)
    liar.log.add_raw(b"void")
    liar.entries(link, start=1)
    assert alpha.line.logs[liar.log.id].size == 3
    assert not alpha.facts("receipt-ahead")
    assert not alpha.line.held_ahead


def test_a_third_member_s_receipt_that_is_relayed_says_nothing_of_who_relays_it() -> None:
    """It is that member's own link that is spared, once there is one."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha")
    alpha, bravo, charlie = world.ends["alpha"], Liar(world, "bravo"), Liar(world, "charlie")
    link = bravo.greet("alpha")
    bravo.entries(link)
    alpha.submit("flash", precedence=Precedence.FLASH)
    world.run()
    held(charlie, alpha, alpha.own().size - 1)
    bravo.entries(link, charlie.log)
    assert alpha.line.logs[charlie.log.id].size == 2
    assert not alpha.facts("receipt-ahead")
    assert not alpha.line.held_ahead


def test_who_keeps_no_log_yet_passes_a_receipt_by() -> None:
    """A member that joins takes in what was said before, and nothing of its own was held ahead."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    mine = alpha.own()
    extra = HeldAhead(mine.id, 0, mine.recent[0].hash, 0).encode()
    bravo.line.state(Draft(Kind.HELD_AHEAD, 3, Precedence.FLASH, extra=extra))
    bravo.line.touched = True
    world.run(60)
    joined(world)
    assert Kind.HELD_AHEAD in charlie.kinds(1)
    assert not charlie.facts("receipt-ahead")
    assert not charlie.line.held_ahead


def test_only_our_own_entries_are_held_ahead_and_not_by_a_mute_peer() -> None:
    """One that is mute may have lost what its log says it held."""
    liar, link, alpha, (index,) = flashes(1)
    held(liar, alpha, index)
    liar.entries(link, start=1)
    session = alpha.line.session_of(1)
    assert is_held_ahead(alpha.line, session, Place(alpha.own().id, index))
    assert not is_held_ahead(alpha.line, session, Place(liar.log.id, index))
    session.mute = True
    assert not is_held_ahead(alpha.line, session, Place(alpha.own().id, index))


def gap(liar: Liar, link: int, alpha: End) -> None:
    """A peer has confirmed all, and one entry behind that is on its way."""
    liar.send(link, Got(alpha.own().id, alpha.own().size))
    alpha.submit("behind")
    alpha.do(Tick())


def says(alpha: End, count: int, precedence: Precedence = Precedence.FLASH) -> None:
    """So many dispatches, each entered alone."""
    for n in range(count):
        alpha.submit(f"{precedence.name} {n}", precedence=precedence)
        alpha.do(Tick())


def test_receipts_leave_room_ahead_for_a_flash(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take half of what may go ahead of one gap and wait beyond that, which FLASH does not."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 6)
    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 1)
    _, liar, link, alpha = with_liar()
    gap(liar, link, alpha)
    liar.say("gap")
    first = alpha.own().size
    for index in range(2, 7):  # five FLASH, each receipted at once
        liar.say("flash", precedence=4)
        liar.ahead(link, index, 1)
        alpha.do(Tick())
    own = alpha.own()
    kinds = [own.recent[index].leaf.kind for index in range(first, own.size)]
    assert kinds == [Kind.HELD_AHEAD] * 5
    assert [frame.index for frame in liar.answers(link, Ahead)] == [first, first + 1, first + 2]
    start = own.size
    says(alpha, 4)
    assert [frame.index for frame in liar.answers(link, Ahead)] == [start, start + 1, start + 2]


def _ahead(liar: Liar, link: int) -> list[int]:
    return [frame.index for frame in liar.answers(link, Ahead)]


def test_what_goes_ahead_on_several_links_is_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader counts one gap, whichever way it came: no more is sent than it takes."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 3)
    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 1)
    _, liar, link, alpha = with_liar()
    other = liar.greet("alpha")
    liar.send(link, Got(alpha.own().id, alpha.own().size))
    first = alpha.own().size
    says(alpha, 5)
    there = {*_ahead(liar, link), *_ahead(liar, other)}
    assert there == {first, first + 1, first + 2}
    liar.send(link, Got(alpha.own().id, first + 2))
    alpha.do(Tick())
    assert {*_ahead(liar, link), *_ahead(liar, other)} == {first + 3, first + 4}


def test_what_a_peer_holds_ahead_from_an_earlier_link_takes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It states it, so it is not sent again; but it fills its gap there as before."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 3)
    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 1)
    _, liar, link, alpha = with_liar()
    gap(liar, link, alpha)
    first, base = alpha.own().size, alpha.own().size - 1
    says(alpha, 2)
    for index in (first, first + 1):
        held(liar, alpha, index)
    liar.entries(link, start=1)
    alpha.do(LinkDown(link))
    again = liar.greet("alpha")
    liar.send(again, Got(alpha.own().id, base))
    says(alpha, 3)
    assert len(_ahead(liar, again)) == 1


def test_an_override_has_room_ahead_behind_any_number_of_flash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last eighth of what may go ahead of one gap is for it."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 8)
    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 1)
    _, liar, link, alpha = with_liar()
    gap(liar, link, alpha)
    first = alpha.own().size
    says(alpha, 9)
    says(alpha, 2, Precedence.OVERRIDE)
    assert _ahead(liar, link) == [*range(first, first + 7), first + 9]


def test_who_names_no_log_of_its_own_takes_a_flash_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """It states nothing that would take room."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 2)
    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 1)
    _, liar, link, alpha = with_liar()
    alpha.do(LinkDown(link))
    other = liar.greet("alpha", current=None)
    gap(liar, other, alpha)
    first = alpha.own().size
    says(alpha, 3)
    assert alpha.line.sessions[other].current is None
    assert _ahead(liar, other) == [first, first + 1]


def test_what_an_ahead_is_elided_against_may_be_in_the_store_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory has forgotten the entry below the gap."""
    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 1)
    _, liar, link, alpha = with_liar()
    own = alpha.own()
    for text in ("held", "behind", "behind it"):
        alpha.submit(text)
        alpha.do(Tick())
    held = own.size - 2
    liar.send(link, Got(own.id, held))
    alpha.do(Tick())
    own.recent.pop(held - 1)
    liar.got(link)
    alpha.submit("flash", precedence=Precedence.FLASH)
    alpha.do(Tick())
    (frame,) = liar.answers(link, Ahead)
    assert (frame.base, frame.index) == (held, own.size - 1)
    assert not frame.item[0] & FULL


def test_a_flash_that_was_streamed_on_a_link_goes_ahead_there_once_another_streams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was sent, and never confirmed: that link may have been dead since."""
    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 9)
    world = World()
    world.open("alpha")
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    narrow = liar.link("alpha", wide=False)
    liar.hello(narrow)
    liar.entries(narrow)
    world.run(70)
    liar.send(narrow, Got(alpha.own().id, alpha.own().size))
    alpha.submit("flash", precedence=Precedence.FLASH)
    alpha.do(Tick())
    index = alpha.own().size - 1
    assert alpha.line.sessions[narrow].sent[alpha.own().id] == index + 1
    liar.got(narrow)
    liar.greet("alpha")
    alpha.submit("words")
    alpha.do(Tick())
    assert _ahead(liar, narrow) == [index]
