"""Notices as they travel: read back as they were written, and in no other way."""

from __future__ import annotations

import pytest
from regimes import profile, say

from detente.core.leaf import Kind
from detente.dossiers.notice_forms import (
    Answer,
    Cancellation,
    Notice,
    ProfileText,
    Reply,
    Statement,
    Suspension,
    form_of,
    read_form,
)

WORD = profile().word(1)
FORMS = [
    Notice(WORD, {"kind": "test", "site": "at 12 km"}, ("range",), 60),
    Notice(WORD, {}),
    Cancellation(WORD, "weather"),
    Answer(Reply.READ_BACK, {"site": "at 12 km"}),
    Answer(Reply.OBJECTION, {}, "too near"),
    Statement(profile().digest, {"lead": "24 h"}),
    Suspension(WORD, "until further notice"),
    ProfileText(profile()),
]
NOTICE = FORMS[0].text()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__)
def test_a_form_reads_back_as_it_was_written(form):
    """Each kind, with and without what may be left out."""
    assert read_form(form.text()) == form


def test_the_text_of_a_notice_is_as_specified():
    """A person reads it without a program."""
    assert (
        "detente notice v1\n"
        f"profile {WORD}\n"
        "late-s 60\n"
        "field kind test\n"
        "field site at 12 km\n"
        "unknown range\n"
    ) == NOTICE


@pytest.mark.parametrize(
    "text",
    [
        "Good morning.",
        "",
        NOTICE + "more\n",
        NOTICE.replace("late-s 60", "late-s 060"),
        NOTICE.replace("late-s 60", "late-s soon"),
        NOTICE.replace("late-s 60", "late-s 0"),
        NOTICE.replace("field kind test", "field kind"),
        NOTICE.replace("field site", "field kind"),
        NOTICE.removesuffix("\n"),
        "detente notice v2\n",
        "detente notice-answer v1\nanswer agreed\n",
        "detente notice-profile v1\n{}",
        "detente notice-profile v1\n{}\n",
        "detente notice-profile v1\n" + "x" * 40_000 + "\n",
    ],
)
def test_a_text_that_differs_in_anything_is_no_form(text):
    """It stays a dispatch like any other: nothing is guessed."""
    assert read_form(text) is None


def test_only_dispatches_hold_forms(two):
    """A mark, a body that is not here, and one that cannot be read hold none."""
    a, _ = two.logs
    place = say(two, a, FORMS[0])
    entry = two.transcript.entry(*place)
    assert form_of(entry) == FORMS[0]
    assert form_of(entry._replace(body=None)) is None
    assert form_of(entry._replace(leaf=None)) is None
    assert form_of(two.transcript.entry(*two.dispatch(a, body=b"\xff"))) is None
    assert form_of(two.transcript.entry(*two.dispatch(a, kind=Kind.ACCIDENT))) is None
