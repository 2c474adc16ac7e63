"""A way that is slow, loses packets and lets some overtake others."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from processes import until
from realnet.rig import WHOLE, Pair

POOR = {"rate_bit_s": 20_000, "delay_ms": 300, "jitter_ms": 80, "loss": 0.12}
FLASH_S_MAX = 40  # several packets lost in a row, each waited for by TCP


def text(station: str, number: int, chance: random.Random) -> str:
    """Half a page that does not compress well."""
    return f"{station} {number} " + " ".join(f"{chance.getrandbits(24):06x}" for _ in range(60))


@pytest.mark.timeout(170)
def test_a_slow_and_lossy_way_carries_all_of_both_sides(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    """At 20 kbit/s, 300 ms and 12 % loss each way, everything both say arrives once, in order and
    receipted, and a FLASH in the midst of it has its receipt within FLASH_S_MAX."""
    pair.cable.be({"0": POOR, "1": POOR})
    for station in pair.both:
        station.launch()
    until(lambda: all(s.line()["open"] for s in pair.both), "the line to open", 60)
    chance = random.Random(1)
    for number in range(10):
        precedence = ("ROUTINE", "PRIORITY", "IMMEDIATE")[number % 3]
        for station in pair.both:
            pair.say(station, text(station.name, number, chance), precedence=precedence)
    said_s = time.monotonic()
    flash = pair.say(
        pair.bravo, "flash", precedence="FLASH", wait="received", timeout_s=FLASH_S_MAX
    )
    record_property("flash_s", round(time.monotonic() - said_s, 1))
    assert flash["state"] == "received"
    pair.settle(90)
    record_property("settled_s", round(time.monotonic() - said_s, 1))
    counts = pair.cable.be(WHOLE)
    record_property("packets", counts)
    assert all(way["lost"] > 0 for way in counts), "nothing was lost: the way was not bad"
    pair.account()
