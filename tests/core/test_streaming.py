"""Batches as they go out: what they leave out, where they are cut, when they ask for an answer."""

from __future__ import annotations

import pytest
from liar import Liar
from pair import End, World

from detente.core import events
from detente.core.encoding import Reader
from detente.core.errors import Refusal
from detente.core.frames import WANT_BODY, WANT_ENTRIES, Body, Got, Refuse, Want
from detente.core.leaf import LogId
from detente.core.station import Flight
from detente.core.streaming import CONFIRM_ENTRIES, FILE_BATCH_BYTES_MAX
from detente.core.wire import ENTRIES, Batch, read_batch, read_tag

OUT = -1


def _following() -> tuple[World, Liar, End, int]:
    """Alpha, and a liar as bravo who confirms what it is sent."""
    world = World()
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    _confirm(liar, link)
    return world, liar, alpha, link


def _confirm(liar: Liar, link: int) -> list[bytes]:
    """What came, as it came; all of it is confirmed."""
    end = liar.links[link]
    raw = list(liar.world.taps[link])
    liar.got(link)
    liar.send(link, Got(end.own().id, end.own().size))
    return raw


def _say(end: End, text: str, **more: object) -> None:
    end.submit(text, **more)
    end.world.run()


def test_a_batch_that_follows_leaves_out_where_it_begins() -> None:
    """And whose it is, where it is its sender's own."""
    _, liar, alpha, link = _following()
    for text in ("one", "two"):
        _say(alpha, text)
    batches = liar.answers(link, Batch)
    assert [(one.log, one.start, one.count) for one in batches] == [(None, None, 1)] * 2


def test_what_memory_has_not_is_elided_against_the_store() -> None:
    """Asked for again from the middle, its first entry stands behind one that only the store has;
    and a reference to what the peer holds is no hash on the wire."""
    _, liar, alpha, link = _following()
    _say(alpha, "one")
    digest = alpha.shelf(alpha.line.id).entry(alpha.own().id, 1).hash
    _confirm(liar, link)
    _say(alpha, "two", refs=(digest,))
    raw = b"".join(_confirm(liar, link))
    assert raw
    assert digest not in raw
    alpha.own().recent.clear()
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 2))
    alpha.do(events.Tick())
    (batch,) = liar.answers(link, Batch)
    assert batch.count == 1


def test_after_so_many_entries_a_batch_asks_to_be_confirmed() -> None:
    """However short they are."""
    _, liar, alpha, link = _following()
    alpha.line.sessions[link].unasked_entries = 0
    alpha.line.sessions[link].unasked_bytes = 0
    for number in range(CONFIRM_ENTRIES):
        _say(alpha, f"{number}")
    asks = [one.confirm for one in liar.answers(link, Batch)]
    assert asks == [False] * (CONFIRM_ENTRIES - 1) + [True]


@pytest.mark.parametrize(("groups", "counts"), [((3,), [3]), ((3, 1), [3, 1])])
def test_what_is_too_long_for_a_file_is_cut_at_the_nearest_signature(
    groups: tuple[int, ...], counts: list[int]
) -> None:
    """What its author put under one signature goes whole: the nearest behind what is too long, not
    one where it begins, and not the farthest."""
    _, _, alpha, link = _following()
    start = alpha.own().size
    text = "x" * (FILE_BATCH_BYTES_MAX - 2_000)
    for count in groups:
        for number in range(count):
            alpha.submit(f"{number} {text}")
        alpha.do(events.Tick())
    assert alpha.own().size == start + sum(groups)
    alpha.do(events.LinkDown(link))
    frames = alpha.world.taps[OUT] = []
    bravo = alpha.world.ends["bravo"].id
    alpha.do(events.Carry(OUT, bravo, alpha.line.id, out=True))
    alpha.line.sessions[OUT].sent[alpha.own().id] = start
    for _ in range(5):
        alpha.do(events.Tick())
    readers = [Reader(frame) for frame in frames]
    batches = [read_batch(one) for one in readers if read_tag(one)[0] == ENTRIES]
    assert [one.count for one in batches if one.log == alpha.own().id] == counts


def test_who_asks_again_for_one_log_has_the_batches_of_others_still_coming() -> None:
    """Only what was under way of that log is not any more."""
    _, liar, alpha, link = _following()
    session = alpha.line.sessions[link]
    other = Flight(LogId(1, 1, b"lifelife"), 5, 1, 100)
    session.flight.append(other)
    session.flight_entries, session.flight_bytes = 1, 100
    liar.send(link, Want(WANT_ENTRIES, alpha.own().id, 1))
    assert list(session.flight) == [other]
    assert (session.flight_entries, session.flight_bytes) == (1, 100)


def test_an_author_gets_the_body_that_it_addressed_to_others_alone() -> None:
    """It wrote it, and may have lost it."""
    _, liar, _, link = _following()
    liar.say("for alpha", audience=0b01)
    liar.entries(link, start=1)
    liar.got(link)
    liar.send(link, Want(WANT_BODY, liar.log.id, 1))
    assert [one.index for one in liar.answers(link, Body)] == [1]


def test_a_refusal_is_told_with_its_name_and_its_member() -> None:
    """What a peer would not take people can look up."""
    _, liar, alpha, link = _following()
    liar.send(link, Refuse(Refusal.NOT_HELD, alpha.own().id, 1))
    assert alpha.facts("refused-by-peer") == [{"member": 1, "refusal": "not-held"}]


def test_a_mute_node_that_has_something_queued_rests_when_its_file_is_written() -> None:
    """What it may not enter does not keep it writing."""
    world, _, alpha, _ = _following()
    alpha.restart(mute="restored")
    alpha.submit("not now")
    alpha.do(events.Carry(OUT, world.ends["bravo"].id, alpha.line.id, out=True))
    for _ in range(5):
        alpha.do(events.Tick())
    assert not alpha.line.touched
    assert alpha.line.queue.rows
