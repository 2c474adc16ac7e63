"""From an authorisation at one desk to the text on another's page, one page open and many.

Two nodes and two desks, each a process of its own; this one is the people.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from statistics import median

from bench.ground import PATIENCE_S, SETTLED_S, make_ground, peer
from bench.plan import Figures, Plan
from bench.restart import first_answer
from bench.samples import texts
from bench.seats import LOOPBACK, Screen, Seat, hash_in, open_screens, options_in, sit_down
from bench.timing import percentile

from detente.core.errors import LocalError
from detente.node import control

TRY_EVERY_S = 0.05


def measure(plan: Plan) -> Figures:
    """Milliseconds of the line alone, to one page and to each of all pages, and their ratios."""
    blocks, messages, screens = plan.sized(1, 3), plan.sized(2, 5), plan.sized(5, 50)
    ground = make_ground(plan.folder / "desks")
    homes = (ground.alpha, ground.bravo)
    with ExitStack() as running:
        for home in homes:
            running.enter_context(peer(home))
        lines = [first_answer(home, {"do": "lines"})[0]["line"] for home in homes]
        author, *watch = (
            seat
            for home, seats in zip(homes, (1, screens), strict=True)
            for seat in sit_down(home, seats)
        )
        for home, port in ((ground.alpha, author.port), (ground.bravo, watch[0].port)):
            running.enter_context(_desk(home, port))
        drive = _Drive(
            plan,
            ground.alpha,
            lines[0],
            author,
            [Screen(one, f"/line/{lines[1]}") for one in watch],
        )
        running.enter_context(drive.told.by(ground.bravo))
        asyncio.run(drive.run(blocks, messages))
    taken = drive.taken
    one_s, many_s, line_s = (median(taken[name]) for name in ("one", "many", "line"))
    last_s = percentile(taken["many"], 0.99)
    return {
        "messages": blocks * messages,
        "line_p50_ms": line_s * 1000,
        "visible_p50_ms": one_s * 1000,
        "visible_p95_ms": percentile(taken["one"], 0.95) * 1000,
        "beyond_line_ms": (one_s - line_s) * 1000,
        "beyond_line_p95_ms": (percentile(taken["one"], 0.95) - line_s) * 1000,
        "visible_over_line": one_s / line_s,
        "screens": screens,
        "of_all_p50_ms": many_s * 1000,
        "of_all_p99_ms": last_s * 1000,
        "of_all_p99_over_one": last_s / one_s,
    }


@contextmanager
def _desk(home: Path, port: int) -> Iterator[None]:
    with peer(home, "detente", "--home", str(home), "desk", "run"):
        end_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection((LOOPBACK, port), timeout=PATIENCE_S).close()
                break
            except OSError:
                if time.monotonic() > end_s:
                    raise
                time.sleep(TRY_EVERY_S)
        yield


class _Told:
    """How much of a log a node has told to have received, and when."""

    def __init__(self) -> None:
        self._size = 0
        self._at_s = 0.0
        self._news = threading.Condition()

    @contextmanager
    def by(self, home: Path) -> Iterator[None]:
        """Listens to the node of a home, until that node ends."""
        threading.Thread(target=self._listen, args=(home,), daemon=True).start()
        yield

    def _listen(self, home: Path) -> None:
        with suppress(LocalError):
            for event in control.follow(home, {"do": "follow"}):
                if event["event"] == "received":
                    with self._news:
                        self._size, self._at_s = int(event["size"]), time.perf_counter()
                        self._news.notify_all()

    def until(self, size: int) -> float:
        """The moment at which so much was told. TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: self._size >= size, PATIENCE_S):
                raise TimeoutError("the other node does not receive it")
            return self._at_s


class _Drive:
    """Messages by each way in turn, so that a busy minute falls on all of them."""

    def __init__(
        self, plan: Plan, home: Path, line: str, author: Seat, screens: Sequence[Screen]
    ) -> None:
        self.taken: dict[str, list[float]] = {"line": [], "one": [], "many": []}
        self.told = _Told()
        self._plan = plan
        self._home = home
        self._line = line
        self._author = author
        self._screens = screens
        self._texts = texts(plan.seed)
        self._numbers = count(1)

    async def run(self, blocks: int, messages: int) -> None:
        """Everything that is measured; the first messages fill caches and are not."""
        one = self._screens[:1]
        for block in range(blocks + 1):
            for name, screens in (("one", one), ("many", self._screens)):
                self._plan.done(block / (blocks + 1))
                async with open_screens(screens):
                    for _ in range(messages if block else 1):
                        found = await self._seen(screens)
                        self.taken[name] += found if block else []
                        if screens is one:
                            await _quiet(screens)
                            line_s = await asyncio.to_thread(self._received)
                            self.taken["line"] += [line_s] if block else []

    async def _seen(self, screens: Sequence[Screen]) -> list[float]:
        """Seconds from an officer's passkey until each page shows the text."""
        mark, author = f"Nr{next(self._numbers):06d}x", self._author
        written = {"precedence": "FLASH", "subject": mark, "text": next(self._texts)}
        path = await author.send(f"/line/{self._line}/write", do="preview", **written)
        draft = path.removesuffix("/preview")
        await author.send(f"{draft}/offer", version=1)
        page = await author.get(f"{draft}/authorise")
        answer, sha256 = author.sign(options_in(page)), hash_in(page)
        for screen in screens:
            screen.want(mark)
        await _quiet(screens)
        began_s = time.perf_counter()
        sent = asyncio.create_task(author.send(f"{draft}/authorise", sha256=sha256, answer=answer))
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(sent, *(screen.shown.wait() for screen in screens))
        return [screen.at_s - began_s for screen in screens]

    def _received(self) -> float:
        """Seconds from the same command, which the desk gives its node, until the other node has
        told that the entry is on its disk: no desk has a part in it."""
        fields: dict[str, object] = {"line": self._line, "precedence": "FLASH"}
        fields["text"] = next(self._texts)
        fixed = control.call(self._home, {"do": "fix", **fields})
        by = [{"person": "1", "at_s": fixed["dtg_s"]}]
        release = {"sha256": fixed["sha256"], "by": by, "journal": fixed["journal"]}
        fields |= {"dtg_s": fixed["dtg_s"], "release": release, "wait": "sent", "timeout_s": 2}
        began_s = time.perf_counter()
        said = control.call(self._home, {"do": "say", **fields})
        return self.told.until(said["index"] + 1) - began_s


async def _quiet(screens: Sequence[Screen]) -> None:
    """Until no page has been fetched for SETTLED_S: what came before falls on no stop-watch."""
    before_s = -1.0
    while before_s != (last_s := max(one.fetched_s for one in screens)):
        before_s = last_s
        await asyncio.sleep(SETTLED_S)
