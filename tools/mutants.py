"""Plants small faults in modules of core, one at a time, and names those that no test notices.

``make mutants`` runs it. The faults are mutmut's; the loop is ours, because one pytest for each of
10,000 faults takes a day: here the tests are collected once, and each fault is tried in a fork of
that process, with the tests that reach its function, until the first that fails.
Faults that change nothing but the words of a refusal are left out (tests/README.md).
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from mutmut.mutation import trampoline
from mutmut.mutation.file_mutation import mutate_file_contents

ROOT = Path(__file__).resolve().parents[1]
CORE = Path("src") / "detente" / "core"
COPIED = ("src", "tests", "tools", "spec", "vectors")
TESTS = "tests/core"
PROFILE = "mutants"
SECONDS = 20  # of processor time that the tests may take to notice one fault
NOTICED = "noticed"
UNDER_TEST = "MUTANT_UNDER_TEST"  # mutmut reads it on every call
ERRORS = {"PeerError", "LocalError", "MachineError"}
# Those that are raised with nothing but words.
WORDING = {"malformed", "_bad_proof", "_unreadable", "_mismatch", "ValueError"}


@dataclass
class Mutants:
    """A module with its faults: the code that holds them all, and the functions they are in."""

    module: str
    code: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # of faults worth trying
    wording: int = 0

    def original(self, name: str) -> str:
        """The unchanged function of a fault."""
        return name.rpartition("__mutmut_")[0] + "__mutmut_orig"

    def shown(self, name: str) -> str:
        """What the fault changed, as a diff."""
        plain = name.rpartition("__mutmut_")[0]
        one, other = (
            ast.unparse(self.functions[key]).replace(key, plain, 1).splitlines()
            for key in (self.original(name), name)
        )
        lines = list(difflib.unified_diff(one, other, lineterm="", n=1))[3:]
        return "\n".join(lines)


def plant(source: str, path: str) -> Mutants:
    """Every fault of mutmut's in one module, without those that only change words."""
    found = mutate_file_contents(path, source)
    module = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
    mutants = Mutants(module, found.code)
    for node in ast.walk(ast.parse(found.code)):
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name:
            mutants.functions[node.name] = node
    for name in found.mutant_names:
        bare = [_without_words(mutants.functions[key]) for key in (mutants.original(name), name)]
        if bare[0] == bare[1]:
            mutants.wording += 1
        else:
            mutants.names.append(name)
    return mutants


class _Words(ast.NodeTransformer):
    """Takes the wording out of refusals: only the number is asserted."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in WORDING:
            node.args, node.keywords = [], []
        elif name in ERRORS:
            node.args = node.args[:1]
        return node


def _without_words(function: ast.FunctionDef) -> str:
    copy = ast.parse(ast.unparse(function)).body[0]
    assert isinstance(copy, ast.FunctionDef)  # noqa: S101 - what was unparsed
    copy.name = ""
    return ast.unparse(_Words().visit(copy))


# --- trying them ------------------------------------------------------------------------------


class Trial:
    """The pytest plugin that runs the tests once to see what they reach, then once per fault."""

    def __init__(self, mutants: Mutants, seconds: float, tell: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._mutants = mutants
        self._seconds = seconds
        self._tell = tell
        self._bad = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes a failure of any phase."""
        self._bad = self._bad or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own loop; each fault that lives is told at once."""
        reached = self._watch(session.items)
        for name in self._mutants.names:
            items = reached.get(name.rpartition("__mutmut_")[0], [])
            found = self._try(name, items) if items else "not reached"
            self.counts[found] += 1
            if found != NOTICED:
                self._tell(f"--- {found}: {name}\n{self._mutants.shown(name)}")
        return True

    def _watch(self, items: Sequence[pytest.Item]) -> dict[str, list[pytest.Item]]:
        """The tests that reach each function: those of the module's own file first, then the
        quickest."""
        hits: set[str] = set()
        vars(trampoline)["record_trampoline_hit"] = lambda name, **_: hits.add(name)
        own = f"test_{self._mutants.module.rpartition('.')[2]}.py"
        rows: list[tuple[bool, float, int]] = []
        names: list[set[str]] = []
        os.environ[UNDER_TEST] = "stats"
        for number, item in enumerate(items):
            began = time.process_time()
            if not self._passes(item):
                self._tell(f"does not pass without a fault: {item.nodeid}")
            rows.append((item.path.name != own, time.process_time() - began, number))
            names.append(set(hits))
            hits.clear()
        os.environ[UNDER_TEST] = ""
        reached: dict[str, list[pytest.Item]] = {}
        for _, _, number in sorted(rows):
            for name in names[number]:
                reached.setdefault(name.rpartition(".")[2], []).append(items[number])
        return reached

    def _passes(self, item: pytest.Item) -> bool:
        self._bad = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self._bad

    def _try(self, name: str, items: list[pytest.Item]) -> str:
        """Whether a test fails or hangs with this fault in place.

        The test that failed comes first for the next fault of the same function.
        """
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.environ[UNDER_TEST] = f"{self._mutants.module}.{name}"
            resource.setrlimit(resource.RLIMIT_CPU, (int(self._seconds) + 2,) * 2)
            os.write(theirs, b"%d" % self._first_failure(items))
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        if not said:
            return NOTICED  # it hung, or took the process down
        failed = int(said)
        if failed == len(items):
            return "survived"
        items.insert(0, items.pop(failed))
        return NOTICED

    def _first_failure(self, items: Sequence[pytest.Item]) -> int:
        """The place of the first test that fails; how many there are, where none did in time."""
        began = time.process_time()
        for place, item in enumerate(items):
            if not self._passes(item):
                return place
            if time.process_time() - began > self._seconds:
                break
        return len(items)


# --- the command ------------------------------------------------------------------------------


def run(module: str, tests: Sequence[str], only: Sequence[str], every: int, seconds: float) -> None:
    """Tries every n-th fault of a module: each that lives, with what it changed; then figures."""
    path = CORE / f"{module}.py"
    mutants = plant((ROOT / path).read_text(encoding="utf-8"), path.as_posix())
    found = len(mutants.names)
    mutants.names = [name for name in mutants.names if name in only or not only][::every]
    with copied() as folder, quiet() as tell:
        (folder / path).write_text(mutants.code, encoding="utf-8")
        # An example that fails is enough: nobody reads it, so none is made small.
        quick = settings(settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate))
        settings.register_profile(PROFILE, quick)
        trial = Trial(mutants, seconds, tell)
        options = ["-q", "-n0", "-p", "no:cacheprovider", f"--hypothesis-profile={PROFILE}"]
        options += ["--timeout=0", "--tb=no"]
        chosen = [str(folder / TESTS / test) for test in tests] or [str(folder / TESTS)]
        pytest.main([*options, f"--rootdir={folder}", *chosen], plugins=[trial])
        counts = ", ".join(f"{count} {what}" for what, count in sorted(trial.counts.items()))
        tried = f"{len(mutants.names)} of {found} tried"
        tell(f"{module}: {counts}; {tried}, {mutants.wording} of wording left out\n")


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the tree to work in, its root on the path in place of ours."""
    before = list(sys.path)
    with tempfile.TemporaryDirectory(prefix="detente-mutants-") as name:
        folder = Path(name)
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("*.pyc"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        sys.path[:0] = [str(folder / "src")]
        os.chdir(folder)
        try:
            yield folder
        finally:
            sys.path[:] = before
            os.chdir(ROOT)


@contextmanager
def quiet() -> Iterator[Callable[[str], None]]:
    """Nothing that pytest says of failing tests is shown; gives what is told all the same."""
    kept = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield lambda text: print(text, file=os.fdopen(os.dup(kept), "w"), flush=True)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen modules, each in a process of its own; status 1 if one could not be."""
    known = sorted(path.stem for path in (ROOT / CORE).glob("*.py") if path.stem != "__init__")
    parser = argparse.ArgumentParser(prog="tools/mutants.py", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(known))
    parser.add_argument("--tests", default="", metavar="FILE,…", help=f"of {TESTS}; all of them")
    parser.add_argument("--only", default="", metavar="FAULT,…", help="faults by name; all of them")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="only every N-th fault")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the tests of one fault")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.modules) - set(known))
    if unknown:
        print(f"error: core has no module {', '.join(unknown)}", file=sys.stderr)
        return 2
    tests, only = (
        [word for word in words.split(",") if word] for words in (asked.tests, asked.only)
    )
    status = 0
    for module in asked.modules or known:
        child = os.fork()  # a fault may stay in memory: no module sees another's
        if child == 0:
            run(module, tests, only, asked.sample, asked.seconds)
            os._exit(0)
        status |= os.waitpid(child, 0)[1] != 0
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
