"""What a node does unasked: proofs kept in the home."""

from __future__ import annotations

from typing import Any

from detente.core.events import Tell
from detente.node.chores import keep_proof


def test_proofs_of_two_lives_are_two_files(pair: Any) -> None:
    """One member may fork at one index in two incarnations; neither proof hides the other."""
    for log, proof in (("0", b"one"), ("1.0102030405060708", b"other")):
        facts = {"member": 1, "log": log, "index": 3, "proof": proof}
        keep_proof(pair.alpha, Tell("fork-proven", bytes(32), facts))
    kept = sorted((pair.alpha.home.path / "accusations").iterdir())
    assert [path.read_bytes() for path in kept] == [b"one", b"other"]
