"""Words on the screen: complete in three languages, and careful about what they claim."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalogs
from detente import words
from detente.cli.app import fail
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.extras import Rung, Stater
from detente.core.leaf import Precedence
from detente.dossiers.profile_reading import parse_toml
from detente.node.config import CONFIG_FILE, load_config
from detente.node.control import answer_of, result_of
from detente.refusals import BY_HAND, SENTENCES
from detente.sim.scenario import read_scenario
from detente.store.private import read_passphrases
from detente.trends.plan import EXAMPLE, load_plan
from detente.trends.readers import mapped

ROOT = Path(__file__).resolve().parents[1]
VARIABLES = ("DETENTE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
CYRILLIC = set("абвгдежзийклмнопрстуфхцчшщъыьэюяєіїґ")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogs of this source, compiled outside the tree."""
    root = tmp_path_factory.mktemp("catalogs")
    for language in words.LANGUAGES:
        path = catalogs.po_path(root, language)
        path.parent.mkdir(parents=True)
        path.write_bytes(catalogs.po_path(ROOT, language).read_bytes())
    catalogs.compile_all(root)
    return catalogs.po_path(root, "en").parents[2]


@pytest.fixture(autouse=True)
def three_languages(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Reads the compiled catalogs, with no language set by the machine; leaves English behind."""
    monkeypatch.setattr(words, "LOCALE", compiled)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    words.use("en")


def test_catalogs_are_complete():
    """Every message marked in the source stands translated in all three, and nothing else does."""
    assert catalogs.check(ROOT) == []


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_refusal_has_text_and_hint(language: str):
    """No refusal leaves a person without words, in their own script."""
    words.use(language)
    for refusal in Refusal:
        for said in words.refusal(PeerError(refusal)):
            assert said.strip()
            assert bool(CYRILLIC & set(said.lower())) == (language != "en")


def test_every_refusal_has_its_own_words():
    """No two refusals read alike; texts have no full stop and hints have one."""
    assert set(SENTENCES) == set(Refusal)
    assert len({sentence.text for sentence in SENTENCES.values()}) == len(Refusal)
    for text, hint in SENTENCES.values():
        assert not text.endswith(".")
        assert hint.endswith(".")


def test_detail_stands_in_brackets():
    """What exactly was refused is shown behind the sentence and is not translated."""
    words.use("uk")
    text, hint = words.refusal(LocalError(Refusal.NOT_FOUND, "a.card"))
    assert text == "Немає такого файлу, запису або імені (a.card)"
    assert hint == "Перевірте написання й каталог, у якому перебуваєте."


def test_a_refusal_may_bring_sentences_of_its_own():
    """They stand in place of the general ones, with a detail behind them that is not the same."""
    said, hint = "No home folder is named", "Name it."
    own = {"said": said, "hint": hint}
    assert words.refusal(LocalError(Refusal.USAGE, "h", **own)) == (f"{said} (h)", hint)
    assert words.refusal(LocalError(Refusal.USAGE, said, **own)) == (said, hint)


def _refused(kind: str, folder: Path) -> LocalError:
    """What is said of a file of this kind with a mistake in it."""
    readers = {
        "config": lambda path: load_config(path.parent),
        "passphrases": read_passphrases,
        "profile": lambda path: parse_toml(path.read_bytes()),
        "scenario": read_scenario,
        "plan": load_plan,
        "mapping": mapped.read,
    }
    path = folder / CONFIG_FILE
    text = (
        EXAMPLE.replace("after_weeks = 26", "after_weeks = 0") if kind == "plan" else "a = 1 2\n\n"
    )
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(LocalError) as caught:
        readers[kind](path)
    return caught.value


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("kind", BY_HAND)
def test_whoever_wrote_a_file_is_told_to_mend_it(
    kind: str, language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Nobody is sent to «whoever made it»: what is wrong is named, and what to do is of that file,
    also where the node has read it."""
    error = _refused(kind, tmp_path)
    words.use(language)
    text, hint = words.refusal(error)
    said, todo = (words.translate(part) for part in BY_HAND[kind])
    assert (text, hint) == (f"{said} ({error.detail})", todo)
    assert bool(CYRILLIC & set(hint.lower())) == (language != "en")
    assert todo not in [words.translate(sentence.hint) for sentence in SENTENCES.values()]
    assert set(re.findall(r"docs/\S+\.md", hint)) == set(
        re.findall(r"docs/\S+\.md", BY_HAND[kind].hint)
    )
    with pytest.raises(LocalError) as caught:
        result_of(json.dumps(answer_of(error)).encode() + b"\n")
    assert words.refusal(caught.value) == (text, hint)
    fail(caught.value, as_json=True)
    told = json.loads(capsys.readouterr().out)["error"]
    assert (told["text"], told["hint"], told["detail"]) == (said, todo, error.detail)


def test_pages_that_a_hint_names_are_there():
    """Whoever has to mend a file finds what stands in one."""
    pages = re.findall(r"docs/\S+\.md", " ".join(one.hint for one in BY_HAND.values()))
    assert len(pages) == len(BY_HAND) - 1, "a passphrase needs no page"
    assert all((ROOT / page).is_file() for page in pages)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_rungs_are_distinct_words(language: str):
    """Received, seen, understood, agreed, declined and every other rung differ from one another."""
    words.use(language)
    said = [words.term(words.RUNGS, rung) for rung in words.RUNGS]
    assert len(set(said)) == len(said)
    assert {"received", "seen", "understood", "agreed", "declined"} <= set(words.RUNGS)


def test_tables_cover_what_the_protocol_states():
    """Every rung, stater and precedence of the core has its word."""
    assert {rung.name.lower().replace("_", "-") for rung in Rung} <= set(words.RUNGS)
    assert {stater.name.lower() for stater in Stater} == set(words.STATERS)
    assert [precedence.name for precedence in Precedence] == list(words.GLOSSES)


@pytest.mark.parametrize(
    ("language", "banned"),
    [
        ("en", r"\b(held|releas|detain|prisoner|captive)"),
        ("ru", r"\b(удерж|освобо|задержан|пленн|плен\b)"),
        ("uk", r"\b(утрим|звільн|затриман|полонен|полон\b)"),
    ],
)
def test_messages_are_not_spoken_of_as_prisoners(language: str, banned: str):
    """No text uses a word for people held or released, but where it speaks of them."""
    for message in catalogs.entries(catalogs.load(catalogs.po_path(ROOT, language), language)):
        if message.id == "prisoner exchanges":  # one of the three trends
            continue
        for text in catalogs.forms(message.string):
            assert not re.search(banned, text, re.IGNORECASE)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_precedence_glosses_name_no_flash_and_no_alert(language: str):
    """A gloss says what to do, in no word for an explosion or an alert, and repeats no code."""
    words.use(language)
    for precedence in words.GLOSSES:
        said = words.gloss(precedence).lower()
        for stem in ("flash", "alert", "alarm", "вспыш", "тревог", "спалах", "тривог", "молни"):
            assert stem not in said


def test_no_precedence_code_is_a_message():
    """Codes are shown as they are: none is in a catalog to be translated."""
    keys = {catalogs.forms(message.id)[0] for message in catalogs.extract(ROOT)}
    assert not keys & set(words.GLOSSES)


@pytest.mark.parametrize(
    ("settings", "language"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LC_MESSAGES": "uk_UA", "LANG": "ru_RU"}, "uk"),
        ({"LC_ALL": "POSIX", "LC_MESSAGES": "uk_UA"}, "en"),
        ({"DETENTE_LANG": "uk", "LC_ALL": "ru_RU"}, "uk"),
        ({"DETENTE_LANG": "RU-ru", "LC_ALL": "uk_UA"}, "ru"),
        ({"DETENTE_LANG": " ", "LC_ALL": "uk_UA@euro"}, "uk"),
    ],
)
def test_language_comes_from_the_environment(
    settings: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
):
    """DETENTE_LANG decides, then the first locale variable that is set; else English."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert words.use() == language


def test_language_named_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch):
    """What is asked for by name goes first."""
    monkeypatch.setenv("DETENTE_LANG", "uk")
    assert words.use("ru") == "ru"
    assert words.translate("received") == "получено"


@pytest.mark.parametrize("by_name", [True, False])
def test_unknown_language_is_refused(by_name: bool, monkeypatch: pytest.MonkeyPatch):
    """A country's code in place of a language's is an error, and changes nothing."""
    words.use("uk")
    monkeypatch.setenv("DETENTE_LANG", "ua")
    with pytest.raises(LocalError, match="ua: not one of en, ru, uk") as caught:
        words.use("ua" if by_name else None)
    assert caught.value.refusal is Refusal.USAGE
    assert words.translate("received") == "отримано"


def test_missing_catalog_means_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without compiled catalogs the program speaks English, in every language's place."""
    monkeypatch.setattr(words, "LOCALE", tmp_path)
    assert words.use("ru") == "ru"
    assert words.translate("received") == "received"
    assert words.ngettext("{n} entry", "{n} entries", 2) == "{n} entries"


def test_unknown_and_empty_messages_come_back():
    """A message that is in no catalog shows as it is; an empty one stays empty."""
    words.use("ru")
    assert words.translate("in no catalog") == "in no catalog"
    assert words.translate("") == ""


PO = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "{n} entry"
msgid_plural "{n} entries"
msgstr[0] "запись"
msgstr[1] "{n} записи"
msgstr[2] "{n} записей"

msgid "send {what} by FLASH"
msgstr "отправить {what} как FLASH"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small source with one plain and one plural message, translated into Russian."""
    source = tmp_path / "src" / "detente"
    source.mkdir(parents=True)
    (source / "a.py").write_text(
        'ngettext("{n} entry", "{n} entries", n)\n_("send {what} by FLASH")\n', encoding="utf-8"
    )
    catalogs.update(tmp_path)
    catalogs.po_path(tmp_path, "ru").write_text(PO, encoding="utf-8")
    return tmp_path


def russian(tree: Path, old: str, new: str) -> list[str]:
    """The faults of the Russian catalog after one replacement."""
    path = catalogs.po_path(tree, "ru")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return [line.split(": ", 1)[1] for line in catalogs.check(tree) if "/ru/" in line]


def test_good_catalog_has_no_faults(tree: Path):
    """A form for one thing may leave the number out; plurals follow the language."""
    assert russian(tree, "запись", "запись") == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("{what} как", "{who} как", "has placeholders ['who'] where ['what'] belong"),
        ("{what} как", "как", "has placeholders [] where ['what'] belong"),
        ("{n} записи", "{m} записи", "has placeholders ['m'] where ['n'] belong"),
        ("как FLASH", "как ВСПЫШКА", "changes a precedence code"),
        ("отправить {what} как FLASH", "", "is not translated"),
        ("отправить {what} как", "send {what} by", "is the same as the source"),
        ('\nmsgid "send', '\n#, fuzzy\nmsgid "send', "is fuzzy"),
        ('\nmsgid "send', '\nmsgid "lend', "is missing"),
        ('\nmsgid "send', '\nmsgid "lend', "is used nowhere"),
    ],
)
def test_faulty_catalog_is_found(tree: Path, old: str, new: str, fault: str):
    """Each way a translation can be unfit is named."""
    assert [line for line in russian(tree, old, new) if line.endswith(fault)]


def test_english_must_repeat_the_source(tree: Path):
    """The English catalog is the source's own text."""
    path = catalogs.po_path(tree, "en")
    path.write_text(path.read_text("utf-8").replace('msgstr "send', 'msgstr "lend'), "utf-8")
    assert [line.split(": ", 1)[1] for line in catalogs.check(tree) if "/en/" in line] == [
        "'send {what} by FLASH' differs from the source"
    ]


def test_update_keeps_translations_and_drops_the_unused(tree: Path):
    """New messages enter untranslated, old ones stay, unused ones leave; twice changes nothing."""
    (tree / "src" / "detente" / "a.py").write_text(
        '_("send {what} by FLASH")\nmarked("new")\n', encoding="utf-8"
    )
    catalogs.update(tree)
    path = catalogs.po_path(tree, "ru")
    once = path.read_text(encoding="utf-8")
    catalogs.update(tree)
    assert path.read_text(encoding="utf-8") == once
    kept = {message.id: message.string for message in catalogs.load(path, "ru") if message.id}
    assert kept == {"send {what} by FLASH": "отправить {what} как FLASH", "new": ""}


def test_compiled_plurals_follow_the_language(tree: Path, monkeypatch: pytest.MonkeyPatch):
    """Russian has three forms: one, few and many."""
    catalogs.update(tree)  # puts the plural rule into the header
    catalogs.compile_all(tree)
    monkeypatch.setattr(words, "LOCALE", catalogs.po_path(tree, "ru").parents[2])
    words.use("ru")
    said = [words.ngettext("{n} entry", "{n} entries", n).format(n=n) for n in (1, 3, 5, 21)]
    assert said == ["запись", "3 записи", "5 записей", "запись"]


def test_catalogs_command_knows_its_verbs(capsys: pytest.CaptureFixture[str]):
    """``check`` passes on this repository; anything unknown shows the help and fails."""
    assert catalogs.main(["check"]) == 0
    assert catalogs.main(["guess"]) == 2
    assert "catalogs.py update" in capsys.readouterr().err
