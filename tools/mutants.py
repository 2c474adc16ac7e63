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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from coverage import Coverage
from hypothesis import Phase, settings
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

    path: Path  # in the tree
    code: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # of faults worth trying
    found: int = 0
    wording: int = 0

    @property
    def module(self) -> str:
        """The module, as it is imported."""
        return ".".join(self.path.with_suffix("").parts[1:])

    def original(self, name: str) -> str:
        """The unchanged function of a fault."""
        return name.rpartition("__mutmut_")[0] + "__mutmut_orig"

    def lines(self, name: str) -> range:
        """The lines of the statement that a fault changes, or of its head if others stand in it;
        of the whole function where the fault is in the function's own head."""
        original = self.functions[self.original(name)]
        texts = self.code.splitlines()
        one, other = (
            texts[function.lineno : function.end_lineno]
            for function in (original, self.functions[name])
        )
        pairs = enumerate(zip(one, other, strict=False), original.lineno + 1)
        changed = next((line for line, (old, new) in pairs if old != new), original.lineno)
        around: list[ast.stmt] = [
            node
            for node in ast.walk(original)
            if isinstance(node, ast.stmt) and changed in _span(node)
        ]
        node = min(around, key=lambda found: len(_span(found)))
        body = getattr(node, "body", None)
        if node is original or not body or changed >= body[0].lineno:
            return _span(node)
        return range(node.lineno, body[0].lineno)

    def shown(self, name: str) -> str:
        """What the fault changed, as a diff."""
        plain = name.rpartition("__mutmut_")[0]
        one, other = (
            ast.unparse(self.functions[key]).replace(key, plain, 1).splitlines()
            for key in (self.original(name), name)
        )
        lines = list(difflib.unified_diff(one, other, lineterm="", n=1))[3:]
        return "\n".join(lines)


def plant(source: str, path: Path) -> Mutants:
    """Every fault of mutmut's in one module, without those that only change words."""
    found = mutate_file_contents(path.as_posix(), source)
    mutants = Mutants(path, found.code)
    for node in ast.walk(ast.parse(found.code)):
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name:
            mutants.functions[node.name] = node
    for name in found.mutant_names:
        bare = [_without_words(mutants.functions[key]) for key in (mutants.original(name), name)]
        if bare[0] == bare[1]:
            mutants.wording += 1
        else:
            mutants.names.append(name)
    mutants.found = len(mutants.names)
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


def _span(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _without_words(function: ast.FunctionDef) -> str:
    copy = ast.parse(ast.unparse(function)).body[0]
    assert isinstance(copy, ast.FunctionDef)  # noqa: S101 - what was unparsed
    copy.name = ""
    return ast.unparse(_Words().visit(copy))


# --- trying them ------------------------------------------------------------------------------


class Reaching(NamedTuple):
    """A test, and the lines of each module that it reaches."""

    item: pytest.Item
    lines: Mapping[Path, frozenset[int]]


class Trial:
    """The pytest plugin that runs the tests once to see what they reach, then once per fault."""

    def __init__(
        self, planted: Sequence[Mutants], seconds: float, tell: Callable[[str], None]
    ) -> None:
        self._planted = planted
        self._seconds = seconds
        self._tell = tell
        self._bad = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes a failure of any phase."""
        self._bad = self._bad or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own loop; each fault that lives is told at once."""
        reaching = self._watch(session.items)
        for mutants in self._planted:
            self._each(mutants, reaching)
        return True

    def _watch(self, items: Sequence[pytest.Item]) -> list[Reaching]:
        """The tests, the quickest first, with the lines that each reaches of each module."""
        files = {mutants.path: str(mutants.path.absolute()) for mutants in self._planted}
        watch = Coverage(data_file=None, config_file=False, include=[*files.values()])
        watch.start()
        rows: list[tuple[float, int]] = []
        for number, item in enumerate(items):
            watch.switch_context(str(number))
            began = time.process_time()
            if not self._passes(item):
                self._tell(f"does not pass without a fault: {item.nodeid}")
            rows.append((time.process_time() - began, number))
        watch.stop()
        data = watch.get_data()
        reaching = []
        for _, number in sorted(rows):
            data.set_query_context(str(number))
            lines = {path: frozenset(data.lines(file) or ()) for path, file in files.items()}
            reaching.append(Reaching(items[number], lines))
        return reaching

    def _each(self, mutants: Mutants, reaching: Sequence[Reaching]) -> None:
        """Every fault of one module; the tests of the module's own file come first."""
        own = f"test_{mutants.path.name}"
        tests = sorted(reaching, key=lambda test: test.item.path.name != own)
        counts: Counter[str] = Counter()
        for name in mutants.names:
            lines = mutants.lines(name)
            reached = [test for test in tests if not test.lines[mutants.path].isdisjoint(lines)]
            failed = self._try(f"{mutants.module}.{name}", [test.item for test in reached])
            found = NOTICED if failed < len(reached) else "survived" if reached else "not reached"
            counts[found] += 1
            if found != NOTICED:
                self._tell(f"--- {found}: {name}\n{mutants.shown(name)}")
            elif failed >= 0:  # the test that failed comes first for the next fault
                tests.remove(reached[failed])
                tests.insert(0, reached[failed])
        told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        tried = f"{len(mutants.names)} of {mutants.found} tried"
        self._tell(f"{own[5:-3]}: {told}; {tried}, {mutants.wording} of wording left out\n")

    def _passes(self, item: pytest.Item) -> bool:
        self._bad = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self._bad

    def _try(self, name: str, items: Sequence[pytest.Item]) -> int:
        """The place of the test that fails with this fault in place; how many there are where none
        does, and -1 where the fault hangs or takes the process down."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.environ[UNDER_TEST] = name
            forget()
            resource.setrlimit(resource.RLIMIT_CPU, (int(self._seconds) + 2,) * 2)
            os.write(theirs, b"%d" % self._first_failure(items))
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        return int(said or -1)

    def _first_failure(self, items: Sequence[pytest.Item]) -> int:
        """The place of the first test that fails; how many there are, where none did in time."""
        began = time.process_time()
        for place, item in enumerate(items):
            if not self._passes(item):
                return place
            if time.process_time() - began > self._seconds:
                break
        return len(items)


def forget() -> None:
    """Empties the caches of core: what was worked out before the fault would hide it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("detente.core"):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


# --- the command ------------------------------------------------------------------------------


def run(planted: Sequence[Mutants], tests: Sequence[str], seconds: float) -> bool:
    """Tries every fault that is left in these modules: each that lives, with what it changed; then
    figures. False where the tests could not be had."""
    with copied() as folder, quiet() as tell:
        for mutants in planted:
            mutants.path.write_text(mutants.code, encoding="utf-8")
        # An example that fails is enough: nobody reads it, so none is made small.
        quick = settings(settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate))
        settings.register_profile(PROFILE, quick)
        options = ["-q", "-n0", "-p", "no:cacheprovider", f"--hypothesis-profile={PROFILE}"]
        options += ["--timeout=0", "--tb=no"]
        chosen = [str(folder / TESTS / test) for test in tests] or [str(folder / TESTS)]
        trial = Trial(planted, seconds, tell)
        status = pytest.main([*options, f"--rootdir={folder}", *chosen], plugins=[trial])
    return status == pytest.ExitCode.OK


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
    """Runs the chosen modules; status 1 if they could not be."""
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
    paths = [CORE / f"{module}.py" for module in asked.modules or known]
    planted = [plant((ROOT / path).read_text(encoding="utf-8"), path) for path in paths]
    for mutants in planted:
        mutants.names = [one for one in mutants.names if one in only or not only][:: asked.sample]
    child = os.fork()  # what is imported of the copy stays out of whoever called
    if child == 0:
        os._exit(0 if run(planted, tests, asked.seconds) else 1)
    return int(os.waitpid(child, 0)[1] != 0)


if __name__ == "__main__":
    sys.exit(main())
