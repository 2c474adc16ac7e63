"""Persist, then speak: one group of inputs, one transaction, the marks, and only then frames."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from detente.core.errors import LocalError, MachineError, Refusal
from detente.core.events import Draft, LinkDown, LinkUp, Send, Submit, Tell
from detente.core.leaf import Kind
from detente.core.merkle import EMPTY_ROOT
from detente.node.step import Stepper
from detente.store.mark import Mark


class Recorded:
    """A store or a mark folder whose calls are written down, and one of which may fail."""

    def __init__(self, inner: Any, calls: list[str], fail: str = "") -> None:
        self._inner = inner
        self._calls = calls
        self.fail = fail

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in {"begin", "commit", "advance", "rollback"}:
            return found

        def call(*arguments: Any) -> Any:
            self._calls.append(name)
            if name == self.fail:
                raise MachineError(Refusal.DISK, "planted")
            return found(*arguments)

        return call


def draft(text: bytes = b"\0text", kind: Kind = Kind.DISPATCH) -> Draft:
    return Draft(kind=kind, audience=3, body=text, salt=bytes(16))


@pytest.fixture
def calls(pair: Any) -> list[str]:
    """What alpha's stepper asks of store and marks, in order, its frames among it."""
    calls: list[str] = []
    node = pair.alpha
    store, marks = Recorded(node.store, calls), Recorded(node.opened.marks, calls)
    stepper = node.stepper
    node.stepper = Stepper(stepper._station, store, marks, stepper._now, stepper._entropy)
    send = node.links.send
    node.links.send = lambda *a, **k: (calls.append("send"), send(*a, **k))
    return calls


def test_commit_then_mark_then_frames(pair: Any, line_of: Any, calls: list[str]) -> None:
    """What is signed is committed, then marked, and only then on the wire."""
    node = pair.alpha
    outcome = node.give([Submit(line_of(node).id, draft())])
    assert calls[:3] == ["begin", "commit", "advance"]
    assert set(calls[3:]) == {"send"}
    assert outcome.entries == 1
    mark = node.opened.marks.read(line_of(node).id)
    own = line_of(node).own
    assert mark == Mark(0, b"", own.size, own.root)


def test_nothing_to_keep_opens_no_transaction(pair: Any, calls: list[str]) -> None:
    """A step without effects touches neither store nor mark."""
    pair.alpha.give([])
    assert calls == []


@pytest.mark.parametrize("fail", ["begin", "commit", "advance"])
def test_a_failure_speaks_nothing_and_ends_the_node(
    pair: Any, line_of: Any, calls: list[str], fail: str
) -> None:
    """When begin, commit or mark fail no frame leaves, now or at any later step, a hello included:
    the core knows by then what the store does not."""
    node = pair.alpha
    (node.stepper._marks if fail == "advance" else node.stepper._store).fail = fail
    with pytest.raises(MachineError):
        node.give([Submit(line_of(node).id, draft())])
    node.stepper._store.fail = node.stepper._marks.fail = ""
    for inputs in ([], [LinkUp(99, pair.bravo.station.party)]):
        with pytest.raises(MachineError):
            node.give(inputs)
    assert "send" not in calls
    assert not node.links.out


def test_a_refused_effect_is_a_failure_too(
    pair: Any, line_of: Any, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An effect that the store refuses is nobody's command: all of the step is given up."""
    node = pair.alpha

    def refuse(_effect: object) -> None:
        raise LocalError(Refusal.NOT_HELD, "planted")

    size = line_of(node).own.size
    monkeypatch.setattr(node.store, "apply", refuse)
    with pytest.raises(MachineError):
        node.give([Submit(line_of(node).id, draft())])
    monkeypatch.undo()
    assert calls == ["begin", "rollback"]
    assert node.store.own_head(line_of(node).id).size == size
    assert not node.store._database.in_transaction


def test_a_refused_input_leaves_the_others(pair: Any, line_of: Any) -> None:
    """One input that our own side got wrong stands in ``refused``; the rest are carried out."""
    node = pair.alpha
    line = line_of(node).id
    outcome = node.give(
        [Submit(line, draft(b"\0one")), Submit(bytes(32), draft()), Submit(line, draft(b"\0two"))]
    )
    assert [(at, e.refusal) for at, e in outcome.refused.items()] == [(1, Refusal.UNKNOWN_LINE)]
    assert outcome.entries == 2
    with pytest.raises(LocalError):
        node.submit(Submit(bytes(32), draft()))


def test_a_mark_of_another_is_never_overwritten(pair: Any, line_of: Any) -> None:
    """The mark is replaced only if it is the one this node wrote last."""
    node = pair.alpha
    line, marks = line_of(node).id, node.opened.marks
    old = marks.read(line)
    marks.advance(line, old, Mark(0, b"", old.size + 7, bytes(32)))
    with pytest.raises(MachineError):
        node.give([Submit(line, draft())])


def test_a_line_begins_with_a_mark_of_nothing(pair: Any, command: Any) -> None:
    """Before leaf 0 of a new line is committed there is a mark of size 0: a crash in between is no
    restore."""
    node, seen = pair.alpha, []
    commit = node.store.commit
    node.store.commit = lambda: (seen.append(len(marks_of(node))), commit())
    before = marks_of(node)
    command(node, "propose", title="Second line", members=[{"party": "bravo"}])
    (new,) = marks_of(node) - before
    assert seen[0] == len(before) + 1
    mark = node.opened.marks.read(bytes.fromhex(new))
    assert (mark.size, mark.root != EMPTY_ROOT) == (1, True)


def marks_of(node: Any) -> set[str]:
    from pathlib import Path

    return {path.stem for path in Path(node.home.config.mark).glob("*.mark")}


def test_a_change_of_our_own_is_kept_alike(pair: Any, line_of: Any, calls: list[str]) -> None:
    """What the node itself changes is committed before it is told."""
    node = pair.alpha
    told = []
    node.followers.append(lambda answer: told.append((answer["result"]["event"], len(calls))))
    node.purge(line_of(node), ())
    node.change(lambda step: step.tell("mute", line_of(node), reason="test"))
    assert told == [("mute", 0)]
    outcome = node.stepper.change(lambda step: step.out.append(Send(1, b"x")))
    assert outcome.spoken == [Send(1, b"x")]
    assert not any(isinstance(one, Tell) for one in outcome.spoken)


def test_what_links_bring_goes_before_drafts(pair: Any, line_of: Any) -> None:
    """A step takes all that links brought, and drafts behind it only until there are enough."""
    node = pair.alpha
    given = Submit(line_of(node).id, draft())

    async def scene() -> None:
        took = [asyncio.ensure_future(node.take([given] * 3)) for _ in range(3)]
        took.append(asyncio.ensure_future(node.take([LinkDown(7)])))
        await asyncio.sleep(0)
        for wanted in (([LinkDown(7)], [given] * 3, [given] * 3), ([given] * 3,), ()):
            groups = node.waiting(4)
            assert tuple(inputs for inputs, _ in groups) == wanted
            for _, future in groups:
                future.set_result(None)
        await asyncio.gather(*took)

    asyncio.run(scene())


def test_a_mark_is_brought_up_to_its_store_before_anything_is_said(pair: Any, line_of: Any) -> None:
    """A process that died between commit and mark marks at its start what it had committed: the
    entry leaves after the next hello, and no older copy may sign another in its place."""
    node = pair.alpha
    line, marks = line_of(node).id, node.opened.marks
    before = marks.read(line)
    node.stepper._marks = Recorded(marks, [], "advance")
    with pytest.raises(MachineError):
        node.give([Submit(line, draft())])
    assert marks.read(line) == before
    pair.close("alpha")
    pair.open("alpha")
    own = line_of(pair.alpha).own
    assert own.size == before.size + 1
    assert pair.alpha.opened.marks.read(line) == Mark(0, b"", own.size, own.root)
    assert not pair.alpha.opened.restored
