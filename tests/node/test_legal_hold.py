"""A legal hold on a line: it stops purges at one node, and outlives the process."""

from __future__ import annotations

from typing import Any

import pytest
from node.conftest import Pair

from detente.core.errors import LocalError, Refusal


def state_at(pair: Pair, name: str, command: Any, entry: str) -> str:
    """What is left of the body of an entry at one node."""
    return str(command(pair.nodes[name], "show", entry=entry)["body_state"])


def test_a_hold_outlives_the_process_and_ends_with_the_purge(pair: Pair, command: Any) -> None:
    """Bravo's officers hold the line: alpha's purge destroys nothing at bravo, not after a restart
    either, until the hold is lifted. Both acts stand in the journal, with their reasons."""
    said = pair.say("to be destroyed one day")
    entry = said["entry"]
    with pytest.raises(LocalError) as refused:
        command(pair.bravo, "hold", on=True, reason=" ")
    assert refused.value.refusal == Refusal.USAGE
    assert command(pair.bravo, "hold", on=True, reason="an inquiry")["legal_hold"]
    command(pair.alpha, "purge", entry=entry)
    pair.pump()
    assert state_at(pair, "alpha", command, entry) == "purged"
    assert state_at(pair, "bravo", command, entry) == "open"
    pair.cut()
    pair.close("bravo")
    pair.open("bravo")
    assert command(pair.bravo, "lines")[0]["legal_hold"]
    assert state_at(pair, "bravo", command, entry) == "open"
    assert not command(pair.bravo, "hold", on=False, reason="closed")["legal_hold"]
    assert state_at(pair, "bravo", command, entry) == "purged"
    pair.close("bravo")
    pair.open("bravo")
    assert not command(pair.bravo, "lines")[0]["legal_hold"]
    notes = [
        note["data"] for note in command(pair.bravo, "journal") if note["word"] == "legal-hold"
    ]
    assert [(note["begun"], note["reason"]) for note in notes] == [
        (True, "an inquiry"),
        (False, "closed"),
    ]


def test_the_author_s_own_hold_keeps_its_own_bodies(pair: Pair, command: Any) -> None:
    """Under a hold of its own a party may declare a purge: others destroy, it keeps, and lifting a
    hold twice changes nothing."""
    entry = pair.say("ours")["entry"]
    command(pair.alpha, "hold", on=True, reason="an inquiry")
    command(pair.alpha, "purge", entry=entry)
    pair.pump()
    assert state_at(pair, "bravo", command, entry) == "purged"
    assert state_at(pair, "alpha", command, entry) == "open"
    pair.cut()
    pair.close("alpha")
    pair.open("alpha")
    assert state_at(pair, "alpha", command, entry) == "open"
    for _ in range(2):
        command(pair.alpha, "hold", on=False, reason="closed")
    assert state_at(pair, "alpha", command, entry) == "purged"
