"""What a watch is told of a line first: what waits, what is late, tests, bearers, how far safe."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from detente.node import commands as commands_module
from detente.node.config import Serial, WebSocket
from detente.node.opening import clock


def look(node: Any) -> dict[str, Any]:
    (shown,) = node.execute({"do": "lines"})
    return shown


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the clock that commands look at run ahead."""

    def ahead(by_s: int) -> None:
        def shifted(home: Any) -> Any:
            now = clock(home)
            return now._replace(wall_s=now.wall_s + by_s)

        monkeypatch.setattr(commands_module, "clock", shifted)

    return ahead


def test_what_waits_for_us_stands_most_urgent_first(pair: Any, command: Any) -> None:
    """What they sent waits here with its times until we answer; an answer itself never does."""
    pair.say("one", precedence="ROUTINE")
    pair.say("two", precedence="FLASH")
    pair.say("three", precedence="FLASH")
    waiting = look(pair.bravo)["waiting"]
    assert [(one["entry"], one["precedence"]) for one in waiting] == [
        ("A-0002", "FLASH"),
        ("A-0003", "FLASH"),
        ("A-0001", "ROUTINE"),
    ]
    within_s = look(pair.bravo)["answer_within_s"]["FLASH"]
    first = waiting[0]
    assert first["due_s"] == first["received_s"] + within_s
    assert (first["seen_s"], first["read_back_s"], first["mine"]) == (None, None, False)
    assert look(pair.alpha)["waiting"] == []
    command(pair.bravo, "mark", entry="A-0002", rung="seen")
    pair.pump()
    assert look(pair.bravo)["waiting"][0]["seen_s"] is not None
    answer = [{"entry": "A-0002", "relation": "answers"}]
    pair.say("answer", node=pair.bravo, relations=answer, precedence="FLASH")
    assert [one["entry"] for one in look(pair.bravo)["waiting"]] == ["A-0003", "A-0001"]
    assert look(pair.alpha)["waiting"] == []  # held here: an answer asks for a receipt alone


def test_what_is_late_names_who_and_since_when(pair: Any, later: Any) -> None:
    """After the charter's time both sides see the same entry as late, each from its own side."""
    pair.say("now", precedence="FLASH")
    within_s = look(pair.bravo)["answer_within_s"]["FLASH"]
    assert look(pair.bravo)["late"] == []
    later(within_s + 5)
    ours, theirs = look(pair.bravo)["late"], look(pair.alpha)["late"]
    assert [(one["entry"], one["by"], one["by_us"], one["mine"]) for one in ours] == [
        ("A-0001", "bravo", True, False)
    ]
    assert [(one["entry"], one["by"], one["by_us"], one["mine"]) for one in theirs] == [
        ("A-0001", "bravo", False, True)
    ]
    assert ours[0]["missing"] == theirs[0]["missing"] == "answer"
    assert ours[0]["due_s"] == theirs[0]["due_s"]


def test_bearers_and_what_is_queued_have_their_times(pair: Any) -> None:
    """A link that is up is named with its bearer and its rate; one that is cut is not; what then
    waits has the time since when it does."""
    shown = look(pair.alpha)
    assert [one["bearer"] for one in shown["bearers"]["1"]] == ["wire"]
    (up,) = shown["bearers"]["1"]
    assert (up["rate_bits_per_s"], up["round_trip_ms"], up["lost_percent"]) == (2400, 250, 1.5)
    assert up["heard_s"] <= clock(pair.alpha.home).wall_s
    assert shown["couriers"] == {}
    assert shown["queued_since_s"] is None
    pair.cut()
    before_s = clock(pair.alpha.home).wall_s
    pair.alpha.execute({"do": "say", "text": "waits"})
    shown = look(pair.alpha)
    assert shown["bearers"]["1"] == []
    assert shown["queued"] in (0, 1)
    if shown["queued"]:
        assert shown["queued_since_s"] >= before_s


def test_ways_that_are_down_are_named(pair: Any, tmp_path: Any) -> None:
    """What card and configuration name and is not up stands there with its last sign of life, each
    port apart; and so do files."""
    party = pair.bravo.station.party
    ports = [Serial(f"/dev/ttyS{n}", party.hex()) for n in (0, 1)]
    web = WebSocket(dial={party.hex(): "wss://www.bravo.example/"})
    config = msgspec.structs.replace(pair.alpha.home.config, serial=ports, websocket=web)
    object.__setattr__(pair.alpha.home, "config", config)
    links = pair.alpha.links
    links.last_sign_s[party, "serial", "/dev/ttyS1"] = time.monotonic() - 100
    (live,) = links.live.values()
    live.link.bearer, live.way = "serial", "/dev/ttyS0"
    shown = look(pair.alpha)["bearers_down"]["1"]
    assert [(one["bearer"], one["where"]) for one in shown] == [
        ("tls", "127.0.0.1:1"),
        ("websocket", "wss://www.bravo.example/"),
        ("serial", "/dev/ttyS1"),
    ]
    now_s = clock(pair.alpha.home).wall_s
    assert [one["heard_s"] is None for one in shown] == [True, True, False]
    assert abs(now_s - 100 - shown[2]["heard_s"]) < 30
    path = str(tmp_path / "file")
    pair.alpha.execute({"do": "courier_out", "peer": "bravo", "path": path})
    pair.bravo.execute({"do": "courier_in", "paths": [path]})
    out, into = look(pair.alpha)["couriers"]["1"], look(pair.bravo)["couriers"]["0"]
    assert out["taken_s"] is None
    assert into["written_s"] is None
    assert out["written_s"] <= into["taken_s"]


def test_how_far_the_history_is_quantum_safe(pair: Any) -> None:
    """Each log has its author's ML-DSA signature up to an entry by name, and says what is beyond;
    what either side signed is known to both."""
    pair.say("now", precedence="FLASH")
    for node in pair.nodes.values():
        for line in node.station.lines.values():
            line.quantum_due_ms = 1
        node.give([])
    pair.pump()
    for node in pair.nodes.values():
        rows = look(node)["quantum"]
        assert [one["by"] for one in rows] == ["alpha", "bravo"]
        for row in rows:
            assert 0 <= row["size"] <= row["of"]
            assert (row["entry"] is None) == (row["size"] == 0)
    mine = {one["by"]: one["size"] for one in look(pair.alpha)["quantum"]}
    theirs = {one["by"]: one["size"] for one in look(pair.bravo)["quantum"]}
    assert mine["alpha"] > 0
    assert mine == theirs


def test_missed_link_tests_are_told(pair: Any, later: Any) -> None:
    """Turns that passed without a test are named with whose turn it was; those ahead are not."""
    line = next(iter(pair.alpha.station.lines.values()))
    assert all(one["outcome"] != "ahead" for one in look(pair.alpha)["link_tests"])
    later(3 * line.charter.test_every_s)
    missed = [one for one in look(pair.alpha)["link_tests"] if one["outcome"] == "missed"]
    assert {one["by"] for one in missed} == {"alpha", "bravo"}
    assert all(one["by_us"] is (one["by"] == "alpha") for one in missed)
