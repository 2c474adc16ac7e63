"""Chunks of attachments in files for couriers: no network at all, and nothing lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from core.test_attachment import KEY, file_of
from core.test_courier import IN, OUT, apart, batches, taken, written
from core.test_fetching import CHUNK, attach, files_at, marks, told_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from liar import Liar
from pair import End, World

from detente.core import events, limits, serving
from detente.core.attachment import enclose, seal
from detente.core.encoding import Reader
from detente.core.errors import Refusal
from detente.core.events import Carry, FrameIn, LinkDown, Tick
from detente.core.extras import Mark, Rung, Stater
from detente.core.fetching import states_whole
from detente.core.frames import (
    WANT_CHUNKS,
    Body,
    Chunks,
    Hello,
    Want,
    encode_frame,
    read_frame,
)
from detente.core.leaf import Kind, Precedence
from detente.core.line import Granted
from detente.core.transcript import Place
from detente.core.wire import ENTRIES, read_tag


def two(*names: str) -> tuple[World, End, End]:
    """Two whose line is open and whose links are cut for good."""
    world = apart(*names)
    alpha, bravo, *_ = world.ends.values()
    return world, alpha, bravo


def held(end: End, place: Place) -> list[int]:
    """How many chunks of each attachment are at an end."""
    return [part.held for part in end.shelf(end.line.id).attachments(*place)]


def runs(frames: list[bytes]) -> list[Chunks]:
    """The runs of chunks among frames."""
    return [one for one in map(_read, frames) if isinstance(one, Chunks)]


def asked(frames: list[bytes]) -> list[tuple[Place, int, int]]:
    """The questions for chunks among frames: of which attachment, and from where."""
    wants = [one for one in map(_read, frames) if isinstance(one, Want)]
    return [(Place(w.log, w.index), w.number, w.first) for w in wants if w.what == WANT_CHUNKS]


def _read(frame: bytes) -> Any:
    reader = Reader(frame)
    kind, _ = read_tag(reader)
    return None if kind == ENTRIES else read_frame(kind, reader)


def refused(end: End) -> list[object]:
    """What an end has refused, by name."""
    return [one["refusal"] for one in end.facts("refused")]


# --- there and back -------------------------------------------------------------------------------


def test_one_file_brings_the_text_with_its_attachments_and_the_next_the_mark() -> None:
    """From `attach` to `attached` shown at the sender over no network at all: one file each way."""
    _, alpha, bravo = two()
    files = file_of(150 * CHUNK + 7), file_of(1)
    place = attach(alpha, *files)
    taken(bravo, alpha, written(alpha, bravo))
    assert files_at(bravo, place) == list(files)
    answer = written(bravo, alpha)
    assert marks(alpha, 1) == []
    taken(alpha, bravo, answer)
    assert marks(alpha, 1) == [Rung.ATTACHED]
    assert asked(answer) == []
    assert (alpha.closed, bravo.closed) == ([], [])
    assert refused(alpha) == refused(bravo) == []
    assert runs(written(alpha, bravo)) == []  # it is stated: nothing is left to go


def test_chunks_stand_behind_all_else_and_the_most_urgent_first() -> None:
    """No text, receipt or question stands behind a chunk, what was entered later goes before what
    is less urgent, and runs have 16 chunks at the most."""
    _, alpha, bravo = two()
    slow = attach(alpha, file_of(20 * CHUNK), precedence=Precedence.DEFERRED)
    written(alpha, bravo)  # and lost
    fast = attach(alpha, file_of(20 * CHUNK), precedence=Precedence.FLASH)
    other = attach(bravo, file_of(3 * CHUNK))
    text = written(bravo, alpha)
    taken(alpha, bravo, [frame for frame in text if frame[0] >> 4 != Chunks.TYPE])
    assert held(alpha, other) == [0]
    for number in range(600):
        alpha.submit(f"text {number} " + "x" * 200)
    frames = written(alpha, bravo)
    kinds = [frame[0] >> 4 for frame in frames]
    first = kinds.index(Chunks.TYPE)
    assert set(kinds[first:]) == {Chunks.TYPE}
    assert asked(frames) == [(other, 0, 0)]
    assert [(run.index, run.first) for run in runs(frames)] == [
        (place.index, first) for place in (fast, slow) for first in (0, 16)
    ]
    assert max(len(run.boxes) for run in runs(frames)) == limits.RUN_CHUNKS_FILE * (CHUNK + 16)


def test_what_was_cut_off_is_asked_for_and_comes_from_where_it_stands() -> None:
    """The file ends in the middle of an attachment: the answer asks for all that is left, after a
    restart too, and the next file has just that, with no text again."""
    _, alpha, bravo = two()
    data = file_of(100 * CHUNK)
    place = attach(alpha, data)
    frames = written(alpha, bravo)
    taken(bravo, alpha, frames[:-3])
    stands = held(bravo, place)[0]
    assert 0 < stands < 100
    bravo.restart()
    bravo.line.awaits_hello = False
    answer = written(bravo, alpha)
    assert asked(answer) == [(place, 0, stands)]
    said = taken(alpha, bravo, answer)
    assert refused(alpha) == []  # a question in a file is answered by the next
    following = written(alpha, bravo, said)
    assert runs(following)[0].first == stands
    taken(bravo, alpha, following)
    assert files_at(bravo, place) == [data]
    taken(alpha, bravo, written(bravo, alpha))
    assert marks(alpha, 1) == [Rung.ATTACHED]


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_chunks_lost_repeated_and_out_of_order_lose_nothing(data: st.DataObject) -> None:
    """Whatever becomes of the frames of two files, in any order, nobody is blamed; the answer asks
    for what is missing, and a last round trip brings it."""
    _, alpha, bravo = two()
    sizes = data.draw(st.lists(st.integers(1, 70), min_size=2, max_size=3, unique=True))
    first = [attach(alpha, file_of(size * CHUNK - 5)) for size in sizes[:1]]
    frames = written(alpha, bravo)
    alpha.submit("between")
    later = attach(alpha, *(file_of(size * CHUNK) for size in sizes[1:]))
    later = Place(later.log, later.index + 1)  # behind the text
    frames += written(alpha, bravo)
    torn = data.draw(st.lists(st.sampled_from(frames), max_size=2 * len(frames)))
    taken(bravo, alpha, torn)
    taken(bravo, alpha, data.draw(st.permutations(frames)))
    said = taken(alpha, bravo, written(bravo, alpha))
    taken(bravo, alpha, written(alpha, bravo, said))
    said = taken(alpha, bravo, written(bravo, alpha))
    taken(bravo, alpha, written(alpha, bravo, said))
    assert files_at(bravo, first[0]) == [file_of(sizes[0] * CHUNK - 5)]
    assert files_at(bravo, later) == [file_of(size * CHUNK) for size in sizes[1:]]
    assert (bravo.closed, refused(bravo)) == ([], [])


def test_two_files_in_the_wrong_order_and_each_twice() -> None:
    """The second goes on where the first ends; taken first it changes nothing, taken again it
    brings the rest; what is whole is stated once."""
    _, alpha, bravo = two()
    data = file_of(90 * CHUNK)
    place = attach(alpha, data)
    first = written(alpha, bravo)[:-3]
    taken(bravo, alpha, first)
    stands = held(bravo, place)[0]
    said = taken(alpha, bravo, written(bravo, alpha))
    second = written(alpha, bravo, said)
    for _ in range(2):
        taken(bravo, alpha, first)
        assert held(bravo, place) == [stands]
    for _ in range(2):
        taken(bravo, alpha, second)
    assert files_at(bravo, place) == [data]
    for _ in range(2):
        taken(alpha, bravo, written(bravo, alpha))
    assert marks(alpha, 1) == [Rung.ATTACHED]
    assert refused(bravo) == refused(alpha) == []


def test_a_second_file_that_comes_first_changes_nothing_of_what_is_not_here() -> None:
    """Its chunks are of an entry that nobody here has heard of: nothing is kept, nobody blamed."""
    _, alpha, bravo = two()
    data = file_of(40 * CHUNK)
    place = attach(alpha, data)
    frames = written(alpha, bravo)
    chunks = [frame for frame in frames if frame[0] >> 4 == Chunks.TYPE]
    taken(bravo, alpha, chunks)
    assert held(bravo, place) == []
    taken(bravo, alpha, frames[: -len(chunks)])
    assert held(bravo, place) == [0]
    taken(bravo, alpha, chunks)
    assert files_at(bravo, place) == [data]
    assert refused(bravo) == []


# --- beside a link --------------------------------------------------------------------------------


def _radio() -> tuple[World, End, End]:
    """Two whose line is open over a narrow bearer."""
    world = World()
    for end in world.ends.values():
        end.do(events.Accept(world.charter().encode()))
    world.link("alpha", "bravo", wide=False)
    world.run()
    alpha, bravo = world.ends.values()
    return world, alpha, bravo


def test_a_radio_has_the_text_and_the_file_the_attachment() -> None:
    """The text is held already, its chunks would take hours: the very first file brings them, on
    from where the radio stands, while that goes on with the same; none is asked for twice."""
    world, alpha, bravo = _radio()
    data = file_of(200 * CHUNK)
    place = attach(alpha, data)
    _until(world, bravo, place, 45)
    frames = written(alpha, bravo)
    assert runs(frames)[0].first == 0
    _until(world, bravo, place, 53)
    stands = held(bravo, place)[0]
    assert stands % 16  # in the middle of a run
    taken(bravo, alpha, frames)
    assert files_at(bravo, place) == [data]
    world.run(60)
    assert marks(alpha, 1) == [Rung.ATTACHED]
    assert refused(alpha) == refused(bravo) == []
    assert (alpha.closed, bravo.closed) == ([], [])


def _until(world: World, end: End, place: Place, count: int) -> None:
    """Frame by frame, until so many chunks are stored."""
    for _ in range(5000):
        if (held(end, place) or [0])[0] >= count:
            return
        if not world.queue:
            world.wall_s, world.steady_ms = world.wall_s + 1, world.steady_ms + 1000
            for one in world.ends.values():
                one.do(Tick())
            continue
        link, data = world.queue.popleft()
        if link in world.wires:
            owner = world.wires[link][0]
            owner.do(FrameIn(link, data))
            owner.do(Tick())
    raise AssertionError("no chunk came")


def test_a_run_of_the_link_that_a_file_has_overtaken_is_taken_from_there() -> None:
    """The link's run comes when the file has brought half of it: its rest counts."""
    world = World()
    world.open()
    alpha, bravo = world.ends.values()
    data = file_of(64 * CHUNK)
    world.dropping = {("alpha", "bravo")}
    place = attach(alpha, data)
    alpha.do(Tick())
    frames = written(alpha, bravo)
    world.queue.clear()
    world.dropping = set()
    taken(bravo, alpha, frames[: -len(runs(frames))])
    assert held(bravo, place) == [0]
    asks = [data for name, _, data in world.frames if name == "bravo" and _is_want(data)]
    assert len(asks) == 1
    taken(bravo, alpha, [f for f in frames if f[0] >> 4 == Chunks.TYPE][:2])
    assert held(bravo, place) == [32]
    world.run(5)
    assert files_at(bravo, place) == [data]
    sent = [data for name, _, data in world.frames if name == "alpha" and data[0] >> 4 == 15]
    assert len(sent) == 1
    assert refused(bravo) == []


def _is_want(frame: bytes) -> bool:
    one = _read(frame)
    return isinstance(one, Want) and one.what == WANT_CHUNKS


def test_what_its_last_file_did_not_ask_for_is_not_sent_again() -> None:
    """A reader that holds an entry and asks for none of its chunks gets none: it has no room for
    them today, or its node destroyed them."""
    world = apart("alpha", "bravo", quota_bytes_per_day=100_000)
    alpha, bravo = world.ends.values()
    bravo.line.granted[0] = Granted(world.wall_s // 86_400, 100_000)
    place = attach(alpha, file_of(9 * CHUNK))
    taken(bravo, alpha, written(alpha, bravo))
    assert held(bravo, place) == []
    assert bravo.facts("attachments-refused") == [{"member": 0, "index": place.index}]
    answer = written(bravo, alpha)
    assert asked(answer) == []
    said = taken(alpha, bravo, answer)
    assert runs(written(alpha, bravo, said)) == []


def test_only_an_attached_mark_of_its_reader_says_that_it_has_them() -> None:
    """A mark that cannot be read, one of another rung, one of somebody else, another kind: the
    chunks go."""
    world = World(names=("alpha", "bravo", "charlie"))
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    charlie = world.ends["charlie"]
    for end in (alpha, charlie):
        end.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.link("alpha", "charlie")
    world.run()
    place = attach(alpha, file_of(CHUNK))
    world.run(20)
    assert marks(alpha, 2) == [Rung.ATTACHED]
    entry = alpha.shelf(alpha.line.id).entry(*place)
    seen = Mark(Rung.SEEN, Stater.NODE).encode()
    whole = Mark(Rung.ATTACHED, Stater.NODE).encode()
    said = (Kind.MARK, b"\xff"), (Kind.MARK, seen), (Kind.TEST, whole), (Kind.MARK, whole)
    for kind, extra in said:
        assert not states_whole(alpha.line, entry, 1)
        liar.log.say(kind, refs=(entry.hash,), extra=extra, time_s=world.wall_s)
        liar.entries(link, start=liar.log.size - 1)
        world.run(2)
    assert alpha.log_of(1).size == liar.log.size
    assert states_whole(alpha.line, entry, 1)
    assert states_whole(alpha.line, entry, 2)  # whoever else refers to it before


def test_after_a_text_over_a_link_the_next_file_has_its_attachments() -> None:
    """What the receiver states to have and took since its last file goes, from the very entry that
    this one ended before; what it had by then and did not ask for does not."""
    _, alpha, bravo = two()
    first = attach(alpha, file_of(1))
    taken(bravo, alpha, _bare(alpha, bravo))
    hellos = tuple(one for one in written(bravo, alpha) if one[0] >> 4 == Hello.TYPE)
    second = attach(alpha, file_of(2))
    assert second.index == bravo.log_of(0).size  # just behind what that file states
    taken(bravo, alpha, _bare(alpha, bravo))
    taken(alpha, bravo, written(bravo, alpha))
    assert alpha.log_of(1).stated[second.log] > second.index
    answer = written(alpha, bravo, hellos)
    assert [run.index for run in runs(answer)] == [second.index]
    assert [run.index for run in runs(written(alpha, bravo))] == [first.index, second.index]


def test_what_a_file_asks_for_is_found_where_memory_has_it_not() -> None:
    """An entry from long ago, of which the receiver has the text alone."""
    _, alpha, bravo = two()
    data = file_of(3)
    place = attach(alpha, data)
    taken(bravo, alpha, _bare(alpha, bravo))
    said = taken(alpha, bravo, written(bravo, alpha))
    alpha.own().recent.clear()
    taken(bravo, alpha, written(alpha, bravo, said))
    assert files_at(bravo, place) == [data]


def test_an_entry_that_is_void_goes_into_a_file_like_any_other() -> None:
    """Its leaf says of no attachments, nor of anything else."""
    world = World(names=("alpha", "bravo", "charlie"))
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.log.add_raw(b"nothing")
    liar.entries(link)
    assert alpha.log_of(1).size == liar.log.size == 2
    frames = written(alpha, world.ends["charlie"])
    assert [one.count for one in batches(frames) if one.log == liar.log.id] == [2]


# --- who and what ---------------------------------------------------------------------------------


def test_a_mediator_carries_what_is_whole_there_and_to_who_may_read_it() -> None:
    """From alpha over bravo to charlie; what is addressed to bravo alone stays there, and what is
    not whole at bravo is left out of its file."""
    _, alpha, bravo = two("alpha", "bravo", "charlie")
    charlie = bravo.world.ends["charlie"]
    data = file_of(40 * CHUNK)
    private = attach(alpha, file_of(5), audience=0b011)
    taken(bravo, alpha, written(alpha, bravo))
    open_ = attach(alpha, data)
    frames = written(alpha, bravo)
    taken(bravo, alpha, frames[:-1])
    assert 0 < held(bravo, open_)[0] < 40
    short = written(bravo, charlie)
    assert runs(short) == []
    taken(charlie, bravo, short)
    answer = written(charlie, bravo)
    assert asked(answer) == [(open_, 0, 0)]
    said = taken(bravo, charlie, answer)
    assert runs(written(bravo, charlie, said)) == []
    assert refused(bravo) == ["not-held"]
    taken(bravo, alpha, frames)
    taken(charlie, bravo, written(bravo, charlie, said))
    assert files_at(charlie, open_) == [data]
    assert held(charlie, private) == []
    assert refused(charlie) == []


def test_nobody_is_asked_for_what_it_may_not_have() -> None:
    """An entry of alpha's for bravo alone: bravo asks alpha, and not charlie."""
    _, alpha, bravo = two("alpha", "bravo", "charlie")
    charlie = bravo.world.ends["charlie"]
    place = attach(alpha, file_of(5), audience=0b010)
    frames = written(alpha, bravo)
    taken(bravo, alpha, frames[:-1])
    assert asked(written(bravo, charlie)) == []
    assert asked(written(bravo, alpha)) == [(place, 0, 0)]


def test_a_reader_is_asked_for_what_stands_behind_what_it_may_not_have() -> None:
    """Two entries of alpha's on their way, the first for bravo alone: charlie is asked for the
    second, and alpha for both."""
    _, alpha, bravo = two("alpha", "bravo", "charlie")
    charlie = bravo.world.ends["charlie"]
    private = attach(alpha, file_of(5), audience=0b010)
    other = attach(alpha, file_of(6))
    other = Place(other.log, other.index + 1)  # behind the private one
    taken(bravo, alpha, _bare(alpha, bravo))
    assert asked(written(bravo, charlie)) == [(other, 0, 0)]
    assert asked(written(bravo, alpha)) == [(private, 0, 0), (other, 0, 0)]


def test_a_text_that_was_asked_for_brings_its_attachments_along() -> None:
    """Its leaf came by a mediator who may not read it: one answer has the body and the chunks."""
    _, alpha, bravo = two("alpha", "bravo", "charlie")
    charlie = bravo.world.ends["charlie"]
    data = file_of(17 * CHUNK)
    place = attach(alpha, data, audience=0b010)
    taken(charlie, alpha, written(alpha, charlie))
    taken(bravo, charlie, written(charlie, bravo))
    said = taken(alpha, bravo, written(bravo, alpha))
    frames = written(alpha, bravo, said)
    assert Body.TYPE in {frame[0] >> 4 for frame in frames}
    taken(bravo, alpha, frames)
    assert files_at(bravo, place) == [data]
    assert held(charlie, place) == []


def test_a_restored_author_gets_its_own_files_back_in_one() -> None:
    """It says that it is mute: its log comes with its attachments, though it once stated them."""
    _, alpha, bravo = two()
    old = copy.deepcopy(alpha.shelves)
    data, more = file_of(30 * CHUNK), file_of(31 * CHUNK)
    attach(alpha, data)
    attach(bravo, more)
    taken(alpha, bravo, written(bravo, alpha))
    taken(bravo, alpha, written(alpha, bravo))
    assert marks(bravo, 0) == [Rung.ATTACHED]
    alpha.restart(old, mute="restored")
    said = taken(bravo, alpha, written(alpha, bravo))
    taken(alpha, bravo, written(bravo, alpha, said))
    shelf = alpha.shelf(alpha.line.id)
    found = [files_at(alpha, place) for place in shelf.of_kind([Kind.DISPATCH])]
    assert sorted(found) == sorted([[data], [more]])


def test_a_restored_author_gets_back_what_it_addressed_to_others_alone() -> None:
    """It may have what it wrote, its attachments with it."""
    _, alpha, bravo = two()
    old = copy.deepcopy(alpha.shelves)
    place = attach(alpha, file_of(7), audience=0b10)
    taken(bravo, alpha, written(alpha, bravo))
    alpha.restart(old, mute="restored")
    said = taken(bravo, alpha, written(alpha, bravo))
    taken(alpha, bravo, written(bravo, alpha, said))
    assert files_at(alpha, place) == [file_of(7)]


def test_a_purge_on_the_way_takes_what_a_file_brings() -> None:
    """The chunks of a purged entry change nothing, and who writes has none to give."""
    _, alpha, bravo = two()
    place = attach(alpha, file_of(40 * CHUNK))
    frames = written(alpha, bravo)
    taken(bravo, alpha, frames[:-1])
    said = taken(alpha, bravo, written(bravo, alpha))
    digest = alpha.shelf(alpha.line.id).entry(*place).hash
    alpha.do(events.Submit(alpha.line.id, events.Draft(Kind.PURGED, 3, refs=(digest,))))
    following = written(alpha, bravo, said)
    taken(bravo, alpha, following)
    taken(bravo, alpha, frames)
    assert held(bravo, place) == []
    assert refused(bravo) == []


# --- bounds ---------------------------------------------------------------------------------------


def test_a_file_for_paper_has_no_chunks_and_still_asks() -> None:
    """It is short; what it leaves out, also of what was asked for, the next one has."""
    _, alpha, bravo = two()
    data = file_of(20 * CHUNK)
    place, other = attach(alpha, data), attach(bravo, file_of(1))
    taken(bravo, alpha, _bare(alpha, bravo))
    assert held(bravo, place) == [0]
    answer = _bare(bravo, alpha)
    assert asked(answer) == [(place, 0, 0)]
    said = taken(alpha, bravo, answer)
    assert held(alpha, other) == [0]
    assert runs(_bare(alpha, bravo, said)) == []
    assert refused(alpha) == []
    taken(bravo, alpha, written(alpha, bravo, said))
    assert files_at(bravo, place) == [data]


def _bare(end: End, to: End, said: tuple[bytes, ...] = ()) -> list[bytes]:
    frames = end.world.taps[OUT] = []
    end.do(Carry(OUT, to.id, end.line.id, out=True, said=said, bare=True))
    for _ in range(5):
        end.do(Tick())
    end.do(LinkDown(OUT))
    del end.world.taps[OUT]
    return frames


def test_a_step_puts_no_more_than_half_a_mebibyte_into_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long an attachment is; and so many of one file, the others once asked for."""
    _, alpha, bravo = two()
    monkeypatch.setattr(serving, "DUE_MAX", 3)
    data = file_of(40 * limits.RUN_CHUNKS_FILE * CHUNK)
    places = [attach(alpha, data, b"1"), attach(alpha, b"2", b"3")]
    places[1] = Place(places[0].log, places[0].index + 1)
    frames = alpha.world.taps[OUT] = []
    alpha.do(Carry(OUT, bravo.id, alpha.line.id, out=True))
    each = []
    while not each or each[-1]:
        before = len(frames)
        alpha.do(Tick())
        each.append(len(frames) - before)
    alpha.do(LinkDown(OUT))
    del alpha.world.taps[OUT]
    assert max(each) == serving.FILE_RUNS
    taken(bravo, alpha, frames)
    assert held(bravo, places[0]) == [40 * limits.RUN_CHUNKS_FILE, 1]
    assert held(bravo, places[1]) == [1, 0]
    assert asked(written(bravo, alpha)) == [(places[1], 1, 0)]


def test_a_file_asks_no_more_than_is_kept() -> None:
    """64 questions of one file are answered by the next: the most urgent are asked."""
    _, alpha, bravo = two()
    for _ in range(9):
        attach(alpha, *(b"x" * n for n in range(1, 9)))
    urgent = attach(alpha, b"urgent", precedence=Precedence.IMMEDIATE)
    taken(bravo, alpha, _bare(alpha, bravo))
    found = asked(written(bravo, alpha))
    assert len(found) == limits.FILE_QUESTIONS_MAX
    assert found[0] == (Place(urgent.log, 1), 0, 0)


# --- liars ----------------------------------------------------------------------------------------


def _told() -> tuple[End, End, Place, bytes]:
    """Bravo has the text of alpha's entry with one file of 40 chunks, and none of these."""
    _, alpha, bravo = two()
    data = file_of(40 * CHUNK)
    place = attach(alpha, data)
    frames = written(alpha, bravo)
    taken(bravo, alpha, [frame for frame in frames if frame[0] >> 4 != Chunks.TYPE])
    return alpha, bravo, place, data


def _run(place: Place, boxes: bytes, first: int = 0, number: int = 0) -> bytes:
    return encode_frame(1, Chunks(*place, number, first, (), boxes))


@pytest.mark.parametrize(
    ("first", "count", "spoilt", "number", "word"),
    [
        (0, 16, True, 0, "bad-proof"),
        (0, 65, False, 0, "malformed"),
        (0, 16, False, 1, "out-of-turn"),
    ],
)
def test_a_run_that_is_not_of_the_file_is_refused_and_counted(
    first: int, count: int, spoilt: bool, number: int, word: str
) -> None:
    """Another root, more than there is, another attachment: by name, and eight of them end a file;
    a true one after fewer is taken."""
    alpha, bravo, place, data = _told()
    boxes = bytearray(b"".join(seal(data * 2, KEY)[first : first + count]))
    boxes[5] ^= spoilt
    bad = _run(place, bytes(boxes[: 64 * 1040]), first, number)
    if count > 64:
        bad = _run(place, bytes(boxes[: 50 * 1040]), first)
    frames = [frame for frame in written(alpha, bravo) if frame[0] >> 4 == Chunks.TYPE]
    taken(bravo, alpha, [bad] * limits.BAD_FRAMES_MAX)
    assert refused(bravo) == [word] * limits.BAD_FRAMES_MAX
    assert bravo.closed == [Refusal[word.upper().replace("-", "_")]]
    assert held(bravo, place) == [0]
    taken(bravo, alpha, [bad, *frames])
    assert files_at(bravo, place) == [data]


def test_what_is_passed_over_of_a_run_hides_no_other_file() -> None:
    """The rest behind where an attachment stands must lead to the root, too."""
    alpha, bravo, place, data = _told()
    boxes = seal(data, KEY)
    good = [frame for frame in written(alpha, bravo) if frame[0] >> 4 == Chunks.TYPE]
    taken(bravo, alpha, good[:1])
    wrong = bytearray(b"".join(boxes[:20]))
    wrong[-3] ^= 1
    taken(bravo, alpha, [_run(place, bytes(wrong)), _run(place, b"".join(boxes[:19]))])
    assert refused(bravo) == ["bad-proof", "bad-proof"]
    assert held(bravo, place) == [16]


def test_on_a_link_a_run_that_nobody_asked_for_is_refused_as_ever() -> None:
    """A file alone may bring what nobody asked for."""
    world = World()
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    data = file_of(2 * CHUNK)
    plain = enclose([told_of(data)], b"text")
    liar.log.say(plain=plain, attached=True, time_s=world.wall_s, serial=1)
    liar.entries(link, start=1)
    run = Chunks(liar.log.id, 1, 0, 0, (), b"".join(seal(data, KEY)))
    liar.send(link, run)
    assert [one["refusal"] for one in alpha.facts("refused")] == ["out-of-turn"]
    assert held(alpha, Place(liar.log.id, 1)) == [0]
    alpha.do(Carry(IN, world.ends["bravo"].id, alpha.line.id, out=False))
    alpha.do(FrameIn(IN, encode_frame(1, run)))
    alpha.do(Tick())
    assert files_at(alpha, Place(liar.log.id, 1)) == [data]
