"""Ways that swallow everything, and a node that stands still, at the limits as they are.

The four silences run at the same time, in one test: three of them last longer than a lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from processes import until
from realnet.rig import DARK, WHOLE, Cable, Pair, Station, make_pair, open_up

from detente.bearers.tls import UNACKNOWLEDGED_S
from detente.core.limits import PRESENCE_EVERY_S, PRESENCE_LEASE_S
from detente.node.links import RETRY_URGENT_S

LONG_S = PRESENCE_LEASE_S + 8
SHORT_S = 3 * UNACKNOWLEDGED_S - 5  # long after the link is given up, long before the lease ends
SYN_S = 4  # between two tries of one call to be heard, in its first seven seconds
AGAIN_S = SYN_S + RETRY_URGENT_S + 3  # until a FLASH has come through a way that is whole again
GIVEN_UP_S = UNACKNOWLEDGED_S + 6
NAMED_S = PRESENCE_LEASE_S + 3

pytestmark = pytest.mark.timeout(240)


class Silence:
    """One pair whose way or node falls silent, and what either side shows of it meanwhile."""

    def __init__(self, folder: Path, cable: Cable, what: str, lasts_s: float) -> None:
        folder.mkdir()
        self.what, self.lasts_s = what, lasts_s
        self.pair: Pair = make_pair(folder, cable)
        self.seen: dict[str, list[dict[str, Any]]] = {"alpha": [], "bravo": []}
        self.again_s: float | None = None
        self.began_s = 0.0

    def begin(self) -> None:
        """Something is under way when it falls silent, and something comes to be said after."""
        pair = self.pair
        pair.say(pair.alpha, "before", precedence="FLASH", wait="received")
        self.began_s = time.monotonic()
        if self.what == "standing still":
            pair.bravo.freeze()
        else:
            pair.cable.be({"0": {"dark": True}, "1": {}} if self.what == "one way" else DARK)
        pair.say(pair.alpha, "flash into the silence", precedence="FLASH")
        if self.what != "standing still":
            pair.say(pair.bravo, "from the other side")

    def watch(self) -> None:
        """Notes what has changed; ends the silence in time, and sees when words come through."""
        for station in self.awake():
            peer, seen = station.peer(), self.seen[station.name]
            now = {"linked": peer["linked"], "state": peer["silence"]["state"]}
            if not seen or now != {name: seen[-1][name] for name in now}:
                seen.append({"at_s": self.elapsed_s(), **now})
        if self.elapsed_s() > self.lasts_s and self.again_s is None:
            self.end()

    def end(self) -> None:
        ended_s = time.monotonic()
        if self.what == "standing still":
            self.pair.bravo.thaw()
        else:
            self.pair.cable.be(WHOLE)
        heard = self.pair.bravo
        until(lambda: "flash into the silence" in heard.texts("theirs"), "the FLASH to come", 60)
        self.again_s = round(time.monotonic() - ended_s, 1)

    def awake(self) -> list[Station]:
        """The stations that can be asked."""
        frozen = self.what == "standing still" and self.again_s is None
        return [self.pair.alpha] if frozen else list(self.pair.both)

    def elapsed_s(self) -> float:
        return round(time.monotonic() - self.began_s, 1)

    def reasons(self, station: Station) -> list[str]:
        """Why its links went down."""
        return [event["reason"] for event in station.events("link-down")]


def first(seen: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> float:
    """When something was first shown."""
    return next(float(row["at_s"]) for row in seen if holds(row))


def unlinked(row: dict[str, Any]) -> bool:
    return not row["linked"]


def named(row: dict[str, Any]) -> bool:
    return bool(row["state"] == "no-sign-of-life")


def check_dead_way(silence: Silence) -> None:
    """Packets vanish both ways, or one way: both sides show the link down before the lease ends
    and no sign of life when it has."""
    for seen in silence.seen.values():
        assert first(seen, unlinked) <= PRESENCE_EVERY_S + GIVEN_UP_S
        assert PRESENCE_LEASE_S - PRESENCE_EVERY_S <= first(seen, named) <= NAMED_S


def check_dark_for_a_while(silence: Silence) -> None:
    """A way that is dark for less than a lease: its links are given up, and nobody seems dead."""
    for seen in silence.seen.values():
        assert first(seen, unlinked) <= GIVEN_UP_S
        assert not any(named(row) for row in seen)


def check_standing_still(silence: Silence) -> None:
    """The kernel of a stopped process goes on acknowledging: its peer ends the link when nothing
    has come for a lease, and says so; the stopped one takes nobody for dead when it goes on."""
    seen = silence.seen["alpha"]
    assert PRESENCE_LEASE_S - 1 <= first(seen, unlinked) <= NAMED_S
    assert first(seen, named) <= NAMED_S
    assert "no sign of life" in silence.reasons(silence.pair.alpha)
    assert not any(named(row) for row in silence.seen["bravo"])


CHECKS: dict[str, tuple[float, Callable[[Silence], None]]] = {
    "dark": (LONG_S, check_dead_way),
    "one way": (LONG_S, check_dead_way),
    "dark for a while": (SHORT_S, check_dark_for_a_while),
    "standing still": (LONG_S, check_standing_still),
}


def test_a_silence_is_named_in_time_and_ends_within_seconds(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Whatever it comes from, a silence is named by whoever can see it; what was said into it
    comes seconds after its end, and not after as long again; nothing is lost, nobody accused."""
    with ExitStack() as stack:
        silences = []
        for what, (lasts_s, _) in CHECKS.items():
            cable = Cable()
            stack.callback(cable.take_away)
            if cable.lacks:
                pytest.skip(f"this machine lacks {cable.lacks}")
            silences.append(Silence(tmp_path / what.replace(" ", "-"), cable, what, lasts_s))
            stack.callback(silences[-1].pair.end_nodes)
        for silence in silences:
            open_up(silence.pair)
        for silence in silences:
            silence.begin()
        while any(silence.again_s is None for silence in silences):
            for silence in silences:
                silence.watch()
            time.sleep(0.2)
        for silence in silences:
            record_property(silence.what, [silence.again_s, silence.seen])
            CHECKS[silence.what][1](silence)
            assert silence.again_s is not None
            assert silence.again_s <= AGAIN_S
            until(lambda s=silence: all(one.alive() for one in s.pair.both), "signs of life")
            silence.pair.settle()
            silence.pair.account()
