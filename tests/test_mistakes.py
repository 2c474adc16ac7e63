"""Mistakes in profiles and notices as people read them, and as programs do."""

from __future__ import annotations

import json

import pytest

from detente import mistakes
from detente.cli.app import fail
from detente.core.errors import LocalError
from detente.dossiers.faults import Fault, Rule, refused
from detente.node import control

LATE = Fault("date", Rule.TOO_LATE, "Art. 1", "due then, and it is now", 86_461)
GONE = Fault("launch-1988", Rule.NOT_IN_FORCE, "spec", "no charter names it")
WRONG = Fault("missile", Rule.NO_CHOICE, "Art. 1", "«SAM» is none of ICBM, SLBM")
ALONE = Fault("references", Rule.PRECONDITION, "Art. 5", "refers to no standing notice")
TORN = Fault("number.lead", Rule.BAD_PROFILE, "spec", "no such value belongs here")


def test_every_rule_has_words():
    """Each rule of spec/profile.md §7, and no other; no two read the same."""
    assert set(mistakes.RULES) == {rule.value for rule in Rule}
    assert len(set(mistakes.RULES.values())) == len(Rule)


def test_a_mistake_names_field_rule_and_source_and_how_late():
    """Lateness is said in the units that people count."""
    assert mistakes.row(LATE.view()) == (
        "date: too late: due then, and it is now, LATE by 1 day 1 minute 1 second (Art. 1)"
    )
    assert mistakes.row(WRONG.view()) == (
        "missile: none of the choices: «SAM» is none of ICBM, SLBM (Art. 1)"
    )


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([LATE], "--late"),
        ([LATE, WRONG], "Mend each field"),
        ([GONE], "notice adopt"),
        ([ALONE], "--refers"),
        ([TORN, TORN], "value named in the profile"),
    ],
)
def test_the_hint_says_what_to_do(faults, said):
    """What is only late can be sent late; everything else is mended first."""
    assert said in mistakes.hint([one.view() for one in faults])


def test_the_socket_and_json_keep_the_rule_s_word_and_the_seconds(capsys):
    """People get a row for each mistake and a hint; programs get the mistakes as they are."""
    line = json.dumps(control.answer_of(refused([LATE, WRONG]))).encode() + b"\n"
    with pytest.raises(LocalError) as caught:
        control.result_of(line)
    assert fail(caught.value, as_json=False) == 2
    first, second, last = capsys.readouterr().err.splitlines()
    assert first.startswith("error: date: too late: ")
    assert second.startswith("error: missile: none of the choices: ")
    assert last.startswith("hint: Nothing was sent.")
    assert fail(caught.value, as_json=True) == 2
    shown = json.loads(capsys.readouterr().out)["error"]
    assert [(one["rule"], one["late_s"]) for one in shown["faults"]] == [
        ("too-late", 86_461),
        ("no-choice", 0),
    ]
