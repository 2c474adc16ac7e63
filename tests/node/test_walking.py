"""Reading a line back: nothing is left out and nothing given twice, from any place."""

from __future__ import annotations

from typing import Any

import pytest
from pair import World

from detente.core.body import pack
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft, Submit
from detente.core.leaf import Kind
from detente.dossiers.dispatch import Dispatch
from detente.node.places import place_word
from detente.node.walking import PAGE, walk, walk_until


@pytest.fixture
def line() -> Any:
    """A line of two on which both have spoken, by turns and at length."""
    world = World(names=("alpha", "bravo"))
    world.open()
    ends = list(world.ends.values())
    for turn in range(PAGE + 40):
        end = ends[turn % 3 % 2]
        said = Dispatch(language="en", dtg_s=world.wall_s, subject="", text=f"word {turn}")
        body = pack(said.encode(), 1, padding=False)
        draft = Draft(kind=Kind.DISPATCH, audience=0b11, body=body, salt=end.entropy(16))
        end.do(Submit(end.line.id, draft))
        world.run(2)
    return ends[0].line


def everything(line: Any) -> set[Any]:
    return {(log.id, index) for log in line.logs.values() for index in range(log.size)}


def test_a_walk_gives_every_entry_once_newest_first(line: Any) -> None:
    """All logs are read to their beginnings; the times never rise, and the cursor then is empty."""
    back = walk(line)
    found = list(back)
    assert {tuple(one.place) for one in found} == everything(line)
    assert len(found) == len(everything(line)) > PAGE
    times = [one.leaf.time_s for one in found]
    assert times == sorted(times, reverse=True)
    assert back.cursor() == ""


@pytest.mark.parametrize("step", [1, 7, PAGE, 1000])
def test_a_cursor_goes_on_where_a_walk_stopped(line: Any, step: int) -> None:
    """Pages of any length, one after the other, are the same walk."""
    whole = [one.place for one in walk(line)]
    paged: list[Any] = []
    cursor: str = ""
    while True:
        back = walk(line, cursor)
        for entry, _ in zip(back, range(step), strict=False):
            paged.append(entry.place)
            if len(paged) % step == 0:
                break
        cursor = back.cursor()
        if not cursor:
            break
    assert paged == whole


def test_a_walk_begins_before_an_entry_and_before_a_time(line: Any) -> None:
    """From any entry on, what follows is what follows it in the walk from the end."""
    whole = list(walk(line))
    for at in (0, 3, len(whole) // 2, len(whole) - 1):
        rest = [one.place for one in whole[at + 1 :]]
        assert [one.place for one in walk(line, place_word(whole[at].place))] == rest
    middle_s = whole[len(whole) // 2].leaf.time_s
    assert [one.place for one in walk_until(line, middle_s)] == [
        one.place for one in whole if one.leaf.time_s < middle_s
    ]


def test_a_clock_that_stood_wrong_holds_nothing_back(line: Any) -> None:
    """One entry of 1970, or a void one, keeps its place in its log, and those before it theirs."""
    log = line.logs[line.mine]
    at = log.size - 5
    for leaf in (log.recent[at].leaf._replace(time_s=0), None):
        log.recent[at] = log.recent[at]._replace(leaf=leaf)
        order = [one.place.index for one in walk(line) if one.place.log == line.mine]
        assert order == list(reversed(range(log.size)))
        shown = [tuple(one.place) for one in walk(line)]
        assert shown.index((line.mine, at)) < 20
        assert list(walk(line, place_word(log.recent[at + 1].place)))


@pytest.mark.parametrize("cursor", ["@", "@0/0", "@0/0:x", "@9/0:1", "@0/0:1,,", "@0/0:-1"])
def test_what_is_no_cursor_is_refused(line: Any, cursor: str) -> None:
    """A cursor names logs of this line and plain numbers, or is refused."""
    with pytest.raises(LocalError) as refused:
        walk(line, cursor)
    assert refused.value.refusal is Refusal.USAGE


def test_a_cursor_beyond_the_end_begins_at_the_end(line: Any) -> None:
    """A cursor of a record that has been restored since reads what is there."""
    assert len(list(walk(line, "@0/0:99999"))) == line.logs[line.mine].size
