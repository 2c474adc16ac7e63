"""Breadth-first search of the real core: every order of a few inputs, and every place of a fault.

A state is taken once, however many orders lead to it. The first rule that breaks ends the search,
with the shortest run of moves that breaks it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from models.copying import clone_shelves
from models.rules import check_rest, check_step, standings
from models.table import STALE, BrokenError, QuickKeys, State, Table
from pair import End

from detente.core import events

Act = Callable[[Table], None]
Inputs = tuple[events.Input, ...]


@dataclass(frozen=True)
class Say:
    """One thing that a person, or a dishonest party, does once, as soon as ``make`` gives it."""

    name: str
    end: str
    make: Callable[[State, End], Inputs]


@dataclass(frozen=True)
class Model:
    """A beginning, what is done in any order, and what is looked at when all is quiet."""

    begin: Callable[[], State]
    script: tuple[Say, ...]
    states_max: int = 100_000  # the search ends there, and says so
    together: bool = False  # frames that wait on one link arrive as one group
    time_s: int = 0  # how far a "time" fault moves the clocks
    rest_s: int = 35
    quiet: Callable[[State], None] = lambda state: None
    outcomes: frozenset[str] = frozenset()  # of offers, that a search of all states must see


@dataclass
class Found:
    """What a search has seen."""

    states: int = 0
    moves: int = 0
    leaves: int = 0
    whole: bool = True  # every reachable state was looked at
    outcomes: set[str] = field(default_factory=set)  # of offers, when all was at rest
    broken: str = ""
    path: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        """One line for the record of a test."""
        extent = "all of them" if self.whole else "cut off"
        return f"{name}: {self.states} states ({extent}), {self.moves} moves, {self.leaves} leaves"


def explore(model: Model, *, commit_first: bool = True) -> Found:
    """Every state that the model's moves reach, or as many as it allows."""
    found, first = Found(), model.begin()
    came: dict[bytes, tuple[bytes, str]] = {first.key(): (b"", "")}
    queue = deque([(first, first.key())])
    while queue:
        state, key = queue.popleft()
        found.states += 1
        word = "at rest"
        try:
            quiet = True
            for word, act in moves(model, state):
                quiet = False
                after = taken(state, act, commit_first)
                found.moves += 1
                new = after.key()
                if new in came:
                    continue
                if len(came) >= model.states_max:
                    found.whole = False
                    continue
                came[new] = (key, word)
                queue.append((after, new))
            if quiet:
                found.leaves += 1
                word = "at rest"
                found.outcomes |= rest(model, state)
        except BrokenError as error:
            found.broken, found.path = str(error), [*_path(came, key), word]
            return found
    return found


def _path(came: dict[bytes, tuple[bytes, str]], key: bytes) -> list[str]:
    words = []
    while came[key][0]:
        key, word = came[key]
        words.append(word)
    return words[::-1]


def taken(state: State, act: Act, commit_first: bool) -> State:
    """The state after one move, every rule of a step checked."""
    table = Table(state, commit_first=commit_first)
    act(table)
    after = table.done()
    check_step(state, table)
    return after


def rest(model: Model, state: State) -> set[str]:
    """Nothing is left to do: time passes, and everybody must come to hold the same. Gives what
    has become of the offers."""
    table = Table(state)
    table.settle(model.rest_s)
    check_step(state, table)
    check_rest(table.state)
    model.quiet(table.state)
    shown = (standings(end) for end in table.state.ends.values())
    return {standing.state.value for offers in shown for standing in offers.values()}


# --- moves ----------------------------------------------------------------------------------------


def moves(model: Model, state: State) -> Iterator[tuple[str, Act]]:
    """Everything that may come next, each with its name."""
    for way, frames in state.wires.items():
        if frames:
            count = len(frames) if model.together else 1
            word = f"{way[0]} to {way[1]}"
            yield word, lambda t, w=way, n=count: t.receive(w, n)
            if state.can(f"die {way[1]}"):
                yield (
                    f"{word}, dies unsaid",
                    _dying(way[1], lambda t, c, w=way: t.receive(w, crash=c)),
                )
    for say in model.script:
        if say.name in state.done:
            continue
        given = say.make(state, state.ends[say.end])
        if not given:
            continue
        yield say.name, _saying(say, given, False)
        if state.can(f"die {say.end}"):
            yield f"{say.name}, dies unsaid", _saying(say, given, True)
    yield from _link_moves(state)
    yield from _life_moves(state)
    if state.can("time"):
        yield "time passes", lambda t: _pass(t, model.time_s)


def _saying(say: Say, given: Inputs, crash: bool) -> Act:
    def act(table: Table) -> None:
        table.state = replace(table.state, done=table.state.done | {say.name})
        if crash:
            table.state = table.state.spent(f"die {say.end}")
        table.step(say.end, *given, crash=crash)

    return act


def _dying(name: str, step: Callable[[Table, bool], None]) -> Act:
    def act(table: Table) -> None:
        table.state = table.state.spent(f"die {name}")
        step(table, True)

    return act


def _link_moves(state: State) -> Iterator[tuple[str, Act]]:
    for one, other in combinations(sorted(state.ends), 2):
        if frozenset({one, other}) not in state.up:
            yield f"{one} meets {other}", lambda t, a=one, b=other: t.join(a, b)
        elif state.can("cut"):
            yield f"cut {one} {other}", lambda t, a=one, b=other: _cut(t, a, b)


def _cut(table: Table, one: str, other: str) -> None:
    table.state = table.state.spent("cut")
    table.cut(one, other)


def _life_moves(state: State) -> Iterator[tuple[str, Act]]:
    for name, end in state.ends.items():
        if not end.station.lines:
            continue
        if state.can(f"die {name}"):
            yield f"{name} dies", _dying(name, lambda t, c, n=name: t.restart(n))
        for kind in ("restore", "roll back"):  # the store alone, or the mark with it
            if state.can(f"{kind} {name}"):
                yield f"{kind} {name}", lambda t, n=name, w=kind: _restore(t, n, w)
        if end.line.mute:
            yield f"{name} adopts", lambda t, n=name: adopt(t, n)
        for number, row in end.line.queue.rows.items():
            if row.awaits_release:
                given = events.Release(end.line.id, number, True)
                yield f"{name} releases {number}", lambda t, n=name, g=given: t.step(n, g)


def _restore(table: Table, name: str, kind: str) -> None:
    table.state = table.state.spent(f"{kind} {name}")
    shelves = clone_shelves(table.state.copies[name])
    (shelf,) = shelves.values()
    log, size = table.state.marks[name]
    behind = shelf.size(log) < size and kind == "restore"
    table.state.final[name] = frozenset()
    table.restart(name, shelves, STALE if behind else "")


def adopt(table: Table, name: str) -> None:
    """The officers of a mute node begin its next incarnation."""
    end = table.end(name)
    k = max(log.k for log in end.line.logs if log.member == end.line.me) + 1
    end.station.keys = QuickKeys(name, k)
    table.step(name, events.Adopt(k))


def _pass(table: Table, seconds: int) -> None:
    state = table.state.spent("time")
    table.state = replace(state, later_s=state.later_s + seconds)
    for name in table.state.ends:
        table.step(name)
