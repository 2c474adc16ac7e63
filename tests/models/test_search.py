"""The real core in every order of a few inputs, with every place of a fault; and planted faults."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from models.cases import (
    FLASH,
    MODELS,
    OFFER,
    SEAL,
    TWO,
    WITHDRAWAL,
    A,
    just_copied,
    talking,
)
from models.search import Model, explore
from pair import MemoryShelf

from detente.core import events, speaking
from detente.core.decisions import State, _Case
from detente.core.line import Line

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MODELS)
def test_no_order_breaks_a_rule(name: str, record_property) -> None:
    """Every rule holds in every state reached, and in the end everybody holds the same."""
    model, states_min = MODELS[name]
    found = explore(model)
    record_property("search", found.line(name))
    sys.stdout.write(found.line(name) + "\n")
    assert not found.broken, "\n".join([found.broken, *found.path])
    assert found.states >= states_min
    assert found.whole is (model.states_max > found.states)
    assert found.leaves or not found.whole
    assert found.outcomes >= model.outcomes


def _stores_keep_nothing_of_others(patch: pytest.MonkeyPatch) -> None:
    """What a peer says is taken note of, and not stored."""
    real = MemoryShelf.apply

    def apply(shelf: MemoryShelf, effect: events.Effect) -> None:
        if not isinstance(effect, events.StoreEntries) or effect.own:
            real(shelf, effect)

    patch.setattr(MemoryShelf, "apply", apply)


def _mute_nodes_sign(patch: pytest.MonkeyPatch) -> None:
    """Whether a node may sign asks nothing but whether it has a log."""
    patch.setattr(Line, "may_sign", lambda line: line.mine is not None)


def _withdrawals_always_count(patch: pytest.MonkeyPatch) -> None:
    """A withdrawal counts though the seal could not know of it."""
    real = _Case.sealed

    def sealed(case: _Case, *seal):
        if case._withdrawals_of(case.offer):
            return case._standing(State.WITHDRAWN, "withdrawn")
        return real(case, *seal)

    patch.setattr(_Case, "sealed", sealed)


def _nothing_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    """What is under way counts as held, so that a link that dies takes it away for good."""
    real, forever = speaking.pump, {}

    def pump(step, line: Line) -> None:
        real(step, line)
        for session in line.sessions.values():
            for log, sent in session.sent.items():
                forever[line.me, log] = max(sent, forever.get((line.me, log), 0))
                session.holds[log] = max(session.holds.get(log, 0), forever[line.me, log])

    patch.setattr(speaking, "pump", pump)


PLANTED: dict[str, tuple[Plant, Model, str]] = {
    "receipts without store": (_stores_keep_nothing_of_others, Model(talking(TWO), (A,)), "stored"),
    "mute nodes sign": (_mute_nodes_sign, Model(just_copied(restore_alpha=1), (A, FLASH)), "mute"),
    "withdrawals always count": (
        _withdrawals_always_count,
        Model(talking(TWO, time=1), (OFFER, SEAL, WITHDRAWAL), time_s=31),
        "un-sealed",
    ),
    "nothing is sent again": (
        _nothing_is_sent_again,
        Model(talking(TWO, cut=1), (A,)),
        "come to hold the same",
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is not blind: it names the rule that falls, and a run of moves that breaks it."""
    plant, model, what = PLANTED[name]
    model.begin()  # what is before the search is whole
    plant(monkeypatch)
    found = explore(replace(model, states_max=3000))
    assert what in found.broken
    assert found.path


@pytest.mark.timeout(300)
def test_speaking_before_the_commit_is_found() -> None:
    """A node that speaks first and dies before its commit signs two leaves at one index."""
    model = Model(talking(TWO, die_alpha=1), (A, FLASH))
    found = explore(model, commit_first=False)
    assert found.broken.startswith("alpha signed two leaves")


@pytest.mark.timeout(300)
def test_a_mark_that_is_rolled_back_with_the_store_protects_nobody() -> None:
    """The limit that spec/log.md §11 names: what was said and did not arrive is signed again. With
    the mark where it belongs the same run is harmless."""
    found = explore(Model(just_copied(roll_back_alpha=1), (A, FLASH)))
    assert found.broken.startswith("alpha signed two leaves")
    found = explore(Model(just_copied(restore_alpha=1), (A, FLASH), states_max=600))
    assert not found.broken, "\n".join([found.broken, *found.path])
