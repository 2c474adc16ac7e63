"""What a revocation does at a node at once."""

from __future__ import annotations

from types import SimpleNamespace

from core.test_ending import revoked_at_alpha

from detente.core.station import Step
from detente.node.renewal import end_log


def test_the_charter_is_looked_for_again_when_a_log_ends() -> None:
    """Once for each end that it has: what lies beyond is no seal, and a later one may count."""
    world, _, _, revocation, log = revoked_at_alpha()
    alpha = world.ends["alpha"]
    step = Step(alpha.station, world.now(), alpha.entropy)
    node = SimpleNamespace(station=alpha.station, change=lambda act: act(step))
    for due in (True, False):
        alpha.line.charter_due = False
        end_log(node, alpha.line, log, revocation)
        assert (log.frozen, alpha.line.charter_due) == (4, due)
