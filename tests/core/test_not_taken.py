"""A batch that is not taken: what its sender is told or asked, and what is forgotten with it."""

from __future__ import annotations

import pytest
from core.test_receiving import refused, with_liar

from detente.core.errors import Refusal
from detente.core.frames import WANT_ENTRIES, WANT_FULL, Got, Refuse, Want
from detente.core.wire import Batch, encode_entries, whole_item


def test_nothing_follows_a_batch_that_is_refused() -> None:
    """The next one without a start is a gap, and no second fault."""
    _world, liar, link, alpha = with_liar()
    for n in range(3):
        liar.say(str(n))
    liar.entries(link, start=1, stop=2)
    liar.entries(link, start=2, stop=3, signature=bytes(64))
    liar.got(link)
    liar.raw(link, liar.batch(start=3, told_start=False))
    assert refused(alpha) == ["bad-signature"]
    assert liar.answers(link, Want) == [Want(WANT_ENTRIES, liar.log.id, 2)]


def test_a_batch_of_another_history_is_no_longer_under_way() -> None:
    """Whoever asked for its confirmation is told so by log and start."""
    _world, liar, link, alpha = with_liar()
    fork = liar.log.fork(1)
    for n in range(3):
        liar.say(str(n))
        liar.say(f"another {n}", fork)
    liar.say("one more", fork)
    liar.entries(link, start=1)
    liar.got(link)
    liar.entries(link, fork, start=1, confirm=True)
    told = liar.got(link)
    assert Refuse(Refusal.FROZEN, liar.log.id, 1) in told
    assert not [frame for frame in told if isinstance(frame, Got)]
    assert alpha.line.logs[liar.log.id].frozen == 1


def test_a_batch_without_its_entries_is_a_question() -> None:
    """Nothing of it stands there in full, so nothing is judged (F4)."""
    _world, liar, link, alpha = with_liar()
    liar.say("x")
    liar.raw(link, encode_entries(1, Batch(liar.log.id, 1, 1, confirm=False), [], bytes(64)))
    assert refused(alpha) == []
    assert liar.answers(link, Want) == [Want(WANT_FULL, liar.log.id, 1)]


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_batch_that_ends_before_its_last_entry_is_a_question(byte: int) -> None:
    """Whatever its signature begins with, which stands where that entry would."""
    _world, liar, link, alpha = with_liar()
    liar.say("one")
    item = whole_item(liar.log.raws[1], *liar.log.bodies[1])
    batch = Batch(liar.log.id, 1, 2, confirm=False)
    liar.raw(link, encode_entries(1, batch, [item], bytes((byte,)) * 64))
    assert liar.answers(link, Want) == [Want(WANT_FULL, liar.log.id, 1)]
    assert not refused(alpha)


def test_what_is_sent_again_is_read_where_memory_has_forgotten_it() -> None:
    """Against the entry before it in the store."""
    _world, liar, link, alpha = with_liar()
    for n in range(3):
        liar.say(str(n))
    liar.entries(link, start=1)
    liar.got(link)
    alpha.line.logs[liar.log.id].recent.clear()
    liar.entries(link, start=2, stop=3, full=False, confirm=True)
    assert liar.got(link) == [Got(liar.log.id, 3)]


def test_what_a_peer_sends_it_holds() -> None:
    """Also where it is all here already, and nothing of it is stored."""
    _world, liar, link, alpha = with_liar()
    for n in range(3):
        liar.say(str(n))
    liar.entries(link, start=1)
    other = liar.greet("alpha")
    liar.entries(other, start=1, stop=3)
    assert alpha.line.sessions[other].holds[liar.log.id] == 3
