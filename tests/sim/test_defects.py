"""The simulator can fail: every planted defect that was found is found again by its seed, and the
same seed without it breaks no promise."""

from __future__ import annotations

from functools import cache

import pytest
from sim.find_defects import NOBODY, recorded
from sim.planted.every import DEFECTS
from sim.planted.plants import broken

from detente.core import speaking
from detente.sim.plan import plan_of

FOUND = [one for one in recorded().values() if one.checker != NOBODY]


@cache
def without(seed: int) -> dict[str, str]:
    """What a seed finds in the production code."""
    return broken(plan_of(seed), None)


@pytest.mark.parametrize("name", [one.name for one in FOUND])
def test_a_defect_is_found_by_its_seed_and_nothing_is_without_it(name: str) -> None:
    """The checker of the record sees the defect; the seed alone is without fault."""
    found = recorded()[name]
    assert found.checker in broken(plan_of(found.seed), DEFECTS[name])
    assert not without(found.seed)


def test_every_defect_is_in_the_record_and_taken_out_again() -> None:
    """The record names no other defects than there are, and planting leaves nothing behind."""
    assert set(recorded()) <= set(DEFECTS)
    real = speaking._next_rows
    broken(plan_of(FOUND[0].seed), DEFECTS["FLASH is entered last"])
    assert speaking._next_rows is real
