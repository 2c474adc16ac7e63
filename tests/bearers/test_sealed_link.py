"""The sealed link in virtual time: lives, lanes, losses, and what strangers and replays get."""

from __future__ import annotations

import random

import pytest
from bearers.way import HIGH, LOW, SECRET, Way, entropy_of

from detente.bearers.lanes import TakeLane
from detente.bearers.packets import WINDOW, Fragment
from detente.bearers.sealed_link import RETIRED_MAX, SealedEnd
from detente.core.link_keys import ANNOUNCEMENT_BYTES


def joined(**given):
    """A way whose link is up, and on which nobody announces anything more."""
    way = Way(**given)
    way.run(way.up)
    way.pass_s(100)
    return way


def test_two_ends_meet_and_frames_come_whole():
    """Announcements alone bring the link up; frames of many sizes come whole, in order, once."""
    way = joined(bits_per_s=9600)
    frames = [bytes([n]) * (n * n + 1) for n in range(40)]
    for frame in frames:
        way.ends[0].send(frame)
        way.ends[1].send(frame[::-1])
    way.run(lambda: len(way.frames[1]) == 40 and len(way.frames[0]) == 40)
    assert [frame for _, frame in way.frames[1]] == frames
    assert [frame for _, frame in way.frames[0]] == frames


def test_ends_without_the_secret_hear_nothing():
    """A stranger's packets change nothing at all, and nothing answers them."""
    way = joined()
    stranger = SealedEnd(SECRET[::-1], HIGH, LOW, 1200, entropy_of(9))
    before = len(way.packets)
    way.pass_s(5)
    quiet = len(way.packets) - before
    way.hear(0, stranger.packet(0.0).data)
    for size in (0, 1, 5, 6, 7, 61, 200):
        way.hear(0, random.Random(size).randbytes(size))
    way.pass_s(5)
    assert len(way.packets) - before == quiet == 0
    assert way.up()


def test_a_restarted_end_comes_back_under_new_keys():
    """After a new process at either end the link comes up again, and shares no key with before."""
    way = joined()
    seen = {way.ends[0].keys.fresh}
    for number, end in enumerate((0, 1, 1, 0)):
        way.restart(end, 100 + number)
        way.run(way.up)
        assert way.ends[0].keys.fresh not in seen
        seen.add(way.ends[0].keys.fresh)
        way.ends[end].send(b"again")
        way.run(lambda end=end: way.frames[1 - end][-1:] and way.frames[1 - end][-1][1] == b"again")
        way.frames[1 - end].clear()


def test_replays_of_every_earlier_packet_yield_nothing():
    """All that was ever sent, said again in this life and in a later one, brings no frame, ends no
    link and is answered by a few announcements at most."""
    way = joined()
    way.ends[0].send(b"x" * 500)
    way.run(lambda: len(way.frames[1]) == 1)
    way.restart(0, 77)
    way.run(way.up)
    way.ends[0].send(b"y" * 500)
    way.run(lambda: len(way.frames[1]) == 2)
    way.pass_s(30)
    keys, recorded = way.ends[1].keys, list(way.packets)
    heard_s = way.ends[1].heard_s
    for _, by, data in recorded:
        way.hear(1, data)
        way.hear(by, data)
    assert way.ends[1].keys is keys
    assert way.ends[1].heard_s == heard_s
    way.pass_s(60)
    assert len(way.frames[1]) == 2
    assert len(way.packets) - len(recorded) <= 6
    way.ends[0].send(b"still here")
    way.run(lambda: len(way.frames[1]) == 3)
    way.restart(1, 78)
    way.frames[1].clear()
    for _, _, data in recorded:
        way.hear(1, data)
    assert way.ends[1].keys is None
    assert not way.frames[1]
    way.run(way.up)


def test_many_lives_of_a_peer_are_not_hoarded():
    """What is kept of a peer's earlier lives is bounded; beyond it our own end begins anew."""
    way = joined(bits_per_s=1_000_000)
    kept = []
    for number in range(RETIRED_MAX + 2):
        way.restart(0, 1000 + number)
        way.run(way.up)
        kept.append(len(way.ends[1]._retired))
    assert max(kept) == RETIRED_MAX
    assert kept[-1] < RETIRED_MAX


@pytest.mark.parametrize("bits_per_s", [75, 1200, 9600])
def test_an_urgent_frame_waits_for_one_fragment_at_most(bits_per_s):
    """Behind a long frame that is on its way, an urgent one is late by one fragment."""
    took = []
    for backlog in (0, 100_000):
        way = joined(bits_per_s=bits_per_s)
        if backlog:
            way.ends[0].send(bytes(backlog))
            way.pass_s(way.ends[0].airtime_s(500) + 0.37)
        way.ends[0].send(b"F" * 700, urgent=True)
        took.append(way.run(lambda way=way: way.frames[1]))
        assert way.frames[1][0][1] == b"F" * 700
    one_s = 8 * (max(64, min(180, bits_per_s // 8)) + 14) / bits_per_s
    assert took[1] <= took[0] + one_s + 0.1


def test_what_is_urgent_does_not_starve_the_rest():
    """While urgent frames never stop, what may wait has a ninth of the fragments."""
    way = joined(bits_per_s=9600)
    way.ends[0].send(bytes(9000))
    for _ in range(200):
        way.ends[0].send(b"F" * 900, urgent=True)
    way.run(lambda: any(frame == bytes(9000) for _, frame in way.frames[1]))
    urgent = sum(frame != bytes(9000) for _, frame in way.frames[1])
    assert 40 < urgent < 120


@pytest.mark.parametrize("seed", range(3))
def test_losses_on_a_far_way_cost_little_more_than_what_is_lost(seed):
    """Two seconds of round trip and a fifth of all packets lost, acknowledgements too: at least
    70 % of what the way carries arrives as frames."""
    dice = random.Random(seed)
    way = Way(bits_per_s=9600, delay_s=1.0, lose=lambda _: dice.random() < 0.2)
    way.run(way.up)
    frame = bytes(40_000)
    for _ in range(5):
        way.ends[0].send(frame)
    took_s = way.run(lambda: len(way.frames[1]) == 5, 3000)
    usable = 0.8 * 9600 * took_s / 8
    assert 5 * len(frame) / usable >= 0.7


def frames_of(life: int) -> list[bytes]:
    """What an end says in one of its lives: every fourth frame is urgent, the first one too."""
    kinds = (b"urgent", b"waits", b"waits", b"waits")
    return [b"%s %d %d %s" % (kinds[n % 4], life, n, bytes(300)) for n in range(12)]


@pytest.mark.parametrize("seed", range(31))
def test_no_frame_comes_before_an_urgent_one_sent_earlier(seed):
    """With 30 % of all packets lost, frames handed over as soon as an end is up come whole at both
    ends: first the first urgent one, and every other frame behind all urgent ones sent before."""
    dice = random.Random(seed)
    way = Way(bits_per_s=2400, delay_s=0.5, lose=lambda _: dice.random() < 0.3)
    lives = [0, 0]

    def all_here() -> bool:
        for number, end in enumerate(way.ends):
            if end.keys is not None and end.life > lives[number]:  # a life may end by such losses
                lives[number] = end.life
                way.frames[1 - number].clear()
                for frame in frames_of(end.life):
                    end.send(frame, urgent=frame.startswith(b"urgent"))
        return all(len(frames) == 12 for frames in way.frames)

    way.run(all_here)
    for number in (0, 1):
        came, sent = [frame for _, frame in way.frames[1 - number]], frames_of(lives[number])
        assert sorted(came) == sorted(sent)
        assert came[0] == sent[0]
        for at, frame in enumerate(sent):
            before = {each for each in sent[:at] if each.startswith(b"urgent")}
            assert before <= set(came[: came.index(frame)])


def is_fragment(data: bytes) -> bool:
    """Whether a packet has a piece of a frame, by its head; announcements are not asked."""
    return len(data) != ANNOUNCEMENT_BYTES and bool(data[4] & 0x80)


@pytest.mark.parametrize("seed", range(31))
def test_no_frame_is_sent_to_an_end_that_is_not_up(seed):
    """However announcements are lost, no fragment leaves before the other end is up, and ends that
    have nothing to say come to know of one another and fall silent."""
    dice = random.Random(seed)
    way = Way(lose=lambda _: dice.random() < 0.3)

    def look() -> bool:
        for number, end in enumerate(way.ends):
            if end.keys is not None and not end.queued_bytes() and seed % 3 > number:
                end.send(b"a frame")
        if not way.up():
            assert not any(is_fragment(data) for _, _, data in way.packets)
        return all(end.met for end in way.ends)

    way.run(look, 600)
    way.pass_s(300)
    before = len(way.packets)
    way.pass_s(300)
    assert len(way.packets) == before
    assert [end.life for end in way.ends] == [1, 1]


def test_an_end_waits_for_a_sign_that_the_other_is_up():
    """While an end only knows that it was heard its frames wait, however many announcements are
    lost; the first that comes brings the other up, and its answer lets them go."""
    way = Way()
    way.run(lambda: way.ends[0].keys is not None or way.ends[1].keys is not None)
    first = 0 if way.ends[0].keys is not None else 1
    way.lose = lambda _: True
    way.ends[first].send(b"hello", urgent=True)
    way.pass_s(200)
    assert not any(is_fragment(data) for _, _, data in way.packets)
    way.lose = lambda _: False
    way.run(lambda: way.frames[1 - first], 70)
    assert way.frames[1 - first][0][1] == b"hello"
    assert way.up()
    assert way.ends[first].life == 1


def test_what_may_wait_begins_when_urgent_frames_before_it_have_come():
    """A frame that may wait is not begun before the urgent one queued earlier is confirmed; one
    queued before that goes on, and another urgent one passes at once."""
    way = joined(delay_s=1.0)
    way.lose = lambda data: bool(data[4] & 0x40)  # the urgent lane of either end
    way.ends[0].send(b"before")
    way.ends[0].send(b"F" * 300, urgent=True)
    way.ends[0].send(b"behind")
    way.pass_s(20)
    assert [frame for _, frame in way.frames[1]] == [b"before"]
    way.lose = lambda _: False
    way.ends[0].send(b"G", urgent=True)
    way.run(lambda: len(way.frames[1]) == 4, 60)
    assert [frame for _, frame in way.frames[1]] == [b"before", b"F" * 300, b"G", b"behind"]


def test_a_lost_fragment_does_not_hold_up_the_other_lane():
    """While the first fragment of a long frame is lost again and again, an urgent frame passes."""
    way = joined(delay_s=1.0)
    way.lose = lambda data: len(data) > 100 and not data[4] & 0x40
    way.ends[0].send(bytes(5000))
    way.pass_s(3)
    way.ends[0].send(b"F" * 300, urgent=True)
    took_s = way.run(lambda: way.frames[1], 60)
    assert way.frames[1][0][1] == b"F" * 300
    assert took_s < 8


def test_an_end_that_nobody_answers_begins_anew():
    """When all that is sent is lost the life ends within minutes; it comes back by itself."""
    way = joined()
    way.lose = lambda _: True
    way.ends[0].send(b"lost")
    way.run(lambda: way.ends[0].keys is None, 1000)
    assert way.ends[0].why == "nobody answers"
    way.lose = lambda _: False
    way.run(lambda: way.up() and way.ends[0].life == 2, 200)
    way.ends[0].send(b"found")
    way.run(lambda: way.frames[1])
    assert way.frames[1][0][1] == b"found"


def test_a_forged_fragment_ends_a_life_and_gives_no_frame():
    """A frame whose fragments pass their checks and that does not open brings nothing up."""
    way = joined()
    end = way.ends[0]
    end.sends[0].queue(b"not sealed under any key of this life")
    way.run(lambda: way.ends[1].keys is None, 60)
    assert not way.frames[1]
    assert "does not open" in way.ends[1].why


def test_a_frame_without_end_is_refused():
    """Fragments that never end a frame cost no more than the largest frame, and the life."""
    way = joined(bits_per_s=10_000_000)
    way.ends[0].sends[0].queue(bytes(700_000))
    way.run(lambda: way.ends[1].keys is None)
    assert "no end" in way.ends[1].why
    assert not way.frames[1]


def test_a_peer_that_is_known_to_listen_is_sent_each_fragment_four_times():
    """What it misses of them all stops its lane; frames go on to be sent, no life ends for its
    silence, and a new one is known to be needed."""
    way = joined(bits_per_s=9600)
    way.run(way.up)
    keys, before = way.ends[0].keys, len(way.packets)
    way.ends[0].unheard = True
    way.ends[1].packet = lambda _now_s: None
    way.ends[1].wake_s = lambda: None
    way.ends[0].send(b"urgent", urgent=True)
    for number in range(200):
        way.ends[0].send(b"%03d" % number * 40)
    way.pass_s(3600)
    assert [frame for _, frame in way.frames[1]][:2] == [b"urgent", b"000" * 40]
    assert len(way.frames[1]) == 201
    assert len(way.packets) - before == 4 * 201
    assert way.ends[0].keys is keys
    assert way.ends[0].gave_up
    assert way.ends[0].sends[0].is_empty()
    way.ends[0].end("anew", way.now_s)
    assert not way.ends[0].gave_up


def test_fragments_that_are_all_heard_are_given_up_for_nobody():
    """Who confirms in time is sent nothing twice, whatever was thought of it."""
    way = joined(bits_per_s=9600)
    way.ends[0].unheard = True
    way.ends[0].send(b"x" * 1000)
    way.run(lambda: len(way.frames[1]) == 1)
    way.pass_s(100)
    assert not way.ends[0].gave_up


def test_fragments_are_hoarded_no_more_than_the_window() -> None:
    """Of fragments whose first one never comes so many are kept, and of numbers beyond none."""
    taking = TakeLane()
    for number in range(1, 5000):
        taking.take(Fragment(0, number, last=True, piece=bytes(180)))
    assert len(taking._beyond) == WINDOW
    assert taking.take(Fragment(0, 0, last=True, piece=b"first"))[0] == b"first"
    assert not taking._beyond
