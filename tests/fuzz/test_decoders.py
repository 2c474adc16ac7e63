"""Every decoder keeps its contract for what once broke it, and for new bytes grown from that."""

from __future__ import annotations

import pytest
from fuzz import seeds
from fuzz.mutations import mutations
from fuzz.registry import TARGETS

targets = pytest.mark.parametrize("name", TARGETS)


@targets
def test_what_was_kept_breaks_nothing(name: str) -> None:
    """The inputs of the vectors and of the corpus are read, or refused by name."""
    begin = [*TARGETS[name].seeds(), *seeds.corpus(name)]
    assert begin
    for data in begin:
        TARGETS[name].run(data)


@targets
def test_mutations_break_nothing(name: str) -> None:
    """The same mutations of them on every run are read, or refused by name."""
    target = TARGETS[name]
    for data in mutations(target, [*target.seeds(), *seeds.corpus(name)]):
        target.run(data)
