"""Entries taken in: rebuilt, verified, kept once; wrong elision is a question and no evidence."""

from __future__ import annotations

import pytest
from core.lineage import LogBuilder, party
from liar import Liar, covering_item, stated
from pair import End, World, heads

from detente.core import events, frames, limits, receiving, session
from detente.core.body import pack
from detente.core.errors import Refusal
from detente.core.extras import Resume
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.transcript import Place
from detente.core.wire import FULL, KIND, Batch, encode_entries, encode_item


def with_liar() -> tuple[World, Liar, int, End]:
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(70)
    liar.got(link)
    return world, liar, link, world.ends["alpha"]


def refused(end: End) -> list[str]:
    return [str(fact["refusal"]) for fact in end.facts("refused")]


def test_a_wrong_elision_ends_in_the_full_form() -> None:
    """A batch whose head does not verify is asked for once in full, and then taken."""
    _world, liar, link, alpha = with_liar()
    liar.say("one")
    liar.say("two")
    good = liar.log.sign(2)
    liar.entries(link, start=1, stop=2, full=False, signature=bytes(64))
    assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_FULL, liar.log.id, 1)]
    liar.entries(link, start=1, stop=2, full=False, signature=bytes(64))
    assert refused(alpha) == ["want-full"]
    refusal = frames.Refuse(Refusal.WANT_FULL, liar.log.id, 1)
    assert liar.answers(link, frames.Refuse) == [refusal]
    alpha.station.links[link].bad_frames = 0
    liar.raw(link, liar.batch(start=2, told_start=False))  # under way since before
    assert liar.answers(link, frames.Want) == []
    liar.entries(link, start=1, stop=2, full=True, signature=good)
    liar.entries(link, start=2, full=False)
    assert alpha.line.logs[liar.log.id].size == 3
    assert alpha.station.links[link].bad_frames == 0
    assert refused(alpha) == ["want-full"]


def test_only_the_full_form_is_judged() -> None:
    """The same signature over the full form is the sender's fault, by name."""
    _world, liar, link, alpha = with_liar()
    liar.say("one")
    liar.entries(link, start=1, signature=bytes(64))
    assert refused(alpha) == ["bad-signature"]
    refusal = liar.answers(link, frames.Refuse)[0]
    assert refusal == frames.Refuse(Refusal.BAD_SIGNATURE, liar.log.id, 1)
    assert not alpha.facts("fork-suspected")


def test_a_batch_that_was_not_taken_is_not_confirmed() -> None:
    """It is asked for in full, and its sender goes on counting it as under way."""
    _world, liar, link, _alpha = with_liar()
    liar.say("one")
    liar.entries(link, start=1, full=False, signature=bytes(64), confirm=True)
    assert liar.got(link) == [frames.Want(frames.WANT_FULL, liar.log.id, 1)]


def test_what_was_judged_in_full_may_be_asked_for_in_full_again() -> None:
    """A false signature over the full form is the end of that question, not of the next."""
    _world, liar, link, alpha = with_liar()
    liar.say("one")
    for full in (False, True, False):
        liar.entries(link, start=1, full=full, signature=bytes(64))
    asked = frames.Want(frames.WANT_FULL, liar.log.id, 1)
    assert liar.answers(link, frames.Want) == [asked, asked]
    assert refused(alpha) == ["bad-signature"]


def test_what_is_beyond_a_freeze_is_refused_by_log_and_size() -> None:
    """So that its sender stops there with that log alone."""
    _world, liar, link, alpha = with_liar()
    alpha.line.logs[liar.log.id].frozen = 1
    liar.say("contested")
    liar.entries(link, start=1)
    refusal = frames.Refuse(Refusal.FROZEN, liar.log.id, 1)
    assert liar.answers(link, frames.Refuse) == [refusal]


def test_a_repetition_answers_what_was_asked() -> None:
    """Whoever sent again what is held already is asked again for what is missing."""
    _world, liar, link, _alpha = with_liar()
    for text in ("one", "two"):
        liar.say(text)
    asked = [frames.Want(frames.WANT_ENTRIES, liar.log.id, 1)]
    for _ in range(2):
        liar.entries(link, start=2)
        assert liar.answers(link, frames.Want) == asked
        liar.entries(link, start=2)
        assert liar.answers(link, frames.Want) == []
        liar.entries(link, start=0, stop=1)


def test_what_another_has_entered_is_not_stored_as_our_own() -> None:
    """A mark of how far we have signed is kept of our own log alone."""
    world, liar, link, _alpha = with_liar()
    liar.say("one")
    out = liar.raw(link, liar.batch(start=1))
    (stored,) = [one for one in out if isinstance(one, events.StoreEntries)]
    assert (stored.own, stored.held_at_s) == (False, world.wall_s)


def test_a_later_life_is_told_once() -> None:
    """With its first entry, and no batch behind it."""
    world, liar, link, alpha = with_liar()
    life = b"lifelife"
    log = LogBuilder(liar.line, LogId(1, 1, life), party("bravo"))
    log.say(Kind.RESUME, extra=Resume(1, life, ()).encode(), time_s=world.wall_s)
    liar.entries(link, log)
    assert alpha.facts("resumed") == [{"member": 1, "k": 1}]
    liar.say("more", log)
    liar.entries(link, log, start=1)
    assert alpha.line.logs[log.id].size == 2
    assert len(alpha.facts("resumed")) == 1


def test_an_elided_batch_that_cannot_be_read_is_a_question() -> None:
    """Read behind another entry than it was written behind it says anything, and nobody lied: it
    was under way when an earlier batch came again. What is unreadable in full is a fault."""
    world, liar, link, alpha = with_liar()
    liar.log.say(Kind.CLOCK, extra=b"\1", time_s=world.wall_s)
    liar.say("one")
    liar.say("two")
    liar.entries(link, start=1, stop=3)
    liar.entries(link, start=1, stop=2)
    liar.raw(link, liar.batch(start=3, full=False, told_start=False))
    assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_FULL, liar.log.id, 2)]
    assert not refused(alpha)
    liar.entries(link, start=2)
    assert alpha.line.logs[liar.log.id].size == 4
    batch = Batch(log=None, start=4, count=1, confirm=False)
    liar.raw(link, encode_entries(1, batch, [bytes((FULL | KIND,))], bytes(64)))
    assert refused(alpha) == ["malformed"]


def test_what_stands_behind_an_entry_that_was_misread_is_no_fault() -> None:
    """Neither bytes that are left over, nor what looks like an entry in full there: behind another
    leaf than ours is, a commitment stands that none is read for."""
    world, liar, link, alpha = with_liar()
    other = liar.log.fork(1)
    liar.log.say(Kind.CLOCK, extra=b"\1", time_s=world.wall_s)
    liar.entries(link, start=1)
    for _ in range(2):
        liar.say("told elsewhere", other)
    for stop in (3, 4):
        liar.raw(link, liar.batch(other, 2, stop, full=False, bodies=False))
        assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_FULL, other.id, 2)]
        alpha.line.sessions[link].asked_full.clear()
        liar.say("and on", other)
    assert not refused(alpha)


def test_a_card_is_every_members_whoever_it_is_addressed_to() -> None:
    """Or a revocation for some alone would end a log at some alone; a dispatch is its readers'."""
    _world, liar, link, alpha = with_liar()
    for kind in (Kind.CARD, Kind.DISPATCH):
        liar.say("for nobody else", kind=kind, audience=0b10)
    liar.entries(link, start=1)
    shelf = alpha.shelf(alpha.line.id)
    kept = [shelf.entry(liar.log.id, index).body is not None for index in (1, 2)]
    assert kept == [True, False]


def test_a_root_that_is_not_here_is_a_question() -> None:
    """A receiver that lacks what an entry leaves out asks for the full form and takes that."""
    world, liar, link, alpha = with_liar()
    third = LogId(0, 5, bytes(8))
    item = covering_item(third, 9, bytes(range(32)), world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.entries(link, start=1, full=False)
    assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_FULL, liar.log.id, 1)]
    liar.entries(link, start=1)
    assert alpha.line.logs[liar.log.id].size == 2
    assert not refused(alpha)


def test_roots_are_not_folded_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame may have only so many roots read from the store; then the full form is asked."""
    monkeypatch.setattr(receiving, "SLOW_ROOTS_MAX", 1)
    world, liar, link, alpha = with_liar()
    alpha.submit("x")
    alpha.submit("y")
    world.run()
    own = alpha.own()
    shelf = alpha.shelf(alpha.line.id)
    for n, size in enumerate((2, 2)):
        own.heads.pop(size, None)
        root = shelf.subtree(own.id, 1, 0)
        item = covering_item(own.id, size, root, world.wall_s)
        liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s + n)
    liar.entries(link, start=1, stop=2, full=False)
    assert alpha.line.logs[liar.log.id].size == 2
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.entries(link, start=2, full=False)
    assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_FULL, liar.log.id, 2)]


def test_roots_in_memory_are_no_burden(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many a frame leaves out, only what must be read from the store is counted."""
    monkeypatch.setattr(receiving, "SLOW_ROOTS_MAX", 0)
    _world, liar, link, alpha = with_liar()
    for _ in range(3):
        liar.seen((alpha, alpha.own().id))
    liar.entries(link, start=1, full=False)
    assert alpha.line.logs[liar.log.id].size == 4
    assert liar.answers(link, frames.Want) == []


def test_repetitions_change_nothing() -> None:
    """Entries that are held already, whole or in part, are kept once."""
    _world, liar, link, alpha = with_liar()
    for n in range(4):
        liar.say(str(n))
    liar.entries(link, start=1, stop=3)
    liar.entries(link, start=1, stop=3, full=False)
    liar.entries(link, start=0, stop=2, confirm=True)
    liar.entries(link, start=2, confirm=True)
    assert alpha.line.logs[liar.log.id].size == 5
    assert list(alpha.texts(1)) == [b[1] for b in liar.log.bodies[1:]]
    assert liar.answers(link, frames.Got) == [
        frames.Got(liar.log.id, 2),
        frames.Got(liar.log.id, 5),
    ]
    assert not refused(alpha)


def test_a_repetition_may_bring_a_body() -> None:
    """A body that was missing is taken out of entries that are held already."""
    _world, liar, link, alpha = with_liar()
    liar.say("late")
    liar.say("later")
    liar.entries(link, start=1, stop=2, bodies=False)
    liar.entries(link, start=1)
    assert alpha.texts(1) == [b[1] for b in liar.log.bodies[1:]]
    assert not alpha.line.logs[liar.log.id].missing


def test_a_gap_is_asked_for_once() -> None:
    """Entries beyond what is held are asked for from where it ends, once until something comes."""
    world, liar, link, alpha = with_liar()
    for n in range(3):
        liar.say(str(n))
    liar.entries(link, start=2, stop=3)
    liar.entries(link, start=3, stop=4)
    assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_ENTRIES, liar.log.id, 1)]
    world.run(6)
    liar.entries(link, start=2, stop=3)
    assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_ENTRIES, liar.log.id, 1)]
    liar.raw(link, liar.batch(start=3, told_start=False))
    liar.entries(link, start=1)
    assert alpha.line.logs[liar.log.id].size == 4


def test_a_batch_without_a_start_follows_the_last_one() -> None:
    """The start is implied by the last batch of that log on that session, and by nothing else."""
    _world, liar, link, alpha = with_liar()
    liar.say("one")
    liar.say("two")
    liar.raw(link, liar.batch(start=1, stop=2, told_start=False))
    liar.raw(link, liar.batch(start=2, told_start=False))
    assert alpha.line.logs[liar.log.id].size == 3
    other = liar.greet("alpha", stated(liar.log))
    liar.got(other)
    liar.say("three")
    liar.raw(other, liar.batch(start=3, told_start=False))
    assert alpha.line.logs[liar.log.id].size == 3
    assert liar.answers(other, frames.Want) == [frames.Want(frames.WANT_ENTRIES, liar.log.id, 3)]


def test_leaf_0_is_the_charter() -> None:
    """Another charter, another kind, and bytes that are no leaf are refused, and nothing kept."""
    everyone = 3
    leaves = [
        (Leaf(Kind.CHARTER, 5, everyone, commitment=bytes(32)).encode(), "charter-mismatch"),
        (Leaf(Kind.SEEN, 5, everyone).encode(), "charter-mismatch"),
        (b"void", "bad-leaf"),
    ]
    for raw, refusal in leaves:
        world = World()
        world.open("alpha")
        alpha, liar = world.ends["alpha"], Liar(world, "bravo")
        link = liar.greet("alpha")
        liar.log.raws.clear()
        liar.log.bodies.clear()
        liar.log.add_raw(raw)
        liar.entries(link)
        assert refused(alpha) == [refusal]
        assert liar.log.id not in alpha.line.logs


@pytest.mark.parametrize("what", ["kind", "other", "void", "extra"])
def test_leaf_0_of_a_resumed_log_is_its_resume(what: str) -> None:
    """It names its own incarnation and life."""
    _world, liar, link, alpha = with_liar()
    log = LogBuilder(liar.line, LogId(1, 1, bytes(8)), party("bravo"))
    if what == "kind":
        log.say(Kind.SEEN)
    elif what == "other":
        log.say(Kind.RESUME, extra=Resume(1, b"\1" * 8, ()).encode())
    elif what == "void":
        log.add_raw(b"void")
    else:
        log.say(Kind.RESUME, extra=b"")
    liar.entries(link, log)
    assert refused(alpha) == ["malformed" if what == "extra" else "bad-leaf"]
    assert log.id not in alpha.line.logs


def test_a_body_that_does_not_open_its_leaf_is_refused() -> None:
    """In the full form the leaf's own commitment counts."""
    _world, liar, link, alpha = with_liar()
    liar.say("true")
    liar.log.bodies[1] = (bytes(16), b"\0false")
    liar.entries(link, start=1)
    assert refused(alpha) == ["bad-commitment"]
    assert alpha.line.logs[liar.log.id].size == 1


def test_signed_nonsense_is_kept_as_void() -> None:
    """What an author signs stays in the record even if it is no leaf, and is told."""
    world, liar, link, alpha = with_liar()
    liar.log.add_raw(b"nonsense")
    liar.say("after")
    liar.entries(link, start=1)
    world.run(40)
    assert alpha.facts("void") == [{"member": 1, "index": 1}]
    assert alpha.own().stated[liar.log.id] == 3
    assert alpha.facts("cosigned") == []
    assert len(alpha.texts(1)) == 1


@pytest.mark.parametrize("kind", [Kind.ACCUSATION, Kind.CARD, Kind.QUOTE])
def test_a_signed_entry_that_says_nothing_is_void(kind: int) -> None:
    """Bodies and fields that cannot be read change nothing and raise nothing."""
    world, liar, link, alpha = with_liar()
    liar.log.say(kind, plain=b"x", extra=b"\x01", time_s=world.wall_s)
    liar.log.bodies[1] = (liar.log.bodies[1][0], liar.log.bodies[1][1])
    liar.entries(link, start=1)
    world.run()
    assert alpha.line.logs[liar.log.id].size == 2
    assert not refused(alpha)
    if kind != Kind.CARD:
        assert alpha.facts("void") == [{"member": 1, "index": 1}]


def test_a_card_in_a_log_is_for_our_officers_to_look_at() -> None:
    """It is offered in its signed form; one that will not open is void."""
    world, liar, link, alpha = with_liar()
    data = party("bravo", 2).card.data
    liar.log.say(Kind.CARD, plain=data, time_s=world.wall_s)
    liar.log.say(Kind.CARD, plain=b"x", time_s=world.wall_s)
    from detente.core.body import commit
    from detente.core.leaf import decode_leaf

    raw = decode_leaf(liar.log.raws[2])
    liar.log.raws[2] = raw._replace(commitment=commit(bytes(16), b"\x7f")).encode()
    liar.log.bodies[2] = (bytes(16), b"\x7f")
    liar.entries(link, start=1, bodies=False, stop=2)
    assert not alpha.offered
    liar.entries(link, start=1)
    assert [one.data for one in alpha.offered] == [data]
    assert alpha.offered[0].party == party("bravo").id
    assert alpha.facts("void") == [{"member": 1, "index": 2}]


def test_an_own_log_seen_in_itself_is_no_evidence() -> None:
    """An entry that states its own log is passed over, whatever root it names."""
    world, liar, link, alpha = with_liar()
    item = covering_item(liar.log.id, 1, bytes(32), world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.entries(link, start=1)
    assert alpha.line.logs[liar.log.id].disputed_from < 0
    assert not refused(alpha)


def test_a_seen_that_contradicts_stops_our_cover() -> None:
    """Of a log whose author states another root than we hold nothing more is covered (F9)."""
    world, liar, link, alpha = with_liar()
    item = covering_item(alpha.own().id, 1, bytes(32), world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.say("urgent", precedence=4)
    liar.entries(link, start=1)
    world.run(70)
    assert alpha.facts("seen-contradicts")[0] == {"member": 1, "about": 0}
    log = alpha.line.logs[liar.log.id]
    assert log.disputed_from == 1
    assert alpha.own().stated[liar.log.id] == 1
    assert log.cosigned == 1
    assert not alpha.facts("fork-proven")
    assert alpha.texts(1) == [liar.log.bodies[3][1]]


def test_a_seen_of_more_than_there_is_confirms_nothing() -> None:
    """A size beyond what we hold is neither a receipt nor a contradiction."""
    world, liar, link, alpha = with_liar()
    item = covering_item(alpha.own().id, 99, bytes(32), world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.entries(link, start=1)
    assert not alpha.facts("receipt")
    assert alpha.line.logs[liar.log.id].disputed_from < 0


def test_nothing_follows_a_batch_behind_a_gap() -> None:
    """One without a start is a gap too: it would follow what was not taken."""
    _world, liar, link, alpha = with_liar()
    for n in range(4):
        liar.say(str(n))
    liar.entries(link, start=1, stop=2)
    liar.entries(link, start=3, stop=4)
    liar.raw(link, liar.batch(start=4, told_start=False))
    assert liar.answers(link, frames.Want) == [frames.Want(frames.WANT_ENTRIES, liar.log.id, 2)]
    assert not refused(alpha)
    assert alpha.line.logs[liar.log.id].size == 2


def test_an_entry_that_lacks_nothing_hides_none_behind_it_that_does() -> None:
    """Of one batch, each is looked at by itself."""
    world, liar, link, alpha = with_liar()
    liar.log.say(Kind.MARK, time_s=world.wall_s)
    liar.say("without its body")
    liar.entries(link, start=1, bodies=False)
    assert list(alpha.line.logs[liar.log.id].missing) == [2]


def test_what_a_log_may_miss_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An author that sends no bodies is stopped before its leaves fill our state."""
    monkeypatch.setattr(receiving, "MISSING_MAX", 2)
    _world, liar, link, alpha = with_liar()
    for n in range(3):
        liar.say(str(n))
        liar.entries(link, start=n + 1, bodies=False)
    assert refused(alpha) == ["over-quota"]
    refusal = frames.Refuse(Refusal.OVER_QUOTA, liar.log.id, 3)
    assert liar.answers(link, frames.Refuse) == [refusal]
    assert alpha.line.logs[liar.log.id].size == 3


def test_a_log_is_asked_for_again_once_its_bodies_have_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not the next day: as soon as fewer than the bound are missing, also after another hello."""
    monkeypatch.setattr(receiving, "MISSING_MAX", 2)
    monkeypatch.setattr(session, "MISSING_MAX", 2)
    world, liar, link, alpha = with_liar()
    for n in range(3):
        liar.say(str(n))
        liar.entries(link, start=n + 1, bodies=False)
    liar.hello(link)

    def asked() -> list[frames.Want]:
        world.run(6)
        wants = liar.answers(link, frames.Want)
        return [want for want in wants if want.what == frames.WANT_FULL]

    assert not asked()
    salt, body = liar.log.bodies[1]
    liar.send(link, frames.Body(liar.log.id, 1, salt, body))
    assert asked() == [frames.Want(frames.WANT_FULL, liar.log.id, 3)]
    assert not asked()
    liar.entries(link, start=3)
    assert alpha.line.logs[liar.log.id].size == 4


def test_what_a_session_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of ever new logs fill no table; unknown members and keys are refused by name."""
    monkeypatch.setattr(receiving, "ASKED_MAX", 4)
    world, liar, link, alpha = with_liar()
    session = alpha.line.sessions[link]
    from core.lineage import LogBuilder

    for n in range(40):
        life = n.to_bytes(8, "big")
        log = LogBuilder(liar.line, LogId(1, 1, life), party("bravo"))
        log.say(Kind.RESUME, extra=b"")
        liar.raw(link, liar.batch(log, told_start=False))
        item = covering_item(LogId(0, 3, life), 9, bytes(32), world.wall_s)
        log.say(Kind.SEEN, seen=(item,))
        liar.entries(link, log, full=False)
        liar.send(link, frames.Got(log.id, 0))
        liar.send(link, frames.Refuse(Refusal.OVER_QUOTA, log.id, 0))
        liar.send(link, frames.Want(frames.WANT_ENTRIES, log.id, 0))
        alpha.station.links[link].bad_frames = 0
    tables = (session.asked, session.asked_full, session.expected, session.sent, session.holds)
    assert all(len(table) <= 4 for table in tables)
    assert not session.paused
    assert list(alpha.line.logs) == [alpha.own().id, liar.log.id]


def test_lives_of_one_member_are_bounded() -> None:
    """No more logs of one member are followed than a card has pairs."""
    world, liar, link, alpha = with_liar()
    shown = []
    for n in range(1, limits.INCARNATIONS_MAX + 2):
        life = n.to_bytes(8, "big")
        log = LogBuilder(liar.line, LogId(1, 1, life), party("bravo"))
        log.say(Kind.RESUME, extra=Resume(1, life, ()).encode(), time_s=world.wall_s)
        liar.entries(link, log)
        shown.append(stated(log))
    assert sum(log.member == 1 for log in alpha.line.logs) == limits.INCARNATIONS_MAX
    assert set(refused(alpha)) == {"over-quota"}
    world.run(40)
    assert alpha.own().stated[liar.log.id] == 1


def test_a_frame_cut_short_is_malformed() -> None:
    """A batch without room for its signature, or with bytes to spare, is refused."""
    _world, liar, link, alpha = with_liar()
    liar.say("x")
    data = liar.batch(start=1)
    liar.raw(link, data[:20])
    liar.raw(link, data[:-64] + b"\0" + data[-64:])
    assert refused(alpha) == ["malformed", "malformed"]


def test_a_sender_that_keeps_no_log_sends_none() -> None:
    """Entries of «my current log» need one."""
    _world, liar, link, alpha = with_liar()
    liar.hello(link, current=None)
    liar.raw(link, encode_entries(1, Batch(None, 0, 1, confirm=False), [b""], bytes(64)))
    assert refused(alpha) == ["unknown-log"]


def test_a_body_packed_by_a_real_end_is_the_one_that_arrives() -> None:
    """Bytes of a body are never changed on the way."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    body = pack(b"one two three " * 30, 10, padding=True)
    draft = events.Draft(kind=Kind.DISPATCH, audience=3, body=body, salt=bytes(16))
    alpha.do(events.Submit(alpha.line.id, draft))
    world.run(40)
    assert bravo.texts(0) == [body]
    assert heads(alpha) == heads(bravo)


def refer(liar: Liar, link: int, ref: bytes, place: Place) -> None:
    """The liar enters a mark that refers to an entry, and says only where that stands."""
    index = liar.log.size
    liar.log.say(Kind.MARK, refs=(ref,), time_s=liar.world.wall_s + index)
    item = encode_item(
        liar.log.entry(index),
        liar.log.entry(index - 1).leaf,
        with_body=False,
        confirmed=lambda log, size: True,
        locate=lambda _: place,
    )
    batch = Batch(liar.log.id, index, 1, confirm=False)
    liar.raw(link, encode_entries(1, batch, [item], liar.log.sign(index + 1)))


def test_a_reference_to_an_entry_that_is_here_may_be_its_place() -> None:
    """The hash that stands there is filled in; nothing is asked for."""
    _world, liar, link, alpha = with_liar()
    own = alpha.own()
    refer(liar, link, own.recent[0].hash, Place(own.id, 0))
    assert alpha.line.logs[liar.log.id].size == 2
    assert liar.answers(link, frames.Want) == []


def test_a_reference_to_an_entry_that_is_not_here_is_a_question() -> None:
    """To a log nobody knows, or beyond its end, the full form is asked for."""
    _world, liar, link, alpha = with_liar()
    for n, place in enumerate((Place(LogId(1, 3, bytes(8)), 0), Place(alpha.own().id, 999))):
        refer(liar, link, bytes(32), place)
        assert liar.answers(link, frames.Want) == [
            frames.Want(frames.WANT_FULL, liar.log.id, 1 + n)
        ]
        liar.entries(link, start=1 + n)
    assert alpha.line.logs[liar.log.id].size == 3


def test_two_real_ends_recover_from_a_wrong_elision() -> None:
    """A sender that thinks the other holds what it does not is asked for the full form, once."""
    world = World()
    world.open()
    world.run(70)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    session = alpha.line.session_of(1)
    ghost = LogId(1, 7, bytes(8))
    session.holds[ghost] = 99
    log = alpha.station.new_log(alpha.line, ghost)
    held = alpha.line.logs[bravo.own().id]
    log.frontier, log.root, log.called = held.frontier.copy(), held.root, held.size
    alpha.line.logs[ghost] = log
    alpha.submit("one")
    alpha.submit("two", refs=(bravo.shelf(bravo.line.id).entry(bravo.own().id, 0).hash,))
    world.run()
    alpha.submit("three")
    world.run(40)
    wants = [data for one, _, data in world.frames if one == "bravo" and data[0] >> 4 == 6]
    assert len(wants) == 1
    assert bravo.texts(0) == [b"\0one", b"\0two", b"\0three"]
    assert not bravo.facts("refused")
    assert not bravo.facts("fork-suspected")


def test_a_full_form_is_sent_to_whoever_asks_for_it() -> None:
    """From the index asked for, every leaf whole, and in the short form again behind it."""
    world, liar, link, alpha = with_liar()
    for n in range(3):
        alpha.submit(f"{n}")
        world.run()
    world.taps[link].clear()
    liar.send(link, frames.Want(frames.WANT_FULL, alpha.own().id, 1))
    world.run()
    (data,) = [data for data in world.taps[link] if data[0] >> 4 == 3]
    for entry in alpha.shelf(alpha.line.id).entries(alpha.own().id, 1, alpha.own().size):
        assert entry.raw in data
    world.taps[link].clear()
    alpha.submit("short again")
    world.run()
    (data,) = [data for data in world.taps[link] if data[0] >> 4 == 3]
    assert alpha.own().last_raw not in data


def test_another_history_may_begin_anywhere() -> None:
    """What stands before the batch is read from the store, and the author is accused."""
    world, liar, link, alpha = with_liar()
    for text in ("one", "two", "three"):
        liar.say(text)
    liar.entries(link, start=1)
    other = liar.log.fork(3)
    liar.say("not three", other)
    liar.entries(link, other, start=3)
    world.run(5)
    assert Kind.ACCUSATION in alpha.kinds()
    assert not refused(alpha)


def test_what_was_purged_before_it_came_is_kept_as_purged() -> None:
    """Without its body, and not as one that is missing."""
    world, liar, link, alpha = with_liar()
    ahead = liar.log.fork(1)
    ref = liar.say("gone", ahead)
    liar.log.say(Kind.PURGED, refs=(ref,), time_s=world.wall_s)
    liar.entries(link, start=1)
    liar.log.add_raw(ahead.raws[1], ahead.bodies[1])
    liar.entries(link, start=2)
    log = alpha.line.logs[liar.log.id]
    assert (log.recent[2].body, log.recent[2].purged, log.missing) == (None, True, {})


def test_what_is_covered_below_a_missing_body_is_read_from_the_store() -> None:
    """Where memory has forgotten its head; when it came to be held is not moved."""
    world, liar, link, alpha = with_liar()
    liar.say("one")
    liar.entries(link, start=1)
    log, held_at_s = alpha.line.logs[liar.log.id], world.wall_s
    log.heads.clear()
    world.wall_s += 5
    liar.say("two")
    liar.entries(link, start=2, bodies=False)
    assert (log.size, log.held_at_s) == (3, held_at_s)


def test_our_own_words_for_others_alone_come_back_whole() -> None:
    """Who wrote an entry may read it, whoever it is addressed to."""
    _world, liar, link, alpha = with_liar()
    ours = LogBuilder(liar.line, LogId(0, 1, b"lifelife"), party("alpha"))
    resume = Resume(1, b"lifelife", ()).encode()
    ours.say(Kind.RESUME, extra=resume, time_s=liar.world.wall_s)
    liar.say("for bravo alone", ours, audience=0b10)
    alpha.line.mute = "restored"
    liar.entries(link, ours)
    assert alpha.line.logs[ours.id].recent[1].body == ours.bodies[1][1]
