"""The house rules: each check finds what was planted for it, and the repository breaks none."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import tidy
import tidy_spec

ROOT = Path(__file__).resolve().parents[1]
Plant = Callable[[str, str], Path]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Writes a file into an empty tree and returns the tree."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def shown(breaches: list[tidy.Breach]) -> list[str]:
    """The breaches as a person reads them."""
    return [str(breach) for breach in breaches]


@pytest.mark.parametrize("check", tidy.CHECKS)
def test_empty_tree_breaks_no_rule(check: Callable[[Path], list[tidy.Breach]], tmp_path: Path):
    """A check whose input does not exist yet finds nothing."""
    (tmp_path / "tests").mkdir()
    assert check(tmp_path) == []


def test_file_of_701_lines_is_too_long(plant: Plant):
    """700 lines pass, 701 do not."""
    plant("src/detente/good.py", "x = 1\n" * 700)
    root = plant("tools/bad.py", "x = 1\n" * 701)
    assert shown(tidy.check_file_length(root)) == ["tools/bad.py:701: 701 lines, 700 at most"]


def test_file_of_501_lines_is_only_noted(plant: Plant):
    """Between 501 and 700 lines a file is shown and breaks nothing."""
    plant("src/a.py", "x = 1\n" * 500)
    plant("src/b.py", "x = 1\n" * 501)
    root = plant("src/c.py", "x = 1\n" * 701)
    assert tidy.long_files(root) == ["src/b.py: 501 lines, aim at 300"]


def test_function_of_71_lines_is_too_long(plant: Plant):
    """70 lines pass, 71 do not, in a method and in a coroutine too."""
    body = "        x = 1\n"
    plant("src/good.py", "class A:\n    def run(self):\n" + body * 69)
    root = plant("src/bad.py", "class A:\n    async def run(self):\n" + body * 70)
    assert shown(tidy.check_function_length(root)) == ["src/bad.py:2: run has 71 lines, 70 at most"]


def test_docstring_does_not_count_as_function_length(plant: Plant):
    """A long docstring makes no function too long."""
    text = 'def run():\n    """One.\n' + "    more\n" * 60 + '    """\n' + "    x = 1\n" * 69
    assert tidy.check_function_length(plant("src/a.py", text)) == []


def test_test_without_sentence_is_found(plant: Plant):
    """A test without a docstring is named; its helpers and a documented one are not."""
    root = plant(
        "tests/core/test_a.py",
        'def helper():\n    pass\ndef test_a():\n    """It holds."""\n'
        "class TestB:\n    def test_b(self):\n        pass\n",
    )
    assert shown(tidy.check_test_docstrings(root)) == [
        "tests/core/test_a.py:6: test_b says not what holds"
    ]


def test_public_name_without_docstring_is_found(plant: Plant):
    """Functions, classes and methods need one; private, nested, overriding ones do not."""
    root = plant(
        "src/detente/core/a.py",
        "def f():\n    def inner():\n        pass\n"
        "class A:\n    def g(self): ...\n    def _h(self): ...\n    def __len__(self): ...\n"
        "    @typing.override\n    def k(self): ...\n"
        "class _B:\n    def m(self): ...\n"
        'class C:\n    """Text."""\n',
    )
    found = shown(tidy.check_public_docstrings(root))
    assert [line.split(": ")[1] for line in found] == [
        "f has no docstring",
        "A has no docstring",
        "g has no docstring",
    ]


@pytest.mark.parametrize(
    "clause",
    [
        "except:",
        "except Exception:",
        "except (ValueError, BaseException) as exc:",
        "except builtins.Exception:",
    ],
)
def test_broad_except_needs_its_reason(plant: Plant, clause: str):
    """Catching everything is a breach unless the line says why."""
    text = f"try:\n    pass\n{clause}\n    pass\n"
    root = plant("src/detente/node/a.py", text)
    assert shown(tidy.check_broad_excepts(root)) == [
        "src/detente/node/a.py:3: a broad except without `# reason:`"
    ]
    plant("src/detente/node/a.py", text.replace(clause, f"{clause}  # reason: the last door"))
    assert tidy.check_broad_excepts(root) == []


def test_broad_suppress_counts_as_broad_except(plant: Plant):
    """``suppress(Exception)`` is no way round the rule; a narrow one is fine."""
    root = plant(
        "tools/a.py",
        "with contextlib.suppress(Exception):\n    pass\nwith suppress(OSError):\n    pass\n",
    )
    assert [breach.line for breach in tidy.check_broad_excepts(root)] == [1]


def test_broad_except_in_core_has_no_excuse(plant: Plant):
    """In core not even a reason helps."""
    root = plant(
        "src/detente/core/a.py",
        "try:\n    pass\nexcept Exception:  # reason: none is good enough\n    pass\n"
        "try:\n    pass\nexcept ValueError:\n    pass\n",
    )
    assert shown(tidy.check_broad_excepts(root)) == [
        "src/detente/core/a.py:3: a broad except has no place in core"
    ]


@pytest.mark.parametrize(
    "word",
    [
        *tidy.LEFTOVERS,
        *(f"{path}/main" for path in tidy.MACHINE_PATHS),
        *tidy.INDEX_HOSTS,
    ],
)
def test_banned_word_is_found(plant: Plant, word: str):
    """Leftovers, paths of one machine and registry hosts are found in any text file."""
    root = plant("docs/a.md", f"one line\nsee {word}, please\n")
    found = tidy.check_banned_words(root)
    assert [(breach.where, breach.line) for breach in found] == [("docs/a.md", 2)]


def test_words_that_only_look_banned_pass(plant: Plant):
    """Parts of longer words and relative paths are no breach; bytes are not read as text."""
    todo, work = tidy.LEFTOVERS[1], tidy.MACHINE_PATHS[0]
    root = plant("docs/a.md", f"MAS{todo}N, docs{work}/x, {work}shop and .{work}\n")
    (root / "picture.png").write_bytes(b"\x89PNG\xff" + todo.encode())
    assert tidy.check_banned_words(root) == []


def test_only_files_that_would_be_committed_are_read(plant: Plant):
    """With git, what .gitignore names is not read, and what is untracked is; links are not."""
    word = tidy.LEFTOVERS[0]
    plant(".gitignore", "/ignored.txt\n")
    plant("ignored.txt", word)
    root = plant("new.txt", word)
    (root / "gone").symlink_to("nowhere")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    assert [breach.where for breach in tidy.check_banned_words(root)] == ["new.txt"]


def test_without_git_hidden_and_generated_folders_are_left_out(plant: Plant, monkeypatch):
    """In an unpacked archive the tree is walked, without .venv, caches and links."""
    plant(".venv/a.py", "")
    plant("src/__pycache__/a.pyc", "")
    plant(".ci/run", "")
    root = plant("src/a.py", "")
    (root / "link").symlink_to("src")
    monkeypatch.setenv("PATH", "")
    assert [path.relative_to(root).as_posix() for path in tidy.files(root)] == [
        ".ci/run",
        "src/a.py",
    ]


def test_crypto_library_in_core_belongs_to_one_file(plant: Plant):
    """cryptography and brotli each have one home in core; elsewhere in core they are found."""
    lines = "import brotli\nfrom cryptography.hazmat import primitives\n"
    plant("src/detente/core/crypto.py", lines.splitlines()[1])
    plant("src/detente/core/body.py", lines.splitlines()[0])
    plant("src/detente/store/keyring.py", lines)
    root = plant("src/detente/core/leaf.py", "import base64\nfrom . import x\n" + lines)
    assert shown(tidy.check_core_imports(root)) == [
        "src/detente/core/leaf.py:3: brotli belongs in src/detente/core/body.py",
        "src/detente/core/leaf.py:4: cryptography belongs in src/detente/core/crypto.py",
    ]


SPEC = """# The log

## 1. Purpose

Words are as in BCP 14: MUST means MUST.

## 2 Format

### 2.1 Leaf

Nothing here is required.
"""


def test_citation_of_a_heading_that_exists_passes(plant: Plant):
    """Both ways of citing reach headings of every depth, with or without a dot."""
    plant("spec/log.md", SPEC)
    root = plant("src/a.py", "# spec/log.md, spec/log.md §1, spec: log §2\n# (spec: log §2.1)\n")
    assert tidy_spec.citations(root) == []


def test_citation_of_a_missing_file_or_heading_is_found(plant: Plant):
    """A wrong file name and a wrong section are each named with their line."""
    plant("spec/log.md", SPEC)
    root = plant("src/a.py", "# spec/lag.md\n# spec/log.md §2.2\n# (spec: log §3)\n")
    assert tidy_spec.citations(root) == [
        ("src/a.py", 1, "spec/lag.md does not exist"),
        ("src/a.py", 2, "spec/log.md has no heading 2.2"),
        ("src/a.py", 3, "spec/log.md has no heading 3"),
    ]


def musts(plant: Plant, text: str) -> list[tuple[int, str]]:
    """The lines at fault in a spec file, in a tree with one test and one vector."""
    plant("tests/core/test_log.py", "def test_good():\n    pass\n")
    plant("vectors/log/good.json", "{}")
    return [(line, what) for _, line, what in tidy_spec.musts(plant("spec/log.md", text))]


@pytest.mark.parametrize(
    "named",
    [
        "(test: tests/core/test_log.py::test_good)",
        "(test: core/test_log.py::test_good[one])",
        "(test: `core/test_log.py::TestLog::test_good`)",
        "(vector: vectors/log/good.json)",
        "(vectors: log/good.json, log/good.json)",
        "(test: core/test_log.py::test_good; vector: log/good.json)",
    ],
)
def test_must_with_its_evidence_passes(plant: Plant, named: str):
    """A MUST is shown by a test or a vector that exists, in any of the usual spellings."""
    assert musts(plant, f"A reader MUST refuse this {named}.\n") == []


def test_must_without_evidence_is_found(plant: Plant):
    """A bare MUST, one with the evidence before it, and one before the next item are found."""
    text = (
        "1. It MUST hold.\n"
        "2. It MUST hold (test: core/test_log.py::test_good).\n"
        "\n"
        "So (vector: log/good.json)\nit MUST hold.\n"
        "\n"
        "| MUST | hold |\n"
        "| MUST | (vector: log/good.json) |\n"
    )
    what = "MUST without a test or vector behind it"
    assert musts(plant, text) == [(1, what), (5, what), (7, what)]


def test_evidence_may_stand_at_the_end_of_an_item(plant: Plant):
    """An item reaches over its indented lines; examples and the conventions count for nothing."""
    text = (
        "The key word MUST is as in BCP 14.\n"
        "```\nMUST\n```\n"
        "1. It MUST hold,\n"
        "   as follows:\n"
        "   - so;\n"
        "\n"
        "   and so (test: core/test_log.py::test_good).\n"
        "# Next\n"
    )
    assert musts(plant, text) == []


def test_evidence_that_does_not_exist_is_found(plant: Plant):
    """A test or vector that is named must be there."""
    text = (
        "It MUST hold (test: core/test_log.py::test_bad, core/test_lag.py::test_good).\n\n"
        "It MUST hold (vector: log/bad.json).\n"
    )
    assert musts(plant, text) == [
        (1, "test core/test_lag.py::test_good does not exist"),
        (1, "test core/test_log.py::test_bad does not exist"),
        (3, "vector log/bad.json does not exist"),
    ]


def test_readme_of_the_spec_states_no_rules(plant: Plant):
    """The table of specs may use the word."""
    assert tidy_spec.musts(plant("spec/README.md", "It MUST hold.\n")) == []


ERRORS = """class Other(IntEnum):
    X = 9
class Refusal(IntEnum):
    BAD_LEAF = 1  # why
    OVERSIZE: int = 2
    note = 3
"""
LIMITS = "MEMBERS_MAX = 32  # why\nBODY_BYTES_MAX = 65_536\n"


def test_registry_with_the_same_numbers_passes(plant: Plant):
    """Names may be in lower case with hyphens, numbers with separators and a unit."""
    plant("src/detente/core/errors.py", ERRORS)
    plant("src/detente/core/limits.py", LIMITS)
    root = plant(
        "spec/registry.md",
        "| 1 | `bad-leaf` |\n| 2 | **OVERSIZE** |\n"
        "| MEMBERS_MAX | 32 members |\n| `BODY_BYTES_MAX` | 65,536 |\n",
    )
    assert tidy_spec.registry(root) == []


def test_registry_that_differs_is_found(plant: Plant):
    """A missing name, another number, and a limit that is no plain number are found."""
    plant("src/detente/core/errors.py", ERRORS)
    plant("src/detente/core/limits.py", LIMITS + "DAY_S = 24 * 3600\nx.Y = 1\n")
    root = plant("spec/registry.md", "| 1 | bad-leaf |\n| MEMBERS_MAX | 33 |\n| 65536 |\n")
    assert tidy_spec.registry(root) == [
        ("src/detente/core/errors.py", 5, "OVERSIZE is missing from spec/registry.md"),
        (
            "src/detente/core/limits.py",
            1,
            "MEMBERS_MAX is 32, and another number in spec/registry.md",
        ),
        ("src/detente/core/limits.py", 2, "BODY_BYTES_MAX is missing from spec/registry.md"),
        ("src/detente/core/limits.py", 3, "DAY_S is not a plain number"),
    ]


def test_main_prints_breaches_and_fails(plant: Plant, capsys: pytest.CaptureFixture[str]):
    """The exit status is 1 with a breach, each on a line of its own; notes do not fail."""
    root = plant("src/detente/a.py", "x = 1\n" * 501)
    assert tidy.main(root) == 0
    plant("src/detente/core/b.py", "def f():\n    pass  # spec/lag.md §1\n")
    plant("spec/log.md", SPEC)
    assert tidy.main(root) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "note: src/detente/a.py: 501 lines, aim at 300",
        "src/detente/core/b.py:1: f has no docstring",
        "src/detente/core/b.py:2: spec/lag.md does not exist",
    ]


def test_repository_is_tidy():
    """This repository breaks none of its own rules."""
    assert shown([breach for check in tidy.CHECKS for breach in check(ROOT)]) == []
