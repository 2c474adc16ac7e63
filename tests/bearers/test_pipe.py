"""The pipe in virtual time: damaged bytes, and urgent frames that break in."""

from __future__ import annotations

import random

import pytest
from bearers.wire import Wire

from detente.bearers import fec
from detente.bearers.kiss import BROKEN_OFF, kiss
from detente.bearers.pipe import VAIN_MAX, VAIN_PER_S

FRAME = random.Random(5).randbytes(6000)


def passing_s(bits_per_s: int, damaged: float, seed: int) -> float:
    """How long a frame and a short one behind it take, from when the link is up."""
    wire = Wire(bits_per_s, damaged, seed)
    wire.run(wire.up)
    wire.pipes[0].end.send(FRAME)
    wire.pipes[0].end.send(b"behind it")
    took_s = wire.run(lambda: len(wire.frames[1]) == 2)
    assert wire.frames[1] == [FRAME, b"behind it"]
    return took_s


@pytest.mark.parametrize("bits_per_s", [1200, 9600])
@pytest.mark.parametrize(("damaged", "most"), [(0.01, 1.5), (0.05, 2.5)])
def test_damaged_bytes_cost_a_bounded_share(bits_per_s, damaged, most):
    """With 1 % of all bytes damaged, both ways, a frame takes at most 1.5 times as long as with
    none, with 5 % at most 2.5 times."""
    clean_s = passing_s(bits_per_s, 0.0, 1)
    for seed in (9, 10):  # of 32 the worst, before the first packets had error correction too
        assert passing_s(bits_per_s, damaged, seed) <= most * clean_s


def test_a_link_comes_up_on_a_bad_way():
    """Where hardly an announcement comes undamaged, those that carry their own mending do."""
    for seed in range(3):
        wire = Wire(1200, 0.06, seed)
        assert wire.run(wire.up) < 60


def test_on_a_slow_way_something_urgent_breaks_in():
    """At 75 bit/s a fragment takes eight seconds; an urgent frame does not wait for its end."""
    took_s = []
    for backlog in (0, 3000):
        wire = Wire(75)
        wire.run(wire.up)
        wire.pass_s(120)
        if backlog:
            wire.pipes[0].end.send(bytes(backlog))
            wire.pass_s(31)
        wire.pipes[0].end.send(b"F" * 500, urgent=True)
        took_s.append(wire.run(lambda wire=wire: wire.frames[1]))
        assert wire.frames[1] == [b"F" * 500]
        assert (BROKEN_OFF in bytes(wire.sent[0])) == bool(backlog)
    assert took_s[1] <= took_s[0] + 1


def test_what_was_broken_off_comes_later():
    """The fragment that gave way is sent again, and counts as no damage of the way."""
    wire = Wire(75)
    wire.run(wire.up)
    wire.pass_s(120)
    wire.pipes[0].end.send(FRAME[:700])
    for _ in range(4):
        wire.pass_s(11)
        wire.pipes[0].end.send(b"F", urgent=True)
    wire.run(lambda: len(wire.frames[1]) == 5)
    assert FRAME[:700] in wire.frames[1]
    assert wire.pipes[1].end.level_wished == 0


def test_nothing_is_sent_while_nothing_waits():
    """A link at rest is silent."""
    wire = Wire(9600)
    wire.run(wire.up)
    wire.pass_s(30)
    before = [len(sent) for sent in wire.sent]
    wire.pass_s(30)
    assert [len(sent) for sent in wire.sent] == before
    assert wire.pipes[0].wake_s() is None


def test_noise_gets_no_more_than_its_share_of_the_time(monkeypatch):
    """Blocks that nothing mends are tried so often in a second, and no more; what comes undamaged
    among them is read all the same."""
    tried = []
    mend = fec.mend

    def counted(block, level):
        tried.append(level)
        return mend(block, level)

    monkeypatch.setattr(fec, "mend", counted)
    wire = Wire(9600)
    wire.run(wire.up)
    wire.pass_s(10)
    tried.clear()
    noise = kiss(random.Random(1).randbytes(200))
    for _ in range(100):
        wire.pipes[1].feed(noise, wire.now_s)
    every = 2 * len(fec.PARITY_BYTES) + 1  # tries of one block
    assert len(tried) == VAIN_MAX * every
    wire.pipes[0].end.send(b"undamaged")
    wire.run(lambda: wire.frames[1])
    assert wire.frames[1] == [b"undamaged"]
    tried.clear()
    wire.pass_s(2)
    for _ in range(100):
        wire.pipes[1].feed(noise, wire.now_s)
    assert 2 * VAIN_PER_S * every <= len(tried) <= VAIN_MAX * every
