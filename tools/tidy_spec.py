"""The part of tools/tidy.py that holds code, spec, tests and vectors together.

Each function takes the root of a tree and returns places as (file, line, what is wrong).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

Place = tuple[str, int, str]

# `spec/log.md §4.2` and `spec: log §4.2`; the bare `spec/log.md` must exist too.
CITED = re.compile(
    r"spec/(?P<file>[\w-]+\.md)(?:\s+§\s?(?P<section>\d+(?:\.\d+)*))?"
    r"|spec:\s+(?P<word>[\w-]+)\s+§\s?(?P<part>\d+(?:\.\d+)*)"
)
HEADING = re.compile(r"^#{2,6}\s+(\d+(?:\.\d+)*)\.?(?:\s|$)", re.MULTILINE)
MUST = re.compile(r"\bMUST\b")
# The paragraph that says what MUST means states no rule of its own.
CONVENTION = re.compile(r"BCP 14|RFC 2119|RFC 8174")
EVIDENCE = re.compile(r"\((?P<list>(?:tests?|vectors?):[^()]*)\)")
ITEM = re.compile(r"(?:\d+[.)]|[-*])\s")
REFUSALS = "src/detente/core/errors.py"
LIMITS = "src/detente/core/limits.py"
REGISTRY = "spec/registry.md"


def headings(path: Path) -> set[str]:
    """The numbers of the numbered headings of a spec file."""
    return set(HEADING.findall(path.read_text(encoding="utf-8")))


def citations(root: Path) -> list[Place]:
    """Citations in the source of a spec file or heading that is not there."""
    spec = root / "spec"
    if not any(spec.glob("*.md")):
        return []
    found = []
    for path in sorted((root / "src").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for match in CITED.finditer(line):
                name = match["file"] or f"{match['word']}.md"
                section = match["section"] or match["part"]
                where = path.relative_to(root).as_posix()
                if not (spec / name).is_file():
                    found.append((where, number, f"spec/{name} does not exist"))
                elif section and section not in headings(spec / name):
                    found.append((where, number, f"spec/{name} has no heading {section}"))
    return found


def blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    """The paragraphs, list items and table rows of a Markdown file, as numbered lines.

    An item reaches over what is indented below it, blank lines and items of its own included.
    Examples between fences belong to no block.
    """
    block: list[tuple[int, str]] = []
    in_item = fenced = blank = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        if fenced:
            continue
        if not line.strip():
            blank = True
            continue
        item = ITEM.match(line) is not None
        goes_on = block and (
            (in_item and line.startswith(" ")) or not (blank or item or line.startswith(("#", "|")))
        )
        if not goes_on:
            if block:
                yield block
            block, in_item = [], item
        block.append((number, line))
        blank = False
    if block:
        yield block


def evidence(text: str) -> Iterator[tuple[str, str]]:
    """What a text names in brackets: pairs of ``test`` or ``vector`` and a path."""
    for match in EVIDENCE.finditer(text):
        kind = ""
        for part in re.split(r"[,;]", match["list"]):
            head, _, path = part.strip().rpartition(": ")
            kind = head.rstrip("s") or kind
            yield kind, path.strip().strip("`").split("[")[0]


def test_names(root: Path) -> dict[str, set[str]]:
    """The functions that each test file defines, by the path below the root."""
    return {
        path.relative_to(root).as_posix(): set(
            re.findall(r"^\s*(?:async )?def (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
        for path in sorted((root / "tests").rglob("test_*.py"))
    }


def exists(root: Path, tests: dict[str, set[str]], kind: str, path: str) -> bool:
    """Whether a named test or vector is there; its folder's own name may be left out."""
    if kind == "test":
        file, _, name = path.partition("::")
        names = tests.get(file) or tests.get(f"tests/{file}") or set()
        return name.split("::")[-1] in names
    return (root / path).exists() or (root / "vectors" / path).exists()


def musts(root: Path) -> list[Place]:
    """Lines of the spec with a MUST that no existing test or vector behind them shows."""
    tests = test_names(root)
    found = []
    for path in sorted((root / "spec").glob("*.md")):
        if path.name == "README.md":
            continue
        where = path.relative_to(root).as_posix()
        for block in blocks(path.read_text(encoding="utf-8")):
            if CONVENTION.search(" ".join(line for _, line in block)):
                continue
            named: set[tuple[str, str]] = set()
            for at, (number, line) in enumerate(block):
                if MUST.search(line):
                    here = set(evidence(" ".join(rest for _, rest in block[at:])))
                    if not here:
                        found.append((where, number, "MUST without a test or vector behind it"))
                    named |= here
            found += [
                (where, block[0][0], f"{kind} {name} does not exist")
                for kind, name in sorted(named)
                if not exists(root, tests, kind, name)
            ]
    return found


def constants(body: list[ast.stmt]) -> Iterator[tuple[int, str, int | None]]:
    """Line, name and value of the upper-case names given in ``body``; None if not a number."""
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            target = node.target
        else:
            continue
        if target.id.isupper():
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            yield node.lineno, target.id, value if isinstance(value, int) else None


def assigned(root: Path) -> Iterator[tuple[str, int, str, int | None]]:
    """File, line, name and number of every refusal and every limit in the code."""
    refusals = root / REFUSALS
    if refusals.exists():
        for node in ast.parse(refusals.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name == "Refusal":
                yield from ((REFUSALS, *constant) for constant in constants(node.body))
    limits = root / LIMITS
    if limits.exists():
        tree = ast.parse(limits.read_text(encoding="utf-8"))
        yield from ((LIMITS, *constant) for constant in constants(tree.body))


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without quotes and emphasis, numbers without separators."""
    return [
        [re.sub(r"(?<=\d)[,_ \u00a0\u202f](?=\d{3})", "", cell.strip(" `*")) for cell in cells]
        for line in text.splitlines()
        if line.startswith("|") and (cells := line.strip().strip("|").split("|"))
    ]


def registry(root: Path) -> list[Place]:
    """Refusals and limits that spec/registry.md does not list with the same number."""
    path = root / REGISTRY
    if not path.exists():
        return []
    table = rows(path.read_text(encoding="utf-8"))
    found = []
    for where, line, name, value in assigned(root):
        if value is None:
            found.append((where, line, f"{name} is not a plain number"))
            continue
        spellings = {name, name.lower(), name.lower().replace("_", "-")}
        lines = [row for row in table if spellings & set(row)]
        if not lines:
            found.append((where, line, f"{name} is missing from {REGISTRY}"))
        elif not any(str(value) in cell.split()[:1] for row in lines for cell in row):
            found.append((where, line, f"{name} is {value}, and another number in {REGISTRY}"))
    return found
