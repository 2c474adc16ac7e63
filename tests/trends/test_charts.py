"""Charts: gaps are hatched and never joined over, and the two bands come together."""

from __future__ import annotations

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from detente.trends import charts

WEEKS = [date(2012, 1, 2) + timedelta(weeks=number) for number in range(120)]


def weekly(gap: slice = slice(40, 42)) -> str:
    """A chart with a date in the middle."""
    seen: list[float | None] = [0.1 + 0.001 * number for number in range(120)]
    seen[gap] = [None] * (gap.stop - gap.start)
    band = [(0.05, 0.3)] * 120
    after = [pair if at >= 80 else None for at, pair in enumerate(band)]
    made = charts.Weekly(WEEKS, seen, 80, 2, band, band, after, after, "share")
    return charts.weekly(made, "k", "A <title>", ("2013-07-15", "About"))


def of_class(svg: str, name: str) -> list[ET.Element]:
    """The shapes of a class."""
    return [one for one in ET.fromstring(svg).iter() if one.get("class") == name]


def test_a_chart_is_wellformed_and_says_what_it_is():
    """The picture parses, and its title and text stand in it, escaped."""
    root = ET.fromstring(weekly())
    assert root.get("role") == "img"
    assert [one.text for one in root.iter() if one.tag.endswith("title")] == ["A <title>"]


def test_gaps_are_hatched_and_no_week_is_drawn_in_them():
    """Two weeks without data are one hatched span, and two points fewer."""
    (gap,) = of_class(weekly(), "gap")
    step = (charts.WIDTH - charts.LEFT - charts.RIGHT) / 120
    assert float(gap.get("width")) == pytest.approx(2 * step, abs=0.11)
    assert gap.get("fill") == "url(#h-k)"
    assert len(of_class(weekly(), "seen")) == 118


def test_bands_stop_at_the_date():
    """The level is drawn in two parts, and the level carried on stands after the date alone."""
    for kind, parts in (("ninety", 2), ("half", 2), ("beside ninety", 1), ("beside half", 1)):
        assert len(of_class(weekly(), f"band {kind}")) == parts


def test_no_tick_is_certain():
    """A share's axis never says 0 % or 100 %."""
    made = charts.Weekly(
        WEEKS[:3],
        [0.9, 1.0, 1.0],
        2,
        0,
        [None] * 3,
        [(0.0, 1.0)] * 3,
        [None] * 3,
        [None] * 3,
        "share",
    )
    text = charts.weekly(made, "k", "t", ("d", "a"))
    assert re.search(r">(?:0|100) %<", text) is None


@pytest.mark.parametrize(("top", "last"), [(1.0, 1.0), (0.37, 0.3), (7.0, 6.0), (1234.0, 1000.0)])
def test_scales_are_round(top, last):
    """From nought in round steps to the last one that fits."""
    found = charts.nice(top, 4)
    assert found[0] == 0.0
    assert found[-1] == pytest.approx(last)
    assert 3 <= len(found) <= 6


def test_every_placebo_is_in_the_histogram():
    """The heights of the bars add up to the placebos, and the date looked at has its line."""
    values = [0.5, 0.9, 1.0, 1.1, 1.1, 3.0]
    svg = charts.histogram(values, 2.0, "k", "t", "here")
    bars = [float(one.get("height")) for one in of_class(svg, "bar")]
    unit = max(bars) / int(next(one.text for one in of_class(svg, "tick") if one.text.isdigit()))
    assert sum(round(height / unit) for height in bars) == len(values)
    assert len(of_class(svg, "date")) == 1


def test_the_calendar_tells_four_states_apart():
    """Each state has a shape of its own, not a colour alone, and its word on the week."""
    states = ["data", "no data", "source failed", "zero"]
    svg = charts.calendar(list(zip(WEEKS, states, strict=False)), "cal", "t")
    assert len(of_class(svg, "cross")) == 2
    (hatched,) = of_class(svg, "week no-data")
    assert hatched.get("fill") == "url(#h-cal)"
    titles = [one.text for one in ET.fromstring(svg).iter() if one.tag.endswith("title")]
    assert [f"{week}: {state}" for week, state in zip(WEEKS, states, strict=False)] == titles[1:]


def test_runs():
    """Spans of set flags, half open."""
    assert charts.runs([True, False, True, True]) == [(0, 1), (2, 4)]
    assert charts.runs([]) == []
