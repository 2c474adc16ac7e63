"""Times as a watch reads and writes them."""

from __future__ import annotations

import pytest

from detente import times
from detente.core.errors import LocalError, Refusal


def test_stamp_shows_both_forms():
    """The date-time group first, ISO 8601 beside it."""
    assert times.stamp(1_770_294_645) == "051230Z FEB 26 (2026-02-05T12:30:45Z)"


def test_times_nobody_can_write_are_shown_as_numbers():
    """A clock that was never set, or is beyond the calendar, shows as it is."""
    assert times.iso(10**13) == f"{10**13} s"
    assert times.stamp(0).startswith("010000Z JAN 1970")


@pytest.mark.parametrize(
    ("span_s", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (86_401, "1 day 1 second"),
        (14_444_168, "167 days 4 hours 16 minutes 8 seconds"),
    ],
)
def test_a_span_is_said_to_the_second(span_s, said):
    """In the units that people count, none of them zero."""
    assert times.spoken(span_s) == said


def test_clock_errors():
    """The error behind a time is shown, or that nobody knows it."""
    assert times.give_or_take(2) == "±2 s"
    assert times.give_or_take(65_535) == "clock error unknown"


@pytest.mark.parametrize(
    ("text", "time_s"),
    [
        ("2026-02-05T12:30:45Z", 1_770_294_645),
        ("2026-02-05T14:30:45+02:00", 1_770_294_645),
        ("2026-02-05T12:30:45", 1_770_294_645),
        ("2026-02-05", 1_770_249_600),
    ],
)
def test_instants(text: str, time_s: int):
    """An instant without a zone is UTC."""
    assert times.parse_time(text) == time_s


@pytest.mark.parametrize(
    ("text", "span_s"), [("90s", 90), ("10min", 600), ("12h", 43_200), ("7d", 604_800)]
)
def test_spans(text: str, span_s: int):
    """A number and its unit."""
    assert times.parse_span(text) == span_s


@pytest.mark.parametrize("text", ["", "5", "5 s", "-5s", "1w", "٥s", "5m"])
def test_bad_spans(text: str):
    """A span without a unit, or with one that could be two, is refused."""
    with pytest.raises(LocalError) as caught:
        times.parse_span(text)
    assert caught.value.refusal is Refusal.USAGE


def test_bad_instants():
    """What is no instant is refused."""
    with pytest.raises(LocalError) as caught:
        times.parse_time("yesterday")
    assert caught.value.refusal is Refusal.USAGE
