"""Attachments between real cores: behind all text, through cuts, and what a liar may cost."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from core.test_attachment import KEY, file_of
from liar import Liar
from pair import End, World

from detente.core import events, limits
from detente.core.attachment import Attachment, describe, enclose, seal, unseal
from detente.core.encoding import Reader
from detente.core.errors import LocalError, Refusal
from detente.core.extras import Rung, decode_mark, decode_over_quota
from detente.core.fetching import attachments_of
from detente.core.frames import (
    WANT_CHUNKS,
    Body,
    Chunks,
    Got,
    Refuse,
    Want,
    encode_frame,
    read_frame,
)
from detente.core.holding import purge
from detente.core.leaf import Kind, Precedence
from detente.core.station import Step
from detente.core.transcript import Place
from detente.core.wire import ENTRIES, read_tag

CHUNK = limits.CHUNK_BYTES


def told_of(data: bytes, name: str = "map.png") -> Attachment:
    return describe(name, "image/png", data, KEY)


def attach(end: End, *files: bytes, text: str = "see the map", **more: Any) -> Place:
    """Submits a dispatch with files; gives the place that it will have."""
    told = [told_of(data, f"{at}.png") for at, data in enumerate(files)]
    more.setdefault("audience", end.line.charter.readers())
    draft = events.Draft(
        kind=Kind.DISPATCH,
        body=b"\0" + enclose(told, text.encode()),
        salt=end.entropy(16),
        attached=True,
        **more,
    )
    end.do(events.Submit(end.line.id, draft, tuple(seal(data, KEY) for data in files)))
    return Place(end.own().id, end.own().size)


def files_at(end: End, place: Place) -> list[bytes | None]:
    """What a party can open of an entry's files."""
    shelf = end.shelf(end.line.id)
    found = []
    for number, part in enumerate(shelf.attachments(*place)):
        boxes = shelf.chunks(*place, number, 0, part.held)
        data = b"".join(boxes)
        told = described(end, place)[number]
        found.append(unseal(told, boxes) if part.is_whole and data else None)
    return found


def described(end: End, place: Place) -> tuple[Attachment, ...]:
    return attachments_of(end.shelf(end.line.id).entry(*place))


def marks(end: End, member: int) -> list[Rung]:
    """The rungs that a member's log states, as an end holds it."""
    shelf = end.shelf(end.line.id)
    places = [p for p in shelf.of_kind([Kind.MARK]) if p.log.member == member]
    leaves = [shelf.entry(*place).leaf for place in places]
    return [decode_mark(leaf.extra).rung for leaf in leaves if leaf is not None]


def kinds(world: World, start: int = 0) -> list[tuple[str, int]]:
    """Who sent which type of frame since."""
    return [(name, read_tag(Reader(data))[0]) for name, _, data in world.frames[start:]]


# --- honest ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("wide", [True, False])
def test_files_come_whole_and_are_stated_by_their_reader(wide: bool) -> None:
    """Two files over a wide or a narrow link: the reader has every byte, its log says `attached`
    once, and the author's is closed without a word."""
    world = World()
    if wide:
        world.open()
    else:
        _narrow(world)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    files = file_of(9 * CHUNK + 5), file_of(1)
    place = attach(alpha, *files)
    world.run(60)
    assert files_at(bravo, place) == list(files)
    assert marks(alpha, 1) == [Rung.ATTACHED]
    shelf = alpha.shelf(alpha.line.id)
    (mark,) = (shelf.entry(*at).leaf for at in shelf.of_kind([Kind.MARK]))
    assert mark is not None
    assert mark.refs == (shelf.entry(*place).hash,)
    assert bravo.facts("attached") == [{"member": 0, "index": place.index}]
    assert marks(alpha, 0) == []
    assert not bravo.line.arriving
    assert not bravo.shelf(bravo.line.id).open_attachments()
    sent = [data for name, _, data in world.frames if name == "alpha" and data[0] >> 4 == 15]
    assert len(sent) == (2 if wide else 11)


def _narrow(world: World) -> None:
    for name in ("alpha", "bravo"):
        world.ends[name].do(events.Accept(world.charter().encode()))
    world.link("alpha", "bravo", wide=False)
    world.run()


def test_the_mark_stands_in_the_transaction_that_stores_the_last_chunk() -> None:
    """One step: chunks, their closing, and the entry that states them."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    steps: list[list[events.Effect]] = []
    deliver = world.deliver

    def watch(end: End, effects: list[events.Effect]) -> None:
        if end is bravo:
            steps.append(effects)
        deliver(end, effects)

    world.deliver = watch  # type: ignore[method-assign]
    attach(alpha, file_of(CHUNK))
    world.run(5)
    closing = [out for out in steps if any(isinstance(e, events.CloseAttachments) for e in out)]
    (out,) = closing
    assert any(isinstance(e, events.StoreEntries) and e.own for e in out)


def test_a_cut_and_a_restart_go_on_where_they_stopped() -> None:
    """No chunk is sent twice: not after the link went down, not after either process ended."""
    world = World()
    _narrow(world)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    data = file_of(12 * CHUNK)
    place = attach(alpha, data)
    for who in ("cut", "bravo", "alpha"):
        _run_until(world, bravo, place, 3)
        if who == "cut":
            world.cut("alpha", "bravo")
        else:
            world.ends[who].restart()
        world.link("alpha", "bravo", wide=False)
    world.run(30)
    assert files_at(bravo, place) == [data]
    assert marks(alpha, 1) == [Rung.ATTACHED]
    firsts = [read_frame(*_frame(data)).first for _, _, data in world.frames if data[0] >> 4 == 15]  # type: ignore[union-attr]
    assert len(firsts) <= 12 + 3
    assert sorted(set(firsts)) == list(range(12))


def _frame(data: bytes) -> tuple[int, Reader]:
    reader = Reader(data)
    return read_tag(reader)[0], reader


def _run_until(world: World, end: End, place: Place, more: int) -> None:
    """Frame by frame, until so many more chunks are stored."""
    parts = end.shelf(end.line.id).attachments(*place)
    goal = more + (parts[0].held if parts else 0)
    for _ in range(1000):
        parts = end.shelf(end.line.id).attachments(*place)
        if parts and parts[0].held >= goal:
            return
        if not world.queue:
            world.wall_s, world.steady_ms = world.wall_s + 1, world.steady_ms + 1000
            for one in world.ends.values():
                one.do(events.Tick())
            continue
        link, data = world.queue.popleft()
        if link in world.wires:
            owner = world.wires[link][0]
            owner.do(events.FrameIn(link, data))
            owner.do(events.Tick())
    raise AssertionError("no chunk came")


def test_text_never_waits_behind_an_attachment() -> None:
    """While entries wait for a session no chunk is sent there, and of ten dispatches submitted in
    the middle of a file each is sent before the next chunk."""
    world = World()
    _narrow(world)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    place = attach(alpha, file_of(20 * CHUNK))
    _run_until(world, bravo, place, 4)
    before = len(world.frames)
    for number in range(10):
        alpha.submit(f"text {number}")
    world.run(60)
    sent = [kind for name, kind in kinds(world, before) if name == "alpha"]
    first = sent.index(15)
    assert sent[:first].count(ENTRIES) + sent[first:].count(ENTRIES) >= 10
    assert sent[first + 1 :].count(ENTRIES) <= 1  # what answers the mark
    assert files_at(bravo, place) != [None]


def test_what_is_most_urgent_is_asked_for_first() -> None:
    """Of two entries whose files are on their way that of the higher precedence comes first."""
    world = World()
    _narrow(world)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    slow = attach(alpha, file_of(6 * CHUNK))
    _run_until(world, bravo, slow, 1)
    fast = attach(alpha, file_of(3 * CHUNK), precedence=Precedence.FLASH)
    _run_until(world, bravo, fast, 3)
    parts = bravo.shelf(bravo.line.id).attachments
    assert parts(*fast)[0].is_whole
    assert not parts(*slow)[0].is_whole


def test_another_reader_serves_what_its_author_cannot() -> None:
    """The author is away: who asks the other reader gets every byte, and not before that is whole
    there; an observer is given nothing."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha", "bravo")
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    charlie.do(events.Accept(world.charter().encode()))
    world.link("alpha", "bravo")
    world.link("bravo", "charlie")
    world.link("alpha", "charlie")
    world.run(20)
    world.cut("alpha", "charlie")
    data = file_of(70 * CHUNK)
    world.dropping.add(("alpha", "bravo"))
    place = attach(alpha, data)
    world.dropping.clear()
    world.run(700)
    assert files_at(charlie, place) == [data]
    world.run(60)
    assert marks(alpha, 1) == marks(alpha, 2) == [Rung.ATTACHED]


def test_a_purge_takes_the_attachments_with_the_body() -> None:
    """The author destroys the body: its chunks go on both sides, and nothing more is asked for."""
    world = World()
    _narrow(world)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    place = attach(alpha, file_of(8 * CHUNK))
    _run_until(world, bravo, place, 3)
    digest = alpha.shelf(alpha.line.id).entry(*place).hash
    alpha.do(events.Submit(alpha.line.id, events.Draft(Kind.PURGED, 3, refs=(digest,))))
    world.run(30)
    for end in (alpha, bravo):
        assert end.shelf(end.line.id).attachments(*place) == []
    assert not bravo.line.arriving
    assert marks(alpha, 1) == []


def test_a_restored_author_asks_its_readers_for_its_own_files() -> None:
    """Its disk is older than its dispatches: entries of two days come back in one, and their files
    with them, more than another member might send in a day; the author states nothing of them."""
    world = World(changes={"quota_bytes_per_day": 12_000})
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    old = deepcopy(alpha.shelves)
    data = file_of(9 * CHUNK)
    places = [attach(alpha, data)]
    world.run(10)
    world.wall_s += 86_400
    places.append(attach(alpha, data))
    world.run(10)
    assert [files_at(bravo, place) for place in places] == [[data], [data]]
    alpha.restart(old, mute="restored")
    world.link("alpha", "bravo")
    world.run(60)
    assert [files_at(alpha, place) for place in places] == [[data], [data]]
    assert marks(bravo, 0) == []
    assert not alpha.line.arriving


def test_a_mute_reader_states_nothing_until_it_signs_again() -> None:
    """What is whole stays open while the node signs nothing, also over a restart."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    bravo.restart(mute="restored")
    world.link("alpha", "bravo")
    place = attach(alpha, file_of(CHUNK))
    world.run(30)
    assert files_at(bravo, place) == [file_of(CHUNK)]
    assert [*bravo.line.arriving] == [place]
    assert marks(alpha, 1) == []
    bravo.restart()
    bravo.line.mute = ""
    world.link("alpha", "bravo")
    world.run(30)
    assert marks(alpha, 1) == [Rung.ATTACHED]


# --- our own side ---------------------------------------------------------------------------------


def test_only_a_dispatch_with_its_own_chunks_is_submitted() -> None:
    """Another kind, other chunks, none, a list without sense: refused, and nothing changes."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    told = [told_of(file_of(10))]
    good = events.Draft(Kind.DISPATCH, 3, body=b"\0" + enclose(told, b""), salt=bytes(16))
    boxes = (seal(file_of(10), KEY),)
    for draft, given, refusal in (
        (good, boxes, Refusal.USAGE),
        (good._replace(attached=True), (), Refusal.USAGE),
        (good._replace(attached=True), (seal(b"other", KEY),), Refusal.USAGE),
        (good._replace(attached=True, body=b"\0"), boxes, Refusal.USAGE),
        (good._replace(attached=True, kind=Kind.TEST), boxes, Refusal.NOT_ALLOWED),
    ):
        with pytest.raises(LocalError) as caught:
            alpha.do(events.Submit(alpha.line.id, draft, given))
        assert caught.value.refusal is refusal
    assert not alpha.shelf(alpha.line.id).staged


def test_nobody_submits_more_than_a_reader_would_take_in_a_day() -> None:
    """The charter's bytes of a day hold for attachments too, and are ours again the next day."""
    world = World(changes={"quota_bytes_per_day": 100_000})
    world.open()
    alpha = world.ends["alpha"]
    attach(alpha, file_of(90 * CHUNK))
    with pytest.raises(LocalError) as caught:
        attach(alpha, file_of(20 * CHUNK))
    assert caught.value.refusal is Refusal.OVER_QUOTA
    world.wall_s += 86_400
    attach(alpha, file_of(20 * CHUNK))


def test_a_row_that_a_person_drops_takes_its_chunks_along() -> None:
    """What awaits release after an adoption and is not sent leaves nothing behind."""
    world = World()
    world.open()
    world.cut("alpha", "bravo")
    alpha = world.ends["alpha"]
    attach(alpha, file_of(10))
    alpha.do(events.Tick())
    ((number, row),) = alpha.line.queue.rows.items()
    alpha.line.queue.rows[number] = row._replace(awaits_release=True)
    assert alpha.shelf(alpha.line.id).staged
    alpha.do(events.Release(alpha.line.id, number, send=False))
    assert not alpha.shelf(alpha.line.id).staged


# --- liars ----------------------------------------------------------------------------------------


def _liar(*, quota: int = 1_000_000) -> tuple[Liar, End, int]:
    """A liar as bravo, linked to alpha, with its log begun."""
    world = World(changes={"quota_bytes_per_day": quota})
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    return liar, alpha, link


def _says(liar: Liar, link: int, *told: Attachment) -> Place:
    plain = enclose(told, b"text") if told else b"no list"
    liar.log.say(plain=plain, attached=True, time_s=liar.world.wall_s, serial=liar.log.size)
    liar.entries(link, start=liar.log.size - 1)
    liar.world.run()
    return Place(liar.log.id, liar.log.size - 1)


def _chunks(place: Place, boxes: bytes, first: int = 0, **more: Any) -> Chunks:
    fields: dict[str, Any] = {"number": 0, "first": first, "hashes": (), "boxes": boxes}
    return Chunks(place.log, place.index, **(fields | more))


def _refused(liar: Liar, link: int) -> list[Refusal]:
    return [frame.refusal for frame in liar.answers(link, Refuse)]


def test_chunks_that_nobody_asked_for_are_refused() -> None:
    """Of an entry without attachments, of another attachment, of another place in it, twice."""
    liar, alpha, link = _liar()
    data = file_of(2 * CHUNK)
    place = _says(liar, link, told_of(data))
    assert [f.what for f in liar.answers(link, Want)] == [WANT_CHUNKS]
    boxes = b"".join(seal(data, KEY))
    liar.send(link, _chunks(Place(place.log, 0), boxes))
    liar.send(link, _chunks(place, boxes, number=1))
    liar.send(link, _chunks(place, boxes, first=1))
    assert _refused(liar, link) == [Refusal.OUT_OF_TURN] * 3
    liar.send(link, _chunks(place, boxes))
    alpha.do(events.Tick())
    assert files_at(alpha, place) == [data]
    liar.got(link)
    liar.send(link, _chunks(place, boxes))
    assert _refused(liar, link) == [Refusal.OUT_OF_TURN]


@pytest.mark.parametrize(
    ("boxes", "refusal"),
    [(b"".join(seal(bytes(2 * CHUNK), KEY)), Refusal.BAD_PROOF), (b"", Refusal.MALFORMED)],
)
def test_a_chunk_that_does_not_match_is_asked_of_this_peer_no_more(
    boxes: bytes, refusal: Refusal
) -> None:
    """Named, counted, and not asked for again before the next round, ten minutes later; so is a run
    of no chunk."""
    liar, alpha, link = _liar()
    liar.world.run(30)  # the first round of what is asked for seldom
    place = _says(liar, link, told_of(file_of(2 * CHUNK)))
    liar.got(link)
    liar.send(link, _chunks(place, boxes))
    liar.world.run(60)
    answers = liar.got(link)
    assert [one.refusal for one in answers if isinstance(one, Refuse)] == [refusal]
    assert not [one for one in answers if isinstance(one, Want)]
    assert alpha.shelf(alpha.line.id).attachments(*place)[0].held == 0
    liar.world.run(660)
    assert [frame.first for frame in liar.answers(link, Want)] == [0]


def test_endless_attachments_end_at_the_grant_and_our_log_says_so_once() -> None:
    """Beyond the charter's bytes of a day nothing more is opened that day, however small, after a
    restart too; the next day it is."""
    liar, alpha, link = _liar(quota=100_000)
    _says(liar, link, told_of(file_of(90 * CHUNK)))
    for size in (20 * CHUNK, 1, 1):
        _says(liar, link, told_of(file_of(size)))
    shelf = alpha.shelf(alpha.line.id)
    (said,) = [shelf.entry(*place).leaf for place in shelf.of_kind([Kind.OVER_QUOTA])]
    assert said is not None
    over = decode_over_quota(said.extra)
    assert (over.log, over.index, over.which) == (liar.log.id, 2, 4)
    assert len(alpha.line.arriving) == 1
    facts = [{"member": 1, "index": index} for index in (2, 3, 4)]
    assert alpha.facts("attachments-refused") == facts
    alpha.restart()
    link = liar.greet("alpha")
    _says(liar, link, told_of(file_of(1)))
    assert len(shelf.of_kind([Kind.OVER_QUOTA])) == len(alpha.line.arriving) == 1
    liar.world.wall_s += 86_400
    _says(liar, link, told_of(file_of(1)))
    assert len(alpha.line.arriving) == 2


def test_what_one_batch_brings_beyond_the_grant_is_declined_to_its_end() -> None:
    """Nothing behind the first that is too much is opened, however small, and our log says it
    once: before what this batch used up is stored."""
    liar, alpha, link = _liar(quota=100_000)
    for size in (90 * CHUNK, 20 * CHUNK, 1):
        plain = enclose([told_of(file_of(size))], b"")
        liar.log.say(plain=plain, attached=True, time_s=liar.world.wall_s, serial=liar.log.size)
    liar.entries(link, start=1)
    liar.world.run()
    assert [place.index for place in alpha.line.arriving] == [1]
    assert len(alpha.shelf(alpha.line.id).of_kind([Kind.OVER_QUOTA])) == 1


def test_what_was_opened_before_a_restart_is_charged_after_it() -> None:
    """To its author and its day alone; the whole grant may be used up, and no byte more."""
    liar, alpha, link = _liar(quota=100 * CHUNK)
    attach(alpha, file_of(CHUNK))
    _says(liar, link, told_of(file_of(90 * CHUNK)))
    alpha.restart()
    link = liar.greet("alpha")
    _says(liar, link, told_of(file_of(10 * CHUNK)))
    assert len(alpha.line.arriving) == 2
    _says(liar, link, told_of(file_of(1)))
    assert len(alpha.line.arriving) == 2
    day = liar.world.wall_s // 86_400
    assert set(alpha.shelf(alpha.line.id).days.values()) == {day}
    attach(alpha, file_of(99 * CHUNK))
    with pytest.raises(LocalError):
        attach(alpha, file_of(1))


def test_what_looks_like_a_list_and_is_not_said_to_be_one_opens_nothing() -> None:
    """Only the flag of a leaf makes the beginning of its body a list."""
    liar, alpha, link = _liar()
    liar.log.say(plain=enclose([told_of(b"x")], b""), time_s=liar.world.wall_s)
    liar.entries(link, start=1)
    assert not alpha.line.arriving
    assert attachments_of(alpha.shelf(alpha.line.id).entry(liar.log.id, 1)) == ()


def test_so_many_entries_wait_for_attachments_that_never_come() -> None:
    """Each costs its author a whole chunk of the grant, and 256 of them are open at a time."""
    liar, alpha, link = _liar()
    for _ in range(limits.ATTACHED_OPEN_MAX + 3):
        liar.log.say(plain=enclose([told_of(b"x")], b""), attached=True, time_s=liar.world.wall_s)
    liar.entries(link, start=1)
    assert len(alpha.line.arriving) == limits.ATTACHED_OPEN_MAX
    assert len(alpha.facts("attachments-refused")) == 3


def test_a_list_that_makes_no_sense_opens_nothing() -> None:
    """The entry is held and receipted like any other; its body is unreadable to people."""
    liar, alpha, link = _liar()
    _says(liar, link)
    assert not alpha.line.arriving
    assert alpha.log_of(1).size == 2


def test_what_is_asked_of_us_is_refused_by_name() -> None:
    """An entry that is not here, a file that it has not, a place beyond its end, one that is not
    addressed to the asker, a purged one: a refusal each, and none is counted."""
    world = World(names=("alpha", "bravo", "charlie"))
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    for name in ("alpha", "charlie"):
        world.ends[name].do(events.Accept(world.charter().encode()))
    world.link("alpha", "charlie")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    place = attach(alpha, file_of(CHUNK))
    world.run()
    private = attach(alpha, file_of(CHUNK), audience=0b101)
    world.run()
    liar.got(link)

    def ask(where: Place, number: int = 0, first: int = 0) -> None:
        liar.send(link, Want(WANT_CHUNKS, *where, number, first))
        alpha.do(events.Tick())

    beyond = Place(place.log, alpha.own().size)
    first = Place(place.log, 0)
    ask(beyond)
    ask(place, number=1)
    ask(place, first=1)
    ask(first)
    ask(private)
    assert liar.answers(link, Refuse) == [
        *(Refuse(Refusal.NOT_HELD, *where) for where in (beyond, place, place, first)),
        Refuse(Refusal.NOT_IN_AUDIENCE, *private),
    ]
    ask(place)
    assert [frame.boxes for frame in liar.answers(link, Chunks)] == [
        b"".join(seal(file_of(CHUNK), KEY))
    ]
    digest = alpha.shelf(alpha.line.id).entry(*place).hash
    liar.send(link, Want(WANT_CHUNKS, *place, 0, 0))
    step = Step(alpha.station, world.now(), alpha.entropy)
    purge(step, alpha.line, 0, [digest])
    world.deliver(alpha, step.out)
    alpha.do(events.Tick())
    ask(place)
    assert liar.answers(link, Refuse) == [Refuse(Refusal.PURGED, *place)] * 2
    assert not alpha.closed


def test_who_has_none_is_not_asked_again_on_this_link() -> None:
    """A refusal of that entry frees the question; one of another entry does not."""
    liar, alpha, link = _liar()
    place = _says(liar, link, told_of(file_of(CHUNK)))
    session = alpha.line.sessions[link]
    liar.send(link, Refuse(Refusal.NOT_HELD, place.log, place.index + 5))
    assert session.chunks_asked is not None
    liar.send(link, Refuse(Refusal.NOT_HELD, place.log, place.index))
    alpha.do(events.Tick())
    assert session.chunks_asked is None
    assert session.chunkless == {place}


def test_a_hello_on_the_same_link_forgets_no_question() -> None:
    """What was asked before it may be answered behind it."""
    liar, alpha, link = _liar()
    data = file_of(CHUNK)
    place = _says(liar, link, told_of(data))
    liar.hello(link)
    liar.send(link, _chunks(place, b"".join(seal(data, KEY))))
    alpha.do(events.Tick())
    assert files_at(alpha, place) == [data]


def test_who_begins_its_session_anew_is_sent_no_run_of_before() -> None:
    """Who comes back to a line has forgotten what it asked for, and would blame who sends it."""
    liar, alpha, link = _liar()
    place = attach(alpha, file_of(1))
    alpha.world.run()
    for anew in (False, True):
        liar.got(link)
        liar.send(link, Want(WANT_CHUNKS, *place, 0, 0))
        liar.hello(link, answer=anew)
        alpha.world.run()
        assert bool(liar.answers(link, Chunks)) is not anew


def test_a_body_that_comes_late_opens_its_attachments() -> None:
    """A leaf alone says that there are some; which they are stands in the body."""
    liar, alpha, link = _liar()
    data = file_of(CHUNK)
    liar.log.say(plain=enclose([told_of(data)], b""), attached=True, time_s=liar.world.wall_s)
    liar.entries(link, start=1, bodies=False)
    assert not alpha.line.arriving
    salt, body = liar.log.bodies[1] or (b"", b"")
    liar.send(link, Body(liar.log.id, 1, salt, body))
    assert [*alpha.line.arriving] == [Place(liar.log.id, 1)]
    assert encode_frame(1, _chunks(Place(liar.log.id, 1), b""))[0] == 0xF1


def test_a_run_waits_while_our_own_text_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who confirms nothing keeps our window shut, and is served no chunk meanwhile."""
    monkeypatch.setattr(limits, "WINDOW_ENTRIES_MAX", 1)
    liar, alpha, link = _liar()
    liar.send(link, Got(alpha.own().id, 1))
    place = attach(alpha, file_of(CHUNK))
    alpha.do(events.Tick())
    alpha.submit("waits for room")
    alpha.do(events.Tick())
    liar.send(link, Want(WANT_CHUNKS, *place, 0, 0))
    alpha.do(events.Tick())
    assert any(alpha.line.queue.by_precedence)
    assert liar.answers(link, Chunks) == []
    while any(alpha.line.queue.by_precedence):
        liar.send(link, Got(place.log, alpha.own().size))
        alpha.do(events.Tick())
    assert len(liar.answers(link, Chunks)) == 1


def test_a_run_of_what_was_purged_meanwhile_is_nobodys_fault() -> None:
    """It had been asked for; it is passed over, and stored nowhere."""
    liar, alpha, link = _liar()
    data = file_of(CHUNK)
    place = _says(liar, link, told_of(data))
    liar.log.say(Kind.PURGED, refs=(liar.log.entry(1).hash,), time_s=liar.world.wall_s)
    liar.entries(link, start=2)
    liar.got(link)
    liar.send(link, _chunks(place, b"".join(seal(data, KEY))))
    assert _refused(liar, link) == []
    assert alpha.shelf(alpha.line.id).attachments(*place) == []


def test_a_run_that_does_not_come_is_asked_for_again_and_may_come_twice() -> None:
    """Ten minutes later; both answers are taken, and a third is nobody's."""
    liar, alpha, link = _liar()
    liar.world.run(30)
    data = file_of(2 * CHUNK)
    place = _says(liar, link, told_of(data))
    assert len(liar.answers(link, Want)) == 1
    liar.world.run(660)
    assert [frame.what for frame in liar.answers(link, Want)] == [WANT_CHUNKS]
    for _ in range(3):
        liar.send(link, _chunks(place, b"".join(seal(data, KEY))))
        alpha.do(events.Tick())
    assert files_at(alpha, place) == [data]
    assert _refused(liar, link) == [Refusal.OUT_OF_TURN]


def test_answers_to_several_questions_that_were_given_up_are_nobodys_fault() -> None:
    """On a slow link one after the other was asked for again, and two answers come later still; a
    refusal of the entry's body, which gives up the question too, takes nothing back."""
    liar, alpha, link = _liar()
    liar.world.run(30)
    one, other = file_of(CHUNK), file_of(CHUNK + 1)
    places = [_says(liar, link, told_of(one)), _says(liar, link, told_of(other))]
    answers = [_chunks(places[0], b"".join(seal(one, KEY)))]
    answers.append(_chunks(places[1], b"".join(seal(other, KEY))))
    liar.world.run(660)
    liar.send(link, answers[0])
    liar.world.run(1)
    liar.world.run(660)
    liar.hello(link)  # a hello of later forgets no question
    liar.send(link, Refuse(Refusal.NOT_HELD, *places[1]))
    for answer in (answers[1], answers[0]):
        liar.send(link, answer)
        alpha.do(events.Tick())
    assert _refused(liar, link) == []
    assert files_at(alpha, places[0]) == [one]
    assert alpha.shelf(alpha.line.id).attachments(*places[1])[0].held == 0  # passed over
