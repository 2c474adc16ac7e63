"""The sealed link in virtual time: lives, lanes, losses, and what strangers and replays get."""

from __future__ import annotations

import random

import pytest
from bearers.way import HIGH, LOW, SECRET, Way, entropy_of

from detente.bearers.sealed_link import RETIRED_MAX, SealedEnd


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
