"""When each member last gave a sign of life, as this node saw it: never entered, never sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from detente.core.events import Tell
from detente.core.limits import PRESENCE_LEASE_S, PRESENCE_SLOW_LEASE_S
from detente.core.line import Line
from detente.dossiers.presence import Observation

SIGNS = frozenset(
    {
        "greeted",
        "presence",
        "received",
        "received-ahead",
        "receipt",
        "receipt-ahead",
        "cosigned",
        "witnessed",
    }
)


@dataclass
class Sightings:
    """The last observation of every member of every line."""

    seen: dict[tuple[bytes, int], Observation] = field(default_factory=dict)

    def note(self, tell: Tell, now_s: int) -> None:
        """Takes what the core told as a sign of life, if it is one."""
        member = tell.facts.get("member")
        if tell.word not in SIGNS or not isinstance(member, int):
            return
        old = self.seen.get((tell.line, member), Observation())
        fresh = old.last_sign_s is None or now_s - old.last_sign_s > PRESENCE_LEASE_S
        alive_since_s = now_s if fresh else old.alive_since_s
        on_duty, lease_until_s, since_s = old.on_duty, old.lease_until_s, old.attended_since_s
        if tell.word == "presence":
            on_duty, lease_s = bool(tell.facts.get("on_duty")), tell.facts.get("lease_s")
            lease_s = lease_s if isinstance(lease_s, int) else PRESENCE_LEASE_S
            lease_until_s = now_s + min(lease_s, PRESENCE_SLOW_LEASE_S)
            since_s = None if not on_duty else since_s if old.on_duty else now_s
        self.seen[tell.line, member] = Observation(
            last_sign_s=now_s,
            alive_since_s=alive_since_s,
            on_duty=on_duty,
            lease_until_s=lease_until_s,
            attended_since_s=since_s,
        )

    def of_line(self, line: Line, steady_ms: int, now_s: int) -> dict[int, Observation]:
        """The observations of one line; frames of live sessions count as signs of life. Nothing
        was seen after now, though our own clock may have stepped back since."""
        found = {
            member: _not_after(saw, now_s)
            for (line_id, member), saw in self.seen.items()
            if line_id == line.id
        }
        for session in line.sessions.values():
            if not session.heard_ms:
                continue
            heard_s = now_s - (steady_ms - session.heard_ms) // 1000
            old = found.get(session.member, Observation())
            if old.last_sign_s is None or heard_s > old.last_sign_s:
                found[session.member] = replace(old, last_sign_s=heard_s)
        return found


def _not_after(saw: Observation, now_s: int) -> Observation:
    """The same, where our clock was ahead when it was noted: no time of it lies after now, and a
    lease does not last longer than a lease."""

    def until(at_s: int | None) -> int | None:
        return None if at_s is None else min(at_s, now_s)

    return replace(
        saw,
        last_sign_s=until(saw.last_sign_s),
        alive_since_s=until(saw.alive_since_s),
        lease_until_s=min(saw.lease_until_s, now_s + PRESENCE_SLOW_LEASE_S),
        attended_since_s=until(saw.attended_since_s),
    )
