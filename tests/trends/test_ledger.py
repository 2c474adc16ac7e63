"""The ledger of forecasts: written before, scored after."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from detente.core.errors import LocalError, Refusal
from detente.trends.forecast import Predictive
from detente.trends.ledger import append, entry, read, scored

MADE, WEEK, NEXT = date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)
ONE_TO_FOUR = Predictive(np.array([1.0, 2, 3, 4]))


def forecast(key: str = "AUS-USA engagement", week: date = WEEK, plan: str = "ab"):
    """A forecast of one to four, said to exceed 3 or not."""
    return entry(plan, key, MADE, week, 3.0, ONE_TO_FOUR)


def test_what_is_appended_is_read_in_order(tmp_path):
    """A ledger grows, and keeps what it held."""
    path = tmp_path / "ledger.jsonl"
    assert read(path) == ()
    append(path, [forecast()])
    first = path.read_bytes()
    append(path, [forecast(week=NEXT), forecast("CAN-USA engagement")])
    assert path.read_bytes().startswith(first)
    assert read(path) == (forecast(), forecast(week=NEXT), forecast("CAN-USA engagement"))


def test_a_forecast_is_not_revised(tmp_path):
    """The same week of the same series under the same plan comes once, also within a batch."""
    path = tmp_path / "ledger.jsonl"
    append(path, [forecast()])
    for again in ([forecast()], [forecast(week=NEXT), forecast(week=NEXT)]):
        before = path.read_bytes()
        with pytest.raises(LocalError) as caught:
            append(path, again)
        assert caught.value.refusal is Refusal.USAGE
        assert path.read_bytes() == before
    append(path, [forecast(plan="cd")])


def test_a_week_that_was_known_is_not_forecast():
    """The week made in, or one before it, is refused."""
    for week in (MADE, date(2026, 2, 23)):
        with pytest.raises(LocalError):
            forecast(week=week)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0].replace("[1.0", "[9.0"), *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], lines[2]],
        lambda lines: [lines[1], lines[0], lines[2]],
    ],
)
def test_a_ledger_that_was_changed_is_found_out(tmp_path, change):
    """A line altered, taken out or moved breaks the chain, at its number."""
    path = tmp_path / "ledger.jsonl"
    append(path, [forecast(), forecast(week=NEXT), forecast("CAN-USA engagement")])
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(LocalError, match=r"line [12]: the line before it was changed"):
        read(path)


@pytest.mark.parametrize("line", ["{", "[]", '{"plan": 1}', "nonsense"])
def test_a_line_that_is_no_forecast_is_named_by_its_number(tmp_path, line):
    """Another file, or half a line, is MALFORMED and nothing is read of it."""
    path = tmp_path / "ledger.jsonl"
    append(path, [forecast()])
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(LocalError, match="line 2") as caught:
        read(path)
    assert caught.value.refusal is Refusal.MALFORMED


def test_forecasts_are_scored_when_their_weeks_have_come():
    """Of two, one has come: 4 lies outside the middle half, mostly in the 90 %, and above 3."""
    both = [forecast(), forecast(week=NEXT)]
    found = scored(both, {("AUS-USA engagement", WEEK): 4.0})
    assert (found.n, found.waiting) == (1, 1)
    assert (found.covered_half, found.covered_ninety) == (0.0, pytest.approx(0.8))
    assert found.brier == pytest.approx((0.25 - 1) ** 2)
    assert found.crps == pytest.approx(1.5 - 0.625)
    assert [(each.said, each.came) for each in found.reliability] == [(0.25, 1.0)]


def test_before_any_week_has_come_there_is_no_score():
    """Waiting is not zero and not nan."""
    found = scored([forecast()], {})
    assert (found.n, found.waiting, found.crps, found.brier) == (0, 1, None, None)
    assert found.reliability == ()
