"""A machine that fails under a running node: the node ends, and its exit status says so."""

from __future__ import annotations

from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal


def test_a_machine_error_under_a_command_ends_the_node_as_one(town: Any) -> None:
    """Whoever asked is told `disk`; the process then ends as failed, and its log says it once."""
    alpha, _bravo = town.open_line("alpha", "bravo")
    (mark,) = alpha.marks.glob("*.mark")
    mark.write_bytes(bytes(mark.stat().st_size))
    with pytest.raises(LocalError) as refused:
        alpha.say("cannot be kept")
    assert refused.value.refusal == Refusal.DISK
    status = alpha.process.wait(20)
    alpha.process = None
    assert status != 0
    assert alpha.log.read_text().count('"event": "machine"') == 1
