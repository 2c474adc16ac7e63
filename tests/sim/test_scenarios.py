"""The cases that the line is measured against, each played to its end; and the reader of files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detente.cli.main import main
from detente.core.errors import LocalError, Refusal
from detente.sim.play import Happening, Play
from detente.sim.scenario import FOLDER, read_scenario

SHORT = """
title = "A call"
about = "One says something, the other is there."
begins = "09:00"
ends = "09:10"
members = ["alpha", "bravo"]
event = [
  { at = "09:01", who = "alpha", do = "say", message = "call", precedence = "FLASH", text = "Hey." }
]
expect = [
  { at = "09:02", who = "alpha", of = "bravo", message = "call", rung = "received" },
]
"""


def played(name: str) -> list[Happening]:
    """All that happens in a scenario that comes with the program; every expectation was met."""
    play = Play(read_scenario(FOLDER / f"{name}.toml"))
    happened = list(play.happenings())
    assert [one for one in play.verdicts if not one.met] == []
    assert len(play.verdicts) == len(play.scenario.expect)
    assert play.violations == ()
    return happened


def knows(happened: list[Happening], who: str, message: str) -> list[tuple[str, str]]:
    """Of whom and what one side learns about a message, in order."""
    return [
        (one.of, one.rung)
        for one in happened
        if (one.what, one.who, one.message) == ("knows", who, message)
    ]


def test_il_76_a_warning_that_came_has_a_receipt_and_no_rung_above_it() -> None:
    """Both sides hold the same: received by the node, seen by nobody."""
    happened = played("il_76")
    assert knows(happened, "alpha", "warning") == [("alpha", "sent"), ("bravo", "received")]
    assert knows(happened, "bravo", "warning") == [("bravo", "here"), ("bravo", "received")]


def test_il_20_both_clocks_stand_on_the_warning_and_on_its_receipt() -> None:
    """Forty seconds between two clocks are told as two clocks, to both sides alike."""
    happened = played("il_20")
    for who in ("alpha", "bravo"):
        (receipt,) = (
            one
            for one in happened
            if (one.who, one.message, one.of, one.rung) == (who, "warning", "bravo", "received")
        )
        assert receipt.at.startswith("21:40")
        assert receipt.stated.startswith("21:39:2")


def test_koreas_refusal_absence_and_fault_are_three_silences() -> None:
    """Each has its own name, in the order in which they came."""
    states = [one.rung for one in played("koreas") if one.what == "state" and one.who == "alpha"]
    wanted = ["unattended", "attended", "unanswered", "declined", "unattended", "no-sign-of-life"]
    at = iter(states)
    assert all(state in at for state in wanted)


def test_hot_line_of_1967_every_step_has_its_own_time() -> None:
    """Sent, received, seen, translated and with the principal are five entries."""
    rungs = [rung for _, rung in knows(played("hot_line"), "alpha", "appeal")]
    assert rungs == ["sent", "received", "seen", "translated", "with-principal"]


def test_kunduz_what_was_received_and_not_passed_on_shows_to_all() -> None:
    """The mediator sees the same rungs as the one who warned, and the same gap between them."""
    happened = played("kunduz")
    alpha = [rung for of, rung in knows(happened, "alpha", "hospital") if of == "bravo"]
    charlie = [rung for of, rung in knows(happened, "charlie", "hospital") if of == "bravo"]
    assert alpha == charlie == ["received", "seen", "passed-on"]


def test_cut_cables_what_cannot_go_straight_goes_round_and_what_cannot_go_waits() -> None:
    """A third member relays; with the last way gone nothing is told as sent."""
    happened = played("cut_cables")
    (round_at,) = (
        one.at
        for one in happened
        if one.message == "round" and one.rung == "here" and one.who == "bravo"
    )
    (alone_at,) = (one.at for one in happened if one.message == "alone" and one.rung == "sent")
    assert round_at < "18:12"
    assert "19:20" < alone_at < "19:25"


def test_hf_at_75_bits_a_second_flash_goes_first_and_what_no_radio_carries_a_courier_does() -> None:
    """Over a cable that is cut, a radio that fades and a file in a pocket one history is told:
    FLASH is receipted before what was queued before it, and the answering file has a receipt."""
    happened = played("hf_75")
    received = [
        (one.message, one.at)
        for one in happened
        if (one.who, one.of, one.rung) == ("alpha", "bravo", "received")
    ]
    assert [message for message, _ in received] == ["tanker", "roads", "mines", "water", "passage"]
    assert dict(received)["tanker"] < "03:12"
    assert "05:40" <= dict(received)["passage"] < "05:41"


def test_every_scenario_that_is_shipped_is_played_here() -> None:
    """None lies there that no test plays."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'played("{path.stem}")' in text for path in FOLDER.glob("*.toml"))


# --- the reader ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('begins = "09:00"', 'begins = "9:00"'),
        ('"09:01"', '"08:59"'),
        ('"09:02"', '"09:11"'),
        ('"alpha", "bravo"]', '"alpha"]'),
        ('"alpha", "bravo"]', '"alpha", "alpha", "bravo"]'),
        ('"alpha", "bravo"]', '"alpha", "zulu"]'),
        ('do = "say"', 'do = "sing"'),
        ('do = "say"', 'do = "cut"'),
        ('who = "alpha", do = "say"', 'between = ["alpha", "bravo"], do = "fade"'),
        ('who = "alpha", do = "say"', 'between = ["alpha", "bravo"], do = "carry"'),
        ('do = "say", message = "call"', 'do = "say"'),
        ('do = "say"', 'do = "mark"'),
        ('do = "say"', 'do = "translate"'),
        ('"FLASH"', '"LOUD"'),
        ('who = "alpha", do', 'who = "zulu", do'),
        ('of = "bravo"', 'of = "zulu"'),
        ('rung = "received"', 'rung = "loved"'),
        ('rung = "received"', 'rung = "received", state = "attended"'),
        ('rung = "received"', 'rung = "received", mood = "calm"'),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str) -> None:
    """Whoever writes one is told, before anything is played."""
    path = tmp_path / "story.toml"
    assert old in SHORT
    path.write_text(SHORT.replace(old, new), encoding="utf-8")
    with pytest.raises(LocalError) as refused:
        read_scenario(path)
    assert refused.value.refusal == Refusal.MALFORMED
    assert str(path) in str(refused.value) or "no time" in str(refused.value)
    path.write_bytes(b"\xff")
    with pytest.raises(LocalError, match=re.escape(str(path))):
        read_scenario(path)


# --- the command --------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    """One command line, in this process."""
    return CliRunner().invoke(main, ["drill", "play", *map(str, arguments)])


def test_a_scenario_is_played_in_lanes(tmp_path: Path) -> None:
    """Who does and who knows stands in that party's lane, at the time of the story."""
    path = tmp_path / "story.toml"
    path.write_text(SHORT, encoding="utf-8")
    result = run(path, "--speed", 100_000)
    rows = result.output.splitlines()
    assert result.exit_code == 0
    assert "09:01:00 │ says «call»" in rows
    heard = next(row for row in rows if "is here" in row)
    assert heard.startswith(f"09:01:01 │ {'':34} │ «call» Bravo: is here")
    assert rows[-1] == "expectations met: 1 of 1"


def test_what_was_expected_and_is_not_so_fails(tmp_path: Path) -> None:
    """The status is 3, and the row says what was expected and what is so."""
    path = tmp_path / "story.toml"
    path.write_text(SHORT.replace('rung = "received"', 'rung = "seen"'), encoding="utf-8")
    result = run(path)
    assert result.exit_code == 3
    assert result.output.endswith(
        "expectations met: 0 of 1\n  09:02 Alpha knows of Bravo: «call» seen (–)\n"
    )
    document = json.loads(run(path, "--json").output)
    assert document["expectations"][0]["met"] is False
    assert document["violations"] == []
    assert document["events"][-1]["rung"] != "seen"


def test_a_scenario_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A name that is neither a file nor a scenario of the program is refused."""
    result = run("no_such_story")
    assert result.exit_code == 2
    assert "no_such_story" in result.output
