"""Many seeds on all cores, each alone: what they come to together, and what broke a promise.

A seed that crashes, hangs or takes its process with it has broken one too, and is told like any
other. Sums do not depend on the order in which workers finish.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import signal
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import msgspec

from detente.sim.plan import Plan, plan_of
from detente.sim.record import Violation
from detente.sim.run import Result, run_plan
from detente.sim.shrink import shrink

SEED_CPU_S_MAX = 60  # a hundred times what a seed takes
SEED_WALL_S_MAX = 900  # a worker that its own alarm could not stop is ended
SHRINK_S = 60  # of wall time for one seed that broke a promise
SHRUNK_MAX = 5  # the first few: the others most often say the same
CRASH, HANG, DEAD = "crash", "hang", "process"  # what the simulator itself says, as a checker


class TooLong(BaseException):
    """A seed has used up its processor time. Not an Exception: nothing on the way may keep it."""


class Outcome(msgspec.Struct, frozen=True):
    """What a worker says of one seed."""

    seed: int
    simulated_ms: int = 0
    entries: int = 0
    faults: dict[str, int] = {}
    attacks: dict[str, int] = {}
    refusals: dict[str, int] = {}
    violations: tuple[Violation, ...] = ()
    digest: str = ""


def run_seed(seed: int, *, day: bool = False) -> Outcome:
    """One seed. Never raises: what the simulator could not bear is a violation."""
    return _outcome(seed, partial(run_plan, plan_of(seed, day=day)))


def run_whole(plan: Plan, *, say: Callable[[str], None] | None = None) -> Outcome:
    """As ``run_seed``, of a plan at hand; ``say`` is given each line of the trace as it happens."""
    return _outcome(plan.seed, partial(run_plan, plan, say=say))


def _outcome(seed: int, run: Callable[[], Result]) -> Outcome:
    try:
        with _alarm(SEED_CPU_S_MAX):
            result = run()
    except TooLong:
        return _broken(seed, HANG, f"no end after {SEED_CPU_S_MAX} s of processor time")
    except Exception as error:  # reason: a crash is a finding about a seed, and the swarm goes on
        return _broken(seed, CRASH, type(error).__name__)
    return Outcome(
        seed,
        result.simulated_ms,
        result.entries,
        dict(result.faults),
        dict(result.attacks),
        dict(result.refusals),
        result.violations,
        result.digest,
    )


def _broken(seed: int, word: str, what: str) -> Outcome:
    what = f"{what}\n{traceback.format_exc()}"
    return Outcome(seed, violations=(Violation(word, what, 0),))


@contextmanager
def _alarm(cpu_s: float) -> Iterator[None]:
    """Raises ``TooLong`` in the block once this process has computed for so long."""

    def ring(_number: int, _frame: object) -> None:
        raise TooLong

    kept = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, kept)


def shorten(seed: int, *, day: bool = False, seconds: float = SHRINK_S) -> Plan:
    """The plan of a seed that broke a promise, shortened for at most about ``seconds``.

    Some promise of those that were broken must stay broken, by the word of the same checker.
    """
    plan = plan_of(seed, day=day)
    words = _words(run_whole(plan))
    end = time.monotonic() + seconds
    return shrink(
        plan,
        lambda tried: bool(words & _words(run_whole(tried))),
        lambda: time.monotonic() < end,
    )


def _words(outcome: Outcome) -> set[str]:
    """Which promises, and for a crash of what kind."""
    return {
        f"{one.checker} {one.what.split()[0]}" if one.checker == CRASH else one.checker
        for one in outcome.violations
    }


# --- workers ------------------------------------------------------------------------------------

Job = tuple[str, int, bool]  # "run" or "shorten", a seed, day


def _work(jobs: Connection) -> None:
    """A worker's life: it ends when nobody is at the other end any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    gc.freeze()  # what the imports left behind need not be looked through after each seed
    while True:
        try:
            word, seed, day = jobs.recv()
        except (EOFError, OSError):
            return
        answer = run_seed(seed, day=day) if word == "run" else shorten(seed, day=day)
        try:
            jobs.send(answer)
        except OSError:
            return


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    since: float = 0.0


class Workers:
    """Processes that take jobs, one each at a time; one that dies or hangs is replaced."""

    def __init__(self, count: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._workers = [self._start() for _ in range(count)]

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def all(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Any]]:
        """Each job with its answer, as they come: an Outcome, or for "shorten" a Plan."""
        waiting: deque[Job] = deque()
        while True:
            for number, worker in enumerate(self._workers):
                if worker.job is None:
                    job = waiting.popleft() if waiting else next(jobs, None)
                    if job is None:
                        break
                    worker.job, worker.since = job, time.monotonic()
                    try:
                        worker.pipe.send(job)
                    except OSError:  # it died between two jobs
                        self._replace(number)
                        waiting.append(job)
            if not waiting and all(worker.job is None for worker in self._workers):
                return
            yield from self._answers()

    def _answers(self) -> Iterator[tuple[Job, Any]]:
        busy = {worker.pipe: n for n, worker in enumerate(self._workers) if worker.job is not None}
        for ready in wait(list(busy), timeout=1):
            number = busy[ready]  # type: ignore[index]
            worker = self._workers[number]
            job, worker.job = worker.job, None
            assert job is not None  # noqa: S101  # only the busy ones were asked
            try:
                answer = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                worker.process.join()
                what = f"its process ended with status {worker.process.exitcode}"
                self._replace(number)
                yield job, _lost(job, what)
            else:
                yield job, answer
        for number, worker in enumerate(self._workers):
            if worker.job is not None and time.monotonic() - worker.since > SEED_WALL_S_MAX:
                job = worker.job
                self._replace(number)
                yield job, _lost(job, f"its process did not answer in {SEED_WALL_S_MAX} s")

    def _replace(self, number: int) -> None:
        _end(self._workers[number], 0)
        self._workers[number] = self._start()

    def close(self, patience_s: float = 5) -> None:
        """Every process ends: by itself after the seed it is at, or at the end of our patience."""
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            _end(worker, patience_s)


def _end(worker: _Worker, patience_s: float) -> None:
    worker.pipe.close()
    worker.process.join(patience_s)
    worker.process.kill()
    worker.process.join()


def _lost(job: Job, what: str) -> Outcome | Plan:
    word, seed, day = job
    if word == "run":
        return Outcome(seed, violations=(Violation(DEAD, what, 0),))
    return plan_of(seed, day=day)  # as long as it was


# --- a run of many seeds ------------------------------------------------------------------------


class Found(msgspec.Struct):
    """A seed that broke a promise."""

    seed: int
    violations: tuple[Violation, ...]
    shortened: Plan | None = None


class Swarm(msgspec.Struct):
    """A run of consecutive seeds as far as it has come: a value that can be written and read."""

    start: int
    count: int
    day: bool
    commit: str
    next: int  # the first seed that no worker has been given
    missing: list[int] = []  # given to a worker, and not known
    done: int = 0
    seconds: float = 0.0
    simulated_ms: int = 0
    entries: int = 0
    faults: dict[str, int] = {}
    attacks: dict[str, int] = {}
    refusals: dict[str, int] = {}
    found: list[Found] = []
    digest: str = "00" * 32  # the sum of all digests, so that their order does not matter

    def take(self, outcome: Outcome) -> None:
        """Adds what one seed came to."""
        if outcome.seed in self.missing:
            self.missing.remove(outcome.seed)
        self.done += 1
        self.simulated_ms += outcome.simulated_ms
        self.entries += outcome.entries
        self.faults = _sum(self.faults, outcome.faults)
        self.attacks = _sum(self.attacks, outcome.attacks)
        self.refusals = _sum(self.refusals, outcome.refusals)
        if outcome.violations:
            self.found.append(Found(outcome.seed, outcome.violations))
        one = hashlib.sha256(f"{outcome.seed} {outcome.digest}".encode()).digest()
        total = int(self.digest, 16) + int.from_bytes(one, "big")
        self.digest = f"{total % (1 << 256):064x}"

    def run(
        self, workers: Workers, each: Callable[[Outcome], None], stop: Callable[[], bool]
    ) -> None:
        """All that is left, until ``stop``: then what is under way is finished, and no more.

        Whenever ``each`` is called this is a value to go on with, should everything end there.
        """
        began = time.monotonic() - self.seconds
        jobs = (("run", seed, self.day) for seed in self._left(stop))
        for _, outcome in workers.all(jobs):
            self.take(outcome)
            self.seconds = time.monotonic() - began
            each(outcome)

    def _left(self, stop: Callable[[], bool]) -> Iterator[int]:
        """First what was under way when an earlier run ended."""
        for seed in list(self.missing):
            if not stop():
                yield seed
        while self.next < self.start + self.count and not stop():
            self.missing.append(self.next)
            self.next += 1
            yield self.next - 1

    def in_order(self) -> list[Found]:
        """What was found, by seed: workers finish in any order."""
        return sorted(self.found, key=lambda one: one.seed)

    def shorten(self, workers: Workers) -> None:
        """Shortens the schedules of the first few seeds that broke a promise."""
        found = self.in_order()[:SHRUNK_MAX]
        by_seed = {one.seed: one for one in found if one.shortened is None}
        for job, plan in workers.all(("shorten", seed, self.day) for seed in by_seed):
            by_seed[job[1]].shortened = plan


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(one) + Counter(other)).items()))
