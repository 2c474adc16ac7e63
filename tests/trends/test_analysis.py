"""Cells: each has its windows, both models, placebos, a bound and a verdict."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from trends import world

from detente.trends.analysis import ALONE, Analysis, analyse, cells_asked, outage_ratio
from detente.trends.board import Board, Series, board_of, question_of
from detente.trends.plan import Plan
from detente.trends.verdict import Verdict

pytestmark = pytest.mark.timeout(600)  # tens of fits


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Two dyads, three compared, one third country."""
    return world.plan(world.PLAN.replace(', "CAN"', ""))


@pytest.fixture(scope="module")
def board(plan: Plan) -> Board:
    """Its counts."""
    question = question_of(plan)
    counts = world.counts(question, plan.starts)
    return board_of(plan, question, counts, world.coverage(question))


@pytest.fixture(scope="module")
def found(plan: Plan, board: Board) -> Analysis:
    """All its cells, with progress told of each."""
    told: list[int] = []
    result = analyse(plan, board, (), told.append)
    assert told == list(range(1, len(cells_asked(plan, ())) + 1))
    return result


def test_what_was_planted_is_found(found):
    """Four times the conflict of one dyad has moved, in its share and in its rate, and no more."""
    moved = {cell.key for cell in found.stakeholders if cell.verdict is Verdict.MOVED}
    assert {"AAA-BBB/conflict/share", "AAA-BBB/conflict/rate"} <= moved
    assert not any(key.startswith("AAA-DDD") for key in moved)
    cell = found.stakeholders[0]
    assert cell.level.ninety.low > 2
    assert cell.placebo.p == cell.placebo.smallest_p > 0
    assert cell.calibration is not None
    assert cell.calibration.n == cell.placebo.n >= 19


def test_windows_leave_the_transition_and_gaps_out(found):
    """Of 104 weeks before, two are beside the date and two have no data; of 26 after, two."""
    cell = found.stakeholders[0]
    assert (cell.before.weeks, cell.before.lacking) == (100, 2)
    assert (cell.after.weeks, cell.after.lacking) == (24, 0)
    assert cell.before.count == cell.level.before_count
    assert cell.after.count == cell.level.after_count


def test_a_country_counts_stories_that_name_one_dyad(found, board):
    """Co-mention is not in the count of a third country: it stands apart."""
    cell = next(cell for cell in found.ripple if cell.who == "GBR")
    assert cell.measure == ALONE
    assert cell.dyads == (("AAA", "GBR"), ("BBB", "GBR"), ("DDD", "GBR"))
    stories = sum(board.stories[dyad, cell.outcome].sum() for dyad in cell.dyads)
    shared = sum(board.shared[dyad, cell.outcome].sum() for dyad in cell.dyads)
    assert board.alone(cell.dyads, cell.outcome).y.sum() == stories - shared
    assert cell.before.shared > 0
    assert cell.beside is not None


def test_every_table_is_corrected_over_its_measure(found):
    """A corrected p is never below its own, and what does not stand up to it has not moved."""
    for cell in (*found.stakeholders, *found.ripple):
        assert cell.p_adjusted >= cell.p
        assert not (cell.verdict is Verdict.MOVED and cell.p_adjusted > 0.1)


def test_a_plan_that_was_not_frozen_is_exploratory(plan, found):
    """Without a frozen hash every cell is; with one, only dyads beside the plan are."""
    assert all(cell.exploratory for cell in found.stakeholders)
    frozen = dataclasses.replace(plan, frozen=True)
    asked = {(one.who, one.exploratory) for one in cells_asked(frozen, [("EEE", "FFF")])}
    assert ("AAA-BBB", False) in asked
    assert ("EEE-FFF", True) in asked


def test_a_window_without_data_is_named_and_not_estimated(plan, board):
    """With no week kept after the date, each cell says how many weeks it lacks."""
    keep = board.keep & (np.arange(len(board.weeks)) < board.starts)
    found = analyse(plan, dataclasses.replace(board, keep=keep))
    assert found.stakeholders == found.ripple == ()
    assert len(found.unfit) == len(cells_asked(plan, ()))
    assert "0 after" in found.unfit[0].why


def test_outages_are_ranked_among_their_own_shifts():
    """What rises only in the weeks with an outage ranks first; p is never nought."""
    out = np.zeros(30, dtype=bool)
    out[[3, 4, 11, 20, 21]] = True
    y = np.where(out, 9.0, 2.0)
    keep = np.ones(30, dtype=bool)
    series = Series(y, np.full(30, 20.0), keep, np.zeros(30))
    ratio, p, shifts = outage_ratio(series, out)
    assert ratio == pytest.approx(4.5)
    assert (p, shifts) == (pytest.approx(1 / 30), 29)
    few = np.zeros(30, dtype=bool)
    few[:3] = True
    assert outage_ratio(series, few) == (None, None, 0)
