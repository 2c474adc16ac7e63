"""House rules as code (docs/style.md). Exit status 1 and one ``file:line: what`` for each breach.

Every check takes the root of a tree and returns its breaches; a check whose input does not exist
yet finds none. Only the standard library is used, so that this runs before anything is installed.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import tidy_spec

FILE_LINES_MAX = 700
FILE_LINES_WARN = 500
FUNCTION_LINES_MAX = 70

PYTHON_FOLDERS = ("src", "tools", "tests", "bench", "fuzz")
PACKAGE = "src/detente"
CORE = f"{PACKAGE}/core"
# Which third-party module may be imported where within core, and nowhere else there.
CORE_IMPORTS = {"cryptography": f"{CORE}/crypto.py", "brotli": f"{CORE}/body.py"}
SKIPPED_FOLDERS = {"__pycache__", "mutants", "dist", "node_modules"}

# Written in two halves, so that this file does not break its own rule.
LEFTOVERS = ("FIX" + "ME", "TO" + "DO", "XX" + "X")
MACHINE_PATHS = ("/wo" + "rk", "/t" + "mp/briefs", "/ro" + "ot", "/opt/whe" + "els")
INDEX_HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry.npm" + "js.org",
    "crates" + ".io",
    "proxy.go" + "lang.org",
    "maven.apache" + ".org",
    "repo1.maven" + ".org",
    "deb.debian" + ".org",
)
BANNED = re.compile(
    rf"\b(?:{'|'.join(LEFTOVERS)})\b"
    rf"|(?<![\w.}}-])(?:{'|'.join(map(re.escape, MACHINE_PATHS))})(?!\w)"
    rf"|(?:{'|'.join(map(re.escape, INDEX_HOSTS))})\b"
)
REASON = "# reason:"
BROAD = {"Exception", "BaseException"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Breach(NamedTuple):
    """One place where a rule is broken."""

    where: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.where}:{self.line}: {self.what}"


def walk(root: Path) -> Iterator[Path]:
    """Every file below ``root`` outside hidden and generated folders."""
    for path in sorted(root.iterdir()):
        if path.is_symlink() or path.name in SKIPPED_FOLDERS:
            continue
        if path.is_dir():
            if not path.name.startswith(".") or path.name == ".ci":
                yield from walk(path)
        else:
            yield path


def files(root: Path) -> list[Path]:
    """What is or would be committed: git's own list, or a walk where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return list(walk(root))
    paths = (root / name for name in sorted(set(listed.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


def python_files(root: Path, *folders: str) -> list[Path]:
    """The Python files below the named folders, in order."""
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


def name_of(root: Path, path: Path) -> str:
    """A path as it is written in a breach."""
    return path.relative_to(root).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method in a file, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def line_count(path: Path) -> int:
    """Physical lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def code_lines(function: Function) -> int:
    """Lines of a function from its ``def`` to its end, without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def check_file_length(root: Path) -> list[Breach]:
    """No file has more than 700 lines."""
    return [
        Breach(name_of(root, path), FILE_LINES_MAX + 1, f"{count} lines, {FILE_LINES_MAX} at most")
        for path in python_files(root, *PYTHON_FOLDERS)
        if (count := line_count(path)) > FILE_LINES_MAX
    ]


def long_files(root: Path) -> list[str]:
    """Files growing out of their room: shown, and no breach."""
    return [
        f"{name_of(root, path)}: {count} lines, aim at 300"
        for path in python_files(root, *PYTHON_FOLDERS)
        if FILE_LINES_WARN < (count := line_count(path)) <= FILE_LINES_MAX
    ]


def check_function_length(root: Path) -> list[Breach]:
    """No function has more than 70 lines beside its docstring."""
    return [
        Breach(
            name_of(root, path),
            function.lineno,
            f"{function.name} has {count} lines, {FUNCTION_LINES_MAX} at most",
        )
        for path in python_files(root, *PYTHON_FOLDERS)
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (count := code_lines(function)) > FUNCTION_LINES_MAX
    ]


def check_test_docstrings(root: Path) -> list[Breach]:
    """Every test says in a sentence what holds."""
    return [
        Breach(name_of(root, path), function.lineno, f"{function.name} says not what holds")
        for path in sorted((root / "tests").rglob("test_*.py"))
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]


def undocumented(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Public functions and classes without a docstring, and public methods of public classes."""
    for node in body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        # An override, an overload or a setter is documented where it is first declared.
        marks = {ast.unparse(mark).split(".")[-1] for mark in node.decorator_list}
        if not ast.get_docstring(node) and not marks & {"override", "overload", "setter"}:
            yield node
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body)


def check_public_docstrings(root: Path) -> list[Breach]:
    """Every public function, class and method of the package has a docstring."""
    return [
        Breach(name_of(root, path), node.lineno, f"{node.name} has no docstring")
        for path in python_files(root, PACKAGE)
        for node in undocumented(ast.parse(path.read_text(encoding="utf-8")).body)
    ]


def named(expression: ast.expr | None) -> set[str]:
    """The last names in an ``except`` clause or a call's arguments."""
    if expression is None:
        return set()
    parts = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    return {ast.unparse(part).split(".")[-1] for part in parts}


def is_broad(node: ast.AST) -> bool:
    """Whether a node catches everything: a bare or broad ``except``, or a broad ``suppress``."""
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or bool(named(node.type) & BROAD)
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
        return any(named(argument) & BROAD for argument in node.args)
    return False


def check_broad_excepts(root: Path) -> list[Breach]:
    """Catching everything needs its reason on the line, and has no place in core."""
    found = []
    for path in python_files(root, "src", "tools", "bench", "fuzz"):
        where, text = name_of(root, path), path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ExceptHandler | ast.Call) or not is_broad(node):
                continue
            if where.startswith(f"{CORE}/"):
                found.append(Breach(where, node.lineno, "a broad except has no place in core"))
            elif REASON not in lines[node.lineno - 1]:
                found.append(Breach(where, node.lineno, f"a broad except without `{REASON}`"))
    return found


def check_banned_words(root: Path) -> list[Breach]:
    """No leftovers, no path of one machine, no host of a package registry."""
    found = []
    for path in files(root):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # pictures and other bytes
        found += [
            Breach(name_of(root, path), number, f"banned: {match.group()}")
            for number, line in enumerate(lines, 1)
            for match in BANNED.finditer(line)
        ]
    return found


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and top-level name of everything a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module.split(".")[0]


def check_core_imports(root: Path) -> list[Breach]:
    """Within core one file knows the crypto library and one the compressor."""
    return [
        Breach(where, line, f"{module} belongs in {CORE_IMPORTS[module]}")
        for path in python_files(root, CORE)
        for line, module in imported(ast.parse(path.read_text(encoding="utf-8")))
        if (where := name_of(root, path)) != CORE_IMPORTS.get(module, where)
    ]


def check_spec(root: Path) -> list[Breach]:
    """Code, spec, tests, vectors and registry point at one another, and at nothing missing."""
    found = (
        *tidy_spec.citations(root),
        *tidy_spec.musts(root),
        *tidy_spec.registry(root),
    )
    return [Breach(*place) for place in found]


CHECKS: tuple[Callable[[Path], list[Breach]], ...] = (
    check_file_length,
    check_function_length,
    check_test_docstrings,
    check_public_docstrings,
    check_broad_excepts,
    check_banned_words,
    check_core_imports,
    check_spec,
)


def main(root: Path) -> int:
    """Runs every check on the tree at ``root``; returns the exit status."""
    for line in long_files(root):
        print(f"note: {line}")
    found = [breach for check in CHECKS for breach in check(root)]
    for breach in found:
        print(breach)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
