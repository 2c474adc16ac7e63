"""``make mutants``: which faults it plants, which it leaves out, and what it says of survivors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mutants

SOURCE = '''
def bound(value: int) -> int:
    """The value, if it is small."""
    if value > 8:
        raise malformed("above 8")
    if value < 0:
        raise PeerError(Refusal.OVERSIZE, f"{value} is below", value=value)
    return value + 1
'''


@pytest.fixture(scope="module")
def planted() -> mutants.Mutants:
    return mutants.plant(SOURCE, Path("src/detente/core/bound.py"))


def test_a_fault_is_shown_as_what_it_changes(planted: mutants.Mutants) -> None:
    """The lines before and after, and no more than their neighbours."""
    shown = [planted.shown(name) for name in planted.names]
    assert planted.module == "detente.core.bound"
    assert any("-    if value > 8:\n+    if value >= 8:" in one for one in shown)
    assert any("-    return value + 1\n+    return value - 1" in one for one in shown)


def test_the_words_of_a_refusal_are_no_behaviour(planted: mutants.Mutants) -> None:
    """Its number is: a fault in that is tried, and one in the words is counted and left out."""
    shown = "".join(planted.shown(name) for name in planted.names)
    assert "malformed(None)" not in shown
    assert "PeerError(None" in shown
    assert "OVERSIZE, None" not in shown
    assert planted.wording >= 4


def test_a_fault_is_tried_by_who_reaches_its_statement(planted: mutants.Mutants) -> None:
    """Of one that holds others its head alone; the lines are those of the function as it was."""
    lines = planted.code.splitlines()
    found = {
        planted.shown(name).splitlines()[1]: [lines[at - 1].strip() for at in planted.lines(name)]
        for name in planted.names
    }
    assert found["-    if value > 8:"] == ["if value > 8:"]
    assert found["-    return value + 1"] == ["return value + 1"]


def test_it_runs(capfd: pytest.CaptureFixture[str]) -> None:
    """A module with the tests that were named: each survivor, then the figures."""
    assert mutants.main(["errors", "--tests", "test_encoding.py"]) == 0
    figures = r"^errors: [0-9a-z, ]+; (\d+) of \1 tried, \d+ of wording left out$"
    assert re.search(figures, capfd.readouterr().out, re.MULTILINE)


def test_a_sample_says_of_how_many_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    """Every third fault of eight is three, and the figures say so."""
    assert mutants.main(["errors", "--tests", "test_encoding.py", "--sample", "3"]) == 0
    assert "; 3 of 8 tried, " in capfd.readouterr().out


def test_an_unknown_module_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is run for it."""
    assert mutants.main(["nothing"]) == 2
    assert "core has no module nothing" in capsys.readouterr().err
