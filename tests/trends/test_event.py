"""The values that readers, statistics and reports hand to one another."""

from datetime import date

import pytest

from detente.trends.event import Event


def test_an_event_is_a_value():
    """A row of the normal form cannot be altered after it was read."""
    event = Event(
        added=date(2026, 1, 6),
        happened=date(2026, 1, 5),
        source="gdelt2",
        actor="RUS",
        target="USA",
        place="",
        code="040",
        root="04",
        quad=1,
        scale=1.0,
        story="https://example.org/a",
        late_days=1,
    )
    with pytest.raises(AttributeError):
        event.quad = 4
