"""What an entry costs in a small record and in a large one, to append, to receipt, to prove; and a
page: the first after a start, the last entries, some from the middle, the desk's of the line."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import median

from bench.floors import Floor, disk_floor
from bench.ground import make_ground, rss_mib
from bench.joined import Pair, joined
from bench.plan import Figures, Plan
from bench.samples import texts

from detente.core.transcript import Place
from detente.desk.people import Person
from detente.desk.sessions import Session
from detente.desk.sheets import render
from detente.node.places import place_word

FEW = 100  # what pages are held against
SMALL = 1_000  # and the others: below it a disk's block is still filled
OFFICER = Session(
    key=b"",
    person=Person(1, "Officer", frozenset({"watch", "drafter", "translator"}), "en"),
    form_token="",
    by_passkey=True,
    began_s=0,
)
BARE = {  # what a page has beside its line
    "session": OFFICER,
    "language": "en",
    "path": "/",
    "token": lambda: "",
    "there": lambda _time_s: "",
    "stand": (),
    "uncountersigned": (),
}
PAGES = 5
PAGED = ("page", "earlier", "desk")
ENTERED = ("append", "receipt", "proof")
READ_S = 1.0
SHOWN = 50  # entries on a page of the desk


def measure(plan: Plan) -> Figures:
    """Medians at each size, every operation on all in turn, and the larger over the smaller."""
    large = plan.sized(10_000, 100_000)
    most = f"1e{len(str(large)) - 1}"
    sizes = {"1e2": FEW, "1e3": SMALL, most: large}
    with ExitStack() as open_pairs:
        floor = open_pairs.enter_context(disk_floor(plan.folder))
        pairs = {
            word: open_pairs.enter_context(
                joined(make_ground(plan.folder / word), texts(plan.seed))
            )
            for word in sizes
        }
        memory_mib = {}
        for word, size in (("1e2", FEW), ("1e3", SMALL), (most, SMALL), (most, large)):
            for have in pairs[word].grow(size):
                plan.done(0.8 * have / large)
            memory_mib[size] = rss_mib()
        works = {word: _Works(pair, plan.seed) for word, pair in pairs.items()}
        _in_turn(list(works.values()), floor, plan)
    figures: Figures = {"entries": large}
    for least, names in (("1e2", ("first_page", *PAGED)), ("1e3", ENTERED)):
        for name in names:
            small_ms, large_ms = (median(works[at].taken_s[name]) * 1000 for at in (least, most))
            figures |= {f"{name}_{least}_ms": small_ms, f"{name}_{most}_ms": large_ms}
            figures[f"{name}_ratio_{most}"] = large_ms / small_ms
    figures |= {"memory_mib_1e3": memory_mib[SMALL], f"memory_mib_{most}": memory_mib[large]}
    return figures | floor.ms()


def _in_turn(works: Sequence[_Works], floor: Floor, plan: Plan) -> None:
    """Every operation on all records, one after the other: a busy moment falls on each. Pages come
    first, while the records are as long as they are called."""
    for _ in range(PAGES):
        for name in ("first_page", *PAGED):
            for work in works:
                work.do(name)
    repeats = plan.sized(60, 400)
    for number in range(repeats):
        plan.done(0.8 + 0.2 * number / repeats)
        if number % 10 == 0:
            floor.sample(1)
        for name in ENTERED:
            for work in works:
                work.do(name)


class _Works:
    """The operations on one record, and how long each took."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.taken_s: dict[str, list[float]] = {}
        self._pair = pair
        self._draw = random.Random(seed)
        self._works: dict[str, Callable[[], object]] = {
            "append": lambda: pair.submit(1),
            "receipt": pair.settle,
            "proof": self._prove,
            "first_page": self._page,
            "page": self._page,
            "earlier": self._earlier,
            "desk": self._desk,
        }

    def _read_on(self) -> None:
        """What a running node derives from each entry as it comes: no page waits for that."""
        node, line = self._pair.alpha.node, self._pair.line
        while node.folds(line).read_on(line, READ_S):
            pass

    def do(self, name: str) -> None:
        """One operation, timed."""
        if name == "first_page":  # as after a start that found nothing derived
            self._pair.alpha.node.known_folds.clear()
            self._pair.alpha.node.drill_ends.clear()
        if name in PAGED:
            self._read_on()
        began_s = time.perf_counter()
        self._works[name]()
        self.taken_s.setdefault(name, []).append(time.perf_counter() - began_s)

    def _prove(self) -> None:
        own = self._pair.line.mine
        assert own is not None
        place = Place(own, self._draw.randrange(1, self._pair.size()))
        self._pair.alpha.node.execute({"do": "prove", "entry": place_word(place)})

    def _page(self) -> None:
        self._pair.alpha.node.execute({"do": "inbox"})

    def _earlier(self) -> None:
        own = self._pair.line.mine
        assert own is not None
        middle = place_word(Place(own, self._pair.size() // 2))
        self._pair.alpha.node.execute({"do": "inbox", "before": middle})

    def _desk(self) -> None:
        found = self._pair.alpha.node.execute({"do": "inbox", "limit": SHOWN})
        page = render(
            "line.html",
            **BARE,
            line=found["lines"][0],
            entries=[{"view": view} for view in found["entries"]],
            earlier=found["earlier"],
        )
        assert page.count("<article") == SHOWN
