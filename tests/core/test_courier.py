"""Files for a courier as the core writes and reads them: no network at all, and nothing lost."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pair import End, World, heads

from detente.core.courier import rely_on_mark
from detente.core.encoding import Reader
from detente.core.errors import LocalError, Refusal
from detente.core.events import Accept, Carry, FrameIn, LinkDown, Tick
from detente.core.frames import Hello, Presence, Quantum, encode_frame, read_frame
from detente.core.leaf import Precedence
from detente.core.limits import PRESENCE_EVERY_S
from detente.core.wire import ENTRIES, Batch, read_batch, read_tag

OUT, IN = -1, -2
QUESTIONS = (1, 6, 12)  # hello, want, ask-proof: what the next file answers


def apart(*names: str, **changes: object) -> World:
    """Parties whose line is open and whose links are cut for good."""
    world = World(names or ("alpha", "bravo"), changes=changes)
    world.open()
    for n, one in enumerate(world.names):
        for other in world.names[n + 1 :]:
            world.cut(one, other)
    return world


def written(end: End, to: End, said: tuple[bytes, ...] = ()) -> list[bytes]:
    """The frames of a file from an end to another."""
    frames = end.world.taps[OUT] = []
    end.do(Carry(OUT, to.id, end.line.id, out=True, said=said))
    before = -1
    while len(frames) > before:
        before = len(frames)
        end.do(Tick())
    end.do(LinkDown(OUT))
    end.do(Tick())
    del end.world.taps[OUT]
    return frames


def taken(end: End, sender: End, frames: list[bytes]) -> tuple[bytes, ...]:
    """An end reads frames of a file; gives what its next one answers."""
    end.do(Carry(IN, sender.id, end.line.id, out=False))
    for frame in frames:
        end.do(FrameIn(IN, frame))
    end.do(Tick())
    end.do(LinkDown(IN))
    end.do(Tick())
    return tuple(frame for frame in frames if frame[0] >> 4 in QUESTIONS)


def test_a_round_trip_gives_both_the_same_and_full_receipts() -> None:
    """Two files, and both hold the same; a third, and both have every receipt."""
    world = apart()
    alpha, bravo = world.ends.values()
    alpha.submit("one", precedence=Precedence.FLASH)
    alpha.submit("two")
    bravo.submit("three")
    assert (alpha.own().size, bravo.own().size) == (1, 1)  # queued: nothing takes them
    taken(bravo, alpha, written(alpha, bravo))
    assert bravo.texts(0) == [b"\0one", b"\0two"]
    said = taken(alpha, bravo, written(bravo, alpha))
    assert alpha.texts(1) == [b"\0three"]
    assert bravo.own().stated[alpha.own().id] == alpha.own().size
    assert alpha.log_of(1).stated[alpha.own().id] == alpha.own().size
    assert [f["size"] for f in alpha.facts("cosigned")][-1] == alpha.own().size
    taken(bravo, alpha, written(alpha, bravo, said))
    assert heads(alpha) == heads(bravo)
    assert bravo.log_of(0).stated[bravo.own().id] == bravo.own().size
    kept = bravo.shelf(bravo.line.id).cosignatures
    assert {one.member for one in kept if len(one.signature) > 64} == {0, 1}


def test_no_heartbeat_goes_into_a_file() -> None:
    """However long its writing takes: a file is no sign of life when it is read."""
    world = apart("alpha", "bravo")
    alpha, bravo = world.ends.values()
    frames = world.taps[OUT] = []
    alpha.do(Carry(OUT, bravo.id, alpha.line.id, out=True))
    world.run(2 * PRESENCE_EVERY_S)
    assert frames
    assert Presence.TYPE not in {frame[0] >> 4 for frame in frames}


def test_files_at_rest_say_nothing_new() -> None:
    """Once both have all receipts, files that go on crossing enter nothing more."""
    world = apart()
    alpha, bravo = world.ends.values()
    alpha.submit("one")
    bravo.submit("two")
    for _ in range(2):
        taken(bravo, alpha, written(alpha, bravo))
        taken(alpha, bravo, written(bravo, alpha))
    rest = heads(alpha)
    for _ in range(3):
        taken(bravo, alpha, written(alpha, bravo))
        taken(alpha, bravo, written(bravo, alpha))
    assert heads(alpha) == heads(bravo) == rest


def test_a_file_before_the_one_it_follows_is_named_and_loses_nothing() -> None:
    """The second file first: what is missing is told, from where to where; then all is there."""
    world = apart()
    alpha, bravo = world.ends.values()
    alpha.submit("one")
    first = written(alpha, bravo)
    held = alpha.own().size
    # As if bravo had stated by another way that it has the first: the next begins behind that.
    alpha.log_of(1).stated[alpha.own().id] = held
    alpha.submit("two")
    second = written(alpha, bravo)
    taken(bravo, alpha, second)
    assert bravo.texts(0) == []
    gap = bravo.facts("courier-gap")[0]
    assert gap == {"member": 0, "log": alpha.own().id.word, "held": 1, "start": held}
    taken(bravo, alpha, first)
    taken(bravo, alpha, second)
    assert bravo.texts(0) == [b"\0one", b"\0two"]
    assert bravo.closed == []


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_frames_lost_repeated_and_out_of_order_lose_nothing(data: st.DataObject) -> None:
    """Whatever becomes of the frames of a file, nobody is blamed, and the whole file, taken in the
    end, brings all of it."""
    world = apart()
    alpha, bravo = world.ends.values()
    for number in range(5):
        alpha.submit(f"text {number}", precedence=number % 6)
    frames = written(alpha, bravo)
    torn = data.draw(st.lists(st.sampled_from(frames), max_size=2 * len(frames)))
    taken(bravo, alpha, torn)
    taken(bravo, alpha, frames)
    taken(bravo, alpha, frames)
    assert heads(bravo)[alpha.own().id] == heads(alpha)[alpha.own().id]
    assert len(bravo.texts(0)) == 5
    assert bravo.closed == []
    assert "refused" not in bravo.words()


def test_after_a_start_only_an_intact_mark_lets_a_file_take_entries() -> None:
    """A restarted node writes what it has, and enters what waits once its mark is vouched for; a
    file that is read is nobody's hello."""
    world = apart()
    alpha, bravo = world.ends.values()
    answer = written(bravo, alpha)
    alpha.submit("one")
    alpha.do(Tick())
    alpha.restart()
    alpha.told.clear()
    taken(alpha, bravo, answer)
    assert alpha.line.awaits_hello
    assert "greeted" not in alpha.words()
    written(alpha, bravo)
    assert alpha.own().size == 1
    rely_on_mark(alpha.line)
    taken(bravo, alpha, written(alpha, bravo))
    assert bravo.texts(0) == [b"\0one"]


def test_a_mute_node_signs_nothing_and_is_given_what_it_lost() -> None:
    """A restored node writes a file with its hello and no word of its own; the answer brings back
    its own log too, and adopted it goes on."""
    world = apart()
    alpha, bravo = world.ends.values()
    old = {line: copy.deepcopy(shelf) for line, shelf in alpha.shelves.items()}
    alpha.submit("one")
    taken(bravo, alpha, written(alpha, bravo))
    size = alpha.own().size
    alpha.restart(old)
    taken(alpha, bravo, written(bravo, alpha))
    assert alpha.line.mute
    rely_on_mark(alpha.line)
    assert alpha.line.awaits_hello
    alpha.submit("while mute")
    before = alpha.own().size
    said = taken(bravo, alpha, written(alpha, bravo))
    assert alpha.own().size == before
    taken(alpha, bravo, written(bravo, alpha, said))
    assert alpha.own().size == size
    assert alpha.texts(0) == [b"\0one"]
    assert alpha.line.mute


def test_a_missing_body_is_asked_for_in_one_file_and_comes_in_the_next() -> None:
    """A leaf comes by a mediator who may not read it: its body is wanted in our file to the author,
    and the answering one has it."""
    world = apart("alpha", "bravo", "charlie")
    alpha, bravo, charlie = world.ends.values()
    alpha.submit("for bravo alone", audience=0b010)
    taken(charlie, alpha, written(alpha, charlie))
    taken(bravo, charlie, written(charlie, bravo))
    assert list(bravo.log_of(0).missing) == [1]
    said = taken(alpha, bravo, written(bravo, alpha))
    assert [frame[0] >> 4 for frame in said] == [1, 6]  # hello, and a want
    taken(bravo, alpha, written(alpha, bravo, said))
    assert not bravo.log_of(0).missing
    assert bravo.texts(0) == [b"\0for bravo alone"]
    assert charlie.texts(0) == [None]


def test_a_mediator_carries_what_two_parties_said() -> None:
    """Alpha and bravo meet only the mediator's courier; each gets the other's log and receipts."""
    world = apart("alpha", "bravo", "charlie")
    alpha, bravo, charlie = world.ends.values()
    alpha.submit("to both")
    taken(charlie, alpha, written(alpha, charlie))
    taken(bravo, charlie, written(charlie, bravo))
    assert bravo.texts(0) == [b"\0to both"]
    taken(charlie, bravo, written(bravo, charlie))
    taken(alpha, charlie, written(charlie, alpha))
    assert alpha.log_of(1).stated[alpha.own().id] == alpha.own().size
    assert heads(alpha)[alpha.own().id] == heads(bravo)[alpha.own().id]


def test_a_file_beside_a_link_changes_nothing_on_it() -> None:
    """While two are linked a file takes what waits, the link carries it all the same, and what the
    file is known to hold counts on no link."""
    world = World()
    world.open()
    alpha, bravo = world.ends.values()
    alpha.submit("one")
    frames = written(alpha, bravo)
    world.run()
    assert bravo.texts(0) == [b"\0one"]
    taken(bravo, alpha, frames)
    alpha.submit("two")
    world.run(120)
    assert bravo.texts(0) == [b"\0one", b"\0two"]
    assert heads(alpha) == heads(bravo)
    assert (alpha.closed, bravo.closed) == ([], [])


def batches(frames: list[bytes]) -> list[Batch]:
    """The batches of entries among frames."""
    readers = [Reader(frame) for frame in frames]
    return [read_batch(reader) for reader in readers if read_tag(reader)[0] == ENTRIES]


def test_a_file_may_be_the_first_that_two_hear_of_each_other() -> None:
    """Nothing of the other is held when it is written, and no link was ever there."""
    world = World()
    alpha, bravo = world.ends.values()
    for end in (alpha, bravo):
        end.do(Accept(world.charter().encode()))
        end.submit(f"from {end.name}")
    for _ in range(2):
        taken(bravo, alpha, written(alpha, bravo))
        taken(alpha, bravo, written(bravo, alpha))
    assert bravo.texts(0) == [b"\0from alpha"]
    assert alpha.texts(1) == [b"\0from bravo"]
    assert heads(alpha) == heads(bravo)


def test_a_file_leaves_out_what_its_receiver_has() -> None:
    """Its own log, and what its last hello named, though its log does not state that yet."""
    world = apart()
    alpha, bravo = world.ends.values()
    alpha.submit("none")
    first = written(alpha, bravo)
    assert {one.log.member for one in batches(first)} == {0}
    taken(bravo, alpha, first)
    taken(alpha, bravo, written(bravo, alpha))
    bravo.restart()
    alpha.submit("one")
    taken(bravo, alpha, written(alpha, bravo))
    size = alpha.own().size
    assert bravo.line.awaits_hello  # so it holds the entry, and states nothing
    said = taken(alpha, bravo, written(bravo, alpha))
    assert 0 < alpha.log_of(1).stated[alpha.own().id] < size
    alpha.submit("two")
    found = batches(written(alpha, bravo, said))
    assert {one.log.member for one in found} == {0}
    assert min(one.start or 0 for one in found) == size


def test_a_file_in_answer_is_written_like_any_other() -> None:
    """What is queued goes in one batch with our ML-DSA signature behind it, and the hello in it
    asks for no hello back."""
    world = apart()
    alpha, bravo = world.ends.values()
    said = taken(alpha, bravo, written(bravo, alpha))
    for number in range(3):
        alpha.submit(f"text {number}")
    frames = written(alpha, bravo, said)
    own = [one for one in batches(frames) if one.log == alpha.own().id]
    assert [one.count for one in own] == [alpha.own().size - 1]
    assert [frame[0] >> 4 for frame in frames].count(Quantum.TYPE) >= 1
    hellos = [read_frame(1, Reader(frame, 1)) for frame in frames if frame[0] >> 4 == Hello.TYPE]
    assert hellos
    assert not any(isinstance(one, Hello) and one.answer for one in hellos)


def test_a_restored_node_is_given_what_it_had_stated_to_hold() -> None:
    """It says that it is mute, so its last statements count for nothing."""
    world = apart()
    alpha, bravo = world.ends.values()
    old = {line: copy.deepcopy(shelf) for line, shelf in alpha.shelves.items()}
    bravo.submit("three")
    taken(alpha, bravo, written(bravo, alpha))
    taken(bravo, alpha, written(alpha, bravo))
    assert bravo.log_of(0).stated[bravo.own().id] == bravo.own().size
    alpha.restart(old, mute="restored")
    said = taken(bravo, alpha, written(alpha, bravo))
    taken(alpha, bravo, written(bravo, alpha, said))
    assert alpha.texts(1) == [b"\0three"]


def test_a_head_that_memory_has_not_is_cosigned_in_a_file() -> None:
    """What is held without a hole ends before a missing body; the head there is in the store."""
    world = apart("alpha", "bravo", "charlie")
    alpha, bravo, charlie = world.ends.values()
    alpha.submit("for bravo alone", audience=0b010)
    taken(charlie, alpha, written(alpha, charlie))
    taken(bravo, charlie, written(charlie, bravo))
    bravo.log_of(0).heads.clear()
    assert bravo.log_of(0).missing
    said = taken(alpha, bravo, written(bravo, alpha))
    assert alpha.facts("cosigned")[-1]["size"] == 1
    assert said


def test_a_file_is_of_one_line_alone() -> None:
    """A hello of another line that both are members of is refused in it, too."""
    world = apart()
    alpha, bravo = world.ends.values()
    other = replace(world.charter(), title="Another").encode()
    for end in (alpha, bravo):
        end.do(Accept(other))
    frames = written(alpha, bravo)
    hello = frames[0]
    second = [line for line in bravo.station.lines if line != bravo.line.id]
    taken(bravo, alpha, [hello[:2] + second[0] + hello[34:]])
    assert [one["refusal"] for one in bravo.facts("refused")] == ["unknown-line"]


def test_a_file_that_is_written_names_no_other_line() -> None:
    """A charter accepted meanwhile is greeted on links, and not in it."""
    world = apart()
    alpha, bravo = world.ends.values()
    frames = world.taps[OUT] = []
    alpha.do(Carry(OUT, bravo.id, alpha.line.id, out=True))
    alpha.do(Accept(replace(world.charter(), title="Another").encode()))
    alpha.do(Tick())
    hellos = [read_frame(1, Reader(frame, 1)) for frame in frames if frame[0] >> 4 == Hello.TYPE]
    assert [one.line for one in hellos if isinstance(one, Hello)] == [alpha.line.id]


def test_what_a_file_states_as_held_counts_on_no_link() -> None:
    """A hello in a file that says more than the link has confirmed leaves the link as it was."""
    world = World()
    world.open()
    alpha, bravo = world.ends.values()
    world.dropping = {("bravo", "alpha")}
    alpha.submit("one")
    world.run()
    (live,) = alpha.line.sessions.values()
    held = live.holds[alpha.own().id]
    assert bravo.log_of(0).size > held
    hello = written(bravo, alpha)[:1]
    taken(alpha, bravo, hello)
    assert live.holds[alpha.own().id] == held


def test_a_long_backlog_goes_in_several_steps_and_flash_is_among_the_first() -> None:
    """More than a window waits: the file takes it all, bounded in each step, in full forms."""
    world = apart()
    alpha, bravo = world.ends.values()
    for number in range(700):
        alpha.submit(f"{number:04} " + "x" * 300)
    taken(bravo, alpha, written(alpha, bravo))
    taken(alpha, bravo, written(bravo, alpha))
    assert len(bravo.texts(0)) == 700
    for number in range(8000):
        alpha.submit(f"{number:04} " + "y" * 300)
    alpha.submit("quick", precedence=Precedence.FLASH)
    frames = written(alpha, bravo)
    assert max(map(len, frames)) < 655_360
    taken(bravo, alpha, frames)
    assert len(bravo.texts(0)) == 8701
    assert bravo.closed == []


def test_a_heartbeat_and_another_line_have_no_place_in_a_file() -> None:
    """Presence years late says nothing, and a file is of one line: both are refused by name."""
    world = apart()
    alpha, bravo = world.ends.values()
    hello = written(alpha, bravo)[0]
    other = hello[:2] + bytes(32) + hello[34:]
    taken(bravo, alpha, [encode_frame(1, Presence(True, 95, 1, 3, 12, world.wall_s)), other])
    assert [one["refusal"] for one in bravo.facts("refused")] == ["out-of-turn", "unknown-line"]


def test_a_file_is_between_members() -> None:
    """No file to who is unknown, to ourselves, or to who is no member."""
    world = World(("alpha", "bravo", "charlie"))
    two = World(("alpha", "bravo"))
    two.open()
    alpha = two.ends["alpha"]
    for party, refusal in (
        (bytes(32), Refusal.UNKNOWN_PARTY),
        (alpha.id, Refusal.UNKNOWN_PARTY),
        (world.ends["charlie"].id, Refusal.NOT_ALLOWED),
    ):
        alpha.station.cards.setdefault(world.ends["charlie"].id, world.ends["charlie"].station.card)
        with pytest.raises(LocalError) as refused:
            alpha.do(Carry(OUT, party, alpha.line.id, out=True))
        assert refused.value.refusal is refusal
    with pytest.raises(LocalError) as refused:
        alpha.do(Carry(OUT, two.ends["bravo"].id, bytes(32), out=True))
    assert refused.value.refusal is Refusal.UNKNOWN_LINE
