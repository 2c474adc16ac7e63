"""The rows of the report: its words, its provenance, its bytes, and what the demo promises."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

from bench.trends_check import Check, Checks, at_least, at_most

from detente.trends import words
from detente.trends.demo import demo_checks, prepare
from detente.trends.demo_data import DemoWorld
from detente.trends.estimate import Estimate, Interval
from detente.trends.prov import hashes_behind
from detente.trends.report import HTML, MARKDOWN, PROV, Given, Made, make
from detente.trends.verdict import Verdict

# ICD 203: from and to, in percent.
_TERMS = {
    "almost no chance": (1, 5),
    "very unlikely": (5, 20),
    "unlikely": (20, 45),
    "roughly an even chance": (45, 55),
    "likely": (55, 80),
    "very likely": (80, 95),
    "almost certain": (95, 99),
}
_CELLS = re.compile(r'<span class="(?:dim )?n"([^>]*)>')
_HIDDEN = re.compile(r"<(style|svg|pre)\b.*?</\1>|<[^>]+>", re.DOTALL)


@cache
def _world() -> tuple[Given, DemoWorld]:
    with tempfile.TemporaryDirectory() as folder:
        return prepare(Path(folder) / "demo", lambda _part: None)


@cache
def _asked(*, short: bool) -> Given:
    given, _ = _world()
    if not short:
        return given
    outcomes = {"conflict": given.plan.outcomes["conflict"]}
    return replace(given, plan=replace(given.plan, outcomes=outcomes, ripple=()))


@cache
def _made(*, short: bool) -> Made:
    return make(_asked(short=short), lambda _step: None)


def _terms(_short: bool) -> Check:
    """Every whole percent from 1 to 99, by the term printed for it."""
    good = 0
    for percent in range(1, 100):
        low, high = _TERMS[words.likelihood(percent / 100)]
        good += low <= percent <= high
    return at_least(good / 99, 1.0)


def _said(short: bool) -> list[str]:
    """Every sentence a cell may say, and all that stands on a page."""
    found = []
    numbers = product(Verdict, (0.0, 0.01, 0.3, 0.5, 0.9, 1.0), (0.001, 0.5, 1.0, 3.0, 1e5))
    for verdict, p_up, ratio in numbers:
        ends = Interval(ratio / 2, ratio * 2)
        estimate = Estimate(ratio, ends, ends, p_up, 1, 1, 1, 1)
        found += words.sentences(verdict.value, "A-B", estimate, detectable=3.0, limit=2.0)
    files = _made(short=short).files
    found += _HIDDEN.sub("\n", files[HTML].decode()).splitlines()
    return found + files[MARKDOWN].decode().splitlines()


def _causes(short: bool) -> Check:
    """Causal words, certainty, and likelihood in one sentence with confidence."""
    return at_most(sum(len(words.breaches(one)) for one in _said(short)), 0)


def _provenance(short: bool) -> Check:
    """Numbers of the page whose provenance leads to the hash of a file."""
    made = _made(short=short)
    behind = hashes_behind(json.loads(made.files[PROV]))
    cells = _CELLS.findall(made.files[HTML].decode())
    named = [re.search(r'data-prov="(\w+)"', cell) for cell in cells]
    good = sum(name is not None and bool(behind.get(name[1])) for name in named)
    return at_least(good / max(len(cells), 1), 1.0)


def _same_bytes(short: bool) -> Check:
    """Files of a second run that are equal to those of the first."""
    again = make(_asked(short=short), lambda _step: None).files
    files = _made(short=short).files
    return at_least(sum(again[name] == data for name, data in files.items()) / len(files), 1.0)


def _demo(short: bool) -> Check:
    """Promises of the demo that it keeps: one change found, one null left open, placebos drawn."""
    _, world = _world()
    kept = demo_checks(world, _made(short=short))
    return at_least(sum(kept.values()) / len(kept), 1.0)


CHECKS: Checks = {
    "report-words": _terms,
    "report-no-cause": _causes,
    "report-provenance": _provenance,
    "report-same-bytes": _same_bytes,
    "report-demo": _demo,
}
