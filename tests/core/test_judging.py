"""What verified entries mean for this node: receipts, cards, calls for a word, and void ones."""

from __future__ import annotations

import pytest
from core.lineage import LogBuilder, party
from liar import Liar, covering_item, stated
from pair import End, SeedKeys, World

from detente.core import events, limits
from detente.core.body import commit
from detente.core.encoding import Reader
from detente.core.errors import Refusal
from detente.core.extras import Duty, Mark, Quote, Resume, Rung, Stater, decode_mark
from detente.core.frames import WANT_BODY, Body, Cosign, Heads, Refuse, Want, read_frame
from detente.core.identity import holds_pq_name
from detente.core.judging import (
    WANTED_BODIES_MAX,
    call,
    judge_body,
    judge_heads,
    judge_meaning,
    want_bodies,
    want_lacked,
)
from detente.core.leaf import Kind, Leaf, LogId, Precedence
from detente.core.log import Log
from detente.core.station import Step
from detente.core.transcript import Entry
from detente.core.wire import read_tag

THREE = ("alpha", "bravo", "charlie")
LIFE = LogId(1, 1, b"lifelife")


def _meet(names: tuple[str, ...] = ("alpha", "bravo"), **changes: object) -> tuple[Liar, End, int]:
    """A liar as bravo and a real alpha who has said something."""
    world = World(names=names, changes=changes)
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(1)
    alpha.submit("hello")
    world.run(35)
    liar.got(link)
    return liar, alpha, link


def _own(end: End, kind: int) -> list[Entry]:
    """The entries of one kind in an end's own log."""
    shelf = end.shelf(end.line.id)
    return [shelf.entry(*place) for place in shelf.of_kind([kind]) if place.log == end.own().id]


def _step(end: End) -> Step:
    return Step(end.station, end.world.now(), end.entropy)


def _send(liar: Liar, link: int, start: int) -> None:
    liar.entries(link, start=start)
    liar.world.run()


# --- heads that entries state -------------------------------------------------------------------


def test_a_void_entry_is_kept_told_and_receipted() -> None:
    """Signed bytes that are no leaf are part of the record like any other."""
    liar, alpha, link = _meet()
    liar.log.add_raw(b"\xff no leaf")
    _send(liar, link, 1)
    alpha.world.run(35)
    assert alpha.facts("void") == [{"member": 1, "index": 1}]
    assert alpha.shelf(alpha.line.id).entry(liar.log.id, 1).leaf is None
    assert alpha.log_of(1).covered == 2
    assert not alpha.facts("refused")


def test_a_receipt_is_told_once_for_what_it_adds() -> None:
    """A `seen` that says no more than an earlier one tells nothing new."""
    liar, alpha, link = _meet()
    for _ in range(2):
        liar.seen((alpha, alpha.own().id))
    _send(liar, link, 1)
    assert alpha.facts("receipt") == [{"member": 1, "size": alpha.own().size}]
    assert liar.log.size == 3
    session = alpha.line.session_of(1)
    assert session is not None
    assert session.holds[alpha.own().id] == alpha.own().size


def test_nobody_holds_himself() -> None:
    """A `seen` of its own log, true or false, is passed over."""
    liar, alpha, link = _meet()
    wrong = covering_item(liar.log.id, 1, bytes(32), liar.world.wall_s)
    liar.log.say(Kind.SEEN, seen=(wrong,), time_s=liar.world.wall_s)
    _send(liar, link, 1)
    assert not alpha.facts("seen-contradicts")
    assert alpha.log_of(1).disputed_from == -1


def test_a_seen_of_another_root_stops_our_cover_where_it_first_stands() -> None:
    """From there on nothing of that log is stated as held, and each contradiction is told."""
    liar, alpha, link = _meet()
    wrong = covering_item(alpha.own().id, 1, bytes(32), liar.world.wall_s)
    liar.say("sound")
    liar.entries(link, start=1)
    for _ in range(2):
        liar.log.say(Kind.SEEN, seen=(wrong,), time_s=liar.world.wall_s)
    liar.say("unsound")
    liar.entries(link, start=2)
    alpha.world.run(60)
    assert alpha.facts("seen-contradicts") == [{"member": 1, "about": 0}] * 2
    assert alpha.log_of(1).disputed_from == 2
    assert alpha.log_of(1).covered == 2
    assert not alpha.facts("receipt")


def test_a_seen_of_what_is_not_held_here_is_neither() -> None:
    """It may come to be held, so nothing is confirmed and nothing disputed."""
    liar, alpha, link = _meet()
    far = covering_item(alpha.own().id, alpha.own().size + 5, bytes(32), liar.world.wall_s)
    liar.log.say(Kind.SEEN, seen=(far,), time_s=liar.world.wall_s)
    strange = covering_item(LogId(7, 0, b""), 1, bytes(32), liar.world.wall_s)
    liar.log.say(Kind.SEEN, seen=(strange,), time_s=liar.world.wall_s)
    _send(liar, link, 1)
    assert not alpha.facts("receipt")
    assert not alpha.facts("seen-contradicts")
    assert alpha.log_of(1).disputed_from == -1


def test_a_relayed_seen_confirms_nothing_for_the_relay() -> None:
    """What charlie holds says nothing of what bravo holds, who brought charlie's word."""
    liar, alpha, link = _meet(THREE)
    charlie = Liar(liar.world, "charlie")
    charlie.seen((alpha, alpha.own().id))
    liar.send(link, Heads((stated(charlie.log),)))
    liar.entries(link, charlie.log)
    assert alpha.facts("receipt") == [{"member": 2, "size": alpha.own().size}]
    session = alpha.line.session_of(1)
    assert session is not None
    assert session.holds.get(alpha.own().id, 0) == 0


def test_what_is_void_or_of_himself_hides_no_contradiction() -> None:
    """Every other head of the batch is judged, behind a void entry and behind a word of oneself."""
    liar, alpha, link = _meet(THREE)
    charlie = Liar(liar.world, "charlie")
    liar.send(link, Heads((stated(charlie.log),)))
    liar.entries(link, charlie.log)
    liar.log.add_raw(b"\xff no leaf")
    wrong = tuple(
        covering_item(log.id, 1, bytes(32), liar.world.wall_s) for log in (liar.log, charlie.log)
    )
    liar.log.say(Kind.SEEN, seen=wrong, time_s=liar.world.wall_s)
    liar.entries(link, start=1)
    assert alpha.facts("seen-contradicts") == [{"member": 1, "about": 2}]
    assert alpha.log_of(1).disputed_from == 2


def test_a_log_that_was_disputed_from_its_beginning_stays_so() -> None:
    """A later contradiction moves nothing."""
    liar, alpha, _link = _meet()
    alpha.log_of(1).disputed_from = 0
    wrong = covering_item(alpha.own().id, 1, bytes(32), liar.world.wall_s)
    liar.log.say(Kind.SEEN, seen=(wrong,), time_s=liar.world.wall_s)
    session = alpha.line.session_of(1)
    judge_heads(_step(alpha), alpha.line, session, alpha.log_of(1), [liar.log.entry(1)], {})
    assert alpha.log_of(1).disputed_from == 0


@pytest.mark.parametrize(
    ("seen", "known", "stated_before", "ours", "closes"),
    [
        (LIFE, True, {}, False, True),
        (LIFE, True, {LIFE: 3}, False, False),
        (LIFE, False, {}, False, False),
        (LIFE, True, {}, True, False),
        (LogId(0, 0, b""), True, {}, False, False),
    ],
)
def test_a_head_closes_where_a_new_life_is_named_first(
    seen: LogId, known: bool, stated_before: dict[LogId, int], ours: bool, closes: bool
) -> None:
    """A life that is known here, in another's log, and once."""
    liar, alpha, _link = _meet()
    line = alpha.line
    if known:
        line.logs.setdefault(seen, Log(seen, "origin", bytes(32)))
    line.quantum_for.clear()
    item = covering_item(seen, 9, bytes(32), liar.world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=liar.world.wall_s)
    log = alpha.own() if ours else line.logs[liar.log.id]
    session = line.session_of(1)
    judge_heads(_step(alpha), line, session, log, [liar.log.entry(1)], stated_before)
    assert line.quantum_for == ({log.id} if closes else set())


@pytest.mark.parametrize("sealing", [True, False])
def test_whatever_is_stated_may_make_a_seal_final(sealing: bool) -> None:
    """Where one waits, the charter is looked at again."""
    _liar, alpha, _link = _meet()
    line = alpha.line
    line.sealing, line.charter_due = sealing, False
    judge_heads(_step(alpha), line, line.session_of(1), alpha.log_of(1), [], {})
    assert line.charter_due is sealing


# --- what entries do ------------------------------------------------------------------------------


def test_a_card_that_is_entered_is_offered_to_the_officers() -> None:
    """Nothing is trusted by itself: the bytes are handed on, with who entered them."""
    liar, alpha, link = _meet()
    note = party("bravo", serial=2).card.data
    liar.log.say(Kind.CARD, plain=note, time_s=liar.world.wall_s)
    _send(liar, link, 1)
    assert alpha.offered == [events.Offered(party("bravo").id, note)]
    assert alpha.station.cards[party("bravo").id].serial == 1


def test_a_card_is_offered_when_its_body_comes() -> None:
    """Until then there is nothing to look at."""
    liar, alpha, link = _meet()
    note = party("bravo", serial=2).card.data
    liar.log.say(Kind.CARD, plain=note, time_s=liar.world.wall_s)
    liar.entries(link, start=1, bodies=False)
    assert not alpha.offered
    salt, body = liar.log.bodies[1] or (b"", b"")
    liar.send(link, Body(liar.log.id, 1, salt, body))
    assert [offered.data for offered in alpha.offered] == [note]


def test_a_card_that_does_not_open_is_void() -> None:
    """It stays in the record, and nobody is shown anything."""
    liar, alpha, link = _meet()
    body = (bytes(16), b"\xee no packed body")
    leaf = Leaf(Kind.CARD, liar.world.wall_s, 3, commitment=commit(*body))
    liar.log.add_raw(leaf.encode(), body)
    _send(liar, link, 1)
    assert not alpha.offered
    assert alpha.facts("void") == [{"member": 1, "index": 1}]


def test_a_void_entry_hides_nothing_behind_it() -> None:
    """What follows in the same batch is done all the same, and only what must be outlives."""
    liar, alpha, _link = _meet()
    liar.log.add_raw(b"\xff no leaf")
    liar.say("an ordinary word")
    note = party("bravo", serial=2).card.data
    liar.log.say(Kind.CARD, plain=note, time_s=liar.world.wall_s)
    line, step = alpha.line, _step(alpha)
    line.quantum_for.clear()
    entries = [liar.log.entry(index) for index in (1, 2)]
    judge_meaning(step, line, alpha.log_of(1), entries)
    assert line.quantum_for == set()
    judge_meaning(step, line, alpha.log_of(1), [entries[0], liar.log.entry(3)])
    assert line.quantum_for == {liar.log.id}
    assert step.out[-1] == events.Offered(party("bravo").id, note)


@pytest.mark.parametrize(
    ("kind", "sealing", "named", "due"),
    [
        (Kind.OFFER, False, False, False),
        (Kind.OFFER, True, False, True),
        (Kind.OFFER, False, True, True),
        (Kind.DISPATCH, True, True, False),
    ],
)
def test_an_offer_behind_its_seal_may_change_the_charter(
    kind: int, sealing: bool, named: bool, due: bool
) -> None:
    """Where a seal waits, or something that came before names the offer."""
    liar, alpha, link = _meet()
    hash_ = liar.log.say(kind, plain=b"terms", time_s=liar.world.wall_s)
    if named:
        liar.log.say(Kind.SEAL, refs=(hash_,), time_s=liar.world.wall_s)
        liar.entries(link, start=1)
    line, entry = alpha.line, liar.log.entry(1)
    line.sealing, line.charter_due = sealing, False
    judge_body(_step(alpha), line, alpha.log_of(1), entry, entry.leaf)
    assert line.charter_due is due


@pytest.mark.parametrize("kind", [Kind.CARD, Kind.SEAL])
def test_what_must_outlive_ed25519_is_signed_by_its_holders(kind: int) -> None:
    """A card or a seal is covered by our ML-DSA-44 signature at once."""
    liar, alpha, link = _meet()
    if kind == Kind.CARD:
        liar.log.say(kind, plain=party("bravo").card.data, time_s=liar.world.wall_s)
    else:
        liar.log.say(kind, refs=(bytes(32),), time_s=liar.world.wall_s)
    _send(liar, link, 1)
    name = holds_pq_name(party("alpha").id)
    signed = [c for c in alpha.shelf(alpha.line.id).cosignatures if c.name == name]
    assert (signed[-1].log, signed[-1].size) == (liar.log.id, 2)


def test_a_closing_head_is_signed_so_too() -> None:
    """The first word of charlie's log that names bravo's new life closes bravo's old one."""
    world = World(names=THREE)
    world.open()
    world.run(40)
    alpha, bravo, charlie = world.ends.values()
    bravo.restart(mute="no mark")
    bravo.station.keys = SeedKeys("bravo", 1)
    bravo.do(events.Adopt(1))
    world.link("alpha", "bravo")
    world.link("bravo", "charlie")
    world.run(10)
    shelf = alpha.shelf(alpha.line.id)
    first = next(
        index
        for index, entry in enumerate(shelf.entries(charlie.own().id, 0, alpha.log_of(2).size))
        if entry.leaf is not None and any(seen.log == bravo.own().id for seen in entry.leaf.seen)
    )
    name = holds_pq_name(party("alpha").id)
    signed = [c for c in shelf.cosignatures if c.name == name and c.log == charlie.own().id]
    assert max(c.size for c in signed) > first


def test_a_false_quote_in_our_name_is_disputed_in_our_log() -> None:
    """A mark of the node names the entry; a quote that nobody can read is void."""
    liar, alpha, link = _meet()
    quote = Quote(liar.log.id, 1, 0, 0, liar.world.wall_s, bytes(64))
    hash_ = liar.log.say(Kind.QUOTE, extra=quote.encode(), time_s=liar.world.wall_s)
    liar.log.say(Kind.QUOTE, extra=b"\1", time_s=liar.world.wall_s)
    _send(liar, link, 1)
    assert alpha.facts("false-quote") == [{"member": 1, "index": 1}]
    assert alpha.facts("void") == [{"member": 1, "index": 2}]
    (mark,) = _own(alpha, Kind.MARK)
    assert mark.leaf is not None
    assert mark.leaf.refs == (hash_,)
    assert decode_mark(mark.leaf.extra) == Mark(Rung.DISPUTED, Stater.NODE)


def test_a_missing_body_is_asked_only_of_who_may_have_it() -> None:
    """A relay outside the audience is not asked for what it cannot hold; the author is."""
    liar, alpha, link = _meet(THREE)
    charlie = Liar(liar.world, "charlie")
    charlie.say("for alpha alone", audience=1)
    charlie.say("for all of us")
    liar.send(link, Heads((stated(charlie.log),)))
    liar.got(link)
    liar.entries(link, charlie.log, bodies=False)
    wants = [frame.index for frame in liar.answers(link, Want) if frame.what == WANT_BODY]
    assert wants == [0, 2]
    assert sorted(alpha.log_of(2).missing) == [0, 1, 2]
    author = charlie.greet("alpha", stated(charlie.log))
    alpha.world.run(6)
    wants = [frame.index for frame in charlie.answers(author, Want) if frame.what == WANT_BODY]
    assert 1 in wants


def test_so_many_bodies_are_asked_for_at_a_time() -> None:
    """The first that are missing and not given up, and of those given up; then others in turn."""
    liar, alpha, link = _meet()
    for number in range(WANTED_BODIES_MAX + 4):
        liar.say(f"{number}")
    liar.entries(link, start=1, bodies=False)
    line, log, session = alpha.line, alpha.log_of(1), alpha.line.session_of(1)
    assert session is not None

    def wanted(step: Step) -> list[int]:
        sent = [effect for effect in step.out if isinstance(effect, events.Send)]
        return [frame.index for frame in map(_frame, sent)]

    log.lacked, session.lacked_rounds = {2, 3, 99}, 0
    step = _step(alpha)
    want_bodies(step, line, session, log)
    assert wanted(step) == [1, *range(4, WANTED_BODIES_MAX + 3)]
    step = _step(alpha)
    want_lacked(step, line, session, log)
    assert wanted(step) == [2, 3]
    log.lacked = set(log.missing)
    session.lacked_rounds = 1
    step = _step(alpha)
    want_lacked(step, line, session, log)
    assert wanted(step) == [*range(17, 21), *range(1, 13)]
    log.lacked = set()  # as of our own old logs, for which there is no lacks
    step = _step(alpha)
    want_bodies(step, line, session, log)
    assert wanted(step) == [*range(17, 21), *range(1, 13)]


def _frame(sent: events.Send) -> Want:
    reader = Reader(sent.data)
    kind, _ = read_tag(reader)
    frame = read_frame(kind, reader)
    assert isinstance(frame, Want)
    return frame


# --- what entries call for ------------------------------------------------------------------------


def _covered_at_once(end: End, liar: Liar) -> bool:
    return end.log_of(1).covered == liar.log.size


@pytest.mark.parametrize("precedence", [Precedence.IMMEDIATE, Precedence.FLASH])
def test_an_urgent_entry_is_covered_at_once_at_its_own_precedence(precedence: Precedence) -> None:
    """The `seen` is the receipt; the cosignature follows within the minute."""
    liar, alpha, link = _meet()
    liar.say("now", precedence=precedence)
    liar.got(link)
    _send(liar, link, 1)
    assert _covered_at_once(alpha, liar)
    assert alpha.own().last is not None
    assert (alpha.own().last.kind, alpha.own().last.precedence) == (Kind.SEEN, precedence)
    assert not liar.answers(link, Cosign)
    alpha.world.run(61)
    assert [frame.size for frame in liar.answers(link, Cosign)] == [2]


def test_a_lower_entry_is_cosigned_at_once_and_covered_later() -> None:
    """Within the charter's seconds, and not before, so that one entry covers many."""
    liar, alpha, link = _meet(seen_within_s=20)
    liar.say("in due course", precedence=Precedence.PRIORITY)
    liar.got(link)
    _send(liar, link, 1)
    assert [frame.size for frame in liar.answers(link, Cosign)] == [2]
    alpha.world.run(19)
    assert not _covered_at_once(alpha, liar)
    alpha.world.run(1)
    assert _covered_at_once(alpha, liar)


def test_what_came_is_told_and_when_it_is_answered_is_set() -> None:
    """An urgent entry: the cosignature within the minute, and not later for another one."""
    liar, alpha, _link = _meet()
    liar.say("now", precedence=Precedence.FLASH)
    line, log, step = alpha.line, alpha.log_of(1), _step(alpha)
    line.cosign_due_ms = 0
    call(step, line, log, [liar.log.entry(1)])
    assert step.out == [
        events.Tell("received", line.id, {"member": 1, "log": log.id.word, "size": log.size})
    ]
    due_ms = step.now.steady_ms + limits.COSIGN_WITHIN_S * 1000
    assert line.cosign_due_ms == due_ms
    later = Step(alpha.station, step.now._replace(steady_ms=due_ms), alpha.entropy)
    call(later, line, log, [liar.log.entry(1)])
    assert line.cosign_due_ms == due_ms


def test_the_highest_of_several_urgent_entries_decides() -> None:
    """One `seen` answers them all."""
    liar, alpha, link = _meet()
    for precedence in (Precedence.IMMEDIATE, Precedence.OVERRIDE, Precedence.FLASH):
        liar.say("now", precedence=precedence)
    before = alpha.own().size
    _send(liar, link, 1)
    assert alpha.own().size == before + 1
    assert alpha.own().last is not None
    assert alpha.own().last.precedence == Precedence.OVERRIDE


def test_a_mark_never_calls_for_an_immediate_seen() -> None:
    """However urgent: else every alarm that is acknowledged would answer itself."""
    liar, alpha, link = _meet()
    mark = Mark(Rung.SEEN, Stater.WATCH).encode()
    hash_ = alpha.shelf(alpha.line.id).entry(alpha.own().id, 1).hash
    fields = {"extra": mark, "refs": (hash_,), "time_s": liar.world.wall_s}
    liar.log.say(Kind.MARK, precedence=Precedence.FLASH, **fields)
    _send(liar, link, 1)
    assert not _covered_at_once(alpha, liar)
    alpha.world.run(35)
    assert _covered_at_once(alpha, liar)


def test_a_resume_is_covered_at_once() -> None:
    """Whatever its precedence: it is what closes the old incarnation."""
    liar, alpha, link = _meet()
    life = b"lifelife"
    log = LogBuilder(liar.line, LogId(1, 1, life), party("bravo"))
    log.say(Kind.RESUME, extra=Resume(1, life, ()).encode(), time_s=liar.world.wall_s)
    liar.entries(link, log)
    alpha.world.run()
    assert alpha.line.logs[log.id].covered == 1
    assert alpha.facts("resumed") == [{"member": 1, "k": 1}]


def test_answers_call_for_no_answer() -> None:
    """`seen` alone is neither cosigned nor covered by an entry of its own."""
    liar, alpha, link = _meet()
    before = alpha.own().size
    liar.seen((alpha, alpha.own().id), precedence=Precedence.FLASH)
    liar.got(link)
    _send(liar, link, 1)
    alpha.world.run(120)
    assert alpha.own().size == before
    assert not liar.answers(link, Cosign)


def test_a_duty_is_covered_like_anything_else() -> None:
    """Only answers are exempt."""
    liar, alpha, link = _meet()
    liar.log.say(Kind.DUTY, extra=bytes((Duty.ON,)), time_s=liar.world.wall_s)
    _send(liar, link, 1)
    alpha.world.run(35)
    assert _covered_at_once(alpha, liar)


# --- which logs are taken at all --------------------------------------------------------------


def test_a_log_that_no_card_lists_is_unknown() -> None:
    """No member of that number, and no resumed log under the key of the first incarnation."""
    liar, alpha, link = _meet()
    liar.say("never taken")
    for log_id in (LogId(7, 0, b""), LogId(1, 0, b"lifelife")):
        log = liar.log.fork(2)
        log.id = log_id
        liar.entries(link, log, signature=bytes(64))
        assert liar.answers(link, Refuse) == [Refuse(Refusal.UNKNOWN_LOG, log_id, 0)]
        assert log_id not in alpha.line.logs
    assert not alpha.closed


def test_a_member_has_no_more_lives_than_its_card_has_pairs() -> None:
    """Lives of one number are cheap to make; sixteen logs of one member are kept here at most."""
    liar, alpha, link = _meet()
    for number in range(16):
        life = bytes((number,)) * 8
        log = LogBuilder(liar.line, LogId(1, 1, life), party("bravo"))
        log.say(Kind.RESUME, extra=Resume(1, life, ()).encode(), time_s=liar.world.wall_s)
        liar.entries(link, log)
    assert len([log for log in alpha.line.logs if log.member == 1]) == 16
    assert alpha.facts("refused")[-1]["refusal"] == "over-quota"
