"""Which dispatches hold a form of a notice: found once, and asked for no more."""

from __future__ import annotations

from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.holding import entries_of
from detente.dossiers.notice_forms import form_of
from detente.node import chores, regimes
from detente.node.folds import decode_folds
from detente.node.formed import Formed


@pytest.fixture
def adopted(pair: Any, command: Any) -> Any:
    """The pair, with a profile that both have adopted."""
    for node in (pair.alpha, pair.bravo):
        command(node, "notice_adopt", name="launch-1988", state={"validity": "4 d"})
        pair.pump()
    pair.say("covers what was sealed")
    return pair


def _refused(node: Any, command: Any) -> Refusal:
    with pytest.raises(LocalError) as refused:
        command(node, "notice_list")
    return refused.value.refusal


def test_a_list_costs_what_it_lists(adopted: Any, command: Any, line_of: Any) -> None:
    """Dispatches are opened once and in passing: a list looks at those that hold a form alone, and
    a restart reads none again."""
    pair = adopted
    for number in range(20):
        pair.say(f"matter {number}")
    node, line = pair.alpha, line_of(pair.alpha)
    before = command(node, "notice_list")
    known = node.folds(line).formed.known
    assert 0 < len(known) < 10
    assert None not in known.values()
    shelf, looked = line.shelf, []
    line.shelf = Looked(shelf, looked)
    try:
        command(node, "notice_list")
    finally:
        line.shelf = shelf
    assert len(set(looked)) < 10
    again = decode_folds(node.folds(line).encode())
    assert (again.formed.scanned, again.formed.known) == (
        node.folds(line).formed.scanned,
        dict.fromkeys(known),
    )
    node.known_folds[line.id] = again
    assert command(node, "notice_list")["adopted"] == before["adopted"]


def test_a_record_not_read_so_far_gives_no_list(
    adopted: Any, command: Any, line_of: Any, monkeypatch: Any
) -> None:
    """A running node lists notices once its record has been read for them, which its chores do; a
    list that lacks one is never given. Without a network nobody waits, and it is read at once."""
    node, line = adopted.alpha, line_of(adopted.alpha)
    node.known_folds.clear()
    monkeypatch.setattr(regimes, "READ_S", 0.0)
    monkeypatch.setattr(chores, "READ_S", 60.0)
    assert _refused(node, command) is Refusal.CONTEXT_INCOMPLETE
    node.chores.run()
    assert node.folds(line).formed.scanned
    assert command(node, "notice_list")["adopted"]
    node.known_folds.clear()
    monkeypatch.setattr(node, "links", None)
    assert command(node, "notice_list")["adopted"]


def test_a_form_whose_body_comes_later_is_listed_then(adopted: Any, line_of: Any) -> None:
    """Until then it is asked for each time; what is not for us, or was purged, never."""
    line = line_of(adopted.alpha)
    entry = next(
        one
        for log in line.logs.values()
        for one in entries_of(line, log, 0, log.size)
        if form_of(one) is not None
    )
    for missing, kept in (
        (entry._replace(body=None), True),
        (entry._replace(body=None, purged=True), False),
        (entry._replace(body=None, leaf=entry.leaf._replace(audience=0)), False),
    ):
        formed = Formed()
        formed._take(line, missing)
        assert (entry.place in formed.known) is kept
    assert (formed.known, Formed().read_on(line, 0.0)) == (
        {},
        sum(x.size for x in line.logs.values()),
    )


class Looked:
    """A shelf that writes down which entries it was asked for."""

    def __init__(self, shelf: Any, looked: list[Any]) -> None:
        self._shelf, self._looked = shelf, looked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shelf, name)

    def entry(self, log: Any, index: int) -> Any:
        self._looked.append((log, index))
        return self._shelf.entry(log, index)
