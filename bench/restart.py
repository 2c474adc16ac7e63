"""From `detente node run` to the control socket's first answer, empty and with a record."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.children import child
from bench.floors import disk_floor
from bench.ground import PASSPHRASE, PATIENCE_S, make_ground, peer, rss_mib
from bench.joined import joined
from bench.plan import Figures, Plan
from bench.samples import texts

from detente.core.errors import LocalError
from detente.node import control
from detente.store.keyring import NODE_FILE
from detente.store.private import read_private, write_private
from detente.store.sealed import DEFAULT_COST, open_sealed

ASK_EVERY_S = 0.002


def measure(plan: Plan) -> Figures:
    """Seconds until ready at both sizes, and the share of it that argon2id alone takes."""
    large = plan.sized(2_000, 100_000)
    repeats = plan.sized(2, 5)
    ground = make_ground(plan.folder / "restart", cost=DEFAULT_COST)
    write_private(ground.folder / "passphrases", PASSPHRASE.encode())
    figures: Figures = {"entries": large}
    argon2_s: list[float] = []
    python_s: list[float] = []
    with disk_floor(plan.folder) as floor:
        for word, size in (("0", 0), ("at_size", large)):
            with joined(ground, texts(plan.seed)) as pair:
                for have in pair.grow(size):
                    plan.done(have / large * 0.9)
            starts: dict[str, list[float]] = {"ready_s": [], "page_s": [], "memory_mib": []}
            for _ in range(repeats):
                floor.sample(5)
                argon2_s.append(_argon2_s(ground.alpha))
                python_s.append(_imports_s())
                _start(ground.alpha, starts)
            figures |= {f"{name}_{word}": median(found) for name, found in starts.items()}
    figures |= {"argon2_s": median(argon2_s), "python_s": median(python_s)}
    figures["ready_s"] = figures["ready_s_at_size"]
    least_s = max(median(argon2_s), median(python_s))  # they can go side by side
    figures["ready_over_floor"] = float(figures["ready_s"]) / least_s
    return figures | floor.ms()


def _start(home: Path, starts: dict[str, list[float]]) -> None:
    """One start: the first answer at all, the first page, the memory in between."""
    began_s = time.perf_counter()
    phrases = home.parent / "passphrases"
    options = ("--home", str(home), "--passphrase-file", str(phrases))
    with peer(home, "detente", *options, "node", "run") as process:
        first_answer(home, {"do": "cards"})
        starts["ready_s"].append(time.perf_counter() - began_s)
        starts["memory_mib"].append(rss_mib(process.pid))
        first_answer(home, {"do": "inbox"})
        starts["page_s"].append(time.perf_counter() - began_s)


def first_answer(home: Path, request: dict[str, Any]) -> Any:
    """The answer of the node that is about to run in a home."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return control.call(home, request, timeout_s=PATIENCE_S)
        except LocalError:
            if time.monotonic() > until_s:
                raise
            time.sleep(ASK_EVERY_S)


def _argon2_s(home: Path) -> float:
    """Opening the sealed keys of a home: argon2id at the node's own cost."""
    began_s = time.perf_counter()
    open_sealed(read_private(home / NODE_FILE), [PASSPHRASE], "node")
    return time.perf_counter() - began_s


def _imports_s() -> float:
    """A process that imports the daemon and ends."""
    began_s = time.perf_counter()
    with Path("/dev/null").open("wb") as nowhere:
        child("detente.node.runner", out=nowhere).wait()
    return time.perf_counter() - began_s
