"""A wire and two nodes for each test; where the machine lacks a right, the test says which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from realnet.rig import Cable, Pair, make_pair, open_up


@pytest.fixture
def cable() -> Iterator[Cable]:
    """A wire between two namespaces, whole at first."""
    cable = Cable()
    try:
        if cable.lacks:
            pytest.skip(f"this machine lacks {cable.lacks}")
        yield cable
    finally:
        cable.take_away()


@pytest.fixture
def pair(tmp_path: Path, cable: Cable) -> Iterator[Pair]:
    """Two parties on one line, their nodes not running yet."""
    pair = make_pair(tmp_path, cable)
    yield pair
    pair.end_nodes()


@pytest.fixture
def talking(pair: Pair) -> Pair:
    """Two nodes, linked, their line open."""
    open_up(pair)
    return pair
