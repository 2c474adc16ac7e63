"""The swarm: many seeds on many processes come to one sum, and whatever breaks is told."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from detente.cli import drill
from detente.cli.main import main
from detente.sim import swarm as of
from detente.sim.plan import Plan, plan_of
from detente.sim.record import Violation
from detente.sim.swarm import Outcome, Swarm, Workers, run_seed, run_whole

SEEDS = Path(__file__).resolve().parents[1] / "seeds.txt"
QUICK = (2, 14, 15)  # seeds that take little
TRACED = 5  # by so much, and no more, counting branches slows a seed


def known() -> list[int]:
    """The seeds that once found something."""
    lines = SEEDS.read_text(encoding="utf-8").splitlines()
    return [int(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]


def run(*arguments: object) -> Result:
    """One command line, in this process."""
    return CliRunner().invoke(main, ["drill", "swarm", *map(str, arguments)])


@pytest.mark.parametrize("seed", known())
def test_a_seed_that_once_found_something_finds_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a seed has found stays mended."""
    monkeypatch.setattr(of, "SEED_CPU_S_MAX", TRACED * of.SEED_CPU_S_MAX)
    assert run_seed(seed).violations == ()


def test_every_seed_kept_says_what_it_found() -> None:
    """A line of tests/seeds.txt is a number and a reason, and no seed stands there twice."""
    for line in SEEDS.read_text(encoding="utf-8").splitlines():
        assert line.partition("#")[2].strip()
    assert len(set(known())) == len(known())


def test_a_seed_comes_to_the_same_in_a_worker_and_here() -> None:
    """Workers finish in any order; the sum of what they found is the one that one process finds."""
    here = Swarm(QUICK[0], len(QUICK), False, "x", 0)
    for seed in QUICK:
        here.take(run_seed(seed))
    workers, there = Workers(2), Swarm(QUICK[0], len(QUICK), False, "x", 0)
    try:
        jobs = (("run", seed, False) for seed in reversed(QUICK))
        for _, outcome in workers.all(jobs):
            there.take(outcome)
    finally:
        workers.close()
    assert there == here
    assert there.done == len(QUICK)


def test_a_worker_that_dies_is_a_violation_and_is_replaced() -> None:
    """The seed it was at is told with its exit status, and the others go on."""
    workers = Workers(1)
    try:
        answers = workers.all(("run", seed, False) for seed in (QUICK[0], QUICK[1]))
        workers._workers[0].process.kill()
        found = [outcome for _, outcome in answers]
    finally:
        workers.close()
    assert [one.seed for one in found] == [QUICK[0], QUICK[1]]
    assert [len(one.violations) for one in found] in ([1, 0], [0, 0])
    assert found[1].digest == run_seed(QUICK[1]).digest


def test_a_crash_is_a_violation_with_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the simulator cannot bear is a finding about the seed, and names its place."""

    def crash(plan: Plan, **_: object) -> None:
        raise KeyError(plan.seed)

    monkeypatch.setattr(of, "run_plan", crash)
    (violation,) = run_seed(5).violations
    assert violation.checker == "crash"
    assert violation.what.startswith("KeyError\n")
    assert "KeyError: 5" in violation.what


def test_a_seed_that_never_ends_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped where it computes, and says where that was."""

    def spin(plan: Plan, **_: object) -> None:
        while plan:
            pass

    monkeypatch.setattr(of, "run_plan", spin)
    monkeypatch.setattr(of, "SEED_CPU_S_MAX", 0.05)
    (violation,) = run_seed(5).violations
    assert violation.checker == "hang"
    assert "in spin" in violation.what


def test_what_broke_is_shortened_by_the_word_of_the_same_checker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only a plan to which the same checker objects counts as still broken."""
    plan = plan_of(1)
    needed = plan.deeds[3]

    def stand_in(tried: Plan, **_: object) -> Outcome:
        word = "this" if needed in tried.deeds else "another"
        return Outcome(tried.seed, violations=(Violation(word, "", 0),))

    monkeypatch.setattr(of, "run_whole", stand_in)
    assert of.shorten(1).deeds == (needed,)


def test_an_interrupted_run_goes_on_where_it_stopped() -> None:
    """Written, read and gone on with, it comes to what it would have come to in one go."""

    class Hand:
        """Answers at once, in the order asked."""

        def all(self, jobs):
            for job in jobs:
                yield job, Outcome(job[1], 1000, 1, {"kill": 1}, digest=str(job[1]))

    whole, part, stop = Swarm(7, 9, False, "x", 7), Swarm(7, 9, False, "x", 7), []
    whole.run(Hand(), lambda _: None, lambda: False)
    part.run(Hand(), lambda one: stop.append(one) if one.seed == 10 else None, lambda: bool(stop))
    assert (part.done, part.next, part.missing) == (4, 11, [])
    again = msgspec.json.decode(msgspec.json.encode(part), type=Swarm)
    again.missing.append(10)  # as if a machine had died with that seed under way
    again.done -= 1
    seen = []
    again.run(Hand(), lambda one: seen.append(one.seed), lambda: False)
    assert seen == [10, 11, 12, 13, 14, 15]
    assert (again.done, again.missing) == (9, [])
    assert whole.faults == {"kill": 9}


# --- the command --------------------------------------------------------------------------------


def test_the_command_ends_with_one_document() -> None:
    """What was run, what it met and what it broke; equal runs have equal digests."""
    documents = [json.loads(run("--from", 2, "--seeds", 1, "--json").output) for _ in range(2)]
    document = documents[0]
    assert (document["seeds"], document["from"], document["violations"]) == (1, 2, 0)
    assert (document["found"], document["day"]) == ([], False)
    assert document["simulated_hours"] > 0.5
    assert document["entries"] == run_seed(2).entries
    assert document["faults"] == run_seed(2).faults
    assert documents[0]["digest"] == documents[1]["digest"]
    assert document["commit"] == drill.commit()


def test_one_seed_is_replayed_with_its_trace() -> None:
    """The trace on the screen is the one of the simulator, line for line."""
    lines: list[str] = []
    run_whole(plan_of(2), say=lines.append)
    shown = run("--seed", 2, "--trace").output.splitlines()
    assert shown[: len(lines)] == lines
    assert json.loads(run("--seed", 2, "--trace", "--json").output)["trace"] == lines


def test_a_broken_promise_is_told_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed, command to replay and shortened schedule stand there, and the status is 3."""
    broken = Outcome(4, violations=(Violation("nothing lost", "it is\nhere", 7),))
    monkeypatch.setattr(of, "run_whole", lambda plan, **_: broken)
    monkeypatch.setattr(of, "shorten", lambda seed, **_: plan_of(seed).without(lambda *_: False))
    told = run("--seed", 4)
    assert told.exit_code == 3
    assert "detente drill swarm --seed 4 --trace\n  nothing lost: it is\n    here\n" in told.output
    assert "the faults stop" in told.output
    document = json.loads(run("--seed", 4, "--json").output)
    assert document["found"][0]["violations"] == [
        {"checker": "nothing lost", "what": "it is\nhere", "at_ms": 7}
    ]
    assert msgspec.convert(document["found"][0]["schedule"], Plan).deeds == ()


def test_a_trace_needs_one_seed() -> None:
    """Many traces on one screen would be none."""
    assert run("--trace").exit_code == 2


def test_a_run_goes_on_only_at_its_own_commit(tmp_path: Path) -> None:
    """Sums over two builds would say nothing about either."""
    path = tmp_path / "state"
    path.write_bytes(msgspec.json.encode(Swarm(1, 5, False, "elsewhere", 1)))
    refused = run("--resume", path)
    assert refused.exit_code == 2
    assert "elsewhere" in refused.output


class Interrupted:
    """Workers whose third answer comes together with Ctrl-C."""

    def __init__(self, count: int) -> None:
        assert count > 0

    def all(self, jobs):
        for number, job in enumerate(jobs):
            if number == 2:
                signal.raise_signal(signal.SIGINT)
            yield job, Outcome(job[1], 1000, 1, {"kill": 1}, digest=str(job[1]))

    def close(self):
        pass


def test_ctrl_c_leaves_a_file_to_resume_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seed under way is counted, the status is 130, and the same command goes on to the end."""
    monkeypatch.setattr(of, "Workers", Interrupted)
    path = tmp_path / "state"
    options = ("--from", 5, "--seeds", 5, "--resume", path, "--json")
    stopped = run(*options)
    document = json.loads(stopped.output)
    assert stopped.exit_code == 130
    assert (document["resume"], document["seeds"]) == (str(path), 3)
    state = msgspec.json.decode(path.read_bytes(), type=Swarm)
    assert (state.missing, state.next, state.done) == ([], 8, 3)
    ended = run(*options)
    assert (ended.exit_code, json.loads(ended.output)["seeds"]) == (0, 5)
    assert not path.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
