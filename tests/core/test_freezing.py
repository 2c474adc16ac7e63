"""What follows for other logs, for a search and for the store when a log is frozen."""

from __future__ import annotations

import pytest
from core.forks import (
    CHARLIE,
    convicted,
    enter,
    grown,
    proof_by_leaves,
    shown,
    split,
)
from core.lineage import LogBuilder
from liar import Liar, covering_item, stated
from pair import End

from detente.core import limits
from detente.core.frames import AskProof, Heads
from detente.core.freezing import accusations
from detente.core.leaf import Kind


def sees(liar: Liar, log: LogBuilder, size: int) -> None:
    """The liar enters that he holds another log up to a size."""
    item = covering_item(log.id, size, log.root(size), liar.world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=liar.world.wall_s)


def disputed() -> tuple[Liar, int, End, LogBuilder]:
    """Bravo's log names another history of charlie's than alpha holds, from the fourth entry on."""
    charlie, bravo, alpha, link, other = shown(3, 4, 3)
    grown(charlie, other, 4)
    sees(bravo, other, 4)
    bravo.say("resting on that")
    bravo.entries(link, start=1)
    assert alpha.log_of(1).disputed_from == 1
    return bravo, link, alpha, other


def test_a_log_frozen_from_its_first_entry_stays_so_over_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of it stands; the proof in our own log says so."""
    monkeypatch.setattr(limits, "ACCUSATIONS_MAX", 1)
    world, _, _ = split(2, 5, 4)
    world.link("alpha", "bravo")
    world.run(40)
    alpha = world.ends["alpha"]
    convicted(alpha, 0)
    alpha.restart()
    assert alpha.line.accused == {CHARLIE: 0}
    assert alpha.line.logs[CHARLIE].frozen == 0


def test_an_accusation_is_of_the_log_that_it_names() -> None:
    """One against another log says nothing of this one, nor counts toward its last."""
    charlie, bravo, alpha, link, _ = shown(3, 5, 3)
    other = grown(charlie, charlie.log.fork(3), 5)
    at = enter(bravo, link, CHARLIE, 3, proof_by_leaves(charlie.log, other, 3))
    found = accusations(alpha.line, CHARLIE)
    assert [(entry.place.index, accused.index) for entry, _, accused in found] == [(at, 3)]
    assert accusations(alpha.line, bravo.log.id) == []


@pytest.mark.parametrize("index", [3, 4])
def test_a_search_goes_on_only_where_it_may_end_below_a_freeze(index: int) -> None:
    """Where both trees are proven to agree as far as the freeze, nothing is left to look for."""
    charlie, bravo, alpha, link, other = shown(3, 5, 5)
    for _ in range(2):
        for ask in bravo.answers(link, AskProof):
            bravo.send(link, bravo.proof(other, ask))
    assert alpha.line.disputes[CHARLIE].low == 3
    another = grown(charlie, charlie.log.fork(index), 5)
    enter(bravo, link, CHARLIE, index, proof_by_leaves(charlie.log, another, index))
    assert alpha.line.accused == {CHARLIE: index}
    assert (CHARLIE in alpha.line.disputes) is (index > 3)


@pytest.mark.parametrize("since", [0, 1])
def test_what_a_freeze_explains_is_read_from_the_store_and_kept_there(since: int) -> None:
    """However long ago it was disputed, and be it from the first entry of that log on."""
    bravo, link, alpha, other = disputed()
    log = alpha.log_of(1)
    alpha.world.run(60)
    log.disputed_from = since
    log.recent.clear()
    log.heads.clear()
    before_s = log.held_at_s
    bravo.send(link, Heads((stated(other),)))
    bravo.serve(link, other)
    assert alpha.line.accused == {CHARLIE: 3}
    assert log.disputed_from == -1
    assert log.held_at_s > before_s
    assert list(alpha.shelves) == [alpha.line.id]
    alpha.restart()
    assert alpha.log_of(1).disputed_from == -1


def test_what_still_contradicts_may_have_come_in_the_same_step() -> None:
    """A gap is filled, which proves that what overtook it was another leaf; the tree that a `seen`
    contradicts is of that batch, and in no store yet."""
    charlie, bravo, alpha, link, _ = shown(3, 4, 3)
    one = grown(charlie, charlie.log, 7)
    other = grown(charlie, one.fork(7), 8)
    direct = charlie.greet("alpha")
    charlie.ahead(direct, 7, 4, other)
    sees(bravo, grown(charlie, one.fork(4), 6), 6)
    bravo.entries(link, start=1)
    alpha.log_of(1).disputed_from = 1
    charlie.entries(direct, grown(charlie, one, 8), start=4)
    assert alpha.line.accused == {CHARLIE: 7}
    assert alpha.log_of(1).disputed_from == 1


def test_what_was_covered_before_it_contradicted_is_disputed_no_more() -> None:
    """A `seen` of more than was held then: a freeze looks again from where that log is disputed."""
    charlie, bravo, alpha, link, other = shown(3, 4, 3)
    sees(bravo, grown(charlie, other, 6), 6)
    bravo.entries(link, start=1)
    direct = charlie.greet("alpha")
    charlie.entries(direct, grown(charlie, charlie.log, 8), start=4)
    sees(bravo, other, 4)
    bravo.entries(link, start=2)
    assert alpha.log_of(1).disputed_from == 2
    higher = grown(charlie, charlie.log.fork(6), 7)
    enter(bravo, link, CHARLIE, 6, proof_by_leaves(charlie.log, higher, 6))
    assert alpha.line.accused == {CHARLIE: 6}
    assert alpha.log_of(1).disputed_from == 2
