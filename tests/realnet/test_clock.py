"""Clocks that are wrong, or are set while the node runs. The clock of this machine is not touched:
libfaketime tells one node another time of day, and leaves its steady clock alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from processes import until
from realnet.rig import Pair, Station, open_up

HOUR_S, DAY_S = 3600, 86_400
NEAR_S = 30  # between two readings of one clock, on a machine that is busy
LIBRARY = "faketime/libfaketime.so.1"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def library() -> Path:
    """libfaketime, where Debian and others put it."""
    lib = Path("/usr/lib")
    for folder in (*lib.glob("*-linux-*"), lib, Path("/usr/lib64"), Path("/usr/local/lib")):
        if (folder / LIBRARY).exists():
            return folder / LIBRARY
    pytest.skip("this machine lacks libfaketime (on Debian: apt-get install libfaketime)")


def tell_time(station: Station, library: Path, **how: str) -> None:
    """The next node of this station has another time of day."""
    station.environment |= {
        "LD_PRELOAD": str(library),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
        **how,
    }


def speak(pair: Pair, words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each says something that is received at once; how each shows what it said."""
    shown = []
    for station in pair.both:
        said = pair.say(station, f"{words} {station.name}", precedence="FLASH", wait="received")
        assert said["state"] == "received"
        shown.append(station.call("show", entry=said["entry"]))
    return shown[0], shown[1]


def late_s(view: dict[str, Any]) -> int:
    """How long after the author's time the receiver's receipt is, each by its own clock."""
    (receipt,) = [step for step in view["ladder"] if step["rung"] == "received"]
    return int(receipt["at_s"] - view["time_s"])


@pytest.mark.parametrize(("offset", "off_s"), [("+3d", 3 * DAY_S), ("-1h", -HOUR_S)])
def test_a_wrong_clock_stops_nothing_and_is_seen(
    pair: Pair, library: Path, offset: str, off_s: int
) -> None:
    """With a clock days or an hour off, entries flow both ways; each time stands as its author
    claims it, the ladder shows the difference, and neither side takes the other's clock."""
    tell_time(pair.bravo, library, FAKETIME=offset)
    open_up(pair)
    ours, theirs = speak(pair, "by two clocks")
    assert abs(ours["time_s"] - time.time()) < NEAR_S
    assert abs(theirs["time_s"] - off_s - time.time()) < NEAR_S
    assert abs(late_s(ours) - off_s) < NEAR_S
    assert abs(late_s(theirs) + off_s) < NEAR_S
    assert pair.alpha.events("clock-back") == pair.bravo.events("clock-back") == []
    for station in pair.both:
        assert station.alive()
    pair.settle()
    pair.account()


def test_a_clock_set_while_the_node_runs_changes_only_times(
    pair: Pair, library: Path, tmp_path: Path
) -> None:
    """Set three days ahead, then an hour behind, the node keeps its link, its order and its log;
    the step back is named, and the other side's clock stays as it is."""
    setting = tmp_path / "clock"
    setting.write_text("+0\n")
    tell_time(pair.bravo, library, FAKETIME_TIMESTAMP_FILE=str(setting))
    open_up(pair)
    speak(pair, "at first")
    links = [station.call("status")["links"][0]["link"] for station in pair.both]
    for step, off_s in (("+3d", 3 * DAY_S), ("-1h", -HOUR_S)):
        setting.write_text(f"{step}\n")
        ours, theirs = speak(pair, f"at {step}")
        assert abs(ours["time_s"] - time.time()) < NEAR_S
        assert abs(theirs["time_s"] - off_s - time.time()) < NEAR_S
        assert abs(late_s(ours) - off_s) < NEAR_S
        for station in pair.both:
            assert station.peer()["linked"]
            assert station.alive()
    until(lambda: pair.bravo.events("clock-back"), "the step back to be named")
    assert pair.alpha.events("clock-back") == []
    assert [station.call("status")["links"][0]["link"] for station in pair.both] == links
    pair.settle()
    pair.account()
