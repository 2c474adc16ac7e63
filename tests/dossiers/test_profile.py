"""Profiles: read from TOML, named by their bytes, with every mistake in its place."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest
from regimes import SHIPPED, TEXT, plain, profile, shipped

from detente.core.crypto import sha256
from detente.core.errors import LocalError, Refusal
from detente.dossiers.faults import Rule
from detente.dossiers.profile import FIRST, read_word
from detente.dossiers.profile_reading import from_plain, parse_canonical, parse_toml

# What these texts ask for: the rule, its hours, its days, and what nobody has read in them.
TEXTS = {
    "installations-1988": ("calendar-day", None, ("01-01",), ()),
    "prisoners-2008": ("calendar-day", None, ("01-01", "07-01"), ()),
    "sea-danger-1972": ("before", 3 * 24, (), ()),
    "dangerous-1989": ("at-once", None, (), ()),
    "hcoc-launch": ("before", 0, (), ()),
    "hcoc-yearly": ("calendar-day", None, ("03-31",), ("31",)),
    "unusual-2011": ("at-once", None, (), ()),
    "unusual-reply-2011": ("on-receipt", 48, (), ("48 h",)),
    "activity-2011": ("before", 42 * 24, (), ("42 d",)),
    "new-start-initial": ("within", 45 * 24, (), ()),
    "new-start-update": ("within", 30 * 24, (), ()),
    "new-start-change": ("within", 5 * 24, (), ()),
}


PHRASE = {"code": "test", "certainty": "V", "source": "Art. 5", "says": {"en": "a test"}}


def faults_of(changes):
    """The paths at which a changed profile is wrong."""
    with pytest.raises(LocalError) as caught:
        from_plain(plain(changes))
    assert caught.value.refusal is Refusal.MALFORMED
    assert {one["rule"] for one in caught.value.facts["faults"]} == {Rule.BAD_PROFILE.value}
    return {one["field"] for one in caught.value.facts["faults"]}


def test_a_profile_is_named_by_its_canonical_bytes():
    """Comments and order change nothing; one number more or less changes the name."""
    one = parse_toml(TEXT.encode())
    assert parse_toml(b"# a remark\n" + TEXT.encode()).digest == one.digest
    assert parse_canonical(one.canonical) == one
    assert profile(number__lead__value=25).digest != one.digest
    assert one.canonical == json.dumps(plain(), sort_keys=True, separators=(",", ":")).encode()
    assert len(one.digest) == 40
    assert base64.b32decode(one.digest.upper()) == sha256(FIRST, one.canonical)[:25]


def test_a_charter_s_word_names_profile_edition_and_text():
    """The word fits a charter, and what is no such word is none."""
    one = profile()
    word = one.word(12)
    assert read_word(word) == ("test-flight", 12, one.digest)
    assert len(profile(name="a" * 19).word(999)) == 64
    for other in ("new-start", f"test-flight/0/{one.digest}", word + "a", word.upper()):
        assert read_word(other) is None


@pytest.mark.parametrize(
    ("path", "value", "wrong"),
    [
        ("format", 2, "format"),
        ("format", True, "format"),
        ("name", "Test", "name"),
        ("name", 5, "name"),
        ("source", None, "source"),
        ("source", "two\nrows", "source"),
        ("source", "turned \u202e round", "source"),
        ("source", "  ", "source"),
        ("status", "suspended", "status"),
        ("status-certainty", "sure", "status-certainty"),
        ("receipt", "agreed", "receipt"),
        ("corrections", 1, "corrections"),
        ("colour", "red", "colour"),
        ("deadline.colour", "red", "deadline.colour"),
        ("title", "Test", "title"),
        ("title", {"English": "Test"}, "title.English"),
        ("title", {"en": "Test", "uk": "Іспит"}, "rendering"),
        ("number", [], "number"),
        ("number.Lead", {}, "number.Lead"),
        ("number.lead.value", 1.5, "number.lead.value"),
        ("number.lead.value", -1, "number.lead.value"),
        ("number.lead.value", 87_841, "number.lead.value"),
        ("number.lead.unit", "week", "number.lead.unit"),
        ("number.lead.unit", "km", "deadline.by"),
        ("number.lead.certainty", "", "number.lead.certainty"),
        ("number.lead.source", None, "number.lead.source"),
        ("field", {}, "field"),
        ("field.a b", {"type": "text"}, "field.a b"),
        ("field.kind.type", "word", "field.kind.type"),
        ("field.kind.need", "wanted", "field.kind.need"),
        ("field.kind.choices", "test", "field.kind.choices"),
        ("field.kind.choices", [1], "field.kind.choices"),
        ("field.kind.phrase", [PHRASE, PHRASE], "field.kind.phrase"),
        ("field.kind.phrase", [PHRASE | {"code": "war"}], "field.kind.phrase"),
        ("field.kind.phrase", [PHRASE | {"certainty": "sure"}], "field.kind.phrase.0.certainty"),
        ("field.kind.phrase", [PHRASE | {"says": "x"}], "field.kind.phrase.0.says"),
        ("field.site.phrase", [PHRASE], "field.site.phrase"),
        ("field.range.unit", None, "field.range.unit"),
        ("field.range.most", "lead", "field.range.most"),
        ("field.range.most", "nothing", "field.range.most"),
        ("field.site.unit", "km", "field.site.unit"),
        ("deadline", "soon", "deadline"),
        ("deadline.rule", "never", "deadline.rule"),
        ("deadline.of", "kind", "deadline.of"),
        ("deadline.of", "absent", "deadline.of"),
        ("deadline.by", None, "deadline.by"),
        ("deadline.days", ["01-01"], "deadline.days"),
        ("field.window.need", "optional", "deadline.of"),
        ("validity.of", "kind", "validity.of"),
        ("precondition", {}, "precondition"),
        ("precondition", [{"profile": "x"}], "precondition.0.source"),
        ("ceiling.0.counts", "kind", "ceiling.0.counts"),
        ("ceiling.0.number", "lead", "ceiling.0.number"),
        ("ceiling.0.per", "day", "ceiling.0.per"),
        ("apart.0.fields", ["site"], "apart.0.fields"),
        ("apart.0.fields", ["site", "kind"], "apart.0.fields"),
        ("apart.0.number", "lead", "apart.0.number"),
        ("one-of.0.fields", ["site"], "one-of.0.fields"),
        ("one-of.0.fields", ["site", "kind"], "one-of.0.fields"),
        ("rendering.en.text", "{nothing}", "rendering.en.text"),
        ("rendering.en.text", "{kind", "rendering.en.text"),
        ("rendering.en.subject", "{}", "rendering.en.text"),
    ],
)
def test_every_mistake_in_a_profile_is_named_by_its_path(path, value, wrong):
    """What is missing, of another type, unknown or out of its place is found where it stands."""
    assert wrong in faults_of({path: value})


@pytest.mark.parametrize("days", [[], ["02-29"], ["2-1"], ["04-31"], ["13-01"]])
def test_a_day_of_the_calendar_is_one_that_every_year_has(days):
    """29 February, 31 April and no day at all are refused."""
    changes = {
        "field.window": {
            "type": "day", "need": "required", "source": "s", "label": {"en": "day"},
        },
        "deadline": {"rule": "calendar-day", "of": "window", "source": "s", "days": days},
    }  # fmt: skip
    assert faults_of(changes) == {"deadline.days"}


def test_a_deadline_from_a_receipt_names_another_profile():
    """Its «of» is no field."""
    deadline = {"rule": "on-receipt", "of": "unusual", "by": "lead", "source": "s"}
    assert profile(deadline=deadline).deadline.of == "unusual"


@pytest.mark.parametrize(
    "data",
    [b"\xff", b"format = ", b"day = 2026-01-01\n", b'a = "\\uD800"', b"a=" + b"[" * 9000],
)
def test_what_is_no_toml_of_texts_and_numbers_is_refused(data):
    """Bytes, half a file, a date of TOML's own, endless brackets."""
    with pytest.raises(LocalError) as caught:
        parse_toml(data)
    assert caught.value.refusal is Refusal.MALFORMED


def test_only_canonical_bytes_are_read_as_such():
    """Other spaces, another order, no table, no JSON: refused, and a long text as too long."""
    good = profile().canonical
    for data in (good + b" ", b"[]", b"{", b"[" * 100_000, json.dumps(plain()).encode()):
        with pytest.raises(LocalError):
            parse_canonical(data)
    with pytest.raises(LocalError) as caught:
        profile(source="s" * 40_000)
    assert caught.value.refusal is Refusal.OVERSIZE


def test_a_shipped_profile_says_where_each_number_stands():
    """All are read; each has three languages; what rests on memory is marked."""
    found = shipped()
    assert set(found) >= {
        "launch-1988", "accident-1971", "exercise-1989", "flight-test-2005",
        "relief-site", "relief-movement", "air-space", *TEXTS,
    }  # fmt: skip
    for one in found.values():
        assert set(one.renderings) == {"en", "ru", "uk"}
        assert all(set(field.labels) == {"en", "ru", "uk"} for field in one.fields.values())
        assert one.status != "template" or {n.certainty for n in one.numbers.values()} <= {"T"}
    assert [one.said for one in found["launch-1988"].unsure] == ["4 d"]
    spec = (SHIPPED.parents[2] / "spec" / "profile.md").read_text(encoding="utf-8")
    assert found["launch-1988"].word(1) in spec
    assert found["launch-1988"].numbers["lead"].seconds == 86_400
    assert found["flight-test-2005"].numbers["impact-distance"].metres == 70_000


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_shipped_profile_counts_as_its_text_says(name):
    """Rule, span and days as written down a second time; what nobody read is to be stated."""
    one = shipped()[name]
    rule, hours, days, unsure = TEXTS[name]
    by = one.deadline.by
    assert one.deadline.rule == rule
    assert (None if by is None else by.seconds) == (None if hours is None else hours * 3_600)
    assert one.deadline.days == days
    assert tuple(number.said for number in one.unsure) == unsure
    assert one.status == ("lapsed" if name.startswith("new-start") else "in-force")


def test_a_profile_cannot_be_changed_behind_its_name():
    """What was hashed stays what it was."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile().name = "other"
