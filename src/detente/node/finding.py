"""Finding entries: by words in any script, by number, day, precedence, rung, author.

Bodies are sealed each under a key of its own, so that a purge destroys it for good: an index of
their words on the disk would outlive the purge. So the node reads back, a bounded time for each
answer, and says where to go on from.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from detente.core.errors import LocalError, Refusal
from detente.core.leaf import Kind, Leaf, Precedence
from detente.core.line import Line
from detente.core.transcript import Entry
from detente.dossiers.conventions import parse_precedence
from detente.dossiers.dispatch import open_body
from detente.node import asked
from detente.node.opening import clock
from detente.node.places import find_entry, find_line
from detente.node.views import MESSAGES, entry_view, word
from detente.node.walking import walk, walk_until

if TYPE_CHECKING:
    from detente.node.node import Node

Request = asked.Request
Test = Callable[[Entry, Leaf], bool]
FOUND_MAX = 200
BUDGET_S = 0.1  # the loop of the node stands still meanwhile
STEPPED_S = 86_400  # a clock that was set back by no more than this hides nothing
STATES = ("open", "overdue", "answered", "unanswered")
_TEXTS = ("subject", "text", "what", "where", "persons", "known", "asked")


def folded(text: str) -> str:
    """What two spellings of one word have in common: case, width, composition, spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def find(node: Node, request: Request) -> dict[str, Any]:
    """Entries of a line that are all that is asked for, newest first, with their views.

    ``further`` is where to ask on from, empty when all was read; ``looked`` how many entries were
    read for this answer. LocalError USAGE for a wish that means nothing.
    """
    line = find_line(node.station, request.get("line"))
    limit = asked.whole(request, "limit", 50, least=1, most=FOUND_MAX)
    frozen, now_s = node.folds(line).frozen(node.station, line), clock(node.home).wall_s
    named = asked.text(request, "entry", "").strip()
    if named:
        view = entry_view(line, find_entry(line, named), now_s, frozen)
        return {"entries": [view], "further": "", "looked": 1}
    tests, rungs = _tests(line, request), _rungs(request)
    from_s, to_s = asked.whole(request, "from_s", 0), request.get("to_s")
    before = asked.text(request, "before", "")
    far = to_s is not None and not before
    back = walk_until(line, asked.whole(request, "to_s") + 1) if far else walk(line, before)
    found: list[dict[str, Any]] = []
    until_s, looked = time.monotonic() + BUDGET_S, 0
    for entry in back:
        looked += 1
        leaf = entry.leaf
        if leaf is not None and leaf.time_s < from_s - STEPPED_S:
            return {"entries": found, "further": "", "looked": looked}
        if leaf is not None and leaf.time_s >= from_s and all(t(entry, leaf) for t in tests):
            view = entry_view(line, entry, now_s, frozen)
            if all(test(view) for test in rungs):
                found.append(view)
        if len(found) == limit or time.monotonic() > until_s:
            break
    return {"entries": found, "further": back.cursor(), "looked": looked}


def _tests(line: Line, request: Request) -> list[Test]:
    """What is judged of the entry alone, the cheapest first."""
    tests: list[Test] = [lambda _, leaf: leaf.kind in MESSAGES]
    if to_s := asked.whole(request, "to_s", 0):
        tests.append(lambda _, leaf: leaf.time_s <= to_s)
    if kind := asked.text(request, "kind", ""):
        wanted = {word(Kind(one)): one for one in MESSAGES}.get(kind)
        tests.append(lambda _, leaf: leaf.kind == wanted)
    if precedence := asked.text(request, "precedence", ""):
        level: Precedence = parse_precedence(precedence)
        tests.append(lambda _, leaf: leaf.precedence == level)
    if author := asked.text(request, "author", ""):
        numbers = {
            one.number for one in line.charter.members if author in (one.name, str(one.number))
        }
        if not numbers:
            raise LocalError(Refusal.NOT_FOUND, f"no member {author}")
        tests.append(lambda entry, _: entry.place.log.member in numbers)
    if words := folded(asked.text(request, "words", "")).split(" "):
        tests.append(lambda entry, _: _says(entry, words))
    return tests


def _says(entry: Entry, words: list[str]) -> bool:
    """Whether all words stand in a body."""
    if words == [""]:
        return True
    body = open_body(entry).body
    said = folded(" ".join(str(getattr(body, name, "")) for name in _TEXTS))
    return all(one in said for one in words)


def _rungs(request: Request) -> list[Callable[[dict[str, Any]], bool]]:
    """What is judged of the ladder, which costs more."""
    tests: list[Callable[[dict[str, Any]], bool]] = []
    if rung := asked.text(request, "rung", ""):
        tests.append(lambda view: any(one["rung"] == rung for one in view["ladder"]))
    if state := asked.text(request, "state", ""):
        if state not in STATES:
            raise LocalError(Refusal.USAGE, f"state is one of {', '.join(STATES)}")
        tests.append(lambda view: _is(view, state))
    return tests


def _is(view: dict[str, Any], state: str) -> bool:
    if view["kind"] not in ("dispatch", "accident"):
        return False
    answered = any(one["rung"] in ("answered", "declined") for one in view["ladder"])
    return {
        "open": view["stands"] and not answered,
        "overdue": bool(view["overdue"]),
        "answered": answered,
        "unanswered": not answered,
    }[state]
