"""Chunks of attachments: whom they are asked of, in which order, and who is served when."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from core.joins import leave
from core.test_attachment import KEY, file_of
from core.test_fetching import CHUNK, attach, described, files_at, marks, told_of
from liar import Liar, stated
from pair import End, World

from detente.core import events, fetching, serving
from detente.core.attachment import begin, enclose, seal
from detente.core.errors import Refusal
from detente.core.extras import Rung
from detente.core.frames import WANT_CHUNKS, Chunks, Refuse, Want
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.line import Arriving, Line
from detente.core.link import Session, Way
from detente.core.log import Log
from detente.core.station import Step
from detente.core.transcript import Place

NAMES = ("alpha", "bravo", "charlie", "delta")


def arriving(end: End, place: Place, *, whole: bool = False) -> None:
    """As if an entry that an end holds had just come, or its last chunk."""
    entry = end.shelf(end.line.id).entry(*place)
    assert entry.leaf is not None
    parts = end.shelf(end.line.id).attachments(*place)
    fresh = list(parts) if whole else [begin(one) for one in described(end, place)]
    leaf = entry.leaf
    end.line.arriving[place] = Arriving(place, entry.hash, leaf.audience, leaf.precedence, fresh)


def asked(end: End) -> dict[int, Place]:
    """Whom an end now asks, by member, and about which entry."""
    for session in end.line.sessions.values():
        session.chunks_asked = None
    return asked_still(end)


def asked_still(end: End) -> dict[int, Place]:
    fetching.ask_chunks(Step(end.station, end.world.now(), end.entropy), end.line)
    sessions = end.line.sessions.values()
    return {s.member: s.chunks_asked[0] for s in sessions if s.chunks_asked is not None}


# --- asking ---------------------------------------------------------------------------------------


def test_its_author_is_asked_and_else_one_other_reader() -> None:
    """While the author is here nobody else is; then one reader of that entry at a time, also where
    another comes that stands before it; who does not read it is never asked."""
    world = World(names=NAMES)
    world.open()
    alpha, delta = world.ends["alpha"], world.ends["delta"]
    place = attach(delta, file_of(CHUNK))
    world.run(5)
    private = attach(delta, file_of(CHUNK), audience=0b1001)
    world.run(5)
    arriving(alpha, place)
    assert asked(alpha) == {3: place}
    world.cut("alpha", "delta")
    world.cut("alpha", "bravo")
    assert asked(alpha) == {2: place}
    world.link("alpha", "bravo")
    world.queue.clear()
    for session in alpha.line.sessions.values():
        session.greeted = True
    assert asked_still(alpha) == {2: place}
    alpha.line.arriving.clear()
    arriving(alpha, private)
    assert asked(alpha) == {}


def test_a_file_that_nobody_has_here_holds_no_other_up() -> None:
    """An urgent one whose author is away, with nobody else to ask, and one that is whole and not
    stated yet: what stands behind them is asked for, and stated."""
    world = World(names=NAMES[:3])
    world.open()
    alpha, bravo, charlie = (world.ends[name] for name in world.names)
    urgent = attach(alpha, file_of(CHUNK), audience=0b011, precedence=Precedence.FLASH)
    world.run(5)
    world.cut("alpha", "bravo")
    arriving(bravo, urgent)
    for session in bravo.line.sessions.values():
        session.chunks_asked = None
    place = attach(charlie, file_of(CHUNK))
    world.run(5)
    assert files_at(bravo, place) == [file_of(CHUNK)]
    assert [*bravo.line.arriving] == [urgent]
    assert marks(charlie, 1) == [Rung.ATTACHED] * 2  # the urgent one had come once before


def test_a_mute_reader_goes_on_asking_behind_what_it_may_not_state() -> None:
    """Two files to a node that signs nothing: both come, and neither is stated."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    bravo.restart(mute="restored")
    world.link("alpha", "bravo")
    places = []
    for size in (1, 2):
        places.append(attach(alpha, file_of(size)))
        world.run(15)
    assert [files_at(bravo, place) for place in places] == [[file_of(1)], [file_of(2)]]
    assert [*bravo.line.arriving] == places
    assert marks(alpha, 1) == []


def test_what_is_our_own_is_closed_and_what_stands_behind_it_stated() -> None:
    """A file of ours and one of another's are whole in one step: one mark, on the other's."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    own, other = attach(alpha, file_of(1)), attach(bravo, file_of(2))
    world.run(5)
    before = len(marks(bravo, 0))
    arriving(alpha, own, whole=True)
    arriving(alpha, other, whole=True)
    alpha.line.touched = True
    world.run(5)
    assert not alpha.line.arriving
    assert marks(bravo, 0)[before:] == [Rung.ATTACHED]
    shelf = alpha.shelf(alpha.line.id)
    stated = [shelf.entry(*at).leaf for at in shelf.of_kind([Kind.MARK]) if at.log.member == 0]
    assert all(leaf and leaf.refs == (shelf.entry(*other).hash,) for leaf in stated)


# --- serving --------------------------------------------------------------------------------------


def _owing() -> tuple[World, End, Place, Session]:
    """Alpha at rest, that owes bravo the only chunk of an entry of its own."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    place = attach(alpha, file_of(CHUNK))
    world.run(40)
    (session,) = alpha.line.sessions.values()
    session.chunks_owed = Want(WANT_CHUNKS, *place, 0, 0)
    return world, alpha, place, session


def _served(end: End) -> bool:
    step = Step(end.station, end.world.now(), end.entropy)
    serving.serve_chunks(step, end.line)
    return bool(step.out)


def _touch(line: Line, session: Session) -> None:
    line.touched = True


def _state(line: Line, session: Session) -> None:
    line.control.append(events.Draft(Kind.MARK, 3))


def _unsent(line: Line, session: Session) -> None:
    own = line.own
    assert own is not None
    session.sent[own.id] = own.size - 1
    session.holds[own.id] = own.size - 1


def _unsent_first(line: Line, session: Session) -> None:
    third = Log(LogId(2, 0, b""), "", bytes(32))
    third.frontier.append(bytes(32))
    line.logs[third.id] = third
    session.sent[third.id] = 0


@pytest.mark.parametrize("waits", [_touch, _state, _unsent, _unsent_first])
def test_a_chunk_waits_behind_each_thing_that_is_to_be_said(
    waits: Callable[[Line, Session], None],
) -> None:
    """A line that is not settled, a statement of ours that is not entered, an entry that the peer
    has not had, be it the first: the chunk is owed on."""
    _, alpha, _, session = _owing()
    waits(alpha.line, session)
    assert not _served(alpha)
    assert session.chunks_owed is not None


def test_what_a_peer_has_had_from_others_holds_no_chunk_up() -> None:
    """It confirmed entries that we never sent: nothing waits for it."""
    _, alpha, place, session = _owing()
    session.sent[place.log] = 0
    session.holds[place.log] = alpha.own().size
    assert _served(alpha)


def test_who_is_declined_holds_nobody_up() -> None:
    """Two are owed a chunk; that of the first is purged since: the second gets its own."""
    world = World(names=NAMES[:3])
    world.open()
    alpha = world.ends["alpha"]
    gone = attach(alpha, file_of(1))
    world.run(40)
    kept = attach(alpha, file_of(2))
    world.run(40)
    digest = alpha.shelf(alpha.line.id).entry(*gone).hash
    alpha.do(events.Submit(alpha.line.id, events.Draft(Kind.PURGED, 7, refs=(digest,))))
    world.run(40)
    first, second = alpha.line.sessions.values()
    first.chunks_owed = Want(WANT_CHUNKS, *gone, 0, 0)
    second.chunks_owed = Want(WANT_CHUNKS, *kept, 0, 0)
    step = Step(alpha.station, world.now(), alpha.entropy)
    serving.serve_chunks(step, alpha.line)
    sent = [one for one in step.out if isinstance(one, events.Send)]
    assert [one.link for one in sent] == [first.link, second.link]
    assert [one.data[0] >> 4 for one in sent] == [Refuse.TYPE, Chunks.TYPE]


@pytest.mark.parametrize("way", [Way.LINK, Way.OUT])
def test_who_is_owed_nothing_holds_nobody_up(way: Way) -> None:
    """Be it a link or a file: the one behind it gets its chunk."""
    world = World(names=NAMES[:3])
    world.open()
    alpha = world.ends["alpha"]
    place = attach(alpha, file_of(2))
    world.run(40)
    first, second = alpha.line.sessions.values()
    first.way = way
    second.chunks_owed = Want(WANT_CHUNKS, *place, 0, 0)
    step = Step(alpha.station, world.now(), alpha.entropy)
    serving.serve_chunks(step, alpha.line)
    assert [one.link for one in step.out if isinstance(one, events.Send)] == [second.link]


def test_under_a_legal_hold_chunks_go_to_nobody_once_their_entry_is_declared_purged() -> None:
    """Before that they are served as ever, the hold notwithstanding."""
    world = World()
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    data = file_of(CHUNK)
    hashed = liar.log.say(
        plain=enclose([told_of(data)], b""), attached=True, time_s=world.wall_s, serial=1
    )
    liar.entries(link)
    world.run()
    boxes = b"".join(seal(data, KEY))
    place = Place(liar.log.id, 1)
    liar.send(link, Chunks(*place, 0, 0, (), boxes))
    alpha.station.under_hold.add(alpha.line.id)
    for answer in (Chunks(*place, 0, 0, (), boxes), Refuse(Refusal.PURGED, *place)):
        world.run(5)
        liar.send(link, Want(WANT_CHUNKS, *place, 0, 0))
        alpha.do(events.Tick())
        assert answer in liar.got(link)
        liar.log.say(Kind.PURGED, refs=(hashed,), time_s=world.wall_s)
        liar.entries(link, start=2, stop=3)
    assert not alpha.shelf(alpha.line.id).entry(*place).purged


def test_an_author_gets_its_own_file_back_that_it_addressed_to_others_alone() -> None:
    """It is entitled to what it wrote; and what is asked for is found where memory has it not."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    old = deepcopy(alpha.shelves)
    place = attach(alpha, file_of(2 * CHUNK), audience=0b10)
    world.run(10)
    alpha.restart(old, mute="restored")
    bravo.log_of(0).recent.clear()
    world.link("alpha", "bravo")
    world.run(60)
    assert files_at(alpha, place) == [file_of(2 * CHUNK)]


def test_who_has_left_gives_the_files_that_it_is_asked_for() -> None:
    """To who was a member with it and comes back without them."""
    world = World(names=NAMES[:3])
    world.open()
    place = attach(world.ends["charlie"], file_of(CHUNK))
    world.run(20)
    leave(world)
    assert world.ends["charlie"].line.left
    liar = Liar(world, "alpha")
    link = liar.link("charlie")
    liar.hello(link, stated(liar.log))
    world.run()
    liar.send(link, Want(WANT_CHUNKS, *place, 0, 0))
    world.run(5)
    (chunks,) = liar.answers(link, Chunks)
    assert (chunks.log, chunks.index, chunks.number, chunks.first) == (*place, 0, 0)
