"""The catalogs of translations: extract, update, compile, check.

    python tools/catalogs.py update    bring every .po up to date with the source
    python tools/catalogs.py check     exit 1 if a message is missing, left over or unfit
    python tools/catalogs.py compile   make the .mo files the program reads

English is the source; its catalog repeats it, so that all three are complete and alike.
"""

from __future__ import annotations

import io
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

LANGUAGES = ("en", "ru", "uk")
KEYWORDS = {"_": None, "translate": None, "marked": None, "ngettext": (1, 2)}
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2.ext:babel_extract"),
    ("**/templates/**.md", "jinja2.ext:babel_extract"),
]
PRECEDENCES = re.compile(r"\b(?:DEFERRED|ROUTINE|PRIORITY|IMMEDIATE|FLASH|OVERRIDE)\b")
PROSE = re.compile(r"[a-z]{3}")
CODE = re.compile(r"`[^`]*`|\{[^}]*\}")
# Header lines that would name people or change with every run.
NOISE = re.compile(
    r'^"(?:PO-Revision-Date|POT-Creation-Date|Last-Translator|Language-Team|Report-Msgid-Bugs-To'
    r"|Project-Id-Version|Generated-By):.*\n",
    re.MULTILINE,
)
TITLE = "# Détente: {language}. Kept by tools/catalogs.py; translate here, then run `make lint`."


def po_path(root: Path, language: str) -> Path:
    """Where the catalog of ``language`` lies in the repository at ``root``."""
    return root / "src" / "detente" / "locale" / language / "LC_MESSAGES" / "detente.po"


def extract(root: Path) -> Catalog:
    """Every message marked in the source under ``root``, with the files that use it."""
    catalog = Catalog()
    source = root / "src" / "detente"
    for name, _line, message, _comments, _context in extract_from_dir(
        source, method_map=METHODS, keywords=KEYWORDS
    ):
        catalog.add(message, locations=[(f"src/detente/{name}", 1)])
    return catalog


def load(path: Path, language: str) -> Catalog:
    """The catalog kept at ``path``; an empty one if there is none yet."""
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def update(root: Path) -> None:
    """Rewrites every .po: new messages enter untranslated, unused ones leave."""
    for language in LANGUAGES:
        path = po_path(root, language)
        catalog = load(path, language)
        # A fresh extract each: a catalog keeps the very messages it is updated from.
        catalog.update(extract(root), no_fuzzy_matching=True)
        catalog.header_comment = TITLE.format(language=language)
        catalog.fuzzy = False
        if language == "en":
            for message in entries(catalog):
                message.string = message.id
        out = io.BytesIO()
        write_po(out, catalog, width=96, ignore_obsolete=True, include_lineno=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NOISE.sub("", out.getvalue().decode()), encoding="utf-8")


def compile_all(root: Path) -> None:
    """Writes the .mo beside every .po. Untranslated and fuzzy entries are left out."""
    for language in LANGUAGES:
        path = po_path(root, language)
        if path.exists():
            with path.with_suffix(".mo").open("wb") as out:
                write_mo(out, load(path, language))


def entries(catalog: Catalog) -> Iterator[Message]:
    """The messages of a catalog without its header."""
    return (message for message in catalog if message.id)


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """The one form of a plain message, or all forms of one with a plural."""
    return (text,) if isinstance(text, str) else tuple(text or ())


def placeholders(text: str) -> set[str]:
    """The names in braces. ValueError where braces do not match."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def faults(message: Message, language: str) -> Iterator[str]:
    """What is wrong with one entry of the catalog of ``language``."""
    originals, translations = forms(message.id), forms(message.string)
    if message.fuzzy:
        yield "is fuzzy"
    if not translations or not all(translations):
        yield "is not translated"
        return
    # A form for one thing may leave the number out; nothing may bring in a name of its own.
    allowed = set().union(*map(placeholders, originals))
    needed = allowed if len(originals) == 1 else set()
    for text in translations:
        found = placeholders(text)
        if found - allowed or needed - found:
            yield f"has placeholders {sorted(found)} where {sorted(allowed)} belong"
        if sorted(PRECEDENCES.findall(text)) != sorted(PRECEDENCES.findall(originals[-1])):
            yield "changes a precedence code"
        if language != "en" and text in originals and PROSE.search(CODE.sub("", text)):
            yield "is the same as the source"


def check(root: Path) -> list[str]:
    """What keeps the catalogs from being complete; one line per fault, none if all is well."""
    wanted = {forms(message.id) for message in entries(extract(root))}
    found: list[str] = []
    for language in LANGUAGES:
        path = po_path(root, language)
        where = path.relative_to(root).as_posix()
        catalog = load(path, language)
        kept = {forms(message.id) for message in entries(catalog)}
        found += [f"{where}: {ids[0]!r} is missing" for ids in sorted(wanted - kept)]
        found += [f"{where}: {ids[0]!r} is used nowhere" for ids in sorted(kept - wanted)]
        for message in entries(catalog):
            name = forms(message.id)[0]
            found += [f"{where}: {name!r} {fault}" for fault in faults(message, language)]
            if language == "en" and forms(message.id) != forms(message.string)[:2]:
                found.append(f"{where}: {name!r} differs from the source")
    return found


def main(arguments: list[str]) -> int:
    """Runs one verb on this repository; returns the exit status."""
    root = Path(__file__).resolve().parents[1]
    match arguments:
        case ["update"]:
            update(root)
        case ["compile"]:
            compile_all(root)
        case ["check"]:
            found = check(root)
            for line in found:
                print(line)
            if found:
                print("hint: `make words` brings the catalogs up to date; then translate.")
            return int(bool(found))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
