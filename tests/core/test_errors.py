"""A refusal is told by its name, with what is known of it and whose fault it is."""

from __future__ import annotations

import pytest

from detente.core.errors import DetenteError, LocalError, MachineError, PeerError, Refusal


@pytest.mark.parametrize(
    ("kind", "fault"), [(LocalError, "ours"), (PeerError, "theirs"), (MachineError, "machine")]
)
def test_a_refusal_is_told_by_its_name_and_what_is_known_of_it(
    kind: type[DetenteError], fault: str
) -> None:
    """The name alone where there is nothing to add; facts stand beside it and not in the words."""
    bare, told = kind(Refusal.NOT_HELD), kind(Refusal.OVER_QUOTA, "since noon", member=3)
    assert (str(bare), bare.detail, bare.facts) == ("not-held", "", {})
    assert (str(told), told.detail, told.facts) == (
        "over-quota: since noon",
        "since noon",
        {"member": 3},
    )
    assert (bare.refusal, told.refusal) == (Refusal.NOT_HELD, Refusal.OVER_QUOTA)
    assert bare.fault == told.fault == fault


def test_a_refusal_shows_what_it_is_in_a_traceback_of_others() -> None:
    """Its representation names it too: what was said of it, or else its name."""
    assert repr(PeerError(Refusal.NOT_HELD)) == "PeerError('not-held')"
    assert repr(LocalError(Refusal.USAGE, "two lines")) == "LocalError('two lines')"
