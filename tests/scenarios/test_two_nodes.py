"""Two real nodes on one machine: a line opens, people speak, a node is killed, cables are cut."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.dossiers.verify import verify_file
from detente.node import control


def settled(*houses: Any) -> bool:
    """Whether all hold the same and nothing waits any more."""
    lines = [house.line() for house in houses]
    heads = [line["checkpoints"] for line in lines]
    return all(one == heads[0] for one in heads) and not any(line["queued"] for line in lines)


def test_a_line_opens_and_carries_every_kind(town: Any, until: Any) -> None:
    """Dispatches of each precedence, marks and translations arrive, with who states each rung."""
    alpha, bravo = town.open_line("alpha", "bravo")
    said = {}
    for precedence in ("DEFERRED", "ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH", "OVERRIDE"):
        said[precedence] = alpha.say(
            f"text of {precedence}", subject="Test", precedence=precedence, wait="received"
        )
    assert {one["state"] for one in said.values()} == {"received"}
    assert sorted(bravo.texts("theirs")) == sorted(f"text of {name}" for name in said)
    flash = said["FLASH"]["entry"]
    bravo.call("mark", entry=flash, rung="seen", wait="received")
    bravo.call("mark", entry=flash, rung="read-back", comment="as received", wait="received")
    made = bravo.call(
        "translate", entry=flash, grade="rough", language="ru", text="текст", wait="received"
    )
    answer = bravo.say(
        "answer", relations=[{"entry": flash, "relation": "answers"}], wait="received"
    )
    until(lambda: settled(alpha, bravo), "both to hold the same")
    for house in (alpha, bravo):
        view = house.call("show", entry=flash)
        rungs = [(step["rung"], step["member"], step["stated_by"]) for step in view["ladder"]]
        assert rungs == [
            ("received", 1, "node"),
            ("seen", 1, "watch"),
            ("read-back", 1, "watch"),
            ("answered", 1, "node"),
        ]
        assert [(t["entry"], t["text"], t["by"]) for t in view["translations"]] == [
            (made["entry"], "текст", "bravo")
        ]
        assert view["body_state"] == "open"
        assert not view["context_incomplete"]
    assert answer["entry"] in [view["entry"] for view in alpha.call("inbox")["entries"]]
    assert alpha.call("inbox", only="overdue")["entries"] == []


def test_a_killed_node_loses_nothing(town: Any, until: Any) -> None:
    """What `say` has returned for is there after SIGKILL on either side, once, in order, in the
    same incarnation, and nobody is mute."""
    alpha, bravo = town.open_line("alpha", "bravo")
    expected = []
    for number in range(30):
        expected.append(f"message {number}")
        alpha.say(expected[-1])
        if number == 10:
            bravo.kill()
        if number == 15:
            alpha.kill()
            alpha.start()
        if number == 20:
            bravo.start()
    until(lambda: bravo.texts("theirs") == expected, "every message, once and in order")
    until(lambda: settled(alpha, bravo), "both to hold the same")
    for house in (alpha, bravo):
        status = house.call("status")
        assert (status["incarnation"], status["mute"]) == (0, {})
    assert alpha.texts("ours") == expected


def test_cut_links_come_up_by_themselves(town: Any, until: Any) -> None:
    """Links that are cut, or held closed and let go, come back; what was said meanwhile arrives."""
    alpha, bravo = town.open_line("alpha", "bravo")
    for number in range(3):
        assert alpha.call("cut", party="bravo") is not None
        alpha.say(f"cut {number}", wait="received")
    bravo.call("cut", party="alpha", hold=True)
    until(lambda: not alpha.call("status")["links"], "the link to be down")
    queued = alpha.say("while held", precedence="FLASH", wait="sent", timeout_s=1)
    assert queued["state"] == "queued"
    assert not queued["done"]
    bravo.call("cut", party="alpha", hold=False)
    until(lambda: "while held" in bravo.texts("theirs"), "the FLASH")
    until(lambda: settled(alpha, bravo), "both to hold the same")
    assert bravo.texts("theirs") == ["cut 0", "cut 1", "cut 2", "while held"]


def test_a_follower_hears_one_line(town: Any, until: Any) -> None:
    """Events of the line that is followed come as they happen; of no such line none do."""
    alpha, bravo = town.open_line("alpha", "bravo")
    with pytest.raises(LocalError) as refused:
        next(control.follow(alpha.home, {"do": "follow", "line": "No such line"}))
    assert refused.value.refusal == Refusal.NOT_FOUND
    events = control.follow(alpha.home, {"do": "follow", "line": "Test line"})
    heard: list[str] = []
    listening = threading.Thread(target=lambda: hear(events, heard), daemon=True)
    listening.start()
    until(lambda: heard or bravo.say("x", precedence="IMMEDIATE", wait="received"), "a message")
    until(lambda: "received" in heard, "the event")
    alpha.stop()
    listening.join(10)
    assert heard[-1] == "the end"


def hear(events: Any, heard: list[str]) -> None:
    """Notes the words of events until the node ends."""
    try:
        heard.extend(event["event"] for event in events)
    except LocalError:
        heard.append("the end")


def test_a_lonely_node_sleeps(town: Any, until: Any) -> None:
    """With its peer gone, receipts due and FLASH queued, a node uses next to no processor."""
    alpha, bravo = town.open_line("alpha", "bravo", **{"seen-within-s": 1})
    bravo.say("calls for a receipt", wait="sent")
    bravo.kill()
    alpha.say("queued", precedence="FLASH")
    time.sleep(1.5)
    before = cpu_s(alpha.process.pid)
    time.sleep(2)
    assert cpu_s(alpha.process.pid) - before < 0.5
    assert alpha.call("status")["links"] == []


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_exports_of_both_verify(town: Any, until: Any) -> None:
    """The transcript of either node, and a bundle, verify offline; with a byte flipped, never."""
    alpha, bravo = town.open_line("alpha", "bravo")
    for number in range(5):
        alpha.say(f"a{number}", precedence="IMMEDIATE", wait="received")
        bravo.say(f"b{number}", wait="received")
    until(lambda: settled(alpha, bravo), "both to hold the same")
    cards = [(house.home / "own.card").read_bytes() for house in (alpha, bravo)]
    now_s = int(time.time())
    for house in (alpha, bravo):
        path = town.folder / f"{house.name}.detente"
        result = house.call("export", path=str(path))
        assert result["lacks"] == []
        data = path.read_bytes()
        report = verify_file(data, cards, now_s)
        assert report.ok, report.bad
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 1
        assert not verify_file(bytes(flipped), cards, now_s).ok
        with pytest.raises(LocalError) as refused:
            house.call("export", path=str(path))
        assert refused.value.refusal == Refusal.IN_USE
    proof = bundle_of(alpha, "A-0001")
    report = verify_file(proof, cards, now_s)
    assert report.ok, (report.bad, report.lacks)


def bundle_of(house: Any, entry: str) -> bytes:
    import base64

    return base64.b64decode(house.call("prove", entry=entry, bundle=True)["proof_b64"])


def test_a_second_node_in_one_home_is_refused(town: Any) -> None:
    """While a node runs, its home opens for nobody else, and its socket is its owner's alone."""
    from detente.node.runner import open_node

    (alpha, _bravo) = town.line("alpha", "bravo")
    alpha.start()
    with pytest.raises(LocalError) as refused:
        open_node(alpha.home, ["correct horse battery staple"])
    assert refused.value.refusal == Refusal.IN_USE
    assert (alpha.home / "control.sock").stat().st_mode & 0o777 == 0o600
    assert alpha.stop() == 0
    assert not (alpha.home / "control.sock").exists()


def test_the_log_never_holds_what_was_said(town: Any, until: Any) -> None:
    """Neither texts nor subjects, names of people nor passphrases reach a node's log at debug."""
    alpha, bravo = town.line("alpha", "bravo")
    for house in (alpha, bravo):
        config = house.home / "config.toml"
        config.write_text(config.read_text().replace('log = "info"', 'log = "debug"'))
        house.start()
    until(lambda: alpha.line()["open"], "the line to open")
    alpha.say("SECRETTEXT one", subject="SECRETSUBJECT", precedence="FLASH", wait="received")
    bravo.call("mark", entry="A-0001", rung="seen", comment="SECRETCOMMENT", wait="received")
    alpha.call("duty", on=True, who="SECRETNAME")
    with pytest.raises(LocalError):
        alpha.call("adopt", k=1, passphrases=["SECRETPASSPHRASE"])
    with pytest.raises(LocalError):
        alpha.say("SECRETTEXT two", label="no-such-label")
    for house in (alpha, bravo):
        house.stop()
        text = house.log.read_text()
        assert '"event": "receipt"' in text or '"event": "received"' in text
        assert "SECRET" not in text
        assert "correct horse" not in text


def test_a_member_that_stays_away_stops_nobody(town: Any, until: Any, tmp_path: Path) -> None:
    """Of three parties one vanishes: the other two go on, and it catches up when it is back."""
    alpha, bravo, charlie = town.open_line("alpha", "bravo", "charlie")
    charlie.kill()
    for number in range(5):
        alpha.say(f"a{number}", to=["bravo"], precedence="IMMEDIATE", wait="received")
        bravo.say(f"b{number}")
    until(lambda: len(alpha.texts("theirs")) == 5, "bravo's messages")
    charlie.start()
    until(lambda: settled(alpha, bravo, charlie), "all three to hold the same")
    assert charlie.texts("theirs").count("") == 5  # held, and not addressed to it
    assert sorted(filter(None, charlie.texts("theirs"))) == [f"b{number}" for number in range(5)]
