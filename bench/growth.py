"""What one entry costs in a small record and in a large one: append, receipt, proof, page; a page
from the middle of the record, and the desk's page of the line."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
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

SMALL = 1_000
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
OPERATIONS = ("append", "receipt", "proof", *PAGED)
READ_S = 1.0
SHOWN = 50  # entries on a page of the desk


def measure(plan: Plan) -> Figures:
    """Medians at both sizes, each operation on both in turn, and the larger over the smaller."""
    large = plan.sized(10_000, 100_000)
    words = ("1e3", f"1e{len(str(large)) - 1}")
    grounds = [make_ground(plan.folder / word) for word in words]
    with (
        disk_floor(plan.folder) as floor,
        joined(grounds[0], texts(plan.seed)) as low,
        joined(grounds[1], texts(plan.seed)) as high,
    ):
        memory_mib = []
        for pair, sizes in ((low, [SMALL]), (high, [SMALL, large])):
            for size in sizes:
                for have in pair.grow(size):
                    plan.done(0.8 * have / large)
                memory_mib.append(rss_mib())
        works = [_Works(low, plan.seed), _Works(high, plan.seed)]
        _in_turn(works, floor, plan)
    figures: Figures = {"entries": large}
    for name in OPERATIONS:
        small_ms, large_ms = (median(work.taken_s[name]) * 1000 for work in works)
        figures |= {f"{name}_{words[0]}_ms": small_ms, f"{name}_{words[1]}_ms": large_ms}
        figures[f"{name}_ratio_{words[1]}"] = large_ms / small_ms
    figures |= {
        f"first_page_{w}_ms": x.first_page_s * 1000 for w, x in zip(words, works, strict=True)
    }
    figures |= {"memory_mib_1e3": memory_mib[1], f"memory_mib_{words[1]}": memory_mib[2]}
    return figures | floor.ms()


def _in_turn(works: Sequence[_Works], floor: Floor, plan: Plan) -> None:
    """Every operation on both records, one after the other: a busy moment falls on both."""
    repeats = plan.sized(60, 400)
    for number in range(repeats):
        plan.done(0.8 + 0.2 * number / repeats)
        if number % 10 == 0:
            floor.sample(1)
        for name in ("append", "receipt", "proof"):
            for work in works:
                work.do(name)
    for _ in range(PAGES):
        for name in PAGED:
            for work in works:
                work.do(name)


class _Works:
    """The operations on one record, and how long each took."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.taken_s: dict[str, list[float]] = {name: [] for name in OPERATIONS}
        self._pair = pair
        self._draw = random.Random(seed)
        self._works: dict[str, Callable[[], object]] = {
            "append": lambda: pair.submit(1),
            "receipt": pair.settle,
            "proof": self._prove,
            "page": self._page,
            "earlier": self._earlier,
            "desk": self._desk,
        }
        began_s = time.perf_counter()
        self._page()
        self.first_page_s = time.perf_counter() - began_s
        self._read_on()

    def _read_on(self) -> None:
        """What a running node derives from each entry as it comes: no page waits for that."""
        node, line = self._pair.alpha.node, self._pair.line
        while node.folds(line).read_on(line, READ_S):
            pass

    def do(self, name: str) -> None:
        """One operation, timed."""
        if name in PAGED:
            self._read_on()
        began_s = time.perf_counter()
        self._works[name]()
        self.taken_s[name].append(time.perf_counter() - began_s)

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
