"""What one entry costs in a small record and in a large one: append, receipt, proof, page."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median

from bench.floors import Floor, disk_floor
from bench.ground import make_ground, rss_mib
from bench.joined import Pair, joined
from bench.plan import Figures, Plan
from bench.samples import texts

from detente.core.transcript import Place
from detente.node.places import place_word

SMALL = 1_000
PROOFS = 50
PAGES = 5


def measure(plan: Plan) -> Figures:
    """Medians at both sizes, and the larger over the smaller."""
    large = plan.sized(10_000, 100_000)
    ground = make_ground(plan.folder / "growth")
    repeats = plan.sized(60, 400)
    at: dict[int, dict[str, float]] = {}
    with disk_floor(plan.folder) as floor, joined(ground, texts(plan.seed)) as pair:
        for size in (SMALL, large):
            for have in pair.grow(size):
                plan.done(have / large)
            at[size] = _at_size(pair, floor, repeats, plan.seed)
    exponent = len(str(large)) - 1
    figures: Figures = {"entries": large}
    for name in ("append", "receipt", "proof", "page"):
        figures[f"{name}_ratio_1e{exponent}"] = at[large][name] / at[SMALL][name]
    for size, word in ((SMALL, "1e3"), (large, f"1e{exponent}")):
        figures |= {f"{name}_{word}_ms": value for name, value in at[size].items()}
    figures[f"memory_mib_1e{exponent}"] = figures.pop(f"rss_mib_1e{exponent}_ms")
    figures["memory_mib_1e3"] = figures.pop("rss_mib_1e3_ms")
    return figures | floor.ms()


def _at_size(pair: Pair, floor: Floor, repeats: int, seed: int) -> dict[str, float]:
    """Median milliseconds of each operation at the present size, and the memory of this process."""
    appended, receipted = [], []
    for number in range(repeats):
        if number % 10 == 0:
            floor.sample(1)
        began_s = time.perf_counter()
        pair.submit(1)
        appended.append(time.perf_counter() - began_s)
        began_s = time.perf_counter()
        pair.settle()
        receipted.append(time.perf_counter() - began_s)
    node, draw, size = pair.alpha.node, random.Random(seed), pair.size()
    own = pair.line.mine
    assert own is not None

    def prove() -> None:
        place = Place(own, draw.randrange(1, size))
        node.execute({"do": "prove", "entry": place_word(place)})

    def page() -> None:
        node.execute({"do": "inbox"})

    first_s = _once_s(page)
    return {
        "append": median(appended) * 1000,
        "receipt": median(receipted) * 1000,
        "proof": median(_once_s(prove) for _ in range(PROOFS)) * 1000,
        "page": median(_once_s(page) for _ in range(PAGES)) * 1000,
        "first_page": first_s * 1000,
        "rss_mib": rss_mib(),
    }


def _once_s(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s
