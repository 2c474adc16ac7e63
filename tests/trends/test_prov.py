"""Provenance: every figure leads to the hashes of the files it was made of."""

from __future__ import annotations

from datetime import date

from trends.world import READ

from detente.trends.counts import WeekCount
from detente.trends.prov import RUN, Provenance, hashes_behind

ROWS = [WeekCount(date(2014, 1, 6), "AAA", "BBB", "conflict", 3, 4, 0, 1)]


def made() -> Provenance:
    """A chart derived from counts and one file, and a figure of a transcript."""
    found = Provenance("cd" * 32, frozen=True, engine="SELECT 1")
    counts = found.series("AAA-BBB-conflict", ROWS, found.lake([READ]))
    found.figure("AAA-BBB/conflict/share", {"ratio": 2.0, "lacking": None}, [counts])
    found.figure("line", {}, [found.file("line.detente", "ef" * 32)])
    return found


def test_every_figure_leads_to_its_files():
    """A figure of the counts has the file's hash behind it, one of the line the transcript's."""
    assert hashes_behind(made().document()) == {
        "f1": frozenset({READ.sha256}),
        "f2": frozenset({"ef" * 32}),
    }


def test_the_run_says_how():
    """The activity names the plan's hash, the program and what the engine was asked."""
    document = made().document()
    run = document["activity"][RUN]
    assert run["dt:plan_sha256"] == "cd" * 32
    assert run["dt:engine"] == "SELECT 1"
    used = {row["prov:entity"] for row in document["used"].values()}
    assert {f"dt:file-{READ.sha256}", f"dt:plan-{'cd' * 32}"} <= used


def test_every_reference_resolves():
    """Whatever a relation names is an entity of the document."""
    document = made().document()
    for row in document["wasDerivedFrom"].values():
        assert row["prov:generatedEntity"] in document["entity"]
        assert row["prov:usedEntity"] in document["entity"]
    for row in document["wasGeneratedBy"].values():
        assert row["prov:entity"] in document["entity"]


def test_a_figure_has_one_id():
    """The same cell asked for twice is one figure, and what it lacks is left out."""
    found = made()
    assert found.figure("line", {}, []) == "f2"
    about = found.document()["entity"]["dt:f1"]
    assert about["dt:ratio"] == 2.0
    assert "dt:lacking" not in about


def test_other_counts_have_another_hash():
    """One story more changes the entity that figures are derived from."""
    other = Provenance("cd" * 32, frozen=True, engine="SELECT 1")
    more = [WeekCount(date(2014, 1, 6), "AAA", "BBB", "conflict", 4, 4, 0, 1)]
    other.series("AAA-BBB-conflict", more, other.lake([READ]))
    key = "dt:counts-AAA-BBB-conflict"
    assert made().document()["entity"][key] != other.document()["entity"][key]
