"""Documents: what they name exists, and what exists has its place in them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

import catalogs
import tidy_spec
from detente.cli.main import main
from detente.core import limits
from detente.core.errors import Refusal
from detente.core.leaf import Precedence
from detente.node.config import Config
from detente.store import private, sealed

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OPERATING = sorted((DOCS / "operating").glob("*.md"))
RECORDS = sorted((DOCS / "adr").glob("*.md"))
SOURCE = ROOT / "src" / "detente"
RINGS = {"core", "dossiers", "store", "bearers", "node", "cli", "locale"}
TREE = RINGS | {"spec", "vectors", "tests", "tools", "docs", "bench", "fuzz", "src"}

FENCE = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
PROMPTED = re.compile(r"^ *\w+[$#] (.+)$", re.MULTILINE)
CELLS = re.compile(r"(?<!\\)\|")


def name_of(page: Path) -> str:
    """A page as it is named in a failure."""
    return page.relative_to(ROOT).as_posix()


pages = pytest.mark.parametrize("page", PAGES, ids=name_of)


def text_of(page: Path) -> str:
    """A page as it stands."""
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """A page without what stands between fences."""
    return FENCE.sub("", text_of(page))


def rows_of(text: str) -> list[list[str]]:
    """The cells of every table row, rules between head and body left out."""
    found = []
    for line in text.splitlines():
        if line.lstrip().startswith("|") and not set(line) <= set("|-: "):
            cells = CELLS.split(line.strip().strip("|"))
            found.append([cell.strip() for cell in cells])
    return found


# --- names ------------------------------------------------------------------------------------


@pages
def test_every_test_named_exists(page):
    """A test that a page names is there."""
    tests = tidy_spec.test_names(ROOT)
    named = re.findall(r"((?:[a-z_]+/)*test_\w+\.py)::(\w+)", text_of(page))
    assert [one for one in named if one[1] not in tests.get(f"tests/{one[0]}", set())] == []


@pages
def test_every_path_named_exists(page):
    """A file or folder of this tree that a page names is there."""
    missing = []
    for span in SPAN.findall(prose_of(page)):
        path = span.split("::")[0].split(" ")[0]
        if not re.fullmatch(r"[\w./-]+\.(?:py|md|json|toml|sql)|[\w-]+(?:/[\w-]+)*/", path):
            continue
        if path.split("/")[0] in TREE or path.endswith(".py"):
            there = any((base / path).exists() for base in (SOURCE, ROOT, ROOT / "tests"))
            missing += [] if there else [path]
    assert missing == []


@pages
def test_every_section_named_exists(page):
    """A numbered heading of the spec that a page names is there."""
    text = text_of(page)
    named = [
        *re.findall(r"\[[\w-]+ §([\d.]+\d|\d)\]\([./]*spec/([\w-]+)\.md\)", text),
        *((section, file) for file, section in re.findall(r"spec/([\w-]+)\.md` §([\d.]*\d)", text)),
    ]
    missing = []
    for section, file in named:
        path = ROOT / "spec" / f"{file}.md"
        if not path.exists() or section not in tidy_spec.headings(path):
            missing.append(f"{file} §{section}")
    assert missing == []


def anchor(heading: str) -> str:
    """The anchor that a forge gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pages
def test_every_link_resolves(page):
    """A relative link leads to a file, and its anchor to a heading there."""
    broken = []
    for target in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, part = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        anchors = {""}
        if part and path.exists():
            anchors |= {anchor(one) for one in HEADING.findall(prose_of(path))}
        if not path.exists() or part not in anchors:
            broken.append(target)
    assert broken == []


def test_every_page_is_reached_from_the_index():
    """A page that no index names is never read."""
    index = {
        (from_page.parent / target.partition("#")[0]).resolve()
        for from_page in (DOCS / "README.md", DOCS / "operating" / "README.md")
        for target in LINK.findall(text_of(from_page))
    }
    indexes = {DOCS / "README.md"}
    assert [name_of(page) for page in PAGES if page not in index | indexes] == []


def test_known_limits_are_those_of_the_program():
    """A number beside the name of a constant is the constant's."""
    constants = {name: value for name, value in vars(limits).items() if name.isupper()}
    for file in (private, sealed):
        constants |= {name: value for name, value in vars(file).items() if name.isupper()}
    told = {}
    for row in rows_of(text_of(DOCS / "threat-model.md")):
        name = row[-1].strip("`")
        if len(row) == 3 and name.isupper():
            told[name] = int(row[1].replace(",", "").split()[0])
    assert len(told) > 4
    assert told == {name: constants.get(name) for name in told}


# --- architecture -----------------------------------------------------------------------------


def planned() -> set[str]:
    """Every module of the plan, by its path in the package."""
    fences = FENCE.findall(text_of(DOCS / "architecture.md"))
    (plan,) = [body for info, body in fences if info == "plan"]
    found, folder = set(), ""
    for line in plan.splitlines():
        head, _, rest = line.strip().partition(" ")
        names = line
        if head.endswith("/") or head == ".":
            folder, names = ("" if head == "." else head), rest
        found |= {f"{folder}{name}.py" for name in re.split(r"\s{2,}", names.strip())[0].split()}
    return found


def test_the_plan_is_the_house():
    """Every module stands in the plan, and every name of the plan is a module."""
    there = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if not path.name.startswith("__")
    }
    assert planned() == there


# --- commands ---------------------------------------------------------------------------------


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of the program, by its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def command_lines(page: Path) -> Iterator[list[str]]:
    """Every call of the program on a page, as words; placeholders and all."""
    text = text_of(page)
    lines = [line for line in SPAN.findall(prose_of(page)) if line.startswith("detente ")]
    for info, body in FENCE.findall(text):
        if info.startswith("console"):
            lines += PROMPTED.findall(body)
    for line in lines:
        for call in re.split(r"\s(?:&&|\|\||\||;)\s|\s&$", line):
            words = shlex.split(call)
            if words and words[0] == "detente":
                yield words[1:]


def wrong_with(words: list[str]) -> str:
    """Why this is no call of the program; empty if it is one."""
    command: click.Command = main
    shared = {option for param in main.params for option in param.opts}
    path, rest = [], list(words)
    while rest and isinstance(command, click.Group):
        word = rest.pop(0)
        if word.startswith("-"):
            if word not in shared:
                return f"no option {word}"
            if word not in {"--json", "--version"}:
                rest = rest[1:]
            continue
        if word not in command.commands:
            return f"no command {' '.join([*path, word])}"
        path.append(word)
        command = command.commands[word]
    if isinstance(command, click.Group):
        return ""  # the noun alone
    known = {one for param in command.params for one in (*param.opts, *param.secondary_opts)}
    known |= {"--help"}
    for word in rest:
        option = word.partition("=")[0]
        if re.fullmatch(r"-[a-z]|--[a-z][a-z0-9-]*", option) and option not in known:
            return f"{' '.join(path)} has no option {option}"
    return ""


@pages
def test_every_command_on_a_page_exists(page):
    """A command that a page shows can be given, with the options it shows."""
    wrong = [(words, why) for words in command_lines(page) if (why := wrong_with(words))]
    assert wrong == []


def test_every_command_has_its_place_in_the_manual():
    """No command is left for the operator to guess at."""
    text = "\n".join(text_of(page) for page in OPERATING)
    shown = {tuple(words[:2]) for page in OPERATING for words in command_lines(page)}
    shown |= {tuple(words[:1]) for page in OPERATING for words in command_lines(page)}
    shown |= {tuple(span.split()[:2]) for span in SPAN.findall(text)}
    assert [one for one in commands() if one not in shown] == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["line", "amend", "--set", "a=b"], ""),
        (["--home", "x", "node", "run"], ""),
        (["line"], ""),
        (["line", "bend"], "no command line bend"),
        (["say", "x", "--loudly"], "say has no option --loudly"),
        (["--loudly", "say"], "no option --loudly"),
    ],
)
def test_a_command_that_is_none_is_found(words, why):
    """The check above can fail."""
    assert wrong_with(words) == why


def test_every_setting_is_explained():
    """Each name of config.toml stands on the page about installing."""
    page = text_of(DOCS / "operating" / "install.md")
    for field in msgspec.structs.fields(Config):
        assert f"`{field.name}`" in page or f"`[{field.name}]`" in page


def sentences_of_the_program() -> str:
    """Every text in the source, end to end, with placeholders as «…»."""
    texts = [refusal.word for refusal in Refusal]
    for path in [*sorted(SOURCE.rglob("*.py")), ROOT / "Makefile"]:
        if path.suffix != ".py":
            texts.append(text_of(path))
            continue
        constants = [n for n in ast.walk(ast.parse(text_of(path))) if isinstance(n, ast.Constant)]
        texts += [node.value for node in constants if isinstance(node.value, str)]
    return "\n".join(texts)


def test_what_an_operator_may_see_is_what_the_program_says():
    """Each message quoted in a table of troubles stands in the source, but for what varies."""
    said = sentences_of_the_program()
    unknown = []
    for page in OPERATING:
        seen = False
        for row in rows_of(text_of(page)):
            seen = row[0] in {"you see", "the log says"} or (seen and len(row) > 1)
            for quoted in SPAN.findall(row[0]) if seen else ():
                parts = [part.strip() for part in re.split(r"…|\s{2,}|: ", quoted)]
                unknown += [(name_of(page), part) for part in parts if part and part not in said]
    assert unknown == []


# --- decisions --------------------------------------------------------------------------------


@pytest.mark.parametrize("page", RECORDS, ids=name_of)
def test_a_record_has_its_parts(page):
    """A decision has a number, a status, a question, drivers, weighed options and a way back."""
    text = text_of(page)
    assert re.match(rf"# {page.name[:4]} \S", text)
    status = re.search(r"^Status: (.+)$", text, re.MULTILINE)
    assert status
    assert re.fullmatch(r"proposed|accepted|superseded by \d{4}", status[1])
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    titles = [part.partition("\n")[0].strip() for part in parts]
    asked = ["Context", "Drivers", "Options", "Outcome", "What would make us reconsider"]
    assert titles == asked
    context, drivers, options, _outcome, _back = parts
    assert "?" in context
    assert drivers.count("\n- ") >= 2
    chosen = re.split(r"^### ", options, flags=re.MULTILINE)[1:]
    assert len(chosen) >= 2
    for option in chosen:
        assert "Good, because" in option
        assert "Bad, because" in option
    assert 30 <= len(text.splitlines()) <= 80


def test_records_are_numbered_once():
    """A number is given to one decision, and none is left out."""
    numbers = [int(page.name[:4]) for page in RECORDS]
    assert numbers == list(range(1, len(numbers) + 1))


# --- glossary ---------------------------------------------------------------------------------


def glossary() -> list[list[str]]:
    """The rows of the glossary: English, Russian, Ukrainian, meaning."""
    rows = rows_of(text_of(DOCS / "glossary.md"))
    return [row for row in rows if row[0] != "English"]


def test_every_word_stands_once():
    """Each row has three words and a meaning, and no word is explained twice."""
    rows = glossary()
    assert all(len(row) == 4 and all(row) for row in rows)
    english = [row[0] for row in rows]
    assert sorted(english) == sorted(set(english))


@pytest.mark.parametrize(("column", "language"), [(1, "ru"), (2, "uk")])
def test_words_agree_with_the_catalogs(column, language):
    """A word that is a message of the program is translated as the catalog translates it."""
    messages = {
        catalogs.forms(one.id)[0]: catalogs.forms(one.string)[0]
        for one in catalogs.entries(catalogs.load(catalogs.po_path(ROOT, language), language))
    }
    differing = [
        (row[0], row[column], messages[row[0]])
        for row in glossary()
        if messages.get(row[0]) and messages[row[0]] != row[column]
    ]
    assert differing == []


@pytest.mark.parametrize("column", [0, 1, 2])
def test_the_five_are_five(column):
    """Received, seen, understood, agreed and declined are five words in each language."""
    named = {"received", "seen", "understood", "agreed", "declined"}
    five = [row[column] for row in glossary() if row[0] in named]
    assert len(five) == len(set(five)) == len(named)


@pytest.mark.parametrize(
    ("column", "banned"),
    [
        (1, r"\b(удерж|освобо|задержан|пленн|плен\b)"),
        (2, r"\b(утрим|звільн|затриман|полонен|полон\b)"),
    ],
)
def test_the_glossary_speaks_of_no_prisoners(column, banned):
    """No word for a message is a word for a prisoner."""
    assert [row[column] for row in glossary() if re.search(banned, row[column])] == []


def test_precedences_are_not_in_the_tables():
    """Codes are Latin everywhere: none has a row of its own to be translated in."""
    codes = {precedence.name for precedence in Precedence}
    assert not [row for row in glossary() if codes & {cell.strip("`").upper() for cell in row[:3]}]
