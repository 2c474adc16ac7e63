"""What the tests of places share: random positions, and the rule that a call is refused by."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from detente.core.errors import LocalError, Refusal
from detente.dossiers.position import LAT_MAX_UDEG, LON_MAX_UDEG, Position

POSITIONS = st.builds(
    Position,
    st.integers(-LAT_MAX_UDEG, LAT_MAX_UDEG),
    st.integers(-LON_MAX_UDEG, LON_MAX_UDEG),
)


def rule(call, *arguments, **named):
    """The rule that a call is refused by."""
    with pytest.raises(LocalError) as caught:
        call(*arguments, **named)
    assert caught.value.refusal is Refusal.USAGE
    return caught.value.facts["rule"]
