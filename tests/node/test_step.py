"""Persist, then speak: the order of a step, and what is left of one that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from detente.core.body import pack
from detente.core.errors import LocalError, MachineError, PeerError, Refusal
from detente.core.events import Accept, Draft, LinkUp, Send, SetDuty, StoreEntries, StoreLine, Submit
from detente.core.leaf import Kind
from detente.core.merkle import EMPTY_ROOT
from detente.node.opening import clock as clock_of
from detente.node.runner import open_node
from detente.node.step import Stepper
from detente.store.mark import Mark

PASSPHRASES = ["correct horse battery staple"]
TORN = MachineError(Refusal.DISK, "the disk is torn")


class Watched:
    """A store or a mark folder whose calls are written down, and of which one may fail."""

    def __init__(self, real: Any, calls: list[Any], watched: dict[str, Callable[..., Any]]) -> None:
        self._real = real
        self._calls = calls
        self._watched = watched
        self.failing: dict[str, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._watched:
            return real

        def call(*arguments: Any) -> Any:
            self._calls.append(self._watched[name](*arguments))
            if name in self.failing:
                raise self.failing[name]
            return real(*arguments)

        return call


class Watch:
    """One node whose store, marks and wire write what they are asked to do into one list."""

    def __init__(self, duo: Any, node: Any) -> None:
        self.duo, self.node = duo, node
        self.calls: list[Any] = []
        self.store = Watched(
            node.store,
            self.calls,
            {
                "begin": lambda: "begin",
                "apply": lambda effect: type(effect).__name__,
                "commit": lambda: "commit",
                "rollback": lambda: "rollback",
            },
        )
        self.marks = Watched(
            node.opened.marks, self.calls, {"advance": lambda line, last, mark: ("mark", mark.size)}
        )
        self.stepper = Stepper(
            node.station, self.store, self.marks, lambda: clock_of(node.home), node.entropy
        )
        node.stepper = self.stepper
        if node.links is not None:
            real = node.links.send
            node.links.send = lambda *given, **more: (self.calls.append("send"), real(*given))

    @property
    def line(self) -> Any:
        return self.duo.line(self.node)

    def draft(self, text: str = "Fog.") -> Submit:
        """A dispatch to everyone."""
        body = pack(text.encode(), 1, padding=False)
        draft = Draft(kind=Kind.DISPATCH, audience=3, body=body, salt=bytes(16))
        return Submit(self.line.id, draft)

    def kept(self) -> tuple[int, Mark | None]:
        """How many entries of ours the store has, and the mark."""
        head = self.node.store.own_head(self.line.id)
        return (0 if head is None else head.size), self.node.opened.marks.read(self.line.id)


@pytest.fixture
def watch(fresh: Any) -> Watch:
    """Alpha of a pair on an open line."""
    return Watch(fresh.join(), fresh.alpha)


@pytest.fixture
def unlinked(fresh: Any) -> Iterator[Watch]:
    """Bravo, who has not accepted yet and has no link."""
    return Watch(fresh, fresh.bravo)


def charter(watch: Watch) -> bytes:
    """The charter that Alpha has proposed."""
    return watch.duo.line().charter_text


# --- order ------------------------------------------------------------------------------------


def test_effects_are_spoken_after_the_commit_and_the_mark(watch: Watch):
    """An entry is applied, committed and marked before the first frame of it leaves."""
    watch.node.submit(watch.draft())
    first = watch.calls.index("send")
    before = [call for call in watch.calls[:first] if not isinstance(call, str) or call.islower()]
    assert before == ["begin", "commit", ("mark", 2)]
    assert "StoreEntries" in watch.calls[: watch.calls.index("commit")]
    assert set(watch.calls[first:]) == {"send"}


def test_a_line_gets_a_mark_of_size_0_before_its_first_entry(unlinked: Watch):
    """The empty mark is written before the line is stored, and that of leaf 0 after the commit."""
    unlinked.stepper.run([Accept(charter(unlinked))])
    calls = unlinked.calls
    assert calls[:3] == ["begin", ("mark", 0), "StoreLine"]
    assert calls[calls.index("commit") :] == ["commit", ("mark", 1)]


def test_a_stop_before_leaf_0_is_committed_is_no_restore(unlinked: Watch):
    """After a commit that failed behind the empty mark, the next start accepts the same line."""
    unlinked.store.failing["commit"] = TORN
    with pytest.raises(MachineError):
        unlinked.stepper.run([Accept(charter(unlinked))])
    text, node = charter(unlinked), unlinked.node
    node.close()
    again = open_node(node.home.path, PASSPHRASES)
    unlinked.duo.bravo = again  # closed by the fixture
    assert (again.station.lines, again.opened.restored) == ({}, {})
    again.submit(Accept(text))
    (line,) = again.station.lines.values()
    assert (line.mute, line.own.size) == ("", 1)
    assert again.opened.marks.read(line.id).size == 1


def test_a_step_that_keeps_nothing_opens_no_transaction(watch: Watch):
    """A step without store effects neither begins nor commits nor marks."""
    outcome = watch.stepper.run([])
    assert (outcome.spoken, outcome.refused, outcome.entries) == ([], {}, 0)
    assert watch.calls == []


def test_a_group_is_one_transaction(watch: Watch):
    """Several inputs are committed once, under one mark, and their entries counted."""
    outcome = watch.stepper.run([watch.draft("one"), watch.draft("two"), watch.draft("three")])
    assert outcome.entries == 3
    assert (watch.calls.count("begin"), watch.calls.count("commit")) == (1, 1)
    assert watch.calls[-2:] == ["commit", ("mark", 4)]
    size, mark = watch.kept()
    assert (size, mark.size, mark.root) == (4, 4, watch.line.own.root)


def test_entries_of_others_move_no_mark(watch: Watch):
    """What a peer has entered is committed; the mark speaks of our own log alone."""
    duo = watch.duo
    before = watch.kept()[1]
    duo.say("At dusk.", by="bravo")
    assert {call for call in watch.calls if isinstance(call, tuple)} == set()
    assert "commit" in watch.calls
    assert watch.kept()[1] == before


def test_a_change_of_our_own_is_kept_like_inputs(watch: Watch):
    """What ``change`` does to the core is committed before its effects are given back."""

    def act(step: Any) -> None:
        step.tell("muted-by-test", watch.line)
        watch.line.state(watch.draft().draft)
        watch.line.touched = True

    outcome = watch.stepper.change(act)
    assert outcome.spoken[0].word == "muted-by-test"
    assert any(isinstance(one, Send) for one in outcome.spoken)
    assert watch.calls[-2:] == ["commit", ("mark", 2)]


# --- refusals of our own side -----------------------------------------------------------------


def test_a_local_error_leaves_the_other_inputs(watch: Watch):
    """The refused input is named by its position; those around it are kept and spoken."""
    stranger = Submit(bytes(32), watch.draft().draft)
    outcome = watch.stepper.run([watch.draft("one"), stranger, SetDuty(True), watch.draft("two")])
    assert list(outcome.refused) == [1]
    assert outcome.refused[1].refusal is Refusal.UNKNOWN_LINE
    assert (outcome.entries, watch.node.station.on_duty) == (2, True)
    assert watch.kept()[0] == 3
    assert watch.stepper.run([watch.draft("three")]).entries == 1


def test_a_submitted_refusal_is_raised_to_who_asked(watch: Watch):
    """A node raises the LocalError of its one input, and takes the next as if nothing was."""
    with pytest.raises(LocalError) as caught:
        watch.node.submit(Submit(bytes(32), watch.draft().draft))
    assert caught.value.refusal is Refusal.UNKNOWN_LINE
    watch.node.submit(watch.draft())
    assert watch.kept()[0] == 2


# --- failures of the machine ------------------------------------------------------------------


def refuses_for_ever(watch: Watch) -> None:
    """Every later step of any kind is a MachineError, and touches neither store nor wire."""
    watch.store.failing.clear()
    watch.marks.failing.clear()
    watch.calls.clear()
    for step in (
        lambda: watch.stepper.run([]),
        lambda: watch.stepper.change(lambda _: None),
        lambda: watch.node.give([LinkUp(2, watch.duo.bravo.station.party)]),
        lambda: watch.node.submit(watch.draft()),
    ):
        with pytest.raises(MachineError) as caught:
            step()
        assert caught.value.refusal is Refusal.DISK
    assert watch.calls == []


def test_a_failing_commit_speaks_nothing_ever_again(watch: Watch):
    """Without the commit there is no mark, no frame and no entry; then all is refused."""
    mark = watch.kept()[1]
    watch.store.failing["commit"] = TORN
    with pytest.raises(MachineError):
        watch.node.submit(watch.draft())
    assert watch.calls[-2:] == ["commit", "rollback"]
    assert "send" not in watch.calls
    assert watch.kept() == (1, mark)
    refuses_for_ever(watch)


def test_a_failing_mark_speaks_nothing_ever_again(watch: Watch):
    """An entry that is committed and not marked is not spoken of; then all is refused."""
    watch.marks.failing["advance"] = TORN
    with pytest.raises(MachineError):
        watch.node.submit(watch.draft())
    assert watch.calls[-2:] == ["commit", ("mark", 2)]
    size, mark = watch.kept()
    assert (size, mark.size) == (2, 1)
    refuses_for_ever(watch)


def test_a_store_ahead_of_its_mark_is_no_restore(watch: Watch):
    """After a stop between commit and mark the node starts as it was, and is not mute."""
    watch.marks.failing["advance"] = TORN
    with pytest.raises(MachineError):
        watch.node.submit(watch.draft())
    watch.node.close()
    watch.duo.alpha = again = open_node(watch.node.home.path, PASSPHRASES)
    assert again.opened.restored == {}
    assert watch.duo.line(again).own.size == 2


@pytest.mark.parametrize("error", [LocalError(Refusal.USAGE), PeerError(Refusal.MALFORMED)])
def test_an_effect_that_the_store_refuses_fails_the_step(watch: Watch, error: Exception):
    """A refusal while effects are kept is a failure of the machine, not of one input."""
    watch.store.failing["apply"] = error
    with pytest.raises(MachineError) as caught:
        watch.stepper.run([watch.draft()])
    assert caught.value.__cause__ is error
    assert watch.calls[-1] == "rollback"
    assert watch.kept()[0] == 1
    refuses_for_ever(watch)


def test_a_surprise_in_a_step_ends_it_all(watch: Watch):
    """An error of no kind of ours passes through, and no step follows it."""

    def act(step: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch.stepper.change(act)
    refuses_for_ever(watch)


def test_what_is_stored_is_what_was_applied(unlinked: Watch):
    """The first step of a line stores the line, then its first entry with an own head."""
    applied: list[Any] = []
    unlinked.store._watched["apply"] = lambda effect: applied.append(effect) or "apply"
    unlinked.stepper.run([Accept(charter(unlinked))])
    stored = [effect for effect in applied if isinstance(effect, StoreLine | StoreEntries)]
    assert [type(effect).__name__ for effect in stored] == ["StoreLine", "StoreEntries"]
    assert (stored[1].own, stored[1].head.size) == (True, 1)
    assert stored[1].head.root != EMPTY_ROOT
