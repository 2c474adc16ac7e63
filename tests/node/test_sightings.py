"""Signs of life as this node saw them, by its own clock."""

from __future__ import annotations

from typing import Any

from detente.core.events import Tell
from detente.core.limits import PRESENCE_LEASE_S, PRESENCE_SLOW_LEASE_S
from detente.node.sightings import Sightings


def test_nothing_was_seen_later_than_now(pair: Any, line_of: Any) -> None:
    """A clock that was an hour ahead is set right: else silence would not be seen for an hour."""
    line, sightings, now_s = line_of(pair.alpha), Sightings(), 2_000_000_000
    line.sessions.clear()
    ahead = Tell("presence", line.id, {"member": 1, "on_duty": True})
    sightings.note(ahead, now_s + 3600)
    (saw,) = sightings.of_line(line, 1000, now_s).values()
    assert saw.last_sign_s == saw.alive_since_s == saw.attended_since_s == now_s
    assert saw.lease_until_s == now_s + PRESENCE_SLOW_LEASE_S
    (later,) = sightings.of_line(line, 1000, now_s + 7200).values()
    assert later.last_sign_s == now_s + 3600
    sightings.note(Tell("greeted", line.id, {"member": 1}), now_s)
    (saw,) = sightings.of_line(line, 1000, now_s).values()
    assert saw.last_sign_s == now_s


def test_a_heartbeat_is_believed_for_its_lease(pair: Any, line_of: Any) -> None:
    """As long as its sender says, and no longer than the slowest link calls for."""
    line, now_s = line_of(pair.alpha), 2_000_000_000
    line.sessions.clear()
    for lease_s, found_s in (
        (30, 30),
        (PRESENCE_SLOW_LEASE_S, PRESENCE_SLOW_LEASE_S),
        (65_535, PRESENCE_SLOW_LEASE_S),
        (None, PRESENCE_LEASE_S),
    ):
        sightings = Sightings()
        facts = {"member": 1, "on_duty": True, "lease_s": lease_s}
        sightings.note(Tell("presence", line.id, facts), now_s)
        (saw,) = sightings.of_line(line, 1000, now_s).values()
        assert saw.lease_until_s == now_s + found_s
