"""A log of a revoked key ends at one place for all, whatever each held when it learned of it."""

from __future__ import annotations

from core.lineage import LogBuilder, line, party
from liar import Liar, stated
from pair import World

from detente.core.body import SALT_BYTES, pack
from detente.core.contested import NOTHING_FROZEN, Frozen, Proof, ended, stands
from detente.core.ending import end_here, end_of_revoked, ends_of_revoked, told_in
from detente.core.frames import WANT_ENTRIES, Want
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind, LogId
from detente.core.log import Log
from detente.core.revocation import Revocation, Stand, revoked_keys
from detente.core.transcript import MemoryTranscript, Place
from detente.core.wire import Batch

THREE = ("alpha", "bravo", "charlie")
STOLEN = LogId(2, 0, b"")


def three() -> tuple[LogBuilder, LogBuilder, LogBuilder, LogBuilder]:
    """Alpha's log, bravo's, charlie's under a key that is stolen, and charlie's next one."""
    common = line(*THREE)
    logs = [LogBuilder(common, LogId(n, 0, b""), party(name)) for n, name in enumerate(THREE)]
    logs.append(LogBuilder(common, LogId(2, 1, bytes(8)), party("charlie")))
    for log in logs:
        log.say()
    return logs[0], logs[1], logs[2], logs[3]


def transcript_of(*logs: LogBuilder) -> MemoryTranscript:
    found = MemoryTranscript()
    for log in logs:
        for index in range(log.size):
            found.add(log.entry(index))
    return found


def test_a_log_ends_with_the_farthest_that_anybody_stated_before_it_knew() -> None:
    """By the entry that first covers the revocation, that one with it; what is stated behind it
    counts for nothing, and who knows nothing yet is believed."""
    alpha, bravo, stolen, later = three()
    stolen.say()
    alpha.seen(stolen)
    told = Place(later.id, later.size)
    later.say(Kind.CARD)
    stolen.say()
    bravo.seen(stolen, later)
    stolen.say()
    bravo.seen(stolen)
    view = transcript_of(alpha, bravo, stolen, later)
    assert end_of_revoked(view, STOLEN, 1, [told]) == (3, {bravo.id})
    assert end_of_revoked(view, STOLEN, 7, [told]) == (7, {bravo.id})
    assert end_of_revoked(view, STOLEN, 0, []) == (4, set())


def test_a_log_is_heard_until_it_first_shows_that_it_knows() -> None:
    """Of two entries that tell, the one that it covered first, whichever is named first."""
    _, bravo, stolen, later = three()
    told = []
    for _ in range(2):
        told.append(Place(later.id, later.size))
        later.say(Kind.CARD)
        bravo.seen(stolen, later)
        stolen.say()
    view = transcript_of(bravo, stolen, later)
    for places in (told, told[::-1]):
        assert end_of_revoked(view, STOLEN, 0, places) == (1, {bravo.id})


def test_the_author_s_own_later_word_moves_no_end() -> None:
    """What its next log says it holds of the old one is no statement of another."""
    alpha, bravo, stolen, later = three()
    later.seen(stolen)
    assert end_of_revoked(transcript_of(alpha, bravo, stolen, later), STOLEN, 0, []) == (0, set())


def test_nothing_stands_behind_the_end() -> None:
    """Not even what another's log covers; before it, what a fork leaves."""
    alpha, _, stolen, _ = three()
    stolen.say()
    alpha.seen(stolen)
    view = transcript_of(alpha, stolen)
    frozen = ended(NOTHING_FROZEN, {STOLEN: 1})
    assert [stands(view, Place(STOLEN, index), frozen) for index in (0, 1)] == [True, False]
    forked = {STOLEN: Frozen(0, (Proof(Place(alpha.id, 0), 0),))}
    assert ended(forked, {}) is forked
    frozen = ended(forked, {STOLEN: 1})
    assert frozen[STOLEN] == Frozen(0, forked[STOLEN].proofs, 1)
    assert not stands(view, Place(STOLEN, 0), frozen)


def revoked_at_alpha() -> tuple[World, Liar, Liar, Revocation, Log]:
    """Alpha holds four entries of charlie's first log, and knows that its key is revoked."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    for text in ("one", "two", "three"):
        charlie.say(text)
    charlie.entries(charlie.greet("alpha"))
    bravo.entries(bravo.greet("alpha"))
    stand = Stand(charlie.log.origin, 2, charlie.log.root(2))
    revocation = Revocation(party("charlie").id, 1, "log 0", "stolen", world.wall_s, (stand,))
    alpha.station.revoked |= revoked_keys([revocation], [party("charlie").card.card])
    return world, bravo, charlie, revocation, alpha.line.logs[STOLEN]


def test_what_is_held_counts_until_our_own_log_shows_that_we_know() -> None:
    """Then the end is what our log had stated by then, as for everybody else."""
    world, _, charlie, revocation, log = revoked_at_alpha()
    alpha = world.ends["alpha"]
    assert (alpha.own().stated.get(STOLEN, 0), log.size) == (0, 4)
    assert end_here(alpha.line, log, revocation) == 4
    assert ends_of_revoked(alpha.station, alpha.line) == {STOLEN: 4}
    assert frozen_logs(alpha.station, alpha.line) == {STOLEN: Frozen(4, (), 4)}
    world.run(70)
    assert alpha.own().stated[STOLEN] == 4
    note = revocation.encode() + b"\n"
    later = LogBuilder(charlie.line, LogId(2, 1, bytes(8)), party("charlie"))
    alpha.line.logs[later.id] = alpha.station.new_log(alpha.line, later.id)
    shelf = alpha.shelf(alpha.line.id)
    body = (bytes(SALT_BYTES), pack(note, 5, False))
    later.say(Kind.CARD, plain=b"no revocation at all")
    later.say(Kind.CARD, plain=note)
    later.say(Kind.CARD)
    for index in range(later.size):
        shelf.add(later.entry(index))
    broken = later.entry(0)._replace(place=Place(later.id, 3), body=b"\xff", salt=body[0])
    shelf.add(broken)
    assert told_in(alpha.line, 2, revocation) == [Place(later.id, 1)]
    charlie.say("four")
    charlie.entries(charlie.greet("alpha"), start=4)
    assert end_here(alpha.line, log, revocation) == 5
    alpha.line.logs[STOLEN].covered = 4
    shelf._covers.setdefault((alpha.own().id, later.id), []).append(
        shelf.covers(STOLEN, 0)[0]._replace(log=later.id, size=2)
    )
    assert end_here(alpha.line, log, revocation) == 4


def test_only_the_party_s_own_entries_tell_of_its_revocation() -> None:
    """What another member entered tells nothing, and a body that does not open hides nothing."""
    world, bravo, charlie, revocation, _log = revoked_at_alpha()
    alpha = world.ends["alpha"]
    shelf, note = alpha.shelf(alpha.line.id), revocation.encode() + b"\n"
    for liar in (bravo, charlie):
        liar.log.say(Kind.CARD, plain=b"does not open")
        liar.log.say(Kind.CARD, plain=note)
        for index in (liar.log.size - 2, liar.log.size - 1):
            entry = liar.log.entry(index)
            shelf.add(entry._replace(body=b"\xff") if index < liar.log.size - 1 else entry)
    own = Place(STOLEN, charlie.log.size - 1)
    assert told_in(alpha.line, 2, revocation) == [own]


def test_a_stand_of_another_history_counts_for_nothing() -> None:
    """Nor does a log count as stood by that the revocation does not name."""
    world, _, _, revocation, log = revoked_at_alpha()
    alpha = world.ends["alpha"]
    log.disputed_from = 1
    assert end_here(alpha.line, log, revocation) == 2
    (stand,) = revocation.stands
    other = stand._replace(root=bytes(32))
    for stands_by in ((other,), ()):
        changed = Revocation(revocation.party, 1, "log 0", "stolen", revocation.issued_s, stands_by)
        assert end_here(alpha.line, log, changed) == 0  # no head is signed at 1
    ahead = Revocation(
        revocation.party, 1, "log 0", "stolen", 0, (stand._replace(size=9, root=bytes(32)),)
    )
    assert end_here(alpha.line, log, ahead) == 9
    assert not ends_of_revoked(world.ends["bravo"].station, alpha.line)


def test_our_own_log_ends_by_what_others_stated() -> None:
    """Nothing that we alone hold of it counts for us either."""
    world, bravo, _, _, _ = revoked_at_alpha()
    alpha = world.ends["alpha"]
    own = alpha.own()
    revocation = Revocation(alpha.id, 1, "log 0", "lost", world.wall_s, ())
    alpha.station.revoked = revoked_keys([revocation], [party("alpha").card.card])
    assert ends_of_revoked(alpha.station, alpha.line) == {own.id: 0}
    bravo.seen((alpha, own.id))
    bravo.entries(bravo.greet("alpha"), start=1)
    assert ends_of_revoked(alpha.station, alpha.line) == {own.id: 1}


def test_a_log_that_is_new_here_ends_with_what_others_state_of_it() -> None:
    """Who has lost it takes it back so far, of any member, and nothing beyond; and nothing while
    nobody is known to have stated anything."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    charlie.say("one")
    charlie.say("two")
    revocation = Revocation(party("charlie").id, 1, "log 0", "lost", world.wall_s, ())
    alpha.station.revoked = revoked_keys([revocation], [party("charlie").card.card])
    link = bravo.greet("alpha")
    bravo.entries(link, charlie.log)
    assert STOLEN not in alpha.line.logs
    bravo.log.seen(charlie.log)
    charlie.say("three")
    bravo.entries(link)
    bravo.entries(link, charlie.log, stop=3)
    log = alpha.line.logs[STOLEN]
    assert log.size == 3
    bravo.entries(link, charlie.log, start=3)
    assert (log.size, log.frozen, log.closed()) == (3, 3, True)
    assert alpha.words().count("refused") == 2


def test_a_log_that_ends_at_nothing_is_asked_of_nobody() -> None:
    """It would be refused when it came: it is wanted once somebody states some of it."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    revocation = Revocation(party("charlie").id, 1, "log 0", "lost", world.wall_s, ())
    alpha.station.revoked = revoked_keys([revocation], [party("charlie").card.card])
    link = bravo.greet("alpha", stated(bravo.log), stated(charlie.log))
    world.run(60)
    assert not bravo.answers(link, Want)
    bravo.log.seen(charlie.log)
    bravo.entries(link)
    world.run(10)
    assert bravo.answers(link, Want)[:1] == [Want(WANT_ENTRIES, STOLEN, 0)]


def test_a_log_whose_end_has_risen_is_asked_of_its_author_too() -> None:
    """What its author sent was refused at the end of then, and so is not sent again unasked."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    revocation = Revocation(party("charlie").id, 1, "log 0", "lost", world.wall_s, ())
    alpha.station.revoked = revoked_keys([revocation], [party("charlie").card.card])
    link = charlie.greet("alpha", stated(charlie.log))
    charlie.entries(link)
    world.run(60)
    assert STOLEN not in alpha.line.logs
    assert not charlie.answers(link, Want)
    bravo.log.seen(charlie.log)
    bravo.entries(bravo.greet("alpha"))
    world.run(10)
    assert charlie.answers(link, Want)[:1] == [Want(WANT_ENTRIES, STOLEN, 0)]
    charlie.entries(link)
    assert alpha.line.logs[STOLEN].size == charlie.log.size


def test_what_stands_is_relayed_under_a_head_of_its_own() -> None:
    """What lies beyond the end follows apart: whom the log ends for too takes none of it."""
    world = World(names=THREE)
    world.open("alpha")
    alpha = world.ends["alpha"]
    bravo, charlie = Liar(world, "bravo"), Liar(world, "charlie")
    charlie.say("one")
    link = charlie.greet("alpha")
    charlie.entries(link)
    for text in ("two", "three"):
        charlie.say(text)
    charlie.entries(link, start=2)
    log = alpha.line.logs[STOLEN]
    assert log.frozen == -1
    near, log.frozen = bravo.greet("alpha"), 2
    bravo.send(near, Want(WANT_ENTRIES, STOLEN, 0))
    world.run()
    sent = [batch for batch in bravo.answers(near, Batch) if batch.log == STOLEN]
    assert [(batch.start, batch.count) for batch in sent] == [(0, 2), (None, 2)]


def test_a_batch_that_spans_the_end_is_taken_whole() -> None:
    """And contested from there on: its author put one signature under it all."""
    world = World(names=THREE)
    world.open("alpha")
    alpha, charlie = world.ends["alpha"], Liar(world, "charlie")
    for text in ("one", "two", "three"):
        charlie.say(text)
    log = alpha.station.new_log(alpha.line, STOLEN)
    assert log is not None
    alpha.line.logs[STOLEN], log.frozen = log, 1
    charlie.entries(charlie.greet("alpha"))
    assert (log.size, log.coverable_max(), log.closed()) == (4, 1, True)
