"""Every vector runs through the code, has the form its schema says, and is made again the same."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

import make_vectors
import tidy_spec
import vectors_form
import vectors_run
from detente.core.crypto import mldsa44_verify
from detente.core.encoding import unb64
from detente.core.errors import Refusal
from detente.core.identity import parse_card
from detente.core.notes import NOTE_MLDSA44_CONTEXT, parse_note
from vectors_ground import NAMES, Frozen

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
PATHS = sorted(path for folder in vectors_form.FOLDERS for path in (VECTORS / folder).glob("*"))


@pytest.fixture(scope="module")
def cards() -> dict[str, str]:
    """The card files that vectors name."""
    return {
        name: vectors_form.read((VECTORS / f"cards/{name}.json").read_bytes()).inputs["card"]
        for name in NAMES
    }


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path: Path, cards: dict[str, str]) -> None:
    """The code answers a vector with its word and its value, to the byte."""
    vector = vectors_form.read(path.read_bytes())
    assert vectors_run.run(vector, cards) == (vector.expect, vector.value)


def test_made_again_they_are_the_same() -> None:
    """Making the vectors anew changes, adds and removes no file, and signs nothing new."""
    frozen = Frozen.load(VECTORS / make_vectors.FROZEN)
    made = dict(make_vectors.files(frozen))
    found = {
        path.relative_to(VECTORS).as_posix(): path.read_text("utf-8")
        for path in (VECTORS / "schema.json", *PATHS)
    }
    assert sorted(made) == sorted(found)
    assert [name for name, text in made.items() if found[name] != text] == []
    assert frozen.fresh == 0
    assert frozen.used == set(frozen.known)


def test_every_vector_keeps_the_schema() -> None:
    """Each file is JSON with the fields, the words and the types of schema.json, and no other."""
    schema = json.loads((VECTORS / "schema.json").read_text("utf-8"))["$defs"]["Vector"]
    for path in PATHS:
        data = json.loads(path.read_text("utf-8"))
        assert set(schema["required"]) <= set(data) <= set(schema["properties"]), path
        for word in ("do", "expect"):
            assert data[word] in schema["properties"][word]["enum"], path


def test_another_form_is_no_vector() -> None:
    """A field too many and a word that is not in the list are refused."""
    good = json.loads(PATHS[0].read_text("utf-8"))
    for bad in (good | {"colour": "blue"}, good | {"expect": "failure"}):
        with pytest.raises(msgspec.ValidationError):
            vectors_form.read(json.dumps(bad))


def test_every_vector_names_sections_that_exist() -> None:
    """What a vector says it shows is a numbered heading of a spec."""
    spec = VECTORS.parent / "spec"
    for text in {vectors_form.read(path.read_bytes()).spec for path in PATHS}:
        name, *sections = text.replace(",", "").replace("§", "").split(" ")
        assert set(sections) <= tidy_spec.headings(spec / name), text


def test_words_are_refusals() -> None:
    """Whatever a vector may expect is ``ok`` or a refusal of the registry."""
    words = set(vectors_form.Expect.__args__)
    assert words <= {"ok", *(refusal.word for refusal in Refusal)}


def test_every_folder_shows_success_and_failure() -> None:
    """Each format has a vector that holds and one that does not."""
    outcomes: dict[str, set[bool]] = defaultdict(set)
    for path in PATHS:
        vector = vectors_form.read(path.read_bytes())
        held = vector.expect == "ok" and (vector.value or {}).get("ok", True)
        outcomes[path.parent.name].add(bool(held))
    assert outcomes == {folder: {True, False} for folder in vectors_form.FOLDERS}


def test_frozen_signatures_are_of_the_keys_they_stand_for(cards: dict[str, str]) -> None:
    """A root's frozen signature on a card verifies, and under no other key."""
    note = parse_note(cards["alpha"].encode())
    mine, other = (parse_card(cards[name].encode()).card for name in ("alpha", "bravo"))
    signature = note.signatures[1].data
    known = json.loads((VECTORS / make_vectors.FROZEN).read_text("utf-8")).values()
    assert signature in {unb64(text) for text in known}
    text = note.text.encode()
    assert mldsa44_verify(mine.root_mldsa44, text, signature, NOTE_MLDSA44_CONTEXT)
    assert not mldsa44_verify(other.root_mldsa44, text, signature, NOTE_MLDSA44_CONTEXT)
